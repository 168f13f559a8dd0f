"""Models as the test data of servers and as repositories have them: half_plus_two, counters, several MetaGraphs,
text protos, V1 checkpoints, tf.Modules with many signatures, unknown ranks, estimators' exports.

    python conformance/models/serving_style.py OUT [part of a name ...]
"""
import os

os.environ['TF_USE_LEGACY_KERAS'] = '1'  # for tf.compat.v1.layers

import numpy as np
import recorder
from recorder import calls, tf, tf1
from tensorflow.python.ops import lookup_ops

signature_def = tf1.saved_model.signature_def_utils
info = tf1.saved_model.utils.build_tensor_info


def predict_signature(inputs, outputs, method='tensorflow/serving/predict'):
    return signature_def.build_signature_def({k: info(v) for k, v in inputs.items()},
                                             {k: info(v) for k, v in outputs.items()}, method)


def examples(*features):
    """A batch of serialized tf.Examples."""
    def list_of(value):
        values = value if isinstance(value, (list, tuple)) else [value]
        if isinstance(values[0], (str, bytes)):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() if isinstance(v, str) else v for v in values]))
        if isinstance(values[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return np.array([tf.train.Example(features=tf.train.Features(feature={k: list_of(v) for k, v in each.items()})).SerializeToString()
                     for each in features], object)


def v1_half_plus_two(folder, as_text=False, ref=True, partition=False):
    with tf1.Graph().as_default(), tf1.Session() as session:
        serialized = tf1.placeholder(tf.string, name='tf_example')
        parsed = tf1.parse_example(serialized, {'x': tf1.FixedLenFeature([1], tf.float32),
                                                'x2': tf1.FixedLenFeature([1], tf.float32, default_value=[0.0])})
        x = tf1.identity(parsed['x'], name='x')
        options = dict(partitioner=tf1.fixed_size_partitioner(2)) if partition else {}
        a = tf1.get_variable('a', initializer=tf.constant([0.5] * 4), use_resource=not ref, **options)
        b = tf1.get_variable('b', initializer=2.0, use_resource=not ref)
        c = tf1.get_variable('c', initializer=3.0, use_resource=not ref)
        half = tf.reduce_mean(tf.convert_to_tensor(a))
        y = tf.add(tf.multiply(half, x), b, name='y')
        y2 = tf.add(tf.multiply(half, x), c, name='y2')
        y3 = tf.add(tf.multiply(half, parsed['x2']), c, name='y3')
        asset = os.path.join('/tmp', 'foo.txt')
        with open(asset, 'w', encoding='utf-8') as file:
            file.write('asset-file-contents')
        path = tf.constant(asset, name='filename_tensor')
        kept = tf1.get_variable('filename', initializer='', trainable=False, collections=[])
        assign = kept.assign(path)
        tf1.add_to_collection(tf1.GraphKeys.ASSET_FILEPATHS, path)
        session.run(tf1.global_variables_initializer())
        signatures = {
            'serving_default': predict_signature({'x': x}, {'y': y}),
            'regress_x_to_y': predict_signature({'inputs': serialized}, {'outputs': y}, 'tensorflow/serving/regress'),
            'regress_x_to_y2': predict_signature({'inputs': serialized}, {'outputs': y2}, 'tensorflow/serving/regress'),
            'regress_x2_to_y3': predict_signature({'inputs': serialized}, {'outputs': y3}, 'tensorflow/serving/regress'),
            'classify_x_to_y': predict_signature({'inputs': serialized}, {'scores': y}, 'tensorflow/serving/classify'),
            'classify_x2_to_y3': predict_signature({'inputs': tf1.identity(parsed['x2'])}, {'scores': y3}, 'tensorflow/serving/classify')}
        builder = tf1.saved_model.builder.SavedModelBuilder(folder)
        builder.add_meta_graph_and_variables(session, ['serve'], signatures, assets_collection=tf1.get_collection(tf1.GraphKeys.ASSET_FILEPATHS),
                                             main_op=tf.group(tf1.saved_model.main_op.main_op(), assign))
        builder.save(as_text=as_text)
    batch = lambda n: examples(*[{'x': float(i), 'x2': i * 2.0} for i in range(n)])
    return [('serving_default', {'x': np.arange(n, dtype=np.float32)[:, None]}) for n in (1, 2, 5)] + \
        [('serving_default', {'x': np.float32(3)})] + \
        [(name, {'inputs': batch(n)}) for name in signatures if name not in ('serving_default', 'classify_x2_to_y3') for n in (1, 5)]


def half_plus_two_ref(folder):
    return v1_half_plus_two(folder)


def half_plus_two_text(folder):
    return v1_half_plus_two(folder, as_text=True, ref=False)


def half_plus_two_partitioned(folder):
    return v1_half_plus_two(folder, partition=True)


def v1_simple_save(folder):
    with tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.float32, [None, 4])
        w = tf1.get_variable('w', [4, 3], initializer=tf1.random_normal_initializer(seed=1))
        b = tf1.get_variable('b', [3], initializer=tf1.random_normal_initializer(seed=2))
        logits = tf1.nn.xw_plus_b(x, w, b)
        session.run(tf1.global_variables_initializer())
        tf1.saved_model.simple_save(session, folder, {'x': x}, {'p': tf.nn.softmax(logits), 'class': tf.argmax(logits, 1)})
    return calls()


def v1_layers_training_graph(folder):
    """The training graph is still there: loss, optimizer slots, dropout by a placeholder with default, summaries."""
    with tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.float32, [None, 28, 28, 1], name='x')
        labels = tf1.placeholder(tf.int64, [None])
        keep = tf1.placeholder_with_default(1.0, [], name='keep')
        training = tf1.placeholder_with_default(False, [], name='training')
        y = tf1.layers.conv2d(x, 8, 3, activation=tf.nn.relu)
        y = tf1.layers.batch_normalization(y, training=training)
        y = tf1.layers.max_pooling2d(y, 2, 2)
        y = tf1.layers.flatten(y)
        y = tf1.nn.dropout(tf1.layers.dense(y, 32, activation=tf.nn.relu), keep_prob=keep)
        y = tf1.layers.dropout(y, 0.4, training=training)
        logits = tf1.layers.dense(y, 10)
        loss = tf1.losses.sparse_softmax_cross_entropy(labels, logits)
        step = tf1.train.get_or_create_global_step()
        tf1.train.AdamOptimizer().minimize(loss, step)
        tf1.summary.scalar('loss', loss)
        tf1.summary.merge_all()
        session.run(tf1.global_variables_initializer())
        table = lookup_ops.index_to_string_table_from_tensor([str(i) for i in range(10)])
        session.run(tf1.tables_initializer())
        values, indices = tf.nn.top_k(tf.nn.softmax(logits), 10)
        builder = tf1.saved_model.builder.SavedModelBuilder(folder)
        builder.add_meta_graph_and_variables(session, ['serve'], {
            'predict_images': predict_signature({'images': x}, {'scores': tf.nn.softmax(logits), 'step': tf.identity(step)}),
            'serving_default': predict_signature({'inputs': x, 'keep': keep}, {'classes': table.lookup(tf1.to_int64(indices)), 'scores': values})},
            main_op=tf1.tables_initializer(), strip_default_attrs=True)
        builder.save()
    keep_all = np.float32(1)
    images = lambda n: np.random.default_rng(n).normal(size=(n, 28, 28, 1)).astype(np.float32)
    return [('predict_images', {'images': images(n)}) for n in (1, 2, 5)] + \
        [('serving_default', {'inputs': images(n), 'keep': keep_all}) for n in (1, 2, 5)]


