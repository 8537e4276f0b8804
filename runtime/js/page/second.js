/** The second opinion, which a server may have: which answers have one, by which figures, and what is said of it. */
import { h } from './dom.js';

/** @typedef {import('./words.js').Answer} Answer */
/** @typedef {import('./engine_local.js').Info} Info */

/** Version of a record with a second opinion: the fields of every other one, and the logit of each network. */
const SCHEMA = 3;

/** @param {Answer} record @returns {boolean} whether two networks gave this answer */
export function isSeconded({ schema }) {
  return schema === SCHEMA;
}

/** @param {boolean} isWanted @param {Info} info @returns {any} the raw card of answers with one, or without */
export function cardFor(isWanted, info) {
  return isWanted ? info.secondCard : info.card;
}

/** @param {Answer} record @param {Info} info @returns {any} the raw card whose figures hold for this answer */
export function cardOf(record, info) {
  return cardFor(isSeconded(record), info);
}

/** @param {Answer} record @returns {string[]} sentences; none where one network answered */
export function told(record) {
  if (!isSeconded(record)) return [];
  const sentences = [
    'This answer has a second opinion: one network looked at the pixels, a larger one at the whole picture, and ' +
      'it is of both together.',
    'The larger one sees what is shown, so a subject that is common among AI pictures can count for AI.',
  ];
  return record.reason === 'too_small' ? sentences : [...sentences, 'The heat map is that of the pixels alone.'];
}

/** @param {Answer} record @returns {[string, string][]} what each network said by itself; none where there was one */
export function opinions(record) {
  if (!isSeconded(record)) return [];
  const [first, second] = record.model?.split('+') ?? [];
  return [
    ['Pixels', `logit ${decimals(record.logit_pixels)} (${first})`],
    ['Whole picture', `logit ${decimals(record.logit_scene)} (${second})`],
    ['Both together', `logit ${decimals(record.logit)}`],
  ];
}

/** @param {Answer} record @returns {HTMLElement | null} the same as a list */
export function opinionList(record) {
  const said = opinions(record).map(([who, what]) => h('li', {}, `${who}: ${what}`));
  return said.length ? h('ul', { class: 'opinions' }, ...said) : null;
}

/** @param {number | null | undefined} logit @returns {string} */
function decimals(logit) {
  return logit == null ? 'none' : logit.toFixed(2);
}
