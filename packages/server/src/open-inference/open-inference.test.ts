/** The Open Inference Protocol v2 as its clients speak it: over real sockets, to the real engine. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  Code,
  type DType,
  GraphBuilder,
  httpStatusOf,
  predictSignatureDef,
  readTfRecords,
  SavedModelBuilder,
  tensorFromProto,
} from "@servable/formats";
import {
  type InferTensorContentsSchema,
  ModelInferRequestSchema,
  type ModelInferResponse,
  ModelInferResponseSchema,
  ModelMetadataRequestSchema,
  ModelMetadataResponseSchema,
  ModelReadyRequestSchema,
  ModelReadyResponseSchema,
  ServerLiveRequestSchema,
  ServerLiveResponseSchema,
  ServerMetadataRequestSchema,
  ServerMetadataResponseSchema,
  ServerReadyRequestSchema,
  ServerReadyResponseSchema,
} from "@servable/formats/protobuf/open_inference_grpc_pb";
import type { TensorProto } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import {
  PredictionLogSchema,
  type PredictLog,
} from "@servable/formats/protobuf/tensorflow_serving/apis/prediction_log_pb";
import { temporaryFolder } from "@servable/formats/testing/temporary-folder";
import type { CallFailure } from "../testing/grpc-test-client.js";
import { modelAt, startTestServer, type TestServer } from "../testing/test-server.js";

const SERVICE = "inference.GRPCInferenceService";
const HALF_PLUS_TWO = fileURLToPath(new URL("../../src/integration/fixtures/half_plus_two", import.meta.url));

type InferRequest = MessageInitShape<typeof ModelInferRequestSchema>;

interface InferInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: bigint[];
  readonly contents?: MessageInitShape<typeof InferTensorContentsSchema>;
}

/** Elements that tell types apart: as JSON, as the typed list of the message, and as bytes, worked out by hand. */
interface ElementCase {
  readonly datatype: string;
  readonly dtype: DType;
  readonly json: string;
  readonly contents?: MessageInitShape<typeof InferTensorContentsSchema>;
  readonly raw: readonly number[];
}

const text = (value: string) => [...Buffer.from(value)];

const elements: readonly ElementCase[] = [
  {
    datatype: "BOOL",
    dtype: "bool",
    json: "true,false",
    contents: { boolContents: [true, false] },
    raw: [1, 0],
  },
  { datatype: "UINT8", dtype: "uint8", json: "1,255", contents: { uintContents: [1, 255] }, raw: [1, 255] },
  {
    datatype: "UINT16",
    dtype: "uint16",
    json: "258,65535",
    contents: { uintContents: [258, 65535] },
    raw: [2, 1, 255, 255],
  },
  {
    datatype: "UINT32",
    dtype: "uint32",
    json: "1,4294967295",
    contents: { uintContents: [1, 4294967295] },
    raw: [1, 0, 0, 0, 255, 255, 255, 255],
  },
  {
    datatype: "UINT64",
    dtype: "uint64",
    json: "1,18446744073709551615",
    contents: { uint64Contents: [1n, 2n ** 64n - 1n] },
    raw: [1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255],
  },
  { datatype: "INT8", dtype: "int8", json: "-1,127", contents: { intContents: [-1, 127] }, raw: [255, 127] },
  {
    datatype: "INT16",
    dtype: "int16",
    json: "-2,258",
    contents: { intContents: [-2, 258] },
    raw: [254, 255, 2, 1],
  },
  {
    datatype: "INT32",
    dtype: "int32",
    json: "-2,16909060",
    contents: { intContents: [-2, 0x01020304] },
    raw: [254, 255, 255, 255, 4, 3, 2, 1],
  },
  {
    datatype: "INT64",
    dtype: "int64",
    // 2^53 + 1, which no double holds.
    json: "-1,9007199254740993",
    contents: { int64Contents: [-1n, 9007199254740993n] },
    raw: [255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 32, 0],
  },
  // 1.5 is 0x3e00 and -2 is 0xc000 in binary16; 0x3fc0 and 0xc000 in bfloat16.
  { datatype: "FP16", dtype: "float16", json: "1.5,-2.0", raw: [0, 0x3e, 0, 0xc0] },
  { datatype: "BF16", dtype: "bfloat16", json: "1.5,-2.0", raw: [0xc0, 0x3f, 0, 0xc0] },
  {
    datatype: "FP32",
    dtype: "float32",
    json: "1.5,-Infinity",
    contents: { fp32Contents: [1.5, Number.NEGATIVE_INFINITY] },
    raw: [0, 0, 0xc0, 0x3f, 0, 0, 0x80, 0xff],
  },
  {
    datatype: "FP64",
    dtype: "float64",
    json: "1.5,-2.0",
    contents: { fp64Contents: [1.5, -2] },
    raw: [0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0],
  },
  {
    datatype: "BYTES",
    dtype: "string",
    json: '"né",{"b64":"/wA="}',
    contents: { bytesContents: [Buffer.from("né"), Uint8Array.of(255, 0)] },
    raw: [3, 0, 0, 0, ...text("né"), 2, 0, 0, 0, 255, 0],
  },
];

