"""Graphs of TensorFlow 1: loops of dynamic_rnn with lengths, decoders, beam search, feature columns and estimators'
signatures, detection's post-processing, images from JPEG strings, attention.

    python conformance/models/v1_programs.py OUT [part of a name ...]
"""
import os

os.environ['TF_USE_LEGACY_KERAS'] = '1'

import numpy as np
import recorder
from recorder import calls, tf, tf1
from serving_style import examples, predict_signature
from tensorflow.python.ops import lookup_ops, rnn, rnn_cell_impl
import tf_keras

A = []


def graph(control_v2=False, **wanted):
    """The function builds inputs and outputs (or signatures); the graph has variables by random initialisers."""
    def register(build):
        def make(folder):
            (tf1.enable_control_flow_v2 if control_v2 else tf1.disable_control_flow_v2)()
            with tf1.Graph().as_default(), tf1.Session() as session:
                tf1.set_random_seed(7)
                result = build()
                if isinstance(result, tuple):
                    inputs, outputs = result
                    signatures = {'serving_default': predict_signature(inputs, outputs)}
                else:
                    signatures = result
                session.run(tf1.global_variables_initializer())
                builder = tf1.saved_model.builder.SavedModelBuilder(folder)
                builder.add_meta_graph_and_variables(session, ['serve'], signatures, main_op=tf1.tables_initializer())
                builder.save()
            tf1.enable_control_flow_v2()
            given = wanted.get('feeds')
            return given() if given else calls(**wanted)
        make.__name__ = build.__name__
        make.__doc__ = build.__doc__
        A.append(make)
        return build
    return register


class BasicLstm:
    """TensorFlow 1's BasicLSTMCell: one kernel, gates i, j, f, o."""

    def __init__(self, units, name):
        self.units, self.name = units, name

    @property
    def state_size(self):
        return (self.units, self.units)

    def __call__(self, x, state):
        c, h = state
        with tf1.variable_scope(self.name, reuse=tf1.AUTO_REUSE):
            kernel = tf1.get_variable('kernel', [x.shape[-1] + self.units, 4 * self.units])
            bias = tf1.get_variable('bias', [4 * self.units], initializer=tf1.random_normal_initializer())
        i, j, f, o = tf.split(tf1.nn.bias_add(tf.matmul(tf.concat([x, h], 1), kernel), bias), 4, 1)
        c = tf.add(tf.multiply(c, tf.sigmoid(f + 1.0)), tf.multiply(tf.sigmoid(i), tf.tanh(j)))
        h = tf.tanh(c) * tf.sigmoid(o)
        return h, (c, h)


class V1Cell(rnn_cell_impl.RNNCell):
    """Any of the above as dynamic_rnn wants it."""

    def __init__(self, units, name, activation=tf.tanh, kind='lstm'):
        super().__init__()
        self.units, self.label, self.kind = units, name, kind
        self.basic = BasicLstm(units, name)

    @property
    def state_size(self):
        return rnn_cell_impl.LSTMStateTuple(self.units, self.units) if self.kind == 'lstm' else self.units

    @property
    def output_size(self):
        return self.units

    def zero_state(self, batch_size, dtype):
        zeros = lambda: tf.zeros([batch_size, self.units], dtype)
        return rnn_cell_impl.LSTMStateTuple(zeros(), zeros()) if self.kind == 'lstm' else zeros()

    def __call__(self, x, state, scope=None):
        if self.kind == 'lstm':
            h, (c, n) = self.basic(x, state)
            return h, rnn_cell_impl.LSTMStateTuple(c, n)
        with tf1.variable_scope(self.label, reuse=tf1.AUTO_REUSE):
            gate = tf1.get_variable('gate', [x.shape[-1] + self.units, 2 * self.units])
            candidate = tf1.get_variable('candidate', [x.shape[-1] + self.units, self.units])
        r, u = tf.split(tf.sigmoid(tf.matmul(tf.concat([x, state], 1), gate)), 2, 1)
        c = tf.tanh(tf.matmul(tf.concat([x, r * state], 1), candidate))
        h = u * state + (1 - u) * c
        return h, h


