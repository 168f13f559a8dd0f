"""Ops about shapes, slices, places and axes: moving elements, gathering them, reducing them."""
import numpy as np
import tensorflow as tf

from dtypes import ALL, COMPLEX, FLOATS, INTEGERS, NUMBERS, constant, ramp, registered, tolerance
from recorder import case, raw
from refusals import H, refuses

NAN, INF = float('nan'), float('inf')
SOME = [tf.float32, tf.string, tf.complex64]


def each(title, dtypes, build, **more):
  for dtype in dtypes:
    case(f'{title} of {dtype.name}', lambda dtype=dtype: build(dtype), **more)


# ---- shapes ----------------------------------------------------------------------------------------------------


def tell(dtype):
  x = ramp([2, 3, 0, 1], dtype)
  for out in (tf.int32, tf.int64):
    raw.Shape(input=x, out_type=out)
    raw.Size(input=ramp([2, 3], dtype), out_type=out)
  raw.ShapeN(input=[x, ramp([], dtype), ramp([4], dtype)], out_type=tf.int64)
  raw.Rank(input=x)
  raw.Shape(input=ramp([], dtype))


each('Shape, Size, Rank', [tf.float32, tf.string], tell)


def change(dtype):
  x = ramp([2, 3], dtype)
  for shape in ([6], [3, 2], [-1], [3, -1], [1, 6, 1]):
    raw.Reshape(tensor=x, shape=shape)
  raw.Reshape(tensor=x, shape=tf.constant([-1, 2], tf.int64))
  raw.Reshape(tensor=ramp([1], dtype), shape=tf.constant([], tf.int32))
  raw.Reshape(tensor=ramp([0, 3], dtype), shape=[-1, 3])
  raw.Reshape(tensor=ramp([0, 3], dtype), shape=[3, 0])
  for axis in (0, 1, 2, -1, -3):
    raw.ExpandDims(input=x, axis=axis)
  y = ramp([1, 2, 1, 3, 1], dtype)
  raw.Squeeze(input=y)
  raw.Squeeze(input=y, axis=[0, -1])
  raw.Squeeze(input=y, axis=[2])
  raw.EnsureShape(input=x, shape=[None, 3])


each('Reshape, ExpandDims, Squeeze', SOME, change)
refuses('Reshape', tensor=H([1, 2, 3]), shape=H([2, -1]))
refuses('Reshape', tensor=H([1, 2, 3]), shape=H([4]))
refuses('Reshape', tensor=H([1, 2, 3]), shape=H([-1, -1]))
refuses('Reshape', tensor=H([1, 2, 3]), shape=H([-3]))
refuses('Reshape', tensor=H([], tf.float32), shape=H([0, -1]))
refuses('Reshape', tensor=H([1, 2, 3]), shape=H([[3]]))
refuses('ExpandDims', input=H([1]), axis=H(3))
refuses('Squeeze', input=H([[1, 2]]), axis=(1,))
refuses('EnsureShape', input=H([1]), shape=(2,))


def make(dtype):
  value = ramp([], dtype, start=3)
  raw.Fill(dims=[2, 3], value=value)
  raw.Fill(dims=tf.constant([], tf.int64), value=value)
  raw.Fill(dims=[0], value=value)


each('Fill', SOME, make)
refuses('Fill', dims=H([-1]), value=H(1))
refuses('Fill', dims=H([100000, 100000, 1000]), value=H(1))


def broadcast_shapes():
  raw.BroadcastArgs(s0=[2, 1], s1=[3])
  raw.BroadcastArgs(s0=tf.constant([], tf.int32), s1=[3])
  for a, b in (([2, 1, 3], [4, 1]), ([3], [3]), ([1], [1]), ([], [2]), ([1, 3], [2, 3]), ([1, 1, 3], [1, 2, 3]), ([1, 1], [1])):
    raw.BroadcastGradientArgs(s0=tf.constant(a, tf.int32), s1=tf.constant(b, tf.int32))


case('BroadcastArgs and BroadcastGradientArgs', broadcast_shapes)
refuses('BroadcastArgs', s0=H([2]), s1=H([3]))

# ---- joining and splitting --------------------------------------------------------------------------------------


