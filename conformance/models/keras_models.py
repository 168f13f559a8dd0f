"""Models that people build with Keras, saved by Keras 3 (`export`) and Keras 2 (`save`): recurrent, convolutional,
attention, preprocessing, segmentation, generation; under several dtype policies.

    python conformance/models/keras_models.py OUT [part of a name ...]
"""
import numpy as np
import recorder
from recorder import calls, tf
import keras
import tf_keras

A = []


def spread(model):
    random = np.random.default_rng(1)
    for weight in model.weights:
        name = getattr(weight, 'path', weight.name)
        if not tf.as_dtype(weight.dtype).is_floating or 'normalization/' in name and 'count' in name:
            continue
        shape = tuple(weight.shape)
        if 'variance' in name or 'gamma' in name:
            weight.assign(random.uniform(0.7, 1.3, shape))
        else:
            scale = 1.0 / np.sqrt(max(1, shape[0] if len(shape) < 2 else int(np.prod(shape[:-1]))))
            weight.assign(random.normal(size=shape) * scale)


def save(k, model, folder):
    if k is keras:
        model.export(folder, verbose=False)
    else:
        model.save(folder, save_format='tf')


def model(both=True, only=None, policy=None, keep_weights=False, **wanted):
    """Registers a maker for each version of Keras; the function builds the model from the module."""
    def register(build):
        for version, k in (('k3', keras), ('k2', tf_keras)):
            if only and version != only:
                continue

            def make(folder, k=k):
                if policy:
                    k.mixed_precision.set_global_policy(policy)
                try:
                    built = build(k)
                finally:
                    k.mixed_precision.set_global_policy('float32')
                if not keep_weights:
                    spread(built)
                save(k, built, folder)
                loose = {'mixed_float16': 5e-3, 'mixed_bfloat16': 4e-2}.get(policy)
                return calls(['serving_default'], **({} if loose is None else {'rtol': loose, 'atol': loose}), **wanted)

            make.__name__ = f'{build.__name__}_{version}'
            make.__doc__ = build.__doc__
            A.append(make)
        return build
    return register


def recurrent(name, layers, shape=(6, 3), **wanted):
    def build(k):
        return k.Sequential([k.Input(shape), *layers(k.layers)])
    build.__name__ = name
    model(**wanted)(build)


recurrent('stacked_lstm', lambda L: [L.LSTM(8, return_sequences=True), L.LSTM(6, return_sequences=True), L.LSTM(5), L.Dense(2)])
recurrent('gru_variable_length', lambda L: [L.GRU(8, return_sequences=True), L.GRU(5)], shape=(None, 3), dims=7)
recurrent('bidirectional_sum', lambda L: [L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode='sum'), L.Bidirectional(L.GRU(4))])
recurrent('lstm_recurrent_dropout', lambda L: [L.LSTM(4, dropout=0.2, recurrent_dropout=0.3)])
recurrent('lstm_unrolled', lambda L: [L.LSTM(4, unroll=True), L.Dense(1)])
recurrent('simple_rnn_backwards', lambda L: [L.SimpleRNN(4, go_backwards=True, return_sequences=True, activation='relu')])
recurrent('masked_stack', lambda L: [L.Masking(0.0), L.LSTM(4, return_sequences=True), L.GRU(3, return_sequences=True), L.TimeDistributed(L.Dense(2))])
recurrent('stacked_cells', lambda L: [L.RNN([L.LSTMCell(4), L.GRUCell(3), L.SimpleRNNCell(2)], return_sequences=True)])
recurrent('stacked_lstm_cells', lambda L: [L.RNN(L.StackedRNNCells([L.LSTMCell(16), L.LSTMCell(8)]))], shape=(20, 8))
recurrent('conv_lstm_1d', lambda L: [L.ConvLSTM1D(3, 3, padding='same')], shape=(4, 6, 2))
recurrent('conv_lstm_2d', lambda L: [L.ConvLSTM2D(3, 3, return_sequences=True, padding='same'), L.BatchNormalization(), L.ConvLSTM2D(2, 3), L.Flatten(), L.Dense(2)],
          shape=(4, 8, 8, 2))
