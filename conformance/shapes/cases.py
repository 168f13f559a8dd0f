"""The cases of record.py: an op, concrete inputs, attributes."""
import dataclasses

import numpy as np
import tensorflow as tf

_random = np.random.RandomState(7)


@dataclasses.dataclass
class Given:
  """A concrete input. `is_value`: its value is known to shape functions, as that of a constant."""
  dtype: tf.DType
  array: np.ndarray
  is_value: bool


@dataclasses.dataclass
class Case:
  op: str
  inputs: dict
  attrs: dict
  runs: bool


cases = []


def case(op, _runs=True, **args):
  """Arguments by their names in tf.raw_ops: Given (or lists of them) are inputs, the rest attributes."""
  is_input = lambda arg: isinstance(arg, Given) or (isinstance(arg, list) and arg and isinstance(arg[0], Given))
  inputs = {name: arg for name, arg in args.items() if is_input(arg)}
  attrs = {name: arg for name, arg in args.items() if not is_input(arg)}
  cases.append(Case(op, inputs, attrs, _runs))


def f(*shape, dtype=tf.float32):
  return Given(dtype, _random.uniform(0.1, 0.9, shape).astype(dtype.as_numpy_dtype), False)


def c64(*shape):
  return Given(tf.complex64, _random.uniform(0.1, 0.9, shape).astype(np.complex64), False)


def of(values, dtype):
  """An input that is no constant, with these elements."""
  return Given(dtype, np.array(values, dtype.as_numpy_dtype), False)


def v(values, dtype=tf.int32):
  """A constant."""
  return Given(dtype, np.array(values, dtype.as_numpy_dtype), True)


def i32(*shape, below=3):
  return Given(tf.int32, _random.randint(0, below, shape).astype(np.int32), False)


def i64(*shape, below=3):
  return Given(tf.int64, _random.randint(0, below, shape).astype(np.int64), False)


def b(*shape):
  return Given(tf.bool, _random.randint(0, 2, shape).astype(bool), False)


def s(values):
  return Given(tf.string, np.array(values, object), False)


I64 = tf.int64

# ---- elementwise ----

for op in ['Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'BesselI0e', 'BesselI1e', 'BesselJ0', 'BesselK0e', 'Ceil', 'Cos', 'Cosh',
           'Dawsn', 'Digamma', 'Erf', 'Erfc', 'Erfinv', 'Exp', 'Expint', 'Expm1', 'Floor', 'FresnelCos', 'Inv', 'IsFinite', 'IsInf',
           'IsNan', 'Lgamma', 'Log', 'Log1p', 'Ndtri', 'Reciprocal', 'Rint', 'Round', 'Rsqrt', 'Sigmoid', 'Sign', 'Sin', 'Sinh',
           'Spence', 'Sqrt', 'Tan', 'Tanh', 'Abs', 'Neg', 'Square', 'ZerosLike', 'OnesLike']:
  case(op, x=f(2, 3))
for op in ['Elu', 'Relu', 'Relu6', 'Selu', 'Softplus', 'Softsign', 'LeakyRelu']:
  case(op, features=f(2, 3))
for op in ['Softmax', 'LogSoftmax']:
  case(op, logits=f(2, 3))
for op in ['Identity', 'StopGradient', 'DeepCopy', 'Snapshot', 'PreventGradient', 'CheckNumerics']:
  arg = {'Identity': 'input', 'StopGradient': 'input', 'Snapshot': 'input', 'PreventGradient': 'input', 'DeepCopy': 'x',
         'CheckNumerics': 'tensor'}[op]
  case(op, **{arg: f(2, 3)}, **({'message': 'm'} if op == 'CheckNumerics' else {}))
for op in ['Angle', 'Imag', 'Real', 'Conj']:
  case(op, input=c64(2, 3))
case('ComplexAbs', x=c64(2, 3))
case('Complex', real=f(2, 1), imag=f(3))
case('Invert', x=i32(2, 3))
case('PopulationCount', x=i32(2, 3))
case('LogicalNot', x=b(2, 3))
case('Bucketize', input=f(2, 3), boundaries=[0.5])

BROADCASTS = [((2, 3), (3,)), ((2, 1), (1, 4)), ((), (2,)), ((3, 1, 2), (4, 1)), ((2, 3), (2, 3)), ((0, 3), (1, 3))]
for op in ['Add', 'AddV2', 'Sub', 'Mul', 'Div', 'RealDiv', 'FloorDiv', 'FloorMod', 'Maximum', 'Minimum', 'Pow', 'SquaredDifference',
           'DivNoNan', 'MulNoNan', 'Xdivy', 'Xlogy', 'Xlog1py', 'Less', 'LessEqual', 'Greater', 'GreaterEqual', 'TruncateMod', 'Mod']:
  for a, c in BROADCASTS[:6 if op in ('AddV2', 'Mul') else 2]:
    case(op, x=f(*a), y=f(*c))
for op in ['Add', 'AddV2', 'Sub', 'Mul', 'FloorDiv', 'FloorMod', 'Maximum', 'Minimum', 'Div', 'TruncateDiv', 'Mod']:
  case(op, x=v([7, -3, 12]), y=v([2, 2, 5]))
  case(op, x=v([7, -3, 12], I64), y=v(2, I64))
case('Mul', x=v(100000), y=v(100000))
for op in ['Equal', 'NotEqual']:
  for a, c in BROADCASTS:
    case(op, x=f(*a), y=f(*c))
  case(op, x=f(2), y=f(3), incompatible_shape_error=False)
