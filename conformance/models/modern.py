"""Programs of TensorFlow 2: tokenizers of string ops, generation with caches, retrieval, audio, sampling, ragged text,
functions marked for XLA, ops of other libraries that must be refused by name.

    python conformance/models/modern.py OUT [part of a name ...]
"""
import os

import numpy as np
import recorder
from recorder import calls, refused, tf
import keras
import tf_keras

A = []
R = np.random.default_rng(3)


def weights(*shape, scale=0.5):
    return tf.Variable((R.normal(size=shape) * scale).astype(np.float32))


def texts(*values):
    return np.array(values, object)


SENTENCES = ['The cat sat on the mat.', "Don't unaffable HELLO wörld!", '', 'a b c d e f g h i j k', 'naïve café 東京 is big']


def module(feeds=None, **wanted):
    """The class has a method `serve` with a signature, or several in `signatures`."""
    def register(kind):
        def make(folder):
            m = kind()
            tf.saved_model.save(m, folder, m.signatures() if hasattr(m, 'signatures') else {'serving_default': m.serve})
            return feeds() if feeds else calls(**wanted)
        make.__name__, make.__doc__ = kind.__name__.lower(), kind.__doc__
        A.append(make)
        return kind
    return register


def serve(function, *specs):
    return tf.function(function, input_signature=[tf.TensorSpec(shape, dtype, name) for name, shape, dtype in specs])


VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'the', 'cat', 'sat', 'on', 'mat', 'un', '##aff', '##able', 'hello', 'world', '.', '!', "'", 'don', 't', 'a', 'b', '##s', 'na', '##ive', 'cafe', 'is', 'big', '東', '京']


def sentence_feeds():
    return [('serving_default', {'text': texts(*SENTENCES[i:i + n])}) for i, n in ((0, 1), (0, 2), (0, 5), (4, 1), (2, 1))]


@module(sentence_feeds)
class Bert_Tokenizer(tf.Module):
    """WordPiece with a while loop over the longest match, in string ops alone; then a small encoder."""

    def __init__(self):
        super().__init__()
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(VOCABULARY, tf.range(len(VOCABULARY), dtype=tf.int64)), -1)
        self.embedding = weights(len(VOCABULARY), 8)
        self.out = weights(8, 3)
        self.serve = serve(self.run, ('text', [None], tf.string))

    def pieces(self, word):
        chars = tf.strings.unicode_split(word, 'UTF-8')
        n = tf.size(chars)

        def longest(start):
            def shorter(end, _):
                piece = tf.strings.reduce_join(chars[start:end])
                piece = tf.cond(start > 0, lambda: tf.strings.join(['##', piece]), lambda: piece)
                return end - 1, self.table.lookup(piece)
            end, found = tf.while_loop(lambda end, found: tf.logical_and(found < 0, end > start), shorter, (n, tf.constant(-1, tf.int64)))
            return tf.where(found < 0, start, end + 1), found

        def step(start, ids):
            end, found = longest(start)
            done = found < 0
            return tf.where(done, n, end), tf.cond(done, lambda: tf.constant([1], tf.int64), lambda: tf.concat([ids, [found]], 0))

        _, ids = tf.while_loop(lambda start, ids: start < n, step, (0, tf.zeros([0], tf.int64)), shape_invariants=(tf.TensorShape([]), tf.TensorShape([None])))
        return ids

    def run(self, text):
        text = tf.strings.lower(text, 'utf-8')
        text = tf.strings.regex_replace(text, r'([[:punct:]]|\p{Han})', r' \1 ')
        words = tf.strings.split(text)
        flat = tf.map_fn(self.pieces, words.flat_values, fn_output_signature=tf.RaggedTensorSpec([None], tf.int64))
        ids = tf.RaggedTensor.from_nested_row_splits(flat.flat_values, [tf.cast(words.row_splits, tf.int64), tf.cast(flat.row_splits, tf.int64)])
        ids = ids.merge_dims(1, 2)
        ids = ids[:, :10]
        batch = ids.nrows()
        ids = tf.concat([tf.fill([batch, 1], tf.constant(2, tf.int64)), ids, tf.fill([batch, 1], tf.constant(3, tf.int64))], 1)
        dense = ids.to_tensor(0, shape=[None, 12])
        mask = tf.cast(dense > 0, tf.float32)
        x = tf.gather(self.embedding, dense)
        attention = tf.nn.softmax(tf.matmul(x, x, transpose_b=True) + (1 - mask[:, None]) * -1e9)
        return {'ids': dense, 'logits': tf.matmul(tf.matmul(attention, x)[:, 0], self.out), 'types': tf.zeros_like(dense), 'mask': mask}


