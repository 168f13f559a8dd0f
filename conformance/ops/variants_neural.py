"""Products, convolutions, pooling, normalisation, images, quantisation, transforms."""
import itertools

import numpy as np
import tensorflow as tf

from oracle import allowed, inf, nan, take, typed, variant
from variants_elementwise import ordinary, special
take()

FLOATS = ('float32', 'float64', 'float16', 'bfloat16')
i32 = lambda v: np.array(v, np.int32)
f32 = lambda v: np.array(v, np.float32)
none = np.zeros([0], np.int32)

# ---- products
for dtype in ('float32', 'float64', 'float16', 'bfloat16', 'int32', 'int64', 'complex64', 'complex128', 'uint8', 'int8', 'uint16', 'uint32', 'uint64', 'int16'):
  for ta, tb in itertools.product((False, True), repeat=2):
    a, b = ordinary([3, 2] if ta else [2, 3], dtype), ordinary([4, 3] if tb else [3, 4], dtype, 1)
    variant('MatMul', a, b, transpose_a=ta, transpose_b=tb, params=[])
    variant('MatMul', a, b, transpose_a=ta, transpose_b=tb, params=[1])
    for op in ('BatchMatMul', 'BatchMatMulV2', 'BatchMatMulV3'):
      more = {'Tout': tf.as_dtype(dtype)} if op.endswith('3') else {}
      a, b = ordinary([2, 3, 2] if ta else [2, 2, 3], dtype), ordinary([2, 4, 3] if tb else [2, 3, 4], dtype, 1)
      variant(op, a, b, adj_x=ta, adj_y=tb, params=[], **more)
for a, b in (([2, 3], [2, 3]), ([2, 0], [0, 3]), ([0, 3], [3, 2]), ([2, 3], [3]), ([3], [3, 2]), ([1, 1], [1, 1]), ([2, 2, 3], [2, 3, 2])):
  variant('MatMul', ordinary(a, 'float32'), ordinary(b, 'float32', 1), params=[])
  variant('MatMul', ordinary(a, 'float32'), ordinary(b, 'float32', 1), params=[1])
variant('MatMul', f32([[nan, 0], [inf, 1]]), f32([[0, 1], [0, 2]]), params=[])
for a, b in (([2, 1, 2, 3], [4, 3, 2]), ([2, 3], [5, 3, 2]), ([5, 2, 3], [3, 2]), ([2, 3], [3, 2]), ([0, 2, 3], [1, 3, 2]), ([2, 2, 0], [2, 0, 3]), ([3], [3, 2]), ([2, 2, 3], [3, 3, 2]), ([2, 2, 3], [2, 2, 3]), ([1, 3, 2, 3], [2, 1, 3, 2])):
  for op in ('BatchMatMul', 'BatchMatMulV2'):
    variant(op, ordinary(a, 'float32'), ordinary(b, 'float32', 1), params=[])
    variant(op, ordinary(a, 'float32'), ordinary(b, 'float32', 1), params=[1])
EINSUMS = (('ij,jk->ik', [2, 3], [3, 4]), ('ij,jk', None, None), ('bij,bjk->bik', [2, 2, 3], [2, 3, 4]), ('bij,jk->bik', [2, 2, 3], [3, 4]), ('abc,cd->abd', [2, 2, 3], [3, 4]), ('abc,cde->abde', [2, 2, 3], [3, 2, 2]), ('BTNH,BSNH->BNTS', [2, 3, 2, 4], [2, 5, 2, 4]),
           ('BNTS,BSNH->BTNH', [2, 2, 3, 5], [2, 5, 2, 4]), ('abcd,cde->abe', [2, 2, 2, 3], [2, 3, 4]), ('ij->ji', [2, 3]), ('ij->', [2, 3]), ('ij->i', [2, 3]), ('ii->i', [3, 3]), ('ii->', [3, 3]), ('...ij->...ji', [2, 3, 4]), ('...ij,...jk->...ik', [2, 2, 3], [2, 3, 2]),
           ('...ij,jk->...ik', [2, 2, 3], [3, 2]), ('i,j->ij', [2], [3]), ('i,i->', [3], [3]), ('ij,ij->ij', [2, 3], [2, 3]), ('ijk,ikl->ijl', [2, 3, 4], [2, 4, 2]), ('bhwc,hkc->bwhk', [2, 2, 3, 4], [2, 5, 4]), ('aecd,abcd->acbe', [2, 3, 2, 4], [2, 5, 2, 4]), ('a,b->ba', [2], [3]), (',ab->ab', [], [2, 3]), ('...,...->...', [2, 1], [3]),
           ('ij,jk->ik', [2, 3], [4, 2]), ('ij,j->i', [2, 3], [3]), ('b...c,cd->b...d', [2, 2, 3], [3, 2]), ('ijj->i', [2, 3, 3]), ('ab,cd->abcd', [1, 2], [2, 1]), ('ij->ij', [0, 2]), ('ij,jk->ik', [2, 0], [0, 2]), ('abc,adc->abd', [2, 3, 4], [2, 5, 4]))
