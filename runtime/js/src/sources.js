/** What a detector and its remote do alike with the pictures that they are given. */

/** @typedef {import('./decode.js').Source} Source */
/** @typedef {import('./prediction.js').Prediction} Prediction */

/**
 * @param {Iterable<Source> | AsyncIterable<Source>} sources
 * @param {(source: Source) => Promise<Prediction>} predict
 * @returns {AsyncGenerator<Prediction, void>} while one image is judged, the next one is decoded
 */
export async function* predictMany(sources, predict) {
  /** @type {Promise<Prediction>[]} */
  const waiting = [];
  for await (const source of sources) {
    const next = predict(source);
    next.catch(() => {}); // it is thrown where it is awaited
    waiting.push(next);
    if (waiting.length > 1) yield /** @type {Promise<Prediction>} */ (waiting.shift());
  }
  yield* waiting;
}

/** @param {Source} source @returns {string | null} */
export function nameOf(source) {
  if (typeof source === 'string') return source;
  return typeof File !== 'undefined' && source instanceof File ? source.name : null;
}
