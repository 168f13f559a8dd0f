"""Fake, combined and real quantization."""
import numpy as np
import tensorflow as tf

from recorder import case, raw
from refusals import H, refuses

EXACT = {'rtol': 1e-6, 'atol': 1e-7}
X = [-3.0, -1.5, -0.51, -0.5, -0.01, 0.0, 0.3, 0.5, 1.0, 1.499, 2.5, 7.0]
GRID = np.linspace(-2.5, 3.5, 12).reshape(3, 4).astype(np.float32)


def fake():
  for bits, narrow in ((8, False), (8, True), (4, False), (2, True)):
    raw.FakeQuantWithMinMaxArgs(inputs=X, min=-1.2, max=2.1, num_bits=bits, narrow_range=narrow)
    raw.FakeQuantWithMinMaxVars(inputs=X, min=-1.5, max=0.7, num_bits=bits, narrow_range=narrow)
  raw.FakeQuantWithMinMaxVars(inputs=X, min=0.5, max=2.0)
  raw.FakeQuantWithMinMaxVars(inputs=X, min=0.0, max=0.0)
  raw.FakeQuantWithMinMaxVarsPerChannel(inputs=GRID, min=[-1.0, -2.0, 0.0, -0.1], max=[1.0, 0.5, 3.0, 0.1])


case('FakeQuant', fake, **EXACT)
refuses('FakeQuantWithMinMaxVarsPerChannel', inputs=H([[1.0, 2.0]]), min=H([0.0]), max=H([1.0]))


def round_trips():
  for signed, given, narrow, mode in ((True, True, False, 'HALF_TO_EVEN'), (True, False, True, 'HALF_UP'), (False, True, False, 'HALF_UP'),
                                      (True, True, True, 'HALF_TO_EVEN'), (True, False, False, 'HALF_TO_EVEN')):
    raw.QuantizeAndDequantizeV2(input=X, input_min=-2.0, input_max=2.5, signed_input=signed, range_given=given, narrow_range=narrow, round_mode=mode)
    raw.QuantizeAndDequantizeV4(input=X, input_min=-2.0, input_max=2.5, signed_input=signed, range_given=given, narrow_range=narrow, round_mode=mode, num_bits=5)
  raw.QuantizeAndDequantizeV3(input=X, input_min=-2.0, input_max=2.5, num_bits=6)
  raw.QuantizeAndDequantizeV4(input=GRID, input_min=[0.0] * 4, input_max=[0.0] * 4, axis=1)
  raw.QuantizeAndDequantizeV2(input=GRID.astype(np.float64), input_min=tf.constant(0.0, tf.float64), input_max=tf.constant(0.0, tf.float64))


case('QuantizeAndDequantize', round_trips, **EXACT)
refuses('QuantizeAndDequantizeV2', input=H([1.0]), input_min=H(2.0), input_max=H(1.0), range_given=True)


def types(dtype):
  def build():
    for mode in ('MIN_COMBINED', 'MIN_FIRST', 'SCALED'):
      for low, high in ((-2.0, 2.5), (0.0, 6.0), (-1.0, 0.001)):
        if mode == 'SCALED':
          for round_mode in ('HALF_TO_EVEN', 'HALF_AWAY_FROM_ZERO'):
            raw.QuantizeV2(input=X, min_range=low, max_range=high, T=dtype, mode=mode, round_mode=round_mode, narrow_range=dtype == tf.qint8)
        else:
          raw.QuantizeV2(input=X, min_range=low, max_range=high, T=dtype, mode=mode)
      values = tf.constant(np.arange(0, 120, 17), tf.uint8 if dtype == tf.quint8 else tf.int8)
      raw.Dequantize(input=tf.bitcast(values, dtype), min_range=-2.0, max_range=2.5, mode=mode)
    raw.QuantizeV2(input=GRID, min_range=[-1.0, -2.0, -0.5, 0.0], max_range=[1.0, 1.0, 3.0, 2.0], T=dtype, mode='SCALED', round_mode='HALF_TO_EVEN', axis=1)
  return build


for dtype in (tf.quint8, tf.qint8):
  case(f'Quantize and Dequantize of {dtype.name}', types(dtype), **EXACT)
refuses('QuantizeV2', input=H([1.0]), min_range=H(2.0), max_range=H(1.0), T=tf.quint8)