recurrent('conv_lstm_bigger', lambda L: [L.ConvLSTM2D(16, 3, padding='same')], shape=(10, 20, 20, 3))
recurrent('lstm_hard_sigmoid', lambda L: [L.LSTM(8, recurrent_activation='hard_sigmoid', activation='tanh')])
recurrent('float64_lstm', lambda L: [L.LSTM(8, dtype='float64', return_sequences=True), L.GRU(4, dtype='float64')], policy='float64', shape=(20, 3))
recurrent('mixed_lstm', lambda L: [L.LSTM(8, return_sequences=True), L.Dense(2)], policy='mixed_float16')
recurrent('mixed_bfloat16_gru', lambda L: [L.GRU(8), L.Dense(2)], policy='mixed_bfloat16')
recurrent('tcn', lambda L: [L.Conv1D(8, 3, padding='causal', dilation_rate=d, activation='relu') for d in (1, 2, 4)] + [L.GlobalMaxPooling1D(), L.Dense(2)], shape=(16, 3))
recurrent('cnn_lstm', lambda L: [L.TimeDistributed(L.Conv2D(4, 3, activation='relu')), L.TimeDistributed(L.MaxPooling2D()), L.TimeDistributed(L.Flatten()),
                                 L.LSTM(6), L.Dense(3, activation='softmax')], shape=(5, 8, 8, 1))
recurrent('conv1d_lstm', lambda L: [L.Conv1D(8, 3, activation='relu'), L.MaxPooling1D(2), L.LSTM(6), L.RepeatVector(4), L.LSTM(6, return_sequences=True),
                                    L.TimeDistributed(L.Dense(2))], shape=(16, 3))


@model(only='k2')
def stateful_lstm(k):
    return k.Sequential([k.layers.LSTM(4, stateful=True, batch_input_shape=(2, 5, 3)), k.layers.Dense(1)])


@model()
def seq2seq_states(k):
    """Encoder and decoder with states handed over; attention over the encoder."""
    L = k.layers
    source, target = k.Input((None,), dtype='int32', name='source'), k.Input((None,), dtype='int32', name='target')
    encoded, h, c = L.LSTM(8, return_sequences=True, return_state=True)(L.Embedding(20, 6, mask_zero=True)(source))
    decoded = L.LSTM(8, return_sequences=True)(L.Embedding(20, 6, mask_zero=True)(target), initial_state=[h, c])
    context = L.Attention()([decoded, encoded])
    return k.Model([source, target], L.Dense(20, activation='softmax')(L.Concatenate()([decoded, context])))


@model()
def bahdanau(k):
    L = k.layers
    x = k.Input((7, 4))
    y = L.Bidirectional(L.GRU(4, return_sequences=True))(x)
    return k.Model(x, [L.AdditiveAttention()([y, y]), L.GlobalAveragePooling1D()(L.MultiHeadAttention(2, 4)(y, y))])


@model(highest={'tokens': 30})
def transformer_causal(k):
    L = k.layers

    class Positions(L.Layer):
        def __init__(self, **kw):
            super().__init__(**kw)
            self.tokens, self.positions = L.Embedding(30, 16), L.Embedding(64, 16)

        def build(self, shape):
            self.tokens.build(shape)
            self.positions.build((64,))
            self.built = True

        def call(self, x):
            return self.tokens(x) + self.positions(tf.range(tf.shape(x)[-1]))

    x = k.Input((None,), dtype='int32', name='tokens')
    y = Positions()(x)
    for _ in range(2):
        a = L.MultiHeadAttention(4, 4)(y, y, use_causal_mask=True)
        y = L.LayerNormalization()(y + a)
        f = L.Dense(16)(L.Dense(32, activation='gelu')(y))
        y = L.LayerNormalization()(y + f)
    return k.Model(x, L.Dense(30)(y))


@model(highest={'tokens': 30})
def transformer_masked(k):
    L = k.layers
    x = k.Input((9,), dtype='int64', name='tokens')
    y = L.Embedding(30, 8, mask_zero=True)(x)
    y = L.MultiHeadAttention(2, 4)(y, y)
    y = L.LayerNormalization()(y)
    return k.Model(x, L.Dense(2, activation='softmax')(L.GlobalAveragePooling1D()(y)))


@model(only='k3')
def grouped_query_attention(k):
    L = k.layers
    x = k.Input((6, 16))
    y = L.GroupQueryAttention(8, 4, 2)(x, x)
    y = L.GroupNormalization(4)(y)
    y = L.RMSNormalization()(y)
    return k.Model(x, L.UnitNormalization()(y))


