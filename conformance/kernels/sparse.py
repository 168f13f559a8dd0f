"""Sparse tensors: making, reshaping, slicing, joining, reducing, arithmetic, sets, crosses, counts, serialization."""
import numpy as np
import tensorflow as tf

from recorder import case, hidden, raw, strings

I = np.int64
F = np.float32
# 3 x 4: [[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 4, 5]]
IDX, VAL, SHAPE = I([[0, 1], [0, 3], [2, 0], [2, 2], [2, 3]]), F([1, 2, 3, 4, 5]), I([3, 4])
IDX3, VAL3, SHAPE3 = I([[0, 0, 1], [0, 1, 0], [1, 1, 1], [1, 2, 0]]), F([1.5, -2, 3, 4]), I([2, 3, 2])
WORDS = ['a', 'b', 'c', 'd', 'e']

# ---- SparseToDense
for title, args in {
    'of a matrix': (IDX, SHAPE, VAL, F(-1)), 'of a scalar value': (IDX, SHAPE, F(7), F(0)), 'of a vector': (I([1, 3]), I([5]), F([1, 2]), F(0)),
    'of one index': (I(2), I([4]), F(9), F(0)), 'of int32 indices': (np.int32(IDX), np.int32(SHAPE), I(VAL), I(0)), 'of nothing': (np.zeros([0, 2], I), SHAPE, F([]), F(3)),
    'of complex numbers': (I([1]), I([2]), np.complex64([1 + 2j]), np.complex64(3j)), 'of booleans': (IDX, SHAPE, np.array(True), np.array(False)),
    'of halves': (IDX, SHAPE, np.float16(VAL), np.float16(0.5)),
}.items():
  case(f'SparseToDense {title}', lambda a=args: raw.SparseToDense(sparse_indices=a[0], output_shape=a[1], sparse_values=a[2], default_value=a[3]))
case('SparseToDense of strings', lambda: raw.SparseToDense(sparse_indices=IDX, output_shape=SHAPE, sparse_values=strings(WORDS), default_value='?'))
DUP = I([[0, 1], [0, 1]])
case('SparseToDense of indices twice', lambda: raw.SparseToDense(sparse_indices=DUP, output_shape=SHAPE, sparse_values=F([1, 2]), default_value=F(0)))
case('SparseToDense of indices twice, unchecked', lambda: raw.SparseToDense(sparse_indices=DUP, output_shape=SHAPE, sparse_values=F([1, 2]), default_value=F(0), validate_indices=False))
case('SparseToDense of indices out of order', lambda: raw.SparseToDense(sparse_indices=IDX[::-1], output_shape=SHAPE, sparse_values=VAL, default_value=F(0)))
case('SparseToDense of indices out of order, unchecked', lambda: raw.SparseToDense(sparse_indices=IDX[::-1].copy(), output_shape=SHAPE, sparse_values=VAL, default_value=F(0), validate_indices=False))
case('SparseToDense out of range', lambda: raw.SparseToDense(sparse_indices=hidden(I([[0, 4]])), output_shape=hidden(SHAPE), sparse_values=F([1]), default_value=F(0)))
case('SparseToDense out of range, unchecked', lambda: raw.SparseToDense(sparse_indices=hidden(I([[0, 4]])), output_shape=hidden(SHAPE), sparse_values=F([1]), default_value=F(0), validate_indices=False))
case('SparseToDense of too few values', lambda: raw.SparseToDense(sparse_indices=hidden(IDX), output_shape=hidden(SHAPE), sparse_values=hidden(F([1, 2])), default_value=F(0)))
case('SparseToDense of a negative shape', lambda: raw.SparseToDense(sparse_indices=hidden(IDX), output_shape=hidden(I([-3, 4])), sparse_values=hidden(VAL), default_value=F(0)))

# ---- reshape, reorder, slice, concat, split
for shape in ([4, 3], [2, -1], [12], [-1], [3, 2, 2], [1, 3, 4, 1]):
  case(f'SparseReshape to {shape}', lambda s=shape: raw.SparseReshape(input_indices=IDX, input_shape=SHAPE, new_shape=I(s)))
