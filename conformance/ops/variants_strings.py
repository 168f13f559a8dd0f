"""Strings, ragged and sparse tensors, decoding and parsing."""
import itertools

import numpy as np
import tensorflow as tf

from oracle import inf, nan, take, typed, variant
from variants_elementwise import ordinary
take()

i32 = lambda v: np.array(v, np.int32)
i64 = lambda v: np.array(v, np.int64)
f32 = lambda v: np.array(v, np.float32)
s = lambda v: np.array([x.encode() if isinstance(x, str) else x for x in v] if isinstance(v, (list, tuple)) else (v.encode() if isinstance(v, str) else v), object)
WORDS = s(['', 'a', 'Hello World', 'ÀÉ straße ǅ İ', 'x,y,,z', b'\xff\xfe\x00a', '  pad\t\n', '日本語 テキスト', '🙂a🙂', 'MiXeD', b'a\x00b', '1.5', '-7'])
MATRIX = WORDS[:12].reshape(3, 4)
SHAPED = (WORDS, MATRIX, np.array(b'one', object), np.zeros([0], object), np.zeros([2, 0], object))

for x in SHAPED:
  for op in ('StringLower', 'StringUpper'):
    variant(op, x)
    variant(op, x, encoding='utf-8')
  variant('StringStrip', x)
  for unit in ('BYTE', 'UTF8_CHAR'):
    variant('StringLength', x, unit=unit)
  variant('EncodeBase64', x)
  variant('EncodeBase64', x, pad=True)
  for n in (1, 7, 1000003):
    variant('StringToHashBucketFast', x, num_buckets=n)
    variant('StringToHashBucket', x, num_buckets=n)
    variant('StringToHashBucketStrong', x, num_buckets=n, key=[3, 5])
  for pattern, rewrite in (('a', 'b'), ('(\\w+) (\\w+)', '\\2-\\1'), ('', '-'), ('[^a-z]', ''), ('^', '>'), ('\\s+', ' '), ('l+', '<\\0>'), ('(?i)hello', 'x'), ('.', '.'), ('日', 'N')):
    for everywhere in (True, False):
      variant('StaticRegexReplace', x, pattern=pattern, rewrite=rewrite, replace_global=everywhere)
    variant('RegexReplace', x, s(pattern), s(rewrite), params=[1, 2])
    variant('StaticRegexFullMatch', x, pattern=pattern + '.*')
    variant('RegexFullMatch', x, s(pattern), params=[1])
  variant('StringJoin', [x, x], separator='-')
  variant('StringJoin', [x, np.array(b'!', object), x])
  for values in (s(['a', b'\xff\x00']), np.array(b'a', object)):
    variant('Equal', x, s('a'))
  variant('UnicodeScript', i32([0x41, 0x65e5, 0x1f642, -1, 0x110000, 0x20]))
  for source, target, errors in itertools.product(('UTF-8', 'UTF-16-BE', 'US-ASCII', 'ISO-8859-1'), ('UTF-8', 'UTF-16-BE', 'UTF-32-BE'), ('replace', 'ignore')):
    variant('UnicodeTranscode', x, input_encoding=source, output_encoding=target, errors=errors)
  variant('UnicodeTranscode', x, input_encoding='UTF-8', output_encoding='UTF-8', errors='strict')
  variant('UnicodeTranscode', x, input_encoding='UTF-8', output_encoding='UTF-8', errors='replace', replacement_char=63, replace_control_characters=True)
variant('StringJoin', [s(['a', 'b']), s(['c'])])
variant('StringJoin', [s(['a', 'b'])])
variant('DecodeBase64', s(['YWJj', 'YQ', 'YQ==', '-_8', '']))
variant('DecodeBase64', s(['a+b']))
variant('DecodeBase64', s(['a']))
for pos, length in ((0, 3), (1, 2), (-3, 2), (5, 1), (0, 0), (2, 100), (-100, 2), (100, 1), (0, -1)):
  for unit in ('BYTE', 'UTF8_CHAR'):
    for index in (np.int32, np.int64):
      variant('Substr', s(['Hello', 'straße', '日本語テキスト', 'abcdefgh']), index(pos), index(length), unit=unit)
