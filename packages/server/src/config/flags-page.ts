/** docs/reference/flags.md, made from the table of flags. A test holds the page to the table. */
import { type Flag, flagNames, flags } from "./flags.js";

export function flagsPage(): string {
  const rows = flagNames.map((name) => ({ name, row: flags[name] as Flag }));
  const groups = [...new Set(rows.map(({ row }) => row.group))];
  return [
    "# Flags",
    "",
    "<!-- Made from packages/server/src/config/flags.ts. To make it anew, run the tests of that folder with UPDATE_DOCS=1. -->",
    "",
    "The flags of `servable serve` and of `tensorflow_model_server`: those of TensorFlow Serving, with its names, types and",
    "defaults. `--name=value`, `--name value`, and for booleans `--name` alone are understood. An unknown flag is an error.",
    ...groups.flatMap((group) => [
      "",
      `## ${group}`,
      "",
      "| flag | type | default | |",
      "| --- | --- | --- | --- |",
      ...rows
        .filter(({ row }) => row.group === group && row.ignored === undefined)
        .map(({ name, row }) => `| \`--${name}\` | ${row.type} | ${defaultText(row)} | ${row.help} |`),
    ]),
    "",
    "## Without effect",
    "",
    "These are accepted, so that scripts need no change, and mentioned in the log.",
    "",
    "| flag | type | why it has no effect |",
    "| --- | --- | --- |",
    ...rows.flatMap(({ name, row }) =>
      row.ignored === undefined ? [] : [`| \`--${name}\` | ${row.type} | ${row.ignored} |`],
    ),
    "",
  ].join("\n");
}

function defaultText(row: Flag): string {
  if (row.default === "") return "";
  return `\`${row.default}\``;
}