case('ApproximateEqual', x=f(2, 3), y=f(2, 3))
for op in ['BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'LeftShift', 'RightShift']:
  case(op, x=i32(2, 3), y=i32(3))
for op in ['LogicalAnd', 'LogicalOr']:
  case(op, x=b(2, 1), y=b(3))
case('Atan2', y=f(2, 1), x=f(3))
case('NextAfter', x1=f(2, 1), x2=f(3))
case('Igamma', a=f(2, 1), x=f(3))
case('Igammac', a=f(2, 1), x=f(3))
case('Polygamma', a=f(2, 1), x=f(3))
case('Zeta', x=f(2, 1), q=f(3))
case('Betainc', a=f(2, 3), b=f(2, 3), x=f(2, 3))
case('ClipByValue', t=f(2, 3), clip_value_min=f(), clip_value_max=f())
for op in ['TanhGrad', 'SigmoidGrad', 'SqrtGrad', 'RsqrtGrad']:
  case(op, y=f(2, 3), dy=f(2, 3))
case('ReluGrad', gradients=f(2, 3), features=f(2, 3))
case('Cast', x=f(2, 3), DstT=tf.int32)
case('Cast', x=v([3, 4]), DstT=tf.int64)
case('Cast', x=v([3, 2**40], I64), DstT=tf.int32)
case('AddN', inputs=[f(2, 3), f(2, 3), f(2, 3)])
case('AddN', inputs=[v([1, 2]), v([3, 4])])
case('AccumulateNV2', inputs=[f(2, 3), f(2, 3)], shape=[2, 3])
case('L2Loss', t=f(2, 3))
case('Neg', x=v([1, -2]))
case('Abs', x=v([1, -2]))
case('Square', x=v([5, -2]))

# ---- reductions ----

for op in ['Sum', 'Mean', 'Prod', 'Max', 'Min', 'EuclideanNorm']:
  for axes in [v(1), v([0, 2]), v([-1]), v([], tf.int32), v(-3)]:
    for keep in [False, True]:
      case(op, input=f(2, 3, 4), axis=axes, keep_dims=keep)
for op in ['Sum', 'Prod', 'Max', 'Min']:
  case(op, input=v([2, 3, 4]), axis=v([0]), keep_dims=False)
  case(op, input=v([2, 3, 4], I64), axis=v(0), keep_dims=True)
  case(op, input=v([], tf.int32), axis=v([0]), keep_dims=False)
for op in ['All', 'Any']:
  case(op, input=b(2, 3), axis=v([1]), keep_dims=False)
  case(op, input=b(2, 3), axis=v(0), keep_dims=True)
case('ReduceJoin', inputs=s([['a', 'b'], ['c', 'd']]), reduction_indices=v([0]))
case('ReduceJoin', inputs=s([['a', 'b'], ['c', 'd']]), reduction_indices=v(1), keep_dims=True)
for op in ['ArgMax', 'ArgMin']:
  case(op, input=f(2, 3, 4), dimension=v(1))
  case(op, input=f(2, 3), dimension=v(-1), output_type=tf.int32)
  case(op, input=f(5), dimension=v(0))
for op in ['Cumsum', 'Cumprod', 'CumulativeLogsumexp']:
  case(op, x=f(2, 3), axis=v(1))
for op in ['SegmentSum', 'SegmentMean', 'SegmentProd', 'SegmentMin', 'SegmentMax']:
  case(op, data=f(3, 4), segment_ids=of([0, 0, 2], tf.int32))
for op in ['UnsortedSegmentSum', 'UnsortedSegmentProd', 'UnsortedSegmentMin', 'UnsortedSegmentMax']:
  case(op, data=f(3, 4, 2), segment_ids=of([0, 0, 2], tf.int32), num_segments=v(4))
  case(op, data=f(2, 3, 2), segment_ids=of([[0, 0, 2], [1, 1, 1]], tf.int32), num_segments=v(4, I64))
for op in ['SparseSegmentSum', 'SparseSegmentMean', 'SparseSegmentSqrtN']:
  case(op, data=f(4, 5), indices=of([0, 3, 1], tf.int32), segment_ids=of([0, 0, 1], tf.int32))
for op in ['SparseSegmentSumWithNumSegments', 'SparseSegmentMeanWithNumSegments', 'SparseSegmentSqrtNWithNumSegments']:
  case(op, data=f(4, 5), indices=of([0, 3, 1], tf.int32), segment_ids=of([0, 0, 1], tf.int32), num_segments=v(3))

# ---- shapes and arrays ----

case('Shape', input=f(2, 3, 4))
case('Shape', input=f(), out_type=I64)
case('ShapeN', input=[f(2, 3), f(4)])
case('Size', input=f(2, 3))
case('Size', input=f(2, 0), out_type=I64)
case('Rank', input=f(2, 3))
case('Fill', dims=v([2, 3]), value=f())
case('Fill', dims=v([3], I64), value=v(7))
case('Fill', dims=v([], tf.int32), value=v(7))
case('ZerosLike', x=v([3, 4]))
case('OnesLike', x=v(3))
case('Range', start=v(1), limit=v(9), delta=v(3))
case('Range', start=v(9), limit=v(1), delta=v(-2))
case('Range', start=v(3), limit=v(3), delta=v(1))
case('Range', start=v(0.0, tf.float32), limit=v(1.0, tf.float32), delta=v(0.3, tf.float32))
case('LinSpace', start=f(), stop=f(), num=v(5))
case('BroadcastArgs', s0=v([2, 1, 3]), s1=v([4, 1]))
case('BroadcastArgs', s0=v([], tf.int32), s1=v([4, 1]))
case('BroadcastGradientArgs', s0=v([2, 1, 3]), s1=v([4, 1]))
case('Reshape', tensor=f(2, 3, 4), shape=v([6, 4]))
case('Reshape', tensor=f(2, 3, 4), shape=v([-1, 4]))
case('Reshape', tensor=f(2, 3, 4), shape=v([2, -1, 2], I64))
case('Reshape', tensor=f(2, 3, 4), shape=v([-1]))
case('Reshape', tensor=f(1, 1), shape=v([], tf.int32))
case('Reshape', tensor=f(0, 3), shape=v([0, 5]))
case('Reshape', tensor=f(0, 3), shape=v([-1, 3]))
case('Reshape', tensor=v([5]), shape=v([], tf.int32))
case('Reshape', tensor=v([5, 6]), shape=v([-1]))
case('EnsureShape', input=f(2, 3), shape=[None, 3])
case('PlaceholderWithDefault', input=f(2, 3), shape=[None, 3])
for axis in [0, 1, -1, -2]:
  case('ExpandDims', input=f(2, 3), axis=v(axis))
case('ExpandDims', input=f(2, 3), axis=v([1]))
case('ExpandDims', input=v(4), axis=v(0))
case('ExpandDims', input=v([4, 5]), axis=v(0))
for axes in [[], [0], [2], [0, -2]]:
  case('Squeeze', input=f(1, 3, 1, 2), axis=axes)
case('Squeeze', input=v([4]), axis=[0])
case('Transpose', x=f(2, 3, 4), perm=v([2, 0, 1]))
case('Transpose', x=f(2, 3), perm=v([1, 0], I64))
case('Transpose', x=f(5), perm=v([0]))
case('ConjugateTranspose', x=c64(2, 3), perm=v([1, 0]))
case('BroadcastTo', input=f(3, 1), shape=v([2, 3, 4]))
case('BroadcastTo', input=v(7), shape=v([2]))
case('Pack', values=[f(2, 3), f(2, 3)], axis=1)
case('Pack', values=[f(2, 3)], axis=-1)
case('Pack', values=[v(3), v(4), v(5)], axis=0)
case('Pack', values=[v([3, 4]), v([5, 6])], axis=0)
case('Unpack', value=f(2, 3), num=3, axis=1)
case('Unpack', value=v([7, 8, 9]), num=3, axis=0)
case('ConcatV2', values=[f(2, 3), f(4, 3)], axis=v(0))
case('ConcatV2', values=[f(2, 3), f(2, 1), f(2, 2)], axis=v(-1))
case('ConcatV2', values=[v([1, 2]), v([3])], axis=v(0))
case('ConcatV2', values=[v([1, 2], I64), v([], I64), v([3], I64)], axis=v(-1))
case('Concat', values=[f(2, 3), f(4, 3)], concat_dim=v(0))
case('Concat', values=[v([1, 2]), v([3])], concat_dim=v(0))
case('ConcatOffset', concat_dim=v(0), shape=[v([2, 3]), v([4, 3])])
case('Split', axis=v(1), value=f(2, 6), num_split=3)
case('Split', axis=v(0), value=v([1, 2, 3, 4]), num_split=2)
case('Split', axis=v(-2), value=f(4, 6), num_split=1)
case('SplitV', value=f(2, 6), size_splits=v([1, 3, 2]), axis=v(1), num_split=3)
case('SplitV', value=f(2, 6), size_splits=v([1, -1]), axis=v(-1), num_split=2)
case('SplitV', value=v([1, 2, 3, 4]), size_splits=v([1, 3], I64), axis=v(0), num_split=2)
case('SplitV', value=f(4, 2), size_splits=v([4]), axis=v(0), num_split=1)
for op in ['Pad', 'PadV2', 'MirrorPad']:
  more = {'PadV2': {'constant_values': f()}, 'MirrorPad': {'mode': 'REFLECT'}}.get(op, {})
  case(op, input=f(3, 4), paddings=v([[1, 2], [0, 1]]), **more)
  case(op, input=f(3), paddings=v([[1, 1]], I64), **more)
case('Tile', input=f(2, 3), multiples=v([2, 1]))
case('Tile', input=v([1, 2]), multiples=v([2]))
case('Select', condition=b(2, 3), x=f(2, 3), y=f(2, 3))
case('Select', condition=b(2), x=f(2, 3), y=f(2, 3))
case('Select', condition=b(), x=f(2, 3), y=f(2, 3))
case('Select', condition=v(True, tf.bool), x=v([1, 2]), y=v([3, 2]))
case('SelectV2', condition=b(2, 1), t=f(3), e=f())
case('SelectV2', condition=b(), t=f(2, 3), e=f(2, 3))
case('SelectV2', condition=v(False, tf.bool), t=v([1, 2]), e=v([3, 2]))
case('SelectV2', condition=b(), t=v([1, 2]), e=v([3, 2]))
case('Where', condition=b(2, 3))
case('OneHot', indices=i32(2, 3), depth=v(5), on_value=f(), off_value=f())
case('OneHot', indices=i32(2, 3), depth=v(5), on_value=f(), off_value=f(), axis=0)
case('OneHot', indices=i32(), depth=v(5), on_value=f(), off_value=f(), axis=-1)
case('Unique', x=of([1, 2, 1], tf.int32))
case('UniqueWithCounts', x=of([1, 2, 1], tf.int32))
case('UniqueV2', x=f(3, 2), axis=v([0]))
case('UniqueV2', x=f(3), axis=v([], tf.int32))
case('UniqueWithCountsV2', x=f(3, 2), axis=v([1]))
case('ListDiff', x=i32(4), y=i32(2))
case('InvertPermutation', x=v([2, 0, 1]))
case('UnravelIndex', indices=of([1, 5], tf.int32), dims=v([2, 3]))
case('UnravelIndex', indices=of(5, tf.int32), dims=v([2, 3]))
case('LowerBound', sorted_inputs=f(2, 3), values=f(2, 4))
case('UpperBound', sorted_inputs=f(2, 3), values=f(2, 4))
case('Bitcast', input=f(2, 4), type=tf.int32)
case('Bitcast', input=f(2, 4), type=tf.uint8)
case('Bitcast', input=f(2, 2), type=tf.float64)
case('SpaceToBatchND', input=f(2, 4, 6, 3), block_shape=v([2, 2]), paddings=v([[0, 0], [1, 1]]))
case('SpaceToBatchND', input=f(2, 4, 3), block_shape=v([2]), paddings=v([[0, 0]]))
case('BatchToSpaceND', input=f(8, 2, 4, 3), block_shape=v([2, 2]), crops=v([[0, 0], [1, 1]]))
case('BatchToSpaceND', input=f(4, 2), block_shape=v([2]), crops=v([[0, 1]]))
case('SpaceToDepth', input=f(2, 4, 6, 3), block_size=2)
case('DepthToSpace', input=f(2, 4, 6, 8), block_size=2)
case('DepthToSpace', _runs=False, input=f(2, 8, 4, 6), block_size=2, data_format='NCHW')
case('Reverse', tensor=f(2, 3), dims=of([True, False], tf.bool))
case('ReverseV2', tensor=f(2, 3), axis=v([1]))
case('ReverseSequence', input=f(2, 3), seq_lengths=of([1, 2], tf.int32), seq_dim=1)
case('Roll', input=f(2, 3), shift=v([1]), axis=v([1]))
case('RandomShuffle', value=f(2, 3))
case('IdentityN', input=[f(2, 3), v([4])])
case('Identity', input=v([4, 5]))

# ---- slices, gathers, scatters ----

case('Slice', input=f(4, 5, 6), begin=v([1, 0, 2]), size=v([2, -1, 3]))
case('Slice', input=f(4, 5), begin=v([1, 2], I64), size=v([-1, 0], I64))
case('Slice', input=v([5, 6, 7, 8]), begin=v([1]), size=v([2]))
case('Slice', input=v([5, 6, 7, 8]), begin=v([2]), size=v([-1]))
STRIDED = [
    ([1], [3], [1], {}),
    ([0], [1], [1], {'shrink_axis_mask': 1}),
    ([-1], [0], [1], {'shrink_axis_mask': 1}),
    ([0, 1], [0, 3], [1, 1], {'begin_mask': 1, 'end_mask': 1}),
    ([0, 1], [2, -1], [1, 2], {}),
    ([0, 0], [0, 0], [-1, 1], {'begin_mask': 3, 'end_mask': 3}),
    ([0, 0], [0, 1], [1, 1], {'ellipsis_mask': 1, 'shrink_axis_mask': 2}),
    ([0, 0, 0], [0, 0, 0], [1, 1, 1], {'begin_mask': 5, 'end_mask': 5, 'new_axis_mask': 2}),
    ([1, 0, 0, 2], [2, 0, 0, 3], [1, 1, 1, 1], {'ellipsis_mask': 2, 'new_axis_mask': 4, 'shrink_axis_mask': 8}),
    ([-100], [100], [3], {}),
    ([3], [1], [1], {}),
    ([3], [0], [-1], {}),
    ([5], [1], [-2], {'begin_mask': 1}),
    ([0, 0], [0, 0], [1, 1], {'new_axis_mask': 3}),
]
for begin, end, strides, masks in STRIDED:
  case('StridedSlice', input=f(4, 5, 6), begin=v(begin), end=v(end), strides=v(strides), **masks)
for begin, end, strides, masks in [([1], [3], [1], {}), ([1], [2], [1], {'shrink_axis_mask': 1}), ([-1], [0], [1], {'shrink_axis_mask': 1}),
                                   ([0], [0], [-1], {'begin_mask': 1, 'end_mask': 1}), ([0], [-1], [2], {}),
                                   ([0, 0], [0, 0], [1, 1], {'begin_mask': 1, 'end_mask': 1, 'new_axis_mask': 2})]:
  case('StridedSlice', input=v([5, 6, 7, 8]), begin=v(begin), end=v(end), strides=v(strides), **masks)
case('StridedSliceGrad', shape=v([4, 5]), begin=v([1]), end=v([3]), strides=v([1]), dy=f(2, 5))
case('TensorStridedSliceUpdate', input=f(4, 5), begin=v([1]), end=v([3]), strides=v([1]), value=f(2, 5))
case('Gather', params=f(4, 5), indices=i32(2, 3))
case('GatherV2', params=f(4, 5, 6), indices=i32(2, 3), axis=v(0))
case('GatherV2', params=f(4, 5, 6), indices=i32(2, 3), axis=v(-1))
case('GatherV2', params=f(4, 5, 6), indices=i32(), axis=v(1))
case('GatherV2', params=f(4, 5, 6), indices=i32(4, 2), axis=v(1), batch_dims=1)
case('GatherV2', params=f(4, 5, 6), indices=i32(4, 2), axis=v(2), batch_dims=1)
case('GatherV2', params=v([5, 6, 7]), indices=v([2, 0]), axis=v(0))
case('GatherV2', params=v([5, 6, 7]), indices=v(1), axis=v(0))
case('GatherNd', params=f(4, 5, 6), indices=i32(2, 2))
case('GatherNd', params=f(4, 5, 6), indices=i32(3, 2, 3))
case('GatherNd', params=f(4, 5), indices=i32(1))
case('ScatterNd', indices=of([[1], [3]], tf.int32), updates=f(2, 3), shape=v([5, 3]))
case('SparseToDense', sparse_indices=of([[0, 1], [1, 2]], tf.int32), output_shape=v([3, 4]), sparse_values=f(2), default_value=f())
for op in ['TensorScatterUpdate', 'TensorScatterAdd', 'TensorScatterSub', 'TensorScatterMax', 'TensorScatterMin']:
  case(op, tensor=f(4, 5), indices=of([[1], [3]], tf.int32), updates=f(2, 5))
case('DynamicPartition', data=f(4, 3), partitions=of([0, 1, 0, 1], tf.int32), num_partitions=2)
case('DynamicStitch', indices=[v([0, 2]), v([1, 4])], data=[f(2, 3), f(2, 3)])
case('DynamicStitch', indices=[of([0, 2], tf.int32), of(1, tf.int32)], data=[f(2, 3), f(3)])
case('ParallelDynamicStitch', indices=[v([0, 2]), v([1, 3])], data=[f(2, 3), f(2, 3)])

# ---- windows ----

for padding in ['SAME', 'VALID']:
  for stride, dilation in [(1, 1), (2, 1), (1, 2)]:
    case('Conv2D', input=f(2, 9, 8, 3), filter=f(3, 2, 3, 5), strides=[1, stride, stride, 1], padding=padding,
         dilations=[1, dilation, dilation, 1])
    case('DepthwiseConv2dNative', _runs=dilation == 1, input=f(2, 9, 8, 3), filter=f(3, 2, 3, 2), strides=[1, stride, stride, 1], padding=padding,
         dilations=[1, dilation, dilation, 1])
  case('Conv3D', input=f(2, 5, 6, 7, 3), filter=f(2, 2, 3, 3, 4), strides=[1, 1, 2, 1, 1], padding=padding)
  for op, arg in [('MaxPool', 'input'), ('AvgPool', 'value')]:
    case(op, **{arg: f(2, 9, 8, 3)}, ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding=padding)
  for op in ['MaxPool3D', 'AvgPool3D']:
    case(op, input=f(2, 5, 6, 7, 3), ksize=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding=padding)
  case('MaxPoolWithArgmax', input=f(2, 9, 8, 3), ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding=padding)
  case('MaxPoolV2', input=f(2, 9, 8, 3), ksize=v([1, 3, 2, 1]), strides=v([1, 2, 2, 1]), padding=padding)
  case('ExtractImagePatches', images=f(2, 9, 8, 3), ksizes=[1, 3, 3, 1], strides=[1, 2, 2, 1], rates=[1, 2, 2, 1], padding=padding)
  case('ExtractVolumePatches', input=f(2, 5, 6, 7, 3), ksizes=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding=padding)
  case('Dilation2D', input=f(2, 9, 8, 3), filter=f(3, 2, 3), strides=[1, 2, 2, 1], rates=[1, 1, 1, 1], padding=padding)
case('Conv2D', input=f(2, 9, 8, 3), filter=f(3, 2, 3, 5), strides=[1, 1, 1, 1], padding='EXPLICIT', explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0])
case('Conv2D', _runs=False, input=f(2, 3, 9, 8), filter=f(3, 2, 3, 5), strides=[1, 1, 2, 2], padding='VALID', data_format='NCHW')
case('Conv2D', input=f(2, 9, 8, 6), filter=f(3, 2, 3, 4), strides=[1, 1, 1, 1], padding='SAME')
case('MaxPool', _runs=False, input=f(2, 3, 9, 8), ksize=[1, 1, 3, 2], strides=[1, 1, 2, 2], padding='VALID', data_format='NCHW')
case('MaxPool', input=f(2, 9, 8, 3), ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding='EXPLICIT', explicit_paddings=[0, 0, 1, 1, 1, 0, 0, 0])
case('MaxPool', input=f(2, 9, 8, 4), ksize=[1, 1, 1, 2], strides=[1, 1, 1, 2], padding='VALID')
case('Conv2DBackpropInput', input_sizes=v([2, 9, 8, 3]), filter=f(3, 2, 3, 5), out_backprop=f(2, 9, 8, 5), strides=[1, 1, 1, 1], padding='SAME')
case('Conv2DBackpropInput', input_sizes=v([9, 8]), filter=f(3, 2, 3, 5), out_backprop=f(2, 9, 8, 5), strides=[1, 1, 1, 1], padding='SAME')
case('Conv3DBackpropInputV2', input_sizes=v([2, 5, 6, 7, 3]), filter=f(2, 2, 2, 3, 4), out_backprop=f(2, 5, 6, 7, 4), strides=[1, 1, 1, 1, 1],
     padding='SAME')
