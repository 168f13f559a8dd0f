import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { Code } from "../status.js";
import { encodeText, type Tensor, tensor } from "../tensor.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { temporaryFolder, writeFile } from "../testing/temporary-folder.js";
import { readZip, writeZip } from "../zip.js";
import type { JsonObject } from "./config.js";
import { KerasModel } from "./model.js";
import { loadKerasWeights, readKerasModel } from "./reader.js";
import { kerasToJson, kerasToYaml, writeKerasArchive, writeKerasHdf5, writeKerasWeights } from "./writer.js";

const folder = temporaryFolder();
const place = (name: string) => path.join(folder, name);

const input = { class_name: "InputLayer", config: { batch_shape: [null, 3], dtype: "float32", name: "x" } };

function sequential(...layers: JsonObject[]): JsonObject {
  return { class_name: "Sequential", config: { name: "m", layers: [input, ...layers] } };
}

function dense(name: string, units: number, more: JsonObject = {}): JsonObject {
  return { class_name: "Dense", config: { name, units, activation: "linear", use_bias: true, ...more } };
}

function modelOf(architecture: JsonObject): KerasModel {
  return new KerasModel({ architecture, kerasMajor: 3, what: "m" });
}

/** Every weight its own numbers. */
function filled(model: KerasModel): KerasModel {
  const values = model.weightSpecs.map(({ key, shape }, i): [string, Tensor] => {
    const count = shape.reduce((product, size) => product * size, 1);
    return [
      key,
      tensor(
        "float32",
        shape,
        Float32Array.from({ length: count }, (_, k) => i + k / 100),
      ),
    ];
  });
  model.setWeights(new Map(values));
  return model;
}

const small = () => filled(modelOf(sequential(dense("a", 4), dense("b", 2))));

describe("a Keras model", () => {
  it("knows its weights by the shapes that go through its layers", () => {
    const model = modelOf(
      sequential(
        dense("a", 4),
        { class_name: "BatchNormalization", config: { name: "n", axis: -1 } },
        dense("b", 2, { trainable: false }),
      ),
    );
    assert.deepEqual(
      model.weightSpecs.map(({ key, shape }) => `${key} ${shape.join("x")}`),
      [
        "layers/dense/kernel 3x4",
        "layers/dense/bias 4",
        "layers/batch_normalization/gamma 4",
        "layers/batch_normalization/beta 4",
        // What can't be trained comes last, be it by its nature or because the layer is frozen.
        "layers/batch_normalization/moving_mean 4",
        "layers/batch_normalization/moving_variance 4",
        "layers/dense_1/kernel 4x2",
        "layers/dense_1/bias 2",
      ],
    );
  });

  it("gets all that is wrong with new weights told at once", () => {
    const wrong = new Map<string, Tensor>([
      ["layers/dense/kernel", tensor("float32", [2], new Float32Array(2))],
      ["layers/dense/scale", tensor("float32", [2], new Float32Array(2))],
    ]);
    assert.throws(() => small().setWeights(wrong), {
      code: Code.INVALID_ARGUMENT,
      message:
        /weight "layers\/dense\/kernel" has the shape \[3,4\], got \[2\]; there is no weight "layers\/dense\/scale"/,
    });
  });

  const refused: readonly (readonly [string, JsonObject, RegExp])[] = [
    [
      "a custom layer",
      sequential({ class_name: "Whirl", config: { name: "w" }, registered_name: "mine>Whirl" }),
      /layer "w" \(Whirl\) is no layer that Servable knows, registered as "mine>Whirl": a custom layer/,
    ],
    [
      "a Lambda",
      sequential({ class_name: "Lambda", config: { name: "l", function: {} } }),
      /layer "l" \(Lambda\) holds Python code/,
    ],
    [
      "a custom activation",
      sequential(dense("a", 2, { activation: "my_package>wave" })),
      /layer "a" \(Dense\): the activation "my_package>wave" is not one of Keras/,
    ],
    [
      "a custom layer under a known name",
      sequential({ ...dense("a", 2), module: "my.layers", registered_name: "mine>Dense" }),
      /layer "a" \(Dense\) is no layer that Servable knows/,
    ],
    ["LoRA weights", sequential(dense("a", 2, { lora_rank: 4 })), /layer "a" \(Dense\): LoRA/],
  ];
  for (const [what, architecture, message] of refused) {
    it(`with ${what} is refused by the layer's name`, () => {
      assert.throws(() => modelOf(architecture).weightSpecs, { code: Code.UNIMPLEMENTED, message });
    });
  }

  it("that is a subclass is refused by its class", () => {
    assert.throws(() => modelOf({ class_name: "MyModel", config: {} }), {
      code: Code.INVALID_ARGUMENT,
      message: /class MyModel is no Sequential or Functional model/,
    });
  });

  it("with a loop names the layers in it", () => {
    const node = (layer: string) => [[[layer, 0, 0, {}]]];
    const layers = [
      { ...input, name: "x", inbound_nodes: [] },
      { ...dense("a", 3), name: "a", inbound_nodes: node("b") },
      { ...dense("b", 3), name: "b", inbound_nodes: node("a") },
    ] as unknown as JsonObject[];
    const config = { name: "f", layers, input_layers: [["x", 0, 0]], output_layers: [["b", 0, 0]] };
    assert.throws(() => modelOf({ class_name: "Functional", config }).weightSpecs, {
      code: Code.INVALID_ARGUMENT,
      message: /has a loop, or inputs that nothing gives: layers "a", "b"/,
    });
  });

  it("nested without end is refused", () => {
    let inner: JsonObject = dense("d", 1);
    for (let i = 0; i < 150; i++)
      inner = { class_name: "TimeDistributed", config: { name: `t${i}`, layer: inner } };
    assert.throws(() => modelOf(sequential(inner)).weightSpecs, { name: "StatusError" });
  });
});

