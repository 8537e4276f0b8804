/** CBOR (RFC 8949), as far as manifests need it. Tags are dropped, big numbers and the like left as bytes. */

const MAX_DEPTH = 16;
const MAX_ITEMS = 4096;
const OPEN = 31; // the short count of what ends by a break
const BREAK = 0xff;

/**
 * @param {Uint8Array} data
 * @returns {unknown} its first value; maps are Maps
 * @throws {RangeError} it is damaged, too deep, or too long
 */
export function decode(data) {
  return new Reader(data).value(0);
}

class Reader {
  /** @param {Uint8Array} data */
  constructor(data) {
    this.data = data;
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.at = 0;
    this.left = MAX_ITEMS;
  }

  /** @param {number} depth @returns {unknown} */
  value(depth) {
    this.left -= 1;
    if (depth > MAX_DEPTH || this.left < 0) throw new RangeError('too deep or too long');
    const first = this.view.getUint8(this.at++);
    const major = first >> 5;
    const short = first & 31;
    if (major === 7) return this.simple(short);
    if (short === OPEN) return this.open(major, depth);
    const count = this.number(short);
    if (major === 0) return count;
    if (major === 1) return -1 - count;
    if (major === 2 || major === 3) return this.string(major, count);
    if (major === 6) return this.value(depth + 1);
    if (count > this.left) throw new RangeError('too long');
    if (major === 4) return Array.from({ length: count }, () => this.value(depth + 1));
    return new Map(Array.from({ length: count }, () => this.pair(depth)));
  }

  /** @param {number} short @returns {number} */
  number(short) {
    if (short < 24) return short;
    if (short > 27) throw new RangeError('a reserved length');
    const at = this.at;
    this.at += 2 ** (short - 24);
    if (short === 27) return Number(this.view.getBigUint64(at));
    return short === 24 ? this.view.getUint8(at) : short === 25 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  /** @param {number} major @param {number} count bytes @returns {string | Uint8Array} */
  string(major, count) {
    if (this.at + count > this.data.length) throw new RangeError('it ends early');
    const raw = this.data.subarray(this.at, this.at + count);
    this.at += count;
    return major === 3 ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(raw) : raw;
  }

  /** @param {number} depth @returns {[unknown, unknown]} */
  pair(depth) {
    return [this.value(depth + 1), this.value(depth + 1)];
  }

  /** @param {number} major @param {number} depth @returns {unknown} a string, array or map of open length */
  open(major, depth) {
    const values = [];
    while (this.view.getUint8(this.at) !== BREAK) values.push(major === 5 ? this.pair(depth) : this.value(depth + 1));
    this.at += 1;
    if (major === 5) return new Map(/** @type {[unknown, unknown][]} */ (values));
    if (major === 4) return values;
    if (major === 3 && values.every((value) => typeof value === 'string')) return values.join('');
    if (major === 2 && values.every((value) => value instanceof Uint8Array)) return null; // nobody asks for these bytes
    throw new RangeError('not a string, array or map of open length');
  }

  /** @param {number} short @returns {boolean | number | null} */
  simple(short) {
    const size = { 24: 1, 25: 2, 26: 4, 27: 8 }[short] ?? 0;
    if (this.at + size > this.data.length && size > 1) throw new RangeError('it ends early');
    this.at += size;
    if (short === 20 || short === 21) return short === 21;
    return size > 1 ? Number.NaN : null; // no claim is a floating-point number
  }
}
