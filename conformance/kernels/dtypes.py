"""What the modules beside this one need to go over dtypes: which ones a kernel takes, edge values, tolerances."""
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import kernels, op_def_registry

FLOATS = [tf.float32, tf.float64, tf.float16, tf.bfloat16]
INTEGERS = [tf.int32, tf.int64, tf.int8, tf.int16, tf.uint8, tf.uint16, tf.uint32, tf.uint64]
COMPLEX = [tf.complex64, tf.complex128]
NUMBERS = FLOATS + INTEGERS + COMPLEX
ALL = NUMBERS + [tf.bool, tf.string]

RTOL = {tf.float32: 3e-6, tf.float64: 1e-11, tf.float16: 2e-3, tf.bfloat16: 1.6e-2, tf.complex64: 3e-6,
        tf.complex128: 1e-11}


def tolerance(dtype, factor=1):
  """rtol for a case whose floats are of this dtype; an atol a hundredth of it, for sums that cancel."""
  rtol = RTOL.get(dtype, 0) * factor
  return {'rtol': rtol, 'atol': rtol / 10} if rtol else {}


def registered(op, dtype, attr='T'):
  """Whether the op allows the dtype and TensorFlow has a CPU kernel for it."""
  for declared in op_def_registry.get(op).attr:
    if declared.name == attr and declared.HasField('allowed_values') and (
        dtype.as_datatype_enum not in declared.allowed_values.list.type):
      return False
  for kernel in kernels.get_registered_kernels_for_op(op).kernel:
    if kernel.device_type != 'CPU':
      continue
    allowed = [c.allowed_values.list.type for c in kernel.constraint if c.name == attr]
    if not allowed or dtype.as_datatype_enum in allowed[0]:
      return True
  return False


def constant(values, dtype):
  """A constant; out-of-range integers wrap."""
  if dtype.is_integer:
    bits = 8 * dtype.size
    values = np.array([[int(v) % 2**bits for v in np.ravel(values)]], dtype=object).reshape(np.shape(values))
    low = 0 if dtype.is_unsigned else -2**(bits - 1)
    values = np.vectorize(lambda v: v - 2**bits if low < 0 and v >= -low else v, otypes=[object])(values) if np.size(values) else values
    return tf.constant(np.array(values, dtype=dtype.as_numpy_dtype), dtype)
  return tf.constant(np.array(values).astype(dtype.as_numpy_dtype) if dtype != tf.string else values, dtype)


def ramp(shape, dtype, start=-3, step=1):
  """start, start + step, … in a shape; strings spell the numbers."""
  count = int(np.prod(shape))
  numbers = np.array([start + step * i for i in range(count)]).reshape(shape)
  if dtype == tf.string:
    return tf.constant(np.array([b's%d' % i for i in range(count)], dtype=object).reshape(shape), tf.string)
  if dtype == tf.bool:
    return tf.constant(numbers % 3 == 0)
  if dtype.is_complex:
    numbers = numbers + 1j * (numbers % 4 - 1.5)
  return constant(numbers, dtype)


def mixed(shape, dtype, seed=1):
  """Numbers of a few digits, the same each time."""
  random = np.random.RandomState(seed)
  values = np.round(random.uniform(-2, 2, shape), 2)
  if dtype.is_complex:
    values = values + 1j * np.round(random.uniform(-2, 2, shape), 2)
  return constant(values if not dtype.is_integer else np.round(values * 4), dtype)
