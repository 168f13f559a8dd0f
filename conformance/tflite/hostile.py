"""Models that are well-formed FlatBuffers and ask for what can't be.

    python hostile.py

Writes packages/engine/src/fixtures/tflite-hostile/<case>.tflite, which packages/engine/src/tflite-hostile.test.ts loads
and runs. What must become of each is written there.
"""
import numpy as np

from builder import Builder, options, schema
from recorder import FIXTURES, random

models = {}


def model(build):
  models[build.__name__] = build
  return build


def image(b, *shape):
  b.tensor('x', shape or [1, 4, 4, 2])
  return 'x'


def pool(**fields):
  b = Builder()
  image(b)
  b.tensor('y', [1, 4, 4, 2])
  b.operator('MAX_POOL_2D', ['x'], ['y'], options('Pool2DOptions', **{
      'strideW': 1, 'strideH': 1, 'filterWidth': 2, 'filterHeight': 2, **fields}))
  return b.finish(['x'], ['y'])


def conv(filter_shape=(3, 2, 2, 2), **fields):
  b = Builder()
  image(b)
  b.constant('w', random(*filter_shape))
  b.tensor('y', [1, 4, 4, 3])
  b.operator('CONV_2D', ['x', 'w', None], ['y'], options('Conv2DOptions', **{
      'strideW': 1, 'strideH': 1, 'dilationWFactor': 1, 'dilationHFactor': 1, **fields}))
  return b.finish(['x'], ['y'])


def unary(code, option=None, output=(1, 4, 4, 2), extra=(), **fields):
  b = Builder()
  image(b)
  names = [b.constant(f'c{i}', value) for i, value in enumerate(extra)]
  b.tensor('y', output)
  b.operator(code, ['x', *names], ['y'], options(option, **fields) if option else None)
  return b.finish(['x'], ['y'])


def ints(*values):
  return np.array(values, np.int32)


for name, fields in {'pool_stride_0': {'strideW': 0}, 'pool_filter_0': {'filterWidth': 0}, 'pool_filter_negative': {'filterHeight': -3},
                     'pool_stride_huge': {'strideH': 2**31 - 1}, 'pool_filter_huge': {'filterWidth': 2**30},
                     'pool_padding_unknown': {'padding': 7}}.items():
  models[name] = lambda fields=fields: pool(**fields)
for name, fields in {'conv_stride_0': {'strideW': 0}, 'conv_dilation_0': {'dilationHFactor': 0}, 'conv_dilation_huge': {'dilationHFactor': 2**30},
                     'conv_filter_empty': {'filter_shape': (3, 0, 2, 2)}, 'conv_filter_rank': {'filter_shape': (3, 2, 2)},
                     'conv_channels': {'filter_shape': (3, 2, 2, 5)}, 'conv_activation_unknown': {'fusedActivationFunction': 9}}.items():
  models[name] = lambda fields=fields: conv(**fields)
models['concat_axis'] = lambda: unary('CONCATENATION', 'ConcatenationOptions', axis=7)
models['pack_axis'] = lambda: unary('PACK', 'PackOptions', axis=-9, valuesCount=1)
models['unpack_more'] = lambda: unary('UNPACK', 'UnpackOptions', axis=0, num=1000)
models['split_0'] = lambda: unary('SPLIT', 'SplitOptions', numSplits=0)
models['depth_to_space_0'] = lambda: unary('DEPTH_TO_SPACE', 'DepthToSpaceOptions', blockSize=0)
models['space_to_depth_negative'] = lambda: unary('SPACE_TO_DEPTH', 'SpaceToDepthOptions', blockSize=-2)
models['reshape_elsewhere'] = lambda: unary('RESHAPE', extra=[ints(5, 7)])
models['reshape_huge'] = lambda: unary('RESHAPE', extra=[ints(2**30, 2**30, 2**30)])
models['tile_huge'] = lambda: unary('TILE', extra=[ints(2**20, 2**20, 2**20, 2**20)])
models['pad_negative'] = lambda: unary('PAD', extra=[np.full((4, 2), -3, np.int32)])
models['transpose_twice'] = lambda: unary('TRANSPOSE', extra=[ints(0, 0, 1, 2)])
models['mean_axis'] = lambda: unary('MEAN', 'ReducerOptions', extra=[ints(9)])
models['strided_slice_0'] = lambda: unary('STRIDED_SLICE', 'StridedSliceOptions', extra=[ints(0, 0, 0, 0), ints(1, 1, 1, 1), ints(0, 0, 0, 0)])
models['resize_negative'] = lambda: unary('RESIZE_BILINEAR', 'ResizeBilinearOptions', extra=[ints(-1, 4)])
models['resize_huge'] = lambda: unary('RESIZE_NEAREST_NEIGHBOR', 'ResizeNearestNeighborOptions', extra=[ints(2**30, 2**30)])
models['gather_outside'] = lambda: unary('GATHER', 'GatherOptions', extra=[ints(99)])
models['wrong_options'] = lambda: unary('MEAN', 'SplitOptions', extra=[ints(0)])
models['wrong_type'] = lambda: unary('SHAPE', 'ShapeOptions')
models['no_inputs'] = lambda: missing_inputs()
models['unknown_operator'] = lambda: unary('SVDF', 'SVDFOptions')
models['custom_operator'] = lambda: custom('Whatever')
models['flex_nonsense'] = lambda: custom('FlexWhatever')


