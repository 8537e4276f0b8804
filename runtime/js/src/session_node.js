/** onnxruntime-node, on the CPU. */
import { availableParallelism } from 'node:os';
import { EngineError } from './errors.js';
import { Session, created } from './session.js';

/**
 * @param {Uint8Array} bytes of the ONNX file
 * @param {string} file names it in errors
 * @param {number} cropSize px
 * @param {number | null} [threads] default: the usable CPUs
 * @returns {Promise<Session>}
 */
export async function openOnCpu(bytes, file, cropSize, threads) {
  // onnxruntime reports home unless it is told not to before it is loaded.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const ort = await library();
  const settings = { intraOpNumThreads: threads ?? availableParallelism(), logSeverityLevel: /** @type {const} */ (3) };
  const session = await created(() => ort.InferenceSession.create(bytes, settings), file, 'cpu');
  return new Session(session, ort.Tensor, 'cpu', cropSize);
}

async function library() {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    const reason = /** @type {Error} */ (error).message.split('\n')[0];
    throw new EngineError(`onnxruntime-node is needed in Node: npm install onnxruntime-node (${reason})`);
  }
}
