"""Strings: joining, splitting, case, substrings, numbers as text and back, hashes, formatting."""
import numpy as np
import tensorflow as tf

from recorder import case, hidden, raw, strings

BAD = b'\xff\xfeab\x80'
MIXED = ['', 'a', ' Hello\tWorld \n', 'na\u00efve \u00c9COLE', '\u65e5\u672c\u8a9e', '\U0001f600x', '\u0130STANBUL \u00df \u03a3\u03a3', b'nul\x00byte', BAD]

# ---- joining
case('StringJoin', lambda: raw.StringJoin(inputs=[strings(['a', 'b']), strings(['c', '']), strings(['e', 'f'])], separator='-'))
case('StringJoin with scalars', lambda: raw.StringJoin(inputs=[strings('x'), strings([['c', 'd']]), strings('')]))
case('StringJoin of scalars alone', lambda: raw.StringJoin(inputs=[strings('x'), strings('y')], separator=', '))
case('StringJoin of different shapes', lambda: raw.StringJoin(inputs=[hidden(['a', 'b']), hidden(['a', 'b', 'c'])]))
ABC = [['a', 'b', 'c'], ['d', 'e', 'f']]
for axes in ([0], [1], [-1], [0, 1], [1, 0], []):
  for keep in (False, True):
    case(f'ReduceJoin along {axes}, keep_dims {keep}', lambda axes=axes, keep=keep: raw.ReduceJoin(
        inputs=ABC, reduction_indices=tf.constant(axes, tf.int32), keep_dims=keep, separator='.'))
case('ReduceJoin along a scalar axis', lambda: raw.ReduceJoin(inputs=ABC, reduction_indices=1))
case('ReduceJoin of rank 3', lambda: raw.ReduceJoin(inputs=[[['a', 'b'], ['c', 'd']], [['e', 'f'], ['g', 'h']]], reduction_indices=[2, 0]))
case('ReduceJoin of nothing', lambda: raw.ReduceJoin(inputs=tf.zeros([2, 0], tf.string), reduction_indices=[1], separator=','))
case('ReduceJoin of a scalar', lambda: raw.ReduceJoin(inputs='a', reduction_indices=tf.constant([], tf.int32)))
case('ReduceJoin along an axis twice', lambda: raw.ReduceJoin(inputs=ABC, reduction_indices=hidden(np.int32([1, -1]))))
case('ReduceJoin along an axis out of range', lambda: raw.ReduceJoin(inputs=ABC, reduction_indices=hidden(np.int32([2]))))
case('UnsortedSegmentJoin', lambda: raw.UnsortedSegmentJoin(inputs=['a', 'b', 'c', 'd'], segment_ids=[2, 0, 2, -1], num_segments=3, separator=':'))
case('UnsortedSegmentJoin of rows', lambda: raw.UnsortedSegmentJoin(inputs=ABC, segment_ids=[1, 1], num_segments=2))
case('UnsortedSegmentJoin out of range', lambda: raw.UnsortedSegmentJoin(inputs=['a'], segment_ids=hidden(np.int32([3])), num_segments=3))

# ---- case, white space, length
for op in ('StringLower', 'StringUpper'):
  case(f'{op} of bytes', lambda op=op: getattr(raw, op)(input=MIXED))
  case(f'{op} of UTF-8', lambda op=op: getattr(raw, op)(input=MIXED, encoding='utf-8'))
case('StringStrip', lambda: raw.StringStrip(input=['', '  ', ' a b ', '\t\n\v\f\ra\x00 ', '\u00a0x\u00a0']))
case('StringLength in bytes', lambda: raw.StringLength(input=[MIXED]))
case('StringLength in characters', lambda: raw.StringLength(input=MIXED, unit='UTF8_CHAR'))