class Multi(rnn_cell_impl.RNNCell):
    def __init__(self, cells):
        super().__init__()
        self.cells = cells

    @property
    def state_size(self):
        return tuple(cell.state_size for cell in self.cells)

    @property
    def output_size(self):
        return self.cells[-1].output_size

    def zero_state(self, batch_size, dtype):
        return tuple(cell.zero_state(batch_size, dtype) for cell in self.cells)

    def __call__(self, x, state, scope=None):
        states = []
        for cell, own in zip(self.cells, state):
            x, new = cell(x, own)
            states.append(new)
        return x, tuple(states)


def lengths(n):
    return np.int32([(3 * i + 2) % 6 for i in range(n)])


for v2 in (False, True):
    suffix = '_v2' if v2 else ''

    def dynamic_rnn_lengths():
        x = tf1.placeholder(tf.float32, [None, 6, 3])
        n = tf1.placeholder(tf.int32, [None])
        y, state = rnn.dynamic_rnn(V1Cell(4, 'a'), x, n, dtype=tf.float32)
        return {'x': x, 'n': n}, {'y': y, 'c': state.c, 'h': state.h}

    def dynamic_rnn_stacked():
        x = tf1.placeholder(tf.float32, [None, None, 3])
        y, state = rnn.dynamic_rnn(Multi([V1Cell(8, 'a'), V1Cell(5, 'b', kind='gru'), V1Cell(4, 'c')]), x, dtype=tf.float32)
        return {'x': x}, {'y': y, 'last': y[:, -1], 'c': state[2].c}

    def bidirectional_lengths():
        x = tf1.placeholder(tf.float32, [None, None, 3])
        n = tf1.placeholder(tf.int32, [None])
        (f, b), _ = rnn.bidirectional_dynamic_rnn(V1Cell(4, 'f'), V1Cell(4, 'b', kind='gru'), x, n, dtype=tf.float32)
        return {'x': x, 'n': n}, {'y': tf.concat([f, b], 2)}

    def time_major_rnn():
        x = tf1.placeholder(tf.float32, [6, None, 3])
        y, _ = rnn.dynamic_rnn(V1Cell(4, 'a', kind='gru'), x, dtype=tf.float32, time_major=True)
        return {'x': x}, {'y': y}

    for each in (dynamic_rnn_lengths, dynamic_rnn_stacked, bidirectional_lengths, time_major_rnn):
        each.__name__ += suffix
        graph(v2, dims=6 if each is not time_major_rnn else 3, inputs={'n': lengths})(each)


@graph(dims=5, batches=(2, 0), inputs={'x': lambda n: np.random.default_rng(n).normal(size=(n, 5, 3)).astype(np.float32)})
def recurrent_layer_without_rows():
    """An empty batch through a recurrent layer, and a sequence without steps."""
    x = tf1.placeholder(tf.float32, [None, None, 3])
    y, state = rnn.dynamic_rnn(V1Cell(4, 'a'), x, dtype=tf.float32)
    return {'x': x}, {'y': y, 'h': state.h}


@graph(dims=6, inputs={'n': lengths})
def raw_rnn_decoder():
    """A greedy decoder: the last token is the next input, until the end token or 8 steps."""
    n = tf1.placeholder(tf.int32, [None])
    batch = tf.shape(n)[0]
    table = tf1.get_variable('e', [7, 4], initializer=tf1.random_normal_initializer())
    out = tf1.get_variable('o', [5, 7], initializer=tf1.random_normal_initializer())
    cell = V1Cell(5, 'd')

    def loop(time, output, state, loop_state):
        if output is None:
            token, state = tf.zeros([batch], tf.int32), cell.zero_state(batch, tf.float32)
            emit = tf.zeros([7])
        else:
            emit = tf.matmul(output, out)
            token = tf.cast(tf.argmax(emit, 1), tf.int32)
        done = tf.logical_or(time >= n, tf.logical_and(tf.equal(token, 3), time > 0))
        return done, tf.nn.embedding_lookup(table, token), state, emit, None

    emits, state, _ = rnn.raw_rnn(cell, loop)
    return {'n': n}, {'logits': emits.stack(), 'h': state.h}


def greedy(max_steps):
    source = tf1.placeholder(tf.int32, [None, None], name='source')
    table = tf1.get_variable('e', [9, 6], initializer=tf1.random_normal_initializer())
    x = tf.nn.embedding_lookup(table, source)
    size = tf.reduce_sum(tf.cast(source > 0, tf.int32), 1)
    memory, state = rnn.dynamic_rnn(V1Cell(6, 'enc', kind='gru'), x, size, dtype=tf.float32)
    keys = tf1.layers.dense(memory, 6, use_bias=False)
    mask = tf.sequence_mask(size, tf.shape(source)[1])
    cell = V1Cell(6, 'dec', kind='gru')
    out = tf1.get_variable('o', [12, 9], initializer=tf1.random_normal_initializer())
    return source, table, memory, state, keys, mask, cell, out, max_steps


