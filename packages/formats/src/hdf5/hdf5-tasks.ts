/** What the HDF5 thread is asked and what it answers: plain data that crosses between threads. */
import type { DType, NumericData } from "../dtype.js";

/** The value of an attribute, as far as Keras uses them. */
export type Hdf5Value = string | number | readonly string[] | readonly number[];

/** A dataset without its content. */
export interface Hdf5Dataset {
  /** From the root, without a leading slash. */
  readonly path: string;
  /** Undefined for types that TensorFlow has none for, such as compounds. */
  readonly dtype: DType | undefined;
  readonly shape: readonly number[];
  readonly attributes: ReadonlyMap<string, Hdf5Value>;
}

/** A group with all that lies below it, without the contents of the datasets. Links to elsewhere are left out. */
export interface Hdf5Group {
  readonly path: string;
  readonly attributes: ReadonlyMap<string, Hdf5Value>;
  /** In the order of their names. */
  readonly groups: ReadonlyMap<string, Hdf5Group>;
  readonly datasets: ReadonlyMap<string, Hdf5Dataset>;
}

/** A dataset to write. float16 and bfloat16 are written as float32, bool as uint8. */
export interface NewHdf5Dataset {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: NumericData;
}

/** A group to write, with all below it. */
export interface NewHdf5Group {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, Hdf5Value>;
  readonly groups: readonly NewHdf5Group[];
  readonly datasets: readonly NewHdf5Dataset[];
}

export type Hdf5Task =
  | { readonly kind: "open"; readonly bytes: Uint8Array }
  | { readonly kind: "read"; readonly handle: number; readonly path: string }
  | { readonly kind: "close"; readonly handle: number }
  | { readonly kind: "write"; readonly root: NewHdf5Group };

export type Hdf5Answer =
  | { readonly kind: "open"; readonly handle: number; readonly root: Hdf5Group }
  /** Little-endian bytes of the elements. */
  | { readonly kind: "read"; readonly bytes: Uint8Array }
  | { readonly kind: "close" }
  | { readonly kind: "write"; readonly bytes: Uint8Array };
