"""Convolutions, pooling, normalization, activations over channels, products of matrices."""
import numpy as np
import tensorflow as tf

from recorder import boolean, case, f16, f32, f64, i32, i64, inf, nan, random

TOL = dict(rtol=1e-4, atol=1e-5)


def conv(x, filters, strides=(1, 1), padding='VALID', dilations=(1, 1), op='Conv2D', **attrs):
  case(op, random(x, seed=1), random(filters, seed=2), strides=[1, *strides, 1], padding=padding, dilations=[1, *dilations, 1], **attrs, **TOL)


for padding in ('VALID', 'SAME'):
  for strides in ((1, 1), (2, 2), (1, 3), (3, 2)):
    for kernel in ((3, 3), (2, 4), (1, 1)):
      conv([2, 7, 6, 3], [*kernel, 3, 4], strides, padding)
  conv([1, 9, 8, 2], [3, 2, 2, 3], (1, 1), padding, (2, 3))
  conv([1, 5, 5, 4], [3, 3, 2, 6], (1, 1), padding)
  conv([0, 5, 5, 2], [3, 3, 2, 6], (1, 1), padding)
  case('DepthwiseConv2dNative', random([2, 6, 7, 3], seed=1), random([3, 3, 3, 2], seed=2), strides=[1, 1, 1, 1], padding=padding, **TOL)
  case('DepthwiseConv2dNative', random([2, 6, 7, 3], seed=1), random([2, 3, 3, 1], seed=2), strides=[1, 2, 2, 1], padding=padding, **TOL)
  for strides in ((1, 1, 1), (2, 1, 2)):
    conv([1, 4, 5, 6, 2], [2, 3, 2, 2, 3], strides, padding, (1, 1, 1), op='Conv3D')
conv([1, 4, 4, 2], [2, 2, 2, 3], (3, 3), 'SAME')
conv([1, 7, 7, 1], [1, 1, 1, 1], (4, 4), 'SAME')
conv([1, 5, 5, 2], [3, 3, 2, 2], (2, 2), 'EXPLICIT', explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0])
case('Conv2D', random([1, 5, 5, 2], np.float16), random([3, 3, 2, 2], np.float16), strides=[1, 1, 1, 1], padding='SAME', rtol=1e-2, atol=1e-2)
for strides in (1, 2):
  case('Conv2D', random([1, 5, 5, 2], np.float64), random([3, 3, 2, 2], np.float64), strides=[1, strides, strides, 1], padding='SAME', rtol=1e-6)
case('Conv2D', random([1, 5, 5, 2], np.int32), random([3, 3, 2, 2], np.int32), strides=[1, 1, 1, 1], padding='VALID')
case('AvgPool', random([1, 5, 4, 2], np.float64), ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding='SAME', rtol=1e-6)
case('MaxPool', random([1, 5, 4, 2], np.int64, low=-9, high=-1), ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding='SAME')


def transposed(size, filters, gradient, strides=(1, 1), padding='VALID', dilations=None, op='Conv2DBackpropInput', **attrs):
  attrs.update(dict(dilations=[1, *dilations, 1]) if dilations else {})
  case(op, i32(size), random(filters, seed=1), random(gradient, seed=2), strides=[1, *strides, 1], padding=padding, **attrs, **TOL)


