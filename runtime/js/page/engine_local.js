/** The engine of a page without a server: fauxto.js in a worker. */
import { Detector } from './src/index.js';
import { resizeFloat } from './src/resize.js';

/** @typedef {import('./words.js').Answer} Answer */
/** @typedef {{width: number, height: number, data: ArrayLike<number>}} HeatMap log-odds of "ai", row by row */
/**
 * @typedef {object} Info what answers
 * @property {string} model name and release
 * @property {string} modelSha256
 * @property {string} variant
 * @property {string} provider
 * @property {string} operatingPoint
 * @property {number} prior
 * @property {any} card the raw card
 * @property {string | null} secondModel what answers with a second opinion; null where there is none, as in a browser
 * @property {any} secondCard likewise, its raw card
 */
/**
 * @typedef {object} Engine
 * @property {Info} info
 * @property {(blob: Blob, name: string, isSecondWanted: boolean) => Promise<Answer>} predict
 * @property {(blob: Blob) => Promise<HeatMap>} explain at most MAP_SIDE on its long side
 */

/** Long side of a heat map, cells: the network's own are five times as coarse. */
const MAP_SIDE = 128;

export const PRIVACY =
  'Your pictures stay on this device: this page judges them in your browser, and sends none anywhere.';
export const LOADING = 'Getting the model ready (on the first visit, up to 26 MB are downloaded)…';

/** @returns {Promise<Engine>} */
export async function open() {
  const library = new URL('./onnxruntime-web/', import.meta.url);
  const detector = await Detector.load({ engine: 'wasm', library, provenance: true });
  const { info, card } = detector;
  return {
    info: { ...info, card: card.raw, secondModel: null, secondCard: null },
    predict: (blob, name) => detector.predict(blob, { name }),
    async explain(blob) {
      const { data, width, height } = await detector.explain(blob);
      const scale = Math.min(1, MAP_SIDE / Math.max(width, height));
      const [columns, rows] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
      return { data: resizeFloat(data, width, height, columns, rows, 'bilinear'), width: columns, height: rows };
    },
  };
}
