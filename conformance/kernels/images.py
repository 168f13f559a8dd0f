"""Resizing, cropping, warping, colours, boxes."""
import numpy as np
import tensorflow as tf

from recorder import case, raw
from refusals import H, refuses

CLOSE = {'rtol': 2e-5, 'atol': 2e-5}


def image(shape, seed=1, dtype=tf.float32):
  random = np.random.RandomState(seed)
  values = random.uniform(0, 1, shape).round(2) if dtype.is_floating else random.randint(0, 256, shape)
  return tf.constant(values, dtype)


def resizes():
  x = image([1, 4, 5, 1])
  for op in (raw.ResizeBilinear, raw.ResizeNearestNeighbor, raw.ResizeBicubic):
    for size in ([7, 3], [2, 9], [1, 1]):
      op(images=x, size=size)
      op(images=x, size=size, align_corners=True)
      op(images=x, size=size, half_pixel_centers=True)
    op(images=image([2, 2, 3, 2], 5, tf.uint8), size=[3, 2])
  for size in ([7, 3], [2, 9], [1, 1], [4, 5], [2, 2]):
    raw.ResizeArea(images=x, size=size)
    raw.ResizeArea(images=x, size=size, align_corners=True)
  raw.ResizeNearestNeighbor(images=image([1, 2, 2, 1], 3, tf.float16), size=[3, 3])


case('resizing', resizes, **CLOSE)


def scales():
  x = image([1, 5, 4, 2], 2)
  for kernel in ('lanczos1', 'lanczos3', 'lanczos5', 'gaussian', 'box', 'triangle', 'keyscubic', 'mitchellcubic'):
    raw.ScaleAndTranslate(images=x, size=[3, 6], scale=[0.6, 1.5], translation=[0.0, 0.0], kernel_type=kernel)
    raw.ScaleAndTranslate(images=x, size=[3, 3], scale=[0.5, 0.8], translation=[0.7, -1.2], kernel_type=kernel, antialias=False)


case('ScaleAndTranslate', scales, **CLOSE)
refuses('ResizeBilinear', images=H(np.ones([1, 2, 2, 1])), size=H([0, 1]))
refuses('ResizeBilinear', images=H(np.ones([2, 2, 1])), size=H([1, 1]))


def crops():
  x = image([2, 4, 5, 2], 3)
  boxes = [[0.0, 0.0, 1.0, 1.0], [0.2, 0.1, 0.8, 0.6], [0.9, 0.8, 0.1, 0.2], [-0.5, 0.3, 0.7, 1.4]]
  for size in ([3, 4], [1, 1]):
    for method in ('bilinear', 'nearest'):
      raw.CropAndResize(image=x, boxes=boxes, box_ind=[0, 1, 0, 1], crop_size=size, method=method, extrapolation_value=-1.5)
  raw.CropAndResize(image=image([1, 3, 3, 1], 4, tf.uint8), boxes=[[0.0, 0.0, 0.5, 0.5]], box_ind=[0], crop_size=[2, 2])


case('CropAndResize', crops, **CLOSE)
refuses('CropAndResize', image=H(np.ones([1, 2, 2, 1])), boxes=H([[0.0, 0.0, 1.0, 1.0]]), box_ind=H([1]), crop_size=H([1, 1]))


def transforms():
  x = image([2, 3, 4, 1], 6)
  matrices = [[0.9, 0.2, -0.4, -0.1, 1.1, 0.3, 0.01, -0.02], [1.0, 0.0, 2.6, 0.0, 1.0, -2.3, 0.0, 0.0]]
  for mode in ('CONSTANT', 'NEAREST', 'REFLECT', 'WRAP'):
    for interpolation in ('NEAREST', 'BILINEAR'):
      raw.ImageProjectiveTransformV3(images=x, transforms=matrices, output_shape=[4, 5], interpolation=interpolation, fill_mode=mode, fill_value=0.25)
  raw.ImageProjectiveTransformV2(images=image([1, 3, 3, 2], 7, tf.uint8), transforms=[matrices[1]], output_shape=[3, 3], interpolation='NEAREST')
  for op in (raw.ExtractGlimpse, raw.ExtractGlimpseV2):
    for centered in (True, False):
      for normalized in (True, False):
        op(input=image([2, 5, 4, 1], 8), size=[2, 3], offsets=[[0.3, -0.2], [0.5, 0.6]] if normalized else [[1.0, 2.0], [3.0, 0.0]],
           centered=centered, normalized=normalized, noise='zero', uniform_noise=False)
  boxes = [[[0.1, 0.2, 0.9, 0.7], [0.0, 0.0, 0.4, 0.4]]]
  raw.DrawBoundingBoxes(images=image([1, 6, 7, 3]), boxes=boxes)
  raw.DrawBoundingBoxesV2(images=image([1, 6, 7, 3]), boxes=[[[-0.3, 0.5, 0.6, 1.4]]], colors=[[0.3, 0.6, 0.9, 1.0]])
  raw.DrawBoundingBoxesV2(images=image([1, 6, 7, 1]), boxes=boxes, colors=np.zeros([0, 4], np.float32))