@model()
def unet(k):
    L = k.layers
    x = k.Input((16, 16, 3))
    a = L.Conv2D(4, 3, padding='same', activation='relu')(x)
    b = L.MaxPooling2D()(a)
    b = L.Conv2D(8, 3, padding='same', activation='elu')(b)
    c = L.UpSampling2D(interpolation='bilinear')(b)
    c = L.Concatenate()([a, c])
    d = L.Conv2DTranspose(4, 3, strides=2, padding='same')(b)
    d = L.Add()([d, L.Conv2D(4, 1)(c)])
    return k.Model(x, L.Conv2D(2, 1, activation='softmax')(L.SpatialDropout2D(0.3)(d)))


@model(dims=20)
def fully_convolutional(k):
    """Any image size."""
    L = k.layers
    x = k.Input((None, None, 3))
    y = L.Conv2D(8, 3, strides=2, padding='same')(x)
    y = L.SeparableConv2D(8, 3, dilation_rate=2, padding='same', activation='relu')(y)
    y = L.DepthwiseConv2D(3, dilation_rate=2, padding='same')(y)
    y = L.PReLU(shared_axes=[1, 2])(y)
    g = L.GlobalAveragePooling2D(keepdims=True)(y)
    g = L.Conv2D(8, 1, activation='sigmoid')(g)
    y = L.Multiply()([y, g])
    y = L.UpSampling2D(2, interpolation='nearest')(y)
    return k.Model(x, L.Conv2D(1, 1)(y))


@model()
def deeplab(k):
    L = k.layers

    class Resize(L.Layer):
        def call(self, x, like):
            return tf.image.resize(x, tf.shape(like)[1:3])

        def compute_output_shape(self, shape, *_, **__):
            return (None, None, None, shape[-1])

    x = k.Input((33, 33, 3))
    y = L.Conv2D(8, 3, strides=4, padding='same', activation='relu')(x)
    branches = [L.Conv2D(4, 3, dilation_rate=r, padding='same')(y) for r in (1, 2, 3)]
    pooled = Resize()(L.Conv2D(4, 1)(L.GlobalAveragePooling2D(keepdims=True)(y)), like=y)
    y = L.Concatenate()([*branches, pooled])
    return k.Model(x, L.Softmax()(Resize()(L.Conv2D(5, 1)(y), like=x)))


@model()
def dcgan(k):
    L = k.layers
    return k.Sequential([k.Input((10,)), L.Dense(4 * 4 * 8, use_bias=False), L.BatchNormalization(), L.LeakyReLU(0.2), L.Reshape((4, 4, 8)),
                         L.Conv2DTranspose(4, 5, strides=1, padding='same', use_bias=False), L.BatchNormalization(), L.LeakyReLU(),
                         L.Conv2DTranspose(3, 5, strides=2, padding='same', activation='tanh'), L.Conv2DTranspose(1, 3, strides=3, padding='valid')])


@model()
def conv3d(k):
    L = k.layers
    return k.Sequential([k.Input((6, 8, 8, 1)), L.Conv3D(4, 3, activation='selu'), L.MaxPooling3D((2, 2, 2)), L.BatchNormalization(), L.ZeroPadding3D(1),
                         L.Conv3DTranspose(2, 2, strides=2), L.AveragePooling3D(2), L.UpSampling3D(2), L.Cropping3D(1), L.GlobalAveragePooling3D(), L.Dense(2)])


@model()
def conv1d_all(k):
    L = k.layers
    return k.Sequential([k.Input((24, 3)), L.ZeroPadding1D(2), L.Conv1D(6, 3, strides=2, groups=3), L.SeparableConv1D(4, 3), L.Conv1DTranspose(3, 4, strides=2, padding='same'),
                         L.AveragePooling1D(2, padding='same'), L.UpSampling1D(2), L.Cropping1D(1), L.ELU(), L.ThresholdedReLU(0.1) if hasattr(L, 'ThresholdedReLU') else L.ReLU(negative_slope=0.1, threshold=0.2, max_value=3.0),
                         L.LocallyConnected1D(2, 3) if hasattr(L, 'LocallyConnected1D') else L.Conv1D(2, 3), L.Flatten(), L.Dense(2, activation='softplus')])