/** A model with an Identity for each datatype, under a signature of its name; by default it makes complex numbers. */
function writeEcho(): string {
  const graph = new GraphBuilder();
  const echo = (dtype: DType) => {
    const x = graph.placeholder(dtype, [-1]);
    return predictSignatureDef({ x }, { y: graph.compute("Identity", [x]) });
  };
  const re = graph.placeholder("float32", [-1, 3]);
  const im = graph.placeholder("float32", [-1, 3]);
  const folder = temporaryFolder();
  const builder = new SavedModelBuilder(path.join(folder, "1"));
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: {
      serving_default: predictSignatureDef({ re, im }, { z: graph.compute("Complex", [re, im]) }),
      ...Object.fromEntries(elements.map(({ datatype, dtype }) => [datatype, echo(dtype)])),
    },
    variables: new Map(),
  });
  builder.save();
  return folder;
}

let server: TestServer;

before(async () => {
  server = await startTestServer(
    [modelAt("half", HALF_PLUS_TWO, { labels: new Map([["stable", 123n]]) }), modelAt("echo", writeEcho())],
    { engine: "real" },
  );
});
after(() => server.stop());

const inferGrpc = (message: InferRequest): Promise<ModelInferResponse> =>
  server.grpc.call(`${SERVICE}/ModelInfer`, ModelInferRequestSchema, ModelInferResponseSchema, message);

const halfInput = { name: "x", datatype: "FP32", shape: [3n, 1n], contents: { fp32Contents: [1, 2, 5] } };

interface JsonAnswer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

async function rest(at: string, body?: unknown): Promise<JsonAnswer> {
  const content = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const { status, text: answer } = await server.rest(at, content);
  return { status, json: JSON.parse(answer) as Record<string, unknown> };
}

/** A body of JSON and the bytes after it, and the answer's two parts. */
async function restBinary(at: string, json: unknown, bytes: readonly number[]) {
  const head = Buffer.from(JSON.stringify(json));
  const answer = await fetch(server.restUrl + at, {
    method: "POST",
    headers: {
      "Content-Type": "application/octet-stream",
      "Inference-Header-Content-Length": String(head.length),
    },
    body: Buffer.concat([head, Buffer.from(bytes)]),
  });
  const body = Buffer.from(await answer.arrayBuffer());
  const split = Number(answer.headers.get("inference-header-content-length") ?? body.length);
  return {
    status: answer.status,
    json: JSON.parse(body.subarray(0, split).toString()) as Record<string, unknown>,
    bytes: [...body.subarray(split)],
    type: answer.headers.get("content-type"),
  };
}

