/**
 * The web client of the classification server: a page for pictures, as a program of its own that knows the server by its
 * gRPC service alone.
 */
import { pageFiles } from "@servable/example-kit/page-files";
import {
  httpStatus,
  json,
  jsonError,
  type Route,
  startWebServer,
  type WebAnswer,
  type WebRequest,
  type WebServer,
} from "@servable/example-kit/web-server";
import { Code, invalidArgument, StatusError } from "@servable/formats";
import type { ClassificationClient } from "./classification-service.js";
import { resultsPage, uploadPage } from "./html-pages.js";
import { readUploads, type UploadedFile } from "./multipart.js";
import { type ClassScore, problemCard, resultCard } from "./page/result-card.js";

/** Of one picture. */
export const MAX_PICTURE_BYTES = 10 * 2 ** 20;
/** Of a form with several. */
const MAX_FORM_BYTES = 64 * 2 ** 20;
const DEADLINE_MS = 10_000;

export interface WebClientOptions {
  /** 0 takes a free port. */
  readonly port: number;
  readonly host?: string;
  readonly client: ClassificationClient;
  /** What an answer may take; 10 s by default. */
  readonly deadlineMs?: number;
}

const files = pageFiles({
  "/style.css": new URL("../src/page/style.css", import.meta.url),
  ...Object.fromEntries(
    ["main", "result-card", "sample-picture"].map((name) => [
      `/${name}.js`,
      new URL(`./page/${name}.js`, import.meta.url),
    ]),
  ),
});

const html = (body: string, status = 200): WebAnswer => ({ status, type: "text/html; charset=utf-8", body });

/** Starts the web client. UNAVAILABLE when the port can't be had. */
export async function startWebClient({
  client,
  deadlineMs = DEADLINE_MS,
  ...place
}: WebClientOptions): Promise<WebServer> {
  const asker = new Asker(client, deadlineMs);
  const routes: Record<string, Route> = {
    ...files,
    "GET /": () => html(uploadPage(MAX_PICTURE_BYTES)),
    "POST /api/classify": async (request) =>
      json(await asker.classify(await request.body(MAX_PICTURE_BYTES))),
    "POST /classify": async (request) => {
      const uploads = readUploads(request.headers["content-type"], await request.body(MAX_FORM_BYTES));
      if (uploads.length === 0) throw invalidArgument("No picture was chosen.");
      const cards: string[] = [];
      for (const upload of uploads) cards.push(await asker.card(upload));
      return html(resultsPage(cards));
    },
  };
  return await startWebServer({ ...place, routes, onError: errorAnswer });
}

/** The page's scripts read JSON, people read a page. */
function errorAnswer(error: StatusError, { url }: WebRequest): WebAnswer {
  if (url.pathname.startsWith("/api/")) return jsonError(error);
  return html(resultsPage([problemCard({ fileName: undefined, message: error.message })]), httpStatus(error));
}

/** Asks the classification server, and says in words for people what went wrong. */
class Asker {
  constructor(
    private readonly client: ClassificationClient,
    private readonly deadlineMs: number,
  ) {}

  async classify(picture: Buffer): Promise<{ classes: ClassScore[]; ms: number }> {
    if (picture.length === 0) throw invalidArgument("The file is empty.");
    const started = performance.now();
    try {
      const classes = await this.client.classify(picture, this.deadlineMs);
      return {
        classes: classes.map(({ name, score }) => ({ name, score })),
        ms: performance.now() - started,
      };
    } catch (reason) {
      throw this.inWords(StatusError.from(reason));
    }
  }

  /** A picture's card; what goes wrong with one picture is no reason to withhold the others. */
  async card({ fileName, bytes }: UploadedFile): Promise<string> {
    try {
      if (bytes.length > MAX_PICTURE_BYTES) {
        throw invalidArgument(
          `It is larger than ${MAX_PICTURE_BYTES / 2 ** 20} MiB, which is the most that this page sends.`,
        );
      }
      const { classes, ms } = await this.classify(bytes);
      const url = `data:${mediaType(bytes)};base64,${bytes.toString("base64")}`;
      return resultCard({ fileName, url, classes, ms });
    } catch (reason) {
      return problemCard({ fileName, message: StatusError.from(reason).message });
    }
  }

  private inWords(error: StatusError): StatusError {
    const words: Partial<Record<Code, string>> = {
      [Code.UNAVAILABLE]: `The classification server at ${this.client.address} can't be reached. Is it running?`,
      [Code.DEADLINE_EXCEEDED]: `The classification server did not answer within ${this.deadlineMs / 1000} s.`,
      [Code.INVALID_ARGUMENT]:
        "This is not a picture that the model can read: it takes JPEG, PNG and WebP files.",
    };
    return new StatusError(error.code, words[error.code] ?? error.message, { cause: error });
  }
}

const signatures: readonly [mediaType: string, offset: number, bytes: string][] = [
  ["image/png", 1, "PNG"],
  ["image/webp", 8, "WEBP"],
];

/** By the first bytes; the browser is told what the file is, not what it was called. */
function mediaType(bytes: Buffer): string {
  const found = signatures.find(
    ([, offset, text]) => bytes.toString("latin1", offset, offset + text.length) === text,
  );
  return found?.[0] ?? "image/jpeg";
}
