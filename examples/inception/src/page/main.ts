/** The page with JavaScript: pictures are sent one by one as they are chosen or dropped, and appear with their classes. */
import { type ClassScore, problemCard, resultCard } from "./result-card.js";
import { drawSample } from "./sample-picture.js";

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} "${id}"`);
  return found;
}

const form = element("form", HTMLFormElement);
const files = element("files", HTMLInputElement);
const results = element("results", HTMLElement);
const status = element("status", HTMLElement);
const sample = element("sample", HTMLButtonElement);
const maxBytes = Number(form.dataset.maxBytes);

document.documentElement.classList.add("scripted");
sample.hidden = false;

interface Answer {
  readonly classes: readonly ClassScore[];
  readonly ms: number;
}

/** Sends the pictures, a few at a time, each with a place of its own so that they stay in order. */
async function classifyAll(chosen: readonly File[]): Promise<void> {
  const places = chosen.map((file) => ({ file, place: addPlace(file) }));
  results.prepend(...places.map(({ place }) => place));
  status.textContent = `Classifying ${chosen.length === 1 ? "one picture" : `${chosen.length} pictures`} …`;
  const classified = await Promise.all(places.map(({ file, place }) => classify(file, place)));
  const done = classified.filter(Boolean).length;
  status.textContent = `${done} of ${chosen.length} classified.`;
}

function addPlace(file: File): HTMLElement {
  const place = document.createElement("div");
  place.className = "place";
  place.setAttribute("aria-busy", "true");
  const waiting = document.createElement("p");
  waiting.className = "card quiet";
  waiting.textContent = `${file.name} …`;
  place.append(waiting);
  return place;
}

/** Fills a place with what a picture is taken for, or with what went wrong. */
async function classify(file: File, place: HTMLElement): Promise<boolean> {
  try {
    const { classes, ms } = await ask(file);
    place.innerHTML = resultCard({ fileName: file.name, url: URL.createObjectURL(file), classes, ms });
    return true;
  } catch (reason) {
    const message = reason instanceof Error ? reason.message : String(reason);
    place.innerHTML = problemCard({ fileName: file.name, message });
    return false;
  } finally {
    place.removeAttribute("aria-busy");
  }
}

/** @throws Error with the server's own words, or that it can't be reached */
async function ask(file: File): Promise<Answer> {
  if (file.size > maxBytes) {
    throw new Error(`It is larger than ${maxBytes / 2 ** 20} MiB, which is the most that this page sends.`);
  }
  let response: Response;
  try {
    response = await fetch("/api/classify", { method: "POST", body: file });
  } catch {
    throw new Error("This page's server can't be reached. Is it still running?");
  }
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error((answer as { error: string }).error);
  return answer as Answer;
}

files.addEventListener("change", () => {
  void classifyAll([...(files.files ?? [])]);
  files.value = "";
});
form.addEventListener("submit", (event) => event.preventDefault());
sample.addEventListener("click", async () => classifyAll([await drawSample()]));

for (const type of ["dragenter", "dragover"] as const) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    form.classList.add("dropping");
  });
}
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) form.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("dropping");
  const dropped = [...(event.dataTransfer?.files ?? [])];
  if (dropped.length > 0) void classifyAll(dropped);
});
document.addEventListener("paste", (event) => {
  const pasted = [...(event.clipboardData?.files ?? [])];
  if (pasted.length > 0) void classifyAll(pasted);
});
