"""What models do with several ops: images, signals, strings, ragged and sparse tensors, control flow of both kinds."""
import numpy as np
import tensorflow as tf

from oracle import composition, take
from variants_elementwise import ordinary
take()

tf1 = tf.compat.v1
tf1.disable_control_flow_v2()
f32 = lambda v: np.array(v, np.float32)
i32 = lambda v: np.array(v, np.int32)
i64 = lambda v: np.array(v, np.int64)
s = lambda v: np.array([x.encode() if isinstance(x, str) else x for x in v], object)


def idiom(title, feeds, build, batch=True, **more):
  """Twice: with the first size unknown, and with no size known."""
  values = [np.asarray(f) for f in feeds]
  listed = lambda *xs: (lambda r: [tf.identity(t) for t in (r if isinstance(r, (list, tuple)) else [r])])(build(*xs))
  composition('idiom', title, [(v, [None] + list(v.shape[1:]) if batch and v.ndim else list(v.shape)) for v in values], listed, **more)
  composition('idiom', title + ', no size known', [(v, [None] * v.ndim) for v in values], listed, **more)


img, big = ordinary([2, 6, 5, 3], 'float32') / 4, ordinary([2, 16, 16, 3], 'float32') / 4
u8 = ordinary([2, 6, 5, 3], 'uint8', 2, low=0, high=255)
seq, mat, vec = ordinary([2, 7, 4], 'float32'), ordinary([3, 5], 'float32'), ordinary([6], 'float32')
rnn = ordinary([2, 5, 3], 'float32', 8)

