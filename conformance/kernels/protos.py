"""DecodeProtoV2, EncodeWav."""
import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2

from recorder import case, hidden, raw, strings

T = descriptor_pb2.FieldDescriptorProto


def descriptors():
  """A message with a field of every type, and one within."""
  file = descriptor_pb2.FileDescriptorProto(name='all.proto', package='test', syntax='proto2')
  enum = file.enum_type.add(name='Color')
  for i, name in enumerate(('RED', 'GREEN', 'BLUE')):
    enum.value.add(name=name, number=i * 5)
  inner = file.message_type.add(name='Inner')
  inner.field.add(name='x', number=1, type=T.TYPE_INT32, label=T.LABEL_OPTIONAL)
  every = file.message_type.add(name='All')
  kinds = ['DOUBLE', 'FLOAT', 'INT64', 'UINT64', 'INT32', 'FIXED64', 'FIXED32', 'BOOL', 'STRING', 'BYTES', 'UINT32', 'SFIXED32', 'SFIXED64', 'SINT32', 'SINT64']
  for i, kind in enumerate(kinds):
    every.field.add(name=kind.lower(), number=i + 1, type=getattr(T, 'TYPE_' + kind), label=T.LABEL_OPTIONAL)
    every.field.add(name=kind.lower() + 's', number=i + 101, type=getattr(T, 'TYPE_' + kind), label=T.LABEL_REPEATED)
    if kind not in ('STRING', 'BYTES'):
      every.field.add(name='packed_' + kind.lower(), number=i + 201, type=getattr(T, 'TYPE_' + kind), label=T.LABEL_REPEATED).options.packed = True
  every.field.add(name='color', number=50, type=T.TYPE_ENUM, label=T.LABEL_OPTIONAL, type_name='.test.Color', default_value='BLUE')
  every.field.add(name='inner', number=51, type=T.TYPE_MESSAGE, label=T.LABEL_OPTIONAL, type_name='.test.Inner')
  every.field.add(name='inners', number=52, type=T.TYPE_MESSAGE, label=T.LABEL_REPEATED, type_name='.test.Inner')
  every.field.add(name='seven', number=53, type=T.TYPE_INT32, label=T.LABEL_OPTIONAL, default_value='7')
  every.field.add(name='word', number=54, type=T.TYPE_STRING, label=T.LABEL_OPTIONAL, default_value='none')
  return file, kinds


FILE, KINDS = descriptors()
SET = descriptor_pb2.FileDescriptorSet(file=[FILE])
from google.protobuf import descriptor_pool, message_factory
pool = descriptor_pool.DescriptorPool()
pool.Add(FILE)
All = message_factory.GetMessageClass(pool.FindMessageTypeByName('test.All'))
SOURCE = b'bytes://' + SET.SerializeToString()
VALUES = {'double': 1.5, 'float': 0.1, 'int64': -2**60, 'uint64': 2**63 + 5, 'int32': -7, 'fixed64': 2**40, 'fixed32': 2**31 + 1, 'bool': True, 'string': 'text', 'bytes': b'\xff', 'uint32': 2**31 + 9, 'sfixed32': -3, 'sfixed64': -2**50, 'sint32': -5, 'sint64': -2**45}
FULL = All(**VALUES)
for kind in KINDS:
  getattr(FULL, kind.lower() + 's').extend([VALUES[kind.lower()]] * 2)
  if kind not in ('STRING', 'BYTES'):
    getattr(FULL, 'packed_' + kind.lower()).extend([VALUES[kind.lower()], 0 if kind != 'BOOL' else False, VALUES[kind.lower()]])
FULL.inner.x = 3
FULL.inners.add(x=4)
FULL.inners.add()
FULL.seven = 8
FULL.color = 5
full = FULL.SerializeToString(deterministic=True)
DTYPES = {'DOUBLE': [tf.float64], 'FLOAT': [tf.float32, tf.float64], 'INT64': [tf.int64], 'UINT64': [tf.uint64], 'INT32': [tf.int32, tf.int64], 'FIXED64': [tf.uint64], 'FIXED32': [tf.uint32, tf.int64, tf.uint64], 'BOOL': [tf.bool], 'STRING': [tf.string], 'BYTES': [tf.string],
          'UINT32': [tf.uint32, tf.int64, tf.uint64], 'SFIXED32': [tf.int32, tf.int64], 'SFIXED64': [tf.int64], 'SINT32': [tf.int32, tf.int64], 'SINT64': [tf.int64]}