describe("the server", () => {
  it("says by gRPC that it lives, is ready, and who it is", async () => {
    const live = await server.grpc.call(
      `${SERVICE}/ServerLive`,
      ServerLiveRequestSchema,
      ServerLiveResponseSchema,
      {},
    );
    const ready = await server.grpc.call(
      `${SERVICE}/ServerReady`,
      ServerReadyRequestSchema,
      ServerReadyResponseSchema,
      {},
    );
    assert.deepEqual([live.live, ready.ready], [true, true]);
    const metadata = await server.grpc.call(
      `${SERVICE}/ServerMetadata`,
      ServerMetadataRequestSchema,
      ServerMetadataResponseSchema,
      {},
    );
    assert.equal(metadata.name, "servable");
    assert.match(metadata.version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(metadata.extensions, ["binary_tensor_data"]);
  });

  it("says so by REST", async () => {
    assert.deepEqual(await rest("/v2/health/live"), { status: 200, json: { live: true } });
    assert.deepEqual(await rest("/v2/health/ready"), { status: 200, json: { ready: true } });
    for (const root of ["/v2", "/v2/"]) {
      const { status, json } = await rest(root);
      assert.deepEqual([status, json.name, json.extensions], [200, "servable", ["binary_tensor_data"]]);
    }
  });

  it("is alive and not ready while a model can't be had", async () => {
    const lacking = await startTestServer([modelAt("absent", path.join(temporaryFolder(), "nothing"))]);
    try {
      assert.equal((await lacking.rest("/v2/health/live")).status, 200);
      assert.equal((await lacking.rest("/v2/health/ready")).status, 400);
      const { ready } = await lacking.grpc.call(
        `${SERVICE}/ServerReady`,
        ServerReadyRequestSchema,
        ServerReadyResponseSchema,
        {},
      );
      assert.equal(ready, false);
    } finally {
      await lacking.stop();
    }
  });

  it("knows no other paths and no other verbs", async () => {
    for (const at of ["/v2/nothing", "/v2x", "/v2/models/half/infer", "/v2/models/half/x", "/v2/models"]) {
      const { status, json } = await rest(at);
      assert.deepEqual([status, json], [404, { error: `Not found: GET ${at}` }]);
    }
    assert.equal((await rest("/v2/health/live", "{}")).status, 404);
  });
});

describe("a model's metadata", () => {
  const tensors = {
    inputs: [{ name: "x", datatype: "FP32", shape: [-1] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
  };

  it("tells inputs, outputs, versions and signatures by REST", async () => {
    for (const at of ["/v2/models/half", "/v2/models/half/versions/123", "/v2/models/half/versions/stable"]) {
      const { status, json } = await rest(at);
      assert.equal(status, 200);
      const { properties, ...described } = json;
      assert.deepEqual(described, {
        name: "half",
        versions: ["123"],
        platform: "tensorflow_savedmodel",
        ...tensors,
      });
      assert.match((properties as { signature_names: string }).signature_names, /\bserving_default\b/);
    }
  });

  it("tells them by gRPC", async () => {
    const { name, versions, inputs, outputs } = await server.grpc.call(
      `${SERVICE}/ModelMetadata`,
      ModelMetadataRequestSchema,
      ModelMetadataResponseSchema,
      { name: "half", version: "123" },
    );
    const plain = (list: typeof inputs) =>
      list.map((one) => ({ name: one.name, datatype: one.datatype, shape: one.shape.map(Number) }));
    assert.deepEqual([name, versions], ["half", ["123"]]);
    assert.deepEqual({ inputs: plain(inputs), outputs: plain(outputs) }, tensors);
  });

  it("gives sizes that are known, and TensorFlow's names to types that the protocol has none for", async () => {
    const { json } = await rest("/v2/models/echo");
    assert.deepEqual(json, {
      name: "echo",
      versions: ["1"],
      platform: "tensorflow_savedmodel",
      inputs: [
        { name: "re", datatype: "FP32", shape: [-1, 3] },
        { name: "im", datatype: "FP32", shape: [-1, 3] },
      ],
      outputs: [{ name: "z", datatype: "COMPLEX64", shape: [-1, 3] }],
      properties: {
        signature_names: [...elements.map(({ datatype }) => datatype), "serving_default"].sort().join(),
      },
    });
  });

  it("has readiness apart from it", async () => {
    assert.deepEqual(await rest("/v2/models/half/ready"), {
      status: 200,
      json: { name: "half", ready: true },
    });
    assert.equal((await rest("/v2/models/half/versions/123/ready")).status, 200);
    const { ready } = await server.grpc.call(
      `${SERVICE}/ModelReady`,
      ModelReadyRequestSchema,
      ModelReadyResponseSchema,
      { name: "half" },
    );
    assert.equal(ready, true);
  });

  it("is not there for what is not served, and the message says what that is", async () => {
    for (const [at, status, pattern] of [
      ["/v2/models/nobody", 404, /nobody/],
      ["/v2/models/nobody/ready", 404, /nobody/],
      ["/v2/models/half/versions/7", 404, /half/],
      ["/v2/models/half/versions/7/ready", 404, /version 7 of model half/],
      ["/v2/models/half/versions/strange", 400, /label: strange/],
      ["/v2/models/half/versions/99999999999999999999", 400, /"half"/],
      ["/v2/models/%ff", 400, /%ff/],
    ] as const) {
      const answer = await rest(at);
      assert.equal(answer.status, status, at);
      assert.match(answer.json.error as string, pattern);
    }
    await assert.rejects(
      server.grpc.call(`${SERVICE}/ModelReady`, ModelReadyRequestSchema, ModelReadyResponseSchema, {
        name: "nobody",
      }),
      ({ code, details }: CallFailure) => code === Code.NOT_FOUND && /nobody/.test(details),
    );
  });
});

describe("infer by gRPC", () => {
  it("computes x / 2 + 2 and says which version did", async () => {
    for (const modelVersion of ["", "123", "stable"]) {
      const answer = await inferGrpc({ modelName: "half", modelVersion, id: "a-7", inputs: [halfInput] });
      assert.deepEqual([answer.modelName, answer.modelVersion, answer.id], ["half", "123", "a-7"]);
      const [y] = answer.outputs;
      assert.deepEqual([y?.name, y?.datatype, y?.shape], ["y", "FP32", [3n, 1n]]);
      assert.deepEqual(y?.contents?.fp32Contents, [2.5, 3, 4.5]);
      assert.deepEqual(answer.rawOutputContents, []);
    }
  });

  for (const { datatype, contents, raw } of elements) {
    const signature = {
      signature_name: { parameterChoice: { case: "stringParam", value: datatype } },
    } as const;
    const x = { name: "x", datatype, shape: [2n] };
    const request = { modelName: "echo", parameters: signature };

    it(`takes and gives ${datatype} as bytes`, async () => {
      const answer = await inferGrpc({ ...request, inputs: [x], rawInputContents: [Uint8Array.from(raw)] });
      assert.deepEqual(
        answer.outputs.map((y) => [y.name, y.datatype, y.shape, y.contents]),
        [["y", datatype, [2n], undefined]],
      );
      assert.deepEqual(
        answer.rawOutputContents.map((bytes) => [...bytes]),
        [raw],
      );
    });

    if (contents === undefined) continue;
    it(`takes and gives ${datatype} in a typed list`, async () => {
      const answer = await inferGrpc({ ...request, inputs: [{ ...x, contents }] });
      const [[field, expected] = []] = Object.entries(contents);
      const got = answer.outputs[0]?.contents?.[field as "fp32Contents"] as readonly unknown[];
      assert.deepEqual(
        got.map((one) => (one instanceof Uint8Array ? [...one] : one)),
        (expected as readonly unknown[]).map((one) => (one instanceof Uint8Array ? [...one] : one)),
      );
    });
  }

  it("takes tensors without elements", async () => {
    const empty = { ...halfInput, shape: [0n, 1n] };
    const answer = await inferGrpc({ modelName: "half", inputs: [{ ...empty, contents: {} }] });
    assert.deepEqual(answer.outputs[0]?.shape, [0n, 1n]);
  });

  const raw = (shape: bigint[], datatype: string, ...bytes: number[]): InferRequest => ({
    modelName: "half",
    inputs: [{ name: "x", datatype, shape }],
    rawInputContents: [Uint8Array.from(bytes)],
  });
  const typed = (change: Partial<InferInput>): InferRequest => ({
    modelName: "half",
    inputs: [{ ...halfInput, ...change }],
  });
  const failures: readonly [what: string, request: InferRequest, code: Code, message: RegExp][] = [
    ["no model", { inputs: [halfInput] }, Code.INVALID_ARGUMENT, /ModelSpec has no name/],
    ["an unknown model", { modelName: "nobody", inputs: [halfInput] }, Code.NOT_FOUND, /nobody/],
    ["an unknown version", { modelName: "half", modelVersion: "7" }, Code.NOT_FOUND, /half/],
    ["an unknown label", { modelName: "half", modelVersion: "-1" }, Code.INVALID_ARGUMENT, /label: -1/],
    ["no inputs", { modelName: "half" }, Code.INVALID_ARGUMENT, /x/],
    ["an unknown input", typed({ name: "z" }), Code.INVALID_ARGUMENT, /z/],
    [
      "an input twice",
      { modelName: "half", inputs: [halfInput, halfInput] },
      Code.INVALID_ARGUMENT,
      /"x".*once/,
    ],
    [
      "an unknown datatype",
      typed({ datatype: "FP8" }),
      Code.INVALID_ARGUMENT,
      /x: datatype "FP8" is none of BOOL/,
    ],
    [
      "another datatype than the model's",
      typed({ datatype: "INT32", contents: { intContents: [1, 2, 3] } }),
      Code.INVALID_ARGUMENT,
      /"x" to be float but int32/,
    ],
    [
      "an unknown output",
      { modelName: "half", inputs: [halfInput], outputs: [{ name: "w" }] },
      Code.INVALID_ARGUMENT,
      /w.*\{y\}/,
    ],
    [
      "an unknown signature",
      {
        modelName: "half",
        inputs: [halfInput],
        parameters: { signature_name: { parameterChoice: { case: "stringParam", value: "lost" } } },
      },
      Code.FAILED_PRECONDITION,
      /"lost"/,
    ],
    [
      "a signature's name that is no text",
      {
        modelName: "half",
        inputs: [halfInput],
        parameters: { signature_name: { parameterChoice: { case: "int64Param", value: 1n } } },
      },
      Code.INVALID_ARGUMENT,
      /parameter signature_name is no string_param/,
    ],
    [
      "too few elements",
      typed({ shape: [4n, 1n] }),
      Code.INVALID_ARGUMENT,
      /x: .*4 entries of fp32_contents, but 3/,
    ],
    [
      "another list",
      typed({ contents: { fp64Contents: [1, 2, 5] } }),
      Code.INVALID_ARGUMENT,
      /x: .*but 0 came/,
    ],
    ["a negative size", typed({ shape: [-3n, 1n] }), Code.INVALID_ARGUMENT, /x: .*not a natural number/],
    [
      "a shape for no memory",
      typed({ shape: [2n ** 40n, 2n ** 20n] }),
      Code.INVALID_ARGUMENT,
      /x: .*too many elements/,
    ],
    [
      "a shape beyond int64",
      typed({ shape: [2n ** 62n, 2n ** 62n, 0n] }),
      Code.INVALID_ARGUMENT,
      /too many elements/,
    ],
    [
      "300 dimensions",
      typed({ shape: Array(300).fill(1n) }),
      Code.INVALID_ARGUMENT,
      /x: .*more than 254 dimensions/,
    ],
    [
      "an integer beyond its type",
      typed({ datatype: "INT8", shape: [1n], contents: { intContents: [128] } }),
      Code.INVALID_ARGUMENT,
      /x: entry 0 of int_contents is beyond INT8/,
    ],
    [
      "FP16 in a list",
      typed({ datatype: "FP16", shape: [1n] }),
      Code.INVALID_ARGUMENT,
      /x: FP16 travels as raw_input_contents/,
    ],
    ["too few bytes", raw([1n, 1n], "FP32", 0, 0), Code.INVALID_ARGUMENT, /x: .*takes 4 bytes, but 2 came/],
    ["a byte that is no BOOL", raw([2n], "BOOL", 1, 2), Code.INVALID_ARGUMENT, /x: byte 1 is no BOOL/],
    ["many strings of no bytes", raw([4_000_000_000n], "BYTES", 0), Code.INVALID_ARGUMENT, /x: .*4000000000/],
    [
      "a string beyond the bytes",
      raw([1n], "BYTES", 255, 255, 255, 255),
      Code.INVALID_ARGUMENT,
      /x: .*element 0/,
    ],
    [
      "a string's cut-off length",
      raw([2n], "BYTES", 3, 0, 0, 0, 1, 2, 3, 4),
      Code.INVALID_ARGUMENT,
      /x: .*element 1/,
    ],
    ["bytes after the strings", raw([1n], "BYTES", 0, 0, 0, 0, 9), Code.INVALID_ARGUMENT, /x: .*but 5 came/],
    [
      "more bytes than inputs",
      { ...raw([0n, 1n], "FP32"), rawInputContents: [new Uint8Array(0), new Uint8Array(0)] },
      Code.INVALID_ARGUMENT,
      /"half": raw_input_contents has 2 entries for 1 inputs/,
    ],
    [
      "bytes and lists",
      { modelName: "half", inputs: [halfInput], rawInputContents: [new Uint8Array(12)] },
      Code.INVALID_ARGUMENT,
      /"half".*contents in "x"/,
    ],
    [
      "an output that has no datatype",
      {
        modelName: "echo",
        inputs: ["re", "im"].map((name) => ({ ...halfInput, name, shape: [1n, 3n] })),
      },
      Code.UNIMPLEMENTED,
      /output "z" is complex64/,
    ],
  ];
  for (const [what, request, code, message] of failures) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(inferGrpc(request), (failure: CallFailure) => {
        assert.match(failure.details, message);
        assert.equal(failure.code, code);
        return true;
      });
    });
  }

  it("refuses bytes that are no message", async () => {
    await assert.rejects(
      server.grpc.callBytes(`${SERVICE}/ModelInfer`, Uint8Array.of(0x0a, 0xff)),
      ({ code, details }: CallFailure) => code === Code.INTERNAL && /ModelInferRequest/.test(details),
    );
  });
});