def join(dtype):
  x, y = ramp([2, 3], dtype), ramp([2, 3], dtype, start=10)
  for axis in (0, 1, 2, -1, -3):
    raw.Pack(values=[x, y], axis=axis)
  raw.Pack(values=[ramp([], dtype)], axis=0)
  raw.ConcatV2(values=[x, y, ramp([1, 3], dtype)], axis=0)
  raw.ConcatV2(values=[x, ramp([2, 0], dtype), ramp([2, 1], dtype)], axis=-1)
  raw.Concat(concat_dim=1, values=[x, y])
  raw.ConcatV2(values=[ramp([2, 2, 2], dtype), ramp([2, 1, 2], dtype)], axis=tf.constant(1, tf.int64))
  z = ramp([4, 3], dtype)
  raw.Split(axis=0, value=z, num_split=2)
  raw.Split(axis=-1, value=z, num_split=3)
  raw.SplitV(value=z, size_splits=[1, -1, 1], axis=0, num_split=3)
  raw.SplitV(value=z, size_splits=tf.constant([0, 3], tf.int64), axis=1, num_split=2)
  raw.Unpack(value=z, num=4)
  raw.Unpack(value=z, num=3, axis=-1)
  raw.ConcatOffset(concat_dim=1, shape=[[2, 3], [2, 5], [2, 1]])


each('Pack, Concat, Split, Unpack', SOME, join)
refuses('Pack', values=[H([1]), H([1, 2])], axis=0)
refuses('ConcatV2', values=[H([1]), H([[2]])], axis=H(0))
refuses('ConcatV2', values=[H([[1]]), H([[2, 3]])], axis=H(0))
refuses('ConcatV2', values=[H([1]), H([2])], axis=H(1))
refuses('Split', axis=H(0), value=H([1, 2, 3]), num_split=2)
refuses('SplitV', value=H([1, 2, 3]), size_splits=H([1, 1]), axis=H(0), num_split=2)
refuses('SplitV', value=H([1, 2, 3]), size_splits=H([-1, -1]), axis=H(0), num_split=2)
refuses('Unpack', value=H([1, 2, 3]), num=2)

# ---- slices -----------------------------------------------------------------------------------------------------


def slices(dtype):
  x = ramp([4, 5, 2], dtype)
  raw.Slice(input=x, begin=[1, 0, 1], size=[2, -1, 1])
  raw.Slice(input=x, begin=tf.constant([4, 5, 0], tf.int64), size=tf.constant([0, -1, 2], tf.int64))
  x[1:3, ::2]
  x[-1]
  x[..., 0]
  x[:, tf.newaxis, 1:-1, ...]
  x[::-1, 3:0:-2, 1]
  x[10:, -100:2]
  x[2, 3, 1]
  x[tf.newaxis, ..., tf.newaxis, -1, tf.newaxis]
  x[3:1]
  ramp([3], dtype)[tf.constant(1, tf.int64):]


each('Slice and StridedSlice', SOME, slices)
refuses('Slice', input=H([1, 2]), begin=H([1]), size=H([2]))
refuses('Slice', input=H([1, 2]), begin=H([3]), size=H([0]))
refuses('Slice', input=H([1, 2]), begin=H([0, 0]), size=H([1, 1]))
refuses('StridedSlice', input=H([1, 2]), begin=H([5]), end=H([6]), strides=H([1]), shrink_axis_mask=1)
refuses('StridedSlice', input=H([1, 2]), begin=H([0]), end=H([1]), strides=H([0]))
refuses('StridedSlice', input=H([1, 2]), begin=H([0, 0]), end=H([1, 1]), strides=H([1, 1]))
refuses('StridedSlice', input=H([1, 2]), begin=H([0]), end=H([1, 1]), strides=H([1]))
refuses('StridedSlice', input=H([1, 2]), begin=H([0, 0]), end=H([1, 1]), strides=H([1, 1]), ellipsis_mask=3)


def into_slices(dtype):
  x = ramp([3, 4], dtype)
  raw.TensorStridedSliceUpdate(input=x, begin=[1, 0], end=[3, 4], strides=[1, 2], value=ramp([2, 2], dtype, start=50))
  raw.TensorStridedSliceUpdate(input=x, begin=[-1], end=[0], strides=[1], value=ramp([4], dtype, start=50), shrink_axis_mask=1)
  raw.StridedSliceGrad(shape=[3, 4], begin=[0, 1], end=[3, 2], strides=[2, 1], dy=ramp([2], dtype, start=7), shrink_axis_mask=2)


each('writing into a slice', [tf.float32, tf.int64, tf.complex64], into_slices)

# ---- rearranging ------------------------------------------------------------------------------------------------


