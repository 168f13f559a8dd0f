"""Loads what write-formats.mjs wrote into TensorFlow and compares. Run by hand:

    node conformance/formats/write-formats.mjs /tmp/formats ../shared/golden/cases
    python conformance/formats/load_formats.py /tmp/formats ../shared/golden/cases

Models that were loaded and written again must give what the originals gave when TensorFlow recorded them.
"""

import base64
import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import fingerprint_pb2
from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

from load_frozen import decode, normalized

tf1 = tf.compat.v1


def value_of(tensor):
    dtype = tf.as_dtype(tensor["dtype"])
    if dtype == tf.string:
        values = [base64.b64decode(text) for text in tensor["strings"]]
        return np.array(values, dtype=object).reshape(tensor["shape"])
    return np.frombuffer(base64.b64decode(tensor["content"]), dtype.as_numpy_dtype).reshape(tensor["shape"])


def same(got, wanted, what):
    got = np.asarray(got)
    assert got.shape == wanted.shape, f"{what}: shape {got.shape}, expected {wanted.shape}"
    if wanted.dtype == object:
        assert (got.astype(object) == wanted).all(), what
    else:
        assert got.dtype == wanted.dtype and got.tobytes() == wanted.tobytes(), what


def check_checkpoint(folder):
    shards = sorted(folder.glob("model.ckpt-?????-of-?????"))
    prefix = str(folder / "model.ckpt") + ("-?????-of-?????" if shards else "")
    expected = {name: value_of(tensor) for name, tensor in json.loads((folder / "expected.json").read_text()).items()}
    reader = tf.train.load_checkpoint(prefix)
    assert sorted(reader.get_variable_to_shape_map()) == sorted(expected)
    for name, wanted in expected.items():
        same(reader.get_tensor(name), wanted, f"{folder.name} {name}")
    # By operations too, as a session restores.
    with tf.Graph().as_default(), tf1.Session() as session:
        for name, wanted in expected.items():
            op = tf.raw_ops.RestoreV2(
                prefix=prefix, tensor_names=[name], shape_and_slices=[""], dtypes=[reader.get_variable_to_dtype_map()[name]]
            )
            same(session.run(op)[0], wanted, f"{folder.name} {name} restored")
    return len(expected)


def check_objects(folder):
    kernel, other, bias = tf.Variable(tf.zeros([2, 2])), tf.Variable(tf.zeros([2, 2])), tf.Variable(tf.zeros([2]))
    first, second, model = tf.Module(), tf.Module(), tf.Module()
    first.kernel, first.bias, second.kernel, model.layers = kernel, bias, kernel, [first, second]
    step = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(step=step, model=model)
    status = checkpoint.restore(str(folder / "ckpt-1"))
    status.assert_existing_objects_matched()
    assert step.numpy() == 7 and checkpoint.save_counter.numpy() == 1
    np.testing.assert_array_equal(kernel.numpy(), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(bias.numpy(), [5, 6])
    assert tf.train.latest_checkpoint(str(folder)).endswith("ckpt-1")


def check_state(folder):
    assert tf.train.latest_checkpoint(str(folder)).endswith("model-3")
    state = tf.train.get_checkpoint_state(str(folder))
    assert [os.path.basename(name) for name in state.all_model_checkpoint_paths] == ["model-2", "model-3"]


def check_partitioned(folder):
    expected = json.loads((folder / "expected.json").read_text())
    prefix, wanted = str(folder / "model"), value_of(expected["value"])
    same(tf.train.load_checkpoint(prefix).get_tensor("w"), wanted, f"{folder.name} w")
    # The graph as it was written.
    with tf.Graph().as_default(), tf1.Session() as session:
        tf1.train.import_meta_graph(prefix + ".meta").restore(session, prefix)
        same(session.run(expected["whole"]), wanted, f"{folder.name} by its own graph")
    # A program of TensorFlow 1, by the partitioner of the same name and by others.
    partitioner = getattr(tf1, expected["partitioner"])(**expected["arguments"])
    for other in [partitioner, *(tf1.fixed_size_partitioner(count) for count in [1, 2, 5]), tf1.fixed_size_partitioner(2, axis=1)]:
        with tf.Graph().as_default(), tf1.Session() as session:
            w = tf1.get_variable("w", wanted.shape, partitioner=other)
            if other is partitioner:
                assert [part.shape.as_list() for part in w] == expected["parts"], f"{folder.name}: other parts"
            tf1.train.Saver().restore(session, prefix)
            same(session.run(tf.convert_to_tensor(w)), wanted, f"{folder.name} in {len(list(w))} parts")


def check_model(folder):
    x = np.array([[1, 0, 0, 1], [0, 1, 1, 0]], np.float32)
    wanted = x @ np.arange(1, 9, dtype=np.float32).reshape(4, 2) + np.array([0.5, -0.5], np.float32)
    with tf.Graph().as_default(), tf1.Session() as session:
        meta_graph = tf1.saved_model.load(session, ["serve"], str(folder))
        np.testing.assert_array_equal(session.run("y:0", {"x:0": x}), wanted)
        assert not any(node.device for node in meta_graph.graph_def.node)
        # tf.train.Saver finds the variables by their VariableDefs, partitions and all.
        prefix = str(folder / "variables" / "variables")
        tf1.train.Saver().restore(session, prefix)
        np.testing.assert_array_equal(session.run("y:0", {"x:0": x}), wanted)
    loaded = tf.saved_model.load(str(folder))
    outputs = loaded.signatures["serving_default"](tf.constant(x))
    np.testing.assert_array_equal(outputs["y"].numpy(), wanted)
    if (folder / "saved_model.pbtxt").exists():
        return  # TensorFlow hashes what it makes of the text, in other bytes.
    fingerprint = tf.saved_model.experimental.read_fingerprint(str(folder))
    theirs = fingerprint_pb2.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(str(folder)))
    for field in ("saved_model_checksum", "graph_def_program_hash", "signature_def_hash", "saved_object_graph_hash", "checkpoint_hash"):
        assert getattr(fingerprint, field) == getattr(theirs, field), f"{folder.name}: {field}"


