/** Decoding in a browser, in a page or a worker: the browser's own decoder, never a canvas that scales. */
import { MAX_PIXELS, tooLarge } from './decode.js';
import { EngineError, ImageError } from './errors.js';
import { claimedSize, isCut } from './header.js';
import { turned, withoutExif } from './orientation.js';

/** @typedef {import('./decode.js').RawImage} RawImage */

/** Pixels that are read from a canvas at once. */
const BAND = 1 << 20;

const MIME = {
  JPEG: 'image/jpeg',
  PNG: 'image/png',
  WEBP: 'image/webp',
  GIF: 'image/gif',
  BMP: 'image/bmp',
  TIFF: 'image/tiff',
  AVIF: 'image/avif',
  HEIF: 'image/heic',
};

/** Formats that only some browsers decode. */
const RARE = ['TIFF', 'AVIF', 'HEIF'];

/** @type {Promise<void> | undefined} */
let checked;

/** @type {import('./decode.js').Decoder} */
export async function decode(bytes, format) {
  checked ??= check();
  await checked;
  const [width, height] = claimedSize(bytes, format) ?? [0, 0];
  if (width * height > MAX_PIXELS) throw tooLarge();
  if (isCut(bytes, format)) throw new ImageError('damaged or truncated picture (the file ends too early)');
  const fit = format === 'WEBP' ? withoutExif(bytes) : { bytes, orientation: 1 };
  const bitmap = await bitmapOf(fit.bytes, format);
  try {
    if (bitmap.width * bitmap.height > MAX_PIXELS) throw tooLarge();
    return turned({ data: pixelsOf(bitmap), width: bitmap.width, height: bitmap.height }, fit.orientation);
  } finally {
    bitmap.close();
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes @param {keyof typeof MIME} format @returns {Promise<ImageBitmap>} */
async function bitmapOf(bytes, format) {
  try {
    return await createImageBitmap(new Blob([bytes], { type: MIME[format] }), {
      imageOrientation: 'from-image',
      colorSpaceConversion: 'default',
      premultiplyAlpha: 'none',
    });
  } catch (error) {
    const name = format === 'HEIF' ? 'HEIC' : format;
    if (RARE.includes(format)) {
      throw new ImageError(`damaged, or this browser does not read ${name} pictures; export it as JPEG or PNG first`);
    }
    throw new ImageError('damaged picture (the browser cannot decode it)');
  }
}

/** @param {ImageBitmap} bitmap @returns {Uint8Array} (H, W, 3) RGB, laid over white */
function pixelsOf(bitmap) {
  const { width, height } = bitmap;
  const rows = Math.min(height, Math.max(1, Math.floor(BAND / width)));
  // Read from memory: a canvas on the graphics card rounds as that card does.
  const context = new OffscreenCanvas(width, rows).getContext('2d', { willReadFrequently: true, colorSpace: 'srgb' });
  if (!context) throw new ImageError('not enough memory to decode it');
  const result = new Uint8Array(width * height * 3);
  context.fillStyle = 'white';
  let to = 0;
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top);
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, -top);
    const { data } = context.getImageData(0, 0, width, count);
    for (let from = 0; from < data.length; from += 4) {
      result[to++] = data[from];
      result[to++] = data[from + 1];
      result[to++] = data[from + 2];
    }
  }
  return result;
}

/**
 * Some browsers change the pixels that a page reads, so that nobody is known again by them. What the model would then
 * see is not the picture. Raises EngineError in such a browser.
 */
async function check() {
  const side = 16;
  const bytes = bmp(side);
  const bitmap = await bitmapOf(bytes, 'BMP');
  const found = pixelsOf(bitmap);
  const rows = bytes.subarray(54);
  for (let i = 0; i < found.length; i += 3) {
    const x = (i / 3) % side;
    const y = Math.floor(i / 3 / side);
    const from = ((side - 1 - y) * side + x) * 3; // from the last row on, in the order blue, green, red
    if ([0, 1, 2].some((channel) => Math.abs(found[i + channel] - rows[from + 2 - channel]) > 1)) {
      throw new EngineError(
        'this browser changes the pixels that a page reads (a protection against fingerprinting); ' +
          'allow this page to read canvas data, or use another browser',
      );
    }
  }
}

/** @param {number} side px, a multiple of 4 @returns {Uint8Array<ArrayBuffer>} a BMP file with a known pattern */
function bmp(side) {
  const bytes = new Uint8Array(54 + side * side * 3);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, side, true);
  view.setInt32(22, side, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let i = 54; i < bytes.length; i++) bytes[i] = (i * 37) % 251;
  return bytes;
}
