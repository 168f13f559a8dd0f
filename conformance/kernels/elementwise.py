"""Unary, binary and ternary ops of elements: every registered dtype, edge values, broadcasting, errors."""
import numpy as np
import tensorflow as tf

from dtypes import ALL, COMPLEX, FLOATS, INTEGERS, NUMBERS, constant, ramp, registered, tolerance
from recorder import case, hidden, raw

INF, NAN = float('inf'), float('nan')

UNARY_FLOATS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 2.5, -2.5, 3.25, 0.1, -7.75, 10.0, 50.0, -50.0, INF, -INF, NAN]
UNARY_INTEGERS = [0, 1, -1, 2, -2, 7, 100, -128, 127, 2**31 - 1, -2**31, 2**63 - 1, -2**63]
UNARY_COMPLEX = [0.5 + 1j, -0.5 + 1j, 1 - 2j, -3 - 0.25j, 0.1 + 0j, 2j]

UNARY = ['Abs', 'Neg', 'Sign', 'Square', 'Sqrt', 'Rsqrt', 'Reciprocal', 'Inv', 'Exp', 'Expm1', 'Log', 'Log1p', 'Sin', 'Cos',
         'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Tanh', 'Asinh', 'Acosh', 'Atanh', 'Ceil', 'Floor', 'Round',
         'Rint', 'IsNan', 'IsInf', 'IsFinite', 'Sigmoid', 'Relu', 'Relu6', 'Elu', 'Selu', 'Softplus', 'Softsign', 'LeakyRelu',
         'Invert', 'PopulationCount', 'Conj', 'Real', 'Imag', 'Angle', 'ComplexAbs', 'LogicalNot', 'ZerosLike', 'OnesLike']
FIRST = {'Relu': 'features', 'Relu6': 'features', 'Elu': 'features', 'Selu': 'features', 'Softplus': 'features',
         'Softsign': 'features', 'LeakyRelu': 'features', 'Conj': 'input', 'Real': 'input', 'Imag': 'input', 'Angle': 'input'}


def unary_values(dtype):
  if dtype == tf.bool:
    return tf.constant([True, False])
  if dtype == tf.string:
    return tf.constant(['', 'a'])
  return constant(UNARY_FLOATS if dtype.is_floating else UNARY_COMPLEX if dtype.is_complex else UNARY_INTEGERS, dtype)


def unary(op, dtype):
  more = {}
  if op in ('Real', 'Imag', 'Angle', 'ComplexAbs'):
    more['Tout'] = tf.float32 if dtype == tf.complex64 else tf.float64
  return lambda: getattr(raw, op)(**{FIRST.get(op, 'x'): unary_values(dtype)}, **more)


for op in UNARY:
  for dtype in ALL:
    attr = 'alpha' if op == 'LogicalNot' else 'T'
    if op == 'LogicalNot' and dtype != tf.bool or not registered(op, dtype, attr):
      continue
    if op == 'OnesLike' and dtype == tf.string:
      continue
    if op == 'Round' and dtype.is_integer:
      continue  # TensorFlow 2.21 gives zeros, though integers are round already
    case(f'{op} of {dtype.name}', unary(op, dtype), **tolerance(dtype))

case('LeakyRelu with a slope', lambda: raw.LeakyRelu(features=[-2.0, 0.0, 3.0, NAN], alpha=0.05))

BINARY_FLOATS = ([7.5, -7.5, 7.5, -7.5, 0.0, 1.0, -1.0, NAN, 1.0, INF, -INF, 2.0, 0.3, 1.0, -0.0, 6.0, -6.0, 5.0],
                 [2.0, 2.0, -2.0, -2.0, 0.0, 0.0, 0.0, 1.0, NAN, INF, 3.0, -INF, 0.1, NAN, 0.0, 3.0, 3.0, 0.5])
BINARY_INTEGERS = ([7, -7, 7, -7, 0, 1, 2**31 - 1, -2**31, 2**63 - 1, -2**63, 100, 12],
                   [2, 2, -2, -2, 3, -1, 3, -1, 5, -1, 100, 5])
BINARY_COMPLEX = ([1 + 2j, -3 + 0.5j, 2j, 1.5], [0.5 - 1j, 2 + 2j, -1 + 0j, 1j])

BINARY = ['AddV2', 'Add', 'Sub', 'Mul', 'MulNoNan', 'Div', 'RealDiv', 'TruncateDiv', 'DivNoNan', 'FloorDiv', 'FloorMod',
          'Mod', 'TruncateMod', 'Maximum', 'Minimum', 'SquaredDifference', 'Atan2', 'Xdivy', 'Xlogy', 'Xlog1py', 'BitwiseAnd',
          'BitwiseOr', 'BitwiseXor', 'LeftShift', 'RightShift', 'Less', 'LessEqual', 'Greater', 'GreaterEqual', 'Equal',
          'NotEqual', 'Pow', 'LogicalAnd', 'LogicalOr', 'ApproximateEqual', 'NextAfter']


