/** @servable/client against the server with the real engine: both transports, the same outcomes. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  type Client,
  type ConnectOptions,
  connect,
  type InputOf,
  type TensorOf,
  toNested,
} from "@servable/client";
import {
  Code,
  GraphBuilder,
  type Output,
  predictSignatureDef,
  SavedModelBuilder,
  stringTensor,
  type Tensor,
  tensor,
} from "@servable/formats";
import { modelAt, startTestServer, type TestServer } from "./testing/test-server.js";

const mnist = fileURLToPath(new URL("../../../examples/mnist/model", import.meta.url));
const mnistSkip = existsSync(mnist) ? false : "examples/mnist has no trained model";

const scalar = (value: number) => tensor("float32", [], new Float32Array([value]));

/** Writes a SavedModel with one signature, serving_default. */
function writeModel(
  folder: string,
  build: (graph: GraphBuilder) => { inputs: Record<string, Output>; outputs: Record<string, Output> },
  variables: ReadonlyMap<string, Tensor> = new Map(),
): void {
  const graph = new GraphBuilder();
  const { inputs, outputs } = build(graph);
  const builder = new SavedModelBuilder(folder);
  const signatures = { serving_default: predictSignatureDef(inputs, outputs) };
  builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables });
  builder.save();
}

/** y = x / 2 + b on columns. */
function writeHalfPlus(b: number, folder: string): void {
  writeModel(
    folder,
    (graph) => {
      const x = graph.placeholder("float32", [-1, 1], { name: "x" });
      const bias = graph.variable("float32", [], { name: "b" });
      const half = graph.compute("Mul", [x, scalar(0.5)]);
      return { inputs: { x }, outputs: { y: graph.compute("AddV2", [half, bias.read()]) } };
    },
    new Map([["b", scalar(b)]]),
  );
}

/** Gives its inputs back: an int64, a string and a bool. */
function writeEcho(folder: string): void {
  writeModel(folder, (graph) => {
    const dtypes = { count: "int64", name_bytes: "string", flag: "bool" } as const;
    const inputs = Object.fromEntries(
      Object.entries(dtypes).map(([name, dtype]) => [name, graph.placeholder(dtype, [-1], { name })]),
    );
    const outputs = Object.fromEntries(
      Object.entries(inputs).map(([name, input]) => [name, graph.compute("Identity", [input])]),
    );
    return { inputs, outputs };
  });
}

