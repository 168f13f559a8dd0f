"""Sound, and summaries."""
import struct

import numpy as np
import tensorflow as tf

from recorder import case, raw
from refusals import H, refuses

CLOSE = {'rtol': 2e-5, 'atol': 2e-5}


def wav(samples, channels=1, rate=8000, extra=b''):
  data = struct.pack('<%dh' % len(samples), *samples)
  fmt = struct.pack('<HHIIHH', 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
  body = b'WAVEfmt ' + struct.pack('<I', 16) + fmt + extra + b'data' + struct.pack('<I', len(data)) + data
  return b'RIFF' + struct.pack('<I', len(body)) + body


def sounds():
  raw.DecodeWav(contents=wav([0, 16384, -32768, 32767]))
  stereo = wav([1, 2, 3, 4, 5, 6], 2, 16000, b'LIST' + struct.pack('<I', 4) + b'INFO')
  raw.DecodeWav(contents=stereo)
  raw.DecodeWav(contents=stereo, desired_channels=1, desired_samples=5)
  raw.DecodeWav(contents=wav([7, 8]), desired_channels=2, desired_samples=1)
  t = np.arange(64)
  sound = np.stack([np.sin(t * 0.3), np.cos(t * 0.7) * 0.5], -1).round(3).astype(np.float32)
  raw.AudioSpectrogram(input=sound, window_size=16, stride=8)
  power = raw.AudioSpectrogram(input=sound, window_size=20, stride=15, magnitude_squared=True)
  raw.AudioSpectrogram(input=sound[:5], window_size=16, stride=8)
  raw.Mfcc(spectrogram=power, sample_rate=8000, filterbank_channel_count=6, dct_coefficient_count=4)
  raw.Mfcc(spectrogram=power, sample_rate=16000, upper_frequency_limit=7000.0, lower_frequency_limit=100.0)


case('WAV, spectrogram, MFCC', sounds, **CLOSE)
refuses('DecodeWav', contents=H(b'RIFF1234WAVE'))
refuses('DecodeWav', contents=H(wav([1, 2, 3])[:-2]))


def summaries():
  raw.HistogramSummary(tag='h', values=[0.5, -3.0, 0.5, 1e25, 0.0, 2.0])
  raw.HistogramSummary(tag='none', values=tf.constant([], tf.float32))
  raw.HistogramSummary(tag='ints', values=tf.constant([1, 2, 3], tf.int64))
  a = raw.ScalarSummary(tags=['a', 'b'], values=[0.0, 1.5])
  b = raw.ScalarSummary(tags='c', values=tf.constant(7.0, tf.float64))
  raw.MergeSummary(inputs=[a, b])


case('summaries', summaries)
refuses('HistogramSummary', tag=H('h'), values=H([float('nan')]))
refuses('ScalarSummary', tags=H(['a']), values=H([1.0, 2.0]))