# ---- images
for title, f in {
    'central crop': lambda x: tf.image.central_crop(x, .5), 'crop to box': lambda x: tf.image.crop_to_bounding_box(x, 1, 1, 3, 2), 'pad to box': lambda x: tf.image.pad_to_bounding_box(x, 1, 2, 9, 8),
    'resize with crop or pad': lambda x: tf.image.resize_with_crop_or_pad(x, 8, 3), 'resize with pad': lambda x: tf.image.resize_with_pad(x, 8, 8), 'resize': lambda x: tf.image.resize(x, [4, 7]),
    'resize nearest': lambda x: tf.image.resize(x, [4, 7], method='nearest'), 'resize area': lambda x: tf.image.resize(x, [3, 3], method='area'), 'resize bicubic': lambda x: tf.image.resize(x, [4, 7], method='bicubic'), 'resize lanczos': lambda x: tf.image.resize(x, [4, 7], method='lanczos3'),
    'resize gaussian': lambda x: tf.image.resize(x, [4, 7], method='gaussian'), 'resize antialiased': lambda x: tf.image.resize(x, [3, 3], antialias=True), 'resize keeping the ratio': lambda x: tf.image.resize(x, [8, 8], preserve_aspect_ratio=True),
    'flip left right': tf.image.flip_left_right, 'flip up down': tf.image.flip_up_down, 'rot90': lambda x: tf.image.rot90(x, 3), 'transpose': tf.image.transpose, 'standardization': tf.image.per_image_standardization,
    'grayscale': tf.image.rgb_to_grayscale, 'hsv': tf.image.rgb_to_hsv, 'yiq': tf.image.rgb_to_yiq, 'yuv': tf.image.rgb_to_yuv, 'brightness': lambda x: tf.image.adjust_brightness(x, .2), 'contrast': lambda x: tf.image.adjust_contrast(x, 1.5), 'gamma': lambda x: tf.image.adjust_gamma(tf.abs(x), .7),
    'hue': lambda x: tf.image.adjust_hue(tf.abs(x), .3), 'saturation': lambda x: tf.image.adjust_saturation(tf.abs(x), .3), 'total variation': tf.image.total_variation, 'sobel': tf.image.sobel_edges, 'gradients': tf.image.image_gradients,
    'patches': lambda x: tf.image.extract_patches(x, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], 'VALID'), 'convert to uint8': lambda x: tf.image.convert_image_dtype(tf.clip_by_value(x, 0, 1), tf.uint8, saturate=True),
    'moments': lambda x: tf.nn.moments(x, [1, 2]), 'top of each channel': lambda x: tf.math.top_k(tf.reshape(x, [-1, 90]), 3), 'flat argmax': lambda x: tf.argmax(tf.reshape(x, [tf.shape(x)[0], -1]), 1),
    'mean of scores': lambda x: tf.reduce_mean(tf.nn.softmax(x), [1, 2]), 'grid': lambda x: tf.stack(tf.meshgrid(tf.range(tf.shape(x)[2]), tf.range(tf.shape(x)[1])), -1),
    'pad reflect': lambda x: tf.pad(x, [[0, 0], [2, 2], [1, 1], [0, 0]], 'REFLECT'), 'l2 normalize': lambda x: tf.nn.l2_normalize(x, -1), 'instance norm': lambda x: (x - tf.reduce_mean(x, [1, 2], keepdims=True)) / (tf.math.reduce_std(x, [1, 2], keepdims=True) + 1e-3),
    'group norm': lambda x: tf.reshape((lambda g: (g - tf.reduce_mean(g, [1, 2, 4], keepdims=True)) * tf.math.rsqrt(tf.math.reduce_variance(g, [1, 2, 4], keepdims=True) + 1e-3))(tf.reshape(x, [-1, 6, 5, 3, 1])), tf.shape(x)),
    'separable': lambda x: tf.nn.separable_conv2d(x, f32(ordinary([2, 2, 3, 2], 'float32')), f32(ordinary([1, 1, 6, 4], 'float32')), [1, 1, 1, 1], 'SAME'), 'atrous': lambda x: tf.nn.atrous_conv2d(x, f32(ordinary([2, 2, 3, 2], 'float32')), 2, 'SAME'),
    'max pool after zeros': lambda x: tf.nn.max_pool2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, 'VALID'), 'average after zeros': lambda x: tf.nn.avg_pool2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, 'VALID'),
    'conv after a value': lambda x: tf.nn.conv2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.), f32(ordinary([2, 2, 3, 2], 'float32')), 2, 'VALID'), 'max unpool': lambda x: tf.scatter_nd(tf.cast(tf.reshape(tf.nn.max_pool_with_argmax(x, 2, 2, 'SAME', include_batch_in_index=True)[1], [-1, 1]), tf.int32), tf.reshape(tf.nn.max_pool_with_argmax(x, 2, 2, 'SAME')[0], [-1]), [tf.size(x)]),
    'blur': lambda x: tf.nn.depthwise_conv2d(x, np.tile(f32([[1, 2, 1], [2, 4, 2], [1, 2, 1]])[:, :, None, None] / 16, [1, 1, 3, 1]), [1, 2, 2, 1], 'SAME'),
    'local response': lambda x: tf.nn.local_response_normalization(x, 2, 1., .1, .5), 'crops': lambda x: tf.image.crop_and_resize(x, f32([[0, 0, 1, 1], [.1, .2, .8, .9]]), [0, 1], [3, 3]), 'glimpse': lambda x: tf.image.extract_glimpse(x, [3, 3], tf.zeros([tf.shape(x)[0], 2])),
    'drawn boxes': lambda x: tf.image.draw_bounding_boxes(tf.abs(x), tf.tile(f32([[[.1, .2, .6, .8]]]), [tf.shape(x)[0], 1, 1]), f32([[1, 0, 0]])),
}.items():
  idiom(title, [img], f)
