import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { invalidArgument, unavailable } from "@servable/formats";
import { json, jsonError, startWebServer, type WebServer } from "./web-server.js";

const LIMIT = 1000;

describe("the web server", () => {
  let server: WebServer;
  before(async () => {
    server = await startWebServer({
      port: 0,
      routes: {
        "GET /": () => ({ type: "text/html", body: "<p>hello" }),
        "POST /echo": async (request) => json({ size: (await request.body(LIMIT)).length }),
        "GET /bad": () => {
          throw invalidArgument("bad");
        },
        "GET /away": () => Promise.reject(unavailable("away")),
        "GET /defect": () => {
          throw new TypeError("defect");
        },
      },
      onError: jsonError,
    });
  });
  after(() => server.close());

  const call = async (path: string, init?: RequestInit) => {
    const response = await fetch(server.url + path, init);
    return { status: response.status, body: await response.text(), headers: response.headers };
  };

  it("answers with what a route gives, and lets pages load nothing from elsewhere", async () => {
    const { status, body, headers } = await call("/");
    assert.deepEqual([status, body, headers.get("content-type")], [200, "<p>hello", "text/html"]);
    assert.match(headers.get("content-security-policy") ?? "", /^default-src 'self';/);
  });

  it("answers HEAD without a body", async () => {
    const { status, body } = await call("/", { method: "HEAD" });
    assert.deepEqual([status, body], [200, ""]);
  });

  it("reads bodies up to the route's limit", async () => {
    const post = (size: number) => call("/echo", { method: "POST", body: new Uint8Array(size) });
    assert.deepEqual((await post(LIMIT)).body, `{"size":${LIMIT}}`);
    assert.equal((await post(LIMIT + 1)).status, 413);
    // A browser sends all before it listens.
    assert.equal((await post(5_000_000)).status, 413);
    assert.equal((await post(1)).status, 200);
  });

  const errors: [path: string, method: string, status: number, code: string][] = [
    ["/bad", "GET", 400, "INVALID_ARGUMENT"],
    ["/away", "GET", 503, "UNAVAILABLE"],
    ["/defect", "GET", 500, "INTERNAL"],
    ["/none", "GET", 404, "NOT_FOUND"],
    ["/../../etc/passwd", "GET", 404, "NOT_FOUND"],
    ["/echo", "GET", 404, "NOT_FOUND"],
    ["/", "POST", 404, "NOT_FOUND"],
  ];
  for (const [path, method, status, code] of errors) {
    it(`answers ${method} ${path} with ${status}`, async () => {
      const answer = await call(path, { method });
      assert.equal(answer.status, status);
      assert.equal((JSON.parse(answer.body) as { code: string }).code, code);
    });
  }

  it("says when its port is taken", async () => {
    const port = Number(new URL(server.url).port);
    await assert.rejects(startWebServer({ port, routes: {} }), { message: /^Port \d+ can't be used/ });
  });
});
