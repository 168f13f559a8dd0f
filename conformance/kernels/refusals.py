"""Calls that a kernel refuses."""
from recorder import case, hidden, raw


def refuses(op, **args):
  """One refused call; tensors are hidden from shape inference by the caller."""
  text = ', '.join(f'{k}={v!r}' for k, v in args.items())
  case(f'{op} refuses {text}', lambda: getattr(raw, op)(
      **{k: hidden(v.values, v.dtype) if isinstance(v, H) else [hidden(i.values, i.dtype) for i in v] if isinstance(v, list) and isinstance(v[0], H) else v
         for k, v in args.items()}))


class H:
  """An input that shape inference does not see."""

  def __init__(self, values, dtype=None):
    self.values, self.dtype = values, dtype

  def __repr__(self):
    return str(self.values)