@model()
def conv2d_all(k):
    L = k.layers
    return k.Sequential([k.Input((12, 12, 4)), L.Conv2D(8, (3, 2), strides=(2, 1), groups=2, activation='swish'), L.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding='same'),
                         L.AveragePooling2D(2, padding='same'), L.ZeroPadding2D(((1, 0), (2, 1))), L.Cropping2D(((0, 1), (1, 1))), L.Permute((3, 1, 2)), L.LayerNormalization(axis=[1, 2]),
                         L.Flatten(), L.Dense(6, activation='softsign'), L.GaussianNoise(0.1), L.AlphaDropout(0.1), L.ActivityRegularization(0.1), L.Dense(3, activation='log_softmax' if k is keras else 'exponential')])


@model()
def all_activations(k):
    L = k.layers
    x = k.Input((5,))
    names = ['relu', 'sigmoid', 'softmax', 'softplus', 'softsign', 'tanh', 'selu', 'elu', 'exponential', 'hard_sigmoid', 'gelu', 'swish', 'mish', 'relu6', 'leaky_relu', 'silu',
             'celu', 'glu', 'hard_shrink', 'hard_tanh', 'log_sigmoid', 'soft_shrink', 'sparse_plus', 'squareplus', 'tanh_shrink', 'sparsemax', 'sparse_sigmoid', 'threshold']
    found = []
    for name in names:
        try:
            k.activations.get(name)
        except ValueError:
            continue
        if name not in ('glu', 'threshold'):
            found.append(L.Activation(name)(x))
    return k.Model(x, L.Concatenate()(found))


@model()
def residual_channels_first(k):
    L = k.layers
    x = k.Input((8, 8, 4))
    y = L.Permute((3, 1, 2))(x)
    y = L.BatchNormalization(axis=1)(y)
    y = L.LayerNormalization(axis=1)(y)
    return k.Model(x, L.GlobalAveragePooling2D(data_format='channels_first')(y))


@model()
def wide_and_deep(k):
    L = k.layers
    wide, deep = k.Input((10,), name='wide'), k.Input((6,), name='deep')
    h = L.Dense(8, activation='relu')(deep)
    h = L.BatchNormalization()(h)
    return k.Model({'wide': wide, 'deep': deep}, {'p': L.Dense(1, activation='sigmoid')(L.Concatenate()([wide, h])), 'h': h})


@model(highest={'user': 12, 'item': 20}, keep_weights=True)
def matrix_factorization(k):
    L = k.layers
    u, i = k.Input((1,), dtype='int64', name='user'), k.Input((1,), dtype='int64', name='item')
    e = L.Flatten()(L.Embedding(12, 4, embeddings_initializer='normal')(u))
    f = L.Flatten()(L.Embedding(20, 4, embeddings_initializer='normal')(i))
    return k.Model([u, i], L.Add()([L.Dot(axes=1)([e, f]), L.Flatten()(L.Embedding(20, 1)(i))]))


@model(keep_weights=True, inputs={'age': lambda n: np.float32([[18 + 7 * i] for i in range(n)]), 'city': lambda n: np.array([[['paris', 'rome', 'oslo', '?'][i % 4]] for i in range(n)], object),
                                  'code': lambda n: np.int64([[i * 3] for i in range(n)])})
def tabular(k):
    L = k.layers
    age, city, code = k.Input((1,), name='age'), k.Input((1,), dtype='string', name='city'), k.Input((1,), dtype='int64', name='code')
    norm = L.Normalization(mean=[30.0], variance=[100.0])
    bucket = L.Discretization([20.0, 30.0, 40.0])
    lookup = L.StringLookup(vocabulary=['paris', 'rome', 'oslo'], output_mode='one_hot')
    multi = L.IntegerLookup(vocabulary=np.int64([0, 3, 6]), num_oov_indices=2)
    hashed = L.Hashing(8)
    salted = L.Hashing(8, salt=[12, 34], output_mode='one_hot')
    cross = L.HashedCrossing(16, output_mode='one_hot')
    parts = [norm(age), L.CategoryEncoding(4, output_mode='one_hot')(bucket(age)), lookup(city), L.Flatten()(L.Embedding(6, 3, embeddings_initializer='normal')(multi(code))),
             L.CategoryEncoding(8, output_mode='multi_hot')(hashed(city)), salted(city), cross((city, code))]
    parts = [L.Reshape((int(np.prod(p.shape[1:])),))(p) for p in parts]
    return k.Model([age, city, code], L.Dense(1, activation='sigmoid')(L.Concatenate()(parts)))


