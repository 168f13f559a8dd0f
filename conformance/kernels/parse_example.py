"""tf.Examples and tf.SequenceExamples into tensors; tensors into bytes and back."""
import numpy as np
import tensorflow as tf

from recorder import case, hidden, raw, strings

F = tf.train.Feature


def floats(*values):
  return F(float_list=tf.train.FloatList(value=values))


def ints(*values):
  return F(int64_list=tf.train.Int64List(value=values))


def texts(*values):
  return F(bytes_list=tf.train.BytesList(value=[v if isinstance(v, bytes) else v.encode() for v in values]))


def example(**features):
  return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def sequence(context=None, **lists):
  return tf.train.SequenceExample(
      context=tf.train.Features(feature=context or {}),
      feature_lists=tf.train.FeatureLists(feature_list={
          k: tf.train.FeatureList(feature=v) for k, v in lists.items()})).SerializeToString(deterministic=True)


EXAMPLES = [
    example(f=floats(1.5, 2.5), i=ints(1, 2, -3), s=texts('a', 'bb'), x=ints(9), extra=floats(1)),
    example(f=floats(3.5, -4.5), i=ints(2**60), s=texts(), x=ints(-9)),
    example(f=floats(0, 1e30), s=texts('', b'\xff'), x=ints(2**63 - 1), i=F()),
]
EMPTY = example()
DTYPES = {'f': tf.float32, 'i': tf.int64, 's': tf.string, 'x': tf.int64}


def parse(serialized, sparse=(), dense=(), ragged=(), names=(), version=2, single=False):
  """dense: (key, shape, default); ragged: (key, splits dtype)."""
  def build():
    defaults = [hidden(np.array(d, DTYPES[k].as_numpy_dtype)) if d is not None else tf.constant([], DTYPES[k]) for k, _, d in dense]
    common = dict(serialized=strings(serialized), dense_defaults=defaults, sparse_types=[DTYPES[k] for k in sparse],
                  dense_shapes=[s for _, s, _ in dense])
    if version == 1:
      raw.ParseExample(names=strings(names), sparse_keys=list(sparse), dense_keys=[k for k, _, _ in dense], **common)
    elif single:
      raw.ParseSingleExample(sparse_keys=list(sparse), dense_keys=[k for k, _, _ in dense], num_sparse=len(sparse), **common)
    else:
      raw.ParseExampleV2(names=strings(names), sparse_keys=strings(sparse), dense_keys=strings([k for k, _, _ in dense]),
                         ragged_keys=strings([k for k, _ in ragged]), num_sparse=len(sparse),
                         ragged_value_types=[DTYPES[k] for k, _ in ragged], ragged_split_types=[t for _, t in ragged], **common)
  return build


X = ('x', [], None)
for version in (1, 2):
  V = f'ParseExample{"V2" if version == 2 else ""}'
  case(f'{V} of all kinds', parse(EXAMPLES, ['i', 's'], [('f', [2], None), X], version=version))
  case(f'{V} of sparse features alone', parse(EXAMPLES, ['f', 'i', 's'], version=version))
  case(f'{V} with defaults', parse(EXAMPLES + [EMPTY], ['s'], [('f', [2], [7, 8]), ('x', [], 5)], version=version))
  case(f'{V} of shape [1,2]', parse(EXAMPLES, [], [('f', [1, 2], None), ('x', [1], None)], version=version))
  case(f'{V} of variable length', parse(EXAMPLES + [EMPTY], [], [('i', [None], -1), ('s', [None], '?'), ('f', [None, 2], 0.5)], version=version))
  case(f'{V} of variable length, of nothing', parse([EMPTY, EMPTY], [], [('i', [None], -1), ('f', [None, 2], 0.5)], version=version))
  case(f'{V} of no examples', parse([], ['i', 's'], [('f', [2], None), ('i', [None], -1)], version=version))
  case(f'{V} of empty examples', parse(['', EMPTY], ['i', 's'], version=version))
  case(f'{V} of no features', parse(EXAMPLES, version=version))
  case(f'{V} without a required feature', parse(EXAMPLES + [EMPTY], [], [X], version=version))
  case(f'{V} without a required feature, with names', parse(EXAMPLES + [EMPTY], [], [X], names=['a', 'b', 'c', 'd'], version=version))
  case(f'{V} with a feature of another dtype', parse([example(x=floats(1))], [], [X], version=version))
  case(f'{V} with a sparse feature of another dtype', parse([example(i=texts('1'))], ['i'], version=version))
  case(f'{V} with too many values', parse([example(x=ints(1, 2))], [], [X], version=version))
  case(f'{V} with too few values', parse([example(f=floats(1))], [], [('f', [2], None)], version=version))
  case(f'{V} with no values', parse([example(f=floats())], [], [('f', [2], [1, 2])], version=version))
  case(f'{V} with no multiple of the stride', parse([example(f=floats(1, 2, 3))], [], [('f', [None, 2], 0)], version=version))
  case(f'{V} of what is no example', parse([b'nonsense'], ['i'], version=version))
  case(f'{V} of an example that is cut', parse([EXAMPLES[0][:-3]], ['i'], version=version))
  case(f'{V} with a default of another shape', parse(EXAMPLES, [], [('f', [2], [1, 2, 3])], version=version))
  case(f'{V} with a padding of two elements', parse(EXAMPLES, [], [('i', [None], [1, 2])], version=version))
  case(f'{V} with one name for two examples', parse(EXAMPLES[:2], ['i'], names=['a'], version=version))
