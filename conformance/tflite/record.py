"""Records models that TensorFlow Lite's converter made and what its interpreter answers.

    python record.py [case …]

Writes packages/engine/src/fixtures/tflite/<case>.tflite and <case>.json: about, operators, tolerance, calls (signature,
inputs, outputs). Only developers run it: it needs TensorFlow 2.21.
"""
import sys

import built
import models
import operators
import recorder

assert models and operators and built

if __name__ == '__main__':
  for name in sys.argv[1:] or recorder.cases:
    recorder.write(name)