case('DepthwiseConv2dNativeBackpropInput', input_sizes=v([2, 9, 8, 3]), filter=f(3, 2, 3, 2), out_backprop=f(2, 9, 8, 6),
     strides=[1, 1, 1, 1], padding='SAME')
case('FractionalAvgPool', value=f(2, 9, 8, 3), pooling_ratio=[1.0, 1.4, 1.7, 1.0])

# ---- layers ----

case('BiasAdd', value=f(2, 3, 4), bias=f(4))
case('BiasAdd', value=f(2, 3), bias=f(3))
case('BiasAdd', value=f(2, 3, 4, 5), bias=f(3), data_format='NCHW')
for op in ['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3']:
  for training in [False, True]:
    mean = f(3)
    empty = f(0) if training else f(3)
    case(op, x=f(2, 4, 5, 3), scale=f(3), offset=f(3), mean=empty, variance=empty, is_training=training)
case('LRN', input=f(2, 4, 5, 3))
case('TopKV2', input=f(2, 5), k=v(3))
case('TopKV2', input=f(5), k=v(0))
case('NthElement', input=f(2, 5), n=v(1))
case('InTopKV2', predictions=f(4, 5), targets=i32(4), k=v(2))
case('SoftmaxCrossEntropyWithLogits', features=f(2, 3), labels=f(2, 3))
case('SparseSoftmaxCrossEntropyWithLogits', features=f(2, 3), labels=i32(2))
case('CTCGreedyDecoder', inputs=f(5, 2, 4), sequence_length=of([5, 4], tf.int32))
case('CTCBeamSearchDecoder', inputs=f(5, 2, 4), sequence_length=of([5, 4], tf.int32), beam_width=3, top_paths=2)
case('GRUBlockCell', x=f(2, 3), h_prev=f(2, 4), w_ru=f(7, 8), w_c=f(7, 4), b_ru=f(8), b_c=f(4))
case('LSTMBlockCell', x=f(2, 3), cs_prev=f(2, 4), h_prev=f(2, 4), w=f(7, 16), wci=f(4), wcf=f(4), wco=f(4), b=f(16))
case('BlockLSTM', seq_len_max=of(5, I64), x=f(5, 2, 3), cs_prev=f(2, 4), h_prev=f(2, 4), w=f(7, 16), wci=f(4), wcf=f(4), wco=f(4), b=f(16))
case('FakeQuantWithMinMaxArgs', inputs=f(2, 3))
case('FakeQuantWithMinMaxVars', inputs=f(2, 3), min=f(), max=of(2.0, tf.float32))
case('FakeQuantWithMinMaxVarsPerChannel', inputs=f(2, 3), min=of([0.0] * 3, tf.float32), max=of([2.0] * 3, tf.float32))
case('QuantizeAndDequantizeV2', input=f(2, 3), input_min=f(), input_max=of(2.0, tf.float32))
case('QuantizeV2', input=f(2, 3), min_range=of(0.0, tf.float32), max_range=of(2.0, tf.float32), T=tf.quint8)
case('Multinomial', logits=f(2, 3), num_samples=v(5))

