/** A model whose signatures give back their only input, "x" as "y": for tests of how tensors come and go. */
import {
  type DType,
  GraphBuilder,
  type PartialShape,
  predictSignatureDef,
  SavedModelBuilder,
} from "@servable/formats";

export type IdentitySignatures = Readonly<Record<string, readonly [dtype: DType, shape: PartialShape]>>;

/** Writes version 1 of the model into `folder`/1. */
export function writeIdentityModel(folder: string, inputs: IdentitySignatures): void {
  const graph = new GraphBuilder();
  const signatures = Object.entries(inputs).map(([name, [dtype, shape]]) => {
    const x = graph.placeholder(dtype, shape, { name: `${name}_x` });
    const y = graph.compute("Identity", [x], {}, { name: `${name}_y` });
    return [name, predictSignatureDef({ x }, { y })] as const;
  });
  const builder = new SavedModelBuilder(`${folder}/1`);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: Object.fromEntries(signatures),
    variables: new Map(),
  });
  builder.save();
}
