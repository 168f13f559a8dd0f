/**
 * Tensors of TensorFlow Lite in two forms: as they are stored, and as the numbers that they stand for. Quantized ones
 * are stored as small integers, half floats as 16 bits; operators are computed on float32 numbers, and their results
 * rounded to what the output can store. For all other types the two are the same.
 *
 * The stored number q stands for scale × (q − zero point) (lite/g3doc/performance/quantization_spec.md).
 */
import { create } from "@bufbuild/protobuf";
import {
  type DType,
  dataLoss,
  dtypeInfo,
  type GraphBuilder,
  type NumericTensor,
  type Output,
  type Shape,
  stridesOf,
  type Tensor,
  type TfliteQuantization,
  type TfliteTensor,
  tensor,
  toFloat32,
  unimplemented,
} from "@servable/formats";
import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { HALF_TO_EVEN } from "../ops/onnx/uniform-quantization.js";

/** How a tensor's numbers become what is stored; undefined where they are stored as they are. */
export type NumberForm =
  | { readonly kind: "half"; readonly dtype: "float16" | "bfloat16" }
  | { readonly kind: "quantized"; readonly dtype: QuantizedType; readonly quantization: TfliteQuantization };

type QuantizedType = "int8" | "uint8" | "int16" | "int32" | "int64" | "int4" | "uint4" | "int2";

const quantizedTypes: ReadonlySet<string> = new Set<QuantizedType>([
  "int8",
  "uint8",
  "int16",
  "int32",
  "int64",
  "int4",
  "uint4",
  "int2",
]);

export function numberForm({ type, quantization }: TfliteTensor): NumberForm | undefined {
  if (type === "float16" || type === "bfloat16") return { kind: "half", dtype: type };
  if (quantization === undefined || !quantizedTypes.has(type)) return undefined;
  return { kind: "quantized", dtype: type as QuantizedType, quantization };
}

/** Whether numbers of one form are numbers of the other without rounding. */
export function sameForm(a: NumberForm | undefined, b: NumberForm | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.kind === "half" || b.kind === "half") return a.kind === b.kind && a.dtype === b.dtype;
  const [p, q] = [a.quantization, b.quantization];
  return (
    a.dtype === b.dtype &&
    p.scales.length === 1 &&
    q.scales.length === 1 &&
    p.scales[0] === q.scales[0] &&
    p.zeroPoints[0] === q.zeroPoints[0]
  );
}

// ---- constants -----------------------------------------------------------------------------------------------

/** The numbers that a stored constant stands for. */
export function constantNumbers(stored: Tensor, form: NumberForm | undefined): Tensor {
  if (form === undefined) return stored;
  const { shape, data } = stored as NumericTensor;
  if (form.kind === "half") return tensor("float32", shape, toFloat32(form.dtype, data as Uint16Array));
  return tensor("float32", shape, dequantized(data as ArrayLike<number | bigint>, shape, form.quantization));
}

function dequantized(
  data: ArrayLike<number | bigint>,
  shape: Shape,
  { scales, zeroPoints, axis }: TfliteQuantization,
): Float32Array {
  const numbers = new Float32Array(data.length);
  const stride = scales.length === 1 ? data.length : (stridesOf(shape)[axis] ?? data.length);
  for (let i = 0; i < data.length; i++) {
    const channel = Math.floor(i / stride) % scales.length;
    numbers[i] = (Number(data[i]) - (zeroPoints[channel] as number)) * (scales[channel] as number);
  }
  return numbers;
}

// ---- computed tensors ----------------------------------------------------------------------------------------

/** Stored → numbers: float32. */
export function toNumbers(g: GraphBuilder, stored: Output, form: NumberForm | undefined): Output {
  if (form === undefined) return stored;
  if (form.kind === "half") return cast(g, stored, "float32");
  const parameters = uniform(form);
  const carried = g.compute("Bitcast", [carrier(g, stored, form)], { type: parameters.type });
  return dequantize(g, carried, parameters);
}

/** Numbers that need not be on the grid of what can be stored. */
export interface Rounded {
  readonly numbers: Output;
  /** Made when asked for: most tensors are only ever used as numbers. */
  readonly stored: () => Output;
}

