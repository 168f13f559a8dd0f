/** Bodies of answers are laid out as TensorFlow Serving 2.x writes them (docs: api_rest.md). */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { Code, encodeText, stringTensor, tensor } from "@servable/formats";
import type { Client } from "../client.js";
import { connect } from "../connect.js";
import type { FakeServer } from "../testing/fake-grpc-server.js";
import { type FakeRequest, startFakeRestServer } from "../testing/fake-rest-server.js";

const tensorInfo = (dtype: string, sizes: number[]) => ({
  dtype,
  tensor_shape: { dim: sizes.map((size) => ({ size: String(size), name: "" })), unknown_rank: false },
  name: "tensor:0",
});

function metadata(signatures: object): string {
  const model_spec = { name: "m", signature_name: "", version: "123" };
  return JSON.stringify({ model_spec, metadata: { signature_def: { signature_def: signatures } } });
}

const method_name = "tensorflow/serving/predict";
const signatures = {
  serving_default: {
    inputs: { x: tensorInfo("DT_FLOAT", [-1]) },
    outputs: { y: tensorInfo("DT_FLOAT", [-1]) },
    method_name,
  },
  two: {
    inputs: { id: tensorInfo("DT_INT64", [-1]), name: tensorInfo("DT_STRING", [-1]) },
    outputs: {
      id: tensorInfo("DT_INT64", [-1]),
      image_bytes: tensorInfo("DT_STRING", [-1]),
      scores: tensorInfo("DT_FLOAT", [-1, 3]),
    },
    method_name,
  },
  defaults: {
    inputs: { a: tensorInfo("DT_FLOAT", []), b: tensorInfo("DT_FLOAT", []) },
    outputs: { y: tensorInfo("DT_FLOAT", []) },
    method_name,
    defaults: { a: { dtype: "DT_FLOAT", tensor_shape: { dim: [] }, float_val: [1.5] } },
  },
  __saved_model_init_op: {
    inputs: {},
    outputs: { op: { dtype: "DT_INVALID", name: "init" } },
    method_name: "",
  },
};

const status = `{
 "model_version_status": [
  {
   "version": "123",
   "state": "AVAILABLE",
   "status": {
    "error_code": "OK",
    "error_message": ""
   }
  }
 ]
}
`;

/** What the fake server was sent, last first. */
const asked: FakeRequest[] = [];
const remember = (request: FakeRequest, body: string) => {
  asked.unshift(request);
  return { body };
};

const exchanges = {
  "GET /v1/models/m": () => ({ body: status }),
  "GET /v1/models/m/labels/stable": () => ({ body: status }),
  "GET /v1/models/m/metadata": () => ({ body: metadata(signatures) }),
  "GET /v1/models/m/versions/7/metadata": () => ({ body: metadata(signatures) }),
  "POST /v1/models/m:predict": (request: FakeRequest) =>
    request.body.includes('"two"')
      ? remember(
          request,
          '{\n    "outputs": {\n        "id": [9223372036854775807],\n        "image_bytes": [\n            {\n"b64": "/9g="\n}\n        ],\n        "scores": []\n    }\n}',
        )
      : remember(request, '{\n    "outputs": [\n        2.5,\n        NaN,\n        -Infinity\n    ]\n}'),
  "POST /v1/models/m/versions/7:predict": (request: FakeRequest) => remember(request, '{ "outputs": 2.0 }'),
  "POST /v1/models/m:classify": (request: FakeRequest) =>
    remember(request, '{\n    "results": [[["red", 0.0900306], ["é", 0.5]], [["", 0.0]]]\n}'),
  "POST /v1/models/m:regress": (request: FakeRequest) => remember(request, '{\n    "results": [2.5, 3.0]\n}'),
};

/** The body of the last request, as any JSON parser would read it. */
const lastBody = () => JSON.parse(asked[0]?.body ?? "null");