def review_model(name, **options):
    def build(k):
        L = k.layers
        vectorize = L.TextVectorization(**options)
        words = ['the', 'cat', 'sat', 'on', 'mat', 'the cat', 'cat sat', 't', 'h', 'e']
        idf = dict(idf_weights=np.linspace(1, 2, len(words)).tolist()) if options.get('output_mode') == 'tf_idf' else {}
        vectorize.set_vocabulary(words, **idf)
        x = k.Input((1,), dtype='string', name='text')
        y = vectorize(x)
        if options.get('output_mode', 'int') == 'int':
            y = L.Embedding(20, 8, embeddings_initializer='normal')(y)
            y = L.GlobalAveragePooling1D()(y)
        return k.Model(x, L.Dense(2)(y))
    build.__name__ = name
    model(keep_weights=True)(build)


review_model('text_int', output_sequence_length=6)
review_model('text_ragged_length', )
review_model('text_bigrams', ngrams=2, output_mode='multi_hot')
review_model('text_tfidf', output_mode='tf_idf', ngrams=2)
review_model('text_count', output_mode='count', standardize='lower')
review_model('text_characters', split='character', output_sequence_length=10)


@model(only='k2', keep_weights=True)
def text_custom_standardize(k):
    L = k.layers

    @tf_keras.utils.register_keras_serializable()
    def clean(text):
        return tf.strings.regex_replace(tf.strings.regex_replace(tf.strings.lower(text), '<br />', ' '), '[%s]' % r'!"#$%&\(\)\*\+,-\./:;<=>\?@\[\\\]\^_`{\|}~', '')

    vectorize = L.TextVectorization(standardize=clean, max_tokens=20, output_sequence_length=8)
    vectorize.set_vocabulary(['the', 'cat', 'mat'])
    return k.Sequential([k.Input((1,), dtype='string'), vectorize, L.Embedding(20, 6, mask_zero=True, embeddings_initializer='normal'), L.Bidirectional(L.LSTM(4)), L.Dense(1)])


@model(highest={'image': 255})
def image_front(k):
    """Resizing, rescaling, augmentation that does nothing when serving."""
    L = k.layers
    x = k.Input((None, None, 3), dtype='uint8', name='image')
    y = L.Resizing(16, 16)(x)
    y = L.Rescaling(1 / 127.5, -1)(y)
    y = L.RandomFlip('horizontal')(y)
    y = L.RandomRotation(0.1)(y)
    y = L.RandomZoom(0.1)(y)
    y = L.CenterCrop(12, 12)(y)
    y = L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(y)
    return k.Model(x, L.Dense(3)(L.Flatten()(L.Conv2D(4, 3)(y))))


@model(highest={'image': 255})
def image_crop_to_aspect(k):
    L = k.layers
    x = k.Input((30, 20, 3), name='image')
    y = L.Resizing(8, 8, crop_to_aspect_ratio=True, interpolation='bicubic')(x)
    z = L.Resizing(9, 7, interpolation='nearest')(x)
    return k.Model(x, [y, z])


@model(policy='mixed_float16')
def mixed16_cnn(k):
    L = k.layers
    return k.Sequential([k.Input((8, 8, 3)), L.Conv2D(8, 3, activation='relu'), L.BatchNormalization(), L.DepthwiseConv2D(3), L.GlobalAveragePooling2D(), L.Dense(4), L.Activation('softmax', dtype='float32')])


@model(policy='mixed_bfloat16')
def mixedb16_transformer(k):
    L = k.layers
    x = k.Input((6, 8))
    y = L.MultiHeadAttention(2, 4)(x, x)
    y = L.LayerNormalization()(L.Add()([x, y]))
    return k.Model(x, L.Dense(2, dtype='float32')(y))


@model()
def vae(k):
    L = k.layers

    class Sample(L.Layer):
        def call(self, inputs):
            mean, spread = inputs
            return mean + tf.exp(0.5 * spread) * tf.random.stateless_normal(tf.shape(mean), [1, 2])

        def compute_output_shape(self, shapes):
            return shapes[0]

    x = k.Input((12,))
    h = L.Dense(8, activation='relu')(x)
    z = Sample()([L.Dense(3)(h), L.Dense(3)(h)])
    return k.Model(x, [z, L.Dense(12, activation='sigmoid')(z)])


@model()
def mixture_density(k):
    L = k.layers
    x = k.Input((4,))
    h = L.Dense(8, activation='tanh')(x)
    return k.Model(x, [L.Softmax()(L.Dense(3)(h)), L.Reshape((3, 2))(L.Dense(6)(h)), L.Activation('softplus')(L.Dense(3)(h))])


