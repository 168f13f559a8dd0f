"""TensorLists: made, filled, read, stacked, cut; what was never set; what is refused."""
import tensorflow as tf

from recorder import case, hidden, raw

F = tf.float32


def i32(value):
  return tf.constant(value, tf.int32)


ROWS = [[1, 2], [3, 4], [5, 6]]


def from_tensor(values=ROWS, shape=(2,), dtype=F):
  return raw.TensorListFromTensor(tensor=tf.constant(values, dtype), element_shape=i32(list(shape)))


def reserve(count, shape, dtype=F):
  return raw.TensorListReserve(element_shape=i32(shape), num_elements=i32(count), element_dtype=dtype)


def stack(handle, shape=-1, dtype=F, num_elements=-1):
  return raw.TensorListStack(input_handle=handle, element_shape=hidden(shape, tf.int32), element_dtype=dtype, num_elements=num_elements)


def get(handle, index, shape=-1, dtype=F):
  return raw.TensorListGetItem(input_handle=handle, index=hidden(index, tf.int32), element_shape=hidden(shape, tf.int32), element_dtype=dtype)


def put(handle, index, item, **more):
  return raw.TensorListSetItem(input_handle=handle, index=hidden(index, tf.int32), item=item, **more)


def f(values):
  return hidden(values, F)


for dtype, values in [(F, ROWS), (tf.int64, ROWS), (tf.bool, [[True, False], [False, True]]), (tf.string, [['a', 'b'], ['', 'dd']]),
                      (tf.complex64, [[1 + 2j, 3j], [4, -1j]]), (tf.float16, ROWS), (tf.uint8, ROWS)]:
  def there_and_back(dtype=dtype, values=values):
    made = raw.TensorListFromTensor(tensor=tf.constant(values, dtype), element_shape=i32([2]))
    get(made, 1, dtype=dtype)
    stack(made, dtype=dtype)
    raw.TensorListGather(input_handle=made, indices=hidden([1, 0, 1], tf.int32), element_shape=i32([2]), element_dtype=dtype)
    raw.TensorListLength(input_handle=made)
  case(f'{dtype.name} rows come back', there_and_back)


def written():
  made = reserve(3, [2])
  made = put(made, 2, f([1, 2]))
  older = made
  made = put(made, 0, f([3, 4]))
  stack(made)
  stack(older)
  get(made, 1)


case('elements never set are zeros, and an older list stays as it was', written)
case('elements never set take their shape from the others', lambda: stack(put(reserve(3, -1), 1, f([[1, 2]]))))
case('one element never set takes its shape from the others', lambda: get(put(reserve(3, -1), 1, f([[1, 2]])), 0))
case('one element never set takes its shape from the input', lambda: get(reserve(3, -1), 0, [2, 2]))
case('strings never set are empty', lambda: stack(reserve(2, [1], tf.string), dtype=tf.string))
case('nothing says the shape of an element', lambda: get(reserve(3, -1), 0))
case('nothing says the shape of a stack', lambda: stack(reserve(3, -1)))
case('an empty list of a known shape', lambda: stack(reserve(0, [2, 3])))
case('an empty list of an unknown shape', lambda: stack(reserve(0, [-1, 3])))
case('an empty list, its shape completed by the input', lambda: stack(reserve(0, [-1, 3]), [2, -1]))
case('a stack of a certain number', lambda: stack(from_tensor(), num_elements=3))
case('a stack of another number', lambda: stack(from_tensor(), num_elements=2))
case('a stack whose shape contradicts', lambda: stack(from_tensor(), [3]))
case('elements of several shapes do not stack', lambda: stack(put(put(reserve(2, -1), 0, f([1, 2])), 1, f([1, 2, 3]))))
case('index past the end', lambda: get(from_tensor(), 3))
case('write past the end', lambda: put(from_tensor(), 3, f([1, 2])))
case('write past the end of a list that grows', lambda: stack(put(from_tensor(), 5, f([1, 2]), resize_if_index_out_of_bounds=True)))
case('write of another shape', lambda: put(from_tensor(), 0, f([1, 2, 3])))
case('a scalar has no rows', lambda: raw.TensorListFromTensor(tensor=hidden(1.0), element_shape=i32([])))
case('rows of another shape than said', lambda: raw.TensorListFromTensor(tensor=hidden(ROWS, F), element_shape=hidden([3], tf.int32)))
case('a scalar shape other than -1', lambda: raw.TensorListReserve(element_shape=hidden(3, tf.int32), num_elements=i32(1), element_dtype=F))
case('a negative length', lambda: raw.TensorListReserve(element_shape=i32([2]), num_elements=hidden(-1, tf.int32), element_dtype=F))


def pushed():
  made = raw.EmptyTensorList(element_shape=i32([2]), max_num_elements=i32(-1), element_dtype=F)
  for values in ROWS:
    made = raw.TensorListPushBack(input_handle=made, tensor=f(values))
  stack(made)
  shorter, _ = raw.TensorListPopBack(input_handle=made, element_shape=i32([2]), element_dtype=F)
  stack(shorter)
  raw.TensorListLength(input_handle=shorter)


case('push and pop', pushed)
case('push into a full list', lambda: raw.TensorListPushBack(
    input_handle=raw.EmptyTensorList(element_shape=i32([2]), max_num_elements=i32(0), element_dtype=F), tensor=f([1, 2])))
