/** The files of a page as routes: read once when the program starts, served from memory. No path comes from outside. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Route } from "./web-server.js";

const mediaTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** The look that the examples' pages share. */
const theme = new URL("../src/page/theme.css", import.meta.url);

/**
 * Routes for files.
 *
 * @param files by the path in the URL, where the file is
 */
export function pageFiles(files: Readonly<Record<string, URL>>): Record<string, Route> {
  const all = { "/theme.css": theme, ...files };
  return Object.fromEntries(
    Object.entries(all).map(([urlPath, file]) => {
      const body = readFileSync(file);
      const type = mediaTypes[path.extname(fileURLToPath(file))] ?? "application/octet-stream";
      return [`GET ${urlPath}`, () => ({ type, body })];
    }),
  );
}
