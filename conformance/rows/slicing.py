"""Slices, gathers and scatters."""
import numpy as np
import tensorflow as tf

from recorder import boolean, case, f16, f32, f64, i32, i64, inf, nan, random

DTYPES = (np.float32, np.float64, np.float16, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.bool_)
X = random([4, 5, 6])

for dtype in DTYPES:
  x = random([3, 4], dtype, low=0, high=9)
  case('Slice', x, i32([1, 0]), i32([2, -1]))
  case('StridedSlice', x, i32([0, -1]), i32([0, 0]), i32([2, -2]), begin_mask=1, end_mask=1)
  case('GatherV2', x, i32([2, 0]), np.int32(0))
  case('GatherNd', x, i32([[2, 0], [0, 3]]))
  case('OneHot', i32([0, 2]), np.int32(3), np.array(1, dtype), np.array(0, dtype))
  if dtype is not np.float16:
    case('Where', x)
  case('TensorScatterUpdate', x, i32([[1], [0]]), x[:2])
  if dtype is not np.bool_:
    case('TensorScatterAdd', x, i32([[1], [1]]), x[:2])
    case('TensorScatterSub', x, i32([[1], [0]]), x[:2])
    case('ScatterNd', i32([[1], [0], [1]]), x, i32([2, 4]))
    if dtype in (np.float32, np.int32, np.int64, np.uint8, np.int8, np.float64):
      case('TensorScatterMax', x, i32([[1], [0]]), x[1:])
      case('TensorScatterMin', x, i32([[1], [0]]), x[1:])
  if dtype is not np.float16:
    case('Unique', random([9], dtype, low=0, high=4))
    case('UniqueWithCounts', random([9], dtype, low=0, high=4), out_idx=tf.int64)

case('Slice', X, i32([0, 1, 2]), i32([2, 3, 4]))
case('Slice', X, i64([1, 0, 3]), i64([-1, 5, -1]))
case('Slice', X, i32([4, 0, 0]), i32([-1, -1, -1]))
case('Slice', X, i32([0, 0, 0]), i32([0, 1, 1]))
case('Slice', X, i32([0, 0, 4]), i32([1, 1, 3]), about='too long')
case('Slice', f32(1), i32(np.zeros([0])), i32(np.zeros([0])))


def strided(spec, x=X, about='', index=np.int32):
  """The masks as numpy-like indexing makes them."""
  begin, end, strides = [], [], []
  masks = dict(begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0)
  for i, s in enumerate(spec):
    bit = 1 << i
    if s is Ellipsis:
      masks['ellipsis_mask'] |= bit
      values = (0, 0, 1)
    elif s is None:
      masks['new_axis_mask'] |= bit
      values = (0, 0, 1)
    elif isinstance(s, slice):
      masks['begin_mask'] |= bit * (s.start is None)
      masks['end_mask'] |= bit * (s.stop is None)
      values = (s.start or 0, s.stop or 0, s.step or 1)
    else:
      masks['shrink_axis_mask'] |= bit
      values = (s, s + 1, 1)
    for to, v in zip((begin, end, strides), values):
      to.append(v)
  case('StridedSlice', x, np.array(begin, index), np.array(end, index), np.array(strides, index), about=about,
       **{k: v for k, v in masks.items() if v})


s = slice
for spec in ([1], [-1], [0, 2], [s(None), -1], [s(1, 3)], [s(None), s(1, -1)], [Ellipsis, 0], [Ellipsis, s(1, None, 2)], [1, Ellipsis, -2], [None], [Ellipsis, None],
             [s(None), None, s(None, None, -1)], [s(-1, None, -1)], [s(10, None, -1)], [s(None, None, -2), s(3, 0, -1)], [s(2, 100)], [s(-100, 2)], [s(3, 1)],
             [None, 2, Ellipsis, s(1, 3), None], [s(1, None), Ellipsis, None, 3], [0, 0, 0], [s(None), s(None), s(None)], [s(None, -1), Ellipsis], [s(4, None)], [Ellipsis],
             [s(-2, None)], [None, None, 1, None, Ellipsis, None, -1], [s(None), 1, s(None)], [s(-3, -1, 1), -1, s(-1, -7, -3)]):
  strided(spec, about=str(spec).replace('None, None)', 'None)'))
strided([1, s(2, 4)], index=np.int64)
strided([4], about='out of range')
strided([-5], about='out of range')
strided([s(0, 1), 7], about='out of range')
strided([1], x=i32([2, 3, 4]), about='one size of a shape')
strided([s(None, 2)], x=i32([2, 3, 4]))
strided([s(1, 2)], x=f32(np.zeros([0, 3])))
strided([s(None), 1], x=f32(np.zeros([0, 3])))
case('StridedSlice', X, i32([1, 5]), i32([2, 5]), i32([1, 1]), shrink_axis_mask=1, begin_mask=3, end_mask=2, about='an index wins over the mask of its begin')

