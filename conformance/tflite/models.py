"""Small models of the kinds that people convert, in floats and quantized."""
import numpy as np

from recorder import case, converted, random, tf

keras = tf.keras
layers = keras.layers

# Each quantized operator may round a number to the next step; later ones carry that on.
ONE_QUANTUM = {'atol': 1, 'mean_atol': 0.5}


def randomized(model, scale=1.0):
  """Weights, biases and statistics that are neither zero nor one."""
  for variable in model.variables:
    shape = variable.shape
    if 'variance' in variable.name:
      variable.assign(random(*shape, low=0.5, high=1.5))
    else:
      variable.assign(scale * random(*shape) / max(1.0, np.sqrt(np.prod(shape[:-1]))))
  return model


def mlp():
  return randomized(keras.Sequential([
      layers.Input((8,)), layers.Dense(16, activation='relu'), layers.Dense(12, activation='relu6'),
      layers.Dense(5, activation='softmax')]), 2.0)


def cnn():
  return randomized(keras.Sequential([
      layers.Input((12, 12, 3)), layers.Conv2D(8, 3, strides=2, padding='same', activation='relu'),
      layers.BatchNormalization(), layers.Conv2D(8, 3, dilation_rate=2, padding='same'), layers.MaxPool2D(),
      layers.ReLU(), layers.Flatten(), layers.Dense(4)]), 2.0)


def mobilenet_block():
  """An inverted residual block of MobileNetV2, a squeeze-and-excitation of MobileNetV3, and its head."""
  x = inputs = layers.Input((16, 16, 4), name='image')
  y = layers.Conv2D(12, 1, use_bias=False)(x)
  y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
  y = layers.DepthwiseConv2D(3, padding='same', use_bias=False)(y)
  y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
  s = layers.GlobalAveragePooling2D(keepdims=True)(y)
  s = layers.Conv2D(12, 1, activation='hard_sigmoid')(s)
  y = layers.Multiply()([y, s])
  y = layers.BatchNormalization()(layers.Conv2D(4, 1, use_bias=False)(y))
  x = layers.Add()([x, y])
  x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
  x = layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2)(x)
  x = layers.AveragePooling2D(3, strides=2, padding='same')(x)
  x = layers.Lambda(tf.nn.relu6)(x)
  x = layers.GlobalAveragePooling2D()(x)
  return randomized(keras.Model(inputs, layers.Dense(6, activation='softmax', name='scores')(x)), 2.0)


def key_of(model):
  return model.input_names[0]


def float_case(model, *shape, **options):
  calls = [{key_of(model): random(n, *shape)} for n in (1, 3)]
  return converted(model, **options), calls


@case
def mlp_float():
  """A perceptron of dense layers."""
  return float_case(mlp(), 8)


@case
def mlp_float16():
  """A perceptron whose weights are half floats."""
  return float_case(mlp(), 8, quantize='float16')


@case
def mlp_dynamic():
  """A perceptron whose weights are of 8 bits; the interpreter quantizes activations too, we don't."""
  model = randomized(keras.Sequential([layers.Input((64,)), layers.Dense(48, activation='relu'), layers.Dense(5)]), 2.0)
  return converted(model, quantize='dynamic'), [{key_of(model): random(2, 64)}], {'atol': 0.03}


def quantized_case(model, shape, io=None, quantize='int8', tolerance=ONE_QUANTUM):
  samples = [random(*shape) for _ in range(40)]
  flat = converted(model, quantize=quantize, samples=samples, io=io)
  if io is None:
    return flat, [{key_of(model): random(2, *shape)}], tolerance
  info = np.iinfo(io.as_numpy_dtype)
  calls = [{key_of(model): np.random.default_rng(n).integers(info.min, info.max, (n, *shape), endpoint=True)
            .astype(io.as_numpy_dtype)} for n in (1, 2)]
  return flat, calls, tolerance


@case
def mlp_int8():
  """A perceptron in integers of 8 bits throughout."""
  return quantized_case(mlp(), (8,), tf.int8)


@case
def mlp_uint8():
  """The same with unsigned inputs and outputs, as older models have them."""
  return quantized_case(mlp(), (8,), tf.uint8)


@case
def mlp_int8_float_io():
  """In integers inside, with floats as inputs and outputs."""
  return quantized_case(mlp(), (8,), tolerance={'atol': 1 / 256 + 1e-6})


@case
def mlp_int16():
  """Activations of 16 bits, weights of 8."""
  return quantized_case(mlp(), (8,), tf.int16, 'int16', {'atol': 3, 'mean_atol': 1})


@case
def cnn_float():
  """Convolutions with strides and dilations, a normalization folded into them, and pooling."""
  return float_case(cnn(), 12, 12, 3)


@case
def cnn_int8():
  """The same in integers of 8 bits."""
  return quantized_case(cnn(), (12, 12, 3), tf.int8)


