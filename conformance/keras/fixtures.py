"""Copies what record.py wrote into the fixtures of the engine's tests, archives compressed.

    python fixtures.py FOLDER ../../packages/engine/src/fixtures/keras
"""
import json
import os
import sys
import zipfile

SKIPPED = ("keras3_act_",)
KERAS_2 = (
    "keras2_op_", "keras2_lstm_no_bias", "keras2_conv_lstm_1d", "keras2_tf_idf", "keras2_thresholded_relu",
    "keras2_nested", "keras2_mha_axes", "keras2_rnn_cells", "keras2_bidirectional_mask", "keras2_act_hard_sigmoid",
)
LARGEST = 6000


def main(source, target):
    os.makedirs(target, exist_ok=True)
    cases = {}
    for name in sorted(os.listdir(source)):
        if name.startswith(SKIPPED) or (name.startswith("keras2") and not name.startswith(KERAS_2)):
            continue
        path = os.path.join(source, name, "model.keras")
        if not os.path.exists(path):
            continue
        packed = os.path.join(target, f"{name}.keras")
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
            for entry in old.infolist():
                new.writestr(zipfile.ZipInfo(entry.filename), old.read(entry), zipfile.ZIP_DEFLATED, 9)
        if os.path.getsize(packed) > LARGEST:
            os.remove(packed)
            continue
        case = json.load(open(os.path.join(source, name, "case.json")))
        cases[name] = {"isDict": case["isDict"], "calls": case["calls"]}
    with open(os.path.join(target, "cases.json"), "w") as file:
        file.write("{\n" + ",\n".join(f"{json.dumps(n)}: {json.dumps(c)}" for n, c in cases.items()) + "\n}\n")
    print(len(cases), "models")


main(*sys.argv[1:])