case('SparseReshape of nothing', lambda: raw.SparseReshape(input_indices=np.zeros([0, 2], I), input_shape=I([0, 4]), new_shape=I([2, 0])))
case('SparseReshape of nothing to an unknown size', lambda: raw.SparseReshape(input_indices=hidden(np.zeros([0, 2], I)), input_shape=hidden(I([0, 4])), new_shape=hidden(I([-1, 4]))))
for title, shape in (('another number of elements', [5, 3]), ('two unknown sizes', [-1, -1]), ('no whole number of rows', [-1, 5]), ('a negative size', [-3, -4])):
  case(f'SparseReshape to {title}', lambda s=shape: raw.SparseReshape(input_indices=hidden(IDX), input_shape=hidden(SHAPE), new_shape=hidden(I(s))))
PERM = [3, 0, 4, 1, 2]
case('SparseReorder', lambda: raw.SparseReorder(input_indices=IDX[PERM], input_values=VAL[PERM], input_shape=SHAPE))
case('SparseReorder of strings', lambda: raw.SparseReorder(input_indices=IDX[PERM], input_values=strings(WORDS), input_shape=SHAPE))
case('SparseReorder keeps indices twice', lambda: raw.SparseReorder(input_indices=I([[1, 0], [0, 0], [0, 0]]), input_values=F([1, 2, 3]), input_shape=SHAPE))
case('SparseReorder out of range', lambda: raw.SparseReorder(input_indices=hidden(I([[5, 5]])), input_values=hidden(F([1])), input_shape=hidden(SHAPE)))
case('SparseSlice', lambda: raw.SparseSlice(indices=IDX, values=VAL, shape=SHAPE, start=I([0, 2]), size=I([3, 2])))
case('SparseSlice past the end', lambda: raw.SparseSlice(indices=IDX, values=strings(WORDS), shape=SHAPE, start=I([1, 1]), size=I([100, 2])))
case('SparseSlice of rank 3', lambda: raw.SparseSlice(indices=IDX3, values=VAL3, shape=SHAPE3, start=I([1, 0, 0]), size=I([1, 2, 2])))
case('SparseSlice of nothing', lambda: raw.SparseSlice(indices=IDX, values=VAL, shape=SHAPE, start=I([3, 0]), size=I([2, 2])))
case('SparseSlice of a negative size', lambda: raw.SparseSlice(indices=hidden(IDX), values=hidden(VAL), shape=hidden(SHAPE), start=hidden(I([0, 0])), size=hidden(I([-1, 2]))))
case('SparseSlice of another rank', lambda: raw.SparseSlice(indices=hidden(IDX), values=hidden(VAL), shape=hidden(SHAPE), start=hidden(I([0])), size=hidden(I([1]))))
B_IDX, B_VAL, B_SHAPE = I([[0, 0], [1, 1], [2, 1]]), F([10, 20, 30]), I([3, 2])
for dim in (1, -1):
  case(f'SparseConcat along {dim}', lambda d=dim: raw.SparseConcat(indices=[IDX, B_IDX], values=[VAL, B_VAL], shapes=[SHAPE, B_SHAPE], concat_dim=d))
case('SparseConcat along 0', lambda: raw.SparseConcat(indices=[IDX, IDX, B_IDX], values=[strings(WORDS), strings(WORDS), strings(WORDS[:3])], shapes=[SHAPE, I([2 + 1, 4]), I([3, 4])], concat_dim=0))
case('SparseConcat along an axis out of range', lambda: raw.SparseConcat(indices=[hidden(IDX), hidden(B_IDX)], values=[hidden(VAL), hidden(B_VAL)], shapes=[hidden(SHAPE), hidden(B_SHAPE)], concat_dim=2))
case('SparseConcat of shapes that do not fit', lambda: raw.SparseConcat(indices=[hidden(IDX), hidden(B_IDX)], values=[hidden(VAL), hidden(B_VAL)], shapes=[hidden(SHAPE), hidden(B_SHAPE)], concat_dim=0))
for dim, parts in ((1, 2), (0, 2), (1, 3), (-1, 4)):
  case(f'SparseSplit along {dim} into {parts}', lambda d=dim, n=parts: raw.SparseSplit(split_dim=I(d), indices=IDX, values=VAL, shape=SHAPE, num_split=n))
