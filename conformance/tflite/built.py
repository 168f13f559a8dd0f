"""Models that no converter of today makes: old ones, operators by themselves, weights stored sparsely or in 4 bits."""
import numpy as np
from flatbuffers import flexbuffers

from builder import Builder, options, schema
from recorder import case, random
from tensorflow.core.protobuf import meta_graph_pb2

TANH = schema.ActivationFunctionType.TANH
NO_STATE = {'rtol': 1e-5, 'atol': 1e-5}


def lstm_weights(b, prefix, inputs, cells, outputs, projected):
  """The names of inputs 1 to 17 of an LSTM with all it can have."""
  def weights(kind, *shape):
    return [b.constant(f'{prefix}{kind}_{gate}', random(*shape)) for gate in 'ifco']
  w, r = weights('w', cells, inputs), weights('r', cells, outputs)
  peephole = [b.constant(f'{prefix}p_{gate}', random(cells)) for gate in 'ifo']
  projection = [b.constant(f'{prefix}wp', random(outputs, cells)), b.constant(f'{prefix}bp', random(outputs))]
  return w + r + peephole + weights('b', cells) + (projection if projected else [None, None])


@case
def lstm_full():
  """An LSTM with peepholes, projection, layer normalization and clipping, time first."""
  b = Builder()
  b.tensor('x', [4, 2, 3])
  weights = lstm_weights(b, '', 3, 5, 4, True)
  b.tensor('h', [2, 4], variable=True)
  b.tensor('c', [2, 5], variable=True)
  norm = [b.constant(f'n_{gate}', random(5)) for gate in 'ifco']
  b.tensor('y', [4, 2, 4])
  b.operator('UNIDIRECTIONAL_SEQUENCE_LSTM', ['x', *weights, 'h', 'c', *norm], ['y'], options(
      'UnidirectionalSequenceLSTMOptions', fusedActivationFunction=TANH, cellClip=0.6, projClip=0.4, timeMajor=True))
  return b.finish(['x'], ['y']), [{'x': random(4, 2, 3)}], NO_STATE


@case
def lstm_coupled():
  """An LSTM whose input gate is what the forget gate leaves."""
  b = Builder()
  b.tensor('x', [1, 4, 3])
  weights = lstm_weights(b, '', 3, 5, 5, False)
  for i in (0, 4, 8, 11):
    weights[i] = None
  b.tensor('h', [1, 5], variable=True)
  b.tensor('c', [1, 5], variable=True)
  b.tensor('y', [1, 4, 5])
  b.operator('UNIDIRECTIONAL_SEQUENCE_LSTM', ['x', *weights, 'h', 'c'], ['y'], options(
      'UnidirectionalSequenceLSTMOptions', fusedActivationFunction=TANH))
  return b.finish(['x'], ['y']), [{'x': random(1, 4, 3)}], NO_STATE


@case
def lstm_bidirectional():
  """The operator for LSTMs in both directions, its outputs apart."""
  b = Builder()
  b.tensor('x', [3, 2, 3])
  weights = lstm_weights(b, 'f', 3, 4, 4, False) + lstm_weights(b, 'b', 3, 4, 4, False)
  states = [b.tensor(name, [2, 4], variable=True) for name in ('fh', 'fc', 'bh', 'bc')]
  b.tensor('forward', [3, 2, 4])
  b.tensor('backward', [3, 2, 4])
  b.operator('BIDIRECTIONAL_SEQUENCE_LSTM', ['x', *weights, *states] + [None] * 9, ['forward', 'backward'], options(
      'BidirectionalSequenceLSTMOptions', fusedActivationFunction=TANH, mergeOutputs=False, timeMajor=True))
  return b.finish(['x'], ['forward', 'backward']), [{'x': random(3, 2, 3)}], NO_STATE


