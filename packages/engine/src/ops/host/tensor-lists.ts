/**
 * TensorLists: lists of tensors that flow as variants, which loops fill and read one element a step.
 *
 * A list is a value: what changes it makes another. Elements that were reserved and never set read as zeros, once
 * their shape is known. Behaviour: tensorflow/core/kernels/list_kernels.{h,cc}.
 */
import {
  type DType,
  dtypeInfo,
  elementCount,
  invalidArgument,
  type PartialShape,
  type Shape,
  shapeText,
  type Tensor,
  tensor,
  zeros,
} from "@servable/formats";
import type { ValueType } from "../../graph/graph.js";
import { asTensor, isTensor, type Value, type Variant, type VariantValue } from "../../values.js";
import type { HostTable, NodeFacts } from "../op-table.js";
import { copyEntries, tensorOver } from "./element-memory.js";
import { countOf, ensure, integerOf, integersOf, pass } from "./kernel.js";
import { PersistentList } from "./persistent-list.js";

/** Longer lists are refused before memory is asked for. */
const MAX_LENGTH = 2 ** 31 - 1;

export interface TensorList extends Variant {
  readonly kind: "TensorList";
  readonly elementType: ValueType;
  /** What every element's shape agrees with. */
  readonly elementShape: PartialShape;
  /** Undefined where reserved and not yet set. */
  readonly elements: PersistentList<Value>;
  /** How far pushes may go; -1 for as far as they like. */
  readonly maxLength: number;
}

// ---- values --------------------------------------------------------------------------------------------------

/** A list as what flows between nodes. */
export function listValue(list: TensorList): VariantValue {
  return { dtype: "variant", shape: [], data: [list] };
}

function newList(elementType: ValueType, elementShape: PartialShape, elements: PersistentList<Value>) {
  return listValue({ kind: "TensorList", elementType, elementShape, elements, maxLength: -1 });
}

/** The list of an input. INVALID_ARGUMENT when it is another variant, or not one alone. */
export function listOf(value: Value | undefined): TensorList {
  if (value?.dtype !== "variant") throw invalidArgument(`Input handle is not a list: ${value?.dtype}`);
  ensure(value.shape.length === 0, `Input list must be a scalar saw: ${shapeText(value.shape)}`);
  return asList(value.data[0]);
}

function asList(variant: Variant | undefined): TensorList {
  if (variant?.kind !== "TensorList") {
    throw invalidArgument(`Input handle is not a list. Saw: '${variant?.kind}'`);
  }
  return variant as TensorList;
}

/** The list of input 0, of the element type that the node says. */
function typedList(node: NodeFacts, value: Value | undefined): TensorList {
  const list = listOf(value);
  checkType(elementType(node), list.elementType);
  return list;
}

function elementType(node: NodeFacts): ValueType {
  const number = node.attrs.typeNumber("element_dtype");
  return number === 21 ? "variant" : number === 20 ? "resource" : node.attrs.type("element_dtype");
}

function checkType(op: ValueType, list: ValueType): void {
  ensure(op === list, `Invalid data types; op elements ${op} but list elements ${list}`);
}

/** The shape in an element_shape input: a vector with -1 where unknown, or the scalar -1. */
function shapeInput(value: Value | undefined): PartialShape {
  const sizes = integersOf(value);
  if (asTensor(value).shape.length > 0) return sizes;
  ensure(sizes[0] === -1, "The only valid scalar shape tensor is the fully unknown shape specified as -1.");
  return null;
}

// ---- shapes --------------------------------------------------------------------------------------------------

function agree(a: PartialShape, b: PartialShape): boolean {
  if (a === null || b === null) return true;
  const meets = (size: number, other: number) => size < 0 || other < 0 || size === other;
  return a.length === b.length && a.every((size, axis) => meets(size, b[axis] as number));
}

/** Both shapes as one. INVALID_ARGUMENT when they contradict each other. */
function merged(a: PartialShape, b: PartialShape): PartialShape {
  ensure(agree(a, b), `Incompatible shapes during merge: ${shapeText(a)} vs. ${shapeText(b)}`);
  if (a === null) return b;
  return b === null ? a : a.map((size, axis) => (size < 0 ? (b[axis] as number) : size));
}

/** A shape that elements which were never set can have. */
function settled(shape: PartialShape, message: string): Shape {
  if (shape === null || shape.some((size) => size < 0))
    throw invalidArgument(`${message}: ${shapeText(shape)}`);
  return shape;
}

/** The shape that all these elements agree on with what is declared. */
function commonShape(declared: PartialShape, elements: readonly (Value | undefined)[]): PartialShape {
  return elements.reduce<PartialShape>(
    (shape, element) => (element === undefined ? shape : merged(shape, element.shape)),
    declared,
  );
}