@module(sentence_feeds)
class Universal_Encoder(tf.Module):
    """Tokens and bigrams hashed, summed with sqrt(n), dense layers: the deep averaging encoder."""

    def __init__(self):
        super().__init__()
        self.table = weights(200, 8)
        self.dense = weights(8, 8)
        self.serve = serve(self.run, ('text', [None], tf.string))

    def run(self, text):
        tokens = tf.strings.split(tf.strings.regex_replace(tf.strings.lower(text), r'[^a-z0-9 ]', ''))
        pairs = tf.strings.ngrams(tokens, [1, 2], separator='_')
        ids = tf.ragged.map_flat_values(tf.strings.to_hash_bucket_strong, pairs, 200, [1, 2])
        summed = tf.nn.safe_embedding_lookup_sparse(self.table, ids.to_sparse(), combiner='sqrtn')
        alone = tf.nn.embedding_lookup_sparse(self.table, ids, None, combiner='sum')
        y = tf.nn.l2_normalize(tf.tanh(summed @ self.dense), -1)
        return {'default': y, 'similarity': tf.matmul(y, y, transpose_b=True), 'sums': alone, 'count': pairs.row_lengths()}


@module(lambda: [('serving_default', {'prompt': np.int32(p)}) for p in ([[1, 2, 3]], [[1, 2], [3, 4]], [[5], [6], [7], [8], [9]])])
class Generator_Cache(tf.Module):
    """Greedy generation by a decoder with a cache of keys and values that grows in a loop."""

    def __init__(self):
        super().__init__()
        self.e, self.q, self.k, self.v, self.o = weights(16, 8), weights(8, 8), weights(8, 8), weights(8, 8), weights(8, 16)
        self.serve = serve(self.run, ('prompt', [None, None], tf.int32))

    def attend(self, x, keys, values, mask):
        q = tf.reshape(x @ self.q, [-1, tf.shape(x)[1], 2, 4])
        split = lambda t: tf.reshape(t, [tf.shape(t)[0], -1, 2, 4])
        scores = tf.einsum('bqhd,bkhd->bhqk', q, split(keys)) / 2.0
        if mask is not None:
            scores += mask
        mixed = tf.einsum('bhqk,bkhd->bqhd', tf.nn.softmax(scores), split(values))
        return tf.reshape(mixed, [tf.shape(x)[0], -1, 8])

    def run(self, prompt):
        x = tf.gather(self.e, prompt)
        n = tf.shape(prompt)[1]
        keys, values = tf.matmul(x, self.k[None]), tf.matmul(x, self.v[None])
        mask = (1.0 - tf.linalg.band_part(tf.ones([n, n]), -1, 0)) * -1e9
        y = self.attend(x, keys, values, mask)
        token = tf.argmax(y[:, -1] @ self.o, -1, output_type=tf.int32)
        steps = 5

        def body(i, token, keys, values, tokens):
            x = tf.gather(self.e, token)[:, None]
            keys = tf.concat([keys, tf.matmul(x, self.k[None])], 1)
            values = tf.concat([values, tf.matmul(x, self.v[None])], 1)
            y = self.attend(x, keys, values, None)
            tokens = tokens.write(i, token)
            return i + 1, tf.argmax(y[:, -1] @ self.o, -1, output_type=tf.int32), keys, values, tokens

        free = tf.TensorShape([None, None, 8])
        _, token, keys, _, tokens = tf.while_loop(lambda i, *_: i < steps, body, (0, token, keys, values, tf.TensorArray(tf.int32, steps)),
                                                  shape_invariants=(tf.TensorShape([]), tf.TensorShape([None]), free, free, tf.TensorShape(None)))
        return {'tokens': tf.transpose(tokens.stack()), 'cached': tf.shape(keys)[1], 'last': token}


