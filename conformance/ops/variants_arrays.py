"""Ops that move elements: shapes, slices, joins, gathers, scatters, padding, reductions, scans, sorting."""
import itertools

import numpy as np
import tensorflow as tf

from oracle import allowed, inf, nan, typed, variant
from variants_elementwise import ordinary, special
from oracle import take as _take
_take()

i32 = lambda *v: np.array(v[0] if len(v) == 1 and isinstance(v[0], (list, tuple)) else (v if len(v) != 1 else v[0]), np.int32)
i64 = lambda *v: i32(*v).astype(np.int64)
X = ordinary([2, 3, 4], 'float32')
EMPTY = ordinary([0, 3, 4], 'float32')
ALL = ['float32', 'float64', 'float16', 'bfloat16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool', 'complex64', 'complex128', 'string']
INDEX = (np.int32, np.int64)

# ---- every dtype
for dtype in ALL:
  x = ordinary([2, 3], dtype)
  scalar = ordinary([], dtype, 9)
  variant('Reshape', x, i32([3, 2]))
  variant('Transpose', x, i32([1, 0]))
  variant('ConjugateTranspose', x, i32([1, 0]))
  variant('ConcatV2', [x, x], i32(0), params=[2])
  variant('Concat', i32(0), [x, x], params=[0])
  variant('Pack', [x, x], axis=1)
  variant('Unpack', x, num=2)
  variant('Split', i32(1), x, num_split=3, params=[0])
  variant('SplitV', x, i32([1, 2]), i32(1), num_split=2)
  variant('Slice', x, i32([0, 1]), i32([2, -1]))
  variant('StridedSlice', x, i32([0, 2]), i32([2, 0]), i32([1, -1]))
  variant('Tile', x, i32([2, 1]))
  variant('Pad', x, i32([[1, 0], [0, 2]]))
  variant('PadV2', x, i32([[1, 0], [0, 2]]), scalar, params=[1, 2])
  variant('MirrorPad', x, i32([[1, 0], [2, 1]]), mode='REFLECT')
  variant('MirrorPad', x, i32([[1, 0], [2, 1]]), mode='SYMMETRIC')
  variant('ReverseV2', x, i32([1]))
  variant('Reverse', x, np.array([True, False]), params=[1])
  variant('ReverseSequence', x, i32([1, 3]), seq_dim=1, batch_dim=0)
  variant('Roll', x, i32([1]), i32([1]))
  variant('Fill', i32([2, 2]), scalar, params=[0])
  variant('BroadcastTo', x, i32([2, 2, 3]))
  variant('ExpandDims', x, i32(-1))
  variant('Squeeze', x.reshape([1, 2, 1, 3]))
  variant('GatherV2', x, i32([1, 0, 1]), i32(0))
  variant('Gather', x, i64([1, 0, 1]))
  variant('GatherNd', x, i32([[1, 0], [0, 2]]))
  variant('ScatterNd', i32([[1], [3]]), x, i32([5, 3]), params=[2])
  variant('ScatterNd', i32([[1], [1]]), x, i32([5, 3]), params=[0, 2], about='twice')
  for op in ('TensorScatterUpdate', 'TensorScatterAdd', 'TensorScatterSub', 'TensorScatterMax', 'TensorScatterMin'):
    variant(op, x, i32([[1, 2], [0, 0]]), ordinary([2], dtype, 5), params=[])
    variant(op, x, i32([[1], [1]]), ordinary([2, 3], dtype, 5), params=[], about='twice')
  variant('OneHot', i32([[0, 2], [-1, 5]]), i32(3), ordinary([], dtype, 1), ordinary([], dtype, 2), params=[1, 2, 3])
  variant('SpaceToBatchND', ordinary([1, 4, 4, 1], dtype), i32([2, 2]), i32([[0, 0], [0, 0]]))
  variant('BatchToSpaceND', ordinary([4, 2, 2, 1], dtype), i32([2, 2]), i32([[0, 0], [0, 0]]))
  variant('DepthToSpace', ordinary([1, 2, 2, 8], dtype), block_size=2)
  variant('SpaceToDepth', ordinary([1, 4, 4, 2], dtype), block_size=2)
  variant('Where', x)
  variant('Unique', ordinary([9], dtype))
  variant('UniqueWithCounts', ordinary([9], dtype))
  variant('UniqueV2', ordinary([4, 2], dtype, low=0, high=1), i64([0]))
  variant('UniqueWithCountsV2', ordinary([4, 2], dtype, low=0, high=1), i64([1]))
  variant('ListDiff', ordinary([9], dtype), ordinary([4], dtype, 1), params=[])
  variant('MatrixDiag', x)
  variant('MatrixDiagPart', x)
  variant('MatrixSetDiag', x, ordinary([2], dtype, 7), params=[])
  variant('MatrixBandPart', ordinary([2, 3, 4], dtype), i64(1), i64(0))
  variant('MatrixBandPart', ordinary([2, 3, 4], dtype), i32(-1), i32(1))
  variant('Diag', x)
  variant('DiagPart', ordinary([3, 3], dtype))
  variant('InvertPermutation', typed([2, 0, 1], dtype) if dtype in ('int32', 'int64') else x)
  for op in ('Max', 'Min', 'Sum', 'Prod', 'Mean', 'EuclideanNorm', 'All', 'Any'):
    if dtype != 'string':
      variant(op, x, i32([1]))
      variant(op, x, i32([0, 1]), keep_dims=True)
      variant(op, special(dtype), i32(0), about='special')
      variant(op, ordinary([0, 3], dtype), i32(0), about='nothing')
      variant(op, ordinary([], dtype), i32(np.zeros([0], np.int32)), about='a scalar')
  for op in ('ArgMax', 'ArgMin'):
    for out in (tf.int32, tf.int64):
      variant(op, x, i32(1), output_type=out)
      variant(op, x, i32(-2), output_type=out)
      variant(op, special(dtype), i64(0), output_type=out, about='special')
  for op in ('Cumsum', 'Cumprod'):
    for exclusive, reverse in itertools.product((False, True), repeat=2):
      variant(op, x, i32(1), exclusive=exclusive, reverse=reverse)
    variant(op, special(dtype), i64(-1))
  variant('TopKV2', ordinary([2, 5], dtype), i32(3))
  variant('TopKV2', special(dtype), i32(3), about='special')
  variant('NthElement', ordinary([2, 5], dtype), i32(3))
  for op in ('SegmentSum', 'SegmentMean', 'SegmentProd', 'SegmentMax', 'SegmentMin'):
    variant(op, ordinary([4, 2], dtype), i32([0, 0, 2, 2]), params=[])
  for op in ('UnsortedSegmentSum', 'UnsortedSegmentProd', 'UnsortedSegmentMax', 'UnsortedSegmentMin'):
    variant(op, ordinary([4, 2], dtype), i32([0, 3, -1, 3]), i32(5), params=[2])
  variant('LinSpace', typed(0, dtype), typed(9, dtype), i32(4))
  for args in ((0, 5, 1), (5, 0, -2), (3, 3, 1), (2, 9, 3)):
    variant('Range', *(typed(a, dtype) for a in args), params=[0, 1, 2])
  variant('DynamicPartition', x, i32([1, 0]), num_partitions=3, params=[])
  variant('DynamicStitch', [i32([0, 2]), i32(1)], [x, ordinary([3], dtype, 3)], params=[])
  variant('DynamicStitch', [i32([0, 2]), i32([0, 1])], [x, ordinary([2, 3], dtype, 3)], params=[0, 1])
  variant('Einsum', [ordinary([2, 3], dtype), ordinary([3, 4], dtype, 1)], equation='ij,jk->ki')