transposed([1, 6, 6, 2], [3, 3, 2, 4], [1, 4, 4, 4])
transposed([2, 8, 8, 3], [3, 3, 3, 2], [2, 4, 4, 2], (2, 2), 'SAME')
transposed([2, 7, 8, 3], [3, 3, 3, 2], [2, 4, 4, 2], (2, 2), 'SAME')
transposed([1, 9, 9, 1], [3, 3, 1, 2], [1, 4, 4, 2], (2, 2), 'VALID')
transposed([1, 10, 9, 1], [3, 3, 1, 2], [1, 4, 4, 2], (2, 2), 'VALID')
transposed([1, 8, 8, 1], [2, 2, 1, 2], [1, 4, 4, 2], (2, 2), 'SAME')
transposed([1, 12, 12, 1], [2, 2, 1, 2], [1, 4, 4, 2], (3, 3), 'SAME')
transposed([1, 12, 12, 1], [2, 2, 1, 2], [1, 4, 4, 2], (3, 3), 'VALID')
transposed([1, 8, 8, 1], [5, 5, 1, 2], [1, 4, 4, 2], (2, 2), 'SAME')
transposed([0, 8, 8, 1], [5, 5, 1, 2], [0, 4, 4, 2], (2, 2), 'SAME')
transposed([1, 8, 8, 1], [5, 5, 1, 2], [1, 5, 5, 2], (2, 2), 'EXPLICIT', explicit_paddings=[0, 0, 2, 3, 3, 2, 0, 0])
transposed([8, 8], [3, 3, 1, 2], [2, 4, 4, 2], (2, 2), 'SAME')
transposed([1, 4, 6, 4, 2], [3, 2, 3, 2, 3], [1, 2, 3, 2, 3], (2, 2, 2), 'SAME', op='Conv3DBackpropInputV2')
transposed([1, 4, 5, 5, 2], [3, 2, 3, 2, 3], [1, 2, 2, 2, 3], (1, 3, 2), 'VALID', op='Conv3DBackpropInputV2')

IMAGE = random([2, 6, 7, 2])
for op in ('MaxPool', 'AvgPool'):
  for padding in ('VALID', 'SAME'):
    for ksize, strides in (((2, 2), (2, 2)), ((3, 3), (2, 2)), ((3, 2), (1, 1)), ((2, 3), (3, 1)), ((1, 1), (2, 2))):
      case(op, IMAGE, ksize=[1, *ksize, 1], strides=[1, *strides, 1], padding=padding, **TOL)
    case(op, f32(np.zeros([0, 4, 4, 1])), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding=padding)
    case(op + '3D', random([1, 4, 5, 6, 2]), ksize=[1, 2, 3, 2, 1], strides=[1, 2, 1, 2, 1], padding=padding, **TOL)
  case(op, random([1, 4, 4, 1], np.float64), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='VALID', rtol=1e-6)
  case(op, random([1, 4, 4, 1], np.float16), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='VALID', rtol=1e-2)
  case(op, f32(np.full([1, 3, 3, 1], -5)), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='SAME')
for dtype in (np.int32, np.int64, np.int16, np.int8, np.uint8, np.uint16):
  case('MaxPool', random([1, 4, 4, 1], dtype, low=0, high=50), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='VALID')
case('MaxPool', IMAGE, ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding='EXPLICIT', explicit_paddings=[0, 0, 1, 0, 0, 1, 0, 0])
case('MaxPoolV2', IMAGE, i32([1, 2, 2, 1]), i32([1, 2, 2, 1]), padding='SAME')
case('MaxPool', IMAGE, ksize=[1, 1, 1, 2], strides=[1, 1, 1, 2], padding='VALID', about='over channels')
for batch in (False, True):
  for padding in ('VALID', 'SAME'):
    case('MaxPoolWithArgmax', np.random.RandomState(5).permutation(168).reshape([2, 6, 7, 2]).astype(np.float32), ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding=padding,
         include_batch_in_index=batch, Targmax=tf.int64 if batch else tf.int32)

STATISTICS = [random([3], seed=s, low=lo, high=2) for s, lo in ((1, 0.5), (2, -1), (3, -1), (4, 0.2))]
for op in ('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'):
  case(op, random([2, 3, 2, 3]), *STATISTICS, is_training=False, **TOL, outputs=3)
