"""Writes the variants of the modules beside this file, as TensorFlow computes them (see oracle.py).

    python generate.py OUT.jsonl [module[:op,op] ...]
"""
import collections
import importlib
import json
import os
import sys

import oracle

HERE = os.path.dirname(os.path.abspath(__file__))
ALL = sorted(f[:-3] for f in os.listdir(HERE) if f.startswith('variants_'))

if __name__ == '__main__':
  written, left = collections.Counter(), collections.defaultdict(list)
  with open(sys.argv[1], 'w', encoding='utf-8') as out:
    for name in sys.argv[2:] or ALL:
      name, _, ops = name.partition(':')
      importlib.import_module(name if name.startswith('variants_') else 'variants_' + name)
      for each in oracle.take():
        if ops and each.op not in ops.split(','):
          continue
        try:
          recorded, reason = oracle.record(each)
        except Exception as e:  # a mistake of the generator: all are reported at once
          recorded, reason = None, e
        if recorded:
          out.write(json.dumps(recorded, separators=(',', ':')) + '\n')
          written[each.op] += 1
        else:
          left[each.op].append(f'{oracle._describe(each)}: {str(reason)[:160]!r}')
  print(f'{sum(written.values())} variants of {len(written)} ops; {sum(map(len, left.values()))} that TensorFlow does not build')
  with open(sys.argv[1] + '.left', 'w', encoding='utf-8') as out:
    for op in sorted(left):
      out.write('\n'.join(left[op]) + '\n')
  print('no variant at all:', ' '.join(sorted(op for op in left if op not in written)) or 'none')
