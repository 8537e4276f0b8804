import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EngineError, FauxtoError, ImageError, ModelError } from '../src/errors.js';
import { SIZES, goldenImage } from '../src/golden.js';
import { Detector } from '../src/index.js';
import { sha256, sha256InPlain } from '../src/sha256.js';
import { DEFAULT, EXAMPLES, MODEL, card, defaultCard, picture } from './helpers.js';

/** @type {import('../src/detector.js').Detector} */
let detector;
before(async () => {
  detector = await Detector.load({ model: MODEL });
});
after(() => detector.close());

test('golden images give the golden logits', async () => {
  const { golden } = defaultCard();
  assert.equal(golden.length, SIZES.length);
  for (const { picture: number, logit } of golden) {
    const record = await detector.predict(goldenImage(number));
    assert.ok(Math.abs(record.logit - logit) < 5e-3, `${number}: ${record.logit}, not ${logit}`);
    assert.deepEqual([record.width, record.height], [...SIZES[number]]);
  }
});

test('the reference gives them to the last digits', async () => {
  const reference = await Detector.load({ model: MODEL, variant: 'fp32', threads: 1 });
  for (const { picture: number, logit } of card().golden) {
    assert.ok(Math.abs((await reference.predict(goldenImage(number))).logit - logit) < 1e-5);
  }
  await reference.close();
});

test('a record says what answered', async () => {
  const record = await detector.predict(`${EXAMPLES}ai-face-7.jpg`);
  assert.equal(record.path, `${EXAMPLES}ai-face-7.jpg`);
  assert.equal(record.status, 'ok');
  assert.equal(record.verdict, 'ai');
  assert.equal(record.model, card().release);
  assert.equal(record.model_sha256, card().files[DEFAULT.file]);
  assert.equal(record.provider, 'cpu');
  assert.equal(record.threshold, defaultCard().operatingPoints.fpr1.threshold);
  assert.ok(record.elapsed_ms > 0);
});

test('a picture that is too small to judge is unsure, without a lean', async () => {
  const record = await detector.predict(goldenImage(0));
  assert.deepEqual([record.verdict, record.lean, record.reason], ['unsure', null, 'too_small']);
});

test('names: given, a file\'s own, or none', async () => {
  const bytes = await picture().png().toBuffer();
  assert.equal((await detector.predict(bytes, { name: 'mine' })).path, 'mine');
  assert.equal((await detector.predict(bytes)).path, null);
  if (typeof File !== 'undefined') assert.equal((await detector.predict(new File([bytes], 'a.png'))).path, 'a.png');
});

test('a bad picture gives a record, or an ImageError where that is asked for', async () => {
  const record = await detector.predict(new Uint8Array(5), { name: 'x.jpg' });
  assert.equal(record.status, 'error');
  assert.match(record.error, /^not a picture/);
  assert.deepEqual([record.path, record.verdict, record.p_ai, record.width], ['x.jpg', null, null, null]);
  await assert.rejects(
    detector.predict(new Uint8Array(5), { name: 'x.jpg', strict: true }),
    (error) => error instanceof ImageError && error.message === `x.jpg: ${record.error}` && error.path === 'x.jpg',
  );
});

test('many: in order, bad ones among them, and as a stream', async () => {
  async function* sources() {
    yield goldenImage(1);
    yield new Uint8Array(3);
    yield goldenImage(2);
  }
  const found = [];
  for await (const record of detector.predictMany(sources())) found.push([record.status, record.width]);
  assert.deepEqual(found, [['ok', 320], ['error', null], ['ok', 1500]]);
  for await (const record of detector.predictMany([])) assert.fail(`nothing was asked: ${record}`);
});

test('the heat map covers the picture, and its mean follows the verdict', async () => {
  for (const number of [0, 1, 2]) {
    const { data, width, height } = await detector.explain(goldenImage(number));
    assert.deepEqual([width, height, data.length], [...SIZES[number], SIZES[number][0] * SIZES[number][1]]);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const { logit } = await detector.predict(goldenImage(number));
    const { temperature, bias } = detector.card.calibration;
    assert.ok(Math.abs(mean - (logit / temperature + bias)) < 1.5, `${mean} for a logit of ${logit}`);
  }
  await assert.rejects(detector.explain(new Uint8Array(3)), ImageError);
});

test('a prior moves p_ai and threshold, and no verdict; operating points move verdicts', async () => {
  const rare = await Detector.load({ model: MODEL, prior: 0.01, operatingPoint: 'balanced' });
  const [even, other] = [await detector.predict(goldenImage(1)), await rare.predict(goldenImage(1))];
  assert.equal(other.logit, even.logit);
  assert.equal(other.operating_point, 'balanced');
  assert.equal(other.prior, 0.01);
  const odds = (p) => p / (1 - p);
  assert.ok(Math.abs(odds(other.p_ai) / odds(even.p_ai) - 1 / 99) < 1e-9);
  assert.equal(other.verdict, even.p_ai >= 0.5 ? 'ai' : 'no_sign');
  await rare.close();
});

test('wrong settings are refused', async () => {
  const load = (settings) => Detector.load({ model: MODEL, ...settings });
  for (const prior of [0, 1, -1, NaN, '0.5x']) await assert.rejects(load({ prior }), FauxtoError);
  await assert.rejects(load({ engine: 'webgpu' }), (error) => error instanceof EngineError);
  await assert.rejects(load({ variant: 'none' }), ModelError);
  await assert.rejects(load({ operatingPoint: 'none' }), ModelError);
  await assert.rejects(load({ model: '/nowhere' }), /\/nowhere\/card\.json: cannot be read \(ENOENT\)/);
});

test('a model file that is not the card\'s is not loaded', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fauxto-'));
  try {
    await cp(`${MODEL}card.json`, join(folder, 'card.json'));
    const onnx = await readFile(MODEL + DEFAULT.file);
    onnx[onnx.length >> 1] ^= 1;
    await writeFile(join(folder, DEFAULT.file), onnx);
    await assert.rejects(Detector.load({ model: folder }), /its sha256 is not the expected one/);
    await rm(join(folder, DEFAULT.file));
    await assert.rejects(Detector.load({ model: folder }), ({ message }) =>
      message.includes(`${DEFAULT.file}: cannot be read (ENOENT)`),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('sha256 without the platform\'s own', async () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 1000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31) % 256);
    const expected = createHash('sha256').update(bytes).digest('hex');
    assert.equal(Buffer.from(sha256InPlain(bytes)).toString('hex'), expected);
    assert.equal(await sha256(bytes), expected);
  }
});
