/**
 * Image files as inputs of numbers over REST. The files were written, and their pixels read, by TensorFlow 2.21:
 * tf.io.encode_png and encode_jpeg, tf.io.decode_image, tf.image.resize.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { type DType, dataFromBytes } from "@servable/formats";
import { modelAt, startTestServer, type TestServer } from "../../testing/test-server.js";
import { type IdentitySignatures, writeIdentityModel } from "../testing/identity-model.js";

/** 2 pixels high, 3 wide. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAHElEQVQImWP4z8DA8J+BgeE/I5eIXFRU1LQoOQA2lwVX05LsOQAAAABJRU5ErkJggg==",
  "base64",
);
const RGB = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 100, 110, 120, 250, 200, 150];
const GREY = [76, 149, 29, 18, 108, 209];
const RGBA = [
  255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 10, 20, 30, 255, 100, 110, 120, 255, 250, 200, 150, 255,
];
/** tf.image.resize(image, [4, 2]) */
const RESIZED = [
  191.25, 63.75, 0, 0, 63.75, 191.25, 151.5625, 58.4375, 13.125, 53.125, 92.1875, 179.0625, 72.1875, 47.8125,
  39.375, 159.375, 149.0625, 154.6875, 32.5, 42.5, 52.5, 212.5, 177.5, 142.5,
];

/** The red of tf.image.resize(image, [3, 5]). */
const WIDENED_RED = [255, 153, 0, 0, 0, 132.5, 99.5, 50, 95, 125, 10, 46, 100, 190, 250];

/** 8 by 8 pixels. */
const JPEG = Buffer.from(
  "/9j/4AAQSkZJRgABAQEBLAEsAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpR" +
    "Uk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAIAAgDASIA" +
    "AhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0Kx" +
    "wRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ip" +
    "qrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA" +
    "AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldY" +
    "WVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3" +
    "+Pn6/9oADAMBAAIRAxEAPwChpvh/p8n6UUUV5tbFVebc1y3G1vYLU//Z",
  "base64",
);
const JPEG_START = [1, 4, 71, 17, 8, 75, 46, 8, 81, 76, 8, 83];
const JPEG_SUM = 19081;

const signatures: IdentitySignatures = {
  floats: ["float32", [-1, 2, 3, 3]],
  open: ["float32", [-1, -1, -1, 3]],
  grey: ["float32", [1, -1, -1, 1]],
  alpha: ["uint8", [-1, 2, 3, 4]],
  any_channels: ["int32", [-1, -1, -1, -1]],
  any_rank: ["float64", null],
  half: ["float16", [-1, 2, 3, 3]],
  one: ["uint8", [2, 3, 3]],
  tall: ["float32", [-1, 4, 2, 3]],
  wide: ["float32", [-1, 3, 5, 3]],
  tall_levels: ["uint8", [-1, 4, 2, 3]],
  vectors: ["float32", [-1, 784]],
  channels_first: ["float32", [-1, 3, 224, 224]],
  pairs: ["float32", [2, 2, 3, 3]],
  truth: ["bool", [-1, 2, 3, 3]],
};

