/**
 * Files that go with a model, such as vocabularies. The graph holds their paths as string constants; a SavedModel
 * lists which (AssetFileDef in tensorflow/core/protobuf/meta_graph.proto), and a loader feeds the paths where the
 * files then are.
 */
import { basename } from "node:path";
import type { Output } from "./operation.js";

export interface Asset {
  /** Where the file is now. */
  readonly path: string;
  /** Its name in the assets folder. */
  readonly fileName: string;
  /** The constant that holds the path. */
  readonly tensor: Output;
}

/**
 * The name that a file gets among other assets: its own; another where a different file has that. A file that is
 * there already keeps its name.
 */
export function assetFileName(path: string, others: readonly Asset[]): string {
  const known = others.find((asset) => asset.path === path);
  if (known !== undefined) return known.fileName;
  const wanted = basename(path);
  const isTaken = (name: string) => others.some(({ fileName }) => fileName === name);
  let unique = wanted;
  for (let i = 1; isTaken(unique); i++) unique = `${wanted}_${i}`;
  return unique;
}
