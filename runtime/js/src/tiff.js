/** TIFF's directories, as far as must be known: EXIF's orientation, and whether a file is a raw camera file. */

const SUBFILE_TYPE = 254;
const PHOTOMETRIC = 262;
const ORIENTATION = 274;
const SUB_DIRECTORIES = 330;
const DNG_VERSION = 50706;
const REDUCED = 1; // bit of SUBFILE_TYPE: the image is a small copy of another one in the file
const SENSOR = [32803, 34892]; // of PHOTOMETRIC: a colour filter array, linear raw

const MAX_ENTRIES = 4096;
const MAX_SUB_DIRECTORIES = 16;

/** @typedef {Map<number, number[]>} Directory tag -> its first whole numbers, if those are what it has */

/** @param {Uint8Array} bytes @returns {boolean} whether a file begins as TIFF or BigTIFF does */
export function isTiff(bytes) {
  const [a, b, c, d] = bytes;
  return (a === 0x49 && b === 0x49 && (c === 42 || c === 43) && d === 0) ||
    (a === 0x4d && b === 0x4d && c === 0 && (d === 42 || d === 43));
}

/** @param {Uint8Array} bytes of a TIFF file @returns {boolean} whether it is a raw one (DNG, NEF, CR2, ARW ...) */
export function isRaw(bytes) {
  if (bytes[8] === 0x43 && bytes[9] === 0x52) return true; // "CR": Canon's CR2 says so behind the header
  const reader = new Reader(bytes);
  const first = reader.directory(reader.first());
  const others = (first.get(SUB_DIRECTORIES) ?? []).map((offset) => reader.directory(offset));
  return (
    first.has(DNG_VERSION) ||
    ((first.get(SUBFILE_TYPE)?.[0] ?? 0) & REDUCED) !== 0 ||
    [first, ...others].some((part) => SENSOR.includes(part.get(PHOTOMETRIC)?.[0] ?? 0))
  );
}

/** @param {Uint8Array} block of EXIF @returns {number} its orientation, 1 to 8; 1 where it says nothing valid */
export function orientationOf(block) {
  if (!isTiff(block)) return 1;
  const reader = new Reader(block);
  const number = reader.directory(reader.first()).get(ORIENTATION)?.[0] ?? 1;
  return number >= 1 && number <= 8 ? number : 1;
}

class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.little = bytes[0] === 0x49;
    this.big = bytes[2] === 43 || bytes[3] === 43;
  }

  /** @returns {number} where the first directory lies; past the end where that is cut off */
  first() {
    const at = this.big ? 8 : 4;
    return at * 2 > this.view.byteLength ? this.view.byteLength : this.number(at, at);
  }

  /** @param {number} offset @returns {Directory} as much of it as can be read */
  directory(offset) {
    /** @type {Directory} */
    const found = new Map();
    try {
      const count = this.number(offset, this.big ? 8 : 2);
      let at = offset + (this.big ? 8 : 2);
      for (let i = 0; i < Math.min(count, MAX_ENTRIES); i++, at += this.big ? 20 : 12) {
        const tag = this.number(at, 2);
        if (!found.has(tag)) found.set(tag, this.values(at));
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // RangeError: it points out of the file
    }
    return found;
  }

  /** @param {number} entry where it lies @returns {number[]} */
  values(entry) {
    const size = { 1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 }[this.number(entry + 2, 2)];
    if (!size) return [];
    const count = this.number(entry + 4, this.big ? 8 : 4);
    const field = entry + (this.big ? 12 : 8);
    const inline = size * count <= (this.big ? 8 : 4);
    const from = inline ? field : this.number(field, this.big ? 8 : 4);
    if (from >= this.view.byteLength) return [];
    const few = Math.min(count, MAX_SUB_DIRECTORIES, Math.floor((this.view.byteLength - from) / size));
    return Array.from({ length: few }, (_, i) => this.number(from + i * size, size));
  }

  /** @param {number} at @param {number} size bytes @returns {number} */
  number(at, size) {
    if (size === 8) return Number(this.view.getBigUint64(at, this.little));
    if (size === 4) return this.view.getUint32(at, this.little);
    return size === 2 ? this.view.getUint16(at, this.little) : this.view.getUint8(at);
  }
}