@module(lambda: [('serving_default', {'prompt': np.int32(p), 'k': np.int32(3), 'temperature': np.float32(0.7)}) for p in ([[1, 2, 3]], [[1, 2], [3, 4]])])
class Generator_Fixed_Cache(tf.Module):
    """A cache of fixed size written by dynamic_update_slice's way; top-k sampling without chance; autograph loops with break."""

    def __init__(self):
        super().__init__()
        self.e, self.w, self.o = weights(16, 8), weights(8, 8), weights(8, 16)
        self.serve = serve(self.run, ('prompt', [None, None], tf.int32), ('k', [], tf.int32), ('temperature', [], tf.float32))

    def run(self, prompt, k, temperature):
        batch, n = tf.shape(prompt)[0], tf.shape(prompt)[1]
        cache = tf.zeros([batch, 12, 8])
        cache = tf.tensor_scatter_nd_update(tf.transpose(cache, [1, 0, 2]), tf.range(n)[:, None], tf.transpose(tf.gather(self.e, prompt), [1, 0, 2]))
        tokens = tf.concat([prompt, tf.zeros([batch, 12 - n], tf.int32)], 1)
        done = tf.zeros([batch], tf.bool)
        for i in tf.range(n, 12):
            context = tf.reduce_sum(cache, 0) / tf.cast(i, tf.float32)
            logits = tf.tanh(context @ self.w) @ self.o / temperature
            values, indices = tf.math.top_k(logits, k)
            pick = tf.argmax(values - tf.cast(tf.range(k), tf.float32) * 0.1, -1, output_type=tf.int32)
            token = tf.gather(indices, pick, batch_dims=1)
            token = tf.where(done, 0, token)
            done = done | tf.equal(token, 3)
            position = tf.stack([tf.range(batch), tf.fill([batch], i)], 1)
            tokens = tf.tensor_scatter_nd_update(tokens, position, token)
            cache = tf.tensor_scatter_nd_add(cache, tf.reshape(i, [1, 1]), tf.gather(self.e, token)[None])
            if tf.reduce_all(done):
                break
        return {'tokens': tokens, 'done': done}


@module(lambda: [('serving_default', {'source': np.int32(s)}) for s in ([[1, 2, 3]], [[1, 2, 0], [3, 4, 5]])])
class Beam_Keras(tf.Module):
    """Beam search over TensorLists with gathers of whole states, as model gardens have it."""

    def __init__(self):
        super().__init__()
        self.e, self.w, self.o = weights(10, 6), weights(6, 6), weights(6, 10)
        self.serve = serve(self.run, ('source', [None, None], tf.int32))

    def run(self, source):
        beams, steps = 2, 4
        batch = tf.shape(source)[0]
        state = tf.repeat(tf.reduce_mean(tf.gather(self.e, source), 1), beams, 0)
        sequences = tf.fill([batch, beams, 1], 1)
        scores = tf.tile([[0.0, -1e7]], [batch, 1])
        state = tf.reshape(state, [batch, beams, 6])

        def body(i, sequences, scores, state):
            token = sequences[:, :, -1]
            new = tf.tanh(tf.einsum('bks,st->bkt', state + tf.gather(self.e, token), self.w))
            logp = tf.nn.log_softmax(tf.einsum('bks,st->bkt', new, self.o)) + scores[:, :, None]
            scores, picks = tf.math.top_k(tf.reshape(logp, [batch, beams * 10]), beams)
            parent, token = picks // 10, picks % 10
            take = lambda t: tf.gather(t, parent, axis=1, batch_dims=1)
            return i + 1, tf.concat([take(sequences), token[:, :, None]], 2), scores, take(new)

        _, sequences, scores, _ = tf.while_loop(lambda i, *_: i < steps, body, (0, sequences, scores, state),
                                                shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, beams, None]), tf.TensorShape([None, beams]), tf.TensorShape([None, beams, 6])))
        length = tf.reduce_sum(tf.cast(sequences > 0, tf.float32), -1)
        return {'sequences': sequences, 'scores': scores / tf.pow((5.0 + length) / 6.0, 0.6)}


@module(lambda: [('serving_default', {'user': texts(*u)}) for u in (['a'], ['b', 'zz'], ['a', 'b', 'c', 'd', '?'])])
class Retrieval(tf.Module):
    """Two towers: a query by a StringLookup, the best of all candidates by brute force, their titles."""

    def __init__(self):
        super().__init__()
        self.lookup = keras.layers.StringLookup(vocabulary=['a', 'b', 'c', 'd'])
        self.users, self.items = weights(5, 8), weights(50, 8)
        self.titles = tf.Variable([f'title {i}' for i in range(50)])
        self.serve = serve(self.run, ('user', [None], tf.string))

    def run(self, user):
        q = tf.gather(self.users, self.lookup(user))
        scores, best = tf.math.top_k(tf.matmul(q, self.items, transpose_b=True), 7)
        return {'scores': scores, 'titles': tf.gather(self.titles, best)}