def uniform():
  more = dict(quantization_min_val=-128, quantization_max_val=127)
  q = raw.UniformQuantize(input=X, scales=0.25, zero_points=-3, Tout=tf.qint8, **more)
  raw.UniformDequantize(input=q, scales=0.25, zero_points=-3, Tout=tf.float32, **more)
  q = raw.UniformQuantize(input=GRID, scales=[0.1, 0.5, 0.02], zero_points=[0, 5, -7], Tout=tf.qint8, quantization_axis=0, **more)
  raw.UniformDequantize(input=q, scales=[0.1, 0.5, 0.02], zero_points=[0, 5, -7], Tout=tf.float32, quantization_axis=0, **more)


case('UniformQuantize and UniformDequantize', uniform, **EXACT)

# ---- graphs of quantized ops ------------------------------------------------------------------------------------


def q8(values, shape, low, high):
  """An 8-bit tensor of values, and its range."""
  return tf.bitcast(tf.constant(np.array(values).reshape(shape), tf.uint8), tf.quint8), tf.constant(low), tf.constant(high)


def q32(values, shape, low, high):
  return tf.bitcast(tf.constant(np.array(values).reshape(shape), tf.int32), tf.qint32), tf.constant(low), tf.constant(high)


def pseudo(count, seed):
  return np.random.RandomState(seed).randint(0, 256, count)


def graph_ops():
  x, x0, x1 = q8(pseudo(32, 1), [1, 4, 4, 2], -1.0, 2.5)
  w, w0, w1 = q8(pseudo(24, 2), [2, 2, 2, 3], -0.5, 0.75)
  raw.QuantizedConv2D(input=x, filter=w, min_input=x0, max_input=x1, min_filter=w0, max_filter=w1, strides=[1, 1, 1, 1], padding='SAME')
  y, y0, y1 = raw.QuantizedConv2D(input=x, filter=w, min_input=x0, max_input=x1, min_filter=w0, max_filter=w1, strides=[1, 2, 2, 1], padding='VALID')
  low, high = raw.RequantizationRange(input=y, input_min=y0, input_max=y1)
  raw.Requantize(input=y, input_min=y0, input_max=y1, requested_output_min=low, requested_output_max=high, out_type=tf.quint8)
  raw.Requantize(input=y, input_min=y0, input_max=y1, requested_output_min=-1.0, requested_output_max=1.5, out_type=tf.quint8)
  raw.QuantizeDownAndShrinkRange(input=y, input_min=y0, input_max=y1, out_type=tf.quint8)
  a, a0, a1 = q8(pseudo(6, 3), [2, 3], -1.0, 1.0)
  b, b0, b1 = q8(pseudo(12, 4), [3, 4], 0.0, 3.0)
  raw.QuantizedMatMul(a=a, b=b, min_a=a0, max_a=a1, min_b=b0, max_b=b1)
  raw.QuantizedMatMul(a=a, b=q8(pseudo(12, 4), [4, 3], 0.0, 3.0)[0], min_a=a0, max_a=a1, min_b=b0, max_b=b1, transpose_b=True)
  raw.QuantizedMul(x=a, y=q8(pseudo(6, 5), [2, 3], 0.0, 6.0)[0], min_x=a0, max_x=a1, min_y=0.0, max_y=6.0)
  for low, high in ((-3.0, 9.0), (0.0, 8.0)):
    raw.QuantizedRelu(features=a, min_features=low, max_features=high)
    raw.QuantizedRelu6(features=a, min_features=low, max_features=high)
  window = dict(ksize=[1, 2, 2, 1], strides=[1, 2, 1, 1], padding='SAME')
  raw.QuantizedMaxPool(input=x, min_input=x0, max_input=x1, **window)
  raw.QuantizedAvgPool(input=x, min_input=x0, max_input=x1, **window)
  raw.QuantizedReshape(tensor=a, shape=[3, -1], input_min=a0, input_max=a1)
  c, c0, c1 = q8(pseudo(9, 6), [3, 3], -1.0, 1.0)
  raw.QuantizedConcat(concat_dim=0, values=[a, c], input_mins=[a0, c0], input_maxes=[a1, c1])
  raw.QuantizedConcat(concat_dim=0, values=[a, c], input_mins=[a0, tf.constant(0.5)], input_maxes=[a1, tf.constant(4.0)])


case('graphs of quantized ops', graph_ops, rtol=1e-5, integerTolerance=1)


def sums():
  a, a0, a1 = q8(pseudo(6, 3), [2, 3], -1.0, 1.0)
  b, b0, b1 = q8(pseudo(3, 4), [3], 0.0, 3.0)
  raw.QuantizedBiasAdd(input=a, bias=b, min_input=a0, max_input=a1, min_bias=b0, max_bias=b1, out_type=tf.qint32)
  raw.QuantizedAdd(x=a, y=b, min_x=a0, max_x=a1, min_y=b0, max_y=b1)


case('sums of quantized values', sums, rtol=1e-5, integerTolerance=2)
