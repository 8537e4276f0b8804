/** onnxruntime-web: WebAssembly, with threads where the page is isolated, or WebGPU. */
import { EngineError } from './errors.js';
import { goldenImage } from './golden.js';
import { readChecked } from './model.js';
import { cutCrops, normalise, pool } from './preprocess.js';
import { Session, created } from './session.js';

/** The version of onnxruntime-web whose files these are. */
export const VERSION = '1.30.0';

/** @type {Readonly<Record<'wasm' | 'webgpu', Readonly<Record<'module' | 'binary', readonly [file: string, sha256: string]>>>>} */
export const FILES = {
  wasm: {
    module: ['ort.wasm.bundle.min.mjs', '11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90'],
    binary: ['ort-wasm-simd-threaded.wasm', '3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2'],
  },
  webgpu: {
    module: ['ort.webgpu.bundle.min.mjs', '0730816731ce2cdfb06f273da065d4a1c7091eb9d1756a83b2916c8a89d015e2'],
    binary: ['ort-wasm-simd-threaded.asyncify.wasm', '39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da'],
  },
};

/** Where the package's own onnxruntime-web lies: beside it in node_modules. */
const BESIDE = new URL('../../onnxruntime-web/dist/', import.meta.url);

/** Threads beyond these gain little for crops of this size, and a visitor's other pages need theirs. */
const MOST_THREADS = 4;

/** How far from the golden logits WebGPU may be: half precision stays under it. */
const BOUND = 0.02;

/** Runs of each side when WebGPU is timed against WebAssembly. */
const ROUNDS = 5;

/** @typedef {import('./session.js').Options} Options */
/** @typedef {Pick<Options, 'threads' | 'library'>} Where */

/** @type {Map<string, Promise<any>>} engine and folder -> onnxruntime */
const loaded = new Map();

/** @param {Pick<Options, 'engine' | 'threads' | 'library'>} options of the session that will be opened: what it needs is fetched */
export function prepare({ engine, ...where }) {
  load(engine === 'webgpu' ? 'webgpu' : 'wasm', where).catch(() => {}); // it is thrown where it is awaited
}

/**
 * @param {Options} options auto: WebGPU where it is right on the golden images and faster
 * @returns {Promise<Session>}
 */
export async function open(options) {
  const { engine } = options;
  if (engine === 'webgpu') return openOnGpu(options);
  const wasm = await openOn('wasm', options);
  const webgpu = engine === 'auto' && (await hasGpu()) ? await openOnGpu(options).catch(() => null) : null;
  if (!webgpu) return wasm;
  const isFaster = await isFasterThan(wasm, webgpu).catch(() => false);
  await (isFaster ? wasm : webgpu).close();
  return isFaster ? webgpu : wasm;
}

/** @param {Options} options @returns {Promise<Session>} on WebGPU, refused where it does not give the golden logits */
async function openOnGpu(options) {
  const session = await openOn('webgpu', options);
  const worst = await difference(session).catch(() => Infinity);
  if (worst <= BOUND) return session;
  await session.close();
  throw new EngineError(`webgpu answers wrongly here: ${worst} off the golden logits; use the engine wasm`);
}

/** @param {Session} session @returns {Promise<number>} max |difference| from the golden logits of its file */
async function difference(session) {
  const { card } = session;
  let worst = 0;
  for (const { picture, logit } of card.golden) {
    const crops = normalise(cutCrops(goldenImage(picture), card.preprocessing), card.preprocessing);
    const found = pool(await session.run(crops), card.preprocessing);
    worst = Math.max(worst, Number.isFinite(found) ? Math.abs(found - logit) : Infinity);
  }
  return worst;
}

/** @param {'wasm' | 'webgpu'} engine @param {Options} options @returns {Promise<Session>} */
async function openOn(engine, { network, ...where }) {
  const chosen = network(engine);
  const [ort, onnx] = await Promise.all([load(engine, where), chosen.bytes]);
  // Optimising takes longer than all else of loading, and saves 3 % of a picture; but without it int8 is computed in fp32.
  const graphOptimizationLevel = engine === 'wasm' && chosen.variant.name !== 'int8' ? 'disabled' : 'all';
  const settings = { executionProviders: [engine], logSeverityLevel: 3, graphOptimizationLevel };
  const session = await created(() => ort.InferenceSession.create(onnx, settings), chosen.variant.file, engine);
  return new Session(session, ort.Tensor, engine, chosen);
}

/** @param {'wasm' | 'webgpu'} engine @param {Where} where @returns {Promise<any>} onnxruntime, which is loaded once */
function load(engine, { threads, library }) {
  const folder = library ? new URL(library, globalThis.location.href) : BESIDE;
  const key = `${engine} ${folder.href}`;
  const found = loaded.get(key) ?? started(engine, folder, threads);
  loaded.set(key, found);
  found.catch(() => loaded.delete(key)); // the next one tries again
  return found;
}

/**
 * @param {'wasm' | 'webgpu'} engine
 * @param {URL} folder
 * @param {number | null} [threads]
 * @returns {Promise<any>} onnxruntime, its files checked
 */
async function started(engine, folder, threads) {
  const [module, binary] = ['module', 'binary'].map((part) => {
    const [name, hash] = FILES[engine][/** @type {'module' | 'binary'} */ (part)];
    return /** @type {const} */ ([new URL(name, folder), hash]);
  });
  const [wasm] = await Promise.all([readChecked(...binary), readChecked(...module)]);
  const ort = await import(module[0].href);
  ort.env.wasm.numThreads = threadsFor(threads);
  ort.env.wasm.wasmBinary ??= wasm.buffer; // what was checked is what runs: it is not fetched again
  if (engine === 'wasm') {
    // WebAssembly is compiled for the first session: an empty model starts that while the real one is on its way.
    const options = { executionProviders: ['wasm'], logSeverityLevel: 4 };
    await ort.InferenceSession.create(new Uint8Array(1), options).catch(() => {});
  }
  return ort;
}

/** @param {number | null} [wanted] @returns {number} */
export function threadsFor(wanted) {
  if (!globalThis.crossOriginIsolated) return 1; // no shared memory
  return wanted ?? Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS);
}

/** @returns {Promise<boolean>} whether there is a graphics card, and not a processor that plays one */
async function hasGpu() {
  const gpu = /** @type {any} */ (navigator).gpu;
  const adapter = await gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter ?? false);
}

/** @param {Session} wasm @param {Session} webgpu */
async function isFasterThan(wasm, webgpu) {
  const { golden, preprocessing: rule } = wasm.card;
  const crops = normalise(cutCrops(goldenImage(golden[0]?.picture ?? 0), rule), rule);
  return (await milliseconds(webgpu, crops)) < (await milliseconds(wasm, crops));
}

/** @param {Session} session @param {Float32Array} crops @returns {Promise<number>} the median of ROUNDS */
async function milliseconds(session, crops) {
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    await session.run(crops);
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1];
}
