/** The open picture: the words, what they mean, the heat map, and what to do now. */
import { advice } from './advice.js';
import { caseFile } from './casefile.js';
import { bdi, h } from './dom.js';
import { kind } from './list.js';
import { copies, details } from './picture.js';
import * as rates from './rates.js';
import { cardOf, opinionList, told as toldOfSecond } from './second.js';
import { Viewer } from './viewer.js';
import * as words from './words.js';

/** @typedef {import('./list.js').Item} Item */
/** @typedef {import('./engine_local.js').Engine} Engine */

export class Result {
  /**
   * @param {HTMLElement} element
   * @param {{retry: (item: Item) => void, back: () => void, say: (text: string) => void}} actions say: aloud
   */
  constructor(element, actions) {
    this.element = element;
    this.actions = actions;
    /** @type {Engine | null} */
    this.engine = null;
    /** @type {Item | null} */
    this.item = null;
    /** @type {number | null} place of the base rate in rates.PRIORS, once the reader or the engine chose one */
    this.place = null;
    /** @type {Promise<unknown>} */
    this.turn = Promise.resolve();
    /** @type {Set<Item>} whose case file is being made */
    this.saving = new Set();
    this.viewer = new Viewer((item) => this.heat(item));
  }

  /** @param {Item | null} item */
  show(item) {
    const isAnother = item !== this.item;
    this.item = item;
    this.element.hidden = item === null;
    if (isAnother) this.viewer.show(item);
    if (item) this.render(item);
    if (isAnother) this.element.scrollTop = 0;
  }

  /** @param {Item} item whose state has changed */
  update(item) {
    if (item === this.item) this.render(item);
  }

  /**
   * One map at a time, and none for a picture that was left before its turn came: a map takes longer than a verdict.
   *
   * @param {Item} item
   * @returns {Promise<import('./heat.js').HeatMap>} asked for once
   */
  heat(item) {
    item.heat ??= this.turn.then(() => {
      if (!this.engine) throw new Error('The model is not ready yet.');
      if (item !== this.item && !this.saving.has(item)) throw new Error('Another picture was opened.');
      return this.engine.explain(item.blob);
    });
    this.turn = item.heat.catch(() => delete item.heat);
    return item.heat;
  }

  /** @param {Item} item */
  render(item) {
    const { record } = item;
    this.element.dataset.kind = kind(item);
    const heading = h('h2', { tabindex: -1, id: 'heading' }, title(item));
    const back = h('button', { type: 'button', class: 'quiet back', onclick: this.actions.back }, 'Back to the list');
    const name = h('p', { class: 'name' }, bdi(words.visible(item.name)));
    if (item.state === 'done' && record && record.error === null && this.engine) {
      this.element.replaceChildren(back, ...this.answer(item, record, this.engine.info, heading, name));
      return;
    }
    const again = h('button', { type: 'button', onclick: () => this.actions.retry(item) }, 'Try again');
    this.element.replaceChildren(
      back,
      h('div', { class: 'verdict' }, name, heading, h('p', {}, told(item)), item.state === 'failed' ? again : null),
      this.viewer.element,
    );
    this.viewer.switchable(false);
  }

  /**
   * @param {Item} item
   * @param {words.Answer} record
   * @param {import('./engine_local.js').Info} info
   * @param {HTMLElement} heading
   * @param {HTMLElement} name
   * @returns {HTMLElement[]}
   */
  answer(item, record, info, heading, name) {
    const against = words.contradiction(record);
    const caveats = h('div', { class: 'caveats' });
    const card = cardOf(record, info);
    const seconded = toldOfSecond(record).join(' ');
    this.weaken(item, record, info.card, caveats);
    this.viewer.switchable(record.reason !== 'too_small');
    return [
      ...(against ? [h('p', { class: 'against' }, h('strong', {}, 'File and model disagree. '), against)] : []),
      h(
        'div',
        { class: 'verdict' },
        name,
        heading,
        ...bar(record),
        h('p', {}, words.meaning(record, card).join(' ')),
        seconded ? h('p', { class: 'seconded' }, seconded) : null,
        h('p', { class: 'proof' }, words.proof(record)),
      ),
      this.viewer.element,
      caveats,
      ...this.rates(record, card),
      section('What the file says of itself', h('p', {}, words.declaration(record).join(' '))),
      section(
        'What to do now',
        h(
          'ul',
          { class: 'advice' },
          ...advice(record).map(({ title, text }) => h('li', {}, h('strong', {}, title), ' ', text)),
        ),
      ),
      this.take(item, record),
      this.inside(item, record),
    ];
  }

  /**
   * Tell what weakens the answer, once the file was read.
   *
   * @param {Item} item
   * @param {words.Answer} record
   * @param {any} card of what looks at its pixels
   * @param {HTMLElement} into
   */
  async weaken(item, record, card, into) {
    const found = await this.details(item).catch(() => null);
    const caveats = words.caveats(record, found?.quality ?? null, card);
    const size = `${record.width} × ${record.height} px.`;
    into.replaceChildren(h('p', {}, [size, ...caveats].join(' ')));
  }