def binary_values(op, dtype):
  if dtype == tf.bool:
    return tf.constant([True, True, False, False]), tf.constant([True, False, True, False])
  if dtype == tf.string:
    return tf.constant(['a', 'ab', '', 'x']), tf.constant(['a', 'a', '', 'y'])
  x, y = BINARY_FLOATS if dtype.is_floating else BINARY_COMPLEX if dtype.is_complex else BINARY_INTEGERS
  if op in ('Pow', 'LeftShift', 'RightShift') and dtype.is_integer:
    y = [2, 3, 5, 0, 4, 1, 2, 1, 3, 1, 0, 7]
  if op in ('TruncateDiv', 'Div', 'FloorDiv', 'Mod', 'FloorMod', 'TruncateMod') and dtype.is_integer and not dtype.is_unsigned:
    x = [v if v > -2**31 else -100 for v in x]  # the least integer by -1 traps
  return constant(x, dtype), constant(y, dtype)


def binary(op, dtype):
  names = ['x1', 'x2'] if op == 'NextAfter' else ['x', 'y']
  return lambda: getattr(raw, op)(**dict(zip(names, binary_values(op, dtype))))


for op in BINARY:
  for dtype in ALL:
    if op.startswith('Logical') != (dtype == tf.bool) and not (dtype == tf.bool and op in ('Equal', 'NotEqual')):
      continue
    if op in ('FloorDiv', 'FloorMod', 'Mod') and dtype in (tf.float16, tf.bfloat16):
      continue  # below, with values that don't divide by zero
    if registered(op, dtype):
      case(f'{op} of {dtype.name}', binary(op, dtype), **tolerance(dtype))

for op in ('FloorDiv', 'FloorMod'):
  for dtype in (tf.float16, tf.bfloat16):
    case(f'{op} of {dtype.name}', lambda op=op, dtype=dtype: getattr(raw, op)(
        x=constant([7.5, -7.5, 7.5, -7.5, 0.3, 1.0], dtype), y=constant([2.0, 2.0, -2.0, -2.0, 0.1, 0.1], dtype)))

SHAPES = [([], []), ([3], []), ([], [2, 1]), ([2, 3], [3]), ([2, 3], [2, 1]), ([2, 1, 3], [4, 1]), ([0, 3], [1]), ([1], [1, 0]),
          ([2, 3, 4], [2, 3, 4]), ([2, 1, 3, 1], [1, 2, 1, 2])]
for dtype in (tf.float32, tf.int64, tf.complex64, tf.float16):
  def broadcast(dtype=dtype):
    for a, b in SHAPES:
      raw.Sub(x=ramp(a, dtype), y=ramp(b, dtype, start=1, step=3))
  case(f'broadcasting {dtype.name}', broadcast)

for op, x, y in [('AddV2', [1, 2], [1, 2, 3]), ('FloorDiv', [1], [0]), ('FloorMod', [1], [0]), ('Mod', [1], [0]), ('Div', [1], [0]),
                 ('TruncateDiv', [1], [0]), ('TruncateMod', [1], [0]),
                 ('Pow', [2], [-1]), ('Equal', [1, 2], [1, 2, 3])]:
  case(f'{op} refuses {x} and {y}', lambda op=op, x=x, y=y: getattr(raw, op)(x=hidden(x), y=hidden(y)))
  if op not in ('AddV2', 'Equal'):
    case(f'{op} refuses {x} and {y} of int64',
         lambda op=op, x=x, y=y: getattr(raw, op)(x=hidden(x, tf.int64), y=hidden(y, tf.int64)))


def unequal_shapes():
  raw.Equal(x=hidden([1, 2]), y=hidden([1, 2, 3]), incompatible_shape_error=False)
  raw.NotEqual(x=hidden([1, 2]), y=hidden([1, 2, 3]), incompatible_shape_error=False)
  raw.Equal(x=hidden([1, 2]), y=hidden([2]), incompatible_shape_error=False)


case('Equal and NotEqual of shapes that do not fit', unequal_shapes)


def chosen(dtype):
  def build():
    mask = tf.constant([[True, False, True], [False, False, True]])
    t, e = ramp([2, 3], dtype), ramp([2, 3], dtype, start=20)
    raw.Select(condition=mask, x=t, y=e)
    raw.Select(condition=tf.constant([True, False]), x=t, y=e)
    raw.Select(condition=tf.constant(False), x=t, y=e)
    raw.SelectV2(condition=mask, t=t, e=e)
    raw.SelectV2(condition=tf.constant([True, False, True]), t=t, e=ramp([1, 1], dtype))
    raw.SelectV2(condition=tf.constant([[[True]], [[False]]]), t=ramp([3], dtype), e=ramp([2, 1], dtype))
    raw.SelectV2(condition=tf.constant(True), t=t, e=ramp([], dtype))
  return build