# ---- matrices ----

for ta in [False, True]:
  for tb in [False, True]:
    case('MatMul', a=f(*((3, 2) if ta else (2, 3))), b=f(*((4, 3) if tb else (3, 4))), transpose_a=ta, transpose_b=tb)
    case('BatchMatMulV2', x=f(5, 1, *((3, 2) if ta else (2, 3))), y=f(6, *((4, 3) if tb else (3, 4))), adj_x=ta, adj_y=tb)
case('BatchMatMul', x=f(5, 2, 3), y=f(5, 3, 4))
case('BatchMatMulV3', x=f(5, 2, 3), y=f(3, 4), Tout=tf.float32)
case('SparseMatMul', a=f(2, 3), b=f(3, 4))
for equation, shapes in [('ab,bc->ac', [(2, 3), (3, 4)]), ('abc,cde->abde', [(2, 3, 4), (4, 5, 6)]), ('...a,ab->...b', [(2, 3, 4), (4, 5)]),
                         ('aab->ab', [(2, 2, 3)]), ('...ij,...jk->...ik', [(5, 1, 2, 3), (6, 3, 4)]), ('i,j->ij', [(2,), (3,)]),
                         ('ij->', [(2, 3)]), ('aecd,abcd->acbe', [(2, 3, 4, 5), (2, 6, 4, 5)])]:
  case('Einsum', inputs=[f(*shape) for shape in shapes], equation=equation)
