"""SessionBundles with today's TensorFlow: writing and loading them as tensorflow/contrib/session_bundle did.

TensorFlow dropped that package with 2.0; its manifest messages are compiled from the repository's copy with protoc, its
exporter's and loader's steps are spelled out here with tf.compat.v1.
"""
import os
import pathlib
import subprocess
import tempfile

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')

import tensorflow as tf
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from tensorflow.python.training import saver as base_saver

tf1 = tf.compat.v1
PROTOS = pathlib.Path(__file__).resolve().parents[2] / 'packages/formats/protos'
MANIFEST = 'tensorflow_serving/session_bundle/manifest.proto'


def _manifest():
  with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder) / 'manifest'
    subprocess.run(['protoc', f'-I{PROTOS}', f'--descriptor_set_out={out}', MANIFEST], check=True)
    files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
  pool = descriptor_pool.DescriptorPool()
  for file in files.file:
    pool.Add(file)
  return {
      name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f'tensorflow.serving.{name}'))
      for name in ('Signatures', 'Signature', 'AssetFile')
  }


manifest = _manifest()


class LegacySaverBuilder(base_saver.BaseSaverBuilder):
  """Restores as TensorFlow 0.x did: an op for each slice, of those that read the first format."""

  def restore_op(self, filename_tensor, saveable, preferred_shard):
    return [
        tf.raw_ops.RestoreSlice(file_pattern=filename_tensor, tensor_name=spec.name, shape_and_slice=spec.slice_spec,
                                dt=spec.dtype.base_dtype, preferred_shard=preferred_shard) for spec in saveable.specs
    ]


def legacy_saver(*args, **options):
  v1 = tf1.train.SaverDef.V1
  return tf1.train.Saver(*args, builder=LegacySaverBuilder(v1), write_version=v1, **options)


def packed(message):
  result = any_pb2.Any()
  result.Pack(message)
  return result


def regression(input, output):
  signature = manifest['Signature']()
  signature.regression_signature.input.tensor_name = input.name
  signature.regression_signature.output.tensor_name = output.name
  return signature


def classification(input, classes, scores):
  signature = manifest['Signature']()
  signature.classification_signature.input.tensor_name = input.name
  signature.classification_signature.classes.tensor_name = classes.name
  signature.classification_signature.scores.tensor_name = scores.name
  return signature


def generic(tensors):
  signature = manifest['Signature']()
  for name, tensor in tensors.items():
    signature.generic_signature.map[name].tensor_name = tensor.name
  return signature


def export(session, saver, folder, default=None, named={}, init_op=None, assets={}, serving_graph=None):
  """What Exporter.init and Exporter.export do. `assets`: tensor -> file name and content."""
  signatures = manifest['Signatures']()
  if default is not None:
    signatures.default_signature.CopyFrom(default)
  for name, signature in named.items():
    signatures.named_signatures[name].CopyFrom(signature)
  tf1.add_to_collection('serving_signatures', packed(signatures))
  if serving_graph is not None:
    tf1.add_to_collection('serving_graph', packed(serving_graph))
  if init_op is not None:
    tf1.add_to_collection('serving_init_op', init_op)
  for tensor, (filename, content) in assets.items():
    asset = manifest['AssetFile'](filename=filename)
    asset.tensor_binding.tensor_name = tensor.name
    tf1.add_to_collection('serving_assets', packed(asset))
    (folder / 'assets').mkdir(parents=True, exist_ok=True)
    (folder / 'assets' / filename).write_text(content)
  folder.mkdir(parents=True, exist_ok=True)
  saver.save(session, str(folder / 'export'), meta_graph_suffix='meta')
  (folder / 'checkpoint').unlink()


def load(folder):
  """What LoadSessionBundleFromPath does. Returns a session and the MetaGraphDef."""
  meta_graph = tf1.MetaGraphDef.FromString((folder / 'export.meta').read_bytes())
  collections = meta_graph.collection_def
  graph_def = meta_graph.graph_def
  if 'serving_graph' in collections:
    collections['serving_graph'].any_list.value[0].Unpack(graph_def)
  feeds = {}
  for any_asset in collections['serving_assets'].any_list.value:
    asset = manifest['AssetFile']()
    assert any_asset.Unpack(asset)
    feeds[asset.tensor_binding.tensor_name] = str(folder / 'assets' / asset.filename)
  graph = tf.Graph()
  with graph.as_default():
    tf.import_graph_def(graph_def, name='')
  session = tf1.Session(graph=graph)
  saver = meta_graph.saver_def
  plain = folder / 'export'
  is_plain = plain.exists() or (folder / 'export.index').exists()
  checkpoint = str(plain if is_plain else folder / 'export-?????-of-?????')
  session.run(saver.restore_op_name, {**feeds, saver.filename_tensor_name: checkpoint})
  for name in collections['serving_init_op'].node_list.value:
    session.run(name, feeds)
  return session, meta_graph


def signatures_of(meta_graph):
  signatures = manifest['Signatures']()
  meta_graph.collection_def['serving_signatures'].any_list.value[0].Unpack(signatures)
  return signatures