# ---- Substr
for unit in ('BYTE', 'UTF8_CHAR'):
  def sub(text, pos, length, unit=unit):
    return lambda: raw.Substr(input=text, pos=pos, len=length, unit=unit)
  WORDS = ['thirteen', 'h\u00e9llo', '\u65e5\u672c\u8a9e\u3067\u3059']
  case(f'Substr {unit}', sub(WORDS, 1, 3))
  case(f'Substr {unit} from the end', sub(WORDS, -3, 2))
  case(f'Substr {unit} past the end', sub(WORDS, 2, 100))
  case(f'Substr {unit} of nothing', sub(WORDS, 0, 0))
  case(f'Substr {unit} at the end', sub(['abc'], 3, 2))
  case(f'Substr {unit} at each own place', sub(WORDS, [0, 1, -2], [2, 3, 1]))
  case(f'Substr {unit} broadcast', sub([['ten', 'eleven'], ['sixteen', 'seventeen']], [[0, 1]], [[2, 3]]))
  case(f'Substr {unit} of one string at many places', sub('thirteen', np.int64([0, 5]), np.int64([2, 3])))
  case(f'Substr {unit} with a negative length', sub(['abc'], 1, -1))
  case(f'Substr {unit} out of range', sub(['abc', ''], 1, 1))
  case(f'Substr {unit} out of range at the front', sub(['abc'], -4, 1))
  case(f'Substr {unit} of shapes that do not fit', lambda unit=unit: raw.Substr(input=hidden(['a', 'b', 'c']), pos=hidden(np.int32([0, 0])), len=hidden(np.int32([1, 1])), unit=unit))
case('Substr of malformed UTF-8', lambda: raw.Substr(input=[BAD, b'\xe6\x97'], pos=0, len=1, unit='UTF8_CHAR'))

# ---- splitting
TEXTS = ['hello world', ' a  b c ', '', ' ', 'x\ty\nz', '\u65e5 \u672c']
case('StringSplit at blanks', lambda: raw.StringSplit(input=TEXTS, delimiter=' '))
case('StringSplit keeps empty pieces', lambda: raw.StringSplit(input=TEXTS, delimiter=' ', skip_empty=False))
case('StringSplit at any of several', lambda: raw.StringSplit(input=['a,b;c', ',;', 'abc'], delimiter=';,', skip_empty=False))
case('StringSplit into bytes', lambda: raw.StringSplit(input=['abc', '', 'd'], delimiter=''))
case('StringSplit into bytes, keeping empty pieces', lambda: raw.StringSplit(input=['abc', '', 'd'], delimiter='', skip_empty=False))
case('StringSplit of no strings', lambda: raw.StringSplit(input=tf.constant([], tf.string), delimiter=' '))
for limit in (-1, 0, 1, 2, 100):
  case(f'StringSplitV2 at white space, at most {limit}', lambda n=limit: raw.StringSplitV2(input=TEXTS, sep='', maxsplit=n))
  case(f'StringSplitV2 at a separator, at most {limit}', lambda n=limit: raw.StringSplitV2(input=['1<>2<>3', '<>4<>5<><>6<>', '', '<'], sep='<>', maxsplit=n))
case('StringSplitV2 of a matrix', lambda: raw.StringSplitV2(input=hidden([['a']]), sep=''))

# ---- n-grams
def ngrams(data, splits, **kwargs):
  return lambda: raw.StringNGrams(data=strings(data), data_splits=tf.constant(splits, tf.int64), **{
      'separator': '|', 'ngram_widths': [2], 'left_pad': '', 'right_pad': '', 'pad_width': 0,
      'preserve_short_sequences': False, **kwargs})


