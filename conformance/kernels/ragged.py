"""Ragged tensors, decoding of CTC outputs, edit distance."""
import numpy as np
import tensorflow as tf

from recorder import case, hidden, raw, strings

I, F = np.int64, np.float32

# ---- RaggedRange
for title, a in {'of vectors': ([0, 5, 8], [3, 5, 12], [1, 1, 2]), 'of scalars': (0, 5, 2), 'down': ([5, 0], [0, 5], [-2, 2]), 'with one start': (0, [3, 0, 2], 1), 'of nothing': ([], [], [])}.items():
  case(f'RaggedRange {title}', lambda a=a: raw.RaggedRange(starts=np.int32(a[0]), limits=np.int32(a[1]), deltas=np.int32(a[2])))
case('RaggedRange of floats', lambda: raw.RaggedRange(starts=F([0, 1]), limits=F([1, 0]), deltas=F([0.3, -0.25]), Tsplits=tf.int32))
case('RaggedRange of int64', lambda: raw.RaggedRange(starts=I([2**40]), limits=I([2**40 + 3]), deltas=I([1])))
case('RaggedRange by 0', lambda: raw.RaggedRange(starts=hidden(np.int32([0])), limits=hidden(np.int32([3])), deltas=hidden(np.int32([0]))))
case('RaggedRange of different lengths', lambda: raw.RaggedRange(starts=hidden(np.int32([0, 1])), limits=hidden(np.int32([3, 4, 5])), deltas=hidden(np.int32(1))))
case('RaggedRange too large', lambda: raw.RaggedRange(starts=hidden(I([0])), limits=hidden(I([2**62])), deltas=hidden(I([1])), Tsplits=tf.int32))

# ---- RaggedGather
S1, S2, V = I([0, 2, 3, 3]), I([0, 1, 3, 6]), strings
case('RaggedGather', lambda: raw.RaggedGather(params_nested_splits=[I([0, 2, 2, 5])], params_dense_values=strings(list('abcde')), indices=[2, 0, 2], OUTPUT_RAGGED_RANK=1))
case('RaggedGather of two ragged dimensions', lambda: raw.RaggedGather(params_nested_splits=[S1, S2], params_dense_values=F([1, 2, 3, 4, 5, 6]), indices=I([1, 0]), OUTPUT_RAGGED_RANK=2))
case('RaggedGather by a matrix', lambda: raw.RaggedGather(params_nested_splits=[np.int32([0, 2, 2, 5])], params_dense_values=I([1, 2, 3, 4, 5]), indices=[[2, 0], [1, 1]], OUTPUT_RAGGED_RANK=2))
case('RaggedGather of rows', lambda: raw.RaggedGather(params_nested_splits=[I([0, 1, 3])], params_dense_values=F([[1, 2], [3, 4], [5, 6]]), indices=[1, 1], OUTPUT_RAGGED_RANK=1))
case('RaggedGather of nothing', lambda: raw.RaggedGather(params_nested_splits=[I([0, 1, 3])], params_dense_values=F([1, 2, 3]), indices=tf.constant([], tf.int32), OUTPUT_RAGGED_RANK=1))
case('RaggedGather out of range', lambda: raw.RaggedGather(params_nested_splits=[I([0, 1, 3])], params_dense_values=F([1, 2, 3]), indices=hidden(np.int32([2])), OUTPUT_RAGGED_RANK=1))
case('RaggedGather with splits past the values', lambda: raw.RaggedGather(params_nested_splits=[hidden(I([0, 1, 9]))], params_dense_values=hidden(F([1, 2, 3])), indices=hidden(np.int32([1])), OUTPUT_RAGGED_RANK=1))

# ---- RaggedTensorToTensor
def to_tensor(shape, values, default, types, parts):
  return lambda: raw.RaggedTensorToTensor(shape=I(shape), values=values() if callable(values) else values, default_value=default,
                                          row_partition_tensors=[I(p) for p in parts], row_partition_types=types)


