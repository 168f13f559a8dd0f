/**
 * A model of four numbers: which Iris a flower is, by the length and width of its sepals and petals in centimetres.
 * It is Fisher's linear discriminant with the means and the pooled covariance of his data ("The use of multiple
 * measurements in taxonomic problems", 1936), so that nothing needs to be trained.
 */
import {
  GraphBuilder,
  predictSignatureDef,
  SavedModelBuilder,
  stringTensor,
  type Tensor,
  tensor,
} from "@servable/formats";

const MEASURES = 4;

/** Mean sepal length, sepal width, petal length and petal width. */
const means: Readonly<Record<string, readonly number[]>> = {
  "Iris setosa": [5.006, 3.428, 1.462, 0.246],
  "Iris versicolor": [5.936, 2.77, 4.26, 1.326],
  "Iris virginica": [6.588, 2.974, 5.552, 2.026],
};

/** Within the species, of the same measures. */
const covariance: readonly (readonly number[])[] = [
  [0.26500816, 0.09272109, 0.16751429, 0.03840136],
  [0.09272109, 0.11538776, 0.05524354, 0.0327102],
  [0.16751429, 0.05524354, 0.18518776, 0.04266531],
  [0.03840136, 0.0327102, 0.04266531, 0.04188163],
];

/** Writes the model to a version's folder: numbers, float32 [n,4] → classes and scores, [n,3], the best first. */
export function exportIris(versionDir: string): void {
  const builder = new SavedModelBuilder(versionDir);
  const graph = new GraphBuilder();
  const numbers = graph.placeholder("float32", [-1, MEASURES], { name: "numbers" });
  const names = Object.keys(means);
  const { weights, biases } = discriminant();
  const w = graph.variable("float32", weights.shape, { name: "weights" });
  const b = graph.variable("float32", biases.shape, { name: "biases" });
  const logits = graph.compute("BiasAdd", [graph.compute("MatMul", [numbers, w.read()]), b.read()]);
  const count = tensor("int32", [], Int32Array.of(names.length));
  const top = graph.op("TopKV2", [graph.compute("Softmax", [logits]), count]);
  const zero = tensor("int32", [], Int32Array.of(0));
  const classes = graph.compute("GatherV2", [stringTensor([names.length], names), top.output(1), zero]);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    variables: new Map([
      [w.name, weights],
      [b.name, biases],
    ]),
    signatures: { serving_default: predictSignatureDef({ numbers }, { classes, scores: top.output(0) }) },
  });
  builder.save();
}

/** For each species the plane S⁻¹m, and the offset -mᵀS⁻¹m / 2, of its mean m and the covariance S. */
function discriminant(): { weights: Tensor; biases: Tensor } {
  const planes = Object.values(means).map((mean) => solve(covariance, mean));
  const offsets = Object.values(means).map((mean, k) => -dot(mean, planes[k] as readonly number[]) / 2);
  const weights = new Float32Array(MEASURES * planes.length);
  planes.forEach((plane, k) => {
    plane.forEach((value, i) => {
      weights[i * planes.length + k] = value;
    });
  });
  return {
    weights: tensor("float32", [MEASURES, planes.length], weights),
    biases: tensor("float32", [planes.length], Float32Array.from(offsets)),
  };
}

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

/** x of A x = b, by elimination; A is positive definite, so no pivot is 0. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i] ?? 0]);
  rows.forEach((pivot, i) => {
    const divisor = pivot[i] as number;
    pivot.forEach((value, k) => {
      pivot[k] = value / divisor;
    });
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = row[i] as number;
      pivot.forEach((value, k) => {
        row[k] = (row[k] as number) - factor * value;
      });
    }
  });
  return rows.map((row) => row.at(-1) as number);
}
