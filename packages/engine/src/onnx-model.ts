/** Models that are ONNX already: served as they are, with one signature made of the file's inputs and outputs. */
import { create } from "@bufbuild/protobuf";
import {
  buildSignatureDef,
  DEFAULT_SERVING_SIGNATURE,
  dtypeNumber,
  invalidArgument,
  notFound,
  PREDICT_METHOD,
  type Signature,
  signatureFromDef,
  type Tensor,
  unimplemented,
} from "@servable/formats";
import {
  type TensorInfo,
  TensorInfoSchema,
} from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import {
  type SignatureDefMap,
  SignatureDefMapSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import type { LoadOptions, Model } from "./model.js";
import type { OnnxPort } from "./onnx/onnx-graph.js";
import type { RowIndependence } from "./passes/row-independence.js";
import { OnnxSession } from "./runtime/session.js";

/** INVALID_ARGUMENT for a file that ONNX Runtime refuses; UNIMPLEMENTED for ports that no request can carry. */
export function loadOnnxModel(file: string, options: LoadOptions = {}): Model {
  return new OnnxModel(OnnxSession.open(file, options));
}

class OnnxModel implements Model {
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly signatureDefs: SignatureDefMap;

  constructor(private readonly session: OnnxSession) {
    const infos = (ports: readonly OnnxPort[]) =>
      Object.fromEntries(ports.map((port) => [port.name, tensorInfo(port)]));
    const def = buildSignatureDef({
      inputs: infos(session.inputs),
      outputs: infos(session.outputs),
      methodName: PREDICT_METHOD,
    });
    this.signatureDefs = create(SignatureDefMapSchema, {
      signatureDef: { [DEFAULT_SERVING_SIGNATURE]: def },
    });
    this.signatures = new Map([
      [DEFAULT_SERVING_SIGNATURE, signatureFromDef(DEFAULT_SERVING_SIGNATURE, def)],
    ]);
  }

  run(
    signature: string,
    inputs: ReadonlyMap<string, Tensor>,
    outputs?: readonly string[],
  ): Map<string, Tensor> {
    this.check(signature);
    const results = this.session.run(this.session.inputs.map((port) => feed(port, inputs)));
    const all = new Map(this.session.outputs.map((port, i) => [port.name, results[i] as Tensor]));
    if (outputs === undefined) return all;
    return new Map(outputs.map((name) => [name, all.get(name) ?? unknownOutput(name)]));
  }

  rowIndependence(signature: string): RowIndependence {
    this.check(signature);
    return { independent: false, reason: "models in ONNX's own format are not analyzed" };
  }

  hasBoundedWork(signature: string): boolean {
    this.check(signature);
    return false;
  }

  leavesNoTrace(signature: string): boolean {
    this.check(signature);
    return true;
  }

  /** The file is not looked into: it may. */
  hasLoops(signature: string): boolean {
    this.check(signature);
    return true;
  }

  runTensors(): Tensor[] {
    throw unimplemented("a model in ONNX's own format has no TensorFlow graph whose tensors could be run");
  }

  close(): void {
    this.session.dispose();
  }

  private check(signature: string): void {
    if (!this.signatures.has(signature)) {
      throw notFound(
        `Serving signature name: "${signature}" not found in signature def; there is "${DEFAULT_SERVING_SIGNATURE}"`,
      );
    }
  }
}

function unknownOutput(name: string): never {
  throw invalidArgument(`the model has no output "${name}"`);
}

function feed(port: OnnxPort, inputs: ReadonlyMap<string, Tensor>): Tensor {
  const value = inputs.get(port.name);
  if (value === undefined) throw invalidArgument(`input "${port.name}" is missing`);
  if (value.dtype !== port.dtype) {
    throw invalidArgument(`input "${port.name}" has dtype ${value.dtype}, expected ${port.dtype}`);
  }
  return value;
}

function tensorInfo({ name, dtype, shape }: OnnxPort): TensorInfo {
  return create(TensorInfoSchema, {
    encoding: { case: "name", value: `${name}:0` },
    dtype: dtypeNumber(dtype),
    tensorShape:
      shape === null ? { unknownRank: true } : { dim: shape.map((size) => ({ size: BigInt(size) })) },
  });
}