@graph(dims=5, highest={'source': 9})
def attention_greedy():
    """Seq2seq with Bahdanau attention, greedy, with a while_loop and TensorArrays that grow."""
    source, table, memory, state, keys, mask, cell, out, steps = greedy(6)
    batch = tf.shape(source)[0]
    v = tf1.get_variable('v', [6])

    def body(time, token, state, done, tokens, weights):
        h, state = cell(tf.nn.embedding_lookup(table, token), state)
        scores = tf.reduce_sum(v * tf.tanh(keys + h[:, None]), 2)
        scores = tf1.where(mask, scores, tf.fill(tf.shape(scores), -1e9))
        weight = tf.nn.softmax(scores)
        context = tf.squeeze(tf.matmul(weight[:, None], memory), 1)
        token = tf.argmax(tf.matmul(tf.concat([h, context], 1), out), 1, output_type=tf.int32)
        token = tf1.where(done, tf.zeros_like(token), token)
        return time + 1, token, state, tf.logical_or(done, tf.equal(token, 1)), tokens.write(time, token), weights.write(time, weight)

    init = (0, tf.fill([batch], 2), state, tf.zeros([batch], tf.bool), tf.TensorArray(tf.int32, 0, True), tf.TensorArray(tf.float32, 0, True))
    final = tf1.while_loop(lambda t, *r: tf.logical_and(t < steps, tf.logical_not(tf.reduce_all(r[2]))), body, init,
                           shape_invariants=(tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape([None, 6]), tf.TensorShape([None]), tf.TensorShape(None), tf.TensorShape(None)))
    return {'source': source}, {'tokens': tf.transpose(final[4].stack()), 'weights': final[5].stack()}


@graph(dims=5, highest={'source': 9})
def beam_search():
    """Beam search of three beams with gather of states, and back pointers followed by gather_tree."""
    source, table, memory, state, keys, mask, cell, out, steps = greedy(5)
    batch, beams = tf.shape(source)[0], 3
    tile = lambda t: tf.reshape(tf.tile(t[:, None], [1, beams] + [1] * (len(t.shape) - 1)), tf.concat([[batch * beams], tf.shape(t)[1:]], 0))
    state, memory = tile(state), tile(memory)
    state.set_shape([None, 6])
    scores = tf.tile(tf.constant([[0.0, -1e9, -1e9]]), [batch, 1])

    def body(time, token, state, scores, tokens, parents):
        h, state = cell(tf.nn.embedding_lookup(table, tf.reshape(token, [-1])), state)
        context = tf.reduce_mean(memory, 1)
        logp = tf.nn.log_softmax(tf.matmul(tf.concat([h, context], 1), out))
        total = tf.reshape(scores[:, :, None] + tf.reshape(logp, [batch, beams, 9]), [batch, -1])
        scores, picks = tf.nn.top_k(total, beams)
        parent, token = picks // 9, picks % 9
        rows = tf.reshape(tf.range(batch)[:, None] * beams + parent, [-1])
        state = tf.gather(state, rows)
        return time + 1, token, state, scores, tokens.write(time, token), parents.write(time, parent)

    init = (0, tf.fill([batch, beams], 2), state, scores, tf.TensorArray(tf.int32, steps), tf.TensorArray(tf.int32, steps))
    final = tf1.while_loop(lambda t, *r: t < steps, body, init,
                           shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, 3]), tf.TensorShape([None, 6]), tf.TensorShape([None, 3]), tf.TensorShape(None), tf.TensorShape(None)))
    return {'source': source}, {'tokens': final[4].stack(), 'parents': final[5].stack(), 'scores': final[3]}


