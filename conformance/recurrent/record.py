"""Records recurrent layers of Keras 3, Keras 2 and TensorFlow 1, for the tests of packages/engine/src/plan.

Each case is a layer with random weights, frozen into one graph, run on two inputs.

    python record.py

Writes packages/engine/src/plan/fixtures/recurrent.json: title, the ONNX operators that the loop should become, the
GraphDef (deflated, base64), feeds, fetches, results. Only developers run it: it needs TensorFlow 2.21 and tf_keras.
"""
import base64
import json
import os
import zlib

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../packages/engine/src/plan/fixtures/recurrent.json')
STEPS, INPUTS, UNITS = 5, 2, 3
tf.config.set_visible_devices([], 'GPU')


def layered(k, layer, steps=STEPS, mask=False):
  """A function of a sequence: the layer, perhaps behind a mask."""
  x = k.Input((steps, INPUTS))
  y = k.layers.Masking(0.0)(x) if mask else x
  y = layer(y)
  model = k.Model(x, y)
  random = np.random.RandomState(3)
  for weight in model.weights:
    weight.assign(random.uniform(-0.8, 0.8, weight.shape).astype(np.float32))
  function = tf.function(lambda x: model(x, training=False), input_signature=[tf.TensorSpec([None, steps, INPUTS])])
  return function


def with_states(k, kind):
  layer = getattr(k.layers, kind)(UNITS, return_sequences=True, return_state=True)
  x = k.Input((STEPS, INPUTS))
  states = [k.layers.Dense(UNITS)(x[:, 0]) for _ in range(2 if kind == 'LSTM' else 1)]
  model = k.Model(x, layer(x, initial_state=states))
  random = np.random.RandomState(3)
  for weight in model.weights:
    weight.assign(random.uniform(-0.8, 0.8, weight.shape).astype(np.float32))
  return tf.function(lambda x: list(model(x)), input_signature=[tf.TensorSpec([None, STEPS, INPUTS])])


def masked_input():
  """Steps left out at the end, in the middle, at the start, and all of them."""
  x = inputs(5)
  x[0, 3:] = 0
  x[1, 1] = 0
  x[2, :2] = 0
  x[3] = 0
  return x


def inputs(batch, steps=STEPS):
  return np.random.RandomState(batch).uniform(-1, 1, (batch, steps, INPUTS)).astype(np.float32)


cases = []
for version, k in [('Keras 3', keras), ('Keras 2', tf_keras)]:
  L = k.layers
  for title, op, layer in [
      ('LSTM, all steps', 'LSTM', lambda L=L: L.LSTM(UNITS, return_sequences=True)),
      ('LSTM, last step', 'LSTM', lambda L=L: L.LSTM(UNITS)),
      ('LSTM without bias, backwards', 'LSTM', lambda L=L: L.LSTM(UNITS, use_bias=False, go_backwards=True, return_sequences=True)),
      ('LSTM with other activations', 'LSTM',
       lambda L=L: L.LSTM(UNITS, activation='softsign', recurrent_activation='hard_sigmoid', return_sequences=True)),
      ('LSTM with relu', 'LSTM', lambda L=L: L.LSTM(UNITS, activation='relu')),
      ('GRU, all steps', 'GRU', lambda L=L: L.GRU(UNITS, return_sequences=True)),
      ('GRU, reset before', 'GRU', lambda L=L: L.GRU(UNITS, reset_after=False)),
      ('GRU without bias', 'GRU', lambda L=L: L.GRU(UNITS, use_bias=False)),
      ('GRU with other activations', 'GRU',
       lambda L=L: L.GRU(UNITS, activation='relu', recurrent_activation='hard_sigmoid', return_sequences=True)),
      ('plain', 'RNN', lambda L=L: L.SimpleRNN(UNITS, return_sequences=True)),
      ('plain with relu', 'RNN', lambda L=L: L.SimpleRNN(UNITS, activation='relu')),
      ('plain with elu', 'Loop', lambda L=L: L.SimpleRNN(UNITS, activation='elu')),
  ]:
    cases.append((f'{version}: {title}', [op], lambda k=k, layer=layer: layered(k, layer()), [inputs(1), inputs(4)]))
  cases.append((f'{version}: both directions', ['LSTM', 'LSTM'],
                lambda k=k: layered(k, k.layers.Bidirectional(k.layers.LSTM(UNITS, return_sequences=True))), [inputs(2)]))
  cases.append((f'{version}: cells in a stack', ['Loop'],
                lambda k=k: layered(k, k.layers.RNN([k.layers.GRUCell(UNITS), k.layers.LSTMCell(2)])), [inputs(2)]))
  for kind in ['LSTM', 'GRU']:
    cases.append((f'{version}: {kind} with given states', [kind], lambda k=k, kind=kind: with_states(k, kind), [inputs(2)]))
    cases.append((f'{version}: {kind} of any length', [kind],
                  lambda k=k, kind=kind: layered(k, getattr(k.layers, kind)(UNITS, return_sequences=True), None), [inputs(2), inputs(1, 7)]))
    for title, options in [('', {'return_sequences': True}), (', last step', {}), (', zeros', {'return_sequences': True, 'zero_output_for_mask': True})]:
      cases.append((f'{version}: {kind} with a mask{title}', [kind], lambda k=k, kind=kind, options=options: layered(
          k, getattr(k.layers, kind)(UNITS, **options), mask=True), [masked_input()]))
    cases.append((f'{version}: {kind} with a mask of any length', [kind], lambda k=k, kind=kind: layered(
        k, getattr(k.layers, kind)(UNITS, return_sequences=True), None, mask=True), [masked_input()]))
  cases.append((f'{version}: plain with a mask', ['RNN'], lambda k=k: layered(k, k.layers.SimpleRNN(UNITS, return_sequences=True), mask=True),
                [masked_input()]))
  cases.append((f'{version}: both directions with a mask', ['LSTM', 'LSTM'],
                lambda k=k: layered(k, k.layers.Bidirectional(k.layers.LSTM(UNITS)), mask=True), [masked_input()]))


