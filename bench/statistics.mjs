/** Summaries of repeated measurements. */

/**
 * The middle value, or the mean of the two in the middle.
 * @param {readonly number[]} values at least one
 */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = Math.floor(sorted.length / 2);
  const lower = sorted.length % 2 === 0 ? upper - 1 : upper;
  return (Number(sorted[lower]) + Number(sorted[upper])) / 2;
}

/**
 * The value that so large a share of them do not exceed.
 * @param {readonly number[]} values at least one
 * @param {number} share 0.99 for the 99th percentile
 */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return Number(sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1]);
}

/**
 * @typedef {object} Summary
 * @property {number} median
 * @property {number} min
 * @property {number} max
 * @property {readonly number[]} values in the order they were measured
 */

/**
 * @param {readonly number[]} values at least one
 * @returns {Summary}
 */
export function summarize(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), values };
}
