"""Images, simulated quantization, cells of recurrent networks."""
import numpy as np
import tensorflow as tf

from recorder import boolean, case, f16, f32, f64, i32, i64, inf, nan, random

TOL = dict(rtol=1e-4, atol=1e-4)
IMAGE = random([2, 5, 6, 2], seed=1, low=0, high=4)

for op in ('ResizeBilinear', 'ResizeNearestNeighbor', 'ResizeBicubic', 'ResizeArea'):
  for flags in ({}, {'align_corners': True}, {'half_pixel_centers': True}):
    if op == 'ResizeArea' and 'half_pixel_centers' in flags:
      continue
    for size in ([10, 12], [3, 4], [7, 1], [1, 9], [5, 6], [13, 17], [2, 15]):
      case(op, IMAGE[:1], i32(size), **flags, **TOL)
  case(op, IMAGE, i32([4, 7]), **TOL)
  case(op, random([1, 3, 4, 3], np.uint8, low=0, high=255), i32([5, 5]), **TOL)
  case(op, random([1, 3, 4, 1], np.int32, low=-9, high=9), i32([5, 2]), **TOL)
  case(op, f32(np.zeros([0, 3, 4, 1])), i32([5, 2]))
  case(op, random([1, 3, 4, 1], np.float16), i32([5, 2]), rtol=2e-3, atol=2e-3)
case('ResizeNearestNeighbor', random([1, 7, 9, 1]), i32([12, 6]), half_pixel_centers=True)
for a, b in ((6, 9), (3, 10), (11, 7), (7, 49), (9, 27)):
  for flags in ({}, {'align_corners': True}, {'half_pixel_centers': True}):
    case('ResizeNearestNeighbor', f32(np.arange(a)).reshape([1, a, 1, 1]), i32([b, 1]), **flags)
case('ResizeNearestNeighbor', random([1, 2, 2, 1], np.int64), i32([4, 4]))
case('ResizeNearestNeighbor', random([1, 2, 2, 1], np.float64), i32([4, 4]))
case('ResizeBilinear', random([1, 3, 3, 1], np.float64), i32([4, 4]), **TOL)

BOXES = f32([[0, 0, 1, 1], [0.1, 0.2, 0.7, 0.6], [1, 1, 0, 0], [-0.5, 0, 0.5, 1.5], [0.5, 0.5, 0.5, 0.5]])
for method in ('bilinear', 'nearest'):
  case('CropAndResize', IMAGE, BOXES, i32([0, 1, 0, 1, 1]), i32([3, 4]), method=method, **TOL)
  case('CropAndResize', IMAGE, BOXES, i32([0, 1, 0, 1, 1]), i32([1, 1]), method=method, extrapolation_value=-1, **TOL)
case('CropAndResize', random([1, 3, 4, 3], np.uint8, low=0, high=255), f32([[0, 0, 1, 1]]), i32([0]), i32([2, 2]), **TOL)
case('CropAndResize', IMAGE, f32(np.zeros([0, 4])), i32(np.zeros([0])), i32([2, 2]))
case('CropAndResize', IMAGE, f32([[0, 0, 1, 1]]), i32([2]), i32([2, 2]), about='no such image')
case('CropAndResize', IMAGE, f32([[0, 0, 1, 1]]), i32([-1]), i32([2, 2]), about='no such image')
case('AdjustContrastv2', IMAGE, f32(1.5), **TOL)
case('AdjustContrastv2', IMAGE[0], f32(0.2), **TOL)
for padding in ('VALID', 'SAME'):
  for k, s, r in ((2, 1, 1), (3, 2, 1), (2, 3, 1), (2, 1, 2), (3, 2, 2), (1, 2, 1)):
    case('ExtractImagePatches', IMAGE, ksizes=[1, k, k, 1], strides=[1, s, s, 1], rates=[1, r, r, 1], padding=padding)
    case('Dilation2D', IMAGE, random([k, k, 2]), strides=[1, s, s, 1], rates=[1, r, r, 1], padding=padding, **TOL)
  case('ExtractImagePatches', random([1, 4, 4, 1], np.int32, high=9), ksizes=[1, 2, 3, 1], strides=[1, 1, 2, 1], rates=[1, 1, 1, 1], padding=padding)
  case('ExtractImagePatches', f32(np.zeros([0, 4, 4, 1])), ksizes=[1, 2, 3, 1], strides=[1, 1, 2, 1], rates=[1, 1, 1, 1], padding=padding)

VALUES = f32([[-7, -1.1, -0.5, 0], [0.26, 0.5, 1.4, 9]])
for lo, hi in ((-6, 6), (0, 3), (-1, 0.3), (0.5, 2), (-3, -1)):
  for bits in (8, 4):
    case('FakeQuantWithMinMaxVars', VALUES, f32(lo), f32(hi), num_bits=bits, narrow_range=bits == 4, **TOL)
    if lo <= 0 <= hi:
      case('FakeQuantWithMinMaxArgs', VALUES, min=lo, max=hi, num_bits=bits, **TOL)
case('FakeQuantWithMinMaxVars', VALUES, f32(0), f32(0), **TOL)
case('FakeQuantWithMinMaxVarsPerChannel', VALUES, f32([-1, 0, -3, 0]), f32([1, 2, 0, 0]), **TOL)
case('FakeQuantWithMinMaxVarsPerChannel', f32([1, 2, -3]), f32([-1, 0, -3]), f32([1, 1.5, 3]), num_bits=3, **TOL)
for signed in (True, False):
  for given in (True, False):
    for narrow in (True, False):
      case('QuantizeAndDequantizeV2', VALUES, f32(-2), f32(5), signed_input=signed, range_given=given, narrow_range=narrow, num_bits=4, **TOL)
      case('QuantizeAndDequantizeV4', VALUES, f32(-6), f32(1), signed_input=signed, range_given=given, narrow_range=narrow, round_mode='HALF_UP', **TOL)
case('QuantizeAndDequantizeV2', VALUES, f32([-1, -2]), f32([1, 1]), range_given=False, axis=0, num_bits=3, **TOL)
case('QuantizeAndDequantizeV3', VALUES, f32(-1), f32(1), i32(5), **TOL)

for peephole in (False, True):
  for clip in (3.0, 0.2, 0.0):
    case('LSTMBlockCell', random([2, 3], seed=1), random([2, 4], seed=2), random([2, 4], seed=3), random([7, 16], seed=4), random([4], seed=5), random([4], seed=6), random([4], seed=7),
         random([16], seed=8), use_peephole=peephole, cell_clip=clip, forget_bias=0.5, rtol=1e-4, atol=1e-5)
case('GRUBlockCell', random([2, 3], seed=1), random([2, 4], seed=2), random([7, 8], seed=3), random([7, 4], seed=4), random([8], seed=5), random([4], seed=6), rtol=1e-4, atol=1e-5)
