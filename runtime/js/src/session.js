/** The network itself, on onnxruntime: crops in, logits out. */
import { EngineError, ModelError } from './errors.js';

/** @typedef {'wasm' | 'webgpu' | 'cpu'} Engine */

/**
 * @typedef {object} Evidence of one crop
 * @property {number} logit
 * @property {Float32Array} cells (height, width): what each cell adds to the logit
 * @property {number} width cells
 * @property {number} height cells
 */

/**
 * @typedef {object} Options
 * @property {import('./detector.js').EngineName} engine
 * @property {(engine: Engine) => Network} network what an engine is to run
 * @property {number | null} [threads] default: the usable CPUs; in a browser at most 4, and 1 where the page is not isolated
 * @property {string | URL | null} [library] in a browser: folder with onnxruntime-web's files
 */

/**
 * @typedef {object} Network one file of the model
 * @property {import('./card.js').Variant} variant
 * @property {import('./card.js').Card} card as it holds for the variant
 * @property {Promise<Uint8Array<ArrayBuffer>>} bytes which may still be on their way
 */

/** @typedef {import('onnxruntime-common').InferenceSession} OrtSession */
/** @typedef {typeof import('onnxruntime-common').Tensor} TensorClass */

/** An ONNX file on one engine. */
export class Session {
  /**
   * @param {OrtSession} session
   * @param {TensorClass} Tensor of the same onnxruntime
   * @param {Engine} engine
   * @param {Network} network that it runs
   */
  constructor(session, Tensor, engine, { variant, card }) {
    if (!session.outputNames.includes('logit')) throw new ModelError("the model has no output 'logit'; export it again");
    this.engine = engine;
    this.session = session;
    this.Tensor = Tensor;
    this.variant = variant;
    this.card = card;
  }

  /**
   * @param {Float32Array} crops (N, 3, S, S)
   * @returns {Promise<Float32Array>} (N,) logits
   */
  async run(crops) {
    const { logit } = await this.outputs(crops, ['logit']);
    return /** @type {Float32Array} */ (logit.data);
  }

  /**
   * @param {Float32Array} crop (1, 3, S, S)
   * @returns {Promise<Evidence>}
   */
  async evidence(crop) {
    if (!this.session.outputNames.includes('evidence')) {
      throw new ModelError('this model has no evidence output; export it again');
    }
    const { logit, evidence } = await this.outputs(crop, ['logit', 'evidence']);
    const [, height, width] = evidence.dims;
    const cells = /** @type {Float32Array} */ (evidence.data);
    return { logit: Number(logit.data[0]), cells, width, height };
  }

  /** Give its memory back. */
  close() {
    return this.session.release();
  }

  /** @param {Float32Array} crops @param {string[]} names */
  async outputs(crops, names) {
    const side = this.card.preprocessing.cropSize;
    const input = new this.Tensor('float32', crops, [crops.length / (3 * side * side), 3, side, side]);
    return this.session.run({ [this.session.inputNames[0]]: input }, names);
  }
}

/**
 * @param {() => Promise<OrtSession>} create
 * @param {string} file names the model in errors
 * @param {string} engine
 * @returns {Promise<OrtSession>}
 */
export async function created(create, file, engine) {
  try {
    return await create();
  } catch (error) {
    const reason = String(/** @type {Error} */ (error)?.message ?? error).split('\n')[0];
    const Kind = engine === 'webgpu' ? EngineError : ModelError;
    throw new Kind(`${file}: onnxruntime cannot load it on ${engine} (${reason})`);
  }
}
