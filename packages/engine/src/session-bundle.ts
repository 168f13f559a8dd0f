/**
 * SessionBundles as models: exports from before there were SavedModels. Their restore op is fed with the checkpoint's
 * path, their init op with those of the asset files, as tensorflow/contrib/session_bundle/session_bundle.cc does.
 */
import { readSessionBundle, stringTensor, type Tensor } from "@servable/formats";
import { type LoadOptions, type Model, modelOf } from "./model.js";
import { type OpenedModel, Program } from "./program.js";

/**
 * Loads the export in a version's folder. It has no tags.
 * NOT_FOUND for a folder without an export, or ops that don't exist; DATA_LOSS, FAILED_PRECONDITION and
 * INVALID_ARGUMENT for damaged files; UNIMPLEMENTED when no signature can run.
 */
export function loadSessionBundle(dir: string, options: LoadOptions = {}): Model {
  return modelOf(openSessionBundle(dir), options);
}

/** loadSessionBundle without the compiler: all errors but UNIMPLEMENTED. */
export function openSessionBundle(dir: string): OpenedModel {
  const { metaGraph, checkpoint, assets, initOp } = readSessionBundle(dir);
  const program = new Program(metaGraph);
  const feeds = [...assets].map(([name, file]): [string, Tensor] => [name, stringTensor([], [file])]);
  const { restoreOpName = "", filenameTensorName = "" } = metaGraph.saverDef ?? {};
  if (restoreOpName !== "") {
    program.runOnce([...feeds, [filenameTensorName, stringTensor([], [checkpoint])]], restoreOpName);
  }
  if (initOp !== undefined) program.runOnce(feeds, initOp);
  return { program, metaGraph };
}