case('Cross', a=f(2, 3), b=f(2, 3))
case('Diag', diagonal=f(2, 3))
case('DiagPart', input=f(2, 3, 2, 3))
case('MatrixDiag', diagonal=f(2, 3))
case('MatrixDiagPart', input=f(2, 3, 4))
case('MatrixSetDiag', input=f(2, 3, 4), diagonal=f(2, 3))
case('MatrixSetDiagV3', input=f(2, 3, 4), diagonal=f(2, 3), k=v(0))
case('MatrixBandPart', input=f(2, 3, 4), num_lower=v(1), num_upper=v(0))
for k, rows, columns, shape in [(0, -1, -1, (2, 3)), (1, -1, -1, (2, 3)), (-1, 4, -1, (2, 3)), (0, 3, 5, (2, 3)), ([-1, 1], -1, -1, (2, 3, 4)),
                                ([0, 1], 4, -1, (2, 2, 4))]:
  for op in ['MatrixDiagV2', 'MatrixDiagV3']:
    case(op, diagonal=f(*shape), k=v(k), num_rows=v(rows), num_cols=v(columns), padding_value=f())
for k in [0, 1, -2, [-1, 1], [0, 2]]:
  for op in ['MatrixDiagPartV2', 'MatrixDiagPartV3']:
    case(op, input=f(2, 3, 4), k=v(k), padding_value=f())