case('warping and drawing', transforms, **CLOSE)


def colors(dtype):
  def build():
    x = image([2, 2, 3, 3], 9, dtype)
    raw.AdjustHue(images=x, delta=0.3)
    raw.AdjustHue(images=x, delta=-0.7)
    raw.AdjustSaturation(images=x, scale=0.4)
    raw.AdjustSaturation(images=x, scale=3.0)
    raw.AdjustContrastv2(images=x, contrast_factor=1.7)
    raw.RGBToHSV(images=x)
    raw.HSVToRGB(images=x)
    grey = tf.constant([[[[0.5, 0.5, 0.5], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]]], dtype)
    raw.RGBToHSV(images=grey)
    raw.AdjustHue(images=grey, delta=0.1)
  return build


case('colours of float32', colors(tf.float32), rtol=1e-4, atol=1e-5)


BOXES = [[0.0, 0.0, 1.0, 1.0], [0.0, 0.1, 1.0, 1.1], [0.0, -0.1, 1.0, 0.9], [0.0, 10.0, 1.0, 11.0], [1.0, 11.1, 0.0, 10.1], [0.0, 100.0, 1.0, 101.0]]
SCORES = [0.9, 0.75, 0.6, 0.95, 0.5, 0.3]


def suppression():
  raw.NonMaxSuppression(boxes=BOXES, scores=SCORES, max_output_size=3)
  raw.NonMaxSuppressionV2(boxes=BOXES, scores=SCORES, max_output_size=10, iou_threshold=0.5)
  raw.NonMaxSuppressionV3(boxes=BOXES, scores=SCORES, max_output_size=10, iou_threshold=0.85, score_threshold=0.4)
  raw.NonMaxSuppressionV4(boxes=BOXES, scores=SCORES, max_output_size=5, iou_threshold=0.5, score_threshold=0.0, pad_to_max_output_size=True)
  raw.NonMaxSuppressionV4(boxes=BOXES, scores=SCORES, max_output_size=5, iou_threshold=0.5, score_threshold=0.0)
  for sigma, pad in ((0.0, False), (0.5, False), (0.1, True)):
    raw.NonMaxSuppressionV5(boxes=BOXES, scores=SCORES, max_output_size=6, iou_threshold=0.7, score_threshold=0.1, soft_nms_sigma=sigma, pad_to_max_output_size=pad)
  overlaps = np.abs(np.subtract.outer(np.arange(6), np.arange(6))) < 2
  raw.NonMaxSuppressionWithOverlaps(overlaps=overlaps.astype(np.float32), scores=SCORES, max_output_size=4, overlap_threshold=0.5, score_threshold=0.2)
  boxes = np.array(BOXES, np.float32)[None, :, None, :]
  scores = np.stack([SCORES, SCORES[::-1]], -1)[None].astype(np.float32)
  for pad, clip in ((False, True), (True, False)):
    raw.CombinedNonMaxSuppression(boxes=boxes, scores=scores, max_output_size_per_class=3, max_total_size=5, iou_threshold=0.5, score_threshold=0.35, pad_per_class=pad, clip_boxes=clip)
  raw.CombinedNonMaxSuppression(boxes=np.concatenate([boxes, boxes[:, ::-1] * 0.5], 2), scores=scores, max_output_size_per_class=3, max_total_size=8, iou_threshold=0.5, score_threshold=0.35)


case('non-maximum suppression', suppression, rtol=1e-5)
refuses('NonMaxSuppressionV3', boxes=H(BOXES), scores=H(SCORES), max_output_size=H(3), iou_threshold=H(1.5), score_threshold=H(0.0))
refuses('NonMaxSuppressionV3', boxes=H(BOXES), scores=H(SCORES[:2]), max_output_size=H(3), iou_threshold=H(0.5), score_threshold=H(0.0))
