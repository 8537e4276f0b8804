/**
 * Any input -> one upright sRGB image. The platform decodes, a browser or sharp; what is read and what is refused is
 * the same as in the Python runtime.
 */
import { ImageError } from './errors.js';
import { formatOf, refusal } from './formats.js';

/** @typedef {import('./resize.js').Pixels} Pixels */

/**
 * @typedef {object} RawImage upright sRGB pixels, (height, width, 3) RGB or (height, width, 4) RGBA
 * @property {Uint8Array | Uint8ClampedArray} data
 * @property {number} width px
 * @property {number} height px
 */

/** @typedef {Blob | ArrayBuffer | Uint8Array | ImageData | RawImage | string} Source a string is a path, in Node */

/** @typedef {(bytes: Uint8Array<ArrayBuffer>, format: import('./formats.js').Format) => Promise<RawImage>} Decoder */

/** Largest image that is decoded. A header that claims more is refused before any pixel is read. */
export const MAX_PIXELS = 178_000_000;

/** Largest file that is read, bytes. */
export const MAX_BYTES = 2 ** 30;

export const IN_NODE = typeof process === 'object' && Boolean(process.versions?.node);

/**
 * Read an image of any accepted kind as sRGB, upright, transparency laid over white.
 *
 * @param {Source} source
 * @returns {Promise<Pixels>}
 * @throws {ImageError} it is missing, is no picture, is of a format that is not read, is damaged, or is too large
 */
export async function load(source) {
  if (isPixels(source)) return pixels(source);
  const bytes = await readBytes(source);
  const refused = refusal(bytes);
  if (refused) throw new ImageError(refused);
  const format = /** @type {import('./formats.js').Format} */ (formatOf(bytes));
  const decoder = await (IN_NODE ? import('./decode_node.js') : import('./decode_browser.js'));
  return pixels(await decoder.decode(bytes, format));
}

/** What is said of an image with more than MAX_PIXELS. */
export function tooLarge() {
  return new ImageError(`more than ${MAX_PIXELS / 1e6} megapixels; scale it down first`);
}

/**
 * @param {unknown} error what a decoder threw
 * @returns {ImageError}
 */
export function damaged(error) {
  const text = error instanceof Error ? error.message : String(error);
  const last = text.split('\n').filter((line) => /[a-z]/i.test(line)).at(-1) ?? text; // what led to it comes before
  return new ImageError(`damaged or truncated picture (${last.trim()})`);
}

/** @param {Source} source @returns {source is RawImage | ImageData} whether it is pixels, not a file */
export function isPixels(source) {
  return typeof source === 'object' && source !== null && 'data' in source && 'width' in source;
}

/** @param {Exclude<Source, RawImage>} source @returns {Promise<Uint8Array<ArrayBuffer>>} a file's content */
export async function readBytes(source) {
  if (typeof source === 'string') {
    if (!IN_NODE) throw new ImageError('a string is no picture; pass a Blob, bytes, or ImageData');
    return (await import('./files_node.js')).readPicture(source);
  }
  if (source instanceof Blob) {
    if (source.size > MAX_BYTES) throw new ImageError(tooManyBytes());
    try {
      return new Uint8Array(await source.arrayBuffer());
    } catch (error) {
      throw new ImageError(`cannot be read (${/** @type {Error} */ (error).message})`);
    }
  }
  const isBytes = source instanceof ArrayBuffer || ArrayBuffer.isView(source);
  if (!isBytes) throw new ImageError('no picture; pass a Blob, bytes, ImageData, or {data, width, height}');
  if (source.byteLength > MAX_BYTES) throw new ImageError(tooManyBytes());
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  return new Uint8Array(/** @type {ArrayBuffer} */ (source.buffer), source.byteOffset, source.byteLength);
}

/** What is said of a file with more than MAX_BYTES. */
export function tooManyBytes() {
  return `more than ${MAX_BYTES / 2 ** 20} MiB; scale the picture down first`;
}

/** @param {RawImage | ImageData} image @returns {Pixels} without any transparency */
function pixels(image) {
  const { data, width, height } = image;
  const isWhole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  const channels = isWhole ? data.length / (width * height) : 0;
  const isBytes = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  if (!isBytes || (channels !== 3 && channels !== 4)) {
    throw new ImageError(`data must be width * height * 3 or 4 bytes, not ${data?.length} for ${width} x ${height}`);
  }
  if ('colorSpace' in image && image.colorSpace !== 'srgb') {
    throw new ImageError(`ImageData must be in sRGB, not ${image.colorSpace}; ask for it with {colorSpace: 'srgb'}`);
  }
  if (width * height > MAX_PIXELS) throw tooLarge();
  const known = { data, width, height, channels: /** @type {3 | 4} */ (channels) };
  return channels === 4 ? overWhite(known) : known;
}

/** @param {Pixels} image RGBA @returns {Pixels} laid over white, rounded as Pillow's alpha_composite does */
export function overWhite(image) {
  const { data, width, height } = image;
  let opaque = 3;
  while (opaque < data.length && data[opaque] === 255) opaque += 4;
  if (opaque >= data.length) return image;
  const flat = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const alpha = data[from + 3];
    for (let channel = 0; channel < 3; channel++) {
      const sum = (data[from + channel] * alpha + 255 * (255 - alpha)) * 128 + (0x80 << 7);
      flat[to++] = ((sum >> 8) + sum) >> 15;
    }
  }
  return { data: flat, width, height, channels: 3 };
}
