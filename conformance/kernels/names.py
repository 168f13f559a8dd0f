"""Ops under the names that they had before, and ops that few graphs have."""
import base64
import os
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2

from dtypes import mixed, tolerance
from recorder import case, raw, strings, tf1

LOOSE = {'rtol': 3e-4, 'atol': 3e-5}
f32 = lambda values: tf.constant(values, tf.float32)
i32 = lambda values: tf.constant(values, tf.int32)
i64 = lambda values: tf.constant(values, tf.int64)


def aged(build, producer=8):
  """Builds in a graph of an older version, where ops that have been removed since are still there."""
  def older():
    graph = graph_pb2.GraphDef()
    graph.versions.producer = producer
    tf.import_graph_def(graph, name='')
    build()
  return older


# ---- matrices
SQUARE = np.array([[[4, 1], [1, 3]], [[2, -1], [-1, 5]]], np.float32)


for name in ('BatchCholesky', 'BatchMatrixDeterminant', 'BatchMatrixInverse', 'BatchMatrixDiagPart'):
  case(name, aged(lambda name=name: getattr(raw, name)(input=f32(SQUARE))), **LOOSE)
case('BatchMatrixInverse adjoint', aged(lambda: raw.BatchMatrixInverse(input=f32(SQUARE), adjoint=True)), **LOOSE)
RIGHT = [[[1.0], [2.0]], [[3.0], [4.0]]]
case('BatchMatrixSolve', aged(lambda: raw.BatchMatrixSolve(matrix=f32(SQUARE), rhs=f32(RIGHT))), **LOOSE)
case('BatchMatrixSolveLs', aged(lambda: raw.BatchMatrixSolveLs(
    matrix=f32(SQUARE), rhs=f32(RIGHT), l2_regularizer=tf.constant(0.0, tf.float64))), **LOOSE)
case('BatchMatrixTriangularSolve', aged(lambda: raw.BatchMatrixTriangularSolve(matrix=f32(SQUARE), rhs=f32(RIGHT))), **LOOSE)
case('BatchMatrixBandPart', aged(lambda: raw.BatchMatrixBandPart(input=f32(SQUARE), num_lower=i64(0), num_upper=i64(-1))))
case('BatchMatrixDiag', aged(lambda: raw.BatchMatrixDiag(diagonal=f32([[1, 2], [3, 4]]))))
case('BatchMatrixSetDiag', aged(lambda: raw.BatchMatrixSetDiag(input=f32(SQUARE), diagonal=f32([[1, 2], [3, 4]]))))
# Eigenvectors are right with either sign: of matrices whose vectors are the axes, TensorFlow's are ones.
DIAGONAL = np.array([[1, 0], [0, 3]], np.float32)
case('SelfAdjointEig', aged(lambda: raw.SelfAdjointEig(input=f32(DIAGONAL))), **LOOSE)
case('BatchSelfAdjointEig', aged(lambda: raw.BatchSelfAdjointEig(input=f32(np.stack([DIAGONAL, 2 * DIAGONAL])))), **LOOSE)
case('BatchSelfAdjointEigV2', aged(lambda: raw.BatchSelfAdjointEigV2(input=f32(SQUARE), compute_v=False)), **LOOSE)
case('BatchSvd', aged(lambda: raw.BatchSvd(input=f32(SQUARE), compute_uv=False)), **LOOSE)
case('MatrixExponential', aged(lambda: (raw.MatrixExponential(input=f32(SQUARE / 4)), raw.MatrixExponential(
    input=tf.constant(SQUARE[0] * 3, tf.float64)), raw.MatrixExponential(input=f32(np.zeros([0, 2, 2])))), 26), rtol=1e-4, atol=1e-5)
case('IFFT3D', lambda: (raw.IFFT3D(input=mixed([2, 2, 3], tf.complex64)), raw.IFFT3D(input=mixed([1, 2, 1, 3], tf.complex128))),
     rtol=1e-4, atol=1e-5)

# ---- convolutions
def convolutions():
  x, w = mixed([1, 4, 4, 2], tf.float32), mixed([2, 2, 2, 3], tf.float32, 2)
  raw.Conv(input=x, filter=w, strides=[1, 1, 1, 1], padding='VALID')
  raw.Conv(input=x, filter=w, strides=[1, 2, 2, 1], padding='SAME')
  raw.Conv(input=mixed([1, 3, 3, 3, 1], tf.float32), filter=mixed([2, 2, 2, 1, 2], tf.float32), strides=[1, 1, 1, 1, 1],
           padding='SAME')


