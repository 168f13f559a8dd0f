/** Ops that hand their inputs on: what they do beside is the business of training, devices or debugging. */
import type { HostTable } from "../op-table.js";
import { pass } from "./kernel.js";

const identity = pass(
  () =>
    (...values) =>
      values,
);

export const identityKernels: HostTable = {
  Identity: identity,
  IdentityN: identity,
  RefIdentity: identity,
  StopGradient: identity,
  PreventGradient: identity,
  Snapshot: identity,
  DeepCopy: identity,
  GuaranteeConst: identity,
  DebugGradientIdentity: identity,
  Copy: identity,
  CopyHost: identity,
  DebugIdentity: identity,
  DebugIdentityV2: identity,
  PlaceholderWithDefault: identity,
};
