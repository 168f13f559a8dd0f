"""Ops that compute each element from the elements at its place: every dtype, odd shapes, special values, broadcasting."""
import numpy as np
import tensorflow as tf

from oracle import allowed, inf, nan, typed, variant

SPECIAL = [-inf, -1e30, -100, -20, -3.5, -2.5, -1.5, -1, -0.75, -0.5, -0.25, -1e-6, -0.0, 0.0, 1e-6, 0.25, 0.5, 0.75, 1, 1.5, 2.5, 3.5, 20, 100, 1e30, inf, nan]
SMALL = [-3.5, -2.5, -1.5, -1, -0.5, -0.0, 0.0, 0.25, 0.5, 1, 1.5, 2.5, 7]


def special(dtype, few=False):
  dtype = tf.as_dtype(dtype)
  if dtype.is_floating:
    return typed(SMALL if few else SPECIAL, dtype)
  if dtype.is_complex:
    return typed([0, 1, -1, 1j, -1j, 1 + 2j, -0.5 - 0.25j, 3 - 4j], dtype)
  if dtype == tf.bool:
    return np.array([True, False, True])
  if dtype == tf.string:
    return np.array([b'', b'a', b'b', 'é'.encode(), b'\xff\x00', b'abc'], object)
  info = np.iinfo(dtype.as_numpy_dtype)
  return np.array([info.min, info.min + 1, info.max // 2, 0, 1, 2, 3, 5, 7, info.max - 1, info.max] + ([-1, -2, -3, -7] if info.min else []), dtype.as_numpy_dtype)


def ordinary(shape, dtype, seed=0, low=-4, high=4):
  state = np.random.RandomState(seed)
  dtype = tf.as_dtype(dtype)
  if dtype == tf.bool:
    return state.randint(0, 2, shape).astype(np.bool_)
  if dtype == tf.string:
    return np.array([b'a', b'bc', b'', b'\xc3\xa9'], object)[state.randint(0, 4, shape)] if shape else np.array(b'x', object)
  if dtype.is_complex:
    return np.asarray(np.round((state.uniform(low, high, shape) + 1j * state.uniform(low, high, shape)) * 8) / 8).astype(dtype.as_numpy_dtype)
  if dtype.is_integer:
    return np.asarray(state.randint(max(low, 0) if dtype.is_unsigned else low, high + 1, shape)).astype(dtype.as_numpy_dtype)
  return np.asarray(np.round(state.uniform(low, high, shape) * 8) / 8).astype(dtype.as_numpy_dtype)


SHAPES = ([], [0], [3], [2, 3], [2, 0, 3], [1, 2, 1, 3, 1])
UNARY = ('Abs', 'Acos', 'Acosh', 'Angle', 'Asin', 'Asinh', 'Atan', 'Atanh', 'BesselI0', 'BesselI0e', 'BesselI1', 'BesselI1e', 'BesselJ0', 'BesselJ1',
         'BesselK0', 'BesselK0e', 'BesselK1', 'BesselK1e', 'BesselY0', 'BesselY1', 'Ceil', 'ComplexAbs', 'Conj', 'Cos', 'Cosh', 'Dawsn', 'Digamma', 'Elu',
         'Erf', 'Erfc', 'Erfinv', 'Exp', 'Expint', 'Expm1', 'Floor', 'FresnelCos', 'FresnelSin', 'Imag', 'Inv', 'Invert', 'IsFinite', 'IsInf', 'IsNan',
         'L2Loss', 'LeakyRelu', 'Lgamma', 'Log', 'Log1p', 'LogicalNot', 'Ndtri', 'Neg', 'OnesLike', 'PopulationCount', 'Real', 'Reciprocal', 'Relu',
         'Relu6', 'Rint', 'Round', 'Rsqrt', 'Selu', 'Sigmoid', 'Sign', 'Sin', 'Sinh', 'Softplus', 'Softsign', 'Spence', 'Sqrt', 'Square', 'Tan', 'Tanh',
         'ZerosLike', 'Identity', 'StopGradient', 'PreventGradient', 'Snapshot', 'DeepCopy', 'CheckNumerics', 'Rank', 'Size', 'Shape')
LOOSE = {'Acosh': 2e-5, 'Sinh': 2e-5, 'Cosh': 2e-5, 'Erfinv': 1e-4, 'Ndtri': 1e-4, 'Lgamma': 1e-4, 'Digamma': 1e-4}


def dtypes_of(op):
  for attr in ('T', 'Tin'):
    try:
      return allowed(op, attr)
    except KeyError:
      pass
  return ['bool'] if op.startswith('Logical') else ['float32']


for op in UNARY:
  more = {'message': 'no'} if op == 'CheckNumerics' else {}
  for dtype in dtypes_of(op):
    bounded = op in ('Sin', 'Cos', 'Tan') or op.startswith(('Bessel', 'Fresnel', 'Dawsn', 'Expint', 'Spence'))
    loose = {'rtol': LOOSE[op], 'atol': 1e-5} if op in LOOSE and dtype == 'float32' else {}
    values = special(dtype, few=bounded)
    sized = [values, values.reshape([1, -1, 1])] + [ordinary(s, dtype) for s in SHAPES]
    outs = [{}]
    if op in ('Real', 'Imag', 'Angle', 'ComplexAbs'):
      outs = [{'Tout': tf.float64 if dtype == 'complex128' else tf.float32}]
    if op in ('Size', 'Shape'):
      outs, sized = [{'out_type': tf.int64}, {'out_type': tf.int32}], sized[-3:]
    for out in outs:
      for value in sized:
        variant(op, value, **loose, **more, **out)
for alpha in (0.0, 0.3, 1.0, 1.5, -0.5):
  for dtype in ('float32', 'float64', 'float16', 'bfloat16'):
    variant('LeakyRelu', special(dtype), alpha=alpha)

PAIRS = (([], []), ([3], []), ([], [3]), ([2, 3], [3]), ([3], [2, 3]), ([2, 1], [1, 3]), ([2, 3, 1], [3, 4]), ([0], [1]), ([2, 0], [2, 1]), ([1, 3], [0, 1]),
         ([2, 3], [2]), ([0], [3]), ([1, 2, 1, 3, 1], [2, 1, 3, 1, 2]), ([2, 1, 2, 1, 2, 1], [2]))
BINARY = ('Add', 'AddV2', 'Sub', 'Mul', 'Div', 'RealDiv', 'FloorDiv', 'TruncateDiv', 'FloorMod', 'Mod', 'TruncateMod', 'DivNoNan', 'MulNoNan', 'Maximum', 'Minimum',
          'Pow', 'SquaredDifference', 'Atan2', 'Xdivy', 'Xlogy', 'Xlog1py', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'LeftShift', 'RightShift', 'Equal', 'NotEqual',
          'Less', 'LessEqual', 'Greater', 'GreaterEqual', 'LogicalAnd', 'LogicalOr', 'ApproximateEqual', 'NextAfter', 'Igamma', 'Igammac', 'Zeta', 'Polygamma', 'Complex',
          'InvGrad', 'ReciprocalGrad', 'RsqrtGrad', 'SigmoidGrad', 'SqrtGrad', 'TanhGrad', 'EluGrad', 'SeluGrad', 'ReluGrad', 'Relu6Grad', 'SoftplusGrad', 'SoftsignGrad', 'LeakyReluGrad')
for op in BINARY:
  for dtype in dtypes_of(op):
    numeric = dtype not in ('bool', 'string')
    division = op in ('Div', 'RealDiv', 'FloorDiv', 'TruncateDiv', 'FloorMod', 'Mod', 'TruncateMod')
    integer = numeric and tf.as_dtype(dtype).is_integer
    shift = op in ('LeftShift', 'RightShift')
    low = 1 if (division or op == 'Pow' or shift) and integer else -4
    values = special(dtype, few=op in ('Igamma', 'Igammac', 'Zeta', 'Polygamma'))
    if op.startswith(('Igamma', 'Zeta', 'Polygamma')):
      values = np.abs(values) + values.dtype.type(1.5)
    other = np.roll(values, 3)
    positive = values[values > 0] if integer else None
    for params in ([], [1]):
      variant(op, values, values, about='itself', params=params)
      variant(op, values, other, about='special', params=params)
      if division and integer:
        variant(op, values, np.resize(positive, values.shape), about='positive divisors', params=params)
        variant(op, values, np.array(3, values.dtype), about='by three', params=params)
        if values.min() < 0:
          variant(op, values[2:], np.array(-3, values.dtype), about='by minus three', params=params)
          variant(op, values, np.array(-1, values.dtype), about='by minus one', params=params)
      if op == 'Pow' and integer:
        for exponent in (0, 1, 2, 3, 9):
          variant(op, values, np.array(exponent, values.dtype), params=params)
        if values.min() < 0:
          variant(op, values, np.array(-2, values.dtype), params=params)
    variant(op, np.array(2, values.dtype) if numeric else ordinary([], dtype), values, params=[0])
    for a, b in PAIRS:
      if a == [2, 3] and b == [2] and op in ('Equal', 'NotEqual'):
        variant(op, ordinary(a, dtype), ordinary(b, dtype), incompatible_shape_error=False)
      variant(op, ordinary(a, dtype, 1, low=low), ordinary(b, dtype, 2, low=low), params=[])
    variant(op, ordinary([2, 3], dtype, 1, low=low), ordinary([3], dtype, 2, low=low), params=[1])

for dtype in allowed('Select'):
  for shape in SHAPES:
    variant('Select', ordinary(shape, 'bool'), ordinary(shape, dtype, 1), ordinary(shape, dtype, 2), params=[])
  variant('Select', np.array(True), ordinary([2, 3], dtype, 1), ordinary([2, 3], dtype, 2), params=[])
  variant('Select', np.array([True, False]), ordinary([2, 3], dtype, 1), ordinary([2, 3], dtype, 2), params=[0])
  variant('Select', np.array([True, False, True]), ordinary([2, 3], dtype, 1), ordinary([2, 3], dtype, 2), params=[])
  variant('Select', np.array([True, False]), ordinary([2], dtype, 1), ordinary([2, 3], dtype, 2), params=[])
  variant('Select', np.array([[True, False]]), ordinary([2, 2], dtype, 1), ordinary([2, 2], dtype, 2), params=[])
  variant('Select', np.array([True]), ordinary([], dtype, 1), ordinary([], dtype, 2), params=[])
  for c, a, b in (([], [3], [3]), ([2, 1], [1, 3], []), ([3], [2, 3], [3]), ([2, 3], [], []), ([0], [1], [1]), ([2], [3], [3]), ([], [], []), ([2, 1, 1], [3, 1], [4]), ([2, 0], [], [])):
    variant('SelectV2', ordinary(c, 'bool'), ordinary(a, dtype, 1), ordinary(b, dtype, 2), params=[])
    variant('SelectV2', ordinary(c, 'bool'), ordinary(a, dtype, 1), ordinary(b, dtype, 2), params=[2])
CASTS = allowed('Cast', 'SrcT') if False else ['float32', 'float64', 'float16', 'bfloat16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool', 'complex64', 'complex128']
for source in CASTS:
  for target in CASTS:
    values = special(source)
    if tf.as_dtype(source).is_floating and not tf.as_dtype(target).is_floating:
      values = typed([-100.7, -2.5, -1.5, -0.5, -0.0, 0.0, 0.5, 1.5, 2.5, 100.7] if not tf.as_dtype(target).is_unsigned else [0.0, 0.5, 1.5, 2.5, 100.7], source)
    if source.startswith('complex'):
      values = typed([0, 1 + 2j, 100.5 - 1j], source)
    for truncate in ((False, True) if tf.as_dtype(source).is_floating and tf.as_dtype(target).is_floating else (False,)):
      variant('Cast', values, DstT=tf.as_dtype(target), Truncate=truncate)
    if tf.as_dtype(source).is_floating and tf.as_dtype(target).is_integer:
      variant('Cast', typed([nan, inf, -inf, 1e30, -1e30, 3e9, -3e9, 300, -300, 70000], source), DstT=tf.as_dtype(target), about='out of range')
  variant('Cast', ordinary([], source), DstT=tf.float32)
  variant('Cast', ordinary([0, 2], source), DstT=tf.float32)
for n in (1, 2, 3, 5):
  for dtype in allowed('AddN'):
    variant('AddN', [ordinary([2, 3], dtype, i) for i in range(n)])
    variant('AccumulateNV2', [ordinary([2, 3], dtype, i) for i in range(n)], shape=[2, 3])
variant('AddN', [ordinary([], 'float32', i) for i in range(3)])
variant('AddN', [ordinary([0, 3], 'float32', i) for i in range(3)])
variant('AddN', [ordinary([2, 3], 'float32'), ordinary([3], 'float32')], about='shapes that differ')
variant('AddN', [ordinary([2, 3], 'float32'), ordinary([1, 3], 'float32')], about='shapes that differ')
for dtype in allowed('BiasAdd'):
  for shape in ([2, 3], [1, 2, 3], [2, 2, 2, 3], [1, 2, 2, 2, 3], [0, 3]):
    variant('BiasAdd', ordinary(shape, dtype, 1), ordinary([3], dtype, 2), params=[1])
    variant('BiasAdd', ordinary(shape, dtype, 1), ordinary([3], dtype, 2), params=[1], data_format='NHWC')
    variant('BiasAddV1', ordinary(shape, dtype, 1), ordinary([3], dtype, 2), params=[1])
  for shape in ([2, 3], [1, 3, 2], [2, 3, 2, 2], [1, 3, 2, 2, 2], [0, 3, 1, 1]):
    variant('BiasAdd', ordinary(shape, dtype, 1), ordinary([3], dtype, 2), params=[1], data_format='NCHW')
variant('BiasAdd', ordinary([3], 'float32'), ordinary([3], 'float32'), params=[1])
variant('BiasAdd', ordinary([2, 3], 'float32'), ordinary([2], 'float32'), params=[1])
variant('BiasAdd', ordinary([2, 3], 'float32'), ordinary([1], 'float32'), params=[1])
variant('BiasAdd', ordinary([2, 3], 'float32'), ordinary([1, 3], 'float32'), params=[1])
variant('BiasAdd', ordinary([2, 3], 'float32'), ordinary([], 'float32'), params=[1])
for dtype in allowed('ClipByValue'):
  lo, hi = (ordinary([], dtype, low=-2, high=-1), ordinary([], dtype, low=1, high=2)) if not tf.as_dtype(dtype).is_unsigned else (ordinary([], dtype, low=1, high=1), ordinary([], dtype, low=3, high=3))
  variant('ClipByValue', special(dtype), lo, hi, params=[1, 2])
  variant('ClipByValue', ordinary([2, 3], dtype), lo, hi, params=[])
  variant('ClipByValue', ordinary([2, 3], dtype), ordinary([2, 3], dtype, 5), hi, params=[])
  variant('ClipByValue', ordinary([2, 3], dtype), ordinary([2, 3], dtype, 5), ordinary([2, 3], dtype, 6), params=[])
  variant('ClipByValue', ordinary([2, 3], dtype), ordinary([3], dtype, 5), hi, params=[])
  variant('ClipByValue', ordinary([0, 3], dtype), lo, hi, params=[])
  variant('ClipByValue', ordinary([], dtype), lo, hi, params=[])
for op in ('IdentityN',):
  variant(op, [ordinary([2], 'float32'), ordinary([], 'string'), ordinary([0], 'int64')])
for dtype in ('float32', 'float64', 'int32', 'int64'):
  variant('Bucketize', special(dtype), boundaries=[-1.0, 0.5, 0.5, 3.0])
  variant('Bucketize', ordinary([2, 3], dtype), boundaries=[])
  variant('Bucketize', ordinary([], dtype), boundaries=[1.0])
  variant('Bucketize', ordinary([2, 0], dtype), boundaries=[1.0])
variant('Cross', ordinary([2, 3], 'float32'), ordinary([2, 3], 'float32', 1), params=[])
variant('Cross', ordinary([3], 'int32'), ordinary([3], 'int32', 1), params=[])
variant('Cross', ordinary([2, 4], 'int32'), ordinary([2, 4], 'int32', 1), params=[])
variant('Cross', ordinary([2, 3], 'int32'), ordinary([3], 'int32', 1), params=[])
for sizes in (([2, 3], [3]), ([0], [1]), ([2], [3]), ([], [2]), ([1, 4], [3, 1])):
  variant('BroadcastArgs', np.array(sizes[0], np.int32), np.array(sizes[1], np.int32), params=[0, 1])
  variant('BroadcastArgs', np.array(sizes[0], np.int64), np.array(sizes[1], np.int64), params=[])
  variant('BroadcastGradientArgs', np.array(sizes[0], np.int32), np.array(sizes[1], np.int32), params=[])
for dtype in ('float32', 'float64', 'float16', 'bfloat16', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'complex64', 'complex128', 'bool'):
  for target in ('float32', 'float64', 'float16', 'bfloat16', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'complex64', 'complex128'):
    value = ordinary([2, 4], dtype)
    a, b = tf.as_dtype(dtype).size, tf.as_dtype(target).size
    if a < b:
      value = ordinary([2, b // a], dtype)
    variant('Bitcast', value, type=tf.as_dtype(target))