describe("a model that was written", () => {
  const writers: readonly (readonly [string, (model: KerasModel, file: string) => void])[] = [
    ["m.keras", writeKerasArchive],
    ["m.h5", writeKerasHdf5],
  ];
  for (const [name, write] of writers) {
    it(`to ${name} comes back with the same weights`, () => {
      const model = small();
      write(model, place(name));
      const read = readKerasModel(place(name));
      assert.deepEqual(read.weights, model.weights);
      assert.deepEqual(
        read.weightSpecs.map(({ key }) => key),
        model.weightSpecs.map(({ key }) => key),
      );
    });
  }

  for (const [name, text] of [
    ["m.json", kerasToJson],
    ["m.yaml", kerasToYaml],
  ] as const) {
    it(`as ${name} comes back with its weights from another file`, () => {
      const model = small();
      writeFile(folder, name, text(model));
      for (const layout of ["keras3", "legacy"] as const) {
        writeKerasWeights(model, place("w.h5"), layout);
        assert.deepEqual(readKerasModel(place(name), { weights: place("w.h5") }).weights, model.weights);
      }
    });
  }
});

describe("weights from another model's file", () => {
  it("are matched by the names of layers when asked for", () => {
    writeKerasWeights(small(), place("ab.h5"), "legacy");
    const other = modelOf(sequential(dense("a", 4), dense("c", 5)));
    loadKerasWeights(other, place("ab.h5"), { byName: true });
    assert.deepEqual([...other.weights.keys()], ["layers/dense/kernel", "layers/dense/bias"]);
  });

  it("may fit in part when asked for", () => {
    writeKerasWeights(small(), place("ab.weights.h5"));
    const other = modelOf(sequential(dense("a", 4), dense("b", 5)));
    assert.throws(() => loadKerasWeights(other, place("ab.weights.h5")), {
      code: Code.INVALID_ARGUMENT,
      message:
        /ab\.weights\.h5: the weights do not fit the model: "layers\/dense_1\/kernel" has the shape \[4,5\], the file's "layers\/dense_1\/vars\/0" \[4,2\]; /,
    });
    loadKerasWeights(other, place("ab.weights.h5"), { skipMismatch: true });
    assert.deepEqual([...other.weights.keys()], ["layers/dense/kernel", "layers/dense/bias"]);
  });

  it("of another number of layers are refused", () => {
    writeKerasWeights(small(), place("two.h5"), "legacy");
    const other = modelOf(sequential(dense("a", 4)));
    assert.throws(() => loadKerasWeights(other, place("two.h5")), {
      code: Code.INVALID_ARGUMENT,
      message: /the model has 1 layers with weights, the file 2/,
    });
  });
});