@model()
def siamese(k):
    L = k.layers
    base = k.Sequential([k.Input((8, 8, 1)), L.Conv2D(4, 3, activation='relu'), L.Flatten(), L.Dense(6)])

    class Distance(L.Layer):
        def call(self, pair):
            a, b = pair
            a, b = tf.math.l2_normalize(a, -1), tf.math.l2_normalize(b, -1)
            return tf.sqrt(tf.maximum(tf.reduce_sum(tf.square(a - b), 1, keepdims=True), 1e-7))

        def compute_output_shape(self, shapes):
            return (None, 1)

    a, b = k.Input((8, 8, 1), name='left'), k.Input((8, 8, 1), name='right')
    return k.Model([a, b], Distance()([base(a), base(b)]))


@model()
def mobile_block_with_lambda(k):
    L = k.layers

    class Shuffle(L.Layer):
        def call(self, x):
            s = tf.shape(x)
            x = tf.reshape(x, [s[0], s[1], s[2], 2, 4])
            return tf.reshape(tf.transpose(x, [0, 1, 2, 4, 3]), [s[0], s[1], s[2], 8])

        def compute_output_shape(self, shape):
            return shape

    x = k.Input((8, 8, 8))
    y = Shuffle()(L.Conv2D(8, 1, groups=2)(x))
    a, b = tf.split(y, 2, -1) if k is tf_keras else keras.ops.split(y, 2, -1)
    return k.Model(x, L.Concatenate()([L.DepthwiseConv2D(3, padding='same')(a), b]))


@model(keep_weights=True)
def quantization_aware(k):
    L = k.layers

    class Fake(L.Layer):
        def __init__(self, low, high, **kw):
            super().__init__(**kw)
            self.low, self.high = low, high

        def call(self, x):
            return tf.quantization.fake_quant_with_min_max_vars(x, self.low, self.high, 8, True)

        def compute_output_shape(self, shape):
            return shape

    return k.Sequential([k.Input((6, 6, 2)), Fake(-3.0, 3.0), L.Conv2D(4, 3), Fake(0.0, 2.0), L.Flatten(), L.Dense(3), Fake(-2.0, 2.5)])


@model()
def crnn_ctc(k):
    """Text from an image: convolutions, recurrences, CTC greedy decoding."""
    L = k.layers

    class Decode(L.Layer):
        def call(self, x):
            lengths = tf.fill([tf.shape(x)[0]], tf.shape(x)[1])
            decoded, scores = tf.nn.ctc_greedy_decoder(tf.transpose(tf.math.log(x + 1e-7), [1, 0, 2]), lengths)
            dense = tf.sparse.to_dense(decoded[0], -1)
            beam, beam_scores = tf.nn.ctc_beam_search_decoder(tf.transpose(tf.math.log(x + 1e-7), [1, 0, 2]), lengths, 5, 1)
            return [dense, scores, beam_scores]

        def compute_output_shape(self, shape):
            return [(None, None), (None, 1), (None, 1)]

        def compute_output_spec(self, x):
            return [keras.KerasTensor((None, None), 'int64'), keras.KerasTensor((None, 1)), keras.KerasTensor((None, 1))]

    x = k.Input((24, 8, 1))
    y = L.Conv2D(4, 3, padding='same', activation='relu')(x)
    y = L.MaxPooling2D((2, 2))(y)
    y = L.Reshape((12, 16))(y)
    y = L.Bidirectional(L.LSTM(8, return_sequences=True))(y)
    return k.Model(x, Decode()(L.Dense(6, activation='softmax')(y)))


@model(dims=64)
def separable_resnet_unknown_batch(k):
    L = k.layers
    x = k.Input((16, 16, 3))
    y = L.Conv2D(8, 3, strides=2, padding='same', use_bias=False)(x)
    for _ in range(3):
        z = L.Activation('relu')(L.BatchNormalization()(y))
        z = L.SeparableConv2D(8, 3, padding='same')(z)
        y = L.add([y, z])
    y = L.GlobalMaxPooling2D()(y)
    return k.Model(x, L.Dense(4, activation='softmax')(L.Maximum()([y, L.Minimum()([y, y]), L.Average()([y, y]), L.Subtract()([y, y])])))


if __name__ == '__main__':
    recorder.main(A)
