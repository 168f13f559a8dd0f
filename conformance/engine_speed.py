"""Times the engine against real TensorFlow and against ONNX Runtime alone, on the same models and threads.

    python conformance/engine_speed.py [--models DIR] [--threads 2] [--repeat 15] [name ...]

Makes the models with Keras (random weights) in DIR, once; runs each in TensorFlow, in Servable's engine
(`npm run build` first) and, when tf2onnx and onnxruntime are installed, in onnxruntime on tf2onnx's conversion. Every
figure is the median time of one run, in milliseconds; outputs of the engine are compared with TensorFlow's.
Needs tensorflow; tf2onnx and onnxruntime are optional.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = pathlib.Path(__file__).resolve().parent.parent


def applications(name, size):
    def build(keras):
        return getattr(keras.applications, name)(weights=None), (size, size, 3)

    return build


def encoder(keras, layers=4, length=128, width=256, heads=4):
    """A BERT-like encoder over embedded tokens."""
    nn = keras.layers
    inputs = hidden = nn.Input((length, width))
    for _ in range(layers):
        attended = nn.MultiHeadAttention(heads, width // heads)(hidden, hidden)
        hidden = nn.LayerNormalization(epsilon=1e-6)(hidden + attended)
        inner = nn.Dense(4 * width, activation="gelu")(hidden)
        hidden = nn.LayerNormalization(epsilon=1e-6)(hidden + nn.Dense(width)(inner))
    outputs = nn.Dense(8)(nn.GlobalAveragePooling1D()(hidden))
    return keras.Model(inputs, outputs), (length, width)


def lstm(keras, length=40, width=64, units=128):
    nn = keras.layers
    inputs = nn.Input((length, width))
    hidden = nn.LSTM(units, return_sequences=True)(inputs)
    return keras.Model(inputs, nn.Dense(10)(nn.LSTM(units)(hidden))), (length, width)


def text_classifier(keras):
    """Strings in: TextVectorization, embedding, pooling."""
    nn = keras.layers
    words = [f"word{i}" for i in range(2000)]
    vectorize = nn.TextVectorization(max_tokens=2100, output_sequence_length=64)
    vectorize.set_vocabulary(words)
    inputs = nn.Input((), dtype="string")
    hidden = nn.GlobalAveragePooling1D()(nn.Embedding(2100, 64)(vectorize(inputs)))
    return keras.Model(inputs, nn.Dense(4, activation="softmax")(nn.Dense(64, activation="relu")(hidden))), None


MODELS = {
    "MobileNetV2": applications("MobileNetV2", 224),
    "MobileNetV3Small": applications("MobileNetV3Small", 224),
    "EfficientNetB0": applications("EfficientNetB0", 224),
    "ResNet50": applications("ResNet50", 224),
    "InceptionV3": applications("InceptionV3", 299),
    "DenseNet121": applications("DenseNet121", 224),
    "encoder": encoder,
    "lstm": lstm,
    "text_classifier": text_classifier,
}


def make_input(shape, batch):
    import numpy as np

    rng = np.random.default_rng(batch)
    if shape is None:
        texts = [" ".join(f"word{i}" for i in rng.integers(0, 2500, 40)) for _ in range(batch)]
        return np.array(texts, dtype=object)
    return rng.standard_normal((batch, *shape)).astype("float32")


def export(name, folder):
    import keras

    if (folder / "1").exists():
        return json.loads((folder / "shape.json").read_text())
    keras.utils.set_random_seed(1)
    model, shape = MODELS[name](keras)
    folder.mkdir(parents=True, exist_ok=True)
    model.export(str(folder / "1"), format="tf_saved_model", verbose=False)
    (folder / "shape.json").write_text(json.dumps(shape))
    return shape


def median_ms(run, repeat):
    for _ in range(3):
        run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def time_tensorflow(folder, shape, repeat):
    import numpy as np
    import tensorflow as tf

    function = tf.saved_model.load(str(folder / "1")).signatures["serving_default"]
    key = next(iter(function.structured_input_signature[1]))
    figures = {}
    for batch in (1, 8):
        x = tf.constant(make_input(shape, batch).tolist() if shape is None else make_input(shape, batch))
        outputs = next(iter(function(**{key: x}).values())).numpy()
        np.asarray(outputs, dtype="float32").tofile(folder / f"expected-{batch}.bin")
        figures[batch] = median_ms(lambda: function(**{key: x}), repeat)
    return figures


def time_engine(folder, shape, repeat, threads):
    for batch in (1, 8):
        x = make_input(shape, batch)
        if shape is None:
            (folder / f"input-{batch}.json").write_text(json.dumps({"strings": list(x)}))
        else:
            x.tofile(folder / f"input-{batch}.bin")
            (folder / f"input-{batch}.json").write_text(json.dumps({"shape": [batch, *shape]}))
    command = ["node", str(ROOT / "conformance/engine-speed.mjs"), str(folder), str(repeat), str(threads)]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {int(batch): figure for batch, figure in answer["ms"].items()}, answer["difference"]


def time_onnxruntime(folder, shape, repeat, threads):
    if shape is None:
        return {}
    try:
        import onnxruntime
        import tf2onnx  # noqa: F401
    except ImportError:
        return {}
    file = folder / "model.onnx"
    if not file.exists():
        convert = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", str(folder / "1"), "--output", str(file)]
        done = subprocess.run([*convert, "--opset", "17"], capture_output=True)
        if done.returncode != 0:
            return {}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(str(file), options)
    except Exception:  # what tf2onnx wrote is not always a model
        return {}
    key = session.get_inputs()[0].name
    return {b: median_ms(lambda b=b: session.run(None, {key: make_input(shape, b)}), repeat) for b in (1, 8)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="/tmp/servable-engine-speed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("names", nargs="*", default=list(MODELS))
    args = parser.parse_args()

    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    print(f"{'model':18}{'batch':>6}{'TensorFlow':>12}{'onnxruntime':>13}{'Servable':>10}{'TF / S':>8}{'ORT / S':>9}{'max diff':>11}")
    ratios = []
    for name in args.names:
        folder = pathlib.Path(args.models) / name
        shape = export(name, folder)
        tensorflow = time_tensorflow(folder, shape, args.repeat)
        engine, difference = time_engine(folder, shape, args.repeat, args.threads)
        bare = time_onnxruntime(folder, shape, args.repeat, args.threads)
        for batch in (1, 8):
            ratio = tensorflow[batch] / engine[batch]
            ratios.append(ratio)
            alone = f"{bare[batch]:13.2f}" if batch in bare else f"{'-':>13}"
            against = f"{bare[batch] / engine[batch]:9.2f}" if batch in bare else f"{'-':>9}"
            print(f"{name:18}{batch:6}{tensorflow[batch]:12.2f}{alone}{engine[batch]:10.2f}{ratio:8.2f}{against}{difference:11.1e}", flush=True)
    print(f"geometric mean of TF / S: {math.exp(statistics.mean(map(math.log, ratios))):.2f}; worst: {min(ratios):.2f}")


if __name__ == "__main__":
    main()
