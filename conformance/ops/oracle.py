"""Runs variants of single ops in TensorFlow and writes what it gives, for the engine to be held against.

A variant is one node: an op, its inputs and attributes. TensorFlow builds it over placeholders of unknown shape (where
its shape inference allows), so that the kernel speaks and not the shape function; runner and tests then feed the same
node with other knowledge: constant inputs, known shapes, known ranks. One JSON object a line:

    title, op, rtol, atol
    node      the NodeDef as JSON; input i is the placeholder "x<i>"
    nodes     in its place, for a small graph: all nodes but the placeholders, with
    fetches   the names of its outputs and
    declared  the static shapes of the placeholders, null for an unknown size
    inputs    tensors, in the form of the golden cases
    params    which inputs are parameters (constants in most models)
    shapes    "full" where TensorFlow needs the inputs' shapes to build the node
    outputs   tensors, or error {code, message}
    check     "shape" for random ops

    python generate.py OUT.jsonl [module ...]        every variant of the modules variants_*.py
    node compare.mjs OUT.jsonl                       what differs in our engine

Only developers run it: it needs TensorFlow 2.21.
"""
import base64
import json
import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.framework import types_pb2
from tensorflow.python.framework import errors_impl, op_def_registry

tf1 = tf.compat.v1
nan, inf = float('nan'), float('inf')
CODES = {v: k for k, v in vars(errors_impl).items() if k.isupper() and isinstance(v, int)}
TOLERANCE = {'float16': (2e-3, 2e-3), 'bfloat16': (1.6e-2, 1.6e-2), 'float32': (1e-5, 1e-6), 'float64': (1e-9, 1e-12),
             'complex64': (1e-5, 1e-5), 'complex128': (1e-9, 1e-9)}
CONFIG = tf1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1,
                         graph_options=tf1.GraphOptions(optimizer_options=tf1.OptimizerOptions(
                             opt_level=tf1.OptimizerOptions.L0)))
CONFIG.graph_options.rewrite_options.disable_meta_optimizer = True

_variants = []


class Variant:
  def __init__(self, op, inputs, attrs, about, rtol, atol, params, check, count):
    self.op, self.inputs, self.attrs, self.about = op, inputs, attrs, about
    self.rtol, self.atol, self.params, self.check, self.count = rtol, atol, params, check, count


def variant(op, *inputs, about='', rtol=None, atol=None, params=None, check=None, count=None, **attrs):
  """Inputs in the op's order, a list where it takes one; attributes without the types of inputs.

  `params`: positions of flat inputs that models give as constants; by default the integers after the first input.
  `count`: how many of the first outputs count, where kernels leave others undefined.
  """
  _variants.append(Variant(op, inputs, attrs, about, rtol, atol, params, check, count))


class Composition:
  """A small graph: `build` takes placeholders, returns tensors."""

  def __init__(self, op, title, feeds, build, rtol, atol, check):
    self.op, self.title, self.feeds, self.build, self.rtol, self.atol, self.check = op, title, feeds, build, rtol, atol, check


def composition(op, title, feeds, build, rtol=1e-4, atol=1e-4, check=None):
  """`feeds`: [(array, static shape)]."""
  _variants.append(Composition(op, title, feeds, build, rtol, atol, check))


def take():
  taken, _variants[:] = list(_variants), []
  return taken


def typed(values, dtype):
  """An array of a dtype by its TensorFlow name."""
  dtype = tf.as_dtype(dtype)
  if dtype == tf.string:
    return np.array(values, object)
  with np.errstate(all='ignore'):
    return np.asarray(values).astype(dtype.as_numpy_dtype)


