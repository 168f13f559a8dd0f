/** The options by which commands take a signature and values for its inputs. */
import type { Model } from "@servable/engine";
import { DEFAULT_SERVING_SIGNATURE, notFound, type Signature } from "@servable/formats";
import { type OptionRow, optionOf, optionsOf, type ParsedArguments, UsageError } from "../arguments.js";
import { nearestName } from "../nearest-name.js";
import type { ImageRange } from "./image-input.js";
import { type GivenInput, givenInput, type InputForm, splitList } from "./inputs.js";

export const inputOptions: Readonly<Record<string, OptionRow>> = {
  input: {
    value: "NAME=VALUE",
    help:
      "A value for an input: JSON, a file (.npy, .npz[KEY], .json, an image; any file for strings), or zeros, ones " +
      "or random, with sizes where the model leaves them open: random[8,784]. May be given several times.",
    repeated: true,
  },
  inputs: {
    value: "NAME=FILE;…",
    help: "Files for several inputs, as saved_model_cli has it: 'x=x.npy;y=data.npz[key]'.",
    repeated: true,
  },
  input_exprs: {
    value: "NAME=JSON;…",
    help: "Values for several inputs: 'x=[[1,2]];y=\"text\"'. JSON, where saved_model_cli takes Python.",
    repeated: true,
  },
  input_examples: {
    value: "NAME=[{…}];…",
    help: 'Examples for an input that takes them serialized: \'inputs=[{"age":[22],"name":["Ada"]}]\'.',
    repeated: true,
  },
  image_range: {
    value: "LOW,HIGH",
    help: "What the darkest and brightest pixel of a decoded image become: 0,255 for integers, 0,1 for floats by default.",
  },
};

/** The one that is asked for; NOT_FOUND, saying which there are, when it is not there or several could be meant. */
export function signatureOf({ signatures }: Model, name: string | undefined): Signature {
  const names = [...signatures.keys()];
  const chosen = name ?? (names.length === 1 ? (names[0] as string) : DEFAULT_SERVING_SIGNATURE);
  const found = signatures.get(chosen);
  if (found !== undefined) return found;
  const nearest = name === undefined ? undefined : nearestName(name, names);
  const advice =
    nearest === undefined ? `give --signature_def one of ${names.join(", ")}` : `did you mean "${nearest}"?`;
  throw notFound(`the model has no signature "${chosen}"; ${advice}`);
}

const listOptions: readonly (readonly [option: string, form: InputForm])[] = [
  ["inputs", "file"],
  ["input_exprs", "json"],
  ["input_examples", "examples"],
];

export function givenInputs(parsed: ParsedArguments): GivenInput[] {
  return [
    ...optionsOf(parsed, "input").map((text) => givenInput(text, "value", "input")),
    ...listOptions.flatMap(([option, form]) =>
      optionsOf(parsed, option)
        .flatMap(splitList)
        .map((text) => givenInput(text, form, option)),
    ),
  ];
}

export function imageRangeOf(parsed: ParsedArguments): ImageRange | undefined {
  const text = optionOf(parsed, "image_range");
  if (text === undefined) return undefined;
  const [low, high, ...more] = text.split(",").map(Number);
  if (
    low === undefined ||
    high === undefined ||
    more.length > 0 ||
    !Number.isFinite(low) ||
    !Number.isFinite(high)
  )
    throw new UsageError(`--image_range needs two numbers such as -1,1, got "${text}"`);
  return [low, high];
}