def rearrange(dtype):
  x = ramp([2, 3], dtype)
  raw.Tile(input=x, multiples=[2, 2])
  raw.Tile(input=x, multiples=[1, 0])
  raw.Tile(input=ramp([2, 1, 2], dtype), multiples=tf.constant([1, 3, 2], tf.int64))
  raw.Transpose(x=x, perm=[1, 0])
  raw.Transpose(x=ramp([2, 3, 2, 2], dtype), perm=[3, 1, 0, 2])
  raw.Transpose(x=ramp([2, 3, 4], dtype), perm=tf.constant([0, 2, 1], tf.int64))
  raw.Transpose(x=ramp([], dtype), perm=tf.constant([], tf.int32))
  raw.ReverseV2(tensor=x, axis=[0])
  raw.ReverseV2(tensor=x, axis=[-1, 0])
  raw.ReverseV2(tensor=x, axis=tf.constant([], tf.int32))
  raw.Reverse(tensor=x, dims=[False, True])
  raw.Roll(input=x, shift=[1], axis=[1])
  raw.Roll(input=x, shift=[-1, 4], axis=[0, -1])
  raw.Roll(input=x, shift=2, axis=1)
  raw.BroadcastTo(input=ramp([3, 1], dtype), shape=[2, 3, 4])
  raw.BroadcastTo(input=ramp([], dtype), shape=[0, 2])
  raw.ReverseSequence(input=ramp([3, 4], dtype), seq_lengths=[2, 4, 0], seq_dim=1, batch_dim=0)
  raw.ReverseSequence(input=ramp([4, 2, 2], dtype), seq_lengths=tf.constant([3, 1], tf.int64), seq_dim=0, batch_dim=1)


each('Tile, Transpose, Reverse, Roll, BroadcastTo', SOME, rearrange)
refuses('Tile', input=H([1]), multiples=H([-1]))
refuses('Transpose', x=H([[1]]), perm=H([0, 0]))
refuses('Transpose', x=H([[1]]), perm=H([0]))
refuses('ReverseV2', tensor=H([1]), axis=H([1]))
refuses('ReverseV2', tensor=H([[1]]), axis=H([0, -2]))
refuses('BroadcastTo', input=H([1, 2]), shape=H([3]))
refuses('ReverseSequence', input=H([[1, 2]]), seq_lengths=H([3]), seq_dim=1)


def pads(dtype):
  x = ramp([2, 3], dtype)
  raw.PadV2(input=x, paddings=[[0, 1], [2, 0]], constant_values=ramp([], dtype, start=9))
  if dtype != tf.string:
    raw.Pad(input=x, paddings=[[1, 1], [0, 2]])
    raw.Pad(input=ramp([], dtype), paddings=tf.zeros([0, 2], tf.int32))
    raw.MirrorPad(input=x, paddings=tf.constant([[1, 0], [2, 1]], tf.int64), mode='REFLECT')
    raw.MirrorPad(input=x, paddings=[[2, 1], [3, 3]], mode='SYMMETRIC')


each('Pad and MirrorPad', [tf.float32, tf.complex64, tf.int64, tf.bool], pads)
refuses('Pad', input=H([1]), paddings=H([[-1, 0]]))
refuses('Pad', input=H([1]), paddings=H([[1, 0], [0, 0]]))
refuses('MirrorPad', input=H([1, 2]), paddings=H([[2, 0]]), mode='REFLECT')

# ---- gathering --------------------------------------------------------------------------------------------------


def gathers(dtype):
  x = ramp([3, 4, 2], dtype)
  raw.Gather(params=x, indices=[2, 0, 2])
  raw.GatherV2(params=x, indices=[[3, 1], [0, 0]], axis=1)
  raw.GatherV2(params=x, indices=tf.constant(1, tf.int64), axis=-1)
  raw.GatherV2(params=x, indices=[[1, 0], [3, 3], [2, 1]], axis=1, batch_dims=1)
  raw.GatherV2(params=x, indices=[[1], [0], [1]], axis=2, batch_dims=1)
  raw.GatherV2(params=x, indices=tf.zeros([0], tf.int32), axis=0)
  raw.GatherNd(params=x, indices=[[0, 1], [2, 3]])
  raw.GatherNd(params=x, indices=tf.constant([[[2, 0, 1]], [[1, 1, 1]]], tf.int64))
  raw.GatherNd(params=x, indices=tf.zeros([2, 0], tf.int32))
  raw.OneHot(indices=[0, 2, -1, 5], depth=3, on_value=ramp([], dtype, start=1), off_value=ramp([], dtype, start=0))
  raw.OneHot(indices=tf.constant([[1], [0]], tf.int64), depth=2, on_value=ramp([], dtype, start=6), off_value=ramp([], dtype), axis=0)
  raw.OneHot(indices=tf.constant(1, tf.uint8), depth=2, on_value=ramp([], dtype), off_value=ramp([], dtype), axis=-1)


each('Gather, GatherNd, OneHot', SOME, gathers)
refuses('GatherV2', params=H([1, 2]), indices=H([[0, 2]]), axis=H(0))
refuses('GatherV2', params=H([1, 2]), indices=H([0]), axis=H(3))
refuses('GatherNd', params=H([1, 2]), indices=H([[2]]))
refuses('GatherNd', params=H([1, 2]), indices=H([[0, 0]]))
refuses('OneHot', indices=H([0]), depth=H(-1), on_value=H(1), off_value=H(0))


