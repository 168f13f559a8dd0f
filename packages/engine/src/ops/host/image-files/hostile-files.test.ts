import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { Code, StatusError, stringTensor, type Tensor } from "@servable/formats";
import { ResourceManager } from "../../../runtime/resource-manager.js";
import { asTensor } from "../../../values.js";
import { nodeFacts } from "../testing/recorded-cases.js";
import { imageKernels } from "./kernels.js";
import { encodePng } from "./png.js";

function decode(file: Uint8Array): Tensor {
  const row = imageKernels.DecodeImage;
  assert.ok(row);
  const kernel = row.kernel(nodeFacts("DecodeImage", "decode", {}));
  return asTensor(kernel([stringTensor([], [file])], { resources: new ResourceManager() })[0]);
}

function encodeJpeg(height: number, width: number): Uint8Array {
  const row = imageKernels.EncodeJpeg;
  assert.ok(row);
  const data = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * 7) % 256);
  const image: Tensor = { dtype: "uint8", shape: [height, width, 3], data };
  const kernel = row.kernel(nodeFacts("EncodeJpeg", "encode", {}));
  return asTensor(kernel([image], { resources: new ResourceManager() })[0]).data[0] as Uint8Array;
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const text = (value: string): number[] => [...value].map((character) => character.charCodeAt(0));

function pngChunk(type: string, content: Uint8Array): number[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return [...length, ...text(type), ...content, 0, 0, 0, 0];
}

function pngOf(width: number, height: number, pixels: Uint8Array): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  return bytes(
    ...signature,
    ...pngChunk("IHDR", header),
    ...pngChunk("IDAT", pixels),
    ...pngChunk("IEND", bytes()),
  );
}

const small = {
  JPEG: encodeJpeg(9, 11),
  PNG: encodePng(
    { width: 5, height: 4, channels: 3, data: Uint8Array.from({ length: 60 }, (_, i) => i * 4) },
    -1,
  ),
  GIF: bytes(
    ...text("GIF89a"),
    2,
    0,
    1,
    0,
    0x80,
    0,
    0,
    0,
    0,
    0,
    9,
    8,
    7,
    0x2c,
    0,
    0,
    0,
    0,
    2,
    0,
    1,
    0,
    0,
    2,
    2,
    0x44,
    0x0a,
    0,
    0x3b,
  ),
  BMP: bytes(
    ...text("BM"),
    62,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    54,
    0,
    0,
    0,
    40,
    0,
    0,
    0,
    2,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    1,
    0,
    24,
    ...new Array(25).fill(0),
    1,
    2,
    3,
    4,
    5,
    6,
    0,
    0,
  ),
};

describe("an image that announces more pixels than it should", () => {
  const jpeg = small.JPEG.slice();
  const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
  jpeg.set([0xff, 0xff, 0xff, 0xff], frame + 5);
  const gif = small.GIF.slice();
  gif.set([0xff, 0xff, 0xff, 0xff], 24);
  const bmp = small.BMP.slice();
  bmp.set([0xff, 0xff, 0xff, 0x7f], 18);
  const webp = bytes(
    ...text("RIFF"),
    0,
    0,
    0,
    0,
    ...text("WEBPVP8X"),
    10,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
  );
  const files: [name: string, file: Uint8Array][] = [
    ["JPEG", jpeg],
    ["PNG", pngOf(0xffffffff, 0xffffffff, bytes())],
    ["GIF", gif],
    ["BMP", bmp],
    ["WebP", webp],
  ];
  for (const [name, file] of files) {
    it(`${name} is refused by its header`, () => {
      assert.throws(() => decode(file), { code: Code.INVALID_ARGUMENT, message: /pixels/ });
    });
  }
});

describe("a PNG that inflates to more than its pixels", () => {
  it("is refused without inflating it all", () => {
    const bomb = deflateSync(Buffer.alloc(1 << 26));
    assert.throws(() => decode(pngOf(4, 4, bomb)), { code: Code.INVALID_ARGUMENT });
  });
});

describe("a damaged image", () => {
  const isStatus = (error: unknown): boolean =>
    error instanceof StatusError && error.code === Code.INVALID_ARGUMENT;

  for (const [name, file] of Object.entries(small)) {
    it(`${name} is decoded as a whole`, () => {
      assert.equal(decode(file).dtype, "uint8");
    });

    it(`${name} cut anywhere is refused or decoded in part`, () => {
      for (let length = 0; length < file.length; length += name === "JPEG" ? 7 : 1) {
        try {
          decode(file.subarray(0, length));
        } catch (error) {
          assert.ok(isStatus(error), `${name} of ${length} bytes: ${String(error)}`);
        }
      }
    });

    it(`${name} with any byte changed is refused or decoded`, () => {
      for (let at = 0; at < file.length; at += name === "JPEG" ? 5 : 1) {
        const damaged = file.slice();
        damaged[at] = (damaged[at] as number) ^ 0xa5;
        try {
          decode(damaged);
        } catch (error) {
          assert.ok(isStatus(error), `${name} with byte ${at} changed: ${String(error)}`);
        }
      }
    });
  }
});