case('SparseSplit into too many', lambda: raw.SparseSplit(split_dim=I(0), indices=IDX, values=VAL, shape=SHAPE, num_split=5))
case('SparseSplit along an axis out of range', lambda: raw.SparseSplit(split_dim=hidden(I(2)), indices=IDX, values=VAL, shape=SHAPE, num_split=1))

# ---- empty rows
case('SparseFillEmptyRows', lambda: raw.SparseFillEmptyRows(indices=IDX, values=VAL, dense_shape=SHAPE, default_value=F(-1)))
case('SparseFillEmptyRows of strings', lambda: raw.SparseFillEmptyRows(indices=IDX, values=strings(WORDS), dense_shape=I([5, 4]), default_value='?'))
case('SparseFillEmptyRows out of order', lambda: raw.SparseFillEmptyRows(indices=IDX[PERM], values=VAL[PERM], dense_shape=I([4, 4]), default_value=F(-1)))
case('SparseFillEmptyRows of nothing', lambda: raw.SparseFillEmptyRows(indices=np.zeros([0, 2], I), values=I([]), dense_shape=I([2, 4]), default_value=I(9)))
case('SparseFillEmptyRows of no rows', lambda: raw.SparseFillEmptyRows(indices=np.zeros([0, 2], I), values=I([]), dense_shape=I([0, 4]), default_value=I(9)))
case('SparseFillEmptyRows of no empty rows', lambda: raw.SparseFillEmptyRows(indices=I([[0, 0], [1, 1]]), values=I([1, 2]), dense_shape=I([2, 4]), default_value=I(9)))
case('SparseFillEmptyRows out of range', lambda: raw.SparseFillEmptyRows(indices=hidden(I([[3, 0]])), values=hidden(F([1])), dense_shape=hidden(SHAPE), default_value=F(0)))
case('RaggedFillEmptyRows', lambda: raw.RaggedFillEmptyRows(value_rowids=I([0, 0, 2]), values=F([1, 2, 3]), nrows=I(4), default_value=F(-1)))
case('RaggedFillEmptyRows out of range', lambda: raw.RaggedFillEmptyRows(value_rowids=hidden(I([0, 5])), values=hidden(F([1, 2])), nrows=I(3), default_value=F(-1)))

# ---- arithmetic
DENSE = np.arange(12, dtype=F).reshape(3, 4) / 4 - 1
for op in ('Add', 'Mul', 'Div'):
  case(f'SparseDenseCwise{op}', lambda op=op: getattr(raw, 'SparseDenseCwise' + op)(sp_indices=IDX, sp_values=VAL, sp_shape=SHAPE, dense=DENSE + 3))
  case(f'SparseDenseCwise{op} with a row', lambda op=op: getattr(raw, 'SparseDenseCwise' + op)(sp_indices=IDX, sp_values=VAL, sp_shape=SHAPE, dense=F([1, 2, 4, 8])))
  case(f'SparseDenseCwise{op} with a column', lambda op=op: getattr(raw, 'SparseDenseCwise' + op)(sp_indices=IDX, sp_values=np.int32(VAL), sp_shape=SHAPE, dense=np.int32([[1], [2], [4]])))
  case(f'SparseDenseCwise{op} with a scalar', lambda op=op: getattr(raw, 'SparseDenseCwise' + op)(sp_indices=IDX, sp_values=np.float64(VAL), sp_shape=SHAPE, dense=np.float64(3)))