def v1_iterator_input(folder):
    """The input is the output of a one-shot iterator, which the session feeds over."""
    with tf1.Graph().as_default(), tf1.Session() as session:
        data = tf1.data.Dataset.from_tensor_slices(np.zeros([8, 4], np.float32)).batch(2)
        iterator = tf1.data.make_initializable_iterator(data)
        x = iterator.get_next()
        w = tf1.get_variable('w', [4, 2])
        y = tf.nn.softmax(tf.matmul(x, w))
        session.run(tf1.global_variables_initializer())
        builder = tf1.saved_model.builder.SavedModelBuilder(folder)
        builder.add_meta_graph_and_variables(session, ['serve'], {'serving_default': predict_signature({'x': x}, {'y': y})})
        builder.save()
    return calls()


def v1_iterator_runs(folder):
    """The signature has no inputs: it takes the next batch from an iterator that the init op made."""
    with tf1.Graph().as_default(), tf1.Session() as session:
        data = tf1.data.Dataset.from_tensor_slices(np.arange(32, dtype=np.float32).reshape([8, 4])).batch(2)
        iterator = tf1.data.make_initializable_iterator(data)
        x = iterator.get_next()
        w = tf1.get_variable('w', [4, 2])
        y = tf.nn.softmax(tf.matmul(x, w))
        session.run(tf1.global_variables_initializer())
        builder = tf1.saved_model.builder.SavedModelBuilder(folder)
        builder.add_meta_graph_and_variables(session, ['serve'], {'serving_default': predict_signature({}, {'y': y}), 'fed': predict_signature({'x': x}, {'y': y})},
                                             main_op=iterator.initializer)
        builder.save()
    return [('fed', {'x': np.ones([3, 4], np.float32)}), ('serving_default', {}, {'stateful': True}), ('serving_default', {}, {'stateful': True})]