# ---- shapes
for shape in ([24], [-1], [4, -1], [2, 3, 4, 1], [3, 1, -1], [0], [5, -1], [-1, -1], [2, -2, 4], [2, 3, 4, 0]):
  for index in INDEX:
    variant('Reshape', X, i32(shape).astype(index))
for shape in ([-1, 2], [0, 12], [5, 0], [4, -1, 3], [-1, 0], [0, -1], []):
  variant('Reshape', EMPTY, np.array(shape, np.int32))
variant('Reshape', np.float32(3), i32([1, 1]))
variant('Reshape', np.array([3], np.float32), np.zeros([0], np.int32))
variant('Reshape', X, i32([[2, 12]]))
variant('Reshape', X, i32(24))
for dims in ([], [0], [-1], [0, -1], [1], [3], [-4], [0, 0], [0, -3]):
  variant('Squeeze', np.ones([1, 2, 1], np.float32), axis=dims)
variant('Squeeze', np.ones([1, 1], np.float32))
variant('Squeeze', np.ones([1, 0, 1], np.float32))
variant('Squeeze', np.float32(1))
for axis in (0, 1, 2, -1, -2, -3, 3, -4):
  for index in INDEX:
    variant('ExpandDims', ordinary([2, 3], 'float32'), index(axis))
variant('ExpandDims', np.float32(1), i32(0))
variant('ExpandDims', X, i32([1]))
variant('ExpandDims', X, i32([1, 2]))
for axis in (0, 1, 2, -1, -2, -3, 3, -4):
  variant('Pack', [ordinary([2, 3], 'float32', i) for i in range(3)], axis=axis)
  variant('Unpack', ordinary([2, 3, 2], 'float32'), axis=axis, num=3 if axis in (1, -2) else 2)
variant('Pack', [np.float32(1), np.float32(2)])
variant('Pack', [np.float32(1)], axis=-1)
variant('Pack', [ordinary([2], 'float32'), ordinary([3], 'float32')])
variant('Pack', [ordinary([0, 2], 'float32'), ordinary([0, 2], 'float32')], axis=1)
variant('Unpack', ordinary([3], 'float32'), num=3)
variant('Unpack', ordinary([3], 'float32'), num=2)
variant('Unpack', ordinary([0, 3], 'float32'), num=0)
variant('Unpack', ordinary([3, 0], 'float32'), num=3)
variant('Unpack', np.float32(1), num=1)
for perm in ([0, 1, 2], [2, 0, 1], [0, 2, 1], [-1, 0, 1], [-3, -1, -2], [0, 0, 1], [0, 1], [3, 0, 1]):
  for index in INDEX:
    variant('Transpose', X, np.array(perm, index))
variant('Transpose', EMPTY, i32([2, 1, 0]))
variant('Transpose', np.float32(3), np.zeros([0], np.int32))
variant('Transpose', ordinary([2, 1, 3, 2, 2, 1], 'float32'), i32([5, 3, 0, 2, 4, 1]))
for axis in (0, 1, 2, -1, -2, -3, 3, -4):
  for index in INDEX:
    variant('ConcatV2', [X, X, X], index(axis), params=[3])
for shapes, axis in (([[2, 3], [2, 0], [2, 1]], 1), ([[0, 3], [2, 3]], 0), ([[0], [2]], 0), ([[0], [2, 3]], 0), ([[2, 3], [3, 3]], 1), ([[], []], 0), ([[2, 3], [2]], 0), ([[2, 3]], 0), ([[3], [1], [2]], -1)):
  variant('ConcatV2', [ordinary(s, 'float32', i) for i, s in enumerate(shapes)], i32(axis), params=[len(shapes)])