@graph(dims=4)
def nested_conditions():
    x = tf1.placeholder(tf.float32, [None, 3])
    k = tf1.placeholder_with_default(2, [])
    total = tf.reduce_sum(x)
    y = tf1.cond(total > 0, lambda: tf1.cond(k > 1, lambda: x * 2, lambda: x + 1), lambda: tf1.while_loop(lambda v: tf.reduce_max(v) < 10, lambda v: v * v + 1, [x])[0])
    z = tf1.case([(tf.equal(k, 1), lambda: tf.constant('one')), (tf.equal(k, 2), lambda: tf.constant('two'))], default=lambda: tf.strings.as_string(k))
    i = tf1.while_loop(lambda i, s: i < k, lambda i, s: (i + 1, tf1.while_loop(lambda j, t: j < i, lambda j, t: (j + 1, t + tf.cast(j, tf.float32)), [0, s])[1]), [0, total])
    return {'x': x, 'k': k}, {'y': y, 'z': z, 's': i[1]}


@graph(dims=5)
def scans_and_maps():
    x = tf1.placeholder(tf.float32, [None, None])
    return {'x': x}, {'scan': tf.scan(lambda a, v: 0.5 * a + v, x), 'fold': tf.foldl(lambda a, v: tf.maximum(a, v), x), 'map': tf.map_fn(lambda v: tf.sort(v)[:2], x),
                      'pair': tf.map_fn(lambda p: (p[0] + p[1], p[0] * 2), (x, -x), dtype=(tf.float32, tf.float32))[0], 'foldr': tf.foldr(lambda a, v: a - v, x)}


JPEG = {}


