/**
 * The network ready to be served: pictures in, the ten best classes by name out. With the signatures of TensorFlow
 * Serving's example, as a SavedModel and as a SessionBundle, the export of 2016:
 *
 * - predict_images: images, string [n], files of pictures → classes, string [n,10], and scores, float32 [n,10];
 * - serving_default, for Classify: tf.Examples with a feature "image/encoded" → the same;
 * - logits, of the SavedModel alone: images, float32 [n,299,299,3] → logits, float32 [n,1001], for whoever compares.
 *
 * Scores are logits, as there.
 */
import {
  classificationSignature,
  classificationSignatureDef,
  DEFAULT_SERVING_SIGNATURE,
  Exporter,
  GraphBuilder,
  genericSignature,
  type Output,
  predictSignatureDef,
  SavedModelBuilder,
  Saver,
  stringTensor,
  tensor,
} from "@servable/formats";
import { decodeImages, parseImageExamples } from "./image-input.js";
import { addInceptionV3, IMAGE_SIZE, type NetworkOptions } from "./inception-v3.js";
import { readTrainedVariables, type TrainedVariables } from "./training-checkpoint.js";

/** Classes in an answer. */
export const TOP = 10;

interface ServingGraph {
  readonly graph: GraphBuilder;
  readonly examples: Output;
  readonly files: Output;
  readonly images: Output;
  readonly logits: Output;
  readonly classes: Output;
  readonly scores: Output;
}

export interface ExportInput {
  readonly network: Omit<NetworkOptions, "useResource">;
  /** Folder with the training checkpoint. */
  readonly checkpointDir: string;
  /** Of each class, the background first. */
  readonly classNames: readonly string[];
}

/** Writes a SavedModel to a version's folder. Returns what was read. */
export function exportSavedModel(input: ExportInput, versionDir: string): TrainedVariables {
  const builder = new SavedModelBuilder(versionDir);
  const parts = servingGraph(input, true);
  const trained = readTrainedVariables(input.checkpointDir, parts.graph.variables);
  const { graph, examples, files, images, logits, classes, scores } = parts;
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    variables: trained.values,
    signatures: {
      [DEFAULT_SERVING_SIGNATURE]: classificationSignatureDef(examples, { classes, scores }),
      predict_images: predictSignatureDef({ images: files }, { classes, scores }),
      logits: predictSignatureDef({ images }, { logits }),
    },
    mainOp: graph.initializeTables(),
  });
  builder.save();
  return trained;
}

/** Writes a SessionBundle as version `version` below a folder. Returns its folder. */
export function exportSessionBundle(input: ExportInput, exportDirBase: string, version: number): string {
  const { graph, examples, files, classes, scores } = servingGraph(input, false);
  const { values } = readTrainedVariables(input.checkpointDir, graph.variables);
  const exporter = new Exporter(new Saver(graph, values));
  exporter.init({
    initOp: graph.initializeTables({ name: "init_op" }),
    defaultGraphSignature: classificationSignature(examples, { classes, scores }),
    namedGraphSignatures: {
      inputs: genericSignature({ images: files }),
      outputs: genericSignature({ classes, scores }),
    },
  });
  return exporter.export(exportDirBase, version);
}

function servingGraph({ network, classNames }: ExportInput, useResource: boolean): ServingGraph {
  const graph = new GraphBuilder();
  const examples = graph.placeholder("string", [-1], { name: "tf_example" });
  const files = parseImageExamples(graph, examples);
  const images = decodeImages(graph, files, IMAGE_SIZE);
  const logits = addInceptionV3(graph, images, { ...network, useResource });
  return { graph, examples, files, images, logits, ...nameBest(graph, logits, classNames) };
}

/** The best classes by name, the highest score first, and their scores. */
function nameBest(graph: GraphBuilder, logits: Output, classNames: readonly string[]) {
  const top = graph.op("TopKV2", [logits, tensor("int32", [], Int32Array.of(TOP))]);
  const numbers = BigInt64Array.from(classNames, (_, i) => BigInt(i));
  const table = graph.hashTable({
    keys: tensor("int64", [classNames.length], numbers),
    values: stringTensor([classNames.length], [...classNames]),
    defaultValue: stringTensor([], ["UNK"]),
  });
  const indices = graph.compute("Cast", [top.output(1)], { DstT: "int64" });
  return { classes: table.find(indices, { name: "classes" }), scores: top.output(0) };
}
