"""Converts models to TensorFlow Lite and records what its interpreter computes (see record.py)."""
import base64
import json
import os
import pathlib

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')

import numpy as np
import tensorflow as tf

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / 'packages/engine/src/fixtures/tflite'
rng = np.random.default_rng(7)

cases = {}


def case(build):
  """Decorates a function that returns (model, calls[, tolerance])."""
  cases[build.__name__] = build
  return build


def random(*shape, low=-1.0, high=1.0):
  return rng.uniform(low, high, shape).astype(np.float32)


def converted(function, *specs, quantize=None, samples=None, io=None, flex=False):
  """A TensorFlow function or Keras model as TensorFlow Lite; with TensorFlow's own operators where `flex`.

  quantize: None, 'dynamic', 'float16', 'int8' or 'int16'. samples: representative inputs, for the last two.
  """
  if isinstance(function, tf.keras.Model):
    converter = tf.lite.TFLiteConverter.from_keras_model(function)
  else:
    module = tf.Module()
    module.f = tf.function(function, input_signature=[s if isinstance(s, tf.TypeSpec) else spec(s) for s in specs])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.f.get_concrete_function()], module)
  if quantize is not None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
  if quantize == 'float16':
    converter.target_spec.supported_types = [tf.float16]
  if quantize in ('int8', 'int16'):
    converter.representative_dataset = lambda: ([s[None] if s.ndim else s] for s in samples)
    ops = tf.lite.OpsSet
    converter.target_spec.supported_ops = [
        ops.TFLITE_BUILTINS_INT8 if quantize == 'int8' else
        ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
  if io is not None:
    converter.inference_input_type = converter.inference_output_type = io
  if flex:
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    converter._experimental_lower_tensor_list_ops = False
  return converter.convert()


def spec(shape_and_dtype):
  if isinstance(shape_and_dtype, tuple) and len(shape_and_dtype) == 2 and isinstance(shape_and_dtype[1], tf.DType):
    return tf.TensorSpec(*shape_and_dtype)
  return tf.TensorSpec(shape_and_dtype, tf.float32)


def tensor_json(array):
  array = np.asarray(array)
  if array.dtype == object or array.dtype.kind == 'S':
    return {'dtype': 'string', 'shape': list(array.shape), 'bytes': [b64(x) for x in array.flatten()]}
  return {'dtype': array.dtype.name, 'shape': list(array.shape), 'content': b64(array.tobytes())}


def b64(data):
  return base64.b64encode(data if isinstance(data, bytes) else bytes(data)).decode()


def interpreter_of(model):
  resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
  return tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=resolver)


def run(model, inputs):
  """By tensor names, on a fresh interpreter: states begin at zero."""
  interpreter = interpreter_of(model)
  details = {d['name']: d for d in interpreter.get_input_details()}
  assert set(inputs) == set(details), f'{list(inputs)}: there are {list(details)}'
  for name, value in inputs.items():
    if list(value.shape) != list(details[name]['shape']):
      interpreter.resize_tensor_input(details[name]['index'], value.shape)
  interpreter.allocate_tensors()
  for name, value in inputs.items():
    interpreter.set_tensor(details[name]['index'], value)
  interpreter.invoke()
  return {d['name']: interpreter.get_tensor(d['index']) for d in interpreter.get_output_details()}


def signatures_of(model):
  """Key -> names of inputs and outputs -> names of their tensors."""
  interpreter = interpreter_of(model)
  result = {}
  for key in interpreter.get_signature_list():
    runner = interpreter.get_signature_runner(key)
    result[key] = ({n: d['name'] for n, d in runner.get_input_details().items()},
                   {n: d['name'] for n, d in runner.get_output_details().items()})
  return result


def operators_of(model):
  interpreter = interpreter_of(model)
  return sorted({op['op_name'] for op in interpreter._get_ops_details()} - {'DELEGATE'})


def call_json(model, signature, inputs, outputs=None):
  names = signatures_of(model).get(signature)
  if outputs is None and names is None:
    outputs = run(model, inputs)
  elif outputs is None:
    tensors = run(model, {names[0][key]: value for key, value in inputs.items()})
    outputs = {key: tensors[name] for key, name in names[1].items()}
  return {
      'signature': signature,
      'inputs': {key: tensor_json(value) for key, value in inputs.items()},
      'outputs': {key: tensor_json(value) for key, value in outputs.items()},
  }


def write(name):
  model, calls, *rest = cases[name]()
  tolerance = rest[0] if rest else {'rtol': 1e-5, 'atol': 1e-5}
  FIXTURES.mkdir(parents=True, exist_ok=True)
  (FIXTURES / f'{name}.tflite').write_bytes(model)
  recorded = {
      'about': cases[name].__doc__.strip(),
      'operators': operators_of(model),
      'tolerance': tolerance,
      'calls': [call_json(model, *(call if isinstance(call, tuple) else ('serving_default', call))) for call in calls],
  }
  (FIXTURES / f'{name}.json').write_text(json.dumps(recorded, indent=1) + '\n')
  print(f'{name}: {len(model)} bytes, {" ".join(recorded["operators"])}')
