"""Random ops: stateless ones, and those with seeds, the same numbers every time."""
import tensorflow as tf

from recorder import case, raw
from refusals import H, refuses

CLOSE = {'rtol': 2e-5, 'atol': 2e-6}
SEEDS = ([0, 0], [1, 2], [-5, 2**31 - 1])


def stateless(dtype):
  def build():
    for seed in SEEDS:
      raw.StatelessRandomUniform(shape=[7], seed=seed, dtype=dtype)
      raw.StatelessRandomNormal(shape=[2, 3], seed=seed, dtype=dtype)
    raw.StatelessTruncatedNormal(shape=[11], seed=tf.constant([3, 2**40], tf.int64), dtype=dtype)
    raw.StatelessRandomUniform(shape=tf.constant([0, 2], tf.int64), seed=[1, 1], dtype=dtype)
    raw.StatelessRandomUniform(shape=tf.constant([], tf.int32), seed=[1, 1], dtype=dtype)
    key, counter = raw.StatelessRandomGetKeyCounter(seed=[7, 9])
    algorithm = raw.StatelessRandomGetAlg()
    args = dict(shape=[5], key=key, counter=counter, alg=algorithm, dtype=dtype)
    raw.StatelessRandomUniformV2(**args)
    raw.StatelessRandomNormalV2(**args)
    raw.StatelessTruncatedNormalV2(**args)
  return build


for dtype in (tf.float32, tf.float64, tf.float16, tf.bfloat16):
  case(f'stateless {dtype.name}', stateless(dtype), **(CLOSE if dtype.size > 2 else {'rtol': 1e-2, 'atol': 1e-3}))


def integers(dtype):
  def build():
    low, high = tf.constant(3, dtype), tf.constant(100, dtype)
    if not dtype.is_unsigned:
      raw.StatelessRandomUniformInt(shape=[9], seed=[1, 2], minval=low, maxval=high)
    raw.StatelessRandomUniformFullInt(shape=[5], seed=[1, 2], dtype=dtype)
    key, counter, algorithm = raw.StatelessRandomGetKeyCounterAlg(seed=tf.constant([7, 9], tf.int64))
    args = dict(shape=[5], key=key, counter=counter, alg=algorithm)
    if not dtype.is_unsigned:
      raw.StatelessRandomUniformIntV2(minval=low, maxval=high, **args)
    raw.StatelessRandomUniformFullIntV2(dtype=dtype, **args)
    if not dtype.is_unsigned:
      raw.StatelessRandomUniformInt(shape=[4], seed=[1, 2], minval=tf.constant(dtype.min, dtype), maxval=tf.constant(dtype.max, dtype))
  return build


for dtype in (tf.int32, tf.int64, tf.uint32, tf.uint64):
  case(f'stateless {dtype.name}', integers(dtype))
refuses('StatelessRandomUniformInt', shape=H([3]), seed=H([1, 2]), minval=H(5), maxval=H(5))
refuses('StatelessRandomUniform', shape=H([-3]), seed=H([1, 2]))
refuses('StatelessRandomUniform', shape=H([3]), seed=H([1, 2, 3]))


def parameters():
  raw.StatelessRandomGammaV2(shape=[3, 4], seed=[1, 2], alpha=[0.5, 1.0, 2.5, 30.0])
  raw.StatelessRandomPoisson(shape=[3, 4], seed=[1, 2], lam=[0.5, 3.0, 12.0, 200.0], dtype=tf.int64)
  raw.StatelessMultinomial(logits=[[0.0, 1.0, -1.0], [5.0, float('-inf'), 0.0]], num_samples=6, seed=[1, 2])


case('stateless gamma, Poisson, categorical', parameters, **CLOSE)


