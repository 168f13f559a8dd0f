"""Image files: decoding in every form, encoding."""
import base64
import struct
import zlib

import numpy as np
import tensorflow as tf

from recorder import case, hidden, raw, strings

rng = np.random.RandomState(5)


def picture(height, width, channels, dtype=np.uint8):
  yy, xx = np.mgrid[0:height, 0:width]
  top = np.iinfo(dtype).max
  waves = [top * (0.5 + 0.45 * np.sin(xx / (3 + c) + c) * np.cos(yy / (5 - c % 3))) for c in range(channels)]
  return np.clip(np.stack(waves, -1) + rng.randn(height, width, channels) * top / 60, 0, top).astype(dtype)


def jpeg(height, width, channels=3, **kwargs):
  return tf.io.encode_jpeg(picture(height, width, channels), **kwargs).numpy()


def png(image):
  return tf.io.encode_png(image).numpy()


def chunk(kind, data):
  return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def raw_png(width, height, depth, color, rows, extra=b''):
  """rows: filtered bytes of each line, the filter first."""
  head = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, depth, color, 0, 0, 0))
  return b'\x89PNG\r\n\x1a\n' + head + extra + chunk(b'IDAT', zlib.compress(b''.join(rows))) + chunk(b'IEND', b'')


def bmp(width, height, bits, rows):
  data = b''.join(rows)
  return (b'BM' + struct.pack('<IHHI', 54 + len(data), 0, 0, 54) + struct.pack('<IiiHHIIiiII', 40, width, height, 1, bits, 0, 0, 0, 0, 0, 0) + data)


JPEGS = {
    '4:2:0': jpeg(13, 19), '4:4:4': jpeg(11, 9, chroma_downsampling=False), 'grey': jpeg(12, 10, 1), 'progressive': jpeg(17, 18, progressive=True),
    'of low quality': jpeg(18, 21, quality=15), 'of one pixel': jpeg(1, 1), 'of one column': jpeg(20, 1), 'of one row': jpeg(1, 37),
}
for name, data in JPEGS.items():
  for channels in (0, 1, 3):
    for method in ('', 'INTEGER_ACCURATE'):
      case(f'DecodeJpeg {name}, {channels} channels, {method or "default"}', lambda d=data, c=channels, m=method: raw.DecodeJpeg(contents=strings(d), channels=c, dct_method=m))
  case(f'DecodeJpeg {name} without interpolation', lambda d=data: raw.DecodeJpeg(contents=strings(d), fancy_upscaling=False))
  for ratio in (2, 4, 8):
    case(f'DecodeJpeg {name} at 1/{ratio}', lambda d=data, r=ratio: raw.DecodeJpeg(contents=strings(d), ratio=r))
BIG = jpeg(20, 70)
BIG_444 = jpeg(20, 70, chroma_downsampling=False)
for window in ([0, 0, 20, 70], [5, 16, 9, 20], [5, 16, 9, 21], [0, 32, 20, 16], [3, 7, 1, 1], [16, 48, 4, 22], [1, 15, 6, 33], [19, 69, 1, 1], [7, 31, 9, 3]):
  for method in ('', 'INTEGER_ACCURATE'):
    case(f'DecodeAndCropJpeg {window}, {method or "default"}', lambda w=window, m=method: raw.DecodeAndCropJpeg(contents=strings(BIG), crop_window=w, dct_method=m))
  case(f'DecodeAndCropJpeg {window} of 4:4:4', lambda w=window: raw.DecodeAndCropJpeg(contents=strings(BIG_444), crop_window=w))
  case(f'DecodeAndCropJpeg {window} without interpolation', lambda w=window: raw.DecodeAndCropJpeg(contents=strings(BIG), crop_window=w, fancy_upscaling=False))
  case(f'DecodeAndCropJpeg {window}, grey', lambda w=window: raw.DecodeAndCropJpeg(contents=strings(BIG), crop_window=w, channels=1))
for title, window in (('past the right', [0, 60, 5, 11]), ('past the bottom', [15, 0, 8, 5]), ('of nothing', [0, 0, 0, 5]), ('before the start', [-1, 0, 5, 5])):
  case(f'DecodeAndCropJpeg {title}', lambda w=window: raw.DecodeAndCropJpeg(contents=strings(BIG), crop_window=w))
