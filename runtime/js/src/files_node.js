/** Files, in Node. */
import { readFile, stat } from 'node:fs/promises';
import { MAX_BYTES, tooManyBytes } from './decode.js';
import { ImageError, ModelError } from './errors.js';

/** @type {Readonly<Record<string, string>>} */
const REASONS = {
  ENOENT: 'no such file; check the path',
  EISDIR: 'is a folder, not a picture',
  EACCES: 'no permission to read it',
};

/**
 * @param {string} path of a picture
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 * @throws {ImageError} it cannot be read, or has more than MAX_BYTES
 */
export async function readPicture(path) {
  try {
    const state = await stat(path);
    if (state.size > MAX_BYTES) throw new ImageError(tooManyBytes());
    if (!state.isFile() && !state.isDirectory()) throw new ImageError('is a device or a pipe, not a file');
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    throw new ImageError(REASONS[code ?? ''] ?? `cannot be read (${message})`);
  }
}

/**
 * @param {URL} url of a file of the model
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function readModelFile(url) {
  try {
    return new Uint8Array(await readFile(url));
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    throw new ModelError(`${url.pathname}: cannot be read (${code}); reinstall fauxto, or pass another model`);
  }
}
