"""Loads into Keras and TensorFlow what write.mjs wrote, and compares the outputs with those of the original models.

    python load.py FOLDER [name part ...]

Archives and SavedModels: Keras 3 and TensorFlow; HDF5: the Keras that made the model, and its own weight files.
"""
import base64
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
import numpy as np
import tensorflow as tf
import tf_keras

NAMES = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16", "DT_BOOL": "bool"}


def decode(t):
    if t["dtype"] == "DT_STRING":
        return np.array([base64.b64decode(s) for s in t["strings"]], dtype=object).reshape(t["shape"])
    if t["dtype"] == "DT_BFLOAT16":
        return tf.io.decode_raw(base64.b64decode(t["content"]), tf.bfloat16).numpy().reshape(t["shape"])
    dtype = NAMES.get(t["dtype"], t["dtype"][3:].lower())
    return np.frombuffer(base64.b64decode(t["content"]), dtype).reshape(t["shape"])


def flat(outputs):
    if isinstance(outputs, dict):
        return [outputs[k] for k in sorted(outputs)]
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def check(outputs, call):
    expected = [decode(call["outputs"][k]) for k in sorted(call["outputs"])]
    actual = [np.array(v) for v in flat(outputs)]
    assert len(actual) == len(expected), f"{len(actual)} outputs"
    for a, e in zip(actual, expected):
        assert a.shape == e.shape, f"shape {a.shape} instead of {e.shape}"
        if e.dtype == object:
            assert (a == e).all(), "strings differ"
        else:
            np.testing.assert_allclose(a.astype("float64"), e.astype("float64"), call["rtol"], call["atol"])


def forms(folder, name):
    own = keras if name.startswith("keras3") else tf_keras
    yield "model.keras", lambda: keras.models.load_model(os.path.join(folder, "model.keras"), compile=False)
    yield "model.h5", lambda: own.models.load_model(os.path.join(folder, "model.h5"), compile=False)

    def weights(file):
        model = own.models.model_from_json(open(os.path.join(folder, "model.json")).read())
        model.load_weights(os.path.join(folder, file))
        return model

    yield "model.weights.h5", lambda: weights("model.weights.h5")
    yield "legacy.h5", lambda: weights("legacy.h5")


def main(root, *parts):
    done = failed = 0
    for name in sorted(os.listdir(root)):
        if parts and not any(part in name for part in parts):
            continue
        folder = os.path.join(root, name)
        call = json.load(open(os.path.join(folder, "case.json")))["calls"][0]
        inputs = [tf.constant(decode(v)) for v in call["inputs"].values()]
        for form, load in forms(folder, name):
            done += 1
            try:
                keras.backend.clear_session()
                model = load()
                check(model(inputs[0] if len(inputs) == 1 else inputs, training=False), call)
            except Exception as error:
                failed += 1
                print(f"{name}/{form}: {type(error).__name__} {str(error).strip()[:200]!r}", flush=True)
        done += 1
        try:
            loaded = tf.saved_model.load(os.path.join(folder, "saved_model"))
            signature = loaded.signatures["serving_default"]
            names = list(signature.structured_input_signature[1])
            order = json.load(open(os.path.join(folder, "model.json")))
            by_name = dict(zip(names, inputs)) if len(names) == 1 else dict(zip(sorted(names), inputs))
            result = signature(**by_name)
            check({str(i) if len(result) == 1 else k: v for i, (k, v) in enumerate(result.items())}, call)
        except Exception as error:
            failed += 1
            print(f"{name}/saved_model: {type(error).__name__} {str(error).strip()[:200]!r}", flush=True)
    print(f"{done - failed} of {done} agree")


main(*sys.argv[1:])