def v1_several_metagraphs(folder):
    with tf1.Graph().as_default(), tf1.Session() as session:
        w = tf1.get_variable('w', initializer=[[1.5], [2.5]])
        x = tf1.placeholder(tf.float32, [None, 2], name='x')
        builder = tf1.saved_model.builder.SavedModelBuilder(folder)
        session.run(tf1.global_variables_initializer())
        y = tf.matmul(x, w)
        builder.add_meta_graph_and_variables(session, ['train'], {'train': predict_signature({'x': x}, {'y': y})})
        z = tf.identity(y * 2)
        builder.add_meta_graph(['serve'], {'serving_default': predict_signature({'x': x}, {'y': z})})
        builder.add_meta_graph(['serve', 'gpu'], {'serving_default': predict_signature({'x': x}, {'y': z})})
        builder.save()
    return calls()


v1_several_metagraphs.tags = ['serve', 'gpu']


def v1_checkpoint_v1(folder):
    """variables/ holds a checkpoint of the first version."""
    with tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.float32, [None, 3])
        w = tf1.get_variable('w', [3, 2], use_resource=False)
        y = tf.matmul(x, w)
        saver = tf1.train.Saver(write_version=tf1.train.SaverDef.V1)
        session.run(tf1.global_variables_initializer())
        builder = tf1.saved_model.builder.SavedModelBuilder(folder)
        builder.add_meta_graph_and_variables(session, ['serve'], {'serving_default': predict_signature({'x': x}, {'y': y})}, saver=saver)
        builder.save()
    return calls()


def v1_sharded_saver(folder):
    with tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.int64, [None, None])
        table = tf1.get_variable('table', [100, 6], partitioner=tf1.fixed_size_partitioner(3))
        y = tf1.nn.embedding_lookup(table, x, partition_strategy='mod')
        z = tf1.nn.embedding_lookup(table, x, partition_strategy='div')
        session.run(tf1.global_variables_initializer())
        builder = tf1.saved_model.builder.SavedModelBuilder(folder)
        builder.add_meta_graph_and_variables(session, ['serve'], {'serving_default': predict_signature({'x': x}, {'y': y, 'z': z})},
                                             saver=tf1.train.Saver(sharded=True))
        builder.save()
    return calls(highest={'x': 100})


def v1_astray_signature(folder):
    """A signature of a tensor that is not in the graph: the model loads, and only that signature fails."""
    with tf1.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.float32, [None])
        good, bad = predict_signature({'x': x}, {'y': x * 2}), predict_signature({'x': x}, {'y': x})
        bad.outputs['y'].name = 'nowhere:0'
        builder = tf1.saved_model.builder.SavedModelBuilder(folder)
        builder.add_meta_graph_and_variables(session, ['serve'], {'serving_default': good})
        builder._saved_model.meta_graphs[0].signature_def['astray'].CopyFrom(bad)
        builder.save()
    x = np.float32([1, 2])
    return [('serving_default', {'x': x}), ('astray', {'x': x}, {'error': 'NOT_FOUND'})]


