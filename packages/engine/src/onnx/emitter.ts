/**
 * Where op rows write ONNX. One emitter serves one TensorFlow node and collects a fragment: ONNX nodes, their small
 * constants, and which values are the node's outputs. The partition later joins fragments into models.
 *
 * Three things are decided here so that no row has to know them:
 * - which element type carries a TensorFlow dtype (`carrierOf`): half floats travel as float32 and are rounded after
 *   each node, as TensorFlow's CPU kernels do;
 * - what ONNX Runtime's CPU kernels accept (`kernel-types.ts`): other integer types are cast to a wider one and back;
 * - what they get wrong (`substitutes.ts`): that is composed of other operators.
 */
import { type DType, dtypeInfo, type Shape, type Tensor, tensor } from "@servable/formats";
import { type ConstantSource, constantOf } from "../graph/constant.js";
import { NotExpressible } from "../ops/op-table.js";
import { acceptedTypes, isSignless, outputTypeRule } from "./kernel-types.js";
import type { OnnxAttrs, OnnxGraph, OnnxOp } from "./onnx-graph.js";
import { substituteOf } from "./substitutes.js";

/** A value in an ONNX graph. */
export interface OnnxValue {
  readonly name: string;
  /** Element type on the ONNX side. */
  readonly dtype: DType;
}

/** What a node became. */
export interface OnnxFragment {
  readonly ops: readonly OnnxOp[];
  readonly initializers: ReadonlyMap<string, ConstantSource>;
  readonly outputs: readonly OnnxValue[];
}

export interface OpOptions {
  /** Number of outputs; 1 by default. */
  readonly outputs?: number;
  /** Element types of the outputs where they are neither the input's nor in the table of known operators. */
  readonly types?: readonly DType[];
  /** Operator set domain; the standard one by default. "com.microsoft" has ONNX Runtime's own operators. */
  readonly domain?: string;
}

/** The ONNX element type that carries a TensorFlow dtype; undefined when ONNX Runtime can't hold it. */
export function carrierOf(dtype: DType): DType | undefined {
  return carriers[dtype];
}

const carriers: Partial<Record<DType, DType>> = {
  float32: "float32",
  float64: "float64",
  float16: "float32",
  bfloat16: "float32",
  int8: "int8",
  int16: "int16",
  int32: "int32",
  int64: "int64",
  uint8: "uint8",
  uint16: "uint16",
  uint32: "uint32",
  uint64: "uint64",
  bool: "bool",
  qint8: "int8",
  quint8: "uint8",
  qint32: "int32",
};

/** Types to try, in order, when a kernel lacks one: each holds every value of the key. */
const wider: Partial<Record<DType, readonly DType[]>> = {
  bool: ["uint8", "int32", "int64", "float32"],
  int8: ["int32", "int64", "float32"],
  uint8: ["int32", "int64", "float32"],
  int16: ["int32", "int64", "float32"],
  uint16: ["int32", "int64", "float32"],
  int32: ["int64", "float64"],
  uint32: ["int64", "float64"],
  float32: ["float64"],
};

export class OnnxEmitter {
  private readonly ops: OnnxOp[] = [];
  private readonly initializers = new Map<string, ConstantSource>();
  private count = 0;

  /** `scope` prefixes the names of everything emitted; it must be unique in the model. */
  constructor(private readonly scope: string) {}

  /** Emits one operator with one output. Absent optional inputs are undefined. */
  op(
    type: string,
    inputs: readonly (OnnxValue | undefined)[],
    attrs: OnnxAttrs = {},
    options: OpOptions = {},
  ): OnnxValue {
    return this.emit(type, inputs, attrs, { ...options, outputs: 1 })[0] as OnnxValue;
  }

  /** Emits one operator with several outputs. */
  opWithOutputs(
    type: string,
    outputs: number,
    inputs: readonly (OnnxValue | undefined)[],
    attrs: OnnxAttrs = {},
    options: OpOptions = {},
  ): OnnxValue[] {
    return this.emit(type, inputs, attrs, { ...options, outputs });
  }

  /** A constant of any shape. */
  constant(value: Tensor): OnnxValue {
    const carrier = carrierOf(value.dtype);
    if (carrier !== value.dtype) throw new NotExpressible(`a ${value.dtype} constant`);
    const name = this.fresh("const");
    this.initializers.set(name, constantOf(value));
    return { name, dtype: value.dtype };
  }

  /** An int64 vector: what ONNX takes as shapes, axes, pads. */
  ints(values: readonly number[]): OnnxValue {
    return this.constant(
      tensor(
        "int64",
        [values.length],
        BigInt64Array.from(values, (value) => BigInt(value)),
      ),
    );
  }

  /** A scalar of a numeric dtype. */
  scalar(dtype: DType, value: number): OnnxValue {
    return this.filled(dtype, [], [value]);
  }