case('MatrixDeterminant', input=f(2, 3, 3))
case('LogMatrixDeterminant', input=f(2, 3, 3))
SPD = of([[[2.0, 0.5], [0.5, 1.0]]], tf.float32)
case('Cholesky', input=SPD)
case('MatrixInverse', input=SPD)
case('MatrixSquareRoot', input=of([[[2.0, 0.5], [0.5, 1.0]]], tf.complex64))
case('MatrixSolve', matrix=SPD, rhs=f(1, 2, 4))
case('MatrixTriangularSolve', matrix=SPD, rhs=f(1, 2, 4))
case('MatrixTriangularSolve', matrix=of([[2.0, 0.5], [0.5, 1.0]], tf.float32), rhs=f(3, 2, 4))
case('MatrixSolveLs', matrix=f(1, 3, 2), rhs=f(1, 3, 4), l2_regularizer=of(0.0, tf.float64))
case('TridiagonalSolve', diagonals=f(1, 3, 4), rhs=f(1, 4, 2))
for full in [False, True]:
  case('Qr', input=f(2, 3, 4), full_matrices=full)
  case('Qr', input=f(4, 3), full_matrices=full)
  for uv in [False, True]:
    case('Svd', input=f(2, 3, 4), full_matrices=full, compute_uv=uv)
case('SelfAdjointEigV2', input=SPD, compute_v=True)
case('SelfAdjointEigV2', input=SPD, compute_v=False)
case('Lu', input=SPD)
for op in ['FFT', 'IFFT']:
  case(op, input=c64(2, 8))
for op in ['FFT2D', 'IFFT2D']:
  case(op, input=c64(2, 4, 4))
for op in ['FFT3D', 'IFFT3D']:
  case(op, input=c64(2, 4, 4, 4))
case('RFFT', input=f(2, 8), fft_length=v([6]))
case('RFFT', input=f(2, 8), fft_length=v([8]))
case('RFFT2D', input=f(2, 4, 6), fft_length=v([4, 6]))
case('RFFT3D', input=f(2, 4, 6, 6), fft_length=v([4, 6, 5]))
case('IRFFT', input=c64(2, 5), fft_length=v([8]))
case('IRFFT2D', input=c64(2, 4, 4), fft_length=v([4, 6]))

# ---- images ----

for op in ['ResizeBilinear', 'ResizeNearestNeighbor', 'ResizeBicubic', 'ResizeArea']:
  case(op, images=f(2, 4, 5, 3), size=v([6, 7]))
case('ScaleAndTranslate', images=f(2, 4, 5, 3), size=v([6, 7]), scale=of([1.0, 1.0], tf.float32), translation=of([0.0, 0.0], tf.float32))
case('ImageProjectiveTransformV3', images=f(2, 4, 5, 3), transforms=f(1, 8), output_shape=v([6, 7]), fill_value=f(), interpolation='NEAREST')
case('ImageProjectiveTransformV2', images=f(2, 4, 5, 3), transforms=f(1, 8), output_shape=v([6, 7]), interpolation='NEAREST')
case('CropAndResize', image=f(2, 4, 5, 3), boxes=f(6, 4), box_ind=of([0] * 6, tf.int32), crop_size=v([7, 8]))
for op in ['DecodeJpeg', 'DecodePng', 'DecodeBmp']:
  case(op, _runs=False, contents=s('x'))
  case(op, _runs=False, contents=s('x'), channels=3)
case('DecodeImage', _runs=False, contents=s('x'))
case('DecodeImage', _runs=False, contents=s('x'), channels=3, expand_animations=False)
case('DecodeGif', _runs=False, contents=s('x'))
case('DecodeAndCropJpeg', _runs=False, contents=s('x'), crop_window=v([1, 2, 3, 4]), channels=1)
case('ExtractJpegShape', _runs=False, contents=s('x'))
case('EncodePng', image=of(np.zeros((4, 5, 3)), tf.uint8))
case('EncodeJpeg', image=of(np.zeros((4, 5, 3)), tf.uint8))
case('AdjustContrastv2', images=f(2, 4, 5, 3), contrast_factor=f())
case('AdjustHue', images=f(2, 4, 5, 3), delta=f())
case('AdjustSaturation', images=f(2, 4, 5, 3), scale=f())
for op in ['RGBToHSV', 'HSVToRGB']:
  case(op, images=f(2, 4, 5, 3))
case('DrawBoundingBoxesV2', images=f(2, 4, 5, 3), boxes=f(2, 3, 4), colors=f(1, 3))
case('ExtractGlimpseV2', input=f(2, 8, 9, 3), size=v([3, 4]), offsets=f(2, 2))
BOXES = {'boxes': f(6, 4), 'scores': f(6), 'max_output_size': v(3)}
case('NonMaxSuppression', **BOXES)
case('NonMaxSuppressionV2', **BOXES, iou_threshold=f())
case('NonMaxSuppressionV3', **BOXES, iou_threshold=f(), score_threshold=f())
for pad in [False, True]:
  case('NonMaxSuppressionV4', **BOXES, iou_threshold=f(), score_threshold=f(), pad_to_max_output_size=pad)
  case('NonMaxSuppressionV5', **BOXES, iou_threshold=f(), score_threshold=f(), soft_nms_sigma=f(), pad_to_max_output_size=pad)
  case('CombinedNonMaxSuppression', boxes=f(2, 6, 1, 4), scores=f(2, 6, 5), max_output_size_per_class=v(2), max_total_size=v(100),
       iou_threshold=f(), score_threshold=f(), pad_per_class=pad)
case('SampleDistortedBoundingBoxV2', image_size=of([10, 12, 3], tf.int32), bounding_boxes=of([[[0.1, 0.1, 0.9, 0.9]]], tf.float32),
     min_object_covered=f())

# ---- random ----

case('RandomUniform', shape=v([2, 3]), dtype=tf.float32)
case('RandomStandardNormal', shape=v([2, 3], I64), dtype=tf.float32)
case('TruncatedNormal', shape=v([2, 3]), dtype=tf.float32)
case('RandomUniformInt', shape=v([2, 3]), minval=v(0), maxval=v(5))
case('RandomGamma', shape=v([2]), alpha=f(3))
case('RandomPoissonV2', shape=v([2]), rate=f(3))
KEYS = {'key': of([1], tf.uint64), 'counter': of([1, 2], tf.uint64), 'alg': v(1)}
for op in ['StatelessRandomUniformV2', 'StatelessRandomNormalV2', 'StatelessTruncatedNormalV2']:
  case(op, shape=v([2, 3]), **KEYS)
case('StatelessRandomUniformIntV2', shape=v([2, 3]), **KEYS, minval=v(0), maxval=v(5))
case('StatelessRandomUniformFullIntV2', shape=v([2, 3]), **KEYS, dtype=tf.int32)
for op in ['StatelessRandomUniform', 'StatelessRandomNormal', 'StatelessTruncatedNormal']:
  case(op, shape=v([2, 3]), seed=v([1, 2]))