for title, f in {'scaled to floats': lambda x: tf.cast(x, tf.float32) / 127.5 - 1, 'as float': lambda x: tf.image.convert_image_dtype(x, tf.float32), 'resize of bytes': lambda x: tf.cast(tf.image.resize(tf.cast(x, tf.float32), [4, 4]), tf.uint8), 'channels turned': lambda x: x[..., ::-1] - tf.constant([1, 2, 3], tf.uint8),
                 'imagenet': lambda x: (tf.cast(x, tf.float32)[..., ::-1] - f32([103.9, 116.8, 123.7])), 'resize nearest of bytes': lambda x: tf.image.resize(x, [9, 4], method='nearest'), 'histogram': lambda x: tf.histogram_fixed_width(tf.cast(x, tf.float32), [0., 255.], 10), 'one hot of bytes': lambda x: tf.one_hot(x[:, 0, 0, 0] // 64, 4)}.items():
  idiom(title, [u8], f)
for title, f in {'ssim': lambda x: tf.image.ssim(x, x * .9, 1., filter_size=5), 'psnr': lambda x: tf.image.psnr(x, x * .9, 1.), 'global average': lambda x: tf.reduce_mean(x, [1, 2])}.items():
  idiom(title, [big], f, rtol=1e-3, atol=1e-3)

# ---- signals, sequences, matrices
wave = np.sin(np.arange(64, dtype=np.float32) / 3)[None].repeat(2, 0) * f32([[1], [.5]])
for title, f in {
    'stft': lambda x: tf.abs(tf.signal.stft(x, 16, 8)), 'spectrogram in mels': lambda x: tf.matmul(tf.abs(tf.signal.stft(x, 16, 8)), tf.signal.linear_to_mel_weight_matrix(4, 9, 8000, 100., 3000.)), 'mfcc': lambda x: tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(tf.matmul(tf.abs(tf.signal.stft(x, 16, 8)), tf.signal.linear_to_mel_weight_matrix(4, 9, 8000, 100., 3000.)) + 1e-3)),
    'frames': lambda x: tf.signal.frame(x, 10, 5), 'frames to the end': lambda x: tf.signal.frame(x, 10, 7, pad_end=True), 'dct': lambda x: tf.signal.dct(x, type=2, norm='ortho'), 'rfft': lambda x: tf.signal.rfft(x), 'inverse of rfft': lambda x: tf.signal.irfft(tf.signal.rfft(x)), 'overlap and add': lambda x: tf.signal.overlap_and_add(tf.signal.frame(x, 8, 4), 4),
    'inverse stft': lambda x: tf.signal.inverse_stft(tf.signal.stft(x, 16, 8), 16, 8), 'hann': lambda x: x[:, :16] * tf.signal.hann_window(16), 'angle': lambda x: tf.math.angle(tf.signal.rfft(x))[:, :3], 'fftshift': lambda x: tf.signal.fftshift(x, [1]), 'complex parts': lambda x: (tf.math.real(tf.signal.fft(tf.cast(x, tf.complex64))), tf.math.imag(tf.signal.fft(tf.cast(x, tf.complex64)))),
}.items():
  idiom(title, [wave], f, rtol=1e-3, atol=2e-3)
for title, f in {
    'masked mean': lambda x: tf.reduce_sum(x * tf.sequence_mask([3, 7], 7, tf.float32)[..., None], 1) / f32([[3], [7]]), 'reverse sequence': lambda x: tf.reverse_sequence(x, [3, 7], 1), 'last of each': lambda x: tf.gather_nd(x, tf.stack([tf.range(tf.shape(x)[0]), [2, 6]], 1)), 'gather batch': lambda x: tf.gather(x, [[0, 1], [2, 6]], batch_dims=1),
    'top k rows': lambda x: tf.gather(x, tf.math.top_k(x[..., 0], 2).indices, batch_dims=1), 'argsort': lambda x: tf.argsort(x, 1), 'sort': lambda x: tf.sort(x, 1, 'DESCENDING'), 'sorted rows': lambda x: tf.gather(x[0], tf.argsort(x[0, :, 0], direction='DESCENDING', stable=True)), 'cumulated': lambda x: tf.cumsum(x, 1, exclusive=True, reverse=True),
    'positions': lambda x: x + tf.cast(tf.range(tf.shape(x)[1]), tf.float32)[None, :, None], 'sinusoids': lambda x: x + tf.concat([tf.sin(tf.cast(tf.range(tf.shape(x)[1]), tf.float32)[:, None] / f32([1, 100])), tf.cos(tf.cast(tf.range(tf.shape(x)[1]), tf.float32)[:, None] / f32([1, 100]))], 1), 'causal mask': lambda x: tf.where(tf.linalg.band_part(tf.ones([tf.shape(x)[1]] * 2), -1, 0) > 0, tf.matmul(x, x, transpose_b=True), -1e9),
    'relative': lambda x: tf.math.abs(tf.range(7)[None] - tf.range(7)[:, None]), 'tensordot': lambda x: tf.tensordot(x, f32(ordinary([4, 2, 2], 'float32')), [[2], [0]]), 'outer': lambda x: tf.einsum('bti,btj->bij', x, x), 'norms': lambda x: (tf.norm(x, axis=-1), tf.norm(x, 1, axis=1), tf.norm(x, np.inf, axis=1)), 'cosine': lambda x: tf.keras.losses.cosine_similarity(x[:, :3], x[:, 3:6]),
    'distances': lambda x: tf.reduce_sum(tf.square(x[:, :, None] - x[:, None]), -1), 'logsumexp': lambda x: tf.reduce_logsumexp(x, 1), 'variance': lambda x: tf.math.reduce_variance(x, 1), 'weighted moments': lambda x: tf.nn.weighted_moments(x, [1], tf.ones_like(x)), 'in order': lambda x: tf.transpose(x, [1, 0, 2])[::-1], 'boolean mask': lambda x: tf.boolean_mask(x, x[..., 0] > 0), 'where': lambda x: tf.where(x > 2),
    'segments': lambda x: tf.math.segment_sum(tf.reshape(x, [-1, 4]), [0] * 5 + [1] * 9), 'unsorted': lambda x: tf.math.unsorted_segment_mean(tf.reshape(x, [-1, 4]), [k % 3 for k in range(14)], 4), 'unique': lambda x: tf.unique(tf.cast(tf.reshape(x, [-1]), tf.int32)), 'counts': lambda x: tf.math.bincount(tf.cast(tf.abs(tf.reshape(x, [-1])), tf.int32), minlength=6),
    'partition': lambda x: tf.dynamic_partition(tf.reshape(x, [-1, 4]), tf.cast(tf.reshape(x, [-1, 4])[:, 0] > 0, tf.int32), 2), 'stitch': lambda x: tf.dynamic_stitch([[0, 2], [1, 3]], [x[0, :2], x[1, :2]]), 'scatter': lambda x: tf.tensor_scatter_nd_update(x, [[0, 1], [1, 2]], tf.ones([2, 4])), 'scatter nd': lambda x: tf.scatter_nd([[1], [3]], x[:, 0], [5, 4]), 'repeat': lambda x: tf.repeat(x, [1, 2] * 3 + [0], 1), 'split unevenly': lambda x: tf.split(x, [2, 4, -1], 1),
    'quantiles': lambda x: tf.quantization.fake_quant_with_min_max_args(x, -3, 3), 'edit mask': lambda x: tf.where(tf.math.is_nan(x / tf.cast(x > 0, tf.float32)), 0., x), 'eye': lambda x: tf.eye(tf.shape(x)[1], batch_shape=[tf.shape(x)[0]]), 'diag': lambda x: tf.linalg.diag(x), 'set diag': lambda x: tf.linalg.set_diag(tf.matmul(x, x, transpose_b=True), tf.zeros([tf.shape(x)[0], 7])), 'trace': lambda x: tf.linalg.trace(tf.matmul(x, x, transpose_b=True)),
    'inverse': lambda x: tf.linalg.inv(tf.matmul(x, x, transpose_a=True) + 3 * tf.eye(4)), 'solve': lambda x: tf.linalg.solve(tf.matmul(x, x, transpose_a=True) + 3 * tf.eye(4), tf.ones([2, 4, 1])), 'determinant': lambda x: tf.linalg.det(tf.matmul(x, x, transpose_a=True) + tf.eye(4)), 'cholesky': lambda x: tf.linalg.cholesky(tf.matmul(x, x, transpose_a=True) + tf.eye(4)), 'least squares': lambda x: tf.linalg.lstsq(x, tf.ones([2, 7, 1])),
    'ensure': lambda x: tf.ensure_shape(x, [None, 7, 4]), 'assert': lambda x: tf1.assert_rank(x, 3) and x, 'checked': lambda x: tf.debugging.check_numerics(x, 'x'), 'as one': lambda x: tf.reshape(x, [-1]), 'expanded': lambda x: x[:, tf.newaxis, ..., tf.newaxis], 'tiled': lambda x: tf.tile(x, [1, 2, tf.shape(x)[1]]), 'broadcast': lambda x: tf.broadcast_to(x[:, :1], tf.shape(x)), 'zeros': lambda x: tf.zeros_like(x, tf.int32), 'filled': lambda x: tf.fill(tf.shape(x)[:2], 3.),
    'clip by norm': lambda x: tf.clip_by_norm(x, 1.5, [2]), 'global norm': lambda x: tf.clip_by_global_norm([x], 1.)[0], 'crelu': tf.nn.crelu, 'maxout': lambda x: tf.reduce_max(tf.reshape(x, [-1, 7, 2, 2]), -1), 'conv1d transposed': lambda x: tf.nn.conv1d_transpose(x, f32(ordinary([3, 2, 4], 'float32')), [2, 14, 2], 2), 'pool1d': lambda x: tf.nn.max_pool1d(x, 2, 2, 'SAME'), 'erf inverse': lambda x: tf.math.erfinv(tf.tanh(x) * .9), 'polyval': lambda x: tf.math.polyval([1., 2., 3.], x),
    'cross entropy': lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits([[0] * 7] * 2, x), 'sigmoid cross entropy': lambda x: tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(x), x), 'in top k': lambda x: tf.math.in_top_k([1, 2], x[:, 0], 2), 'confusion': lambda x: tf.math.confusion_matrix(tf.argmax(x[0], -1), tf.argmax(x[1], -1), 4), 'bessel': lambda x: tf.math.bessel_i0(x), 'lgamma': lambda x: tf.math.lgamma(tf.abs(x) + .5), 'multiply no nan': lambda x: tf.math.multiply_no_nan(x, tf.cast(x > 0, tf.float32)),
    'invert permutation': lambda x: tf.math.invert_permutation(tf.argsort(x[0, :, 0])), 'searchsorted': lambda x: tf.searchsorted(tf.sort(x[:, :, 0]), x[:, :2, 1]), 'bucketize': lambda x: tf.raw_ops.Bucketize(input=x, boundaries=[-1., 0., 2.]), 'nms': lambda x: tf.image.non_max_suppression(tf.abs(x[0]), x[0, :, 0], 3, .5), 'lower': lambda x: tf.linalg.band_part(tf.matmul(x, x, transpose_b=True), 2, 1), 'cross': lambda x: tf.linalg.cross(x[..., :3], x[..., 1:]),
}.items():
  idiom(title, [seq], f, rtol=2e-3, atol=2e-3)

