/** A detector in a worker of its own: decoding and inference, so that the page never freezes. See remote.js. */
import { Detector } from './detector.js';

const scope = /** @type {any} */ (globalThis);

/** @type {Detector | undefined} */
let detector;

/** @type {Readonly<Record<string, (...given: any[]) => Promise<unknown>>>} */
const METHODS = {
  async load(settings) {
    detector = await Detector.load(settings);
    return { info: detector.info, card: detector.card };
  },
  predict: async (source, options) => loaded().predict(source, options),
  explain: async (source) => loaded().explain(source),
};

function loaded() {
  if (!detector) throw new Error('the worker has no model yet');
  return detector;
}

scope.onmessage = async (/** @type {MessageEvent} */ { data: { id, method, given } }) => {
  try {
    scope.postMessage({ id, result: await METHODS[method](...given) });
  } catch (error) {
    const { name, message, reason, path } = /** @type {any} */ (error);
    scope.postMessage({ id, error: { name, message, reason, path } });
  }
};
