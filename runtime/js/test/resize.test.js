import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { goldenImage } from '../src/golden.js';
import { cutCrops, mirrorPad, normalise, offset, pool, scale, scaledSize } from '../src/preprocess.js';
import { resize, resizeFloat } from '../src/resize.js';
import { card, digest } from './helpers.js';

const EXPECTED = JSON.parse(readFileSync(new URL('expected.json', import.meta.url), 'utf8'));
const rule = card().preprocessing;

assert.ok(EXPECTED.length >= 20);
for (const { size, crops, input, resized } of EXPECTED) {
  const [width, height] = size;
  test(`${width} x ${height}: pixels, crops and input are Python's, bit for bit`, () => {
    const image = goldenImage(1, size);
    for (const [filter, whole] of Object.entries(resized)) {
      assert.equal(digest(resize(image, 300, 280, filter).data), whole, filter);
    }
    const found = cutCrops(image, rule);
    assert.equal(digest(found), crops);
    assert.equal(digest(normalise(found, rule)), input);
  });
}

test('a box of the result has the pixels of the whole result', () => {
  const image = goldenImage(1, [1000, 700]);
  for (const filter of /** @type {const} */ (['bilinear', 'bicubic', 'lanczos'])) {
    const { data } = resize(image, 333, 250, filter);
    for (const [left, top, right, bottom] of [[0, 0, 333, 1], [17, 40, 300, 220], [332, 249, 333, 250]]) {
      const part = resize(image, 333, 250, filter, [left, top, right, bottom]);
      assert.deepEqual([part.width, part.height], [right - left, bottom - top]);
      const expected = Array.from({ length: part.height }, (_, y) => {
        const row = (top + y) * 333;
        return [...data.subarray((row + left) * 3, (row + right) * 3)];
      });
      assert.deepEqual([...part.data], expected.flat());
    }
  }
});

test('what was scaled once is not scaled again', () => {
  const image = goldenImage(1, [901, 700]);
  const seen = scale(image, rule);
  assert.deepEqual([seen.width, seen.height], [824, 640]);
  assert.equal(scale(seen, rule), seen);
  assert.deepEqual(cutCrops(seen, rule), cutCrops(image, rule));
});

test('RGBA gives the crops of RGB', () => {
  const image = goldenImage(1, [700, 650]);
  const data = new Uint8ClampedArray(700 * 650 * 4).fill(255);
  for (let i = 0; i < 700 * 650; i++) data.set(image.data.subarray(i * 3, i * 3 + 3), i * 4);
  assert.deepEqual(cutCrops({ ...image, data, channels: 4 }, rule), cutCrops(image, rule));
});

test('the long side is rounded half up, and an image that is small enough stays', () => {
  assert.deepEqual(scaledSize(1281, 1280, 640), [641, 640]);
  assert.deepEqual(scaledSize(640, 9000, 640), [640, 9000]);
  assert.deepEqual(scaledSize(641, 2001, 640), [640, 1998]);
});

test('a short side is mirrored, edge pixel included, half on each side', () => {
  const row = Uint8Array.from([1, 2, 3].flatMap((value) => [value, value, value]));
  const found = mirrorPad(row, 3, 1, 6).filter((_, i) => i % 3 === 0);
  assert.deepEqual([...found.subarray(0, 6)], [1, 1, 2, 3, 3, 2]);
  assert.equal(found.length, 36);
});

test('a crop starts at its share of what is free', () => {
  assert.equal(offset(0.5, 3), 2);
  assert.equal(offset(0.8, -20), 0);
});

test('the largest logits are pooled', () => {
  assert.equal(pool([1, 9, 2, 3, -4], { ...rule, pooledCrops: 3 }), 14 / 3);
  assert.equal(pool([5], { ...rule, pooledCrops: 1 }), 5);
});

test('numbers are resized too', () => {
  const ramp = Float32Array.from({ length: 4 }, (_, i) => i);
  assert.deepEqual([...resizeFloat(ramp, 4, 1, 2, 1, 'bilinear')], [0.7142857313156128, 2.2857143878936768]);
  assert.deepEqual([...resizeFloat(ramp, 2, 2, 2, 2, 'bilinear')], [0, 1, 2, 3]);
});
