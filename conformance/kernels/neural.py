"""Convolutions, pooling, patches, blocks, normalization, losses, recurrent cells."""
import numpy as np
import tensorflow as tf

from dtypes import constant, mixed, ramp, registered, tolerance
from recorder import case, raw
from refusals import H, refuses

LOOSE = {'rtol': 2e-5, 'atol': 2e-5}


def tol(dtype):
  return {'rtol': 1e-10, 'atol': 1e-10} if dtype == tf.float64 else tolerance(dtype, 20) if dtype.size == 2 else LOOSE


def convolutions(dtype):
  x, k = mixed([1, 5, 4, 2], dtype), mixed([3, 2, 2, 3], dtype, 2)
  for strides, padding, more in (([1, 1, 1, 1], 'SAME', {}), ([1, 2, 1, 1], 'VALID', {}), ([1, 2, 2, 1], 'SAME', {}),
                                 ([1, 1, 1, 1], 'SAME', {'dilations': [1, 2, 1, 1]}),
                                 ([1, 1, 2, 1], 'EXPLICIT', {'explicit_paddings': [0, 0, 2, 1, 0, 3, 0, 0]})):
    raw.Conv2D(input=x, filter=k, strides=strides, padding=padding, **more)
  if dtype.is_integer:
    return
  raw.DepthwiseConv2dNative(input=x, filter=mixed([2, 2, 2, 3], dtype), strides=[1, 1, 1, 1], padding='SAME')
  raw.DepthwiseConv2dNative(input=x, filter=mixed([2, 2, 2, 1], dtype), strides=[1, 2, 2, 1], padding='VALID')
  raw.Conv2DBackpropInput(input_sizes=[1, 5, 4, 2], filter=k, out_backprop=mixed([1, 3, 2, 3], dtype), strides=[1, 2, 2, 1], padding='SAME')
  raw.Conv2DBackpropInput(input_sizes=[2, 5, 3, 2], filter=k, out_backprop=mixed([2, 3, 2, 3], dtype), strides=[1, 1, 1, 1], padding='VALID')
  raw.DepthwiseConv2dNativeBackpropInput(input_sizes=[1, 4, 4, 2], filter=mixed([2, 2, 2, 2], dtype), out_backprop=mixed([1, 2, 2, 4], dtype), strides=[1, 2, 2, 1], padding='SAME')
  if dtype.size == 2:
    return
  v, kv = mixed([1, 3, 4, 3, 2], dtype), mixed([2, 2, 2, 2, 2], dtype, 5)
  raw.Conv3D(input=v, filter=kv, strides=[1, 1, 2, 1, 1], padding='SAME')
  raw.Conv3D(input=v, filter=kv, strides=[1, 1, 1, 1, 1], padding='VALID')
  raw.Conv3DBackpropInputV2(input_sizes=[1, 3, 4, 3, 2], filter=kv, out_backprop=mixed([1, 2, 2, 2, 2], dtype), strides=[1, 2, 2, 2, 1], padding='SAME')


for dtype in (tf.float32, tf.float64, tf.float16, tf.int32):
  case(f'convolutions of {dtype.name}', lambda dtype=dtype: convolutions(dtype), **tol(dtype))
case('grouped Conv2D', lambda: raw.Conv2D(input=mixed([1, 3, 3, 4], tf.float32), filter=mixed([2, 2, 2, 6], tf.float32),
                                          strides=[1, 1, 1, 1], padding='VALID'), **LOOSE)
refuses('Conv2D', input=H(np.ones([1, 2, 2, 3], np.float32)), filter=H(np.ones([1, 1, 2, 1], np.float32)), strides=[1, 1, 1, 1], padding='SAME')
refuses('Conv2D', input=H(np.ones([1, 2, 2, 1], np.float32)), filter=H(np.ones([5, 1, 1, 1], np.float32)), strides=[1, 1, 1, 1], padding='VALID')


def pools(dtype):
  x = mixed([2, 5, 4, 2], dtype)
  for ksize, strides, padding in (([1, 2, 2, 1], [1, 2, 2, 1], 'VALID'), ([1, 3, 2, 1], [1, 2, 1, 1], 'SAME')):
    raw.MaxPool(input=x, ksize=ksize, strides=strides, padding=padding)
    raw.MaxPoolV2(input=x, ksize=ksize, strides=strides, padding=padding)
    if not dtype.is_integer:
      raw.AvgPool(value=x, ksize=ksize, strides=strides, padding=padding)
    if registered('MaxPoolWithArgmax', dtype):
      raw.MaxPoolWithArgmax(input=x, ksize=ksize, strides=strides, padding=padding)
      raw.MaxPoolWithArgmax(input=x, ksize=ksize, strides=strides, padding=padding, include_batch_in_index=True, Targmax=tf.int32)
    raw.Dilation2D(input=x, filter=mixed([2, 2, 2], dtype, 3), strides=strides, rates=[1, 1, 1, 1], padding=padding)
  raw.Dilation2D(input=x, filter=mixed([2, 2, 2], dtype, 3), strides=[1, 1, 1, 1], rates=[1, 2, 1, 1], padding='SAME')
  raw.ExtractImagePatches(images=x, ksizes=[1, 2, 2, 1], strides=[1, 2, 1, 1], rates=[1, 1, 2, 1], padding='VALID')
  raw.ExtractImagePatches(images=x, ksizes=[1, 3, 3, 1], strides=[1, 2, 2, 1], rates=[1, 1, 1, 1], padding='SAME')
  if dtype == tf.float32:
    v = mixed([1, 3, 4, 3, 2], dtype)
    raw.MaxPool3D(input=v, ksize=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding='SAME')
    raw.AvgPool3D(input=v, ksize=[1, 2, 2, 2, 1], strides=[1, 1, 2, 1, 1], padding='SAME')
    raw.ExtractVolumePatches(input=v, ksizes=[1, 2, 2, 2, 1], strides=[1, 1, 2, 2, 1], padding='VALID')


