/** What the page itself makes of a picture's file: thumbnail, hash, JPEG quality, and copies for a case file. */
import { draw } from './heat.js';
import { jpegQuality } from './quality.js';
import { sha256 } from './src/sha256.js';

/** @typedef {{sha256: string, quality: number | null, bytes: number}} Details of a file; quality of a JPEG, 1..100 */

/** Side of a thumbnail, px: twice what is shown, for fine screens. */
const THUMBNAIL = 128;

/** Long side of the copy in a case file, px. */
const COPY = 1280;

/**
 * @param {Blob} blob
 * @returns {Promise<Details>}
 */
export async function details(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return { sha256: await sha256(bytes), quality: jpegQuality(bytes), bytes: bytes.length };
}

/**
 * @param {Blob} blob
 * @param {HTMLCanvasElement} canvas which shows the middle of the picture
 * @returns {Promise<boolean>} false where this browser cannot show it
 */
export async function thumbnail(blob, canvas) {
  const bitmap = await shown(blob, THUMBNAIL);
  if (!bitmap) return false;
  canvas.width = canvas.height = THUMBNAIL;
  const side = Math.min(bitmap.width, bitmap.height);
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  canvas.getContext('2d')?.drawImage(bitmap, left, top, side, side, 0, 0, THUMBNAIL, THUMBNAIL);
  bitmap.close();
  return true;
}

/**
 * @param {Blob} blob
 * @param {import('./heat.js').HeatMap} map
 * @param {{width: number, height: number}} size of the upright picture, px
 * @returns {Promise<{plain: string | null, heat: string}>} data: addresses, JPEG; plain is null for a picture that this
 *   browser cannot show, and its map is then laid over white
 */
export async function copies(blob, map, size) {
  const scale = Math.min(1, COPY / Math.max(size.width, size.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(size.width * scale));
  canvas.height = Math.max(1, Math.round(size.height * scale));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  const bitmap = await shown(blob);
  if (bitmap) context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap?.close();
  const plain = bitmap ? canvas.toDataURL('image/jpeg', 0.9) : null;
  draw(context, map);
  return { plain, heat: canvas.toDataURL('image/jpeg', 0.9) };
}

/**
 * @param {Blob} blob
 * @param {number} [width] px, to scale it to while it is decoded
 * @returns {Promise<ImageBitmap | null>} null where this browser cannot decode it
 */
async function shown(blob, width) {
  try {
    return await createImageBitmap(blob, width ? { resizeWidth: width, resizeQuality: 'medium' } : {});
  } catch {
    return null;
  }
}
