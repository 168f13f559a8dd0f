import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  availabilityPreserving,
  resourcePreserving,
  type VersionPhase,
  type VersionPolicy,
  type VersionSnapshot,
} from "./version-policy.js";

/** "+3 ready" is version 3, aspired and ready; "-3 ready" the same, no longer aspired. */
function snapshots(text: string): VersionSnapshot[] {
  return text
    .split(", ")
    .filter((one) => one !== "")
    .map((one) => {
      const [version, phase] = one.slice(1).split(" ") as [string, VersionPhase];
      return { version: BigInt(version), isAspired: one.startsWith("+"), phase };
    });
}

function check(policy: VersionPolicy, versions: string, expected: string): void {
  const decision = policy(snapshots(versions));
  const text = decision === undefined ? "nothing" : `${decision.action} ${decision.version}`;
  assert.equal(text, expected);
}

describe("the availability-preserving policy", () => {
  const cases: [string, string, string][] = [
    ["nothing known", "", "nothing"],
    ["first version", "+1 new", "load 1"],
    ["several new versions: the newest first", "+1 new, +3 new, +2 new", "load 3"],
    ["a newer version loads beside the old one", "-1 ready, +2 new", "load 2"],
    ["the old one stays while the new one loads", "-1 ready, +2 loading", "nothing"],
    ["the old one stays when the new one failed", "-1 ready, +2 error", "nothing"],
    ["the old one goes once the new one is ready", "-1 ready, +2 ready", "unload 1"],
    ["several old ones go, the oldest first", "-1 ready, -2 ready, +3 ready", "unload 1"],
    ["unloading comes before loading, when both may be done", "-1 ready, +2 ready, +3 new", "unload 1"],
    ["no version is wanted any more", "-1 ready, -2 loading", "unload 1"],
    ["what loads or unloads is left alone", "-1 unloading, +2 loading, -3 loading", "nothing"],
    ["a failed version is not tried again", "+1 error", "nothing"],
  ];
  for (const [title, versions, expected] of cases) {
    it(title, () => check(availabilityPreserving, versions, expected));
  }
});

describe("the resource-preserving policy", () => {
  const cases: [string, string, string][] = [
    ["first version", "+1 new", "load 1"],
    ["the old one goes before the new one loads", "-1 ready, +2 new", "unload 1"],
    ["the new one waits while the old one unloads", "-1 unloading, +2 new", "nothing"],
    ["the new one waits while an unwanted one loads", "-1 loading, +2 new", "nothing"],
    ["then the newest loads", "+2 new, +3 new", "load 3"],
    ["aspired versions stay", "+1 ready, +2 new", "load 2"],
  ];
  for (const [title, versions, expected] of cases) {
    it(title, () => check(resourcePreserving, versions, expected));
  }
});
