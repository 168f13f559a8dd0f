/**
 * Signatures of SessionBundles (tensorflow_serving/session_bundle/manifest.proto) → SignatureDefs. Which become what
 * and under which keys follows tensorflow/contrib/session_bundle/bundle_shim.cc:
 *
 *     default signature, classification or regression      serving_default
 *     named "inputs" and "outputs", both generic           serving_default, or serving_default_from_named
 *                                                          where that is taken: Predict
 *     other named ones, classification or regression       their own name
 *
 * All others can't be asked for through the serving API and are left out.
 */
import { create } from "@bufbuild/protobuf";
import { type NodeAttrs, outputTypes } from "../op-defs/node-types.js";
import { opDef } from "../op-defs/op-def.js";
import type { GraphDef } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import type { NodeDef } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import type { TensorShapeProto } from "../protobuf/gen/tensorflow/core/framework/tensor_shape_pb.js";
import {
  type SignatureDef,
  SignatureDefSchema,
  type TensorInfo,
  TensorInfoSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import type {
  ClassificationSignature,
  GenericSignature,
  RegressionSignature,
  Signature,
  Signatures,
} from "../protobuf/gen/tensorflow_serving/session_bundle/manifest_pb.js";
import {
  CLASSES_OUTPUT,
  EXAMPLES_INPUT,
  REGRESSION_OUTPUT,
  SCORES_OUTPUT,
} from "../saved-model/build-signature-def.js";
import {
  CLASSIFY_METHOD,
  DEFAULT_SERVING_SIGNATURE,
  PREDICT_METHOD,
  REGRESS_METHOD,
} from "../saved-model/signature.js";
import { Code, StatusError } from "../status.js";
import { shapeToProto } from "../tensor-proto.js";

/** The pair of generic signatures that makes one for Predict. */
export const INPUTS_SIGNATURE = "inputs";
export const OUTPUTS_SIGNATURE = "outputs";

/**
 * The SignatureDefs by key, with dtypes and shapes from the graph's nodes.
 * ALREADY_EXISTS when `existing`, the SignatureDefs of the MetaGraph itself, and the default signature both claim
 * "serving_default".
 */
export function convertSignatures(
  signatures: Signatures,
  graph: GraphDef,
  existing: Readonly<Record<string, SignatureDef>> = {},
): Record<string, SignatureDef> {
  const infos = new TensorInfos(graph);
  const defs = new Map(Object.entries(existing));
  const byDefault = single(signatures.defaultSignature, infos);
  if (signatures.defaultSignature !== undefined && defs.has(DEFAULT_SERVING_SIGNATURE)) {
    throw new StatusError(
      Code.ALREADY_EXISTS,
      `The default signature can't become "${DEFAULT_SERVING_SIGNATURE}": the MetaGraph has such a SignatureDef already`,
    );
  }
  if (byDefault !== undefined) defs.set(DEFAULT_SERVING_SIGNATURE, byDefault);
  const predict = predictSignature(signatures, infos);
  if (predict !== undefined) {
    const isTaken = defs.has(DEFAULT_SERVING_SIGNATURE);
    defs.set(isTaken ? `${DEFAULT_SERVING_SIGNATURE}_from_named` : DEFAULT_SERVING_SIGNATURE, predict);
  }
  for (const [name, signature] of Object.entries(signatures.namedSignatures)) {
    const def = single(signature, infos);
    if (def !== undefined) defs.set(name, def);
  }
  return Object.fromEntries(defs);
}

/** What stands for itself; undefined for generic signatures. */
function single(signature: Signature | undefined, infos: TensorInfos): SignatureDef | undefined {
  switch (signature?.type.case) {
    case "regressionSignature":
      return regression(signature.type.value, infos);
    case "classificationSignature":
      return classification(signature.type.value, infos);
    default:
      return undefined;
  }
}

function regression({ input, output }: RegressionSignature, infos: TensorInfos): SignatureDef {
  return create(SignatureDefSchema, {
    methodName: REGRESS_METHOD,
    inputs: infos.of({ [EXAMPLES_INPUT]: input?.tensorName }),
    outputs: infos.of({ [REGRESSION_OUTPUT]: output?.tensorName }),
  });
}

function classification(
  { input, classes, scores }: ClassificationSignature,
  infos: TensorInfos,
): SignatureDef {
  return create(SignatureDefSchema, {
    methodName: CLASSIFY_METHOD,
    inputs: infos.of({ [EXAMPLES_INPUT]: input?.tensorName }),
    outputs: infos.of({ [CLASSES_OUTPUT]: classes?.tensorName, [SCORES_OUTPUT]: scores?.tensorName }),
  });
}

function predictSignature({ namedSignatures }: Signatures, infos: TensorInfos): SignatureDef | undefined {
  const inputs = generic(namedSignatures[INPUTS_SIGNATURE]);
  const outputs = generic(namedSignatures[OUTPUTS_SIGNATURE]);
  if (inputs === undefined || outputs === undefined) return undefined;
  return create(SignatureDefSchema, {
    methodName: PREDICT_METHOD,
    inputs: infos.of(namesOf(inputs)),
    outputs: infos.of(namesOf(outputs)),
  });
}

function generic(signature: Signature | undefined): GenericSignature | undefined {
  return signature?.type.case === "genericSignature" ? signature.type.value : undefined;
}

function namesOf({ map }: GenericSignature): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([key, { tensorName }]) => [key, tensorName]));
}