case('SparseDenseCwiseAdd that would broadcast the sparse side', lambda: raw.SparseDenseCwiseAdd(sp_indices=hidden(I([[0, 0]])), sp_values=hidden(F([1])), sp_shape=hidden(I([1, 4])), dense=hidden(DENSE)))
case('SparseDenseCwiseMul of shapes that do not fit', lambda: raw.SparseDenseCwiseMul(sp_indices=hidden(IDX), sp_values=hidden(VAL), sp_shape=hidden(SHAPE), dense=hidden(F([1, 2]))))
case('SparseTensorDenseAdd', lambda: raw.SparseTensorDenseAdd(a_indices=IDX, a_values=VAL, a_shape=SHAPE, b=DENSE))
case('SparseTensorDenseAdd of int32 indices', lambda: raw.SparseTensorDenseAdd(a_indices=np.int32(IDX3), a_values=VAL3, a_shape=np.int32(SHAPE3), b=np.ones([2, 3, 2], F)))
case('SparseTensorDenseAdd of another shape', lambda: raw.SparseTensorDenseAdd(a_indices=hidden(IDX), a_values=hidden(VAL), a_shape=hidden(SHAPE), b=hidden(np.ones([2, 2], F))))
case('SparseTensorDenseAdd out of range', lambda: raw.SparseTensorDenseAdd(a_indices=hidden(I([[3, 0]])), a_values=hidden(F([1])), a_shape=hidden(SHAPE), b=hidden(DENSE)))
for adjoint_a in (False, True):
  for adjoint_b in (False, True):
    right = np.arange(8 if not adjoint_a else 6, dtype=F).reshape(-1, 2) - 3
    case(f'SparseTensorDenseMatMul, adjoint_a {adjoint_a}, adjoint_b {adjoint_b}', lambda a=adjoint_a, b=adjoint_b, r=right: raw.SparseTensorDenseMatMul(
        a_indices=IDX, a_values=VAL, a_shape=SHAPE, b=r.T.copy() if b else r, adjoint_a=a, adjoint_b=b))
case('SparseTensorDenseMatMul of doubles', lambda: raw.SparseTensorDenseMatMul(a_indices=np.int32(IDX), a_values=np.float64(VAL), a_shape=SHAPE, b=np.float64(DENSE.T)))
case('SparseTensorDenseMatMul of int32', lambda: raw.SparseTensorDenseMatMul(a_indices=IDX, a_values=np.int32(VAL), a_shape=SHAPE, b=np.arange(8, dtype=np.int32).reshape(4, 2)))
case('SparseTensorDenseMatMul of complex numbers', lambda: raw.SparseTensorDenseMatMul(a_indices=I([[0, 1], [1, 0]]), a_values=np.complex64([1 + 2j, 3j]), a_shape=I([2, 2]), b=np.complex64([[1j, 2], [3, 4 - 1j]]), adjoint_a=True))
case('SparseTensorDenseMatMul of shapes that do not fit', lambda: raw.SparseTensorDenseMatMul(a_indices=hidden(IDX), a_values=hidden(VAL), a_shape=hidden(SHAPE), b=hidden(DENSE)))
case('SparseTensorDenseMatMul out of range', lambda: raw.SparseTensorDenseMatMul(a_indices=hidden(I([[0, 4]])), a_values=hidden(F([1])), a_shape=hidden(SHAPE), b=hidden(DENSE.T.copy())))
SUM_IDX, SUM_VAL = I([[0, 1], [1, 2], [2, 2]]), F([-1, 0.25, 4])
for thresh in (0, 0.5):
  case(f'SparseAdd, threshold {thresh}', lambda t=thresh: raw.SparseAdd(a_indices=IDX, a_values=VAL, a_shape=SHAPE, b_indices=SUM_IDX, b_values=SUM_VAL, b_shape=SHAPE, thresh=F(t)))
case('SparseAdd of int64', lambda: raw.SparseAdd(a_indices=IDX, a_values=I(VAL), a_shape=SHAPE, b_indices=SUM_IDX, b_values=I([-1, 5, 6]), b_shape=SHAPE, thresh=I(0)))
case('SparseAdd of complex numbers', lambda: raw.SparseAdd(a_indices=I([[0]]), a_values=np.complex64([1 + 1j]), a_shape=I([2]), b_indices=I([[0], [1]]), b_values=np.complex64([-1j, 0.1]), b_shape=I([2]), thresh=F(0.5)))
case('SparseAdd of other shapes', lambda: raw.SparseAdd(a_indices=hidden(IDX), a_values=hidden(VAL), a_shape=hidden(SHAPE), b_indices=hidden(SUM_IDX), b_values=hidden(SUM_VAL), b_shape=hidden(I([4, 4])), thresh=F(0)))
for op in ('Maximum', 'Minimum'):
  case(f'SparseSparse{op}', lambda op=op: getattr(raw, 'SparseSparse' + op)(a_indices=IDX, a_values=VAL, a_shape=SHAPE, b_indices=SUM_IDX, b_values=SUM_VAL, b_shape=SHAPE))
  case(f'SparseSparse{op} of int32', lambda op=op: getattr(raw, 'SparseSparse' + op)(a_indices=IDX, a_values=np.int32(-VAL), a_shape=SHAPE, b_indices=SUM_IDX, b_values=np.int32([1, 2, 3]), b_shape=SHAPE))
