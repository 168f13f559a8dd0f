/** The page: draw, and see what the model makes of it. Wires the board, the questions and the bars together. */
import { digitStrokes } from "./digit-strokes.js";
import { DrawingBoard } from "./drawing-board.js";
import { IMAGE_SIZE, mnistImage } from "./mnist-image.js";
import { bestDigit, ScoreBars } from "./score-bars.js";
import { type Answer, ScoreRequests } from "./score-requests.js";
import { askForScores, availableVersions } from "./server-api.js";

const VERSIONS_POLL_MS = 2000;
/** What is said aloud waits for a pause in the drawing. */
const ANNOUNCE_AFTER_MS = 700;
const WRITE_MS = 900;

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} "${id}"`);
  return found;
}

const canvas = element("board", HTMLCanvasElement);
const seen = element("seen", HTMLCanvasElement);
const version = element("version", HTMLSelectElement);
const buttons = {
  clear: element("clear", HTMLButtonElement),
  undo: element("undo", HTMLButtonElement),
  example: element("example", HTMLButtonElement),
};
const texts = {
  digit: element("digit", HTMLElement),
  certainty: element("certainty", HTMLElement),
  timing: element("timing", HTMLElement),
  announcement: element("announcement", HTMLElement),
  news: element("news", HTMLElement),
  problem: element("problem", HTMLElement),
};

const bars = new ScoreBars(element("bars", HTMLElement));
const board = new DrawingBoard(canvas, onDrawing);
const requests = new ScoreRequests(askForScores, { answered: showAnswer, failed: showProblem });

function onDrawing(): void {
  document.body.classList.toggle("drawn", !board.isEmpty);
  buttons.clear.disabled = buttons.undo.disabled = board.isEmpty;
  const pixels = board.isEmpty ? undefined : mnistImage(board.read());
  showSeen(pixels ?? new Float32Array(IMAGE_SIZE * IMAGE_SIZE));
  if (pixels === undefined) showNothing();
  else requests.put({ pixels, version: version.value });
}

function showSeen(pixels: Float32Array): void {
  const image = new ImageData(IMAGE_SIZE, IMAGE_SIZE);
  pixels.forEach((value, i) => {
    image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i);
  });
  seen.getContext("2d")?.putImageData(image, 0, 0);
}

function showNothing(): void {
  requests.forget();
  bars.show(new Array<number>(10).fill(0));
  texts.digit.textContent = "–";
  texts.certainty.textContent = texts.timing.textContent = "";
  texts.problem.hidden = true;
  announce("");
}

function showAnswer({ scores, version: answered, ms }: Answer): void {
  const best = bestDigit(scores);
  const certainty = `${Math.round(100 * (scores[best] ?? 0))} %`;
  bars.show(scores);
  texts.digit.textContent = String(best);
  texts.certainty.textContent = `${certainty} sure`;
  texts.timing.textContent = `version ${answered} · ${ms.toFixed(1)} ms`;
  texts.problem.hidden = true;
  announce(`The model reads ${best}, ${certainty} sure`);
}

function showProblem(message: string): void {
  texts.problem.textContent = message;
  texts.problem.hidden = false;
}

let announcing: ReturnType<typeof setTimeout> | undefined;

function announce(text: string): void {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    texts.announcement.textContent = text;
  }, ANNOUNCE_AFTER_MS);
}

/** Counts the drawings made for the visitor: one that is begun ends the one before. */
let writing = 0;

/** Draws a digit as a hand would, so that one sees the scores change on the way. */
async function write(digit: number): Promise<void> {
  const turn = ++writing;
  board.clear();
  const strokes = digitStrokes[digit] ?? [];
  const places = strokes.flatMap((stroke, i) =>
    dense(stroke).map((place, k) => ({ ...place, isFirst: k === 0, stroke: i })),
  );
  const isHurried = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const started = performance.now();
  let drawn = 0;
  while (drawn < places.length) {
    const part = isHurried ? 1 : Math.min(1, (performance.now() - started) / WRITE_MS);
    for (const end = Math.ceil(part * places.length); drawn < end; drawn++) {
      const place = places[drawn];
      if (place?.isFirst) board.penDown(place);
      else if (place !== undefined) board.penTo(place);
    }
    await new Promise(requestAnimationFrame);
    if (turn !== writing) return;
  }
}

/** A stroke on the board, with places a small step apart; the digit stands in the middle, upright. */
function dense(stroke: readonly (readonly [x: number, y: number])[]): { x: number; y: number }[] {
  const onBoard = stroke.map(([x, y]) => ({ x: 0.5 + 0.66 * (x - 0.5), y: 0.5 + 0.66 * (y - 0.5) }));
  return onBoard.flatMap((to, i) => {
    const from = onBoard[i - 1];
    if (from === undefined) return [to];
    const steps = Math.max(1, Math.round(Math.hypot(to.x - from.x, to.y - from.y) / 0.02));
    return Array.from({ length: steps }, (_, k) => {
      const along = (k + 1) / steps;
      return { x: from.x + along * (to.x - from.x), y: from.y + along * (to.y - from.y) };
    });
  });
}

let example = 3;

buttons.clear.addEventListener("click", () => {
  writing++;
  board.clear();
});
buttons.undo.addEventListener("click", () => {
  writing++;
  board.undo();
});
buttons.example.addEventListener("click", () => {
  void write(example);
  example = (example + 7) % 10;
});
canvas.addEventListener("pointerdown", () => {
  writing++;
});
document.addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLSelectElement || event.altKey) return;
  if (/^\d$/.test(event.key) && !event.ctrlKey && !event.metaKey) void write(Number(event.key));
  else if (event.key === "Escape") board.clear();
  else if (event.key === "z" && (event.ctrlKey || event.metaKey)) board.undo();
  else return;
  event.preventDefault();
});
version.addEventListener("change", onDrawing);

let known: readonly string[] = [];

/** Follows the versions that the server has: a new one is news, and answers from now on. */
async function followVersions(): Promise<void> {
  try {
    const versions = await availableVersions();
    const [newest] = versions;
    if (known.length > 0 && newest !== undefined && newest !== known[0]) {
      texts.news.textContent = `Version ${newest} has taken over from version ${known[0]}.`;
      if (!board.isEmpty) onDrawing();
    }
    if (versions.join() !== known.join()) offer(versions);
    known = versions;
  } catch {
    // The next drawing says what is wrong, where one looks for it.
  }
  setTimeout(followVersions, VERSIONS_POLL_MS);
}

function offer(versions: readonly string[]): void {
  const chosen = version.value;
  version.replaceChildren(new Option("newest", ""), ...versions.map((each) => new Option(each, each)));
  version.value = versions.includes(chosen) ? chosen : "";
}

void followVersions();