def jpeg(n):
    with tf.Graph().as_default(), tf1.Session() as session:
        ramp = lambda i: (np.add.outer(np.arange(20) * (5 + i), np.arange(24) * 4)[..., None] % 256 * np.ones(3)).astype(np.uint8)
        return np.array([session.run(tf.io.encode_jpeg(ramp(i) // 2 + 40, quality=95)) for i in range(n)], object)


@graph(signatures=['serving_default'], inputs={'image_bytes': jpeg}, tol={'p': {'atol': 3e-2}, 'thumb': {'atol': 4, 'mean_atol': 1.0}}, rtol=1e-2)
def jpeg_map():
    """Images as JPEG strings, decoded in map_fn, resized, through a small network."""
    strings = tf1.placeholder(tf.string, [None], name='image_bytes')

    def decode(s):
        image = tf.image.decode_jpeg(s, channels=3)
        image = tf.image.convert_image_dtype(image, tf.float32)
        image = tf.image.central_crop(image, 0.875)
        image = tf1.image.resize_bilinear(image[None], [12, 12], align_corners=False)
        return (tf.squeeze(image, [0]) - 0.5) * 2.0

    images = tf.map_fn(decode, strings, dtype=tf.float32)
    y = tf1.layers.conv2d(images, 4, 3, activation=tf.nn.relu6)
    y = tf.reduce_mean(y, [1, 2])
    return {'image_bytes': strings}, {'p': tf.nn.softmax(tf1.layers.dense(y, 3))}


def detection(boxes, scores, limit):
    """What object detection models end in: per class suppression inside a map, padded to a size."""
    def one(pair):
        box, score = pair
        found, kept, labels = [], [], []
        for c in range(score.shape[-1]):
            picked = tf.image.non_max_suppression(box, score[:, c], limit, 0.5, 0.2)
            found.append(tf.gather(box, picked))
            kept.append(tf.gather(score[:, c], picked))
            labels.append(tf.fill(tf.shape(picked), float(c)))
        found, kept, labels = tf.concat(found, 0), tf.concat(kept, 0), tf.concat(labels, 0)
        values, order = tf.nn.top_k(kept, tf.minimum(limit, tf.size(kept)))
        count = tf.size(values)
        pad = lambda t: tf.pad(t, [[0, limit - count]] + [[0, 0]] * (len(t.shape) - 1))
        return pad(tf.ensure_shape(tf.gather(found, order), [None, 4])), pad(values), pad(tf.gather(labels, order)), tf.cast(count, tf.float32)

    return tf.map_fn(one, (boxes, scores), dtype=(tf.float32, tf.float32, tf.float32, tf.float32))


@graph(highest={'image_tensor': 255}, dims=32)
def ssd():
    """uint8 images of any size in; boxes, classes, scores and counts out."""
    image = tf1.placeholder(tf.uint8, [None, None, None, 3], name='image_tensor')
    x = tf.map_fn(lambda i: tf.image.resize(tf.cast(i, tf.float32), [32, 32]), image, dtype=tf.float32)
    x = x * (2.0 / 255) - 1.0
    y = tf1.layers.conv2d(x, 8, 3, strides=4, padding='same', activation=tf.nn.relu6)
    y = tf1.layers.conv2d(y, 6 + 4, 3, padding='same', bias_initializer=tf1.random_normal_initializer())
    codes, scores = tf.split(tf.reshape(y, [tf.shape(y)[0], 64, 10]), [4, 6], 2)
    grid = tf.stack(tf.meshgrid(tf.range(8.0), tf.range(8.0), indexing='ij'), -1)
    anchors = tf.reshape(tf.concat([grid / 8, (grid + 1.5) / 8], -1), [1, 64, 4])
    boxes = tf.clip_by_value(anchors + codes * 0.05, 0.0, 1.0)
    b, s, c, n = detection(boxes, tf.sigmoid(scores[:, :, :3]), 10)
    b2, s2, c2, n2 = tf.image.combined_non_max_suppression(boxes[:, :, None], tf.sigmoid(scores[:, :, :3]), 5, 10, 0.5, 0.3)
    return {'image_tensor': image}, {'detection_boxes': b, 'detection_scores': s, 'detection_classes': c + 1, 'num_detections': n, 'b2': b2, 's2': s2, 'c2': c2, 'n2': n2}


@graph(highest={'image': 255}, dims=24)
def faster_rcnn():
    """Proposals, crop_and_resize, a second stage; masks pasted."""
    image = tf1.placeholder(tf.uint8, [1, None, None, 3], name='image')
    x = tf.cast(image, tf.float32) / 255.0
    features = tf1.layers.conv2d(x, 6, 3, strides=2, padding='same', activation=tf.nn.relu)
    shape = tf.cast(tf.shape(features)[1:3], tf.float32)
    ys, xs = tf.meshgrid(tf.range(shape[0]), tf.range(shape[1]), indexing='ij')
    centers = tf.reshape(tf.stack([ys, xs], -1), [-1, 2])
    boxes = tf.concat([(centers - 1) / shape, (centers + 2) / shape], 1)
    scores = tf.reshape(tf1.layers.conv2d(features, 1, 1), [-1])
    picked, kept = tf.image.non_max_suppression_with_scores(boxes, scores, 7, 0.4, soft_nms_sigma=0.3)
    rois = tf.gather(boxes, picked)
    crops = tf.image.crop_and_resize(features, rois, tf.zeros_like(picked), [4, 4])
    pooled = tf1.layers.flatten(tf1.layers.max_pooling2d(crops, 2, 2))
    classes = tf.nn.softmax(tf1.layers.dense(pooled, 3))
    kept_rows = tf.where(classes[:, 1] > 0.2)[:, 0]
    masks = tf.image.resize(tf1.layers.conv2d_transpose(crops, 1, 2, 2), [10, 10])
    return {'image': image}, {'rois': rois, 'scores': kept, 'classes': classes, 'kept': kept_rows, 'chosen': tf.gather(rois, kept_rows), 'masks': tf.greater(masks, 0.0)}


def columns(feature_column):
    age = feature_column.numeric_column('age')
    return [
        age,
        feature_column.bucketized_column(age, [20, 30, 40]),
        feature_column.indicator_column(feature_column.categorical_column_with_vocabulary_list('city', ['paris', 'rome'], num_oov_buckets=1)),
        feature_column.indicator_column(feature_column.categorical_column_with_hash_bucket('job', 7)),
        feature_column.embedding_column(feature_column.categorical_column_with_identity('kind', 5, default_value=0), 3),
        feature_column.embedding_column(feature_column.crossed_column(['city', 'job'], 11), 2, combiner='sqrtn'),
        feature_column.embedding_column(feature_column.weighted_categorical_column(feature_column.categorical_column_with_vocabulary_list('tags', ['x', 'y', 'z']), 'weights'), 2),
    ]


def people(n):
    rows = [{'age': [25.0], 'city': ['paris'], 'job': ['cook'], 'kind': [1], 'tags': ['x', 'z'], 'weights': [0.5, 2.0]},
            {'age': [61.0], 'city': ['oslo'], 'job': ['smith'], 'kind': [4], 'tags': ['y'], 'weights': [1.0]}, {'age': [33.0]},
            {'age': [20.0], 'city': ['rome']}, {'age': [5.0], 'kind': [2]}]
    return examples(*rows[:n])


def estimator_feeds():
    return [('serving_default', {'inputs': people(n)}) for n in (1, 2, 5)] + [('predict', {'examples': people(n)}) for n in (1, 2, 5)] + [('regression', {'inputs': people(n)}) for n in (1, 5)]


@graph(feeds=estimator_feeds)
def estimator_dnn_linear():
    """What DNNLinearCombinedClassifier exports: classify, regress and predict over one ParseExample."""
    fc = tf1.feature_column
    serialized = tf1.placeholder(tf.string, [None], name='input_example_tensor')
    chosen = columns(fc)
    features = tf1.io.parse_example(serialized, fc.make_parse_example_spec(chosen))
    dense = fc.input_layer(features, chosen)
    hidden = tf1.layers.dense(dense, 8, activation=tf.nn.relu)
    wide = fc.linear_model(features, [chosen[1], fc.categorical_column_with_hash_bucket('job', 7), fc.crossed_column(['city', 'job'], 11)])
    logits = tf1.layers.dense(hidden, 1) + wide
    two = tf.concat([tf.zeros_like(logits), logits], 1)
    p = tf.nn.softmax(two)
    classes = tf.tile(tf.constant([['0', '1']]), [tf.shape(p)[0], 1])
    ids = tf.argmax(p, 1)[:, None]
    return {
        'serving_default': predict_signature({'inputs': serialized}, {'classes': classes, 'scores': p}, 'tensorflow/serving/classify'),
        'regression': predict_signature({'inputs': serialized}, {'outputs': tf.sigmoid(logits)}, 'tensorflow/serving/regress'),
        'predict': predict_signature({'examples': serialized}, {'logits': logits, 'logistic': tf.sigmoid(logits), 'probabilities': p, 'class_ids': ids, 'classes': tf.strings.as_string(ids)})}


@graph(feeds=lambda: [('serving_default', {'x': examples(*[{'words': ['a', 'cat'][:i + 1], 'n': [1.0, 2.0][:i + 1]} for i in range(n)])}) for n in (1, 2)])
def sequence_columns():
    fc = tf.feature_column
    serialized = tf1.placeholder(tf.string, [None])
    words = fc.sequence_categorical_column_with_hash_bucket('words', 10)
    numbers = fc.sequence_numeric_column('n')
    features = tf1.io.parse_example(serialized, fc.make_parse_example_spec([fc.embedding_column(words, 3), numbers]))
    layer = tf_keras.experimental.SequenceFeatures([fc.embedding_column(words, 3), numbers])
    dense, size = layer(features)
    return {'x': serialized}, {'dense': dense, 'size': size}


@graph(feeds=lambda: [('serving_default', {'text': np.array(t, object)}) for t in (['the cat'], ['a mat sat here', 'the'], ['', 'x y', 'the cat sat', 'on', 'the mat'])])
def nnlm_module():
    """A text embedding of TF-Hub's kind: split, normalise, table, sparse lookup with combiner."""
    text = tf1.placeholder(tf.string, [None], name='text')
    clean = tf.strings.regex_replace(text, r'\pP', '')
    tokens = tf1.string_split(clean, ' ')
    table = lookup_ops.index_table_from_tensor(['the', 'cat', 'sat', 'on', 'mat'], num_oov_buckets=3, hasher_spec=lookup_ops.FastHashSpec)
    ids = tf.SparseTensor(tokens.indices, table.lookup(tokens.values), tokens.dense_shape)
    filled, _ = tf.sparse.fill_empty_rows(ids, tf.constant(0, tf.int64))
    filled = tf.sparse.reset_shape(filled)
    embeddings = tf1.get_variable('embeddings', [8, 6], partitioner=tf1.fixed_size_partitioner(2), initializer=tf1.random_normal_initializer())
    return {'text': text}, {'sqrtn': tf1.nn.embedding_lookup_sparse(embeddings, filled, None, combiner='sqrtn'), 'mean': tf1.nn.safe_embedding_lookup_sparse(embeddings, ids, combiner='mean')}


@graph(dims=24, inputs={'lengths': lambda n: np.int32([24, 7, 12, 1, 20][:n])})
def ctc_acoustic():
    """Frames to text: bidirectional LSTM, CTC beam search."""
    x = tf1.placeholder(tf.float32, [None, None, 5])
    n = tf1.placeholder(tf.int32, [None], name='lengths')
    (f, b), _ = rnn.bidirectional_dynamic_rnn(V1Cell(6, 'f'), V1Cell(6, 'b'), x, n, dtype=tf.float32)
    logits = tf.transpose(tf1.layers.dense(tf.concat([f, b], 2), 6, kernel_initializer=tf1.random_normal_initializer(0, 2.0)), [1, 0, 2])
    beam, score = tf1.nn.ctc_beam_search_decoder(logits, n, 8, 2, merge_repeated=False)
    greedy_path, _ = tf1.nn.ctc_greedy_decoder(logits, n)
    return {'x': x, 'lengths': n}, {'beam': tf1.sparse_tensor_to_dense(beam[0], -1), 'beam2': tf1.sparse_tensor_to_dense(beam[1], -1), 'score': score, 'greedy': tf1.sparse_tensor_to_dense(greedy_path[0], -1)}


@graph(dims=32)
def style_transfer():
    """Instance normalisation, reflection padding, resize-convolutions, any image size."""
    x = tf1.placeholder(tf.float32, [None, None, None, 3])

    def normal(y):
        mean, var = tf1.nn.moments(y, [1, 2], keep_dims=True)
        size = y.shape[-1]
        name = f'scale{len(tf1.global_variables())}'
        return (y - mean) / tf.sqrt(var + 1e-3) * tf1.get_variable(name, [size], initializer=tf1.random_normal_initializer(1.0)) + 0.1

    y = tf.pad(x, [[0, 0], [4, 4], [4, 4], [0, 0]], 'REFLECT')
    y = tf.nn.relu(normal(tf1.layers.conv2d(y, 4, 9)))
    y = tf.nn.relu(normal(tf1.layers.conv2d(tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]], 'SYMMETRIC'), 8, 3, strides=2)))
    z = normal(tf1.layers.conv2d(tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]], 'REFLECT'), 8, 3))
    y = y + z
    y = tf1.image.resize_nearest_neighbor(y, tf.shape(y)[1:3] * 2)
    y = tf1.layers.conv2d(y, 3, 3, padding='same', activation=tf.nn.tanh)
    return {'x': x}, {'y': y * 127.5 + 127.5, 'u8': tf.cast(tf.clip_by_value(tf.round(y * 127.5 + 127.5), 0, 255), tf.uint8)}


