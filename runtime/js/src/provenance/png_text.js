/** Text chunks of PNG (PNG 3rd edition, 11.3.3), inflated by the platform and never by much more than is kept. */
import { joined, latin1 } from './bytes.js';

/** Bytes of a text that are kept. */
const MAX_TEXT = 4 << 20;

/** Bytes that are inflated at once: deflate makes at most 1,032 of each. */
const PIECE = 1 << 10;

/**
 * @param {string} kind tEXt, zTXt or iTXt
 * @param {Uint8Array} content
 * @returns {Promise<[keyword: string, text: string]>} both empty where it is damaged
 */
export async function textOf(kind, content) {
  const [key, behind] = cut(content);
  let rest = behind;
  let packed = kind === 'zTXt';
  if (packed) rest = rest.subarray(1);
  else if (kind === 'iTXt') {
    packed = rest[0] === 1;
    rest = cut(cut(rest.subarray(2))[1])[1]; // language, translated keyword
  }
  const text = packed ? await inflated(rest) : rest.subarray(0, MAX_TEXT);
  if (!text) return ['', ''];
  return [latin1(key), kind === 'iTXt' ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(text) : latin1(text)];
}

/** @param {Uint8Array} bytes @returns {[before: Uint8Array, after: Uint8Array]} their first zero */
function cut(bytes) {
  const zero = bytes.indexOf(0);
  return zero < 0 ? [bytes, bytes.subarray(bytes.length)] : [bytes.subarray(0, zero), bytes.subarray(zero + 1)];
}

/**
 * @param {Uint8Array} packed by zlib
 * @returns {Promise<Uint8Array | null>} its first MAX_TEXT bytes; null where it is damaged before that
 */
async function inflated(packed) {
  const stream = new DecompressionStream('deflate');
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const write = async () => {
    for (let at = 0; at < packed.length; at += PIECE) {
      await writer.ready; // else all of it would be inflated before any of it is read
      await writer.write(packed.slice(at, at + PIECE));
    }
    await writer.close();
  };
  write().catch(() => {}); // what was damaged is thrown where it is read
  const parts = [];
  try {
    for (let length = 0; length < MAX_TEXT; ) {
      const { value, done } = await reader.read();
      if (done) return joined(parts);
      parts.push(value);
      length += value.length;
    }
    await reader.cancel();
  } catch {
    return null;
  }
  return joined(parts).subarray(0, MAX_TEXT);
}
