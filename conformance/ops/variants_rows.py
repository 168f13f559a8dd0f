"""What requests in one batch may share: ops row by row, and ops that see the batch as a whole.

    python generate.py ../../packages/engine/src/fixtures/ops/rows.jsonl rows
"""
import numpy as np
import tensorflow as tf

from oracle import composition, take, variant
from variants_elementwise import ordinary
take()

i32 = lambda v: np.array(v, np.int32)
f32 = lambda v: np.array(v, np.float32)
ROWS, WHOLE = 'row by row', 'as a whole'
x4 = ordinary([3, 4, 4, 2], 'float32')
square = np.array([[[4, 1], [1, 3]], [[2, 1], [1, 5]], [[3, 0], [1, 1]]], np.float32)

variant('LSTMBlockCell', ordinary([3, 3], 'float32'), ordinary([3, 2], 'float32', 1), ordinary([3, 2], 'float32', 2), ordinary([5, 8], 'float32', 3), *(ordinary([2], 'float32', 4 + i) for i in range(3)), ordinary([8], 'float32', 8),
        params=[3, 4, 5, 6, 7], rtol=1e-4, atol=1e-5, about=ROWS)
variant('GRUBlockCell', ordinary([3, 3], 'float32'), ordinary([3, 2], 'float32', 1), ordinary([5, 4], 'float32', 2), ordinary([5, 2], 'float32', 3), ordinary([4], 'float32', 4), ordinary([2], 'float32', 5), params=[2, 3, 4, 5], rtol=1e-4, atol=1e-5, about=ROWS)
variant('SoftmaxCrossEntropyWithLogits', ordinary([3, 4], 'float32'), np.abs(ordinary([3, 4], 'float32', 1)), params=[], rtol=1e-4, about=ROWS)
variant('SparseSoftmaxCrossEntropyWithLogits', ordinary([3, 4], 'float32'), i32([1, 0, 3]), params=[], rtol=1e-4, about=ROWS)
variant('CombinedNonMaxSuppression', np.abs(ordinary([2, 4, 1, 4], 'float32')) / 8, np.abs(ordinary([2, 4, 1], 'float32', 1)) / 8, i32(2), i32(3), np.float32(.5), np.float32(.1), params=[2, 3, 4, 5], about=ROWS)
variant('DenseBincount', i32([[1, 1, 2], [0, 5, 3]]), i32(4), np.zeros([0], np.float32), params=[1, 2], about=ROWS)
variant('DenseBincount', i32([1, 1, 2]), i32(4), np.zeros([0], np.float32), params=[1, 2], about=WHOLE)
variant('MatrixInverse', square, rtol=1e-4, atol=1e-5, about=ROWS)
variant('MatrixInverse', square[0], rtol=1e-4, atol=1e-5, about=WHOLE)
variant('MatrixDeterminant', square, rtol=1e-4, atol=1e-5, about=ROWS)
variant('Cholesky', square @ square.transpose(0, 2, 1), rtol=1e-4, atol=1e-4, about=ROWS)
variant('MatrixBandPart', ordinary([3, 2, 2], 'float32'), i32(0), i32(-1), params=[1, 2], about=ROWS)
variant('MatrixDiagPart', ordinary([3, 2, 2], 'float32'), about=ROWS)
variant('MatrixDiag', ordinary([3, 2], 'float32'), about=ROWS)
variant('MatrixDiag', ordinary([3], 'float32'), about=WHOLE)
variant('MatrixDiagV3', ordinary([3, 2], 'float32'), i32(1), i32(-1), i32(-1), np.float32(0), params=[1, 2, 3, 4], about=ROWS)
variant('MatrixDiagV3', ordinary([2, 3], 'float32'), i32([0, 1]), i32(-1), i32(-1), np.float32(0), params=[1, 2, 3, 4], about=WHOLE)
variant('RFFT2D', ordinary([3, 4, 4], 'float32'), i32([4, 4]), Tcomplex=tf.complex64, rtol=1e-4, atol=1e-4, about=ROWS)
variant('QuantizeAndDequantizeV2', ordinary([3, 4], 'float32'), np.float32(-2), np.float32(2), range_given=True, params=[1, 2], rtol=1e-5, atol=1e-5, about=ROWS)
variant('QuantizeAndDequantizeV2', ordinary([3, 4], 'float32'), np.float32(-2), np.float32(2), range_given=False, params=[1, 2], rtol=1e-5, atol=1e-5, about=WHOLE)
variant('FakeQuantWithMinMaxVarsPerChannel', ordinary([3, 2], 'float32'), f32([-1, -2]), f32([1, 2]), params=[1, 2], rtol=1e-5, atol=1e-5, about=ROWS)
variant('MaxPoolWithArgmax', x4, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='VALID', about=ROWS)
variant('MaxPoolWithArgmax', x4, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='VALID', include_batch_in_index=True, about=WHOLE)
variant('ReverseSequence', ordinary([3, 4, 2], 'float32'), i32([1, 4, 2]), seq_dim=1, batch_dim=0, params=[], about=ROWS)
variant('ReverseSequence', ordinary([3, 4], 'float32'), i32([1, 3, 2, 2]), seq_dim=0, batch_dim=1, params=[1], about=WHOLE)
variant('GatherNd', ordinary([5, 2], 'float32'), i32([[0], [4], [2]]), params=[0], about=ROWS)
variant('GatherNd', ordinary([3, 2], 'float32'), i32([[0], [2]]), params=[1], about=WHOLE)
variant('SpaceToBatchND', x4, i32([2, 2]), i32([[0, 0], [0, 0]]), about=WHOLE)
variant('EnsureShape', ordinary([3, 2], 'float32'), shape=[None, 2], about=ROWS)
variant('EnsureShape', ordinary([3, 2], 'float32'), shape=[3, 2], about=WHOLE)
variant('BroadcastTo', ordinary([3, 2], 'float32'), i32([3, 2]), about=WHOLE)
variant('Squeeze', ordinary([3, 1, 2], 'float32'), axis=[1], about=ROWS)
variant('Squeeze', ordinary([3, 1, 2], 'float32'), about=WHOLE)
variant('GatherV2', ordinary([2, 3], 'float32'), i32([[0], [2]]), i32(1), batch_dims=1, about=WHOLE)
variant('GatherV2', ordinary([2, 3], 'float32'), i32([[0], [2]]), i32(1), batch_dims=1, params=[2], about=ROWS)
variant('Einsum', [ordinary([3, 3], 'float32')], equation='ii->i', about=WHOLE)
variant('Equal', ordinary([3, 2], 'float32'), ordinary([3, 2], 'float32'), incompatible_shape_error=False, params=[], about=WHOLE)
variant('BiasAddV1', ordinary([3, 2], 'float32'), f32([1, 2]), params=[1], about=ROWS)
variant('AccumulateNV2', [ordinary([3, 2], 'float32'), ordinary([3, 2], 'float32', 1)], shape=[None, 2], about=ROWS)


def dilated(x):
  y = tf.space_to_batch_nd(x, [2, 2], [[0, 0], [1, 1]])
  y = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(y, f32(ordinary([2, 2, 2, 3], 'float32', 5)), 1, 'SAME'), f32([1, -1, 2])))
  return [tf.batch_to_space(y, [2, 2], [[0, 0], [1, 1]])]


def over_pieces(x):
  y = tf.space_to_batch_nd(x, [2, 2], [[0, 0], [0, 0]])
  return [tf.batch_to_space(y - tf.reduce_mean(y, 0), [2, 2], [[0, 0], [0, 0]])]


def joined_otherwise(x):
  return [tf.batch_to_space(tf.space_to_batch_nd(x, [2, 2], [[0, 0], [0, 0]]), [4, 1], [[0, 0], [0, 0]])]


composition('BatchToSpaceND', f'a dilated convolution over pieces of images: {ROWS}', [(x4, [None, 4, 4, 2])], dilated)
composition('BatchToSpaceND', f'pieces of images less their mean: {WHOLE}', [(x4, [None, 4, 4, 2])], over_pieces)
composition('BatchToSpaceND', f'pieces of images joined in another order: {ROWS}', [(x4, [None, 4, 4, 2])], joined_otherwise)