@graph(dims=8)
def super_resolution():
    x = tf1.placeholder(tf.float32, [None, None, None, 1])
    y = tf1.layers.conv2d(x, 8, 5, padding='same', activation=tf.nn.tanh)
    y = tf1.layers.conv2d(y, 9, 3, padding='same')
    up = tf1.image.resize_bicubic(x, tf.shape(x)[1:3] * 3)
    t = tf1.layers.conv2d_transpose(x, 1, 9, 3, padding='same')
    return {'x': x}, {'y': tf1.depth_to_space(y, 3) + up + t, 'area': tf1.image.resize_area(x, [4, 4]), 'back': tf1.space_to_depth(tf1.image.resize_bilinear(x, [8, 8], align_corners=True), 2)}


@graph()
def old_layers():
    """LRN, grouped convolution by split, fixed unpooling: AlexNet's and SegNet's ways."""
    x = tf1.placeholder(tf.float32, [None, 16, 16, 4])
    y = tf1.layers.conv2d(x, 8, 3, padding='same', activation=tf.nn.relu)
    y = tf1.nn.lrn(y, 2, alpha=2e-5, beta=0.75, bias=1.0)
    pooled, where = tf1.nn.max_pool_with_argmax(y, [1, 2, 2, 1], [1, 2, 2, 1], 'VALID')
    a, b = tf.split(pooled, 2, 3)
    w = tf1.get_variable('w', [3, 3, 4, 4])
    g = tf.concat([tf1.nn.conv2d(a, w, [1, 1, 1, 1], 'SAME'), tf1.nn.atrous_conv2d(b, w, 2, 'SAME')], 3)
    flat = tf.reshape(pooled, [-1])
    shape = tf.shape(y, out_type=tf.int64)
    batch = tf.reshape(tf.range(shape[0]), [-1, 1, 1, 1]) * 16 * 16 * 8
    unpooled = tf.scatter_nd(tf.reshape(where + batch, [-1, 1]), flat, tf.reduce_prod(shape)[None])
    w3 = tf1.get_variable('d', [3, 3, 8])
    return {'x': x}, {'g': g, 'un': tf.reshape(unpooled, shape), 'dil': tf1.nn.dilation2d(pooled, w3, [1, 1, 1, 1], [1, 1, 1, 1], 'SAME'),
                      'l2': tf1.nn.l2_normalize(g, 3), 'topk': tf.math.in_top_k(tf.zeros([tf.shape(g)[0]], tf.int32), tf.reduce_mean(g, [1, 2]), 2), 'xw': tf1.nn.moments(g, [0, 1, 2])[1]}