# ---- strings, tables, ragged, sparse
words = s(['the quick  brown fox', '', 'Ünïcode Straße ok', 'a,b;c', '12 7 -3'])
table_of = lambda: tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(['the', 'fox', 'ok'], tf.constant([1, 2, 3], tf.int64)), -1)
for title, f in {
    'words to dense': lambda x: tf.strings.split(x).to_tensor('PAD'), 'lengths of words': lambda x: tf.strings.length(tf.strings.split(x).flat_values), 'ids': lambda x: table_of().lookup(tf.strings.split(x).to_tensor('')), 'cleaned': lambda x: tf.strings.regex_replace(tf.strings.lower(x, 'utf-8'), '[^\\p{L}0-9 ]', ''), 'characters': lambda x: tf.strings.unicode_split(x, 'UTF-8').to_tensor(), 'code points': lambda x: tf.strings.unicode_decode(x, 'UTF-8').to_tensor(-1),
    'hashed': lambda x: tf.strings.to_hash_bucket_fast(x, 100), 'joined': lambda x: tf.strings.reduce_join(tf.strings.split(x), axis=-1, separator='_'), 'n-grams': lambda x: tf.strings.ngrams(tf.strings.split(x), 2).to_tensor(), 'sub strings': lambda x: tf.strings.substr(x, 0, 3), 'formatted': lambda x: tf.strings.join([x, tf.as_string(tf.strings.length(x))], ':'), 'numbers': lambda x: tf.strings.to_number(tf.strings.split(x[4])), 'stripped': lambda x: tf.strings.strip(tf.strings.regex_replace(x, '\\s+', ' ')),
    'matches': lambda x: tf.strings.regex_full_match(x, '.*o.*'), 'lengths in characters': lambda x: tf.strings.length(x, 'UTF8_CHAR'), 'bytes': lambda x: tf.io.decode_raw(tf.strings.substr(x[:1], 0, 4), tf.uint8), 'row lengths': lambda x: tf.strings.split(x).row_lengths(), 'first words': lambda x: tf.strings.split(x).to_tensor('')[:, :1], 'bag of words': lambda x: tf.math.bincount(tf.cast(table_of().lookup(tf.strings.split(x).values) + 1, tf.int32), minlength=5),
    'equal to': lambda x: tf.equal(x, 'a,b;c'), 'base64': lambda x: tf.io.decode_base64(tf.io.encode_base64(x)), 'transcoded': lambda x: tf.strings.unicode_transcode(x, 'UTF-8', 'UTF-16-BE'), 'sparse words': lambda x: tf.sparse.to_dense(tf.strings.split(x).to_sparse(), default_value=''), 'unique words': lambda x: tf.unique(tf.strings.split(x).flat_values)[0],
}.items():
  idiom(title, [words], f)
