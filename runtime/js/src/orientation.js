/** EXIF's orientation where a browser does not apply it: that of WebP. No browser has to, so it is taken out of the file. */
import { begins } from './formats.js';
import { orientationOf } from './tiff.js';

/** @typedef {import('./decode.js').RawImage} RawImage */

const HAS_EXIF = 0x08; // bit of VP8X's flags (RFC 9649, section 2.7)

/**
 * @param {Uint8Array<ArrayBuffer>} bytes of a WebP file
 * @returns {{bytes: Uint8Array<ArrayBuffer>, orientation: number}} the file without its EXIF block, and what that said,
 *   1 to 8
 */
export function withoutExif(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!begins(bytes, 'VP8X', 12) || !(bytes[20] & HAS_EXIF)) return { bytes, orientation: 1 };
  for (let at = 12; at + 8 <= bytes.length; at += 8 + view.getUint32(at + 4, true) + (view.getUint32(at + 4, true) & 1)) {
    if (!begins(bytes, 'EXIF', at)) continue;
    const block = bytes.subarray(at + 8, at + 8 + view.getUint32(at + 4, true));
    const fit = bytes.slice();
    fit[20] &= ~HAS_EXIF;
    fit.fill(0x58, at, at + 4); // "XXXX": decoders pass over chunks that they do not know
    return { bytes: fit, orientation: orientationOf(begins(block, 'Exif\0\0') ? block.subarray(6) : block) };
  }
  return { bytes, orientation: 1 };
}

/**
 * @param {RawImage} image RGB
 * @param {number} orientation EXIF's, 1 to 8
 * @returns {RawImage} upright
 */
export function turned(image, orientation) {
  if (orientation === 1) return image;
  const { data, width: w, height: h } = image;
  const [width, height] = orientation > 4 ? [h, w] : [w, h];
  const result = new Uint8Array(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // Where the upright picture's (x, y) is stored: 2 to 4 mirror or turn by 180 degrees, 5 to 8 swap the sides too.
      const [across, down] = orientation > 4 ? [y, x] : [x, y];
      const column = [2, 3, 7, 8].includes(orientation) ? w - 1 - across : across;
      const row = [3, 4, 6, 7].includes(orientation) ? h - 1 - down : down;
      const from = (row * w + column) * 3;
      result[to++] = data[from];
      result[to++] = data[from + 1];
      result[to++] = data[from + 2];
    }
  }
  return { data: result, width, height };
}