describe("a damaged Keras file", () => {
  writeKerasArchive(small(), place("good.keras"));
  writeKerasHdf5(small(), place("good.h5"));
  const archive = readFileSync(place("good.keras"));
  const files = () =>
    new Map([...readZip(archive, "good").values()].map((entry) => [entry.name, entry.read(2 ** 24)]));
  const without = (name: string) => writeZip(new Map([...files()].filter(([each]) => each !== name)));
  const replaced = (name: string, content: string) => writeZip(files().set(name, encodeText(content)));

  const damaged: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["without a configuration", without("config.json"), /it has no "config\.json", but metadata\.json/],
    ["without weights", without("model.weights.h5"), /has no "model\.weights\.h5"/],
    ["with a configuration that is no JSON", replaced("config.json", "{"), /"config\.json" is no JSON/],
    ["with weights that are no HDF5", replaced("model.weights.h5", "x"), /is no HDF5 file/],
    ["with half an archive", archive.subarray(0, archive.length / 2), /is no ZIP archive/],
    ["of text that is nothing", encodeText("hello"), /is no Keras file/],
  ];
  for (const [what, bytes, message] of damaged) {
    it(`${what} says so, and which file it is`, () => {
      const file = writeFile(folder, "damaged", bytes);
      assert.throws(
        () => readKerasModel(file),
        (error: Error) => error.message.startsWith(file) && message.test(error.message),
      );
    });
  }

  it("that unpacks to far more than it is, is refused", () => {
    const bomb = writeZip(files().set("model.weights.h5", new Uint8Array(300_000_000)));
    const file = writeFile(folder, "bomb.keras", bomb);
    assert.throws(() => readKerasModel(file), { code: Code.RESOURCE_EXHAUSTED, message: /300000000 bytes/ });
  });

  const greedy: readonly (readonly [string, JsonObject])[] = [
    ["weights that the file does not have", sequential(dense("a", 1e9))],
    [
      "places for unknown words",
      {
        class_name: "Sequential",
        config: {
          name: "m",
          layers: [
            { class_name: "InputLayer", config: { batch_shape: [null, 1], dtype: "string", name: "x" } },
            { class_name: "StringLookup", config: { name: "l", vocabulary: ["a"], num_oov_indices: 1e12 } },
          ],
        },
      },
    ],
  ];
  for (const [what, architecture] of greedy) {
    it(`that asks for too many ${what} is refused before they are made`, () => {
      assert.throws(() => modelOf(architecture).toGraph(), { code: Code.RESOURCE_EXHAUSTED });
    });
  }

  for (const name of ["good.keras", "good.h5"]) {
    it(`${name} is read or refused, whatever is wrong with it`, () => {
      for (const { label, bytes } of mutations(readFileSync(place(name)), 3, 40)) {
        writeFileSync(place("mutated"), bytes);
        readOrRefuse(label, () => readKerasModel(place("mutated")).toGraph());
      }
    });
  }

  it("whose configuration was damaged is built or refused", () => {
    const good = encodeText(kerasToJson(small()));
    for (const { label, bytes } of mutations(good, 5, 200)) {
      writeFileSync(place("mutated.json"), bytes);
      readOrRefuse(label, () => readKerasModel(place("mutated.json")).toGraph());
    }
  });
});
