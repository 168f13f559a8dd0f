/** Numbers as people read them. */

const units = ["bytes", "kB", "MB", "GB", "TB"];

/** "12 bytes", "4.2 kB": powers of a thousand, as disks are sold. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  if (unit === 0) return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
  return `${value < 10 ? value.toFixed(1) : value.toFixed()} ${units[unit]}`;
}

/** "1 node", "3 nodes", "2 boxes". */
export function countText(count: number, noun: string): string {
  if (count === 1) return `1 ${noun}`;
  const plural = /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
  return `${count.toLocaleString("en")} ${plural}`;
}

/** Milliseconds with three digits that say something. */
export function millisecondsText(value: number): string {
  if (value >= 100) return `${value.toFixed()} ms`;
  return `${value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3)} ms`;
}