WORDS, SPLITS = ['aa', 'bb', 'cc', 'dd', 'ee', 'ff'], [0, 4, 4, 6]
case('StringNGrams of two', ngrams(WORDS, SPLITS))
case('StringNGrams of one and three', ngrams(WORDS, SPLITS, ngram_widths=[1, 3]))
case('StringNGrams padded', ngrams(WORDS, SPLITS, ngram_widths=[3], left_pad='L', right_pad='R', pad_width=-1))
case('StringNGrams padded by one', ngrams(WORDS, SPLITS, ngram_widths=[3, 2], left_pad='L', right_pad='R', pad_width=1))
case('StringNGrams of short sequences', ngrams(WORDS, SPLITS, ngram_widths=[5]))
case('StringNGrams of short sequences, preserved', ngrams(WORDS, SPLITS, ngram_widths=[5], preserve_short_sequences=True))
case('StringNGrams of short sequences, padded and preserved', ngrams(WORDS, SPLITS, ngram_widths=[7], left_pad='L', right_pad='R', pad_width=1, preserve_short_sequences=True))
case('StringNGrams of nothing', ngrams([], [0]))
case('StringNGrams with int32 splits', lambda: raw.StringNGrams(data=strings(WORDS), data_splits=[0, 6], separator=' ', ngram_widths=[2], left_pad='', right_pad='', pad_width=0, preserve_short_sequences=False))
case('StringNGrams with splits past the data', lambda: raw.StringNGrams(data=hidden(WORDS), data_splits=hidden(np.int64([0, 9])), separator=' ', ngram_widths=[2], left_pad='', right_pad='', pad_width=0, preserve_short_sequences=False))
case('StringNGrams with splits that fall', lambda: raw.StringNGrams(data=hidden(WORDS), data_splits=hidden(np.int64([0, 4, 3, 6])), separator=' ', ngram_widths=[2], left_pad='', right_pad='', pad_width=0, preserve_short_sequences=False))
case('StringNGrams with splits that do not start at 0', lambda: raw.StringNGrams(data=hidden(WORDS), data_splits=hidden(np.int64([1, 6])), separator=' ', ngram_widths=[2], left_pad='', right_pad='', pad_width=0, preserve_short_sequences=False))

# ---- numbers as text
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.5, 2.5, 1e-5, 123456789.0, 1e20, 1e-30, 0.1, 3.14159274, np.inf, -np.inf, np.nan, 65504.0]
for dtype in (tf.float32, tf.float64, tf.float16, tf.bfloat16):
  for more in ({}, {'precision': 0}, {'precision': 3}, {'scientific': True}, {'shortest': True}, {'scientific': True, 'precision': 2}, {'shortest': True, 'precision': 3}, {'width': 12, 'precision': 2}, {'width': 12, 'fill': '0'}, {'width': 12, 'fill': '-'}, {'fill': '+'}, {'fill': ' '}, {'fill': '#', 'precision': 0}, {'fill': '#', 'shortest': True}):
    if dtype != tf.float32 and more.get('width'):
      continue
    values = [v for v in FLOATS if dtype != tf.float16 or not 1e5 < abs(v) < np.inf]
    case(f'AsString {dtype.name} {more}', lambda d=dtype, m=more, v=values: raw.AsString(input=tf.constant(v, d), **m))
case('AsString float64 of large and small numbers', lambda: raw.AsString(input=tf.constant([1e300, -1e-300, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1e22], tf.float64)))
case('AsString float64 with many digits', lambda: raw.AsString(input=tf.constant([0.1, 1 / 3, 1e15 + 0.3], tf.float64), precision=25))
case('AsString scientific halves', lambda: raw.AsString(input=tf.constant([2.5, 3.5, 0.125, 1e5, 9.5], tf.float64), scientific=True, precision=0))
for dtype in (tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64):
  for more in ({}, {'width': 6}, {'width': 6, 'fill': '0'}, {'width': 6, 'fill': '-'}, {'width': 6, 'fill': '+'}, {'fill': ' '}):
    info = [dtype.max, dtype.min, 0, 42]
    if more and dtype not in (tf.int32, tf.int64, tf.uint8):
      continue
    case(f'AsString {dtype.name} {more}', lambda d=dtype, m=more, v=info: raw.AsString(input=tf.constant(v, d), **m))
case('AsString bool', lambda: raw.AsString(input=[True, False]))
case('AsString bool with a width', lambda: raw.AsString(input=[True, False], width=8))
for dtype in (tf.complex64, tf.complex128):
  case(f'AsString {dtype.name}', lambda d=dtype: raw.AsString(input=tf.constant([1 + 2j, -0.5j, np.nan + 1j], d)))
  case(f'AsString {dtype.name} shortest', lambda d=dtype: raw.AsString(input=tf.constant([1 + 2j, -0.5j], d), shortest=True))
