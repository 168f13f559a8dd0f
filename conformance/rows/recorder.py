"""Records what single TensorFlow ops give, for the tests of packages/engine/src/ops/onnx.

A case is one op with its inputs and attributes; TensorFlow computes the outputs. The modules beside this file hold
the cases, one module per category of rows:

    python record.py math shaping        (any of the modules; all of them without arguments)

Writes packages/engine/src/ops/onnx/fixtures/<module>.json, one case a line: title, op, attributes that are not
defaults (as JSON of AttrValue), inputs, and outputs or the error. Only developers run it: it needs TensorFlow 2.21.
"""
import json
import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.python.framework import errors_impl, op_def_registry

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../packages/engine/src/ops/onnx/fixtures')
tf1 = tf.compat.v1
CODES = {v: k for k, v in vars(errors_impl).items() if k.isupper() and isinstance(v, int)}
# Arguments whose name in Python is not that of the op's definition.
RENAMED = {
    ('Select', 't'): 'x', ('Select', 'e'): 'y', ('Split', 'split_dim'): 'axis', ('SplitV', 'split_dim'): 'axis',
    ('ExpandDims', 'dim'): 'axis', ('Squeeze', 'squeeze_dims'): 'axis', ('Where', 'input'): 'condition',
    ('Sum', 'reduction_indices'): 'axis', ('Mean', 'reduction_indices'): 'axis',
    ('Max', 'reduction_indices'): 'axis', ('Min', 'reduction_indices'): 'axis', ('Prod', 'reduction_indices'): 'axis',
    ('All', 'reduction_indices'): 'axis', ('Any', 'reduction_indices'): 'axis',
    ('EuclideanNorm', 'reduction_indices'): 'axis',
}
# Ops whose shape inference fails without ranks.
RANKED = ('SpaceToBatchND', 'BatchToSpaceND')

_cases = []

f32 = lambda v: np.array(v, np.float32)
f64 = lambda v: np.array(v, np.float64)
f16 = lambda v: np.array(v, np.float16)
bf16 = lambda v: np.array(v, tf.bfloat16.as_numpy_dtype)
i32 = lambda v: np.array(v, np.int32)
i64 = lambda v: np.array(v, np.int64)
boolean = lambda v: np.array(v, np.bool_)
nan, inf = float('nan'), float('inf')


def random(shape, dtype=np.float32, seed=0, low=-2.0, high=2.0):
  """Reproducible values: floats with few digits, so that they stay short in the file; integers in the range."""
  state = np.random.RandomState(seed)
  if np.dtype(dtype) == np.bool_:
    return state.randint(0, 2, shape).astype(dtype)
  if np.issubdtype(np.dtype(dtype), np.integer):
    return state.randint(int(low), int(high) + 1, shape).astype(dtype)
  return (np.round(state.uniform(low, high, shape) * 64) / 64).astype(dtype)


def case(op, *inputs, about='', rtol=None, atol=None, outputs=None, **attrs):
  """One case. Inputs in the op's order, a list where it takes one; attributes without the types of inputs.

  `outputs`: how many of the first ones count, for kernels that leave others undefined.
  """
  _cases.append((op, inputs, attrs, about, rtol, atol, outputs))


def _number(value):
  if isinstance(value, (bool, np.bool_)):
    return int(value)
  if np.asarray(value).dtype.kind in 'fV':
    value = float(value)
    if np.isnan(value):
      return 'NaN'
    if np.isinf(value):
      return 'Infinity' if value > 0 else '-Infinity'
    if value == 0 and np.signbit(value):
      return '-0'
    return int(value) if value == int(value) and abs(value) < 2**53 else value
  value = int(value)
  return value if abs(value) < 2**53 else str(value)


def _short(value, dtype):
  """The shortest decimal that reads back as the same float32."""
  number = _number(value)
  return float(np.format_float_positional(np.float32(number), unique=True)) if isinstance(number, float) and dtype == tf.float32 and 1e-4 < abs(number) < 1e9 else number