def block_cell(op):
  """The fused cells of TensorFlow 1, in a loop of TensorFlow 2."""
  random = np.random.RandomState(5)
  w = lambda *shape: tf.constant(random.uniform(-0.8, 0.8, shape), tf.float32)
  zero = tf.zeros([UNITS])

  @tf.function(input_signature=[tf.TensorSpec([2, STEPS, INPUTS])])
  def function(x):
    rows = tf.TensorArray(tf.float32, STEPS).unstack(tf.transpose(x, [1, 0, 2]))
    out = tf.TensorArray(tf.float32, STEPS, element_shape=[2, UNITS])

    def step(k, out, h, c):
      if op == 'LSTM':
        _, c, _, _, _, _, h = tf.raw_ops.LSTMBlockCell(x=rows.read(k), cs_prev=c, h_prev=h, w=w(INPUTS + UNITS, 4 * UNITS), wci=zero,
                                                       wcf=zero, wco=zero, b=w(4 * UNITS), forget_bias=1.0, cell_clip=-1.0)
      else:
        h = tf.raw_ops.GRUBlockCell(x=rows.read(k), h_prev=h, w_ru=w(INPUTS + UNITS, 2 * UNITS), w_c=w(INPUTS + UNITS, UNITS),
                                    b_ru=w(2 * UNITS), b_c=w(UNITS))[3]
      return k + 1, out.write(k, h), h, c
    state = tf.zeros([2, UNITS])
    _, out, h, c = tf.while_loop(lambda k, *_: k < STEPS, step, [0, out, state, state])
    return out.stack(), h, c
  return function


for op in ['LSTM', 'GRU']:
  cases.append((f'TensorFlow 1: fused {op} cell', [op], lambda op=op: block_cell(op), [inputs(2)]))


def tensor_json(value):
  array = np.asarray(value)
  return {'dtype': array.dtype.name, 'shape': list(array.shape), 'values': [float(v) for v in array.reshape(-1)]}


def record(title, ops, build, feeds):
  function = build()
  frozen = convert_variables_to_constants_v2(function.get_concrete_function(), lower_control_flow=False)
  graph_def = frozen.graph.as_graph_def()
  for holder in [graph_def, *graph_def.library.function]:
    for node in holder.node if holder is graph_def else holder.node_def:
      for name in [name for name in node.attr if name.startswith('_')]:
        del node.attr[name]
      node.ClearField('experimental_debug_info')
  for f in graph_def.library.function:
    for name in list(f.attr):
      del f.attr[name]
  fetches = [t.name for t in frozen.outputs]
  runs = []
  for x in feeds:
    results = frozen(tf.constant(x))
    results = results if isinstance(results, (list, tuple)) else [results]
    runs.append({'feeds': {frozen.inputs[0].name: tensor_json(x)}, 'fetches': fetches, 'results': [tensor_json(r) for r in results]})
  data = base64.b64encode(zlib.compress(graph_def.SerializeToString(deterministic=True), 9)).decode()
  shape = [-1 if d is None else d for d in frozen.inputs[0].shape]
  return {'title': title, 'ops': ops, 'shape': shape, 'graph': data, 'runs': runs}


if __name__ == '__main__':
  rows = [record(*case) for case in cases]
  os.makedirs(os.path.dirname(FIXTURE), exist_ok=True)
  with open(FIXTURE, 'w') as out:
    out.write('[\n' + ',\n'.join(json.dumps(row, separators=(',', ':')) for row in rows) + '\n]\n')
  print(len(rows), 'cases')
