import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { FakeServer } from "../testing/fake-grpc-server.js";
import { startFakeRestServer } from "../testing/fake-rest-server.js";
import { runCommand } from "./command.js";

const tensorInfo = { dtype: "DT_FLOAT", tensor_shape: { dim: [{ size: "-1" }] }, name: "t:0" };
const signature = {
  inputs: { x: tensorInfo },
  outputs: { y: tensorInfo },
  method_name: "tensorflow/serving/predict",
};
const signature_def = { signature_def: { serving_default: signature, other: signature } };
const metadata = JSON.stringify({ model_spec: { name: "half", version: "1" }, metadata: { signature_def } });

/** Exit status and texts of the command. */
async function run(...args: string[]) {
  const out: string[] = [];
  const error: string[] = [];
  const output = { out: (text: string) => out.push(text), error: (text: string) => error.push(text) };
  const status = await runCommand(args, output);
  return { status, out: out.join(""), error: error.join("") };
}

describe("servable-client types", () => {
  let server: FakeServer;
  let rest: string;
  before(async () => {
    server = await startFakeRestServer({
      "GET /v1/models/half/metadata": () => ({ body: metadata }),
      "GET /v1/models/half/versions/1/metadata": () => ({ body: metadata }),
    });
    rest = `http://127.0.0.1:${server.port}`;
  });
  after(() => server.close());

  it("prints the interfaces of every signature", async () => {
    const { status, out } = await run("types", "--rest", rest, "--model", "half");
    assert.equal(status, 0);
    assert.deepEqual(out.match(/(?<=interface )\w+/g), [
      "HalfInputs",
      "HalfOutputs",
      "HalfOtherInputs",
      "HalfOtherOutputs",
    ]);
  });

  it("prints those of one signature of one version", async () => {
    const { out } = await run(
      "types",
      "--rest",
      rest,
      "--model",
      "half",
      "--version",
      "1",
      "--signature",
      "other",
    );
    assert.deepEqual(out.match(/(?<=interface )\w+/g), ["HalfOtherInputs", "HalfOtherOutputs"]);
  });

  it("says which signatures there are", async () => {
    const { status, out, error } = await run(
      "types",
      "--rest",
      rest,
      "--model",
      "half",
      "--signature",
      "none",
    );
    assert.equal(status, 1);
    assert.equal(out, "");
    assert.equal(
      error,
      'servable-client: NOT_FOUND: Model "half" has no signature "none"; it has "serving_default", "other"\n',
    );
  });

  it("explains itself", async () => {
    const { status, out } = await run("--help");
    assert.equal(status, 0);
    assert.match(out, /^servable-client types/);
  });

  const wrong: readonly (readonly [string[], RegExp])[] = [
    [[], /the command is types/],
    [["types", "--model", "m"], /give either --grpc or --rest/],
    [["types", "--rest", "http://a", "--grpc", "a:1", "--model", "m"], /give either --grpc or --rest/],
    [["types", "--rest", "http://a"], /--model is missing/],
    [["types", "--rest", "http://a", "--model", "m", "--version", "one"], /--version must be a number/],
    [["types", "--rest", "http://a", "--modle", "m"], /Unknown option '--modle'/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses "${args.join(" ")}"`, async () => {
      const { status, error } = await run(...args);
      assert.equal(status, 2);
      assert.match(error, message);
    });
  }
});