variant('Substr', s([['ab', 'cd'], ['ef', 'gh']]), i32([0, 1]), i32([1, 1]))
variant('Substr', s([['ab', 'cd'], ['ef', 'gh']]), i32([[0], [1]]), i32([[1], [1]]))
variant('Substr', s(['ab', 'cd']), i32([[0, 1], [1, 0]]), i32([[1, 1], [1, 1]]))
variant('Substr', s('hello'), i32([0, 1, 2]), i32([1, 2, 3]))
variant('Substr', s(['ab']), i32([0, 1]), i32([1]))
for sep in (',', '', ' ', ', ', 'l'):
  for skip, most in ((True, -1), (False, 1)):
    variant('StringSplit', s(['a,b', '', ' x  y ', 'hello, world', ',']), s(sep), skip_empty=skip, params=[1])
    variant('StringSplitV2', s(['a,b', '', ' x  y ', 'hello, world', ',']), s(sep), maxsplit=most, params=[1])
variant('StringSplitV2', np.zeros([0], object), s(','), params=[1])
variant('StringSplitV2', s('abc'), s(','), params=[1])
for out in (tf.float32, tf.float64, tf.int32, tf.int64):
  variant('StringToNumber', s(['1', '-2', ' 3 ', '0']), out_type=out)
  variant('StringToNumber', s([['7']]), out_type=out)
  for bad in ('', 'abc', '1.5', '1e3', '0x10', '1_0', 'inf', 'NaN', '-Infinity', '99999999999999999999', '2147483648', '1e400', '1e-400', '+5', '1.', '.5', '--1', '1 2', '1f', b'1\x00'):
    variant('StringToNumber', s([bad]), out_type=out)
for dtype in ('float32', 'float64', 'float16', 'bfloat16'):
  values = typed([0.0, -0.0, 1.0, -1.5, 1e10, 1e-10, 1 / 3, 123456.789, nan, inf, -inf, 1e30], dtype)
  variant('AsString', values)
  for more in ({'precision': 2}, {'scientific': True}, {'shortest': True}, {'precision': 3, 'width': 10}, {'width': 8, 'fill': '0'}, {'width': 8, 'fill': '-'}, {'fill': '+'}, {'width': 8, 'fill': ' '}, {'scientific': True, 'precision': 0}, {'shortest': True, 'precision': 3}):
    variant('AsString', values, **more)
for dtype in ('int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool', 'complex64', 'complex128'):
  variant('AsString', ordinary([5], dtype))
  variant('AsString', ordinary([], dtype), width=6)
  variant('AsString', ordinary([2, 2], dtype), width=6, fill='0')
variant('AsString', s(['a', b'\xff']))
variant('AsString', i32([1]), precision=2)
for axes, keep, sep in itertools.product(([0], [1], [0, 1], [1, 0], [-1], [], [2], [0, 0]), (False, True), ('', '-')):
  variant('ReduceJoin', s([['a', 'b', 'c'], ['d', b'\xff', '']]) if False else np.array([[b'a', b'b', b'c'], [b'd', b'\xff', b'']], object), np.array(axes, np.int32), keep_dims=keep, separator=sep)
variant('ReduceJoin', np.zeros([0, 2], object), i32([0]))
variant('ReduceJoin', np.zeros([2, 0], object), i32([1]))
variant('ReduceJoin', s('a'), np.zeros([0], np.int32))
variant('UnsortedSegmentJoin', s(['a', 'b', 'c', 'd']), i32([0, 2, 0, -1]), i32(3), separator=':', params=[2])
for encoding in ('UTF-8', 'UTF-16-BE', 'UTF-32-BE'):
  for errors in ('replace', 'ignore', 'strict'):
    for splits in (tf.int64, tf.int32):
      variant('UnicodeDecode', WORDS[:9], input_encoding='UTF-8', errors=errors, Tsplits=splits)
      variant('UnicodeDecodeWithOffsets', WORDS[6:9], input_encoding='UTF-8', errors=errors, Tsplits=splits)
    variant('UnicodeEncode', i32([72, 105, 0x65e5, 0x1f642, -1, 0xd800, 65]), i64([0, 2, 2, 6, 7]), output_encoding=encoding, errors=errors, params=[1])
for width, pads in (([1], 0), ([2], 0), ([2, 3], 1), ([3], -1), ([4], 0)):
  for short in (False, True):
    variant('StringNGrams', s(['a', 'b', 'c', 'd', 'e']), i64([0, 3, 3, 4, 5]), separator='_', ngram_widths=width, left_pad='<', right_pad='>', pad_width=pads, preserve_short_sequences=short, params=[])