case('ParseExampleV2 of ragged features', parse(EXAMPLES + [EMPTY], ['f'], [X[:2] + (0,)], [('i', tf.int64), ('s', tf.int32)]))
case('ParseExampleV2 of ragged features alone, of nothing', parse([], [], [], [('i', tf.int64), ('s', tf.int32)]))
case('ParseExampleV2 with a ragged feature of another dtype', parse([example(i=texts('1'))], [], [], [('i', tf.int64)]))
for title, one in (('full', EXAMPLES[0]), ('second', EXAMPLES[1])):
  case(f'ParseExampleV2 of one {title} example', parse(one, ['i'], [('f', [2], None), X], [('s', tf.int32)]))
  case(f'ParseExampleV2 of one {title} example, ragged', parse(one, [], [], [('i', tf.int64), ('f', tf.int32)]))
  case(f'ParseExampleV2 of one {title} example, variable length', parse(one, [], [('i', [None], -1), ('f', [None, 2], 0)]))
  case(f'ParseSingleExample of a {title} example', parse(one, ['s'], [('f', [2], None), X, ('i', [None], -1)], single=True))
case('ParseExampleV2 of one empty example', parse(EMPTY, ['s'], [('f', [2], [5, 6]), ('i', [None], -1)], [('x', tf.int64)]))
case('ParseSingleExample of an empty example', parse(EMPTY, ['s'], [('f', [2], [5, 6]), ('i', [None], -1)], single=True))
case('ParseSingleExample without a required feature', parse(EMPTY, [], [X], single=True))
case('ParseSingleExample with a feature of another dtype', parse(example(x=floats(1)), [], [X], single=True))
case('ParseSingleExample with a sparse feature of another dtype', parse(example(i=texts('1')), ['i'], single=True))
case('ParseSingleExample with too many values', parse(example(x=ints(1, 2)), [], [X], single=True))
case('ParseSingleExample with no multiple of the stride', parse(example(f=floats(1, 2, 3)), [], [('f', [None, 2], 0)], single=True))
case('ParseSingleExample of what is no example', parse(b'nonsense', ['i'], single=True))
# A key twice in the wire format: the later one counts.
case('ParseExampleV2 of a feature twice', parse([example(x=ints(1)) + example(x=ints(2))], [], [X]))

# ---- sequence examples
SEQUENCES = [
    sequence({'c': ints(1), 'cs': texts('u', 'v')}, d=[floats(1, 2), floats(3, 4)], v=[ints(1, 2), ints(), ints(3)], t=[texts('x')]),
    sequence({'c': ints(2)}, d=[floats(5, 6)], v=[]),
    sequence({'c': ints(3), 'cs': texts()}, d=[], v=[ints(7)], t=[texts('y', 'z'), texts()]),
]
NO_SEQUENCE = sequence()