for shape in ([-1, -1], [4, 2], [2, -1], [-1, 4], [3, 3], [5, 5]):
  case(f'RaggedTensorToTensor by splits to {shape}', to_tensor(shape, F([1, 2, 3, 4, 5]), F(-1), ['ROW_SPLITS'], [[0, 2, 2, 5]]))
  case(f'RaggedTensorToTensor by row ids to {shape}', to_tensor(shape, lambda: strings(list('abcde')), '', ['FIRST_DIM_SIZE', 'VALUE_ROWIDS'], [4, [0, 0, 2, 2, 2]]))
case('RaggedTensorToTensor of any shape', lambda: raw.RaggedTensorToTensor(shape=I(-1), values=F([1, 2, 3]), default_value=F(0), row_partition_tensors=[I([0, 1, 3])], row_partition_types=['ROW_SPLITS']))
case('RaggedTensorToTensor of two ragged dimensions', to_tensor([-1, -1, -1], F([1, 2, 3, 4, 5, 6]), F(0), ['ROW_SPLITS', 'ROW_SPLITS'], [S1, S2]))
case('RaggedTensorToTensor of two ragged dimensions, cut', to_tensor([3, 1, 2], F([1, 2, 3, 4, 5, 6]), F(0), ['ROW_SPLITS', 'ROW_SPLITS'], [S1, S2]))
case('RaggedTensorToTensor by ids and splits', to_tensor([-1, -1, -1], F([1, 2, 3, 4, 5, 6]), F(0), ['FIRST_DIM_SIZE', 'VALUE_ROWIDS', 'ROW_SPLITS'], [3, [0, 0, 2], [0, 1, 3, 6]]))
case('RaggedTensorToTensor of rows', to_tensor([-1, -1, 2], F([[1, 2], [3, 4], [5, 6]]), F(0), ['ROW_SPLITS'], [[0, 1, 3]]))
case('RaggedTensorToTensor of rows with a default row', to_tensor([-1, -1, 2], F([[1, 2], [3, 4], [5, 6]]), F([8, 9]), ['ROW_SPLITS'], [[0, 1, 3]]))
case('RaggedTensorToTensor of rows with a default of one column', to_tensor([-1, -1, 2], F([[1, 2], [3, 4], [5, 6]]), F([8]), ['ROW_SPLITS'], [[0, 1, 3]]))
case('RaggedTensorToTensor of nothing', to_tensor([-1, -1], F([]), F(0), ['ROW_SPLITS'], [[0]]))
case('RaggedTensorToTensor of empty rows', to_tensor([-1, -1], F([]), F(0), ['ROW_SPLITS'], [[0, 0, 0]]))
case('RaggedTensorToTensor of complex numbers', to_tensor([-1, -1], np.complex64([1j, 2, 3]), np.complex64(0), ['ROW_SPLITS'], [[0, 1, 3]]))
case('RaggedTensorToTensor with splits that fall', lambda: raw.RaggedTensorToTensor(shape=hidden(I([-1, -1])), values=hidden(F([1, 2])), default_value=F(0), row_partition_tensors=[hidden(I([0, 2, 1]))], row_partition_types=['ROW_SPLITS']))

# ---- RaggedTensorToSparse
case('RaggedTensorToSparse', lambda: raw.RaggedTensorToSparse(rt_nested_splits=[I([0, 2, 2, 5])], rt_dense_values=strings(list('abcde'))))
case('RaggedTensorToSparse of two ragged dimensions', lambda: raw.RaggedTensorToSparse(rt_nested_splits=[np.int32(S1), np.int32(S2)], rt_dense_values=F([1, 2, 3, 4, 5, 6])))
case('RaggedTensorToSparse of rows', lambda: raw.RaggedTensorToSparse(rt_nested_splits=[I([0, 1, 3])], rt_dense_values=F([[1, 2], [3, 4], [5, 6]])))
case('RaggedTensorToSparse of nothing', lambda: raw.RaggedTensorToSparse(rt_nested_splits=[I([0])], rt_dense_values=F([])))
case('RaggedTensorToSparse with splits that do not start at 0', lambda: raw.RaggedTensorToSparse(rt_nested_splits=[hidden(I([1, 3]))], rt_dense_values=hidden(F([1, 2, 3]))))
case('RaggedTensorToSparse with splits that do not end', lambda: raw.RaggedTensorToSparse(rt_nested_splits=[hidden(I([0, 2]))], rt_dense_values=hidden(F([1, 2, 3]))))