function zeroElement(type: ValueType, shape: Shape): Value {
  const count = countOf(shape);
  if (type === "variant") return { dtype: "variant", shape, data: new Array<Variant>(count).fill(nothing) };
  if (type === "resource") throw invalidArgument("a handle of a resource has no zero");
  return zeros(type, shape) as Tensor;
}

const nothing: Variant = { kind: "Empty" };

// ---- elements in and out of one memory -------------------------------------------------------------------------

/** Elements along a new axis, or joined along their first one. All have one shape, but for that axis. */
export function joinElements(type: ValueType, shape: Shape, elements: readonly Value[]): Value {
  const count = countOf(shape);
  if (type === "variant") {
    return { dtype: "variant", shape, data: elements.flatMap((each) => (each as VariantValue).data) };
  }
  const { data } = zeros(type as DType, [count]) as Tensor;
  let at = 0;
  for (const element of elements) {
    const source = asTensor(element).data;
    copyEntries(data, at, source, 0, source.length);
    at += source.length;
  }
  return tensorOver(type as DType, shape, data);
}

/** Rows `from` to `to` of a value, without its first axis when `single`. They share its memory. */
function rowsOf(value: Value, from: number, to: number, single: boolean): Value {
  const inner = value.shape.slice(1);
  const shape = single ? inner : [to - from, ...inner];
  if (value.dtype === "resource") throw invalidArgument("handles of resources have no rows");
  const lanes = isTensor(value) ? dtypeInfo(value.dtype).lanes : 1;
  const width = elementCount(inner) * lanes;
  if (!isTensor(value)) return { ...value, shape, data: value.data.slice(from * width, to * width) };
  if (value.dtype === "string") return { ...value, shape, data: value.data.slice(from * width, to * width) };
  return { ...value, shape, data: value.data.subarray(from * width, to * width) } as Tensor;
}

function requireRows(value: Value): number {
  const [rows] = value.shape;
  if (rows === undefined) {
    throw invalidArgument(`Tensor must be at least a vector, but saw shape: ${shapeText(value.shape)}`);
  }
  return rows;
}

function eachRow(value: Value): Value[] {
  return Array.from({ length: requireRows(value) }, (_, i) => rowsOf(value, i, i + 1, true));
}

// ---- kernels -------------------------------------------------------------------------------------------------

function empty(node: NodeFacts) {
  const type = elementType(node);
  return (shape?: Value, limit?: Value): Value =>
    listValue({
      kind: "TensorList",
      elementType: type,
      elementShape: shapeInput(shape),
      elements: PersistentList.ofLength(0),
      maxLength: integerOf(limit, "max_num_elements"),
    });
}

function reserve(node: NodeFacts) {
  const type = elementType(node);
  return (shape?: Value, length?: Value): Value => {
    const count = integerOf(length, "num_elements");
    ensure(
      count >= 0 && count <= MAX_LENGTH,
      `The num_elements to reserve must be a non negative number, but got ${count}`,
    );
    return newList(type, shapeInput(shape), PersistentList.ofLength(count));
  };
}

function requireRowsOf(elementShape: PartialShape, value: Value): void {
  const inner = value.shape.slice(1);
  ensure(
    agree(elementShape, inner),
    `Specified a list with shape ${shapeText(elementShape)} from a tensor with shape ${shapeText(inner)}`,
  );
}

function fromTensor() {
  return (value: Value, shape?: Value): Value => {
    const elementShape = shapeInput(shape);
    requireRows(value);
    requireRowsOf(elementShape, value);
    return newList(value.dtype, elementShape, PersistentList.from(eachRow(value)));
  };
}

function getItem(node: NodeFacts) {
  return (handle: Value, indexInput?: Value, shape?: Value): Value => {
    const list = typedList(node, handle);
    const index = inRange(list, indexInput, "Trying to access element");
    return list.elements.get(index) ?? unsetElement(list, shapeInput(shape));
  };
}

/** The zeros that an element which was never set reads as. */
function unsetElement(list: TensorList, declared: PartialShape): Value {
  const known = merged(declared, list.elementShape);
  const isSettled = known?.every((size) => size >= 0) ?? false;
  const shape = settled(
    isSettled ? known : commonShape(known, [...list.elements]),
    "Trying to read an uninitialized tensor but element_shape is not fully defined and no list element is set",
  );
  return zeroElement(list.elementType, shape);
}