for dtype in (tf.float32, tf.string, tf.complex64, tf.int64, tf.bool, tf.bfloat16):
  case(f'Select of {dtype.name}', chosen(dtype))
case('Select refuses shapes that do not fit', lambda: raw.Select(
    condition=hidden([True]), x=hidden([1, 2]), y=hidden([1, 2])))
case('SelectV2 refuses shapes that do not fit', lambda: raw.SelectV2(
    condition=hidden([True, False]), t=hidden([1, 2, 3]), e=hidden([1, 2, 3])))


def clip(dtype):
  def build():
    x = constant([-5, 0, 3, 9], dtype)
    raw.ClipByValue(t=x, clip_value_min=constant(-1, dtype), clip_value_max=constant(4, dtype))
    raw.ClipByValue(t=x, clip_value_min=constant([-5, 1, 1, 1], dtype), clip_value_max=constant([0, 2, 2, 2], dtype))
  return build


for dtype in (tf.float32, tf.int64, tf.int32, tf.float16):
  case(f'ClipByValue of {dtype.name}', clip(dtype))


def nine_casts(source):
  def build():
    if source.is_complex:
      values = constant([0, 1 + 2j, -1.75 + 0j, 3 - 1j], source)
    elif source.is_floating:
      values = constant([0, -0.0, 1.5, -1.5, 2.5, 127, -128, 100.99, 0.4, 1000], source)
    elif source == tf.bool:
      values = tf.constant([True, False])
    else:
      values = constant([0, 1, -1, 127, 128, 255, 256, -129, 65535, 2**31 - 1, 2**31, 2**53 + 1, -2**63], source)
    for target in NUMBERS + [tf.bool]:
      if source.is_floating and target in (tf.int8, tf.uint8, tf.uint16, tf.uint32, tf.uint64):
        raw.Cast(x=constant([0, 1.5, 2.5, 100.99, 0.4, 127], source), DstT=target)
      else:
        raw.Cast(x=values, DstT=target)
  return build


for source in NUMBERS + [tf.bool]:
  case(f'Cast from {source.name}', nine_casts(source))


def casts_out_of_range():
  for source in (tf.float32, tf.float64):
    beyond = constant([3e9, -3e9, 1e19, NAN, INF, -INF], source)
    raw.Cast(x=beyond, DstT=tf.int32)
    raw.Cast(x=beyond, DstT=tf.int64)
  raw.Cast(x=constant([1e10, NAN, -INF, 70000.0, 1e-9], tf.float32), DstT=tf.float16)
  raw.Cast(x=constant([1e10, 1.00390625, 1.01171875], tf.float32), DstT=tf.bfloat16)
  raw.Cast(x=constant([1.0078, -1.9999], tf.float32), DstT=tf.bfloat16, Truncate=True)
  raw.Cast(x=constant([1.00097, -1.9999, 0.1], tf.float32), DstT=tf.float16, Truncate=True)
  raw.Cast(x=constant([0.1, -1.9999999999], tf.float64), DstT=tf.float32, Truncate=True)


case('Cast of what does not fit', casts_out_of_range)


def small_casts():
  for small in (tf.dtypes.experimental.float8_e5m2, tf.dtypes.experimental.float8_e4m3fn):
    raw.Cast(x=raw.Cast(x=tf.constant([0.0, 0.3, -2.6, 100.0, 448.0]), DstT=small), DstT=tf.float32)
  for small in (tf.dtypes.experimental.int4, tf.dtypes.experimental.uint4):
    raw.Cast(x=raw.Cast(x=tf.constant([0, 1, 7, 5], tf.int32), DstT=small), DstT=tf.int32)


case('Cast through small types', small_casts)


def bitcasts():
  raw.Bitcast(input=tf.constant([1.5, -2.0]), type=tf.int32)
  raw.Bitcast(input=tf.constant([1.5, -2.0]), type=tf.uint8)
  raw.Bitcast(input=tf.constant([[1, 2, 3, 4]], tf.uint8), type=tf.int32)
  raw.Bitcast(input=tf.constant([[1, 2], [3, 4]], tf.float32), type=tf.complex64)
  raw.Bitcast(input=tf.constant(1 + 2j, tf.complex64), type=tf.float64)
  raw.Bitcast(input=tf.constant([1.0], tf.float16), type=tf.bfloat16)
  raw.Bitcast(input=hidden([[1, 2, 3]], tf.uint8), type=tf.int32)


case('Bitcast', bitcasts)

