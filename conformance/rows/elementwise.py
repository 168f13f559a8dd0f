"""Ops that compute each element from the elements at its place."""
import numpy as np
import tensorflow as tf

from recorder import bf16, boolean, case, f16, f32, f64, i32, i64, inf, nan, random

SPECIAL = f32([-inf, -1e30, -20, -3.5, -2.5, -1.5, -1, -0.5, -0.25, -1e-6, -0.0, 0.0, 1e-6, 0.25, 0.5, 1, 1.5, 2.5, 3.5, 20, 1e30, inf, nan])
UNIT = f32([-1, -0.999, -0.5, -1e-3, 0, 1e-3, 0.5, 0.999, 1, 1.5, nan])
SIGNED = {'int8': np.int8, 'int16': np.int16, 'int32': np.int32, 'int64': np.int64}
UNSIGNED = {'uint8': np.uint8, 'uint16': np.uint16, 'uint32': np.uint32, 'uint64': np.uint64}


def extremes(dtype):
  info = np.iinfo(dtype)
  return np.array([info.min, info.min + 1, 0, 1, 2, 3, 7, info.max - 1, info.max], dtype)


# ---- one operand
for op in ('Abs', 'Neg', 'Sign', 'Square', 'Exp', 'Expm1', 'Sigmoid', 'Tanh', 'Ceil', 'Floor', 'Round', 'Rint', 'Cos', 'Sin',
           'Tan', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Erf', 'Erfc', 'Relu', 'Relu6', 'LeakyRelu', 'Elu', 'Selu', 'Softplus', 'Softsign'):
  values = SPECIAL[np.abs(SPECIAL) < 1e9] if op in ('Sin', 'Cos', 'Tan') else SPECIAL
  case(op, values, rtol=1e-5, atol=1e-6)
  case(op, f16([-2.5, -1, -0.1, 0, 0.1, 1, 2.5]), rtol=2e-3, atol=1e-3)
  case(op, f64([[-2.5, -1, -0.1], [0.1, 1, 2.5]]), rtol=1e-6, atol=1e-7)
  case(op, f32(np.zeros([0, 3])))
  case(op, f32(0.75), rtol=1e-5)
case('Elu', bf16([-1.5, 0.5]), rtol=1e-2)
case('LeakyRelu', SPECIAL, alpha=0.5)
case('Relu6', i32([-1, 3, 7]))
for name in ('int8', 'int16', 'int32', 'int64', 'uint8', 'uint16'):
  case('Relu', extremes({**SIGNED, **UNSIGNED}[name]))
for op in ('Sqrt', 'Rsqrt', 'Log', 'Log1p', 'Reciprocal', 'Inv'):
  case(op, SPECIAL, rtol=1e-5, atol=1e-6)
  case(op, f16([0.1, 1, 2.5, 100]), rtol=2e-3, atol=1e-3)
  case(op, f64([0.1, 1, 2.5]), rtol=1e-6)
  case(op, f32(np.zeros([0])))
case('Log1p', f32([1e-8, 1e-7, 1e-5, -1e-7, 1e10, 3e38]), rtol=1e-5)
case('Expm1', f32([1e-8, 1e-7, 1e-5, -1e-7, 88, -88, 0.3]), rtol=1e-5)
case('Erfc', f32([0.5, 1, 2, 3]), rtol=1e-3, atol=1e-6)
for op in ('Asin', 'Acos', 'Atanh'):
  case(op, UNIT, rtol=1e-5, atol=1e-5)
case('Acosh', f32([0.5, 1, 1.5, 10, 1e10, inf, nan]), rtol=1e-5, atol=1e-5)
for op in ('Abs', 'Neg', 'Sign', 'Square'):
  for dtype in SIGNED.values():
    case(op, extremes(dtype))
case('Square', extremes(np.uint8))
for op in ('IsNan', 'IsInf', 'IsFinite'):
  case(op, SPECIAL)
  case(op, SPECIAL.astype(np.float64))
  case(op, f16([nan, inf, -inf, 1]))
case('LogicalNot', boolean([True, False]))
for dtype in (*SIGNED.values(), *UNSIGNED.values()):
  case('Invert', extremes(dtype))
for op in ('Round', 'Rint'):
  case(op, f32([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6, 1e20]))
for op in ('ZerosLike', 'OnesLike'):
  for value in (f32([[1, 2]]), f16([1]), boolean([True]), i64(3), np.zeros([0, 2], np.int8)):
    case(op, value)
for op in ('Identity', 'StopGradient', 'Snapshot'):
  case(op, f32([1, 2]))
case('IdentityN', [f32([1]), i32([2])])

# Long enough for vectorized kernels, and odd.
LONG = np.tile(SPECIAL, 2)[:41]
for op in ('Abs', 'Neg', 'Sign', 'Exp', 'Sigmoid', 'Tanh', 'Ceil', 'Floor', 'Round', 'Atan', 'Erf', 'Relu', 'Relu6', 'LeakyRelu', 'Elu', 'Selu', 'Softplus', 'Softsign', 'Sqrt', 'Rsqrt', 'Log', 'Expm1', 'Log1p'):
  case(op, LONG, about='long', rtol=1e-5, atol=1e-6)
for dtype in (np.float32, np.float64):
  for op in ('Maximum', 'Minimum', 'Less', 'GreaterEqual', 'Equal', 'AddV2', 'Mul'):
    case(op, LONG.astype(dtype), LONG[::-1].astype(dtype), about='long', rtol=1e-5)
    case(op, LONG.astype(dtype), dtype(0.5), about='long', rtol=1e-5)
    case(op, LONG.astype(dtype), dtype(nan), about='long', rtol=1e-5)
case('ClipByValue', LONG, f32(-1), f32(1), about='long')

# ---- two operands
PAIRS = [(random([2, 3], seed=1), random([2, 3], seed=2)), (random([2, 1, 3], seed=1), random([4, 1], seed=2)), (f32(2), f32(np.zeros([0, 2]))),
         (f32([1, nan, inf, -inf, 0, nan]), f32([nan, 1, inf, inf, 0, nan]))]
for op in ('Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'Div', 'Maximum', 'Minimum', 'SquaredDifference', 'FloorDiv', 'FloorMod', 'Mod', 'Atan2', 'DivNoNan'):
  for x, y in PAIRS[:3]:
    case(op, x, y, rtol=1e-5, atol=1e-6)
    if x.ndim == 2:
      case(op, x.astype(np.float64), y.astype(np.float64), rtol=1e-6)
      if op != 'Atan2':
        case(op, x.astype(np.float16), y.astype(np.float16), rtol=2e-3)
for op in ('AddV2', 'Sub', 'Mul', 'RealDiv', 'SquaredDifference', 'Maximum', 'Minimum', 'Atan2'):
  case(op, *PAIRS[3], about='with NaN and infinities', rtol=1e-5)
case('AddV2', bf16([1, 2.5]), bf16([0.125, 3]))
for op in ('Add', 'AddV2', 'Sub', 'Mul', 'Maximum', 'Minimum', 'SquaredDifference'):
  for dtype in (*SIGNED.values(), *UNSIGNED.values()):
    if op == 'SquaredDifference' and dtype not in (np.int32, np.int64) or op == 'Add' and dtype in (np.uint16, np.uint32, np.uint64):
      continue
    a = extremes(dtype)
    case(op, a, a[::-1].copy(), about='at the ends of the range')
case('FloorDiv', f32([7, -7, 7, -7, 0, 5.5, 1e10]), f32([2, 2, -2, -2, 3, 0.5, 3]))
case('FloorDiv', f32([1, -1, 0]), f32([0, 0, 0]), about='by zero')
case('FloorMod', f32([7, -7, 7, -7, 0, 5.5, 1e10, -0.5]), f32([2, 2, -2, -2, 3, 0.7, 3, 3]), rtol=1e-5)
case('FloorMod', f32([1, inf, 1, nan]), f32([0, 2, inf, 1]))
case('FloorMod', f32([-1, 1]), f32([inf, -inf]))
case('Mod', f32([7, -7, 7, -7]), f32([2, 2, -2, -2]))
for op in ('FloorDiv', 'FloorMod', 'TruncateDiv', 'TruncateMod', 'Mod', 'Div'):
  for dtype in (np.int32, np.int64):
    case(op, np.array([7, -7, 7, -7, 0, 6, -6], dtype), np.array([2, 2, -2, -2, 5, 3, 3], dtype))
    case(op, np.array([7, -7, 8, -8, 0], dtype), np.array(3, dtype))
    case(op, np.array([7, -7, 8, -8, 0], dtype), np.array(-3, dtype))
    case(op, np.array([1, 2], dtype), np.array([1, 0], dtype), about='by zero')
    info = np.iinfo(dtype)
    case(op, np.array([info.min, info.max], dtype), np.array(7, dtype), about='at the ends of the range')
    case(op, np.array([info.min, info.max, 5], dtype), np.array(-1, dtype), about='by minus one')
for op in ('FloorDiv', 'TruncateDiv', 'Div'):
  for dtype in (np.uint8, np.int8, np.int16, np.uint16):
    case(op, np.array([7, 100, 0], dtype), np.array(3, dtype))
for dtype in (np.float32, np.float64, np.float16):
  case('TruncateDiv', np.array([7.5, -7.5, 3, -3, 0, 1], dtype), np.array([2, 2, -4, 0.5, 3, 0], dtype))
case('Equal', f32([1, 2]), f32([1, 2, 3]), incompatible_shape_error=False, about='shapes that do not fit')
case('NotEqual', f32([1, 2]), f32([1, 2, 3]), incompatible_shape_error=False, about='shapes that do not fit')
case('Pow', f32([0, 2, -2, 4, 0.5]), f32([0, 3, 3, 0.5, -2]), rtol=1e-5)
case('Pow', f32([-1.5, 0, 2, 3]), f32(2), rtol=1e-5)
case('Pow', f64([-1.5, 2]), f64(3))
case('Pow', i32([-2, 3, 10]), i32(2))
case('Pow', i32([-2, 3, 10]), i32([0, 1, 5]))
case('Pow', i64([3, 7]), i64([39, 20]), about='large')
case('Pow', i32([3, 70000]), i32(3), about='overflow')
case('Pow', i32([2]), i32([-1]), about='negative exponent')
for op, second in (('Xdivy', 'y'), ('Xlogy', 'y'), ('Xlog1py', 'y')):
  case(op, f32([0, 0, 1, 2, -3, 0]), f32([0, nan, 2, 3, 0.5, 5]), rtol=1e-5)
  case(op, f32([[0], [1]]), f32([0.5, 2]), rtol=1e-5)
case('MulNoNan', f32([1, inf, nan, 2]), f32([0, 0, 0, 3]))
case('DivNoNan', f32([1, 0, 3, inf]), f32([0, 0, 2, 0]))
case('Atan2', f32([0, 1, 1, -1, -1, 0, -0.0, 0, -0.0, 1, -1]), f32([1, 1, -1, -1, 1, -1, -1, 0, 0, 0, 0]), rtol=1e-5, atol=1e-6)
for dtype in (*SIGNED.values(), *UNSIGNED.values()):
  for op in ('BitwiseAnd', 'BitwiseOr', 'BitwiseXor'):
    case(op, extremes(dtype), extremes(dtype)[::-1].copy())
  bits = np.iinfo(dtype).bits
  for op in ('LeftShift', 'RightShift'):
    case(op, extremes(dtype), np.array(3, dtype))
    case(op, np.array([5, 100, 127], dtype), np.array([0, bits - 1, bits + 3], dtype), about='past the width')
case('LeftShift', i32([1, -5]), i32([-1, 40]))
for n in (1, 2, 3):
  case('AddN', [random([2, 2], seed=i) for i in range(n)])
case('AddN', [i32([1, 2]), i32([3, 4])])
case('BiasAdd', random([2, 3]), f32([1, 2, 3]))
case('BiasAdd', random([2, 2, 2, 3]), f32([1, 2, 3]))
case('BiasAdd', random([2, 3, 2, 2]), f32([1, 2, 3]), data_format='NCHW')
case('BiasAdd', random([2, 3], np.int32), i32([1, 2, 3]))
case('BiasAddV1', random([2, 3]), f32([1, 2, 3]))
for lo, hi in ((f32(-0.5), f32(0.5)), (random([2, 3], seed=7, low=-1, high=0), random([2, 3], seed=8, low=0, high=1)), (f32(0.5), f32(-0.5))):
  case('ClipByValue', random([2, 3]), lo, hi)
case('ClipByValue', f32([nan, inf, -inf]), f32(-1), f32(1))
case('ClipByValue', i32([-5, 5]), i32(-1), i32(1))
case('ClipByValue', np.array([-5, 5], np.int16), np.array(-1, np.int16), np.array(1, np.int16))
case('L2Loss', random([2, 3]))
case('Cross', random([2, 3], seed=1), random([2, 3], seed=2), rtol=1e-5, atol=1e-6)
case('Cross', random([3], np.int32, seed=1), random([3], np.int32, seed=2))

HALVES = i64([100, -5, 4294967290, 2147483648, 7, -1, 2**40 + 5, 2**40 + 2**31])
OTHERS = i64([4294967290, -3000000000, 100, 1, -7, 2**32 - 1, 2**40 + 2**31, 2**40 + 5])
for op in ('Maximum', 'Minimum', 'Less', 'GreaterEqual', 'Equal', 'Sub', 'Mul'):
  case(op, HALVES, OTHERS, about='the same upper halves')
  case(op, HALVES, np.int64(100), about='the same upper halves')
case('Sign', OTHERS)
case('Relu', OTHERS)
case('ClipByValue', OTHERS, np.int64(-4), np.int64(101))

# ---- comparisons and choices
for op in ('Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual'):
  case(op, *PAIRS[3], about='with NaN and infinities')
  case(op, random([2, 1, 3], np.float64, seed=1), random([4, 1], np.float64, seed=2))
  case(op, f16([1, 2]), f16([1, 3]))
  for dtype in (*SIGNED.values(), *UNSIGNED.values()):
    case(op, extremes(dtype), extremes(dtype)[::-1].copy())
for op in ('Equal', 'NotEqual'):
  case(op, boolean([True, False]), boolean([True, True]))
  case(op, i32(np.zeros([0])), i32(1))
  case(op, f32([1, 2]), f32([1, 2]), incompatible_shape_error=False)
for op in ('LogicalAnd', 'LogicalOr'):
  case(op, boolean([[True], [False]]), boolean([True, False]))
case('ApproximateEqual', f32([1, 1.5, nan]), f32([1.000001, 1, nan]))
case('ApproximateEqual', f32([1, 1.5]), f32([1.3, 1]), tolerance=0.4)
for dtype in (np.float32, np.float64, np.float16, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.bool_):
  x, y = random([2, 3], dtype, seed=3, low=0, high=9), random([2, 3], dtype, seed=4, low=0, high=9)
  case('SelectV2', random([2, 3], np.bool_), x, y)
  case('Select', random([2, 3], np.bool_), x, y)
case('SelectV2', boolean([[True], [False]]), f32([1, 2, 3]), f32(0))
case('SelectV2', boolean(True), f32([1, nan]), f32([[0, 1]]))
case('Select', boolean([True, False]), random([2, 3, 2], seed=3), random([2, 3, 2], seed=4), about='a row a condition')
case('Select', boolean(False), random([2, 3], seed=3), random([2, 3], seed=4))
case('Select', boolean([True, False]), f32([1, 2]), f32([3, 4]))

# ---- casts
FLOATS = f32([-3.7, -1.5, -0.5, 0, 0.5, 1.5, 2.5, 3.7, 100.9])
for to in (tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64, tf.bool, tf.float16, tf.bfloat16, tf.float64):
  unsigned = to.name.startswith('uint')
  case('Cast', np.abs(FLOATS) if unsigned else FLOATS, DstT=to)
  case('Cast', np.abs(FLOATS.astype(np.float64)) if unsigned else FLOATS.astype(np.float64), DstT=to)
  case('Cast', f16(np.abs(FLOATS) if unsigned else FLOATS), DstT=to)
  case('Cast', boolean([True, False]), DstT=to)
  for dtype in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64):
    case('Cast', extremes(dtype), DstT=to)
case('Cast', f32([nan, inf, -0.0]), DstT=tf.bool)
case('Cast', f32([nan, inf, -inf, 3e9, -3e9]), DstT=tf.int32, about='out of range')
case('Cast', f32([nan, inf, -inf, 1e19, -1e19]), DstT=tf.int64, about='out of range')
case('Cast', f32([]), DstT=tf.int32)
case('Bucketize', f32([-1, 0, 0.5, 1, 7, nan]), boundaries=[0.0, 0.5, 5.0])
case('Bucketize', i32([[-1, 0], [1, 7]]), boundaries=[0.0, 0.5, 5.0])
case('Bucketize', f64([0.1, 0.2]), boundaries=[0.1, 0.2])
case('Bucketize', f32([3.0]), boundaries=[])
