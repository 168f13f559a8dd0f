"""Writes the models of layers.py in every format of Keras, each with inputs and the outputs that Keras gives.

    python record.py FOLDER [name part ...]

FOLDER/<keras version>_<name>/: model.keras, model.h5, model.json with model.weights.h5 (or weights.h5), case.json in
the form of the golden cases. compare.mjs holds Servable against them.
"""
import base64
import json
import os
import sys
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
import numpy as np
import tensorflow as tf
import tf_keras

import layers


def tensor(value):
    value = np.asarray(value)
    dtype = {"object": "DT_STRING", "bool": "DT_BOOL", "float32": "DT_FLOAT", "float64": "DT_DOUBLE", "float16": "DT_HALF", "bfloat16": "DT_BFLOAT16"}.get(
        str(value.dtype), f"DT_{str(value.dtype).upper()}"
    )
    if value.dtype == object:
        flat = [v if isinstance(v, bytes) else str(v).encode() for v in value.reshape(-1)]
        return {"dtype": dtype, "shape": list(value.shape), "strings": [base64.b64encode(v).decode() for v in flat]}
    return {"dtype": dtype, "shape": list(value.shape), "content": base64.b64encode(value.tobytes()).decode()}


def draw(rng, shape, dtype):
    sizes = [3 if i == 0 else (4 if size is None else size) for i, size in enumerate(shape)]
    if dtype == "string":
        words = ["a", "b", "c", "", "Hello, a b!", "a b", "zz", "hello"]
        return rng.choice(np.array(words, dtype=object), sizes)
    if "int" in dtype:
        return rng.integers(0, 6, sizes).astype(dtype)
    return rng.normal(size=sizes).astype(dtype)


def randomize(model, rng):
    values = []
    for weight in model.weights:
        value = np.array(weight)
        name = getattr(weight, "path", weight.name)
        if value.dtype.kind == "f" or str(value.dtype) == "bfloat16":
            value = rng.normal(scale=0.6, size=value.shape).astype(value.dtype)
            if "variance" in name or "stddev" in name:
                value = (np.abs(value) + 0.2).astype(value.dtype)
        values.append(value)
    model.set_weights(values)
    for layer in getattr(model, "layers", []):
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def record(folder, name, make, version, k):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    keras.backend.clear_session()
    tf_keras.backend.clear_session()
    model = make()
    randomize(model, rng)
    inputs = {i.name.split(":")[0]: draw(rng, i.shape, str(i.dtype if isinstance(i.dtype, str) else i.dtype.name)) for i in model.inputs}
    given = {n: tf.constant(v) for n, v in inputs.items()}
    values = list(given.values())
    outputs = model(values[0] if len(values) == 1 else values, training=False)
    if isinstance(outputs, dict):
        named = outputs
    else:
        flat = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        named = {str(i): v for i, v in enumerate(flat)}
    os.makedirs(folder, exist_ok=True)
    saved = []
    for form, save in {
        "model.keras": lambda path: model.save(path),
        "model.h5": lambda path: model.save(path, include_optimizer=False, save_format="h5") if version == 2 else model.save(path),
        "model.weights.h5": lambda path: model.save_weights(path),
    }.items():
        try:
            save(os.path.join(folder, form))
            saved.append(form)
        except Exception as error:
            print(name, form, "not saved:", str(error)[:100])
    with open(os.path.join(folder, "model.json"), "w") as file:
        file.write(model.to_json())
    half = any("float16" in str(w.dtype) for w in model.weights) or "half" in name or "bfloat16" in name
    case = {
        "name": name,
        "files": saved,
        "isDict": isinstance(outputs, dict),
        "calls": [
            {
                "method": "predict",
                "inputs": {n: tensor(v) for n, v in inputs.items()},
                "outputs": {n: tensor(np.array(v)) for n, v in named.items()},
                "rtol": 3e-2 if half else 2e-4,
                "atol": 3e-2 if half else 2e-5,
            }
        ],
    }
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(case, file)


def main(root, *parts):
    groups = [(3, keras, {**layers.common(keras), **layers.keras3(keras)}), (2, tf_keras, {**layers.common(tf_keras), **layers.keras2(tf_keras)})]
    for version, k, cases in groups:
        for name, make in cases.items():
            full = f"keras{version}_{name}"
            if parts and not any(part in full for part in parts):
                continue
            try:
                record(os.path.join(root, full), full, make, version, k)
            except Exception as error:
                print(full, "not made:", type(error).__name__, str(error).replace("\n", " ")[:160])


main(*sys.argv[1:])
