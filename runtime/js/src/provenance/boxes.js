/** Boxes of the ISO base media format, of which HEIC, AVIF and JUMBF are made. */
import { latin } from '../formats.js';

const MAX_BOXES = 4096;

/** Bytes of an item that are kept; a larger one is skipped. */
const MAX_ITEM = 4 << 20;

const NONE = new Uint8Array();

/**
 * @param {Uint8Array} data
 * @returns {Generator<[kind: string, content: Uint8Array], void>} the boxes up to the first that does not fit
 */
export function* boxes(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let i = 0, at = 0; i < MAX_BOXES && at + 8 <= data.length; i++) {
    let length = view.getUint32(at);
    let header = 8;
    if (length === 1) {
      if (at + 16 > data.length) return;
      length = Number(view.getBigUint64(at + 8));
      header = 16;
    } else if (length === 0) {
      length = data.length - at;
    }
    if (length < header || at + length > data.length) return;
    yield [latin(data, at + 4, at + 8), data.subarray(at + header, at + length)];
    at += length;
  }
}

/**
 * EXIF and XMP of HEIC and AVIF, which are items of the file (ISO 14496-12, 8.11; ISO 23008-12, annex A).
 *
 * @param {Uint8Array} data
 * @returns {{exif: Uint8Array, xmp: Uint8Array}} each empty where it is not there, or damaged
 */
export function items(data) {
  /** @type {{exif: Uint8Array, xmp: Uint8Array}} */
  const found = { exif: NONE, xmp: NONE };
  const meta = child(data, 'meta')?.subarray(4); // after version and flags
  const [names, places] = ['iinf', 'iloc'].map((kind) => meta && child(meta, kind));
  if (!names || !places) return found;
  try {
    const extents = locations(places);
    for (const [id, kind] of kinds(names)) {
      const [at, length] = extents.get(id) ?? [0, 0];
      const content = length <= MAX_ITEM ? data.subarray(at, at + length) : NONE;
      if (kind === 'Exif' && content.length > 4) found.exif = content.subarray(4 + new Fields(content).take(4));
      if (kind === 'mime application/rdf+xml') found.xmp = content;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // RangeError: it points out of the file
  }
  return found;
}

/** @param {Uint8Array} data @param {string} wanted @returns {Uint8Array | undefined} the content of the first such box */
function child(data, wanted) {
  for (const [kind, content] of boxes(data)) if (kind === wanted) return content;
  return undefined;
}

/** Numbers one after the other, big end first. */
class Fields {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  /** @param {number} size bytes: 0, 1, 2, 4 or 8 @returns {number} */
  take(size) {
    const at = this.at;
    this.at += size;
    if (size === 8) return Number(this.view.getBigUint64(at));
    if (size === 4) return this.view.getUint32(at);
    if (size === 2) return this.view.getUint16(at);
    return size ? this.view.getUint8(at) : 0;
  }
}

/** @param {Uint8Array} box iinf @returns {Map<number, string>} what kind each item is; of "mime", with its type */
function kinds(box) {
  const found = new Map();
  for (const [kind, entry] of boxes(box.subarray(box[0] === 0 ? 6 : 8))) {
    if (kind !== 'infe' || entry[0] < 2) continue;
    const fields = new Fields(entry);
    fields.at = 4;
    const id = fields.take(entry[0] === 2 ? 2 : 4);
    const from = fields.at + 2;
    const [, type = ''] = latin(entry, from + 4, Math.min(entry.length, from + 300)).split('\0'); // after its name
    const named = latin(entry, from, from + 4);
    found.set(id, named === 'mime' ? `mime ${type}` : named);
  }
  return found;
}

/** @param {Uint8Array} box iloc @returns {Map<number, [at: number, length: number]>} of items in one piece of the file */
function locations(box) {
  const fields = new Fields(box);
  const version = fields.take(4) >>> 24;
  const sizes = fields.take(2);
  const [offsetSize, lengthSize, baseSize, indexSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15, sizes & 15];
  const count = fields.take(version < 2 ? 2 : 4);
  const found = new Map();
  for (let i = 0; i < Math.min(count, MAX_BOXES); i++) {
    const id = fields.take(version < 2 ? 2 : 4);
    const method = version > 0 ? fields.take(2) & 15 : 0;
    fields.take(2); // which file
    const base = fields.take(baseSize);
    const pieces = fields.take(2);
    for (let piece = 0; piece < pieces; piece++) {
      if (version > 0) fields.take(indexSize);
      const at = base + fields.take(offsetSize);
      const length = fields.take(lengthSize);
      if (pieces === 1 && method === 0) found.set(id, [at, length]);
    }
  }
  return found;
}
