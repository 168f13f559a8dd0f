"""TensorFlow functions of one kind of operators each, so that every row of the translation is met."""
import numpy as np

from recorder import case, converted, random, tf
from tensorflow.compiler.tf2xla.ops import gen_xla_ops

raw = tf.raw_ops


def names(**results):
  """Results of a function by name."""
  return results


@case
def op_unary():
  """Functions of one number."""
  def f(x):
    positive = tf.abs(x) + 0.5
    return names(
        abs=tf.abs(x), ceil=tf.math.ceil(x), cos=tf.cos(x), elu=tf.nn.elu(x), exp=tf.exp(x), floor=tf.floor(x),
        gelu=tf.nn.gelu(x), gelu_tanh=tf.nn.gelu(positive, approximate=True), hard_swish=x * tf.nn.relu6(x + 3) / 6,
        leaky=tf.nn.leaky_relu(x, 0.3), log=tf.math.log(positive), logistic=tf.sigmoid(x),
        log_softmax=tf.nn.log_softmax(x), neg=-x, relu=tf.nn.relu(x), relu6=tf.nn.relu6(x),
        relu1=tf.maximum(-1.0, tf.minimum(x, 1.0)), round=tf.round(x), rsqrt=tf.math.rsqrt(positive),
        sign=tf.sign(x), sin=tf.sin(x), softmax=tf.nn.softmax(2.0 * x), sqrt=tf.sqrt(positive), square=tf.square(x),
        tanh=tf.tanh(x), zeros=tf.zeros_like(x), l2=tf.nn.l2_normalize(x, -1),
        fake=tf.quantization.fake_quant_with_min_max_args(x, -3, 3))
  x = random(3, 5, low=-4, high=4)
  x[0] = [-2.5, -1.5, 0.5, 1.5, 2.5]
  return converted(f, (None, 5)), [{'x': x}]


@case
def op_binary():
  """Functions of two numbers, with fused activations."""
  def f(x, y):
    return names(
        add=tf.nn.relu(x + y), sub=tf.nn.relu6(x - y), mul=tf.tanh(x * y), div=x / y, max=tf.maximum(x, y),
        min=tf.minimum(x, y), pow=tf.pow(tf.abs(x), y), floor_div=tf.math.floordiv(x, y), mod=tf.math.floormod(x, y),
        squared=tf.math.squared_difference(x, y), atan2=tf.atan2(x, y), less=x < y, less_equal=x <= y, greater=x > y,
        greater_equal=x >= y, equal=tf.equal(x, y), not_equal=tf.not_equal(x, y),
        both=tf.logical_and(x > 0.0, y > 0.0), either=tf.logical_or(x > 0.0, y > 0.0), no=tf.logical_not(x > 0.0),
        select=tf.where(x > y, x, y), add_n=tf.add_n([x, x, x]))
  x = random(2, 4, low=-3, high=3)
  y = random(2, 4, low=0.5, high=2)
  y[0, 0] = x[0, 0]
  return converted(f, (2, 4), (2, 4)), [{'x': x, 'y': y}]


@case
def op_integers():
  """Arithmetic and casts of integers."""
  def f(x, y):
    return names(
        add=x + y, mul=x * y, div=raw.Div(x=x, y=y), floor_div=x // y, mod=x % y, neg=-x, max=tf.maximum(x, y),
        xor=tf.bitwise.bitwise_xor(x, y), shift=tf.bitwise.right_shift(tf.abs(x), tf.abs(y)),
        long=tf.cast(x, tf.int64), float=tf.cast(x, tf.float32), bool=tf.cast(x, tf.bool),
        truncated=tf.cast(tf.cast(x, tf.float32) * 0.7, tf.int32), squared=tf.square(x), abs=tf.abs(x))
  i = tf.int32
  return converted(f, ((4,), i), ((4,), i)), [{'x': np.array([7, -7, 5, -6], np.int32), 'y': np.array([2, 2, -3, -3], np.int32)}]


