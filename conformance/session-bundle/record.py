"""Writes SessionBundles with TensorFlow and records what they compute, for packages/engine/src/session-bundle.test.ts.

    python record.py

Writes packages/engine/src/fixtures/session-bundles/<case>/00000001, and <case>/case.json: calls, each with signature,
inputs, outputs (tensors as dtype, shape and values; strings as text, or base64 under `bytes`).
"""
import base64
import json
import shutil

import numpy as np

import bundle
from bundle import tf, tf1

tf1.disable_v2_behavior()
FIXTURES = bundle.PROTOS.parents[1] / 'engine/src/fixtures/session-bundles'

cases = {}


def case(build):
  cases[build.__name__] = build
  return build


def tensor_json(array):
  array = np.asarray(array)
  if array.dtype == object or array.dtype.kind in 'SU':
    values = [base64.b64encode(x if isinstance(x, bytes) else str(x).encode()).decode() for x in array.flatten()]
    return {'dtype': 'string', 'shape': list(array.shape), 'bytes': values}
  return {'dtype': array.dtype.name, 'shape': list(array.shape), 'values': array.flatten().tolist()}


def example(**floats):
  feature = {k: tf.train.Feature(float_list=tf.train.FloatList(value=v)) for k, v in floats.items()}
  return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


@case
def regression_in_shards(folder):
  """The toy model of TensorFlow Serving: y = a*x + b, with asset names in variables that the init op assigns."""
  a = tf1.Variable(0.5, name='a', use_resource=False)
  b = tf1.Variable(2.0, name='b', use_resource=False)
  examples = tf1.placeholder(tf.string, [None], name='examples')
  parsed = tf1.parse_example(examples, {'x': tf1.FixedLenFeature([1], tf.float32)})
  x = tf1.identity(parsed['x'], name='x')
  y = tf.add(tf.multiply(a, x), b, name='y')
  saver = bundle.legacy_saver({'a': a, 'b': b}, sharded=True)
  original = tf.constant('/somewhere/else/hello.txt')
  filename = tf1.Variable(original, name='filename', trainable=False, collections=[], use_resource=False)
  asset = tf.strings.regex_replace(filename, '.*/', '', name='asset')
  init_op = tf.group(filename.assign(original), name='init')
  with tf1.Session() as session:
    session.run(tf1.global_variables_initializer())
    session.run(filename.initializer)
    bundle.export(
        session, saver, folder, default=bundle.regression(examples, y),
        named={'inputs': bundle.generic({'x': x}), 'outputs': bundle.generic({'y': y, 'asset': asset}),
               'other': bundle.regression(examples, y), 'ignored': bundle.generic({'x': x})},
        init_op=init_op, assets={original: ('hello.txt', 'hello')})
  return [
      ('serving_default', {'inputs': np.array([example(x=[1]), example(x=[-3])], object)}, {'outputs': y}),
      ('other', {'inputs': np.array([example(x=[10])], object)}, {'outputs': y}),
      ('serving_default_from_named', {'x': np.array([[4]], np.float32)}, {'y': y, 'asset': asset}),
  ]


@case
def classification_with_table(folder):
  """A classifier whose labels come from a vocabulary file; one checkpoint file; a graph of its own for serving."""
  with tf.device('/device:CPU:0'):
    w = tf1.get_variable('w', initializer=np.array([[1, -1, .5], [0, 2, -.5]], np.float32), use_resource=False)
    b = tf1.get_variable('b', initializer=np.array([.1, 0, -.1], np.float32), use_resource=False)
  examples = tf1.placeholder(tf.string, [None], name='examples')
  x = tf1.parse_example(examples, {'x': tf1.FixedLenFeature([2], tf.float32)})['x']
  scores, ids = tf.nn.top_k(tf.nn.softmax(tf.matmul(x, w) + b), 2)
  vocabulary = tf.constant('/somewhere/else/labels.txt')
  table = tf.lookup.StaticHashTable(
      tf.lookup.TextFileInitializer(vocabulary, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER, tf.string,
                                    tf.lookup.TextFileIndex.WHOLE_LINE), 'unknown')
  classes = table.lookup(tf.cast(ids, tf.int64))
  saver = tf1.train.Saver(write_version=tf1.train.SaverDef.V1)
  init_op = tf.group(tf1.get_collection(tf1.GraphKeys.TABLE_INITIALIZERS), name='init_tables')
  graph = tf1.get_default_graph().as_graph_def()
  for node in graph.node:
    node.device = ''
  with tf1.Session() as session:
    session.run(tf1.global_variables_initializer())
    bundle.export(session, saver, folder, default=bundle.classification(examples, classes, scores), init_op=init_op,
                  assets={vocabulary: ('labels.txt', 'cat\ndog\nbird\n')}, serving_graph=graph)
  rows = [example(x=[1, 0]), example(x=[0, 1]), example(x=[-2, -3])]
  return [('serving_default', {'inputs': np.array(rows, object)}, {'classes': classes, 'scores': scores})]


