/** DecodeCSV: one tensor for each column of comma-separated records (tensorflow/core/kernels/decode_csv_op.cc). */
import { allocate, type DType, elementCount, invalidArgument, type Tensor } from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { bytesOfLatin1, latin1Of } from "../byte-strings.js";
import { tensorOver } from "../element-memory.js";
import { compute, type TensorFunction } from "../kernel.js";
import { stringsOf } from "./map-strings.js";
import { numberParser } from "./numbers.js";

interface CsvFormat {
  readonly delimiter: string;
  readonly useQuotes: boolean;
  /** What a missing value is written as, beside nothing at all. */
  readonly missing: string;
  /** The columns to take, ascending; undefined for all. */
  readonly columns: readonly number[] | undefined;
}

function csvFormat({ attrs }: NodeFacts): CsvFormat {
  const delimiter = latin1Of(attrs.bytes("field_delim"));
  if (delimiter.length !== 1)
    throw invalidArgument(`field_delim should be only 1 char, got ${delimiter.length}`);
  const columns = attrs.ints("select_cols");
  return {
    delimiter,
    useQuotes: attrs.bool("use_quote_delim"),
    missing: latin1Of(attrs.bytes("na_value")),
    columns: columns.length === 0 ? undefined : columns,
  };
}

function decodeCsv(node: NodeFacts): TensorFunction {
  const format = csvFormat(node);
  const dtypes = node.attrs.types("OUT_TYPE");
  return (records, ...defaults) => {
    const { shape, data } = stringsOf(records);
    const columns = dtypes.map((dtype, i) => newColumn(dtype, defaults[i] as Tensor, data.length, i));
    for (const [row, record] of data.entries()) {
      const fields = fieldsOf(latin1Of(record), format);
      if (fields.length !== columns.length) {
        throw invalidArgument(`Expect ${columns.length} fields but have ${fields.length} in record ${row}`);
      }
      for (const [i, field] of fields.entries()) columns[i]?.put(row, field === format.missing ? "" : field);
    }
    return columns.map((column) => tensorOver(column.dtype, shape, column.data));
  };
}

interface Column {
  readonly dtype: DType;
  readonly data: Tensor["data"];
  /** Parses a field into a row; an empty one takes the default. */
  put(row: number, field: string): void;
}

function newColumn(dtype: DType, fallback: Tensor, rows: number, index: number): Column {
  const parse = dtype === "string" ? (text: Uint8Array) => text : numberParser(dtype);
  if (parse === undefined) throw invalidArgument(`csv: data type ${dtype} not supported in field ${index}`);
  if (fallback.shape.length > 1 || elementCount(fallback.shape) > 1) {
    throw invalidArgument(
      `There should only be 1 default per field but field ${index} has ${elementCount(fallback.shape)}`,
    );
  }
  const data = allocate(dtype, rows);
  const elements = data as unknown as unknown[];
  const put = (row: number, field: string): void => {
    if (field === "") {
      if (fallback.data.length === 0) {
        throw invalidArgument(`Field ${index} is required but missing in record ${row}!`);
      }
      elements[row] = fallback.data[0];
      return;
    }
    const value = parse(bytesOfLatin1(field));
    if (value === undefined) throw invalidArgument(`Field ${index} in record ${row} is not a valid ${dtype}`);
    elements[row] = value;
  };
  return { dtype, data, put };
}

/** The chosen fields of a record. */
function fieldsOf(record: string, format: CsvFormat): string[] {
  const fields: string[] = [];
  const { columns, delimiter, useQuotes } = format;
  let count = 0;
  const isChosen = (): boolean => columns === undefined || columns[fields.length] === count;
  let at = 0;
  while (at < record.length) {
    // Line breaks between fields mean nothing.
    if (record[at] === "\n" || record[at] === "\r") {
      at++;
      continue;
    }
    const field = useQuotes && record[at] === '"' ? quoted(record, at, delimiter) : bare(record, at, format);
    if (isChosen()) fields.push(field.text);
    if (fields.length === columns?.length) return fields;
    count++;
    at = field.end + 1;
  }
  if (record.endsWith(delimiter) && isChosen()) fields.push("");
  return fields;
}

interface Field {
  readonly text: string;
  /** Where its delimiter stands, or the end of the record. */
  readonly end: number;
}

function bare(record: string, start: number, { delimiter, useQuotes }: CsvFormat): Field {
  const found = record.indexOf(delimiter, start);
  const end = found < 0 ? record.length : found;
  const text = record.slice(start, end);
  if (/[\r\n]/.test(text) || (useQuotes && text.includes('"'))) {
    throw invalidArgument("Unquoted fields cannot have quotes/CRLFs inside");
  }
  return { text, end };
}

function quoted(record: string, start: number, delimiter: string): Field {
  let text = "";
  let at = start + 1;
  for (;;) {
    const quote = record.indexOf('"', at);
    if (quote < 0) throw invalidArgument("Quoted field has to end with quote followed by delim or end");
    text += record.slice(at, quote);
    const next = record[quote + 1];
    if (next === undefined || next === delimiter) return { text, end: quote + 1 };
    if (next !== '"') throw invalidArgument("Quote inside a string has to be escaped by another quote");
    text += '"';
    at = quote + 2;
  }
}

export const csvKernels: HostTable = {
  DecodeCSV: compute(decodeCsv),
};
