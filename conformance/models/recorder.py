"""Saves models and records what TensorFlow answers, in the form of the recorded cases.

A script of this folder has makers: functions that save one model each into the folder they are given. What a maker
returns says which calls to record:

    def half_plus_two(folder):
        tf.saved_model.save(module, folder, signatures=...)
        return calls()                          every signature, with random inputs at batch sizes 1, 2 and 5
        return [('serving_default', {'x': ...})]  these calls
        return [(..., {...}, {'error': 'NOT_FOUND'})]   a call that must fail with this code
        return refused('SomeOp')                the model can't be loaded, and the message names the op

Each case lands in OUT/<name>/ with model/1 and case.json; `node conformance/models/run.mjs OUT` runs them in the
engine and compares. Needs TensorFlow 2.21 (and keras 3, tf_keras); nothing in the build or the tests does.
"""
import argparse
import base64
import json
import os
import shutil
import sys
import time
import traceback

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')

import ml_dtypes  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf1 = tf.compat.v1
tf.get_logger().setLevel('ERROR')
BATCHES = (1, 2, 5)
NAMES = {np.dtype(dtype.as_numpy_dtype): 'DT_' + name for dtype, name in [
    (tf.float32, 'FLOAT'), (tf.float64, 'DOUBLE'), (tf.float16, 'HALF'), (tf.bfloat16, 'BFLOAT16'),
    (tf.int8, 'INT8'), (tf.int16, 'INT16'), (tf.int32, 'INT32'), (tf.int64, 'INT64'), (tf.uint8, 'UINT8'),
    (tf.uint16, 'UINT16'), (tf.uint32, 'UINT32'), (tf.uint64, 'UINT64'), (tf.bool, 'BOOL'),
    (tf.complex64, 'COMPLEX64'), (tf.complex128, 'COMPLEX128')]}


def calls(signatures=None, batches=BATCHES, dims=3, highest=None, inputs=None, **more):
    """Calls with random inputs. `dims` stands for unknown sizes beyond the first, `highest` bounds integers by
    input name, `inputs` has makers by input name that take the batch size."""
    return dict(signatures=signatures, batches=batches, dims=dims, highest=highest or {}, inputs=inputs or {}, more=more)


def refused(*words):
    return dict(refused=list(words))


def encoded(value):
    array = np.asarray(value)
    if array.dtype.kind in 'SUO':
        texts = [each.encode() if isinstance(each, str) else bytes(each) for each in array.reshape(-1).tolist()]
        return {'dtype': 'DT_STRING', 'shape': list(array.shape), 'strings': [base64.b64encode(t).decode() for t in texts]}
    array = np.ascontiguousarray(array).reshape(array.shape)
    return {'dtype': NAMES[array.dtype], 'shape': list(array.shape), 'content': base64.b64encode(array.tobytes()).decode()}


def random_value(random, dtype, shape, highest):
    dtype = tf.as_dtype(dtype)
    if dtype == tf.string:
        words = ['the', 'cat', 'Sat', 'on', 'a', 'mat', 'zebra', 'naïve']
        picks = [' '.join(random.choice(words, 3)).encode() for _ in range(int(np.prod(shape)))]
        return np.array(picks, object).reshape(shape)
    if dtype == tf.bool:
        return random.random(shape) < 0.5
    if dtype.is_integer:
        return random.integers(0, highest or 10, shape).astype(dtype.as_numpy_dtype)
    if dtype.is_complex:
        return (random.normal(size=shape) + 1j * random.normal(size=shape)).astype(dtype.as_numpy_dtype)
    return random.normal(size=shape).astype(np.float32).astype(dtype.as_numpy_dtype)


def feeds_of(signature, wanted, batch, seed):
    random = np.random.default_rng(seed)
    feeds = {}
    for name in sorted(signature.inputs):
        info = signature.inputs[name]
        if name in wanted['inputs']:
            feeds[name] = wanted['inputs'][name](batch)
            continue
        shape = [d.size for d in info.tensor_shape.dim]
        shape = [batch if i == 0 and d == -1 else wanted['dims'] if d == -1 else d for i, d in enumerate(shape)]
        if info.tensor_shape.unknown_rank:
            shape = [batch]
        feeds[name] = random_value(random, info.dtype, shape, wanted['highest'].get(name))
    return feeds


