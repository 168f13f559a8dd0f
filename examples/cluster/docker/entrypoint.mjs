// What the image runs: the server with the flags that TensorFlow Serving's image gives it, and those of the command
// line after them. It is the same process, so signals reach the server.
const { MODEL_NAME = "model", MODEL_BASE_PATH = "/models" } = process.env;

process.argv.splice(
  2,
  0,
  "--port=8500",
  "--rest_api_port=8501",
  `--model_name=${MODEL_NAME}`,
  `--model_base_path=${MODEL_BASE_PATH}/${MODEL_NAME}`,
);
await import("./packages/server/dist/bundle/tensorflow-model-server.js");