case('push of another shape', lambda: raw.TensorListPushBack(input_handle=from_tensor(), tensor=f([1, 2, 3])))
case('pop of nothing', lambda: raw.TensorListPopBack(
    input_handle=raw.EmptyTensorList(element_shape=i32([2]), max_num_elements=i32(-1), element_dtype=F), element_shape=i32([2]), element_dtype=F))
case('pop of an element never set', lambda: raw.TensorListPopBack(input_handle=reserve(2, [2]), element_shape=i32(-1), element_dtype=F))


case('gather of an index past the end', lambda: raw.TensorListGather(
    input_handle=from_tensor(), indices=hidden([0, 3], tf.int32), element_shape=i32([2]), element_dtype=F))
case('gather of nothing', lambda: raw.TensorListGather(
    input_handle=from_tensor(), indices=hidden([], tf.int32), element_shape=i32([2]), element_dtype=F))
case('gather of what was never set', lambda: raw.TensorListGather(
    input_handle=reserve(3, [2]), indices=hidden([0, 2], tf.int32), element_shape=i32([-1]), element_dtype=F))


def split(values, lengths, shape=(-1, 2)):
  return raw.TensorListSplit(tensor=hidden(values, F), element_shape=hidden(list(shape), tf.int32), lengths=hidden(lengths, tf.int64))


def concat(handle, shape=(-1, 2), leading=()):
  return raw.TensorListConcatV2(input_handle=handle, element_shape=hidden(list(shape) if shape != -1 else -1, tf.int32),
                                leading_dims=hidden(list(leading), tf.int64), element_dtype=F)


def concat_v1(handle, shape):
  return raw.TensorListConcat(input_handle=handle, element_dtype=F, element_shape=shape)


case('split and concat', lambda: concat(split(ROWS, [1, 0, 2])))
case('split and concat, version 1', lambda: concat_v1(split(ROWS, [1, 0, 2]), [None, 2]))
case('split takes more than there is', lambda: split(ROWS, [1, 3]))
case('split leaves something', lambda: split(ROWS, [1, 1]))
case('split by a negative length', lambda: split(ROWS, [4, -1]))
case('split into another shape', lambda: split(ROWS, [3], (-1, 3)))
case('concat of elements never set, by leading_dims', lambda: concat(put(reserve(3, [-1, 2]), 1, f(ROWS)), leading=[1, 3, 2]))
case('concat of elements never set, by the others', lambda: concat(put(reserve(3, [-1, 2]), 1, f(ROWS))))
case('concat of elements never set, by their shape', lambda: concat(reserve(2, [2, 2])))
case('concat of elements never set, by nothing', lambda: concat(reserve(2, [-1, 2])))
case('concat of an empty list', lambda: concat(reserve(0, [-1, 2])))
case('concat of an empty list of an unknown shape', lambda: concat(reserve(0, -1), -1))
case('concat of scalars', lambda: concat(put(reserve(1, -1), 0, f(1.0)), -1))
case('concat whose shape contradicts', lambda: concat(split(ROWS, [1, 2]), (1, 2)))


def scatter(indices, size, shape=(2,)):
  return raw.TensorListScatterV2(tensor=hidden(ROWS, F), indices=hidden(indices, tf.int32), element_shape=hidden(list(shape), tf.int32),
                                 num_elements=hidden(size, tf.int32))


case('scatter', lambda: stack(scatter([4, 0, 2], 6)))
case('scatter into as many as needed', lambda: stack(scatter([4, 0, 2], -1)))
case('scatter, version 1', lambda: stack(raw.TensorListScatter(tensor=hidden(ROWS, F), indices=hidden([2, 0, 1], tf.int32), element_shape=i32([2]))))
case('scatter past the end', lambda: scatter([4, 0, 2], 4))
case('scatter before the start', lambda: scatter([-1, 0, 2], 4))
case('scatter of too few', lambda: scatter([0, 1], 4))
case('scatter into a list', lambda: stack(raw.TensorListScatterIntoExistingList(
    input_handle=from_tensor(), tensor=hidden([[9, 9], [8, 8]], F), indices=hidden([2, 0], tf.int32))))
case('resize, longer', lambda: stack(raw.TensorListResize(input_handle=from_tensor(), size=hidden(5, tf.int32))))
case('resize, shorter', lambda: stack(raw.TensorListResize(input_handle=from_tensor(), size=hidden(1, tf.int32))))
case('resize to less than nothing', lambda: raw.TensorListResize(input_handle=from_tensor(), size=hidden(-1, tf.int32)))
case('two lists as one', lambda: stack(raw.TensorListConcatLists(input_a=from_tensor(), input_b=from_tensor([[9, 9]]), element_dtype=F)))
case('element shape', lambda: raw.TensorListElementShape(input_handle=reserve(1, [2, -1]), shape_type=tf.int32))
case('unknown element shape', lambda: raw.TensorListElementShape(input_handle=reserve(1, -1), shape_type=tf.int64))


def nested():
  outer = raw.TensorListReserve(element_shape=i32([]), num_elements=i32(2), element_dtype=tf.variant)
  outer = raw.TensorListSetItem(input_handle=outer, index=i32(0), item=from_tensor())
  inner = raw.TensorListGetItem(input_handle=outer, index=i32(0), element_shape=i32([]), element_dtype=tf.variant)
  stack(inner)


case('a list in a list', nested)