/** Looks tensors up in a graph. */
class TensorInfos {
  private readonly nodes: ReadonlyMap<string, NodeDef>;

  constructor(private readonly graph: GraphDef) {
    this.nodes = new Map(graph.node.map((node) => [node.name, node]));
  }

  /** Key → tensor name; a key without a name is left out. A tensor that the graph lacks has no dtype. */
  of(names: Readonly<Record<string, string | undefined>>): Record<string, TensorInfo> {
    return Object.fromEntries(
      Object.entries(names).flatMap(([key, name]) => (name ? [[key, this.infoOf(name)]] : [])),
    );
  }

  private infoOf(tensorName: string): TensorInfo {
    const [, nodeName = tensorName, index = "0"] = /^(.*):(\d+)$/s.exec(tensorName) ?? [];
    const node = this.nodes.get(nodeName);
    const encoding = { case: "name", value: `${nodeName}:${index}` } as const;
    if (node === undefined) return create(TensorInfoSchema, { encoding });
    return create(TensorInfoSchema, {
      encoding,
      dtype: dtypeOf(node, Number(index)),
      tensorShape: this.shapeOf(node, Number(index)) ?? shapeToProto(null),
    });
  }

  private shapeOf({ attr }: NodeDef, index: number): TensorShapeProto | undefined {
    const inferred = attr._output_shapes?.value;
    const found = inferred?.case === "list" ? inferred.value.shape[index] : undefined;
    if (found !== undefined) return found;
    const declared = attr.shape?.value;
    if (declared?.case !== "shape") return undefined;
    return this.isScalarUnknown(declared.value) ? undefined : declared.value;
  }

  /** Before TensorFlow 1.0 a placeholder of unknown shape had the shape of a scalar (Placeholder's shape function). */
  private isScalarUnknown(shape: TensorShapeProto): boolean {
    const producer = this.graph.versions?.producer ?? 0;
    return producer <= LAST_WITH_SCALARS_UNKNOWN && !shape.unknownRank && shape.dim.length === 0;
  }
}

const LAST_WITH_SCALARS_UNKNOWN = 21;
const REF_OFFSET = 100;

/** DT_INVALID for ops or outputs that don't exist: such a signature is then unusable, and the model's others are not. */
function dtypeOf(node: NodeDef, index: number): number {
  const def = opDef(node.op);
  const attrs: NodeAttrs = node.attr;
  const type = def === undefined ? 0 : (outputTypes(def, attrs)[index] ?? 0);
  return type > REF_OFFSET ? type - REF_OFFSET : type;
}
