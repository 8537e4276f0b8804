import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { CARD_TEXT, page, picture } from './helpers.js';

const dist = await page();
const load = (name) => import(pathToFileURL(join(dist, name)).href);
const words = await load('words.js');
const rates = await load('rates.js');
const { jpegQuality } = await load('quality.js');
const { caseFile } = await load('casefile.js');
const { colours } = await load('heat.js');
const { SORTS } = await load('list.js');
const second = await load('second.js');

const card = JSON.parse(CARD_TEXT);
const record = (known) => ({
  schema: 2,
  path: 'a.jpg',
  status: 'ok',
  verdict: 'ai',
  lean: null,
  p_ai: 0.99,
  prior: 0.5,
  logit: 5,
  operating_point: 'fpr1',
  threshold: 0.976,
  reason: 'threshold',
  width: 800,
  height: 600,
  model: 'm',
  model_sha256: 'f00',
  provider: 'wasm',
  elapsed_ms: 1,
  error: null,
  declared: null,
  declared_by: null,
  signature: null,
  ...known,
});
/** The card, with another test: of 100 pictures each, this share of the photographs was called "ai". */
const tested = (fpr) => ({
  ...card,
  test: { set: 'T', conditions: { clean: { n_ai: 100, n_real: 100, operating_points: { fpr1: { fpr } } } } },
});
const SILENT = record({ verdict: 'no_sign', p_ai: 0.11 });
const UNSURE = record({ verdict: 'unsure', p_ai: 0.93, lean: 'ai', reason: 'band' });
const SMALL = record({ verdict: 'unsure', p_ai: 0.9, reason: 'too_small', width: 90, height: 120 });

test('a number is never 0 or 100, and halves are rounded as Python does', () => {
  const told = [0.001, 0.005, 0.015, 0.025, 0.111, 0.5, 0.994, 0.996, 1].map(words.chance);
  const expected = ['< 1', '< 1', '2', '2', '11', '50', '99', '> 99', '> 99'];
  assert.deepEqual(
    told,
    expected.map((number) => `AI ${number} %`),
  );
});

test('what a word means is told with the figures of test, never of val', () => {
  const { n_ai: ais, n_real: photographs, operating_points: points } = card.test.conditions.clean;
  const { fpr, fpr_interval: interval, ai_called_no_sign: none } = points.fpr1;
  const ai = words.meaning(record(), card).join(' ');
  assert.ok(
    ai.includes(`${words.share(fpr)} of the ${words.count(photographs)} that the model was tested on (at most ${words.share(interval[1])}`),
    ai,
  );
  const silent = words.meaning(SILENT, card).join(' ');
  assert.ok(silent.includes(`as ${words.share(none)} of the ${words.count(ais)} AI pictures of the test did`), silent);
  assert.match(silent, /no sign of a photograph either/);
  assert.ok(words.meaning(SMALL, card).join(' ').includes(`has 90 px, and ${card.minimum_short_side} px or more are needed`));
  assert.match(words.meaning(UNSURE, card).join(' '), /It leans to AI; “strong signs of AI” is said from AI 98 % on/);
  const changed = { ...card, operating_points: {}, calibration: {} };
  assert.equal(words.meaning(record(), changed).join(' '), ai);
  const untested = { ...card, test: undefined };
  assert.doesNotMatch([record(), SILENT].flatMap((one) => words.meaning(one, untested)).join(' '), /\d|undefined|NaN/);
  assert.deepEqual(rates.worth(record(), untested, 0.05), []);
  assert.equal(words.measured(untested, 'fpr1'), '');
});

test('of many photographs some are to be expected to be called AI', () => {
  const about = Math.round(1000 * card.test.conditions.clean.operating_points.fpr1.fpr);
  const many = (count, of) => Array(count).fill(of);
  assert.equal(words.mistakes(many(20, card), 'fpr1'), '');
  assert.equal(
    words.mistakes(many(1000, card), 'fpr1'),
    `Were all 1,000 photographs, about ${about} would get “strong signs of AI” by mistake.`,
  );
  assert.equal(words.mistakes(many(1000, { ...card, test: undefined }), 'fpr1'), '');
  const mixed = [...many(500, card), ...many(500, tested(0.1))];
  assert.match(words.mistakes(mixed, 'fpr1'), new RegExp(`about ${Math.round(50 + about / 2)} would get`));
});

test('neither answer may be used against somebody, or for a picture', () => {
  assert.equal(words.proof(record()), 'A hint, never proof. Do not accuse anyone with it.');
  assert.equal(words.proof(SILENT), 'A hint, never proof. Do not trust a picture because of it.');
  assert.equal(words.proof(UNSURE), 'A hint, never proof.');
});

test('a picture too small to judge has no number, no lean and no rate', () => {
  assert.equal(words.headline(SMALL), 'Too small to say');
  assert.equal(words.number(SMALL), '');
  assert.deepEqual(rates.worth(SMALL, card, 0.5), []);
});

