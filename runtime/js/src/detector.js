/** Detector: decoding, preprocessing, session and verdict, in a row, on this thread. */
import * as cards from './card.js';
import { IN_NODE, isPixels, load, readBytes } from './decode.js';
import { EngineError, FauxtoError, ImageError } from './errors.js';
import { heatMap } from './explain.js';
import { modelFile, openModel } from './model.js';
import { cutCrops, normalise, pool } from './preprocess.js';
import { prediction } from './prediction.js';
import { declaration } from './provenance.js';
import { nameOf, predictMany } from './sources.js';
import { PRIOR, decide, probability, withPrior } from './verdict.js';

/** @typedef {import('./decode.js').Source} Source */
/** @typedef {import('./prediction.js').Prediction} Prediction */
/** @typedef {'auto' | import('./session.js').Engine} EngineName */

/**
 * @typedef {object} Settings
 * @property {string | URL | null} [model] folder with a card.json and the files it names, by URL, or by path in Node;
 *   default: the released model, which comes with the package
 * @property {EngineName} [engine] "wasm" or "webgpu" in a browser, "cpu" in Node; default "auto": in a browser WebGPU
 *   where it is right on the golden images and faster than WebAssembly here, else WebAssembly
 * @property {string | null} [variant] a name from the card's variants; default: the card's choice for the engine
 * @property {string | null} [operatingPoint] a name from the card; default: the card's own
 * @property {number} [prior] the share of AI images where yours come from; it moves p_ai, never the verdict
 * @property {boolean} [provenance] also read what each file declares of itself
 * @property {number | null} [threads] default: the usable cores; in a browser at most 4, and 1 where the page is not
 *   isolated (crossOriginIsolated)
 * @property {string | URL | null} [library] in a browser: folder with onnxruntime-web's files; default: beside the package
 */

/**
 * @typedef {object} Info what answers
 * @property {string} model name and release, "fauxto-r18-v6"
 * @property {string} modelSha256 of the file that runs, checked against the card
 * @property {string} variant which of the model's files that is
 * @property {import('./session.js').Engine} provider what runs it
 * @property {string} operatingPoint
 * @property {number} prior
 */

/** Looks for signs of AI generation in images. `Detector.load` makes one. */
export class Detector {
  /**
   * @param {cards.Card} card as it holds for the variant in use
   * @param {import('./session.js').Session} session
   * @param {Info} info
   * @param {boolean} [provenance] whether to read what each file declares of itself
   */
  constructor(card, session, info, provenance = false) {
    this.card = card;
    this.session = session;
    this.info = info;
    this.provenance = provenance;
    this.point = cards.operatingPoint(card, info.operatingPoint);
  }

  /**
   * @param {Settings} [settings]
   * @returns {Promise<Detector>}
   */
  static async load(settings = {}) {
    const { model, engine = 'auto', variant, operatingPoint, prior = PRIOR, provenance, threads, library } = settings;
    if (!(prior > 0 && prior < 1)) {
      throw new FauxtoError(`prior ${prior}: the share of AI images must lie between 0 and 1`);
    }
    checkEngine(engine);
    const sessions = await (IN_NODE ? import('./session_node.js') : import('./session_browser.js'));
    sessions.prepare({ engine, threads, library });
    const opened = await openModel(model);
    const point = cards.operatingPoint(opened.card, operatingPoint);
    const network = networks(opened, variant);
    network(engine === 'webgpu' ? 'webgpu' : 'wasm'); // its file is on its way while onnxruntime is loaded
    const session = await sessions.open({ engine, network, threads, library });
    const info = {
      model: session.card.release,
      modelSha256: session.card.files[session.variant.file],
      variant: session.variant.name,
      provider: session.engine,
      operatingPoint: point.name,
      prior,
    };
    return new Detector(session.card, session, info, provenance);
  }