@graph(feeds=lambda: [('serving_default', {'x': np.random.default_rng(c).normal(size=(2, 5, 5, c)).astype(np.float32)}) for c in (4, 2, 8)])
def convolution_of_any_channels():
    """The filter's two channels convolve as many groups of the image's channels as there are."""
    x = tf1.placeholder(tf.float32, [None, None, None, None])
    return {'x': x}, {'y': tf1.nn.conv2d(x, tf1.get_variable('w', [3, 3, 2, 8]), [1, 1, 1, 1], 'SAME')}


@graph()
def v1_batch_norms():
    x = tf1.placeholder(tf.float32, [None, 6, 6, 3])
    r = lambda n: tf1.get_variable(n, [3], initializer=tf1.random_uniform_initializer(0.5, 1.5))
    a, _, _ = tf1.nn.fused_batch_norm(x, r('s'), r('o'), r('m'), r('v'), is_training=False)
    b = tf1.nn.batch_normalization(x, r('m2'), r('v2'), r('o2'), r('s2'), 1e-3)
    c, mean, var = tf1.nn.fused_batch_norm(x, r('s3'), r('o3'), is_training=True)
    return {'x': x}, {'a': a, 'b': b, 'c': c, 'mean': mean, 'var': var}


@graph(feeds=lambda: [('serving_default', {'x': np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32)}) for n in (1, 2, 5)])
def placeholder_default_iterator():
    """The input is a placeholder whose default is the next batch of a data set."""
    data = tf1.data.Dataset.from_tensor_slices(np.zeros([8, 4], np.float32)).batch(2).repeat()
    iterator = tf1.data.make_initializable_iterator(data)
    x = tf1.placeholder_with_default(iterator.get_next(), [None, 4])
    return {'x': x}, {'y': tf.nn.softmax(tf1.layers.dense(x, 3))}