case('Conv', convolutions, **tolerance(tf.float32, 10))
case('Conv3DBackpropInput', aged(lambda: raw.Conv3DBackpropInput(
    input=mixed([1, 3, 3, 3, 1], tf.float32), filter=mixed([2, 2, 2, 1, 2], tf.float32),
    out_backprop=mixed([1, 2, 2, 2, 2], tf.float32), strides=[1] * 5, padding='VALID')), **tolerance(tf.float32, 10))
case('Conv3DBackpropFilter', aged(lambda: raw.Conv3DBackpropFilter(
    input=mixed([1, 3, 3, 3, 1], tf.float32), filter=mixed([2, 2, 2, 1, 2], tf.float32),
    out_backprop=mixed([1, 2, 2, 2, 2], tf.float32), strides=[1] * 5, padding='VALID')), **tolerance(tf.float32, 10))
case('FusedBatchNormGradV2', lambda: raw.FusedBatchNormGradV2(
    y_backprop=mixed([1, 2, 2, 2], tf.float32), x=mixed([1, 2, 2, 2], tf.float32, 2), scale=f32([1, 2]),
    reserve_space_1=f32([.5, 1]), reserve_space_2=f32([1, 2]), is_training=False), rtol=1e-4, atol=1e-4)

# ---- arrays
case('Empty', lambda: (raw.Empty(shape=[2, 3], dtype=tf.float32, init=True), raw.Empty(shape=[0], dtype=tf.string),
                       raw.Empty(shape=[2], dtype=tf.int64, init=True)))
for name in ('InplaceUpdate', 'InplaceAdd', 'InplaceSub'):
  case(name, lambda name=name: getattr(raw, name)(x=f32([[1, 2], [3, 4], [5, 6]]), i=i32([2, 0]), v=f32([[10, 20], [30, 40]])))
case('ParallelConcat', lambda: raw.ParallelConcat(values=[f32([[1, 2]]), f32([[3, 4]])], shape=[2, 2]))
case('AccumulateNV2', lambda: raw.AccumulateNV2(inputs=[f32([1, 2]), f32([3, 4]), f32([5, 6])], shape=[2]))
case('ScatterNdNonAliasingAdd', lambda: (
    raw.ScatterNdNonAliasingAdd(input=f32([1, 2, 3, 4]), indices=[[1], [3], [1]], updates=f32([10, 20, 30])),
    raw.ScatterNdNonAliasingAdd(input=i32([1, 2]), indices=[[0]], updates=i32([5]))))
case('GuaranteeConst', lambda: raw.GuaranteeConst(input=f32([1, 2])))
case('Copy', lambda: (raw.Copy(input=f32([1, 2]), tensor_name='x'), raw.CopyHost(input=i32([3]), tensor_name='y')))
case('DebugGradientIdentity', lambda: raw.DebugGradientIdentity(input=f32([1, 2])))
case('QuantizeAndDequantize', aged(lambda: raw.QuantizeAndDequantize(
    input=f32([-1.5, -.3, .2, .77, 2]), input_min=-1, input_max=1, num_bits=4, range_given=True), 21), rtol=1e-6)
case('QuantizeAndDequantize of a range found', aged(lambda: raw.QuantizeAndDequantize(
    input=f32([-1.5, -.3, .2, .77, 2])), 21), rtol=1e-6)
case('AdjustContrast', aged(lambda: (
    raw.AdjustContrast(images=mixed([2, 3, 2], tf.float32), contrast_factor=f32(1.5), min_value=f32(-2), max_value=f32(2)),
    raw.AdjustContrast(images=tf.constant([[[10], [200]]], tf.uint8), contrast_factor=f32(2), min_value=f32(0),
                       max_value=f32(255))), 1), rtol=1e-5, atol=1e-5)
case('Print', lambda: raw.Print(input=f32([1, 2]), data=[f32([3]), strings(['a'])], message='of'))
# ---- tables of the first kind
def first_table(op, **args):
  def build():
    table = getattr(raw, op)(**args)
    raw.LookupTableInsert(table_handle=table, keys=strings(['a', 'b']), values=i64([1, 2]))
    raw.LookupTableFind(table_handle=table, keys=strings(['b', 'z']), default_value=i64(-1))
    raw.LookupTableSize(table_handle=table)
    raw.LookupTableImport(table_handle=table, keys=strings(['k']), values=i64([7]))
    raw.LookupTableExport(table_handle=table, Tkeys=tf.string, Tvalues=tf.int64)
  return build