@case
def rnn_operators():
  """The operators for simple recurrent layers, in one direction and in both."""
  b = Builder()
  b.tensor('x', [2, 3, 4])
  def cell(prefix):
    return [b.constant(f'{prefix}w', random(5, 4)), b.constant(f'{prefix}r', random(5, 5)),
            b.constant(f'{prefix}b', random(5)), b.tensor(f'{prefix}h', [2, 5], variable=True)]
  b.tensor('one', [2, 3, 5])
  b.tensor('both', [2, 3, 10])
  b.operator('UNIDIRECTIONAL_SEQUENCE_RNN', ['x', *cell('u')], ['one'],
             options('SequenceRNNOptions', fusedActivationFunction=TANH, timeMajor=False))
  b.operator('BIDIRECTIONAL_SEQUENCE_RNN', ['x', *cell('f'), *cell('b'), None, None, None], ['both'], options(
      'BidirectionalSequenceRNNOptions', fusedActivationFunction=TANH, timeMajor=False, mergeOutputs=True))
  return b.finish(['x'], ['one', 'both']), [{'x': random(2, 3, 4)}], NO_STATE


@case
def op_rare():
  """Operators that converters seldom write."""
  b = Builder()
  b.tensor('image', [1, 4, 4, 2])
  b.tensor('ids', [3], 'int32')
  b.tensor('volume', [1, 2, 2, 2, 3])
  b.constant('table', random(5, 2, 2))
  b.constant('sizes', np.array([1, 4, 4, 4, 2], np.int32))
  b.constant('filter', random(2, 2, 2, 2, 3))
  b.constant('bias', random(2))
  b.constant('places', np.array([[0, 1], [2, 0]], np.int32))
  b.constant('shape', np.array([3, 2], np.int32))
  b.constant('values', np.array([5, 6], np.float32))
  b.constant('default', np.array(-1, np.float32))
  b.constant('segments', np.array([0, 0, 1, 1, 1], np.int32))
  for name, shape in {'l2': [1, 2, 2, 2], 'relu01': [1, 4, 4, 2], 'rows': [3, 2, 2], 'decoded': [1, 4, 4, 4, 2],
                      'dense': [3, 2], 'sums': [2, 2, 2]}.items():
    b.tensor(name, shape)
  b.tensor('bits', [1, 4, 4, 2], 'int32')
  pool = options('Pool2DOptions', strideW=2, strideH=2, filterWidth=3, filterHeight=2)
  b.operator('L2_POOL_2D', ['image'], ['l2'], pool)
  b.operator('RELU_0_TO_1', ['image'], ['relu01'])
  b.operator('EMBEDDING_LOOKUP', ['ids', 'table'], ['rows'])
  b.operator('CONV_3D_TRANSPOSE', ['sizes', 'filter', 'volume', 'bias'], ['decoded'],
             options('Conv3DOptions', strideD=2, strideW=2, strideH=2, dilationDFactor=1, dilationHFactor=1, dilationWFactor=1))
  b.operator('SPARSE_TO_DENSE', ['places', 'shape', 'values', 'default'], ['dense'], options('SparseToDenseOptions'))
  b.operator('SEGMENT_SUM', ['table', 'segments'], ['sums'])
  b.operator('BITCAST', ['image'], ['bits'])
  calls = [{'image': random(1, 4, 4, 2, low=-2, high=2), 'ids': np.array([4, 0, 2], np.int32), 'volume': random(1, 2, 2, 2, 3)}]
  return b.finish(['image', 'ids', 'volume'], ['l2', 'relu01', 'rows', 'decoded', 'dense', 'sums', 'bits']), calls