values, splits = ordinary([7], 'float32'), i64([0, 3, 3, 5, 7])
for title, f in {
    'padded': lambda r: r.to_tensor(-1.), 'reduced': lambda r: tf.reduce_sum(r, 1), 'meaned': lambda r: tf.reduce_max(r, 1), 'gathered': lambda r: tf.gather(r, [3, 0]).to_tensor(), 'sliced': lambda r: r[:, :2].to_tensor(), 'concatenated': lambda r: tf.concat([r, r], 1).to_tensor(), 'mapped': lambda r: tf.ragged.map_flat_values(tf.square, r).to_tensor(), 'to sparse': lambda r: tf.sparse.to_dense(r.to_sparse()),
    'row ids': lambda r: r.value_rowids(), 'masked': lambda r: tf.ragged.boolean_mask(r, r > 0).to_tensor(), 'stacked': lambda r: tf.stack([r, r], 0).to_tensor(), 'tiled': lambda r: tf.tile(r, [1, 2]).to_tensor(), 'bounded': lambda r: r.to_tensor(shape=[None, 2]), 'ranged': lambda r: tf.ragged.range(r.row_lengths()).to_tensor(),
}.items():
  idiom('ragged ' + title, [values, splits], lambda v, p, f=f: f(tf.RaggedTensor.from_row_splits(v, p, validate=False)), batch=False)