@case
def mobilenet_float():
  """Depthwise convolutions, residuals, gates and padding."""
  return float_case(mobilenet_block(), 16, 16, 4)


@case
def mobilenet_int8():
  """The same in integers of 8 bits."""
  return quantized_case(mobilenet_block(), (16, 16, 4), tf.int8)


@case
def mobilenet_uint8():
  """The same with unsigned inputs and outputs."""
  return quantized_case(mobilenet_block(), (16, 16, 4), tf.uint8)


def recurrent(layer, length=6, features=3, batch=1):
  x = keras.Input((length, features), batch_size=batch, name='sequence')
  return randomized(keras.Model(x, layer(x)), 2.0)


def sequences(model, length=6, features=3, batch=1, **options):
  return converted(model, **options), [{'sequence': random(batch, length, features)}]


@case
def lstm_float():
  """An LSTM over a sequence."""
  return sequences(recurrent(layers.LSTM(5, return_sequences=True)))


@case
def lstm_last_float():
  """The last state of an LSTM, for a batch."""
  return sequences(recurrent(layers.LSTM(5), batch=2), batch=2)


@case
def lstm_bidirectional_float():
  """An LSTM in both directions."""
  return sequences(recurrent(layers.Bidirectional(layers.LSTM(4, return_sequences=True))))


@case
def lstm_int8():
  """An LSTM in integers of 8 bits; its cell is computed in 16."""
  model = recurrent(layers.LSTM(5, return_sequences=True))
  samples = [random(6, 3) for _ in range(40)]
  calls = [{'sequence': np.random.default_rng(3).integers(-128, 127, (1, 6, 3)).astype(np.int8)}]
  return converted(model, quantize='int8', samples=samples, io=tf.int8), calls, {'atol': 3, 'mean_atol': 1}


@case
def lstm_while_float():
  """An LSTM for batches of any size: a loop whose lists are TensorFlow's own operators."""
  model = recurrent(layers.LSTM(4, return_sequences=True), batch=None)
  x = random(2, 6, 3)
  # The interpreter of the Python package can't run those: the answer is the model's own.
  outputs = {model.output_names[0]: model(x).numpy()}
  return converted(model, flex=True), [('serving_default', {'sequence': x}, outputs)]


@case
def gru_float():
  """A GRU, which is a loop to TensorFlow Lite."""
  return sequences(recurrent(layers.GRU(4)))


@case
def rnn_float():
  """A simple recurrent layer."""
  return sequences(recurrent(layers.SimpleRNN(4, return_sequences=True)))


@case
def attention_float():
  """Self-attention with normalization, as transformers have it."""
  x = inputs = keras.Input((5, 8), name='sequence')
  x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)])
  x = layers.LayerNormalization()(x)
  model = randomized(keras.Model(inputs, layers.Dense(3, activation='gelu')(x)), 2.0)
  return sequences(model, 5, 8, 2)


@case
def embedding_float():
  """Words to vectors, whose mean is classified."""
  model = randomized(keras.Sequential([
      layers.Input((7,), dtype='int32', name='words'), layers.Embedding(20, 6), layers.GlobalAveragePooling1D(),
      layers.Dense(1, activation='sigmoid')]))
  return converted(model), [{'words': np.array([[1, 5, 19, 0, 0, 2, 2]], np.int32)}]


@case
def upsampling_float():
  """A decoder: transposed convolutions and resizing."""
  x = inputs = keras.Input((5, 5, 3), name='image')
  x = layers.Conv2DTranspose(4, 3, strides=2, padding='same', activation='relu')(x)
  x = layers.UpSampling2D(2, interpolation='bilinear')(x)
  x = layers.UpSampling2D(2)(x)
  x = layers.Conv2DTranspose(2, 3, padding='valid')(x)
  model = randomized(keras.Model(inputs, layers.LeakyReLU(0.2)(layers.PReLU(shared_axes=[1, 2])(x))), 2.0)
  return converted(model), [{'image': random(1, 5, 5, 3)}]


@case
def upsampling_int8():
  """The same in integers of 8 bits."""
  x = inputs = keras.Input((5, 5, 3), name='image')
  x = layers.Conv2DTranspose(4, 3, strides=2, padding='same', activation='relu')(x)
  x = layers.UpSampling2D(2, interpolation='bilinear')(x)
  x = layers.LeakyReLU(0.2)(layers.Concatenate()([x, layers.UpSampling2D(2)(layers.Conv2DTranspose(2, 3, strides=2, padding='same')(inputs))]))
  # The last layer's steps are finer than those of the one before.
  model = randomized(keras.Model(inputs, x), 2.0)
  return quantized_case(model, (5, 5, 3), tf.int8, tolerance={'atol': 2, 'mean_atol': 0.25})
