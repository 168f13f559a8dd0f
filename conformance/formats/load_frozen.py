"""Runs graphs that we froze in TensorFlow and compares with what the unfrozen models gave. Run by hand:

    node conformance/formats/write-frozen.mjs ../shared/golden/cases /tmp/frozen
    python conformance/formats/load_frozen.py ../shared/golden/cases /tmp/frozen

Calls of models with tables are left out, for a frozen graph has no init op that fills them, and those whose inputs have
other shapes than the model declares, for TensorFlow's session of Python refuses to feed them.
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

tf1 = tf.compat.v1


def decode(tensor):
    dtype = tf.as_dtype(getattr(tf, tensor["dtype"][3:].lower(), None) or tensor["dtype"][3:].lower())
    if dtype == tf.string:
        values = [base64.b64decode(text) for text in tensor["strings"]]
        return np.array(values, dtype=object).reshape(tensor["shape"])
    values = np.frombuffer(base64.b64decode(tensor["content"]), dtype.as_numpy_dtype)
    return values.reshape(tensor["shape"])


NAMES = {"DT_DOUBLE": "DT_FLOAT64", "DT_FLOAT": "DT_FLOAT32", "DT_HALF": "DT_FLOAT16"}


def normalized(tensor):
    return {**tensor, "dtype": NAMES.get(tensor["dtype"], tensor["dtype"])}


def check_call(case, call, graph):
    signature = case["signatures"][call.get("signature", "serving_default")]
    feeds = {}
    for name, info in signature["inputs"].items():
        if name in call["inputs"]:
            feeds[graph.get_tensor_by_name(info["name"])] = decode(normalized(call["inputs"][name]))
        elif name in signature.get("defaults", {}):
            feeds[graph.get_tensor_by_name(info["name"])] = decode(normalized(signature["defaults"][name]))
    fetches = {name: graph.get_tensor_by_name(signature["outputs"][name]["name"]) for name in call["outputs"]}
    with tf1.Session(graph=graph) as session:
        results = session.run(fetches, feeds)
    for name, expected in call["outputs"].items():
        wanted = decode(normalized(expected))
        got = np.asarray(results[name])
        tolerance = {**call, **call.get("tol", {}).get(name, {})}
        assert got.shape == wanted.shape, f"{name}: shape {got.shape}, expected {wanted.shape}"
        if call.get("check") == "shape":
            continue
        if wanted.dtype == object:
            np.testing.assert_array_equal(got.astype(object), wanted)
        else:
            np.testing.assert_allclose(
                got.astype(np.float64) if got.dtype.kind not in "cf" else got,
                wanted.astype(np.float64) if wanted.dtype.kind not in "cf" else wanted,
                rtol=tolerance.get("rtol", 0) or 0,
                atol=tolerance.get("atol", 0) or 0,
            )


def main(cases, folder):
    passed, failed, skipped = 0, [], []
    for file in sorted(pathlib.Path(folder).glob("*.pb")):
        case = json.loads((pathlib.Path(cases) / file.stem / "case.json").read_text())
        graph = tf.Graph()
        definition = tf1.GraphDef.FromString(file.read_bytes())
        with graph.as_default():
            tf1.import_graph_def(definition, name="")
        if any("Mutable" in node.op for node in definition.node):
            skipped.append(f"{file.stem}: its tables change")
            continue
        for call in case.get("calls", []):
            if call["method"] != "predict" or "inputs" not in call:
                continue
            try:
                check_call(case, call, graph)
                passed += 1
            except (tf.errors.FailedPreconditionError, KeyError) as error:
                skipped.append(f"{file.stem}: {str(error).splitlines()[0][:120]}")
            except ValueError as error:
                if "Cannot feed value of shape" not in str(error):
                    raise
                skipped.append(f"{file.stem}: {str(error)[:120]}")
            except Exception as error:
                failed.append(f"{file.stem}: {type(error).__name__} {str(error)[:400]}")
    for line in sorted(set(skipped)):
        print("left out", line)
    for line in failed:
        print("FAILED", line)
    print(f"{passed} calls agree, {len(failed)} do not, {len(skipped)} left out")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:3])
