"""Holds the exported Inception-v3 against real TensorFlow, from the bytes of JPEG files to the ten best classes.

    python examples/inception/conformance/compare.py

Run by hand, after `npm run build`. The oracle is independent of ours in every part: the network is that of
keras.applications, the checkpoint is read by TensorFlow's reader under the names that tensorflow/models
research/inception gives its variables, the pictures are decoded and resized by TensorFlow.
"""
import json
import os
import subprocess
import sys
import tempfile

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import keras  # pylint: disable=wrong-import-position
import numpy as np  # pylint: disable=wrong-import-position
import tensorflow as tf  # pylint: disable=wrong-import-position

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..')
TOLERANCE = 1e-3

# The convolutions of each block's branches, in the order in which the network makes them.
BLOCK_35 = {'branch1x1': 1, 'branch5x5': 2, 'branch3x3dbl': 3, 'branch_pool': 1}
BLOCK_17 = {'branch1x1': 1, 'branch7x7': 3, 'branch7x7dbl': 5, 'branch_pool': 1}
BLOCK_8 = {'branch1x1': 1, 'branch3x3': 3, 'branch3x3dbl': 4, 'branch_pool': 1}
BLOCKS = {
    'mixed_35x35x256a': BLOCK_35, 'mixed_35x35x288a': BLOCK_35, 'mixed_35x35x288b': BLOCK_35,
    'mixed_17x17x768a': {'branch3x3': 1, 'branch3x3dbl': 3},
    'mixed_17x17x768b': BLOCK_17, 'mixed_17x17x768c': BLOCK_17, 'mixed_17x17x768d': BLOCK_17, 'mixed_17x17x768e': BLOCK_17,
    'mixed_17x17x1280a': {'branch3x3': 2, 'branch7x7x3': 4},
    'mixed_8x8x2048a': BLOCK_8, 'mixed_8x8x2048b': BLOCK_8,
}


def convolution_scopes():
  yield from ('conv%d' % i for i in range(5))
  for block, branches in BLOCKS.items():
    for branch, count in branches.items():
      for i in range(count):
        yield '%s/%s/Conv%s' % (block, branch, '_%d' % i if i else '')


def numbered(layers):
  """Layers in the order in which they were made: conv2d, conv2d_1, conv2d_2 ..."""
  def number(layer):
    last = layer.name.rsplit('_', 1)[-1]
    return int(last) if last.isdigit() else 0
  return sorted(layers, key=number)


def oracle(prefix):
  """The network of keras.applications with the moving averages of a checkpoint."""
  keras.utils.clear_session()
  model = keras.applications.InceptionV3(weights=None, classes=1001, classifier_activation=None)
  reader = tf.train.load_checkpoint(prefix)

  def average(name):
    return reader.get_tensor(name + '/ExponentialMovingAverage')
  convolutions = numbered([l for l in model.layers if isinstance(l, keras.layers.Conv2D)])
  norms = numbered([l for l in model.layers if isinstance(l, keras.layers.BatchNormalization)])
  scopes = list(convolution_scopes())
  assert len(convolutions) == len(norms) == len(scopes), (len(convolutions), len(scopes))
  for scope, convolution, norm in zip(scopes, convolutions, norms):
    convolution.set_weights([average(scope + '/weights')])
    norm.set_weights([average('%s/BatchNorm/%s' % (scope, name)) for name in ('beta', 'moving_mean', 'moving_variance')])
  model.get_layer('predictions').set_weights([average('logits/logits/weights'), average('logits/logits/biases')])
  return model


def draw_pictures(folder):
  """Pictures of different sizes: waves of colour with some noise."""
  rng = np.random.default_rng(3)
  paths = []
  for i, (height, width) in enumerate([(299, 299), (480, 640), (211, 97)]):
    y, x = np.mgrid[0:height, 0:width] / 60
    waves = np.stack([np.sin(x + i), np.cos(y * (1 + i)), np.sin(x * y / 3 + i)], 2) * 90 + 128
    levels = np.clip(waves + rng.normal(0, 12, waves.shape), 0, 255).astype(np.uint8)
    paths.append(os.path.join(folder, '%d.jpg' % i))
    tf.io.write_file(paths[-1], tf.io.encode_jpeg(levels, quality=92))
  return paths


def preprocess(path):
  image = tf.image.convert_image_dtype(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), tf.float32)
  return (tf.compat.v1.image.resize_bilinear(image[None], [299, 299])[0] - 0.5) * 2


def node(*args):
  return subprocess.run(['node', *args], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def compare(kind, version_dir, pictures, logits):
  ours = json.loads(node('examples/inception/conformance/run-model.mjs', version_dir, *pictures))
  worst = 0
  for row, expected in zip(ours, logits):
    names = ['unused background' if i == 0 else 'class %04d' % i for i in np.argsort(-expected, kind='stable')[:10]]
    differences = np.abs(np.array(row['scores']) - np.sort(expected)[::-1][:10])
    worst = max(worst, differences.max())
    assert row['classes'] == names, (kind, row['classes'], names)
  print('%s: the same ten classes for %d pictures, scores differ by %.2g at most' % (kind, len(pictures), worst))
  assert worst <= TOLERANCE, worst


def main():
  with tempfile.TemporaryDirectory() as folder:
    pictures = draw_pictures(folder)
    for fmt in ('V1', 'V2'):
      train = os.path.join(folder, fmt)
      node('examples/inception/dist/inception_random_checkpoint.js', '--format=' + fmt, train)
      node('examples/inception/dist/inception_export.js', '--number_classes', '--model_version=7', '--checkpoint_dir=' + train,
           '--output_dir=%s/saved_model' % train, '--export_dir=%s/session_bundle' % train)
      model = oracle(os.path.join(train, 'model.ckpt-157585'))
      logits = model.predict(tf.stack([preprocess(p) for p in pictures]), verbose=0)
      compare(fmt + ' checkpoint, SavedModel', train + '/saved_model/7', pictures, logits)
      compare(fmt + ' checkpoint, SessionBundle', train + '/session_bundle/00000007', pictures, logits)
      restored = tf.saved_model.load(train + '/saved_model/7').signatures['predict_images']
      theirs = restored(images=tf.stack([tf.io.read_file(p) for p in pictures]))['scores'].numpy()
      difference = np.abs(theirs - np.sort(logits, 1)[:, ::-1][:, :10]).max()
      print('%s checkpoint: TensorFlow runs our SavedModel, scores differ by %.2g at most' % (fmt, difference))
      assert difference <= TOLERANCE, difference


if __name__ == '__main__':
  sys.exit(main())