for dtype in (tf.float32, tf.float64, tf.float16, tf.int32):
  case(f'pooling of {dtype.name}', lambda dtype=dtype: pools(dtype), **tol(dtype))
case('MaxPool with explicit padding', lambda: raw.MaxPool(
    input=mixed([1, 3, 3, 1], tf.float32), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='EXPLICIT', explicit_paddings=[0, 0, 1, 0, 0, 1, 0, 0]))


def blocks(dtype):
  x = ramp([2, 4, 6, 4], dtype)
  raw.SpaceToBatchND(input=x, block_shape=[2, 3], paddings=[[0, 0], [1, 2]])
  raw.SpaceToBatchND(input=ramp([1, 5], dtype), block_shape=[2], paddings=[[1, 0]])
  raw.BatchToSpaceND(input=ramp([6, 2, 1, 2], dtype), block_shape=[2, 3], crops=[[1, 0], [0, 2]])
  raw.BatchToSpaceND(input=ramp([4, 3], dtype), block_shape=tf.constant([2], tf.int64), crops=tf.constant([[0, 1]], tf.int64))
  raw.SpaceToBatch(input=ramp([1, 2, 2, 1], dtype), paddings=[[0, 0], [2, 0]], block_size=2)
  raw.BatchToSpace(input=ramp([4, 1, 2, 1], dtype), crops=[[0, 0], [0, 1]], block_size=2)
  raw.DepthToSpace(input=x, block_size=2)
  raw.SpaceToDepth(input=x, block_size=2)


for dtype in (tf.float32, tf.int64):
  case(f'blocks of {dtype.name}', lambda dtype=dtype: blocks(dtype))
refuses('SpaceToBatchND', input=H([[1.0, 2.0, 3.0]]), block_shape=(2,), paddings=H([[0, 0]]))
refuses('BatchToSpaceND', input=H([[1.0], [2.0], [3.0]]), block_shape=(2,), crops=H([[0, 0]]))
refuses('DepthToSpace', input=H(np.ones([1, 1, 1, 3])), block_size=2)


def formats():
  raw.DataFormatDimMap(x=[0, 1, 2, 3, -1])
  raw.DataFormatDimMap(x=[0, -2], src_format='NCHW', dst_format='NHWC')
  raw.DataFormatVecPermute(x=[1, 4, 5, 3])
  raw.DataFormatVecPermute(x=[[1, 2], [3, 4], [5, 6], [7, 8]], src_format='NCHW', dst_format='NHWC')
  raw.DataFormatVecPermute(x=[7, 8])


case('data formats', formats)


def normalizations(dtype):
  x = mixed([3, 4], dtype)
  raw.Softmax(logits=x)
  raw.LogSoftmax(logits=x)
  raw.Softmax(logits=mixed([2, 2, 3], dtype) * constant(50, dtype))
  raw.L2Loss(t=x)
  raw.BiasAdd(value=x, bias=mixed([4], dtype))
  raw.BiasAdd(value=mixed([2, 3, 2, 2], dtype), bias=mixed([3], dtype), data_format='NCHW')
  raw.AddN(inputs=[x, x, mixed([3, 4], dtype, 7)])
  raw.SoftmaxCrossEntropyWithLogits(features=x, labels=constant([[0, 1, 0, 0], [0.25] * 4, [0, 0, 0, 0]], dtype))
  raw.SparseSoftmaxCrossEntropyWithLogits(features=x, labels=[0, 3, 1])
  if dtype in (tf.float32, tf.float16):
    raw.LRN(input=mixed([1, 2, 2, 5], dtype), depth_radius=1, bias=0.5, alpha=0.3, beta=0.75)
  if dtype == tf.float32:
    image = mixed([2, 2, 3, 2], dtype)
    s, o, m, v = ([1.5, 0.5], [0.1, -0.2], [0.3, -0.1], [1.2, 0.7])
    # In inference TensorFlow leaves some outputs as it found them; fn_nn of the golden cases has the others.
    none = tf.constant([], tf.float32)
    raw.FusedBatchNorm(x=image, scale=s, offset=o, mean=none, variance=none)
    raw.FusedBatchNormV3(x=image, scale=s, offset=o, mean=none, variance=none, epsilon=0.001)
    raw.FusedBatchNormV3(x=image, scale=s, offset=o, mean=m, variance=v, is_training=True, exponential_avg_factor=0.25)
    raw.FusedBatchNormV3(x=mixed([1, 2, 2, 2], tf.float16), scale=s, offset=o, mean=none, variance=none)