def decode(messages, fields, types, message_type='test.All', source=SOURCE, **kwargs):
  return lambda: raw.DecodeProtoV2(bytes=strings(messages), message_type=message_type, field_names=fields, output_types=types, descriptor_source=source, **kwargs)


for kind in KINDS:
  for dtype in DTYPES[kind]:
    names = [kind.lower(), kind.lower() + 's'] + ([] if kind in ('STRING', 'BYTES') else ['packed_' + kind.lower()])
    case(f'DecodeProtoV2 {kind.lower()} as {dtype.name}', decode([full, b''], names, [dtype] * len(names)))
case('DecodeProtoV2 of messages within', decode([full, b''], ['inner', 'inners'], [tf.string, tf.string]))
case('DecodeProtoV2 of enums and defaults', decode([full, b''], ['color', 'seven', 'word'], [tf.int32, tf.int32, tf.string]))
case('DecodeProtoV2 of fields in another order', decode([full], ['word', 'double', 'int32s'], [tf.string, tf.float64, tf.int32]))
case('DecodeProtoV2 of a matrix', decode([[full, b''], [b'', full]], ['int32s'], [tf.int32]))
case('DecodeProtoV2 of a scalar', decode(full, ['int32s', 'seven'], [tf.int32, tf.int32]))
case('DecodeProtoV2 of no fields', decode([full, b''], [], []))
case('DecodeProtoV2 of empty messages', decode([b'', b''], ['int32s', 'seven', 'string', 'inner', 'inners'], [tf.int32, tf.int32, tf.string, tf.string, tf.string]))
case('DecodeProtoV2 of no messages', decode([], ['int32s', 'seven'], [tf.int32, tf.int32]))
case('DecodeProtoV2 of a field that comes twice', decode([All(seven=1).SerializeToString() + All(seven=2).SerializeToString()], ['seven'], [tf.int32]))
case('DecodeProtoV2 of text', decode(['int32s: 1 int32s: 2 word: "x"', ''], ['int32s', 'word'], [tf.int32, tf.string], message_format='text'))
case('DecodeProtoV2 of what is no message', decode([b'\x0a\xff'], ['seven'], [tf.int32]))
case('DecodeProtoV2 of an unknown field', decode([full], ['nope'], [tf.int32]))
case('DecodeProtoV2 of an unknown message', decode([full], [], [], message_type='test.Nope'))
case('DecodeProtoV2 as a wrong dtype', decode([full], ['double'], [tf.int32]))
case('DecodeProtoV2 by a damaged descriptor', decode([full], ['double'], [tf.float64], source=b'bytes://nonsense'))
case('DecodeProtoV2 by an unknown source', decode([full], ['double'], [tf.float64], source='http://nowhere'))
case('DecodeProtoV2 by a file that is missing', decode([full], ['double'], [tf.float64], source='/nowhere/descriptors.pb'))
case('DecodeProtoV2 of a known message', decode([tf.train.Example(features=tf.train.Features(feature={'a': tf.train.Feature(int64_list=tf.train.Int64List(value=[1]))})).SerializeToString()], ['features'], [tf.string], message_type='tensorflow.Example', source='local://'))

WAVE = np.float32([[0, 0.5], [-0.5, 1], [-1, 0.25], [0.1, -0.1], [2, -2]])
case('EncodeWav', lambda: raw.EncodeWav(audio=WAVE, sample_rate=16000))
case('EncodeWav of one channel', lambda: raw.EncodeWav(audio=WAVE[:, :1], sample_rate=44100))
case('EncodeWav of a vector', lambda: raw.EncodeWav(audio=hidden(WAVE[:, 0]), sample_rate=hidden(np.int32(8000))))
case('EncodeWav of no samples', lambda: raw.EncodeWav(audio=hidden(np.zeros([0, 1], np.float32)), sample_rate=8000))
case('EncodeWav of a vector of rates', lambda: raw.EncodeWav(audio=WAVE, sample_rate=hidden(np.int32([8000, 1]))))
