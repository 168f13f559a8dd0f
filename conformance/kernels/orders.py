"""Scans, segments, scatters, partitions, order, counting, checks."""
import numpy as np
import tensorflow as tf

from dtypes import FLOATS, INTEGERS, NUMBERS, constant, ramp, registered, tolerance
from recorder import case, hidden, raw
from refusals import H, refuses

NAN, INF = float('nan'), float('inf')
FEW = [tf.float32, tf.float16, tf.int32, tf.int64, tf.uint8]


def scans(op):
  def build(dtype):
    x = ramp([2, 3, 2], dtype, start=1)
    for axis, exclusive, reverse in ((0, False, False), (1, True, False), (-1, False, True), (1, True, True)):
      getattr(raw, op)(x=x, axis=axis, exclusive=exclusive, reverse=reverse)
    getattr(raw, op)(x=ramp([0, 2], dtype), axis=tf.constant(0, tf.int64))
    if dtype.is_integer:
      getattr(raw, op)(x=constant([100, 100, 100, 3], dtype), axis=0)
    if op == 'CumulativeLogsumexp':
      getattr(raw, op)(x=constant([-INF, 1.0, 800.0, 800.0], dtype), axis=0)
  return build


for op in ('Cumsum', 'Cumprod', 'CumulativeLogsumexp'):
  for dtype in FEW + [tf.complex64, tf.float64]:
    if registered(op, dtype):
      case(f'{op} of {dtype.name}', lambda op=op, dtype=dtype: scans(op)(dtype), **tolerance(dtype, 4))
refuses('Cumsum', x=H([1]), axis=H(1))


def segments(dtype):
  x = ramp([5, 2], dtype, start=1)
  ids = [0, 0, 1, 3, 3]
  for op in ('SegmentSum', 'SegmentMean', 'SegmentProd', 'SegmentMin', 'SegmentMax'):
    if registered(op, dtype):
      getattr(raw, op)(data=x, segment_ids=ids)
      getattr(raw, op)(data=ramp([0, 2], dtype), segment_ids=tf.zeros([0], tf.int64))
  for op in ('UnsortedSegmentSum', 'UnsortedSegmentProd', 'UnsortedSegmentMin', 'UnsortedSegmentMax'):
    if registered(op, dtype):
      getattr(raw, op)(data=x, segment_ids=[2, -1, 0, 2, 0], num_segments=4)
      getattr(raw, op)(data=x, segment_ids=[[0, 1], [1, 1], [3, -2], [0, 0], [1, 0]], num_segments=tf.constant(4, tf.int64))
  if dtype.is_floating and dtype.size > 2:
    for op in ('SparseSegmentSum', 'SparseSegmentMean', 'SparseSegmentSqrtN'):
      getattr(raw, op)(data=x, indices=[4, 0, 2], segment_ids=[0, 0, 2])
      getattr(raw, op + 'WithNumSegments')(data=x, indices=tf.constant([1, 1], tf.int64), segment_ids=[1, 1], num_segments=4)


for dtype in FEW + [tf.float64, tf.complex64]:
  case(f'segments of {dtype.name}', lambda dtype=dtype: segments(dtype), **tolerance(dtype, 2))
refuses('SegmentSum', data=H([1, 2]), segment_ids=H([1, 0]))
refuses('SegmentSum', data=H([1, 2]), segment_ids=H([0]))
refuses('SegmentSum', data=H([1, 2]), segment_ids=H([-1, 0]))
refuses('UnsortedSegmentSum', data=H([1, 2]), segment_ids=H([0, 3]), num_segments=H(2))
refuses('UnsortedSegmentSum', data=H([1, 2]), segment_ids=H([0]), num_segments=H(2))
refuses('SparseSegmentSum', data=H([1.0, 2.0]), indices=H([2]), segment_ids=H([0]))


