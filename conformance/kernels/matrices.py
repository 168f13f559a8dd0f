"""Products, diagonals, decompositions and Fourier transforms."""
import numpy as np
import tensorflow as tf

from dtypes import constant, mixed, ramp, tolerance
from recorder import case, raw
from refusals import H, refuses

LOOSE = {'rtol': 3e-4, 'atol': 3e-5}
TIGHT = {'rtol': 1e-9, 'atol': 1e-10}


def tol(dtype):
  return TIGHT if dtype in (tf.float64, tf.complex128) else LOOSE


def products(dtype):
  a, b = mixed([2, 3], dtype), mixed([3, 4], dtype, 2)
  raw.MatMul(a=a, b=b)
  raw.MatMul(a=mixed([3, 2], dtype), b=b, transpose_a=True)
  raw.MatMul(a=a, b=mixed([4, 3], dtype), transpose_b=True)
  raw.MatMul(a=mixed([2, 0], dtype), b=mixed([0, 3], dtype))
  x = mixed([2, 1, 2, 3], dtype)
  raw.BatchMatMulV2(x=x, y=mixed([3, 3, 2], dtype, 4))
  raw.BatchMatMulV2(x=x, y=mixed([1, 2, 3], dtype, 4), adj_y=True)
  raw.BatchMatMulV2(x=x, y=mixed([2, 2], dtype, 4), adj_x=True)
  raw.BatchMatMul(x=mixed([2, 2, 2], dtype), y=mixed([2, 2, 1], dtype, 4))


for dtype in (tf.float32, tf.float64, tf.int32, tf.int64, tf.complex64, tf.float16):
  case(f'products of {dtype.name}', lambda dtype=dtype: products(dtype), **tolerance(dtype, 3))
case('BatchMatMulV3 into a wider type', lambda: raw.BatchMatMulV3(
    x=constant([[100, 100]], tf.int8), y=constant([[100], [100]], tf.int8), Tout=tf.int32))
refuses('MatMul', a=H([[1.0]]), b=H([[1.0], [2.0]]))
refuses('BatchMatMulV2', x=H(np.ones([2, 1, 1])), y=H(np.ones([3, 1, 1])))

EQUATIONS = ['ij,jk->ik', 'bij,bjk->bik', 'ij->ji', 'ii->i', 'ii->', 'ij->', 'ij->j', 'i,j->ij', '...ij,jk->...ik', 'bij,bij->b',
             'i->ii', '...i->...', 'ij,ij->ij', 'abc,cd,->abd']
SIZES = dict(i=2, j=3, k=4, b=2, a=2, c=3, d=2)


def einsums(dtype):
  for equation in EQUATIONS[:-1]:
    terms = equation.split('->')[0].split(',')
    shapes = [[2, 3][:1] * ('...' in term) + [SIZES[label] for label in term.replace('...', '')] for term in terms]
    raw.Einsum(inputs=[mixed(shape, dtype, n) for n, shape in enumerate(shapes)], equation=equation)
  raw.Einsum(inputs=[mixed([2, 1, 3], dtype), mixed([1, 4, 3], dtype)], equation='...a,...a->...')


for dtype in (tf.float32, tf.complex64, tf.int64):
  case(f'Einsum of {dtype.name}', lambda dtype=dtype: einsums(dtype), **tolerance(dtype, 3))
refuses('Einsum', inputs=[H([[1.0, 2.0]]), H([[1.0]])], equation='ij,jk->ik')


def cross():
  for dtype in (tf.float32, tf.int32, tf.int64):
    raw.Cross(a=mixed([2, 3], dtype), b=mixed([2, 3], dtype, 2))


case('Cross', cross, **tolerance(tf.float32))