def check_again(folder, cases):
    case = json.loads((pathlib.Path(cases) / folder.name / "case.json").read_text())
    calls = [call for call in case.get("calls", []) if call["method"] == "predict" and "inputs" in call]
    config = tf1.ConfigProto(allow_soft_placement=True)
    with tf.Graph().as_default() as graph, tf1.Session(config=config) as session:
        tf1.saved_model.load(session, case["tags"], str(folder))
        for call in calls:
            signature = case["signatures"][call.get("signature", "serving_default")]
            infos = signature["inputs"]
            if any(info["name"] is None for info in [*infos.values(), *signature["outputs"].values()]):
                continue
            given = {**signature.get("defaults", {}), **call["inputs"]}
            feeds = {graph.get_tensor_by_name(infos[name]["name"]): decode(normalized(value)) for name, value in given.items()}
            if not all(tensor.shape.is_compatible_with(value.shape) for tensor, value in feeds.items()):
                continue
            names = {name: signature["outputs"][name]["name"] for name in call["outputs"]}
            results = session.run(names, feeds)
            for name, expected in call["outputs"].items():
                wanted, got = decode(normalized(expected)), np.asarray(results[name])
                assert got.shape == wanted.shape, f"{folder.name} {name}"
                if call.get("check") == "shape":
                    continue
                tolerance = {**call, **call.get("tol", {}).get(name, {})}
                if wanted.dtype == object:
                    assert (got.astype(object) == wanted).all(), f"{folder.name} {name}"
                else:
                    number = np.complex128 if wanted.dtype.kind == "c" else np.float64
                    np.testing.assert_allclose(
                        got.astype(number), wanted.astype(number), rtol=tolerance.get("rtol") or 0, atol=tolerance.get("atol") or 0, err_msg=f"{folder.name} {name}"
                    )
    return len(calls)


def check_records(folder):
    for compression in ["none", "gzip", "zlib"]:
        kind = "" if compression == "none" else compression.upper()
        records = [r.numpy() for r in tf.data.TFRecordDataset(str(folder / f"examples.{compression}"), compression_type=kind)]
        assert len(records) == 20
        for i, record in enumerate(records):
            feature = tf.train.Example.FromString(record).features.feature
            assert list(feature["id"].int64_list.value) == [i, -i]
            assert list(feature["name"].bytes_list.value) == [f"n{i}".encode()]
            assert list(feature["x"].float_list.value) == [i / 2]
        sequences = [r.numpy() for r in tf.data.TFRecordDataset(str(folder / f"sequences.{compression}"), compression_type=kind)]
        lengths = [len(tf.train.SequenceExample.FromString(r).feature_lists.feature_list["words"].feature) for r in sequences]
        assert lengths == [3, 0, 1]


def main(root, cases=None):
    root = pathlib.Path(root)
    failures = 0

    def run(what, check, *arguments):
        nonlocal failures
        try:
            check(*arguments)
            print("ok", what)
        except Exception as error:
            failures += 1
            print("FAILED", what, type(error).__name__, str(error)[:500])

    for folder in sorted((root / "checkpoints").iterdir()):
        run(f"checkpoint {folder.name}", check_checkpoint, folder)
    run("object-based checkpoint", check_objects, root / "objects")
    run("checkpoint state", check_state, root / "state")
    for folder in sorted((root / "partitioned").iterdir()):
        run(f"partitioned variable: {folder.name}", check_partitioned, folder)
    for folder in sorted((root / "models").iterdir()):
        run(f"model {folder.name}", check_model, folder)
    run("records", check_records, root / "records")
    again = sorted((root / "again").iterdir()) if cases and (root / "again").exists() else []
    for folder in again:
        run(f"written again: {folder.name}", check_again, folder, cases)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(*sys.argv[1:3])