describe("the client against the server", () => {
  const folder = mkdtempSync(join(tmpdir(), "servable-client-test-"));
  const halfPlus = join(folder, "half_plus");
  let server: TestServer;
  let clients: Record<"gRPC" | "REST", Client>;

  before(async () => {
    writeHalfPlus(2, join(halfPlus, "1"));
    writeHalfPlus(3, join(halfPlus, "2"));
    writeEcho(join(folder, "echo", "1"));
    const models = [
      modelAt("half_plus", halfPlus, { versions: { kind: "all" }, labels: new Map([["stable", 1n]]) }),
      modelAt("echo", join(folder, "echo")),
      ...(mnistSkip ? [] : [modelAt("mnist", mnist)]),
    ];
    server = await startTestServer(models, { engine: "real" });
    const grpc: ConnectOptions = { grpc: `127.0.0.1:${server.server.grpcPorts[0]}` };
    clients = { gRPC: connect(grpc), REST: connect({ rest: server.restUrl }) };
    await bothVersionsAvailable();
  });
  /** The newest version comes first; the server counts as started before the other is there. */
  async function bothVersionsAvailable(): Promise<void> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const statuses = await clients.gRPC.getModelStatus({ model: "half_plus" });
      if (statuses.filter(({ state }) => state === "AVAILABLE").length === 2) return;
      if (Date.now() > deadline) throw new Error("version 1 of half_plus does not load");
      await sleep(10);
    }
  }
  after(async () => {
    for (const client of Object.values(clients)) client.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  for (const transport of ["gRPC", "REST"] as const) {
    describe(`over ${transport}`, () => {
      const predict = async (target: { version?: number; label?: string }, x: InputOf<"float32">) => {
        const { outputs } = await clients[transport].predict({
          model: "half_plus",
          ...target,
          inputs: { x },
        });
        return toNested(outputs.get("y") as Tensor);
      };

      it("predicts with the newest version", async () => {
        assert.deepEqual(await predict({}, [[1], [2], [5]]), [[3.5], [4], [5.5]]);
      });

      it("predicts with a version by number or label", async () => {
        assert.deepEqual(await predict({ version: 1 }, [[1]]), [[2.5]]);
        assert.deepEqual(await predict({ label: "stable" }, [[1]]), [[2.5]]);
      });

      it("takes tensors, shaped data and single values alike", async () => {
        const data = new Float32Array([2, 4]);
        assert.deepEqual(await predict({}, tensor("float32", [2, 1], data)), [[4], [5]]);
        assert.deepEqual(await predict({}, { shape: [2, 1], data }), [[4], [5]]);
        assert.deepEqual(await predict({}, 2), 4);
      });

      it("passes NaN and infinities", async () => {
        assert.deepEqual(await predict({}, [[Number.NaN], [Number.NEGATIVE_INFINITY]]), [
          [Number.NaN],
          [Number.NEGATIVE_INFINITY],
        ]);
      });

      it("has the dtypes of the signature, int64s exact and strings as they are", async () => {
        const inputs = {
          count: [2n ** 63n - 1n, 5],
          name_bytes: ["é", new Uint8Array([0xff])],
          flag: [true, false],
        };
        const { outputs } = await clients[transport].predict({ model: "echo", inputs });
        assert.deepEqual(outputs.get("count"), tensor("int64", [2], new BigInt64Array([2n ** 63n - 1n, 5n])));
        assert.deepEqual(
          toNested(outputs.get("name_bytes") as Tensor, { string: "bytes" }),
          toNested(stringTensor([2], ["é", new Uint8Array([0xff])]), { string: "bytes" }),
        );
        assert.deepEqual(toNested(outputs.get("flag") as Tensor), [true, false]);
      });

      it("gives the outputs of the filter", async () => {
        const inputs = { count: [1], name_bytes: ["a"], flag: [true] };
        const { outputs } = await clients[transport].predict({
          model: "echo",
          inputs,
          outputFilter: ["flag"],
        });
        assert.deepEqual([...outputs.keys()], ["flag"]);
      });

      it("answers many calls at once", async () => {
        const answers = await Promise.all(Array.from({ length: 64 }, (_, i) => predict({}, [[i]])));
        assert.deepEqual(
          answers,
          Array.from({ length: 64 }, (_, i) => [[i / 2 + 3]]),
        );
      });

      it("gives a model static types", async () => {
        const model = clients[transport].model<{ x: InputOf<"float32"> }, { y: TensorOf<"float32"> }>(
          "half_plus",
        );
        const { outputs } = await model.predict({ x: [[1]] });
        assert.deepEqual(outputs.y.data, new Float32Array([3.5]));
      });

      it("reads the signatures", async () => {
        const { model, signatures } = await clients[transport].getModelMetadata({
          model: "half_plus",
          version: 1,
        });
        assert.deepEqual(model, { name: "half_plus", version: 1n });
        const { inputs, outputs } = signatures.get("serving_default") ?? {};
        const spec = { dtype: "float32", shape: [-1, 1] };
        assert.deepEqual({ ...inputs?.get("x"), name: "" }, { ...spec, name: "" });
        assert.deepEqual([...(outputs?.keys() ?? [])], ["y"]);
      });

      it("reads the states of the versions", async () => {
        const statuses = await clients[transport].getModelStatus({ model: "half_plus" });
        assert.deepEqual(statuses.map(({ version, state, code }) => [version, state, code]).sort(), [
          [1n, "AVAILABLE", Code.OK],
          [2n, "AVAILABLE", Code.OK],
        ]);
      });

      const refused: readonly (readonly [string, (client: Client) => Promise<unknown>, Code])[] = [
        ["an unknown model", (client) => client.predict({ model: "none", inputs: { x: 1 } }), Code.NOT_FOUND],
        [
          "an unknown version",
          (client) => client.getModelStatus({ model: "half_plus", version: 9 }),
          Code.NOT_FOUND,
        ],
        [
          "an unknown input",
          (client) => client.predict({ model: "half_plus", inputs: { z: 1 } }),
          Code.INVALID_ARGUMENT,
        ],
        [
          "a missing input",
          (client) => client.predict({ model: "half_plus", inputs: {} }),
          Code.INVALID_ARGUMENT,
        ],
        [
          "an unknown output",
          (client) => client.predict({ model: "half_plus", inputs: { x: 1 }, outputFilter: ["z"] }),
          Code.INVALID_ARGUMENT,
        ],
      ];
      for (const [title, call, code] of refused) {
        it(`is told of ${title}`, () =>
          assert.rejects(() => call(clients[transport]), { name: "StatusError", code }));
      }

      it("classifies examples", { skip: mnistSkip }, async () => {
        const examples = [{ x: new Array<number>(784).fill(0) }];
        const { classifications } = await clients[transport].classify({ model: "mnist", examples });
        const [classes = []] = classifications;
        assert.deepEqual(classes.map(({ label }) => label).sort(), [..."0123456789"]);
        assert.ok(Math.abs(classes.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-5);
      });
    });
  }

  it("names the version that has answered, over gRPC", async () => {
    const { model } = await clients.gRPC.predict({ model: "half_plus", inputs: { x: 1 } });
    assert.deepEqual(model, { name: "half_plus", version: 2n, signature: "serving_default" });
  });

  it("is told by gRPC that a tensor has the wrong dtype", () =>
    assert.rejects(clients.gRPC.predict({ model: "half_plus", inputs: { x: stringTensor([1], ["a"]) } }), {
      code: Code.INVALID_ARGUMENT,
    }));

  it("reloads the configuration, after which other models are there", async () => {
    const kept = { name: "half_plus", basePath: halfPlus, versions: "all", labels: { stable: 1 } } as const;
    const models = [kept, { name: "echo", basePath: join(folder, "echo") }];
    if (!mnistSkip) models.push({ name: "mnist", basePath: mnist });
    await clients.gRPC.reloadConfig({
      models: [...models, { name: "again", basePath: halfPlus, versions: [1] }],
    });
    const { outputs } = await clients.gRPC.predict({ model: "again", inputs: { x: [[1]] } });
    assert.deepEqual(toNested(outputs.get("y") as Tensor), [[2.5]]);
    await clients.gRPC.reloadConfig({ models });
    await assert.rejects(clients.gRPC.predict({ model: "again", inputs: { x: [[1]] } }), {
      code: Code.NOT_FOUND,
    });
  });
});
