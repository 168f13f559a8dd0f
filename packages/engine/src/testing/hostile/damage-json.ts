/** Damages JSON as damage-message.ts does messages: it stays JSON, and what it says becomes absurd. */
import type { Random } from "./damage-message.js";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const hostileValues: readonly Json[] = [
  ...[null, true, false, "", "__proto__", "../../../../etc/passwd", "x".repeat(70_000), [], {}],
  ...[-1, 0, 1, 2, 7, 0.5, -0.5, 1000, 65_536, 10_000_019, 2 ** 31, 2 ** 40, 2 ** 53, 1e300, -(2 ** 31)],
];

/** A place that has a value: an item of a list, a member of an object. */
interface Site {
  readonly path: string;
  readonly value: Json;
  readonly set: (value: Json) => void;
  readonly remove: () => void;
}

/** Changes one place of a text that is JSON; returns the new text, and where it was changed. */
export function damageJson(text: string, random: Random): { readonly text: string; readonly label: string } {
  const document = JSON.parse(text) as Json;
  const sites: Site[] = [];
  explore(document, "$", sites);
  const site = sites[random(Math.max(sites.length, 1))];
  const label = site === undefined ? "an empty document" : damageSite(site, sites, random);
  return { text: JSON.stringify(document), label };
}

function explore(value: Json, path: string, sites: Site[]): void {
  if (Array.isArray(value)) {
    value.forEach((item, i) => {
      const at = `${path}[${i}]`;
      sites.push({
        path: at,
        value: item,
        set: (other) => {
          value[i] = other;
        },
        remove: () => void value.splice(i, 1),
      });
      explore(item, at, sites);
    });
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      const at = `${path}.${name}`;
      sites.push({
        path: at,
        value: item,
        set: (other) => {
          value[name] = other;
        },
        remove: () => void delete value[name],
      });
      explore(item, at, sites);
    }
  }
}

function damageSite({ path, value, set, remove }: Site, sites: readonly Site[], random: Random): string {
  switch (random(6)) {
    case 0:
      remove();
      return `${path} left out`;
    case 1:
      if (!Array.isArray(value) || value.length === 0) break;
      for (let i = 0; i < 300; i++) value.push(structuredClone(value[0] as Json));
      return `${path}[0] 300 times`;
    case 2: {
      const other = sites[random(sites.length)] as Site;
      set(structuredClone(other.value));
      return `${path} is ${other.path}`;
    }
    case 3: {
      const alike = sites.filter((site) => typeof site.value === typeof value);
      const other = alike[random(alike.length)] as Site;
      set(structuredClone(other.value));
      return `${path} is ${other.path}`;
    }
  }
  const hostile = hostileValues[random(hostileValues.length)] as Json;
  set(structuredClone(hostile));
  return `${path} is ${JSON.stringify(hostile).slice(0, 30)}`;
}