case('AsString string', lambda: raw.AsString(input=['a', '\u65e5', '']))
case('AsString string with a width', lambda: raw.AsString(input=['a', '\u65e5', 'longer'], width=4))
case('AsString string with a width, to the left', lambda: raw.AsString(input=['a', 'longer'], width=4, fill='-'))
for title, more in (('both notations', {'scientific': True, 'shortest': True}), ('a fill of two characters', {'fill': 'ab'}), ('a fill that printf does not know', {'fill': 'x'})):
  case(f'AsString with {title}', lambda m=more: raw.AsString(input=[1.0], **m))
case('AsString int32 with a precision', lambda: raw.AsString(input=[1], precision=2))
case('AsString int32 in scientific notation', lambda: raw.AsString(input=[1], scientific=True))
case('AsString int32 shortest', lambda: raw.AsString(input=[1], shortest=True))

# ---- text as numbers
NUMBERS = ['1', '+1', ' 1 ', '\t1\n', '1.5', '.5', '5.', '1e3', '1E+3', '0x1A', '0x1p3', '0x.8', '-0x1.8P-1', 'inf', '-INF', 'Infinity', '+inf', 'nan', 'NaN', '-nan', 'nan(1)',
           '1e400', '-1e400', '1e-400', '123456789012345678901234567890', '0.1000000000000000055511151231257827', '3.5e38', '16777217', '\x0b1', '1.e2', '-0', '1e-45', '7e-46']
for dtype in (tf.float32, tf.float64):
  case(f'StringToNumber {dtype.name}', lambda d=dtype: raw.StringToNumber(string_tensor=NUMBERS, out_type=d))
  for bad in ('', '  ', '1e', '1 2', '1_0', '1f', '--1', '+-1', '0b1', '\u0663', '1\x00', '0x', '..1', '+', '.', '1,0', 'infin', 'nan(', 'e5'):
    case(f'StringToNumber {dtype.name} of {bad!r}', lambda d=dtype, b=bad: raw.StringToNumber(string_tensor=['1', b], out_type=d))
LIMITS = {tf.int32: 2**31, tf.int64: 2**63}
for dtype in (tf.int32, tf.int64):
  case(f'StringToNumber {dtype.name}', lambda d=dtype: raw.StringToNumber(string_tensor=['1', '+1', ' 1 ', '\t1\n', '010', '-0', '00000000000000000000000000000005', str(d.max), str(d.min)], out_type=d))
for dtype in (tf.uint32, tf.uint64):
  case(f'StringToNumber {dtype.name}', lambda d=dtype: raw.StringToNumber(string_tensor=['1', '+1', ' 1 ', '010', str(d.max)], out_type=d))
for dtype in (tf.int32, tf.int64, tf.uint32, tf.uint64):
  for bad in ('', '1.0', '0x10', '1 2', '--1', '+', '1e2', str(dtype.max + 1), str(dtype.min - 1), '99999999999999999999999999'):
    case(f'StringToNumber {dtype.name} of {bad!r}', lambda d=dtype, b=bad: raw.StringToNumber(string_tensor=[b], out_type=d))
for bad in ('-0', '-1'):
  case(f'StringToNumber uint32 of {bad!r}', lambda b=bad: raw.StringToNumber(string_tensor=[b], out_type=tf.uint32))

# ---- hashes
LENGTHS = ['', 'a', 'ab', 'abc', 'abcd', 'seven77', 'eight888', 'nine99999', 'sixteen16sixteen', 'seventeen17seven7'] + [
    ''.join(chr(33 + (i * 7 + n) % 90) for i in range(n)) for n in (23, 31, 32, 33, 47, 63, 64, 65, 96, 127, 128, 129, 200, 1000)] + ['\u65e5\u672c', BAD]
for buckets in (1, 10, 1000, 2**31, 2**40 + 7, 2**63 - 1):
  case(f'StringToHashBucketFast, {buckets} buckets', lambda b=buckets: raw.StringToHashBucketFast(input=[LENGTHS], num_buckets=b))
  case(f'StringToHashBucket, {buckets} buckets', lambda b=buckets: raw.StringToHashBucket(string_tensor=LENGTHS, num_buckets=b))
  case(f'StringToHashBucketStrong, {buckets} buckets', lambda b=buckets: raw.StringToHashBucketStrong(input=LENGTHS, num_buckets=b, key=[123456789012345, -987654321]))
