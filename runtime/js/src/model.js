/** A model is a folder with its card, on a disk or on a web server. Its files are checked before they are used. */
import { CARD_FILE, parse } from './card.js';
import { IN_NODE } from './decode.js';
import { ModelError } from './errors.js';
import { sha256 } from './sha256.js';

/** The released model, which comes with the package. */
const RELEASED = new URL('../model/', import.meta.url);

/**
 * @typedef {object} Model
 * @property {URL} folder
 * @property {import('./card.js').Card} card
 */

/**
 * Open the model in a folder.
 *
 * @param {string | URL | null} [where] a URL, relative to the page, or a path in Node; default: the released model
 * @returns {Promise<Model>}
 * @throws {ModelError} there is none, or its card is damaged or of another schema
 */
export async function openModel(where) {
  const folder = where == null ? RELEASED : await folderUrl(where);
  const card = new URL(CARD_FILE, folder);
  const text = new TextDecoder().decode(await read(card));
  return { folder, card: parse(text, card.href) };
}

/**
 * The bytes of one of a model's files, whose sha256 must be the card's.
 *
 * @param {Model} model
 * @param {string} name
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function modelFile(model, name) {
  const url = new URL(name, model.folder);
  const expected = model.card.files[name];
  if (!expected) throw new ModelError(`${url.href}: the card has no sha256 of it; export the model again`);
  return readChecked(url, expected);
}

/**
 * @param {URL} url
 * @param {string} expected sha256, in hexadecimal
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 * @throws {ModelError} the file is missing, damaged, or another one
 */
export async function readChecked(url, expected) {
  const bytes = await read(url);
  if ((await sha256(bytes)) !== expected) {
    throw new ModelError(`${url.href}: its sha256 is not the expected one, the file is damaged or changed`);
  }
  return bytes;
}

/** @param {URL} url @returns {Promise<Uint8Array<ArrayBuffer>>} */
async function read(url) {
  if (IN_NODE && url.protocol === 'file:') return (await import('./files_node.js')).readModelFile(url);
  let answer;
  try {
    answer = await fetch(url);
  } catch (error) {
    throw new ModelError(`${url.href}: cannot be fetched (${/** @type {Error} */ (error).message})`);
  }
  if (!answer.ok) throw new ModelError(`${url.href}: the server answers ${answer.status} ${answer.statusText}`.trim());
  return new Uint8Array(await answer.arrayBuffer());
}

/** @param {string | URL} where @returns {Promise<URL>} ends with "/" */
async function folderUrl(where) {
  let url;
  if (where instanceof URL) url = new URL(where);
  else if (IN_NODE) url = (await import('node:url')).pathToFileURL(where);
  else url = new URL(where, globalThis.location.href);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}