describe("the client over REST", () => {
  let server: FakeServer;
  let client: Client;
  before(async () => {
    server = await startFakeRestServer(exchanges);
    client = connect({ rest: `http://127.0.0.1:${server.port}`, headers: { authorization: "Bearer t" } });
  });
  after(() => {
    client.close();
    server.close();
  });

  it("predicts, with name and dtype of the output from the signature", async () => {
    const { model, outputs } = await client.predict({ model: "m", inputs: { x: [1, 2, 5] } });
    assert.deepEqual(model, { name: "m", version: undefined, signature: "serving_default" });
    const y = tensor("float32", [3], new Float32Array([2.5, Number.NaN, Number.NEGATIVE_INFINITY]));
    assert.deepEqual([...outputs], [["y", y]]);
    assert.deepEqual(lastBody(), { inputs: [1, 2, 5] });
    assert.equal(asked[0]?.headers.authorization, "Bearer t");
    assert.equal(asked[0]?.headers["content-type"], "application/json");
  });

  it("keeps int64s exact, reads base64 and restores empty dimensions", async () => {
    const inputs = { id: [2n ** 63n - 1n], name: ["é"] };
    const { outputs } = await client.predict({ model: "m", signature: "two", inputs });
    assert.deepEqual(
      [...outputs],
      [
        ["id", tensor("int64", [1], new BigInt64Array([2n ** 63n - 1n]))],
        ["image_bytes", stringTensor([1], [new Uint8Array([0xff, 0xd8])])],
        ["scores", tensor("float32", [0, 3], new Float32Array())],
      ],
    );
    assert.match(asked[0]?.body ?? "", /9223372036854775807/);
    assert.equal(lastBody().signature_name, "two");
    assert.deepEqual(lastBody().inputs.name, [{ b64: Buffer.from("é").toString("base64") }]);
  });

  it("gives the outputs of the filter", async () => {
    const inputs = { id: [1], name: ["a"] };
    const { outputs } = await client.predict({ model: "m", signature: "two", outputFilter: ["id"], inputs });
    assert.deepEqual([...outputs.keys()], ["id"]);
  });

  it("fills in default values, which the REST API can't", async () => {
    await client.predict({ model: "m", signature: "defaults", inputs: { b: 2 } });
    assert.deepEqual(lastBody().inputs, { a: 1.5, b: 2 });
  });

  it("asks for a version by number", async () => {
    const { model, outputs } = await client.predict({ model: "m", version: 7, inputs: { x: 0 } });
    assert.equal(model.version, 7n);
    assert.deepEqual(outputs.get("y"), tensor("float32", [], new Float32Array([2])));
  });

  it("classifies examples, in which 1 is an int64 and 1.0 a float", async () => {
    const { classifications } = await client.classify({
      model: "m",
      signature: "c",
      examples: [{ f: 1, i: 1n, s: "é", none: [] }],
      context: { shared: [2n, 3n] },
    });
    assert.deepEqual(classifications, [
      [
        { label: "red", score: Math.fround(0.0900306) },
        { label: "é", score: 0.5 },
      ],
      [{ label: "", score: 0 }],
    ]);
    assert.equal(
      asked[0]?.body,
      '{"signature_name":"c","context":{"shared":[2,3]},"examples":[{"f":[1.0],"i":[1],"s":[{"b64":"w6k="}]}]}',
    );
  });

  it("regresses examples", async () => {
    assert.deepEqual((await client.regress({ model: "m", examples: [{}, {}] })).values, [2.5, 3]);
  });

  it("reads signatures and the version they are of", async () => {
    const { model, signatures: read } = await client.getModelMetadata({ model: "m" });
    assert.deepEqual(model, { name: "m", version: 123n });
    assert.deepEqual([...read.keys()], ["serving_default", "two", "defaults"]);
    assert.deepEqual(read.get("two")?.outputs.get("scores"), {
      name: "tensor:0",
      dtype: "float32",
      shape: [-1, 3],
    });
  });

  it("reads the state of versions, also by label", async () => {
    const expected = [{ version: 123n, state: "AVAILABLE", code: Code.OK, message: "" }];
    assert.deepEqual(await client.getModelStatus({ model: "m" }), expected);
    assert.deepEqual(await client.getModelStatus({ model: "m", label: "stable" }), expected);
  });

  const refused: readonly (readonly [string, () => Promise<unknown>, Code, RegExp])[] = [
    [
      "inputs that the signature does not have",
      () => client.predict({ model: "m", inputs: { z: 1 } }),
      Code.INVALID_ARGUMENT,
      /^Inputs don't match signature "serving_default": it has no "z", "x" missing$/,
    ],
    [
      "outputs that the signature does not have",
      () => client.predict({ model: "m", inputs: { x: 1 }, outputFilter: ["z"] }),
      Code.INVALID_ARGUMENT,
      /^Signature "serving_default" has no output "z"; it has "y"$/,
    ],
    [
      "a signature that the model does not have",
      () => client.predict({ model: "m", signature: "none", inputs: { x: 1 } }),
      Code.INVALID_ARGUMENT,
      /^Model "m" has no signature "none"; it has "serving_default", "two", "defaults"$/,
    ],
    [
      "a shape that JSON has no form for",
      () => client.predict({ model: "m", inputs: { x: tensor("float32", [0, 3], new Float32Array()) } }),
      Code.INVALID_ARGUMENT,
      /^input "x": JSON can't express the shape \[0,3\]; use gRPC$/,
    ],
    [
      "a multi-inference",
      () => client.multiInference({ tasks: [], examples: [] }),
      Code.UNIMPLEMENTED,
      /connect by gRPC/,
    ],
    ["a new configuration", () => client.reloadConfig({ models: [] }), Code.UNIMPLEMENTED, /connect by gRPC/],
  ];
  for (const [title, call, code, message] of refused) {
    it(`refuses ${title}`, () => assert.rejects(call, { name: "StatusError", code, message }));
  }
});