  /** A constant of a numeric dtype from JavaScript numbers. */
  filled(dtype: DType, shape: Shape, values: readonly number[]): OnnxValue {
    const { array } = dtypeInfo(dtype);
    if (array === undefined || dtypeInfo(dtype).lanes === 2) throw new NotExpressible(`a ${dtype} constant`);
    const data = new array(new ArrayBuffer(values.length * dtypeInfo(dtype).size));
    values.forEach((value, i) => {
      if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(value);
      else data[i] = value;
    });
    return this.constant({ dtype, shape, data } as Tensor);
  }

  /** A cast, or the value itself when it has that type already. */
  cast(value: OnnxValue, dtype: DType): OnnxValue {
    if (value.dtype === dtype) return value;
    return this.raw("Cast", [value], { to: { dtype } }, [dtype])[0] as OnnxValue;
  }

  /** Rounds a float32 value to the precision of a half type. */
  roundTo(value: OnnxValue, dtype: "float16" | "bfloat16"): OnnxValue {
    const half = this.raw("Cast", [value], { to: { dtype } }, [dtype])[0] as OnnxValue;
    return this.raw("Cast", [half], { to: { dtype: value.dtype } }, [value.dtype])[0] as OnnxValue;
  }

  /** A node with graphs as attributes (If, Loop, Scan), types of its outputs given. */
  control(
    type: "If" | "Loop" | "Scan",
    inputs: readonly (OnnxValue | undefined)[],
    graphs: Readonly<Record<string, OnnxGraph>>,
    types: readonly DType[],
    attrs: OnnxAttrs = {},
  ): OnnxValue[] {
    const graphAttrs = Object.fromEntries(Object.entries(graphs).map(([name, graph]) => [name, { graph }]));
    return this.raw(type, inputs, { ...attrs, ...graphAttrs }, types);
  }

  /** Everything emitted so far, with the node's outputs. */
  finish(outputs: readonly OnnxValue[]): OnnxFragment {
    return { ops: this.ops, initializers: this.initializers, outputs };
  }

  /** A name that nothing else in the model has. */
  fresh(hint: string): string {
    return `${this.scope}/${hint}_${this.count++}`;
  }

  private emit(
    type: string,
    inputs: readonly (OnnxValue | undefined)[],
    attrs: OnnxAttrs,
    options: OpOptions,
  ): OnnxValue[] {
    const rule = outputTypeRule(type);
    const governing = inputs[rule.typeInput ?? 0];
    if (governing === undefined || options.domain !== undefined) {
      return this.raw(type, inputs, attrs, this.outputTypes(type, governing, options), options.domain);
    }
    const native = governing.dtype;
    const substitute = substituteOf(type, native);
    if (substitute !== undefined)
      return [
        substitute(
          this,
          inputs.filter((input) => input !== undefined),
        ),
      ];
    const used = this.kernelType(type, native, attrs);
    const cast = inputs.map((input, i) =>
      input?.dtype === native && !rule.freeInputs?.includes(i) ? this.cast(input, used) : input,
    );
    const wanted = this.outputTypes(type, governing, options);
    const produced = wanted.map((dtype, i) => (followsInput(rule, i, options) ? used : dtype));
    const outputs = this.raw(type, cast, attrs, produced);
    return outputs.map((output, i) => this.cast(output, wanted[i] as DType));
  }

  private outputTypes(type: string, governing: OnnxValue | undefined, options: OpOptions): DType[] {
    const rule = outputTypeRule(type);
    return Array.from({ length: options.outputs ?? 1 }, (_, i) => {
      const dtype = options.types?.[i] ?? rule.fixed?.[i] ?? governing?.dtype;
      if (dtype === undefined) throw new NotExpressible(`${type}: unknown type of output ${i}`);
      return dtype;
    });
  }

  /** The type to run an operator in: the value's own, or the first wider one that its kernel accepts. */
  private kernelType(type: string, native: DType, attrs: OnnxAttrs): DType {
    const accepted = acceptedTypes(type, attrs);
    if (accepted === undefined || accepted.includes(native)) return native;
    const candidates = isSignless(type) && native === "uint64" ? (["int64"] as const) : wider[native];
    const found = candidates?.find((dtype) => accepted.includes(dtype));
    if (found === undefined) throw new NotExpressible(`ONNX Runtime has no ${type} for ${native}`);
    return found;
  }

  private raw(
    type: string,
    inputs: readonly (OnnxValue | undefined)[],
    attrs: OnnxAttrs,
    types: readonly DType[],
    domain?: string,
  ): OnnxValue[] {
    const outputs = types.map((dtype) => ({ name: this.fresh(type), dtype }));
    this.ops.push({
      type,
      name: (outputs[0]?.name ?? this.fresh(type)) as string,
      inputs: inputs.map((input) => input?.name ?? ""),
      outputs: outputs.map((output) => output.name),
      attrs,
      ...(domain === undefined ? {} : { domain }),
    });
    return outputs;
  }
}

function followsInput(rule: ReturnType<typeof outputTypeRule>, index: number, options: OpOptions): boolean {
  return options.types?.[index] === undefined && rule.fixed?.[index] === undefined;
}