describe("infer by REST", () => {
  const x = { name: "x", datatype: "FP32", shape: [3, 1], data: [1, 2, 5] };
  const y = { name: "y", datatype: "FP32", shape: [3, 1], data: [2.5, 3, 4.5] };

  it("takes data flat and nested, with an id and without", async () => {
    for (const at of ["", "/versions/123", "/versions/stable"]) {
      for (const data of [x.data, [[1], [2], [5]]]) {
        const { status, json } = await rest(`/v2/models/half${at}/infer`, {
          id: "é",
          inputs: [{ ...x, data }],
        });
        assert.deepEqual(
          [status, json],
          [200, { model_name: "half", model_version: "123", id: "é", outputs: [y] }],
        );
      }
    }
    const { json } = await rest("/v2/models/half/infer", {
      id: null,
      parameters: null,
      inputs: [x],
      outputs: null,
    });
    assert.deepEqual(json, { model_name: "half", model_version: "123", outputs: [y] });
  });

  it("computes the outputs that are asked for", async () => {
    const { json } = await rest("/v2/models/half/infer", { inputs: [x], outputs: [{ name: "y" }] });
    assert.deepEqual(json.outputs, [y]);
  });

  for (const { datatype, json, raw } of elements) {
    const parameters = { signature_name: datatype };

    it(`takes and gives ${datatype} in JSON`, async () => {
      const input = `{"name":"x","datatype":"${datatype}","shape":[2],"data":[${json}]}`;
      const body = `{"parameters":${JSON.stringify(parameters)},"inputs":[${input}]}`;
      const { status, text: answer } = await server.rest("/v2/models/echo/infer", body);
      assert.equal(status, 200, answer);
      assert.equal(
        answer,
        `{"model_name":"echo","model_version":"1","outputs":[{"name":"y","datatype":"${datatype}","shape":[2],"data":[${json}]}]}`,
      );
    });

    it(`takes and gives ${datatype} as bytes`, async () => {
      const input = { name: "x", datatype, shape: [2], parameters: { binary_data_size: raw.length } };
      const requests = [
        { parameters, inputs: [input], outputs: [{ name: "y", parameters: { binary_data: true } }] },
        { parameters: { ...parameters, binary_data_output: true }, inputs: [input] },
      ];
      for (const request of requests) {
        const answer = await restBinary("/v2/models/echo/infer", request, raw);
        assert.deepEqual([answer.status, answer.type], [200, "application/octet-stream"]);
        assert.deepEqual(answer.json.outputs, [
          { name: "y", datatype, shape: [2], parameters: { binary_data_size: raw.length } },
        ]);
        assert.deepEqual(answer.bytes, raw);
      }
    });
  }

  it("answers in JSON what came as bytes, unless asked otherwise", async () => {
    const input = { name: "x", datatype: "FP32", shape: [1, 1], parameters: { binary_data_size: 4 } };
    const { json, bytes, type } = await restBinary(
      "/v2/models/half/infer",
      { inputs: [input] },
      [0, 0, 0x80, 0x3f],
    );
    assert.deepEqual(json.outputs, [{ ...y, shape: [1, 1], data: [2.5] }]);
    assert.deepEqual([bytes, type], [[], "application/json"]);
  });

  const failures: readonly [what: string, body: unknown, code: Code, message: RegExp][] = [
    ["what is no JSON", "{", Code.INVALID_ARGUMENT, /./],
    ["nesting without end", "[".repeat(100_000), Code.INVALID_ARGUMENT, /./],
    ["a list", [], Code.INVALID_ARGUMENT, /the body is no JSON object/],
    ["no inputs", {}, Code.INVALID_ARGUMENT, /the body has no inputs/],
    ["inputs that are no list", { inputs: {} }, Code.INVALID_ARGUMENT, /inputs is no list/],
    ["an input that is a number", { inputs: [1] }, Code.INVALID_ARGUMENT, /inputs\[0\] is no JSON object/],
    ["an input without a name", { inputs: [x, {}] }, Code.INVALID_ARGUMENT, /inputs\[1\] has no name/],
    ["an input twice", { inputs: [x, x] }, Code.INVALID_ARGUMENT, /"x" comes more than once/],
    ["an id of another type", { id: 7, inputs: [x] }, Code.INVALID_ARGUMENT, /id of the body is no string/],
    [
      "parameters that are none",
      { parameters: 1, inputs: [x] },
      Code.INVALID_ARGUMENT,
      /parameters of the body/,
    ],
    [
      "an output without a name",
      { inputs: [x], outputs: [{}] },
      Code.INVALID_ARGUMENT,
      /outputs\[0\] has no name/,
    ],
    ["an unknown output", { inputs: [x], outputs: [{ name: "w" }] }, Code.INVALID_ARGUMENT, /w.*\{y\}/],
    [
      "an unknown signature",
      { parameters: { signature_name: "lost" }, inputs: [x] },
      Code.FAILED_PRECONDITION,
      /"lost"/,
    ],
    ["no datatype", { inputs: [{ ...x, datatype: undefined }] }, Code.INVALID_ARGUMENT, /x: .*no datatype/],
    ["no shape", { inputs: [{ ...x, shape: undefined }] }, Code.INVALID_ARGUMENT, /x: shape is missing/],
    ["a broken size", { inputs: [{ ...x, shape: [1.5] }] }, Code.INVALID_ARGUMENT, /x: shape has a size/],
    ["a huge shape", { inputs: [{ ...x, shape: [4e9, 4e9] }] }, Code.INVALID_ARGUMENT, /x: .*/],
    [
      "300 dimensions",
      { inputs: [{ ...x, shape: Array(300).fill(1) }] },
      Code.INVALID_ARGUMENT,
      /x: .*more than 254 dimensions/,
    ],
    ["no data", { inputs: [{ ...x, data: undefined }] }, Code.INVALID_ARGUMENT, /x: data is missing/],
    [
      "too little data",
      { inputs: [{ ...x, shape: [4, 1] }] },
      Code.INVALID_ARGUMENT,
      /x: .*4 elements, but data has 3/,
    ],
    [
      "other nesting than the shape",
      {
        inputs: [
          {
            ...x,
            shape: [3, 2],
            data: [
              [1, 2, 3],
              [4, 5, 6],
            ],
          },
        ],
      },
      Code.INVALID_ARGUMENT,
      /x: data is nested as \[2,3\], but the shape is \[3,2\]/,
    ],
    ["ragged data", { inputs: [{ ...x, data: [[1], [2, 3]] }] }, Code.INVALID_ARGUMENT, /x: /],
    ["text for numbers", { inputs: [{ ...x, data: ["1", "2", "5"] }] }, Code.INVALID_ARGUMENT, /x: /],
    [
      "bytes that are not there",
      { inputs: [{ ...x, data: undefined, parameters: { binary_data_size: 12 } }] },
      Code.INVALID_ARGUMENT,
      /"x": binary_data_size is 12, but 0 bytes are left/,
    ],
    [
      "a negative number of bytes",
      { inputs: [{ ...x, parameters: { binary_data_size: -1 } }] },
      Code.INVALID_ARGUMENT,
      /"x" is no natural number/,
    ],
    [
      "bytes and data",
      { inputs: [{ ...x, parameters: { binary_data_size: 0 } }] },
      Code.INVALID_ARGUMENT,
      /"x" has both/,
    ],
    [
      "a wish that is none",
      { parameters: { binary_data_output: 1 }, inputs: [x] },
      Code.INVALID_ARGUMENT,
      /binary_data_output of the body/,
    ],
  ];
  for (const [what, body, code, message] of failures) {
    it(`refuses ${what}`, async () => {
      const { status, json } = await rest("/v2/models/half/infer", body);
      assert.match(json.error as string, message);
      assert.equal(status, httpStatusOf(code));
    });
  }

  it("refuses an unknown model", async () => {
    const { status, json } = await rest("/v2/models/nobody/infer", { inputs: [x] });
    assert.equal(status, 404);
    assert.match(json.error as string, /nobody/);
  });

  it("refuses bytes that no input claims, and a length beyond the body", async () => {
    const { status, json } = await restBinary("/v2/models/half/infer", { inputs: [x] }, [1, 2]);
    assert.deepEqual(
      [status, json],
      [400, { error: "2 bytes after the JSON belong to no input's binary_data_size" }],
    );
    for (const length of ["999", "-1", "1e2", "99999999999999999999"]) {
      const answer = await server.rest("/v2/models/half/infer", "{}", {
        "Inference-Header-Content-Length": length,
      });
      assert.equal(answer.status, 400);
      assert.match(answer.text, /Inference-Header-Content-Length/);
    }
  });

  it("goes on serving afterwards", async () => {
    assert.equal((await rest("/v2/models/half/infer", { inputs: [x] })).status, 200);
  });
});

