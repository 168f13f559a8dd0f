"""Small models, one for each way of using a layer: name -> function of the keras module that makes it.

Every model has weights that are drawn at random, so that no mistake hides behind zeros and ones.
"""


def sequence(k, *layers, shape, dtype="float32"):
    return k.Sequential([k.Input(shape, dtype=dtype), *layers])


def functional(k, build, *shapes, dtype="float32"):
    dtypes = dtype if isinstance(dtype, (list, tuple)) else [dtype] * len(shapes)
    inputs = [k.Input(shape, dtype=d, name=f"in{i}") for i, (shape, d) in enumerate(zip(shapes, dtypes))]
    return k.Model(inputs, build(*inputs))


def common(k):
    """For Keras 2 and 3."""
    L = k.layers
    s = lambda *layers, **kw: (lambda: sequence(k, *layers, **kw))
    f = lambda build, *shapes, **kw: (lambda: functional(k, build, *shapes, **kw))
    cases = {
        "dense": s(L.Dense(4, activation="relu"), L.Dense(3, use_bias=False), shape=(5,)),
        "dense_3d": s(L.Dense(4, activation="softmax"), shape=(3, 5)),
        "einsum_dense": s(L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"), shape=(3, 5)),
        "einsum_dense_ellipsis": s(L.EinsumDense("...x,xy->...y", output_shape=4, bias_axes="y", activation="tanh"), shape=(3, 5)),
        "embedding": s(L.Embedding(7, 4), shape=(5,), dtype="int32"),
        "embedding_mask_lstm": s(L.Embedding(7, 4, mask_zero=True), L.LSTM(3), shape=(5,), dtype="int32"),
        "masking_gru": s(L.Masking(0.0), L.GRU(3, return_sequences=True), shape=(4, 2)),
        "activation_layer": s(L.Activation("elu"), shape=(5,)),
        "relu_options": s(L.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.2), shape=(9,)),
        "leaky_relu": s(L.LeakyReLU(), shape=(9,)),
        "prelu": s(L.PReLU(shared_axes=[1]), shape=(3, 4)),
        "elu": s(L.ELU(0.7), shape=(9,)),
        "softmax_axis": s(L.Softmax(axis=1), shape=(3, 4)),
        "softmax_axes": s(L.Softmax(axis=[1, 2]), shape=(3, 4)),
        "reshape": s(L.Reshape((-1, 2)), L.Permute((2, 1)), L.Flatten(), L.RepeatVector(3), shape=(3, 4)),
        "flatten_first": s(L.Flatten(data_format="channels_first"), shape=(2, 3, 4)),
        "padding_1d": s(L.ZeroPadding1D((1, 2)), L.Cropping1D((0, 1)), L.UpSampling1D(2), shape=(4, 2)),
        "padding_2d": s(L.ZeroPadding2D(((1, 0), (2, 1))), L.Cropping2D(((1, 0), (0, 2))), L.UpSampling2D((2, 3)), shape=(4, 5, 2)),
        "padding_3d": s(L.ZeroPadding3D((1, 2, 1)), L.Cropping3D(1), L.UpSampling3D(2), shape=(3, 3, 2, 2)),
        "padding_first": s(L.ZeroPadding2D(1, data_format="channels_first"), L.Cropping2D(((1, 0), (0, 1)), data_format="channels_first"), L.UpSampling2D(2, data_format="channels_first"), shape=(2, 3, 4)),
        "upsampling_bilinear": s(L.UpSampling2D((2, 3), interpolation="bilinear"), shape=(4, 5, 2)),
        "merge": f(lambda a, b: L.Concatenate()([L.Add()([a, b]), L.Subtract()([a, b]), L.Multiply()([a, b]), L.Average()([a, b]), L.Maximum()([a, b]), L.Minimum()([a, b])]), (4,), (4,)),
        "concatenate_axis": f(lambda a, b: L.Concatenate(axis=1)([a, b]), (2, 3), (4, 3)),
        "dot": f(lambda a, b: L.Dot(axes=(2, 1))([a, b]), (2, 3), (3, 4)),
        "dot_normalize": f(lambda a, b: L.Dot(axes=1, normalize=True)([a, b]), (4,), (4,)),
        "conv1d": s(L.Conv1D(3, 2, strides=2, activation="relu"), shape=(7, 2)),
        "conv1d_causal": s(L.Conv1D(3, 3, padding="causal", dilation_rate=2), shape=(7, 2)),
        "conv2d": s(L.Conv2D(3, (2, 3), padding="same", strides=(2, 1)), shape=(6, 7, 2)),
        "conv2d_dilated": s(L.Conv2D(3, 2, dilation_rate=2, use_bias=False), shape=(6, 7, 2)),
        "conv2d_groups": s(L.Conv2D(4, 2, groups=2), shape=(5, 5, 4)),
        "conv3d": s(L.Conv3D(3, 2, padding="same", strides=2), shape=(4, 4, 5, 2)),
        "depthwise_2d": s(L.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), shape=(5, 6, 2)),
        "depthwise_2d_dilated": s(L.DepthwiseConv2D(2, dilation_rate=2), shape=(6, 6, 2)),
        "depthwise_1d": s(L.DepthwiseConv1D(3, depth_multiplier=2, strides=2), shape=(8, 2)),
        "separable_2d": s(L.SeparableConv2D(3, 2, depth_multiplier=2, activation="tanh"), shape=(5, 6, 2)),
        "separable_1d": s(L.SeparableConv1D(3, 2, padding="same"), shape=(6, 2)),
        "conv1d_transpose": s(L.Conv1DTranspose(3, 3, strides=2), shape=(5, 2)),
        "conv2d_transpose": s(L.Conv2DTranspose(3, (3, 2), strides=2, padding="same"), shape=(4, 3, 2)),
        "conv2d_transpose_pad": s(L.Conv2DTranspose(2, 3, strides=3, output_padding=1), shape=(4, 3, 2)),
        "conv3d_transpose": s(L.Conv3DTranspose(2, 2, strides=2), shape=(3, 2, 3, 2)),
        "pool_1d": s(L.MaxPooling1D(2), L.AveragePooling1D(2, strides=1, padding="same"), shape=(8, 2)),
        "pool_2d": s(L.MaxPooling2D((2, 3), strides=(1, 2)), L.AveragePooling2D(2, padding="same"), shape=(7, 8, 2)),
        "pool_3d": s(L.MaxPooling3D(2), L.AveragePooling3D(2, padding="same"), shape=(6, 5, 4, 2)),
        "pool_first": s(L.MaxPooling2D(2, data_format="channels_first"), L.GlobalAveragePooling2D(data_format="channels_first"), shape=(2, 6, 5)),
        "global_pool": f(lambda x: L.Concatenate()([L.GlobalMaxPooling2D()(x), L.GlobalAveragePooling2D()(x)]), (4, 5, 2)),
        "global_pool_keep": f(lambda x: L.GlobalAveragePooling1D(keepdims=True)(x), (4, 5)),
        "global_pool_mask": s(L.Embedding(7, 4, mask_zero=True), L.GlobalAveragePooling1D(), shape=(5,), dtype="int32"),
        "batch_norm": s(L.BatchNormalization(), shape=(4, 5)),
        "batch_norm_axis": s(L.BatchNormalization(axis=1, center=False), shape=(4, 5)),
        "batch_norm_no_scale": s(L.BatchNormalization(scale=False, epsilon=0.1), shape=(5,)),
        "layer_norm": s(L.LayerNormalization(), shape=(4, 5)),
        "layer_norm_axes": s(L.LayerNormalization(axis=[1, 2], center=False), shape=(4, 5)),
        "layer_norm_axis": s(L.LayerNormalization(axis=1, scale=False), shape=(4, 5)),
        "group_norm": s(L.GroupNormalization(groups=2), shape=(4, 5, 6)),
        "group_norm_axis": s(L.GroupNormalization(groups=2, axis=1), shape=(4, 5)),
        "unit_norm": s(L.UnitNormalization(), shape=(4, 5)),
        "unit_norm_axes": s(L.UnitNormalization(axis=[1, 2]), shape=(4, 5)),
        "spectral_norm": s(L.SpectralNormalization(L.Dense(3)), shape=(5,)),
        "regularization": s(L.Dropout(0.5), L.GaussianNoise(0.1), L.GaussianDropout(0.2), L.AlphaDropout(0.2), L.SpatialDropout1D(0.2), L.ActivityRegularization(0.1), L.Dense(2), shape=(3, 4)),
        "simple_rnn": s(L.SimpleRNN(3, activation="relu"), shape=(4, 2)),
        "simple_rnn_sequences": s(L.SimpleRNN(3, return_sequences=True, go_backwards=True), shape=(4, 2)),
        "lstm": s(L.LSTM(3, return_sequences=True), L.LSTM(2), shape=(4, 2)),
        "lstm_no_bias": s(L.LSTM(3, use_bias=False, recurrent_activation="hard_sigmoid"), shape=(4, 2)),
        "lstm_unknown_time": s(L.LSTM(3), shape=(None, 2)),
        "lstm_states": f(lambda x, h, c: list(L.LSTM(3, return_state=True, return_sequences=True)(x, initial_state=[h, c])), (4, 2), (3,), (3,)),
        "gru": s(L.GRU(3, return_sequences=True), L.GRU(2, reset_after=False), shape=(4, 2)),
        "gru_custom": s(L.GRU(3, activation="softsign", recurrent_activation="softmax"), shape=(4, 2)),
        "gru_state": f(lambda x: list(L.GRU(3, return_state=True, go_backwards=True)(x)), (4, 2)),
        "rnn_cells": s(L.RNN([L.LSTMCell(3), L.GRUCell(4), L.SimpleRNNCell(2)], return_sequences=True), shape=(4, 2)),
        "rnn_cell": s(L.RNN(L.GRUCell(3)), shape=(4, 2)),
        "bidirectional": s(L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(2), merge_mode="sum"), shape=(4, 2)),
        "bidirectional_mask": s(L.Embedding(7, 4, mask_zero=True), L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode="mul"), L.Bidirectional(L.LSTM(2), merge_mode="ave"), shape=(5,), dtype="int32"),
        "bidirectional_none": f(lambda x: list(L.Bidirectional(L.SimpleRNN(3), merge_mode=None)(x)), (4, 2)),
        "bidirectional_layers": s(L.Bidirectional(L.LSTM(3), backward_layer=L.GRU(2, go_backwards=True)), shape=(4, 2)),
        "time_distributed": s(L.TimeDistributed(L.Dense(3)), L.TimeDistributed(L.LayerNormalization()), shape=(4, 2)),
        "time_distributed_conv": s(L.TimeDistributed(L.Conv2D(2, 2)), L.TimeDistributed(L.Flatten()), shape=(3, 4, 4, 1)),
        "conv_lstm_2d": s(L.ConvLSTM2D(2, 2, return_sequences=True, padding="same"), L.ConvLSTM2D(2, (2, 3)), shape=(3, 4, 5, 2)),
        "conv_lstm_1d": s(L.ConvLSTM1D(2, 2, strides=2), shape=(3, 6, 2)),
        "conv_lstm_3d": s(L.ConvLSTM3D(2, 2), shape=(2, 3, 3, 3, 1)),
        "mha_cross": f(lambda q, v: L.MultiHeadAttention(2, 3, value_dim=4, output_shape=5)(q, v), (4, 6), (5, 6)),
        "mha_scores": f(lambda q: list(L.MultiHeadAttention(2, 3)(q, q, return_attention_scores=True)), (4, 6)),
        "mha_causal": f(lambda q: L.MultiHeadAttention(2, 3, use_bias=False)(q, q, use_causal_mask=True), (4, 6)),
        "mha_axes": f(lambda q: L.MultiHeadAttention(2, 3, attention_axes=(1, 2))(q, q), (2, 3, 6)),
        "mha_mask": f(lambda t: (lambda e: L.MultiHeadAttention(2, 3)(e, e))(L.Embedding(7, 4, mask_zero=True)(t)), (5,), dtype="int32"),
        "attention": f(lambda q, v: L.Attention()([q, v]), (4, 6), (5, 6)),
        "attention_key": f(lambda q, v, kk: L.Attention(use_scale=True)([q, v, kk]), (4, 6), (5, 3), (5, 6)),
        "attention_mask": f(lambda t: (lambda e: L.Attention()([e, e]))(L.Embedding(7, 4, mask_zero=True)(t)), (5,), dtype="int32"),
        "additive_attention": f(lambda q, v: L.AdditiveAttention()([q, v]), (4, 6), (5, 6)),
        "normalization_given": s(L.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0]), shape=(2,)),
        "rescaling": s(L.Rescaling(0.5, offset=-1), shape=(3, 4)),
        "resizing": s(L.Resizing(5, 7), shape=(4, 6, 2)),
        "resizing_nearest": s(L.Resizing(3, 4, interpolation="nearest"), shape=(6, 6, 2)),
        "resizing_bicubic": s(L.Resizing(5, 7, interpolation="bicubic"), shape=(4, 6, 2)),
        "resizing_crop": s(L.Resizing(4, 4, crop_to_aspect_ratio=True), shape=(6, 9, 2)),
        "center_crop": s(L.CenterCrop(3, 4), shape=(6, 7, 2)),
        "center_crop_small": s(L.CenterCrop(8, 4), shape=(6, 7, 2)),
        "random_picture": s(L.RandomFlip(), L.RandomRotation(0.1), L.RandomZoom(0.1), L.RandomContrast(0.2), L.RandomTranslation(0.1, 0.1), L.RandomBrightness(0.2), L.Conv2D(1, 2), shape=(4, 5, 1)),
        "category_multi_hot": s(L.CategoryEncoding(6, output_mode="multi_hot"), shape=(3,), dtype="int32"),
        "category_one_hot": s(L.CategoryEncoding(7, output_mode="one_hot"), shape=(1,), dtype="int32"),
        "category_count": s(L.CategoryEncoding(7, output_mode="count"), shape=(4,), dtype="int32"),
        "discretization": s(L.Discretization(bin_boundaries=[-0.5, 0.0, 0.5]), shape=(3,)),
        "discretization_one_hot": s(L.Discretization(bin_boundaries=[-0.5, 0.0, 0.5], output_mode="multi_hot"), shape=(3,)),
        "hashing_int": s(L.Hashing(5), shape=(3,), dtype="int64"),
        "hashing_string": s(L.Hashing(5, mask_value=""), shape=(3,), dtype="string"),
        "hashing_salt": s(L.Hashing(9, salt=[3, 7]), shape=(3,), dtype="string"),
        "hashed_crossing": f(lambda a, b: L.HashedCrossing(9)((a, b)), (1,), (1,), dtype=["string", "int64"]),
        "string_lookup": s(L.StringLookup(vocabulary=["a", "b", "c"], mask_token="", num_oov_indices=2), shape=(3,), dtype="string"),
        "string_lookup_count": s(L.StringLookup(vocabulary=["a", "b", "c"], output_mode="count"), shape=(3,), dtype="string"),
        "string_lookup_invert": s(L.StringLookup(vocabulary=["a", "b", "c"], invert=True), shape=(3,), dtype="int64"),
        "integer_lookup": s(L.IntegerLookup(vocabulary=[3, 5, 6]), shape=(3,), dtype="int64"),
        "integer_lookup_hot": s(L.IntegerLookup(vocabulary=[3, 5, 6], output_mode="multi_hot", num_oov_indices=2), shape=(3,), dtype="int64"),
        "tf_idf": s(L.StringLookup(vocabulary=["a", "b", "c"], idf_weights=[0.5, 0.2, 0.9], output_mode="tf_idf"), shape=(4,), dtype="string"),
        "text_int": s(L.TextVectorization(vocabulary=["a", "b", "hello"], output_sequence_length=4), shape=(1,), dtype="string"),
        "text_free": s(L.TextVectorization(vocabulary=["a", "b", "hello"]), L.Embedding(6, 3), shape=(1,), dtype="string"),
        "text_count": s(L.TextVectorization(vocabulary=["a", "b", "hello"], output_mode="count", standardize="lower"), shape=(1,), dtype="string"),
        "text_ngrams": s(L.TextVectorization(vocabulary=["a", "a b", "hello"], ngrams=2, output_mode="multi_hot"), shape=(1,), dtype="string"),
        "text_characters": s(L.TextVectorization(vocabulary=["a", "b", "h"], split="character", output_sequence_length=6), shape=(1,), dtype="string"),
        "shared": f(lambda a, b: (lambda d: L.Concatenate()([d(a), d(b), d(d(a))]))(L.Dense(4)), (4,), (4,)),
        "nested": f(lambda a: k.Sequential([k.Input((4,)), L.Dense(3), L.BatchNormalization()])(functional(k, lambda x: L.Dense(4, name="inner")(x), (5,))(a)), (5,)),
        "nested_outputs": f(lambda a: (lambda m: L.Add()(m(a)))(functional(k, lambda x: [L.Dense(4)(x), L.Dense(4)(x)], (5,))), (5,)),
        "frozen": f(lambda a: (lambda d: (setattr(d, "trainable", False), L.Dense(2)(L.BatchNormalization()(d(a))))[1])(L.Dense(4)), (5,)),
        "nested_frozen": f(lambda a: (lambda m: (setattr(m.layers[1], "trainable", False), m(a))[1])(k.Sequential([k.Input((4,)), L.Dense(3), L.BatchNormalization(), L.Dense(2)])), (4,)),
        "dict_outputs": lambda: (lambda x: k.Model(x, {"first": L.Dense(2, name="p")(x), "second": L.Dense(3, name="q")(x)}))(k.Input((4,), name="in0")),
        "mixed_half": s(L.Dense(4, dtype="mixed_float16"), L.Dense(3, dtype="float32"), shape=(5,)),
        "float64": s(L.Dense(4, dtype="float64"), shape=(5,), dtype="float64"),
    }
    for name in "relu relu6 elu selu gelu softplus softsign tanh sigmoid hard_sigmoid swish exponential linear mish leaky_relu log_softmax softmax".split():
        cases[f"act_{name}"] = s(L.Activation(name), shape=(6,))
    return cases


