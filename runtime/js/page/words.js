/** What an answer says to a person. Every figure is the card's, of its test split; the words are Python's. */
import { WORDS } from './src/prediction.js';
import { PRIOR } from './src/verdict.js';

/** @typedef {import('./src/prediction.js').Prediction} Prediction */
/** @typedef {Omit<Prediction, 'signature' | 'reason'> & {signature: string | null,
 *   reason: Prediction['reason'] | 'disagree', logit_pixels?: number | null, logit_scene?: number | null}} Answer
 *   what either engine gives; the last two of a server's second opinion, and "disagree": it says another thing */
/** @typedef {{fpr?: number | null, fpr_interval?: [number, number] | null, recall?: number | null,
 *   recall_interval?: [number, number] | null, ai_called_no_sign?: number | null, real_called_no_sign?: number | null,
 *   n_ai: number, n_real: number}} TestPoint */

/** What holds for every answer. */
export const LIMITS = [
  'The model judges the look of the pixels, not whether what is shown is true.',
  'It was not made for drawings, renderings, screenshots, or pictures of a screen.',
  'A new generator may leave no sign that it knows; an edit of a real photograph may go unnoticed.',
  'Its figures hold for the pictures of its test; they differ on other kinds, and on ones picked for looking odd.',
];

/** Short side under which the page says that more pixels would help, and JPEG quality under which it names that. */
const FEW_PIXELS = 512;
const LOW_QUALITY = 50;