case('StatelessRandomUniformInt', shape=v([2, 3]), seed=v([1, 2]), minval=v(0), maxval=v(5))
case('StatelessRandomGetKeyCounter', seed=of([1, 2], tf.int32))
case('StatelessRandomGetKeyCounterAlg', seed=of([1, 2], tf.int32))

# ---- strings and records ----

TEXT = s([['ab', 'c'], ['de f', '']])
for op in ['DecodeBase64', 'EncodeBase64', 'StringLength', 'StringLower', 'StringStrip', 'StringUpper', 'UnicodeTranscode']:
  more = {'UnicodeTranscode': {'input_encoding': 'UTF-8', 'output_encoding': 'UTF-8'}}.get(op, {})
  case(op, _runs=op != 'DecodeBase64', input=TEXT, **more)
case('AsString', input=f(2, 3))
case('StaticRegexFullMatch', input=TEXT, pattern='a.*')
case('StaticRegexReplace', input=TEXT, pattern='a', rewrite='b')
case('RegexFullMatch', input=TEXT, pattern=s('a.*'))
case('RegexReplace', input=TEXT, pattern=s('a'), rewrite=s('b'))
case('StringToHashBucket', string_tensor=TEXT, num_buckets=10)
case('StringToHashBucketFast', input=TEXT, num_buckets=10)
case('StringToHashBucketStrong', input=TEXT, num_buckets=10, key=[1, 2])
case('StringToNumber', string_tensor=s(['1', '2']))
case('DecodeJSONExample', json_examples=s(['{}', '{}']))
case('DecodeCompressed', bytes=s(['', '']))
case('UnicodeScript', input=of([65, 66], tf.int32))
case('StringJoin', inputs=[s(['a', 'b']), s('c'), s(['d', 'e'])])
case('StringJoin', inputs=[s('a'), s('c')])
case('Substr', input=s(['abc', 'def']), pos=of([0, 1], tf.int32), len=of([1, 1], tf.int32))
case('Substr', input=s(['abc', 'def']), pos=of(0, tf.int32), len=of(1, tf.int32))
case('StringFormat', inputs=[f(2)], template='%s')
case('SerializeTensor', tensor=f(2, 3))
case('ParseTensor', _runs=False, serialized=s('x'), out_type=tf.float32)
case('StringSplit', input=s(['a b', 'c']), delimiter=s(' '))
case('StringSplitV2', input=s(['a b', 'c']), sep=s(' '))
case('StringNGrams', data=s(['a', 'b', 'c']), data_splits=of([0, 2, 3], I64), separator=' ', ngram_widths=[2], left_pad='', right_pad='',
     pad_width=0, preserve_short_sequences=False)
case('UnicodeEncode', input_values=of([65, 66, 67], tf.int32), input_splits=of([0, 2, 3], I64), output_encoding='UTF-8')
case('UnicodeDecode', input=TEXT, input_encoding='UTF-8')
case('UnicodeDecodeWithOffsets', input=s(['ab', 'c']), input_encoding='UTF-8')
case('DecodeRaw', bytes=s(['abcd', 'efgh']), out_type=tf.uint8)
case('DecodePaddedRaw', input_bytes=s(['abcd', 'efgh']), fixed_length=v(4), out_type=tf.uint8)
case('DecodeCSV', records=s(['1,2', '3,4']), record_defaults=[of([0.0], tf.float32), of([0], tf.int32)])
case('Fingerprint', data=f(2, 3), method=s('farmhash64'))
case('ReadFile', _runs=False, filename=s('x'))
case('ShardedFilename', basename=s('x'), shard=v(1), num_shards=v(2))
EMPTY = tf.train.Example().SerializeToString()
EXAMPLE = tf.train.Example(features=tf.train.Features(feature={'d': tf.train.Feature(float_list=tf.train.FloatList(value=[1, 2, 3]))}))
EXAMPLE = EXAMPLE.SerializeToString()
for records in [s([EXAMPLE, EXAMPLE]), s(EXAMPLE)]:
  case('ParseExampleV2', serialized=records, names=s(np.array([], object)), sparse_keys=s(['a', 'b']), dense_keys=s(['d']),
       ragged_keys=s(['r']), dense_defaults=[f(0)], num_sparse=2, sparse_types=[tf.int64, tf.string], ragged_value_types=[tf.float32],
       ragged_split_types=[tf.int64], dense_shapes=[[3]])
case('ParseExample', serialized=s([EXAMPLE, EXAMPLE]), names=s(np.array([], object)), sparse_keys=[s('a')], dense_keys=[s('d')],
     dense_defaults=[f(0)], sparse_types=[tf.int64], dense_shapes=[[3]])
case('ParseSingleExample', serialized=s(EXAMPLE), dense_defaults=[f(0)], num_sparse=1, sparse_keys=['a'], dense_keys=['d'],
     sparse_types=[tf.int64], dense_shapes=[[3]])
NONE = np.array([], object)
case('ParseSequenceExampleV2', serialized=s([EMPTY, EMPTY]), debug_name=s(NONE), context_sparse_keys=s(['a']), context_dense_keys=s(NONE),
     context_ragged_keys=s(['r']), feature_list_sparse_keys=s(['x', 'y']), feature_list_dense_keys=s(['z']), feature_list_ragged_keys=s(['q']),
     feature_list_dense_missing_assumed_empty=of([True], tf.bool), context_dense_defaults=[], Ncontext_sparse=1,
     context_sparse_types=[tf.int64], context_ragged_value_types=[tf.float32], context_ragged_split_types=[tf.int64],
     context_dense_shapes=[], Nfeature_list_sparse=2, Nfeature_list_dense=1, feature_list_dense_types=[tf.float32],
     feature_list_sparse_types=[tf.int64, tf.string], feature_list_ragged_value_types=[tf.float32],
     feature_list_ragged_split_types=[tf.int64], feature_list_dense_shapes=[[2]])

# ---- sparse, ragged, sets, counts ----

