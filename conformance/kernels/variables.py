"""Variables: a handle, its value, and what changes it."""
import numpy as np
import tensorflow as tf

from recorder import case, hidden, raw


def variable(dtype=tf.float32, shape=None, name='v'):
  return raw.VarHandleOp(dtype=dtype, shape=shape, shared_name=name)


def story(dtype, start, change):
  """Assigns, changes, reads."""
  def build():
    handle = variable(dtype, name='story')
    raw.AssignVariableOp(resource=handle, value=tf.constant(start, dtype))
    change(handle)
    raw.ReadVariableOp(resource=handle, dtype=dtype)
  return build


def uninitialized():
  raw.ReadVariableOp(resource=variable(name='scope/weights'), dtype=tf.float32)


case('reading before any assignment fails, naming the variable', uninitialized)


def is_initialized():
  handle = variable()
  raw.VarIsInitializedOp(resource=handle)
  raw.AssignVariableOp(resource=handle, value=tf.constant(1.0))
  raw.VarIsInitializedOp(resource=handle)


case('is initialized once assigned', is_initialized)


def shared():
  raw.AssignVariableOp(resource=variable(name='same'), value=tf.constant(3.0))
  raw.ReadVariableOp(resource=variable(name='same'), dtype=tf.float32)


case('two handles of one shared name are one variable', shared)


def destroyed():
  handle = variable()
  raw.AssignVariableOp(resource=handle, value=tf.constant(1.0))
  raw.DestroyResourceOp(resource=handle, ignore_lookup_error=True)
  raw.VarIsInitializedOp(resource=handle)


case('is gone once destroyed', destroyed)

for dtype in (tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int32, tf.int64, tf.complex64):
  case(f'AssignAdd {dtype.name}', story(dtype, [1, 2, 3], lambda h, d=dtype: raw.AssignAddVariableOp(resource=h, value=tf.constant([10, -20, 30], d))))
  case(f'AssignSub {dtype.name}', story(dtype, [1, 2, 3], lambda h, d=dtype: raw.AssignSubVariableOp(resource=h, value=tf.constant([10, -20, 30], d))))
case('AssignAdd int8 wraps', story(tf.int8, [100, -100], lambda h: raw.AssignAddVariableOp(resource=h, value=tf.constant([100, -100], tf.int8))))
case('AssignAdd of another shape', story(tf.float32, [1, 2], lambda h: raw.AssignAddVariableOp(resource=h, value=hidden([1.0, 2.0, 3.0]))))
case('Assign a string', story(tf.string, 'a', lambda h: raw.AssignVariableOp(resource=h, value=tf.constant(['b', 'c']))))

MATRIX = np.arange(12).reshape(4, 3)


def gather(dtype, **kwargs):
  indices = kwargs.pop('indices')
  return story(dtype, MATRIX, lambda h: raw.ResourceGather(resource=h, indices=indices, dtype=dtype, **kwargs))


case('Gather rows', gather(tf.float32, indices=[[3, 0], [1, 1]]))
case('Gather by int64', gather(tf.int64, indices=np.array([2], np.int64)))
case('Gather none', gather(tf.float32, indices=np.zeros([0], np.int32)))
case('Gather with batch_dims', gather(tf.float32, indices=[[2, 0], [1, 1], [0, 2], [2, 2]], batch_dims=1))
case('Gather out of range', story(tf.float32, MATRIX, lambda h: raw.ResourceGather(resource=h, indices=hidden([[0, 4]]), dtype=tf.float32)))
case('GatherNd', story(tf.float32, MATRIX, lambda h: raw.ResourceGatherNd(resource=h, indices=[[3, 0], [1, 2]], dtype=tf.float32)))
case('GatherNd of rows', story(tf.float32, MATRIX, lambda h: raw.ResourceGatherNd(resource=h, indices=[[3], [1]], dtype=tf.float32)))
case('GatherNd out of range', story(tf.float32, MATRIX, lambda h: raw.ResourceGatherNd(resource=h, indices=hidden([[3, 0], [1, 3]]), dtype=tf.float32)))

