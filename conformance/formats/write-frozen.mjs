// Freezes the SavedModels of the golden cases with our code, for load_frozen.py:
//
//   node conformance/formats/write-frozen.mjs <golden cases> <folder> [name parts]
//
// <folder>/<case>.pb is the frozen graph; what could not be frozen is listed with the reason.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { freezeMetaGraph, loadSavedModel, writeGraphDef } from "@servable/formats";

const [cases, folder, ...parts] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: node conformance/formats/write-frozen.mjs <golden cases> <folder> [name parts]");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
let written = 0;
for (const name of readdirSync(cases).sort()) {
  const file = path.join(cases, name, "case.json");
  if (!existsSync(file) || (parts.length > 0 && !parts.some((part) => name.includes(part)))) continue;
  const golden = JSON.parse(readFileSync(file, "utf8"));
  if (golden.kind !== "saved_model" || name.startsWith("broken_")) continue;
  const loaded = loadSavedModel(golden.tags, path.join(cases, name, golden.path));
  try {
    writeGraphDef(path.join(folder, `${name}.pb`), freezeMetaGraph(loaded.metaGraph, loaded.variables));
    written++;
  } catch (reason) {
    console.log(`${name}: ${reason.codeName ?? reason.stack}: ${reason.message}`);
  } finally {
    loaded.close();
  }
}
console.log(`${written} graphs frozen`);