describe("an infer", () => {
  it("is a Predict to request logs and metrics", async () => {
    const filenamePrefix = path.join(temporaryFolder(), "sample");
    const watched = await startTestServer(
      [modelAt("half", HALF_PLUS_TWO, { logging: { samplingRate: 1, filenamePrefix } })],
      { engine: "real", prometheus: { path: "/metrics" } },
    );
    const input = { name: "x", datatype: "FP32", shape: [1], data: [4] };
    await watched.rest("/v2/models/half/infer", JSON.stringify({ inputs: [input] }));
    await watched.grpc.call(`${SERVICE}/ModelInfer`, ModelInferRequestSchema, ModelInferResponseSchema, {
      modelName: "half",
      inputs: [{ name: "x", datatype: "FP32", shape: [1n], contents: { fp32Contents: [4] } }],
    });
    const { text: metrics } = await watched.rest("/metrics");
    await watched.stop();

    assert.match(metrics, /request_count\{model_name="half",status="OK"\} 2/);
    const folder = path.dirname(filenamePrefix);
    const [file] = await readdir(folder);
    const records = [...readTfRecords(await readFile(path.join(folder, file as string)))];
    const sides = records.map((record) => {
      const { logType } = fromBinary(PredictionLogSchema, record);
      assert.equal(logType.case, "predictLog");
      const { request, response } = logType.value as PredictLog;
      return [
        tensorFromProto(request?.inputs.x as TensorProto, "x").data,
        tensorFromProto(response?.outputs.y as TensorProto, "y").data,
      ];
    });
    assert.deepEqual(sides, Array(2).fill([Float32Array.of(4), Float32Array.of(4)]));
  });
});
