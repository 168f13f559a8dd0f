/**
 * TensorFlow Lite models: translated into TensorFlow's ops and compiled as a SavedModel is. What a request may ask for
 * are the model's signatures; one without any has its first subgraph's inputs and outputs, by the names of their
 * tensors (tensorflow_serving/servables/tensorflow/tflite_session.cc).
 */
import { create } from "@bufbuild/protobuf";
import {
  buildSignatureDef,
  Code,
  DEFAULT_SERVING_SIGNATURE,
  dataLoss,
  decodeMessage,
  dtypeNumber,
  GraphBuilder,
  naming,
  type Output,
  PREDICT_METHOD,
  readFlexBuffer,
  readTfliteModel,
  StatusError,
  shapeToProto,
  type TfliteModel,
  type TfliteSignature,
  type TfliteSubgraph,
  type TfliteTensor,
  unimplemented,
} from "@servable/formats";
import {
  type MetaGraphDef,
  MetaGraphDefSchema,
  type SignatureDef,
  SignatureDefSchema,
  type TensorInfo,
  TensorInfoSchema,
} from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { type LoadOptions, type Model, modelOf } from "./model.js";
import { type OpenedModel, Program } from "./program.js";
import { requireSupported, Translation } from "./tflite/translate.js";

/** Signatures of models from before the schema had a place for them. */
const SIGNATURES_METADATA = "signature_defs_metadata";

/**
 * Loads a TensorFlow Lite model.
 * NOT_FOUND for a missing file; DATA_LOSS for a damaged one; UNIMPLEMENTED, naming operator and tensor, for operators
 * that can't be translated.
 */
export function loadTfliteModel(file: string, options: LoadOptions = {}): Model {
  return naming(file, () => modelOf(openModel(readTfliteModel(file)), options));
}

/** loadTfliteModel without the compiler. */
export function openTfliteModel(file: string): OpenedModel {
  return naming(file, () => openModel(readTfliteModel(file)));
}

function openModel(model: TfliteModel): OpenedModel {
  requireSupported(model);
  const graph = new GraphBuilder();
  const translation = new Translation(model);
  const translated = new Map<number, TranslatedSubgraph>();
  const signatureDef: MetaGraphDef["signatureDef"] = {};
  for (const { key, method, signature } of offeredSignatures(model)) {
    const subgraph =
      translated.get(signature.subgraph) ?? translateMain(translation, graph, signature.subgraph);
    translated.set(signature.subgraph, subgraph);
    signatureDef[key] = signatureDefOf(signature, method, subgraph);
  }
  const initializer =
    translation.initializers.length === 0 ? undefined : graph.group(translation.initializers);
  const metaGraph = create(MetaGraphDefSchema, { graphDef: graph.toGraphDef(), signatureDef });
  const program = new Program(metaGraph);
  if (initializer !== undefined) program.runOnce([], initializer.name);
  return { program, metaGraph };
}

// ---- signatures ----------------------------------------------------------------------------------------------

interface OfferedSignature {
  readonly key: string;
  readonly method: string;
  readonly signature: TfliteSignature;
}

/** As the file has them; by tensor names where it has none. */
function offeredSignatures(model: TfliteModel): OfferedSignature[] {
  const [first] = model.subgraphs as readonly [TfliteSubgraph, ...TfliteSubgraph[]];
  const method = PREDICT_METHOD;
  if (model.signatures.length === 0) return [metadataSignature(model, first) ?? tensorSignature(first)];
  const offered = model.signatures.map((signature) => ({ key: signature.key, method, signature }));
  if (offered.some(({ key }) => key === DEFAULT_SERVING_SIGNATURE)) return offered;
  const main = model.signatures.find(({ subgraph }) => subgraph === 0);
  return main === undefined
    ? offered
    : [...offered, { key: DEFAULT_SERVING_SIGNATURE, method, signature: main }];
}

/** Of inputs and outputs by the names of their tensors. DATA_LOSS when two have one name. */
function tensorSignature(subgraph: TfliteSubgraph): OfferedSignature {
  const named = (indices: readonly number[]) => {
    const names = new Map(indices.map((index) => [(subgraph.tensors[index] as TfliteTensor).name, index]));
    if (names.size < indices.length)
      throw dataLoss(`inputs or outputs share a name: ${[...names.keys()].join(", ")}`);
    return names;
  };
  const key = DEFAULT_SERVING_SIGNATURE;
  const signature = { key, subgraph: 0, inputs: named(subgraph.inputs), outputs: named(subgraph.outputs) };
  return { key, method: PREDICT_METHOD, signature };
}