def find(dtype):
  if dtype == tf.bool:
    raw.Where(condition=tf.constant([[True, False], [True, True]]))
    raw.Where(condition=tf.zeros([0, 2], tf.bool))
  else:
    raw.Where(condition=constant([[0, 1, 2], [-0.0 if dtype.is_floating else 0, 0, 3]], dtype))


each('Where', [t for t in NUMBERS + [tf.bool] if registered('Where', t) and t != tf.float16], find)
refuses('Where', condition=H(True))


def positions():
  raw.UnravelIndex(indices=[5, 1], dims=[2, 3])
  raw.UnravelIndex(indices=tf.constant(23, tf.int64), dims=tf.constant([4, 3, 2], tf.int64))
  raw.InvertPermutation(x=[2, 0, 1, 3])
  raw.InvertPermutation(x=tf.constant([1, 0], tf.int64))
  raw.InvertPermutation(x=tf.constant([], tf.int32))


case('UnravelIndex, InvertPermutation', positions)
refuses('UnravelIndex', indices=H([6]), dims=H([2, 3]))
refuses('InvertPermutation', x=H([0, 0]))
refuses('InvertPermutation', x=H([0, 2]))


# ---- sequences --------------------------------------------------------------------------------------------------


def sequences(dtype):
  def three(a, b, c):
    raw.Range(start=constant(a, dtype), limit=constant(b, dtype), delta=constant(c, dtype))
  three(0, 5, 1)
  three(3, 18, 3)
  three(2, 2, 1)
  if not dtype.is_unsigned:
    three(10, 0, -3)
  if dtype.is_floating:
    three(0, 1, 0.1)
    three(0.3, 2.1, 0.35)
  if dtype in (tf.float32, tf.float64):
    raw.LinSpace(start=constant(0.3, dtype), stop=constant(2.1, dtype), num=7)
    raw.LinSpace(start=constant(5, dtype), stop=constant(-1, dtype), num=tf.constant(1, tf.int64))


each('Range', [t for t in NUMBERS if registered('Range', t, 'Tidx') and t != tf.float16], sequences)
refuses('Range', start=H(1), limit=H(5), delta=H(-1))
refuses('Range', start=H(1), limit=H(5), delta=H(0))
refuses('LinSpace', start=H(0.0), stop=H(1.0), num=H(0))


def diagonals(dtype):
  raw.Diag(diagonal=ramp([3], dtype))
  raw.Diag(diagonal=ramp([2, 2], dtype))
  raw.DiagPart(input=ramp([2, 3, 2, 3], dtype))


each('Diag, DiagPart', [tf.float32, tf.int64, tf.complex64], diagonals)

# ---- reductions -------------------------------------------------------------------------------------------------


def reductions(op):
  def build(dtype):
    reduce = getattr(raw, op)
    x = ramp([2, 3, 4], dtype, start=-5) if not dtype.is_unsigned else ramp([2, 3, 4], dtype, start=1)
    if op == 'Prod' and dtype.is_floating:
      x = ramp([2, 3, 4], dtype, start=-0.9, step=0.125)
    for axis in ([0], [1], [2], [-1, 0], [0, 1, 2]):
      reduce(input=x, axis=axis)
    reduce(input=x, axis=[1, 2], keep_dims=True)
    reduce(input=x, axis=tf.constant(1, tf.int64))
    reduce(input=x, axis=tf.constant([], tf.int32))
    reduce(input=ramp([2, 0, 3], dtype), axis=[0])
    if not (op == 'Mean' and not dtype.is_floating):
      reduce(input=ramp([2, 0], dtype), axis=[1])
    reduce(input=ramp([], dtype), axis=tf.constant([], tf.int32))
    if op in ('Sum', 'Mean', 'Prod') and dtype.is_integer and dtype.size < 8:
      reduce(input=constant([100, 100, 100, 7], dtype), axis=[0])
      reduce(input=constant([2**(8 * dtype.size - 1) - 1] * 2, dtype), axis=[0])
    if dtype.is_floating and op != 'Prod':
      reduce(input=constant([[1, NAN, 2], [NAN, 3, 1], [INF, -INF, 0], [INF, 1, 2]], dtype), axis=[1])
  return build


for op in ('Sum', 'Mean', 'Prod', 'Max', 'Min', 'EuclideanNorm', 'All', 'Any'):
  for dtype in [tf.bool] if op in ('All', 'Any') else NUMBERS:
    if op in ('All', 'Any') or registered(op, dtype):
      case(f'{op} of {dtype.name}', lambda op=op, dtype=dtype: reductions(op)(dtype), **tolerance(dtype, 4))
refuses('Sum', input=H([1]), axis=H([1]))
refuses('Sum', input=H([1]), axis=H([0, 0]))
