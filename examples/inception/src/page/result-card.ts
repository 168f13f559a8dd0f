/**
 * A picture with what it was taken for, as HTML: made by the server for a page without JavaScript, and in the browser
 * for one with. Bars are progress elements: they need no inline style, which the page's policy forbids.
 */

export interface ClassScore {
  readonly name: string;
  readonly score: number;
}

export interface ClassifiedPicture {
  readonly fileName: string;
  /** Where the browser finds the picture: a blob or data URL. */
  readonly url: string;
  /** The best first. */
  readonly classes: readonly ClassScore[];
  /** From the request to the classification server to its answer. */
  readonly ms: number;
}

/** What went wrong with one picture, or with all. */
export interface Problem {
  readonly fileName: string | undefined;
  readonly message: string;
}

export function resultCard({ fileName, url, classes, ms }: ClassifiedPicture): string {
  const shares = sharesOf(classes);
  const rows = classes.map(({ name, score }, i) => {
    const share = shares[i] ?? 0;
    return `<li${i === 0 ? ' class="best"' : ""}>
      <span class="name">${escaped(name)}</span><span class="score">${score.toFixed(2)}</span>
      <progress max="1" value="${share.toFixed(4)}" aria-hidden="true"></progress>
    </li>`;
  });
  return `<article class="card result">
    <figure><img src="${escaped(url)}" alt="${escaped(fileName)}"><figcaption>${escaped(fileName)}</figcaption></figure>
    <div class="classes">
      <ol class="numbers">${rows.join("")}</ol>
      <p class="quiet numbers time">${ms.toFixed(0)} ms</p>
    </div>
  </article>`;
}

export function problemCard({ fileName, message }: Problem): string {
  const title = fileName === undefined ? "That did not work" : fileName;
  return `<article class="card problem" role="alert">
    <h2>${escaped(title)}</h2><p class="message">${escaped(message)}</p>
  </article>`;
}

/** What part each score has of all that are shown: scores are logits, so by the softmax of these. */
export function sharesOf(classes: readonly ClassScore[]): number[] {
  const highest = Math.max(...classes.map(({ score }) => score));
  const powers = classes.map(({ score }) => Math.exp(score - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it stands in HTML, between tags and in attributes. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
