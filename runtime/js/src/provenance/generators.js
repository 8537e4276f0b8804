/** The traces that programs leave in texts and EXIF. Each is recognised by its structure, not by a name. */
import { Tiff, isTiff } from '../tiff.js';
import { latin1, withoutEnd } from './bytes.js';

const MAX_TEXT = 4 << 20; // characters
const MAX_EXIF = 4 << 20; // bytes

const [DESCRIPTION, MAKE, MODEL, EXPOSURE_TIME, F_NUMBER, EXIF, ISO, COMMENT] = [
  270, 271, 272, 33434, 33437, 34665, 34855, 37510,
];
const [ASCII, BYTES] = [2, [1, 7]]; // types of an entry
const KINDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16];

/** "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, …", the line that AUTOMATIC1111's page and its kin write */
const WEB_UI = /(?:^|\n)Steps: \d{1,5}, (?=[^\n]{0,2000}\b(?:Sampler|CFG scale|Seed|Model): )/;

/** InvokeAI's first form: the prompt and its options as on a command line */
const DREAM = /^"[^]{0,4000}" -s ?\d+ -S ?\d+ -W ?\d+ -H ?\d+/;

/** @typedef {Record<string, unknown>} Settings a JSON object */

/** @param {Map<string, string>} texts of a PNG, by keyword @returns {string | null} the program that wrote them */
export function inTexts(texts) {
  const text = (/** @type {string} */ key) => texts.get(key) ?? '';
  const found = inText(text('parameters'));
  if (found) return found;
  if (isComfyPrompt(json(text('prompt'))) || isComfyWorkflow(json(text('workflow')))) return 'a ComfyUI workflow';
  if (['invokeai_metadata', 'sd-metadata'].some((key) => Object.keys(json(text(key))).length)) return 'InvokeAI metadata';
  if (DREAM.test(text('Dream'))) return 'InvokeAI metadata';
  const settings = json(text('Comment'));
  const isNovel = text('Software') === 'NovelAI' && ['steps', 'sampler'].every((key) => Object.hasOwn(settings, key));
  return isNovel ? 'NovelAI settings' : null;
}

/** @param {string} text @returns {string | null} the program whose settings it holds */
function inText(text) {
  if (WEB_UI.test(text.slice(0, MAX_TEXT))) return 'the settings of a Stable Diffusion web UI';
  const settings = json(text);
  const has = (/** @type {string} */ key) => Object.hasOwn(settings, key);
  if (has('sui_image_params')) return 'SwarmUI settings';
  if (isComfyPrompt(settings) || isComfyWorkflow(settings)) return 'a ComfyUI workflow';
  const isOther = has('prompt') && ['seed', 'steps', 'sampler', 'base_model'].some(has);
  return isOther ? 'the settings of an image generator' : null;
}

/**
 * @param {Uint8Array} block of EXIF
 * @returns {{program: string | null, camera: string | null}} what it tells of
 */
export function inExif(block) {
  if (!isTiff(block)) return { program: null, camera: null };
  const tags = tagsOf(block);
  const [make, model, description] = [MAKE, MODEL, DESCRIPTION].map((tag) => plain(tags.get(tag)));
  for (const text of [make, model, description]) {
    const colon = text.indexOf(':'); // ComfyUI's own WebP: Make is "workflow:{…}", Model "prompt:{…}"
    if (!['workflow', 'prompt'].includes(text.slice(0, Math.max(0, colon)).toLowerCase())) continue;
    const program = inText(text.slice(colon + 1));
    if (program) return { program, camera: null };
  }
  const program = comments(tags.get(COMMENT)).map(inText).find(Boolean) ?? null;
  const isTaken = [EXPOSURE_TIME, F_NUMBER, ISO].some((tag) => tags.has(tag));
  return { program, camera: make && model && isTaken ? `${make} ${model}`.slice(0, 100) : null };
}

/** @typedef {import('../tiff.js').Entry} Entry */

/** @param {Uint8Array} block @returns {Map<number, Entry>} of the first directory, and of EXIF's own */
function tagsOf(block) {
  const file = new Tiff(block);
  const first = whole(file.entries(file.first()));
  const pointer = first.get(EXIF);
  const [at] = pointer ? file.numbers(pointer) : [];
  return at === undefined ? first : new Map([...first, ...whole(file.entries(at))]);
}

/** @param {Map<number, Entry>} entries @returns {Map<number, Entry>} those of a known type before the first that is cut off */
function whole(entries) {
  const found = new Map();
  for (const [tag, entry] of entries) {
    if (entry.bytes.length < entry.size) break;
    if (entry.size && KINDS.includes(entry.kind)) found.set(tag, entry);
  }
  return found;
}

/** @param {Entry | undefined} entry @returns {string} "" where it is no text */
function plain(entry) {
  if (entry?.kind !== ASCII) return '';
  return withoutEnd(latin1(entry.bytes.subarray(0, MAX_TEXT)), '\0 ').replace(/^[\0 ]+/, '');
}

/**
 * @param {Entry | undefined} entry EXIF's UserComment: eight bytes name its encoding, and nobody keeps to the byte order
 * @returns {string[]} what it may say
 */
function comments(entry) {
  if (!entry || entry.size > MAX_EXIF) return [];
  if (entry.kind === ASCII) return [latin1(entry.bytes).replace(/\0$/, '')];
  if (!BYTES.includes(entry.kind)) return [];
  const orders = latin1(entry.bytes.subarray(0, 8)) === 'UNICODE\0' ? ['utf-16be', 'utf-16le', 'utf-8'] : ['utf-8'];
  return orders.map((order) => new TextDecoder(order, { ignoreBOM: true }).decode(entry.bytes.subarray(8)));
}

/** @param {string} text @returns {Settings} empty where it is no JSON object */
function json(text) {
  if (!text.slice(0, 2000).trimStart().startsWith('{') || text.length > MAX_TEXT) return {};
  for (const words of [() => text, () => withoutNaN(text)]) {
    try {
      return JSON.parse(words());
    } catch {
      // not yet, or no JSON
    }
  }
  return {};
}

/** @param {string} text JSON as Python writes it @returns {string} with null for NaN and Infinity, outside of strings */
function withoutNaN(text) {
  const parts = text.split('"');
  let isInside = false;
  for (let i = 0; i < parts.length; i++) {
    if (!isInside) parts[i] = parts[i].replace(/-?\bInfinity\b|\bNaN\b/g, 'null');
    const slashes = parts[i].length - withoutEnd(parts[i], '\\').length;
    if (!isInside || slashes % 2 === 0) isInside = !isInside;
  }
  return parts.join('"');
}

/** @param {unknown} value @param {string[]} keys @returns {boolean} whether it is an object that has them */
function hasAll(value, keys) {
  return typeof value === 'object' && value !== null && keys.every((key) => Object.hasOwn(value, key));
}

/** @param {Settings} value */
function isComfyPrompt(value) {
  return Object.values(value).some((node) => hasAll(node, ['class_type', 'inputs']));
}

/** @param {Settings} value */
function isComfyWorkflow(value) {
  return Array.isArray(value.nodes) && Array.isArray(value.links);
}