def scatters(dtype):
  x = ramp([3, 2], dtype, start=1)
  indices = [[0, 1], [2, 0], [0, 1]]
  updates = ramp([3], dtype, start=10)
  rows = [[2], [2]]
  for op in ('TensorScatterAdd', 'TensorScatterSub', 'TensorScatterMin', 'TensorScatterMax', 'TensorScatterUpdate'):
    if registered(op, dtype):
      getattr(raw, op)(tensor=x, indices=indices, updates=updates)
      getattr(raw, op)(tensor=x, indices=rows, updates=ramp([2, 2], dtype))
      getattr(raw, op)(tensor=x, indices=tf.zeros([0, 1], tf.int64), updates=ramp([0, 2], dtype))
  if registered('ScatterNd', dtype):
    raw.ScatterNd(indices=indices, updates=updates, shape=[3, 2])
    raw.ScatterNd(indices=tf.constant([[1], [1]], tf.int64), updates=ramp([2, 2], dtype), shape=tf.constant([3, 2], tf.int64))
    raw.ScatterNd(indices=hidden([[5], [1]]), updates=ramp([2], dtype), shape=[3], bad_indices_policy='IGNORE')
  for out in raw.DynamicPartition(data=x, partitions=[1, 0, 1], num_partitions=3):
    pass
  raw.DynamicPartition(data=ramp([2, 2], dtype), partitions=[[0, 1], [1, 1]], num_partitions=2)
  raw.DynamicStitch(indices=[[4, 1], [0]], data=[ramp([2, 2], dtype), ramp([1, 2], dtype, start=50)])
  raw.DynamicStitch(indices=[tf.constant(1), [[0, 1], [2, 2]]], data=[ramp([], dtype), ramp([2, 2], dtype)])
  raw.ParallelDynamicStitch(indices=[[0, 1], [2]], data=[ramp([2], dtype), ramp([1], dtype, start=9)])


for dtype in (tf.float32, tf.int64, tf.complex64, tf.string, tf.float16):
  case(f'scatters of {dtype.name}', lambda dtype=dtype: scatters(dtype), **tolerance(dtype))
refuses('TensorScatterAdd', tensor=H([1, 2]), indices=H([[2]]), updates=H([1]))
refuses('TensorScatterUpdate', tensor=H([1, 2]), indices=H([[0]]), updates=H([1, 2]))
refuses('ScatterNd', indices=H([[4]]), updates=H([1]), shape=H([3]))
refuses('DynamicPartition', data=H([1, 2]), partitions=H([0, 2]), num_partitions=2)
refuses('DynamicPartition', data=H([1, 2]), partitions=H([0]), num_partitions=2)


def order(dtype):
  x = constant([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3], [7, 7, 7, 0, 7]], dtype)
  raw.TopKV2(input=x, k=3)
  raw.TopKV2(input=x, k=0)
  raw.TopKV2(input=x, k=tf.constant(5), index_type=tf.int64)
  raw.NthElement(input=x, n=1)
  raw.NthElement(input=x, n=0, reverse=True)
  for axis in (0, 1, -1):
    raw.ArgMax(input=x, dimension=axis)
    raw.ArgMin(input=x, dimension=axis, output_type=tf.int32)


for dtype in (tf.float32, tf.int32, tf.int64, tf.float16, tf.uint8):
  case(f'TopK, NthElement, ArgMax of {dtype.name}', lambda dtype=dtype: order(dtype))


def arguments():
  raw.ArgMax(input=[1.0, NAN, 2.0], dimension=0)
  raw.ArgMax(input=[-INF, -INF], dimension=0)
  raw.ArgMin(input=[[3.0, NAN], [3.0, 1.0]], dimension=1)
  raw.ArgMax(input=tf.constant([False, True, True]), dimension=0)
  raw.ArgMax(input=tf.constant([1, 5, 5], tf.int8), dimension=0, output_type=tf.uint16)


case('ArgMax of NaN, bool and small integers', arguments)
refuses('TopKV2', input=H([1, 2]), k=H(3))
refuses('TopKV2', input=H([1, 2]), k=H(-1))
refuses('TopKV2', input=H(1), k=H(1))
refuses('NthElement', input=H([1, 2]), n=H(2))
refuses('ArgMax', input=H([1, 2]), dimension=H(1))
refuses('ArgMax', input=H([], tf.float32), dimension=H(0))


def places(dtype):
  rows = constant([[1, 3, 3, 7], [0, 0, 2, 9]], dtype)
  values = constant([[0, 3, 8], [0, 1, 9]], dtype)
  for op in (raw.LowerBound, raw.UpperBound):
    op(sorted_inputs=rows, values=values)
    op(sorted_inputs=rows, values=values, out_type=tf.int64)
  if registered('Bucketize', dtype):
    raw.Bucketize(input=constant([[-5, 0, 3], [4, 10, 100]], dtype), boundaries=[0.0, 3.5, 10.0])
    raw.Bucketize(input=constant([1], dtype), boundaries=[])


for dtype in (tf.float32, tf.float64, tf.int32, tf.int64):
  case(f'LowerBound, UpperBound, Bucketize of {dtype.name}', lambda dtype=dtype: places(dtype))