for op in ('Add', 'Sub', 'Mul', 'Div', 'Min', 'Max', 'Update'):
  def scatter(h, op=op, dtype=tf.float32):
    getattr(raw, 'ResourceScatter' + op)(resource=h, indices=[3, 0, 3], updates=tf.constant([[5, 6, 7], [4, 4, 4], [2, -2, 2]], dtype))
  case(f'Scatter{op}', story(tf.float32, MATRIX, scatter))
  if op != 'Update':
    case(f'Scatter{op} int32', story(tf.int32, MATRIX, lambda h, s=scatter: s(h, dtype=tf.int32)))
  case(f'Scatter{op} of one value', story(tf.float32, MATRIX, lambda h, op=op: getattr(raw, 'ResourceScatter' + op)(
      resource=h, indices=[1, 2], updates=tf.constant(2.0))))
case('ScatterUpdate of strings', story(tf.string, ['a', 'b', 'c'], lambda h: raw.ResourceScatterUpdate(resource=h, indices=[2], updates=['new'])))
case('ScatterAdd out of range', story(tf.float32, MATRIX, lambda h: raw.ResourceScatterAdd(resource=h, indices=hidden([0, 9]), updates=tf.constant([[1.0] * 3] * 2))))
for op in ('Add', 'Sub', 'Min', 'Max', 'Update'):
  case(f'ScatterNd{op}', story(tf.float32, MATRIX, lambda h, op=op: getattr(raw, 'ResourceScatterNd' + op)(
      ref=h, indices=[[3, 0], [0, 1], [3, 0]], updates=tf.constant([5.0, -6.0, 7.0]))))
case('ScatterNdAdd of rows', story(tf.float32, MATRIX, lambda h: raw.ResourceScatterNdAdd(ref=h, indices=[[2]], updates=tf.constant([[1.0, 2.0, 3.0]]))))
case('ScatterNdUpdate out of range', story(tf.float32, MATRIX, lambda h: raw.ResourceScatterNdUpdate(ref=h, indices=hidden([[0, 3]]), updates=tf.constant([1.0]))))
case('ScatterNdUpdate of a wrong shape', story(tf.float32, MATRIX, lambda h: raw.ResourceScatterNdUpdate(ref=h, indices=hidden([[0, 2]]), updates=hidden([1.0, 2.0]))))
case('CountUpTo', story(tf.int32, 1, lambda h: [raw.ResourceCountUpTo(resource=h, limit=3, T=tf.int32), raw.ResourceCountUpTo(resource=h, limit=3, T=tf.int32)]))
case('CountUpTo at its limit', story(tf.int64, 3, lambda h: raw.ResourceCountUpTo(resource=h, limit=3, T=tf.int64)))
ASSIGN = lambda h, value, begin, end, strides, **masks: raw.ResourceStridedSliceAssign(
    ref=h, begin=begin, end=end, strides=strides, value=tf.constant(value, tf.float32), **masks)
case('StridedSliceAssign', story(tf.float32, MATRIX, lambda h: ASSIGN(h, [[1, 2], [3, 4]], [1, 0], [3, 2], [1, 1])))
case('StridedSliceAssign by strides', story(tf.float32, MATRIX, lambda h: ASSIGN(h, [[1, 2], [3, 4]], [3, 0], [0, 3], [-2, 2])))
case('StridedSliceAssign of a row', story(tf.float32, MATRIX, lambda h: ASSIGN(h, [7, 8, 9], [2], [3], [1], shrink_axis_mask=1)))
case('StridedSliceAssign of one value', story(tf.float32, MATRIX, lambda h: ASSIGN(h, 5, [1], [0], [1], end_mask=1)))
case('StridedSliceAssign with an ellipsis', story(tf.float32, MATRIX, lambda h: ASSIGN(h, [1, 2, 3, 4], [0, -1], [0, 0], [1, 1], ellipsis_mask=1, shrink_axis_mask=2)))
case('VariableShape', story(tf.float32, MATRIX, lambda h: [raw.VariableShape(input=h), raw.VariableShape(input=h, out_type=tf.int64)]))
