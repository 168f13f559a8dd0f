"""Converts recorded models to TensorFlow Lite, in floats and quantized, and records what its interpreter answers.

    python conformance/models/convert_to_tflite.py RECORDED OUT [part of a name ...]

RECORDED is what another script of this folder wrote. What the converter can't express in builtin operators is left out.
"""
import base64
import json
import os
import sys

import numpy as np
import recorder
from recorder import tf

DTYPES = {name: dtype for dtype, name in recorder.NAMES.items()}
MODES = ('float', 'dynamic', 'half', 'int8', 'select')


def decoded(t):
    if t['dtype'] == 'DT_STRING':
        return np.array([base64.b64decode(s) for s in t['strings']], object).reshape(t['shape'])
    return np.frombuffer(base64.b64decode(t['content']), DTYPES[t['dtype']]).reshape(t['shape'])


def converter(folder, mode, calls):
    made = tf.lite.TFLiteConverter.from_saved_model(os.path.join(folder, 'model', '1'), signature_keys=['serving_default'])
    if mode == 'select':
        made.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        made._experimental_lower_tensor_list_ops = False
    elif mode != 'float':
        made.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == 'half':
        made.target_spec.supported_types = [tf.float16]
    if mode == 'int8':
        made.representative_dataset = lambda: ({k: decoded(v) for k, v in call['inputs'].items()} for call in calls)
        made.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        made.inference_input_type = made.inference_output_type = tf.int8
    return made


def answers(model, call, mode):
    """The interpreter's outputs of one call, with the inputs that it was given."""
    if mode == 'select':  # Python's interpreter may lack TensorFlow's ops; the original answered already
        return [{name: decoded(value) for name, value in call[side].items()} for side in ('inputs', 'outputs')]
    resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=resolver)
    runner = interpreter.get_signature_runner('serving_default')
    details = runner.get_input_details()
    inputs = {}
    for name, detail in details.items():
        value = decoded(call['inputs'][name])
        scale, zero = detail['quantization']
        if mode == 'int8' and detail['dtype'] in (np.int8, np.uint8) and scale:
            value = np.clip(np.round(value / scale) + zero, -128, 127).astype(detail['dtype'])
        inputs[name] = value
    return inputs, runner(**inputs)


def convert(source, out, name, mode):
    folder = os.path.join(source, name)
    with open(os.path.join(folder, 'case.json'), encoding='utf-8') as file:
        case = json.load(file)
    calls = [call for call in case.get('calls', []) if call['signature'] == 'serving_default']
    if not calls:
        return
    model = converter(folder, mode, calls).convert()
    target = os.path.join(out, f'{name}_{mode}')
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, 'model.tflite'), 'wb') as file:
        file.write(model)
    recorded = []
    for call in calls:
        inputs, outputs = answers(model, call, mode)
        quantized = mode in ('int8', 'dynamic')
        loose = {'rtol': 0.05, 'atol': 0.05} if mode == 'dynamic' else {'rtol': 5e-3, 'atol': 5e-3} if mode == 'half' else {'rtol': 1e-4, 'atol': 2e-5}
        if mode == 'int8':
            loose = {'rtol': 0, 'atol': 1, 'mean_atol': 0.5}
        recorded.append({'signature': 'serving_default', 'method': 'predict', **loose,
                         'inputs': {k: recorder.encoded(v) for k, v in inputs.items()}, 'outputs': {k: recorder.encoded(v) for k, v in outputs.items()}})
    with open(os.path.join(target, 'case.json'), 'w', encoding='utf-8') as file:
        json.dump({'name': f'{name}_{mode}', 'about': f'{name} converted ({mode})', 'kind': 'tflite', 'path': 'model.tflite', 'tags': ['serve'], 'ops': [], 'calls': recorded}, file)
    print(name, mode, len(model), 'bytes', flush=True)


def main():
    source, out, *parts = sys.argv[1:]
    for name in sorted(os.listdir(source)):
        if parts and not any(part in name for part in parts):
            continue
        converted = False
        for mode in MODES:
            if mode == 'select' and converted or mode not in ('float', 'select') and not converted:
                continue  # TensorFlow's own ops only where the builtin ones don't do
            try:
                convert(source, out, name, mode)
                converted = True
            except Exception as error:  # what can't be converted or run is not of interest
                print(name, mode, 'left out:', str(error).strip().split('\n')[0][:160], flush=True)


if __name__ == '__main__':
    main()
