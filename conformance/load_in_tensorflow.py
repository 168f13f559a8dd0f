"""Loads SavedModels that we wrote into TensorFlow and compares what they compute. Run by hand:

    node conformance/write-models.mjs /tmp/models
    python conformance/load_in_tensorflow.py /tmp/models

Each folder of /tmp/models holds `model`, the SavedModel, and `expected.json` (see write-models.mjs). Every model goes
through both of TensorFlow's loaders: tf.saved_model.load and the session loader, which TensorFlow Serving shares.
Needs TensorFlow 2.
"""

import base64
import json
import pathlib
import sys

import numpy as np
import tensorflow as tf

RTOL = ATOL = 1e-5


def array_of(tensor):
    values = tensor["values"]
    if tensor["dtype"] == "string":
        values = [base64.b64decode(value) for value in values]
        return np.array(values, dtype=object).reshape(tensor["shape"])
    return np.array(values, dtype=tf.dtypes.as_dtype(tensor["dtype"]).as_numpy_dtype).reshape(tensor["shape"])


def compare(what, actual, tensor):
    expected = array_of(tensor)
    actual = np.asarray(actual)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(actual, expected, rtol=RTOL, atol=ATOL, err_msg=what)
    else:
        assert (actual == expected).all(), f"{what}: {actual}, expected {expected}"


def check_with_load(folder, expected):
    """tf.saved_model.load, as Python programs do."""
    model = tf.saved_model.load(str(folder / "model"))
    for call in expected["calls"]:
        inputs = {name: tf.constant(array_of(tensor)) for name, tensor in call["inputs"].items()}
        outputs = model.signatures[call["signature"]](**inputs)
        assert set(outputs) == set(call["outputs"])
        for name, tensor in call["outputs"].items():
            compare(f'{folder.name} {call["signature"]} {name}', outputs[name].numpy(), tensor)


def check_with_session(folder, expected):
    """The loader of TensorFlow 1: restores by saver_def and runs the init op. Also compares inferred shapes."""
    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        meta_graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder / "model"))
        for call in expected["calls"]:
            signature = meta_graph.signature_def[call["signature"]]
            feeds = {signature.inputs[name].name: array_of(tensor) for name, tensor in call["inputs"].items()}
            fetches = {name: signature.outputs[name].name for name in call["outputs"]}
            for name, value in session.run(fetches, feeds).items():
                compare(f'{folder.name} {call["signature"]} {name}', value, call["outputs"][name])
        for name, ours in expected["shapes"].items():
            theirs = graph.get_tensor_by_name(name).shape
            check_shape(f"{folder.name} {name}", ours, theirs)


def check_shape(what, ours, theirs):
    """Where both know a size they must agree. TensorFlow cannot tell the shape of what an imported table holds."""
    sizes = None if ours is None else [None if size < 0 else size for size in ours]
    assert theirs.is_compatible_with(sizes), f"{what}: shape {ours}, TensorFlow has {theirs}"


def main(root):
    folders = sorted(path.parent for path in pathlib.Path(root).glob("*/expected.json"))
    assert folders, f"no model in {root}"
    for folder in folders:
        expected = json.loads((folder / "expected.json").read_text())
        check_with_session(folder, expected)
        check_with_load(folder, expected)
        print(f'{folder.name}: {len(expected["calls"])} calls and {len(expected["shapes"])} shapes agree')


if __name__ == "__main__":
    main(sys.argv[1])
