"""Bytes into tensors and back: base64, raw, compressed, CSV."""
import gzip
import zlib

import numpy as np
import tensorflow as tf

from recorder import case, hidden, raw, strings

BYTES = [b'', b'a', b'ab', b'abc', bytes(range(256)), b'\xfb\xff\xfe']
for pad in (False, True):
  case(f'EncodeBase64, pad {pad}', lambda p=pad: raw.EncodeBase64(input=strings([BYTES]), pad=p))
case('DecodeBase64', lambda: raw.DecodeBase64(input=['', 'YQ', 'YQ==', 'YWI', 'YWI=', 'YWJj', '-__-']))
for bad in ('Y', 'YQ=', 'Y===', '====', 'YW+/', 'YW J', 'YQ==YQ==', 'YWJjZ', '=', 'YR==', '\u00e9'):
  case(f'DecodeBase64 of {bad!r}', lambda b=bad: raw.DecodeBase64(input=['YWJj', b]))

RAW = bytes(range(1, 25))
for dtype in (tf.uint8, tf.int8, tf.int16, tf.uint16, tf.int32, tf.int64, tf.float16, tf.float32, tf.float64, tf.bool, tf.complex64, tf.complex128, tf.bfloat16):
  data = bytes([0, 1] * 12) if dtype == tf.bool else (np.arange(3 if dtype.size == 8 else 24 // dtype.size).astype(np.float64).astype(dtype.as_numpy_dtype).tobytes() if dtype.is_floating else (RAW if dtype.size < 16 else RAW[:16]))
  case(f'DecodeRaw {dtype.name}', lambda d=dtype, b=data: raw.DecodeRaw(bytes=strings([b, b[::-1]] if not d.is_complex else [b]), out_type=d))
  if dtype not in (tf.bool, tf.complex64, tf.complex128):
    case(f'DecodeRaw {dtype.name}, big-endian', lambda d=dtype, b=data: raw.DecodeRaw(bytes=strings([[b]]), out_type=d, little_endian=False))
case('DecodeRaw of a scalar', lambda: raw.DecodeRaw(bytes=strings(RAW[:4]), out_type=tf.int16))
case('DecodeRaw of empty strings', lambda: raw.DecodeRaw(bytes=strings(['', '']), out_type=tf.int16))
case('DecodeRaw of no strings', lambda: raw.DecodeRaw(bytes=strings([]), out_type=tf.int16))
case('DecodeRaw of different lengths', lambda: raw.DecodeRaw(bytes=strings(['ab', 'abcd']), out_type=tf.int16))
case('DecodeRaw of half an element', lambda: raw.DecodeRaw(bytes=strings(['abc']), out_type=tf.int16))
for dtype in (tf.uint8, tf.int16, tf.int32, tf.int64):
  case(f'DecodePaddedRaw {dtype.name}', lambda d=dtype: raw.DecodePaddedRaw(input_bytes=strings([RAW, RAW[:8], b'']), fixed_length=16, out_type=d))
  case(f'DecodePaddedRaw {dtype.name}, big-endian', lambda d=dtype: raw.DecodePaddedRaw(input_bytes=strings([RAW, RAW[:8]]), fixed_length=16, out_type=d, little_endian=False))
case('DecodePaddedRaw of half an element', lambda: raw.DecodePaddedRaw(input_bytes=strings([RAW[:5]]), fixed_length=8, out_type=tf.int16))
case('DecodePaddedRaw to half an element', lambda: raw.DecodePaddedRaw(input_bytes=strings([RAW]), fixed_length=hidden(np.int32(5)), out_type=tf.int16))
case('DecodePaddedRaw to no length', lambda: raw.DecodePaddedRaw(input_bytes=strings([RAW]), fixed_length=hidden(np.int32(0)), out_type=tf.int16))

TEXT = b'hello hello hello ' * 20
case('DecodeCompressed ZLIB', lambda: raw.DecodeCompressed(bytes=strings([zlib.compress(TEXT), zlib.compress(b'')]), compression_type='ZLIB'))
case('DecodeCompressed GZIP', lambda: raw.DecodeCompressed(bytes=strings([gzip.compress(TEXT, mtime=0)]), compression_type='GZIP'))
case('DecodeCompressed without compression', lambda: raw.DecodeCompressed(bytes=strings([TEXT])))
case('DecodeCompressed of damaged ZLIB', lambda: raw.DecodeCompressed(bytes=strings([b'nonsense']), compression_type='ZLIB'))
case('DecodeCompressed of cut ZLIB', lambda: raw.DecodeCompressed(bytes=strings([zlib.compress(bytes(np.random.RandomState(0).bytes(2000)))[:1000]]), compression_type='ZLIB'))
case('DecodeCompressed by an unknown method', lambda: raw.DecodeCompressed(bytes=strings([TEXT]), compression_type='LZMA'))

ALL = [1.5, np.float64(2.5), np.int32(3), np.int64(4), 'd']


def csv(records, defaults=None, **kwargs):
  def build():
    constants = [tf.constant(np.array([d])) for d in (ALL if defaults is None else defaults)]
    raw.DecodeCSV(records=strings(records), record_defaults=constants, **kwargs)
  return build


case('DecodeCSV of all types', csv(['1.25,2.5,3,4,five', '-1e3,inf,-3,9007199254740993,']))
case('DecodeCSV with defaults', csv([',,,,', '7,,8,,x']))
case('DecodeCSV of a scalar', csv('1,2,3,4,x'))
case('DecodeCSV of a matrix', csv([['1,2,3,4,x'], ['5,6,7,8,y']]))
case('DecodeCSV with quotes', csv(['"1","2.5","3","4","a ""quoted"", word"', '1,2,3,4,"line\nbreak"'], use_quote_delim=True))
case('DecodeCSV without quotes', csv(['1,2,3,4,"x"'], use_quote_delim=False))
case('DecodeCSV by tabs', csv(['1\t2\t3\t4\ta,b'], field_delim='\t'))
case('DecodeCSV with a missing value', csv(['NA,NA,NA,NA,NA'], na_value='NA'))
case('DecodeCSV of chosen columns', csv(['1,2,3,4,x,6'], [np.int32(0), 'd'], select_cols=[2, 4]))
case('DecodeCSV with white space', csv([' 1 , 2 , 3 , 4 , x ']))
case('DecodeCSV with CRLF', csv(['1,2,3,4,x\r\n', '1,2,3,4,x\n']))
REQUIRED = [tf.float32]
case('DecodeCSV without a required field', lambda: raw.DecodeCSV(records=strings(['1,', ',2']), record_defaults=[tf.constant([], tf.float32), tf.constant([0.0])]))
case('DecodeCSV of too few fields', csv(['1,2,3,4']))
case('DecodeCSV of too many fields', csv(['1,2,3,4,5,6']))
case('DecodeCSV of a field that is no integer', csv(['1,2,x,4,5']))
case('DecodeCSV of a field that is no float', csv(['x,2,3,4,5']))
case('DecodeCSV of an integer out of range', csv(['1,2,3000000000,4,5']))
case('DecodeCSV of an unclosed quote', csv(['1,2,3,4,"x']))
case('DecodeCSV of text after a quote', csv(['1,2,3,4,"x"y']))
case('DecodeCSV of a quote within', csv(['1,2,3,4,x"y']))
case('DecodeCSV of nothing', csv(['']))
case('DecodeCSV of no records', csv([]))
