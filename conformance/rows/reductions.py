"""Reductions, running sums, the places of extremes, the largest elements."""
import numpy as np
import tensorflow as tf

from recorder import boolean, case, f16, f32, f64, i32, i64, inf, nan, random

DTYPES = (np.float32, np.float64, np.float16, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
X = random([2, 3, 4])

for op in ('Sum', 'Mean', 'Max', 'Min', 'Prod', 'EuclideanNorm'):
  for axes in ([0], [1, 2], [-1], [], [0, 1, 2]):
    case(op, X, i32(axes), rtol=1e-5, atol=1e-6)
  case(op, X, i32([1]), keep_dims=True, rtol=1e-5, atol=1e-6)
  case(op, X, i64([-2, 0]), keep_dims=True, rtol=1e-5, atol=1e-6)
  case(op, X, np.int32(1), rtol=1e-5, atol=1e-6)
  case(op, f32(2), i32([]))
  case(op, f32(np.zeros([0, 3])), i32([0]), about='of nothing')
  case(op, f32(np.zeros([2, 0, 3])), i32([1]), about='of nothing')
  case(op, f32(np.zeros([0, 3])), i32([1]), about='no rows')
  case(op, f32([1, nan, 3]), i32([0]))
  case(op, f32([-inf, inf, 3]), i32([0]))
  for dtype in DTYPES:
    if op == 'EuclideanNorm' and dtype not in (np.float32, np.float64):
      continue
    case(op, random([3, 4], dtype, low=0, high=5), i32([1]), rtol=2e-3)
    if np.issubdtype(dtype, np.integer) and op in ('Sum', 'Prod', 'Max', 'Min'):
      info = np.iinfo(dtype)
      case(op, np.array([[info.max, info.max, 3], [info.min, info.min, 1]], dtype), i32([1]), about='past the range')
    if dtype in (np.int32, np.int64) and op != 'Mean':
      case(op, np.zeros([2, 0], dtype), i32([1]), about='of nothing')
for op in ('All', 'Any'):
  for axes in ([0], [0, 1], [], [-1]):
    case(op, boolean([[True, False, True], [True, True, True], [False, False, False]]), i32(axes))
  case(op, boolean(np.zeros([2, 0])), i32([1]), about='of nothing')
  case(op, boolean([[True, False]]), i32([1]), keep_dims=True)
case('Mean', i32([[1, 2], [-3, 2], [-1, -2]]), i32([1]))
case('Mean', i32([[-7, 2, 1]]), i32([1]))

for op in ('ArgMax', 'ArgMin'):
  for axis in (0, 1, -1):
    case(op, X, np.int32(axis))
  case(op, X, np.int64(2), output_type=tf.int32)
  case(op, f32([1, 3, 3, 2, 1, 1]), np.int32(0), about='ties')
  case(op, f32([[1, nan, 3], [nan, 2, 1], [3, 2, nan]]), np.int32(1), about='with NaN')
  case(op, f32(np.zeros([0, 3])), np.int32(1), about='no rows')
  case(op, f32(np.zeros([3, 0])), np.int32(1), about='of nothing')
  for dtype in DTYPES:
    case(op, random([3, 4], dtype, low=0, high=9), np.int32(1))
  case(op, random([3, 4], np.bool_), np.int32(1))
for op in ('Cumsum', 'Cumprod'):
  for axis in (0, 2, -1):
    case(op, X, np.int32(axis), rtol=1e-5, atol=1e-6)
  for exclusive in (False, True):
    for reverse in (False, True):
      case(op, X, np.int64(1), exclusive=exclusive, reverse=reverse, rtol=1e-5, atol=1e-6)
  for dtype in DTYPES:
    case(op, random([2, 5], dtype, low=0, high=9), np.int32(1), rtol=2e-3)
  case(op, np.array([100, 100, 100], np.int8), np.int32(0), about='past the range')
  case(op, f32(np.zeros([0, 3])), np.int32(1))
  case(op, f32(np.zeros([3, 0])), np.int32(1))
for k in (1, 2, 4, 0):
  case('TopKV2', X, np.int32(k))
case('TopKV2', f32([1, 3, 3, 2, 1, 3]), np.int32(5), about='ties')
case('TopKV2', f32([1, 2]), np.int32(3), about='too few')
case('TopKV2', f32(np.zeros([0, 3])), np.int32(2))
case('TopKV2', f32(np.zeros([2, 0, 3])), np.int32(2))
case('TopKV2', f32(np.zeros([2, 0])), np.int32(0))
case('TopKV2', X, np.int64(2), index_type=tf.int64)
for dtype in DTYPES:
  case('TopKV2', random([2, 5], dtype, low=0, high=9), np.int32(3))
LARGE = i64([[2**53 + 1, 2, 2**60 + 1], [-2**53 - 1, -(2**61), -3], [2**62, 2**62, 2**62 + 5]])
for op in ('Sum', 'Max', 'Min', 'Cumsum'):
  case(op, LARGE, i32([1]) if op != 'Cumsum' else np.int32(1), about='past 2^53')
for dtype in (np.int32, np.int64, np.uint8, np.int8):
  for sizes in ([], [5], [2, 3, 7], [100, 100, 100, 3]):
    case('Prod', np.array(sizes, dtype), i32([0]), about='of a vector')
case('Prod', i32([2, 3]), np.int32(-1), keep_dims=True, about='of a vector')
for op in ('Max', 'Min'):
  for dtype in DTYPES:
    if dtype is not np.uint64:
      case(op, np.zeros([2, 0], dtype), i32([1]), about='of nothing')
HALVES = i64([[100, -5, 4294967290, 2147483648, 7], [4294967290, -3000000000, 100, 1, -7], [2**40 + 5, 2**40 + 2**31, 2**40, 2**40 + 7, 2**40 + 2**32 - 1],
              [-2**40 + 5, -2**40 + 2**31, -2**40, -2**40 + 7, -2**40 - 1]])
for op in ('Max', 'Min', 'Sum', 'Cumsum', 'ArgMax', 'ArgMin'):
  for axis in (0, 1):
    case(op, HALVES, np.int32(axis), about='the same upper halves')
case('Max', HALVES, i32([0, 1]), keep_dims=True)
case('TopKV2', HALVES, np.int32(4))
for op in ('Max', 'Min'):
  case(op, np.array([[2**31, 5, 2**32 - 1], [2**31 - 1, 0, 2**31]], np.uint32), i32([1]))
LONG = np.tile(f32([-inf, -1, -0.0, 0, nan, 2, 1e30, 3.5, -7, 0.25]), 4).reshape([2, 20])
for op in ('Max', 'Min', 'Sum', 'ArgMax', 'ArgMin', 'Prod', 'Mean'):
  for values, about in ((LONG, 'long'), (np.where(np.isnan(LONG), f32(5), LONG), 'long, no NaN'), (LONG[:, 5:9], 'short')):
    for axis in (0, 1):
      case(op, values, np.int32(axis), about=about, rtol=1e-5)