for axis in (0, 1, 2, -1):
  case('GatherV2', X, i32([[3, 0], [1, 1]]), np.int32(axis))
case('GatherV2', X, np.int64(2), np.int64(1))
case('GatherV2', X, i32(np.zeros([0])), np.int32(1))
case('GatherV2', f32(np.zeros([3, 0])), i32([2, 1]), np.int32(0))
case('GatherV2', X, i32([4]), np.int32(0), about='out of range')
case('GatherV2', X, i32([-1]), np.int32(0), about='negative')
case('GatherV2', X, i64([0, -2]), np.int32(2), about='negative')
case('Gather', X, i32([[3, 0]]))
case('Gather', X, i64([7]), about='out of range')
case('GatherV2', random([2, 3, 4]), i32([[2, 0], [1, 1]]), np.int32(1), batch_dims=1)
case('GatherV2', random([2, 3, 4]), i32([[3, 0], [1, 1]]), np.int32(2), batch_dims=1)
case('GatherV2', random([2, 3, 4]), i32([[3, 0], [1, 1]]), np.int32(-1), batch_dims=-1)
case('GatherV2', random([2, 3, 4, 5]), i32([[[2], [0], [1]], [[1], [1], [0]]]), np.int32(2), batch_dims=2)
case('GatherV2', random([2, 3, 4, 5]), i32([[[2, 3], [0, 1]], [[1, 0], [1, 1]]]), np.int32(3), batch_dims=1)
case('GatherV2', random([2, 3]), i32([1, 2]), np.int32(1), batch_dims=1)
case('GatherV2', random([2, 3]), i32([1, 3]), np.int32(1), batch_dims=1, about='out of range')
case('GatherNd', X, i32([[3], [0]]))
case('GatherNd', X, i64([[[3, 1, 2]], [[0, 0, 5]]]))
case('GatherNd', X, i32([1, 2]))
case('GatherNd', X, i32(np.zeros([0, 2])))
case('GatherNd', X, i32([[4, 0]]), about='out of range')
case('GatherNd', X, i32([[-1, 0]]), about='negative')

case('ScatterNd', i32([[0], [2], [0]]), f32([1, 2, 4]), i32([4]))
case('ScatterNd', i64([[0, 1], [2, 2]]), f32([1, 2]), i64([3, 3]))
case('ScatterNd', i32([[1]]), f32([[1, 2]]), i32([3, 2]))
case('ScatterNd', i32(np.zeros([0, 1])), f32([]), i32([3]))
case('ScatterNd', i32([[4]]), f32([1]), i32([4]), about='out of range')
case('ScatterNd', i32([[-1]]), f32([1]), i32([4]), about='negative')
case('ScatterNd', i32([[0], [1]]), boolean([True, False]), i32([3]))
for op in ('Update', 'Add', 'Sub', 'Min', 'Max'):
  case('TensorScatter' + op, f32([[1, 2], [3, 4], [5, 6]]), i32([[2], [0]]), f32([[2, 9], [0, 3]]))
  case('TensorScatter' + op, f32([[1, 2], [3, 4]]), i64([[0, 1], [1, 0]]), f32([3, -1]))
  case('TensorScatter' + op, f32([1, 2]), i32(np.zeros([0, 1])), f32([]))
  case('TensorScatter' + op, f32([1, 2]), i32([[2]]), f32([1]), about='out of range')
case('TensorScatterAdd', f32([1, 2]), i32([[1], [1], [0]]), f32([1, 2, 3]))
case('TensorScatterMax', f32([1, 2]), i32([[1], [1], [0]]), f32([5, 3, 3]))

for axis in (-1, 0, 1):
  case('OneHot', i64([[0, 2], [-1, 7]]), np.int32(3), f32(5), f32(-1), axis=axis)
case('OneHot', np.array([1, 0], np.uint8), np.int32(2), f32(1), f32(0))
case('OneHot', np.array(1, np.int32), np.int32(3), f32(1), f32(0))
case('OneHot', i32(np.zeros([0])), np.int32(3), f32(1), f32(0))
case('OneHot', i32([1]), np.int32(0), f32(1), f32(0))
case('Where', boolean([[True, False], [True, True]]))
case('Where', boolean([False, False]))
case('Where', f32([0, -0.0, nan, 1]))
case('Where', boolean(np.zeros([0, 2])))
case('Where', boolean(np.ones([2, 2, 2])))
case('Unique', i32([]))
case('UniqueV2', i32([3, 1, 3]), i32(np.zeros([0])))
