"""Records what TensorFlow's kernels give, for the tests of packages/engine/src/ops/host.

A case is a graph, built by a function. Every node but constants and placeholders becomes a step: op, attributes
(defaults left out), inputs and TensorFlow's outputs. Steps run in the order in which they were built, in one session, so a
case may also be a story about a table or a variable. An input is a tensor, or [step, output] for what an earlier step gave.
The last step may fail: its code and message are recorded in place of outputs.

    python record.py tables strings      (any of the modules beside this file; all of them without arguments)

Writes packages/engine/src/ops/host/fixtures/<module>.json. Only developers run it: it needs TensorFlow 2.21.
"""
import base64
import json
import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.framework import op_def_pb2  # noqa: F401
from tensorflow.python.framework import errors_impl, op_def_registry

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../packages/engine/src/ops/host/fixtures')
raw = tf.raw_ops
tf1 = tf.compat.v1

_cases = []
_feeds = None


def case(title, build, **more):
  """One case. `more` goes into the record: rtol and atol for floats."""
  _cases.append((title, build, more))


def hidden(value, dtype=None):
  """A constant whose value and shape TensorFlow's shape inference doesn't see: kernels have to refuse it."""
  array = tf.make_ndarray(tf.make_tensor_proto(value, dtype=dtype))
  placeholder = tf1.placeholder(dtype or tf.as_dtype(array.dtype), shape=None)
  _feeds[placeholder] = array
  return placeholder


def strings(values):
  return tf.constant(values, tf.string)


def _text(data):
  try:
    return data.decode('utf-8')
  except UnicodeDecodeError:
    return {'b64': base64.b64encode(data).decode()}


def _number(value):
  if isinstance(value, (np.complexfloating, complex)):
    return [_number(value.real), _number(value.imag)]
  if isinstance(value, (np.floating, float)) or np.asarray(value).dtype.kind == 'V':
    value = float(value)
    if np.isnan(value):
      return 'NaN'
    if np.isinf(value):
      return 'Infinity' if value > 0 else '-Infinity'
    return int(value) if value == int(value) and abs(value) < 2**53 and not (value == 0 and np.signbit(value)) else value
  value = int(value)
  return value if abs(value) < 2**53 else str(value)


def tensor_json(array, dtype):
  dtype = tf.as_dtype(dtype).base_dtype
  # Not NumPy's own bytes, which lose zeros at the end.
  array = np.asarray(array, object if dtype == tf.string else None)
  flat = array.reshape(-1)
  if dtype == tf.uint8 and flat.size > 32:  # pictures
    return {'dtype': dtype.name, 'shape': list(array.shape), 'bytes': base64.b64encode(flat.tobytes()).decode()}
  if dtype == tf.string:
    values = [_text(v if isinstance(v, bytes) else str(v).encode()) for v in flat]
  else:
    if dtype.is_floating and dtype.size < 4:
      flat = flat.astype(np.float32)
    if dtype.is_quantized:
      flat = flat.astype(dtype.as_numpy_dtype).view(dtype.name[1:])
    values = [_number(v.item() if flat.dtype.kind in 'biuO' else v) for v in flat]
  return {'dtype': dtype.name, 'shape': list(array.shape), 'values': values}


def _attrs(node, defaults):
  kept = {}
  for name, value in sorted(node.attr.items()):
    if name.startswith('_') or (name in defaults and defaults[name] == value):
      continue
    kept[name] = json.loads(json_format.MessageToJson(value, indent=None))
  return kept


def _defaults(op_type):
  op_def = op_def_registry.get(op_type)
  return {a.name: a.default_value for a in op_def.attr if a.HasField('default_value')}


def _holds_values(tensor):
  # The tables of the first kind have references to strings for handles.
  is_handle = tensor.dtype.base_dtype == tf.string and tensor.dtype._is_ref_dtype
  return tensor.dtype.base_dtype not in (tf.resource, tf.variant) and not is_handle


def _record(title, build, more):
  global _feeds
  graph = tf.Graph()
  with graph.as_default():
    _feeds = {}
    build()
    feeds = _feeds
  steps = [op for op in graph.get_operations() if op.type not in ('Const', 'Placeholder', 'NoOp')]
  for before, after in zip(steps, steps[1:]):
    after._add_control_input(before)
  position = {op.name: i for i, op in enumerate(steps)}
  config = tf1.ConfigProto()
  config.graph_options.optimizer_options.opt_level = tf1.OptimizerOptions.L0
  config.graph_options.rewrite_options.disable_meta_optimizer = True
  with tf1.Session(graph=graph, config=config) as session:
    constants = list({t.ref(): t for op in steps for t in op.inputs if t.op.name not in position}.values())
    known = dict(zip((t.ref() for t in constants), session.run(constants, feeds)))
    outputs, failed, error = {}, len(steps), None
    try:
      fetches = {op.name: [t for t in op.outputs if _holds_values(t)] for op in steps}
      outputs = session.run([fetches, steps], feeds)[0]
    except errors_impl.OpError as e:
      failed = position[e.op.name] if e.op is not None else len(steps) - 1
      error = {'code': {v: k for k, v in vars(errors_impl).items() if k.isupper() and isinstance(v, int)}[e.error_code],
               'message': e.message.strip().split('\n')[-2 if e.message.strip().split('\n')[-1].strip().startswith('[[') else -1].strip()}
      if failed:
        fetches = {op.name: [t for t in op.outputs if _holds_values(t)] for op in steps[:failed]}
      # The steps before the failing one, in a session of their own.
      with tf1.Session(graph=graph, config=config) as fresh:
        outputs = fresh.run([fetches, steps[:failed]], feeds)[0] if failed else {}
  recorded = []
  for i, op in enumerate(steps[:failed + 1]):
    defaults = _defaults(op.type)
    step = {'op': op.type}
    attrs = _attrs(op.node_def, defaults)
    if attrs:
      step['attrs'] = attrs
    step['inputs'] = [[position[t.op.name], t.value_index] if t.op.name in position else tensor_json(known[t.ref()], t.dtype)
                      for t in op.inputs]
    if i == failed:
      step['error'] = error
    else:
      values = iter(outputs[op.name])
      step['outputs'] = [tensor_json(next(values), t.dtype) if _holds_values(t) else None for t in op.outputs]
    if op.type.endswith(('HashTable', 'HashTableV2', 'TensorsV2')) or op.type in ('VarHandleOp',):
      step['name'] = op.name
    recorded.append(step)
  return {'title': title, **more, 'steps': recorded}


def write(module):
  records, refused = [], []
  for title, build, more in _cases:
    try:
      records.append(_record(title, build, more))
    except Exception as e:  # TensorFlow's shape inference refused it: report all of them at once
      refused.append(f'{module}: {title}: {str(e)[:300]}')
  _cases.clear()
  if refused:
    raise SystemExit('\n'.join(refused))
  os.makedirs(FIXTURES, exist_ok=True)
  with open(os.path.join(FIXTURES, module + '.json'), 'w', encoding='utf-8') as f:
    f.write('[\n' + ',\n'.join(json.dumps(r, ensure_ascii=False, separators=(',', ':')) for r in records) + '\n]\n')
  print(f'{module}: {len(records)} cases')
