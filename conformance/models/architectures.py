"""The image architectures of keras.applications, with random weights, as Keras 3 and Keras 2 save them.

    python conformance/models/architectures.py OUT [part of a name ...]
    node conformance/models/run.mjs OUT
"""
import numpy as np
import recorder
import tensorflow as tf
import keras
import tf_keras

SIZES = {'InceptionV3': 75, 'InceptionResNetV2': 75, 'Xception': 71}


def preprocess_layer(version):
    class Preprocess(version.layers.Layer):
        """An application's own preprocessing as a part of the model."""

        def __init__(self, function):
            super().__init__()
            self.function = function

        def call(self, x):
            return self.function(tf.cast(x, tf.float32))

    return Preprocess


Preprocess = {keras: preprocess_layer(keras), tf_keras: preprocess_layer(tf_keras)}


def save_module(model, folder):
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    spec = tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype, name='image')
    module.serve = tf.function(lambda image: {'p': model(image, training=False)}, input_signature=[spec])
    tf.saved_model.save(module, folder, {'serving_default': module.serve})


SAVERS = {
    'export': lambda model, folder: model.export(folder, verbose=False),
    'save': save_module,
    'tf': lambda model, folder: model.save(folder, save_format='tf'),
}


def spread(model):
    """Weights as trained ones lie: moving statistics away from 0 and 1, biases away from 0."""
    random = np.random.default_rng(1)
    for weight in model.weights:
        name = getattr(weight, 'path', weight.name)
        shape = tuple(weight.shape)
        if 'moving_variance' in name or 'gamma' in name:
            weight.assign(random.uniform(0.7, 1.3, shape))
        elif 'beta' in name or 'bias' in name or 'moving_mean' in name:
            weight.assign(random.normal(size=shape) * 0.1)
    return model


def maker(name, saver, preprocess=False, version=keras, batches=(1, 2), size=None, **options):
    def make(folder):
        side = size or SIZES.get(name, 64)
        base = getattr(version.applications, name)(weights=None, input_shape=(side, side, 3), classes=10, **options)
        spread(base)
        model = base
        if preprocess:
            module = [m for m in vars(version.applications).values()
                      if hasattr(m, 'preprocess_input') and hasattr(m, name)][0]
            inputs = version.Input((side, side, 3), dtype='uint8')
            pixels = Preprocess[version](module.preprocess_input)(inputs)
            model = version.Model(inputs, base(pixels))
        SAVERS[saver](model, folder)
        return recorder.calls(batches=batches)

    make.__name__ = '_'.join([name, saver, *(['pre'] if preprocess else []), *(['k2'] if version is tf_keras else [])])
    return make


A = [
    maker('MobileNet', 'export', preprocess=True), maker('MobileNet', 'tf', version=tf_keras),
    maker('MobileNetV2', 'save'), maker('MobileNetV2', 'tf', preprocess=True, version=tf_keras),
    maker('MobileNetV3Small', 'export'), maker('MobileNetV3Small', 'tf', version=tf_keras),
    maker('MobileNetV3Large', 'save'),
    maker('EfficientNetB0', 'export'), maker('EfficientNetB0', 'tf', version=tf_keras),
    maker('EfficientNetV2B0', 'save'), maker('EfficientNetV2B0', 'tf', version=tf_keras), maker('EfficientNetV2S', 'export'),
    maker('ResNet50', 'export', preprocess=True), maker('ResNet50', 'tf', version=tf_keras, preprocess=True),
    maker('ResNet101V2', 'save'), maker('ResNetRS50', 'tf', version=tf_keras),
    maker('InceptionV3', 'export'), maker('InceptionV3', 'tf', version=tf_keras, preprocess=True),
    maker('InceptionResNetV2', 'export'), maker('InceptionResNetV2', 'tf', version=tf_keras),
    maker('Xception', 'export'), maker('Xception', 'tf', version=tf_keras),
    maker('DenseNet121', 'export', preprocess=True), maker('DenseNet121', 'tf', version=tf_keras),
    maker('NASNetMobile', 'export'), maker('NASNetMobile', 'tf', version=tf_keras),
    maker('VGG16', 'save', preprocess=True),
    maker('ConvNeXtTiny', 'export'), maker('ConvNeXtTiny', 'tf', version=tf_keras),
    maker('RegNetX002', 'tf', version=tf_keras), maker('RegNetY002', 'tf', version=tf_keras),
]

if __name__ == '__main__':
    recorder.main(A)