case('FusedBatchNormV3', random([2, 3, 2, 3]), *STATISTICS, is_training=False, epsilon=0.01, **TOL, outputs=3)
case('FusedBatchNormV3', random([2, 3, 2, 2, 3]), *STATISTICS, is_training=False, data_format='NDHWC', **TOL, outputs=3)
case('FusedBatchNormV3', random([2, 3, 2, 3], np.float16), *STATISTICS, is_training=False, rtol=1e-2, atol=1e-2, outputs=3)
case('FusedBatchNormV3', f32(np.zeros([0, 3, 2, 3])), *STATISTICS, is_training=False, outputs=1)
case('FusedBatchNormV3', random([2, 3, 2, 3]), STATISTICS[0], STATISTICS[1], f32([]), f32([]), is_training=True, **TOL, outputs=3)
case('FusedBatchNormV3', random([2, 3, 2, 3]), STATISTICS[0], STATISTICS[1], STATISTICS[2], STATISTICS[3], is_training=True, exponential_avg_factor=0.3, **TOL, outputs=3)
case('LRN', random([1, 2, 2, 12]), **TOL)
case('LRN', random([1, 2, 2, 7]), depth_radius=2, bias=2.0, alpha=0.5, beta=0.75, **TOL)

for op in ('Softmax', 'LogSoftmax'):
  case(op, random([3, 5]), **TOL)
  case(op, random([2, 3, 4]), **TOL)
  case(op, random([5]), **TOL)
  case(op, f32([[1000, 1001, -1000]]), **TOL)
  case(op, f32(np.zeros([0, 4])))
  case(op, random([3, 5], np.float64), rtol=1e-6)
  case(op, random([3, 5], np.float16), rtol=1e-2, atol=1e-3)
case('SoftmaxCrossEntropyWithLogits', random([3, 4]), random([3, 4], seed=1, low=0, high=1), **TOL)
case('SoftmaxCrossEntropyWithLogits', random([3, 4]), random([1, 4], seed=1, low=0, high=1), **TOL)

for ta in (False, True):
  for tb in (False, True):
    a, b = random([3, 2] if ta else [2, 3], seed=1), random([4, 3] if tb else [3, 4], seed=2)
    case('MatMul', a, b, transpose_a=ta, transpose_b=tb, **TOL)
    x, y = random([5, 3, 2] if ta else [5, 2, 3], seed=1), random([5, 4, 3] if tb else [5, 3, 4], seed=2)
    for op in ('BatchMatMul', 'BatchMatMulV2', 'BatchMatMulV3'):
      case(op, x, y, adj_x=ta, adj_y=tb, **(dict(Tout=tf.float32) if op.endswith('V3') else {}), **TOL)
for dtype in (np.float64, np.int32, np.int64):
  case('MatMul', random([2, 3], dtype, seed=1), random([3, 2], dtype, seed=2))
case('MatMul', random([2, 3], np.float16, seed=1), random([3, 2], np.float16, seed=2), rtol=1e-2)
case('MatMul', f32(np.zeros([0, 3])), random([3, 2]))
case('MatMul', f32(np.zeros([2, 0])), f32(np.zeros([0, 3])))
case('MatMul', random([2, 3]), random([2, 3]), about='does not fit')
case('BatchMatMulV2', random([2, 1, 3, 2], seed=1), random([4, 2, 3], seed=2), **TOL)
case('BatchMatMulV2', random([2, 3, 2], np.int32, seed=1), random([2, 2, 3], np.int32, seed=2))
case('BatchMatMulV3', random([2, 3], np.int8, seed=1), random([3, 2], np.int8, seed=2), Tout=tf.int32)
for equation, shapes in (('ij,jk->ik', ([2, 3], [3, 4])), ('abc,cd->abd', ([2, 3, 4], [4, 5])), ('abc,cde->abde', ([2, 3, 4], [4, 2, 3])), ('abcd,cde->abe', ([2, 3, 2, 4], [2, 4, 5])),
                         ('...ij,...jk->...ik', ([2, 3, 4], [4, 5])), ('ii->i', ([3, 3],)), ('ij->ji', ([2, 3],)), ('ij->', ([2, 3],)), ('ij,ij->i', ([2, 3], [2, 3])),
                         ('aecd,abcd->acbe', ([2, 3, 4, 5], [2, 6, 4, 5])), ('acbe,aecd->abcd', ([2, 4, 6, 3], [2, 3, 4, 5])), ('i,j->ij', ([2], [3])), ('bhi,bhj->bij', ([2, 3, 4], [2, 3, 5])),
                         ('BTNH,BSNH->BNTS', ([1, 2, 3, 4], [1, 5, 3, 4])), ('ab,b->a', ([2, 3], [3])), ('bij,bj->bi', ([2, 3, 4], [2, 4])), ('abc->cab', ([2, 3, 4],)), ('abc,abd->abcd', ([2, 3, 2], [2, 3, 4])), ('ab,ab->ab', ([2, 3], [2, 3])), ('abc,cb->a', ([2, 3, 4], [4, 3])), ('abc,db->dca', ([2, 3, 4], [5, 3])), ('ab,cd->dacb', ([2, 3], [4, 5])),
                         ('...ab,...b->...a', ([2, 3, 4], [2, 4])), ('a...,a...->...', ([2, 3, 4], [2, 3, 4])), ('abcd,ad->bc', ([2, 3, 4, 5], [2, 5]))):
  case('Einsum', [random(s, seed=i) for i, s in enumerate(shapes)], equation=equation, **TOL)
