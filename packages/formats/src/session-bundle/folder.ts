/**
 * Names that the SessionBundle format fixes: files of an export folder and collections of its MetaGraph
 * (tensorflow/contrib/session_bundle/constants.py).
 */
export const META_GRAPH_FILE = "export.meta";
/** The checkpoint, or its shards: export, export.index, export-00000-of-00001. */
export const CHECKPOINT_NAME = "export";
export const ASSETS_FOLDER = "assets";

/** A GraphDef to use in place of the MetaGraph's own. */
export const GRAPH_COLLECTION = "serving_graph";
export const INIT_OP_COLLECTION = "serving_init_op";
export const SIGNATURES_COLLECTION = "serving_signatures";
export const ASSETS_COLLECTION = "serving_assets";

/** Digits of a version's folder, at least: "00000123". */
export const VERSION_DIGITS = 8;