for dtype in (tf.float32, tf.float64, tf.float16):
  case(f'normalization and losses of {dtype.name}', lambda dtype=dtype: normalizations(dtype), **tol(dtype))
refuses('SparseSoftmaxCrossEntropyWithLogits', features=H([[1.0, 2.0]]), labels=H([2]))
refuses('BiasAdd', value=H([[1.0, 2.0]]), bias=H([1.0]))
refuses('AddN', inputs=[H([1.0]), H([1.0, 2.0])])


def cells():
  f = tf.float32
  x, cs, h, w, b = mixed([2, 3], f), mixed([2, 2], f, 2), mixed([2, 2], f, 3), mixed([5, 8], f, 4), mixed([8], f, 5)
  peep = dict(wci=mixed([2], f, 6), wcf=mixed([2], f, 7), wco=mixed([2], f, 8))
  raw.LSTMBlockCell(x=x, cs_prev=cs, h_prev=h, w=w, b=b, **peep)
  raw.LSTMBlockCell(x=x, cs_prev=cs, h_prev=h, w=w, b=b, use_peephole=True, forget_bias=0.5, cell_clip=0.4, **peep)
  sequence = mixed([3, 2, 3], f, 9)
  raw.BlockLSTM(seq_len_max=tf.constant(3, tf.int64), x=sequence, cs_prev=cs, h_prev=h, w=w, b=b, **peep)
  raw.BlockLSTM(seq_len_max=tf.constant(3, tf.int64), x=sequence, cs_prev=cs, h_prev=h, w=w, b=b, use_peephole=True, **peep)
  raw.BlockLSTMV2(seq_len_max=tf.constant(3, tf.int64), x=sequence, cs_prev=cs, h_prev=h, w=w, b=b, cell_clip=0.3, **peep)
  raw.GRUBlockCell(x=x, h_prev=h, w_ru=mixed([5, 4], f, 4), w_c=mixed([5, 2], f, 5), b_ru=mixed([4], f, 6), b_c=mixed([2], f, 7))


case('recurrent cells', cells, **LOOSE)


def gradients():
  f = tf.float32
  x, dy = mixed([1, 5, 4, 2], f), mixed([1, 3, 2, 3], f, 2)
  raw.Conv2DBackpropFilter(input=x, filter_sizes=[3, 2, 2, 3], out_backprop=dy, strides=[1, 2, 2, 1], padding='SAME')
  raw.DepthwiseConv2dNativeBackpropFilter(input=x, filter_sizes=[2, 2, 2, 2], out_backprop=mixed([1, 4, 3, 4], f), strides=[1, 1, 1, 1], padding='VALID')
  v = mixed([1, 3, 3, 2, 2], f)
  raw.Conv3DBackpropFilterV2(input=v, filter_sizes=[2, 2, 1, 2, 1], out_backprop=mixed([1, 2, 2, 2, 1], f), strides=[1, 1, 1, 1, 1], padding='VALID')
  raw.BiasAddGrad(out_backprop=x)
  raw.BiasAddGrad(out_backprop=x, data_format='NCHW')
  window = dict(ksize=[1, 2, 3, 1], strides=[1, 2, 1, 1], padding='SAME')
  y = raw.MaxPool(input=x, **window)
  g = mixed([1, 3, 4, 2], f, 3)
  raw.MaxPoolGrad(orig_input=x, orig_output=y, grad=g, **window)
  raw.MaxPoolGradV2(orig_input=x, orig_output=y, grad=g, **window)
  raw.AvgPoolGrad(orig_input_shape=[1, 5, 4, 2], grad=g, **window)
  window = dict(ksize=[1, 2, 2, 1, 1], strides=[1, 2, 1, 1, 1], padding='VALID')
  y = raw.MaxPool3D(input=v, **window)
  g = mixed([1, 1, 2, 2, 2], f, 4)
  raw.MaxPool3DGrad(orig_input=v, orig_output=y, grad=g, **window)
  raw.AvgPool3DGrad(orig_input_shape=[1, 3, 3, 2, 2], grad=g, **window)
  for training in (True, False):
    norm = dict(y_backprop=mixed([1, 5, 4, 2], f, 8), x=x, scale=[1.5, 0.5], reserve_space_1=[0.3, -0.1], reserve_space_2=[1.2, 0.7], is_training=training)
    raw.FusedBatchNormGrad(**norm)
    raw.FusedBatchNormGradV3(reserve_space_3=tf.constant([], f), epsilon=0.01, **norm)
  for more in ({}, {'align_corners': True}, {'half_pixel_centers': True}):
    raw.ResizeBilinearGrad(grads=x, original_image=mixed([1, 3, 6, 2], f), **more)
    raw.ResizeNearestNeighborGrad(grads=x, size=[3, 6], **more)


case('gradients of convolutions, pooling, normalization, resizing', gradients, **LOOSE)