/** Controls, line separators, and marks that turn the direction of the text. */
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** @param {string} text @returns {string} one line that shows its control characters in place of obeying them */
export function visible(text) {
  return text.replace(UNSAFE, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** @param {Answer} record @returns {string} "Strong signs of AI" */
export function headline(record) {
  if (record.reason === 'too_small') return 'Too small to say';
  const words = record.verdict ? WORDS[record.verdict] : 'cannot be read';
  return words[0].toUpperCase() + words.slice(1);
}

/** @param {Answer} record @returns {string} what nobody may do with it */
export function proof({ verdict }) {
  const never =
    verdict === 'ai'
      ? ' Do not accuse anyone with it.'
      : verdict === 'no_sign'
        ? ' Do not trust a picture because of it.'
        : '';
  return `A hint, never proof.${never}`;
}

/** @param {number} p 0..1 @returns {string} "AI 11 %"; never 0 or 100: a model is not that certain */
export function chance(p) {
  const rounded = evenly(100 * p);
  return `AI ${rounded === 0 ? '< 1' : rounded === 100 ? '> 99' : rounded} %`;
}

/** @param {Answer} record @returns {string} its number in words; none for a picture that cannot be judged */
export function number(record) {
  return record.p_ai === null || record.reason === 'too_small' ? '' : chance(record.p_ai);
}

/** @param {Answer} record @returns {string} the base rate that its number is for: "if half of such pictures are AI" */
export function condition(record) {
  const prior = record.prior ?? PRIOR;
  return `if ${prior === PRIOR ? 'half' : share(prior)} of such pictures are AI`;
}

/** @param {number} value 0..1 @returns {string} per cent, with one decimal under 10: "1.1 %", "28 %" */
export function share(value) {
  return `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;
}

/** @param {number} count @returns {string} "1,000" */
export function count(count) {
  return count.toLocaleString('en');
}

/**
 * Test's figures at an operating point, on pictures as they were found.
 *
 * @param {any} card the raw card
 * @param {string | null} point
 * @returns {TestPoint | null} null where the model was not tested
 */
export function testPoint(card, point) {
  const clean = card.test?.conditions?.clean;
  const found = clean?.operating_points?.[point ?? card.default_operating_point];
  return found ? { n_ai: clean.n_ai, n_real: clean.n_real, ...found } : null;
}

/**
 * What the word means, with what was measured behind it.
 *
 * @param {Answer} record
 * @param {any} card the raw card
 * @returns {string[]} sentences
 */
export function meaning(record, card) {
  const test = testPoint(card, record.operating_point);
  if (record.verdict === 'ai') return meaningOfAi(test);
  if (record.verdict === 'no_sign') return meaningOfNoSign(test);
  if (record.reason === 'too_small') {
    const short = Math.min(record.width ?? 0, record.height ?? 0);
    return [
      `Its short side has ${short} px, and ${card.minimum_short_side} px or more are needed.`,
      'Look for a larger copy.',
    ];
  }
  if (record.reason === 'disagree') {
    return [
      'What looks at the pixels and what looks at the whole picture disagree, more than on any picture that was ' +
        'measured.',
      'So how often such a number is wrong is not known, and nothing is decided.',
    ];
  }
  const leaning = record.lean === 'ai' ? 'It leans to AI' : 'It does not lean to AI';
  const from = `“${WORDS.ai}” is said from ${chance(record.threshold ?? 1)} on, so that few photographs get it`;
  return [
    'Its score lies where photographs and AI pictures are both found, so the model does not decide.',
    `${leaning}; ${from}.`,
  ];
}

/** @param {TestPoint | null} test @returns {string[]} */
function meaningOfAi(test) {
  let said = 'Few real photographs score this high, but some do';
  if (test?.fpr != null) {
    const most = test.fpr_interval ? ` (at most ${share(test.fpr_interval[1])}, 95 % interval)` : '';
    said += `: ${share(test.fpr)} of the ${count(test.n_real)} that the model was tested on${most}`;
    said += ', and more where pictures are of another kind';
  }
  return [`${said}.`, 'This may be one of them.'];
}

/** @param {TestPoint | null} test @returns {string[]} */
function meaningOfNoSign(test) {
  let said =
    'This is no sign of a photograph either: new generators, and edits of real photographs, may score this low';
  if (test?.ai_called_no_sign != null) {
    said += `, as ${share(test.ai_called_no_sign)} of the ${count(test.n_ai)} AI pictures of the test did`;
  }
  return [`${said}.`];
}

/**
 * What the file and the model say against each other, which is shown before all else.
 *
 * @param {Answer} record
 * @returns {string | null}
 */
export function contradiction(record) {
  if (record.declared === 'camera' && record.verdict === 'ai') {
    const signed =
      record.signature === 'valid'
        ? 'What the file says is signed, and nothing was changed since'
        : 'What a file says can be copied from another file';
    return (
      'The file says that a camera took it, and the model finds strong signs of AI. One of the two is wrong. ' +
      `${signed}; the model errs on some photographs.`
    );
  }
  if (record.declared === 'ai' && record.verdict === 'no_sign') {
    return (
      'The file itself says that AI made it, and the model finds no sign of that. ' +
      'The model misses many AI pictures, so the file’s word weighs more; ' +
      'yet such a note can be written into any file: look for an earlier copy.'
    );
  }
  return null;
}

const DECLARED = new Map([
  ['ai', 'made by AI'],
  ['camera', 'taken by a camera'],
  ['edited', 'edited'],
  ['nothing', 'nothing'],
]);
const SIGNED = new Map([
  ['valid', 'Its signature is valid: nothing was changed since it was signed, by whomever.'],
  ['expired', 'Nothing was changed since it was signed, but the signer’s certificate has run out.'],
  ['invalid', 'Its signature is broken: the picture or the note was changed after it was signed.'],
  ['unverified', 'No signature was checked, and such a note can be written into any file.'],
]);

/** @param {Answer} record @returns {string} for the list: "made by AI"; empty where nothing is declared or was read */
export function declares(record) {
  return record.declared && record.declared !== 'nothing' ? (DECLARED.get(record.declared) ?? record.declared) : '';
}

/** @param {Answer} record @returns {string[]} what the file says of itself, in sentences */
export function declaration(record) {
  if (record.declared === null) return ['What the file says of itself was not read here.'];
  if (record.declared === 'nothing')
    return ['The file says nothing of where it comes from, which is no evidence either way.'];
  const by = record.declared_by ? ` (${visible(record.declared_by)})` : '';
  const checked = SIGNED.get(record.signature ?? 'unverified') ?? '';
  return [`The file says: ${declares(record)}${by}.`, checked, 'It has no part in the number above.'];
}

/**
 * What of the picture's size and compression weakens the answer.
 *
 * @param {Answer} record
 * @param {number | null} quality of its JPEG file, 1..100
 * @param {any} card the raw card
 * @returns {string[]} sentences
 */
export function caveats(record, quality, card) {
  const short = Math.min(record.width ?? 0, record.height ?? 0);
  const largest = card.input.max_short_side;
  if (record.reason === 'too_small') return [];
  return [
    short > largest &&
      `It was looked at with a short side of ${largest} px; a small edit in a large picture can be lost.`,
    short < FEW_PIXELS && 'It is small: the more of the original’s pixels there are, the better.',
    quality !== null &&
      quality < LOW_QUALITY &&
      `It is strongly compressed (JPEG quality about ${quality}): an earlier copy would say more.`,
  ].filter((text) => typeof text === 'string');
}

/**
 * What the model did on its test, in one sentence.
 *
 * @param {any} card the raw card
 * @param {string | null} point
 * @returns {string} empty where nothing was measured
 */
export function measured(card, point) {
  const test = testPoint(card, point);
  if (test?.fpr == null) return '';
  const ai = [
    test.recall != null && `${share(test.recall)} got “${WORDS.ai}”`,
    test.ai_called_no_sign != null && `${share(test.ai_called_no_sign)} got “${WORDS.no_sign}”`,
  ].filter(Boolean);
  const tested = `Of the ${count(test.n_real)} photographs that the model was tested on`;
  const photographs = `${tested}, ${share(test.fpr)} got “${WORDS.ai}”`;
  return `${photographs}${ai.length ? `; of the ${count(test.n_ai)} AI pictures, ${ai.join(' and ')}` : ''}.`;
}

/**
 * What is to be expected of many pictures: a rate that is small for one is not for a hundred.
 *
 * @param {readonly any[]} cards for each picture, the raw card of what looks at it
 * @param {string | null} point
 * @returns {string} empty where less than one mistake is to be expected
 */
export function mistakes(cards, point) {
  const expected = Math.round(cards.reduce((sum, card) => sum + (testPoint(card, point)?.fpr ?? 0), 0));
  return expected
    ? `Were all ${count(cards.length)} photographs, about ${count(expected)} would get “${WORDS.ai}” by mistake.`
    : '';
}

/** @param {number} value not negative @returns {number} rounded, halves to the even neighbour, as in Python */
function evenly(value) {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}
