"""Ops that graph optimizers put in place of several, and ops that few models have.

    python generate.py ../../packages/engine/src/fixtures/ops/fused.jsonl fused
"""
import numpy as np
import tensorflow as tf

from oracle import composition, inf, nan, take, typed, variant
from variants_elementwise import ordinary
take()

tf1 = tf.compat.v1
f32 = lambda v: np.array(v, np.float32)
x, w = ordinary([2, 4, 4, 2], 'float32'), ordinary([2, 2, 2, 3], 'float32', 1)
bias, other = f32([.5, -1, 2]), ordinary([2, 4, 4, 3], 'float32', 4)
STATISTICS = [f32([1, .5, 2]), f32([0, 1, -1]), f32([.5, 0, 1]), f32([1, 2, .5])]


def node(op, inputs, attrs, outputs=1):
  """Ops with an underscore are in no Python module."""
  graph = tf1.get_default_graph()
  attr = {}
  for name, value in attrs.items():
    made = tf1.AttrValue()
    if isinstance(value, bool):
      made.b = value
    elif isinstance(value, int):
      made.i = value
    elif isinstance(value, float):
      made.f = value
    elif isinstance(value, str):
      made.s = value.encode()
    elif isinstance(value, tf.DType):
      made.type = value.as_datatype_enum
    elif value and isinstance(value[0], str):
      made.list.s.extend(v.encode() for v in value)
    elif value and isinstance(value[0], tf.DType):
      made.list.type.extend(v.as_datatype_enum for v in value)
    else:
      made.list.i.extend(value)
    attr[name] = made
  types = [tf.float32] * outputs
  return list(graph.create_op(op, inputs, types, attrs=attr, name=op.strip('_'), compute_device=False).outputs)


for fused, args in ((['BiasAdd'], [bias]), (['BiasAdd', 'Relu'], [bias]), (['BiasAdd', 'Relu6'], [bias]), (['BiasAdd', 'Elu'], [bias]), (['BiasAdd', 'LeakyRelu'], [bias]),
                    (['FusedBatchNorm'], STATISTICS), (['FusedBatchNorm', 'Relu'], STATISTICS), (['FusedBatchNorm', 'LeakyRelu'], STATISTICS)):
  title = ', '.join(fused)
  composition('_FusedConv2D', f'_FusedConv2D with {title}', [(x, [None, 4, 4, 2])], lambda x, fused=fused, args=args: node('_FusedConv2D', [x, tf.constant(w), *map(tf.constant, args)], dict(
      T=tf.float32, TArgs=[tf.float32] * len(args), num_args=len(args), num_host_args=0, strides=[1, 1, 1, 1], padding='SAME', fused_ops=fused, epsilon=1e-3, leakyrelu_alpha=.3)))
  if fused[0] == 'BiasAdd':
    composition('_FusedMatMul', f'_FusedMatMul with {title}', [(ordinary([2, 4], 'float32'), [None, 4])], lambda x, fused=fused: node('_FusedMatMul', [x, tf.constant(ordinary([3, 4], 'float32', 2)), tf.constant(bias)], dict(
        T=tf.float32, num_args=1, transpose_b=True, fused_ops=fused, leakyrelu_alpha=.3)))
# One image each: of the later ones of a batch TensorFlow's kernels give something else.
for mode in ('REFLECT', 'SYMMETRIC'):
  for padding in ('SAME', 'VALID'):
    composition('FusedPadConv2D', f'FusedPadConv2D {mode} {padding}', [(x[:1], [None, 4, 4, 2])], lambda x, mode=mode, padding=padding: [tf.raw_ops.FusedPadConv2D(input=x, paddings=[[0, 0], [1, 1], [2, 0], [0, 0]], filter=w, mode=mode, strides=[1, 1, 1, 1], padding=padding)])
    for align in (False, True):
      composition('FusedResizeAndPadConv2D', f'FusedResizeAndPadConv2D {mode} {padding} {align}', [(x[:1], [None, 4, 4, 2])], lambda x, mode=mode, padding=padding, align=align: [tf.raw_ops.FusedResizeAndPadConv2D(
          input=x, size=[5, 3], paddings=[[0, 0], [1, 1], [1, 0], [0, 0]], filter=w, mode=mode, strides=[1, 2, 2, 1], padding=padding, resize_align_corners=align)])


def batched(x):
  function = tf.function(lambda a: a * 2 + 1, input_signature=[tf.TensorSpec([None, 4, 4, 2])])
  return list(tf.raw_ops.BatchFunction(in_tensors=[x], captured_tensors=[], f=function.get_concrete_function(), num_batch_threads=1, max_batch_size=8, batch_timeout_micros=0, Tout=[tf.float32]))


composition('BatchFunction', 'BatchFunction', [(x, [None, 4, 4, 2])], batched)

# ---- few models have
for dtype in ('float32', 'int32', 'bool', 'string', 'float64'):
  for shape in ([], [0], [1], [2, 2]):
    variant('ToBool', ordinary(shape, dtype))
variant('ToBool', np.float32(nan))
variant('ToBool', np.float32(0))
variant('ToBool', np.array(b'', object))
for dtype in ('float32', 'float16', 'bfloat16'):
  variant('ApproxTopK', ordinary([2, 9], dtype), k=3)
  variant('ApproxTopK', ordinary([2, 3, 4], dtype), k=4, recall_target=.5)
for dtype in ('float32', 'float64'):
  variant('IsotonicRegression', ordinary([3, 7], dtype), output_dtype=tf.as_dtype(dtype))
variant('IsotonicRegression', f32([[3, 2, 1], [1, 2, 3]]))
variant('IsotonicRegression', np.zeros([0, 3], np.float32))
variant('DebugIdentityV2', f32([1, 2]))
variant('DebugIdentity', f32([1, 2]), tensor_name='x:0')
