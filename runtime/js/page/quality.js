/** JPEG: how strongly a file was compressed. */

/** The mean of the standard's luminance table (ITU T.81, K.1). */
const STANDARD = 57.625;

/**
 * The quality that a JPEG file was last saved with, judged by its luminance table, as the Python runtime does it: the
 * inverse of the Independent JPEG Group's scaling of the standard's table. Encoders with tables of their own get the
 * nearest one. Below 20 the table saturates, and the estimate is too high.
 *
 * @param {Uint8Array} bytes of a file
 * @returns {number | null} 1..100; null for what is no JPEG, or has no such table
 */
export function jpegQuality(bytes) {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  /** @type {number | null} */
  let mean = null;
  for (const [marker, from, to] of segments(bytes)) {
    if (marker !== 0xdb) continue;
    for (let at = from; at < to; ) {
      const wide = bytes[at] >> 4 ? 2 : 1;
      const end = at + 1 + 64 * wide;
      if (end > to) break;
      if ((bytes[at] & 15) === 0) mean = meanOf(bytes, at + 1, wide);
      at = end;
    }
  }
  if (mean === null) return null;
  const scale = (100 * mean) / STANDARD;
  const quality = scale <= 100 ? (200 - scale) / 2 : 5000 / scale;
  return Math.round(Math.min(100, Math.max(1, quality)));
}

/**
 * @param {Uint8Array} bytes
 * @returns {Generator<[marker: number, from: number, to: number]>} what comes before the first scan
 */
function* segments(bytes) {
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return;
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at += 1; // a fill byte
      continue;
    }
    if (marker === 0xda || marker === 0xd9) return;
    const end = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
    if (end < at + 4 || end > bytes.length) return;
    yield [marker, at + 4, end];
    at = end;
  }
}

/** @param {Uint8Array} bytes @param {number} from @param {number} wide bytes of a number @returns {number} of 64 */
function meanOf(bytes, from, wide) {
  let sum = 0;
  for (let i = 0; i < 64; i++) {
    const at = from + i * wide;
    sum += wide === 2 ? (bytes[at] << 8) | bytes[at + 1] : bytes[at];
  }
  return sum / 64;
}
