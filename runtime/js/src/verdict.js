/** Logit -> calibrated probability -> words. */

/** The base rate that calibration and thresholds are made for: half of all images AI. */
export const PRIOR = 0.5;

/**
 * Calibrated probability: temperature scaling (Guo et al. 2017, arXiv 1706.04599) with a bias (Platt 1999).
 *
 * @param {number} logit
 * @param {number} temperature
 * @param {number} bias
 * @returns {number} 1 / (1 + exp(-(logit / temperature + bias)))
 */
export function probability(logit, temperature, bias) {
  const z = logit / temperature + bias;
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

/**
 * A probability for even odds, turned into one for another base rate (Bayes's rule).
 *
 * @param {number} p 0..1
 * @param {number} prior 0..1, both ends excluded
 * @returns {number} 0..1
 */
export function withPrior(p, prior) {
  const ai = p * prior;
  const real = (1 - p) * (1 - prior);
  return prior === PRIOR || ai + real === 0 ? p : ai / (ai + real);
}

/**
 * The words for a calibrated probability at even odds. There is a lean only where the verdict is "unsure", and none
 * for an image that is too small to judge.
 *
 * @param {number} pAi 0..1
 * @param {number} shortSide px
 * @param {number} minimumShortSide px, the card's
 * @param {import('./card.js').OperatingPoint} point
 * @returns {Pick<import('./prediction.js').Prediction, 'verdict' | 'lean' | 'reason'>}
 */
export function decide(pAi, shortSide, minimumShortSide, point) {
  if (shortSide < minimumShortSide) return { verdict: 'unsure', lean: null, reason: 'too_small' };
  if (pAi >= point.threshold) return { verdict: 'ai', lean: null, reason: 'threshold' };
  if (pAi < point.noSignBelow) return { verdict: 'no_sign', lean: null, reason: 'threshold' };
  return { verdict: 'unsure', lean: pAi >= 0.5 ? 'ai' : 'no_sign', reason: 'band' };
}
