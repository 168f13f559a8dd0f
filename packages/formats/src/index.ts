/** Everything that @servable/formats offers. Protobuf message types: `@servable/formats/protobuf/...`. */
export * from "./dtype.js";
export * from "./example-json.js";
export * from "./float16.js";
export * from "./op-defs/node-types.js";
export * from "./op-defs/op-def.js";
export * from "./protobuf/binary.js";
export * from "./saved-model/meta-graph.js";
export * from "./saved-model/reader.js";
export * from "./saved-model/signature.js";
export * from "./saved-model/signature-def.js";
export * from "./shape.js";
export * from "./status.js";
export * from "./tensor.js";
export * from "./tensor-json.js";
export * from "./tensor-proto.js";