for axis, num in ((0, 1), (0, 2), (1, 3), (2, 4), (2, 2), (-1, 2), (-3, 2), (3, 1), (1, 2), (-4, 1)):
  variant('Split', i32(axis), X, num_split=num, params=[0])
variant('Split', i32(0), EMPTY, num_split=2, params=[0])
variant('Split', i32(1), EMPTY, num_split=3, params=[0])
for sizes, axis in (([1, 3], 2), ([1, -1], 2), ([-1, 1], -1), ([1, 0, 2], 1), ([3], 1), ([1, 1], 1), ([-1, -1], 1), ([2, 2], 1), ([0, 3], 1), ([4, -1], 1), ([1, 1], 3), ([-1], 0)):
  for index in INDEX:
    variant('SplitV', X, np.array(sizes, index), i32(axis), num_split=len(sizes))
for out in (tf.int32, tf.int64):
  for shape in ([], [0], [2, 3], [2, 0, 3]):
    variant('Shape', ordinary(shape, 'float32'), out_type=out)
    variant('Size', ordinary(shape, 'string'), out_type=out)
    variant('Rank', ordinary(shape, 'bool'))
  variant('ShapeN', [X, EMPTY, np.float32(1)], out_type=out)
for shape in ([2, 3, 4], [None, 3, None], None, [2, 3], [5, 3, 4], []):
  variant('EnsureShape', X, shape=tf.TensorShape(shape))
for dims in ([], [0], [2, 0], [3], [2, 3], [-1], [[2]]):
  for index in INDEX:
    variant('Fill', np.array(dims, index), np.float32(1.5), params=[0])
variant('Fill', i32(3), np.float32(1.5), params=[0])
variant('Fill', i32([3]), np.array([1.5], np.float32), params=[0])
for source, target in (([2, 1], [2, 3]), ([], [2, 0]), ([], []), ([2], [2, 1, 2]), ([1, 2], [0, 2]), ([2], [3]), ([2, 3], [3]), ([2, 3], [2, -1]), ([0], [0]), ([0], [2]), ([1], [0]), ([1, 1, 1], [2, 3, 4]), ([3], [2, 2, 2, 2, 2, 3])):
  for index in INDEX:
    variant('BroadcastTo', ordinary(source, 'float32'), np.array(target, index))
for source, multiples in (([2, 3], [1, 1]), ([2, 3], [2, 0]), ([3], [4]), ([], []), ([2, 3], [2]), ([2, 3], [-1, 1]), ([0, 3], [2, 2]), ([1, 2, 1, 2], [2, 1, 3, 2])):
  for index in INDEX:
    variant('Tile', ordinary(source, 'float32'), np.array(multiples, index))
for dtype in ('float32', 'float64', 'int32', 'int64', 'float16', 'bfloat16'):
  for args in ((0, 1, 0.1), (0, 1, 0.3), (5, 1, -0.7), (0, 5, -1), (1, 1, 0.5), (0, 5, 0), (10, 0, -3), (-1, 1, 0.015)):
    variant('Range', *(typed(a, dtype) for a in args), params=[0, 1, 2], rtol=1e-5)
variant('Range', typed(nan, 'float32'), typed(1, 'float32'), typed(1, 'float32'), params=[])
variant('Range', typed(0, 'float32'), typed(inf, 'float32'), typed(1, 'float32'), params=[])
variant('Range', i32([0, 1]), i32(3), i32(1), params=[])
variant('Range', i32([0]), i32(3), i32(1), params=[])
for num in (1, 2, 5, 0, -1):
  for index in INDEX:
    variant('LinSpace', np.float32(-1), np.float32(2), index(num))
    variant('LinSpace', np.float64(3), np.float64(3), index(num))

# ---- slices
for begin, size in (([0, 0, 0], [2, 3, 4]), ([1, 1, 1], [1, -1, 2]), ([0, 0, 0], [-1, -1, -1]), ([2, 0, 0], [0, 3, 4]), ([0, 3, 0], [1, -1, 1]), ([0, 0, 0], [3, 1, 1]), ([-1, 0, 0], [1, 1, 1]), ([0, 0, 5], [1, 1, 1]), ([0, 0], [1, 1]),
                    ([0, 0, 0], [1, -2, 1]), ([2, 3, 4], [0, 0, 0])):
  for index in INDEX:
    variant('Slice', X, np.array(begin, index), np.array(size, index))
variant('Slice', np.float32(1), np.zeros([0], np.int32), np.zeros([0], np.int32))
variant('Slice', EMPTY, i32([0, 1, 0]), i32([-1, 1, 2]))
state = np.random.RandomState(5)
for k in range(220):
  shape = [int(v) for v in state.randint(1, 5, state.randint(1, 4))]
  if k % 15 == 0:
    shape[state.randint(len(shape))] = 0
  places = state.randint(1, len(shape) + 2)
  masks = {m + '_mask': int(state.randint(0, 2 ** places) & state.randint(0, 2 ** places)) for m in ('begin', 'end', 'new_axis', 'shrink_axis')}
  masks['ellipsis_mask'] = int(1 << state.randint(0, places)) if state.rand() < 0.3 else 0
  begin, end = state.randint(-5, 6, places), state.randint(-5, 6, places)
  strides = state.choice([1, 1, 1, 1, 2, -1, -2, 3], places)
  variant('StridedSlice', ordinary(shape, ('float32', 'int32', 'bool', 'string', 'int64')[k % 5], k), begin.astype(INDEX[k % 2]), end.astype(INDEX[k % 2]), strides.astype(INDEX[k % 2]),
          **{m: v for m, v in masks.items() if v})