case('MutableHashTable', first_table('MutableHashTable', key_dtype=tf.string, value_dtype=tf.int64, shared_name='m'))


def static_table():
  table = raw.HashTable(key_dtype=tf.string, value_dtype=tf.int64, shared_name='h')
  raw.InitializeTable(table_handle=table, keys=strings(['a', 'b']), values=i64([1, 2]))
  raw.LookupTableFind(table_handle=table, keys=strings([['b', 'z']]), default_value=i64(-1))
  raw.LookupTableSize(table_handle=table)


case('HashTable', static_table)


def tensors_table():
  table = raw.MutableHashTableOfTensors(key_dtype=tf.int64, value_dtype=tf.float32, value_shape=[2], shared_name='t')
  raw.LookupTableInsert(table_handle=table, keys=i64([1, 2]), values=f32([[1, 2], [3, 4]]))
  raw.LookupTableFind(table_handle=table, keys=i64([2, 5]), default_value=f32([0, 9]))
  raw.LookupTableSize(table_handle=table)


case('MutableHashTableOfTensors', tensors_table)


# ---- chance
case('RandomPoisson', aged(lambda: raw.RandomPoisson(shape=[3], rate=f32([1, 20]), seed=1, seed2=2), 24))
case('StatelessRandomGammaV3', lambda: raw.StatelessRandomGammaV3(
    shape=[5, 2], key=raw.StatelessRandomGetKeyCounter(seed=[1, 2])[0], counter=raw.StatelessRandomGetKeyCounter(seed=[1, 2])[1],
    alg=i32(1), alpha=f32([.5, 3])), rtol=1e-4, atol=1e-6)
case('StatelessShuffle', lambda: raw.StatelessShuffle(
    value=i32([1, 2, 3, 4, 5]), key=raw.StatelessRandomGetKeyCounter(seed=[1, 2])[0],
    counter=raw.StatelessRandomGetKeyCounter(seed=[1, 2])[1], alg=i32(1)))


def push_back_batch():
  handles = tf.stack([raw.EmptyTensorList(element_shape=i32([2]), max_num_elements=i32(-1), element_dtype=tf.float32)
                      for _ in range(2)])
  pushed = raw.TensorListPushBackBatch(input_handles=handles, tensor=f32([[1, 2], [3, 4]]))
  raw.TensorListStack(input_handle=tf.unstack(pushed, num=2)[1], element_shape=i32([2]), element_dtype=tf.float32)


case('TensorListPushBackBatch', push_back_batch)


# ---- files
def in_file(title, data, build):
  """A case about a file, which the tests put where they like."""
  path = os.path.join(tempfile.gettempdir(), 'recorded-' + title.lower())
  with open(path, 'wb') as f:
    f.write(data)
  case(title, lambda: build(path), file={'path': path, 'b64': base64.b64encode(data).decode()})


def vocabulary(path):
  table = raw.HashTable(key_dtype=tf.string, value_dtype=tf.int64, shared_name='v')
  raw.InitializeTableFromTextFile(table_handle=table, filename=path, key_index=-2, value_index=-1)
  raw.LookupTableFind(table_handle=table, keys=strings(['fox', 'no']), default_value=i64(-1))


in_file('InitializeTableFromTextFile', b'the\nfox\n', vocabulary)


def first_checkpoint():
  path = os.path.join(tempfile.gettempdir(), 'recorded-first-checkpoint')
  with tf.Graph().as_default(), tf1.Session() as session:
    session.run(raw.Save(filename=path, tensor_names=['a', 'b'], data=[f32([[1, 2, 3], [4, 5, 6]]), strings(['x', ''])]))
  with open(path, 'rb') as f:
    return f.read()


CHECKPOINT = first_checkpoint()
in_file('Restore', CHECKPOINT, lambda path: (
    raw.Restore(file_pattern=path, tensor_name='a', dt=tf.float32), raw.Restore(file_pattern=path, tensor_name='b', dt=tf.string)))
in_file('RestoreSlice', CHECKPOINT, lambda path: raw.RestoreSlice(
    file_pattern=path, tensor_name='a', shape_and_slice='2 3 0,2:1,2', dt=tf.float32))
in_file('Restore of a name that is not there', CHECKPOINT, lambda path: raw.Restore(file_pattern=path, tensor_name='z', dt=tf.float32))