# ---- variants
def round_trip(splits, values, batched, in_rank, out_rank):
  def build():
    encoded = raw.RaggedTensorToVariant(rt_nested_splits=[tf.constant(s) for s in splits], rt_dense_values=values() if callable(values) else tf.constant(values), batched_input=batched)
    raw.RaggedTensorFromVariant(encoded_ragged=encoded, input_ragged_rank=in_rank, output_ragged_rank=out_rank,
                                Tvalues=tf.string if callable(values) else tf.as_dtype(values.dtype), Tsplits=tf.as_dtype(splits[0].dtype))
  return build


case('RaggedTensorToVariant and back', round_trip([I([0, 2, 2, 5])], F([1, 2, 3, 4, 5]), False, 1, 1))
case('RaggedTensorToVariant and back, batched', round_trip([I([0, 2, 2, 5])], lambda: strings(list('abcde')), True, 0, 1))
case('RaggedTensorToVariant and back, two ragged dimensions', round_trip([S1, S2], F([1, 2, 3, 4, 5, 6]), False, 2, 2))
case('RaggedTensorToVariant and back, two ragged dimensions, batched', round_trip([np.int32(S1), np.int32(S2)], F([1, 2, 3, 4, 5, 6]), True, 1, 2))
case('RaggedTensorToVariant and back, batched, rank left to find', round_trip([S1, S2], F([1, 2, 3, 4, 5, 6]), True, -1, 2))
case('RaggedTensorToVariant and back, rows', round_trip([I([0, 1, 3])], F([[1, 2], [3, 4], [5, 6]]), True, 0, 1))
case('RaggedTensorToVariant and back, empty rows', round_trip([I([0, 0, 0])], F([]), True, 0, 1))


def dense_variant():
  encoded = raw.RaggedTensorToVariant(rt_nested_splits=[], rt_dense_values=tf.constant(F([[1, 2], [3, 4]])), batched_input=True)
  raw.RaggedTensorFromVariant(encoded_ragged=encoded, input_ragged_rank=0, output_ragged_rank=1, Tvalues=tf.float32, Tsplits=tf.int64)


case('RaggedTensorToVariant of a dense matrix, and back', dense_variant)


def wrong_values():
  encoded = raw.RaggedTensorToVariant(rt_nested_splits=[I([0, 1, 3])], rt_dense_values=F([1, 2, 3]), batched_input=False)
  raw.RaggedTensorFromVariant(encoded_ragged=encoded, input_ragged_rank=1, output_ragged_rank=1, Tvalues=tf.int32, Tsplits=tf.int64)


case('RaggedTensorFromVariant of another dtype', wrong_values)

# ---- CTC
rng = np.random.RandomState(7)
LOGITS = rng.randn(6, 2, 4).astype(F)
LENGTHS = np.int32([6, 4])
for merge in (False, True):
  case(f'CTCGreedyDecoder, merge {merge}', lambda m=merge: raw.CTCGreedyDecoder(inputs=LOGITS, sequence_length=LENGTHS, merge_repeated=m), rtol=1e-6)
case('CTCGreedyDecoder with another blank', lambda: raw.CTCGreedyDecoder(inputs=LOGITS, sequence_length=LENGTHS, merge_repeated=True, blank_index=0), rtol=1e-6)
case('CTCGreedyDecoder of doubles', lambda: raw.CTCGreedyDecoder(inputs=np.float64(LOGITS), sequence_length=np.int32([0, 6])), rtol=1e-12)
REPEATED = np.full([5, 1, 3], -5, F)
for t, c in enumerate([0, 0, 2, 0, 1]):
  REPEATED[t, 0, c] = 5
