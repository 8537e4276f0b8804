/** A detector whose work is done by worker.js: what a page uses. */
import { EngineError, FauxtoError, ImageError, ModelError } from './errors.js';
import { nameOf, predictMany } from './sources.js';

/** @typedef {import('./detector.js').Source} Source */
/** @typedef {import('./prediction.js').Prediction} Prediction */

const ERRORS = { FauxtoError, ModelError, EngineError };

/** Looks for signs of AI generation in images, in a worker. It has the methods of Detector. */
export class RemoteDetector {
  /** @param {Worker} worker */
  constructor(worker) {
    this.worker = worker;
    /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
    this.waiting = new Map();
    this.count = 0;
    /** @type {import('./detector.js').Info} */
    this.info = /** @type {any} */ (undefined);
    /** @type {import('./card.js').Card} */
    this.card = /** @type {any} */ (undefined);
    worker.onmessage = ({ data }) => this.settle(data);
    worker.onerror = (event) => this.fail(new EngineError(`the worker failed (${event.message ?? 'it cannot be loaded'})`));
  }

  /**
   * @param {import('./detector.js').Settings} [settings]
   * @returns {Promise<RemoteDetector>}
   */
  static async load(settings = {}) {
    const remote = new RemoteDetector(new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }));
    try {
      const { model, library, ...others } = settings;
      const absolute = { model: absoluteUrl(model), library: absoluteUrl(library) };
      const { info, card } = await remote.call('load', { ...others, ...absolute });
      remote.info = info;
      remote.card = card;
      return remote;
    } catch (error) {
      remote.close();
      throw error;
    }
  }

  /**
   * See Detector.
   *
   * @param {Source} source
   * @param {{name?: string | null, strict?: boolean}} [options]
   * @returns {Promise<Prediction>}
   */
  predict(source, { name = nameOf(source), strict = false } = {}) {
    return this.call('predict', source, { name, strict });
  }

  /**
   * See Detector.
   *
   * @param {Iterable<Source> | AsyncIterable<Source>} sources
   * @returns {AsyncGenerator<Prediction, void>}
   */
  predictMany(sources) {
    return predictMany(sources, (source) => this.predict(source));
  }

  /**
   * See Detector.
   *
   * @param {Source} source
   * @returns {Promise<import('./explain.js').HeatMap>}
   */
  explain(source) {
    return this.call('explain', source);
  }

  /** End the worker. What it was doing is given up. */
  async close() {
    this.worker.terminate();
    this.fail(new EngineError('the detector was closed'));
  }

  /** @param {string} method @param {...unknown} given @returns {Promise<any>} */
  call(method, ...given) {
    return new Promise((resolve, reject) => {
      const id = this.count++;
      this.worker.postMessage({ id, method, given }); // throws what cannot be sent
      this.waiting.set(id, { resolve, reject });
    });
  }

  /** @param {{id: number, result?: unknown, error?: any}} answer */
  settle({ id, result, error }) {
    const one = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) one?.reject(revived(error));
    else one?.resolve(result);
  }

  /** @param {Error} error */
  fail(error) {
    for (const one of this.waiting.values()) one.reject(error);
    this.waiting.clear();
  }
}

/** @param {{name: string, message: string, reason?: string, path?: string | null}} error @returns {Error} */
function revived({ name, message, reason, path }) {
  if (name === 'ImageError') return new ImageError(reason ?? message, path);
  const Kind = Object.hasOwn(ERRORS, name) ? ERRORS[/** @type {keyof typeof ERRORS} */ (name)] : Error;
  return new Kind(message);
}

/** @param {string | URL | null} [where] @returns {string | null} a worker's own address is another one */
function absoluteUrl(where) {
  return where == null ? null : new URL(where, globalThis.location.href).href;
}