case('SparseSparseMaximum of other shapes', lambda: raw.SparseSparseMaximum(a_indices=hidden(IDX), a_values=hidden(VAL), a_shape=hidden(SHAPE), b_indices=hidden(SUM_IDX), b_values=hidden(SUM_VAL), b_shape=hidden(I([4, 4]))))
case('SparseSoftmax', lambda: raw.SparseSoftmax(sp_indices=IDX, sp_values=VAL, sp_shape=SHAPE), rtol=1e-6)
case('SparseSoftmax of rank 3', lambda: raw.SparseSoftmax(sp_indices=IDX3, sp_values=np.float64(VAL3), sp_shape=SHAPE3), rtol=1e-12)
case('SparseSoftmax of nothing', lambda: raw.SparseSoftmax(sp_indices=np.zeros([0, 2], I), sp_values=F([]), sp_shape=SHAPE))
for op in ('SparseReduceSum', 'SparseReduceMax'):
  for axes in ([0], [1], [-1], [0, 1], [], [1, 0]):
    for keep in (False, True):
      case(f'{op} along {axes}, keep_dims {keep}', lambda op=op, a=axes, k=keep: getattr(raw, op)(input_indices=IDX, input_values=VAL, input_shape=SHAPE, reduction_axes=tf.constant(a, tf.int32), keep_dims=k))
    case(f'{op}Sparse along {axes}', lambda op=op, a=axes: getattr(raw, op + 'Sparse')(input_indices=IDX, input_values=VAL, input_shape=SHAPE, reduction_axes=tf.constant(a, tf.int32)))
  case(f'{op}Sparse along [0], keep_dims', lambda op=op: getattr(raw, op + 'Sparse')(input_indices=IDX, input_values=VAL, input_shape=SHAPE, reduction_axes=[0], keep_dims=True))
  case(f'{op} of rank 3', lambda op=op: getattr(raw, op)(input_indices=IDX3, input_values=VAL3, input_shape=SHAPE3, reduction_axes=[0, 2]))
  case(f'{op} of int64', lambda op=op: getattr(raw, op)(input_indices=IDX, input_values=I(VAL), input_shape=SHAPE, reduction_axes=[0]))
case('SparseReduceSum of negative numbers where nothing is', lambda: raw.SparseReduceMax(input_indices=IDX, input_values=-VAL, input_shape=SHAPE, reduction_axes=[1]))
case('SparseReduceSum along an axis out of range', lambda: raw.SparseReduceSum(input_indices=hidden(IDX), input_values=hidden(VAL), input_shape=hidden(SHAPE), reduction_axes=hidden(np.int32([2]))))

# ---- sets
S1 = [[1, 2, 2, 9], [3, 4, 9, 9]]
S2 = [[2, 3, 9], [5, 3, 3]]
for op in ('a-b', 'b-a', 'intersection', 'union'):
  case(f'DenseToDenseSetOperation {op}', lambda op=op: raw.DenseToDenseSetOperation(set1=I(S1), set2=I(S2), set_operation=op))
  case(f'DenseToDenseSetOperation {op} of strings', lambda op=op: raw.DenseToDenseSetOperation(set1=strings([['b', 'a', 'b']]), set2=strings([['c', 'b']]), set_operation=op))
  case(f'DenseToSparseSetOperation {op}', lambda op=op: raw.DenseToSparseSetOperation(set1=I([[1, 2], [3, 4], [5, 5]]), set2_indices=IDX, set2_values=I([2, 7, 3, 4, 1]), set2_shape=SHAPE, set_operation=op))
  case(f'SparseToSparseSetOperation {op}', lambda op=op: raw.SparseToSparseSetOperation(set1_indices=IDX, set1_values=I([2, 7, 3, 4, 3]), set1_shape=SHAPE, set2_indices=I([[0, 0], [1, 0], [2, 0]]), set2_values=I([7, 8, 3]), set2_shape=I([3, 2]), set_operation=op))