def diagonals(dtype):
  pad = ramp([], dtype, start=-9)
  raw.MatrixDiag(diagonal=ramp([2, 3], dtype))
  raw.MatrixDiagPart(input=ramp([2, 2, 3], dtype))
  raw.MatrixSetDiag(input=ramp([2, 3, 2], dtype), diagonal=ramp([2, 2], dtype, start=50))
  raw.MatrixDiagV2(diagonal=ramp([2], dtype), k=1, num_rows=-1, num_cols=-1, padding_value=pad)
  raw.MatrixDiagPartV2(input=ramp([3, 4], dtype), k=[-1, 1], padding_value=pad)
  raw.MatrixSetDiagV2(input=ramp([3, 3], dtype), diagonal=ramp([2], dtype, start=50), k=-1)
  for align in ('RIGHT_LEFT', 'LEFT_RIGHT', 'LEFT_LEFT', 'RIGHT_RIGHT'):
    raw.MatrixDiagPartV3(input=ramp([2, 3, 4], dtype), k=[-2, 2], padding_value=pad, align=align)
    raw.MatrixDiagV3(diagonal=ramp([3, 2], dtype), k=[-1, 1], num_rows=3, num_cols=-1, padding_value=pad, align=align)
    raw.MatrixSetDiagV3(input=ramp([2, 4], dtype), diagonal=ramp([3, 2], dtype, start=50), k=[0, 2], align=align)
  raw.MatrixDiagV3(diagonal=ramp([2, 2], dtype), k=-1, num_rows=3, num_cols=4, padding_value=pad)
  raw.MatrixDiagPartV3(input=ramp([3, 2], dtype), k=-2, padding_value=pad)
  for lower, upper in ((0, 0), (1, -1), (-1, 1), (2, 0)):
    raw.MatrixBandPart(input=ramp([2, 3, 4], dtype), num_lower=lower, num_upper=tf.constant(upper, tf.int32))
  raw.ConjugateTranspose(x=ramp([2, 3], dtype), perm=[1, 0])


for dtype in (tf.float32, tf.int64, tf.complex64):
  case(f'diagonals of {dtype.name}', lambda dtype=dtype: diagonals(dtype))
refuses('MatrixDiagPartV3', input=H(np.ones([2, 2])), k=H(3), padding_value=H(0.0, tf.float64))
refuses('MatrixDiagV3', diagonal=H([1.0, 2.0]), k=H(0), num_rows=H(1), num_cols=H(-1), padding_value=H(0.0))
refuses('MatrixBandPart', input=H([1.0]), num_lower=H(0, tf.int64), num_upper=H(0, tf.int64))


def square(dtype):
  return mixed([2, 3, 3], dtype) + constant(3 * np.eye(3), dtype)


def positive(dtype):
  m = square(dtype)
  return tf.constant(np.array(tf.compat.v1.Session(graph=m.graph).run(tf.matmul(m, m, adjoint_b=True)).round(2)), dtype)


def solving(dtype):
  m, v = square(dtype), mixed([2, 3, 2], dtype, 7)
  for adjoint in (False, True):
    raw.MatrixInverse(input=m, adjoint=adjoint)
    raw.MatrixSolve(matrix=m, rhs=v, adjoint=adjoint)
    for lower in (False, True):
      raw.MatrixTriangularSolve(matrix=m, rhs=v, lower=lower, adjoint=adjoint)
  raw.MatrixTriangularSolve(matrix=m, rhs=mixed([1, 3, 1], dtype))
  raw.MatrixDeterminant(input=m)
  raw.LogMatrixDeterminant(input=m)
  raw.Lu(input=mixed([2, 3, 3], dtype), output_idx_type=tf.int64)
  raw.MatrixSolveLs(matrix=mixed([1, 4, 3], dtype), rhs=mixed([1, 4, 2], dtype), l2_regularizer=tf.constant(0.1, tf.float64))
  if not dtype.is_complex:
    raw.MatrixSolveLs(matrix=mixed([1, 4, 3], dtype), rhs=mixed([1, 4, 2], dtype), l2_regularizer=tf.constant(0.0, tf.float64), fast=False)
    raw.MatrixSolveLs(matrix=mixed([1, 2, 3], dtype), rhs=mixed([1, 2, 2], dtype), l2_regularizer=tf.constant(0.0, tf.float64))
  diagonals = mixed([1, 3, 4], dtype) + constant([[0], [4], [0]], dtype)
  raw.TridiagonalSolve(diagonals=diagonals, rhs=mixed([1, 4, 2], dtype))
  raw.TridiagonalSolve(diagonals=diagonals, rhs=mixed([1, 4, 2], dtype), partial_pivoting=False)
  raw.TridiagonalMatMul(superdiag=mixed([1, 1, 3], dtype), maindiag=mixed([1, 1, 3], dtype, 2), subdiag=mixed([1, 1, 3], dtype, 3), rhs=mixed([1, 3, 2], dtype, 4))
  if dtype != tf.complex64:
    raw.BandedTriangularSolve(matrix=mixed([1, 2, 3], dtype) + constant([[4], [0]], dtype), rhs=mixed([1, 3, 2], dtype))
    raw.BandedTriangularSolve(matrix=mixed([1, 2, 3], dtype) + constant([[0], [4]], dtype), rhs=mixed([1, 3, 2], dtype), lower=False)