function inRange(list: TensorList, input: Value | undefined, doing: string): number {
  const index = integerOf(input, "index");
  const { length } = list.elements;
  ensure(index >= 0 && index < length, `${doing} ${index} in a list with ${length} elements.`);
  return index;
}

function setItem(node: NodeFacts) {
  const grows = node.attrs.bool("resize_if_index_out_of_bounds");
  return (handle: Value, indexInput: Value, item: Value): Value => {
    const list = typedList(node, handle);
    const wanted = integerOf(indexInput, "index");
    const { elements } = list;
    const roomy = grows && wanted >= elements.length ? elements.resized(wanted + 1) : elements;
    const index = inRange({ ...list, elements: roomy }, indexInput, "Trying to modify element");
    ensure(
      agree(list.elementShape, item.shape),
      "Tried to set a tensor with incompatible shape at a list index. " +
        `Item element shape: ${shapeText(item.shape)} list shape: ${shapeText(list.elementShape)}`,
    );
    return listValue({ ...list, elements: roomy.with(index, item) });
  };
}

function pushBack(node: NodeFacts) {
  return (handle: Value, item: Value): Value => listValue(pushed(typedList(node, handle), item));
}

function pushed(list: TensorList, item: Value): TensorList {
  ensure(
    agree(list.elementShape, item.shape),
    "Tried to append a tensor with incompatible shape to a list. " +
      `Op element shape: ${shapeText(item.shape)} list shape: ${shapeText(list.elementShape)}`,
  );
  const { length } = list.elements;
  ensure(
    list.maxLength < 0 || length < list.maxLength,
    `Tried to push item into a full list list size: ${length} max_num_elements: ${list.maxLength}`,
  );
  return { ...list, elements: list.elements.push(item) };
}

function pushBackBatch(node: NodeFacts) {
  const type = elementType(node);
  return (handles: Value, items: Value): Value => {
    if (handles.dtype !== "variant") throw invalidArgument("Expected input_handles to be lists");
    const count = requireRows(items);
    ensure(
      handles.shape.length === 1 && handles.shape[0] === count,
      `Expected tensor.shape[0] == input_handles.size, but saw ${count} vs. ${shapeText(handles.shape)}`,
    );
    const rows = eachRow(items);
    const data = handles.data.map((variant, i) => {
      const list = asList(variant);
      checkType(type, list.elementType);
      return pushed(list, rows[i] as Value);
    });
    return { ...handles, data };
  };
}

function popBack(node: NodeFacts) {
  return (handle: Value, shape?: Value): Value[] => {
    const list = typedList(node, handle);
    const last = list.elements.length - 1;
    ensure(last >= 0, "Trying to pop from an empty list.");
    const element =
      list.elements.get(last) ??
      zeroElement(
        list.elementType,
        settled(
          merged(shapeInput(shape), list.elementShape),
          "Trying to read an uninitialized tensor but element_shape is not fully defined.",
        ),
      );
    return [listValue({ ...list, elements: list.elements.resized(last) }), element];
  };
}

function stack(node: NodeFacts) {
  const expected = node.attrs.int("num_elements");
  return (handle: Value, shape?: Value): Value => {
    const list = typedList(node, handle);
    const { length } = list.elements;
    ensure(
      expected === -1 || length === expected,
      `Operation expected a list with ${expected} elements but got a list with ${length} elements.`,
    );
    return stacked(list, [...list.elements], shapeInput(shape), "stack");
  };
}

function stacked(
  list: TensorList,
  elements: readonly (Value | undefined)[],
  declared: PartialShape,
  doing: string,
): Value {
  const known = merged(declared, list.elementShape);
  if (elements.length === 0)
    settled(known, `Tried to ${doing} elements of an empty list with non-fully-defined element_shape`);
  const shape = settled(
    commonShape(known, elements),
    `Tried to ${doing} list which only contains uninitialized tensors and has a non-fully-defined element_shape`,
  );
  countOf([elements.length, ...shape]);
  let zero: Value | undefined;
  const zeroOnce = () => {
    zero ??= zeroElement(list.elementType, shape);
    return zero;
  };
  const filled = elements.map((element) => element ?? zeroOnce());
  return joinElements(list.elementType, [elements.length, ...shape], filled);
}

function gather(node: NodeFacts) {
  return (handle: Value, indicesInput?: Value, shape?: Value): Value => {
    const list = typedList(node, handle);
    const { length } = list.elements;
    const elements = integersOf(indicesInput).map((index) => {
      ensure(index >= 0 && index < length, `Index ${index} out of range; list only has ${length} elements.`);
      return list.elements.get(index);
    });
    return stacked(list, elements, shapeInput(shape), "gather");
  };
}