@case
def op_rarer():
  """More of them."""
  b = Builder()
  b.tensor('x', [1, 4])
  b.tensor('p', [1, 4], 'bool')
  b.constant('segments', np.array([1, 0, 1, 1], np.int32))
  b.constant('count', np.array(2, np.int32))
  b.constant('column', np.array([2, 3, 4, 5], np.float32))
  b.constant('zero', np.array(0, np.float32))
  b.constant('a', np.array([3, 1], np.int32))
  b.constant('c', np.array([2, 1, 4], np.int32))
  outputs = {'fake': ('float32', [1, 4]), 'not': ('bool', [1, 4]), 'select': ('float32', [1, 4]), 'product': ('float32', [2]),
             'least': ('float32', [2]), 'args': ('int32', [3]), 'rank': ('int32', []), 'squeezed': ('float32', [4]),
             'scaled': ('float32', [2])}
  for name, (dtype, shape) in outputs.items():
    b.tensor(name, shape, dtype)
  b.operator('FAKE_QUANT', ['x'], ['fake'], options('FakeQuantOptions', min=-1.0, max=1.0, numBits=4))
  b.operator('LOGICAL_NOT', ['p'], ['not'])
  b.operator('SELECT_V2', ['p', 'x', 'zero'], ['select'])
  b.operator('SQUEEZE', ['x'], ['squeezed'], options('SqueezeOptions', squeezeDims=[0]))
  b.operator('UNSORTED_SEGMENT_PROD', ['column', 'segments', 'count'], ['product'])
  b.operator('UNSORTED_SEGMENT_MIN', ['column', 'segments', 'count'], ['least'])
  b.operator('BROADCAST_ARGS', ['a', 'c'], ['args'])
  b.operator('RANK', ['x'], ['rank'])
  inner = Builder(b)
  inner.tensor('y', [2])
  inner.operator('ABS', ['y'], [inner.tensor('z', [2])])
  inner.ends(['y'], ['z'])
  b.operator('STABLEHLO_COMPOSITE', ['product'], ['scaled'], options(
      'StableHLOCompositeOptions', name=b'odml.abs', decompositionSubgraphIndex=1), kind='StableHLOCompositeOptions')
  calls = [{'x': random(1, 4), 'p': np.array([[True, False, True, False]])}]
  return b.finish(['x', 'p'], list(outputs)), calls


@case
def op_random():
  """Random numbers: of these only dtypes, shapes and orders of magnitude agree."""
  b = Builder()
  b.tensor('shape', [2], 'int32')
  b.constant('logits', random(2, 3))
  b.constant('draws', np.array(4, np.int32))
  b.tensor('uniform', [2, 3])
  b.tensor('normal', [2, 3])
  b.tensor('drawn', [2, 4], 'int64')
  for code, inputs, output in (('RANDOM_UNIFORM', ['shape'], 'uniform'), ('RANDOM_STANDARD_NORMAL', ['shape'], 'normal'),
                               ('MULTINOMIAL', ['logits', 'draws'], 'drawn')):
    b.operator(code, inputs, [output], options('RandomOptions', seed=3, seed2=4))
  calls = [{'shape': np.array([2, 3], np.int32)}]
  return b.finish(['shape'], ['uniform', 'normal', 'drawn']), calls, {'atol': 10, 'mean_atol': 5}


@case
def old_model():
  """A model as the first converters wrote them: no signature, operators told by one byte, one quantization a tensor."""
  b = Builder()
  b.tensor('image', [1, 4, 4, 3], 'uint8', quantization=(0.05, 128))
  w = np.random.default_rng(2).integers(0, 255, (6, 3, 3, 3)).astype(np.uint8)
  b.constant('weights', w, quantization=(0.02, 120))
  b.constant('bias', np.arange(-300, 300, 100, dtype=np.int32), quantization=(0.001, 0))
  b.tensor('conv', [1, 4, 4, 6], 'uint8', quantization=(0.04, 0))
  b.tensor('pool', [1, 1, 1, 6], 'uint8', quantization=(0.04, 0))
  b.tensor('logits', [1, 6], 'uint8', quantization=(0.04, 0))
  b.tensor('scores', [1, 6], 'uint8', quantization=(1 / 256, 0))
  b.operator('CONV_2D', ['image', 'weights', 'bias'], ['conv'], options(
      'Conv2DOptions', strideW=1, strideH=1, fusedActivationFunction=schema.ActivationFunctionType.RELU6), old=True)
  b.operator('AVERAGE_POOL_2D', ['conv'], ['pool'], options(
      'Pool2DOptions', strideW=1, strideH=1, filterWidth=4, filterHeight=4, padding=schema.Padding.VALID), old=True)
  b.operator('RESHAPE', ['pool'], ['logits'], options('ReshapeOptions', newShape=[1, 6]), old=True)
  b.operator('SOFTMAX', ['logits'], ['scores'], options('SoftmaxOptions', beta=1.0), old=True)
  x = np.random.default_rng(3).integers(0, 255, (1, 4, 4, 3)).astype(np.uint8)
  return b.finish(['image'], ['scores']), [{'image': x}], {'atol': 1, 'mean_atol': 0.5}