  /** @param {words.Answer} record @param {any} card @returns {HTMLElement[]} the slider, and what it tells */
  rates(record, card) {
    this.place ??= rates.start(record.prior);
    const last = rates.PRIORS.length - 1;
    const told = h('output', { for: 'prior', class: 'told' });
    const slider = h('input', { type: 'range', id: 'prior', min: 0, max: last, step: 1, value: this.place });
    const chosen = h('strong', {});
    const tell = () => {
      this.place = Number(slider.value);
      const prior = this.prior();
      slider.setAttribute('aria-valuetext', rates.inWords(prior));
      chosen.textContent = rates.inWords(prior);
      told.replaceChildren(...rates.worth(record, card, prior).map((text) => h('p', {}, text)));
    };
    slider.addEventListener('input', tell);
    tell();
    if (!told.childElementCount) return [];
    return [
      section(
        'How common are AI pictures where this one comes from?',
        h('p', {}, 'What an answer is worth depends on it. Move the slider to what you think.'),
        h('label', { for: 'prior' }, 'AI made ', chosen),
        h('div', {}, slider, h('p', { class: 'ends fine', 'aria-hidden': 'true' }, ...[0, last].map(end))),
        told,
        h(
          'p',
          { class: 'fine' },
          'By the rates of the model’s test. A picture that was chosen because it looked odd is a case apart.',
        ),
      ),
    ];
  }

  /** @returns {number} the base rate that the reader chose, 0..1 */
  prior() {
    const [few, all] = rates.PRIORS[this.place ?? rates.start(null)];
    return few / all;
  }

  /** @param {Item} item @param {words.Answer} record @returns {HTMLElement} what can be taken along */
  take(item, record) {
    const said = h('span', { class: 'fine' });
    const copy = h('button', { type: 'button', onclick: () => this.copy(record, said) }, 'Copy as JSON');
    const file = h('button', { type: 'button' }, 'Save the case file');
    file.addEventListener('click', async () => {
      file.disabled = true;
      this.saving.add(item);
      said.textContent = 'The case file is being made…';
      const text = await this.save(item, record).then(
        () => 'The case file is saved.',
        (error) => `No case file: ${error.message}`,
      );
      this.saving.delete(item);
      file.disabled = false;
      said.textContent = text;
      this.actions.say(text);
    });
    return section(
      'Take it along',
      h(
        'p',
        {},
        'The case file is one page to print or archive: picture, heat map, SHA-256, figures, limits and date.',
      ),
      h('p', { class: 'buttons' }, file, copy, said),
    );
  }

  /** @param {words.Answer} record @param {HTMLElement} said */
  async copy(record, said) {
    try {
      await navigator.clipboard.writeText(JSON.stringify(record, null, 2));
      said.textContent = 'Copied.';
    } catch {
      said.textContent = 'This browser does not allow it: the record is below, under “For experts”.';
    }
    this.actions.say(said.textContent);
  }

  /** @param {Item} item @param {words.Answer} record */
  async save(item, record) {
    if (!this.engine) return;
    const [map, known] = await Promise.all([this.heat(item), this.details(item)]);
    const size = { width: record.width ?? map.width, height: record.height ?? map.height };
    const made = { record, details: known, info: this.engine.info, copies: await copies(item.blob, map, size) };
    const text = caseFile({ ...made, prior: this.prior(), date: new Date() });
    const url = URL.createObjectURL(new Blob([text], { type: 'text/html' }));
    h('a', { href: url, download: `fauxto ${item.name.replace(/[^\p{L}\p{N}. _-]/gu, '_')}.html` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  /** @param {Item} item @param {words.Answer} record @returns {HTMLElement} */
  inside(item, record) {
    const hash = h('code', {}, '…');
    this.details(item).then(
      ({ sha256 }) => (hash.textContent = sha256),
      () => (hash.textContent = 'cannot be read'),
    );
    return h(
      'details',
      {},
      h('summary', {}, 'For experts'),
      h('p', {}, 'SHA-256 of the file: ', hash),
      opinionList(record),
      h('pre', { tabindex: 0, role: 'region', 'aria-label': 'The record' }, JSON.stringify(record, null, 2)),
    );
  }

  /** @param {Item} item @returns {Promise<import('./picture.js').Details>} */
  details(item) {
    item.details ??= details(item.blob);
    return item.details;
  }
}

/** @param {Item} item @returns {string} */
function title({ state, record }) {
  if (state === 'failed') return 'No answer';
  return record ? words.headline(record) : 'Looking…';
}

/** @param {Item} item @returns {string} */
function told({ state, record, failure }) {
  if (state === 'failed') return failure ?? '';
  if (record?.error) return `${record.error[0].toUpperCase()}${record.error.slice(1)}.`;
  return state === 'working' ? 'The model looks at the picture.' : 'Other pictures come first.';
}

/** @param {words.Answer} record @returns {HTMLElement[]} its number, in words and as a bar */
function bar(record) {
  const said = words.number(record);
  if (!said) return [];
  const meter = h('progress', { class: 'bar', max: 1, value: record.p_ai, 'aria-hidden': 'true' });
  return [
    h(
      'p',
      { class: 'chance' },
      h('span', { class: 'number' }, said),
      h('span', { class: 'fine' }, ` ${words.condition(record)}`),
    ),
    meter,
  ];
}

/** @param {number} place in rates.PRIORS @returns {HTMLElement} what stands at an end of the slider */
function end(place) {
  const [few, all] = rates.PRIORS[place];
  return h('span', {}, `${few} in ${words.count(all)}`);
}

/** @param {string} heading @param {...HTMLElement} content @returns {HTMLElement} */
function section(heading, ...content) {
  return h('section', {}, h('h3', {}, heading), ...content);
}