/** Elements joined along their first axis; those never set have the size that `leading_dims` or all others say. */
function concat(node: NodeFacts) {
  const hasShapeInput = node.op === "TensorListConcatV2";
  return (handle: Value, shape?: Value, leadingDims?: Value): Value[] => {
    const list = typedList(node, handle);
    const declared = hasShapeInput ? shapeInput(shape) : node.attrs.shape("element_shape");
    const element = merged(declared, list.elementShape);
    ensure(
      element === null || element.length > 0,
      "Concat requires elements to be at least vectors, found scalars instead.",
    );
    const elements = [...list.elements];
    const inner = innerShape(element, elements);
    const leading = leadingDims === undefined ? [] : integersOf(leadingDims);
    const lengths = elements.map(
      (each, i) => each?.shape[0] ?? leading[i] ?? unsetLength(element, elements, i),
    );
    const total = lengths.reduce((sum, length) => sum + length, 0);
    countOf([total, ...inner]);
    const filled = elements.map(
      (each, i) => each ?? zeroElement(list.elementType, [lengths[i] as number, ...inner]),
    );
    const joined = joinElements(list.elementType, [total, ...inner], filled);
    return [joined, tensor("int64", [lengths.length], BigInt64Array.from(lengths, BigInt))];
  };
}

/** What the elements have past their first axis. */
function innerShape(element: PartialShape, elements: readonly (Value | undefined)[]): Shape {
  let inner: PartialShape = element?.slice(1) ?? null;
  if (elements.length === 0) {
    settled(
      inner,
      "All except the first dimension must be fully defined when concating an empty tensor list. element_shape",
    );
  }
  for (const [i, each] of elements.entries()) {
    if (each === undefined) continue;
    ensure(each.shape.length > 0, `Concat saw a scalar shape at index ${i} but requires at least vectors.`);
    const first = element?.[0] ?? -1;
    ensure(
      first < 0 || first === each.shape[0],
      `First entry of element_shape input does not match the first dim of list element at index: ${i} Expected: ${first} Actual: ${each.shape[0]}`,
    );
    inner = merged(inner, each.shape.slice(1));
  }
  return settled(
    inner,
    "Trying to concat list with only uninitialized tensors but element_shape_except_first_dim_ is not fully defined",
  );
}

function unsetLength(element: PartialShape, elements: readonly (Value | undefined)[], index: number): number {
  const declared = element?.[0] ?? -1;
  if (declared >= 0) return declared;
  const lengths = new Set(elements.flatMap((each) => (each === undefined ? [] : [each.shape[0] as number])));
  const [only] = lengths;
  if (lengths.size !== 1 || only === undefined) {
    throw invalidArgument(
      `List contains uninitialized tensor at index ${index} but leading_dims has no entry for it.`,
    );
  }
  return only;
}

function split() {
  return (value: Value, shape?: Value, lengthsInput?: Value): Value => {
    const elementShape = shapeInput(shape);
    ensure(
      elementShape === null || elementShape.length > 0,
      `TensorListSplit requires element_shape to be at least of rank 1, but saw: ${shapeText(elementShape)}`,
    );
    const rows = requireRows(value);
    ensure(
      agree(elementShape?.slice(1) ?? null, value.shape.slice(1)),
      `tensor shape ${shapeText(value.shape)} is not compatible with element_shape ${shapeText(elementShape)}`,
    );
    const lengthsShape = asTensor(lengthsInput).shape;
    ensure(
      lengthsShape.length === 1,
      `Expected lengths to be a vector, received shape: ${shapeText(lengthsShape)}`,
    );
    let start = 0;
    const pieces = integersOf(lengthsInput).map((length) => {
      ensure(length >= 0, `Invalid value in lengths: ${length}`);
      const end = start + length;
      ensure(end <= rows, `Attempting to slice [${start}, ${end}] from tensor with length ${rows}`);
      const piece = rowsOf(value, start, end, false);
      start = end;
      return piece;
    });
    ensure(start === rows, `Unused values in tensor. Length of tensor: ${rows} Values used: ${start}`);
    return newList(value.dtype, elementShape, PersistentList.from(pieces));
  };
}

