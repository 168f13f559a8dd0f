/** Everything that @servable/formats offers. Protobuf message types: `@servable/formats/protobuf/...`. */
export * from "./dtype.js";
export * from "./saved-model/signature.js";
export * from "./shape.js";
export * from "./status.js";
export * from "./tensor.js";