variant('StridedSlice', X, i32([0]), i32([2]), i32([0]))
variant('StridedSlice', X, i32([0, 0, 0, 0]), i32([1, 1, 1, 1]), i32([1, 1, 1, 1]))
variant('StridedSlice', X, i32([5]), i32([6]), i32([1]), shrink_axis_mask=1)
variant('StridedSlice', X, i32([0]), i32([1]), i32([-1]), shrink_axis_mask=1)
variant('StridedSlice', X, i32([-2147483648]), i32([2147483647]), i32([1]))
variant('StridedSlice', X, i32([2147483647]), i32([-2147483648]), i32([-1]))

# ---- gathers and scatters
for indices in ([0], [1, 0, 1], 1, [[0, 1], [1, 1]], [], [2], [-1], [[]]):
  for axis in (0, 1, 2, -1, -3):
    for index in INDEX:
      variant('GatherV2', X, np.array(indices, index), i32(axis))
variant('GatherV2', X, i32([0]), i32(3))
variant('GatherV2', X, i32([0]), i64(-4))
variant('GatherV2', EMPTY, np.zeros([0], np.int32), i32(0))
variant('GatherV2', EMPTY, i32([0]), i32(0))
variant('GatherV2', EMPTY, i32([0, 1]), i32(1))
variant('GatherV2', np.float32(1), i32(0), i32(0))
for batch_dims, axis, shape in ((1, 1, [2, 2]), (1, 2, [2, 3]), (1, -1, [2]), (2, 2, [2, 3, 2]), (2, 2, [2, 3]), (0, 1, [2]), (-1, 2, [2, 2]), (-1, 1, [2, 2]), (1, 0, [2, 2]), (3, 2, [2, 3]), (1, 1, [3, 2]), (2, -1, [2, 3, 1, 2])):
  variant('GatherV2', X, ordinary(shape, 'int32', 3, low=0, high=1), i32(axis), batch_dims=batch_dims)
variant('Gather', X, i32([[1, 0]]))
variant('Gather', X, i32([2]))
for shape, high in (([2], 1), ([1], 1), ([2, 1], 1), ([4, 2], 1), ([2, 3], 1), ([0, 2], 1), ([2, 0], 1), ([2, 2, 3], 1), ([2, 4], 1), ([3, 2], 2)):
  for index in INDEX:
    variant('GatherNd', X, ordinary(shape, 'int32', 3, low=0, high=high).astype(index))
variant('GatherNd', X, i32([[0, -1]]))
variant('GatherNd', EMPTY, i32([[0, 0]]))
variant('GatherNd', EMPTY, np.zeros([0, 2], np.int32))
for indices, updates, shape in (([[0], [2]], [2], [4]), ([[0, 1], [2, 0]], [2], [3, 2]), ([[0], [2]], [2, 3], [4, 3]), ([0, 2], [], [4, 4]), ([[4]], [1], [4]), ([[-1]], [1], [4]), (np.zeros([0, 1]), [0], [4]), ([[[0], [1]], [[2], [2]]], [2, 2], [4]), (np.zeros([2, 0]), [2, 3], [3]),
                                ([[0]], [2], [4]), ([[0]], [1], [0]), ([[0, 0]], [1], [4])):
  for index in INDEX:
    variant('ScatterNd', np.array(indices, index), ordinary(updates, 'float32'), np.array(shape, index), params=[2])
for op in ('TensorScatterUpdate', 'TensorScatterAdd', 'TensorScatterSub', 'TensorScatterMax', 'TensorScatterMin', 'ScatterNdNonAliasingAdd'):
  for indices, updates in (([[0], [1]], [2, 3, 4]), ([[0, 1], [1, 2]], [2, 4]), ([[0, 1, 2]], [1]), ([[5, 0, 0]], [1]), ([[-1, 0, 0]], [1]), (np.zeros([0, 1]), [0, 3, 4]), ([[0]], [2, 3, 4]), ([[0, 0, 0, 0]], [1]), ([1], [3, 4]), ([[[0]], [[1]]], [2, 1, 3, 4]), (np.zeros([1, 0]), [1, 2, 3, 4]),
                           (np.zeros([3, 0]), [3, 2, 3, 4])):
    for index in INDEX:
      variant(op, X, np.array(indices, index), ordinary(updates, 'float32', 4), params=[1])
for axis in (-1, 0, 1, 2, 3, -2):
  for index in ('int32', 'int64', 'uint8', 'int8'):
    variant('OneHot', ordinary([2, 3], index, low=0, high=4), i32(4), np.float32(1), np.float32(0), axis=axis, params=[1, 2, 3])
variant('OneHot', i32(2), i32(4), np.float32(5), np.float32(-1), params=[1, 2, 3])
variant('OneHot', i32([2]), i32(0), np.float32(5), np.float32(-1), params=[1, 2, 3])
variant('OneHot', i32([2]), i32(-1), np.float32(5), np.float32(-1), params=[1, 2, 3])
variant('OneHot', np.zeros([0, 2], np.int32), i32(3), np.float32(5), np.float32(-1), params=[1, 2, 3])
variant('OneHot', i32([2]), i32([4]), np.float32(5), np.float32(-1), params=[1, 2, 3])

# ---- padding, turning
for paddings in ([[0, 0], [1, 2], [3, 0]], [[0, 0], [0, 0], [0, 0]], [[1, 1], [0, 0], [0, 1]], [[0, 0], [-1, 0], [0, 0]], [[0, 0], [1, 1]], [[1, 1, 1]] * 3):
  for index in INDEX:
    variant('Pad', X, np.array(paddings, index))
    variant('PadV2', X, np.array(paddings, index), np.float32(-2), params=[1, 2])
    for mode in ('REFLECT', 'SYMMETRIC'):
      variant('MirrorPad', X, np.array(paddings, index), mode=mode)
