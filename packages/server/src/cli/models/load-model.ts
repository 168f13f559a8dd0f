/** The model that a command runs, loaded as its options say. */
import { loadModel, type Model } from "@servable/engine";
import { countOption, type OptionRow, type ParsedArguments } from "../arguments.js";
import { chosenTags, tagSetsOf } from "../model-path.js";

export const threadsOption: OptionRow = {
  value: "N",
  help: "Threads that one operator may use; one per core by default.",
};

/** @param path of the model, from modelPathOf */
export function loadAsAsked(path: string, parsed: ParsedArguments): Model {
  const tags = chosenTags(parsed, tagSetsOf(path));
  const threads = countOption(parsed, "threads", 1);
  return loadModel(path, {
    ...(tags && { tags }),
    ...(threads !== undefined && { intraOpThreads: threads }),
  });
}