@module(lambda: [('serving_default', {'waveform': (np.sin(np.arange(n) * 0.05) + 0.1 * np.cos(np.arange(n) * 0.31)).astype(np.float32)}) for n in (4000, 6500)])
class Yamnet(tf.Module):
    """A waveform cut to patches of log mel spectrograms, a convolution per patch."""

    def __init__(self):
        super().__init__()
        self.k, self.w = weights(3, 3, 1, 4), weights(4, 5)
        self.serve = serve(self.run, ('waveform', [None], tf.float32))

    def run(self, waveform):
        missing = tf.maximum(0, 5000 - tf.shape(waveform)[0])
        waveform = tf.pad(waveform, [[0, missing]])
        spectrum = tf.abs(tf.signal.stft(waveform, 400, 160, 512))
        mel = tf.matmul(spectrum, tf.signal.linear_to_mel_weight_matrix(16, 257, 8000, 125, 3800))
        features = tf.math.log(mel + 0.001)
        patches = tf.signal.frame(features, 12, 6, axis=0)
        y = tf.nn.relu(tf.nn.conv2d(patches[..., None], self.k, 2, 'SAME'))
        mfcc = tf.signal.mfccs_from_log_mel_spectrograms(features)[..., :5]
        back = tf.signal.inverse_stft(tf.signal.stft(waveform, 400, 160, 512), 400, 160, 512)
        return {'scores': tf.sigmoid(tf.reduce_mean(y, [1, 2]) @ self.w), 'log_mel': features, 'mfcc': mfcc, 'back': back[:50], 'overlap': tf.signal.overlap_and_add(patches[..., 0], 2)}


def wav(n):
    samples = np.sin(np.arange(1600) * 0.02)
    return texts(*[tf.audio.encode_wav((samples * (0.3 + 0.1 * i)).astype(np.float32)[:, None], 16000).numpy() for i in range(n)])


@module(lambda: [('serving_default', {'wav': wav(n)}) for n in (1, 2)])
class Speech_Commands(tf.Module):
    """WAV bytes, decoded in a map, spectrogram by the audio ops, MFCC."""

    def __init__(self):
        super().__init__()
        self.w = weights(13, 4)
        self.serve = serve(self.run, ('wav', [None], tf.string))

    def run(self, wav):
        audio = tf.map_fn(lambda w: tf.audio.decode_wav(w, 1, 1600).audio, wav, fn_output_signature=tf.float32)
        spectrum = tf.map_fn(lambda a: tf.raw_ops.AudioSpectrogram(input=a, window_size=480, stride=160, magnitude_squared=True)[0], audio)
        mfcc = tf.raw_ops.Mfcc(spectrogram=spectrum, sample_rate=16000)
        return {'p': tf.nn.softmax(tf.reduce_mean(mfcc, 1) @ self.w), 'mfcc': mfcc}


@module(lambda: [('serving_default', {'image_bytes': texts(*[tf.io.encode_png((np.add.outer(np.arange(10), np.arange(14)) * (i + 3) % 256).astype(np.uint8)[..., None] * np.ones(3, np.uint8)).numpy() for i in range(n)]),
                                       'key': texts(*[f'k{i}' for i in range(n)])}) for n in (1, 3)])
class Image_Bytes(tf.Module):
    """decode_image of unknown form in a map_fn, keys passed through, top labels as strings."""

    def __init__(self):
        super().__init__()
        self.w = weights(8 * 8 * 3, 5)
        self.labels = tf.constant(['ant', 'bee', 'cat', 'dog', 'elk'])
        self.serve = serve(self.run, ('image_bytes', [None], tf.string), ('key', [None], tf.string))

    def run(self, image_bytes, key):
        def decode(b):
            image = tf.io.decode_image(b, channels=3, expand_animations=False)
            return tf.ensure_shape(tf.image.resize_with_pad(image, 8, 8), [8, 8, 3])
        with tf.device('/cpu:0'):
            images = tf.map_fn(decode, image_bytes, fn_output_signature=tf.float32, parallel_iterations=32)
        p = tf.nn.softmax(tf.reshape(tf.image.per_image_standardization(images), [-1, 192]) @ self.w * 0.1)
        scores, best = tf.math.top_k(p, 3)
        return {'key': key, 'scores': scores, 'labels': tf.gather(self.labels, best), 'first': tf.map_fn(lambda b: self.labels[b[0]], best, fn_output_signature=tf.string)}


