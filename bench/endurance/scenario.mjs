/** What a scenario finds: a row of the report, with the bound that it must keep where there is one. */

/**
 * @typedef {object} Finding
 * @property {string} what
 * @property {string} value
 * @property {string} bound "" where nothing is demanded
 * @property {boolean} [isMet]
 */

export {};
