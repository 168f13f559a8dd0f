"""Loads SessionBundles that we wrote into TensorFlow and compares what they compute. Run by hand:

    node conformance/session-bundle/write-exports.mjs /tmp/exports
    python conformance/session-bundle/load_in_tensorflow.py /tmp/exports
"""
import json
import pathlib
import sys

import numpy as np

import bundle
from bundle import tf, tf1


def array_of(tensor):
  if tensor['dtype'] == 'string':
    return np.array([value.encode() for value in tensor['values']], object).reshape(tensor['shape'])
  return np.array(tensor['values'], tf.dtypes.as_dtype(tensor['dtype']).as_numpy_dtype).reshape(tensor['shape'])


def check(folder):
  expected = json.loads((folder / 'expected.json').read_text())
  session, meta_graph = bundle.load(folder / '00000001')
  signatures = bundle.signatures_of(meta_graph)
  kind = signatures.default_signature.WhichOneof('type')
  assert (kind or '').replace('_', '') == expected.get('default', '').lower(), kind
  assert sorted(signatures.named_signatures) == sorted(expected['named'])
  feeds = {name: array_of(tensor) for name, tensor in expected['feeds'].items()}
  for name, tensor in expected['fetches'].items():
    actual, wanted = session.run(name, feeds), array_of(tensor)
    if wanted.dtype.kind == 'f':
      np.testing.assert_allclose(actual, wanted, rtol=1e-6, err_msg=name)
    else:
      assert (actual == wanted).all(), f'{name}: {actual}, expected {wanted}'
  # tf.train.Saver finds its way by the SaverDef alone, too.
  with tf.Graph().as_default(), tf1.Session() as other:
    saver = tf1.train.import_meta_graph(str(folder / '00000001' / 'export.meta'), clear_devices=True)
    name = 'export-?????-of-00001' if meta_graph.saver_def.sharded else 'export'
    saver.restore(other, str(folder / '00000001' / name))
  print(f"{folder.name}: {len(expected['fetches'])} tensors agree")


if __name__ == '__main__':
  folders = sorted(path.parent for path in pathlib.Path(sys.argv[1]).glob('*/expected.json'))
  assert folders, f'no export in {sys.argv[1]}'
  for folder in folders:
    check(folder)