@module(highest={'image': 255}, dims=40)
class Video_Augment(tf.Module):
    """Image ops: crops, flips, colour, rotations, patches."""

    def __init__(self):
        super().__init__()
        self.serve = serve(self.run, ('image', [None, None, None, 3], tf.uint8))

    def run(self, image):
        x = tf.image.convert_image_dtype(image, tf.float32)
        x = tf.image.resize(x, [24, 20], method='lanczos3', antialias=True)
        y = tf.image.adjust_saturation(tf.image.adjust_hue(x, 0.1), 1.4)
        y = tf.image.adjust_contrast(tf.image.adjust_brightness(y, 0.05), 1.2)
        g = tf.image.rgb_to_grayscale(x)
        return {'y': y, 'yuv': tf.image.rgb_to_yuv(x), 'hsv': tf.image.hsv_to_rgb(tf.image.rgb_to_hsv(x)), 'sobel': tf.image.sobel_edges(g), 'tv': tf.image.total_variation(x),
                'patches': tf.image.extract_patches(x, [1, 4, 4, 1], [1, 4, 4, 1], [1, 1, 1, 1], 'VALID'), 'rot': tf.image.rot90(x), 'flip': tf.image.flip_left_right(x), 'crop': tf.image.crop_to_bounding_box(x, 2, 3, 10, 11),
                'pad': tf.image.pad_to_bounding_box(x, 1, 1, 30, 30), 'ssim': tf.image.ssim(x, y, 1.0, filter_size=5), 'psnr': tf.image.psnr(x, y, 1.0), 'mit': tf.image.resize(x, [9, 9], 'mitchellcubic'), 'gauss': tf.image.resize(x, [9, 9], 'gaussian', antialias=True)}


@module(lambda: [('serving_default', {'x': R.normal(size=(n, 3)).astype(np.float32), 'seed': np.int32([n, 2])}) for n in (1, 2, 5)])
class Mixture(tf.Module):
    """A mixture density network that samples with a seed of the caller's."""

    def __init__(self):
        super().__init__()
        self.w = weights(3, 12)
        self.serve = serve(self.run, ('x', [None, 3], tf.float32), ('seed', [2], tf.int32))

    def run(self, x, seed):
        logits, mean, spread = tf.split(x @ self.w, 3, 1)
        which = tf.random.stateless_categorical(logits, 1, seed)[:, 0]
        take = lambda t: tf.gather(t, which, batch_dims=1)
        sample = take(mean) + tf.nn.softplus(take(spread)) * tf.random.stateless_normal([tf.shape(x)[0]], seed)
        gamma = tf.random.stateless_gamma([4], seed, 2.0)
        return {'sample': sample, 'which': which, 'logp': tf.reduce_logsumexp(tf.nn.log_softmax(logits) - 0.5 * ((mean - 1) / 2.0) ** 2, 1), 'gamma': gamma,
                'poisson': tf.random.stateless_poisson([4], seed, 3.0, tf.int32), 'shuffle': tf.random.experimental.stateless_shuffle(tf.range(6), seed)}


