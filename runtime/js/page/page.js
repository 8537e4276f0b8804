/** The page: takes pictures in, asks its engine about each, and shows the answers. */
import { byId } from './dom.js';
import { listen } from './intake.js';
import { List, summary } from './list.js';
import { keep } from './offline.js';
import { Result } from './result.js';
import { cardFor } from './second.js';
import * as words from './words.js';

/** @typedef {import('./list.js').Item} Item */
/** @typedef {import('./engine_local.js').Engine} Engine */

/** Pictures that are looked at in one moment: while one is judged, the next one is decoded. */
const AT_ONCE = 2;

const home = /** @type {HTMLMetaElement} */ (document.querySelector('meta[name=engine]')).content;
const { open, LOADING, PRIVACY } = await (home === 'server'
  ? import('./engine_server.js')
  : import('./engine_local.js'));

/** @type {Item[]} */
let items = [];
let count = 0;
let working = 0;
/** @type {Engine | null} */
let engine = null;

const list = new List(byId('list'), (item) => openItem(item, true));
const result = new Result(byId('result'), { retry, back: () => byId('list').scrollIntoView(), say });
const sort = /** @type {HTMLSelectElement} */ (byId('sort'));
const second = /** @type {HTMLInputElement} */ (byId('second-opinion'));
const progress = /** @type {HTMLProgressElement} */ (byId('progress'));

byId('privacy').textContent = PRIVACY;
sort.addEventListener('change', () => list.sort(sort.value));
byId('clear').addEventListener('click', clear);
byId('reload').addEventListener('click', start);
listen(add);
start();

/** Get the engine ready. */
async function start() {
  byId('trouble').hidden = true;
  loading(true);
  try {
    engine = await open();
    result.engine = engine;
    about(engine);
    if (home === 'local') keep();
  } catch (error) {
    byId('trouble').hidden = false;
    byId('trouble-said').textContent = /** @type {Error} */ (error).message;
  }
  loading(false);
  pump();
}

/** @param {{name: string, blob: Blob}[]} files */
function add(files) {
  const asked = { state: 'waiting', isSecondWanted: isSecondWanted() };
  const added = files.map(({ name, blob }) => /** @type {Item} */ ({ id: count++, name, blob, ...asked }));
  if (!added.length) return;
  items.push(...added);
  for (const item of added) list.add(item);
  document.body.classList.add('busy');
  openItem(added[0], added.length === 1 || items.length === added.length);
  pump();
}

/** @returns {boolean} whether what comes now is to have a second opinion, which a server may not have */
function isSecondWanted() {
  return second.checked && Boolean(engine?.info.secondCard);
}

/** Ask about the next pictures, a few at once. */
function pump() {
  tell();
  if (!engine) return;
  for (const item of items) {
    if (working >= AT_ONCE) return;
    if (item.state === 'waiting') look(item, engine);
  }
}

/** @param {Item} item @param {Engine} by */
async function look(item, by) {
  working += 1;
  change(item, { state: 'working' });
  try {
    const record = await by.predict(item.blob, item.name, item.isSecondWanted);
    change(item, { state: 'done', record });
  } catch (error) {
    change(item, { state: 'failed', failure: /** @type {Error} */ (error).message });
  }
  if (items.includes(item)) await list.picture(item);
  working -= 1;
  if (items.includes(item)) done(item);
  pump();
}

/** @param {Item} item @param {Partial<Item>} to */
function change(item, to) {
  Object.assign(item, to);
  if (!items.includes(item)) return; // the list was cleared meanwhile
  list.update(item);
  result.update(item);
}

/** Tell a screen reader, once for one picture and once for many. @param {Item} item */
function done(item) {
  if (isBusy()) return;
  if (sort.value !== 'arrival') list.sort(sort.value);
  if (items.length === 1)
    return say(`${words.visible(item.name)}: ${summary(item)}. ${item.record ? words.number(item.record) : ''}`);
  const found = new Map();
  for (const one of items) found.set(summary(one), (found.get(summary(one)) ?? 0) + 1);
  say(`${items.length} pictures: ${Array.from(found, ([text, many]) => `${many} × ${text}`).join(', ')}.`);
}

function isBusy() {
  return items.some(({ state }) => state === 'waiting' || state === 'working');
}

/** @param {Item} item @param {boolean} isWanted whether to bring it into sight */
function openItem(item, isWanted) {
  list.mark(item);
  result.show(item);
  if (isWanted && innerWidth < 900) byId('result').scrollIntoView();
}

/** @param {Item} item */
function retry(item) {
  delete item.failure;
  change(item, { state: 'waiting', isSecondWanted: isSecondWanted() });
  byId('heading').focus(); // the button that was pressed is gone
  pump();
}

function clear() {
  items = [];
  list.clear();
  result.show(null);
  document.body.classList.remove('busy');
  tell();
  byId('choose').focus();
}

/** The list's head, and how far it is. */
function tell() {
  const finished = items.filter(({ state }) => state === 'done' || state === 'failed').length;
  byId('pictures').hidden = items.length < 2;
  document.body.classList.toggle('several', items.length > 1);
  byId('how-many').textContent = `${items.length} pictures`;
  if (engine === null) return;
  const { info } = engine;
  const cards = items.map((item) => cardFor(item.isSecondWanted, info));
  byId('mistakes').textContent = words.mistakes(cards, info.operatingPoint);
  byId('progress-line').hidden = !isBusy();
  progress.max = items.length;
  progress.value = finished;
  byId('progress-said').textContent = `${finished} of ${items.length} looked at`;
}

/** @param {boolean} isOn */
function loading(isOn) {
  byId('progress-line').hidden = !isOn;
  byId('progress-said').textContent = LOADING;
  progress.removeAttribute('value');
}

/** @param {Engine} of */
function about({ info }) {
  byId('second').hidden = !info.secondCard;
  byId('figures').textContent = words.measured(info.card, info.operatingPoint);
  const both = info.secondCard && words.measured(info.secondCard, info.operatingPoint);
  byId('second-figures').textContent = both && `With a second opinion, ${both[0].toLowerCase()}${both.slice(1)}`;
  byId('limits').replaceChildren(
    ...words.LIMITS.map((text) => Object.assign(document.createElement('li'), { textContent: text })),
  );
  byId('experts').textContent =
    `Model ${info.model} (sha256 ${info.modelSha256.slice(0, 12)}…, ${info.variant}) on ${info.provider}, ` +
    `rule ${info.operatingPoint}. Test: ${info.card.test?.set ?? 'none'}.` +
    (info.secondModel ? ` With a second opinion: ${info.secondModel}.` : '');
}

/** @param {string} text to a screen reader */
function say(text) {
  byId('said').textContent = text;
}