def in_top_k():
  scores = [[0.1, 0.3, 0.2, 0.3], [0.5, NAN, 0.1, 0.0], [0.5, INF, 0.1, 0.7]]
  raw.InTopK(predictions=scores, targets=[3, 0, 3], k=2)
  raw.InTopKV2(predictions=scores, targets=[2, 1, 9], k=2)
  raw.InTopKV2(predictions=scores, targets=tf.constant([0, 3, 0], tf.int64), k=tf.constant(4, tf.int64))


case('InTopK', in_top_k)


def counts():
  values = [3, 1, 1, 0, 7]
  none = tf.constant([], tf.int32)
  raw.Bincount(arr=values, size=4, weights=none)
  raw.Bincount(arr=values, size=8, weights=[0.5, 1.0, 2.0, 3.0, 4.0])
  raw.DenseBincount(input=values, size=5, weights=tf.constant([], tf.float32))
  raw.DenseBincount(input=tf.constant([[1, 2, 1], [0, 0, 9]], tf.int64), size=tf.constant(3, tf.int64), weights=tf.constant([], tf.int64))
  raw.DenseBincount(input=[[1, 2, 1], [0, 0, 9]], size=3, weights=none, binary_output=True)
  raw.DenseBincount(input=[[1, 2], [0, 0]], size=3, weights=[[0.5, 1.0], [2.0, 4.0]])
  raw.HistogramFixedWidth(values=[-1.0, 0.0, 1.5, 2.0, 5.0, 15.0], value_range=[0.0, 5.0], nbins=5)
  raw.HistogramFixedWidth(values=[[1, 2], [9, 4]], value_range=[0, 10], nbins=3, dtype=tf.int64)


case('Bincount and HistogramFixedWidth', counts)
refuses('Bincount', arr=H([-1]), size=H(3), weights=H([], tf.int32))
refuses('DenseBincount', input=H([1]), size=H(-1), weights=H([], tf.int32))
refuses('DenseBincount', input=H([1, 2]), size=H(3), weights=H([1.0]))
refuses('HistogramFixedWidth', values=H([1.0]), value_range=H([5.0, 1.0]), nbins=H(3))


def distinct(dtype):
  x = constant(['b', 'a', 'b', 'c', 'a'] if dtype == tf.string else [3, 1, 3, 2, 1], dtype)
  raw.Unique(x=x)
  raw.Unique(x=x, out_idx=tf.int64)
  raw.UniqueWithCounts(x=x)
  raw.UniqueV2(x=x, axis=tf.constant([], tf.int64))
  raw.ListDiff(x=x, y=x[3:], out_idx=tf.int64)
  if dtype != tf.string:
    m = constant([[1, 2, 1], [3, 4, 3], [1, 2, 1]], dtype)
    raw.UniqueV2(x=m, axis=[0])
    raw.UniqueWithCountsV2(x=m, axis=[-1])


for dtype in (tf.float32, tf.int64, tf.string, tf.uint8, tf.float16):
  case(f'Unique, ListDiff of {dtype.name}', lambda dtype=dtype: distinct(dtype))
case('Unique of NaN', lambda: raw.Unique(x=[NAN, 1.0, NAN, -0.0, 0.0]))
refuses('Unique', x=H([[1]]))
refuses('UniqueV2', x=H([[1]]), axis=H([2], tf.int64))
refuses('ListDiff', x=H([[1]]), y=H([1]))


def checks():
  raw.Assert(condition=True, data=['fine'])
  raw.CheckNumerics(tensor=[1.0, 2.0], message='m')


case('checks that hold', checks)
refuses('Assert', condition=H(False), data=[H(['bad']), H([1, 2, 3, 4])])
refuses('CheckNumerics', tensor=H([1.0, NAN]), message='found')
refuses('CheckNumerics', tensor=H([1.0, INF], tf.float64), message='found')
refuses('CheckNumericsV2', tensor=H([1.0, -INF]), message='found')


def neighbors():
  points, centers = [[0.0, 1.0], [2.0, 2.0], [-1.0, 0.5]], [[0.0, 0.0], [2.0, 1.0], [-2.0, 0.0], [5.0, 5.0]]
  raw.NearestNeighbors(points=points, centers=centers, k=tf.constant(1, tf.int64))
  raw.NearestNeighbors(points=points, centers=centers, k=tf.constant(3, tf.int64))
  raw.NearestNeighbors(points=points, centers=centers, k=tf.constant(9, tf.int64))
  raw.DeviceIndex(device_names=['GPU', 'CPU'])
  raw.DeviceIndex(device_names=['GPU'])


case('NearestNeighbors, DeviceIndex', neighbors, rtol=1e-5)
refuses('NearestNeighbors', points=H([[1.0]]), centers=H([[1.0, 2.0]]), k=H(1, tf.int64))