def parse_sequence(serialized, cs=(), cd=(), cr=(), fs=(), fd=(), fr=(), empty=(), names=(), version=2):
  """c: context, f: feature lists; s sparse (key, dtype), d dense (key, dtype, shape, default), r ragged (key, dtype)."""
  def build():
    common = dict(
        serialized=strings(serialized), debug_name=strings(names),
        context_dense_defaults=[hidden(np.array(d, t.as_numpy_dtype)) if d is not None else tf.constant([], t) for _, t, _, d in cd],
        Ncontext_sparse=len(cs), Nfeature_list_sparse=len(fs), Nfeature_list_dense=len(fd),
        context_sparse_types=[t for _, t in cs], feature_list_dense_types=[t for _, t, _ in fd],
        context_dense_shapes=[s for _, _, s, _ in cd], feature_list_sparse_types=[t for _, t in fs],
        feature_list_dense_shapes=[s for _, _, s in fd])
    if version == 2:
      raw.ParseSequenceExampleV2(
          context_sparse_keys=strings([k for k, _ in cs]), context_dense_keys=strings([k for k, *_ in cd]), context_ragged_keys=strings([k for k, _ in cr]),
          feature_list_sparse_keys=strings([k for k, _ in fs]), feature_list_dense_keys=strings([k for k, *_ in fd]), feature_list_ragged_keys=strings([k for k, _ in fr]),
          feature_list_dense_missing_assumed_empty=tf.constant([k in empty for k, *_ in fd], tf.bool),
          context_ragged_value_types=[t for _, t in cr], context_ragged_split_types=[tf.int64] * len(cr),
          feature_list_ragged_value_types=[t for _, t in fr], feature_list_ragged_split_types=[tf.int32] * len(fr), **common)
    elif version == 1:
      raw.ParseSequenceExample(
          context_sparse_keys=[k for k, _ in cs], context_dense_keys=[k for k, *_ in cd], feature_list_sparse_keys=[k for k, _ in fs],
          feature_list_dense_keys=[k for k, *_ in fd], feature_list_dense_missing_assumed_empty=list(empty), Ncontext_dense=len(cd), **common)
    else:
      for n in ('Ncontext_sparse', 'Nfeature_list_sparse', 'Nfeature_list_dense'):
        common.pop(n)
      common['debug_name'] = strings(names)
      raw.ParseSingleSequenceExample(
          context_sparse_keys=[k for k, _ in cs], context_dense_keys=[k for k, *_ in cd], feature_list_sparse_keys=[k for k, _ in fs],
          feature_list_dense_keys=[k for k, *_ in fd], feature_list_dense_missing_assumed_empty=strings(list(empty)), **common)
  return build


I, S, D = tf.int64, tf.string, tf.float32
for version in (1, 2):
  V = f'ParseSequenceExample{"V2" if version == 2 else ""}'
  case(f'{V} of all kinds', parse_sequence(SEQUENCES, [('cs', S)], [('c', I, [], None)], [], [('v', I), ('t', S)], [('d', D, [2])], version=version))
  case(f'{V} of nothing in the examples', parse_sequence([NO_SEQUENCE, NO_SEQUENCE], [('cs', S)], [('c', I, [], 4)], [], [('v', I), ('t', S)], [('d', D, [2])], empty=['d'], version=version))
  case(f'{V} of no examples', parse_sequence([], [('cs', S)], [('c', I, [], 4)], [], [('v', I)], [('d', D, [2])], version=version))
  case(f'{V} of strings of each step', parse_sequence(SEQUENCES[:1], [], [], [], [], [('t', S, [1])], version=version))
  case(f'{V} without a required feature list', parse_sequence([NO_SEQUENCE], [], [], [], [], [('d', D, [2])], version=version))
  case(f'{V} without a required context feature', parse_sequence([NO_SEQUENCE], [], [('c', I, [], None)], version=version, names=['first']))
  case(f'{V} with a context feature of another dtype', parse_sequence(SEQUENCES, [], [('c', D, [], None)], version=version))
  case(f'{V} with a feature list of another dtype', parse_sequence(SEQUENCES, [], [], [], [], [('d', I, [2])], version=version))
  case(f'{V} with a sparse feature list of another dtype', parse_sequence(SEQUENCES, [], [], [], [('v', S)], version=version))
  case(f'{V} with a step of another size', parse_sequence(SEQUENCES, [], [], [], [], [('d', D, [3])], version=version))
  case(f'{V} of what is no example', parse_sequence([b'nonsense'], [('cs', S)], version=version))