@case
def op_shaping():
  """Shapes, slices, joins and turns."""
  def f(x, y):
    a, b = tf.split(x, 2, axis=2)
    c, d, e = tf.split(x, [1, 2, 1], axis=2)
    return names(
        reshape=tf.reshape(x, [-1, 3]), squeeze=tf.squeeze(x[:1], [0]), expand=tf.expand_dims(x, 1),
        transpose=tf.transpose(x, [2, 0, 1]), concat=tf.concat([x, y], -1), stack=tf.stack([x, y], 1),
        unstack=tf.add_n(tf.unstack(x, axis=1)), split=a - b, split_v=d + c * e, slice=tf.slice(x, [0, 1, 1], [2, -1, 2]),
        strided=x[:, ::-1, 1:4:2], shrunk=x[1, ..., tf.newaxis, 2], pad=tf.pad(x, [[0, 0], [1, 2], [0, 1]]),
        pad_value=tf.pad(x, [[0, 0], [1, 0], [0, 1]], constant_values=7.0), mirror=tf.pad(x, [[0, 0], [1, 1], [2, 0]], 'REFLECT'),
        symmetric=tf.pad(x, [[0, 0], [1, 1], [2, 0]], 'SYMMETRIC'), tile=tf.tile(x, [1, 2, 1]), reverse=tf.reverse(x, [2]),
        reverse_sequence=tf.reverse_sequence(x, [2, 3], seq_axis=1, batch_axis=0), shape=tf.shape(x), rank=tf.rank(x),
        fill=tf.fill(tf.shape(x)[:2], 3.0), broadcast=tf.broadcast_to(x[:, :1], tf.shape(x)),
        range=tf.range(0, tf.shape(x)[0], 1), diag=tf.linalg.diag(x[0, 0]),
        set_diag=tf.linalg.set_diag(x[0], tf.constant([1.0, 2.0, 3.0])), cumsum=tf.cumsum(x, 1, exclusive=True, reverse=True))
  shape = (2, 3, 4)
  return converted(f, (None, 3, 4), (None, 3, 4)), [{'x': random(*shape), 'y': random(*shape)}]


@case
def op_gathers():
  """Gathers, scatters and what depends on values."""
  def f(x, i):
    values, places = tf.math.top_k(x, 2)
    unique, index = tf.unique(tf.reshape(i, [-1]))
    return names(
        gather=tf.gather(x, i[0], axis=1), batch=tf.gather(x, i, batch_dims=1), nd=tf.gather_nd(x, i), one_hot=tf.one_hot(i, 3, 2.0, -1.0),
        scatter=tf.scatter_nd(i, tf.constant([5.0, 6.0]), [2, 4]), where=tf.where(x > 0.0), top=values, places=places,
        arg_max=tf.argmax(x, 1), arg_min=tf.argmin(x, 0, output_type=tf.int32), unique=unique, index=index,
        embedding=tf.nn.embedding_lookup(tf.constant(np.arange(12.0, dtype=np.float32).reshape(4, 3)), i),
        segments=tf.math.unsorted_segment_sum(x, i[0], 3), most=tf.math.unsorted_segment_max(x, i[0], 2),
        update=gen_xla_ops.xla_dynamic_update_slice(x, x[:1, :2] * 10.0, i[1]))
  return converted(f, (2, 4), ((2, 2), tf.int32)), [{'x': random(2, 4), 'i': np.array([[0, 1], [1, 2]], np.int32)}]


@case
def op_reductions():
  """Reductions along axes."""
  def f(x):
    return names(
        mean=tf.reduce_mean(x, [1, 2]), kept=tf.reduce_mean(x, -1, keepdims=True), sum=tf.reduce_sum(x, 0),
        prod=tf.reduce_prod(x, 1), max=tf.reduce_max(x, [0, 2]), min=tf.reduce_min(x, 1), any=tf.reduce_any(x > 0.5, 1),
        all=tf.reduce_all(x > -0.5, 2), bucket=raw.Bucketize(input=x, boundaries=[-0.5, 0.0, 0.5]))
  return converted(f, (None, 3, 4)), [{'x': random(2, 3, 4)}]


@case
def op_images():
  """Pooling, resizing, blocks and normalization of images."""
  def f(x):
    return names(
        avg=tf.nn.avg_pool2d(x, 3, 2, 'SAME'), max=tf.nn.max_pool2d(x, (2, 3), (2, 1), 'VALID'),
        bilinear=raw.ResizeBilinear(images=x, size=[7, 9]), aligned=raw.ResizeBilinear(images=x, size=[7, 9], align_corners=True),
        half=raw.ResizeBilinear(images=x, size=[3, 9], half_pixel_centers=True),
        nearest=raw.ResizeNearestNeighbor(images=x, size=[9, 4]),
        nearest_half=raw.ResizeNearestNeighbor(images=x, size=[9, 4], half_pixel_centers=True),
        to_depth=tf.nn.space_to_depth(x, 2), to_space=tf.nn.depth_to_space(x, 2), lrn=tf.nn.local_response_normalization(x, 2, 1.0, 0.5, 0.7),
        to_batch=tf.space_to_batch(x, [2, 3], [[0, 0], [0, 0]]))
  return converted(f, (1, 6, 6, 4)), [{'x': random(1, 6, 6, 4)}]


