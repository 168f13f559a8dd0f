"""Records what TensorFlow's V1 control flow computes, for the tests of packages/engine/src/passes.

Each case is a TF1 graph built by a function that returns its fetches; it is run with each of the feeds, in one session.

    python record.py

Writes packages/engine/src/passes/fixtures/control-flow.json: title, the serialized GraphDef, runs (feeds, fetches or
targets, results). Only developers run it: it needs TensorFlow 2.21.
"""
import base64
import json
import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
raw = tf.raw_ops
tf1.disable_v2_behavior()
tf1.disable_control_flow_v2()
FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../packages/engine/src/passes/fixtures/control-flow.json')

cases = []


def case(title, *feeds):
  """Decorates a function that builds a graph and returns its fetches (a tensor, an operation, or a list)."""
  def decorate(build):
    cases.append((title, feeds or ({},), build))
    return build
  return decorate


def f(name, shape=()):
  return tf1.placeholder(tf.float32, shape, name=name)


def i(name, shape=()):
  return tf1.placeholder(tf.int32, shape, name=name)


def b(name):
  return tf1.placeholder(tf.bool, [], name=name)


# ---- conditionals ----

BOTH = ({'p': True, 'x': 3.0}, {'p': False, 'x': 3.0})


@case('a choice between two computations', *BOTH)
def _():
  x = f('x')
  return tf.cond(b('p'), lambda: x * 2, lambda: x - 1)


@case('a choice between constants', {'p': True}, {'p': False})
def _():
  return tf.cond(b('p'), lambda: 1.0, lambda: 2.0)


@case('a choice between a value from outside and a computed one', *BOTH)
def _():
  x = f('x')
  return tf.cond(b('p'), lambda: x, lambda: tf.square(x))


@case('several results that share a computation', *BOTH)
def _():
  x = f('x')

  def yes():
    y = tf.exp(x)
    return y, y + 1, x
  return list(tf.cond(b('p'), yes, lambda: (x, x, x * 3)))


@case('one choice after another by the same predicate', *BOTH)
def _():
  x, p = f('x'), b('p')
  y = tf.cond(p, lambda: x + 1, lambda: x - 1)
  z = tf.cond(p, lambda: y * 2, lambda: y * 3)
  return tf.cond(p, lambda: z + y, lambda: z - y)


FOUR = tuple({'p': p, 'q': q, 'x': 5.0} for p in (True, False) for q in (True, False))


@case('a choice in a choice', *FOUR)
def _():
  x, p, q = f('x'), b('p'), b('q')
  return tf.cond(p, lambda: tf.cond(q, lambda: x + 1, lambda: x + 2) * 10, lambda: tf.cond(q, lambda: x - 1, lambda: -x))


@case('a choice in a choice by the same predicate', *BOTH)
def _():
  x, p = f('x'), b('p')
  return tf.cond(p, lambda: tf.cond(p, lambda: x + 1, lambda: x + 2), lambda: tf.cond(p, lambda: x + 3, lambda: x + 4))


@case('a predicate computed inside of a branch', *BOTH)
def _():
  x, p = f('x'), b('p')
  return tf.cond(p, lambda: tf.cond(x * 2 > 5, lambda: x * 10, lambda: x), lambda: -x)


@case('results that cross between two choices', *FOUR)
def _():
  x, p, q = f('x'), b('p'), b('q')
  a, c = tf.cond(p, lambda: (x + 1, x + 2), lambda: (x - 1, x - 2))
  d, e = tf.cond(q, lambda: (a * 2, c * 2), lambda: (c, a))
  return [d, e, a]


@case('a case of several predicates', *({'n': n} for n in (-1, 0, 1, 2, 7)))
def _():
  n = i('n')
  return tf1.case([(tf.equal(n, k), lambda k=k: tf.constant(10 * k) + n) for k in range(3)], default=lambda: -n, exclusive=False)


@case('which input of a Merge came', *BOTH)
def _():
  x, p = f('x'), b('p')
  no, yes = raw.Switch(data=x, pred=p)
  merged, index = raw.Merge(inputs=[no + 1, yes * 2])
  return [merged, index]


@case('which input came, the other way round', *BOTH)
def _():
  x, p = f('x'), b('p')
  no, yes = raw.Switch(data=x, pred=p)
  merged, index = raw.Merge(inputs=[yes * 2, no + 1])
  return [merged, index]