variant('Pad', EMPTY, i32([[1, 0], [0, 0], [0, 0]]))
variant('Pad', np.float32(1), np.zeros([0, 2], np.int32))
variant('PadV2', X, i32([[0, 0], [1, 1], [0, 0]]), np.float32(nan), params=[1, 2])
variant('PadV2', X, i32([[0, 0], [1, 1], [0, 0]]), np.array([1], np.float32), params=[1, 2])
for mode, limit in (('REFLECT', 2), ('SYMMETRIC', 3)):
  variant('MirrorPad', X, i32([[0, 0], [limit, limit], [0, 0]]), mode=mode)
  variant('MirrorPad', X, i32([[0, 0], [limit + 1, 0], [0, 0]]), mode=mode)
  variant('MirrorPad', EMPTY, i32([[0, 0], [1, 1], [0, 0]]), mode=mode)
  variant('MirrorPad', EMPTY, i32([[1, 0], [0, 0], [0, 0]]), mode=mode)
  variant('MirrorPad', ordinary([1, 3], 'float32'), i32([[1, 1], [0, 0]]), mode=mode)
for axes in ([0], [1, 2], [-1], [], [0, 1, 2], [0, 0], [0, -3], [3], [-4]):
  for index in INDEX:
    variant('ReverseV2', X, np.array(axes, index))
variant('ReverseV2', np.float32(1), np.zeros([0], np.int32))
variant('ReverseV2', EMPTY, i32([0, 1]))
variant('ReverseV2', ordinary([2] * 8, 'float32'), i32([0, 7]))
variant('ReverseV2', ordinary([1] * 9, 'float32'), i32([0]))
for flags in ([True, False, True], [False] * 3, [True] * 3, [True]):
  variant('Reverse', X, np.array(flags), params=[1])
for lengths, seq, batch in (([1, 3], 1, 0), ([4, 2], 2, 0), ([2, 1, 0], 0, 1), ([0, 0], 1, 0), ([5, 1], 1, 0), ([-1, 1], 1, 0), ([1, 1], 0, 0), ([1, 2, 2], 1, 0), ([1, 2, 1, 2], 0, 2), ([1, 2], -1, 0), ([1, 2, 3, 0], 1, -1)):
  for index in INDEX:
    variant('ReverseSequence', X, np.array(lengths, index), seq_dim=seq, batch_dim=batch)
for shift, axis in (([1], [0]), ([-1], [1]), ([5], [2]), ([-7], [1]), ([1, 2], [0, 2]), ([1, 1], [2, 2]), ([0], [1]), (1, 1), ([1], [3]), ([1], [-1]), ([1, 2], [1]), ([], [])):
  for index in INDEX:
    variant('Roll', X, np.array(shift, index), np.array(axis, index))
variant('Roll', EMPTY, i32([1]), i32([0]))
variant('Roll', np.float32(1), i32([1]), i32([0]))
for block in (1, 2, 3):
  for fmt in ('NHWC', 'NCHW'):
    for shape in ([1, 4, 6, 8], [0, 2, 2, 4], [1, 3, 3, 9], [2, 4, 4, 12], [2, 12, 6, 6]):
      variant('DepthToSpace', ordinary(shape, 'float32'), block_size=block, data_format=fmt)
      variant('SpaceToDepth', ordinary(shape, 'float32'), block_size=block, data_format=fmt)
variant('DepthToSpace', ordinary([1, 2, 2], 'float32'), block_size=2)
for shape, block, pads in (([2, 4, 6, 1], [2, 3], [[0, 0], [0, 0]]), ([2, 3, 5, 2], [2, 2], [[1, 0], [0, 1]]), ([2, 6], [2], [[0, 0]]), ([2, 6, 3], [3], [[1, 2]]), ([1, 2, 4, 6, 1], [1, 2, 3], [[0, 0]] * 3), ([2, 5, 4], [2], [[0, 0]]), ([2, 4], [0], [[0, 0]]), ([2, 4], [2], [[-2, 0]]), ([0, 4], [2], [[0, 0]]),
                           ([2, 3], [], np.zeros([0, 2])), ([2, 4, 4, 1], [1, 1], [[0, 0], [0, 0]])):
  for index in INDEX:
    variant('SpaceToBatchND', ordinary(shape, 'float32'), np.array(block, index), np.array(pads, index))
for shape, block, crops in (([12, 4, 2, 1], [2, 3], [[0, 0], [0, 0]]), ([8, 2, 3, 2], [2, 2], [[1, 0], [0, 1]]), ([4, 6], [2], [[0, 0]]), ([6, 2, 3], [3], [[1, 2]]), ([6, 2, 2, 2, 1], [1, 2, 3], [[0, 0]] * 3), ([5, 4], [2], [[0, 0]]), ([4, 4], [2], [[9, 0]]), ([4, 4], [2], [[-1, 0]]), ([4, 0], [2], [[0, 0]]), ([4, 4], [2], [[4, 4]]), ([2, 3], [], np.zeros([0, 2]))):
  for index in INDEX:
    variant('BatchToSpaceND', ordinary(shape, 'float32'), np.array(block, index), np.array(crops, index))
variant('SpaceToBatch', ordinary([1, 4, 4, 1], 'float32'), i32([[0, 0], [0, 0]]), block_size=2)
variant('SpaceToBatch', ordinary([2, 3, 5, 2], 'float32'), i32([[1, 0], [0, 1]]), block_size=2)
variant('BatchToSpace', ordinary([4, 2, 2, 1], 'float32'), i32([[0, 0], [1, 0]]), block_size=2)