indices = i64([[0, 1], [1, 0], [1, 2], [2, 3]])
for title, f in {
    'dense': lambda t: tf.sparse.to_dense(t), 'by a matrix': lambda t: tf.sparse.sparse_dense_matmul(t, tf.ones([4, 2])), 'sum': lambda t: tf.sparse.reduce_sum(t, 1), 'reordered': lambda t: tf.sparse.reorder(t).values, 'filled': lambda t: tf.sparse.fill_empty_rows(t, 9.)[0].values, 'reshaped': lambda t: tf.sparse.to_dense(tf.sparse.reshape(t, [-1, 2])), 'sliced': lambda t: tf.sparse.to_dense(tf.sparse.slice(t, [1, 0], [2, 4])), 'transposed': lambda t: tf.sparse.to_dense(tf.sparse.transpose(t)),
    'softmax': lambda t: tf.sparse.softmax(t).values, 'retained': lambda t: tf.sparse.to_dense(tf.sparse.retain(t, [True, False, True, True])), 'embedded': lambda t: tf.nn.safe_embedding_lookup_sparse(tf.constant(ordinary([5, 2], 'float32')), tf.SparseTensor(t.indices, tf.cast(tf.abs(t.values), tf.int64), t.dense_shape), combiner='mean'), 'added': lambda t: tf.sparse.to_dense(tf.sparse.add(t, t)), 'joined': lambda t: tf.sparse.to_dense(tf.sparse.concat(1, [t, t])),
}.items():
  idiom('sparse ' + title, [indices, ordinary([4], 'float32')], lambda i, v, f=f: f(tf.SparseTensor(i, v, [3, 4])), batch=False)

# ---- control flow, of the first kind and of the second
def in_v2(build):
  def wrapped(*xs):
    tf1.enable_control_flow_v2()
    try:
      return build(*xs)
    finally:
      tf1.disable_control_flow_v2()
  return wrapped


def loop_of_steps(x):
  return tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a * .5 + tf.reduce_mean(a, -1, keepdims=True)), [0, x])[1]