class Served:
    """A SavedModel in a session, as a model server runs it."""

    def __init__(self, folder, tags):
        self.graph = tf.Graph()
        self.session = tf1.Session(graph=self.graph)
        with self.graph.as_default():
            self.meta = tf1.saved_model.loader.load(self.session, list(tags), folder)

    def names(self):
        return [name for name in sorted(self.meta.signature_def) if not name.startswith('__')]

    def run(self, signature, feeds):
        """The outputs by name, and the milliseconds of a run."""
        definition = self.meta.signature_def[signature]
        placed = {definition.inputs[name].name: value for name, value in feeds.items()}
        fetches = {name: info.name for name, info in definition.outputs.items()}
        start = time.perf_counter()
        outputs = self.session.run(fetches, placed)
        return outputs, 1000 * (time.perf_counter() - start)

    def typical_ms(self, signature, feeds, first):
        times = [self.run(signature, feeds)[1] for _ in range(9 if first < 200 else 3)]
        return float(np.median(times))


def expand(wanted, served):
    """(signature, feeds, extras) of every call."""
    if isinstance(wanted, list):
        return [(each + ({},))[:3] for each in wanted]
    found = []
    for name in wanted['signatures'] or served.names():
        for batch in wanted['batches']:
            feeds = feeds_of(served.meta.signature_def[name], wanted, batch, batch)
            found.append((name, feeds, wanted['more']))
    return found


def tolerance(outputs):
    """rtol, atol by the least exact of the outputs; makers of mixed precision give their own."""
    kinds = {str(np.asarray(value).dtype) for value in outputs.values()}
    if 'bfloat16' in kinds:
        return 3e-2, 3e-2
    if 'float16' in kinds:
        return 5e-3, 5e-3
    return 1e-4, 2e-5


def failing(served, signature, feeds, code):
    try:
        served.run(signature, feeds)
    except Exception as error:  # of the session or of its Python client
        message = str(error).split('\n')[0]
        return {'signature': signature, 'method': 'predict', 'code': code, 'message': message, 'inputs': {k: encoded(v) for k, v in feeds.items()}}
    raise AssertionError(f'{signature} does not fail')


def record(folder, wanted, case, tags=('serve',)):
    if isinstance(wanted, dict) and 'refused' in wanted:
        case['refused'] = wanted['refused']
        return
    served = Served(folder, tags)
    case['calls'] = []
    timed = {}
    for signature, feeds, extras in expand(wanted, served):
        if 'error' in extras:
            case.setdefault('errors', []).append(failing(served, signature, feeds, extras['error']))
            continue
        outputs, first = served.run(signature, feeds)
        rtol, atol = tolerance(outputs)
        call = {'signature': signature, 'method': 'predict', 'rtol': rtol, 'atol': atol, **extras,
                'inputs': {k: encoded(v) for k, v in feeds.items()}, 'outputs': {k: encoded(v) for k, v in outputs.items()}}
        case['calls'].append(call)
        if not extras.get('stateful') and signature not in timed:
            timed[signature] = lambda call=call, feeds=feeds, first=first: call.update(ms=served.typical_ms(call['signature'], feeds, first))
    for time_it in timed.values():  # afterwards, for runs may change state
        time_it()
    served.session.close()


def make(maker, out):
    name = maker.__name__
    folder = os.path.join(out, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    tf.keras.backend.clear_session()
    tf1.reset_default_graph()
    tf.random.set_seed(1)
    case = {'name': name, 'about': (maker.__doc__ or name).strip(), 'kind': 'saved_model', 'path': 'model/1',
            'tags': getattr(maker, 'tags', ['serve']), 'ops': []}
    wanted = maker(os.path.join(folder, 'model', '1'))
    record(os.path.join(folder, 'model', '1'), wanted, case, case['tags'])
    with open(os.path.join(folder, 'case.json'), 'w', encoding='utf-8') as file:
        json.dump(case, file)
    print(name, len(case.get('calls', [])), 'calls', flush=True)


def main(makers, after=None):
    parser = argparse.ArgumentParser()
    parser.add_argument('out')
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    failed = []
    for maker in makers:
        if options.names and not any(part in maker.__name__ for part in options.names):
            continue
        try:
            make(maker, options.out)
            if after:
                after(os.path.join(options.out, maker.__name__))
        except Exception:  # one maker's failure must not stop the others
            traceback.print_exc(limit=-4)
            failed.append(maker.__name__)
    if failed:
        print('FAILED:', *failed)
        sys.exit(1)
