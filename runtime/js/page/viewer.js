/** The picture itself, and its heat map, which can be switched at any moment. */
import { h } from './dom.js';
import { draw } from './heat.js';
import { visible } from './words.js';

/** @typedef {import('./list.js').Item} Item */

/** Long side of the canvas that a heat map is drawn on, px. */
const SIDE = 1024;

export class Viewer {
  /** @param {(item: Item) => Promise<import('./heat.js').HeatMap>} heat */
  constructor(heat) {
    this.heat = heat;
    /** @type {Item | null} */
    this.item = null;
    this.url = '';
    /** Every change asks anew; an answer to an older question is dropped. */
    this.token = 0;
    this.image = h('img', { class: 'picture', decoding: 'async' });
    this.canvas = h('canvas', { class: 'heat', hidden: true, role: 'img', 'aria-label': 'Heat map over the picture' });
    this.hint = h(
      'p',
      { class: 'fine', hidden: true },
      'This browser cannot show the picture. The answer is about it all the same.',
    );
    this.box = h('input', { type: 'checkbox', id: 'heat', onchange: () => this.redraw() });
    this.said = h('span', { class: 'fine', role: 'status' });
    this.legend = h(
      'div',
      { class: 'legend', hidden: true },
      h(
        'p',
        {},
        h('span', { class: 'key for-ai', 'aria-hidden': 'true' }),
        ' speaks for AI ',
        h('span', { class: 'key not-ai', 'aria-hidden': 'true' }),
        ' speaks against it',
      ),
      h('p', { class: 'fine' }, 'It shows what moved the model, not what is false in the picture: a hint, not proof.'),
    );
    this.control = h(
      'p',
      { class: 'switch' },
      this.box,
      h('label', { for: 'heat' }, 'Show where the evidence lies'),
      this.said,
    );
    this.element = h(
      'figure',
      { class: 'viewer' },
      h('div', { class: 'stage' }, h('div', { class: 'over' }, this.image, this.canvas)),
      this.hint,
      this.control,
      this.legend,
    );
    this.image.addEventListener('error', () => this.unseen());
    this.image.addEventListener('load', () => this.redraw());
  }

  /** @param {Item | null} item */
  show(item) {
    URL.revokeObjectURL(this.url);
    this.item = item;
    this.token += 1;
    this.canvas.hidden = true;
    this.hint.hidden = true;
    this.image.hidden = false;
    this.url = item ? URL.createObjectURL(item.blob) : '';
    if (!item) return this.image.removeAttribute('src');
    this.image.alt = `The picture ${visible(item.name)}`;
    this.image.src = this.url;
  }

  /** @param {boolean} isAnswered whether there is an answer that a heat map belongs to */
  switchable(isAnswered) {
    this.control.hidden = !isAnswered;
    this.redraw();
  }

  /** Show or hide the heat map of the picture that is open now. */
  async redraw() {
    const token = ++this.token;
    const { item } = this;
    const isWanted = this.box.checked && !this.control.hidden && item !== null;
    this.canvas.hidden = true;
    this.legend.hidden = !isWanted;
    this.said.textContent = isWanted ? ' is being made…' : '';
    if (!isWanted) return;
    try {
      const map = await this.heat(item);
      if (token !== this.token) return;
      this.lay(map);
      this.said.textContent = '';
    } catch (error) {
      if (token === this.token) this.said.textContent = ` ${/** @type {Error} */ (error).message}`;
    }
  }

  /** @param {import('./heat.js').HeatMap} map */
  lay(map) {
    const { width, height } = this.item?.record ?? {};
    const [across, down] = [width ?? map.width, height ?? map.height];
    const scale = SIDE / Math.max(across, down);
    this.canvas.width = Math.max(1, Math.round(across * scale));
    this.canvas.height = Math.max(1, Math.round(down * scale));
    this.canvas.classList.toggle('alone', Boolean(this.image.hidden));
    draw(/** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d')), map);
    this.canvas.hidden = false;
  }

  unseen() {
    if (!this.item) return;
    this.image.hidden = true;
    this.hint.hidden = this.item.record?.error != null;
    this.redraw();
  }
}
