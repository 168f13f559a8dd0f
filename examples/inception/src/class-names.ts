/**
 * The names of the classes: a list of synsets, one a line in the order of the classes, and a metadata file that says in
 * words what each synset is, as `n01440764<tab>tench, Tinca tinca`. Both lie beside the training code of the model.
 */
import { existsSync, readFileSync } from "node:fs";
import { invalidArgument, notFound } from "@servable/formats";

/** The class before the first: what the network was not trained to name. */
export const BACKGROUND = "unused background";

export interface ClassFiles {
  readonly synsetFile: string;
  readonly metadataFile: string;
}

/**
 * The name of each class, the background first.
 * NOT_FOUND when a file is missing, INVALID_ARGUMENT, listing the first, for lines and synsets that don't fit.
 */
export function readClassNames({ synsetFile, metadataFile }: ClassFiles): string[] {
  const labels = new Map(linesOf(metadataFile).map((line, i) => labelOf(line, metadataFile, i + 1)));
  const synsets = linesOf(synsetFile);
  const unknown = synsets.filter((synset) => !labels.has(synset));
  if (unknown.length > 0) {
    const some = unknown.slice(0, 3).join(", ");
    throw invalidArgument(`${unknown.length} synsets of ${synsetFile} are not in ${metadataFile}: ${some}`);
  }
  return [BACKGROUND, ...synsets.map((synset) => labels.get(synset) as string)];
}

function labelOf(line: string, file: string, number: number): [synset: string, label: string] {
  const [synset, label, ...rest] = line.split("\t");
  if (synset && label && rest.length === 0) return [synset, label];
  throw invalidArgument(`${file}, line ${number}: expected a synset, a tab and a label`);
}

function linesOf(file: string): string[] {
  if (!existsSync(file)) {
    throw notFound(`There is no file ${file}. inception_checkpoint downloads it; or name another one`);
  }
  return readFileSync(file, "utf8").split(/\r?\n/).filter(Boolean);
}

/** Names for a network whose classes mean nothing. */
export function numberedClassNames(classes: number): string[] {
  const digits = String(classes - 1).length;
  return Array.from({ length: classes }, (_, i) =>
    i === 0 ? BACKGROUND : `class ${String(i).padStart(digits, "0")}`,
  );
}