def module_counter(folder):
    class Counter(tf.Module):
        def __init__(self):
            super().__init__()
            self.count = tf.Variable(0.0)
            self.seen = tf.Variable(tf.zeros([0]), shape=[None])

        @tf.function(input_signature=[])
        def get(self):
            return {'count': self.count.read_value()}

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def increase(self, by):
            return {'count': self.count.assign_add(by)}

        @tf.function(input_signature=[])
        def reset(self):
            self.count.assign(0.0)
            return {'count': self.count.read_value()}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def remember(self, x):
            self.seen.assign(tf.concat([self.seen, x], 0))
            return {'seen': self.seen.read_value(), 'size': tf.size(self.seen)}

    m = Counter()
    tf.saved_model.save(m, folder, {'get': m.get, 'increase': m.increase, 'reset': m.reset, 'remember': m.remember})
    by = np.float32(2.5)
    s = {'stateful': True}
    return [('get', {}, s), ('increase', {'by': by}, s), ('increase', {'by': by}, s), ('get', {}, s), ('reset', {}, s), ('get', {}, s),
            ('remember', {'x': np.float32([1, 2])}, s), ('remember', {'x': np.float32([3])}, s)]


def module_unknown_ranks(folder):
    class Shapes(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, 'x')])
        def any_rank(self, x):
            return {'y': tf.nn.relu(x) * 2, 'shape': tf.shape(x), 'sum': tf.reduce_sum(x), 'last': tf.reduce_max(x, -1),
                    'flat': tf.reshape(x, [-1]), 'soft': tf.nn.softmax(x), 't': tf.transpose(x)}

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, 'x'), tf.TensorSpec([None], tf.int32, 'perm')])
        def dynamic(self, x, perm):
            return {'t': tf.transpose(x, perm), 'r': tf.reshape(x, tf.concat([tf.shape(x), [1]], 0)), 'tiled': tf.tile(x, perm + 1),
                    'b': tf.broadcast_to(x, tf.concat([perm + 2, tf.shape(x)], 0)), 's': tf.reduce_sum(x, perm[:1])}

    m = Shapes()
    tf.saved_model.save(m, folder, {'any_rank': m.any_rank, 'dynamic': m.dynamic})
    r = np.random.default_rng(0)
    f = lambda *shape: r.normal(size=shape).astype(np.float32)
    return [('any_rank', {'x': f(*shape)}) for shape in [(3,), (2, 3), (2, 3, 4), (1, 2, 3, 2), (0, 3)]] + \
        [('dynamic', {'x': f(2, 3), 'perm': np.int32(p)}) for p in ([0, 1], [1, 0])]


def module_integers_spread(folder):
    """One integer spread over as many places as the request has."""
    class Spread(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def spread(self, x):
            n = tf.shape(x)
            return {'broadcast': tf.broadcast_to(1, n), 'where': tf.where(x > 0, 5, 5), 'chosen': tf.where(True, 7, tf.cast(x, tf.int32)), 'filled': tf.fill(n, 3),
                    'tiled': tf.tile([2], n), 'sum': tf.broadcast_to(1, n) + 1, 'zeros': tf.zeros(n, tf.int64)}

    m = Spread()
    tf.saved_model.save(m, folder, {'serving_default': m.spread})
    return calls(batches=(1, 3, 0))


def module_structures(folder):
    """Nested outputs and inputs, as tf.function flattens them."""
    class Many(tf.Module):
        @tf.function(input_signature=[{'a': tf.TensorSpec([None, 2]), 'b': tf.TensorSpec([None], tf.int32)}, [tf.TensorSpec([None, 1])]])
        def nested(self, first, second):
            return {'out': first['a'] + second[0], 'b': first['b'] + 1}

        @tf.function(input_signature=[tf.TensorSpec([None, 2])])
        def __call__(self, x):
            return [x, x + 1, (x * 2)]

        @tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([], tf.bool), tf.TensorSpec([None], tf.string)])
        def texts(self, x, flag, s):
            return {'y': tf.cond(flag, lambda: x, lambda: -x), 's': tf.strings.join([s, tf.strings.as_string(tf.shape(x)[0])], '/'), 'passed': flag}

    m = Many()
    tf.saved_model.save(m, folder, {'nested': m.nested.get_concrete_function(), 'serving_default': m.__call__.get_concrete_function(), 'texts': m.texts.get_concrete_function()})
    return calls(inputs={'flag': lambda n: np.bool_(n % 2)})


def module_no_signatures(folder):
    class Plain(tf.Module):
        def __init__(self):
            super().__init__()
            self.v = tf.Variable(3.0)

        @tf.function
        def f(self, x):
            return x * self.v

    m = Plain()
    m.f(tf.constant(1.0))
    tf.saved_model.save(m, folder)
    return []