@case('a Merge of three inputs', *FOUR)
def _():
  x, p, q = f('x'), b('p'), b('q')
  no, yes = raw.Switch(data=x, pred=p)
  inner = raw.Switch(data=q, pred=p)[1]
  yes_no, yes_yes = raw.Switch(data=yes, pred=inner)
  merged, _ = raw.Merge(inputs=[no - 1, yes_no * 2, yes_yes * 3])
  return merged


@case('a Merge of one input', {'x': 3.0})
def _():
  merged, index = raw.Merge(inputs=[f('x') + 1])
  return [merged, index]


@case('an input that never comes', *BOTH)
def _():
  x, p = f('x'), b('p')
  no, yes = raw.Switch(data=x, pred=p)
  never = raw.Switch(data=no, pred=p)[1]
  merged, index = raw.Merge(inputs=[never + 100, yes + 1])
  back, _ = raw.Merge(inputs=[merged, no])
  return [back]


@case('a check on one side', {'p': True, 'x': 3.0}, {'p': False, 'x': -3.0})
def _():
  x, p = f('x'), b('p')

  def checked():
    with tf.control_dependencies([tf1.assert_positive(x)]):
      return tf.sqrt(x)
  return tf.cond(p, checked, lambda: x)


def counter():
  return tf1.get_variable('counter', [], tf.float32, tf1.zeros_initializer(), use_resource=True)


@case('an assignment on one side', {'init': True}, {'p': True, 'x': 3.0}, {'p': False, 'x': 3.0}, {'p': True, 'x': 4.0}, {'p': False, 'x': 0.0})
def _():
  x, p, v = f('x'), b('p'), counter()

  def add():
    with tf.control_dependencies([tf1.assign_add(v, x)]):
      return tf.identity(x)
  result = tf.cond(p, add, lambda: -x)
  with tf.control_dependencies([result]):
    return [result, v.read_value()]


@case('a reference variable assigned on one side', {'init': True}, {'p': True, 'x': 3.0}, {'p': False, 'x': 3.0}, {'p': True, 'x': 4.0})
def _():
  x, p = f('x'), b('p')
  v = tf1.get_variable('counter', [], tf.float32, tf1.zeros_initializer(), use_resource=False)
  result = tf.cond(p, lambda: tf1.assign_add(v, x) * 1, lambda: -x)
  with tf.control_dependencies([result]):
    return [result, v.read_value()]


@case('an operation on one side, for its effect', {'init': True}, {'p': True, 'x': 3.0}, {'p': False, 'x': 3.0}, {'p': True, 'x': 1.0})
def _():
  x, p, v = f('x'), b('p'), counter()
  done = tf.cond(p, lambda: tf.group(tf1.assign_add(v, x)), tf.no_op)
  with tf.control_dependencies([done]):
    return v.read_value()


@case('branches of different shapes', {'p': True, 'y': [1, 2, 3]}, {'p': False, 'y': [1, 2, 3]})
def _():
  y = f('y', [None])
  return tf.cond(b('p'), lambda: y[:1], lambda: tf.concat([y, y], 0))


@case('a choice that a default decides', {'x': 3.0})
def _():
  x = f('x')
  training = tf1.placeholder_with_default(False, [], name='training')
  return tf.cond(training, lambda: tf.random.uniform([]) + x, lambda: tf.cond(training, lambda: x * 5, lambda: x * 2))


# ---- loops ----


@case('a loop over one variable', {'n': 0}, {'n': 5})
def _():
  n = i('n')
  return tf1.while_loop(lambda k: k < n, lambda k: k + 2, [tf.constant(0)])


@case('a loop with values from outside', {'n': 4, 'x': 1.5}, {'n': 0, 'x': 1.5})
def _():
  n, x = i('n'), f('x')
  scale = x * 2
  return list(tf1.while_loop(lambda k, a: k < n, lambda k, a: (k + 1, a * scale + x), [tf.constant(0), tf.constant(1.0)]))


@case('a loop whose variable nobody reads afterwards', {'n': 3})
def _():
  n = i('n')
  return tf1.while_loop(lambda k, a: k < n, lambda k, a: (k + 1, a + tf.cast(k, tf.float32)), [tf.constant(0), tf.constant(1.0)])[1]


@case('variables that change places', {'n': 5})
def _():
  n = i('n')
  return list(tf1.while_loop(lambda k, a, c: k < n, lambda k, a, c: (k + 1, c, a + c), [tf.constant(0), tf.constant(0), tf.constant(1)]))


