/** The page's own server: scores of an image, and the versions there are. */
import type { Answer, Question } from "./score-requests.js";

/** Three decimals are finer than the 256 levels of MNIST. */
const DECIMALS = 3;

export async function askForScores({ pixels, version }: Question): Promise<Answer> {
  const body = JSON.stringify({
    pixels: Array.from(pixels, (value) => Number(value.toFixed(DECIMALS))),
    ...(version !== "" && { version }),
  });
  return (await call("/api/scores", { method: "POST", body })) as Answer;
}

/** The versions that answer, newest first. */
export async function availableVersions(): Promise<readonly string[]> {
  return ((await call("/api/versions")) as { versions: string[] }).versions;
}

/** @throws Error with the server's own words, or that it can't be reached */
async function call(path: string, init?: RequestInit): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Error("This page's server can't be reached. Is it still running?");
  }
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error((answer as { error: string }).error);
  return answer;
}
