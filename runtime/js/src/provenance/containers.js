/**
 * Picture files -> the blocks of metadata in them. Containers are walked as containers; no byte is searched for.
 *
 * What stands after the end of a picture is not part of it and is never read. Everything is capped, and a damaged file
 * gives the blocks before the damage.
 */
import { begins, latin } from '../formats.js';
import { Tiff, isTiff } from '../tiff.js';
import { boxes, items } from './boxes.js';
import { joined } from './bytes.js';
import { textOf } from './png_text.js';

/** Bytes of one block that are kept; a larger one is skipped. */
const MAX_BLOCK = 4 << 20;

/** Parts of a container that are walked. */
const MAX_BLOCKS = 4096;

/** Characters of all texts of a PNG together. */
const MAX_TEXTS = 16 << 20;

const EXIF = 'Exif\0\0';
const XMP = 'http://ns.adobe.com/xap/1.0/\0';
const C2PA_UUID = '\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81';
const XMP_UUID = '\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac';
const NONE = new Uint8Array();

/**
 * @typedef {object} Blocks the metadata of one file
 * @property {Uint8Array} exif a TIFF structure
 * @property {Uint8Array} xmp
 * @property {Uint8Array} c2pa a JUMBF superbox
 * @property {Map<string, string>} texts of a PNG, by keyword
 */

/**
 * @param {Uint8Array} data of a JPEG, PNG, WebP, GIF, TIFF or ISO base media (HEIC, AVIF) file
 * @returns {Promise<Blocks>} empty of another kind
 */
export async function read(data) {
  /** @type {Blocks} */
  const blocks = { exif: NONE, xmp: NONE, c2pa: NONE, texts: new Map() };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (begins(data, '\xff\xd8')) jpeg(data, view, blocks);
  else if (begins(data, '\x89PNG\r\n\x1a\n')) await png(data, view, blocks);
  else if (begins(data, 'RIFF') && begins(data, 'WEBP', 8)) webp(data, view, blocks);
  else if (begins(data, 'ftyp', 4)) iso(data, blocks);
  else if (begins(data, 'GIF8')) gif(data, blocks);
  else if (isTiff(data)) tiff(data, blocks);
  return blocks;
}

/** @param {Uint8Array} data @param {DataView} view @param {Blocks} blocks */
function jpeg(data, view, blocks) {
  /** @type {Map<string, {number: number, packet: Uint8Array}[]>} */
  const parts = new Map();
  for (const [marker, content] of segments(data, view)) {
    if (marker === 0xe1 && begins(content, EXIF)) {
      if (!blocks.exif.length) blocks.exif = content.subarray(EXIF.length);
    } else if (marker === 0xe1 && begins(content, XMP)) {
      if (!blocks.xmp.length) blocks.xmp = content.subarray(XMP.length);
    } else if (marker === 0xeb && begins(content, 'JP') && content.length > 16) {
      // ISO 19566-5, D: a box instance in packets, each with the box's header again.
      const instance = latin(content, 2, 4);
      const number = view.getUint32(content.byteOffset - data.byteOffset + 4);
      if (!parts.has(instance)) parts.set(instance, []);
      parts.get(instance)?.push({ number, packet: content.subarray(8) });
    }
  }
  for (const packets of parts.values()) {
    packets.sort((a, b) => a.number - b.number);
    const [first, ...others] = packets.map(({ packet }) => packet);
    const header = begins(first, '\0\0\0\x01') ? 16 : 8;
    const whole = joined([first, ...others.map((packet) => packet.subarray(header))]);
    if (!blocks.c2pa.length && begins(whole, 'jumb', 4) && whole.length <= MAX_BLOCK) blocks.c2pa = whole;
  }
}

/**
 * The segments before the first scan; metadata has no business after it.
 *
 * @param {Uint8Array} data
 * @param {DataView} view
 * @returns {Generator<[marker: number, content: Uint8Array]>}
 */
function* segments(data, view) {
  let at = 2;
  for (let i = 0; i < MAX_BLOCKS; i++) {
    while (data[at] === 0xff && data[at + 1] === 0xff) at++; // fill bytes
    if (at + 4 > data.length || data[at] !== 0xff) return;
    const marker = data[at + 1];
    const length = view.getUint16(at + 2);
    if (marker === 0xda || marker === 0xd9 || length < 2 || at + 2 + length > data.length) return;
    yield [marker, data.subarray(at + 4, at + 2 + length)];
    at += 2 + length;
  }
}

