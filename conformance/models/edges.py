"""What signatures may ask for at their edges: outputs that are inputs, constants or variables, feeds in the middle of
the graph, inputs that nothing uses, variables that nobody initialised, init ops of every kind.

    python conformance/models/edges.py OUT [part of a name ...]
"""
import os

os.environ['TF_USE_LEGACY_KERAS'] = '1'

import numpy as np
import recorder
from recorder import tf, tf1
from serving_style import predict_signature
from tensorflow.python.ops import lookup_ops

A = []


def f(*values):
    return np.float32(values)


def graph(feeds, **options):
    def register(build):
        def make(folder):
            with tf1.Graph().as_default(), tf1.Session() as session:
                tf1.set_random_seed(7)
                signatures, extra = build(session)
                builder = tf1.saved_model.builder.SavedModelBuilder(folder)
                builder.add_meta_graph_and_variables(session, ['serve'], signatures, **extra)
                builder.save()
            return feeds
        make.__name__, make.__doc__ = build.__name__, build.__doc__
        A.append(make)
        return build
    return register


@graph([('same', {'x': f(1, 2)}), ('same', {'x': f(1, 2, 3)}), ('const', {'x': f(1)}), ('twice', {'x': f(1, 2)}), ('unused', {'x': f(1), 'y': f(2, 3)}), ('variable', {'x': f(5)}), ('none', {})])
def outputs_of_every_kind(session):
    """An output that is the input, a constant, a variable, the same tensor twice; an input that nothing uses; no inputs."""
    x, y = tf1.placeholder(tf.float32, [None]), tf1.placeholder(tf.float32, [None])
    v = tf1.get_variable('v', initializer=[1.0, 2.0], use_resource=False)
    z = x * 2
    session.run(tf1.global_variables_initializer())
    return {'same': predict_signature({'x': x}, {'x': x, 'y': z}), 'const': predict_signature({'x': x}, {'c': tf.constant([[7]])}),
            'twice': predict_signature({'x': x}, {'a': z, 'b': z}), 'unused': predict_signature({'x': x, 'y': y}, {'z': z}),
            'variable': predict_signature({'x': x}, {'v': v, 'z': z}), 'none': predict_signature({}, {'v': v, 'c': tf.constant('text')})}, {}


@graph([('middle', {'h': f(1, 2)}), ('variable', {'v': f(10), 'x': f(1, 2)}), ('constant', {'c': f(3), 'x': f(1, 2)}), ('both', {'x': f(1, 1), 'h': f(1, 2)}), ('input', {'x': f(1, 2)})])
def feeds_of_every_kind(session):
    """Feeds of a tensor in the middle, of a variable, of a constant, of both ends."""
    x = tf1.placeholder(tf.float32, [None])
    v = tf1.get_variable('v', initializer=[3.0], use_resource=False)
    c = tf.constant([2.0])
    h = x * v + c
    y = tf.sqrt(tf.abs(h))
    session.run(tf1.global_variables_initializer())
    return {'middle': predict_signature({'h': h}, {'y': y}), 'variable': predict_signature({'v': session.graph.get_tensor_by_name('v/read:0'), 'x': x}, {'y': y}),
            'constant': predict_signature({'c': c, 'x': x}, {'y': y}), 'both': predict_signature({'x': x, 'h': h}, {'y': y, 'z': x + 1}), 'input': predict_signature({'x': x}, {'y': y, 'h': h})}, {}


@graph([('serving_default', {'x': f(1)}, {'error': 'FAILED_PRECONDITION'}), ('fine', {'x': f(1)})])
def local_variable(session):
    """A local variable is not saved and nobody initialises it: only who reads it fails."""
    x = tf1.placeholder(tf.float32, [None])
    v = tf1.get_local_variable('v', initializer=[3.0], use_resource=False)
    session.run([tf1.global_variables_initializer(), tf1.local_variables_initializer()])
    return {'serving_default': predict_signature({'x': x}, {'y': x * v}), 'fine': predict_signature({'x': x}, {'y': x + 1})}, {}


@graph([('serving_default', {'x': f(1)}, {'error': 'FAILED_PRECONDITION'}), ('fine', {'x': f(1)})])
def local_resource_variable(session):
    """The same of a resource variable."""
    x = tf1.placeholder(tf.float32, [None])
    v = tf1.get_local_variable('v', initializer=[3.0], use_resource=True)
    session.run([tf1.global_variables_initializer(), tf1.local_variables_initializer()])
    return {'serving_default': predict_signature({'x': x}, {'y': x * v}), 'fine': predict_signature({'x': x}, {'y': x + 1})}, {}


@graph([('serving_default', {'x': f(1)})])
def main_op_initialises(session):
    """Local variables initialised by the main op, one from another."""
    x = tf1.placeholder(tf.float32, [None])
    g = tf1.get_variable('g', initializer=[4.0], use_resource=False)
    v = tf1.get_local_variable('v', initializer=[3.0], use_resource=False)
    w = tf1.get_local_variable('w', initializer=[0.0], use_resource=True)
    session.run([tf1.global_variables_initializer(), tf1.local_variables_initializer()])
    set_w = w.assign(g * 2)
    return {'serving_default': predict_signature({'x': x}, {'y': x * v + w})}, {'main_op': tf.group(tf1.local_variables_initializer(), set_w.op)}


