/** What the tests share. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { makePage } from '../make_page.js';
import { ofVariant, parse, variantOf } from '../src/card.js';
import { goldenImage } from '../src/golden.js';

/** The released model, in the checkout. */
export const MODEL = fileURLToPath(new URL('../../../models/fauxto-r18/', import.meta.url));
export const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url));
export const CARD_TEXT = readFileSync(`${MODEL}card.json`, 'utf8');

export const card = () => parse(CARD_TEXT, 'card.json');

/** What runs in Node and in WebAssembly, and the card as it holds for that. */
export const DEFAULT = variantOf(card(), 'cpu');
export const defaultCard = () => ofVariant(card(), DEFAULT);

/** The sha256 of a typed array's bytes, its first 16 digits. */
export function digest(array) {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** Golden image 1's pattern, in any size, for sharp to write. */
export function picture(width = 320, height = 240) {
  const { data } = goldenImage(1, [width, height]);
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** (H, W, 3) of what `load` gave, whatever its number of channels. */
export function rgb({ data, width, height, channels }) {
  const flat = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) flat.set(data.subarray(i * channels, i * channels + 3), i * 3);
  return flat;
}

/** The page as `npm run page` writes it, in a folder that is there until the file's tests are done. */
export async function page(url) {
  const scratch = mkdtempSync(join(tmpdir(), 'fauxto-page-'));
  after(() => rmSync(scratch, { recursive: true }));
  await makePage(join(scratch, 'dist'), url);
  return join(scratch, 'dist');
}