for dtype in (tf.float32, tf.float64, tf.complex64):
  case(f'solving of {dtype.name}', lambda dtype=dtype: solving(dtype), **tol(dtype))
refuses('MatrixInverse', input=H(np.ones([2, 2])), adjoint=False)
refuses('MatrixSolve', matrix=H(np.zeros([2, 2])), rhs=H(np.ones([2, 1])))
refuses('MatrixInverse', input=H(np.ones([2, 3])))
refuses('Lu', input=H(np.zeros([2, 2])))


def factors(dtype):
  spd = positive(dtype)
  raw.Cholesky(input=spd)
  raw.SelfAdjointEigV2(input=spd)
  if not dtype.is_complex:
    raw.SelfAdjointEigV2(input=mixed([5, 5], dtype, 9))
  for shape in ([1, 4, 3], [3, 4], [3, 3]):
    raw.Qr(input=mixed(shape, dtype, 3))
    raw.Qr(input=mixed(shape, dtype, 3), full_matrices=True)
    if not dtype.is_complex:
      raw.Svd(input=mixed(shape, dtype, 3))
      raw.Svd(input=mixed(shape, dtype, 3), full_matrices=True)
  if dtype.is_complex:
    raw.MatrixSquareRoot(input=spd)
    raw.MatrixLogarithm(input=spd)
  else:
    raw.MatrixSquareRoot(input=spd)


for dtype in (tf.float32, tf.float64, tf.complex64):
  case(f'decompositions of {dtype.name}', lambda dtype=dtype: factors(dtype), **tol(dtype))


def transforms(complex_dtype, real_dtype):
  def build():
    for n in (1, 2, 4, 5, 8, 12, 17):
      x = mixed([n], complex_dtype, n)
      raw.FFT(input=x)
      raw.IFFT(input=x)
      y = mixed([1, n], real_dtype, n)
      raw.RFFT(input=y, fft_length=[n], Tcomplex=complex_dtype)
      raw.IRFFT(input=mixed([n // 2 + 1], complex_dtype, n), fft_length=[n], Treal=real_dtype)
    raw.RFFT(input=mixed([6], real_dtype), fft_length=[4], Tcomplex=complex_dtype)
    raw.FFT2D(input=mixed([3, 4], complex_dtype))
    raw.IFFT2D(input=mixed([2, 2, 3], complex_dtype))
    raw.FFT3D(input=mixed([2, 3, 2], complex_dtype))
    raw.RFFT2D(input=mixed([3, 4], real_dtype), fft_length=[3, 4], Tcomplex=complex_dtype)
    raw.RFFT2D(input=mixed([3, 5], real_dtype), fft_length=[2, 3], Tcomplex=complex_dtype)
    raw.IRFFT2D(input=mixed([3, 3], complex_dtype), fft_length=[3, 4], Treal=real_dtype)
    raw.RFFT3D(input=mixed([2, 2, 3], real_dtype), fft_length=[2, 2, 3], Tcomplex=complex_dtype)
    raw.IRFFT3D(input=mixed([2, 2, 2], complex_dtype), fft_length=[2, 2, 3], Treal=real_dtype)
  return build


case('transforms of complex64', transforms(tf.complex64, tf.float32), rtol=1e-5, atol=1e-5)
case('transforms of complex128', transforms(tf.complex128, tf.float64), rtol=1e-11, atol=1e-11)
refuses('RFFT', input=H([1.0, 2.0]), fft_length=H([4]))
refuses('FFT2D', input=H([1.0], tf.complex64))
