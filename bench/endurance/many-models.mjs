/** Hundreds of small models in one process. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tensor } from "@servable/formats";
import { EXPECTED_Y, writeHalfPlusTwo } from "../half-plus-two.mjs";
import { numberText } from "../table.mjs";
import { Served } from "./served.mjs";

const MODELS = 200;
const MEBIBYTES_EACH = 20;

/**
 * @param {string} folder
 * @returns {Promise<import("./scenario.mjs").Finding[]>}
 */
export async function measureManyModels(folder) {
  const one = await measure(folder, 1);
  const many = await measure(folder, MODELS);
  const each = (many.rssMiB - one.rssMiB) / (MODELS - 1);
  return [
    { what: "start to all of 1 served, s", value: numberText(one.seconds), bound: "" },
    { what: `start to all of ${MODELS} served, s`, value: numberText(many.seconds), bound: "" },
    { what: "resident with 1, MiB", value: numberText(one.rssMiB), bound: "" },
    { what: `resident with ${MODELS}, MiB`, value: numberText(many.rssMiB), bound: "" },
    {
      what: "for each further idle model, MiB",
      value: numberText(each),
      bound: `< ${MEBIBYTES_EACH}`,
      isMet: each < MEBIBYTES_EACH,
    },
  ];
}

/** @param {string} folder @param {number} count */
async function measure(folder, count) {
  const names = Array.from({ length: count }, (_, i) => `model_${i}`);
  for (const name of names) writeHalfPlusTwo(join(folder, `${count}`, name));
  const file = join(folder, `${count}.config`);
  const configs = names.map(
    (name) =>
      `config { name: "${name}" base_path: "${join(folder, `${count}`, name)}" model_platform: "tensorflow" }`,
  );
  writeFileSync(file, `model_config_list {\n${configs.join("\n")}\n}\n`);
  const served = await Served.start([`--model_config_file=${file}`]);
  try {
    const x = tensor("float32", [1, 1], new Float32Array([1]));
    for (const name of names) {
      await served.until(name, 1, "AVAILABLE");
      const { outputs } = await served.client.predict({ model: name, inputs: { x } });
      if (outputs.get("y")?.data[0] !== EXPECTED_Y) throw new Error(`${name} answers wrongly`);
    }
    const seconds = (performance.now() - served.server.startedAt) / 1_000;
    return { seconds, rssMiB: served.rssMiB };
  } finally {
    await served.stop();
  }
}
