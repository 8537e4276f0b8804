import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prediction } from '../src/prediction.js';
import { decide, probability, withPrior } from '../src/verdict.js';

const POINT = { name: 'x', threshold: 0.9, noSignBelow: 0.4 };

test('the words', () => {
  const of = (p, side = 300) => Object.values(decide(p, side, 200, POINT));
  assert.deepEqual(of(0.9), ['ai', null, 'threshold']);
  assert.deepEqual(of(0.899), ['unsure', 'ai', 'band']);
  assert.deepEqual(of(0.5), ['unsure', 'ai', 'band']);
  assert.deepEqual(of(0.49), ['unsure', 'no_sign', 'band']);
  assert.deepEqual(of(0.4), ['unsure', 'no_sign', 'band']);
  assert.deepEqual(of(0.39), ['no_sign', null, 'threshold']);
  assert.deepEqual(of(0.99, 199), ['unsure', null, 'too_small']);
});

test('probabilities do not overflow, and are even at 0', () => {
  assert.equal(probability(0, 1, 0), 0.5);
  assert.equal(probability(1e6, 0.5, 0), 1);
  assert.equal(probability(-1e6, 0.5, 0), 0);
  assert.ok(Math.abs(probability(2, 0.5, -1) - 1 / (1 + Math.exp(-3))) < 1e-15);
});

test("another base rate moves a probability by Bayes's rule", () => {
  assert.equal(withPrior(0.7, 0.5), 0.7);
  assert.ok(Math.abs(withPrior(0.9, 0.1) - 0.5) < 1e-15);
  assert.equal(withPrior(1, 0.01), 1);
  assert.equal(withPrior(0, 0.99), 0);
});

test("the record has the fields of the Python runtime's, in its order", () => {
  const order =
    'schema path status verdict lean p_ai prior logit operating_point threshold reason width height model ' +
    'model_sha256 provider elapsed_ms error declared declared_by signature';
  const record = prediction({ error: 'bad', status: 'error', path: 'a' });
  assert.equal(Object.keys(record).join(' '), order);
  assert.equal(JSON.stringify(record).slice(0, 43), '{"schema":2,"path":"a","status":"error","ve');
});

test('half of a UTF-16 pair in a name is escaped', () => {
  assert.equal(prediction({ path: 'a\ud83db\u{1f600}' }).path, 'a\\ud83db\u{1f600}');
});