def allowed(op, attr='T'):
  """The dtypes that an op's attribute may have, and a CPU could have a kernel for."""
  op_def = op_def_registry.get(op)
  for each in op_def.attr:
    if each.name == attr:
      names = [tf.as_dtype(t).name for t in each.allowed_values.list.type]
      names = names or ['float32', 'float64', 'float16', 'bfloat16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16',
                        'uint32', 'uint64', 'bool', 'complex64', 'complex128', 'string']
      return [n for n in names if not n.startswith(('q', 'float8', 'int4', 'uint4', 'int2', 'uint2', 'resource', 'variant'))]
  raise KeyError((op, attr))


def tensor_json(array, dtype):
  dtype = tf.as_dtype(dtype).base_dtype
  name = types_pb2.DataType.Name(dtype.as_datatype_enum)
  if dtype == tf.string:
    flat = np.asarray(array, object).reshape(-1)
    strings = [base64.b64encode(v if isinstance(v, bytes) else str(v).encode()).decode() for v in flat]
    return {'dtype': name, 'shape': list(np.shape(array)), 'strings': strings}
  array = np.asarray(array, dtype=None if dtype.is_quantized else dtype.as_numpy_dtype)
  return {'dtype': name, 'shape': list(np.shape(array)), 'content': base64.b64encode(array.tobytes()).decode()}


def describe(variant):
  return variant.title if isinstance(variant, Composition) else _describe(variant)


def _describe(variant):
  parts = []
  for value in variant.inputs:
    each = value if isinstance(value, (list, tuple)) else [value]
    for v in map(np.asarray, each):
      text = f'{tf.as_dtype(v.dtype).name if v.dtype != object else "string"}{list(v.shape)}'
      if v.dtype.kind in 'iu' and 0 < v.size <= 6 and variant.op != 'x':
        text += '=' + str(v.tolist()).replace(' ', '')
      parts.append(text)
  parts += [f'{k}={v.name if isinstance(v, tf.DType) else v}' for k, v in variant.attrs.items()]
  return f'{variant.op}({", ".join(parts)})' + (f': {variant.about}' if variant.about else '')


def _python_name(op, name):
  from inspect import signature
  names = list(signature(getattr(tf.raw_ops, op)).parameters)
  return name if name in names else None


def _message(error):
  lines = [line.strip() for line in error.message.split('\n')]
  noise = ('File ', 'Node: ', 'Graph execution', 'Detected at', 'Errors may', 'Original stack', '[[', '(')
  lines = [line for line in lines if line and not line.startswith(noise) and not line.endswith('^')]
  return (lines or [error.message])[0][:200]


def _build(variant, graph, full):
  op_def = op_def_registry.get(variant.op)
  feeds = []

  def placeholder(value):
    value = np.asarray(value)
    dtype = tf.string if value.dtype.kind in 'OSU' else tf.as_dtype(value.dtype)
    made = tf1.placeholder(dtype, shape=value.shape if full else None, name=f'x{len(feeds)}')
    feeds.append((made, value))
    return made

  from inspect import signature
  names = [n for n in signature(getattr(tf.raw_ops, variant.op)).parameters]
  arguments = {}
  order = [arg.name for arg in op_def.input_arg]
  attrs = {a.name for a in op_def.attr}
  # Raw ops rename a few arguments ("dim" is "axis"): those that are no attributes are the inputs, in their order.
  python = [n for n in names if n != 'name' and (n in order or n not in attrs)]
  for i, (arg, value) in enumerate(zip(op_def.input_arg, variant.inputs)):
    key = arg.name if arg.name in names else RENAMED.get((variant.op, arg.name), python[i])
    arguments[key] = [placeholder(v) for v in value] if isinstance(value, (list, tuple)) else placeholder(value)
  for key, value in variant.attrs.items():
    arguments[key if key in names else RENAMED.get((variant.op, key), key)] = value
  getattr(tf.raw_ops, variant.op)(**arguments)
  node = [o for o in graph.get_operations() if o.type == variant.op][-1]
  return node, feeds


