"""Lookup tables: static, mutable, of tensors, dense; from tensors and from text files."""
import base64

import numpy as np
import tensorflow as tf

from recorder import case, hidden, raw



def i64(values):
  return tf.constant(values, tf.int64)


# Every kind of key and value that TensorFlow registers for static tables.
STATIC = [
    (tf.string, tf.int64, ['a', 'b', ''], [1, -2, 2**60], -1),
    (tf.string, tf.string, ['a', 'b', '\u65e5\u672c'], ['x', '', 'zz'], '?'),
    (tf.string, tf.float32, ['a', 'b', 'c'], [0.5, -1.5, 1e30], 0.0),
    (tf.string, tf.float64, ['a', 'b', 'c'], [0.1, -1.5, 1e300], 0.0),
    (tf.string, tf.bool, ['a', 'b', 'c'], [True, False, True], False),
    (tf.string, tf.int32, ['a', 'b', 'c'], [1, 2, 3], -1),
    (tf.int64, tf.string, [1, 2**53 + 1, -2**63], ['one', 'odd', 'least'], 'none'),
    (tf.int64, tf.int64, [1, 2**53 + 1, 2**53], [1, 2, 3], -7),
    (tf.int64, tf.float32, [1, -1, 0], [1.5, 2.5, 3.5], 0.0),
    (tf.int32, tf.string, [1, -2, 3], ['p', 'q', 'r'], '-'),
    (tf.int32, tf.float32, [1, -2, 3], [1, 2, 3], 0.0),
]


def static(key, value, keys, values, default):
  def build():
    table = raw.HashTableV2(key_dtype=key, value_dtype=value, shared_name='t')
    raw.LookupTableImportV2(table_handle=table, keys=tf.constant(keys, key), values=tf.constant(values, value))
    other = {tf.string: 'missing', tf.float32: 77.0}.get(key, 77)
    raw.LookupTableFindV2(table_handle=table, keys=tf.constant([[keys[2], keys[0]], [other, keys[1]]], key),
                          default_value=tf.constant(default, value))
    raw.LookupTableSizeV2(table_handle=table)
  return build


for key, value, keys, values, default in STATIC:
  case(f'HashTable {key.name} to {value.name}', static(key, value, keys, values, default))


def exported(make):
  """Exports one entry: TensorFlow's order of more is that of its hash."""
  def build():
    table = make()
    raw.LookupTableExportV2(table_handle=table, Tkeys=tf.string, Tvalues=tf.int64)
  return build


def table_of_one():
  table = raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name='t')
  raw.LookupTableImportV2(table_handle=table, keys=['k'], values=i64([3]))
  return table


case('HashTable export', exported(table_of_one))


def find_uninitialized():
  table = raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name='t')
  raw.LookupTableFindV2(table_handle=table, keys=['a'], default_value=i64(0))


case('HashTable find before it is initialized', find_uninitialized)


def find_none():
  table = table_of_one()
  raw.LookupTableFindV2(table_handle=table, keys=tf.constant([], tf.string), default_value=i64(0))


case('HashTable find of no keys', find_none)


def wrong_key_type():
  raw.LookupTableFindV2(table_handle=table_of_one(), keys=i64([1]), default_value=i64(0))


case('HashTable find by keys of another dtype', wrong_key_type)


def wrong_default_shape():
  raw.LookupTableFindV2(table_handle=table_of_one(), keys=['a', 'b', 'c'], default_value=hidden(np.int64([0, 1])))


case('HashTable find with a default of another shape', wrong_default_shape)


def twice(second_keys, second_values):
  def build():
    table = raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name='t')
    raw.LookupTableImportV2(table_handle=table, keys=['a', 'b'], values=i64([1, 2]))
    raw.LookupTableImportV2(table_handle=table, keys=second_keys, values=i64(second_values))
    raw.LookupTableFindV2(table_handle=table, keys=['a', 'b', 'c'], default_value=i64(-1))
  return build


case('HashTable initialized twice with the same', twice(['a', 'b'], [1, 2]))
case('HashTable initialized twice, the second time with fewer', twice(['a'], [1]))
case('HashTable initialized twice with as many others', twice(['c', 'b'], [1, 2]))


