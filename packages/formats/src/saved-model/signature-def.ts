/**
 * SignatureDef (tensorflow/core/protobuf/meta_graph.proto) to Signature.
 *
 * Two of a MetaGraph's SignatureDefs name ops rather than something to call and are left out. A signature with a
 * tensor that cannot cross the API, such as a handle, is left out too, and `unusableSignaturesOf` says why: it must
 * not take the others down.
 */
import { requireDtype } from "../dtype.js";
import type {
  MetaGraphDef,
  SignatureDef,
  TensorInfo,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { invalidArgument, StatusError } from "../status.js";
import { partialShapeFromProto, tensorFromProto } from "../tensor-proto.js";
import { INIT_OP_SIGNATURE, TRAIN_OP_SIGNATURE } from "./meta-graph.js";
import type { Signature, TensorSpec } from "./signature.js";

/**
 * The signatures of a MetaGraph that a caller can ask for, by name.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
 * const x = new GraphBuilder().placeholder("float32", [-1], { name: "x" });
 * const signatureDef = { serving_default: predictSignatureDef({ x }, { y: x }) };
 * const metaGraph = create(MetaGraphDefSchema, { signatureDef });
 * const signature = signaturesOf(metaGraph).get("serving_default");
 * assert.deepEqual(signature?.inputs.get("x"), { name: "x:0", dtype: "float32", shape: [-1] });
 */
export function signaturesOf(metaGraph: MetaGraphDef): Map<string, Signature> {
  return readSignatures(metaGraph).usable;
}

/**
 * The signatures that signaturesOf leaves out because they cannot be called, and what is wrong with each.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
 * const x = new GraphBuilder().placeholder("float32", [-1], { name: "x" });
 * const signatureDef = { serving_default: predictSignatureDef({ x }, { y: x }) };
 * const metaGraph = create(MetaGraphDefSchema, { signatureDef });
 * assert.equal(unusableSignaturesOf(metaGraph).size, 0);
 */
export function unusableSignaturesOf(metaGraph: MetaGraphDef): Map<string, StatusError> {
  return readSignatures(metaGraph).unusable;
}

function readSignatures(metaGraph: MetaGraphDef) {
  const usable = new Map<string, Signature>();
  const unusable = new Map<string, StatusError>();
  for (const [name, def] of Object.entries(metaGraph.signatureDef)) {
    if (name === INIT_OP_SIGNATURE || name === TRAIN_OP_SIGNATURE) continue;
    try {
      usable.set(name, signatureFromDef(name, def));
    } catch (reason) {
      unusable.set(name, StatusError.from(reason));
    }
  }
  return { usable, unusable };
}

/**
 * One signature. INVALID_ARGUMENT, naming the input or output, when a tensor has no values or no name.
 *
 * @example
 * const x = new GraphBuilder().placeholder("float32", [-1], { name: "x" });
 * const signature = signatureFromDef("serving_default", predictSignatureDef({ x }, { y: x }));
 * assert.deepEqual([...signature.outputs.keys()], ["y"]);
 */
export function signatureFromDef(name: string, def: SignatureDef): Signature {
  return {
    name,
    methodName: def.methodName,
    inputs: mapValues(def.inputs, (info, key) => specOf(info, `signature "${name}", input "${key}"`)),
    outputs: mapValues(def.outputs, (info, key) => specOf(info, `signature "${name}", output "${key}"`)),
    defaults: mapValues(def.defaults, (proto, key) =>
      tensorFromProto(proto, `signature "${name}", default of input "${key}"`),
    ),
  };
}

function mapValues<From, To>(
  record: Record<string, From>,
  convert: (value: From, key: string) => To,
): Map<string, To> {
  return new Map(Object.entries(record).map(([key, value]) => [key, convert(value, key)]));
}

function specOf(info: TensorInfo, where: string): TensorSpec {
  const { encoding } = info;
  const dtype = requireDtype(info.dtype, where);
  const shape = partialShapeFromProto(info.tensorShape);
  switch (encoding.case) {
    case "name":
      return { name: encoding.value, dtype, shape };
    case "cooSparse": {
      const { valuesTensorName: values, indicesTensorName: indices } = encoding.value;
      const sparse = { values, indices, denseShape: encoding.value.denseShapeTensorName };
      return { name: values, dtype, shape, sparse };
    }
    case "compositeTensor":
      throw invalidArgument(`${where} is a composite tensor, which the serving APIs cannot express`);
    default:
      throw invalidArgument(`${where} names no tensor`);
  }
}