@case
def op_convolutions():
  """Convolutions of one, two and three dimensions, in groups, and transposed."""
  filters = random(3, 3, 2, 6)
  depthwise = random(3, 2, 4, 2)
  wide = random(3, 4, 5)
  volume = random(2, 2, 2, 4, 3)
  transposed = random(3, 3, 2, 4)
  def f(x, v):
    return names(
        grouped=tf.nn.conv2d(x, filters, (2, 1), 'SAME'), dilated=tf.nn.conv2d(x, random(2, 2, 4, 3), 1, 'VALID', dilations=(2, 2)),
        depthwise=tf.nn.depthwise_conv2d(x, depthwise, (1, 1, 1, 1), 'SAME'),
        wide=tf.nn.conv1d(x[:, 0], wide, 2, 'SAME'), volume=tf.nn.conv3d(v, volume, (1, 1, 2, 1, 1), 'SAME'),
        transposed=tf.nn.conv2d_transpose(x, transposed, [1, 14, 14, 2], 2, 'SAME'),
        matmul=tf.matmul(x[0], x[0], transpose_b=True), dense=tf.matmul(x[0, 0], random(4, 3)))
  return converted(f, (1, 7, 7, 4), (1, 3, 4, 4, 4)), [{'x': random(1, 7, 7, 4), 'v': random(1, 3, 4, 4, 4)}]


@case
def op_control_flow():
  """A branch and a loop, one inside the other."""
  def f(x, n):
    def body(i, y):
      return i + 1, tf.cond(i % 2 == 0, lambda: y * 2.0, lambda: y - 1.0)
    _, y = tf.while_loop(lambda i, _: i < n, body, [tf.constant(0), x])
    return names(y=y, chosen=tf.cond(n > 3, lambda: tf.reduce_sum(y), lambda: tf.reduce_max(y)))
  model = converted(f, (3,), ((), tf.int32))
  return model, [{'x': random(3), 'n': np.array(n, np.int32)} for n in (0, 3, 4)]


@case
def op_boxes():
  """The best of boxes that overlap."""
  def f(boxes, scores):
    chosen, count = tf.image.non_max_suppression_padded(boxes, scores, 4, 0.5, 0.1, pad_to_max_output_size=True)
    selected, best = tf.image.non_max_suppression_with_scores(boxes, scores, 3, 0.5, 0.1, 0.0)
    return names(chosen=chosen, count=count, selected=selected, best=best)
  y, x = np.meshgrid([0, 0.1, 2], [0, 1.5])
  boxes = np.stack([y, x, y + 1, x + 1], -1).reshape(-1, 4).astype(np.float32)
  return converted(f, (6, 4), (6,)), [{'boxes': boxes, 'scores': np.array([.9, .8, .3, .05, .7, .6], np.float32)}]


@case
def op_spectrum():
  """The magnitudes of a spectrum."""
  def f(x):
    spectrum = tf.signal.rfft2d(x, [4, 8])
    return names(size=tf.abs(spectrum), real=tf.math.real(spectrum), imaginary=tf.math.imag(spectrum))
  return converted(f, (4, 8)), [{'x': random(4, 8)}], {'rtol': 1e-4, 'atol': 1e-5}


@case
def op_table():
  """Words to numbers by a table, which is filled before the first run."""
  class Module(tf.Module):
    def __init__(self):
      init = tf.lookup.KeyValueTensorInitializer(['one', 'two', 'three'], np.array([1, 2, 3], np.int64))
      self.table = tf.lookup.StaticHashTable(init, -1)

    @tf.function(input_signature=[tf.TensorSpec([3], tf.string)])
    def f(self, words):
      return names(ids=self.table.lookup(words), size=self.table.size())
  module = Module()
  converter = tf.lite.TFLiteConverter.from_concrete_functions([module.f.get_concrete_function()], module)
  converter.allow_custom_ops = False
  return converter.convert(), [{'words': np.array([b'two', b'none', b'three'], object)}]


@case
def op_flex():
  """Operators that TensorFlow Lite leaves to TensorFlow."""
  def f(x):
    return names(inverse=tf.linalg.inv(tf.linalg.diag(x[0] + 3.0)), parts=tf.strings.as_string(tf.cast(x * 10, tf.int32)))
  x = random(2, 3)
  outputs = {k: v.numpy() for k, v in f(tf.constant(x)).items()}
  return converted(f, (2, 3), flex=True), [('serving_default', {'x': x}, outputs)]


@case
def signatures():
  """Two signatures of one model, and names of their own."""
  class Module(tf.Module):
    def __init__(self):
      self.w = tf.Variable([2.0, 3.0])

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def scale(self, rows):
      return {'scaled': rows * self.w}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([None], tf.float32)])
    def add(self, a, b):
      return {'sum': a + b}
  module = Module()
  converter = tf.lite.TFLiteConverter.from_concrete_functions(
      [module.scale.get_concrete_function(), module.add.get_concrete_function()], module)
  path = '/tmp/servable-two-signatures'
  tf.saved_model.save(module, path, {'scale': module.scale, 'add': module.add})
  converter = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=['scale', 'add'])
  rows, a, b = random(3, 2), random(4), random(4)
  return converter.convert(), [('scale', {'rows': rows}, {'scaled': rows * np.array([2, 3], np.float32)}),
                               ('add', {'a': a, 'b': b}, {'sum': a + b})]