def duplicates(values):
  def build():
    table = raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name='t')
    raw.InitializeTableV2(table_handle=table, keys=['a', 'a'], values=i64(values))
    raw.LookupTableSizeV2(table_handle=table)
  return build


case('HashTable with a key twice and one value', duplicates([4, 4]))
case('HashTable with a key twice and two values', duplicates([4, 5]))


def uneven():
  table = raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name='t')
  raw.InitializeTableV2(table_handle=table, keys=hidden(['a', 'b']), values=hidden(np.int64([1, 2, 3])))


case('HashTable with more values than keys', uneven)


def insert_static():
  raw.LookupTableInsertV2(table_handle=table_of_one(), keys=['b'], values=i64([1]))


case('HashTable insert', insert_static)


def remove_static():
  raw.LookupTableRemoveV2(table_handle=table_of_one(), keys=['k'])


case('HashTable remove', remove_static)


def shared_dtypes():
  table_of_one()
  raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.float32, shared_name='t')


case('HashTable of one name with other dtypes', shared_dtypes)


def anonymous():
  first = raw.AnonymousHashTable(key_dtype=tf.string, value_dtype=tf.int64)
  second = raw.AnonymousHashTable(key_dtype=tf.string, value_dtype=tf.int64)
  raw.LookupTableImportV2(table_handle=first, keys=['a'], values=i64([1]))
  raw.LookupTableImportV2(table_handle=second, keys=['a'], values=i64([2]))
  raw.LookupTableFindV2(table_handle=first, keys=['a'], default_value=i64(0))
  raw.LookupTableFindV2(table_handle=second, keys=['a'], default_value=i64(0))


case('AnonymousHashTable is another each time', anonymous)


# Mutable tables.
def mutable(make, key, value, dense=False):
  def build():
    table = make()
    raw.LookupTableInsertV2(table_handle=table, keys=tf.constant(key[:2]), values=tf.constant(value[:2]))
    raw.LookupTableFindV2(table_handle=table, keys=tf.constant(key), default_value=tf.constant(value[2]))
    raw.LookupTableInsertV2(table_handle=table, keys=tf.constant(key[1:]), values=tf.constant(value[1:][::-1]))
    raw.LookupTableSizeV2(table_handle=table)
    raw.LookupTableRemoveV2(table_handle=table, keys=tf.constant(key[:1]))
    raw.LookupTableRemoveV2(table_handle=table, keys=tf.constant(key[:1]))
    raw.LookupTableSizeV2(table_handle=table)
    # Dense tables take lists of keys only.
    again = np.array(key if dense else [key], object if isinstance(key, list) else None)
    raw.LookupTableFindV2(table_handle=table, keys=tf.constant(again), default_value=tf.constant(value[2]))
    if dense:  # their import and export are those of the buckets as they lie in memory
      return
    raw.LookupTableImportV2(table_handle=table, keys=tf.constant(key[:1]), values=tf.constant(value[:1]))
    raw.LookupTableSizeV2(table_handle=table)
    raw.LookupTableExportV2(table_handle=table, Tkeys=tf.constant(key).dtype, Tvalues=tf.constant(value).dtype)
  return build