variant('StringFormat', [i32([1, 2, 3, 4, 5, 6, 7, 8]), f32(1.5), s(['a', 'b'])], template='x {} y {} z {}')
variant('EditDistance', i64([[0, 0], [0, 1], [1, 0]]), s(['a', 'b', 'c']), i64([2, 2]), i64([[0, 0], [1, 0], [1, 1]]), s(['a', 'c', 'd']), i64([2, 2]), params=[])
variant('EditDistance', i64([[0, 0], [0, 1]]), i64([1, 2]), i64([1, 2]), i64([[0, 0]]), i64([1]), i64([1, 2]), normalize=False, params=[])
for out in (tf.float32, tf.float64, tf.float16, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.bool, tf.complex64):
  for little in (True, False):
    variant('DecodeRaw', s([bytes(range(16)), bytes(16)]), out_type=out, little_endian=little)
    if out != tf.bool and out != tf.complex64:
      variant('DecodePaddedRaw', s([bytes(range(16)), b'ab', b'']), i32(16), out_type=out, little_endian=little)
variant('DecodeRaw', s([b'abc', b'abcd']), out_type=tf.uint8)
variant('DecodeRaw', s([b'abc']), out_type=tf.int16)
variant('DecodeRaw', np.zeros([0], object), out_type=tf.int16)
for values, defaults in ((['1,2.5,x', '3,,y'], [i32([]), f32([7]), s(['d'])]), (['1,2.5,"x,y"', '-3,1e3,""'], [i32([0]), f32([7]), s([])]), (['1,2'], [i32([0]), i32([0]), i32([0])]), (['a'], [i32([0])]), ([''], [i32([5])])):
  variant('DecodeCSV', s(values), defaults, params=[])
variant('DecodeCSV', s(['1;NA', '2;3']), [i64([0]), f32([9])], field_delim=';', na_value='NA', params=[])
variant('DecodeCSV', s(['1,2,3']), [i64([0]), f32([9])], select_cols=[0, 2], params=[])

# ---- ragged
for dtype in ('int32', 'int64', 'float32', 'float64', 'bfloat16'):
  for splits in (tf.int32, tf.int64):
    variant('RaggedRange', typed([0, 5, 3], dtype), typed([3, 2, 3], dtype), typed([1, -1, 2], dtype), Tsplits=splits, params=[])
    variant('RaggedRange', typed(0, dtype), typed([3, 0], dtype), typed(1, dtype), Tsplits=splits, params=[])
variant('RaggedRange', i32([0]), i32([3]), i32([0]), params=[])
variant('RaggedRange', i32([0, 1]), i32([3]), i32([1]), params=[])
for rows, shape, default, types in itertools.product(([0, 2, 2, 5], [0, 0, 0, 5], [0, 5]), ([-1, -1], [3, 2], [5, 4], [-1, 1]), (0, 9), (['ROW_SPLITS'],)):
  for values in (ordinary([5], 'float32'), ordinary([5], 'string')):
    variant('RaggedTensorToTensor', i64(shape), values, typed(default, values.dtype) if values.dtype != object else s('d'), [i64(rows)], row_partition_types=types, params=[0])
variant('RaggedTensorToTensor', i64([-1, -1]), ordinary([4], 'int32'), i32(-1), [i64(4), i64([0, 0, 2, 2])], row_partition_types=['FIRST_DIM_SIZE', 'VALUE_ROWIDS'], params=[0])
variant('RaggedTensorToTensor', i64([-1, -1, 2]), ordinary([5, 2], 'float32'), f32(0), [i64([0, 2, 2, 5])], row_partition_types=['ROW_SPLITS'], params=[0])
variant('RaggedTensorToTensor', i64([-1, -1, -1]), ordinary([5], 'float32'), f32(0), [i64([0, 2, 3]), i64([0, 1, 1, 5])], row_partition_types=['ROW_SPLITS', 'ROW_SPLITS'], params=[0])
variant('RaggedTensorToTensor', i64([-1, -1]), ordinary([5], 'float32'), f32(0), [i64([0, 7])], row_partition_types=['ROW_SPLITS'], params=[0])
variant('RaggedTensorToSparse', [i64([0, 2, 2, 3])], ordinary([3], 'float32'), params=[])
variant('RaggedTensorToSparse', [i64([0, 2, 3]), i64([0, 1, 1, 3])], ordinary([3], 'string'), params=[])
for indices in ([1, 0], [[0], [2]], [3], [-1], []):
  variant('RaggedGather', [i64([0, 2, 2, 5])], ordinary([5], 'float32'), i32(indices) if indices else np.zeros([0], np.int32), OUTPUT_RAGGED_RANK=max(1, np.asarray(indices).ndim), params=[])