RENAMED = {
    ('Select', 't'): 'x', ('Select', 'e'): 'y', ('Split', 'split_dim'): 'axis', ('SplitV', 'split_dim'): 'axis',
    ('ExpandDims', 'dim'): 'axis', ('Squeeze', 'squeeze_dims'): 'axis', ('Where', 'input'): 'condition',
}
for _op in ('Sum', 'Mean', 'Max', 'Min', 'Prod', 'All', 'Any', 'EuclideanNorm'):
  RENAMED[_op, 'reduction_indices'] = 'axis'


def _record_composition(composition):
  graph = tf.Graph()
  with graph.as_default():
    feeds = [(tf1.placeholder(value.dtype, shape, name=f'x{i}'), value) for i, (value, shape) in enumerate(composition.feeds)]
    fetches = composition.build(*(placeholder for placeholder, _ in feeds))
  names = {placeholder.op.name for placeholder, _ in feeds}
  definition = graph.as_graph_def()
  nodes = [node for node in definition.node if node.name not in names]
  out = {'title': composition.title, 'op': composition.op, **({'check': composition.check} if composition.check else {}), 'rtol': composition.rtol, 'atol': composition.atol, 'params': [],
         'nodes': [json.loads(json_format.MessageToJson(node, indent=None)) for node in nodes],
         **({'library': json.loads(json_format.MessageToJson(definition.library, indent=None))} if definition.library.function else {}),
         'fetches': [tensor.name for tensor in fetches], 'declared': [shape for _, shape in composition.feeds],
         'inputs': [tensor_json(value, placeholder.dtype) for placeholder, value in feeds]}
  with tf1.Session(graph=graph, config=CONFIG) as session:
    try:
      for initializer in graph.get_collection(tf1.GraphKeys.TABLE_INITIALIZERS):
        session.run(initializer)
      out['outputs'] = [tensor_json(v, t.dtype) for v, t in zip(session.run(fetches, dict(feeds)), fetches)]
    except errors_impl.OpError as e:
      out['error'] = {'code': CODES[e.error_code], 'message': _message(e)}
  return out, None


def record(variant):
  """The variant as a JSON object, or None where TensorFlow can't build it or has no kernel."""
  if isinstance(variant, Composition):
    return _record_composition(variant)
  made = None
  for full in (False, True):
    graph = tf.Graph()
    try:
      with graph.as_default():
        node, feeds = _build(variant, graph, full)
      made = full
      break
    except (ValueError, TypeError, errors_impl.OpError) as e:
      refused = e
  if made is None:
    return None, refused
  out = {'title': _describe(variant), 'op': variant.op}
  dtypes = [t.dtype.base_dtype.name for t in list(node.inputs) + list(node.outputs)]
  rtol = max([TOLERANCE.get(d, (0, 0))[0] for d in dtypes] or [0]) if variant.rtol is None else variant.rtol
  atol = max([TOLERANCE.get(d, (0, 0))[1] for d in dtypes] or [0]) if variant.atol is None else variant.atol
  out['rtol'], out['atol'] = rtol, atol
  params = variant.params
  if params is None:
    params = [i for i, (t, _) in enumerate(feeds) if i > 0 and t.dtype in (tf.int32, tf.int64)]
  out['params'] = params
  if made:
    out['shapes'] = 'full'
  if variant.check:
    out['check'] = variant.check
  definition = json.loads(json_format.MessageToJson(node.node_def, indent=None))
  definition.get('attr', {}).pop('_output_shapes', None)
  out['node'] = definition
  out['inputs'] = [tensor_json(value, t.dtype) for t, value in feeds]
  with tf1.Session(graph=graph, config=CONFIG) as session:
    try:
      values = session.run([t for t in node.outputs][:variant.count] or node, dict(feeds))
      out['outputs'] = [tensor_json(v, t.dtype) for v, t in zip(values or [], node.outputs)]
    except errors_impl.OpError as e:
      if 'No OpKernel' in e.message or 'Could not find device' in e.message or 'Cannot assign a device' in e.message:
        return None, e
      out['error'] = {'code': CODES[e.error_code], 'message': _message(e)}
  return out, None
