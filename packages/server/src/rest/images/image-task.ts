/** What the image thread is asked for and what it answers. */
import type { Tensor } from "@servable/formats";
import type { PackedError } from "../../servables/worker-protocol.js";

/** Types that pixels are cast to. */
export type PixelType = Exclude<Tensor["dtype"], "string">;

export interface ImageTask {
  readonly file: Uint8Array;
  readonly dtype: PixelType;
  readonly channels: number;
  /** In pixels; undefined where any will do. */
  readonly height: number | undefined;
  readonly width: number | undefined;
  /** Whether another size becomes this one, both being known, or is refused. */
  readonly resizes: boolean;
}

export type ImageAnswer =
  /** Of shape [height, width, channels]. */
  | { readonly kind: "pixels"; readonly tensor: Tensor }
  | { readonly kind: "error"; readonly error: PackedError };
