import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ofVariant, operatingPoint, parse, variantOf } from '../src/card.js';
import { ModelError } from '../src/errors.js';
import { CARD_TEXT, card } from './helpers.js';

const changed = (/** @type {(raw: any) => void} */ change) => {
  const raw = JSON.parse(CARD_TEXT);
  change(raw);
  return () => parse(JSON.stringify(raw), 'x/card.json');
};

test('the released card is read', () => {
  const { release, preprocessing, raw } = card();
  assert.match(release, /^fauxto-r18-v\d+$/);
  assert.equal(preprocessing.cropSize, raw.input.crop_size);
  assert.equal(preprocessing.positions.length, raw.input.positions.length);
  assert.equal(operatingPoint(card()).name, raw.default_operating_point);
  assert.equal(operatingPoint(card(), 'balanced').threshold, raw.operating_points.balanced.threshold);
  assert.equal(variantOf(card(), 'cpu', 'fp32').file, 'model.onnx');
});

const CROSSED = { fpr1: { threshold: 0.5, no_sign_below: 0.6 } };
const BAD = [
  ['another schema', (raw) => (raw.card = 3), /card schema 3 is not 2/],
  ['an unknown filter', (raw) => (raw.input.filter = 'box'), /filter is not what/],
  ['an inherited name for a filter', (raw) => (raw.input.filter = 'toString'), /filter is not what/],
  ['no positions', (raw) => (raw.input.positions = []), /positions/],
  ['a place outside', (raw) => (raw.input.positions[0] = [2, 0]), /positions/],
  ['no crop size', (raw) => delete raw.input.crop_size, /crop_size is not a number/],
  ['half a pixel', (raw) => (raw.input.crop_size = 224.5), /crop_size/],
  ['more pooled than cut', (raw) => (raw.input.pooled_crops = 99), /pooled_crops/],
  ['an unknown pooling', (raw) => (raw.input.pooling = 'max'), /pooling 'max' is unknown/],
  ['two means', (raw) => raw.input.mean.pop(), /mean has not three values/],
  ['no spread', (raw) => (raw.input.std[1] = 0), /std/],
  ['temperature 0', (raw) => (raw.calibration.temperature = 0), /calibration/],
  ['thresholds crossed', (raw) => (raw.operating_points.fpr1.no_sign_below = 1.5), /operating_points/],
  ['a default that is not there', (raw) => (raw.default_operating_point = 'x'), /default_operating_point/],
  ["a variant's thresholds crossed", (raw) => (raw.variants.fp32.operating_points = CROSSED), /operating_points/],
  ["a variant's default that is not there", (raw) => (raw.variants.fp32.operating_points = {}), /default_operating_point/],
  ['no reference', (raw) => delete raw.variants.fp32, /variants/],
  ["a variant's golden logit that is none", (raw) => (raw.variants.fp32.golden = [{ picture: 1 }]), /golden/],
  ['no input', (raw) => delete raw.input, /undefined/],
];

for (const [what, change, message] of BAD) {
  test(`refused: ${what}`, () => {
    assert.throws(changed(change), (error) => error instanceof ModelError && message.test(error.message));
  });
}

test('no JSON, and no object, is refused in one line', () => {
  for (const text of ['{', 'null', '[]', '7']) {
    assert.throws(
      () => parse(text, 'x/card.json'),
      (error) => error instanceof ModelError && error.message.startsWith('x/card.json: ') && !error.message.includes('\n'),
    );
  }
});

test('unknown names list the known ones', () => {
  assert.throws(() => operatingPoint(card(), 'fpr9'), /no operating point 'fpr9'; the model has fpr1, fpr5, balanced/);
  assert.throws(() => operatingPoint(card(), 'toString'), ModelError);
  assert.throws(() => variantOf(card(), 'cpu', 'fp8'), /no variant 'fp8'; the model has fp32/);
});

test("a variant's own calibration, thresholds and golden logits count", () => {
  const own = changed((raw) => {
    raw.variants['int8-weights'].calibration = { temperature: 2, bias: 1 };
    raw.variants['int8-weights'].operating_points = { fpr1: raw.operating_points.balanced };
    raw.variants['int8-weights'].golden = [{ picture: 1, logit: 2.5 }];
  })();
  const of = ofVariant(own, variantOf(own, 'cpu', 'int8-weights'));
  assert.deepEqual(of.calibration, { temperature: 2, bias: 1 });
  assert.equal(of.operatingPoints.fpr1.threshold, 0.5);
  assert.deepEqual(of.golden, [{ picture: 1, logit: 2.5 }]);
  assert.deepEqual(ofVariant(own, variantOf(own, 'webgpu', 'fp32')).calibration, card().calibration);
});

test('the card chooses a file for each engine; where it has none, the reference runs', () => {
  const providers = { fp32: [], 'int8-weights': ['WebGpuExecutionProvider'], int8: ['CPUExecutionProvider'] };
  const files = changed((raw) => {
    raw.variants = Object.fromEntries(Object.entries(providers).map(([name, own]) => [name, { file: name, providers: own }]));
  })();
  const chosen = (/** @type {string[]} */ engines) => engines.map((engine) => variantOf(files, engine).name);
  assert.deepEqual(chosen(['cpu', 'wasm', 'webgpu']), ['int8', 'int8', 'int8-weights']);
  const others = changed((raw) => {
    raw.variants = { fp32: raw.variants.fp32, int8: { file: 'int8', providers: ['CPUExecutionProvider'] } };
  })();
  assert.deepEqual([variantOf(others, 'wasm').name, variantOf(others, 'webgpu').name], ['int8', 'fp32']);
});

test('of the released model, every engine finds its file in the package, and WebGPU computes in floating point', () => {
  assert.equal(variantOf(card(), 'wasm').name, variantOf(card(), 'cpu').name);
  assert.equal(variantOf(card(), 'webgpu').calibration, undefined);
});