describe("REST with image files", () => {
  let folder: string;
  let server: TestServer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "image-body-"));
    writeIdentityModel(folder, signatures);
    server = await startTestServer([modelAt("same", folder)], { engine: "real" });
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  async function post(query: string, file: Uint8Array, headers: Record<string, string> = {}) {
    const answer = await fetch(`${server.restUrl}/v1/models/same:predict?signature_name=${query}`, {
      method: "POST",
      body: file,
      headers: { "Content-Type": "image/png", ...headers },
    });
    return {
      status: answer.status,
      headers: answer.headers,
      bytes: new Uint8Array(await answer.arrayBuffer()),
    };
  }

  /** What the input was. */
  async function pixelsOf(query: string, file: Uint8Array): Promise<{ shape: string; data: number[] }> {
    const { status, headers, bytes } = await post(query, file, { Accept: "application/octet-stream" });
    assert.equal(status, 200, new TextDecoder().decode(bytes));
    const dtype = headers.get("tensor-type") as Exclude<DType, "string">;
    const data = Array.from(dataFromBytes(dtype, bytes), Number);
    return { shape: headers.get("tensor-shape") ?? "", data };
  }

  async function refusalOf(query: string, file: Uint8Array): Promise<string> {
    const { status, bytes } = await post(query, file);
    const text = new TextDecoder().decode(bytes);
    assert.equal(status, 400, text);
    return JSON.parse(text).error;
  }

  const cases: readonly {
    readonly about: string;
    readonly query: string;
    readonly shape: string;
    readonly data: readonly number[];
  }[] = [
    { about: "levels of 0 to 255 as floats", query: "floats", shape: "[1,2,3,3]", data: RGB },
    { about: "of any size where the signature leaves it open", query: "open", shape: "[1,2,3,3]", data: RGB },
    { about: "grey where there is one channel", query: "grey", shape: "[1,2,3,1]", data: GREY },
    { about: "with opacity where there are four", query: "alpha", shape: "[1,2,3,4]", data: RGBA },
    { about: "colours where channels are open", query: "any_channels", shape: "[1,2,3,3]", data: RGB },
    { about: "a batch of one where the rank is open", query: "any_rank", shape: "[1,2,3,3]", data: RGB },
    { about: "without a batch where the signature has none", query: "one", shape: "[2,3,3]", data: RGB },
    { about: "resized", query: "tall&resize=bilinear", shape: "[1,4,2,3]", data: RESIZED },
    {
      about: "resized, and cut off to whole numbers",
      query: "tall_levels&resize=bilinear",
      shape: "[1,4,2,3]",
      data: RESIZED.map(Math.trunc),
    },
    {
      about: "as they are when they have the size to resize to",
      query: "floats&resize=bilinear",
      shape: "[1,2,3,3]",
      data: RGB,
    },
  ];
  for (const { about, query, shape, data } of cases) {
    it(`are ${about}`, async () => {
      assert.deepEqual(await pixelsOf(query, PNG), { shape, data });
    });
  }

  it("are widened between pixels, but for what float32 rounds", async () => {
    const { shape, data } = await pixelsOf("wide&resize=bilinear", PNG);
    assert.equal(shape, "[1,3,5,3]");
    for (const [i, red] of WIDENED_RED.entries())
      assert.ok(Math.abs((data[3 * i] ?? -1) - red) < 1e-4, `red ${i}`);
  });

  it("are half floats, too", async () => {
    const { data } = await pixelsOf("half", PNG);
    // The bits of 255, 0 and 0.
    assert.deepEqual(data.slice(0, 3), [0x5bf8, 0, 0]);
  });

  it("are decoded as TensorFlow decodes JPEG, whatever type is said", async () => {
    const { shape, data } = await pixelsOf("open", JPEG);
    assert.equal(shape, "[1,8,8,3]");
    assert.deepEqual(data.slice(0, JPEG_START.length), JPEG_START);
    assert.equal(
      data.reduce((sum, level) => sum + level),
      JPEG_SUM,
    );
  });

  it("are answered in JSON by rows", async () => {
    const { bytes } = await post("grey", PNG);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(bytes)).outputs?.length, 1);
    const rows = await post("floats", PNG);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(rows.bytes)).predictions?.length, 1);
  });

  it("come many at a time", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => pixelsOf("floats", PNG)));
    for (const { data } of answers) assert.deepEqual(data, RGB);
  });

  const refusals: readonly {
    readonly about: string;
    readonly query: string;
    readonly file: Uint8Array;
    readonly error: RegExp;
  }[] = [
    {
      about: "of another size, which says how",
      query: "floats",
      file: JPEG,
      error:
        /"x": the image has 8 x 8 pixels \(height x width\), but the signature wants 2 x 3: .*\?resize=bilinear/,
    },
    {
      about: "for what is no image",
      query: "vectors",
      file: PNG,
      error: /"x" is float32 of shape \[\?,784\]: send it as application\/octet-stream, application\/x-npy/,
    },
    { about: "for channels that come first", query: "channels_first", file: PNG, error: /channels last/ },
    { about: "for a batch of two", query: "pairs", file: PNG, error: /of shape \[2,2,3,3\]: send it as/ },
    { about: "for truth values", query: "truth", file: PNG, error: /"x" is bool/ },
    {
      about: "with four channels from JPEG",
      query: "alpha&resize=bilinear",
      file: JPEG,
      error: /"x": .*JPEG does not support 4 channels/,
    },
    {
      about: "resized in another way",
      query: "tall&resize=cubic",
      file: PNG,
      error: /only bilinear is known/,
    },
    {
      about: "resized to no known size",
      query: "open&resize=bilinear",
      file: PNG,
      error: /of shape \[\?,\?,\?,3\] says no size to resize to/,
    },
    {
      about: "that are none",
      query: "floats",
      file: new TextEncoder().encode("<svg/>"),
      error: /Unknown image file format. One of JPEG, PNG, GIF, BMP, WebP required/,
    },
    { about: "that are empty", query: "floats", file: new Uint8Array(0), error: /Unknown image file format/ },
    { about: "that are cut off", query: "open", file: JPEG.subarray(0, 500), error: /Invalid JPEG data/ },
    {
      about: "that would take more memory than a body may",
      query: "open",
      file: blackPng(11_000, 11_000),
      error: /an image of 11000 x 11000 pixels takes 1452000000 bytes, more than 536870912/,
    },
    {
      about: "that announce more than anyone has",
      query: "open",
      file: blackPng(0x7fffffff, 0x7fffffff),
      error: /must have at least one and at most 134217728 pixels/,
    },
  ];
  for (const { about, query, file, error } of refusals) {
    it(`are refused ${about}`, async () => {
      assert.match(await refusalOf(query, file), error);
    });
  }

  it("leave the server to others while they are decoded", async () => {
    // Six million pixels.
    const slow = pixelsOf("floats&resize=bilinear", blackPng(3000, 2000));
    let turns = 0;
    const counting = setInterval(() => turns++, 10);
    const start = performance.now();
    await slow;
    clearInterval(counting);
    const ms = performance.now() - start;
    assert.ok(turns > ms / 100, `${turns} turns of the event loop in ${ms} ms`);
  });
});

/** A grey PNG file of zeros; of a size that is refused, its pixels are left out. */
function blackPng(width: number, height: number): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const bytes = (width + 1) * height;
  const pixels = bytes < 2 ** 25 ? deflateSync(Buffer.alloc(bytes)) : Buffer.alloc(1);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", pixels),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Checksums are not compared. */
function chunk(type: string, content: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, Buffer.from(type, "latin1"), content, Buffer.alloc(4)]);
}