# ---- finding, sorting
for shape in ([], [0], [5], [2, 3], [2, 0], [1, 2, 2, 1, 2]):
  for dtype in ('bool', 'float32', 'int64', 'complex64'):
    variant('Where', ordinary(shape, dtype, low=0, high=1))
variant('Where', typed([0.0, -0.0, nan, inf, 1e-40], 'float32'))
for out in (tf.int32, tf.int64):
  for values in ([1, 2, 1, 3, 2], [], [7], [3, 3, 3]):
    for op in ('Unique', 'UniqueWithCounts'):
      variant(op, i32(values) if values else np.zeros([0], np.int32), out_idx=out)
      variant(op, typed(values, 'float32'), out_idx=out)
variant('Unique', typed([nan, nan, 1, -0.0, 0.0], 'float32'))
variant('Unique', X)
variant('Unique', np.array([b'a', b'', b'\xc3\xa9', b'a', b'b\x00'], object))
for axis in ([0], [1], [-1], [], [2], [0, 1]):
  for op in ('UniqueV2', 'UniqueWithCountsV2'):
    variant(op, ordinary([4, 3], 'int32', low=0, high=1), np.array(axis, np.int64))
    variant(op, ordinary([4], 'int32', low=0, high=1), np.array(axis, np.int32))
for k in (0, 1, 3, 4, 5, -1):
  for sort in (True, False):
    variant('TopKV2', X, i32(k), sorted=sort)
    variant('TopKV2', typed([[1, 1, 2, 2], [0, nan, 1, inf]], 'float32')[:1], i32(k), sorted=sort, about='ties')
  variant('TopKV2', X, i64(k), Tk=tf.int64)
  variant('TopKV2', X, i32(k), index_type=tf.int64)
  for index in INDEX:
    variant('NthElement', X, i32(k), reverse=True)
    variant('NthElement', X, i32(k))
variant('TopKV2', ordinary([3], 'float32'), i32(2))
variant('TopKV2', np.float32(1), i32(1))
variant('TopKV2', ordinary([0, 3], 'float32'), i32(2))
variant('TopKV2', ordinary([2, 0], 'float32'), i32(0))
variant('TopKV2', ordinary([2, 100], 'int32', low=0, high=9), i32(50), about='many ties')
variant('TopKV2', X, i32([2]))
for op in ('ArgMax', 'ArgMin'):
  for axis in (0, 1, 2, -1, -3, 3, -4):
    variant(op, X, i32(axis))
  variant(op, typed([[1, 3, 3], [nan, 1, 2], [2, nan, 1]], 'float32'), i32(1), about='ties and NaN')
  variant(op, np.zeros([2, 0], np.float32), i32(1))
  variant(op, np.zeros([0, 2], np.float32), i32(1))
  variant(op, np.zeros([0, 2], np.float32), i32(0))
  variant(op, np.float32(1), i32(0))
  variant(op, np.array([True, False, True]), i32(0))
  variant(op, X, i32(0), output_type=tf.int16)
  variant(op, X, i32(0), output_type=tf.uint16)
  variant(op, X, np.array(1, np.int16))

# ---- reductions and scans
for op in ('Max', 'Min', 'Sum', 'Prod', 'Mean', 'EuclideanNorm', 'All', 'Any'):
  make = (lambda shape, seed=0: ordinary(shape, 'bool', seed)) if op in ('All', 'Any') else (lambda shape, seed=0: ordinary(shape, 'float32', seed))
  for axes in ([0], [1], [2], [-1], [0, 2], [0, 1, 2], [], [-1, -3], [1, 1], [0, -3], [3], [-4]):
    for keep in (False, True):
      variant(op, make([2, 3, 4]), np.array(axes, np.int32), keep_dims=keep)
  for index in INDEX:
    variant(op, make([2, 3, 4]), index(1))
    variant(op, make([2, 3, 1, 2, 3]), np.array([1, 3], index))
    variant(op, make([0, 3]), np.array([0], index))
    variant(op, make([0, 3]), np.array([1], index))
    variant(op, make([2, 0]), np.array([0, 1], index), keep_dims=True)
    variant(op, make([]), index(0))
    variant(op, make([]), np.zeros([0], index), keep_dims=True)
    variant(op, make([5]), index(-1), keep_dims=True)
    variant(op, make([2, 3]), np.array([[0, 1]], index))
for op in ('Cumsum', 'Cumprod', 'CumulativeLogsumexp'):
  for axis in (0, 1, 2, -1, -3, 3, -4):
    for exclusive, reverse in itertools.product((False, True), repeat=2):
      for index in INDEX:
        variant(op, X, index(axis), exclusive=exclusive, reverse=reverse)
  variant(op, EMPTY, i32(0))
  variant(op, EMPTY, i32(1), exclusive=True)
  variant(op, np.float32(1), i32(0))
  variant(op, X, i32([0]))
  variant(op, typed([1, nan, inf, -inf, 2], 'float32'), i32(0))

# ---- diagonals
for op in ('MatrixDiagV2', 'MatrixDiagV3'):
  for k, shape in ((0, [2, 3]), (1, [3]), (-2, [2, 2]), ([0, 1], [2, 2, 3]), ([-1, 1], [3, 3]), ([-1, 0], [1, 2, 3])):
    for rows, cols in ((-1, -1), (4, -1), (-1, 5), (4, 4), (1, 1), (3, 4)):
      for align in (('RIGHT_LEFT', 'LEFT_RIGHT', 'LEFT_LEFT', 'RIGHT_RIGHT') if op.endswith('3') and (rows, cols) in ((-1, -1), (3, 4)) else (None,)):
        variant(op, ordinary(shape, 'float32'), np.array(k, np.int32), i32(rows), i32(cols), np.float32(9), params=[1, 2, 3, 4], **({'align': align} if align else {}))
