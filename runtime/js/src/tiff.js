/** TIFF's directories, as far as must be known: EXIF's, and whether a file is a raw camera file. */

const SUBFILE_TYPE = 254;
const PHOTOMETRIC = 262;
const ORIENTATION = 274;
const SUB_DIRECTORIES = 330;
const DNG_VERSION = 50706;
const REDUCED = 1; // bit of SUBFILE_TYPE: the image is a small copy of another one in the file
const SENSOR = [32803, 34892]; // of PHOTOMETRIC: a colour filter array, linear raw

const MAX_ENTRIES = 4096;
const MAX_SUB_DIRECTORIES = 16;

/** Bytes of one value, by type (TIFF 6.0, section 2; BigTIFF's 16 to 18). */
const SIZES = [1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 1, 1, 8, 8, 8];
const WHOLE = [1, 3, 4, 13, 16, 18]; // types of whole numbers without a sign

/**
 * @typedef {object} Entry one entry of a directory
 * @property {number} kind type of its values
 * @property {number} size bytes that it says it has
 * @property {Uint8Array} bytes as many of them as there are
 */

/** @param {Uint8Array} bytes @returns {boolean} whether a file begins as TIFF or BigTIFF does */
export function isTiff(bytes) {
  const [a, b, c, d] = bytes;
  return (a === 0x49 && b === 0x49 && (c === 42 || c === 43) && d === 0) ||
    (a === 0x4d && b === 0x4d && c === 0 && (d === 42 || d === 43));
}

/** @param {Uint8Array} bytes of a TIFF file @returns {boolean} whether it is a raw one (DNG, NEF, CR2, ARW ...) */
export function isRaw(bytes) {
  if (bytes[8] === 0x43 && bytes[9] === 0x52) return true; // "CR": Canon's CR2 says so behind the header
  const file = new Tiff(bytes);
  const first = file.entries(file.first());
  const others = file.numbers(first.get(SUB_DIRECTORIES)).map((offset) => file.entries(offset));
  return (
    first.has(DNG_VERSION) ||
    ((file.numbers(first.get(SUBFILE_TYPE))[0] ?? 0) & REDUCED) !== 0 ||
    [first, ...others].some((part) => SENSOR.includes(file.numbers(part.get(PHOTOMETRIC))[0]))
  );
}

/** @param {Uint8Array} block of EXIF @returns {number} its orientation, 1 to 8; 1 where it says nothing valid */
export function orientationOf(block) {
  if (!isTiff(block)) return 1;
  const file = new Tiff(block);
  const number = file.numbers(file.entries(file.first()).get(ORIENTATION))[0] ?? 1;
  return number >= 1 && number <= 8 ? number : 1;
}

/** A TIFF structure. */
export class Tiff {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.little = bytes[0] === 0x49;
    this.big = bytes[2] === 43 || bytes[3] === 43;
  }

  /** @returns {number} where the first directory lies; past the end where that is cut off */
  first() {
    const at = this.big ? 8 : 4;
    return at * 2 > this.view.byteLength ? this.view.byteLength : this.number(at, at);
  }

  /** @param {number} offset of a directory @returns {Map<number, Entry>} as many of its entries as can be read, by tag */
  entries(offset) {
    /** @type {Map<number, Entry>} */
    const found = new Map();
    const [width, wide] = this.big ? [20, 8] : [12, 4];
    try {
      const count = this.number(offset, this.big ? 8 : 2);
      let at = offset + (this.big ? 8 : 2);
      for (let i = 0; i < Math.min(count, MAX_ENTRIES); i++, at += width) {
        const tag = this.number(at, 2);
        const kind = this.number(at + 2, 2);
        const size = this.number(at + 4, wide) * (SIZES[kind] ?? 1);
        const field = at + 4 + wide;
        const from = size <= wide ? field : this.number(field, wide);
        if (!found.has(tag)) found.set(tag, { kind, size, bytes: this.bytes.subarray(from, from + size) });
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // RangeError: it points out of the file
    }
    return found;
  }

  /** @param {Entry | undefined} entry @returns {number[]} its first whole numbers, if those are what it has */
  numbers(entry) {
    if (!entry || !WHOLE.includes(entry.kind)) return [];
    const size = SIZES[entry.kind];
    const from = entry.bytes.byteOffset - this.bytes.byteOffset;
    const few = Math.min(MAX_SUB_DIRECTORIES, Math.floor(entry.bytes.length / size));
    return Array.from({ length: few }, (_, i) => this.number(from + i * size, size));
  }

  /** @param {number} at @param {number} size bytes @returns {number} */
  number(at, size) {
    if (size === 8) return Number(this.view.getBigUint64(at, this.little));
    if (size === 4) return this.view.getUint32(at, this.little);
    return size === 2 ? this.view.getUint16(at, this.little) : this.view.getUint8(at);
  }
}
