import assert from "node:assert/strict";
import path from "node:path";
import { after, describe, it } from "node:test";
import type { Tensor } from "@servable/formats";
import {
  compareTensor,
  decodeTensors,
  type GoldenTensor,
  goldenSkip,
  loadCase,
} from "@servable/formats/testing";
import { loadModel } from "../model-folder.js";

describe("a loop that stacks what each step yields", { skip: goldenSkip() }, () => {
  const golden = loadCase("fn_arrays");
  const model = loadModel(path.join(golden.dir, golden.path));
  after(() => model.close());
  const call = golden.calls?.find(({ signature }) => signature === "maps");

  it("yields the first rows of a scan when it is given only the first rows, down to one", () => {
    const x = decodeTensors(call?.inputs ?? {}).get("x") as Tensor;
    const scanned = decodeTensors(call?.outputs as Record<string, GoldenTensor>).get("scan") as Tensor;
    for (let rows = x.shape[0] as number; rows > 0; rows--) {
      const outputs = model.run("maps", new Map([["x", firstRows(x, rows)]]), ["scan"]);
      compareTensor(outputs.get("scan") as Tensor, firstRows(scanned, rows), call ?? {}, `${rows} rows`);
    }
    assert.ok((x.shape[0] as number) > 1);
  });
});

function firstRows(value: Tensor, rows: number): Tensor {
  const size = value.data.length / (value.shape[0] as number);
  return {
    ...value,
    shape: [rows, ...value.shape.slice(1)],
    data: value.data.slice(0, rows * size),
  } as Tensor;
}

describe("A loop that stacks what each step yields", { skip: goldenSkip() }, () => {
  const golden = loadCase("fn_arrays");
  const model = loadModel(path.join(golden.dir, golden.path));
  after(() => model.close());
  const call = golden.calls?.find(({ signature }) => signature === "maps");

  it("yields the first rows of a scan when it is given only the first rows, down to one", () => {
    const x = decodeTensors(call?.inputs ?? {}).get("x") as Tensor;
    const scanned = decodeTensors(call?.outputs as Record<string, GoldenTensor>).get("scan") as Tensor;
    for (let rows = x.shape[0] as number; rows > 0; rows--) {
      const outputs = model.run("maps", new Map([["x", firstRows(x, rows)]]), ["scan"]);
      compareTensor(outputs.get("scan") as Tensor, firstRows(scanned, rows), call ?? {}, `${rows} rows`);
    }
    assert.ok((x.shape[0] as number) > 1);
  });
});

function firstRows(value: Tensor, rows: number): Tensor {
  const size = value.data.length / (value.shape[0] as number);
  return {
    ...value,
    shape: [rows, ...value.shape.slice(1)],
    data: value.data.slice(0, rows * size),
  } as Tensor;
}