case('DenseToDenseSetOperation of rank 3', lambda: raw.DenseToDenseSetOperation(set1=np.int32([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]), set2=np.int32([[[2], [4]], [[9], [7]]]), set_operation='intersection'))
case('DenseToDenseSetOperation of other batches', lambda: raw.DenseToDenseSetOperation(set1=hidden(I([[1], [2]])), set2=hidden(I([[1]])), set_operation='union'))
case('DenseToDenseSetOperation of an unknown kind', lambda: raw.DenseToDenseSetOperation(set1=I(S1), set2=I(S2), set_operation='xor'))
case('SparseToSparseSetOperation out of order', lambda: raw.SparseToSparseSetOperation(set1_indices=IDX[::-1].copy(), set1_values=I([2, 7, 3, 4, 3]), set1_shape=SHAPE, set2_indices=IDX, set2_values=I([2, 7, 3, 4, 3]), set2_shape=SHAPE, set_operation='union'))
case('SetSize', lambda: raw.SetSize(set_indices=IDX, set_values=I([2, 7, 3, 4, 3]), set_shape=SHAPE))
case('SetSize of strings of rank 3', lambda: raw.SetSize(set_indices=IDX3, set_values=strings(['a', 'b', 'b', 'b']), set_shape=SHAPE3))

# ---- counts
for binary in (False, True):
  case(f'SparseBincount, binary {binary}', lambda b=binary: raw.SparseBincount(indices=IDX, values=I([1, 1, 0, 2, 9]), dense_shape=SHAPE, size=I(4), weights=F([]), binary_output=b))
  case(f'RaggedBincount, binary {binary}', lambda b=binary: raw.RaggedBincount(splits=I([0, 2, 2, 5]), values=np.int32([1, 1, 0, 2, 9]), size=np.int32(4), weights=F([]), binary_output=b))
  for lo, hi in ((-1, -1), (5, -1), (-1, 2), (3, 1)):
    case(f'DenseCountSparseOutput, binary {binary}, lengths {lo} to {hi}', lambda b=binary, lo=lo, hi=hi: raw.DenseCountSparseOutput(values=I([[1, 1, 3], [0, 3, 2]]), weights=I([]), minlength=lo, maxlength=hi, binary_output=b))
  case(f'SparseCountSparseOutput, binary {binary}', lambda b=binary: raw.SparseCountSparseOutput(indices=IDX, values=I([1, 1, 0, 2, 9]), dense_shape=SHAPE, weights=I([]), binary_output=b))
  case(f'RaggedCountSparseOutput, binary {binary}', lambda b=binary: raw.RaggedCountSparseOutput(splits=I([0, 2, 2, 5]), values=np.int32([1, 1, 0, 2, 9]), weights=I([]), binary_output=b))
