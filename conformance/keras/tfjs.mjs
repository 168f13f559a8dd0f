// Writes models of TensorFlow.js with the outputs that it gives, for compare.mjs and the engine's fixtures.
//     npm install --no-save @tensorflow/tfjs && node conformance/keras/tfjs.mjs FOLDER

import { mkdirSync, writeFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";

const target = process.argv[2];
const save = (dir) =>
  tf.io.withSaveHandler(async (a) => {
    mkdirSync(dir, { recursive: true });
    const data = Array.isArray(a.weightData)
      ? Buffer.concat(a.weightData.map((b) => Buffer.from(b)))
      : Buffer.from(a.weightData);
    writeFileSync(`${dir}/weights.bin`, data);
    writeFileSync(
      `${dir}/model.json`,
      JSON.stringify({
        format: "layers-model",
        generatedBy: a.generatedBy,
        convertedBy: null,
        modelTopology: a.modelTopology,
        weightsManifest: [{ paths: ["./weights.bin"], weights: a.weightSpecs }],
      }),
    );
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
  });
const L = tf.layers;
const models = {
  dense: () =>
    tf.sequential({
      layers: [
        L.dense({ units: 4, activation: "relu", inputShape: [5] }),
        L.batchNormalization(),
        L.dense({ units: 2, activation: "softmax" }),
      ],
    }),
  cnn: () =>
    tf.sequential({
      layers: [
        L.conv2d({ filters: 3, kernelSize: 2, inputShape: [6, 6, 1], padding: "same" }),
        L.maxPooling2d({ poolSize: 2 }),
        L.depthwiseConv2d({ kernelSize: 2 }),
        L.separableConv2d({ filters: 2, kernelSize: 2 }),
        L.flatten(),
        L.dropout({ rate: 0.2 }),
        L.dense({ units: 2 }),
      ],
    }),
  rnn: () =>
    tf.sequential({
      layers: [
        L.embedding({ inputDim: 7, outputDim: 4, maskZero: true, inputLength: 5 }),
        L.bidirectional({ layer: L.lstm({ units: 3, returnSequences: true }), mergeMode: "concat" }),
        L.gru({ units: 3, returnSequences: true }),
        L.simpleRNN({ units: 2 }),
      ],
    }),
  functional: () => {
    const a = tf.input({ shape: [4], name: "a" }),
      b = tf.input({ shape: [4], name: "b" });
    const d = L.dense({ units: 3, name: "shared" });
    const s = tf.sequential({ layers: [L.dense({ units: 3, inputShape: [6] }), L.layerNormalization()] });
    const c = L.concatenate().apply([d.apply(a), d.apply(b)]);
    return tf.model({ inputs: [a, b], outputs: [s.apply(c), L.add().apply([d.apply(a), d.apply(b)])] });
  },
};
for (const [name, make] of Object.entries(models)) {
  const m = make();
  m.setWeights(m.getWeights().map((w) => tf.abs(tf.randomNormal(w.shape, 0, 0.6)).add(0.05)));
  const ins = m.inputs.map((i) => {
    const s = i.shape.map((d) => d ?? 3);
    return name === "rnn" ? tf.randomUniform(s, 0, 6, "int32") : tf.randomNormal(s);
  });
  const out = m.predict(name === "rnn" ? ins[0].toFloat() : ins.length === 1 ? ins[0] : ins);
  await m.save(save(`${target}/${name}`));
  const T = (t) => ({
    dtype: "DT_FLOAT",
    shape: t.shape,
    content: Buffer.from(new Float32Array(t.dataSync()).buffer).toString("base64"),
  });
  writeFileSync(
    `${target}/${name}/case.json`,
    JSON.stringify({
      files: ["model.json"],
      calls: [
        {
          inputs: Object.fromEntries(ins.map((t, i) => [String(i), T(t)])),
          outputs: Object.fromEntries([out].flat().map((t, i) => [String(i), T(t)])),
          rtol: 1e-4,
          atol: 1e-5,
        },
      ],
    }),
  );
}