for merge in (False, True):
  case(f'CTCGreedyDecoder of repetitions, merge {merge}', lambda m=merge: raw.CTCGreedyDecoder(inputs=REPEATED, sequence_length=[5], merge_repeated=m), rtol=1e-6)
  case(f'CTCBeamSearchDecoder of repetitions, merge {merge}', lambda m=merge: raw.CTCBeamSearchDecoder(inputs=REPEATED, sequence_length=[5], beam_width=4, top_paths=2, merge_repeated=m), rtol=1e-5, atol=2e-6)
for merge in (False, True):
  for width, top in ((1, 1), (3, 2), (10, 3), (100, 1)):
    case(f'CTCBeamSearchDecoder, width {width}, {top} paths, merge {merge}', lambda m=merge, w=width, n=top: raw.CTCBeamSearchDecoder(
        inputs=LOGITS, sequence_length=LENGTHS, beam_width=w, top_paths=n, merge_repeated=m), rtol=1e-5)
case('CTCBeamSearchDecoder of doubles', lambda: raw.CTCBeamSearchDecoder(inputs=np.float64(LOGITS), sequence_length=LENGTHS, beam_width=5, top_paths=1, merge_repeated=False), rtol=1e-7)
BIG = rng.randn(12, 3, 9).astype(F) * 2
case('CTCBeamSearchDecoder of more classes', lambda: raw.CTCBeamSearchDecoder(inputs=BIG, sequence_length=[12, 1, 7], beam_width=20, top_paths=4, merge_repeated=False), rtol=1e-5)
case('CTCBeamSearchDecoder of more paths than there are', lambda: raw.CTCBeamSearchDecoder(inputs=BIG, sequence_length=[12, 0, 7], beam_width=20, top_paths=4))
case('CTCGreedyDecoder of a sequence too long', lambda: raw.CTCGreedyDecoder(inputs=LOGITS, sequence_length=hidden(np.int32([7, 4]))))
case('CTCBeamSearchDecoder of a sequence too long', lambda: raw.CTCBeamSearchDecoder(inputs=LOGITS, sequence_length=hidden(np.int32([7, 4])), beam_width=2, top_paths=1))
case('CTCBeamSearchDecoder of more paths than beams', lambda: raw.CTCBeamSearchDecoder(inputs=LOGITS, sequence_length=LENGTHS, beam_width=2, top_paths=3))
case('CTCGreedyDecoder of other batches', lambda: raw.CTCGreedyDecoder(inputs=hidden(LOGITS), sequence_length=hidden(np.int32([4]))))

# ---- EditDistance
HYP = (I([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]), I([2, 2, 2]))
TRUTH = (I([[0, 0, 0], [0, 1, 0], [0, 1, 1], [1, 1, 0]]), I([2, 2, 2]))


def distance(hyp, hyp_values, truth, truth_values, **kwargs):
  return lambda: raw.EditDistance(hypothesis_indices=hyp[0], hypothesis_values=tf.constant(hyp_values), hypothesis_shape=hyp[1],
                                  truth_indices=truth[0], truth_values=tf.constant(truth_values), truth_shape=truth[1], **kwargs)


for normalize in (False, True):
  case(f'EditDistance of strings, normalize {normalize}', distance(HYP, list('abcd'), TRUTH, list('acbx'), normalize=normalize))
  case(f'EditDistance of int64, normalize {normalize}', distance((I([[0, i] for i in range(6)]), I([1, 6])), I([1, 2, 3, 4, 5, 6]), (I([[0, i] for i in range(5)]), I([1, 5])), I([2, 3, 9, 5, 7]), normalize=normalize))
case('EditDistance of nothing', distance((np.zeros([0, 2], I), I([2, 3])), I([]), (np.zeros([0, 2], I), I([2, 3])), I([])))
case('EditDistance of other shapes', distance((np.zeros([0, 2], I), I([2, 3])), I([]), (I([[2, 0]]), I([3, 3])), I([1]), normalize=False))
case('EditDistance of different ranks', lambda: raw.EditDistance(hypothesis_indices=hidden(np.zeros([0, 2], I)), hypothesis_values=hidden(I([])), hypothesis_shape=hidden(I([2, 3])), truth_indices=hidden(np.zeros([0, 3], I)), truth_values=hidden(I([])), truth_shape=hidden(I([2, 3, 1]))))
