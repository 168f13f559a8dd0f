/** The web client in a real browser, with real uploads, in front of the classification server. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import {
  type Browser,
  browserSkip,
  openBrowser,
  type Page,
  screenshot,
} from "@servable/example-kit/testing/browser";
import { freePort } from "@servable/example-kit/testing/model-server";
import type { WebServer } from "@servable/example-kit/web-server";
import {
  ClassificationClient,
  type RunningService,
  startClassificationService,
} from "./classification-service.js";
import { Classifier } from "./classifier.js";
import { smallSavedModel, testFolder } from "./testing/small-inception.js";
import { MAX_PICTURE_BYTES, startWebClient } from "./web-client.js";

const VIEWPORT = { width: 1120, height: 900 };

describe("the web client", { skip: browserSkip }, () => {
  const folder = testFolder();
  const file = (name: string) => path.join(folder, name);
  let classifier: Classifier;
  let service: RunningService;
  let client: ClassificationClient;
  let web: WebServer;
  let browser: Browser;
  let page: Page;

  before(async () => {
    classifier = Classifier.open(smallSavedModel(folder));
    service = await startClassificationService(0, (input) => classifier.classify(input));
    client = new ClassificationClient(`localhost:${service.port}`);
    web = await startWebClient({ port: 0, client });
    browser = await openBrowser();
    page = await browser.newPage({ viewport: VIEWPORT, deviceScaleFactor: 2 });
    await page.goto(web.url);
    for (const [name, type] of [
      ["picture.jpg", "image/jpeg"],
      ["picture.png", "image/png"],
      ["picture.webp", "image/webp"],
    ] as const) {
      writeFileSync(file(name), await drawnPicture(type));
    }
    writeFileSync(file("notes.txt"), "no picture at all");
    writeFileSync(file("large.jpg"), new Uint8Array(MAX_PICTURE_BYTES + 1));
  });

  after(async () => {
    await browser?.close();
    await web?.close();
    client?.close();
    await service?.stop();
    classifier?.close();
  });

  /** What the browser's own encoder makes of a drawing. */
  async function drawnPicture(type: string): Promise<Buffer> {
    const dataUrl = await page.evaluate<string>(`(() => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [320, 240];
      const context = canvas.getContext("2d");
      const sky = context.createLinearGradient(0, 0, 320, 240);
      sky.addColorStop(0, "teal");
      sky.addColorStop(1, "gold");
      context.fillStyle = sky;
      context.fillRect(0, 0, 320, 240);
      context.fillStyle = "crimson";
      context.fillRect(90, 60, 120, 110);
      return canvas.toDataURL(${JSON.stringify(type)}, 0.95);
    })()`);
    assert.ok(dataUrl.startsWith(`data:${type};base64,`));
    return Buffer.from(dataUrl.slice(dataUrl.indexOf(",") + 1), "base64");
  }

  const choose = (...names: string[]) => page.locator("#files").setInputFiles(names.map(file));
  const untilStatus = (text: string) =>
    page.locator("#status").filter({ hasText: text }).waitFor({ state: "visible" });
  /** Of the first picture that is shown, in pixels of its file: 0 when the browser can't show it. */
  const pictureWidth = (shown: Page) =>
    shown.evaluate<number>('document.querySelector(".result img").naturalWidth');
  const reload = () => page.goto(web.url);

  describe("with one picture", () => {
    for (const name of ["picture.jpg", "picture.png", "picture.webp"]) {
      it(`shows ${name} with its ten classes, the best first`, async () => {
        await reload();
        await choose(name);
        await untilStatus("1 of 1 classified.");
        const result = page.locator(".result");
        assert.equal(await result.locator("figcaption").textContent(), name);
        assert.equal(await pictureWidth(page), 320);
        const scores = (await result.locator(".score").allTextContents()).map(Number);
        assert.equal(scores.length, 10);
        assert.deepEqual(
          scores,
          [...scores].sort((a, b) => b - a),
        );
        assert.match((await result.locator(".name").first().textContent()) ?? "", /^class \d{4}$/);
        assert.match((await result.locator(".time").textContent()) ?? "", /^\d+ ms$/);
      });
    }

    it("gives what the classifier gives", async () => {
      const expected = classifier.classify(await drawnPicture("image/png"));
      await reload();
      await choose("picture.png");
      await untilStatus("1 of 1 classified.");
      assert.deepEqual(
        await page.locator(".result .name").allTextContents(),
        expected.map(({ name }) => name),
      );
    });

    it("takes one that is dropped", async () => {
      await reload();
      const transfer = await page.evaluateHandle(`(async () => {
        const transfer = new DataTransfer();
        const canvas = document.createElement("canvas");
        const png = await new Promise((resolve) => canvas.toBlob(resolve));
        transfer.items.add(new File([png], "dropped.png", { type: "image/png" }));
        return transfer;
      })()`);
      await page.dispatchEvent("#form", "drop", { dataTransfer: transfer });
      await untilStatus("1 of 1 classified.");
      assert.equal(await page.locator(".result figcaption").textContent(), "dropped.png");
    });

    it("draws one for who has none", async () => {
      await reload();
      await page.locator("#sample").click();
      await untilStatus("1 of 1 classified.");
      await screenshot(page, import.meta.url, "classify-light");
    });
  });

  it("takes several pictures at once, and keeps their order", async () => {
    await reload();
    await choose("picture.jpg", "picture.png", "picture.webp");
    await untilStatus("3 of 3 classified.");
    const names = await page.locator(".result figcaption").allTextContents();
    assert.deepEqual(names, ["picture.jpg", "picture.png", "picture.webp"]);
  });

  it("says which of several is no picture, and classifies the others", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    await reload();
    await choose("picture.jpg", "notes.txt");
    await untilStatus("1 of 2 classified.");
    assert.equal(await page.locator(".problem h2").textContent(), "notes.txt");
    assert.match((await page.locator(".problem .message").textContent()) ?? "", /not a picture/);
    await screenshot(page, import.meta.url, "classify-dark");
    await page.emulateMedia({ colorScheme: "light" });
  });

  it("refuses what is too large before it sends it", async () => {
    await reload();
    await choose("large.jpg");
    await untilStatus("0 of 1 classified.");
    assert.match((await page.locator(".problem .message").textContent()) ?? "", /larger than 10 MiB/);
  });

  describe("without JavaScript", () => {
    let plain: Page;
    before(async () => {
      const context = await browser.newContext({ javaScriptEnabled: false, viewport: VIEWPORT });
      plain = await context.newPage();
    });

    async function send(...names: string[]): Promise<void> {
      await plain.goto(web.url);
      await plain.locator("#files").setInputFiles(names.map(file));
      await plain.locator("#send").click();
      await plain.waitForURL("**/classify");
    }

    it("works as a form, for several pictures", async () => {
      await send("picture.jpg", "picture.webp", "notes.txt");
      const shown = await plain.locator(".result figcaption, .problem h2").allTextContents();
      assert.deepEqual(shown, ["picture.jpg", "picture.webp", "notes.txt"]);
      assert.equal(await plain.locator(".result .name").count(), 20);
      assert.equal(await pictureWidth(plain), 320);
      await screenshot(plain, import.meta.url, "classify-form");
    });

    it("says what is too large", async () => {
      await send("large.jpg");
      assert.match((await plain.locator(".problem .message").textContent()) ?? "", /larger than 10 MiB/);
    });
  });

  describe("when the classification server", () => {
    const message = async () => (await page.locator(".problem .message").textContent()) ?? "";

    it("takes longer than the deadline, says so", async () => {
      const slow = await startWebClient({ port: 0, client, deadlineMs: 1 });
      await page.goto(slow.url);
      await choose("picture.jpg");
      await untilStatus("0 of 1 classified.");
      assert.match(await message(), /did not answer within 0.001 s/);
      await slow.close();
    });

    it("is down, says so", async () => {
      const absent = new ClassificationClient(`localhost:${await freePort()}`);
      const lost = await startWebClient({ port: 0, client: absent });
      await page.goto(lost.url);
      await choose("picture.jpg");
      await untilStatus("0 of 1 classified.");
      assert.match(await message(), /classification server at localhost:\d+ can't be reached/);
      await lost.close();
      absent.close();
    });
  });

  it("says when its own server is gone", async () => {
    await reload();
    await web.close();
    await choose("picture.jpg");
    await untilStatus("0 of 1 classified.");
    assert.match(
      (await page.locator(".problem .message").textContent()) ?? "",
      /page's server can't be reached/,
    );
  });
});