test('file and model disagree where one says camera or AI and the other does not', () => {
  const cases = [
    [{ declared: 'camera', verdict: 'ai' }, /One of the two is wrong/],
    [{ declared: 'ai', verdict: 'no_sign' }, /the file’s word weighs more; yet/],
    [{ declared: 'ai', verdict: 'ai' }, null],
    [{ declared: 'camera', verdict: 'no_sign' }, null],
    [{ declared: 'edited', verdict: 'ai' }, null],
    [{ declared: 'camera', verdict: 'unsure' }, null],
    [{ declared: null, verdict: 'ai' }, null],
  ];
  for (const [known, expected] of cases) {
    const said = words.contradiction(record(known));
    if (expected) assert.match(said, expected);
    else assert.equal(said, null, JSON.stringify(known));
  }
});

test('Bayes: where 1 picture in 20 is AI, 6 of 10 such answers are right', () => {
  const sentences = rates.worth(record(), card, 1 / 20);
  const { recall, fpr } = card.test.conditions.clean.operating_points.fpr1;
  assert.ok(Math.abs(rates.precision(recall, fpr, 0.05) - (recall * 0.05) / (recall * 0.05 + fpr * 0.95)) < 1e-12);
  const tenths = Math.round(10 * rates.precision(recall, fpr, 0.05));
  assert.ok(
    sentences[0].startsWith(`Where 1 picture in 20 is AI, ${tenths} of 10 such answers are right`),
    sentences[0],
  );
});

test('rare and certain are never told as none or all', () => {
  const point = { recall: 1, fpr: 1e-9, recall_interval: null, fpr_interval: null, ai_called_no_sign: 0 };
  const perfect = {
    ...card,
    test: { conditions: { clean: { n_ai: 9, n_real: 9, operating_points: { fpr1: point } } } },
  };
  assert.match(rates.worth(record(), perfect, 0.5)[0], /more than 99 of 100 such answers/);
  point.fpr = 1;
  point.recall = 0.001;
  assert.match(rates.worth(record(), perfect, 0.001)[0], /fewer than 1 of 100 such answers/);
  point.recall = point.fpr = 0;
  assert.equal(rates.worth(record(), perfect, 0.5).length, 1); // nobody was ever called so: no rate, only the number
});

test('an answer other than "ai" is told with who else gets it', () => {
  const point = { recall: 0.4, fpr: 0.01, ai_called_no_sign: 0.28 };
  const tested = { ...card, test: { conditions: { clean: { n_ai: 9, n_real: 9, operating_points: { fpr1: point } } } } };
  const silent = rates.worth(SILENT, tested, 0.05);
  assert.match(silent[0], /50 of 1,000 are, and 14 of these get “no sign of AI found” too/);
  assert.equal(silent.length, 2); // no share of right ones without the figure for photographs
  assert.match(rates.worth(UNSURE, tested, 0.05)[0], /50 of 1,000 are, and 16 of these get “unsure” too/);
  Object.assign(point, { real_called_no_sign: 0.6 });
  assert.equal(rates.worth(SILENT, tested, 0.05)[1], 'So do 570 photographs: 14 of 584 such answers are about AI.');
  assert.equal(rates.worth(UNSURE, tested, 0.05)[1], 'So do 371 photographs: 16 of 387 such answers are about AI.');
});

test('a number moves with the base rate, and back', () => {
  for (const p of [0.01, 0.3, 0.99]) {
    assert.equal(rates.rebased(p, 0.5, 0.5), p);
    const rare = rates.rebased(p, 0.5, 0.05);
    assert.ok(rare < p);
    assert.ok(Math.abs(rates.rebased(rare, 0.05, 0.5) - p) < 1e-12);
  }
  assert.deepEqual(rates.PRIORS[rates.start(0.5)], [1, 10]);
  assert.deepEqual(rates.PRIORS[rates.start(0.05)], [1, 20]);
  for (const [index, [few, all]] of rates.PRIORS.entries()) assert.equal(rates.nearest(few / all), index);
});

test('JPEG quality is read from the tables', async () => {
  for (const quality of [20, 40, 50, 75, 90, 95]) {
    const bytes = await picture()
      .jpeg({ quality, optimiseCoding: quality > 50, progressive: quality === 40 })
      .toBuffer();
    assert.ok(Math.abs(jpegQuality(bytes) - quality) <= 1, `${quality}: ${jpegQuality(bytes)}`);
    for (const cut of [2, 3, 21, 60]) assert.equal(jpegQuality(bytes.subarray(0, cut)), null);
  }
  assert.equal(jpegQuality(await picture().png().toBuffer()), null);
  assert.equal(jpegQuality(new Uint8Array()), null);
});