/** @param {Uint8Array} data @param {DataView} view @param {Blocks} blocks */
async function png(data, view, blocks) {
  let total = 0;
  for (let i = 0, at = 8; i < MAX_BLOCKS && at + 12 <= data.length; i++) {
    const length = view.getUint32(at);
    const kind = latin(data, at + 4, at + 8);
    if (at + 12 + length > data.length || kind === 'IEND') break;
    const content = length <= MAX_BLOCK ? data.subarray(at + 8, at + 8 + length) : NONE;
    at += 12 + length;
    if (kind === 'eXIf') blocks.exif = content;
    else if (kind === 'caBX') blocks.c2pa = content;
    else if (['tEXt', 'zTXt', 'iTXt'].includes(kind) && total < MAX_TEXTS) {
      const [key, text] = await textOf(kind, content);
      total += text.length;
      if (key === 'XML:com.adobe.xmp') blocks.xmp = new TextEncoder().encode(text);
      else if (key && !blocks.texts.has(key)) blocks.texts.set(key, text);
    }
  }
}

/** @param {Uint8Array} data @param {DataView} view @param {Blocks} blocks */
function webp(data, view, blocks) {
  const end = Math.min(data.length, 8 + view.getUint32(4, true));
  for (let i = 0, at = 12; i < MAX_BLOCKS && at + 8 <= end; i++) {
    const length = view.getUint32(at + 4, true);
    if (at + 8 + length > end) break;
    const content = length <= MAX_BLOCK ? data.subarray(at + 8, at + 8 + length) : NONE;
    if (begins(data, 'EXIF', at)) blocks.exif = begins(content, EXIF) ? content.subarray(EXIF.length) : content;
    else if (begins(data, 'XMP ', at)) blocks.xmp = content;
    else if (begins(data, 'C2PA', at)) blocks.c2pa = content;
    at += 8 + length + (length % 2);
  }
}

/** @param {Uint8Array} data @param {Blocks} blocks XMP and C2PA are application extensions before its first frame */
function gif(data, blocks) {
  let end = 0;
  let at = 13 + (data[10] & 0x80 ? 3 << ((data[10] & 7) + 1) : 0);
  for (let i = 0; i < MAX_BLOCKS && data[at] === 0x21; i++) {
    const name = begins(data, '\xff\x0b', at + 1) ? latin(data, at + 3, at + 14) : '';
    if (name === 'XMP DataXMP' && !end) {
      // Not in sub-blocks: the packet as it is, and a ramp of bytes that leads out of it. The first packet counts.
      end = at;
      do end = data.indexOf(1, end + 1); while (end >= 0 && !begins(data, '\xff\xfe', end + 1));
      if (end >= 0 && end - at <= MAX_BLOCK) blocks.xmp = data.subarray(at + 14, end);
    }
    const parts = [];
    at += 2;
    for (let part = 0; part < MAX_BLOCK >> 7 && data[at]; part++) {
      parts.push(data.subarray(at + 1, at + 1 + data[at]));
      at += 1 + data[at];
    }
    at += 1;
    if (name.startsWith('C2PA_GIF')) blocks.c2pa = joined(parts.slice(1));
  }
}

/** @param {Uint8Array} data @param {Blocks} blocks */
function tiff(data, blocks) {
  const file = new Tiff(data);
  const directory = file.entries(file.first());
  const [xmp, c2pa] = [700, 52545].map((tag) => directory.get(tag)?.bytes.subarray(0, MAX_BLOCK) ?? NONE);
  Object.assign(blocks, { exif: data, xmp, c2pa });
}

/** @param {Uint8Array} data @param {Blocks} blocks */
function iso(data, blocks) {
  for (const [kind, content] of boxes(data)) {
    if (kind !== 'uuid' || content.length > MAX_BLOCK) continue;
    if (begins(content, XMP_UUID)) blocks.xmp = content.subarray(16);
    else if (begins(content, C2PA_UUID) && begins(content, 'manifest\0', 20)) blocks.c2pa = content.subarray(37);
  }
  const found = items(data);
  blocks.exif = begins(found.exif, EXIF) ? found.exif.subarray(EXIF.length) : found.exif;
  if (!blocks.xmp.length) blocks.xmp = found.xmp;
}
