/** What a file says of itself before it is decoded: how large its picture is, and whether its end is missing. */
import { begins, latin } from './formats.js';

/** @typedef {import('./formats.js').Format} Format */
/** @typedef {[width: number, height: number]} Size px */

/**
 * The size that a file's header claims, before orientation.
 *
 * @param {Uint8Array} bytes
 * @param {Format} format
 * @returns {Size | null} null where that is not known: of TIFF and HEIF, and of a damaged header
 */
export function claimedSize(bytes, format) {
  const view = viewOf(bytes);
  try {
    switch (format) {
      case 'JPEG':
        return jpeg(view).size;
      case 'PNG':
        return [view.getUint32(16), view.getUint32(20)];
      case 'GIF':
        return [view.getUint16(6, true), view.getUint16(8, true)];
      case 'BMP':
        return bmp(view);
      case 'WEBP':
        return webp(bytes, view);
      case 'AVIF':
        return avif(bytes, view);
      default:
        return null;
    }
  } catch (error) {
    if (error instanceof RangeError) return null; // it points out of the file
    throw error;
  }
}

/**
 * Whether a file ends before its picture does. A browser may show the rest of such a picture as grey.
 *
 * @param {Uint8Array} bytes
 * @param {Format} format
 */
export function isCut(bytes, format) {
  const view = viewOf(bytes);
  try {
    if (format === 'JPEG') return !jpeg(view).ends;
    if (format === 'PNG') return !pngEnds(bytes, view);
    if (format === 'WEBP') return view.getUint32(4, true) + 8 > bytes.length;
    if (format === 'GIF') return !gifEnds(view);
    if (format === 'BMP') return bmpEnd(view) > bytes.length;
    return format === 'AVIF' && !boxesEnd(view);
  } catch (error) {
    if (error instanceof RangeError) return true;
    throw error;
  }
}

/** @param {Uint8Array} bytes */
function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * @param {DataView} view
 * @returns {{size: Size | null, ends: boolean}} the frame's size, and whether an end of image follows its first scan
 */
function jpeg(view) {
  /** @type {Size | null} */
  let size = null;
  for (let at = 2; at + 4 <= view.byteLength; ) {
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff || marker === 0xff) {
      at += 1; // rubbish or a fill byte between segments
    } else if (marker === 0xda) {
      return { size, ends: hasEnd(view, at) };
    } else {
      const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
      if (isFrame && !size) size = [view.getUint16(at + 7), view.getUint16(at + 5)];
      at += 2 + (marker >= 0xd0 && marker <= 0xd8 ? 0 : view.getUint16(at + 2));
    }
  }
  return { size, ends: false };
}

/** @param {DataView} view @param {number} from @returns {boolean} whether JPEG's end-of-image marker follows */
function hasEnd(view, from) {
  for (let at = view.byteLength - 2; at > from; at--) {
    if (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xd9) return true;
  }
  return false;
}

/** @param {Uint8Array} bytes @param {DataView} view */
function pngEnds(bytes, view) {
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    if (begins(bytes, 'IEND', at + 4)) return true;
  }
  return false;
}

/** @param {DataView} view @returns {boolean} whether the first frame is whole */
function gifEnds(view) {
  let at = 13 + colours(view.getUint8(10));
  for (;;) {
    const kind = view.getUint8(at);
    if (kind === 0x3b) return false; // the end, without a frame
    at += kind === 0x2c ? 11 + colours(view.getUint8(at + 9)) : 2; // a frame's header, or an extension's
    for (let length = view.getUint8(at); length; length = view.getUint8(at)) at += 1 + length;
    if (kind === 0x2c) return true;
    at += 1;
  }
}

/** @param {number} flags of GIF @returns {number} bytes of the colour table that they announce */
function colours(flags) {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

/** @param {DataView} view @returns {Size} */
function bmp(view) {
  if (view.getUint32(14, true) === 12) return [view.getUint16(18, true), view.getUint16(20, true)];
  return [Math.abs(view.getInt32(18, true)), Math.abs(view.getInt32(22, true))];
}

/** @param {DataView} view @returns {number} bytes that its rows reach to; 0 where they are compressed */
function bmpEnd(view) {
  const isOld = view.getUint32(14, true) === 12;
  const bits = view.getUint16(isOld ? 24 : 28, true);
  const isPacked = !isOld && [1, 2].includes(view.getUint32(30, true));
  const [width, height] = bmp(view);
  return isPacked ? 0 : view.getUint32(10, true) + Math.ceil((width * bits) / 32) * 4 * height;
}

/** @param {Uint8Array} bytes @param {DataView} view @returns {Size} */
function webp(bytes, view) {
  const kind = latin(bytes, 12, 16);
  if (kind === 'VP8X') return [1 + (view.getUint32(24, true) & 0xffffff), 1 + (view.getUint32(26, true) >>> 8)];
  if (kind === 'VP8L') {
    const packed = view.getUint32(21, true);
    return [1 + (packed & 0x3fff), 1 + ((packed >>> 14) & 0x3fff)];
  }
  return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
}

/** @param {Uint8Array} bytes @param {DataView} view @returns {Size | null} the largest of its images */
function avif(bytes, view) {
  /** @type {Size | null} */
  let largest = null;
  for (let at = 4; at + 16 <= Math.min(bytes.length, 1 << 16); at++) {
    if (bytes[at] !== 0x69 || !begins(bytes, 'ispe', at)) continue;
    const size = /** @type {Size} */ ([view.getUint32(at + 8), view.getUint32(at + 12)]);
    if (!largest || size[0] * size[1] > largest[0] * largest[1]) largest = size;
  }
  return largest;
}

/** @param {DataView} view @returns {boolean} whether each of its outer boxes ends in the file */
function boxesEnd(view) {
  let at = 0;
  while (at + 8 <= view.byteLength) {
    const short = view.getUint32(at);
    if (short === 0) return true; // to the end of the file
    const size = short === 1 ? Number(view.getBigUint64(at + 8)) : short;
    if (size < 8) return false;
    at += size;
  }
  return at <= view.byteLength;
}