def module_tables(folder):
    class Tables(tf.Module):
        def __init__(self):
            super().__init__()
            with open('/tmp/vocabulary.txt', 'w', encoding='utf-8') as file:
                file.write('\n'.join(['the', 'cat', 'mat', 'sat']))
            self.static = tf.lookup.StaticVocabularyTable(tf.lookup.TextFileInitializer(
                '/tmp/vocabulary.txt', tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), 2)
            self.back = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.range(4, dtype=tf.int64), ['the', 'cat', 'mat', 'sat']), '[UNK]')
            self.mutable = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
            self.dense = tf.lookup.experimental.DenseHashTable(tf.int64, tf.float32, 0.5, -1, -2)
            self.mutable.insert(tf.constant(['a', 'cat']), tf.constant([7, 8], tf.int64))
            self.dense.insert(tf.constant([1, 2], tf.int64), tf.constant([1.0, 2.0]))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def look(self, s):
            words = tf.strings.split(s)
            ids = self.static.lookup(words.flat_values)
            return {'ids': tf.RaggedTensor.from_row_splits(ids, words.row_splits).to_tensor(-1), 'mutable': self.mutable.lookup(s),
                    'back': self.back.lookup(ids), 'size': self.mutable.size(), 'static_size': self.static.size()}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int64)])
        def learn(self, s, v):
            self.mutable.insert(s, v)
            self.dense.insert(v, tf.cast(v, tf.float32) * 2)
            keys, values = self.mutable.export()
            order = tf.argsort(keys_order(keys))
            return {'size': self.mutable.size(), 'values': tf.gather(tf.sort(values), tf.range(tf.size(values))), 'dense': self.dense.lookup(v), 'o': order * 0}

    def keys_order(keys):
        return tf.strings.length(keys)

    m = Tables()
    tf.saved_model.save(m, folder, {'look': m.look, 'learn': m.learn})
    words = lambda *w: np.array(w, object)
    s = {'stateful': True}
    return [('look', {'s': words('the cat sat', 'a zebra on the mat')}, s), ('learn', {'s': words('x', 'y'), 'v': np.int64([3, 4])}, s),
            ('look', {'s': words('x', 'cat')}, s), ('look', {'s': words('')}, s)]


def module_ragged_sparse(folder):
    class Odd(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = tf.Variable(tf.random.stateless_normal([50, 4], [1, 2]))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.int64)])
        def ragged(self, values, splits):
            r = tf.RaggedTensor.from_row_splits(values, splits)
            e = tf.nn.embedding_lookup(self.table, r)
            return {'mean': tf.reduce_mean(e, 1), 'max': tf.reduce_max(e, 1), 'dense': r.to_tensor(), 'lens': r.row_lengths(),
                    'sparse': r.to_sparse().indices, 'sum': tf.reduce_sum(r, 1), 'mapped': tf.map_fn(tf.reduce_sum, r, fn_output_signature=tf.int64)}

        @tf.function(input_signature=[tf.SparseTensorSpec([None, None], tf.int64)])
        def sparse(self, ids):
            e = tf.nn.safe_embedding_lookup_sparse(self.table, ids, combiner='sqrtn')
            weights = tf.SparseTensor(ids.indices, tf.cast(ids.values, tf.float32), ids.dense_shape)
            return {'e': e, 'mul': tf.sparse.sparse_dense_matmul(weights, tf.ones([3, 2])), 'dense': tf.sparse.to_dense(ids), 'sum': tf.sparse.reduce_sum(weights, 1)}

    m = Odd()
    tf.saved_model.save(m, folder, {'ragged': m.ragged, 'sparse': m.sparse})
    indices, shape = np.int64([[0, 0], [0, 2], [2, 1]]), np.int64([3, 3])
    return [('sparse', {'ids': indices, 'ids_1': np.int64([4, 5, 6]), 'ids_2': shape}),
            ('sparse', {'ids': np.zeros([0, 2], np.int64), 'ids_1': np.zeros([0], np.int64), 'ids_2': shape}),
            ('ragged', {'values': np.int64([3, 4, 5, 7]), 'splits': np.int64([0, 2, 2, 4])})]


