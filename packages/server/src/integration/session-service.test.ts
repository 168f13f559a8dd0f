/** SessionService over a socket: tensors and nodes of a graph by their names. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  Code,
  GraphBuilder,
  predictSignatureDef,
  SavedModelBuilder,
  type Tensor,
  tensor,
  tensorFromProto,
  tensorToProto,
} from "@servable/formats";
import type { TensorProto } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import {
  SessionRunRequestSchema,
  SessionRunResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/session_service_pb";
import { modelAt, startTestServer, type TestServer } from "../testing/test-server.js";

const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));
const scalar = (value: number) => tensor("float32", [], Float32Array.of(value));

/** y = a x + 2, where the node "grow" adds to a. */
function writeGrowingModel(folder: string): void {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1], { name: "x" });
  const step = graph.placeholder("float32", [], { name: "step" });
  const a = graph.variable("float32", [], { name: "a" });
  const scaled = graph.compute("Mul", [a.read(), x], {}, { name: "scaled" });
  const y = graph.compute("AddV2", [scaled, scalar(2)], {}, { name: "y" });
  graph.op("AssignAddVariableOp", [a.handle, step], {}, { name: "grow" });
  const builder = new SavedModelBuilder(folder);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: { serving_default: predictSignatureDef({ input: x }, { output: y }) },
    variables: new Map([["a", scalar(0.5)]]),
  });
  builder.save();
}

/** What a test says of a request besides feeds and fetches. */
interface RequestFields {
  readonly modelSpec?: { readonly name: string };
  readonly feed?: { name: string; tensor: TensorProto }[];
  readonly target?: string[];
  readonly tensorNameIsAlias?: boolean;
  readonly options?: { timeoutInMs: bigint; traceLevel: number; interOpThreadPool: number };
}

describe("SessionService", () => {
  let folder: string;
  let server: TestServer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "session-"));
    writeGrowingModel(join(folder, "7"));
    server = await startTestServer([modelAt("growing", folder)], { engine: "real" });
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  async function sessionRun(
    feeds: Readonly<Record<string, Tensor>>,
    fetch: readonly string[],
    { modelSpec: { name } = { name: "growing" }, ...more }: RequestFields = {},
  ) {
    const { modelSpec, tensor: tensors } = await server.grpc.call(
      "tensorflow.serving.SessionService/SessionRun",
      SessionRunRequestSchema,
      SessionRunResponseSchema,
      {
        modelSpec: { name },
        feed: Object.entries(feeds).map(([name, value]) => ({ name, tensor: tensorToProto(value) })),
        fetch: [...fetch],
        ...more,
      },
    );
    const named = tensors.map(({ name, tensor: one }): [string, Tensor] => [
      name,
      tensorFromProto(one as never, name),
    ]);
    return { modelSpec, tensors: named };
  }

  it("feeds and fetches tensors by name, in the order asked for", async () => {
    const { modelSpec, tensors } = await sessionRun({ "x:0": floats(2, 4) }, ["y:0", "scaled", "y:0"]);
    assert.deepEqual(tensors, [
      ["y:0", floats(3, 4)],
      ["scaled", floats(1, 2)],
      ["y:0", floats(3, 4)],
    ]);
    assert.equal(modelSpec?.name, "growing");
    assert.equal(modelSpec?.versionChoice.case === "version" && modelSpec.versionChoice.value.value, 7n);
  });

  it("feeds tensors inside the graph", async () => {
    const { tensors } = await sessionRun({ "scaled:0": floats(2, 4) }, ["y:0"]);
    assert.deepEqual(tensors, [["y:0", floats(4, 6)]]);
  });

  it("takes the signature's names when the request says so", async () => {
    const { tensors } = await sessionRun({ input: floats(2) }, ["output"], { tensorNameIsAlias: true });
    assert.deepEqual(tensors, [["output", floats(3)]]);
  });

  it("accepts run options", async () => {
    const { tensors } = await sessionRun({ x: floats(2) }, ["y"], {
      options: { timeoutInMs: 60_000n, traceLevel: 3, interOpThreadPool: -1 },
    });
    assert.deepEqual(tensors, [["y", floats(3)]]);
  });

  it("runs targets for their effect, which Predict sees too", async () => {
    const predicted = async () => {
      const answer = await server.rest("/v1/models/growing:predict", '{"instances":[2]}');
      return JSON.parse(answer.text).predictions;
    };
    // Often enough that small requests have moved to the main thread.
    for (let i = 0; i < 60; i++) assert.deepEqual(await predicted(), [3]);
    assert.deepEqual((await sessionRun({ "step:0": scalar(1) }, [], { target: ["grow"] })).tensors, []);
    assert.deepEqual(await predicted(), [5]);
    await sessionRun({ "step:0": scalar(-1) }, [], { target: ["grow"] });
    assert.deepEqual(await predicted(), [3]);
  });

  const refused: readonly {
    readonly about: string;
    readonly run: () => Promise<unknown>;
    readonly code: Code;
    readonly details: RegExp;
  }[] = [
    {
      about: "a fetch that the graph does not have",
      run: () => sessionRun({}, ["z:0"]),
      code: Code.NOT_FOUND,
      details: /"z:0"/,
    },
    {
      about: "a target that the graph does not have",
      run: () => sessionRun({}, [], { target: ["nothing"] }),
      code: Code.NOT_FOUND,
      details: /"nothing"/,
    },
    {
      about: "a feed of another dtype",
      run: () => sessionRun({ "x:0": tensor("int32", [1], Int32Array.of(1)) }, ["y:0"]),
      code: Code.INVALID_ARGUMENT,
      details: /"x:0" is a int32 tensor/,
    },
    {
      about: "a feed that is there twice",
      run: () =>
        sessionRun({}, ["y:0"], {
          feed: ["x:0", "x:0"].map((name) => ({ name, tensor: tensorToProto(floats(1)) })),
        }),
      code: Code.INVALID_ARGUMENT,
      details: /Tensor x:0 is fed more than once/,
    },
    {
      about: "an alias that the signature does not have",
      run: () => sessionRun({ x: floats(1) }, ["output"], { tensorNameIsAlias: true }),
      code: Code.INVALID_ARGUMENT,
      details: /no input "x": there are \{input\}/,
    },
    {
      about: "a model that is not served",
      run: () => sessionRun({}, [], { modelSpec: { name: "other" } }),
      code: Code.NOT_FOUND,
      details: /Servable not found for request: Latest\(other\)/,
    },
    {
      about: "a request without a model",
      run: () => sessionRun({}, [], { modelSpec: { name: "" } }),
      code: Code.INVALID_ARGUMENT,
      details: /ModelSpec has no name specified/,
    },
  ];
  for (const { about, run, code, details } of refused) {
    it(`refuses ${about}`, async () => {
      await assert.rejects(run, (error: { code: number; details: string }) => {
        assert.equal(error.code, code);
        assert.match(error.details, details);
        return true;
      });
    });
  }
});