@case
def metadata_signature():
  """A model with its signature in the metadata, as TensorFlow Serving reads it."""
  b = Builder()
  b.tensor('serving_x', [2])
  b.tensor('out/y', [2])
  b.operator('NEG', ['serving_x'], ['out/y'])
  signature = meta_graph_pb2.SignatureDef(method_name='tensorflow/serving/predict')
  signature.inputs['x'].name, signature.outputs['y'].name = 'serving_x:0', 'out/y:0'
  writer = flexbuffers.Builder()
  with writer.Map():
    writer.Key('serving_default')
    writer.String(signature.SerializeToString().decode('ascii'))
  b.annotate('signature_defs_metadata', bytes(writer.Finish()))
  x = random(2)
  return b.finish(['serving_x'], ['out/y']), [('serving_default', {'x': x}, {'y': -x})]


@case
def weights_int4():
  """Weights of 4 bits, two in a byte, with a scale for each unit."""
  b = Builder()
  w = np.random.default_rng(4).integers(-7, 8, (3, 6)).astype(np.int8)
  packed = (w.flatten()[0::2] & 15) | ((w.flatten()[1::2] & 15) << 4)
  scales = np.array([0.1, 0.2, 0.3], np.float32)
  b.tensor('x', [2, 6])
  b.tensor('w', [3, 6], data=packed.astype(np.uint8), kind=schema.TensorType.INT4, quantization=(scales, [0, 0, 0], 0))
  b.tensor('y', [2, 3])
  b.operator('FULLY_CONNECTED', ['x', 'w', None], ['y'], options('FullyConnectedOptions'))
  x = random(2, 6)
  # The interpreter rounds x to 8 bits before it multiplies.
  return b.finish(['x'], ['y']), [('serving_default', {'x': x}, {'y': x @ (w * scales[:, None]).T.astype(np.float32)})]


@case
def weights_sparse():
  """Weights of which only rows of blocks that hold anything are stored."""
  b = Builder()
  dense = np.zeros((4, 8), np.float32)
  dense[0, 0:4], dense[2, 4:8], dense[2, 0:4] = random(4), random(4), random(4)
  stored = np.concatenate([dense[0, 0:4], dense[2, 0:4], dense[2, 4:8]])
  def dimension(**fields):
    return options('DimensionMetadata', **fields)
  sparsity = options('SparsityParameters', traversalOrder=[0, 1, 2], blockMap=[1], dimMetadata=[
      dimension(format=0, denseSize=4),
      dimension(format=1, arraySegmentsType=3, arraySegments=options('Uint8Vector', values=np.array([0, 1, 1, 3, 3], np.uint8)),
                arrayIndicesType=3, arrayIndices=options('Uint8Vector', values=np.array([0, 0, 1], np.uint8))),
      dimension(format=0, denseSize=4)])
  b.tensor('x', [3, 8])
  b.tensor('w', [4, 8], data=stored, sparsity=sparsity)
  b.tensor('dense', [4, 8])
  b.tensor('y', [3, 4])
  b.operator('DENSIFY', ['w'], ['dense'])
  b.operator('FULLY_CONNECTED', ['x', 'dense', None], ['y'], options('FullyConnectedOptions'))
  return b.finish(['x'], ['y']), [{'x': random(3, 8)}]
