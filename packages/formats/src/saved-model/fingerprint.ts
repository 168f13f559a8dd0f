/**
 * fingerprint.pb: hashes by which a SavedModel is told from others, FarmHash over the bytes of its parts
 * (tensorflow/core/protobuf/fingerprint.proto; the parts are those of tensorflow/cc/saved_model/fingerprinting.cc and
 * tensorflow/core/graph/regularization/simple_delete.cc). What differs between two exports of one model is taken out
 * of the graph first: functions and their numbers, versions, and strings, which may be paths.
 */
import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { dtypeNumber } from "../dtype.js";
import { concatenated, fingerprint64 } from "../hashing/farm-hash.js";
import { toBigInt, type Uint64, uint64 } from "../hashing/uint64.js";
import { type AttrValue, AttrValueSchema } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { type GraphDef, GraphDefSchema } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import type { NodeDef } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import {
  type FingerprintDef,
  FingerprintDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/fingerprint_pb.js";
import {
  type MetaGraphDef,
  SignatureDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import {
  type SavedModel,
  SavedModelSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/saved_model_pb.js";
import { SavedConcreteFunctionSchema } from "../protobuf/gen/tensorflow/core/protobuf/saved_object_graph_pb.js";
import { orderedBytes } from "../protobuf/ordered.js";
import { invalidArgument } from "../status.js";
import { encodeText } from "../tensor.js";

/** Version of the fingerprint's algorithm. */
const FINGERPRINT_PRODUCER = 4;
const ZERO = uint64(0, 0);
const DT_STRING = dtypeNumber("string");

/**
 * The fingerprint of a SavedModel, of its first MetaGraph for the most part.
 *
 * @param checkpointIndex the bytes of `variables/variables.index`, where there is one
 * @throws INVALID_ARGUMENT without a MetaGraph, or when a function of the object graph has no number in its name
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("float32", [], { name: "x" });
 * const builder = new SavedModelBuilder("model");
 * const signatures = { serving_default: predictSignatureDef({ x }, { y: graph.compute("Neg", [x]) }) };
 * builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables: new Map() });
 * builder.save();
 * const { savedModel, fingerprint } = readSavedModel("model");
 * assert.equal(createFingerprint(savedModel).savedModelChecksum, fingerprint?.savedModelChecksum);
 */
export function createFingerprint(savedModel: SavedModel, checkpointIndex?: Uint8Array): FingerprintDef {
  const [metaGraph] = savedModel.metaGraphs;
  if (metaGraph === undefined) throw invalidArgument("A SavedModel without a MetaGraph has no fingerprint");
  const graphDef = metaGraph.graphDef ?? create(GraphDefSchema);
  return create(FingerprintDefSchema, {
    savedModelChecksum: toBigInt(fingerprint64(orderedBytes(SavedModelSchema, savedModel))),
    graphDefProgramHash: toBigInt(fingerprint64(orderedBytes(GraphDefSchema, regularized(graphDef)))),
    signatureDefHash: toBigInt(hashOfSignatures(metaGraph)),
    savedObjectGraphHash: toBigInt(hashOfFunctions(metaGraph)),
    checkpointHash: checkpointIndex === undefined ? 0n : toBigInt(fingerprint64(checkpointIndex)),
    uuid: BigInt(`0x${randomBytes(8).toString("hex")}`).toString(),
    version: { producer: FINGERPRINT_PRODUCER },
  });
}

function regularized(graphDef: GraphDef): GraphDef {
  const { library, versions, ...rest } = graphDef;
  return {
    ...rest,
    node: graphDef.node.map(regularizedNode),
    // The messages stay, empty, where they were.
    ...(library !== undefined && {
      library: { ...library, function: [], gradient: [], registeredGradients: [] },
    }),
    ...(versions !== undefined && {
      versions: { ...versions, producer: 0, minConsumer: 0, badConsumers: [] },
    }),
  };
}

function regularizedNode(node: NodeDef): NodeDef {
  const attr = { ...node.attr };
  if (node.op === "PartitionedCall" || node.op === "StatefulPartitionedCall") {
    const callee = attr.f?.value.case === "func" ? attr.f.value.value : undefined;
    if (callee !== undefined)
      attr.f = withValue({ case: "func", value: { ...callee, name: withoutNumber(callee.name) } });
    if (attr.config_proto !== undefined)
      attr.config_proto = withValue({ case: "s", value: new Uint8Array(0) });
  }
  if (node.op === "Const" && attr.dtype?.value.value === DT_STRING && attr.value !== undefined) {
    attr.value = create(AttrValueSchema);
  }
  return { ...node, attr };
}

function withValue(value: AttrValue["value"]): AttrValue {
  return { ...create(AttrValueSchema), value };
}

/** The number that a function's name ends with, "12" of "__inference_f_12". */
function numberIn(name: string): string | undefined {
  return /(?:^|_)\s*([+-]?\d+)\s*$/.exec(name)?.[1];
}

function withoutNumber(name: string): string {
  const number = numberIn(name);
  return number === undefined ? name : stripped(name, number);
}

function stripped(name: string, number: string): string {
  const suffix = BigInt(number).toString();
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

function byKey(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function hashOfSignatures({ signatureDef }: MetaGraphDef): Uint64 {
  const signatures = Object.entries(signatureDef).sort(([a], [b]) => byKey(a, b));
  return signatures.reduce((hash, [name, def]) => {
    const named = concatenated(hash, fingerprint64(encodeText(name)));
    return concatenated(named, fingerprint64(orderedBytes(SignatureDefSchema, def)));
  }, ZERO);
}

/** The functions of the object graph, by their numbers. */
function hashOfFunctions({ objectGraphDef }: MetaGraphDef): Uint64 {
  const functions = Object.entries(objectGraphDef?.concreteFunctions ?? {}).map(([name, def]) => {
    const number = numberIn(name);
    if (number === undefined) throw invalidArgument(`Function name "${name}" does not end in an integer`);
    return { number: BigInt(number), name: stripped(name, number), def };
  });
  functions.sort((a, b) => (a.number < b.number ? -1 : 1));
  return functions.reduce((hash, { name, def }) => {
    const named = concatenated(hash, fingerprint64(encodeText(name)));
    return concatenated(named, fingerprint64(orderedBytes(SavedConcreteFunctionSchema, def)));
  }, ZERO);
}
