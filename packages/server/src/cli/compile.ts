/** `servable compile`: what the compiler makes of a model, as files to look into. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  type ExplainedGraph,
  type ExplainedGroup,
  type ExplainedSignature,
  explainModel,
} from "@servable/engine";
import { Code, StatusError } from "@servable/formats";
import {
  type CommandDescription,
  hasFlag,
  optionOf,
  optionsOf,
  type ParsedArguments,
  UsageError,
} from "./arguments.js";
import { ExitCode } from "./command.js";
import { nodePicture } from "./drawing/node-picture.js";
import { type PictureNames, partitionPicture } from "./drawing/partition-picture.js";
import { signatureNamed } from "./inspect.js";
import { chosenTags, MODEL_HELP, modelOptions, modelPathOf, tagSetsOf } from "./model-path.js";
import { planJson } from "./models/plan-json.js";
import { planText } from "./models/plan-text.js";
import { bytesText, countText } from "./models/quantity.js";
import { constantSizes, summarizeSignature } from "./models/summary.js";
import { signatureLines } from "./models/summary-text.js";
import { print, runTool } from "./tool.js";

const description: CommandDescription = {
  name: "servable compile",
  about:
    "Compiles a model's signatures and writes, into a folder for each, what becomes of it: its ONNX graphs (N.onnx, for " +
    "step N), the plan as plan.txt and plan.json, and two pictures, partition.svg of the steps and graph.svg of the nodes.",
  operand: "MODEL",
  operandHelp: MODEL_HELP,
  options: {
    ...modelOptions,
    dump: { value: "DIR", help: "Where to write. Must be empty or not exist, unless --overwrite is given." },
    overwrite: { help: "Write into a folder that has files." },
  },
  examples: [
    ["/models/mnist --dump /tmp/mnist", "All signatures"],
    ["model.tflite --dump out --signature_def serving_default", "One of them"],
  ],
  notes: [
    "Weights lie in the .onnx files, or, past 1 GB, in a file .onnx.data beside them.",
    "Exit status: 0 when all signatures were compiled, 1 when one can't be, 2 when the command is not understood.",
  ],
};

/** Pictures of larger graphs show nothing, and take long to make. */
const MAX_DRAWN_BOXES = 1000;

export function compile(args: readonly string[]): Promise<number> {
  return runTool(description, args, async (parsed) => {
    const folder = optionOf(parsed, "dump");
    if (folder === undefined) throw new UsageError("where to? Give --dump DIR");
    const signatures = signaturesOf(parsed);
    prepareFolder(folder, hasFlag(parsed, "overwrite"));
    const lines = signatures.flatMap((signature, i) =>
      dump(signature, path.join(folder, folderNames(signatures)[i] as string)),
    );
    await print(lines.join("\n"));
    return signatures.some(({ error }) => error !== undefined) ? ExitCode.FAILED : ExitCode.OK;
  });
}

function signaturesOf(parsed: ParsedArguments): readonly ExplainedSignature[] {
  const model = modelPathOf(parsed);
  const tags = chosenTags(parsed, tagSetsOf(model));
  const { signatures } = explainModel(model, { ...(tags && { tags }) });
  const asked = optionsOf(parsed, "signature_def");
  const summaries = signatures.map(summarizeSignature);
  for (const name of asked) signatureNamed({ signatures: summaries }, name);
  return asked.length === 0 ? signatures : signatures.filter(({ name }) => asked.includes(name));
}

function prepareFolder(folder: string, mayOverwrite: boolean): void {
  const isFilled = existsSync(folder) && (!statSync(folder).isDirectory() || readdirSync(folder).length > 0);
  if (isFilled && !mayOverwrite)
    throw new StatusError(Code.ALREADY_EXISTS, `${folder} is not empty: give --overwrite, or another folder`);
  mkdirSync(folder, { recursive: true });
}

/** A folder's name for each signature: its own, without what leads elsewhere, made different where two are the same. */
function folderNames(signatures: readonly ExplainedSignature[]): string[] {
  const names: string[] = [];
  for (const { name } of signatures) {
    const plain =
      name
        .replace(/[^\w.-]/g, "_")
        .replace(/^\.+/, "_")
        .slice(0, 100) || "_";
    let unique = plain;
    for (let i = 2; names.includes(unique); i++) unique = `${plain}_${i}`;
    names.push(unique);
  }
  return names;
}

