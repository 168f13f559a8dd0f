"""Small graphs of ops as layers use them, put together by chance (seeded)."""
import numpy as np
import tensorflow as tf

from oracle import composition, take
from variants_elementwise import ordinary
take()

raw = tf.raw_ops


class Maker:
  """Adds ops to a graph, with parameters by chance; everything that comes from the state is drawn before use."""

  def __init__(self, seed, dtype=tf.float32):
    self.state = np.random.RandomState(seed)
    self.dtype = dtype

  def pick(self, *options):
    return options[self.state.randint(len(options))]

  def constant(self, shape):
    return tf.constant(np.round(self.state.uniform(-1, 1, shape) * 16) / 16, self.dtype)

  def positive(self, shape):
    return tf.constant(np.round(self.state.uniform(.25, 2, shape) * 16) / 16, self.dtype)

  # ---- on images [n, h, w, c]
  def conv(self, x):
    k, out, stride, pad = self.pick(1, 2, 3), self.pick(2, 3, 4), self.pick(1, 1, 2), self.pick('SAME', 'VALID')
    if min(x.shape[1:3]) < k:
      return x
    y = tf.nn.conv2d(x, self.constant([k, k, x.shape[3], out]), stride, pad)
    if self.pick(0, 1):
      y = tf.nn.bias_add(y, self.constant([out]))
    return y

  def conv_same_transpose(self, x):
    perm = self.pick([0, 3, 1, 2], [0, 2, 1, 3])
    y = tf.transpose(x, perm)
    z = self.activation(y)
    return tf.transpose(z, np.argsort(perm))

  def depthwise(self, x):
    if min(x.shape[1:3]) < 2:
      return x
    return tf.nn.depthwise_conv2d(x, self.constant([2, 2, x.shape[3], self.pick(1, 2)]), [1, 1, 1, 1], self.pick('SAME', 'VALID'))

  def norm(self, x):
    if self.dtype == tf.float64:
      return self.norm_by_hand(x)
    c = x.shape[3]
    single = lambda v: tf.cast(v, tf.float32)
    return raw.FusedBatchNormV3(x=x, scale=single(self.positive([c])), offset=single(self.constant([c])), mean=single(self.constant([c])), variance=single(self.positive([c])), is_training=False, epsilon=1e-3).y

  def norm_by_hand(self, x):
    c = x.shape[-1]
    inv = tf.math.rsqrt(self.positive([c]) + 1e-3) * self.positive([c])
    return x * inv + (self.constant([c]) - self.constant([c]) * inv)

  def layer_norm(self, x):
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-3) * self.constant([x.shape[-1]]) + self.constant([x.shape[-1]])

  def pool(self, x):
    if min(x.shape[1:3]) < 2:
      return x
    return self.pick(tf.nn.max_pool2d, tf.nn.avg_pool2d)(x, 2, self.pick(1, 2), self.pick('SAME', 'VALID'))

  def pad(self, x):
    y = tf.pad(x, [[0, 0], [self.pick(0, 1), 1], [1, self.pick(0, 2)], [0, 0]])
    if self.pick(0, 1):
      y = tf.nn.conv2d(y, self.constant([2, 2, x.shape[3], 3]), self.pick(1, 2), 'VALID')
    return y

  def resize(self, x):
    return self.pick(lambda: tf.cast(raw.ResizeBilinear(images=x, size=[5, 6], half_pixel_centers=bool(self.pick(0, 1))), self.dtype),
                     lambda: raw.ResizeNearestNeighbor(images=x, size=[6, 4]))()

  def upsample(self, x):
    h, w = x.shape[1:3]
    y = tf.reshape(x, [-1, h, 1, w, 1, x.shape[3]])
    return tf.reshape(tf.tile(y, [1, 1, 2, 1, 2, 1]), [-1, 2 * h, 2 * w, x.shape[3]])

  def transposed(self, x):
    h, w, c = x.shape[1:]
    return tf.nn.conv2d_transpose(x, self.constant([3, 3, 2, c]), tf.stack([tf.shape(x)[0], 2 * h, 2 * w, 2]), 2, 'SAME')

  def squeeze_excite(self, x):
    c = x.shape[3]
    s = tf.reduce_mean(x, [1, 2], keepdims=True)
    return x * tf.sigmoid(tf.nn.conv2d(s, self.constant([1, 1, c, c]), 1, 'SAME'))

  def blocks(self, x):
    return tf.nn.depth_to_space(x, 2) if x.shape[3] % 4 == 0 else tf.nn.space_to_depth(tf.pad(x, [[0, 0], [0, x.shape[1] % 2], [0, x.shape[2] % 2], [0, 0]]), 2)

  def dilated(self, x):
    if min(x.shape[1:3]) < 3:
      return x
    return tf.nn.conv2d(x, self.constant([2, 2, x.shape[3], 2]), 1, 'SAME', dilations=2)

  def batched_dilation(self, x):
    p = [[1, 1 + x.shape[1] % 2], [1, 1 + x.shape[2] % 2]]
    y = tf.space_to_batch_nd(x, [2, 2], p)
    y = tf.nn.conv2d(y, self.constant([2, 2, x.shape[3], 2]), 1, 'SAME')
    return tf.batch_to_space(y, [2, 2], [[1, p[0][1]], [1, p[1][1]]])

  def shuffled(self, x):
    h, w, c = x.shape[1:]
    if c % 2:
      return x
    y = tf.reshape(x, [-1, h, w, 2, c // 2])
    return tf.reshape(tf.transpose(y, [0, 1, 2, 4, 3]), tf.concat([tf.shape(x)[:3], [c]], 0))

  def branches(self, x):
    a, b = self.activation(self.same_conv(x)), self.same_conv(x)
    return self.pick(lambda: tf.concat([a, b], -1), lambda: a + b, lambda: a * tf.sigmoid(b), lambda: tf.concat([x, a], -1), lambda: tf.add_n([a, b, a]))()

  def same_conv(self, x):
    return tf.nn.conv2d(x, self.constant([self.pick(1, 3), self.pick(1, 3), x.shape[3], 4]), 1, 'SAME')

  def residual(self, x):
    y = self.norm(self.same_conv(x))
    return tf.nn.relu(y + tf.nn.conv2d(x, self.constant([1, 1, x.shape[3], 4]), 1, 'VALID'))

  def grouped(self, x):
    if x.shape[3] % 2:
      return x
    return tf.concat([tf.nn.conv2d(part, self.constant([1, 3, x.shape[3] // 2, 2]), 1, 'SAME') for part in tf.split(x, 2, 3)], 3)

  def excited_by_dense(self, x):
    c = x.shape[3]
    s = tf.reduce_mean(x, [1, 2])
    s = tf.nn.relu(tf.matmul(s, self.constant([c, 2])) + self.constant([2]))
    s = tf.sigmoid(tf.matmul(s, self.constant([2, c])))
    return x * (tf.reshape(s, [-1, 1, 1, c]) if self.pick(0, 1) else s[:, None, None])

  def normed_by_hand(self, x):
    axes = self.pick([1, 2], [3], [1, 2, 3])
    mean = tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axes, keepdims=True)
    return (x - mean) / tf.sqrt(variance + 1e-3)

  def padded_pool(self, x):
    y = tf.pad(x, [[0, 0], [1, 1], [0, 2], [0, 0]], self.pick('CONSTANT', 'SYMMETRIC'))
    return self.pick(tf.nn.max_pool2d, tf.nn.avg_pool2d)(y, 3, 2, self.pick('SAME', 'VALID'))

  def separable(self, x):
    c = x.shape[3]
    return tf.nn.conv2d(tf.nn.depthwise_conv2d(x, self.constant([3, 3, c, 1]), [1, 1, 1, 1], 'SAME'), self.constant([1, 1, c, 3]), 1, 'VALID')

  def volumes(self, x):
    return tf.nn.conv3d(x[..., None], self.constant([2, 2, 2, 1, 2]), [1, 1, 1, 1, 1], 'SAME')[..., self.pick(0, 1)]

  def projected(self, x):
    h, w, c = x.shape[1:]
    y = tf.reshape(x, [-1, c])
    return tf.reshape(tf.matmul(y, self.constant([c, 3])) + self.constant([3]), tf.stack([-1, h, w, 3]) if self.pick(0, 1) else [-1, h, w, 3])

  # ---- on anything
  def smooth(self, x):
    return self.pick(lambda: x * tf.tanh(tf.nn.softplus(x)), lambda: x * tf.sigmoid(x * 1.5), lambda: x * tf.nn.relu6(x + 3) / 6, lambda: tf.nn.relu(x) - tf.nn.relu(x - 1), lambda: .5 * x * (1 + tf.math.erf(x / 1.41421356)), lambda: .5 * x * (1 + tf.tanh(.79788456 * (x + .044715 * x * x * x))),
                     lambda: tf.math.log1p(tf.abs(x)), lambda: tf.math.expm1(-tf.abs(x)), lambda: tf.sign(x) * tf.sqrt(tf.abs(x)), lambda: tf.math.reciprocal_no_nan(tf.round(x)), lambda: tf.nn.relu(1 - tf.abs(x)), lambda: tf.math.sin(x) * tf.math.cos(x), lambda: tf.math.atan2(x, tf.ones_like(x)))()

  def choice(self, x):
    i = tf.argmax(x, -1)
    return self.pick(lambda: tf.one_hot(i, x.shape[-1], dtype=self.dtype) * x, lambda: x * tf.cast(tf.equal(tf.expand_dims(i, -1), tf.range(x.shape[-1], dtype=tf.int64)), self.dtype), lambda: tf.gather(self.constant([x.shape[-1], 3]), i),
                     lambda: tf.math.top_k(x, max(1, x.shape[-1] - 1)).values, lambda: tf.sort(x, -1), lambda: tf.gather(x, tf.argsort(x, -1), batch_dims=len(x.shape) - 1))()

  def reduced(self, x):
    f = self.pick(tf.reduce_sum, tf.reduce_max, tf.reduce_min, tf.reduce_mean, tf.reduce_logsumexp, tf.math.reduce_std)
    return self.pick(lambda: x - f(x, -1, keepdims=True), lambda: x * tf.expand_dims(f(x, len(x.shape) - 1), -1), lambda: x + tf.reshape(f(x, list(range(1, len(x.shape)))), [-1] + [1] * (len(x.shape) - 1)))()

  def normed(self, x):
    return self.pick(lambda: tf.nn.l2_normalize(x, -1), lambda: x / (tf.norm(x, axis=-1, keepdims=True) + 1), lambda: x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + 1e-3) * self.constant([x.shape[-1]]), lambda: tf.clip_by_value(x, tf.reduce_min(x) * .5, tf.reduce_max(x) * .5))()

  def activation(self, x):
    return self.pick(tf.nn.relu, tf.nn.relu6, tf.sigmoid, tf.tanh, tf.nn.elu, tf.nn.selu, tf.nn.softplus, tf.nn.softsign, tf.nn.swish, tf.nn.gelu, lambda v: tf.nn.gelu(v, approximate=True),
                     lambda v: tf.nn.leaky_relu(v, .3), lambda v: v * tf.nn.relu6(v + 3) * tf.constant(1 / 6, self.dtype), lambda v: tf.clip_by_value(v, -1, 1), tf.abs, tf.square, lambda v: tf.math.exp(-tf.square(v)),
                     lambda v: tf.nn.relu(v) + self.constant([v.shape[-1]]) * tf.minimum(v, 0), tf.math.erf, lambda v: tf.math.rsqrt(tf.abs(v) + 1), lambda v: tf.pow(tf.abs(v), 1.5))(x)

  def arithmetic(self, x):
    c = x.shape[-1]
    return self.pick(lambda: x + self.constant([c]), lambda: self.constant([]) - x, lambda: x * self.constant([c]) + self.constant([c]), lambda: x / self.positive([c]), lambda: tf.maximum(x, self.constant([c])),
                     lambda: tf.where(x > 0, x, x * self.constant([c])), lambda: tf.cast(tf.cast(x * 8, tf.int32) // 3, self.dtype), lambda: tf.math.floormod(x, 1.5), lambda: tf.cast(x > self.constant([]), self.dtype) * x,
                     lambda: tf.math.squared_difference(x, self.constant([c])), lambda: x - tf.reduce_mean(x, -1, keepdims=True))()

  def halve(self, x):
    a, b = tf.split(x, [x.shape[-1] // 2, -1], -1) if x.shape[-1] > 1 else (x, x)
    return tf.concat([self.activation(b), a], -1)

  def softmax(self, x):
    return tf.nn.softmax(x) if self.pick(0, 1) else tf.nn.log_softmax(x)

  def slices(self, x):
    return self.pick(lambda: x[..., ::-1], lambda: tf.concat([x[..., 1:], x[..., :1]], -1), lambda: tf.gather(x, list(range(x.shape[-1]))[::-1], axis=-1), lambda: tf.reverse(x, [-1]), lambda: tf.roll(x, 1, -1),
                     lambda: tf.cumsum(x, -1), lambda: tf.stack(tf.unstack(x, axis=-1), -1), lambda: tf.concat([x, x], -1), lambda: tf.pad(x, [[0, 0]] * (len(x.shape) - 1) + [[1, 0]], constant_values=1.0))()

  def skip(self, x):
    y = self.activation(self.arithmetic(x))
    return self.pick(tf.add, tf.multiply, tf.maximum)(x, y)

  # ---- on matrices [n, c] and sequences [n, t, c]
  def dense(self, x):
    y = tf.tensordot(x, self.constant([x.shape[-1], 4]), 1) if len(x.shape) > 2 else tf.matmul(x, self.constant([x.shape[-1], 4]))
    return self.activation(y + self.constant([4])) if self.pick(0, 1) else tf.nn.bias_add(y, self.constant([4]))

  def einsum_dense(self, x):
    return tf.einsum('...i,ij->...j', x, self.constant([x.shape[-1], 3])) if len(x.shape) == 2 else tf.einsum('abc,cd->abd', x, self.constant([x.shape[-1], 3]))

  def attention(self, x):
    c = x.shape[-1]
    q, k, v = (tf.einsum('btc,chd->bthd', x, self.constant([c, 2, 3])) for _ in range(3))
    scores = tf.einsum('bqhd,bkhd->bhqk', q * tf.constant(3 ** -.5, self.dtype), k)
    if self.pick(0, 1):
      t = x.shape[1]
      scores += (1 - tf.linalg.band_part(tf.ones([t, t], self.dtype), -1, 0)) * tf.constant(-1e4, self.dtype)
    y = tf.einsum('bhqk,bkhd->bqhd', tf.nn.softmax(scores), v)
    return tf.einsum('bqhd,hdc->bqc', y, self.constant([2, 3, c]))

  def matmul_attention(self, x):
    s = tf.matmul(x, x, transpose_b=True)
    return tf.matmul(tf.nn.softmax(s * .5), x)

  def conv1d(self, x):
    return tf.nn.conv1d(x, self.constant([2, x.shape[-1], 3]), 1, self.pick('SAME', 'VALID')) if x.shape[1] > 1 else x

  def swap(self, x):
    return tf.transpose(x, [0, 2, 1])

  # ---- from one rank to another
  def flatten(self, x):
    n = int(np.prod(x.shape[1:]))
    return self.pick(lambda: tf.reshape(x, [-1, n]), lambda: tf.reshape(x, tf.stack([tf.shape(x)[0], n])), lambda: tf.reshape(x, tf.concat([tf.shape(x)[:1], [-1]], 0)))()

  def to_sequence(self, x):
    h, w, c = x.shape[1:]
    return self.pick(lambda: tf.reshape(x, [-1, h * w, c]), lambda: tf.reduce_max(x, 1), lambda: tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [-1, w, h * c]))()

  def to_matrix(self, x):
    return self.pick(lambda: tf.reduce_mean(x, list(range(1, len(x.shape) - 1))), lambda: tf.reduce_max(x, list(range(1, len(x.shape) - 1))), lambda: self.flatten(x), lambda: x[:, -1] if len(x.shape) == 3 else x[:, 0, -1])()

  def to_image(self, x):
    c = x.shape[-1]
    return tf.reshape(x, [-1, 1, c, 1]) if self.pick(0, 1) else x[:, tf.newaxis, :, tf.newaxis]


ANY = ['activation', 'arithmetic', 'halve', 'softmax', 'slices', 'skip', 'norm_by_hand', 'layer_norm']
OPTIONS = {4: ['conv', 'conv', 'conv_same_transpose', 'depthwise', 'norm', 'pool', 'pad', 'resize', 'upsample', 'transposed', 'squeeze_excite', 'blocks', 'dilated', 'batched_dilation', 'to_sequence', 'to_matrix'] + ANY,
           3: ['dense', 'einsum_dense', 'attention', 'matmul_attention', 'conv1d', 'swap', 'to_matrix'] + ANY, 2: ['dense', 'einsum_dense', 'to_image'] + ANY}


def made(seed, trace, dtype=tf.float32, options_of=None):
  options_of = options_of or {rank: list(names) for rank, names in OPTIONS.items()}

  def build(x):
    maker = Maker(seed, dtype)
    x = tf.cast(x, dtype)
    outputs = []
    for _ in range(maker.state.randint(3, 9)):
      options = options_of[len(x.shape)]
      name = options[maker.state.randint(len(options))]
      x = getattr(maker, name)(x)
      trace.append(name)
      if int(np.prod(x.shape[1:])) > 600:
        x = maker.to_matrix(x)
      if maker.state.rand() < .15:
        outputs.append(tf.identity(x))
    return outputs + [tf.identity(x)]
  return build


for seed in range(900):
  shape = ([2, 6, 5, 3], [2, 4, 4, 4], [3, 5, 4], [2, 6])[seed % 4]
  composition('graph', f'graph {seed}', [(ordinary(shape, 'float32', seed, low=-2, high=2), [None] + shape[1:])], made(seed, []), rtol=2e-4, atol=2e-4)

# The same in other types, which ONNX Runtime computes otherwise.
for dtype, tolerance in ((tf.float64, 1e-4), (tf.float16, 3e-2), (tf.bfloat16, 1e-1)):
  for seed in range(1000, 1160):
    shape = ([2, 6, 5, 3], [2, 4, 4, 4], [3, 5, 4], [2, 6])[seed % 4]
    composition('graph', f'graph {seed} of {dtype.name}', [(ordinary(shape, 'float32', seed, low=-2, high=2), [None] + shape[1:])], made(seed, [], dtype), rtol=tolerance, atol=tolerance)

# And more kinds of layers.
OPTIONS[4] += ['shuffled', 'branches', 'residual', 'grouped', 'excited_by_dense', 'normed_by_hand', 'padded_pool', 'separable', 'volumes', 'projected'] * 2
for rank in OPTIONS:
  OPTIONS[rank] += ['smooth', 'choice', 'reduced', 'normed'] * 2
for seed in range(2000, 3200):
  shape = ([2, 6, 5, 4], [2, 4, 4, 4], [3, 7, 6, 2], [3, 5, 4], [2, 6])[seed % 5]
  composition('graph', f'graph {seed}', [(ordinary(shape, 'float32', seed, low=-2, high=2), [None] + shape[1:])], made(seed, []), rtol=5e-4, atol=5e-4)