@case('a variable that stays as it is', {'n': 3, 'x': 2.0})
def _():
  n, x = i('n'), f('x')
  return list(tf1.while_loop(lambda k, a, s: k < n, lambda k, a, s: (k + 1, a + s, s), [tf.constant(0), tf.constant(0.0), x]))


@case('a loop in a loop', {'n': 3}, {'n': 0})
def _():
  n = i('n')

  def row(k, total):
    inner = tf1.while_loop(lambda j, t: j <= k, lambda j, t: (j + 1, t + j * k), [tf.constant(0), total])
    return k + 1, inner[1]
  return list(tf1.while_loop(lambda k, t: k < n, row, [tf.constant(0), tf.constant(0)]))


@case('a loop in a loop in a loop', {'n': 3})
def _():
  n = i('n')

  def loop(body):
    return lambda total: tf1.while_loop(lambda k, t: k < n, lambda k, t: (k + 1, body(t + k)), [tf.constant(0), total])[1]
  return loop(loop(loop(lambda t: t * 1)))(tf.constant(0))


@case('a loop after a loop', {'n': 3})
def _():
  n = i('n')
  first = tf1.while_loop(lambda k: k < n, lambda k: k + 1, [tf.constant(0)])
  return tf1.while_loop(lambda k: k < first * 10, lambda k: k * 2, [first + 1])


@case('a choice in a loop', {'n': 6})
def _():
  n = i('n')

  def body(k, t):
    return k + 1, tf.cond(tf.equal(k % 2, 0), lambda: t + k, lambda: t * 2)
  return list(tf1.while_loop(lambda k, t: k < n, body, [tf.constant(0), tf.constant(1)]))


@case('a choice in the condition of a loop', {'n': 6}, {'n': -6})
def _():
  n = i('n')
  return tf1.while_loop(lambda k: tf.cond(n > 0, lambda: k < n, lambda: k < 2), lambda k: k + 1, [tf.constant(0)])


@case('a loop in a choice', {'p': True, 'n': 4}, {'p': False, 'n': 4})
def _():
  n = i('n')
  return tf.cond(b('p'), lambda: tf1.while_loop(lambda k: k < n, lambda k: k + 3, [tf.constant(0)]), lambda: -n)


@case('loops on both sides of a choice in a loop', {'n': 4})
def _():
  n = i('n')

  def count(step):
    return lambda t: tf1.while_loop(lambda k, t: k < n, lambda k, t: (k + step, t + 1), [tf.constant(0), t])[1]
  return tf1.while_loop(lambda k, t: k < n, lambda k, t: (k + 1, tf.cond(k > 1, lambda: count(1)(t), lambda: count(2)(t))),
                        [tf.constant(0), tf.constant(0)])[1]


@case('a condition that others read too', {'n': 5})
def _():
  # The condition's own computation is used again in the body.
  n = i('n')
  return list(tf1.while_loop(lambda k, t: k * k < n, lambda k, t: (k + 1, t + k * k), [tf.constant(0), tf.constant(0)]))


@case('a shape that grows', {'n': 4})
def _():
  n = i('n')
  return tf1.while_loop(lambda k, t: k < n, lambda k, t: (k + 1, tf.concat([t, [k]], 0)), [tf.constant(0), tf.constant([], tf.int32)],
                        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])])[1]


@case('assignments in a loop', {'init': True}, {'n': 3}, {'n': 2})
def _():
  n, v = i('n'), counter()

  def body(k):
    with tf.control_dependencies([tf1.assign_add(v, tf.cast(k, tf.float32))]):
      return k + 1
  last = tf1.while_loop(lambda k: k < n, body, [tf.constant(1)], parallel_iterations=1)
  with tf.control_dependencies([last]):
    return [last, v.read_value()]