test('size and compression weaken an answer where they do', () => {
  assert.deepEqual(words.caveats(record({ width: 640, height: 600 }), 90, card), []);
  assert.match(
    words.caveats(record({ width: 3000, height: 2000 }), 40, card).join(' '),
    /640 px.*JPEG quality about 40/,
  );
  assert.match(words.caveats(record({ width: 300, height: 300 }), null, card).join(' '), /It is small/);
});

test('what a file declares cannot be markup, nor turn the text', () => {
  const evil = '<img src=x onerror=alert(1)>"\'&\u202egpj.exe';
  const html = caseFile({
    record: record({ path: evil, declared: 'camera', declared_by: evil, signature: 'valid', model: evil }),
    details: { sha256: 'ab12', quality: 30, bytes: 1234567 },
    info: {
      model: evil,
      modelSha256: 'cd34',
      variant: 'v',
      provider: 'wasm',
      operatingPoint: 'fpr1',
      prior: 0.5,
      card,
      secondModel: null,
      secondCard: null,
    },
    copies: { plain: 'data:image/jpeg;base64,AA==', heat: 'data:image/jpeg;base64,AB==' },
    prior: 0.05,
    date: new Date('2026-01-02T03:04:05Z'),
  });
  assert.doesNotMatch(html, /<img src=x/);
  assert.ok(!html.includes('\u202e'));
  assert.match(html, /&lt;img src=x onerror=alert\(1\)&gt;/);
  assert.doesNotMatch(html, /<script|https?:|onerror=alert\(1\)>/);
  for (const part of [
    'ab12',
    'f00',
    '2026-01-02T03:04:05.000Z',
    '1,234,567 bytes',
    'One of the two is wrong',
    'AA==',
    'AB==',
    'JPEG quality about 30',
    'A hint, never proof',
    'Where 1 picture in 20 is AI',
    '&quot;logit&quot;: 5',
    card.test.set.slice(0, 30),
  ]) {
    assert.ok(html.includes(part), part);
  }
});

test('an answer with a second opinion says so, and has the figures of its own card', () => {
  const info = { card, secondModel: 'm-v1+n-v2', secondCard: tested(0.1) };
  const both = record({ schema: 3, model: 'm-v1+n-v2', logit_pixels: 1, logit_scene: -0.25 });
  assert.equal(second.cardOf(both, info), info.secondCard);
  assert.equal(second.cardOf(record(), info), card);
  const meaning = words.meaning(both, second.cardOf(both, info)).join(' ');
  assert.match(meaning, /10 % of the 100 that the model was tested on/);
  assert.match(second.told(both).join(' '), /has a second opinion.*The heat map is that of the pixels alone/);
  assert.doesNotMatch(second.told({ ...both, reason: 'too_small' }).join(' '), /heat map/);
  assert.deepEqual(second.told(record()), []);
  assert.deepEqual(second.opinions(both), [
    ['Pixels', 'logit 1.00 (m-v1)'],
    ['Whole picture', 'logit -0.25 (n-v2)'],
    ['Both together', 'logit 5.00'],
  ]);
  assert.deepEqual(second.opinions(record()), []);
});

test('two networks that disagree as none were seen to decide nothing', () => {
  const apart = record({ schema: 3, verdict: 'unsure', lean: 'ai', reason: 'disagree', p_ai: 0.7 });
  assert.equal(words.headline(apart), 'Unsure');
  const said = words.meaning(apart, card).join(' ');
  assert.match(said, /disagree, more than on any picture that was measured/);
  assert.doesNotMatch(said, /It leans|is said from/);
});

test('the heat map is orange for AI, blue against it, and clear where nothing speaks', () => {
  const map = colours({ width: 2, height: 2, data: [8, -2, 0, 4] });
  assert.deepEqual([...map.subarray(0, 4)], [200, 60, 20, 153]);
  assert.deepEqual([...map.subarray(4, 8)], [30, 90, 200, 76]);
  assert.equal(map[11], 0);
  assert.equal(map[15], 153);
});

test('the list is sorted by each of its columns, ties by arrival', () => {
  const items = [
    SILENT,
    UNSURE,
    record({ declared: 'camera' }),
    SMALL,
    record({ verdict: null, p_ai: null, error: 'x' }),
    undefined,
  ].map((one, id) => ({ id, name: `picture ${10 - id}`, blob: new Blob(), state: 'done', record: one }));
  const order = (by) =>
    [...items]
      .reverse()
      .sort(SORTS[by])
      .map(({ id }) => id);
  assert.deepEqual(order('arrival'), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(order('number'), [2, 1, 0, 3, 4, 5]);
  assert.deepEqual(order('words'), [2, 1, 3, 0, 4, 5]);
  assert.deepEqual(order('declared'), [2, 0, 1, 3, 4, 5]);
  assert.deepEqual(order('name'), [5, 4, 3, 2, 1, 0]);
});
