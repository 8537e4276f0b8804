import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { MAX_PIXELS, load, overWhite } from '../src/decode.js';
import { ImageError } from '../src/errors.js';
import { formatOf, refusal } from '../src/formats.js';
import { goldenImage } from '../src/golden.js';
import { claimedSize, isCut } from '../src/header.js';
import { picture, rgb } from './helpers.js';

const PLAIN = goldenImage(1).data;
const bytesOf = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const refused = (source, message) =>
  assert.rejects(load(source), (error) => error instanceof ImageError && message.test(error.reason));

for (const [format, options] of [['png'], ['webp', { lossless: true }], ['tiff', { compression: 'lzw' }]]) {
  test(`${format} without loss gives its pixels, as bytes, buffer and Blob`, async () => {
    const bytes = new Uint8Array(await picture().toFormat(format, options).toBuffer());
    for (const source of [bytes, bytes.buffer, new Blob([bytes])]) {
      const image = await load(source);
      assert.deepEqual([image.width, image.height], [320, 240]);
      assert.deepEqual(rgb(image), PLAIN);
    }
  });
}

for (const format of ['jpeg', 'webp', 'avif', 'gif']) {
  test(`${format} is near the pixels it was made of`, async () => {
    const smooth = sharp({ create: { width: 64, height: 48, channels: 3, background: { r: 200, g: 90, b: 40 } } });
    const image = await load(await smooth.toFormat(format, { quality: 90 }).toBuffer());
    const worst = rgb(image).reduce((most, value, i) => Math.max(most, Math.abs(value - [200, 90, 40][i % 3])), 0);
    assert.ok(worst <= 4, `${worst} levels`);
  });
}

const UPRIGHT = [[1, 2], [3, 4], [5, 6]]; // red, in rows: 2 wide, 3 high
const AS_STORED = {
  1: [[1, 2], [3, 4], [5, 6]],
  2: [[2, 1], [4, 3], [6, 5]],
  3: [[6, 5], [4, 3], [2, 1]],
  4: [[5, 6], [3, 4], [1, 2]],
  5: [[1, 3, 5], [2, 4, 6]],
  6: [[2, 4, 6], [1, 3, 5]],
  7: [[6, 4, 2], [5, 3, 1]],
  8: [[5, 3, 1], [6, 4, 2]],
};
for (const [orientation, rows] of Object.entries(AS_STORED)) {
  test(`orientation ${orientation} is turned upright`, async () => {
    const raw = { width: rows[0].length, height: rows.length, channels: 3 };
    const data = Uint8Array.from(rows.flat().flatMap((red) => [red * 40, 7, 9]));
    const file = await sharp(data, { raw }).withMetadata({ orientation: Number(orientation) }).png().toBuffer();
    const image = await load(file);
    assert.deepEqual([image.width, image.height], [2, 3]);
    assert.deepEqual([...rgb(image)].filter((_, i) => i % 3 === 0).map((red) => red / 40), UPRIGHT.flat());
  });
}

test('transparency is laid over white', async () => {
  const data = Uint8Array.from([10, 20, 30, 0, 10, 20, 30, 255, 0, 100, 200, 128]);
  const expected = [255, 255, 255, 10, 20, 30, 127, 177, 227];
  const file = await sharp(data, { raw: { width: 3, height: 1, channels: 4 } }).png().toBuffer();
  assert.deepEqual([...rgb(await load(file))], expected);
  assert.deepEqual([...rgb(await load({ data, width: 3, height: 1 }))], expected);
  const opaque = { data: Uint8Array.from([1, 2, 3, 255]), width: 1, height: 1, channels: 4 };
  assert.equal(overWhite(opaque), opaque);
});

test('an embedded profile is applied: Display P3 to sRGB', async () => {
  const green = { create: { width: 8, height: 8, channels: 3, background: { r: 60, g: 200, b: 60 } } };
  const p3 = await sharp(green).withIccProfile('p3').png().toBuffer();
  const tagged = await sharp(p3).metadata();
  assert.ok(tagged.icc, 'the file has a profile');
  const back = rgb(await load(p3)).subarray(0, 3);
  [60, 200, 60].forEach((level, i) => assert.ok(Math.abs(back[i] - level) <= 2, `${back}`));
  const stored = (await sharp(p3, { ignoreIcc: true }).raw().toBuffer()).subarray(0, 3);
  assert.ok(Math.abs(stored[0] - 60) > 10, `the stored levels are others: ${stored}`);
});

