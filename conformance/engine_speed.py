"""Times the engine against real TensorFlow and against ONNX Runtime alone, on the same models and threads.

    python conformance/engine_speed.py [--models DIR] [--threads 2] [--rounds 7] [name ...]

Makes the models with Keras (random weights) in DIR, once; runs each in TensorFlow, in Servable's engine
(`npm run build` first) and, when tf2onnx and onnxruntime are installed, in onnxruntime on tf2onnx's conversion. The
three run in turns, a short block of runs each, so that what else the machine does falls on all alike; the order
changes from round to round. Every figure is the median time of one run, in milliseconds, and every ratio the median
of the rounds' ratios; outputs of the engine are compared with TensorFlow's. The last columns compare processor time
instead, which other processes hardly change: with --threads 1 it says what a run costs when nobody waits for threads.
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
BATCHES = (1, 8)
# A block of runs takes about so long, in seconds; threads that spin on after the block before it have this long to stop.
BLOCK, PAUSE = 0.2, 0.02


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


def trained(model):
    """Gives normalizations statistics as training would: fresh ones do nothing, and hide mistakes in folding them."""
    import keras
    import numpy as np

    rng = np.random.default_rng(7)
    ranges = {"gamma": (0.8, 1.2), "beta": (-0.1, 0.1), "moving_mean": (-0.1, 0.1), "moving_variance": (0.8, 1.2)}
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable in layer.weights:
                variable.assign(rng.uniform(*ranges[variable.name], variable.shape))
    classifier = model.layers[-1]
    if isinstance(classifier, keras.layers.Dense):
        classifier.kernel.assign(rng.normal(0, 1, classifier.kernel.shape))
    return model


def export(name, folder):
    import keras

    if (folder / "1").exists():
        return json.loads((folder / "shape.json").read_text())
    keras.utils.set_random_seed(1)
    model, shape = MODELS[name](keras)
    trained(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.export(str(folder / "1"), format="tf_saved_model", verbose=False)
    (folder / "shape.json").write_text(json.dumps(shape))
    return shape


def write_inputs(folder, shape):
    for batch in BATCHES:
        x = make_input(shape, batch)
        if shape is None:
            (folder / f"input-{batch}.json").write_text(json.dumps({"strings": list(x)}))
        else:
            x.tofile(folder / f"input-{batch}.bin")
            (folder / f"input-{batch}.json").write_text(json.dumps({"shape": [batch, *shape]}))


def timed(run):
    """A block of runs: the time of each, and the processor time of one."""

    def block(batch, runs):
        times = []
        processor = time.process_time()
        for _ in range(runs):
            start = time.perf_counter()
            run(batch)
            times.append((time.perf_counter() - start) * 1e3)
        return times, (time.process_time() - processor) * 1e3 / runs

    return block


def tensorflow_blocks(folder, shape):
    """Loads the model; also writes what the engine's outputs are compared with, and says how long the load took."""
    import numpy as np
    import tensorflow as tf

    inputs = {b: make_input(shape, b) for b in BATCHES}
    feeds = {b: tf.constant(x.tolist() if shape is None else x) for b, x in inputs.items()}
    start = time.perf_counter()
    model = tf.saved_model.load(str(folder / "1"))
    function = model.signatures["serving_default"]
    key = next(iter(function.structured_input_signature[1]))
    function(**{key: feeds[1]})
    load_ms = (time.perf_counter() - start) * 1e3
    for batch, x in feeds.items():
        outputs = next(iter(function(**{key: x}).values())).numpy()
        np.asarray(outputs, dtype="float32").tofile(folder / f"expected-{batch}.bin")
    run = timed(lambda batch: function(**{key: feeds[batch]}))
    return lambda batch, runs, model=model: run(batch, runs), load_ms