for equation, *shapes in EINSUMS:
  if shapes[0] is not None:
    for dtype in ('float32', 'float64', 'int32', 'complex64'):
      for params in ([], [1]):
        variant('Einsum', [ordinary(s, dtype, i) for i, s in enumerate(shapes)], equation=equation, params=params[:len(shapes) - 1])

# ---- convolutions
for dtype in FLOATS + ('int32',):
  variant('Conv2D', ordinary([1, 5, 5, 2], dtype), ordinary([3, 3, 2, 3], dtype, 1), strides=[1, 1, 1, 1], padding='SAME', params=[1], rtol=3e-2 if 'float16' in dtype else None, atol=.2 if 'float16' in dtype else None)
  if dtype != 'int32':
    variant('DepthwiseConv2dNative', ordinary([1, 5, 5, 2], dtype), ordinary([3, 3, 2, 2], dtype, 1), strides=[1, 1, 1, 1], padding='SAME', params=[1], rtol=3e-2 if 'float16' in dtype else None, atol=.2 if 'float16' in dtype else None)
    variant('Conv2DBackpropInput', i32([1, 5, 5, 2]), ordinary([3, 3, 2, 3], dtype, 1), ordinary([1, 5, 5, 3], dtype, 2), strides=[1, 1, 1, 1], padding='SAME', params=[0, 1], rtol=3e-2 if 'float16' in dtype else None, atol=.2 if 'float16' in dtype else None)
for stride, padding, dilation, size in itertools.product((1, 2, 3), ('SAME', 'VALID'), (1, 2), ([5, 5], [6, 7], [3, 8])):
  for kernel in ([1, 1], [2, 3], [3, 3]):
    x = ordinary([2] + size + [4], 'float32')
    variant('Conv2D', x, ordinary(kernel + [4, 3], 'float32', 1), strides=[1, stride, stride, 1], padding=padding, dilations=[1, dilation, dilation, 1], params=[1])
    if stride == 1 or dilation == 1:
      variant('DepthwiseConv2dNative', x, ordinary(kernel + [4, 2], 'float32', 1), strides=[1, stride, stride, 1], padding=padding, dilations=[1, dilation, dilation, 1], params=[1])