/** A list with the rows of a value at these places. */
function scatter() {
  return (value: Value, indicesInput?: Value, shape?: Value, lengthInput?: Value): Value => {
    const length = lengthInput === undefined ? -1 : integerOf(lengthInput, "num_elements");
    ensure(length >= -1, `TensorListScatter expects num_elements >= -1, found: ${length}`);
    const elementShape = shapeInput(shape);
    const rows = eachRow(value);
    requireRowsOf(elementShape, value);
    const indices = integersOf(indicesInput);
    ensure(
      indices.length === rows.length,
      `Invalid number of rows in input tensor. Expected: ${indices.length} Actual: ${rows.length}`,
    );
    for (const index of indices) {
      ensure(index >= 0, "Indices in TensorListScatter must all be non-negative.");
      ensure(
        length === -1 || index < length,
        `TensorListScatter: Trying to scatter at index ${index} in list with size ${length}`,
      );
    }
    const elements = withRows(PersistentList.ofLength(Math.max(length, 0)), indices, rows);
    return newList(value.dtype, elementShape, elements);
  };
}

function withRows(
  list: PersistentList<Value>,
  indices: readonly number[],
  rows: readonly Value[],
): PersistentList<Value> {
  const needed = indices.reduce((most, index) => Math.max(most, index + 1), list.length);
  let elements = needed > list.length ? list.resized(needed) : list;
  indices.forEach((index, i) => {
    elements = elements.with(index, rows[i]);
  });
  return elements;
}

function scatterIntoExisting() {
  return (handle: Value, value: Value, indicesInput?: Value): Value => {
    const list = listOf(handle);
    ensure(
      value.dtype === list.elementType,
      `Invalid data types; input tensor type: ${value.dtype} list element_type: ${list.elementType}`,
    );
    const rows = eachRow(value);
    const indices = integersOf(indicesInput);
    ensure(
      indices.length === rows.length,
      `Expected len(indices) == tensor.shape[0], but saw: ${indices.length} vs. ${rows.length}`,
    );
    ensure(
      indices.every((index) => index >= 0),
      "Indices must all be non-negative.",
    );
    return listValue({ ...list, elements: withRows(list.elements, indices, rows) });
  };
}

function resize() {
  return (handle: Value, sizeInput?: Value): Value => {
    const list = listOf(handle);
    const size = integerOf(sizeInput, "size");
    ensure(size >= 0, `TensorListSlice expects size to be non-negative. Got: ${size}`);
    return listValue({ ...list, elements: list.elements.resized(size) });
  };
}

function concatLists(node: NodeFacts) {
  const type = elementType(node);
  return (a: Value, b: Value): Value => {
    if (a.dtype !== "variant" || b.dtype !== "variant") throw invalidArgument("Expected lists");
    ensure(
      shapeText(a.shape) === shapeText(b.shape),
      `Incompatible input TensorList tensor shapes: ${shapeText(a.shape)} vs. ${shapeText(b.shape)}`,
    );
    const data = a.data.map((variant, i) => {
      const [first, second] = [asList(variant), asList(b.data[i])];
      checkType(type, first.elementType);
      checkType(type, second.elementType);
      ensure(
        shapeText(first.elementShape) === shapeText(second.elementShape),
        `input_a and input_b TensorList element shapes are not identical at index ${i}. ` +
          `Saw ${shapeText(first.elementShape)} vs. ${shapeText(second.elementShape)}`,
      );
      return {
        ...first,
        elements: PersistentList.from([...first.elements, ...second.elements]) as PersistentList<Value>,
      };
    });
    return { ...a, data };
  };
}

function length() {
  return (handle: Value): Value => tensor("int32", [], Int32Array.of(listOf(handle).elements.length));
}

function elementShape(node: NodeFacts) {
  const type = node.attrs.type("shape_type");
  return (handle: Value): Value => {
    const shape = listOf(handle).elementShape;
    const sizes = shape ?? [-1];
    const dims = shape === null ? [] : [sizes.length];
    if (type === "int64") return tensor("int64", dims, BigInt64Array.from(sizes, BigInt));
    return tensor("int32", dims, Int32Array.from(sizes));
  };
}

export const tensorListKernels: HostTable = {
  EmptyTensorList: pass(empty),
  TensorListReserve: pass(reserve),
  TensorListFromTensor: pass(fromTensor),
  TensorListGetItem: pass(getItem),
  TensorListSetItem: pass(setItem),
  TensorListPushBack: pass(pushBack),
  TensorListPushBackBatch: pass(pushBackBatch),
  TensorListPopBack: pass(popBack),
  TensorListStack: pass(stack),
  TensorListGather: pass(gather),
  TensorListConcat: pass(concat),
  TensorListConcatV2: pass(concat),
  TensorListSplit: pass(split),
  TensorListScatter: pass(scatter),
  TensorListScatterV2: pass(scatter),
  TensorListScatterIntoExistingList: pass(scatterIntoExisting),
  TensorListResize: pass(resize),
  TensorListConcatLists: pass(concatLists),
  TensorListLength: pass(length),
  TensorListElementShape: pass(elementShape),
};