@graph([('serving_default', {'x': np.array(['a', 'z'], object)}), ('serving_default', {'x': np.array(['b'], object)})])
def legacy_init_op(session):
    """Tables initialised by legacy_init_op; vocabulary in an asset; string variables."""
    with open('/tmp/words.txt', 'w', encoding='utf-8') as file:
        file.write('a\nb\nc\n')
    x = tf1.placeholder(tf.string, [None])
    table = lookup_ops.index_table_from_file('/tmp/words.txt', num_oov_buckets=1)
    names = tf1.get_variable('names', initializer=['A', 'B', 'C', 'other'], use_resource=False)
    session.run([tf1.global_variables_initializer(), tf1.tables_initializer()])
    return {'serving_default': predict_signature({'x': x}, {'y': tf.gather(names, table.lookup(x)), 'i': table.lookup(x)})}, \
        {'legacy_init_op': tf1.tables_initializer(), 'assets_collection': tf1.get_collection(tf1.GraphKeys.ASSET_FILEPATHS), 'clear_devices': True}


@graph([('serving_default', {'x': f(1, 2), 'training': np.bool_(t)}) for t in (False,)] + [('default', {'x': f(1, 2, 3)})])
def training_switch(session):
    """Batch normalisation and dropout that a placeholder turns on."""
    x = tf1.placeholder(tf.float32, [None])
    training = tf1.placeholder_with_default(False, [], name='training')
    image = tf.reshape(x, [-1, 1, 1, 1])
    y = tf1.layers.batch_normalization(tf1.layers.conv2d(image, 4, 1), training=training)
    y = tf1.layers.dropout(y, 0.5, training=training)
    y = tf1.cond(training, lambda: y * 2, lambda: y + 1)
    session.run(tf1.global_variables_initializer())
    return {'serving_default': predict_signature({'x': x, 'training': training}, {'y': y}), 'default': predict_signature({'x': x}, {'y': y})}, {}


@graph([('serving_default', {'x': f(1, -2, 3)}), ('serving_default', {'x': f()})])
def queue_and_summaries(session):
    """What training leaves in a graph: queues, savers, summaries, gradients, counters."""
    x = tf1.placeholder(tf.float32, [None])
    w = tf1.get_variable('w', initializer=2.0)
    y = tf.nn.relu(x * w)
    loss = tf.reduce_sum(y)
    tf1.train.GradientDescentOptimizer(0.1).minimize(loss, tf1.train.get_or_create_global_step())
    tf1.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    tf1.train.RMSPropOptimizer(0.1).minimize(loss)
    tf1.summary.histogram('y', y)
    tf1.train.Saver()
    queue = tf1.FIFOQueue(3, [tf.float32])
    queue.enqueue(tf.constant(1.0))
    tf1.train.ExponentialMovingAverage(0.9).apply([w])
    session.run(tf1.global_variables_initializer())
    return {'serving_default': predict_signature({'x': x}, {'y': y})}, {}


@graph([('serving_default', {'x': f(1, 2)})])
def moving_averages(session):
    """The saver restores shadows into the variables."""
    x = tf1.placeholder(tf.float32, [None])
    w = tf1.get_variable('w', initializer=2.0)
    average = tf1.train.ExponentialMovingAverage(0.5)
    update = average.apply([w])
    session.run(tf1.global_variables_initializer())
    session.run(w.assign(10.0))
    session.run(update)
    return {'serving_default': predict_signature({'x': x}, {'y': x * w, 'a': x * average.average(w)})}, {}


@graph([('serving_default', {'image': np.uint8(np.arange(12).reshape(1, 2, 2, 3))})])
def fixed_batch(session):
    """A placeholder with a batch of its own."""
    image = tf1.placeholder(tf.uint8, [1, 2, 2, 3])
    y = tf.cast(image, tf.float32) / 255.0
    return {'serving_default': predict_signature({'image': image}, {'y': tf.reduce_mean(y, [1, 2]), 'n': tf.shape(image)})}, {}


@graph([('serving_default', {'x': f(1, 2), 'x:0 odd name/ü': f(3, 4)})])
def odd_names(session):
    """Keys are any strings; node names have scopes, dots, dashes and slashes."""
    with tf1.name_scope('scope.one/two-three'):
        x, y = tf1.placeholder(tf.float32, [None], name='a.b-c/d'), tf1.placeholder(tf.float32, [None], name='X')
        z = tf.add(x, y, name='out.put_1/-')
    return {'serving_default': predict_signature({'x': x, 'x:0 odd name/ü': y}, {'': z, 'scores:0': z - 1})}, {}


if __name__ == '__main__':
    recorder.main(A)
