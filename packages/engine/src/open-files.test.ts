/** Models hold their checkpoint's files open, to read weights when they are needed, and let go of them when they end. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { GraphBuilder, predictSignatureDef, SavedModelBuilder, tensor } from "@servable/formats";
import { loadModel } from "./model-folder.js";
import { Session } from "./session.js";

const folder = mkdtempSync(path.join(tmpdir(), "servable-open-files-"));
after(() => rmSync(folder, { recursive: true }));

function save(name: string): string {
  const dir = path.join(folder, name);
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1], { name: "x" });
  const y = graph.compute("Mul", [x, graph.variable("float32", [], { name: "a" }).read()], {}, { name: "y" });
  const builder = new SavedModelBuilder(dir);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: { serving_default: predictSignatureDef({ x }, { y }) },
    variables: new Map([["a", tensor("float32", [], Float32Array.of(3))]]),
  });
  builder.save();
  return dir;
}

/** How many files of the folder this process has open. */
function openFiles(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    const link = `/proc/self/fd/${fd}`;
    return existsSync(link) && readlinkSync(link).startsWith(folder);
  }).length;
}

describe("A model's files", { skip: !existsSync("/proc/self/fd") && "Linux only" }, () => {
  it("are closed with the model", () => {
    const dir = save("closed");
    const model = loadModel(dir);
    const inputs = new Map([["x", tensor("float32", [1], Float32Array.of(2))]]);
    assert.deepEqual(model.run("serving_default", inputs).get("y")?.data, Float32Array.of(6));
    assert.ok(openFiles() > 0);
    model.close();
    model.close();
    assert.equal(openFiles(), 0);
  });

  it("are closed with a session", () => {
    const session = Session.load(["serve"], save("session"));
    session.close();
    assert.equal(openFiles(), 0);
  });

  it("are closed when the model can't be loaded", () => {
    const dir = save("damaged");
    truncateSync(path.join(dir, "variables", "variables.data-00000-of-00001"), 1);
    assert.throws(() => loadModel(dir));
    assert.equal(openFiles(), 0);
  });
});
