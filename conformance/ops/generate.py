"""Writes the variants of the modules beside this file, as TensorFlow computes them (see oracle.py).

    python generate.py OUT.jsonl [module[:op,op] ...]
    python generate.py ../../packages/engine/src/fixtures/ops/kept.jsonl --kept

TensorFlow ends the process on some inputs: each module runs in a process of its own, and goes on behind the variant that
ended it. With --kept it is those variants that once differed in our engine, kept.txt lists them by module and title, for a
test. OUT.jsonl.left tells what TensorFlow doesn't build, has no kernel for, or dies of.
"""
import collections
import importlib
import json
import os
import subprocess
import sys

import oracle

HERE = os.path.dirname(os.path.abspath(__file__))
ALL = sorted(f[:-3] for f in os.listdir(HERE) if f.startswith('variants_'))


def kept_titles():
  kept = collections.defaultdict(set)
  with open(os.path.join(HERE, 'kept.txt'), encoding='utf-8') as lines:
    for line in lines:
      module, title = line.rstrip('\n').split('\t')
      kept[module].add(title)
  return kept


def variants_of(module):
  if module.startswith('kept:'):
    module = module.removeprefix('kept:')
    return [each for each in variants_of(module) if oracle.describe(each) in kept_titles()[module]]
  name, _, ops = module.partition(':')
  importlib.import_module(name if name.startswith('variants_') else 'variants_' + name)
  return [each for each in oracle.take() if not ops or each.op in ops.split(',')]


def record_from(out, module, first):
  """Appends to the files, and to OUT.at the place of the variant that is being run."""
  with open(out, 'a', encoding='utf-8') as lines, open(out + '.left', 'a', encoding='utf-8') as left:
    for place, each in enumerate(variants_of(module)):
      if place < first:
        continue
      with open(out + '.at', 'w', encoding='utf-8') as at:
        at.write(f'{place}\n{oracle.describe(each)}')
      try:
        recorded, reason = oracle.record(each)
      except Exception as e:  # a mistake of the generator
        recorded, reason = None, e
      if recorded:
        lines.write(json.dumps(recorded, separators=(',', ':')) + '\n')
        lines.flush()
      else:
        left.write(f'{oracle.describe(each)}: {str(reason)[:160]!r}\n')
        left.flush()


def main(out, modules):
  if modules == ['--kept']:
    modules = ['kept:' + module for module in sorted(kept_titles())]
  for each in (out, out + '.left'):
    open(each, 'w', encoding='utf-8').close()
  for module in modules or ALL:
    first = 0
    while subprocess.run([sys.executable, __file__, '--from', out, module, str(first)], stderr=subprocess.DEVNULL).returncode != 0:
      with open(out + '.at', encoding='utf-8') as at:
        place, title = at.read().split('\n', 1)
      with open(out + '.left', 'a', encoding='utf-8') as left:
        left.write(f'{title}: TensorFlow died\n')
      first = int(place) + 1
  with open(out, encoding='utf-8') as lines:
    written = collections.Counter(json.loads(line)['op'] for line in lines)
  with open(out + '.left', encoding='utf-8') as lines:
    left = collections.Counter(line.split('(')[0] for line in lines)
  print(f'{sum(written.values())} variants of {len(written)} ops; {sum(left.values())} that TensorFlow does not run')
  print('no variant at all:', ' '.join(sorted(op for op in left if op not in written)) or 'none')


if __name__ == '__main__':
  if sys.argv[1] == '--from':
    record_from(sys.argv[2], sys.argv[3], int(sys.argv[4]))
  else:
    main(sys.argv[1], sys.argv[2:])