A = {'indices': of([[0, 1], [1, 0], [1, 2]], I64), 'values': f(3), 'shape': v([2, 3], I64)}
case('SparseReshape', input_indices=A['indices'], input_shape=A['shape'], new_shape=v([3, -1, 1], I64))
case('SparseConcat', indices=[A['indices'], A['indices']], values=[A['values'], A['values']], shapes=[A['shape'], A['shape']], concat_dim=0)
case('SparseSplit', split_dim=v(0, I64), **A, num_split=2)
case('SparseFillEmptyRows', indices=A['indices'], values=A['values'], dense_shape=v([4, 3], I64), default_value=f())
case('SparseReorder', input_indices=A['indices'], input_values=A['values'], input_shape=A['shape'])
case('SparseTensorDenseMatMul', a_indices=A['indices'], a_values=A['values'], a_shape=A['shape'], b=f(3, 4))
case('SparseTensorDenseMatMul', a_indices=A['indices'], a_values=A['values'], a_shape=A['shape'], b=f(4, 2), adjoint_a=True, adjoint_b=True)
case('SparseTensorDenseAdd', a_indices=A['indices'], a_values=A['values'], a_shape=A['shape'], b=f(2, 3))
case('SparseSoftmax', sp_indices=A['indices'], sp_values=A['values'], sp_shape=A['shape'])
for op in ['SparseDenseCwiseAdd', 'SparseDenseCwiseDiv', 'SparseDenseCwiseMul']:
  case(op, sp_indices=A['indices'], sp_values=A['values'], sp_shape=A['shape'], dense=f(2, 3))
for op in ['SparseReduceSum', 'SparseReduceMax']:
  for keep in [False, True]:
    case(op, input_indices=A['indices'], input_values=A['values'], input_shape=A['shape'], reduction_axes=v([1]), keep_dims=keep)
case('SparseAdd', a_indices=A['indices'], a_values=A['values'], a_shape=A['shape'], b_indices=A['indices'], b_values=A['values'],
     b_shape=A['shape'], thresh=f())
case('SparseSlice', **A, start=v([0, 1], I64), size=v([2, 2], I64))
for op in ['SparseSparseMaximum', 'SparseSparseMinimum']:
  case(op, a_indices=A['indices'], a_values=A['values'], a_shape=A['shape'], b_indices=A['indices'], b_values=A['values'], b_shape=A['shape'])
case('SparseCross', indices=[A['indices']], values=[of([1, 2, 3], I64)], shapes=[A['shape']], dense_inputs=[of([[1], [2]], I64)],
     hashed_output=True, num_buckets=10, hash_key=1, out_type=I64, internal_type=I64)
case('RaggedCross', ragged_values=[of([1, 2, 3], I64)], ragged_row_splits=[of([0, 1, 3], I64)], sparse_indices=[], sparse_values=[],
     sparse_shape=[], dense_inputs=[of([[1], [2]], I64)], input_order='RD', hashed_output=True, num_buckets=10, hash_key=1,
     out_values_type=I64, out_row_splits_type=I64)
case('DenseToDenseSetOperation', set1=i32(2, 3), set2=i32(2, 4), set_operation='a-b')
case('DenseToSparseSetOperation', set1=i32(2, 3), set2_indices=A['indices'], set2_values=i32(3),
     set2_shape=A['shape'], set_operation='union')
case('SparseToSparseSetOperation', set1_indices=A['indices'], set1_values=i32(3), set1_shape=A['shape'], set2_indices=A['indices'],
     set2_values=i32(3), set2_shape=A['shape'], set_operation='union')
case('SetSize', set_indices=A['indices'], set_values=i32(3), set_shape=A['shape'])
case('DenseBincount', input=i32(5), size=v(3), weights=f(0))
case('DenseBincount', input=i32(2, 5), size=v(3), weights=f(2, 5))
case('Bincount', arr=i32(5), size=v(3), weights=f(0))
case('SparseBincount', indices=A['indices'], values=i32(3), dense_shape=A['shape'], size=v(3), weights=f(0))
case('RaggedBincount', splits=of([0, 1, 3], I64), values=i32(3), size=v(3), weights=f(0))
case('DenseCountSparseOutput', values=i32(2, 5), weights=f(2, 5), binary_output=False)
case('SparseCountSparseOutput', indices=A['indices'], values=i32(3), dense_shape=A['shape'], weights=f(0), binary_output=False)
case('RaggedCountSparseOutput', splits=of([0, 1, 3], I64), values=i32(3), weights=f(0), binary_output=False)
case('HistogramFixedWidth', values=f(5), value_range=of([0.0, 1.0], tf.float32), nbins=v(4))
case('RaggedRange', starts=of([0, 1], tf.int32), limits=of([3, 4], tf.int32), deltas=of(1, tf.int32))
case('RaggedTensorToSparse', rt_nested_splits=[of([0, 1, 3], I64)], rt_dense_values=f(3))
case('RaggedTensorToSparse', rt_nested_splits=[of([0, 1, 3], I64)], rt_dense_values=f(3, 2))
case('RaggedGather', params_nested_splits=[of([0, 1, 3], I64)], params_dense_values=f(3, 2), indices=i32(4, below=2), OUTPUT_RAGGED_RANK=1)
case('RaggedTensorToTensor', shape=v([-1, -1, 2]), values=f(3, 2), default_value=f(), row_partition_tensors=[of([0, 1, 3], I64)],
     row_partition_types=['ROW_SPLITS'])
case('RaggedTensorToTensor', shape=v([2, 5]), values=f(3), default_value=f(), row_partition_tensors=[of(2, I64), of([0, 1, 1], I64)],
     row_partition_types=['FIRST_DIM_SIZE', 'VALUE_ROWIDS'])
case('RaggedTensorToTensor', shape=v(-1), values=f(3, 2), default_value=f(), row_partition_tensors=[of([0, 1, 3], I64)],
     row_partition_types=['ROW_SPLITS'])
case('RaggedTensorToVariant', rt_nested_splits=[of([0, 1, 3], I64)], rt_dense_values=f(3, 2), batched_input=False, _runs=False)
case('RaggedTensorToVariant', rt_nested_splits=[of([0, 1, 3], I64)], rt_dense_values=f(3, 2), batched_input=True, _runs=False)

# ---- state, lists, control flow ----

case('Switch', _runs=False, data=f(2, 3), pred=b())
case('Merge', _runs=False, inputs=[f(2, 3), f(2, 3)])
case('TensorListFromTensor', _runs=False, tensor=f(4, 2, 3), element_shape=v([2, 3]))
case('TensorListReserve', _runs=False, element_shape=v([2, 3]), num_elements=v(4), element_dtype=tf.float32)
case('EmptyTensorList', _runs=False, element_shape=v([2, 3]), max_num_elements=v(4), element_dtype=tf.float32)
case('TensorListSplit', _runs=False, tensor=f(4, 3), element_shape=v([2, 3]), lengths=v([2, 2], I64))
case('VarHandleOp', _runs=False, dtype=tf.float32, shape=[2, 3])
case('VariableV2', _runs=False, dtype=tf.float32, shape=[2, 3])
case('HashTableV2', _runs=False, key_dtype=tf.string, value_dtype=tf.int64)
case('RestoreV2', _runs=False, prefix=s('x'), tensor_names=s(['a', 'b']), shape_and_slices=s(['', '']), dtypes=[tf.float32, tf.int32])
case('Timestamp')