variant('Conv2D', ordinary([1, 5, 5, 4], 'float32'), ordinary([3, 3, 2, 6], 'float32', 1), strides=[1, 1, 1, 1], padding='SAME', params=[1], about='groups')
variant('Conv2D', ordinary([1, 5, 5, 4], 'float32'), ordinary([3, 3, 3, 6], 'float32', 1), strides=[1, 1, 1, 1], padding='SAME', params=[1], about='channels that do not fit')
variant('Conv2D', ordinary([1, 5, 5, 2], 'float32'), ordinary([3, 3, 2, 3], 'float32', 1), strides=[1, 2, 1, 1], padding='VALID', params=[1])
variant('Conv2D', ordinary([1, 5, 5, 2], 'float32'), ordinary([3, 3, 2, 3], 'float32', 1), strides=[1, 2, 1, 1], padding='EXPLICIT', explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0], params=[1])
variant('Conv2D', ordinary([1, 2, 2, 2], 'float32'), ordinary([3, 3, 2, 3], 'float32', 1), strides=[1, 1, 1, 1], padding='VALID', params=[1], about='a filter larger than the input')
variant('Conv2D', ordinary([0, 5, 5, 2], 'float32'), ordinary([3, 3, 2, 3], 'float32', 1), strides=[1, 1, 1, 1], padding='SAME', params=[1])
variant('Conv2D', ordinary([5, 5, 2], 'float32'), ordinary([3, 3, 2, 3], 'float32', 1), strides=[1, 1, 1, 1], padding='SAME', params=[1])
variant('Conv2D', ordinary([1, 5, 5, 2], 'float32'), ordinary([3, 3, 2, 3], 'float32', 1), strides=[1, 1, 1, 1], padding='SAME', params=[], about='a computed filter')
variant('DepthwiseConv2dNative', ordinary([1, 5, 5, 2], 'float32'), ordinary([3, 3, 2, 2], 'float32', 1), strides=[1, 2, 2, 1], padding='EXPLICIT', explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0], params=[1])
variant('DepthwiseConv2dNative', ordinary([1, 5, 5, 3], 'float32'), ordinary([3, 3, 2, 2], 'float32', 1), strides=[1, 1, 1, 1], padding='SAME', params=[1])
for stride, padding, size in itertools.product((1, 2, 3), ('SAME', 'VALID'), ([5, 5], [6, 7])):
  for kernel in ([1, 1], [2, 3], [4, 4]):
    if padding == 'SAME':
      out = [-(-s // stride) for s in size]
    else:
      out = [-(-(s - k + 1) // stride) for s, k in zip(size, kernel)]
    for batch in (2, 0):
      variant('Conv2DBackpropInput', i32([batch] + size + [3]), ordinary(kernel + [3, 2], 'float32', 1), ordinary([batch] + out + [2], 'float32'), strides=[1, stride, stride, 1], padding=padding, params=[0, 1])
    variant('Conv2DBackpropInput', i32([2] + size + [3]), ordinary(kernel + [3, 2], 'float32', 1), ordinary([2] + out + [2], 'float32'), strides=[1, stride, stride, 1], padding=padding, params=[1])
    variant('Conv2DBackpropInput', i32(size), ordinary(kernel + [3, 2], 'float32', 1), ordinary([2] + out + [2], 'float32'), strides=[1, stride, stride, 1], padding=padding, params=[0, 1])
    variant('Conv3DBackpropInputV2', i32([1, size[0]] + size + [3]), ordinary([kernel[0]] + kernel + [3, 2], 'float32', 1), ordinary([1, out[0]] + out + [2], 'float32'), strides=[1, stride, stride, stride, 1], padding=padding, params=[0, 1])
    variant('Conv3D', ordinary([1, size[0]] + size + [2], 'float32'), ordinary([kernel[0]] + kernel + [2, 3], 'float32', 1), strides=[1, stride, stride, stride, 1], padding=padding, params=[1])
    variant('DepthwiseConv2dNativeBackpropInput', i32([2] + size + [3]), ordinary(kernel + [3, 2], 'float32', 1), ordinary([2] + out + [6], 'float32'), strides=[1, stride, stride, 1], padding=padding, params=[0, 1])
variant('Conv2DBackpropInput', i32([2, 9, 9, 3]), ordinary([3, 3, 3, 2], 'float32', 1), ordinary([2, 5, 5, 2], 'float32'), strides=[1, 2, 2, 1], padding='SAME', dilations=[1, 1, 1, 1], params=[0, 1])
variant('Conv2DBackpropInput', i32([2, 9, 9, 3]), ordinary([3, 3, 3, 2], 'float32', 1), ordinary([2, 5, 4, 2], 'float32'), strides=[1, 2, 2, 1], padding='SAME', params=[0, 1])
variant('Conv2DBackpropInput', i32([1, 9, 9, 3]), ordinary([3, 3, 3, 2], 'float32', 1), ordinary([1, 9, 9, 2], 'float32'), strides=[1, 1, 1, 1], padding='SAME', dilations=[1, 2, 2, 1], params=[0, 1])
variant('Conv2DBackpropInput', i32([1, 9, 9, 3]), ordinary([3, 3, 3, 2], 'float32', 1), ordinary([1, 5, 5, 2], 'float32'), strides=[1, 2, 2, 1], padding='EXPLICIT', explicit_paddings=[0, 0, 1, 1, 1, 1, 0, 0], params=[0, 1])
variant('Conv3D', ordinary([1, 4, 4, 4, 2], 'float32'), ordinary([2, 2, 2, 2, 3], 'float32', 1), strides=[1, 1, 1, 1, 1], padding='SAME', dilations=[1, 2, 1, 2, 1], params=[1])
for dtype in FLOATS:
  for stride, padding, size in itertools.product((1, 2), ('SAME', 'VALID'), ([5, 5], [4, 7])):
    for kernel in (1, 2, 3):
      more = {} if dtype == 'float32' else {'rtol': 1e-2, 'atol': 1e-2}
      for op in ('MaxPool', 'AvgPool'):
        variant(op, ordinary([2] + size + [3], dtype), ksize=[1, kernel, kernel, 1], strides=[1, stride, stride, 1], padding=padding, **more)
        if dtype == 'float32':
          variant(op + '3D', ordinary([1, 4] + size + [2], dtype), ksize=[1, kernel, kernel, kernel, 1], strides=[1, stride, stride, stride, 1], padding=padding)
      if dtype == 'float32':
        for index, batch in itertools.product((tf.int32, tf.int64), (False, True)):
          variant('MaxPoolWithArgmax', ordinary([2] + size + [3], dtype, 3), ksize=[1, kernel, kernel, 1], strides=[1, stride, stride, 1], padding=padding, Targmax=index, include_batch_in_index=batch)
        variant('MaxPoolV2', ordinary([2] + size + [3], dtype), i32([1, kernel, kernel, 1]), i32([1, stride, stride, 1]), padding=padding)
        variant('Dilation2D', ordinary([2] + size + [3], dtype), ordinary([kernel, kernel, 3], dtype, 1), strides=[1, stride, stride, 1], rates=[1, 1, 1, 1], padding=padding, params=[1])
for dtype in ('int8', 'int16', 'int32', 'int64', 'uint8', 'uint16'):
  variant('MaxPool', ordinary([1, 4, 4, 2], dtype), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='VALID')
variant('MaxPool', f32([[[[nan], [1]], [[2], [3]]]]), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding='VALID')
variant('MaxPool', f32([[[[-inf], [-inf]], [[-inf], [-inf]]]]), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding='SAME')
variant('MaxPool', ordinary([1, 2, 2, 1], 'float32'), ksize=[1, 3, 3, 1], strides=[1, 1, 1, 1], padding='VALID')
variant('AvgPool', ordinary([1, 2, 2, 1], 'float32'), ksize=[1, 3, 3, 1], strides=[1, 1, 1, 1], padding='VALID')
variant('MaxPool', ordinary([0, 4, 4, 1], 'float32'), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding='SAME')
variant('AvgPool', ordinary([0, 4, 4, 1], 'float32'), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding='SAME')
variant('MaxPool', ordinary([1, 4, 4, 4], 'float32'), ksize=[1, 1, 1, 2], strides=[1, 1, 1, 2], padding='VALID')
variant('MaxPool', ordinary([1, 4, 4, 4], 'float32'), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding='EXPLICIT', explicit_paddings=[0, 0, 1, 1, 0, 1, 0, 0])
variant('MaxPool', ordinary([4, 4, 4], 'float32'), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding='SAME')
for size, stride, rate, padding in itertools.product(([1, 2, 2, 1], [1, 3, 2, 1]), (1, 2), (1, 2), ('SAME', 'VALID')):
  for dtype in ('float32', 'int32', 'uint8', 'float64', 'bool'):
    variant('ExtractImagePatches', ordinary([2, 6, 5, 2], dtype), ksizes=size, strides=[1, stride, stride, 1], rates=[1, rate, rate, 1], padding=padding)

# ---- normalisation and activations over several elements
for dtype in FLOATS:
  for op in ('Softmax', 'LogSoftmax'):
    for shape in ([3], [2, 3], [2, 3, 4], [0, 3], [2, 0], [], [1, 2, 1, 3, 2]):
      variant(op, ordinary(shape, dtype))
    variant(op, typed([[1000, 1, -1000], [-inf, 0, 0]], dtype))
for op in ('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'):
  for dtype in ('float32',) if op == 'FusedBatchNorm' else ('float32', 'float16', 'bfloat16'):
    for training, shape in itertools.product((False, True), ([2, 3, 3, 4], [0, 3, 3, 4], [1, 1, 1, 4])):
      empty = np.zeros([0], np.float32)
      stats = [ordinary([4], 'float32', 3), np.abs(ordinary([4], 'float32', 4)) + f32(.5)] if not training else [empty, empty]
      variant(op, ordinary(shape, dtype), ordinary([4], 'float32', 1), ordinary([4], 'float32', 2), *stats, is_training=training, epsilon=1e-3, params=[1, 2, 3, 4], count=1 if not training else 3, rtol=1e-4 if dtype == 'float32' else 2e-2, atol=1e-4 if dtype == 'float32' else 2e-2)
  stats = [ordinary([4], 'float32', 3), np.abs(ordinary([4], 'float32', 4)) + f32(.5)]
  variant(op, ordinary([2, 4, 3, 4], 'float32'), ordinary([4], 'float32', 1), ordinary([4], 'float32', 2), *stats, is_training=False, params=[], count=1)
  variant(op, ordinary([2, 4, 3, 3], 'float32'), ordinary([4], 'float32', 1), ordinary([4], 'float32', 2), *stats, is_training=False, params=[1, 2, 3, 4], count=1)
  variant(op, ordinary([2, 4], 'float32'), ordinary([4], 'float32', 1), ordinary([4], 'float32', 2), *stats, is_training=False, params=[1, 2, 3, 4], count=1)
  variant(op, ordinary([2, 3, 3, 4], 'float32'), ordinary([4], 'float32', 1), ordinary([4], 'float32', 2), *stats, is_training=True, exponential_avg_factor=.5, params=[1, 2, 3, 4], count=3, rtol=1e-4, atol=1e-4)
for dtype in ('float32', 'float16', 'bfloat16'):
  for radius, bias, alpha, beta in ((5, 1, 1, .5), (1, 2, .1, .75), (0, 1, 1, .5), (2, .5, 2, 1)):
    variant('LRN', ordinary([2, 2, 3, 7], dtype), depth_radius=radius, bias=bias, alpha=alpha, beta=beta, rtol=1e-4 if dtype == 'float32' else 2e-2)
for dtype in FLOATS:
  variant('SoftmaxCrossEntropyWithLogits', ordinary([3, 4], dtype), np.abs(ordinary([3, 4], dtype, 1)), params=[], rtol=1e-4 if dtype in ('float32', 'float64') else 3e-2, atol=1e-4 if dtype in ('float32', 'float64') else .1)
  for label in ('int32', 'int64'):
    variant('SparseSoftmaxCrossEntropyWithLogits', ordinary([3, 4], dtype), ordinary([3], label, low=0, high=3), params=[], rtol=1e-4 if dtype in ('float32', 'float64') else 3e-2, atol=1e-4 if dtype in ('float32', 'float64') else .1)
variant('SoftmaxCrossEntropyWithLogits', ordinary([3, 4], 'float32'), np.abs(ordinary([1, 4], 'float32', 1)), params=[], rtol=1e-4)
variant('SoftmaxCrossEntropyWithLogits', ordinary([0, 4], 'float32'), np.abs(ordinary([0, 4], 'float32', 1)), params=[])
variant('SparseSoftmaxCrossEntropyWithLogits', ordinary([2, 4], 'float32'), i32([4, 0]), params=[])
variant('SparseSoftmaxCrossEntropyWithLogits', ordinary([2, 4], 'float32'), i32([-1, 0]), params=[])
variant('SparseSoftmaxCrossEntropyWithLogits', ordinary([2, 4], 'float32'), i32([1, 0, 1]), params=[])
variant('InTopK', ordinary([3, 4], 'float32'), i32([0, 3, 2]), k=2, params=[])
variant('InTopKV2', ordinary([3, 4], 'float32'), i32([0, 5, 2]), i32(2), params=[2])
variant('InTopK', f32([[1, inf, nan], [1, 1, 1]]), i32([0, 2]), k=1, params=[])

# ---- images
for op in ('ResizeBilinear', 'ResizeNearestNeighbor', 'ResizeBicubic', 'ResizeArea'):
  for align, half in ((False, False), (True, False), (False, True)):
    if half and op == 'ResizeArea':
      continue
    more = {} if op == 'ResizeArea' else {'half_pixel_centers': half}
    for size in ([8, 6], [2, 2], [4, 3], [7, 5], [1, 1], [3, 9]):
      variant(op, ordinary([2, 4, 3, 2], 'float32'), i32(size), align_corners=align, rtol=1e-4, atol=1e-4, **more)
    for dtype in ('uint8', 'int8', 'int16', 'uint16', 'int32', 'int64', 'float64', 'float16', 'bfloat16'):
      variant(op, ordinary([1, 3, 3, 1], dtype), i32([5, 4]), align_corners=align, rtol=1e-2 if 'float16' in dtype else 1e-4, atol=1e-4, **more)
    variant(op, ordinary([0, 4, 3, 2], 'float32'), i32([2, 2]), align_corners=align, **more)
  for size in ([0, 2], [-1, 2], [2], [2, 2, 2]):
    variant(op, ordinary([1, 4, 3, 2], 'float32'), i32(size))
  variant(op, ordinary([4, 3, 2], 'float32'), i32([2, 2]))
for method, value in itertools.product(('bilinear', 'nearest'), (0.0, 5.0)):
  boxes = f32([[0, 0, 1, 1], [.2, .3, .7, .9], [.5, .5, 1.5, 1.2], [.9, .9, .1, .1], [-.5, 0, .5, 1], [0, 0, 0, 0]])
  for size in ([2, 3], [4, 4], [1, 1]):
    variant('CropAndResize', ordinary([2, 5, 4, 3], 'float32'), boxes, i32([0, 1, 0, 1, 0, 1]), i32(size), method=method, extrapolation_value=value, params=[3], rtol=1e-4, atol=1e-4)
    variant('CropAndResize', ordinary([2, 5, 4, 3], 'uint8'), boxes, i32([0, 1, 0, 1, 0, 1]), i32(size), method=method, extrapolation_value=value, params=[3], rtol=1e-4, atol=1e-4)
variant('CropAndResize', ordinary([2, 5, 4, 3], 'float32'), f32([[0, 0, 1, 1]]), i32([2]), i32([2, 2]), params=[3])
variant('CropAndResize', ordinary([2, 5, 4, 3], 'float32'), np.zeros([0, 4], np.float32), none, i32([2, 2]), params=[3])
variant('CropAndResize', ordinary([2, 5, 4, 3], 'float32'), f32([[0, 0, 1, 1]]), i32([0]), i32([0, 2]), params=[3])
image = np.abs(ordinary([2, 3, 3, 3], 'float32')) / 8
for value in (0, .3, 1, -.5, 2.5):
  variant('AdjustContrastv2', ordinary([2, 3, 3, 3], 'float32'), np.float32(value), params=[1], rtol=1e-4, atol=1e-5)
  variant('AdjustHue', image, np.float32(value), params=[1], rtol=1e-4, atol=1e-4)
  variant('AdjustSaturation', image, np.float32(value), params=[1], rtol=1e-4, atol=1e-4)
variant('RGBToHSV', image, rtol=1e-4, atol=1e-5)
variant('HSVToRGB', np.clip(image, 0, 1), rtol=1e-4, atol=1e-5)
variant('RGBToHSV', ordinary([2, 4], 'float32'))
for dtype in ('float32', 'float64', 'float16', 'bfloat16'):
  variant('RGBToHSV', np.abs(ordinary([4, 3], dtype)), rtol=2e-2 if '16' in dtype else 1e-4)
boxes = np.sort(np.abs(ordinary([12, 2, 2], 'float32', 4)), axis=1).reshape(12, 4)[:, [0, 1, 2, 3]]
scores = np.random.RandomState(3).rand(12).astype(np.float32)
for most, iou, low in itertools.product((0, 3, 20), (0.0, .3, .5, 1.0), (0.0, .4)):
  b, m, t, s = boxes, i32(most), np.float32(iou), np.float32(low)
  variant('NonMaxSuppression', b, scores, m, iou_threshold=iou, params=[2])
  variant('NonMaxSuppressionV2', b, scores, m, t, params=[2, 3])
  variant('NonMaxSuppressionV3', b, scores, m, t, s, params=[2, 3, 4])
  for pad in (False, True):
    variant('NonMaxSuppressionV4', b, scores, m, t, s, pad_to_max_output_size=pad, params=[2, 3, 4])
    for sigma in (0.0, .5):
      variant('NonMaxSuppressionV5', b, scores, m, t, s, np.float32(sigma), pad_to_max_output_size=pad, params=[2, 3, 4, 5])
  for clip, per_class in itertools.product((False, True), repeat=2):
    variant('CombinedNonMaxSuppression', (boxes / 4).reshape(1, 6, 2, 4), scores.reshape(1, 6, 2), m, i32(max(most, 1)), t, s, clip_boxes=clip, pad_per_class=per_class, params=[2, 3, 4, 5])
    variant('CombinedNonMaxSuppression', (boxes / 4).reshape(2, 6, 1, 4), scores.reshape(2, 6, 1), m, i32(max(most, 1)), t, s, clip_boxes=clip, pad_per_class=per_class, params=[2, 3, 4, 5])
variant('NonMaxSuppressionV3', boxes, scores, i32(3), np.float32(1.5), np.float32(0), params=[2, 3, 4])
variant('NonMaxSuppressionV3', boxes, scores[:5], i32(3), np.float32(.5), np.float32(0), params=[2, 3, 4])
variant('NonMaxSuppressionV3', np.zeros([0, 4], np.float32), scores[:0], i32(3), np.float32(.5), np.float32(0), params=[2, 3, 4])
variant('NonMaxSuppressionV3', boxes, np.full([12], .5, np.float32), i32(5), np.float32(.5), np.float32(0), params=[2, 3, 4], about='ties')
variant('NonMaxSuppressionV3', boxes[:, [2, 3, 0, 1]], scores, i32(5), np.float32(.5), np.float32(-inf), params=[2, 3, 4], about='turned boxes')
variant('NonMaxSuppressionWithOverlaps', np.abs(ordinary([5, 5], 'float32')) / 4, scores[:5], i32(3), np.float32(.5), np.float32(.1), params=[2, 3, 4])

# ---- quantisation
for bits, narrow in itertools.product((2, 4, 8, 16), (False, True)):
  for lo, hi in ((-6.0, 6.0), (0.0, 6.0), (-1.0, 3.0), (.5, 6.0), (-3.0, -1.0)):
    values = f32(np.linspace(-8, 8, 33))
    variant('FakeQuantWithMinMaxArgs', values, min=lo, max=hi, num_bits=bits, narrow_range=narrow, rtol=1e-5, atol=1e-5)
    variant('FakeQuantWithMinMaxVars', values, np.float32(lo), np.float32(hi), num_bits=bits, narrow_range=narrow, rtol=1e-5, atol=1e-5, params=[1, 2])
    variant('FakeQuantWithMinMaxVars', values, np.float32(lo), np.float32(hi), num_bits=bits, narrow_range=narrow, rtol=1e-5, atol=1e-5, params=[])
    variant('FakeQuantWithMinMaxVarsPerChannel', values.reshape(11, 3), f32([lo, -2, 0]), f32([hi, 2, 1]), num_bits=bits, narrow_range=narrow, rtol=1e-5, atol=1e-5, params=[1, 2])
variant('FakeQuantWithMinMaxVars', values, np.float32(0), np.float32(0), params=[1, 2])
variant('FakeQuantWithMinMaxVars', values, np.float32(2), np.float32(1), params=[1, 2])
variant('FakeQuantWithMinMaxVars', f32([nan, inf, -inf]), np.float32(-1), np.float32(1), params=[1, 2])
for signed, bits, given, mode, narrow in itertools.product((True, False), (4, 8), (True, False), ('HALF_TO_EVEN', 'HALF_UP'), (True, False)):
  values = f32(np.linspace(-8, 8, 24)).reshape(2, 3, 4)
  for lo, hi in ((-6.0, 6.0), (-1.0, 3.0), (0.0, 0.0)):
    for axis in (-1, 1):
      low, high = (np.float32(lo), np.float32(hi)) if axis < 0 else (f32([lo, -2, -1]), f32([hi, 2, 1]))
      variant('QuantizeAndDequantizeV2', values, low, high, signed_input=signed, num_bits=bits, range_given=given, round_mode=mode, narrow_range=narrow, axis=axis, params=[1, 2], rtol=1e-5, atol=1e-5)
      if mode == 'HALF_UP':
        variant('QuantizeAndDequantizeV3', values, low, high, i32(bits), signed_input=signed, range_given=given, narrow_range=narrow, axis=axis, params=[1, 2, 3], rtol=1e-5, atol=1e-5)
      variant('QuantizeAndDequantizeV4', values, low, high, signed_input=signed, num_bits=bits, range_given=given, round_mode=mode, narrow_range=narrow, axis=axis, params=[1, 2], rtol=1e-5, atol=1e-5)
for mode in ('MIN_COMBINED', 'MIN_FIRST', 'SCALED'):
  for rounding in ('HALF_AWAY_FROM_ZERO', 'HALF_TO_EVEN'):
    for T in (tf.quint8, tf.qint8, tf.qint32, tf.quint16, tf.qint16):
      variant('QuantizeV2', f32(np.linspace(-5, 7, 13)), np.float32(-4), np.float32(6), T=T, mode=mode, round_mode=rounding, params=[1, 2])

# ---- linear algebra, transforms
spd = np.array([[4, 1, .5], [1, 3, .25], [.5, .25, 2]])
for dtype in ('float32', 'float64', 'complex64', 'complex128'):
  m = np.stack([spd, spd + np.eye(3)]).astype(dtype)
  skew = (m + np.triu(np.ones([3, 3]), 1)).astype(dtype)
  more = {'rtol': 1e-4, 'atol': 1e-4}
  for x in (m[0], m, m[:0], m[:, :0, :0], skew, ordinary([2, 3], dtype), ordinary([3], dtype), np.zeros([2, 2], dtype)):
    variant('MatrixDeterminant', x, **more)
    variant('LogMatrixDeterminant', x, **more)
    variant('MatrixInverse', x, **more)
    variant('MatrixInverse', x, adjoint=True, **more)
    variant('Cholesky', x, **more)
  for adjoint in (False, True):
    variant('MatrixSolve', skew, ordinary([2, 3, 2], dtype), adjoint=adjoint, params=[], **more)
    for lower in (False, True):
      variant('MatrixTriangularSolve', skew, ordinary([2, 3, 2], dtype), lower=lower, adjoint=adjoint, params=[], **more)
for dtype, real in (('complex64', 'float32'), ('complex128', 'float64')):
  for n in (1, 2, 3, 4, 7, 8, 12):
    variant('FFT', ordinary([2, n], dtype), rtol=1e-4, atol=1e-4)
    variant('IFFT', ordinary([2, n], dtype), rtol=1e-4, atol=1e-4)
    for length in (n, max(n - 1, 1), n + 2):
      variant('RFFT', ordinary([2, n], real), i32([length]), Tcomplex=tf.as_dtype(dtype), rtol=1e-4, atol=1e-4)
      variant('IRFFT', ordinary([2, n // 2 + 1], dtype), i32([length]), Treal=tf.as_dtype(real), rtol=1e-4, atol=1e-4)
  for length in ([4, 4], [3, 5], [2, 6]):
    variant('RFFT2D', ordinary([2, 4, 4], real), i32(length), Tcomplex=tf.as_dtype(dtype), rtol=1e-4, atol=1e-4)
    variant('IRFFT2D', ordinary([2, 4, 3], dtype), i32(length), Treal=tf.as_dtype(real), rtol=1e-4, atol=1e-4)
    variant('RFFT3D', ordinary([2, 3, 4, 4], real), i32([2] + length), Tcomplex=tf.as_dtype(dtype), rtol=1e-4, atol=1e-4)
  variant('FFT2D', ordinary([2, 3, 4], dtype), rtol=1e-4, atol=1e-4)
  variant('IFFT2D', ordinary([2, 3, 4], dtype), rtol=1e-4, atol=1e-4)
  variant('FFT3D', ordinary([2, 3, 2, 2], dtype), rtol=1e-4, atol=1e-4)
  variant('RFFT', ordinary([0, 4], real), i32([4]), Tcomplex=tf.as_dtype(dtype))
  variant('RFFT', ordinary([4], real), i32([4, 4]), Tcomplex=tf.as_dtype(dtype))

# ---- recurrent cells
for clip, peephole in itertools.product((-1.0, .5), (False, True)):
  n, u = 3, 2
  variant('LSTMBlockCell', ordinary([2, n], 'float32'), ordinary([2, u], 'float32', 1), ordinary([2, u], 'float32', 2), ordinary([n + u, 4 * u], 'float32', 3), *(ordinary([u], 'float32', 4 + i) for i in range(3)), ordinary([4 * u], 'float32', 8),
          forget_bias=1.0, cell_clip=clip, use_peephole=peephole, params=[3, 4, 5, 6, 7], rtol=1e-4, atol=1e-5)
variant('GRUBlockCell', ordinary([2, 3], 'float32'), ordinary([2, 2], 'float32', 1), ordinary([5, 4], 'float32', 2), ordinary([5, 2], 'float32', 3), ordinary([4], 'float32', 4), ordinary([2], 'float32', 5), params=[2, 3, 4, 5], rtol=1e-4, atol=1e-5)
for merge in (True, False):
  variant('CTCGreedyDecoder', ordinary([5, 2, 4], 'float32'), i32([5, 3]), merge_repeated=merge, params=[])
  variant('CTCGreedyDecoder', ordinary([5, 2, 4], 'float32'), i32([5, 3]), merge_repeated=merge, blank_index=0, params=[])
  variant('CTCGreedyDecoder', ordinary([5, 2, 4], 'float32'), i32([6, 3]), merge_repeated=merge, params=[])
  variant('CTCBeamSearchDecoder', ordinary([5, 2, 4], 'float32'), i32([5, 3]), beam_width=10, top_paths=2, merge_repeated=merge, params=[], rtol=1e-3, atol=1e-3)
