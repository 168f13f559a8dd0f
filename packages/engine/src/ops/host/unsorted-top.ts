/**
 * The order in which TensorFlow gives the k largest elements when it is told not to sort them: that of the heap in
 * tensorflow/core/lib/gtl/top_n.h, which C++'s standard library maintains (make_heap, push_heap, pop_heap of libstdc++).
 * Nothing says that it is so; models that were tested against TensorFlow's answers see it all the same.
 */

/** Whether the first position belongs before the second in the sorted result. */
export type Before = (a: number, b: number) => boolean;

/** The k best of the positions 0 … size-1, as the heap leaves them; 0 < k < size. */
export function unsortedTop(size: number, k: number, before: Before): number[] {
  const heap = Array.from({ length: k + 1 }, (_, position) => position);
  makeHeap(heap, before);
  popHeap(heap, before);
  for (let position = k + 1; position < size; position++) {
    // The root is the worst of the k; the place behind the heap is for the next element.
    if (!before(position, heap[0] as number)) continue;
    heap[k] = position;
    siftUp(heap, k, position, before);
    popHeap(heap, before);
  }
  return heap.slice(0, k);
}

/** The worst in front, the others below it. */
function makeHeap(heap: number[], before: Before): void {
  for (let parent = Math.floor((heap.length - 2) / 2); parent >= 0; parent--) {
    siftDown(heap, parent, heap.length, heap[parent] as number, before);
  }
}

/** Moves the worst to the end, and the heap is one element shorter. */
function popHeap(heap: number[], before: Before): void {
  const last = heap.length - 1;
  const moved = heap[last] as number;
  heap[last] = heap[0] as number;
  siftDown(heap, 0, last, moved, before);
}

/** Fills the hole at `at` with the worse of its children down to a leaf, then lets the element rise from there. */
function siftDown(heap: number[], at: number, length: number, element: number, before: Before): void {
  let hole = at;
  let child = 2 * hole + 2;
  for (; child < length; child = 2 * hole + 2) {
    if (before(heap[child] as number, heap[child - 1] as number)) child--;
    heap[hole] = heap[child] as number;
    hole = child;
  }
  if (child === length) {
    heap[hole] = heap[child - 1] as number;
    hole = child - 1;
  }
  siftUp(heap, hole, element, before, at);
}

/** Lets an element rise from the hole at `at`, not above `top`. */
function siftUp(heap: number[], at: number, element: number, before: Before, top = 0): void {
  let hole = at;
  while (hole > top) {
    const parent = Math.floor((hole - 1) / 2);
    if (!before(heap[parent] as number, element)) break;
    heap[hole] = heap[parent] as number;
    hole = parent;
  }
  heap[hole] = element;
}