@case('what a value computed in the condition is after the loop', {'n': 5})
def _():
  # Switch takes not the variable itself but what the condition made of it, as optimized graphs do.
  n = tf1.placeholder(tf.int32, [], name='n')
  enter = raw.Enter(data=tf.constant(0), frame_name='loop')
  limit = raw.Enter(data=n, frame_name='loop', is_constant=True)
  merge, _ = raw.Merge(inputs=[enter, enter])
  with tf.control_dependencies([merge]):
    scaled = merge * limit + 1
    cond = raw.LoopCond(input=scaled < limit * 10)
    done, go = raw.Switch(data=scaled, pred=cond)
  with tf.control_dependencies([go]):
    next_ = raw.NextIteration(data=go // limit + 1)
  merge.op._update_input(1, next_)
  return raw.Exit(data=done)


@case('arrays read and written', {'y': [1, 2, 3]}, {'y': []})
def _():
  y = f('y', [None])
  return [tf1.map_fn(lambda e: e * 2, y), tf1.foldl(lambda a, e: a * 2 + e, y, 1.0), tf1.scan(lambda a, e: a + e, y, 0.0)]


@case('an array of rows of several lengths', {'n': 3})
def _():
  n = i('n')
  array = tf1.TensorArray(tf.int32, size=0, dynamic_size=True, infer_shape=False, clear_after_read=False)
  _, array = tf1.while_loop(lambda k, a: k < n, lambda k, a: (k + 1, a.write(k, tf.range(k + 1))), [tf.constant(0), array])
  return [array.concat(), array.size(), array.read(1)]


@case('an array cut into pieces', {'y': [1, 2, 3, 4]})
def _():
  y = f('y', [4])
  array = tf1.TensorArray(tf.float32, size=2, infer_shape=False, clear_after_read=False).split(y, [1, 3])
  return [array.read(0), array.read(1), array.concat()]


@case('arrays gathered and scattered', {'y': [[1, 2], [3, 4], [5, 6]]})
def _():
  y = f('y', [3, 2])
  array = tf1.TensorArray(tf.float32, size=4, element_shape=[2], clear_after_read=False).scatter([2, 0, 1], y)
  array = array.write(3, y[0] * 10)
  return [array.gather([3, 0]), array.stack(), array.size()]


@case('an array written on one side of a choice', {'p': True, 'x': 3.0}, {'p': False, 'x': 3.0})
def _():
  x = f('x')
  array = tf1.TensorArray(tf.float32, size=1, element_shape=[])
  flow = tf.cond(b('p'), lambda: array.write(0, x).flow, lambda: array.write(0, -x).flow)
  return raw.TensorArrayReadV3(handle=array.handle, index=0, flow_in=flow, dtype=tf.float32)


@case('dynamic_rnn with lengths', {'y': [[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]], 'n': [3, 1]})
def _():
  y, n = f('y', [None, None, 1]), i('n', [None])

  cell = tf1.nn.rnn_cell.BasicRNNCell(2)
  outputs, state = tf1.nn.dynamic_rnn(cell, y, n, dtype=tf.float32)
  return [outputs, state]


def tensor_json(value):
  array = np.asarray(value)
  return {'dtype': tf.as_dtype(array.dtype).name, 'shape': list(array.shape), 'values': [v.item() for v in array.reshape(-1)]}


def record(title, feeds, build):
  graph = tf.Graph()
  with graph.as_default():
    tf1.set_random_seed(1)
    results = build()
    results = results if isinstance(results, list) else [results]
    init = tf1.global_variables_initializer()
    uses_init = any('init' in feed for feed in feeds)
    with tf1.Session(graph=graph) as session:
      if not uses_init and tf1.global_variables():
        # Weights are no part of the test: freeze them.
        session.run(init)
        frozen = tf1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [r.op.name for r in results])
        graph_def = frozen
      else:
        targets = [r.op.name for r in results] + ([init.name] if uses_init else [])
        graph_def = tf1.graph_util.extract_sub_graph(graph.as_graph_def(), targets)
      names = [r.name for r in results]
      runs = []
      for feed in feeds:
        if 'init' in feed:
          session.run(init)
          runs.append({'targets': [init.name]})
          continue
        values = {f'{name}:0': np.asarray(value, graph.get_tensor_by_name(f'{name}:0').dtype.as_numpy_dtype) for name, value in feed.items()}
        got = session.run(names, values)
        runs.append({'feeds': {name: tensor_json(value) for name, value in values.items()}, 'fetches': names,
                     'results': [tensor_json(value) for value in got]})
  return {'title': title, 'graph': base64.b64encode(graph_def.SerializeToString()).decode(), 'runs': runs}


if __name__ == '__main__':
  rows, refused = [], []
  for title, feeds, build in cases:
    try:
      rows.append(record(title, feeds, build))
    except Exception as error:  # a mistake in the case
      refused.append(f'{title}: {str(error)[:400]}')
  if refused:
    raise SystemExit('\n'.join(refused))
  os.makedirs(os.path.dirname(FIXTURE), exist_ok=True)
  with open(FIXTURE, 'w') as out:
    out.write('[\n' + ',\n'.join(json.dumps(row, separators=(',', ':')) for row in rows) + '\n]\n')
  print(len(rows), 'cases')