def _tensor(array, dtype):
  array = np.asarray(array)
  dtype = tf.as_dtype(dtype).base_dtype
  flat = array.reshape(-1)
  if dtype in (tf.qint8, tf.quint8, tf.qint16, tf.quint16, tf.qint32):
    flat = flat.astype(dtype.as_numpy_dtype)
    flat = [v.item() if hasattr(v, 'item') else v for v in flat]
    flat = [v[0] if isinstance(v, tuple) else v for v in flat]
  return {'dtype': dtype.name, 'shape': list(array.shape), 'values': [_short(v, dtype) for v in flat]}


def _attrs(node, op_def):
  defaults = {a.name: a.default_value for a in op_def.attr if a.HasField('default_value')}
  return {name: json.loads(json_format.MessageToJson(value, indent=None)) for name, value in node.attr.items()
          if not name.startswith('_') and not (name in defaults and defaults[name] == value)}


def _describe(inputs, attrs):
  parts = []
  for value in inputs:
    each = value if isinstance(value, (list, tuple)) else [value]
    parts.append(' '.join(f'{tf.as_dtype(v.dtype).name}{list(v.shape)}' for v in map(np.asarray, each)))
  parts += [f'{k}={v.name if isinstance(v, tf.DType) else v}' for k, v in attrs.items()]
  return ', '.join(parts)


def _record(op, inputs, attrs, about, rtol, atol, count):
  op_def = op_def_registry.get(op)
  feeds = {}

  def placeholder(value):
    value = np.asarray(value)
    made = tf1.placeholder(value.dtype, shape=value.shape if op in RANKED else None)
    feeds[made] = value
    return made

  with tf.Graph().as_default() as graph:
    named = {}
    for arg, value in zip(op_def.input_arg, inputs):
      named[arg.name] = [placeholder(v) for v in value] if isinstance(value, (list, tuple)) else placeholder(value)
    getattr(tf.raw_ops, op)(**{RENAMED.get((op, name), name): value for name, value in {**named, **attrs}.items()})
    node = [o for o in graph.get_operations() if o.type == op][-1]
    record = {'title': f'{op}({_describe(inputs, attrs)})' + (f': {about}' if about else ''), 'op': op}
    kept = _attrs(node.node_def, op_def)
    if kept:
      record['attrs'] = kept
    if rtol is not None:
      record['rtol'] = rtol
    if atol is not None:
      record['atol'] = atol
    record['inputs'] = [_tensor(feeds[t], t.dtype) for t in node.inputs]
    config = tf1.ConfigProto(graph_options=tf1.GraphOptions(
        optimizer_options=tf1.OptimizerOptions(opt_level=tf1.OptimizerOptions.L0)))
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf1.Session(graph=graph, config=config) as session:
      try:
        outputs = session.run(list(node.outputs), feeds)
        record['outputs'] = [_tensor(v, t.dtype) for v, t in zip(outputs[:count], node.outputs)]
      except errors_impl.OpError as e:
        if 'No OpKernel' in e.message or 'Could not find device' in e.message:
          return None
        lines = [line.strip() for line in e.message.split('\n')]
        noise = ('File ', 'Node: ', 'Graph execution', 'Detected at', 'Errors may', 'Original stack', '[[', '(')
        lines = [line for line in lines if line and not line.startswith(noise) and not line.endswith('^')]
        record['error'] = {'code': CODES[e.error_code], 'message': lines[0][:200]}
  return record


def write(module):
  records, refused = [], []
  for each in _cases:
    try:
      record = _record(*each)
      if record:
        records.append(record)
    except Exception as e:
      refused.append(f'{module}: {each[0]}: {type(e).__name__} {str(e)[:300]}')
  _cases.clear()
  os.makedirs(FIXTURES, exist_ok=True)
  with open(os.path.join(FIXTURES, module + '.json'), 'w', encoding='utf-8') as f:
    f.write('[\n' + ',\n'.join(json.dumps(r, separators=(',', ':')) for r in records) + '\n]\n')
  failed = sum('error' in r for r in records)
  print(f'{module}: {len(records)} cases, {failed} of them errors')
  if refused:
    raise SystemExit('\n'.join(sorted(set(refused))))
