/** fauxto: tells AI-generated pictures from photographs, in a browser or in Node, without sending a picture anywhere. */
import { Detector as Local } from './detector.js';
import { RemoteDetector } from './remote.js';

/** @typedef {import('./detector.js').Settings} Settings */
/** @typedef {import('./detector.js').Info} Info */
/** @typedef {import('./decode.js').Source} Source */
/** @typedef {import('./explain.js').HeatMap} HeatMap */
/** @typedef {import('./prediction.js').Prediction} Prediction */
/** @typedef {Local | RemoteDetector} Detector */

/** Looks for signs of AI generation in images: in a page by a worker, elsewhere on the calling thread. */
export const Detector = {
  /**
   * Load a model.
   *
   * @param {Settings} [settings]
   * @returns {Promise<Detector>}
   */
  load(settings) {
    return typeof document === 'undefined' ? Local.load(settings) : RemoteDetector.load(settings);
  },
};

export { EngineError, FauxtoError, ImageError, ModelError } from './errors.js';
export { SCHEMA, WORDS } from './prediction.js';
export { PRIOR, withPrior } from './verdict.js';
