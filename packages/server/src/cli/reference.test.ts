/**
 * docs/reference/cli.md shows what the commands print: each is run, and the text below it compared. `…` stands for
 * anything in its line, or for lines when it is alone; numbers and the operators of steps are the compiler's to change.
 * UPDATE_DOCS=1 writes what was printed wherever it differs, and the picture anew.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const document = path.join(root, "docs/reference/cli.md");
const program = fileURLToPath(new URL("./main.js", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "servable-reference-"));
after(() => rmSync(folder, { recursive: true }));

const BLOCKS = /```sh\nnpx servable (.+)\n```\n\n```text\n([\s\S]*?)```/g;

/** Words as a shell has them: quotes keep them together. */
function words(line: string): string[] {
  return (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'|'$/g, ""));
}

function printed(line: string): string {
  const args = words(line).map((word) => word.replace(/^\/tmp\//, `${folder}/`));
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: root, encoding: "utf8" });
  return `${stdout}${stderr}`.replaceAll(`${folder}/`, "/tmp/");
}

function pattern(text: string): RegExp {
  const escaped = variable(text).replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
  const loose = escaped.replace(/^…$/gm, "[\\s\\S]*?").replaceAll("…", "[^\\n]*");
  return new RegExp(`^${loose}$`);
}

/** Without what a better compiler, or another machine, prints differently. */
function variable(text: string): string {
  return text.replace(/\d+\. (ONNX|host) .*$/gm, "N. $1").replace(/\d[\d.,e-]*/g, "N");
}

describe("docs/reference/cli.md", () => {
  let text = readFileSync(document, "utf8");
  for (const [block, line = "", shown = ""] of text.matchAll(BLOCKS)) {
    it(`shows what servable ${line} prints`, () => {
      const actual = printed(line);
      if (process.env.UPDATE_DOCS === undefined) assert.match(variable(actual), pattern(shown));
      else if (!pattern(shown).test(variable(actual))) {
        text = text.replace(
          block,
          () => `\`\`\`sh\nnpx servable ${line}\n\`\`\`\n\n\`\`\`text\n${actual}\`\`\``,
        );
        writeFileSync(document, text);
      }
    });
  }

  it("has the picture that servable compile draws", () => {
    printed("compile examples/mnist/model --dump /tmp/picture");
    const picture = readFileSync(path.join(folder, "picture/serving_default/partition.svg"), "utf8");
    const file = path.join(root, "docs/reference/images/partition.svg");
    if (process.env.UPDATE_DOCS !== undefined) {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, picture);
    }
    // Sizes of boxes follow the operators in them.
    const texts = (svg: string) => [...svg.matchAll(/class="head"[^>]*>([^<]*)</g)].map((match) => match[1]);
    assert.deepEqual(texts(readFileSync(file, "utf8")), texts(picture));
  });
});