case('Einsum', [random([2, 3], np.float64), random([3, 2], np.float64)], equation='ij,jk->ik', rtol=1e-6)
for equation, shapes in (('ij,jk->ik', ([0, 3], [3, 2])), ('abc,cde->abde', ([0, 3, 4], [4, 2, 3])), ('abcd,cde->abe', ([0, 3, 2, 4], [2, 4, 5])), ('aecd,abcd->acbe', ([0, 3, 4, 5], [0, 6, 4, 5])), ('ij,jk->ik', ([2, 0], [0, 2]))):
  case('Einsum', [random(s, seed=i) for i, s in enumerate(shapes)], equation=equation, about='without elements')
case('Einsum', [random([2, 1, 3, 4]), random([5, 4, 2])], equation='...ij,...jk->...ik', about='broadcast', **TOL)

M = random([2, 4, 5])
for lower, upper in ((0, 0), (-1, 0), (0, -1), (1, 2), (-1, -1), (3, 0)):
  case('MatrixBandPart', M, i64(lower), i64(upper))
  case('MatrixBandPart', random([3, 3], np.int32), i32(lower if lower < 3 else 2), i32(upper))
case('MatrixBandPart', random([3, 3], np.bool_), i64(-1), i64(0))
case('MatrixBandPart', random([3, 3], np.int8), i64(-1), i64(0))
case('MatrixDiag', random([3]))
case('MatrixDiag', random([2, 3]))
case('MatrixDiag', i32([[1, 2]]))
for k in (0, 1, -2):
  case('MatrixDiagV2', random([2, 3]), i32(k), i32(-1), i32(-1), f32(9))
  case('MatrixDiagV3', random([2, 3]), i32(k), i32(-1), i32(-1), f32(0))
case('MatrixDiagV3', random([2, 3, 3]), i32([-1, 1]), i32(3), i32(3), f32(7))
case('MatrixDiagV3', random([2, 3]), i32(0), i32(3), i32(4), f32(7), about='of a given size')
case('MatrixDiagPart', random([2, 3, 3]))
case('MatrixDiagPart', random([2, 3, 4]))
for k in (0, 1, -1):
  case('MatrixDiagPartV2', random([2, 3, 4]), i32(k), f32(0))
  case('MatrixDiagPartV3', random([2, 3, 4]), i32(k), f32(0))
case('MatrixDiagPartV3', random([2, 3, 4]), i32([-1, 1]), f32(0))
case('MatrixSetDiag', random([2, 3, 3]), random([2, 3], seed=1))
case('MatrixSetDiag', random([2, 3, 4]), random([2, 3], seed=1))
for k in (0, 1, -1):
  case('MatrixSetDiagV3', random([2, 4, 4]), random([2, 4 - abs(k)], seed=1), i32(k))
case('MatrixDeterminant', random([2, 3, 3]), **TOL)
case('MatrixInverse', random([2, 3, 3], seed=3), rtol=1e-3, atol=1e-4)