@module(highest={'ids': 20}, dims=6)
class Embedding_Bag(tf.Module):
    """Segment ops: mean per segment, sorted, unsorted; one-hot; unique; bincount; cumulative sums."""

    def __init__(self):
        super().__init__()
        self.e = weights(20, 4)
        self.serve = serve(self.run, ('ids', [None, None], tf.int64))

    def run(self, ids):
        flat = tf.reshape(ids, [-1])
        values, where, counts = tf.unique_with_counts(flat)
        rows = tf.repeat(tf.range(tf.shape(ids)[0]), tf.shape(ids)[1])
        e = tf.gather(self.e, flat)
        return {'mean': tf.math.segment_mean(e, rows), 'sum': tf.math.unsorted_segment_sum(e, where, tf.size(values)), 'counts': counts, 'bins': tf.math.bincount(tf.cast(ids, tf.int32), minlength=20, maxlength=20, axis=-1),
                'cum': tf.cumsum(ids, 1, exclusive=True), 'sparse': tf.sparse.to_dense(tf.sparse.from_dense(ids)), 'where': tf.where(ids > 5), 'mask': tf.boolean_mask(flat, flat > 3), 'hot': tf.one_hot(ids, 20),
                'sorted': tf.argsort(ids, -1, 'DESCENDING', stable=True), 'search': tf.searchsorted(tf.sort(ids, -1), tf.ones_like(ids[:, :1]) * 5), 'part': tf.dynamic_stitch([tf.range(0, 2), tf.range(2, 3)], [ids[0, :2], ids[0, 2:3]]),
                'dyn': tf.dynamic_partition(flat, tf.cast(flat > 5, tf.int32), 2)[1], 'setdiff': tf.sets.difference(ids[:1], ids[:1, :2]).values}


@module(dims=4)
class Jit(tf.Module):
    """jit_compile on a function with a loop and a condition."""

    def __init__(self):
        super().__init__()
        self.w = weights(4, 4)
        inner = tf.function(lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.tanh(y @ self.w)), (0, x))[1], jit_compile=True)
        self.serve = serve(lambda x: {'y': inner(x), 'z': tf.function(tf.nn.relu, jit_compile=True)(x)}, ('x', [None, 4], tf.float32))