class Engine:
    def __init__(self, folder, threads):
        command = ["node", str(ROOT / "conformance/engine-speed.mjs"), str(folder), str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.load = json.loads(self.process.stdout.readline())
        self.difference = 0

    def __call__(self, batch, runs):
        self.process.stdin.write(f"{batch} {runs}\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.difference = answer["difference"]
        return answer["ms"], answer["cpuMs"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def onnxruntime_blocks(folder, shape, threads):
    """ONNX Runtime on tf2onnx's conversion; None where there is none."""
    if shape is None:
        return None
    try:
        import onnxruntime
        import tf2onnx  # noqa: F401
    except ImportError:
        return None
    file = folder / "model.onnx"
    if not file.exists():
        convert = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", str(folder / "1"), "--output", str(file)]
        if subprocess.run([*convert, "--opset", "17"], capture_output=True).returncode != 0:
            return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(str(file), options)
    except Exception:  # what tf2onnx wrote is not always a model
        return None
    key = session.get_inputs()[0].name
    inputs = {b: make_input(shape, b) for b in BATCHES}
    return timed(lambda batch: session.run(None, {key: inputs[batch]}))


def measure(blocks, batch, rounds):
    """What each round took, by what was run: medians of time, and processor time."""
    runs = {}
    for name, block in blocks.items():
        block(batch, 2)
        runs[name] = max(3, math.ceil(BLOCK * 1e3 / statistics.median(block(batch, 3)[0])))
    wall = {name: [] for name in blocks}
    processor = {name: [] for name in blocks}
    order = list(blocks)
    for _ in range(rounds):
        for name in order:
            time.sleep(PAUSE)
            times, cpu = blocks[name](batch, runs[name])
            wall[name].append(statistics.median(times))
            processor[name].append(cpu)
        order.append(order.pop(0))
    return wall, processor


def ratio(rounds, name):
    if name not in rounds:
        return None
    return statistics.median(a / b for a, b in zip(rounds[name], rounds["servable"]))


def median(values):
    return None if values is None else statistics.median(values)


def figure(value):
    if isinstance(value, str):
        return value
    return f"{'-':>12}" if value is None else f"{value:12.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="/tmp/servable-engine-speed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("names", nargs="*", default=list(MODELS))
    args = parser.parse_args()

    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    titles = ["TensorFlow", "onnxruntime", "Servable", "TF / S", "ORT / S", "max diff", "CPU ms", "CPU TF / S", "CPU ORT / S"]
    print(f"{'model':18}{'batch':>6}{''.join(f'{title:>12}' for title in titles)}")
    ratios = []
    loads = []
    for name in args.names:
        folder = pathlib.Path(args.models) / name
        shape = export(name, folder)
        write_inputs(folder, shape)
        tensorflow, load_ms = tensorflow_blocks(folder, shape)
        engine = Engine(folder, args.threads)
        bare = onnxruntime_blocks(folder, shape, args.threads)
        blocks = {"tensorflow": tensorflow, "servable": engine, **({} if bare is None else {"onnxruntime": bare})}
        for batch in BATCHES:
            wall, processor = measure(blocks, batch, args.rounds)
            ratios.append((ratio(wall, "tensorflow"), ratio(processor, "tensorflow")))
            cells = [median(wall.get(each)) for each in ("tensorflow", "onnxruntime", "servable")]
            cells += [ratios[-1][0], ratio(wall, "onnxruntime"), f"{engine.difference:12.1e}"]
            cells += [median(processor["servable"]), ratios[-1][1], ratio(processor, "onnxruntime")]
            print(f"{name:18}{batch:6}{''.join(map(figure, cells))}", flush=True)
        engine.close()
        loads.append((name, weights_mib(folder / "1"), load_ms, engine.load))
    for what, each in zip(("time", "processor time"), zip(*ratios)):
        mean = math.exp(statistics.mean(map(math.log, each)))
        print(f"{what}: geometric mean of TF / S {mean:.2f}, worst {min(each):.2f}")
    print_loads(loads)


def weights_mib(model):
    """Bytes of the variables that differ: Keras 3 writes each twice."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    tensors = (reader.get_tensor(name) for name in reader.get_variable_to_shape_map())
    distinct = {hash(t.tobytes()): t.nbytes for t in tensors if hasattr(t, "tobytes") and t.dtype != object}
    return sum(distinct.values()) / 2**20


def print_loads(loads):
    """TensorFlow's time is that of saved_model.load and the first call; memory is the peak of the whole Node process."""
    print(f"\n{'load':18}{'weights MiB':>12}{'TensorFlow ms':>15}{'Servable ms':>13}{'peak MiB':>10}{'of these Node':>15}")
    for name, weights, load_ms, ours in loads:
        figures = f"{weights:12.1f}{load_ms:15.0f}{ours['loadMs']:13.0f}{ours['peakMiB']:10.0f}{ours['baseMiB']:15.0f}"
        print(f"{name:18}{figures}", flush=True)


if __name__ == "__main__":
    main()
