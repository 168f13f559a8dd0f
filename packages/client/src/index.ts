/** Everything that @servable/client offers: `connect`, tensors in and out, errors. */
export {
  bytesOf,
  Code,
  type DType,
  type Signature,
  StatusError,
  stringTensor,
  type Tensor,
  type TensorOf,
  type TensorSpec,
  tensor,
} from "@servable/formats";
export type { CallOptions, RetryPolicy } from "./call-context.js";
export type * from "./client.js";
export { type ConnectOptions, connect, type GrpcOptions, type RestOptions } from "./connect.js";
export type { Complex, Element, InputElement, OutputElement } from "./element.js";
export type { ExampleValue, FeatureValue } from "./example-values.js";
export type { InputOf, Inputs, InputValue, ShapedData } from "./input-values.js";
export type { ModelTarget, ServedModel } from "./model-target.js";
export { fromNested, type Nested, type NestedInput, type NestedOptions, toNested } from "./nested-array.js";
export { typesOf } from "./signature-types.js";
export type { TlsOptions } from "./tls-options.js";
export type { TypedInputs, TypedModel, TypedModelOptions, TypedOutputs, TypedResult } from "./typed-model.js";