def missing_inputs():
  b = Builder()
  image(b)
  b.tensor('y', [1])
  b.operator('ADD', [], ['y'], options('AddOptions'))
  return b.finish(['x'], ['y'])


def custom(code):
  b = Builder()
  image(b)
  b.tensor('y', [1])
  b.operator(code, ['x'], ['y'], custom=b'\x01\x02\x03')
  return b.finish(['x'], ['y'])


@model
def fill_huge():
  b = Builder()
  b.tensor('x', [1])
  b.constant('shape', ints(2**15, 2**15, 2**10))
  b.tensor('y', [1])
  b.operator('FILL', ['shape', b.constant('v', np.array(1, np.float32))], ['y'])
  b.operator('ABS', ['x'], [b.tensor('z', [1])])
  return b.finish(['x'], ['y', 'z'])


@model
def cycle():
  b = Builder()
  image(b)
  b.tensor('y', [1, 4, 4, 2])
  b.tensor('z', [1, 4, 4, 2])
  b.operator('ADD', ['x', 'z'], ['y'], options('AddOptions'))
  b.operator('ABS', ['y'], ['z'])
  return b.finish(['x'], ['z'])


@model
def loop_of_itself():
  b = Builder()
  b.tensor('x', [1], 'int32')
  b.tensor('y', [1], 'int32')
  b.operator('WHILE', ['x'], ['y'], options('WhileOptions', condSubgraphIndex=0, bodySubgraphIndex=0))
  return b.finish(['x'], ['y'])


@model
def branch_nowhere():
  b = Builder()
  b.tensor('x', [], 'bool')
  b.tensor('y', [], 'bool')
  b.operator('IF', ['x'], ['y'], options('IfOptions', thenSubgraphIndex=5, elseSubgraphIndex=-1))
  return b.finish(['x'], ['y'])


@model
def output_never_computed():
  b = Builder()
  image(b)
  b.tensor('y', [1])
  return b.finish(['x'], ['y'])


@model
def constant_too_short():
  b = Builder()
  image(b)
  b.tensor('c', [1000], data=np.zeros(4, np.float32))
  b.operator('ADD', ['x', 'c'], [b.tensor('y', [1])], options('AddOptions'))
  return b.finish(['x'], ['y'])


@model
def constant_huge():
  b = Builder()
  image(b)
  b.tensor('c', [2**30, 2**30, 2**30], data=np.zeros(4, np.float32))
  b.operator('ADD', ['x', 'c'], [b.tensor('y', [1])], options('AddOptions'))
  return b.finish(['x'], ['y'])


@model
def scales_without_numbers():
  b = Builder()
  b.tensor('x', [4], 'int8', quantization=([np.nan], [0]))
  b.tensor('y', [4], 'int8', quantization=([0.0], [2**40]))
  b.operator('ABS', ['x'], ['y'])
  return b.finish(['x'], ['y'])


@model
def scales_of_channels():
  b = Builder()
  b.tensor('x', [2, 2], 'int8', quantization=([0.1, 0.2], [0, 0], 1))
  b.tensor('y', [2, 2], 'int8', quantization=([0.1, 0.2], [0, 0], 1))
  b.operator('ABS', ['x'], ['y'])
  return b.finish(['x'], ['y'])


@model
def strings_outside():
  b = Builder()
  b.tensor('x', [2])
  b.tensor('s', [2], data=np.array([2, 16, 99, 2**30], np.int32), kind=schema.TensorType.STRING)
  b.operator('ABS', ['x'], [b.tensor('y', [2])])
  b.tensor('t', [2], kind=schema.TensorType.STRING)
  b.operator('RESHAPE', ['s', b.constant('shape', ints(2))], ['t'])
  return b.finish(['x'], ['y', 't'])


if __name__ == '__main__':
  folder = FIXTURES.parent / 'tflite-hostile'
  folder.mkdir(parents=True, exist_ok=True)
  for name, build in models.items():
    (folder / f'{name}.tflite').write_bytes(build())
  print(len(models), 'models')