I = np.int64
case('MutableHashTable string to int64', mutable(lambda: raw.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name='m'), ['a', 'b', 'c'], I([1, 2, 3])))
case('MutableHashTable int64 to string', mutable(lambda: raw.MutableHashTableV2(key_dtype=tf.int64, value_dtype=tf.string, shared_name='m'), I([1, 2**60, -3]), ['a', 'b', 'c']))
case('MutableHashTable string to bool', mutable(lambda: raw.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.bool, shared_name='m'), ['a', 'b', 'c'], [True, False, True]))
case('MutableHashTable anonymous', mutable(lambda: raw.AnonymousMutableHashTable(key_dtype=tf.string, value_dtype=tf.float32), ['a', 'b', 'c'], np.float32([1, 2, 3])))
case('MutableHashTableOfTensors', mutable(lambda: raw.MutableHashTableOfTensorsV2(key_dtype=tf.string, value_dtype=tf.float32, value_shape=[2], shared_name='m'), ['a', 'b', 'c'], np.float32([[1, 2], [3, 4], [5, 6]])))
case('MutableHashTableOfTensors anonymous, of strings', mutable(lambda: raw.AnonymousMutableHashTableOfTensors(key_dtype=tf.int64, value_dtype=tf.string, value_shape=[2]), I([4, 5, 6]), [['a', 'b'], ['c', 'd'], ['e', 'f']]))
DENSE = dict(shared_name='d', initial_num_buckets=8)
case('MutableDenseHashTable', mutable(lambda: raw.MutableDenseHashTableV2(empty_key=I(-1), deleted_key=I(-2), value_dtype=tf.int64, **DENSE), I([1, 2, 3]), I([10, 20, 30]), dense=True))
case('MutableDenseHashTable of vectors', mutable(lambda: raw.MutableDenseHashTableV2(empty_key='', deleted_key='-', value_dtype=tf.float32, value_shape=[2], **DENSE), ['a', 'b', 'c'], np.float32([[1, 2], [3, 4], [5, 6]]), dense=True))
case('MutableDenseHashTable by vectors', mutable(lambda: raw.MutableDenseHashTableV2(empty_key=I([0, 0]), deleted_key=I([0, 1]), value_dtype=tf.int64, **DENSE), I([[1, 2], [2, 1], [3, 3]]), I([10, 20, 30]), dense=True))
case('MutableDenseHashTable anonymous', mutable(lambda: raw.AnonymousMutableDenseHashTable(empty_key=I(-1), deleted_key=I(-2), value_dtype=tf.int64, initial_num_buckets=8), I([1, 2, 3]), I([10, 20, 30]), dense=True))


def default_each():
  table = raw.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name='m')
  raw.LookupTableInsertV2(table_handle=table, keys=['b'], values=i64([2]))
  raw.LookupTableFindV2(table_handle=table, keys=['a', 'b', 'c'], default_value=i64([7, 8, 9]))


case('MutableHashTable find with a default for each key', default_each)


def dense_empty_key():
  table = raw.MutableDenseHashTableV2(empty_key=I(-1), deleted_key=I(-2), value_dtype=tf.int64, **DENSE)
  raw.LookupTableInsertV2(table_handle=table, keys=i64([-1]), values=i64([1]))


case('MutableDenseHashTable insert of the empty key', dense_empty_key)


def dense_deleted_key():
  table = raw.MutableDenseHashTableV2(empty_key=I(-1), deleted_key=I(-2), value_dtype=tf.int64, **DENSE)
  raw.LookupTableFindV2(table_handle=table, keys=i64([-2]), default_value=i64(1))


case('MutableDenseHashTable find of the deleted key', dense_deleted_key)


def dense_same_keys():
  raw.MutableDenseHashTableV2(empty_key=I(-1), deleted_key=I(-1), value_dtype=tf.int64, **DENSE)


case('MutableDenseHashTable whose empty key is its deleted key', dense_same_keys)


def mutable_wrong_values():
  table = raw.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name='m')
  raw.LookupTableInsertV2(table_handle=table, keys=['b'], values=hidden(I([1, 2])))


case('MutableHashTable insert of values of another shape', mutable_wrong_values)


# Text files. The file's bytes are in the case; the runner writes it and puts its path in place of "$FILE".
def file_case(title, content, key, value, key_index, value_index, keys, default, vocab_size=-1, delimiter='\t', offset=0):
  data = content.encode() if isinstance(content, str) else content
  path = '/tmp/recorded-vocabulary.txt'

  def build():
    with open(path, 'wb') as f:
      f.write(data)
    table = raw.HashTableV2(key_dtype=key, value_dtype=value, shared_name='t')
    raw.InitializeTableFromTextFileV2(table_handle=table, filename=path, key_index=key_index, value_index=value_index,
                                      vocab_size=vocab_size, delimiter=delimiter, offset=offset)
    raw.LookupTableSizeV2(table_handle=table)
    raw.LookupTableFindV2(table_handle=table, keys=tf.constant(keys, key), default_value=tf.constant(default, value))
  case('InitializeTableFromTextFile ' + title, build, file={'path': path, 'b64': base64.b64encode(data).decode()})


