/**
 * C2PA manifests as they state themselves: who made the claim, what was done, and from what kind of source.
 *
 * Nothing here checks a signature. Anyone can write such a manifest.
 */
import { boxes } from './boxes.js';
import { decode } from './cbor.js';
import { lastPart } from './xmp.js';

const MAX_DEPTH = 16;

/**
 * @typedef {object} Manifest
 * @property {string} generator of its claim
 * @property {string[]} actions
 * @property {string[]} sourceTypes of the actions: digital source types, the last part of the URI
 */

/** @param {Uint8Array} store @returns {Manifest[]} the active one last; none where it is no store */
export function manifests(store) {
  const found = [];
  for (const [kind, content] of boxes(store)) {
    const { label, children } = kind === 'jumb' ? superbox(content) : NOTHING;
    if (label !== 'c2pa') continue;
    for (const [inner, child] of children) if (inner === 'jumb') found.push(manifest(child));
  }
  return found;
}

/** @type {{label: string, children: [string, Uint8Array][]}} */
const NOTHING = { label: '', children: [] };

/** @param {Uint8Array} content whose description box is: type (16), toggles (1), label */
function superbox(content) {
  const [first, ...children] = boxes(content);
  if (first?.[0] !== 'jumd') return NOTHING;
  const description = first[1];
  const hasLabel = description.length > 17 && description[16] & 2;
  const label = hasLabel ? new TextDecoder().decode(description.subarray(17)).split('\0', 1)[0] : '';
  return { label, children };
}

/** @param {Uint8Array} content @returns {Manifest} */
function manifest(content) {
  let generator = '';
  const actions = new Set();
  const sourceTypes = new Set();
  for (const [label, value] of values(content, 0)) {
    if (label === 'c2pa.claim' || label === 'c2pa.claim.v2') generator = generatorOf(value) || generator;
    if (!label.startsWith('c2pa.actions')) continue;
    for (const action of list(value, 'actions')) {
      actions.add(text(action, 'action'));
      sourceTypes.add(lastPart(text(action, 'digitalSourceType')));
    }
  }
  return { generator, actions: [...actions].filter(Boolean), sourceTypes: [...sourceTypes].filter(Boolean) };
}

/**
 * @param {Uint8Array} content
 * @param {number} depth
 * @returns {Generator<[label: string, value: unknown], void>} every labelled CBOR box below a manifest
 */
function* values(content, depth) {
  const { label, children } = superbox(content);
  for (const [kind, child] of children) {
    if (kind === 'jumb' && depth < MAX_DEPTH) yield* values(child, depth + 1);
    if (kind !== 'cbor') continue;
    try {
      yield [label, decode(child)];
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
}

/** @param {unknown} claim */
function generatorOf(claim) {
  const single = claim instanceof Map ? claim.get('claim_generator_info') : null;
  const several = list(claim, 'claim_generator_info');
  const names = (several.length ? several : [single]).map((entry) =>
    [text(entry, 'name'), text(entry, 'version')].filter(Boolean).join(' '),
  );
  return names.find(Boolean) ?? text(claim, 'claim_generator');
}

/** @param {unknown} value @param {string} key @returns {string} */
function text(value, key) {
  const word = value instanceof Map ? value.get(key) : null;
  return typeof word === 'string' ? word.slice(0, 200) : '';
}

/** @param {unknown} value @param {string} key @returns {unknown[]} */
function list(value, key) {
  const entries = value instanceof Map ? value.get(key) : null;
  return Array.isArray(entries) ? entries : [];
}