test('16 bits keep their high byte, grey becomes RGB, CMYK is converted without a profile', async () => {
  const deep = Uint16Array.from([0x12ff, 0x8000, 0xfffe]);
  const raw = { width: 3, height: 1, channels: 1 };
  const file = await sharp(deep, { raw }).toColourspace('grey16').png().toBuffer();
  assert.equal((await sharp(file).metadata()).depth, 'ushort');
  assert.deepEqual([...rgb(await load(file))], [0x12, 0x12, 0x12, 0x80, 0x80, 0x80, 0xff, 0xff, 0xff]);
  const cmyk = await picture(16, 16).toColourspace('cmyk').tiff({ compression: 'lzw' }).toBuffer();
  assert.equal((await sharp(cmyk).metadata()).space, 'cmyk');
  const [c, m, y, k] = await sharp(cmyk).pipelineColourspace('cmyk').toColourspace('cmyk').raw().toBuffer();
  const expected = [c, m, y].map((ink) => 255 - k - Math.round((ink * (255 - k)) / 255));
  assert.deepEqual([...rgb(await load(cmyk)).subarray(0, 3)], expected);
});

test('too many pixels are refused before they are decoded', async () => {
  const tall = { create: { width: 16_000, height: 11_200, channels: 3, background: 'white' } };
  const file = await sharp({ ...tall, limitInputPixels: false }).png().toBuffer();
  await refused(file, /^more than 178 megapixels; scale it down first$/);
  assert.ok(16_000 * 11_200 > MAX_PIXELS);
});

for (const format of ['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff']) {
  test(`a ${format} that was cut off is refused, and its header says so or its size`, async () => {
    const bytes = new Uint8Array(await picture().toFormat(format).toBuffer());
    const cut = bytes.subarray(0, Math.floor(bytes.length * 0.6));
    await refused(cut, /^damaged or truncated picture \(.+\)$/);
    if (format === 'tiff') return; // no browser but Safari reads it
    assert.equal(isCut(bytes, formatOf(bytes)), false);
    assert.equal(isCut(cut, formatOf(cut)), true);
    assert.deepEqual(claimedSize(bytes, formatOf(bytes)), [320, 240]);
  });
}

test('headers of lossless WebP and of WebP with alpha tell their size; nonsense tells none', async () => {
  for (const options of [{ lossless: true }, { quality: 50 }]) {
    for (const source of [picture(), picture().ensureAlpha(0.5)]) {
      assert.deepEqual(claimedSize(new Uint8Array(await source.webp(options).toBuffer()), 'WEBP'), [320, 240]);
    }
  }
  assert.equal(claimedSize(bytesOf('\x89PNG\r\n\x1a\n'), 'PNG'), null);
  assert.equal(claimedSize(bytesOf('\xff\xd8\xff\xe0'), 'JPEG'), null);
});

const NO_PICTURES = [
  ['', /^the file is empty$/],
  ['<html><body>', /^text \(a web page, perhaps\)/],
  ['  {"a": 1}', /^text/],
  ['%PDF-1.7', /^a PDF/],
  ['%!PS-Adobe', /^an EPS file/],
  ['8BPS', /^a Photoshop file/],
  ['PK\x03\x04', /^a zip archive/],
  ['\0\0\0\x18ftypmp42\0\0\0\0mp42isom', /^a film/],
  ['\0\0\0\x18ftypcrx \0\0\0\0', /^a raw camera file/],
  ['II*\0\x10\0\0\0CR\x02\0', /^a raw camera file/],
  ['\xff\x0a', /^a JPEG XL file/],
  ['hello', /^not a picture in a format/],
];
for (const [text, message] of NO_PICTURES) {
  test(`no picture: ${JSON.stringify(text.slice(0, 12))}`, async () => {
    assert.match(refusal(bytesOf(text)) ?? '', message);
    await refused(bytesOf(text), message);
  });
}

test('a DNG is known by its tag, and its thumbnail is not taken for the picture', async () => {
  const dng = new Uint8Array(26);
  const view = new DataView(dng.buffer);
  dng.set(bytesOf('II*\0\x08\0\0\0'));
  view.setUint16(8, 1, true);
  view.setUint16(10, 50706, true);
  view.setUint16(12, 1, true);
  view.setUint32(14, 4, true);
  await refused(dng, /^a raw camera file/);
});

test('pixels that are not what they say are refused', async () => {
  for (const image of [
    { data: new Uint8Array(11), width: 2, height: 2 },
    { data: new Uint8Array(4), width: 2, height: 2 },
    { data: new Float32Array(12), width: 2, height: 2 },
    { data: new Uint8Array(0), width: 0, height: 0 },
    { data: new Uint8Array(12), width: -2, height: -2 },
  ]) {
    await refused(image, /^data must be/);
  }
  await refused({ data: new Uint8Array(4), width: 1, height: 1, colorSpace: 'display-p3' }, /^ImageData must be in sRGB/);
  await refused(42, /^no picture; pass/);
  await refused(null, /^no picture; pass/);
});

test('paths: a folder, nothing there, a picture', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fauxto-'));
  try {
    await refused(folder, /^is a folder/);
    await refused(join(folder, 'none.jpg'), /^no such file; check the path$/);
    await writeFile(join(folder, 'a.png'), await picture().png().toBuffer());
    assert.deepEqual(rgb(await load(join(folder, 'a.png'))), PLAIN);
  } finally {
    await rm(folder, { recursive: true });
  }
});