/** Writes one signature's files; returns what to tell of them. */
function dump(signature: ExplainedSignature, folder: string): string[] {
  const { name, error } = signature;
  if (error !== undefined) return [`Signature "${name}" can't run: ${error.codeName}: ${error.message}`];
  mkdirSync(folder, { recursive: true });
  const files = writeOnnx(signature, folder, "");
  const summary = summarizeSignature(signature);
  const { methodName, rowIndependence, weights } = summary;
  const facts = { signature: name, methodName, rowIndependence, weights };
  writeJson(path.join(folder, "plan.json"), { ...facts, ...planJson(signature, files) });
  const text = [...signatureLines(summary, { all: false }), "", ...planText(signature, files), ""];
  writeFileSync(path.join(folder, "plan.txt"), text.join("\n"));
  const pictures = writePictures(signature, folder);
  const graphs = [...files.values()].flat().length;
  return [
    `Signature "${name}": ${folder}`,
    `  ${countText(graphs, "ONNX file")}, plan.txt, plan.json, ${pictures.join(", ")}`,
  ];
}

function writeJson(file: string, value: object): void {
  writeFileSync(file, `${JSON.stringify(value, undefined, 1)}\n`);
}

/** The ONNX graphs of a graph and of the branches and bodies in it, by the numbers of the steps that lead to them. */
function writeOnnx(
  { groups }: ExplainedGraph,
  folder: string,
  prefix: string,
): Map<ExplainedGroup, readonly string[]> {
  const files = new Map<ExplainedGroup, readonly string[]>();
  groups.forEach((group, i) => {
    const number = `${prefix}${i + 1}`;
    if (group.onnx !== undefined) {
      const written = group.onnx.write(path.join(folder, `${number}.onnx`));
      files.set(
        group,
        written.map((file) => path.basename(file)),
      );
    }
    const bodies = group.nodes.flatMap((node) => node.bodies);
    bodies.forEach(({ label, graph }, k) => {
      const inside = `${number}-${label.replaceAll(" ", "-")}-${k + 1}-`;
      for (const [inner, names] of writeOnnx(graph, folder, inside)) files.set(inner, names);
    });
  });
  return files;
}

/** The pictures that were written, and why others were not. */
function writePictures(signature: ExplainedSignature, folder: string): string[] {
  const { inputs, outputs, groups } = signature;
  const weights = constantSizes(signature);
  const names = pictureNames(signature);
  const ports = inputs.length + outputs.length;
  const nodes = groups.reduce((sum, group) => sum + group.nodes.length, 0);
  const pictures = [
    { file: "partition.svg", boxes: ports + groups.length, draw: partitionPicture },
    { file: "graph.svg", boxes: ports + nodes, draw: nodePicture },
  ];
  return pictures.map(({ file, boxes, draw }) => {
    if (boxes > MAX_DRAWN_BOXES) return `no ${file} (${countText(boxes, "box")} are more than it could show)`;
    writeFileSync(path.join(folder, file), draw(signature, weights, names));
    return file;
  });
}

function pictureNames({ name, signature, groups, weights }: ExplainedSignature): PictureNames {
  const onnx = groups.filter(({ side }) => side === "onnx");
  const nodes = onnx.reduce((sum, group) => sum + group.nodes.length, 0);
  const hostNodes = groups.reduce((sum, group) => sum + (group.side === "host" ? group.nodes.length : 0), 0);
  const subtitle = [
    ...(nodes > 0
      ? [`${countText(nodes, "node")} in ${countText(onnx.length, "ONNX Runtime session")}`]
      : []),
    ...(hostNodes > 0 ? [`${countText(hostNodes, "node")} on the host`] : []),
    `${bytesText(weights.bytes)} of weights`,
  ].join(" · ");
  return {
    title: `Signature “${name}”`,
    subtitle,
    inputs: [...(signature?.inputs.keys() ?? [])],
    outputs: [...(signature?.outputs.keys() ?? [])],
  };
}
