/** The golden vectors that every runtime is checked with: each step alone. See tests/vectors/README.md. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { load } from '../src/decode.js';
import { Detector } from '../src/index.js';
import { cutCrops, normalise, offset, pool, scaledSize } from '../src/preprocess.js';
import { decide, probability, withPrior } from '../src/verdict.js';
import { MODEL, card, rgb } from './helpers.js';

const FOLDER = new URL('../../../tests/vectors/', import.meta.url);
const { cases, tolerances, prior } = JSON.parse(readFileSync(new URL('index.json', FOLDER), 'utf8'));
const read = (/** @type {string} */ file) => load(readFileSync(new URL(file, FOLDER)));
const sha256 = (/** @type {Uint8Array} */ bytes) => createHash('sha256').update(bytes).digest('hex');
const near = (/** @type {number} */ found, /** @type {number} */ expected, /** @type {number} */ tolerance) =>
  assert.ok(Math.abs(found - expected) <= tolerance, `${found}, not ${expected}`);

const rule = card().preprocessing;
/** The variants that answer as the reference does: one with a calibration of its own has golden logits of its own. */
const LIKE_THE_REFERENCE = Object.values(card().variants).flatMap((one) => (one.calibration ? [] : [one.name]));
/** @type {Record<string, import('../src/detector.js').Detector>} */
const detectors = {};
before(async () => {
  for (const variant of LIKE_THE_REFERENCE) detectors[variant] = await Detector.load({ model: MODEL, variant });
});
after(() => Promise.all(Object.values(detectors).map((one) => one.close())));

assert.ok(cases.length >= 10);
for (const one of cases) {
  test(`${one.name}: decoded`, async () => {
    const image = await read(one.file);
    const expected = rgb(await read(one.rgb.file));
    assert.equal(sha256(expected), one.rgb.pixels_sha256);
    assert.deepEqual([image.height, image.width, 3], one.rgb.shape);
    const worst = rgb(image).reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
    assert.ok(worst <= one.rgb.tolerance, `${worst} levels`);
  });

  test(`${one.name}: scaled, placed and cut, bit for bit`, async () => {
    const [width, height] = scaledSize(one.width, one.height, rule.maxShortSide);
    assert.deepEqual([width, height], one.scaled);
    const size = rule.cropSize;
    const places = rule.positions.map(([x, y]) => [offset(x, width - size), offset(y, height - size)]);
    assert.deepEqual(places, one.offsets);
    assert.equal(sha256(cutCrops(await read(one.rgb.file), rule)), one.crops.pixels_sha256);
  });

  for (const variant of LIKE_THE_REFERENCE) {
    test(`${one.name}: logits of ${variant}, pooled`, async () => {
      const crops = rgb(await read(one.crops.file));
      const logits = await detectors[variant].session.run(normalise(crops, rule));
      assert.equal(logits.length, one.logits.length);
      logits.forEach((logit, i) => near(logit, one.logits[i], tolerances.logit[variant]));
      const record = await detectors[variant].predict(readFileSync(new URL(one.file, FOLDER)));
      const tolerance = one.rgb.tolerance ? tolerances.logit_from_jpeg : tolerances.logit[variant];
      near(record.logit ?? NaN, one.logit, tolerance);
      const { verdict, lean, reason } = record;
      assert.deepEqual({ verdict, lean, reason }, one.verdicts[card().defaultOperatingPoint]);
    });
  }

  test(`${one.name}: calibrated, and put into words`, () => {
    const { calibration, operatingPoints, minimumShortSide } = card();
    near(pool(one.logits, rule), one.logit, 1e-12);
    const p = probability(one.logit, calibration.temperature, calibration.bias);
    near(p, one.p_ai, tolerances.p_ai_from_logit);
    near(withPrior(p, prior), one.p_ai_at_prior, tolerances.p_ai_from_logit);
    assert.deepEqual(Object.keys(one.verdicts).sort(), Object.keys(operatingPoints).sort());
    for (const [name, words] of Object.entries(one.verdicts)) {
      assert.deepEqual(decide(p, Math.min(one.width, one.height), minimumShortSide, operatingPoints[name]), words);
    }
  });
}
