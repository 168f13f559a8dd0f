/** Everything that @servable/formats offers. Protobuf message types: `@servable/formats/protobuf/...`. */
export { Checkpoint, type CheckpointRestoreOptions, type CheckpointTree } from "./checkpoint/checkpoint.js";
export * from "./checkpoint/checkpoint-reader.js";
export {
  CheckpointSaver,
  type CheckpointSaverOptions,
  type SaveOptions,
  type VariableSelection,
} from "./checkpoint/checkpoint-saver.js";
export {
  type CheckpointOptions,
  type CheckpointVersion,
  type CheckpointWriter,
  createCheckpoint,
} from "./checkpoint/checkpoint-writer.js";
export { copyTensors } from "./checkpoint/copy.js";
export { removeCheckpoint } from "./checkpoint/files.js";
export {
  type CheckpointAttribute,
  CheckpointObject,
  ObjectCheckpoint,
  type SlotVariable,
} from "./checkpoint/object-graph.js";
export * from "./checkpoint/open.js";
export { readWholeFile } from "./checkpoint/random-access-file.js";
export * from "./checkpoint/sstable.js";
export * from "./checkpoint/sstable-writer.js";
export * from "./checkpoint/state.js";
export * from "./checkpoint/tensor-bundle-reader.js";
export * from "./checkpoint/tensor-bundle-writer.js";
export * from "./checkpoint/tensor-slice.js";
export * from "./checkpoint/v1-reader.js";
export * from "./checkpoint/v1-writer.js";
export * from "./crc32c.js";
export * from "./dtype.js";
export * from "./example.js";
export {
  ExampleCodec,
  type ExampleFields,
  type ExampleInput,
  type ExampleOutput,
  type FeatureKind,
} from "./example-codec.js";
export * from "./example-json.js";
export * from "./example-json-client.js";
export * from "./example-wire.js";
export * from "./float16.js";
export { convertVariablesToConstants, freezeMetaGraph } from "./freeze/convert-variables.js";
export * from "./freeze/frozen-graph.js";
export type { Asset } from "./graph-builder/asset.js";
export type { AttrInput, AttrScalarInput } from "./graph-builder/attr-value.js";
export { type FunctionBody, type FunctionParameter, GraphFunction } from "./graph-builder/function.js";
export * from "./graph-builder/graph-builder.js";
export {
  HashTable,
  type HashTableInit,
  type HashTableOfFile,
  type HashTableOfValues,
  type LinePart,
} from "./graph-builder/hash-table.js";
export type { ArgInputs, AttrInputs } from "./graph-builder/node-completion.js";
export { Operation, Output } from "./graph-builder/operation.js";
export {
  type AxisSizeOptions,
  axisSizePartitioner,
  fixedSizePartitioner,
  PartitionedVariable,
  type PartitionedVariableOptions,
  type Partitioner,
} from "./graph-builder/partitioned-variable.js";
export { addSaver } from "./graph-builder/saver.js";
export { Variable, type VariableOptions, type VariablePartition } from "./graph-builder/variable.js";
export {
  groupAt,
  Hdf5File,
  isHdf5,
  writeHdf5,
} from "./hdf5/hdf5-file.js";
export type { Hdf5Dataset, Hdf5Group, Hdf5Value, NewHdf5Dataset, NewHdf5Group } from "./hdf5/hdf5-tasks.js";
export * from "./keras/model.js";
export { type KerasReadOptions, loadKerasWeights, readKerasModel } from "./keras/reader.js";
export type { WeightLoading } from "./keras/stored-weights.js";
export type { WeightedLayer, WeightSpec, WeightValues } from "./keras/weight.js";
export * from "./keras/writer.js";
export * from "./npy.js";
export * from "./npz.js";
export * from "./op-defs/check-attrs.js";
export * from "./op-defs/node-types.js";
export * from "./op-defs/op-def.js";
export { opDefFromProto } from "./op-defs/op-def-from-proto.js";
export { strippedOpList } from "./op-defs/op-list.js";
export * from "./protobuf/binary.js";
export { orderedBytes } from "./protobuf/ordered.js";
export * from "./saved-model/build-signature-def.js";
export * from "./saved-model/builder.js";
export { createFingerprint } from "./saved-model/fingerprint.js";
export { LoadedMetaGraph, loader, loadSavedModel, maybeSavedModelDirectory } from "./saved-model/loader.js";
export * from "./saved-model/meta-graph.js";
export * from "./saved-model/reader.js";
export * from "./saved-model/signature.js";
export * from "./saved-model/signature-def.js";
export type { VariableSource } from "./saved-model/variable-source.js";
export {
  type ExportedVersion,
  Exporter,
  type ExporterInit,
  type ExportOptions,
  largestExportVersions,
} from "./session-bundle/exporter.js";
export { isSessionBundleFolder, readSessionBundle, type SessionBundle } from "./session-bundle/reader.js";
export { type GraphSaveOptions, Saver, type SaverOptions } from "./session-bundle/saver.js";
export * from "./session-bundle/signatures.js";
export * from "./shape.js";
export * from "./status.js";
export * from "./tensor.js";
export * from "./tensor-json.js";
export * from "./tensor-proto.js";
export * from "./tensor-wire.js";
export { type ParseTextOptions, parseText } from "./text-proto/parser.js";
export { type PrintTextOptions, printText } from "./text-proto/printer.js";
export { readTfjsModel, type TfjsModel } from "./tfjs/reader.js";
export { constantTensor, tensorText } from "./tflite/constant.js";
export { type FlexValue, readFlexBuffer } from "./tflite/flexbuffer.js";
export * from "./tflite/model.js";
export type { OptionsKind, TfliteOptions } from "./tflite/options.js";
export { readTfliteModel, TFLITE_MODEL_FILE } from "./tflite/reader.js";
export type { TfliteActivation, TflitePadding } from "./tflite/schema.js";
export * from "./tfrecord.js";
export * from "./varint.js";
export * from "./wire-reader.js";
export * from "./wire-writer.js";
export { isZip, readZip, writeZip, type ZipEntry } from "./zip.js";