CUT = JPEGS['4:2:0'][:len(JPEGS['4:2:0']) * 2 // 3]
case('DecodeJpeg of a file that is cut', lambda: raw.DecodeJpeg(contents=strings(CUT)))
case('DecodeJpeg of a file that is cut, recovered', lambda: raw.DecodeJpeg(contents=strings(CUT), try_recover_truncated=True))
case('DecodeJpeg of a file without its end', lambda: raw.DecodeJpeg(contents=strings(JPEGS['grey'][:-2])))
case('DecodeJpeg of a file with more behind it', lambda: raw.DecodeJpeg(contents=strings(JPEGS['grey'] + b'more')))
DAMAGED = bytearray(JPEGS['of low quality'])
DAMAGED[-60:-57] = b'\x12\x34\x56'
case('DecodeJpeg of a damaged file', lambda: raw.DecodeJpeg(contents=strings(bytes(DAMAGED))))
case('DecodeJpeg of 4 channels', lambda: raw.DecodeJpeg(contents=strings(BIG), channels=4))
case('DecodeJpeg of 2 channels', lambda: raw.DecodeJpeg(contents=strings(BIG), channels=2))
case('DecodeJpeg by an unknown method', lambda: raw.DecodeJpeg(contents=strings(BIG), dct_method='SLOW'))
case('DecodeJpeg at 1/3', lambda: raw.DecodeJpeg(contents=strings(BIG), ratio=3))
case('DecodeJpeg of a vector', lambda: raw.DecodeJpeg(contents=hidden([BIG])))
case('DecodeJpeg of nothing', lambda: raw.DecodeJpeg(contents=strings('')))
case('DecodeJpeg of text', lambda: raw.DecodeJpeg(contents=strings('no image')))
case('DecodeImage of a JPEG as uint16', lambda: raw.DecodeImage(contents=strings(BIG), dtype=tf.uint16))
case('DecodeImage of a JPEG as float', lambda: raw.DecodeImage(contents=strings(BIG), dtype=tf.float32))
case('DecodeGif of a JPEG', lambda: raw.DecodeGif(contents=strings(JPEGS['grey'])))
for dtype in (tf.int32, tf.int64):
  case(f'ExtractJpegShape {dtype.name}', lambda d=dtype: raw.ExtractJpegShape(contents=strings(JPEGS['grey']), output_type=d))
case('ExtractJpegShape of a PNG', lambda: raw.ExtractJpegShape(contents=strings(A_PNG)))

PNGS = {f'of {c} channels, {np.dtype(t).itemsize * 8} bits': png(picture(7, 9, c, t)) for c in (1, 2, 3, 4) for t in (np.uint8, np.uint16)}
PALETTE = chunk(b'PLTE', bytes(range(0, 48)))
PNGS.update({
    'of 1 bit': raw_png(9, 2, 1, 0, [b'\0\xa5\x80', b'\0\x5a\x00']), 'of 2 bits': raw_png(5, 1, 2, 0, [b'\0\x1b\x40']), 'of 4 bits': raw_png(3, 2, 4, 0, [b'\0\x0f\x80', b'\2\x11\x10']),
    'of a palette of 4 bits': raw_png(3, 1, 4, 3, [b'\0\x1f\x20'], PALETTE), 'of a palette of 8 bits': raw_png(3, 1, 8, 3, [b'\0\x01\x0f\x02'], PALETTE), 'of a palette with alpha': raw_png(3, 1, 8, 3, [b'\0\x01\x0f\x00'], PALETTE + chunk(b'tRNS', b'\x10\x80')),
    'grey with a transparent shade': raw_png(3, 1, 8, 0, [b'\0\x01\x0f\x02'], chunk(b'tRNS', b'\0\x0f')), 'colour with a transparent one': raw_png(2, 1, 8, 2, [b'\0\1\2\3\4\5\6'], chunk(b'tRNS', b'\0\4\0\5\0\6')),
    'with all filters': raw_png(4, 5, 8, 2, [bytes([f]) + bytes(rng.randint(0, 256, 12).astype(np.uint8)) for f in range(5)]),
})
for name, data in PNGS.items():
  for channels in (0, 1, 3, 4):
    case(f'DecodePng {name} to {channels} channels', lambda d=data, c=channels: raw.DecodePng(contents=strings(d), channels=c))
  case(f'DecodePng {name} as uint16', lambda d=data: raw.DecodePng(contents=strings(d), dtype=tf.uint16))
  case(f'DecodeImage {name} as float', lambda d=data: raw.DecodeImage(contents=strings(d), dtype=tf.float32))
  case(f'DecodePng {name} to grey, as uint16', lambda d=data: raw.DecodePng(contents=strings(d), channels=1, dtype=tf.uint16))
A_PNG = PNGS['of 3 channels, 8 bits']
case('DecodePng of a file that is cut', lambda: raw.DecodePng(contents=strings(A_PNG[:60])))
case('DecodePng of damaged pixels', lambda: raw.DecodePng(contents=strings(A_PNG[:50] + b'xxxx' + A_PNG[54:])))
case('DecodePng of too few pixels', lambda: raw.DecodePng(contents=strings(raw_png(3, 3, 8, 0, [b'\0abc', b'\0abc']))))
case('DecodePng of an unknown filter', lambda: raw.DecodePng(contents=strings(raw_png(3, 1, 8, 0, [b'\x07abc']))))
case('DecodePng of no such depth', lambda: raw.DecodePng(contents=strings(raw_png(3, 1, 4, 2, [b'\0abcabc']))))
case('DecodePng of no pixels', lambda: raw.DecodePng(contents=strings(raw_png(0, 1, 8, 0, [b'\0']))))
case('DecodeJpeg of a PNG', lambda: raw.DecodeJpeg(contents=strings(A_PNG)))
case('DecodeBmp of a PNG', lambda: raw.DecodeBmp(contents=strings(A_PNG)))
case('DecodeAndCropJpeg of a PNG', lambda: raw.DecodeAndCropJpeg(contents=strings(A_PNG), crop_window=[0, 0, 1, 1]))

ROWS24 = [bytes(range(9)) + b'\0\0\0', bytes(range(20, 29)) + b'\0\0\0']
BMPS = {'of 24 bits': bmp(3, 2, 24, ROWS24), 'from the top': bmp(3, -2, 24, ROWS24), 'of 8 bits': bmp(3, 2, 8, [b'abc\0', b'def\0']), 'of 32 bits': bmp(2, 2, 32, [bytes(range(8)), bytes(range(10, 18))]), 'without its last padding': bmp(3, 2, 24, ROWS24)[:-3]}
for name, data in BMPS.items():
  for channels in (0, 3, 4):
    case(f'DecodeBmp {name} to {channels} channels', lambda d=data, c=channels: raw.DecodeBmp(contents=strings(d), channels=c))
case('DecodeImage of a BMP as float', lambda: raw.DecodeImage(contents=strings(BMPS['of 24 bits']), dtype=tf.float32))
case('DecodeBmp of one channel', lambda: raw.DecodeBmp(contents=strings(BMPS['of 8 bits']), channels=1))
case('DecodeBmp of a file that is cut', lambda: raw.DecodeBmp(contents=strings(BMPS['of 24 bits'][:70])))
case('DecodeBmp of a header that is cut', lambda: raw.DecodeBmp(contents=strings(b'BM123')))
case('DecodeBmp of 4 bits', lambda: raw.DecodeBmp(contents=strings(bmp(3, 2, 4, [b'abcd'] * 2))))
case('DecodeJpeg of a BMP', lambda: raw.DecodeJpeg(contents=strings(BMPS['of 24 bits'])))


def gif(frames, width=4, height=3, transparent=None):
  """frames: (left, top, width, height, indices). LZW of 3-bit codes with a clear code after each two pixels."""
  out = b'GIF89a' + struct.pack('<HHBBB', width, height, 0x91, 0, 0) + bytes([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
  for left, top, w, h, indices in frames:
    if transparent is not None:
      out += b'\x21\xf9\x04' + bytes([1, 0, 0, transparent]) + b'\0'
    bits = ''
    for i, index in enumerate(indices):
      bits = (f'{index:03b}' if i % 2 else f'{index:03b}' + '100') + bits
    bits = '101' + bits
    data = int(bits, 2).to_bytes((len(bits) + 7) // 8, 'little')
    out += b'\x2c' + struct.pack('<HHHHB', left, top, w, h, 0) + b'\x02' + bytes([len(data)]) + data + b'\0'
  return out + b'\x3b'


FULL = (0, 0, 4, 3, [0, 1, 2, 3] * 3)
GIFS = {
    'of one frame': gif([FULL]), 'of frames': gif([FULL, (0, 0, 4, 3, [3, 2, 1, 0] * 3)]), 'with a part': gif([FULL, (1, 1, 2, 1, [3, 3])]),
    'with transparent pixels': gif([(0, 0, 4, 3, [1] * 12), (0, 0, 4, 3, [2, 0, 2, 0] * 3)], transparent=2), 'whose first frame is a part': gif([(1, 1, 3, 2, [1, 2, 3] * 2), FULL]), 'that starts transparent': gif([FULL], transparent=1),
}
for name, data in GIFS.items():
  case(f'DecodeGif {name}', lambda d=data: raw.DecodeGif(contents=strings(d)))
  case(f'DecodeImage of a GIF {name}', lambda d=data: raw.DecodeImage(contents=strings(d)))
  case(f'DecodeImage of a GIF {name}, first frame', lambda d=data: raw.DecodeImage(contents=strings(d), expand_animations=False))
  case(f'DecodePng of a GIF {name}', lambda d=data: raw.DecodePng(contents=strings(d)))
case('DecodeGif of a file that is cut', lambda: raw.DecodeGif(contents=strings(GIFS['of one frame'][:40])))
case('DecodeGif of a header alone', lambda: raw.DecodeGif(contents=strings(b'GIF89a' + b'\0' * 7)))
case('DecodeImage of a GIF to one channel', lambda: raw.DecodeImage(contents=strings(GIFS['of one frame']), channels=1))

# TensorFlow writes no WebP: these were made by libwebp's own tools.
WEBPS = {
    'lossy': 'UklGRlIAAABXRUJQVlA4IEYAAACwAQCdASoJAAcAAgA0JQBOgB5vdwsAAP7yFcq93w5bkfTktskikAxt7chD9+seMG+/8G8KeUWh+W0bhofr/f1+/nMM8AAA',
    'alpha': 'UklGRj4BAABXRUJQVlA4TDIBAAAvCIABEO/hOpJtJcLd9c8dMiNjMnCXtbsvDrYBAJYJats3eOv/f3S2TbYBALZI74lyg42vzA61usLUOylOY9t2KpKKCo1GIamWSigDtfXT5LB/UOFn7UETKNdEkrsazxVK9lhX/mUe94YOsgdcfMkDjLug+Q+BB4g0BVvMnwIE4qNgDwE9CLgB8EZ+v+ePPF5A/OCzU7WUkeJ1TdMzALtdpDVJyLs46a1xHUgqela8IYoqvCZS40PBU2u2FjLOF6+JzJ+yEAYluoktMQS4kJr5N0TeT90+u9+H38+bh3450SLA3/hqWsdJvOTRH7eK8GdDdaMqIcEwAMCi2WXbtm0X0f/4o+DZF9C3X+jf2wx1zRt71zrBQ53Y7nmMCFYZJscyNEUSuqYqsiQKPIqXRZ6llgM=',
    'animated': 'UklGRmADAABXRUJQVlA4WAoAAAASAAAABwAABQAAQU5JTQYAAAD/////AABBTk1GDgEAAAAAAAAAAAcAAAUAADIAAAJWUDhM9QAAAC8HQAEQd8EwkmRTdc/f9v8RvPxz+rYVB+NIspV8N9wtBE7kQ+Ik4O4nfrGOJNvU9bPNBG4CL/9I3q9tFZtIkq1k78HG/BWMHHSgBYEXn4iJo6iLiyESi6qJpRW9mKvHlQsafeGjLEn/+JZf3qYcYbQ1z/4AnodhYOWBn4I1gUICwQhCAYj8mEIY3yMUhP174Y1N72yT9NlV+eO4FzmLQF8l5o3Z7zIK29RLcb6kwghr2UhKoLjhzTC2fpetvKccrVUB8DWBIRgGAFg0ORvZtovof/znPvaSg+/Yhk4w+F7r1CqKnnuZG01wnhVlZayrfRBGcZICAEFOTUYMAQAAAAAAAAAABwAABQAAMgAAAlZQOEz0AAAALwdAARB3wSiSJEW7e8z3Y3yifymngZlvYnSwEQDAyClrqskjf9TH221bTCNJVvWYP6kXxfM//xy+RsXMVEwj2YrkOL5Cn3o0miAIZ0PdSEZHFMWfiEhYlAmXi4JWlra7XObX//nNf3ePEQsXMgv37UDLW0bCoMSbWLvicksge6iXk+xXLQOFpcP7/zKLHiM/hLwgegDw8n8fHzOnawX8K4NsCvE2qEChBmkT9EpO62XKYhM/5+cnEd/aidtdAZlw5Y5GAT6CYQCARZOzkW27iP7Hf36AKx9txwuZdOG6P4gKGyzXjYk28dx2/TBOSZbmRVnVDUFOTUYKAQAAAAAAAAAABwAABQAAMgAAAlZQOEzxAAAALwdAARB3wTaybSW4u0au/ffCkLtEHsGFOthGtq3kC+7ZDwm9/5weKIIf4f6EaQCASebuQ/5v3KOdSHdnGtm2kx9QT6OiPv1X80oggzo6uqH5H/jiuM6Y5y1+W6bvFurayCpqM363BF6GmG3abqv9kp1r6cNLAbWG8cai/H+i2k/bynNuE/VesfiQqPp73x+rUo+BEcH9BkkoFI8jRRA+eSCjHfgL9w4miIeXXgCA74cQQCCRYhZoT/tzcMynkv+y7i8YBgBYNDkb2baL6H/8eeQVB1+ZhU4y+BZpYAVFT5XERhN8103b9cM4XfOybvtxAgA=',
}
for name, data in WEBPS.items():
  for op in ('DecodeWebP', 'DecodeImage'):
    for channels in (0, 1, 3, 4):
      case(f'{op} of a WebP, {name}, {channels} channels', lambda d=data, c=channels, op=op: getattr(raw, op)(contents=strings(base64.b64decode(d)), channels=c))
  case(f'DecodeImage of a WebP, {name}, first frame', lambda d=data: raw.DecodeImage(contents=strings(base64.b64decode(d)), expand_animations=False))
  case(f'DecodeJpeg of a WebP, {name}', lambda d=data: raw.DecodeJpeg(contents=strings(base64.b64decode(d))))
case('DecodeImage of a WebP as float', lambda: raw.DecodeImage(contents=strings(base64.b64decode(WEBPS['lossy'])), dtype=tf.float32))

# ---- encoding
COLOUR, GREY = picture(11, 17, 3), picture(9, 5, 1)
for title, kwargs in {'': {}, 'of quality 50': {'quality': 50}, 'of quality 0': {'quality': 0}, 'of quality 100': {'quality': 100}, 'without downsampling': {'chroma_downsampling': False}, 'progressive': {'progressive': True}, 'optimized': {'optimize_size': True}, 'per centimeter': {'density_unit': 'cm', 'x_density': 10, 'y_density': 20}, 'with metadata': {'xmp_metadata': '<x/>'}}.items():
  case(f'EncodeJpeg {title}', lambda k=kwargs: raw.EncodeJpeg(image=COLOUR, **k))
  case(f'EncodeJpeg grey {title}', lambda k=kwargs: raw.EncodeJpeg(image=GREY, **k))
case('EncodeJpegVariableQuality', lambda: raw.EncodeJpegVariableQuality(images=COLOUR, quality=np.int32(33)))
case('EncodeJpeg of two channels', lambda: raw.EncodeJpeg(image=hidden(picture(3, 3, 2))))
case('EncodeJpeg of a grey format', lambda: raw.EncodeJpeg(image=hidden(COLOUR), format='grayscale'))
case('EncodeJpeg of a wrong quality', lambda: raw.EncodeJpegVariableQuality(images=COLOUR, quality=hidden(np.int32(101))))
case('EncodePng of five channels', lambda: raw.EncodePng(image=hidden(picture(3, 3, 5))))