case('StringToHashBucketStrong with a key of one number', lambda: raw.StringToHashBucketStrong(input=['a'], num_buckets=7, key=[1]))
case('Fingerprint of strings', lambda: raw.Fingerprint(data=strings(LENGTHS), method='farmhash64'))
case('Fingerprint of rows of strings', lambda: raw.Fingerprint(data=[['a', 'b'], ['c', '']], method='farmhash64'))
case('Fingerprint of rows of numbers', lambda: raw.Fingerprint(data=np.arange(24, dtype=np.float32).reshape(3, 4, 2), method='farmhash64'))
case('Fingerprint of int64', lambda: raw.Fingerprint(data=np.int64([1, -1, 2**40]), method='farmhash64'))
case('Fingerprint by an unknown method', lambda: raw.Fingerprint(data=['a'], method=hidden('md5')))
case('Fingerprint of a scalar', lambda: raw.Fingerprint(data=hidden('a'), method='farmhash64'))

# ---- StringFormat
F = np.float32
case('StringFormat of scalars', lambda: raw.StringFormat(inputs=[tf.constant(1), tf.constant(2.5), tf.constant('text'), tf.constant(True)], template='a {} b {} c {} d {}', placeholder='{}'))
case('StringFormat of a vector', lambda: raw.StringFormat(inputs=[tf.constant(np.arange(20))], template='{}', placeholder='{}', summarize=3))
case('StringFormat of all of a vector', lambda: raw.StringFormat(inputs=[tf.constant([1, 2, 3, 4, 5])], template='<{}>', placeholder='{}', summarize=-1))
case('StringFormat of a matrix', lambda: raw.StringFormat(inputs=[tf.constant(np.arange(64).reshape(8, 8))], template='{}', placeholder='{}'))
case('StringFormat of rank 3', lambda: raw.StringFormat(inputs=[tf.constant(np.arange(8).reshape(2, 2, 2))], template='{}', placeholder='{}', summarize=1))
case('StringFormat of strings', lambda: raw.StringFormat(inputs=[tf.constant(['a', 'b\n"', '\u65e5'])], template='{}', placeholder='{}'))
case('StringFormat of nothing', lambda: raw.StringFormat(inputs=[tf.zeros([0, 3])], template='{}', placeholder='{}'))
case('StringFormat of floats', lambda: raw.StringFormat(inputs=[tf.constant(F([0.1, 1e10, 1 / 3, 1e-7, 100000, 16777216, 123456.789, -0.0, np.nan, -np.inf]))], template='{}', placeholder='{}', summarize=-1))
case('StringFormat of doubles', lambda: raw.StringFormat(inputs=[tf.constant([0.1, 1e10, 1 / 3, 1e-7, 123456789.125, 1e300, 1e16], tf.float64)], template='{}', placeholder='{}', summarize=-1))
case('StringFormat of halves', lambda: raw.StringFormat(inputs=[tf.constant([0.1, 2.5], tf.float16), tf.constant([0.1, 2.5], tf.bfloat16)], template='{} {}', placeholder='{}', summarize=-1))
case('StringFormat of bytes and booleans', lambda: raw.StringFormat(inputs=[tf.constant([1, 200], tf.uint8), tf.constant([-1, 5], tf.int8), tf.constant([True, False])], template='{} {} {}', placeholder='{}'))
case('StringFormat of complex numbers', lambda: raw.StringFormat(inputs=[tf.constant([1 + 2j, -0.5j], tf.complex64)], template='{}', placeholder='{}'))
case('StringFormat with percent signs', lambda: raw.StringFormat(inputs=[tf.constant([1])], template='100%% %s %d'))
case('StringFormat without inputs', lambda: raw.StringFormat(inputs=[], template='plain', placeholder='{}'))

# ---- file names
case('ShardedFilename', lambda: raw.ShardedFilename(basename='a/b', shard=3, num_shards=10))
case('ShardedFilespec', lambda: raw.ShardedFilespec(basename='a/b', num_shards=100000))