/** What a call makes of one answer of the server. */
async function getStatus(status: number, body: string): Promise<unknown> {
  const server = await startFakeRestServer({ "GET /v1/models/m": () => ({ status, body }) });
  const client = connect({ rest: `http://127.0.0.1:${server.port}` });
  try {
    return await client.getModelStatus({ model: "m" });
  } finally {
    client.close();
    server.close();
  }
}

describe("an answer that is an error", () => {
  const rows: readonly (readonly [number, Code])[] = [
    [400, Code.INVALID_ARGUMENT],
    [401, Code.UNAUTHENTICATED],
    [403, Code.PERMISSION_DENIED],
    [404, Code.NOT_FOUND],
    [409, Code.ALREADY_EXISTS],
    [412, Code.FAILED_PRECONDITION],
    [429, Code.RESOURCE_EXHAUSTED],
    [499, Code.CANCELLED],
    [500, Code.INTERNAL],
    [501, Code.UNIMPLEMENTED],
    [502, Code.UNAVAILABLE],
    [503, Code.UNAVAILABLE],
    [504, Code.DEADLINE_EXCEEDED],
    [418, Code.UNKNOWN],
  ];
  for (const [status, code] of rows) {
    it(`with status ${status} has the code ${code} and the server's message`, () =>
      assert.rejects(getStatus(status, '{ "error": "what went wrong" }'), {
        code,
        message: "what went wrong",
      }));
  }

  it("of a proxy is quoted", () =>
    assert.rejects(getStatus(502, "<html>Bad gateway"), {
      code: Code.UNAVAILABLE,
      message: "HTTP status 502: <html>Bad gateway",
    }));

  it("is INTERNAL when a success is no JSON", () =>
    assert.rejects(getStatus(200, "<html>"), {
      code: Code.INTERNAL,
      message: "The server's answer is no JSON",
    }));

  it("is INTERNAL when a success is of another kind", () =>
    assert.rejects(getStatus(200, '{"model_version_status": 1}'), {
      code: Code.INTERNAL,
      message: /^The server's answer is no tensorflow.serving.GetModelStatusResponse/,
    }));
});

