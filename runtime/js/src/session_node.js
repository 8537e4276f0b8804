/** onnxruntime-node, on the CPU. */
import { availableParallelism } from 'node:os';
import { EngineError } from './errors.js';
import { Session, created } from './session.js';

/** Nothing has to come from anywhere: see session_browser.js. */
export function prepare() {
  // onnxruntime reports home unless it is told not to before it is loaded.
  process.env.ORT_DISABLE_TELEMETRY = '1';
}

/** @param {import('./session.js').Options} options @returns {Promise<Session>} with as many threads as there are CPUs, by default */
export async function open({ network, threads }) {
  const ort = await library();
  const chosen = network('cpu');
  const onnx = await chosen.bytes;
  const settings = { intraOpNumThreads: threads ?? availableParallelism(), logSeverityLevel: /** @type {const} */ (3) };
  const session = await created(() => ort.InferenceSession.create(onnx, settings), chosen.variant.file, 'cpu');
  return new Session(session, ort.Tensor, 'cpu', chosen);
}

async function library() {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    const reason = /** @type {Error} */ (error).message.split('\n')[0];
    throw new EngineError(`onnxruntime-node is needed in Node: npm install onnxruntime-node (${reason})`);
  }
}
