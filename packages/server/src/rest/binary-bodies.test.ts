/** Binary bodies of the REST API: protobuf messages, NumPy's arrays, raw bytes. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  NpzFile,
  readNpy,
  type Tensor,
  tensor,
  tensorFromProto,
  tensorToProto,
  writeNpy,
  writeNpz,
} from "@servable/formats";
import {
  ClassificationRequestSchema,
  ClassificationResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/classification_pb";
import {
  PredictRequestSchema,
  PredictResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import { modelAt, startTestServer, type TestServer } from "../testing/test-server.js";

const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));
const longs = (...values: bigint[]) => tensor("int64", [values.length], BigInt64Array.from(values));
const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 1, 2, 0xfe);

const PROTOBUF = "application/x-protobuf";
const NPY = "application/x-npy";
const NPZ = "application/x-npz";

describe("REST with binary bodies", () => {
  let folder: string;
  let server: TestServer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "binary-bodies-"));
    await mkdir(join(folder, "7"));
    await writeFile(join(folder, "7", "saved_model.pb"), "");
    server = await startTestServer([modelAt("half", folder)]);
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  async function post(
    path: string,
    type: string,
    body: Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; type: string; bytes: Uint8Array; json: () => Record<string, unknown> }> {
    const answer = await fetch(`${server.restUrl}/v1/models/half${path}`, {
      method: "POST",
      body,
      headers: { "Content-Type": type, ...headers },
    });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return {
      status: answer.status,
      type: answer.headers.get("content-type") ?? "",
      bytes,
      json: () => JSON.parse(new TextDecoder().decode(bytes)),
    };
  }

  const message = <Desc extends DescMessage>(schema: Desc, fields: MessageInitShape<Desc>) =>
    toBinary(schema, create(schema, fields));

  describe("protobuf", () => {
    it("takes a PredictRequest and answers a PredictResponse", async () => {
      const body = message(PredictRequestSchema, { inputs: { x: tensorToProto(floats(1, 2)) } });
      const { status, type, bytes } = await post("/versions/7:predict", PROTOBUF, body);
      assert.deepEqual([status, type], [200, PROTOBUF]);
      const { modelSpec, outputs } = fromBinary(PredictResponseSchema, bytes);
      assert.deepEqual(tensorFromProto(outputs.y as never, "y"), floats(2.5, 3));
      assert.equal(modelSpec?.name, "half");
      assert.equal(modelSpec?.signatureName, "serving_default");
    });

    it("has signature and output filter from the message", async () => {
      const body = message(PredictRequestSchema, {
        modelSpec: { name: "half", signatureName: "sum" },
        inputs: { a: tensorToProto(longs(5n)) },
        outputFilter: ["difference"],
      });
      const { bytes } = await post(":predict", "application/protobuf", body);
      const { outputs } = fromBinary(PredictResponseSchema, bytes);
      assert.deepEqual(Object.keys(outputs), ["difference"]);
      assert.deepEqual(tensorFromProto(outputs.difference as never, "difference"), longs(-5n));
    });

    it("takes a ClassificationRequest", async () => {
      // The fake model's examples are numbers as text.
      const body = new Uint8Array([
        ...message(ClassificationRequestSchema, { modelSpec: { signatureName: "classify" } }),
        0x12,
        0x05,
        0x0a,
        0x03,
        0x0a,
        0x01,
        0x34,
      ]);
      const { status, bytes } = await post(":classify", PROTOBUF, body);
      assert.equal(status, 200);
      const { result } = fromBinary(ClassificationResponseSchema, bytes);
      assert.equal(result?.classifications[0]?.classes[0]?.score, 4);
    });

    it("answers JSON to those who accept that, and a message to JSON", async () => {
      const body = message(PredictRequestSchema, { inputs: { x: tensorToProto(floats(1, 2)) } });
      const json = await post(":predict", PROTOBUF, body, { Accept: "application/json" });
      assert.deepEqual(json.json(), { outputs: [2.5, 3] });
      const text = new TextEncoder().encode('{"instances": [1, 2]}');
      const { bytes } = await post(":predict", "application/json", text, { Accept: PROTOBUF });
      assert.deepEqual(Object.keys(fromBinary(PredictResponseSchema, bytes).outputs), ["y"]);
    });
  });

  describe("NumPy's files", () => {
    it("has one array for the only input, and for the only output", async () => {
      const { status, type, bytes } = await post(":predict", NPY, writeNpy(floats(1, 2)));
      assert.deepEqual([status, type], [200, NPY]);
      assert.deepEqual(readNpy(bytes, "answer"), floats(2.5, 3));
    });

    it("has arrays by name for several, compressed or not", async () => {
      const inputs = new Map([
        ["a", longs(1n, 2n)],
        ["b", longs(10n, 20n)],
      ]);
      const { type, bytes } = await post(":predict?signature_name=sum", NPZ, writeNpz(inputs));
      assert.equal(type, NPZ);
      const answer = new NpzFile(bytes, "answer");
      assert.deepEqual(answer.read("sum"), longs(11n, 22n));
      assert.deepEqual(answer.read("difference"), longs(-9n, -18n));
    });

    it("chooses outputs by the query", async () => {
      const { type, bytes } = await post(
        ":predict?signature_name=sum&output_filter=sum",
        NPY,
        writeNpy(longs(1n)),
      );
      assert.equal(type, NPY);
      assert.deepEqual(readNpy(bytes, "answer"), longs(11n));
    });

    it("answers several outputs with several arrays", async () => {
      const { type } = await post(":predict?signature_name=sum", NPY, writeNpy(longs(1n)));
      assert.equal(type, NPZ);
    });

    it("answers JSON with an array to those who accept that", async () => {
      const text = new TextEncoder().encode('{"instances": [1, 2]}');
      const { bytes } = await post(":predict", "application/json", text, { Accept: `text/html, ${NPY}` });
      assert.deepEqual(readNpy(bytes, "answer"), floats(2.5, 3));
    });
  });

  describe("bytes", () => {
    for (const type of ["image/jpeg", "image/png", "application/octet-stream; x=y"]) {
      it(`are the only input's string: ${type}`, async () => {
        const { status, json } = await post(":predict?signature_name=echo", type, JPEG, {
          Accept: "*/*",
        });
        assert.equal(status, 200);
        const b64 = Buffer.from(JPEG).toString("base64");
        const [prediction] = json().predictions as { text_bytes: { b64: string } }[];
        assert.equal(prediction?.text_bytes.b64, b64);
      });
    }
  });

  it("takes compressed bodies and compresses answers", async () => {
    const x = tensor("float32", [1000], new Float32Array(1000).fill(2));
    const answer = await fetch(`${server.restUrl}/v1/models/half:predict`, {
      method: "POST",
      body: gzipSync(writeNpy(x)),
      headers: { "Content-Type": NPY, "Content-Encoding": "gzip", "Accept-Encoding": "gzip" },
    });
    assert.equal(answer.headers.get("content-encoding"), "gzip");
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const plain = bytes[0] === 0x1f ? new Uint8Array(gunzipSync(bytes)) : bytes;
    assert.deepEqual((readNpy(plain, "answer") as Tensor).data, new Float32Array(1000).fill(3));
  });

  const refusals: readonly {
    readonly about: string;
    readonly path?: string;
    readonly type: string;
    readonly body: Uint8Array;
    readonly accept?: string;
    readonly error: RegExp;
  }[] = [
    {
      about: "what is no message",
      type: PROTOBUF,
      body: Uint8Array.of(0xff, 0xff, 0xff),
      error: /PredictRequest can't be parsed/,
    },
    {
      about: "a message whose tensor is damaged",
      type: PROTOBUF,
      body: Uint8Array.of(0x12, 0x07, 0x0a, 0x01, 0x78, 0x12, 0x02, 0xff, 0xff),
      error: /input "x"/,
    },
    {
      about: "a message for another model",
      type: PROTOBUF,
      body: message(PredictRequestSchema, { modelSpec: { name: "other" } }),
      error: /names the model other, the path half/,
    },
    { about: "what is no NPY file", type: NPY, body: JPEG, error: /The body is no NPY file/ },
    { about: "what is no NPZ file", type: NPZ, body: JPEG, error: /The body/ },
    {
      about: "an array of another dtype",
      type: NPY,
      body: writeNpy(tensor("float64", [1], Float64Array.of(1))),
      error: /Expects input "x" to be float but double is provided/,
    },
    {
      about: "an array of a name that no input has",
      type: NPZ,
      body: writeNpz(new Map([["z", floats(1)]])),
      error: /Signature input alias: x\(feed name: x:0\) not found/,
    },
    {
      about: "a sound for an input of numbers",
      type: "audio/wav",
      body: JPEG,
      error: /"x" is float32: send/,
    },
    {
      about: "an unknown signature",
      path: ":predict?signature_name=none",
      type: NPY,
      body: writeNpy(floats(1)),
      error: /"none" not found in signature def/,
    },
    {
      about: "to put several outputs into one array",
      path: ":predict?signature_name=sum",
      type: NPY,
      body: writeNpy(longs(1n)),
      accept: NPY,
      error: /An NPY file holds one array and the answer has \{sum,difference\}/,
    },
  ];
  for (const { about, path = ":predict", type, body, accept, error } of refusals) {
    it(`refuses ${about}, in JSON`, async () => {
      const answer = await post(path, type, body, accept === undefined ? {} : { Accept: accept });
      assert.deepEqual([answer.status, answer.type], [400, "application/json"]);
      assert.match(String(answer.json().error), error);
    });
  }
});
