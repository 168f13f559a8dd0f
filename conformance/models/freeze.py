"""Freezes recorded models into one GraphDef each whose inputs have no known rank; the recorded answers stay as they are.

    python conformance/models/freeze.py RECORDED OUT [part of a name ...]
"""
import json
import os
import sys

import recorder
from recorder import tf, tf1
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2


def freeze(folder, target, case):
    loaded = tf.saved_model.load(os.path.join(folder, 'model', '1'), tags=case['tags'])
    function = loaded.signatures['serving_default']
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    graph = frozen.graph.as_graph_def()
    for node in graph.node:
        if node.op == 'Placeholder':
            node.attr['shape'].shape.Clear()
            node.attr['shape'].shape.unknown_rank = True
            node.attr.pop('_user_specified_name', None)
    names = list(function.structured_input_signature[1])
    feeds = {name: frozen.inputs[i].name for i, name in enumerate(sorted(names))}
    by_name = {t.op.name: t.name for t in frozen.inputs}
    feeds = {name: by_name.get(name, feeds[name]) for name in names}
    fetches = {name: frozen.outputs[i].name for i, name in enumerate(sorted(function.structured_outputs))}
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, 'model.pb'), 'wb') as file:
        file.write(graph.SerializeToString())
    with open(os.path.join(target, 'case.json'), 'w', encoding='utf-8') as file:
        json.dump({**case, 'kind': 'frozen_graph', 'path': 'model.pb', 'feeds': {k: {'name': v} for k, v in feeds.items()}, 'fetches': {k: {'name': v} for k, v in fetches.items()},
                   'calls': [call for call in case['calls'] if call['signature'] == 'serving_default']}, file)


def main():
    source, out, *parts = sys.argv[1:]
    for name in sorted(os.listdir(source)):
        if parts and not any(part in name for part in parts):
            continue
        with open(os.path.join(source, name, 'case.json'), encoding='utf-8') as file:
            case = json.load(file)
        if not any(call['signature'] == 'serving_default' for call in case.get('calls', [])):
            continue
        try:
            freeze(os.path.join(source, name), os.path.join(out, name), case)
        except Exception as error:  # what can't be frozen is not of interest
            print(name, 'left out:', str(error).strip().split('\n')[0][:160], flush=True)


if __name__ == '__main__':
    main()