def keras3(k):
    L, O = k.layers, k.ops
    s = lambda *layers, **kw: (lambda: sequence(k, *layers, **kw))
    f = lambda build, *shapes, **kw: (lambda: functional(k, build, *shapes, **kw))
    cases = {
        "rms_norm": s(L.RMSNormalization(), shape=(4, 5)),
        "layer_norm_rms": s(L.LayerNormalization(rms_scaling=True), shape=(4, 5)),
        "gqa": f(lambda q, v: L.GroupQueryAttention(3, 4, 2)(q, v), (4, 6), (5, 6)),
        "mha_gate": f(lambda q: L.MultiHeadAttention(2, 3, use_gate=True)(q, q), (4, 6)),
        "mha_window": f(lambda q: L.MultiHeadAttention(2, 3, sliding_window=2)(q, q), (6, 6)),
        "attention_concat": f(lambda q, v: L.Attention(score_mode="concat", use_scale=True)([q, v]), (4, 6), (5, 6)),
        "adaptive_1d": s(L.AdaptiveAveragePooling1D(3), shape=(7, 2)),
        "adaptive_2d": s(L.AdaptiveMaxPooling2D((3, 2)), shape=(7, 5, 2)),
        "adaptive_3d": s(L.AdaptiveAveragePooling3D((2, 2, 1)), shape=(5, 4, 3, 2)),
        "reversible": f(lambda t: (lambda e: e(L.Dense(4)(e(t)), reverse=True))(L.ReversibleEmbedding(7, 4)), (5,), dtype="int32"),
        "conv_first": s(L.Conv2D(3, 2, data_format="channels_first"), L.BatchNormalization(axis=1), shape=(2, 5, 6)),
        "conv1d_groups": s(L.Conv1D(4, 2, groups=2), shape=(5, 4)),
        "resizing_pad": s(L.Resizing(4, 8, pad_to_aspect_ratio=True, fill_value=0.5), shape=(6, 5, 2)),
        "resizing_antialias": s(L.Resizing(3, 4, antialias=True), shape=(6, 9, 2)),
        "resizing_lanczos": s(L.Resizing(5, 7, interpolation="lanczos3"), shape=(4, 6, 2)),
        "identity": s(L.Identity(), L.Dense(2), shape=(5,)),
        "stft": lambda: sequence(k, L.STFTSpectrogram(mode="log", frame_length=16, frame_step=8, fft_length=16, window=None), shape=(64, 1)),
        "stft_real": lambda: sequence(k, L.STFTSpectrogram(mode="magnitude", frame_length=12, frame_step=4, fft_length=16, window=None, padding="same"), shape=(50, 2)),
        "mel": lambda: sequence(k, L.MelSpectrogram(fft_length=32, sequence_stride=8, sequence_length=16, num_mel_bins=6, sampling_rate=800, min_freq=10), shape=(64,)),
        "ops_arithmetic": f(lambda a, b: O.maximum((a + b) * 2 - b / 3, O.exp(-a)) ** 2, (4,), (4,)),
        "ops_reduce": f(lambda a: O.concatenate([O.mean(a, axis=1), O.max(a, axis=-1), O.sum(a, axis=[2])], axis=-1), (4, 4)),
        "ops_shape": f(lambda a: O.reshape(O.transpose(a, (0, 2, 1)), (-1, 12)), (3, 4)),
        "ops_slice": f(lambda a: a[:, 1:, 0] + a[:, :-1, -1], (3, 4)),
        "ops_nn": f(lambda a: O.softmax(O.gelu(a)) + O.relu(a) + O.leaky_relu(a) + O.silu(a), (4,)),
        "ops_matmul": f(lambda a, b: O.matmul(a, b), (3, 4), (4, 5)),
        "ops_einsum": f(lambda a, b: O.einsum("bij,bkj->bik", a, b), (3, 4), (5, 4)),
        "ops_misc": f(lambda a: O.where(a > 0, O.clip(a, 0, 0.5), O.expand_dims(O.mean(a, axis=1), -1)), (4,)),
        "ops_stack": f(lambda a, b: O.stack([a, b], axis=1), (4,), (4,)),
        "ops_split": f(lambda a: O.concatenate(O.split(a, 2, axis=1)[::-1], axis=-1), (4,)),
        "ops_cast": f(lambda a: O.cast(a > 0.2, "float32") + O.abs(O.round(a)), (4,)),
        "bfloat16": s(L.Dense(4, dtype="mixed_bfloat16"), L.Dense(3, dtype="float32"), shape=(5,)),
        "multi_hot_3d": s(L.CategoryEncoding(6, output_mode="multi_hot"), shape=(2, 3), dtype="int32"),
        "pipeline": lambda: sequence(k, L.Pipeline([L.Rescaling(2.0), L.CenterCrop(3, 3)]), shape=(5, 5, 1)),
        "solarization": lambda: sequence(k, L.Solarization(), shape=(4, 4, 3)),
    }
    for name in "celu glu hard_tanh hard_shrink hard_silu log_sigmoid silu soft_shrink sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink threshold".split():
        if name != "threshold":
            cases[f"act_{name}"] = s(L.Activation(name), shape=(6,))
    return cases


def keras2(k):
    import tensorflow as tf

    L = k.layers
    f = lambda build, *shapes, **kw: (lambda: functional(k, build, *shapes, **kw))
    return {
        "thresholded_relu": lambda: sequence(k, L.ThresholdedReLU(0.3), shape=(6,)),
        "op_lambda": f(lambda a, b: tf.nn.relu(a + b * 2.0) - tf.reduce_mean(a, axis=1, keepdims=True), (4,), (4,)),
        "op_slice": f(lambda a: tf.concat([a[:, 1:], a[:, :1]], axis=1), (4,)),
        "op_reshape": f(lambda a: tf.reshape(tf.transpose(a, [0, 2, 1]), [-1, 12]), (3, 4)),
        "op_matmul": f(lambda a, b: tf.matmul(a, b), (3, 4), (4, 5)),
        "locally_pooled": lambda: sequence(k, L.GlobalMaxPool1D(), shape=(4, 3)),
    }