def module_random(folder):
    """Seeded random sampling: only stateless numbers are the same everywhere."""
    class Sampler(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(tf.random.stateless_normal([4, 6], [3, 4]))

        @tf.function(input_signature=[tf.TensorSpec([None, 4]), tf.TensorSpec([2], tf.int32)])
        def stateless(self, x, seed):
            y = x @ self.w
            mean, spread = tf.split(y, 2, 1)
            return {'z': mean + tf.exp(spread) * tf.random.stateless_normal(tf.shape(mean), seed),
                    'u': tf.random.stateless_uniform([3], seed), 'i': tf.random.stateless_uniform([3], seed, 0, 100, tf.int32),
                    'c': tf.random.stateless_categorical(mean, 5, seed), 't': tf.random.stateless_truncated_normal([4], seed)}

        @tf.function(input_signature=[tf.TensorSpec([None, 4])])
        def stateful(self, x):
            y = x @ self.w
            return {'z': y + tf.random.normal(tf.shape(y)), 'u': tf.random.uniform([tf.shape(x)[0], 2]), 'd': tf.nn.dropout(y, 0.5),
                    'c': tf.random.categorical(y, 3), 's': tf.random.shuffle(y)}

    m = Sampler()
    tf.saved_model.save(m, folder, {'stateless': m.stateless, 'stateful': m.stateful})
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    return [('stateless', {'x': x, 'seed': np.int32([1, 5])}), ('stateful', {'x': x}, {'check': 'shape', 'stateful': True})]


def module_generator(folder):
    class Sampler(tf.Module):
        def __init__(self):
            super().__init__()
            self.g = tf.random.Generator.from_seed(7)

        @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
        def sample(self, n):
            return {'x': self.g.normal([n, 2]), 'u': self.g.uniform([n])}

    m = Sampler()
    tf.saved_model.save(m, folder, {'sample': m.sample})
    return [('sample', {'n': np.int32(n)}, {'stateful': True}) for n in (3, 2, 5)]


def module_strings(folder):
    class Text(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def clean(self, s):
            low = tf.strings.lower(s, 'utf-8')
            stripped = tf.strings.regex_replace(low, r'[^a-z ]', '')
            words = tf.strings.split(stripped)
            grams = tf.strings.ngrams(words, 2)
            hashed = tf.strings.to_hash_bucket_fast(grams.flat_values, 100)
            codes = tf.strings.unicode_decode(s, 'UTF-8')
            return {'clean': stripped, 'words': words.to_tensor(''), 'grams': grams.to_tensor(''), 'hash': hashed, 'codes': codes.to_tensor(-1),
                    'len': tf.strings.length(s, 'UTF8_CHAR'), 'joined': tf.strings.reduce_join(words, 1, separator='_'), 'sub': tf.strings.substr(s, 0, 2),
                    'b64': tf.io.encode_base64(s), 'match': tf.strings.regex_full_match(low, '.*cat.*')}

    m = Text()
    tf.saved_model.save(m, folder, {'clean': m.clean})
    return calls()


def module_gradients(folder):
    """Custom gradients and input gradients in the graph (saliency, adversarial examples)."""
    @tf.custom_gradient
    def clipped(x):
        def grad(dy):
            return tf.clip_by_value(dy, -0.5, 0.5)
        return tf.tanh(x), grad

    class Saliency(tf.Module):
        def __init__(self):
            super().__init__()
            r = np.random.default_rng(0)
            self.k = tf.Variable(r.normal(size=(3, 3, 3, 4)).astype(np.float32) * .3)
            self.w = tf.Variable(r.normal(size=(4 * 16, 5)).astype(np.float32) * .3)

        @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 3])])
        def explain(self, x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.nn.relu(tf.nn.conv2d(x, self.k, 1, 'SAME'))
                y = tf.nn.max_pool2d(y, 2, 2, 'SAME')
                y = clipped(tf.reshape(y, [-1, 64]))
                p = tf.nn.softmax(y @ self.w)
                top = tf.reduce_max(p, 1)
            return {'p': p, 'saliency': tape.gradient(top, x)}

    m = Saliency()
    tf.saved_model.save(m, folder, {'explain': m.explain})
    return calls()


def module_train_step(folder):
    """A signature that learns: SGD on a linear model."""
    class Learner(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable([[0.5], [-0.5]])
            self.optimizer = tf.keras.optimizers.Adam(0.1)
            self.optimizer.build([self.w])

        @tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None, 1])])
        def train(self, x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((x @ self.w - y) ** 2)
            self.optimizer.apply_gradients([(tape.gradient(loss, self.w), self.w)])
            return {'loss': loss}

        @tf.function(input_signature=[tf.TensorSpec([None, 2])])
        def infer(self, x):
            return {'y': x @ self.w}

    m = Learner()
    tf.saved_model.save(m, folder, {'train': m.train, 'infer': m.infer})
    x, y = np.float32([[1, 2], [3, 4], [5, 6]]), np.float32([[1], [0], [1]])
    s = {'stateful': True}
    return [('infer', {'x': x}, s), ('train', {'x': x, 'y': y}, s), ('train', {'x': x, 'y': y}, s), ('infer', {'x': x}, s)]


def module_jit(folder):
    class Compiled(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(tf.random.stateless_normal([4, 4], [1, 1]))

        @tf.function(input_signature=[tf.TensorSpec([None, 4])], jit_compile=True)
        def f(self, x):
            return {'y': tf.nn.gelu(x @ self.w) + tf.reduce_sum(x)}

    m = Compiled()
    tf.saved_model.save(m, folder, {'serving_default': m.f})
    return calls()


def module_complex(folder):
    class Spectrum(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 16], tf.complex64), tf.TensorSpec([None, 16])])
        def f(self, z, x):
            s = tf.signal.fft(z)
            r = tf.signal.rfft(x)
            return {'fft': s, 'back': tf.signal.irfft(r), 'abs': tf.abs(s), 'angle': tf.math.angle(r), 'prod': s * tf.math.conj(z),
                    'real': tf.math.real(tf.signal.ifft(s)), 'mat': tf.matmul(z, z, adjoint_b=True), 'e': tf.exp(tf.complex(x, x)), 'sum': tf.reduce_sum(z, 1)}

    m = Spectrum()
    tf.saved_model.save(m, folder, {'serving_default': m.f})
    return calls()