def seeded():
  for op in (raw.RandomUniform, raw.RandomStandardNormal, raw.TruncatedNormal):
    op(shape=[6], dtype=tf.float32, seed=3, seed2=4)
  raw.RandomUniform(shape=[3], dtype=tf.float64, seed=0, seed2=-4)
  raw.RandomUniformInt(shape=[2, 3], minval=-5, maxval=5, seed=87654321, seed2=5)
  raw.RandomGamma(shape=[3], alpha=[0.5, 4.0], seed=3, seed2=4)
  raw.RandomPoissonV2(shape=[3], rate=[0.5, 40.0], seed=3, seed2=4)
  raw.RandomShuffle(value=[0, 1, 2, 3, 4, 5, 6], seed=3, seed2=4)
  raw.RandomShuffle(value=[['a', 'b'], ['c', 'd'], ['e', 'f']], seed=3, seed2=4)
  raw.Multinomial(logits=[[0.0, 1.0, -1.0], [5.0, 0.0, 0.0]], num_samples=6, seed=3, seed2=4)


case('seeded ops, their first run', seeded, **CLOSE)


def variable():
  handle = raw.VarHandleOp(dtype=tf.int64, shape=[3], shared_name='generator')
  raw.AssignVariableOp(resource=handle, value=tf.constant([5, 0, 42], tf.int64))
  alg, one = tf.constant(1), tf.constant(1, tf.int64)
  raw.RngReadAndSkip(resource=handle, alg=alg, delta=tf.constant(7, tf.uint64))
  raw.StatefulUniform(resource=handle, algorithm=one, shape=[3], dtype=tf.float32)
  raw.StatefulStandardNormalV2(resource=handle, algorithm=one, shape=[3], dtype=tf.float32)
  raw.StatefulTruncatedNormal(resource=handle, algorithm=one, shape=[3], dtype=tf.float32)
  raw.StatefulUniformInt(resource=handle, algorithm=one, shape=[3], minval=tf.constant(0, tf.int64), maxval=tf.constant(10, tf.int64))
  raw.StatefulUniformFullInt(resource=handle, algorithm=one, shape=[3], dtype=tf.uint64)
  raw.RngSkip(resource=handle, algorithm=one, delta=tf.constant(2, tf.int64))
  raw.ReadVariableOp(resource=handle, dtype=tf.int64)


case('a generator in a variable', variable, **CLOSE)


def fractional_pooling():
  x = tf.reshape(tf.range(70.0), [1, 7, 5, 2])
  for op in (raw.FractionalAvgPool, raw.FractionalMaxPool):
    for pseudo in (False, True):
      for overlapping in (False, True):
        op(value=x, pooling_ratio=[1.0, 1.4, 1.6, 1.0], pseudo_random=pseudo, overlapping=overlapping, deterministic=True, seed=3, seed2=9)


case('fractional pooling', fractional_pooling, **CLOSE)


def boxes():
  size, objects = [40, 60, 3], [[[0.1, 0.2, 0.5, 0.6], [0.6, 0.1, 0.9, 0.4]]]
  for seed in (1, 2, 3, 4, 5):
    raw.SampleDistortedBoundingBoxV2(image_size=size, bounding_boxes=objects, min_object_covered=0.5, seed=seed, seed2=7)
  none = tf.zeros([0, 0, 4])
  raw.SampleDistortedBoundingBox(image_size=size, bounding_boxes=none, min_object_covered=0.9, seed=3, use_image_if_no_bounding_boxes=True)
  raw.SampleDistortedBoundingBoxV2(image_size=size, bounding_boxes=none, min_object_covered=0.1, seed=8, use_image_if_no_bounding_boxes=True,
                                   area_range=[0.3, 0.4], aspect_ratio_range=[0.5, 2.0])
  raw.StatelessSampleDistortedBoundingBox(image_size=size, bounding_boxes=objects, min_object_covered=0.2, seed=[1, 2], max_attempts=20)


case('SampleDistortedBoundingBox', boxes, **CLOSE)
refuses('SampleDistortedBoundingBoxV2', image_size=H([4, 4, 3]), bounding_boxes=H([[]], tf.float32), min_object_covered=H(0.1))
