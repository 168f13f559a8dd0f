/** The page in a real browser: drawing with the mouse, by keyboard, choosing versions, and when the server goes. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Client, connect } from "@servable/client";
import {
  type Browser,
  browserSkip,
  openBrowser,
  type Page,
  screenshot,
} from "@servable/example-kit/testing/browser";
import { type ModelServer, startModelServer } from "@servable/example-kit/testing/model-server";
import type { WebServer } from "@servable/example-kit/web-server";
import { startDigitPage } from "./digit-page.js";
import { digitStrokes } from "./page/digit-strokes.js";

const model = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

describe("the page that draws digits", { skip: browserSkip }, () => {
  const models = mkdtempSync(path.join(tmpdir(), "mnist-page-test-"));
  const base = path.join(models, "mnist");
  let modelServer: ModelServer;
  let client: Client;
  let pageServer: WebServer;
  let browser: Browser;
  let page: Page;

  before(async () => {
    mkdirSync(base);
    cpSync(model("model/1"), path.join(base, "1"), { recursive: true });
    modelServer = await startModelServer(
      ["--model_name=mnist", `--model_base_path=${base}`, "--file_system_poll_wait_seconds=1"],
      ["mnist"],
    );
    client = connect({ grpc: modelServer.address });
    pageServer = await startDigitPage(client, { port: 0 });
    browser = await openBrowser();
    page = await browser.newPage({ viewport: { width: 1120, height: 820 }, deviceScaleFactor: 2 });
    await page.goto(pageServer.url);
  });

  after(async () => {
    await browser?.close();
    await pageServer?.close();
    client?.close();
    await modelServer?.stop();
    rmSync(models, { recursive: true });
  });

  /** Moves the mouse along the strokes of a digit, in the middle half of the board. */
  async function draw(digit: number, onStroke = async () => {}): Promise<void> {
    const box = await page.locator("#board").boundingBox();
    assert.ok(box !== null);
    const at = ([x, y]: readonly [number, number]): [number, number] => [
      box.x + box.width * (0.2 + 0.6 * x),
      box.y + box.height * (0.2 + 0.6 * y),
    ];
    for (const stroke of digitStrokes[digit] ?? []) {
      const [first, ...rest] = stroke;
      assert.ok(first !== undefined);
      await page.mouse.move(...at(first));
      await page.mouse.down();
      for (const point of rest) await page.mouse.move(...at(point), { steps: 3 });
      await onStroke();
      await page.mouse.up();
    }
  }

  const verdict = () => page.locator("#digit").textContent();
  const untilText = (selector: string, text: string | RegExp) =>
    page.locator(selector).filter({ hasText: text }).waitFor({ state: "attached" });
  const untilVerdict = (digit: number) => untilText("#digit", new RegExp(`^${digit}$`));
  const scores = async () => (await page.locator("#bars .score").allTextContents()).map(Number.parseFloat);

  it("begins with ten bars of nothing", async () => {
    assert.deepEqual(await scores(), new Array(10).fill(0));
    assert.equal(await verdict(), "–");
    assert.ok(await page.locator("#clear").isDisabled());
  });

  it("scores what the mouse draws, while it draws", async () => {
    let whileDrawing: number[] = [];
    await draw(3, async () => {
      await page.locator("#bars .best").waitFor();
      whileDrawing = await scores();
    });
    await untilVerdict(3);
    assert.ok(Math.max(...whileDrawing) > 0, "no scores before the pen was up");
    const all = await scores();
    assert.ok(Math.abs(all.reduce((a, b) => a + b) - 100) < 1, `scores add up to 100 %: ${all}`);
    assert.match((await page.locator("#timing").textContent()) ?? "", /^version 1 · [\d.]+ ms$/);
    await page.mouse.move(0, 0);
    await page.waitForTimeout(400);
    await screenshot(page, import.meta.url, "draw-light");
  });

  it("forgets a drawing that is cleared", async () => {
    await page.locator("#clear").click();
    assert.equal(await verdict(), "–");
    assert.deepEqual(await scores(), new Array(10).fill(0));
  });

  it("takes strokes back one by one", async () => {
    await draw(4);
    await untilVerdict(4);
    await page.locator("#undo").click();
    await page.locator("#undo").click();
    assert.equal(await verdict(), "–");
  });

  it("draws the digit whose key is pressed, and says what the model reads", async () => {
    await page.keyboard.press("7");
    await untilVerdict(7);
    await untilText("#announcement", /^The model reads 7/);
    await page.keyboard.press("Escape");
    assert.equal(await verdict(), "–");
  });

  it("changes over to a new version by itself, and still asks the old one on demand", async () => {
    cpSync(model("model-mlp/1"), path.join(models, "copy"), { recursive: true });
    cpSync(path.join(models, "copy"), path.join(base, "2"), { recursive: true });
    await untilText("#news", "Version 2 has taken over from version 1.");
    await draw(5);
    await untilVerdict(5);
    await untilText("#timing", /^version 2/);
    await page.locator("#version").selectOption("2");
  });

  it("has a dark face", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    await page.keyboard.press("Escape");
    await draw(2);
    await untilVerdict(2);
    await page.waitForTimeout(400);
    await screenshot(page, import.meta.url, "draw-dark");
  });

  it("fits a phone", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    assert.equal(await page.evaluate<number>("document.documentElement.scrollWidth"), 390);
    await screenshot(page, import.meta.url, "draw-phone");
  });

  it("says so when the model server is away", async () => {
    await modelServer.stop();
    await page.locator("#clear").click();
    await draw(1);
    const problem = page.locator("#problem");
    await problem.waitFor({ state: "visible" });
    assert.match((await problem.textContent()) ?? "", /connect|connection|UNAVAILABLE/i);
  });
});
