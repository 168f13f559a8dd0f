import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CommandDescription, countOption, helpText, parseArguments, UsageError } from "./arguments.js";
import { nearestName } from "./nearest-name.js";

const description: CommandDescription = {
  name: "servable look",
  about: "Looks at a model.",
  operand: "MODEL",
  operandHelp: "Which.",
  options: {
    tag_set: { value: "TAGS", help: "Which MetaGraph." },
    input: { value: "NAME=VALUE", help: "A value.", repeated: true },
    json: { help: "As JSON." },
    dir: { value: "MODEL", help: "Another way.", hidden: true },
  },
  examples: [["m", "Look at m"]],
};

describe("Arguments of a model tool", () => {
  const cases: [string[], string | undefined, [string, string[]][]][] = [
    [["m"], "m", []],
    [["--tag_set=serve", "m"], "m", [["tag_set", ["serve"]]]],
    [["m", "--tag_set", "serve,gpu"], "m", [["tag_set", ["serve,gpu"]]]],
    [
      ["--tag-set", "serve", "-json"],
      undefined,
      [
        ["tag_set", ["serve"]],
        ["json", [""]],
      ],
    ],
    [["--input", "x=[-1]", "--input=y=a=b"], undefined, [["input", ["x=[-1]", "y=a=b"]]]],
    [["--input", "--x=1"], undefined, [["input", ["--x=1"]]]],
    [["--dir", "m"], undefined, [["dir", ["m"]]]],
  ];
  for (const [args, operand, options] of cases) {
    it(`${args.join(" ")} is understood`, () => {
      const parsed = parseArguments(description, args);
      assert.equal(parsed?.operand, operand);
      assert.deepEqual([...(parsed?.options ?? [])], options);
    });
  }

  const faults: [string[], RegExp][] = [
    [["--jsn"], /unknown option --jsn, did you mean --json\?/],
    [["--zzz"], /unknown option --zzz$/],
    [["--tag_set"], /--tag_set needs a value: TAGS/],
    [["--json=yes"], /--json takes no value/],
    [["--tag_set=a", "--tag_set=b"], /--tag_set is given more than once/],
    [["m", "n"], /one MODEL at a time, got m, n/],
    [
      ["--jsn", "--tagset=x"],
      /--jsn, did you mean --json\?; unknown option --tagset, did you mean --tag_set\?/,
    ],
  ];
  for (const [args, message] of faults) {
    it(`${args.join(" ")} is refused: ${message.source}`, () => {
      assert.throws(
        () => parseArguments(description, args),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    });
  }

  it("are not looked at when help is asked for", () => {
    assert.equal(parseArguments(description, ["m", "--help"]), undefined);
    assert.equal(parseArguments(description, ["-h"]), undefined);
  });

  it("may be counts", () => {
    const count = (text: string) => countOption({ options: new Map([["n", [text]]]) }, "n", 1);
    assert.equal(count("12"), 12);
    assert.equal(countOption({ options: new Map() }, "n", 1), undefined);
    for (const wrong of ["0", "-1", "1.5", "x", "1e3", ""])
      assert.throws(() => count(wrong), /--n needs a whole number of at least 1/);
  });
});

describe("The help of a model tool", () => {
  const help = helpText(description);

  it("lists the operand, the options and the examples, and nothing hidden", () => {
    for (const part of [
      "Usage: servable look MODEL [options]",
      "--tag_set=TAGS",
      "--json",
      "servable look m",
      "# Look at m",
    ])
      assert.ok(help.includes(part), part);
    assert.ok(!help.includes("--dir"));
  });

  it("fits into a hundred columns", () => {
    const long = { ...description, about: "word ".repeat(100).trim() };
    assert.ok(
      helpText(long)
        .split("\n")
        .every((line) => line.length <= 100),
    );
  });
});

describe("The name that was meant", () => {
  const names = ["serving_default", "predict_images", "x"];
  const cases: [string, string | undefined][] = [
    ["serving_defalt", "serving_default"],
    ["Predict_images", "predict_images"],
    ["predict", "predict_images"],
    ["something", undefined],
    ["", undefined],
  ];
  for (const [given, meant] of cases) {
    it(`${given || "nothing"} is ${meant ?? "none"}`, () => assert.equal(nearestName(given, names), meant));
  }
});