/** Numbers, float32 → the nearest that can be stored. */
export function rounded(g: GraphBuilder, numbers: Output, form: NumberForm | undefined): Rounded {
  if (form === undefined) return { numbers, stored: () => numbers };
  if (form.kind === "half") {
    const half = cast(g, numbers, form.dtype);
    return { numbers: cast(g, half, "float32"), stored: () => half };
  }
  const parameters = uniform(form);
  const { scale, zeroPoint, type } = parameters;
  const quantized = g.compute("UniformQuantize", [numbers, scale, zeroPoint], {
    ...limits(parameters),
    Tout: type,
    [HALF_TO_EVEN]: create(AttrValueSchema, { value: { case: "b", value: true } }),
  });
  return {
    numbers: dequantize(g, quantized, parameters),
    stored: () => uncarried(g, quantized, form),
  };
}

/** Numbers that are on the grid already → stored. */
export function toStored(g: GraphBuilder, numbers: Output, form: NumberForm | undefined): Output {
  return rounded(g, numbers, form).stored();
}

/** One scale for a whole tensor, in the terms of UniformQuantize: of TensorFlow's quantized types it has two. */
interface Uniform {
  readonly type: "qint8" | "qint32";
  readonly scale: Tensor;
  readonly zeroPoint: Tensor;
  readonly least: number;
  readonly most: number;
}

/** uint8 is carried by int8: both its numbers and its zero point are 128 less. */
const UINT8_OFFSET = 128;

function uniform({ dtype, quantization }: Extract<NumberForm, { kind: "quantized" }>): Uniform {
  const { scales, zeroPoints } = quantization;
  if (scales.length !== 1)
    throw unimplemented(`computed tensors with a scale for each of ${scales.length} channels`);
  const [scale, zeroPoint] = [scales[0] as number, zeroPoints[0] as number];
  if (!(scale > 0 && scale < Number.POSITIVE_INFINITY) || Math.abs(zeroPoint) >= 2 ** 31)
    throw dataLoss(`a computed tensor is quantized with scale ${scale} and zero point ${zeroPoint}`);
  const { bits } = dtypeInfo(dtype);
  if (bits === 64 || dtype === "uint4") throw unimplemented(`computed tensors of quantized ${dtype}`);
  const offset = dtype === "uint8" ? UINT8_OFFSET : 0;
  return {
    type: bits <= 8 ? "qint8" : "qint32",
    scale: tensor("float32", [], Float32Array.of(scale)),
    zeroPoint: tensor("int32", [], Int32Array.of(zeroPoint - offset)),
    least: -(2 ** (bits - 1)),
    most: 2 ** (bits - 1) - 1,
  };
}

function limits({ least, most }: Uniform) {
  return { quantization_min_val: least, quantization_max_val: most };
}

function dequantize(g: GraphBuilder, quantized: Output, parameters: Uniform): Output {
  const { scale, zeroPoint } = parameters;
  return g.compute("UniformDequantize", [quantized, scale, zeroPoint], {
    ...limits(parameters),
    Tout: "float32",
  });
}

/** The stored integer in the type that `uniform` has bits of: int8 or int32. */
function carrier(g: GraphBuilder, stored: Output, { dtype }: NumberForm): Output {
  if (dtype === "uint8") {
    const offset = tensor("int32", [], Int32Array.of(UINT8_OFFSET));
    return cast(g, g.compute("Sub", [cast(g, stored, "int32"), offset]), "int8");
  }
  return dtype === "int16" ? cast(g, stored, "int32") : stored;
}

function uncarried(g: GraphBuilder, quantized: Output, { dtype }: NumberForm): Output {
  const isWide = quantized.dtype === "qint32";
  const carried = g.compute("Bitcast", [quantized], { type: isWide ? "int32" : "int8" });
  if (dtype === "uint8") {
    const offset = tensor("int32", [], Int32Array.of(UINT8_OFFSET));
    return cast(g, g.compute("AddV2", [cast(g, carried, "int32"), offset]), "uint8");
  }
  return carried.dtype === dtype ? carried : cast(g, carried, dtype);
}

/** A cast, or the tensor itself when it has that type already. */
export function cast(g: GraphBuilder, x: Output, dtype: DType): Output {
  return x.dtype === dtype ? x : g.compute("Cast", [x], { DstT: dtype });
}