for axis in (0, 1):
  variant('RaggedBincount', i64([0, 2, 2, 4]), i32([1, 1, 0, 3]), i32(5), np.zeros([0], np.float32), params=[2])
  variant('RaggedCountSparseOutput', i64([0, 2, 2, 4]), i64([1, 1, 0, 3]), np.zeros([0], np.float32), binary_output=bool(axis), params=[])

# ---- sparse
INDICES, SHAPE = i64([[0, 1], [1, 0], [1, 2], [2, 3]]), i64([3, 4])
for dtype in ('float32', 'float64', 'int32', 'int64', 'bool', 'string', 'int8', 'uint8', 'float16', 'complex64'):
  v = ordinary([4], dtype)
  for index in (np.int32, np.int64):
    variant('SparseToDense', INDICES.astype(index), SHAPE.astype(index), v, ordinary([], dtype, 3), params=[1, 3])
    variant('SparseToDense', INDICES[:, 0][:2].astype(index), i64([5]).astype(index), v[:2], ordinary([], dtype, 3), params=[1, 3])
  variant('SparseToDense', INDICES, SHAPE, v[0], ordinary([], dtype, 3), params=[1, 3])
  variant('SparseFillEmptyRows', i64([[0, 1], [2, 0], [2, 2]]), v[:3], i64([4, 3]), ordinary([], dtype, 3), params=[])
  variant('SparseReorder', INDICES[::-1].copy(), v, SHAPE, params=[])
  variant('SparseConcat', [INDICES, INDICES], [v, v], [SHAPE, SHAPE], concat_dim=1, params=[])
  variant('SparseSplit', i64(1), INDICES, v, SHAPE, num_split=2, params=[])
  variant('SparseSlice', INDICES, v, SHAPE, i64([1, 0]), i64([2, 3]), params=[])
variant('SparseToDense', i64([[0, 1], [0, 1]]), SHAPE, f32([1, 2]), f32(0), params=[])
variant('SparseToDense', i64([[1, 0], [0, 1]]), SHAPE, f32([1, 2]), f32(0), params=[])
variant('SparseToDense', i64([[1, 0], [0, 1]]), SHAPE, f32([1, 2]), f32(0), validate_indices=False, params=[])
variant('SparseToDense', i64([[3, 0]]), SHAPE, f32([1]), f32(0), params=[])
variant('SparseToDense', np.zeros([0, 2], np.int64), SHAPE, f32([]), f32(5), params=[])
variant('SparseToDense', i64(2), i64([4]), f32(1), f32(5), params=[])
for shape, to in (([3, 4], [12]), ([3, 4], [2, -1]), ([3, 4], [4, 3]), ([3, 4], [5, 2]), ([3, 4], [-1, -1]), ([3, 4], [2, 2, 3])):
  variant('SparseReshape', INDICES, i64(shape), i64(to), params=[2])
variant('SparseReshape', np.zeros([0, 2], np.int64), i64([3, 4]), i64([-1]), params=[2])
variant('SparseFillEmptyRows', np.zeros([0, 2], np.int64), f32([]), i64([2, 3]), f32(7), params=[])
variant('SparseFillEmptyRows', np.zeros([0, 2], np.int64), f32([]), i64([0, 3]), f32(7), params=[])
variant('SparseFillEmptyRows', i64([[5, 0]]), f32([1]), i64([2, 3]), f32(7), params=[])
for dtype in ('float32', 'float64', 'int32', 'complex64', 'float16', 'bfloat16'):
  for a, b in itertools.product((False, True), repeat=2):
    variant('SparseTensorDenseMatMul', INDICES, ordinary([4], dtype), SHAPE, ordinary(([2, 3] if b else [3, 2]) if a else ([2, 4] if b else [4, 2]), dtype, 2), adjoint_a=a, adjoint_b=b, params=[], **({'rtol': 2e-2, 'atol': 2e-2} if '16' in dtype else {}))
  variant('SparseTensorDenseAdd', INDICES, ordinary([4], dtype), SHAPE, ordinary([3, 4], dtype), params=[])
  variant('SparseReduceSum', INDICES, ordinary([4], dtype), SHAPE, i32([1]), params=[])
  variant('SparseReduceSum', INDICES, ordinary([4], dtype), SHAPE, i32([0, 1]), keep_dims=True, params=[])
  for op in ('SparseDenseCwiseMul', 'SparseDenseCwiseAdd', 'SparseDenseCwiseDiv'):
    variant(op, INDICES, ordinary([4], dtype), SHAPE, ordinary([3, 4], dtype, low=1), params=[])
    variant(op, INDICES, ordinary([4], dtype), SHAPE, ordinary([4], dtype, low=1), params=[])
