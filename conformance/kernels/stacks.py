"""Stacks: push, pop, limits, closing."""
import tensorflow as tf

from recorder import case, hidden, raw


def f(value):
  return hidden(value, tf.float32)


def new(size=-1):
  return raw.StackV2(max_size=hidden(size, tf.int32), elem_type=tf.float32, stack_name='s')


def push(handle, value):
  return raw.StackPushV2(handle=handle, elem=f(value))


def pop(handle):
  return raw.StackPopV2(handle=handle, elem_type=tf.float32)


def last_in_first_out():
  stack = new()
  push(stack, [1, 2])
  push(stack, 3.0)
  pop(stack)
  pop(stack)


def closed():
  stack = new()
  push(stack, 1.0)
  raw.StackCloseV2(handle=stack)


def too_many():
  stack = new(1)
  push(stack, 1.0)
  push(stack, 2.0)


def two():
  first, second = new(), new()
  push(first, 1.0)
  push(second, 2.0)
  pop(first)
  pop(second)


case('the last in is the first out', last_in_first_out)
case('two stacks of one name are two', two)
case('a stack that is closed', closed)
case('more than there may be', too_many)
case('nothing to pop', lambda: pop(new()))
