#!/usr/bin/env python3
"""Makes the models of TensorFlow Serving's own integration test, with TensorFlow.

They are the fixtures of packages/server/src/integration/model-server.test.ts:
what tensorflow_model_server_test.py serves from its test data, and what it
saves itself with tf.saved_model and Keras. Needs tensorflow, tf_keras
and tensorflow-serving-api.

usage: make_models.py [FOLDER]
"""
import json
import os
import shutil
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import tensorflow as tf
import tf_keras
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "..", "packages", "server", "src", "integration", "fixtures")
VERSION = "00000123"

v1 = tf.compat.v1


def write_linear(folder, b):
    """y = x / 2 + b, y2 = x / 2 + 3, y3 = x2 / 2 + 3, on tf.Examples too."""
    with v1.Graph().as_default(), v1.Session() as session:
        a = v1.get_variable("a", initializer=0.5)
        b = v1.get_variable("b", initializer=b)
        c = v1.get_variable("c", initializer=3.0)
        examples = v1.placeholder(tf.string, name="tf_example")
        features = {
            "x": v1.FixedLenFeature([1], tf.float32),
            "x2": v1.FixedLenFeature([1], tf.float32, default_value=[0.0]),
        }
        parsed = v1.parse_example(examples, features)
        x = tf.identity(parsed["x"], name="x")
        x2 = tf.identity(parsed["x2"], name="x2")
        y = tf.add(tf.multiply(a, x), b, name="y")
        y2 = tf.add(tf.multiply(a, x), c, name="y2")
        y3 = tf.add(tf.multiply(a, x2), c, name="y3")
        session.run(v1.global_variables_initializer())
        utils = v1.saved_model.utils
        info = utils.build_tensor_info
        definition = v1.saved_model.signature_def_utils.build_signature_def
        constants = v1.saved_model.signature_constants

        def regress(source, target):
            return definition({"inputs": info(source)}, {"outputs": info(target)}, constants.REGRESS_METHOD_NAME)

        builder = v1.saved_model.Builder(os.path.join(folder, VERSION))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map={
            "regress_x_to_y": regress(examples, y),
            "regress_x_to_y2": regress(examples, y2),
            "regress_x2_to_y3": regress(x2, y3),
            "classify_x_to_y": definition({"inputs": info(examples)}, {"scores": info(y)},
                                          constants.CLASSIFY_METHOD_NAME),
            "serving_default": definition({"x": info(x)}, {"y": info(y)}, constants.PREDICT_METHOD_NAME),
        })
        builder.save()


def write_tflite(folder):
    """y = x / 2 + 2 as model.tflite."""
    @tf.function(input_signature=[tf.TensorSpec([1], tf.float32, "x")])
    def half_plus_two(x):
        return {"y": 0.5 * x + 2}

    module = tf.Module()
    module.half_plus_two = half_plus_two
    saved = os.path.join(folder, "saved")
    tf.saved_model.save(module, saved, signatures=half_plus_two)
    model = tf.lite.TFLiteConverter.from_saved_model(saved).convert()
    shutil.rmtree(saved)
    os.makedirs(os.path.join(folder, VERSION))
    with open(os.path.join(folder, VERSION, "model.tflite"), "wb") as file:
        file.write(model)


def write_saved_model_save(folder):
    root = tf.train.Checkpoint()
    root.v1 = tf.Variable(3.)
    root.v2 = tf.Variable(2.)
    root.f = tf.function(lambda x: {"y": root.v1 * root.v2 * x})
    to_save = root.f.get_concrete_function(tf.TensorSpec(None, tf.float32, "x"))
    tf.saved_model.save(root, os.path.join(folder, VERSION), to_save)


def write_multiple_signatures(folder):
    specs = [tf.TensorSpec(None, tf.float32, "x")]
    root = tf.train.Checkpoint()
    root.f = tf.function(lambda x: {"y": 1.}, input_signature=specs)
    root.g = tf.function(lambda x: {"y": 2.}, input_signature=specs)
    tf.saved_model.save(root, os.path.join(folder, VERSION),
                        signatures={"serving_default": root.f, "custom_signature_key": root.g})


def write_keras_sequential(folder):
    layers = tf_keras.layers
    model = tf_keras.models.Sequential([
        layers.Input(dtype="float32", shape=(1,), name="x"),
        layers.Lambda(lambda x: x, name="y"),
    ])
    tf.saved_model.save(model, os.path.join(folder, VERSION))


def write_keras_distributed(folder):
    layers = tf_keras.layers
    strategy = tf.distribute.MirroredStrategy(devices=("/cpu:0", "/cpu:1"))
    with strategy.scope():
        model = tf_keras.models.Sequential([
            layers.Input(dtype="float32", shape=(1,), name="x"),
            layers.Dense(1, kernel_initializer="ones", bias_initializer="zeros"),
            layers.Lambda(lambda x: x, name="y"),
        ])
    tf.saved_model.save(model, os.path.join(folder, VERSION))


def write_metadata(fixtures):
    """What GetModelMetadata tells of half_plus_two, as protobuf's own JSON."""
    with open(os.path.join(fixtures, "half_plus_two", VERSION, "saved_model.pb"), "rb") as file:
        saved_model = saved_model_pb2.SavedModel.FromString(file.read())
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in saved_model.meta_graphs[0].signature_def.items():
        signatures.signature_def[name].CopyFrom(signature)
    spec = model_pb2.ModelSpec(name="default")
    spec.version.value = int(VERSION)
    options = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
    answer = {
        "model_spec": json_format.MessageToDict(spec, **options),
        "metadata": {"signature_def": json_format.MessageToDict(signatures, **options)},
    }
    with open(os.path.join(fixtures, "half_plus_two_metadata.json"), "w", encoding="utf-8") as file:
        json.dump(answer, file, indent=1, sort_keys=True)
        file.write("\n")


MODELS = {
    "half_plus_two": lambda folder: write_linear(folder, 2.0),
    "half_plus_three": lambda folder: write_linear(folder, 3.0),
    "half_plus_two_tflite": write_tflite,
    "tf_saved_model_save": write_saved_model_save,
    "tf_saved_model_save_multiple_signatures": write_multiple_signatures,
    "keras_sequential": write_keras_sequential,
    "keras_distributed": write_keras_distributed,
}


def main():
    fixtures = sys.argv[1] if len(sys.argv) > 1 else FIXTURES
    cpus = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
    for name, write in MODELS.items():
        folder = os.path.join(fixtures, name)
        shutil.rmtree(folder, ignore_errors=True)
        write(folder)
    write_metadata(fixtures)


if __name__ == "__main__":
    main()