# ---- special functions ------------------------------------------------------------------------------------------

POSITIVE = [0.1, 0.5, 1.0, 1.5, 2.0, 3.3, 7.0, 12.0, 30.0]
REALS = [-20.0, -7.3, -2.5, -1.2, -0.5, -0.01, 0.0, 0.01, 0.3, 0.9, 1.0, 1.7, 3.0, 6.5, 15.0, 33.0]
SHARES = [0.0, 1e-6, 0.01, 0.2, 0.5, 0.77, 0.999, 1.0, -0.1]
SPECIAL = {'Lgamma': REALS, 'Digamma': [-7.3, -2.5, -1.0, 0.2, 1.0, 3.5, 40.0], 'Erf': REALS, 'Erfc': REALS,
           'Erfinv': [-1.0, -0.999, -0.5, 0.0, 1e-4, 0.3, 0.9, 1.0, 1.5], 'Ndtri': SHARES, 'Dawsn': REALS,
           'Expint': [-1.0, 0.0, 0.2, 1.0, 5.0, 20.0, 45.0], 'FresnelCos': REALS, 'FresnelSin': REALS,
           'Spence': [0.0, 0.3, 0.7, 1.0, 1.6, 4.0, 100.0], 'BesselI0': REALS, 'BesselI1': REALS, 'BesselI0e': REALS,
           'BesselI1e': REALS, 'BesselK0': POSITIVE, 'BesselK1': POSITIVE, 'BesselK0e': POSITIVE, 'BesselK1e': POSITIVE,
           'BesselJ0': REALS, 'BesselJ1': REALS, 'BesselY0': POSITIVE, 'BesselY1': POSITIVE}
for op, values in SPECIAL.items():
  for dtype in FLOATS:
    if registered(op, dtype) and not (op == 'Ndtri' and dtype.size == 2):
      # TensorFlow's own float32 approximations are good to about 1e-5 near zeros.
      case(f'{op} of {dtype.name}', lambda op=op, values=values, dtype=dtype: getattr(raw, op)(x=constant(values, dtype)),
           rtol=max(3e-5 if dtype != tf.float64 else 1e-9, tolerance(dtype)['rtol']), atol=1e-5 if dtype != tf.float64 else 1e-12)


def special_binary(dtype):
  def build():
    a, x = constant([0.5, 1.0, 2.5, 10.0, 0.0, 3.0], dtype), constant([0.3, 2.0, 2.0, 15.0, 1.0, 0.0], dtype)
    raw.Igamma(a=a, x=x)
    raw.Igammac(a=a, x=x)
    raw.Zeta(x=constant([2.0, 3.5, 1.0, 0.5, 4.0], dtype), q=constant([1.0, 2.5, 2.0, 1.0, 0.1], dtype))
    raw.Polygamma(a=constant([0.0, 1.0, 3.0, 2.0, 0.5], dtype), x=constant([2.0, 0.5, 4.0, 10.0, 1.0], dtype))
    raw.Betainc(a=constant([0.5, 2.0, 5.0, 30.0], dtype), b=constant([0.5, 3.0, 0.7, 20.0], dtype), x=constant([0.1, 0.5, 0.9, 0.6], dtype))
    raw.Betainc(a=constant(2.0, dtype), b=constant(3.0, dtype), x=constant([0.0, 1.0], dtype))
  return build


for dtype in (tf.float32, tf.float64):
  case(f'Igamma, Zeta, Polygamma, Betainc of {dtype.name}', special_binary(dtype), rtol=3e-5 if dtype == tf.float32 else 1e-9)


def gradients(dtype):
  def build():
    y, dy, x = (constant(v, dtype) for v in ([0.2, 0.5, 0.9, 3.0], [1.0, -2.0, 0.5, 4.0], [-2.0, 0.0, 0.5, 7.0]))
    for op in ('SigmoidGrad', 'TanhGrad', 'SqrtGrad', 'RsqrtGrad', 'InvGrad', 'ReciprocalGrad'):
      getattr(raw, op)(y=y, dy=dy)
    raw.ReluGrad(gradients=dy, features=x)
    raw.Relu6Grad(gradients=dy, features=x)
    raw.SoftplusGrad(gradients=dy, features=x)
    raw.SoftsignGrad(gradients=dy, features=x)
    raw.LeakyReluGrad(gradients=dy, features=x, alpha=0.3)
    raw.EluGrad(gradients=dy, outputs=constant([-0.5, 0.0, 0.5, 7.0], dtype))
    raw.SeluGrad(gradients=dy, outputs=constant([-0.5, 0.0, 0.5, 7.0], dtype))
  return build


for dtype in (tf.float32, tf.float16):
  case(f'gradients of activations of {dtype.name}', gradients(dtype), **tolerance(dtype))
