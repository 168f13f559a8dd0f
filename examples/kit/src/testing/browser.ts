/**
 * The browser of the machine, driven by the tests of the examples' pages. None is downloaded: where there is none the
 * tests are skipped. Screenshots go to `dist/screenshots` of the example.
 */
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";

export type { Browser, Page } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const places = ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  const candidates = [
    ...(process.env.CHROME_BIN === undefined ? [] : [process.env.CHROME_BIN]),
    ...names.flatMap((name) => folders.map((folder) => path.join(folder, name))),
    ...places,
  ];
  return candidates.find((file) => existsSync(file));
}

const executablePath = findBrowser();

/** For node:test: why tests with a browser can't run, or false. */
export const browserSkip: string | false =
  executablePath === undefined ? "there is no Chromium or Chrome here; CHROME_BIN may name one" : false;

/** Starts the browser. It runs pages of this machine only, so it needs no sandbox, which root could not have. */
export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({
    ...(executablePath !== undefined && { executablePath }),
    args: ["--no-sandbox", "--force-color-profile=srgb"],
  });
}

/**
 * Takes a screenshot of a page.
 *
 * @param test `import.meta.url` of the test, in the example's dist folder
 */
export async function screenshot(page: Page, test: string, name: string): Promise<void> {
  const folder = fileURLToPath(new URL("./screenshots/", test));
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}