for op in ('MatrixDiagPartV2', 'MatrixDiagPartV3', 'MatrixSetDiagV2', 'MatrixSetDiagV3'):
  for k in (0, 1, -1, 3, -2, 5, [0, 1], [-1, 1], [-1, 0], [1, 0], [-5, 5]):
    for shape in ([3, 4], [2, 3, 3], [4, 2], [0, 3]):
      for align in (('RIGHT_LEFT', 'LEFT_RIGHT', 'LEFT_LEFT', 'RIGHT_RIGHT') if op.endswith('3') and k in ([0, 1], [-1, 1], [-1, 0], 0) else (None,)):
        more = {'align': align} if align else {}
        if 'Part' in op:
          variant(op, ordinary(shape, 'float32'), np.array(k, np.int32), np.float32(9), params=[1, 2], **more)
        else:
          lo, hi = (k, k) if isinstance(k, int) else k
          m, n = shape[-2:]
          longest = max([min(m + min(d, 0), n - max(d, 0)) for d in range(lo, hi + 1)] or [1])
          diag = shape[:-2] + ([hi - lo + 1] if hi != lo else []) + [max(longest, 0)]
          variant(op, ordinary(shape, 'float32'), ordinary([max(d, 0) for d in diag], 'float32', 3), np.array(k, np.int32), params=[2], **more)
for shape in ([3], [2, 3], [0], [2, 0]):
  variant('MatrixDiag', ordinary(shape, 'float32'))
  variant('Diag', ordinary(shape, 'float32'))
for shape in ([3, 3], [2, 3, 4], [4, 2], [0, 2], [2, 3, 2, 3], [3], []):
  variant('MatrixDiagPart', ordinary(shape, 'float32'))
  variant('DiagPart', ordinary(shape, 'float32'))
  for lower, upper in ((0, 0), (1, -1), (-1, 0), (-1, -1), (2, 1), (5, 0), (0, 9)):
    variant('MatrixBandPart', ordinary(shape, 'float32'), i64(lower), i64(upper))
for order in ([2, 0, 1], [0], [], [1, 1], [0, 5], [-1, 0]):
  for index in INDEX:
    variant('InvertPermutation', np.array(order, index))

# ---- segments
IDS = ([0, 0, 1, 2], [0, 1, 2, 3], [0, 0, 0, 0], [1, 1, 3, 3], [2, 1, 0, 0], [0, 0, 1, -1], [0, 1, 1])
for op in ('SegmentSum', 'SegmentMean', 'SegmentProd', 'SegmentMax', 'SegmentMin'):
  for ids in IDS:
    for index in INDEX:
      variant(op, ordinary([4, 2], 'float32'), np.array(ids, index), params=[])
      variant(op, ordinary([4], 'int32'), np.array(ids, index), params=[1])
  variant(op, ordinary([0, 2], 'float32'), np.zeros([0], np.int32), params=[])
  variant(op, ordinary([4, 0], 'float32'), i32([0, 0, 1, 2]), params=[])
  variant(op, ordinary([4, 2], 'float32'), i32([[0, 0], [1, 2]]), params=[])
for op in ('UnsortedSegmentSum', 'UnsortedSegmentProd', 'UnsortedSegmentMax', 'UnsortedSegmentMin'):
  for ids in ([0, 0, 1, 2], [3, 1, 3, 0], [-1, 0, 0, 1], [5, 0, 0, 0], [0, 1, 1]):
    for num in (4, 0, 7, 1, -1):
      variant(op, ordinary([4, 2], 'float32'), i32(ids), i32(num), params=[2])
      variant(op, ordinary([4], 'int64'), i64(ids), i64(num), params=[1, 2])
  variant(op, ordinary([2, 2, 3], 'float32'), i32([[0, 1], [1, 3]]), i32(5), params=[2])
  variant(op, ordinary([2, 2], 'float32'), i32([[0, 1], [1, 3]]), i32(5), params=[2])
  variant(op, np.float32(1), i32(2), i32(4), params=[2])
  variant(op, ordinary([0, 2], 'float32'), np.zeros([0], np.int32), i32(3), params=[2])
for op in ('SparseSegmentSum', 'SparseSegmentMean', 'SparseSegmentSqrtN'):
  for indices, ids in (([0, 1, 3], [0, 0, 1]), ([2, 2], [0, 2]), ([], []), ([5], [0]), ([-1], [0]), ([0, 1], [1, 0]), ([0, 1], [0]), ([0, 1], [-1, 0]), ([3, 0, 1, 2, 2, 1, 0, 3, 1, 2], [0] * 10), ([0, 1, 2], [1, 1, 3])):
    for dtype in ('float32', 'float64', 'float16', 'bfloat16', 'int32'):
      variant(op, ordinary([4, 2], dtype), np.array(indices, np.int32), np.array(ids, np.int32), params=[])
    variant(op, ordinary([4, 3], 'float32'), np.array(indices, np.int64), np.array(ids, np.int64), params=[2])
    for num in (0, 1, 2, 4, 6):
      variant(op + 'WithNumSegments', ordinary([4, 2], 'float32'), np.array(indices, np.int32), np.array(ids, np.int32), i32(num), params=[3])