case('ParseSequenceExampleV2 of ragged features', parse_sequence(SEQUENCES + [NO_SEQUENCE], [], [], [('cs', S), ('c', I)], [], [], [('v', I), ('t', S), ('d', D)]))
case('ParseSequenceExampleV2 of ragged features, of no examples', parse_sequence([], [], [], [('cs', S)], [], [], [('v', I)]))
case('ParseSequenceExampleV2 of one example', parse_sequence(SEQUENCES[0], [('cs', S)], [('c', I, [], None)], [], [('v', I), ('t', S)], [('d', D, [2])]))
for i, one in enumerate(SEQUENCES):
  case(f'ParseSingleSequenceExample {i}', parse_sequence(one, [('cs', S)], [('c', I, [], None)], [], [('v', I), ('t', S)], [('d', D, [2])], version=0, names='n'))
case('ParseSingleSequenceExample of an empty example', parse_sequence(NO_SEQUENCE, [('cs', S)], [('c', I, [], 4)], [], [('v', I)], [('d', D, [2])], empty=['d'], version=0, names='n'))
case('ParseSingleSequenceExample without a required feature list', parse_sequence(NO_SEQUENCE, [], [], [], [], [('d', D, [2])], version=0, names='n'))
case('ParseSingleSequenceExample without a required context feature', parse_sequence(NO_SEQUENCE, [], [('c', I, [], None)], version=0, names='n'))
case('ParseSingleSequenceExample with a step of another size', parse_sequence(SEQUENCES[0], [], [], [], [], [('d', D, [3])], version=0, names='n'))
case('ParseSingleSequenceExample with a feature list of another dtype', parse_sequence(SEQUENCES[0], [], [], [], [('v', S)], version=0, names='n'))
case('ParseSequenceExample of steps without a kind', parse_sequence([sequence(None, v=[ints(1), F(), ints(2, 3)])], [], [], [], [('v', I)]))
case('ParseSequenceExampleV2 of ragged steps without a kind', parse_sequence([sequence(None, v=[ints(1), F(), ints(2, 3)])], [], [], [], [], [], [('v', I)]))
case('ParseSingleSequenceExample of what is no example', parse_sequence(b'nonsense', [('cs', S)], version=0, names='n'))

# ---- tensors
for value in (np.float32([[1.5, -2]]), np.int64(7), np.array(['a', '', '\u65e5']), np.zeros([0, 3], np.int32), np.array([True, False]), np.complex64([1 + 2j])):
  tensor = lambda v=value: tf.constant(v)
  case(f'SerializeTensor {value.dtype.name} {value.shape}', lambda t=tensor: raw.SerializeTensor(tensor=t()))
  case(f'ParseTensor {value.dtype.name} {value.shape}', lambda v=value: raw.ParseTensor(
      serialized=tf.make_tensor_proto(v).SerializeToString(), out_type=tf.as_dtype(v.dtype)))
case('ParseTensor of another dtype', lambda: raw.ParseTensor(serialized=tf.make_tensor_proto(1.5).SerializeToString(), out_type=tf.int32))
case('ParseTensor of what is no tensor', lambda: raw.ParseTensor(serialized=b'nonsense', out_type=tf.int32))
case('ParseTensor of a damaged tensor', lambda: raw.ParseTensor(serialized=tf.make_tensor_proto(np.arange(6.0)).SerializeToString()[:-3], out_type=tf.float64))

JSON = ['{"features": {"feature": {"x": {"int64List": {"value": ["5", 6]}}}}}',
        '{"features": {"feature": {"f": {"float_list": {"value": [1.5, "NaN"]}}}}}', '{}', '{"features": {}}', '{"features": {"feature": {"n": {}, "e": {"floatList": {}}}}}',
        '{"features": {"feature": {"s": {"bytesList": {"value": ["YWI="]}}}}}']
case('DecodeJSONExample', lambda: raw.DecodeJSONExample(json_examples=JSON))
case('DecodeJSONExample of what is no JSON', lambda: raw.DecodeJSONExample(json_examples=['{']))
case('DecodeJSONExample of an unknown field', lambda: raw.DecodeJSONExample(json_examples=['{"nope": 1}']))