for dtype in ('float32', 'float64', 'float16'):
  variant('SparseSoftmax', INDICES, ordinary([4], dtype), SHAPE, params=[])
  for op in ('SparseSparseMaximum', 'SparseSparseMinimum'):
    variant(op, INDICES, ordinary([4], dtype), SHAPE, INDICES[1:], ordinary([3], dtype, 4), SHAPE, params=[])
variant('SparseAdd', INDICES, f32([1, 2, 3, 4]), SHAPE, INDICES[1:], f32([-2, 5, .1]), SHAPE, f32(.5), params=[])
variant('SparseTensorDenseMatMul', INDICES, f32([1, 2, 3, 4]), SHAPE, ordinary([3, 2], 'float32'), params=[])
for operation in ('a-b', 'b-a', 'intersection', 'union'):
  variant('DenseToSparseSetOperation', i64([[1, 2], [3, 4], [5, 5]]), INDICES, i64([1, 3, 9, 5]), SHAPE, set_operation=operation, params=[])
  variant('SparseToSparseSetOperation', INDICES, i64([1, 3, 9, 5]), SHAPE, INDICES[1:], i64([3, 2, 5]), SHAPE, set_operation=operation, params=[])
variant('SetSize', INDICES, i64([1, 3, 3, 5]), SHAPE, params=[])
for binary in (False, True):
  variant('SparseBincount', INDICES, i32([1, 1, 0, 3]), SHAPE, i32(4), np.zeros([0], np.float32), binary_output=binary, params=[3])
  variant('SparseCountSparseOutput', INDICES, i64([1, 1, 0, 3]), SHAPE, np.zeros([0], np.float32), binary_output=binary, params=[])
  variant('DenseCountSparseOutput', i64([[1, 1], [0, 3]]), np.zeros([0], np.float32), binary_output=binary, params=[])
  variant('DenseCountSparseOutput', i64([[1, 1], [0, 3]]), np.zeros([0], np.float32), minlength=2, maxlength=3, binary_output=binary, params=[])

# ---- examples
def example(**features):
  made = {}
  for name, values in features.items():
    if isinstance(values[0] if values else 0.0, bytes):
      made[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    elif isinstance(values[0] if values else 0.0, float):
      made[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
    else:
      made[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
  return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()


FULL, PART = example(a=[1.0, 2.0], b=[3, 4, 5], c=[b'x', b'\xff']), example(a=[5.0, 6.0], c=[b'z'])
for batch in ([FULL, PART], [PART], [FULL, b''], [], [b'junk']):
  for dense in ([f32([9, 9])], [f32([])]):
    variant('ParseExampleV2', s(batch) if batch else np.zeros([0], object), np.zeros([0], object), s(['b', 'c']), s(['a']), np.zeros([0], object), dense, num_sparse=2, sparse_types=[tf.int64, tf.string], ragged_value_types=[], ragged_split_types=[], dense_shapes=[[2]], params=[1, 2, 3, 4, 5])
    variant('ParseExample', s(batch) if batch else np.zeros([0], object), np.zeros([0], object), [s('b'), s('c')], [s('a')], dense, sparse_types=[tf.int64, tf.string], dense_shapes=[[2]], params=[1, 2, 3, 4, 5])
  variant('ParseExampleV2', s(batch) if batch else np.zeros([0], object), np.zeros([0], object), np.zeros([0], object), s(['b']), s(['a', 'c']), [i64([])], num_sparse=0, sparse_types=[], ragged_value_types=[tf.float32, tf.string], ragged_split_types=[tf.int32, tf.int64], dense_shapes=[[None]], params=[1, 2, 3, 4, 5])
variant('ParseExampleV2', np.array(FULL, object), np.zeros([0], object), s(['b']), s(['a']), s(['c']), [f32([])], num_sparse=1, sparse_types=[tf.int64], ragged_value_types=[tf.string], ragged_split_types=[tf.int64], dense_shapes=[[2]], params=[1, 2, 3, 4, 5])
variant('ParseExampleV2', s([FULL]), s(['name']), s(['a']), np.zeros([0], object), np.zeros([0], object), [], num_sparse=1, sparse_types=[tf.int64], ragged_value_types=[], ragged_split_types=[], dense_shapes=[], params=[1, 2, 3, 4])
