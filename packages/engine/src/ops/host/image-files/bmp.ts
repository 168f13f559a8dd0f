/**
 * BMP files in the forms that TensorFlow reads: uncompressed, 8 bits without a palette, 24 or 32 bits a pixel
 * (DecodeBmp in tensorflow/core/kernels/image/decode_image_op.cc).
 */
import { invalidArgument } from "@servable/formats";
import { checkSize, type Pixels } from "./image-file.js";

/** Up to where bits per pixel are said. */
const LEAST_HEADER = 32;

/** Decodes a file to 3 or 4 channels, or, with 0, to those that it has. */
export function decodeBmp(file: Uint8Array, channels: number): Pixels {
  const { width, height } = bmpSize(file);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const [start, signedHeight] = [view.getUint32(10, true), view.getInt32(22, true)];
  const bits = view.getUint16(28, true);
  if (bits !== 8 && bits !== 24 && bits !== 32) {
    throw invalidArgument(`Number of channels inherent in the image must be 1, 3 or 4, was ${bits / 8}`);
  }
  const own = bits / 8;
  const wanted = channels === 0 ? own : channels;
  const rowBytes = Math.ceil((own * width) / 4) * 4;
  const surplus = file.length - start - rowBytes * height;
  if (surplus !== 0) {
    throw invalidArgument(
      `Input size should match (header_size + row_size * abs_height) but they differ by ${surplus}`,
    );
  }
  const data = new Uint8Array(width * height * wanted);
  for (let y = 0; y < height; y++) {
    // Rows go upwards unless the height is negative.
    const row = start + rowBytes * (signedHeight < 0 ? y : height - 1 - y);
    for (let x = 0; x < width; x++)
      putPixel(file, row + x * own, own, data, (y * width + x) * wanted, wanted);
  }
  return { width, height, channels: wanted, data };
}

/** Width and height as the header has them. INVALID_ARGUMENT without a header, and for too many pixels. */
export function bmpSize(file: Uint8Array): { readonly width: number; readonly height: number } {
  if (file.length < LEAST_HEADER) {
    throw invalidArgument(
      `Incomplete bmp content, requires at least ${LEAST_HEADER} bytes to find the header size, width, height, and bpp, got ${file.length} bytes`,
    );
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const [width, height] = [view.getInt32(18, true), Math.abs(view.getInt32(22, true))];
  checkSize("BMP", width, height);
  return { width, height };
}

/** Colours are stored blue first; a grey serves all three. */
function putPixel(
  file: Uint8Array,
  from: number,
  own: number,
  data: Uint8Array,
  at: number,
  wanted: number,
): void {
  for (let c = 0; c < Math.min(wanted, 3); c++) {
    data[at + c] = file[own === 1 ? from : from + 2 - c] as number;
  }
  if (wanted === 4) data[at + 3] = own === 4 ? (file[from + 3] as number) : 0xff;
}
