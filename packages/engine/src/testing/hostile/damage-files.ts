/**
 * Damages the files of a model: their bytes, what their messages say (with checksums made right again, so that the
 * damage gets past them), or which files there are.
 */
import {
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  decodeText,
  encodeText,
  isZip,
  parseText,
  printText,
  readZip,
  SsTable,
  SsTableWriter,
  type TableEntry,
  writeZip,
} from "@servable/formats";
import { ModelProtoSchema } from "@servable/formats/protobuf/onnx/onnx-ml_pb";
import { GraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { SavedModelSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/saved_model_pb";
import {
  BundleEntryProtoSchema,
  BundleHeaderProtoSchema,
} from "@servable/formats/protobuf/tensorflow/core/protobuf/tensor_bundle_pb";
import { SavedTensorSlicesSchema } from "@servable/formats/protobuf/tensorflow/core/util/saved_tensor_slice_pb";
import { mutations } from "@servable/formats/testing/mutations";
import { damageJson } from "./damage-json.js";
import { damageMessage, type Random } from "./damage-message.js";
import { damageWords } from "./damage-words.js";

/** Copies a good model's folder and damages the copy; says how. */
export function damageModel(good: string, copy: string, random: Random): string {
  cpSync(good, copy, { recursive: true });
  const file = chooseFile(copy, random);
  const rounds = 1 + random(3);
  const labels = Array.from({ length: rounds }, () => damageFile(path.join(copy, file), random));
  return `${file}: ${labels.join("; ")}`;
}

/** The graph is where most can go wrong. */
function chooseFile(dir: string, random: Random): string {
  const files = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(path.join(dir, name)).isFile(),
  );
  const weighted = files.flatMap((name) =>
    new Array<string>(/\.(pb|pbtxt|meta)$/.test(name) ? 6 : 2).fill(name),
  );
  return weighted[random(weighted.length)] as string;
}

function damageFile(file: string, random: Random): string {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) return "gone";
  if (random(40) === 0) return replaceFile(file, random);
  if (random(4) > 0) {
    const label = damageContent(file, random);
    if (label !== undefined) return label;
  }
  return damageBytes(file, random);
}

function replaceFile(file: string, random: Random): string {
  rmSync(file);
  switch (random(4)) {
    case 0:
      return "removed";
    case 1:
      mkdirSync(file);
      return "made a folder";
    case 2:
      symlinkSync(file, file);
      return "made a link to itself";
    default:
      writeFileSync(file, "");
      return "emptied";
  }
}

function damageBytes(file: string, random: Random): string {
  const bytes = readFileSync(file);
  if (bytes.length === 0) {
    writeFileSync(
      file,
      Uint8Array.from({ length: random(100) }, () => random(256)),
    );
    return "filled with noise";
  }
  const [mutation] = mutations(bytes, random(2 ** 31), 1);
  if (mutation === undefined) return "as it was";
  writeFileSync(file, mutation.bytes);
  return mutation.label;
}

/** Files that are one message, by the ends of their names. */
const messageFiles: readonly (readonly [ending: string, schema: DescMessage])[] = [
  ["saved_model.pb", SavedModelSchema],
  ["graph.pb", GraphDefSchema],
  ["export.meta", MetaGraphDefSchema],
  [".onnx", ModelProtoSchema],
];

/** Undefined for files whose contents have no form that we know, or none any more. */
function damageContent(file: string, random: Random): string | undefined {
  try {
    const name = path.basename(file);
    const [, schema] = messageFiles.find(([ending]) => name.endsWith(ending)) ?? [];
    if (schema !== undefined) return damageBinary(file, schema, random);
    if (name === "saved_model.pbtxt") return damageText(file, random);
    if (name.endsWith(".keras")) return damageArchive(file, random);
    if (/\.(tflite|h5)$/.test(name)) return damageWords(file, random);
    if (name.endsWith(".index")) return damageTable(file, bundleEntry, random);
    return /^export(-\d+-of-\d+)?$/.test(name)
      ? damageTable(file, () => SavedTensorSlicesSchema, random)
      : undefined;
  } catch {
    return undefined;
  }
}

/** An archive with one file changed and all checksums right: more often its configuration than its weights. */
function damageArchive(file: string, random: Random): string {
  const archive = new Uint8Array(readFileSync(file));
  if (!isZip(archive)) return damageBytes(file, random);
  const entries = [...readZip(archive, file).values()];
  const files = new Map(entries.map((entry) => [entry.name, entry.read(2 ** 28)]));
  const texts = entries.filter(({ name }) => name.endsWith(".json"));
  const choices = texts.length > 0 && random(3) > 0 ? texts : entries;
  const chosen = choices[random(Math.max(choices.length, 1))];
  if (chosen === undefined) return "an empty archive";
  const { name } = chosen;
  let label: string;
  if (name.endsWith(".json")) {
    const damaged = damageJson(decodeText(files.get(name) as Uint8Array), random);
    files.set(name, encodeText(damaged.text));
    label = damaged.label;
  } else {
    writeFileSync(file, files.get(name) as Uint8Array);
    label = damageWords(file, random);
    files.set(name, new Uint8Array(readFileSync(file)));
  }
  writeFileSync(file, writeZip(files));
  return `${name}: ${label}`;
}

/** What the entries of a checkpoint's index are. */
function bundleEntry({ key }: TableEntry): DescMessage {
  return key.length === 0 ? BundleHeaderProtoSchema : BundleEntryProtoSchema;
}

function damageBinary(file: string, schema: DescMessage, random: Random): string {
  const message = fromBinary(schema, readFileSync(file));
  const label = damageMessage(schema, message, random);
  writeFileSync(file, toBinary(schema, message));
  return label;
}

function damageText(file: string, random: Random): string {
  const message = parseText(SavedModelSchema, readFileSync(file, "utf8"), { what: file });
  const label = damageMessage(SavedModelSchema, message, random);
  writeFileSync(file, printText(SavedModelSchema, message));
  return label;
}

/** An sstable with one entry changed and all checksums right. */
function damageTable(file: string, schemaOf: (entry: TableEntry) => DescMessage, random: Random): string {
  const table = SsTable.open(file);
  const entries = [...table.entries()];
  table.close();
  const at = random(entries.length);
  const chosen = entries[at] as TableEntry;
  const schema = schemaOf(chosen);
  const message = fromBinary(schema, chosen.value);
  const label = damageMessage(schema, message, random);
  entries[at] = { key: chosen.key, value: toBinary(schema, message) };
  const blocks: Uint8Array[] = [];
  const damaged = new SsTableWriter((bytes) => blocks.push(bytes.slice()));
  for (const { key, value } of entries) damaged.add(key, value);
  damaged.finish();
  writeFileSync(file, Buffer.concat(blocks));
  return label;
}