W = F([0.5, 1.5, 2, 3, 4])
case('SparseBincount with weights', lambda: raw.SparseBincount(indices=IDX, values=I([1, 1, 0, 2, 9]), dense_shape=SHAPE, size=I(4), weights=W))
case('SparseBincount of a vector', lambda: raw.SparseBincount(indices=I([[0], [3]]), values=np.int32([1, 1]), dense_shape=I([4]), size=np.int32(3), weights=W[:0]))
case('SparseBincount of a negative size', lambda: raw.SparseBincount(indices=IDX, values=I([1, 1, 0, 2, 9]), dense_shape=SHAPE, size=hidden(I(-4)), weights=F([])))
case('RaggedBincount with weights', lambda: raw.RaggedBincount(splits=I([0, 2, 2, 5]), values=I([1, 1, 0, 2, 9]), size=I(10), weights=W))
case('RaggedBincount with splits that do not start at 0', lambda: raw.RaggedBincount(splits=hidden(I([1, 2])), values=hidden(I([1, 1])), size=I(10), weights=F([])))
case('RaggedBincount with splits that do not end', lambda: raw.RaggedBincount(splits=hidden(I([0, 1])), values=hidden(I([1, 1])), size=I(10), weights=F([])))
case('DenseCountSparseOutput with weights', lambda: raw.DenseCountSparseOutput(values=np.int32([[1, 1, 3]]), weights=F([[0.5, 1, 2]]), binary_output=False))
case('DenseCountSparseOutput of a vector', lambda: raw.DenseCountSparseOutput(values=np.int32([1, 1, 3]), weights=F([]), binary_output=False))
case('DenseCountSparseOutput of negative values', lambda: raw.DenseCountSparseOutput(values=hidden(np.int32([1, -1, 3])), weights=F([]), binary_output=False))
case('SparseCountSparseOutput with weights', lambda: raw.SparseCountSparseOutput(indices=IDX, values=I([1, 1, 0, 2, 9]), dense_shape=SHAPE, weights=W, binary_output=False))
case('SparseCountSparseOutput of a vector', lambda: raw.SparseCountSparseOutput(indices=I([[0], [3]]), values=I([1, 1]), dense_shape=I([4]), weights=W[:0], binary_output=False))
case('RaggedCountSparseOutput with weights', lambda: raw.RaggedCountSparseOutput(splits=I([0, 2, 2, 5]), values=I([1, 1, 0, 2, 9]), weights=W, binary_output=False, maxlength=5))
case('RaggedCountSparseOutput with splits that do not start at 0', lambda: raw.RaggedCountSparseOutput(splits=hidden(I([1, 2])), values=hidden(I([1, 1])), weights=F([]), binary_output=False))

# ---- crosses
X_IDX, X_SHAPE = I([[0, 0], [0, 1], [1, 0]]), I([2, 2])
Y_IDX, Y_SHAPE = I([[0, 0], [1, 0], [1, 1]]), I([2, 2])
for hashed, buckets in ((False, 0), (True, 0), (True, 100)):
  out = tf.int64 if hashed else tf.string
  case(f'SparseCross of strings, hashed {hashed}, {buckets} buckets', lambda h=hashed, b=buckets, o=out: raw.SparseCross(
      indices=[X_IDX, Y_IDX], values=[strings(['a', 'b', 'c']), strings(['x', 'y', 'z'])], shapes=[X_SHAPE, Y_SHAPE], dense_inputs=[strings([['p', 'q'], ['r', 's']])],
      hashed_output=h, num_buckets=b, hash_key=956888297470, out_type=o, internal_type=tf.string))
  case(f'SparseCross of int64, hashed {hashed}, {buckets} buckets', lambda h=hashed, b=buckets, o=out: raw.SparseCross(
      indices=[X_IDX], values=[I([1, 2, 3])], shapes=[X_SHAPE], dense_inputs=[I([[4], [-5]])],
      hashed_output=h, num_buckets=b, hash_key=956888297470, out_type=o, internal_type=tf.int64))
case('SparseCross of strings and int64, hashed', lambda: raw.SparseCross(indices=[X_IDX, Y_IDX], values=[strings(['a', 'b', 'c']), I([7, 8, 9])], shapes=[X_SHAPE, Y_SHAPE], dense_inputs=[],
     hashed_output=True, num_buckets=1000, hash_key=12345, out_type=tf.int64, internal_type=tf.int64))
case('SparseCross with an empty row', lambda: raw.SparseCross(indices=[X_IDX, I([[1, 0]])], values=[strings(['a', 'b', 'c']), strings(['x'])], shapes=[X_SHAPE, I([2, 1])], dense_inputs=[],
     hashed_output=False, num_buckets=0, hash_key=1, out_type=tf.string, internal_type=tf.string))
case('SparseCrossV2', lambda: raw.SparseCrossV2(indices=[X_IDX, Y_IDX], values=[strings(['a', 'b', 'c']), I([7, 8, 9])], shapes=[X_SHAPE, Y_SHAPE], dense_inputs=[strings([['p'], ['q']])], sep='_Y_'))
for strong in (False, True):
  case(f'SparseCrossHashed, strong {strong}', lambda s=strong: raw.SparseCrossHashed(indices=[X_IDX, Y_IDX], values=[strings(['a', 'b', 'c']), strings(['x', 'y', 'z']) if s else I([7, 8, 9])], shapes=[X_SHAPE, Y_SHAPE], dense_inputs=[strings([['u'], ['v']])],
       num_buckets=I(100), strong_hash=s, salt=I([137, 251])))
  case(f'SparseCrossHashed without buckets, strong {strong}', lambda s=strong: raw.SparseCrossHashed(indices=[X_IDX], values=[strings(['a', 'b', 'c'])], shapes=[X_SHAPE], dense_inputs=[],
       num_buckets=I(0), strong_hash=s, salt=I([137, 251])))