def module_linalg(folder):
    """A Gaussian process: Cholesky, triangular solves, determinants."""
    class Process(tf.Module):
        def __init__(self):
            super().__init__()
            r = np.random.default_rng(0)
            self.x = tf.Variable(r.normal(size=(12, 3)).astype(np.float32))
            self.y = tf.Variable(r.normal(size=(12, 1)).astype(np.float32))

        @tf.function(input_signature=[tf.TensorSpec([None, 3])])
        def predict(self, q):
            def kernel(a, b):
                return tf.exp(-0.5 * tf.reduce_sum((a[:, None] - b[None]) ** 2, -1))
            k = kernel(self.x, self.x) + 0.1 * tf.eye(12)
            l = tf.linalg.cholesky(k)
            alpha = tf.linalg.cholesky_solve(l, self.y)
            ks = kernel(q, self.x)
            v = tf.linalg.triangular_solve(l, tf.transpose(ks))
            return {'mean': ks @ alpha, 'var': 1 - tf.reduce_sum(v * v, 0), 'det': tf.linalg.logdet(k), 'inv': tf.linalg.inv(k)[:2]}

    m = Process()
    tf.saved_model.save(m, folder, {'serving_default': m.predict})
    return calls()


def module_asserts(folder):
    class Checked(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2])])
        def f(self, x):
            tf.debugging.assert_all_finite(x, 'finite')
            tf.debugging.assert_greater(tf.shape(x)[0], 0)
            with tf.control_dependencies([tf.print('rows', tf.shape(x)[0])]):
                return {'y': tf.debugging.check_numerics(x * 2, 'checked')}

    m = Checked()
    tf.saved_model.save(m, folder, {'serving_default': m.f})
    return calls()


def module_py_function(folder):
    class Python(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2])])
        def f(self, x):
            return {'y': tf.py_function(lambda v: v, [x], tf.float32)}

    m = Python()
    tf.saved_model.save(m, folder, {'serving_default': m.f})
    return recorder.refused('EagerPyFunc')


def module_dataset_in_graph(folder):
    class Data(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def f(self, x):
            total = 0.0
            for v in tf.data.Dataset.from_tensor_slices(x).batch(2):
                total += tf.reduce_max(v)
            return {'y': total}

    m = Data()
    tf.saved_model.save(m, folder, {'serving_default': m.f})
    return [('serving_default', {'x': np.float32([1, 4, 2, 3, 7])})]


A = [value for name, value in list(globals().items()) if name.split('_')[0] in ('half', 'v1', 'module') and callable(value) and name != 'v1_half_plus_two']

if __name__ == '__main__':
    recorder.main(A)