/**
 * The SignatureDef in a model's metadata: a FlexBuffer of serialized messages by key, of which TensorFlow Serving takes
 * one. Its tensor names are those of the subgraph, with or without ":0".
 */
function metadataSignature(model: TfliteModel, subgraph: TfliteSubgraph): OfferedSignature | undefined {
  const bytes = model.metadata.get(SIGNATURES_METADATA);
  if (bytes === undefined) return undefined;
  const found = readFlexBuffer(bytes, `metadata "${SIGNATURES_METADATA}"`);
  const messages = found instanceof Map ? [...found.values()] : [];
  const [message] = messages;
  if (messages.length !== 1 || !(message instanceof Uint8Array))
    throw new StatusError(
      Code.INVALID_ARGUMENT,
      `Expected one SignatureDef in the model's metadata, found ${messages.length}`,
    );
  const def = decodeMessage(SignatureDefSchema, message, "the SignatureDef in the model's metadata");
  const key = DEFAULT_SERVING_SIGNATURE;
  const signature = {
    key,
    subgraph: 0,
    inputs: tensorsOf(def.inputs, subgraph.inputs, subgraph),
    outputs: tensorsOf(def.outputs, subgraph.outputs, subgraph),
  };
  return { key, method: def.methodName, signature };
}

function tensorsOf(
  infos: SignatureDef["inputs"],
  indices: readonly number[],
  { tensors }: TfliteSubgraph,
): Map<string, number> {
  const byName = new Map(
    indices.map((index) => [withoutIndex((tensors[index] as TfliteTensor).name), index]),
  );
  return new Map(
    Object.entries(infos).map(([key, { encoding }]) => {
      const name = encoding.case === "name" ? encoding.value : "";
      const index = byName.get(withoutIndex(name));
      if (index === undefined)
        throw dataLoss(`the SignatureDef in the model's metadata has tensor "${name}", the model has none`);
      return [key, index];
    }),
  );
}

function withoutIndex(name: string): string {
  return name.replace(/:\d+$/, "");
}

// ---- subgraphs -----------------------------------------------------------------------------------------------

/** A subgraph in the main graph: its tensors' places there. */
interface TranslatedSubgraph {
  readonly subgraph: TfliteSubgraph;
  readonly inputs: ReadonlyMap<number, Output>;
  readonly outputs: ReadonlyMap<number, Output>;
}

function translateMain(translation: Translation, graph: GraphBuilder, index: number): TranslatedSubgraph {
  const subgraph = translation.subgraph(index);
  const placeholders = subgraph.inputs.map((input) => {
    const tensor = subgraph.tensors[input] as TfliteTensor;
    const { type, declaredShape } = tensor;
    if (type === "resource" || type === "variant")
      throw unimplemented(`tensor "${tensor.name}" is a ${type}, which a request can't carry`);
    return graph.placeholder(type, declaredShape, { name: translation.nodeName(tensor) });
  });
  const results = translation.outputs(graph, index, placeholders);
  return {
    subgraph,
    inputs: new Map(subgraph.inputs.map((input, i) => [input, placeholders[i] as Output])),
    outputs: new Map(subgraph.outputs.map((output, i) => [output, results[i] as Output])),
  };
}

function signatureDefOf(
  { key, inputs, outputs }: TfliteSignature,
  methodName: string,
  translated: TranslatedSubgraph,
): SignatureDef {
  const infos = (tensors: ReadonlyMap<string, number>, places: ReadonlyMap<number, Output>) =>
    Object.fromEntries(
      [...tensors].map(([name, index]) => {
        const place = places.get(index);
        if (place === undefined)
          throw dataLoss(`signature "${key}": "${name}" is none of the subgraph's inputs or outputs`);
        return [name, tensorInfo(place, translated.subgraph.tensors[index] as TfliteTensor)];
      }),
    );
  return buildSignatureDef({
    inputs: infos(inputs, translated.inputs),
    outputs: infos(outputs, translated.outputs),
    methodName,
  });
}

function tensorInfo(place: Output, { declaredShape }: TfliteTensor): TensorInfo {
  return create(TensorInfoSchema, {
    encoding: { case: "name", value: place.name },
    dtype: dtypeNumber(place.dtype),
    tensorShape: shapeToProto(declaredShape),
  });
}
