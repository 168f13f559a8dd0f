/** The ten scores as bars, and the digit that they speak for. */

const percent = (score: number) => `${(100 * score).toFixed(1)} %`;

interface Row {
  readonly item: HTMLElement;
  readonly fill: HTMLElement;
  readonly score: HTMLElement;
}

export class ScoreBars {
  private readonly rows: readonly Row[];

  constructor(list: HTMLElement) {
    this.rows = Array.from({ length: 10 }, (_, digit) => {
      const part = (tag: string, name: string, text = "") => {
        const element = document.createElement(tag);
        element.className = name;
        element.textContent = text;
        return element;
      };
      const item = document.createElement("li");
      const track = part("span", "track");
      const fill = part("span", "fill");
      const score = part("span", "score", percent(0));
      track.append(fill);
      track.setAttribute("aria-hidden", "true");
      item.append(part("span", "name", String(digit)), track, score);
      list.append(item);
      return { item, fill, score };
    });
  }

  /** @param scores one for each digit, from 0 to 1; zeros show nothing */
  show(scores: readonly number[]): void {
    const best = bestDigit(scores);
    this.rows.forEach(({ item, fill, score }, digit) => {
      const value = scores[digit] ?? 0;
      item.classList.toggle("best", digit === best && value > 0);
      fill.style.transform = `translateX(${100 * (value - 1)}%)`;
      score.textContent = percent(value);
    });
  }
}

/** The digit with the highest score. */
export function bestDigit(scores: readonly number[]): number {
  return scores.indexOf(Math.max(...scores));
}
