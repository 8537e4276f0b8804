/** fauxto: tells AI-generated pictures from photographs, in a browser or in Node, without sending a picture anywhere. */
import { RemoteDetector } from './remote.js';

/** @typedef {import('./detector.js').Settings} Settings */
/** @typedef {import('./detector.js').Info} Info */
/** @typedef {import('./decode.js').Source} Source */
/** @typedef {import('./explain.js').HeatMap} HeatMap */
/** @typedef {import('./prediction.js').Prediction} Prediction */
/** @typedef {import('./detector.js').Detector | RemoteDetector} Detector */

/** Looks for signs of AI generation in images: in a page by a worker, elsewhere on the calling thread. */
export const Detector = {
  /**
   * Load a model.
   *
   * @param {Settings} [settings]
   * @returns {Promise<Detector>}
   */
  async load(settings) {
    if (typeof document !== 'undefined') return RemoteDetector.load(settings); // the worker loads the rest
    const local = await import('./detector.js');
    return local.Detector.load(settings);
  },
};

export { EngineError, FauxtoError, ImageError, ModelError } from './errors.js';
export { SCHEMA, WORDS } from './prediction.js';
export { PRIOR, withPrior } from './verdict.js';
