/** Tensors as application/octet-stream over REST: elements in, elements out, shapes from signatures and headers. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { bytesOf, type NumericData, tensor, writeNpy } from "@servable/formats";
import { modelAt, startTestServer, type TestServer } from "../testing/test-server.js";
import { type IdentitySignatures, writeIdentityModel } from "./testing/identity-model.js";

const BYTES = "application/octet-stream";

const signatures: IdentitySignatures = {
  rows: ["float32", [-1, 2]],
  second_open: ["int16", [2, -1]],
  fixed: ["float32", [2, 3]],
  scalar: ["int64", []],
  two_open: ["uint8", [-1, -1]],
  any_rank: ["float64", null],
  truth: ["bool", [-1]],
  half: ["float16", [-1]],
  complex: ["complex64", [-1]],
  empty_rows: ["int32", [-1, 0]],
  text: ["string", [-1]],
};

describe("REST with plain bytes", () => {
  let folder: string;
  let server: TestServer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "bytes-body-"));
    writeIdentityModel(folder, signatures);
    server = await startTestServer([modelAt("same", folder)], {
      engine: "real",
      rest: { host: "127.0.0.1", port: 0, timeoutMs: 30_000, allowCrossOrigin: true },
    });
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  async function post(signature: string, body: Uint8Array, headers: Record<string, string> = {}) {
    const answer = await fetch(`${server.restUrl}/v1/models/same:predict?signature_name=${signature}`, {
      method: "POST",
      body,
      headers: { "Content-Type": BYTES, ...headers },
    });
    return {
      status: answer.status,
      headers: answer.headers,
      bytes: new Uint8Array(await answer.arrayBuffer()),
    };
  }

  const errorOf = ({ bytes }: { bytes: Uint8Array }): string =>
    JSON.parse(new TextDecoder().decode(bytes)).error;

  const wholes: readonly {
    readonly about: string;
    readonly signature: string;
    readonly data: NumericData;
    readonly sent?: string;
    readonly type: string;
    readonly shape: string;
  }[] = [
    {
      about: "as many rows as the bytes make",
      signature: "rows",
      data: Float32Array.of(1, 2, 3, 4, 5, 6),
      type: "float32",
      shape: "[3,2]",
    },
    {
      about: "the size of another axis that is open",
      signature: "second_open",
      data: Int16Array.of(1, -2, 3, -4, 5, -6),
      type: "int16",
      shape: "[2,3]",
    },
    {
      about: "a shape without anything open",
      signature: "fixed",
      data: Float32Array.of(1, 2, 3, 4, 5, Number.NaN),
      type: "float32",
      shape: "[2,3]",
    },
    {
      about: "a scalar",
      signature: "scalar",
      data: BigInt64Array.of(-(2n ** 63n)),
      type: "int64",
      shape: "[]",
    },
    { about: "no rows", signature: "rows", data: new Float32Array(0), type: "float32", shape: "[0,2]" },
    {
      about: "rows of nothing",
      signature: "empty_rows",
      data: new Int32Array(0),
      type: "int32",
      shape: "[0,0]",
    },
    { about: "truth values", signature: "truth", data: Uint8Array.of(1, 0, 1), type: "bool", shape: "[3]" },
    {
      about: "half floats by their bits",
      signature: "half",
      data: Uint16Array.of(0x3c00, 0xc000),
      type: "float16",
      shape: "[2]",
    },
    {
      about: "complex numbers as pairs",
      signature: "complex",
      data: Float32Array.of(1, 2, 3, 4),
      type: "complex64",
      shape: "[2]",
    },
    {
      about: "a shape by header where the signature leaves it open",
      signature: "two_open",
      data: Uint8Array.of(1, 2, 3, 4, 5, 6),
      sent: "[2, 3]",
      type: "uint8",
      shape: "[2,3]",
    },
    {
      about: "a rank by header",
      signature: "any_rank",
      data: Float64Array.of(0.5),
      sent: "[]",
      type: "float64",
      shape: "[]",
    },
    {
      about: "a body larger than a chunk of the network",
      signature: "rows",
      data: Float32Array.from({ length: 600_000 }, (_, i) => i),
      type: "float32",
      shape: "[300000,2]",
    },
  ];
  for (const { about, signature, data, sent, type, shape } of wholes) {
    it(`are ${about}, in and out`, async () => {
      const given = sent === undefined ? {} : { "Tensor-Shape": sent };
      const { status, headers, bytes } = await post(signature, bytesOf(data), { Accept: BYTES, ...given });
      assert.equal(status, 200, new TextDecoder().decode(bytes.subarray(0, 300)));
      assert.deepEqual(
        ["content-type", "tensor-name", "tensor-type", "tensor-shape"].map((name) => headers.get(name)),
        [BYTES, "y", type, shape],
      );
      assert.deepEqual(Buffer.from(bytes).equals(bytesOf(data)), true);
    });
  }

  it("are answered in JSON by rows, unless bytes are asked for", async () => {
    const { headers, bytes } = await post("rows", bytesOf(Float32Array.of(1, 2, 3, 4)));
    assert.equal(headers.get("content-type"), "application/json");
    assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)), {
      predictions: [
        [1, 2],
        [3, 4],
      ],
    });
  });

  it("are answered in JSON by columns where nothing counts rows", async () => {
    const { bytes } = await post("fixed", bytesOf(Float32Array.of(1, 2, 3, 4, 5, 6)));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)), {
      outputs: [
        [1, 2, 3],
        [4, 5, 6],
      ],
    });
  });

  it("answer JSON to those who accept them", async () => {
    const { headers, bytes } = await post(
      "rows",
      new TextEncoder().encode('{"signature_name": "rows", "instances": [[1, 2]]}'),
      {
        "Content-Type": "application/json",
        Accept: BYTES,
      },
    );
    assert.equal(headers.get("tensor-shape"), "[1,2]");
    assert.deepEqual(bytes, bytesOf(Float32Array.of(1, 2)));
  });

  it("are one string in and out", async () => {
    const file = Uint8Array.of(0xff, 0, 0xfe);
    const { headers, bytes } = await post("text", file, { Accept: BYTES });
    assert.deepEqual([headers.get("tensor-type"), headers.get("tensor-shape")], ["string", "[1]"]);
    assert.deepEqual(bytes, file);
  });

  it("show their headers to web pages of other origins", async () => {
    const { headers } = await post("rows", new Uint8Array(8), { Accept: BYTES });
    assert.equal(headers.get("access-control-expose-headers"), "Tensor-Name, Tensor-Type, Tensor-Shape");
    const asked = await fetch(`${server.restUrl}/v1/models/same:predict`, { method: "OPTIONS" });
    assert.equal(
      asked.headers.get("access-control-allow-headers"),
      "Content-Type, Tensor-Shape, Tensor-Type",
    );
  });

  it("are not mixed up between requests that use the same memory, nor with arrays of NumPy", async () => {
    const rows = (value: number) => new Float32Array(1_000_000).fill(value);
    const send = async (value: number): Promise<Uint8Array> => {
      const isPlain = value % 2 === 0;
      const body = isPlain ? bytesOf(rows(value)) : writeNpy(tensor("float32", [500_000, 2], rows(value)));
      const type = isPlain ? BYTES : "application/x-npy";
      return (await post("rows", body, { "Content-Type": type, Accept: BYTES })).bytes;
    };
    for (let round = 0; round < 3; round++) {
      const values = [1, 2, 3, 4].map((value) => value + 10 * round);
      const answers = await Promise.all(values.map(send));
      for (const [i, value] of values.entries()) {
        assert.ok(Buffer.from(answers[i] as Uint8Array).equals(bytesOf(rows(value))), `${value}`);
      }
    }
  });

  const refusals: readonly {
    readonly about: string;
    readonly signature: string;
    readonly bytes: number;
    readonly headers?: Record<string, string>;
    readonly error: RegExp;
  }[] = [
    {
      about: "part of a row",
      signature: "rows",
      bytes: 12,
      error: /"x" is float32 of shape \[\?,2\], which takes a multiple of 8 bytes, but 12 came/,
    },
    {
      about: "too few elements",
      signature: "fixed",
      bytes: 20,
      error: /"x" is float32 of shape \[2,3\], which takes 24 bytes, but 20 came/,
    },
    {
      about: "elements of rows that have none",
      signature: "empty_rows",
      bytes: 4,
      error: /a multiple of 0 bytes, but 4 came/,
    },
    {
      about: "what could have several shapes",
      signature: "two_open",
      bytes: 6,
      error: /of shape \[\?,\?\]: the bytes don't say axes 0 and 1; send .* Tensor-Shape: \[1,8\]/,
    },
    {
      about: "what could have any rank",
      signature: "any_rank",
      bytes: 8,
      error: /<unknown>: the bytes don't say its rank/,
    },
    {
      about: "another dtype by header",
      signature: "rows",
      bytes: 8,
      headers: { "Tensor-Type": "float64" },
      error: /Tensor-Type is float64, but input "x" is float32/,
    },
    {
      about: "a shape that is none",
      signature: "rows",
      bytes: 8,
      headers: { "Tensor-Shape": "[1,-2]" },
      error: /Tensor-Shape is no list of sizes/,
    },
    {
      about: "a shape of more than there is",
      signature: "rows",
      bytes: 8,
      headers: { "Tensor-Shape": "[4000000000,2]" },
      error: /too many elements/,
    },
  ];
  for (const { about, signature, bytes, headers, error } of refusals) {
    it(`are refused as ${about}`, async () => {
      const answer = await post(signature, new Uint8Array(bytes), headers);
      assert.equal(answer.status, 400);
      assert.match(errorOf(answer), error);
    });
  }

  it("are refused where a byte is no truth value, by its place", async () => {
    const answer = await post("truth", Uint8Array.of(1, 0, 2));
    assert.equal(answer.status, 400);
    assert.match(errorOf(answer), /byte 2 is no BOOL/);
  });

  it("are no answer to several strings", async () => {
    const answer = await post(
      "text",
      new TextEncoder().encode('{"signature_name": "text", "instances": ["a", "b"]}'),
      {
        "Content-Type": "application/json",
        Accept: BYTES,
      },
    );
    assert.equal(answer.status, 400);
    assert.match(errorOf(answer), /Bytes hold one string, and output "y" has 2/);
  });
});