@graph(feeds=lambda: [('serving_default', {'x': np.float32([[1, 2]])}, {'stateful': True})] * 3)
def counting_variable():
    x = tf1.placeholder(tf.float32, [None, 2])
    n = tf1.get_variable('n', initializer=0, use_resource=False)
    total = tf1.get_variable('t', initializer=[0.0, 0.0], use_resource=False)
    with tf.control_dependencies([tf1.assign_add(n, 1), tf1.assign_add(total, tf.reduce_sum(x, 0))]):
        y = x / tf.cast(tf.identity(n), tf.float32) + tf1.scatter_add(total, [0], [1.0]) * 0 + total.read_value()
    return {'x': x}, {'y': y}


@graph(feeds=lambda: [('serving_default', {'x': np.float32(2)}, {'stateful': True})] * 3)
def reads_after_writes():
    """An Identity of a reference variable is the variable's memory: whoever uses it later sees what was assigned since."""
    x = tf1.placeholder(tf.float32, [])
    added = tf1.get_variable('added', initializer=0.0, use_resource=False)
    assigned = tf1.get_variable('assigned', initializer=0.0, use_resource=False)
    early = tf.identity(assigned)
    with tf.control_dependencies([early]):
        update = tf1.assign(assigned, assigned + x)
    with tf.control_dependencies([tf1.assign_add(added, x), update]):
        return {'x': x}, {'identity': tf.identity(added), 'sum': added + 1.0, 'twice': tf.identity(tf.identity(added)) * 2.0,
                          'early': tf.identity(early), 'assigned': tf.identity(assigned), 'read': assigned.read_value() + 0.5}


@graph(feeds=lambda: [('serving_default', {'x': np.float32(np.arange(n * 3).reshape(n, 3))}) for n in (1, 4)])
def queue_input():
    """A graph trained with queues: the batch is a dequeue, fed over."""
    queue = tf1.FIFOQueue(10, [tf.float32], [[3]])
    queue.enqueue(tf.zeros([3]))
    batch = queue.dequeue_many(2)
    x = tf1.placeholder_with_default(batch, [None, 3])
    return {'x': x}, {'y': x * 2}


if __name__ == '__main__':
    recorder.main(A)
