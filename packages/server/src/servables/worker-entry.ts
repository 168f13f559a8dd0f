/** Where a model's worker thread starts: the compile cache first, then all the rest. */
import "../compile-cache.js";

await import("./model-worker.js");
