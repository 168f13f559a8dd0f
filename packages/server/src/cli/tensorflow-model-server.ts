/** The `tensorflow_model_server` program: `servable serve` by the name that scripts and images know. */
import "../compile-cache.js";

const { serve } = await import("./serve.js");

process.exitCode = await serve("tensorflow_model_server", process.argv.slice(2));