describe("a REST call that gets no answer", () => {
  const never = { "GET /v1/models/m": () => new Promise<never>(() => undefined) };

  it("ends with DEADLINE_EXCEEDED after its deadline", async () => {
    const server = await startFakeRestServer(never);
    const client = connect({ rest: `http://127.0.0.1:${server.port}`, deadlineMs: 50 });
    await assert.rejects(client.getModelStatus({ model: "m" }), { code: Code.DEADLINE_EXCEEDED });
    client.close();
    server.close();
  });

  it("ends with DEADLINE_EXCEEDED also when the answer has begun", async () => {
    const server = createServer((_, response) => response.writeHead(200).write("{"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const client = connect({ rest: `http://127.0.0.1:${port}` });
    await assert.rejects(client.getModelStatus({ model: "m", deadlineMs: 100 }), {
      code: Code.DEADLINE_EXCEEDED,
    });
    client.close();
    server.closeAllConnections();
    server.close();
  });

  it("ends with CANCELLED when its signal is aborted", async () => {
    const server = await startFakeRestServer(never);
    const client = connect({ rest: `http://127.0.0.1:${server.port}` });
    const abort = new AbortController();
    setTimeout(() => abort.abort("enough"), 20);
    await assert.rejects(client.getModelStatus({ model: "m", signal: abort.signal }), {
      code: Code.CANCELLED,
      cause: "enough",
    });
    client.close();
    server.close();
  });

  it("is UNAVAILABLE when nobody listens", async () => {
    const client = connect({ rest: "http://127.0.0.1:1" });
    await assert.rejects(client.getModelStatus({ model: "m" }), {
      code: Code.UNAVAILABLE,
      message: /^No answer from http:\/\/127\.0\.0\.1:1: /,
    });
    client.close();
  });

  for (const rest of ["localhost:8501", "ftp://localhost", "no url"]) {
    it(`can't be made to "${rest}"`, () => {
      assert.throws(() => connect({ rest }), { code: Code.INVALID_ARGUMENT, message: /http:\/\/host:8501/ });
    });
  }
});

describe("a REST API behind a path", () => {
  it("is found there", async () => {
    const server = await startFakeRestServer({ "GET /tf/v1/models/m": () => ({ body: status }) });
    const client = connect({ rest: `http://127.0.0.1:${server.port}/tf/` });
    assert.equal((await client.getModelStatus({ model: "m" }))[0]?.state, "AVAILABLE");
    client.close();
    server.close();
  });

  it("has model names escaped", async () => {
    const server = await startFakeRestServer({ "GET /v1/models/a%2Fb%20c": () => ({ body: status }) });
    const client = connect({ rest: `http://127.0.0.1:${server.port}` });
    assert.equal((await client.getModelStatus({ model: "a/b c" })).length, 1);
    client.close();
    server.close();
  });
});

it("strings that are no UTF-8 pass both ways", async () => {
  const s = {
    inputs: { s: tensorInfo("DT_STRING", []) },
    outputs: { t_bytes: tensorInfo("DT_STRING", []) },
    method_name,
  };
  const server = await startFakeRestServer({
    "GET /v1/models/m/metadata": () => ({ body: metadata({ serving_default: s }) }),
    "POST /v1/models/m:predict": ({ body }) => ({
      body: `{"outputs": ${JSON.stringify(JSON.parse(body).inputs)}}`,
    }),
  });
  const client = connect({ rest: `http://127.0.0.1:${server.port}` });
  for (const value of [
    new Uint8Array([0xff, 0x00, 0x80]),
    encodeText('{"b64": "é"}'),
    new Uint8Array(30_000),
  ]) {
    const { outputs } = await client.predict({ model: "m", inputs: { s: value } });
    assert.deepEqual(Buffer.from(outputs.get("t_bytes")?.data[0] as Uint8Array), Buffer.from(value));
  }
  client.close();
  server.close();
});