@case
def predict_with_v2_checkpoint(folder):
  """Resource variables, one of them in parts, in a checkpoint of the second format."""
  parts = tf1.get_variable('parts', [6, 2], initializer=tf1.random_uniform_initializer(seed=1),
                           partitioner=tf1.fixed_size_partitioner(3), use_resource=True)
  counts = tf1.get_variable('counts', initializer=np.array([3, -7], np.int64), use_resource=True)
  ids = tf1.placeholder(tf.int32, name='ids')
  rows = tf.nn.embedding_lookup(tf.convert_to_tensor(parts), ids, name='rows')
  total = tf.add(counts, tf.cast(tf.size(ids), tf.int64), name='total')
  saver = tf1.train.Saver(write_version=tf1.train.SaverDef.V2)
  with tf1.Session() as session:
    session.run(tf1.global_variables_initializer())
    bundle.export(session, saver, folder,
                  named={'inputs': bundle.generic({'ids': ids}), 'outputs': bundle.generic({'rows': rows, 'total': total})})
  return [('serving_default', {'ids': np.array([5, 0], np.int32)}, {'rows': rows, 'total': total}),
          ('serving_default', {'ids': np.array([[1], [2], [3]], np.int32)}, {'rows': rows, 'total': total})]


@case
def slices_in_shards(folder):
  """A partitioned variable in a checkpoint of the first format: RestoreSlice reads parts of it."""
  parts = tf1.get_variable('parts', [5, 3], initializer=tf1.random_uniform_initializer(seed=2),
                           partitioner=tf1.fixed_size_partitioner(2), use_resource=False)
  x = tf1.placeholder(tf.float32, [None, 5], name='x')
  y = tf.matmul(x, tf.convert_to_tensor(parts), name='y')
  saver = bundle.legacy_saver(sharded=True)
  with tf1.Session() as session:
    session.run(tf1.global_variables_initializer())
    bundle.export(session, saver, folder, named={'inputs': bundle.generic({'x': x}), 'outputs': bundle.generic({'y': y})})
  return [('serving_default', {'x': np.eye(5, dtype=np.float32)[1:3]}, {'y': y})]


def input_tensor(signatures, name, key):
  if name == 'serving_default_from_named' or not signatures.HasField('default_signature'):
    return signatures.named_signatures['inputs'].generic_signature.map[key].tensor_name
  signature = signatures.default_signature if name == 'serving_default' else signatures.named_signatures[name]
  return getattr(signature, signature.WhichOneof('type')).input.tensor_name


def record(name, build):
  folder = FIXTURES / name
  shutil.rmtree(folder, ignore_errors=True)
  with tf.Graph().as_default():
    calls = build(folder / '00000001')
  session, meta_graph = bundle.load(folder / '00000001')
  signatures = bundle.signatures_of(meta_graph)
  recorded = []
  for signature, inputs, fetches in calls:
    feeds = {input_tensor(signatures, signature, key): value for key, value in inputs.items()}
    outputs = session.run({key: tensor.name for key, tensor in fetches.items()}, feeds)
    recorded.append({
        'signature': signature,
        'inputs': {key: tensor_json(value) for key, value in inputs.items()},
        'outputs': {key: tensor_json(value) for key, value in outputs.items()},
    })
  (folder / 'case.json').write_text(json.dumps({'about': build.__doc__, 'calls': recorded}, indent=1) + '\n')
  print(name, len(recorded), 'calls')


if __name__ == '__main__':
  for name, build in cases.items():
    record(name, build)
