"""Records the cases of the modules beside this file (see recorder.py)."""
import importlib
import os
import sys

import recorder

HERE = os.path.dirname(os.path.abspath(__file__))
ALL = sorted(f[:-3] for f in os.listdir(HERE) if f.endswith('.py') and f not in ('record.py', 'recorder.py', 'dtypes.py', 'refusals.py'))

if __name__ == '__main__':
  for module in sys.argv[1:] or ALL:
    importlib.import_module(module)
    recorder.write(module)