def loop_until(x):
  return tf.while_loop(lambda a: tf.reduce_sum(tf.abs(a)) > 1., lambda a: (a * .5,), [x])[0]


def rows_one_by_one(x):
  return tf.map_fn(lambda row: row * tf.reduce_max(row) + tf.cast(tf.shape(row)[0], tf.float32), x)


def folded(x):
  return tf.foldl(lambda a, row: a * .5 + row, x), tf.foldr(lambda a, row: a * .5 + row, x)


def scanned(x):
  return tf.scan(lambda a, row: tf.tanh(a + row), tf.transpose(x, [1, 0, 2]), tf.zeros([tf.shape(x)[0], 3]))


def branches(x):
  return tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: tf.reshape(x, tf.shape(x)) - 1)


def nested(x):
  return tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.cond(tf.equal(i % 2, 0), lambda: a + 1, lambda: tf.while_loop(lambda j, b: j < i, lambda j, b: (j + 1, b * 2), [0, a])[1])), [0, x])[1]


def cases(x):
  return tf.switch_case(tf.cast(tf.math.floormod(tf.reduce_sum(tf.cast(x, tf.int32)), 3), tf.int32), [lambda: x + 1, lambda: x * 2, lambda: -x])


def collected(x):
  array = tf.TensorArray(tf.float32, 0, dynamic_size=True)
  _, array = tf.while_loop(lambda i, a: i < tf.shape(x)[1], lambda i, a: (i + 1, a.write(i, x[:, i] * tf.cast(i, tf.float32))), [0, array])
  return tf.transpose(array.stack(), [1, 0, 2])


def grown(x):
  return tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.concat([a, x[:, :1]], 1)), [0, x], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, None, 3])])[1]


def lstm(x):
  w, u, b = (tf.constant(ordinary(shape, 'float32', 3 + i) / 8) for i, shape in enumerate(([3, 16], [4, 16], [16])))
  def step(state, inputs):
    h, c = state
    i, f, g, o = tf.split(tf.matmul(inputs, w) + tf.matmul(h, u) + b, 4, 1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c
  zero = tf.zeros([tf.shape(x)[0], 4])
  return tf.scan(step, tf.transpose(x, [1, 0, 2]), (zero, zero))[0][-1]


def beam(x):
  def body(i, tokens, scores):
    logits = tf.matmul(tf.one_hot(tokens[:, -1], 5), tf.constant(ordinary([5, 5], 'float32', 4))) + tf.reduce_sum(x, [1, 2])[:, None]
    best = tf.argmax(logits, -1, tf.int32)
    return i + 1, tf.concat([tokens, best[:, None]], 1), scores + tf.reduce_max(tf.nn.log_softmax(logits), -1)
  n = tf.shape(x)[0]
  return tf.while_loop(lambda i, *_: i < 4, body, [0, tf.zeros([n, 1], tf.int32), tf.zeros([n])], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, None]), tf.TensorShape([None])])[1:]


def sorted_by_steps(x):
  return tf.while_loop(lambda k, a: k < 3, lambda k, a: (k + 1, tf.where(a > tf.roll(a, 1, 1), a, tf.roll(a, 1, 1))), [0, x])[1]


def of_strings(x):
  return tf.while_loop(lambda i, t: i < 3, lambda i, t: (i + 1, tf.strings.join([t, tf.as_string(tf.cast(x[:, 0, 0], tf.int32) + i)], ',')), [0, tf.as_string(tf.cast(x[:, 0, 0], tf.int32))])[1]


def early(x):
  return tf.while_loop(lambda i, a, done: tf.logical_and(i < 10, tf.logical_not(tf.reduce_all(done))), lambda i, a, done: (i + 1, tf.where(done, a, a + 1), a > 2), [0, x, x > 2])[:2]


for f in (loop_of_steps, loop_until, rows_one_by_one, folded, scanned, branches, nested, cases, collected, grown, lstm, beam, sorted_by_steps, of_strings, early):
  idiom(f.__name__.replace('_', ' ') + ' (first kind)', [rnn], f)
  idiom(f.__name__.replace('_', ' ') + ' (second kind)', [rnn], in_v2(f))