for hashed in (False, True):
  case(f'RaggedCross, hashed {hashed}', lambda h=hashed: raw.RaggedCross(
      ragged_values=[strings(['a', 'b', 'c'])], ragged_row_splits=[I([0, 2, 3])], sparse_indices=[Y_IDX], sparse_values=[I([7, 8, 9])], sparse_shape=[Y_SHAPE], dense_inputs=[strings([['p'], ['q']])],
      input_order='RSD', hashed_output=h, num_buckets=1000 if h else 0, hash_key=956888297470, out_values_type=tf.int64 if h else tf.string, out_row_splits_type=tf.int64))
  case(f'RaggedCross in another order, hashed {hashed}', lambda h=hashed: raw.RaggedCross(
      ragged_values=[strings(['a', 'b', 'c']), I([1, 2])], ragged_row_splits=[I([0, 2, 3]), I([0, 1, 2])], sparse_indices=[], sparse_values=[], sparse_shape=[], dense_inputs=[I([[3], [4]])],
      input_order='RDR', hashed_output=h, num_buckets=0, hash_key=956888297470, out_values_type=tf.int64 if h else tf.string, out_row_splits_type=tf.int64))
case('RaggedCross of other batches', lambda: raw.RaggedCross(ragged_values=[hidden(['a']), hidden(['b'])], ragged_row_splits=[hidden(I([0, 1])), hidden(I([0, 0, 1]))], sparse_indices=[], sparse_values=[], sparse_shape=[], dense_inputs=[],
     input_order='RR', hashed_output=False, num_buckets=0, hash_key=1, out_values_type=tf.string, out_row_splits_type=tf.int64))
# The type of the values says whether they are hashes; hashed_output does not.
for hashed, out in ((False, tf.int64), (True, tf.string)):
  case(f'SparseCross to {out.name}, hashed {hashed}', lambda h=hashed, o=out: raw.SparseCross(
      indices=[], values=[], shapes=[], dense_inputs=[strings([['a'], ['b']]), strings([['c'], ['d']])],
      hashed_output=h, num_buckets=100, hash_key=7, out_type=o, internal_type=tf.string))
  case(f'RaggedCross to {out.name}, hashed {hashed}', lambda h=hashed, o=out: raw.RaggedCross(
      ragged_values=[], ragged_row_splits=[], sparse_indices=[], sparse_values=[], sparse_shape=[], dense_inputs=[strings([['a'], ['b']]), strings([['c'], ['d']])],
      input_order='DD', hashed_output=h, num_buckets=100, hash_key=7, out_values_type=o, out_row_splits_type=tf.int64))

# ---- serialization
def round_trip(dtype, values, out_type, many):
  def build():
    tensor = dict(sparse_indices=IDX, sparse_values=tf.constant(values, dtype), sparse_shape=SHAPE)
    serialized = (raw.SerializeManySparse if many else raw.SerializeSparse)(**tensor, out_type=out_type)
    raw.DeserializeSparse(serialized_sparse=serialized, dtype=dtype)
    if out_type == tf.string and many:
      raw.DeserializeManySparse(serialized_sparse=serialized, dtype=dtype)
  return build


for out_type in (tf.string, tf.variant):
  for many in (False, True):
    case(f'Serialize{"Many" if many else ""}Sparse and back by {out_type.name}', round_trip(tf.float32, VAL, out_type, many))
    case(f'Serialize{"Many" if many else ""}Sparse of strings and back by {out_type.name}', round_trip(tf.string, WORDS, out_type, many))
case('DeserializeSparse of what is none', lambda: raw.DeserializeSparse(serialized_sparse=strings(['a', 'b', 'c']), dtype=tf.float32))
