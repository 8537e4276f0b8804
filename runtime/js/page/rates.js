/**
 * How often such an answer is right, by how common AI pictures are where yours come from: Bayes's rule on the rates of
 * the card's test, told in natural frequencies (Gigerenzer and Hoffrage 1995, doi 10.1037/0033-295X.102.4.684).
 */
import { WORDS } from './src/prediction.js';
import { PRIOR, withPrior } from './src/verdict.js';
import { chance, count, testPoint } from './words.js';

/** What the slider offers: this many pictures in so many are AI. */
export const PRIORS = /** @type {const} */ ([
  [1, 1000],
  [1, 500],
  [1, 200],
  [1, 100],
  [1, 50],
  [1, 20],
  [1, 10],
  [1, 5],
  [1, 3],
  [1, 2],
  [2, 3],
  [4, 5],
  [9, 10],
]);

/** @param {number} prior 0..1 @returns {number} the place in PRIORS that is nearest, in log-odds */
export function nearest(prior) {
  const far = PRIORS.map(([few, all]) => Math.abs(logit(few / all) - logit(prior)));
  return far.indexOf(Math.min(...far));
}

/**
 * Where the slider starts: at the base rate that was chosen for the engine. Even odds are nobody's choice but the
 * calibration's convention, and it starts in its middle.
 *
 * @param {number | null} prior the record's, 0..1
 * @returns {number} a place in PRIORS
 */
export function start(prior) {
  return prior === null || prior === PRIOR ? PRIORS.length >> 1 : nearest(prior);
}

/** @param {number} prior 0..1 @returns {string} "1 picture in 20" */
export function inWords(prior) {
  const [few, all] = PRIORS[nearest(prior)];
  return `${few} picture${few > 1 ? 's' : ''} in ${count(all)}`;
}

/**
 * A number for one base rate, turned into one for another.
 *
 * @param {number} p 0..1, as it holds where a share `from` of all pictures is AI
 * @param {number} from 0..1, both ends excluded
 * @param {number} to likewise
 * @returns {number} 0..1
 */
export function rebased(p, from, to) {
  return withPrior(withPrior(p, 1 - from), to);
}

/**
 * The share of pictures called "ai" that are AI.
 *
 * @param {number} recall of AI pictures, the share that is called "ai", 0..1
 * @param {number} fpr of photographs, the same
 * @param {number} prior the share of AI pictures, 0..1
 * @returns {number} 0..1; NaN where nothing is ever called "ai"
 */
export function precision(recall, fpr, prior) {
  return (recall * prior) / (recall * prior + fpr * (1 - prior));
}

/** @param {number} p 0..1 @param {number} all 10 or 100 @returns {string} "6", "more than 99", "fewer than 1" */
function outOf(p, all) {
  const found = Math.round(p * all);
  if (found === all) return p === 1 && all === 10 ? '10' : `more than ${all - 1}`;
  return found === 0 ? 'fewer than 1' : String(found);
}

/**
 * What the answer is worth at a base rate, in sentences.
 *
 * @param {import('./words.js').Answer} record
 * @param {any} card the raw card
 * @param {number} prior 0..1
 * @returns {string[]} none where the model was not tested, or the picture is too small to judge
 */
export function worth(record, card, prior) {
  const test = testPoint(card, record.operating_point);
  if (!test || record.p_ai === null || record.reason === 'too_small') return [];
  const said = record.verdict === 'ai' ? right(test, prior) : missed(record, test, prior);
  const own = rebased(record.p_ai, record.prior ?? PRIOR, prior);
  return [...said, `The number of this very picture would read “${chance(own)}” there.`];
}

/** @param {import('./words.js').TestPoint} test @param {number} prior @returns {string[]} of "strong signs" */
function right({ recall, fpr, recall_interval: caught, fpr_interval: accused }, prior) {
  if (recall == null || fpr == null) return [];
  const middle = precision(recall, fpr, prior);
  if (Number.isNaN(middle)) return [];
  const all = middle > 0.095 && middle < 0.905 ? 10 : 100;
  let said = `Where ${inWords(prior)} ${isOrAre(prior)} AI, ${outOf(middle, all)} of ${all} such answers are right`;
  if (caught && accused) {
    const least = outOf(precision(caught[0], accused[1], prior), all);
    const most = outOf(precision(caught[1], accused[0], prior), all);
    if (least !== most) said += `; as the test was small, it may be ${least} or ${most} of ${all}`;
  }
  return [`${said}.`];
}

/**
 * How many AI pictures get this answer too, and, where the card says what photographs get, their share of all that do.
 *
 * @param {import('./words.js').Answer} record
 * @param {import('./words.js').TestPoint} test
 * @param {number} prior
 * @returns {string[]}
 */
function missed(record, test, prior) {
  const { recall, fpr, ai_called_no_sign: none, real_called_no_sign: passed } = test;
  if (none == null || recall == null || record.verdict === null) return [];
  const silent = record.verdict === 'no_sign';
  const such = 1000 * prior * (silent ? none : 1 - recall - none);
  const some = such < 1 ? 'fewer than 1' : String(Math.round(such));
  const sentences = [
    `Where ${inWords(prior)} ${isOrAre(prior)} AI, ${count(Math.round(1000 * prior))} of 1,000 are, and ${some} of ` +
      `these ${some === '1' ? 'gets' : 'get'} “${WORDS[record.verdict]}” too.`,
  ];
  if (passed == null || fpr == null) return sentences;
  const real = Math.round(1000 * (1 - prior) * (silent ? passed : 1 - fpr - passed));
  const all = count(Math.round(such) + real);
  return [...sentences, `So do ${count(real)} photographs: ${some} of ${all} such answers are about AI.`];
}

/** @param {number} prior */
function isOrAre(prior) {
  return PRIORS[nearest(prior)][0] > 1 ? 'are' : 'is';
}

/** @param {number} p 0..1 */
function logit(p) {
  return Math.log(p / (1 - p));
}