  /**
   * The answer for one image. A bad image gives a record with status "error".
   *
   * @param {Source} source
   * @param {{name?: string | null, strict?: boolean}} [options] name: what the answer is called (its `path`), default:
   *   a file's own name; strict: throw ImageError where the image cannot be read
   * @returns {Promise<Prediction>}
   */
  async predict(source, { name = nameOf(source), strict = false } = {}) {
    const started = performance.now();
    try {
      const data = isPixels(source) ? source : await readBytes(source);
      const told = this.provenance && data instanceof Uint8Array ? await declaration(data) : {};
      const image = await load(data);
      const { preprocessing } = this.card;
      const logit = pool(await this.session.run(normalise(cutCrops(image, preprocessing), preprocessing)), preprocessing);
      if (!Number.isFinite(logit)) throw new ImageError("the model's answer is no number; try another engine");
      return { ...this.record(name, image, logit, performance.now() - started), ...told };
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      if (strict) throw new ImageError(error.reason, name);
      return prediction({ path: name, status: 'error', error: error.reason, model: this.card.release });
    }
  }

  /**
   * Answers in the order of `sources`, one by one, as soon as they are known.
   *
   * @param {Iterable<Source> | AsyncIterable<Source>} sources
   * @returns {AsyncGenerator<Prediction, void>}
   */
  predictMany(sources) {
    return predictMany(sources, (source) => this.predict(source));
  }

  /**
   * Where the evidence lies in one image.
   *
   * @param {Source} source
   * @returns {Promise<import('./explain.js').HeatMap>}
   * @throws {ImageError} the image cannot be read
   */
  async explain(source) {
    const { temperature, bias } = this.card.calibration;
    return heatMap(await load(source), this.card.preprocessing, async (crop) => {
      const { logit, cells, width, height } = await this.session.evidence(crop);
      const head = logit - cells.reduce((sum, cell) => sum + cell, 0) / cells.length; // the head's own bias
      return { data: cells.map((cell) => (cell + head) / temperature + bias), width, height };
    });
  }

  /** Give the model's memory back. */
  close() {
    return this.session.close();
  }

  /**
   * @param {string | null} path
   * @param {{width: number, height: number}} image px
   * @param {number} logit
   * @param {number} ms
   * @returns {Prediction}
   */
  record(path, { width, height }, logit, ms) {
    const { card, point, info } = this;
    const pAi = probability(logit, card.calibration.temperature, card.calibration.bias);
    return prediction({
      path,
      ...decide(pAi, Math.min(width, height), card.minimumShortSide, point),
      p_ai: withPrior(pAi, info.prior),
      prior: info.prior,
      logit,
      operating_point: point.name,
      threshold: withPrior(Math.min(point.threshold, 1), info.prior),
      width,
      height,
      model: info.model,
      model_sha256: info.modelSha256,
      provider: info.provider,
      elapsed_ms: Math.round(ms * 100) / 100,
    });
  }
}

/**
 * @param {import('./model.js').Model} model
 * @param {string | null} [wanted] name of the variant for every engine; default: the card's choice for each
 * @returns {(engine: import('./session.js').Engine) => import('./session.js').Network} what an engine runs, fetched once
 */
function networks(model, wanted) {
  /** @type {Map<string, import('./session.js').Network>} */
  const known = new Map();
  return (engine) => {
    const variant = cards.variantOf(model.card, engine, wanted);
    const found = known.get(variant.name);
    if (found) return found;
    const bytes = modelFile(model, variant.file);
    bytes.catch(() => {}); // it is thrown where it is awaited
    const network = { variant, card: cards.ofVariant(model.card, variant), bytes };
    known.set(variant.name, network);
    return network;
  };
}

/**
 * @param {EngineName} engine
 * @throws {EngineError} there is no such engine here
 */
function checkEngine(engine) {
  const known = IN_NODE ? ['auto', 'cpu'] : ['auto', 'wasm', 'webgpu'];
  if (!known.includes(engine)) {
    throw new EngineError(`engine '${engine}' is not one of ${known.join(', ')} in ${IN_NODE ? 'Node' : 'a browser'}`);
  }
}
