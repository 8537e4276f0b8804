/** Which formats are read, by the first bytes of a file, and what to say of the others. */
import { isRaw, isTiff } from './tiff.js';

/** @typedef {'JPEG' | 'PNG' | 'WEBP' | 'GIF' | 'BMP' | 'TIFF' | 'AVIF' | 'HEIF'} Format */

const HEIF = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs', 'mif1', 'msf1'];
const AVIF = ['avif', 'avis'];
const RAW = 'a raw camera file; export it as JPEG or TIFF first';
const CONVERT = 'export it as JPEG or PNG first';

/** @type {ReadonlyArray<readonly [place: number, mark: string, refusal: string]>} */
const OTHERS = [
  [0, '%!PS', `an EPS file, which fauxto does not read; ${CONVERT}`],
  [0, '\xc5\xd0\xd3\xc6', `an EPS file, which fauxto does not read; ${CONVERT}`],
  [0, '%PDF', `a PDF, which fauxto does not read; ${CONVERT}`],
  [0, '8BPS', `a Photoshop file, which fauxto does not read; ${CONVERT}`],
  [0, '\xff\x0a', `a JPEG XL file, which fauxto does not read; ${CONVERT}`],
  [0, '\0\0\0\x0cJXL ', `a JPEG XL file, which fauxto does not read; ${CONVERT}`],
  [0, '\0\0\0\x0cjP  ', `a JPEG 2000 file, which fauxto does not read; ${CONVERT}`],
  [0, '\xff\x4f\xff\x51', `a JPEG 2000 file, which fauxto does not read; ${CONVERT}`],
  [0, '\0\0\x01\0', `an icon, which fauxto does not read; ${CONVERT}`],
  [0, 'qoif', `a QOI file, which fauxto does not read; ${CONVERT}`],
  [0, 'FUJIFILMCCD-RAW', RAW],
  [0, 'IIU\0', RAW], // Panasonic RW2
  [0, 'IIRO', RAW], // Olympus ORF
  [0, 'IIRS', RAW],
  [0, 'MMOR', RAW],
  [0, '\0MRM', RAW], // Minolta MRW
  [0, 'FOVb', RAW], // Sigma X3F
  [4, 'ftypcrx ', RAW], // Canon CR3
  [0, 'PK\x03\x04', 'a zip archive, not a picture; unpack it first'],
  [0, '\x1a\x45\xdf\xa3', 'a film, not a picture'],
];

/**
 * The format of a file by its first bytes.
 *
 * @param {Uint8Array} bytes
 * @returns {Format | null} "JPEG" for MPO too; null for what is not read
 */
export function formatOf(bytes) {
  if (begins(bytes, '\xff\xd8\xff')) return 'JPEG';
  if (begins(bytes, '\x89PNG\r\n\x1a\n')) return 'PNG';
  if (begins(bytes, 'RIFF') && begins(bytes, 'WEBP', 8)) return 'WEBP';
  if (begins(bytes, 'GIF87a') || begins(bytes, 'GIF89a')) return 'GIF';
  if (begins(bytes, 'BM')) return 'BMP';
  if (isTiff(bytes)) return 'TIFF';
  if (!begins(bytes, 'ftyp', 4)) return null;
  const brands = [latin(bytes, 8, 12)];
  for (let at = 16; at < Math.min(64, bytes.length); at += 4) brands.push(latin(bytes, at, at + 4));
  if (brands.some((brand) => AVIF.includes(brand))) return 'AVIF';
  return brands.some((brand) => HEIF.includes(brand)) ? 'HEIF' : null;
}

/**
 * Why a file is not read, with the fix.
 *
 * @param {Uint8Array} bytes
 * @returns {string | null} null for one that is
 */
export function refusal(bytes) {
  if (bytes.length === 0) return 'the file is empty';
  for (const [place, mark, text] of OTHERS) if (begins(bytes, mark, place)) return text;
  const format = formatOf(bytes);
  if (format) return format === 'TIFF' && isRaw(bytes) ? RAW : null;
  if (begins(bytes, 'ftyp', 4)) return 'a film or another file of its family, not a picture';
  const head = latin(bytes, 0, 256).trimStart().toLowerCase();
  if (['<!doctype', '<html', '<?xml', '<svg', '{'].some((start) => head.startsWith(start))) {
    return 'text (a web page, perhaps), not a picture; save the picture itself';
  }
  return 'not a picture in a format that fauxto reads (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC)';
}

/** @param {Uint8Array} bytes @param {string} mark of Latin-1 @param {number} [at] */
export function begins(bytes, mark, at = 0) {
  return latin(bytes, at, at + mark.length) === mark;
}

/** @param {Uint8Array} bytes @param {number} from @param {number} to @returns {string} a character a byte */
export function latin(bytes, from, to) {
  return String.fromCharCode(...bytes.subarray(from, to));
}
