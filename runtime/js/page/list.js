/** The list of pictures: a row for each, which opens it. */
import { bdi, h } from './dom.js';
import { thumbnail } from './picture.js';
import { isSeconded } from './second.js';
import { declares, headline, number, visible } from './words.js';

/**
 * @typedef {object} Item one picture
 * @property {number} id in the order of arrival
 * @property {string} name
 * @property {Blob} blob
 * @property {boolean} isSecondWanted whether it is to have a second opinion
 * @property {'waiting' | 'working' | 'done' | 'failed'} state "failed": no answer; unreadable is done
 * @property {import('./words.js').Answer} [record] once done
 * @property {string} [failure] why it failed
 * @property {Promise<import('./heat.js').HeatMap>} [heat] once asked for
 * @property {Promise<import('./picture.js').Details>} [details] likewise
 */

const ORDER = ['ai', 'unsure', 'no_sign'];

/** @type {Readonly<Record<string, (a: Item, b: Item) => number>>} */
export const SORTS = {
  arrival: (a, b) => a.id - b.id,
  number: (a, b) => score(b) - score(a) || a.id - b.id,
  words: (a, b) => place(a) - place(b) || score(b) - score(a) || a.id - b.id,
  declared: (a, b) => compare(says(a), says(b)) || a.id - b.id,
  name: (a, b) => compare(a.name, b.name) || a.id - b.id,
};

export class List {
  /**
   * @param {HTMLElement} element the `ul`
   * @param {(item: Item) => void} open
   */
  constructor(element, open) {
    this.element = element;
    this.open = open;
    /** @type {Map<number, {item: Item, row: HTMLElement, canvas: HTMLCanvasElement, text: HTMLElement}>} */
    this.rows = new Map();
  }

  /** @param {Item} item */
  add(item) {
    const canvas = h('canvas', { class: 'thumbnail', width: 1, height: 1, 'aria-hidden': 'true' });
    const text = h('span', { class: 'text' });
    const row = h('button', { type: 'button', class: 'row', onclick: () => this.open(item) }, canvas, text);
    this.rows.set(item.id, { item, row, canvas, text });
    this.element.append(h('li', {}, row));
    this.update(item);
  }

  /** @param {Item} item whose state has changed */
  update(item) {
    const known = this.rows.get(item.id);
    if (!known) return;
    known.row.dataset.kind = kind(item);
    known.text.replaceChildren(...cells(item));
  }

  /** @param {Item} item which has none yet */
  async picture(item) {
    const known = this.rows.get(item.id);
    if (known && !(await thumbnail(item.blob, known.canvas))) known.canvas.classList.add('none');
  }

  /** @param {Item | null} item which is open */
  mark(item) {
    for (const { item: one, row } of this.rows.values()) {
      if (one === item) row.setAttribute('aria-current', 'true');
      else row.removeAttribute('aria-current');
    }
  }

  /** @param {string} by a name of SORTS */
  sort(by) {
    const focused = document.activeElement;
    const sorted = [...this.rows.values()].sort((a, b) => SORTS[by](a.item, b.item));
    this.element.append(...sorted.map(({ row }) => /** @type {HTMLElement} */ (row.parentElement)));
    if (focused instanceof HTMLElement && this.element.contains(focused)) focused.focus();
  }

  clear() {
    this.rows.clear();
    this.element.replaceChildren();
  }
}

/** @param {Item} item @returns {string} for its colours: "ai", "unsure", "no_sign", "error", or its state */
export function kind({ state, record }) {
  return state === 'done' && record ? (record.verdict ?? 'error') : state;
}

/** @param {Item} item @returns {string} what is known of it, in a few words */
export function summary({ state, record }) {
  if (state === 'failed') return 'No answer';
  if (!record) return state === 'working' ? 'is looked at…' : 'waits';
  return headline(record);
}

/** @param {Item} item @returns {HTMLElement[]} */
function cells(item) {
  const { record, failure } = item;
  const said = record ? declares(record) : '';
  const notes = [said && `The file says: ${said}`, record?.verdict && isSeconded(record) && 'With a second opinion'];
  return [
    h('span', { class: 'name' }, bdi(visible(item.name))),
    h('span', { class: 'words' }, summary(item)),
    h('span', { class: 'number' }, record ? number(record) : ''),
    h('span', { class: 'says' }, failure ?? record?.error ?? notes.filter(Boolean).join(' · ')),
  ].filter((cell) => cell.textContent);
}

/** @param {Item} item */
const score = ({ record }) => (record?.reason === 'too_small' ? -0.5 : (record?.p_ai ?? -1));

/** @param {Item} item */
const place = ({ record }) => (record?.verdict ? ORDER.indexOf(record.verdict) : ORDER.length);

/** @param {Item} item what is declared, the silent last */
const says = ({ record }) => (record && declares(record)) || '\uffff';

/** @param {string} a @param {string} b */
const compare = (a, b) => a.localeCompare(b, undefined, { numeric: true });
