"""Code points: decoding, encoding, transcoding, scripts."""
import unicodedata

import numpy as np
import tensorflow as tf

from recorder import case, hidden, raw, strings

GOOD = ['', 'a', 'na\u00efve', '\u65e5\u672c\u8a9e', '\U0001f600!', 'tab\tbell\x07', '\ufeffbom', 'nul\x00x', '\uffff\ufdd0']
# Truncated, overlong, surrogates, too large, lone continuation.
BAD = [b'a\xffb', b'\xe6\x97', b'\xc0\xafx', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\x80\x80', b'\xf0\x9f\x98', b'\xe6\x97a', b'\xf8\x88\x80\x80\x80', b'\xe0\x80\x80', b'\xc3']


def utf(texts, encoding):
  return [t.encode(encoding, 'surrogatepass') for t in texts]


INPUTS = [
    ('UTF-8', [t.encode() for t in GOOD], BAD),
    ('UTF-16-BE', utf(GOOD, 'utf-16-be'), [b'\xd8\x00', b'\xd8\x00\x00a', b'\xdc\x00', b'a', b'\x00a\x00', b'\x00a\xdc\x00\x00b']),
    ('UTF-32-BE', utf(GOOD, 'utf-32-be'), [b'\x00\x11\x00\x00', b'\x00\x00\xd8\x00', b'\x00\x00', b'\x00\x00\x00a\x00']),
    ('US-ASCII', [b'', b'abc'], [b'a\xe9b']),
    ('ISO-8859-1', [b'', b'abc', b'\xe9\x80\xff'], []),
    ('windows-1252', [b'\x80\x93x\x94'], []),
    ('shift_jis', ['\u65e5\u672c\u8a9e abc'.encode('shift_jis')], []),
    ('UTF-16', [b'\xfe\xff\x00a', b'\xff\xfea\x00'], []),
    ('UTF-16-LE', utf(GOOD, 'utf-16-le'), []),
    ('KOI8-R', ['\u0434\u0430'.encode('koi8-r')], []),
    ('gb18030', ['\u4f60\u597d'.encode('gb18030')], []),
]
for encoding, good, bad in INPUTS:
  case(f'UnicodeDecodeWithOffsets {encoding}', lambda e=encoding, g=good: raw.UnicodeDecodeWithOffsets(input=strings(g), input_encoding=e))
  case(f'UnicodeTranscode {encoding} to UTF-8', lambda e=encoding, g=good: raw.UnicodeTranscode(input=strings(g), input_encoding=e, output_encoding='UTF-8'))
  if encoding.startswith('UTF') and encoding in ('UTF-8', 'UTF-16-BE', 'UTF-32-BE') or encoding == 'US-ASCII':
    for errors in ('replace', 'ignore'):
      for op in ('UnicodeDecode', 'UnicodeDecodeWithOffsets'):
        case(f'{op} malformed {encoding}, {errors}', lambda e=encoding, b=bad, r=errors, op=op: getattr(raw, op)(input=strings(b), input_encoding=e, errors=r, replacement_char=0x2A))
      case(f'UnicodeTranscode malformed {encoding}, {errors}', lambda e=encoding, b=bad, r=errors: raw.UnicodeTranscode(input=strings(b), input_encoding=e, output_encoding='UTF-8', errors=r))
    case(f'UnicodeDecode malformed {encoding}, strict', lambda e=encoding, b=bad: raw.UnicodeDecode(input=strings(b[:1]), input_encoding=e, errors='strict'))
    case(f'UnicodeTranscode malformed {encoding}, strict', lambda e=encoding, b=bad: raw.UnicodeTranscode(input=strings(b[:1]), input_encoding=e, output_encoding='UTF-8', errors='strict'))
for output in ('UTF-8', 'UTF-16-BE', 'UTF-32-BE'):
  case(f'UnicodeTranscode UTF-8 to {output}', lambda o=output: raw.UnicodeTranscode(input=strings([[t.encode() for t in GOOD]]), input_encoding='UTF-8', output_encoding=o))
  case(f'UnicodeTranscode malformed to {output}', lambda o=output: raw.UnicodeTranscode(input=strings(BAD), input_encoding='UTF-8', output_encoding=o, replacement_char=0x1F600))
for errors in ('replace', 'ignore', 'strict'):
  case(f'UnicodeTranscode of control characters, {errors}', lambda r=errors: raw.UnicodeTranscode(input=strings(['a\tb\n\x00\x1f ']), input_encoding='UTF-8', output_encoding='UTF-8', errors=r, replace_control_characters=True, replacement_char=ord(' ')))
  case(f'UnicodeDecode of control characters, {errors}', lambda r=errors: raw.UnicodeDecodeWithOffsets(input=strings(['a\tb']), input_encoding='UTF-8', errors=r, replace_control_characters=True))
case('UnicodeDecode of a matrix', lambda: raw.UnicodeDecode(input=[['ab', ''], ['c', '\u65e5']], input_encoding='UTF-8'))
case('UnicodeDecode of a scalar', lambda: raw.UnicodeDecode(input='ab', input_encoding='UTF-8'))
case('UnicodeDecode with int32 splits', lambda: raw.UnicodeDecode(input=['ab', 'c'], input_encoding='UTF-8', Tsplits=tf.int32))
case('UnicodeDecode of an unknown encoding', lambda: raw.UnicodeDecode(input=['ab'], input_encoding='no-such-encoding'))
case('UnicodeTranscode of an unknown encoding', lambda: raw.UnicodeTranscode(input=['ab'], input_encoding='no-such-encoding', output_encoding='UTF-8'))
case('UnicodeTranscode with a replacement that is none', lambda: raw.UnicodeTranscode(input=['ab'], input_encoding='UTF-8', output_encoding='UTF-8', replacement_char=0x110000))

POINTS = [72, 0x65E5, 0x1F600, 0, 0xE9, 97]
for output in ('UTF-8', 'UTF-16-BE', 'UTF-32-BE'):
  case(f'UnicodeEncode to {output}', lambda o=output: raw.UnicodeEncode(input_values=POINTS, input_splits=np.int64([0, 2, 2, 6]), output_encoding=o))
  for errors in ('replace', 'ignore'):
    case(f'UnicodeEncode of what are no characters to {output}, {errors}', lambda o=output, r=errors: raw.UnicodeEncode(
        input_values=[0xD800, 97, 0x110000, -1, 0xFFFE, 0xFDD0, 0xFFFF, 0x10FFFF], input_splits=np.int64([0, 8]), output_encoding=o, errors=r))
case('UnicodeEncode of what are no characters, strict', lambda: raw.UnicodeEncode(input_values=[0xD800], input_splits=np.int64([0, 1]), output_encoding='UTF-8', errors='strict'))
case('UnicodeEncode with int32 splits', lambda: raw.UnicodeEncode(input_values=POINTS, input_splits=[0, 6], output_encoding='UTF-8'))
for title, splits in (('past the values', [0, 9]), ('that fall', [0, 4, 2, 6]), ('that do not start at 0', [1, 6]), ('that end early', [0, 3]), ('that are missing', [])):
  case(f'UnicodeEncode with splits {title}', lambda s=splits: raw.UnicodeEncode(input_values=hidden(np.int32(POINTS)), input_splits=hidden(np.int64(s)), output_encoding='UTF-8'))

SCRIPTS = [1, 33304, 65, 0x3B1, 0x434, 0x5D0, 0x627, 0x905, 0xE01, 0x3042, 0x30A2, 0x4E2D, 0xAC00, 0x1F600, 0x300, 0x2160, 0x10A0, 0x531, 0x1200, 0x13A0, 0x1780, 0x1820, 0x2C80, 0x10330, 0x1D7D8, 0x20, 0xD800, 0x110000, -1, 0xFFFF, 0xE000, 0x378, 0x1E900, 0x16A40, 0x2C00, 0x1B83, 0xA980, 0x10900, 0x12000, 0x13000]
case('UnicodeScript', lambda: raw.UnicodeScript(input=[SCRIPTS]))
# TensorFlow's ICU is of 2018: characters that came later have no script there.
OLD = [c for c in range(0, 0x30000, 61) if unicodedata.ucd_3_2_0.category(chr(c)) != 'Cn']
case('UnicodeScript of the first planes', lambda: raw.UnicodeScript(input=np.int32(OLD)))
