/** Copies of half_plus_two in one server, asked by turns: the same load on ever more models. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { chooseGenerator } from "../generator.mjs";
import { halfPlusTwoProbe, halfPlusTwoRequest, writeHalfPlusTwo } from "../half-plus-two.mjs";
import { pinned } from "../machine.mjs";
import { servableProgram } from "../servers.mjs";
import { checkAnswer, SERVER_CORE } from "../throughput.mjs";
import { measureLines } from "./curve.mjs";

const MODELS = [1, 2, 5, 10, 20, 50, 100, 200];
const IN_FLIGHT = 16;

/** The one in Node, which sends several requests by turns. Answers hold the name of the model, and so differ. */
const { title, command } = chooseGenerator(undefined);

/**
 * @param {import("./curve.mjs").Plan} plan
 * @returns {Promise<import("./curve.mjs").Curve[]>}
 */
export async function measureModels(plan) {
  const folder = join(plan.folder, "models");
  const names = Array.from({ length: Math.max(...MODELS) }, (_, i) => `model_${i}`);
  for (const name of names) writeHalfPlusTwo(join(folder, name));
  const requestFiles = names.map((name) => {
    const file = join(folder, `${name}.bin`);
    writeFileSync(file, halfPlusTwoRequest(name));
    return file;
  });
  const lines = await measureLines(
    plan,
    MODELS.map((count) => {
      const [first = "", ...others] = requestFiles.slice(0, count);
      const wanted = names.slice(0, count);
      return {
        key: "servable",
        title: "Servable",
        // A model runs on the main thread once enough of its requests have shown that it is quick.
        settlingSeconds: 1 + count / 20,
        command: (port) =>
          pinned(SERVER_CORE, [
            ...servableProgram,
            "serve",
            `--port=${port}`,
            `--model_config_file=${writeConfig(folder, wanted)}`,
          ]),
        // Models are loaded in their order, but several at a time.
        ready: async (server) => {
          for (const model of wanted) await server.firstAnswer({ ...halfPlusTwoProbe, model });
        },
        generator: {
          title,
          command: [...command, "--any-answer", ...others.map((file) => `--request=${file}`)],
        },
        steps: [
          {
            x: count,
            concurrency: IN_FLIGHT,
            requestFile: first,
            check: (answer) => checkAnswer(answer, { title: "one of the models" }),
          },
        ],
      };
    }),
  );
  const points = lines.flatMap((line) => line.points);
  return [
    {
      key: "models",
      title: "Models in one server, asked by turns",
      xTitle: "models",
      xText: String,
      yTitle: "requests/s",
      yOf: ({ rps }) => rps.median,
      isLogarithmic: false,
      lines: [{ key: "servable", title: "Servable", points }],
      yardsticks: [],
      how:
        `Copies of half_plus_two over gRPC, ${IN_FLIGHT} requests in flight on one connection, each for the next ` +
        "model; the server has one core, the generator, in Node, the other.",
    },
  ];
}

/** @param {string} folder @param {readonly string[]} names */
function writeConfig(folder, names) {
  const file = join(folder, `${names.length}.config`);
  const configs = names.map(
    (name) =>
      `  config { name: "${name}" base_path: "${join(folder, name)}" model_platform: "tensorflow" }\n`,
  );
  writeFileSync(file, `model_config_list {\n${configs.join("")}}\n`);
  return file;
}
