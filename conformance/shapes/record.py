"""Records what TensorFlow's shape functions know, for the tests of packages/engine/src/ops/shape.

Each case (see cases.py) is a node with concrete inputs. TensorFlow runs it, which gives the shapes that come out; then it
infers the output shapes from ever less knowledge of the inputs:

    values   as given: small integer inputs are constants
    shapes   only the shapes of all inputs
    entries  shapes, and every second entry of integer vectors
    batch    the leading size of inputs that are no constants is unknown
    ranks    all their sizes are
    nothing  their ranks are
    blind    all ranks are, those of constants too

    python record.py

Writes packages/engine/src/ops/shape/fixtures/shapes.json, one case a line. Only developers run it: it needs TensorFlow 2.21.
"""
import json
import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.python.framework import op_def_registry

import cases

FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       '../../packages/engine/src/ops/shape/fixtures/shapes.json')
KNOWLEDGE = ['values', 'shapes', 'entries', 'batch', 'ranks', 'nothing', 'blind']
tf1 = tf.compat.v1


class Weakened:
  """Builds the inputs of one case with some knowledge taken away."""

  def __init__(self, knowledge):
    self.knowledge = knowledge
    self.feeds = {}
    self.given = {}

  def __call__(self, given):
    if isinstance(given, list):
      return [self(each) for each in given]
    tensor = self.constant(given) if given.is_value else self.placeholder(given)
    self.given[tensor.name] = given
    return tensor

  def fed(self, given, shape):
    tensor = tf1.placeholder(given.dtype, shape)
    self.feeds[tensor] = given.array
    return tensor

  def placeholder(self, given):
    shape = list(given.array.shape)
    if self.knowledge == 'batch':
      shape = [None] + shape[1:] if shape else shape
    if self.knowledge == 'ranks':
      shape = [None] * len(shape)
    return self.fed(given, None if self.knowledge in ('nothing', 'blind') else shape)

  def constant(self, given):
    if self.knowledge == 'blind':
      return self.fed(given, None)
    if self.knowledge == 'shapes':
      return self.fed(given, given.array.shape)
    if self.knowledge == 'entries':
      if given.array.ndim != 1 or given.array.dtype.kind != 'i' or len(given.array) == 0:
        return self.fed(given, given.array.shape)
      dtype = given.dtype
      entries = [tf1.placeholder(dtype, []) if i % 2 == 0 else tf.constant(value, dtype)
                 for i, value in enumerate(given.array)]
      self.feeds.update({e: v for e, v in zip(entries, given.array) if e.op.type == 'Placeholder'})
      return tf.raw_ops.Pack(values=entries, axis=0)
    return tf.constant(given.array, given.dtype)


def build(case, knowledge):
  weakened = Weakened(knowledge)
  inputs = {name: weakened(given) for name, given in case.inputs.items()}
  made = getattr(tf.raw_ops, case.op)(**inputs, **case.attrs)
  node = next(op for op in tf1.get_default_graph().get_operations()[::-1] if op.type == case.op)
  return node, weakened


def text(shape):
  return None if shape.rank is None else [-1 if size is None else size for size in shape.as_list()]


def attrs_of(node):
  definition = op_def_registry.get(node.type)
  defaults = {a.name: a.default_value for a in definition.attr if a.HasField('default_value')}
  return {name: json_format.MessageToDict(value) for name, value in sorted(node.node_def.attr.items())
          if not name.startswith('_') and defaults.get(name) != value}


def small(value):
  array = np.asarray(value)
  if array.dtype not in (np.int32, np.int64) or array.ndim > 1 or array.size > 16:
    return None
  return [int(v) for v in array.reshape(-1)]


def described(given):
  entry = [given.dtype.name, list(given.array.shape)]
  if given.is_value:
    entry.append([v.item() for v in given.array.reshape(-1)])
  return entry


def record(case):
  row = {'op': case.op}
  knows = {}
  for knowledge in KNOWLEDGE:
    with tf.Graph().as_default():
      try:
        node, weakened = build(case, knowledge)
      except ValueError:
        if knowledge == 'values':
          raise
        continue  # some shape functions take missing knowledge for a mistake
      knows[knowledge] = [text(output.shape) for output in node.outputs]
      if knowledge == 'values':
        row['attrs'] = attrs_of(node)
        row['inputs'] = [described(weakened.given[tensor.name]) for tensor in node.inputs]
        if case.runs:
          with tf1.Session() as session:
            results = session.run([o for o in node.outputs], weakened.feeds)
          row['ran'] = [list(np.shape(result)) for result in results]
          values = [small(result) for result in results]
          if any(v is not None for v in values):
            row['gave'] = values
  row['knows'] = knows
  return row


if __name__ == '__main__':
  rows, seen, mistakes = [], set(), []
  for case in cases.cases:
    try:
      rows.append(record(case))
    except Exception as error:  # a mistake in the case
      mistakes.append(f'{case.op}: {case.attrs}: {error}')
    seen.add(case.op)
  if mistakes:
    raise SystemExit('\n'.join(mistakes))
  os.makedirs(os.path.dirname(FIXTURE), exist_ok=True)
  with open(FIXTURE, 'w') as out:
    lines = [json.dumps(row, separators=(',', ':')) for row in rows]
    out.write('[\n' + ',\n'.join(lines) + '\n]\n')
  print(len(rows), 'cases of', len(seen), 'ops')