# ---- counting, sets, partitions
for values in ([1, 1, 2, 5], [], [0, 3], [-1, 2], [7, 9]):
  for weights in (None, [0.5, 1, 2, 3]):
    w = np.array([] if weights is None or len(values) != 4 else weights, np.float32)
    for size in (6, 0, 3):
      variant('Bincount', np.array(values, np.int32), i32(size), w, params=[1])
      for binary in (False, True):
        variant('DenseBincount', np.array(values, np.int32), i32(size), w, binary_output=binary, params=[1])
        variant('DenseBincount', np.array(values, np.int64), i64(size), w.astype(np.float64), binary_output=binary, params=[1])
for binary in (False, True):
  for dtype in ('int32', 'int64', 'float32', 'float64'):
    variant('DenseBincount', i32([[1, 1, 2], [0, 5, 3]]), i32(4), np.zeros([0], dtype), binary_output=binary, params=[1])
    variant('DenseBincount', i32([[1, 1, 2], [0, 5, 3]]), i32(4), ordinary([2, 3], dtype), binary_output=binary, params=[1])
variant('DenseBincount', i32(1), i32(4), np.zeros([0], np.float32), params=[1])
variant('DenseBincount', ordinary([2, 2, 2], 'int32', low=0), i32(4), np.zeros([0], np.float32), params=[1])
variant('DenseBincount', i32([1]), i32(-1), np.zeros([0], np.float32), params=[1])
for operation in ('a-b', 'b-a', 'intersection', 'union', 'A-B', 'other'):
  for dtype in ('int32', 'int64', 'int8', 'uint16', 'string'):
    variant('DenseToDenseSetOperation', ordinary([2, 4], dtype), ordinary([2, 3], dtype, 1), set_operation=operation, params=[])
  variant('DenseToDenseSetOperation', ordinary([2, 2, 4], 'int32'), ordinary([2, 2, 3], 'int32', 1), set_operation=operation, params=[])
  variant('DenseToDenseSetOperation', ordinary([2, 0], 'int32'), ordinary([2, 3], 'int32', 1), set_operation=operation, params=[])
  variant('DenseToDenseSetOperation', ordinary([3, 2], 'int32'), ordinary([2, 3], 'int32', 1), set_operation=operation, params=[])
  variant('DenseToDenseSetOperation', ordinary([3], 'int32'), ordinary([3], 'int32', 1), set_operation=operation, params=[])
for parts in ([0, 1, 0, 2], [2, 2, 2, 2], [0, 3, 0, 0], [-1, 0, 0, 0]):
  variant('DynamicPartition', ordinary([4, 2], 'float32'), i32(parts), num_partitions=3, params=[])
  variant('DynamicPartition', ordinary([4], 'string'), i32(parts), num_partitions=3, params=[1])
variant('DynamicPartition', ordinary([2, 2, 3], 'float32'), i32([[0, 1], [1, 0]]), num_partitions=2, params=[])
variant('DynamicPartition', ordinary([0, 3], 'float32'), np.zeros([0], np.int32), num_partitions=2, params=[])
variant('DynamicPartition', np.float32(3), i32(1), num_partitions=2, params=[])
variant('DynamicPartition', ordinary([3], 'float32'), i32([0, 1]), num_partitions=2, params=[])
for indices, shapes in (([[0, 2], [1, 3]], [[2, 2], [2, 2]]), ([[0, 1], [1, 5]], [[2], [2]]), ([[[0, 1], [2, 3]]], [[2, 2, 3]]), ([[], [0]], [[0], [1]]), ([0, 1], [[], []]), ([[0], [-1]], [[1], [1]]), ([[0], [1]], [[1, 2], [1, 3]]), ([[]], [[0, 2]])):
  for op in ('DynamicStitch', 'ParallelDynamicStitch'):
    variant(op, [np.array(i, np.int32) for i in indices], [ordinary(s, 'float32', i) for i, s in enumerate(shapes)], params=[])
for dtype in ('int32', 'int64'):
  for op in ('LowerBound', 'UpperBound'):
    for out in (tf.int32, tf.int64):
      variant(op, np.sort(ordinary([2, 5], dtype), 1), ordinary([2, 3], dtype, 2), out_type=out, params=[])
  variant('UnravelIndex', typed([0, 5, 3], dtype), typed([2, 3], dtype))
  variant('UnravelIndex', typed(5, dtype), typed([2, 3], dtype))
  variant('UnravelIndex', typed([6], dtype), typed([2, 3], dtype))
variant('LowerBound', np.sort(ordinary([2, 5], 'float32'), 1), ordinary([3, 3], 'float32', 2), params=[])
for fmt in ([0, 1, 2, 3], [-1, -3], 2, [4]):
  variant('DataFormatDimMap', np.array(fmt, np.int32))
  variant('DataFormatDimMap', np.array(fmt, np.int64), src_format='NCHW', dst_format='NHWC')
for v in ([1, 2, 3, 4], [[1, 2], [3, 4], [5, 6], [7, 8]], [1, 2], [1, 2, 3]):
  variant('DataFormatVecPermute', np.array(v, np.int32))
  variant('DataFormatVecPermute', np.array(v, np.int64), src_format='NCHW', dst_format='NHWC')
variant('Fingerprint', ordinary([2, 3], 'float32'), np.array(b'farmhash64', object), params=[1])
variant('Fingerprint', ordinary([2], 'string'), np.array(b'farmhash64', object), params=[1])
for dtype in ('float32', 'float64', 'int32', 'int64'):
  for nbins in (5, 1):
    variant('HistogramFixedWidth', typed([-1, 0, 1.5, 2, 5, 15], dtype), typed([0, 5], dtype), i32(nbins))
variant('HistogramFixedWidth', typed([1], 'float32'), typed([5, 0], 'float32'), i32(3))
variant('HistogramFixedWidth', typed([1], 'float32'), typed([0, 5], 'float32'), i32(0))
