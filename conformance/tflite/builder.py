"""Writes TensorFlow Lite models an operator at a time, for what the converter never makes."""
import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

TYPES = {np.dtype(k): getattr(schema.TensorType, v) for k, v in {
    'float32': 'FLOAT32', 'float16': 'FLOAT16', 'int32': 'INT32', 'uint8': 'UINT8', 'int64': 'INT64', 'bool': 'BOOL',
    'int16': 'INT16', 'int8': 'INT8', 'complex64': 'COMPLEX64'}.items()}


class Builder:
  """A model's first subgraph, or a further one of `parent`. Tensors are told by name; the absent one is None."""

  def __init__(self, parent=None):
    self.subgraph = schema.SubGraphT()
    self.subgraph.tensors, self.subgraph.operators = [], []
    self.subgraph.name = b'main' if parent is None else b'inner'
    self.codes = [] if parent is None else parent.codes
    self.buffers = [schema.BufferT()] if parent is None else parent.buffers
    self.children = []
    if parent is not None:
      parent.children.append(self)
    self.metadata = []
    self.places = {}

  def tensor(self, name, shape, dtype='float32', data=None, quantization=None, variable=False, kind=None, sparsity=None):
    """quantization: (scales, zero points, axis). kind: another TensorType than the array's."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.isVariable = name.encode(), list(shape), variable
    tensor.type = TYPES[np.dtype(dtype)] if kind is None else kind
    tensor.buffer, tensor.sparsity = 0, sparsity
    tensor.shapeSignature = None
    if data is not None:
      buffer = schema.BufferT()
      buffer.data = np.frombuffer(data if isinstance(data, bytes) else np.ascontiguousarray(data).tobytes(), np.uint8)
      tensor.buffer = len(self.buffers)
      self.buffers.append(buffer)
    if quantization is not None:
      tensor.quantization = schema.QuantizationParametersT()
      scales, zeros, *axis = quantization
      tensor.quantization.scale = np.atleast_1d(scales).astype(np.float32)
      tensor.quantization.zeroPoint = np.atleast_1d(zeros).astype(np.int64)
      tensor.quantization.quantizedDimension = axis[0] if axis else 0
    self.places[name] = len(self.subgraph.tensors)
    self.subgraph.tensors.append(tensor)
    return name

  def constant(self, name, data, **options):
    return self.tensor(name, data.shape, data.dtype, data, **options)

  def operator(self, code, inputs, outputs, options=None, kind=None, custom=None, version=1, old=False):
    """options: an …OptionsT object. old: told by the field of one byte alone, as early converters did."""
    number = schema.BuiltinOperator.CUSTOM if custom else getattr(schema.BuiltinOperator, code)
    operator_code = schema.OperatorCodeT()
    operator_code.deprecatedBuiltinCode = min(number, 127)
    operator_code.builtinCode = 0 if old else number
    operator_code.customCode = code.encode() if custom else None
    operator_code.version = version
    operator = schema.OperatorT()
    operator.opcodeIndex = len(self.codes)
    self.codes.append(operator_code)
    operator.inputs = [-1 if name is None else self.places[name] for name in inputs]
    operator.outputs = [self.places[name] for name in outputs]
    if custom:
      operator.customOptions = np.frombuffer(custom, np.uint8)
    if options is not None:
      kind = kind or type(options).__name__[:-1]
      if hasattr(schema.BuiltinOptions, kind):
        operator.builtinOptionsType, operator.builtinOptions = getattr(schema.BuiltinOptions, kind), options
      else:
        operator.builtinOptions2Type, operator.builtinOptions2 = getattr(schema.BuiltinOptions2, kind), options
    self.subgraph.operators.append(operator)

  def annotate(self, name, data):
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = name.encode(), len(self.buffers)
    self.buffers.append(buffer)
    self.metadata.append(entry)

  def ends(self, inputs, outputs):
    self.subgraph.inputs = [self.places[name] for name in inputs]
    self.subgraph.outputs = [self.places[name] for name in outputs]

  def finish(self, inputs, outputs):
    """The model; further subgraphs have been told their ends."""
    self.ends(inputs, outputs)
    model = schema.ModelT()
    model.version, model.description = 3, b''
    model.subgraphs = [self.subgraph, *(child.subgraph for child in self.children)]
    model.operatorCodes = self.codes
    model.buffers, model.metadata = self.buffers, self.metadata
    writer = flatbuffers.Builder(1024)
    writer.Finish(model.Pack(writer), b'TFL3')
    return bytes(writer.Output())


def options(name, /, **fields):
  result = getattr(schema, f'{name}T')()
  for field, value in fields.items():
    assert hasattr(result, field), f'{name} has no {field}'
    setattr(result, field, value)
  return result