LINE, NUMBER = -2, -1
S, N = tf.string, tf.int64
file_case('by whole line', 'the\nquick\nfox\n', S, N, LINE, NUMBER, ['fox', 'the', 'no'], -1)
file_case('without a last newline', 'the\nquick\nfox', S, N, LINE, NUMBER, ['fox', 'the', 'no'], -1)
file_case('by line number', 'the\nquick\nfox\n', N, S, NUMBER, LINE, [2, 0, 3], 'UNK')
file_case('with CRLF', 'the\r\nquick\r\nfox\r\n', S, N, LINE, NUMBER, ['fox', 'the\r', 'the'], -1)
file_case('with an offset', 'the\nquick\nfox\n', S, N, LINE, NUMBER, ['fox', 'the', 'no'], -1, offset=100)
file_case('of fewer lines than there are', 'the\nquick\nfox\n', S, N, LINE, NUMBER, ['fox', 'the', 'no'], -1, vocab_size=2)
file_case('of more lines than there are', 'the\nquick\nfox\n', S, N, LINE, NUMBER, ['fox', 'the', 'no'], -1, vocab_size=4)
file_case('of columns', 'a\t1\nb\t-2\nc\t 3\n', S, N, 0, 1, ['a', 'b', 'c'], -1)
file_case('of columns with another delimiter', 'x a,1\ny b,2\n', N, S, 1, 0, [2, 1, 0], '', delimiter=',')
file_case('of columns and line numbers', 'a b\nc d\n', S, N, 1, NUMBER, ['d', 'a b', 'b'], -1, delimiter=' ')
file_case('of a column and whole lines', 'a b\nc d\n', S, S, 0, LINE, ['a', 'c', 'b'], '-', delimiter=' ')
file_case('of whole lines to float', '1 0.5\n2 1e3\n3 -inf\n', N, tf.float32, 0, 1, [1, 2, 3], 0.0, delimiter=' ')
file_case('of int32 values', '1 5\n2 6\n', N, tf.int32, 0, 1, [1, 2, 3], 0, delimiter=' ')
file_case('of too few columns', 'a\t1\nb\n', S, N, 0, 1, ['a'], -1)
file_case('of a value that is no number', 'a\t1\nb\tx\n', S, N, 0, 1, ['a'], -1)
file_case('with an empty line', 'a\n\nb\n', S, N, LINE, NUMBER, ['a'], -1)
file_case('with an empty last line', 'a\nb\n\n', S, N, LINE, NUMBER, ['a'], -1)
file_case('with one word twice', 'a\nb\na\n', S, N, LINE, NUMBER, ['a'], -1)
file_case('with one pair twice', 'a\t1\nb\t2\na\t1\n', S, N, 0, 1, ['a'], -1)
file_case('that is empty', '', S, N, LINE, NUMBER, ['a'], -1)
file_case('of bytes that are no text', b'\xff\xfe\n\x00\n', S, N, LINE, NUMBER, [b'\xff\xfe', b'\x00'], -1)
file_case('by line number of int32', 'a\n', tf.int32, S, NUMBER, LINE, [0], '')
file_case('of integer keys by whole line', '15\n-3\n', N, N, LINE, NUMBER, [15, -3], -1)


def missing_file():
  table = raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name='t')
  raw.InitializeTableFromTextFileV2(table_handle=table, filename='/nowhere/vocab.txt', key_index=LINE, value_index=NUMBER)


case('InitializeTableFromTextFile of a missing file', missing_file)


def file_twice():
  path = '/tmp/recorded-vocabulary.txt'
  with open(path, 'wb') as f:
    f.write(b'a\nb\n')
  table = raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name='t')
  for _ in range(2):
    raw.InitializeTableFromTextFileV2(table_handle=table, filename=path, key_index=LINE, value_index=NUMBER)
  raw.LookupTableSizeV2(table_handle=table)


case('InitializeTableFromTextFile twice', file_twice, file={'path': '/tmp/recorded-vocabulary.txt', 'b64': base64.b64encode(b'a\nb\n').decode()})


def dense_find_of_a_matrix():
  table = raw.MutableDenseHashTableV2(empty_key=I(-1), deleted_key=I(-2), value_dtype=tf.int64, **DENSE)
  raw.LookupTableFindV2(table_handle=table, keys=hidden(I([[1, 2]])), default_value=i64(1))


case('MutableDenseHashTable find of a matrix of keys', dense_find_of_a_matrix)