@module(dims=5)
class Ode(tf.Module):
    """Runge-Kutta in a loop of float64, and a fixed point by a while loop that the data end."""

    def __init__(self):
        super().__init__()
        self.a = tf.constant(R.normal(size=(3, 3)) * 0.3)
        self.serve = serve(self.run, ('x', [None, 3], tf.float64))

    def run(self, x):
        f = lambda y: tf.tanh(y @ self.a)
        h = tf.constant(0.1, tf.float64)

        def step(i, y, track):
            k1 = f(y); k2 = f(y + h / 2 * k1); k3 = f(y + h / 2 * k2); k4 = f(y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            return i + 1, y, track.write(i, y)

        _, y, track = tf.while_loop(lambda i, *_: i < 50, step, (0, x, tf.TensorArray(tf.float64, 50)))
        _, root = tf.while_loop(lambda old, new: tf.reduce_max(tf.abs(old - new)) > 1e-6, lambda old, new: (new, 0.5 * tf.cos(new)), (x + 1.0, x))
        return {'y': y, 'track': tf.transpose(track.stack(), [1, 0, 2]), 'root': root}


@module(dims=5)
class Backwards_List(tf.Module):
    """A list written from its end, conditionally, and read in order; one that grows; one of other lists' sizes."""

    def __init__(self):
        super().__init__()
        self.w = weights(3, 3)
        self.serve = serve(self.run, ('x', [None, None, 3], tf.float32))

    def run(self, x):
        n = tf.shape(x)[1]
        back = tf.TensorArray(tf.float32, n)
        state = tf.zeros([tf.shape(x)[0], 3])
        for i in tf.range(n - 1, -1, -1):
            state = tf.tanh(x[:, i] + state @ self.w)
            back = back.write(i, state)
        grown = tf.TensorArray(tf.float32, 0, dynamic_size=True, clear_after_read=False)
        j = 0
        while j < n:
            if tf.reduce_sum(x[:, j]) > 0:
                grown = grown.write(grown.size(), tf.reduce_mean(x[:, j], 0))
            j += 1
        stacked = tf.cond(grown.size() > 0, lambda: grown.stack(), lambda: tf.zeros([0, 3]))
        return {'y': tf.transpose(back.stack(), [1, 0, 2]), 'grown': tf.ensure_shape(stacked, [None, 3]), 'size': grown.size()}


@module(dims=5)
class Graph_Network(tf.Module):
    """Message passing by edges: gather, segment sums, scatter."""

    def __init__(self):
        super().__init__()
        self.w, self.u = weights(8, 4), weights(8, 4)
        self.edges = tf.constant([[0, 1], [1, 2], [2, 0], [3, 1], [4, 2]])
        self.serve = serve(self.run, ('nodes', [5, 4], tf.float32), ('extra', [None, 2], tf.int32))

    def run(self, nodes, extra):
        edges = tf.concat([self.edges, extra % 5], 0)
        for _ in range(3):
            messages = tf.nn.relu(tf.concat([tf.gather(nodes, edges[:, 0]), tf.gather(nodes, edges[:, 1])], 1) @ self.w)
            summed = tf.math.unsorted_segment_sum(messages, edges[:, 1], 5)
            most = tf.math.unsorted_segment_max(messages, edges[:, 1], 5)
            nodes = tf.tanh(tf.concat([summed, tf.maximum(most, 0.0)], 1) @ self.u) + nodes
        alpha = tf.nn.softmax(tf.scatter_nd(edges, tf.ones([tf.shape(edges)[0]]), [5, 5]))
        return {'nodes': nodes, 'alpha': alpha @ nodes}


@module(dims=12)
class Transformer_Relative(tf.Module):
    """Relative positions by pad and reshape, rotary embeddings, gated units, sparse attention by band masks."""

    def __init__(self):
        super().__init__()
        self.w = [weights(8, 8) for _ in range(4)]
        self.r = weights(40, 4)
        self.serve = serve(self.run, ('x', [None, None, 8], tf.float32))

    def run(self, x):
        b, n = tf.shape(x)[0], tf.shape(x)[1]
        heads = lambda t: tf.transpose(tf.reshape(t, [b, n, 2, 4]), [0, 2, 1, 3])
        q, k, v = (heads(tf.matmul(x, w[None])) for w in self.w[:3])
        angle = tf.cast(tf.range(n), tf.float32)[:, None] / tf.pow(10000.0, tf.range(0, 4, 2, tf.float32) / 4)
        cos, sin = tf.repeat(tf.cos(angle), 2, 1), tf.repeat(tf.sin(angle), 2, 1)
        turn = lambda t: tf.reshape(tf.stack([-t[..., 1::2], t[..., ::2]], -1), tf.shape(t))
        q, k = q * cos + turn(q) * sin, k * cos + turn(k) * sin
        scores = tf.matmul(q, k, transpose_b=True) / 2.0
        relative = tf.einsum('bhqd,rd->bhqr', q, self.r[:2 * n - 1])
        relative = tf.pad(relative, [[0, 0], [0, 0], [0, 0], [0, 1]])
        relative = tf.reshape(tf.pad(tf.reshape(relative, [b, 2, 2 * n * n]), [[0, 0], [0, 0], [0, n - 1]]), [b, 2, n + 1, 2 * n - 1])[:, :, :n, n - 1:]
        band = tf.linalg.band_part(tf.ones([n, n]), 3, 2)
        weights_ = tf.nn.softmax(scores + relative + (1 - band) * -1e9)
        y = tf.reshape(tf.transpose(tf.matmul(weights_, v), [0, 2, 1, 3]), [b, n, 8])
        y = tf.matmul(y, self.w[3][None]) * tf.sigmoid(y)
        mean, var = tf.nn.moments(y, -1, keepdims=True)
        return {'y': (y - mean) * tf.math.rsqrt(var + 1e-6), 'pooled': tf.reduce_max(y, 1)}


def xla_call(folder):
    """XlaCallModule of jax2tf: refused by name."""
    class M(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([2], tf.float32)])
        def serve(self, x):
            from tensorflow.compiler.tf2xla.ops import gen_xla_ops
            return {'y': gen_xla_ops.xla_call_module([x], version=5, module=b'', Sout=[[2]], Tout=[tf.float32], dim_args_spec=[])[0]}
    m = M()
    tf.saved_model.save(m, folder, {'serving_default': m.serve})
    return refused('XlaCallModule')


def custom_op(folder):
    """Ops of tensorflow_text: refused by name."""
    from tensorflow.core.protobuf import saved_model_pb2
    class M(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def serve(self, x):
            return {'y': tf.strings.lower(x)}
    m = M()
    tf.saved_model.save(m, folder, {'serving_default': m.serve})
    path = os.path.join(folder, 'saved_model.pb')
    saved = saved_model_pb2.SavedModel()
    with open(path, 'rb') as file:
        saved.ParseFromString(file.read())
    for function in saved.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == 'StringLower':
                node.op = 'WordpieceTokenizeWithOffsets'
    with open(path, 'wb') as file:
        file.write(saved.SerializeToString())
    return refused('WordpieceTokenizeWithOffsets')


A += [xla_call, custom_op]

if __name__ == '__main__':
    recorder.main(A)
