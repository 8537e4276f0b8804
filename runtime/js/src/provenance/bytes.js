/** Bytes joined, bytes as text, and texts without their end. */

/** @param {Uint8Array} bytes @returns {string} a character a byte, which the label latin1 of TextDecoder is not */
export function latin1(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 1 << 13) {
    text += String.fromCharCode(...bytes.subarray(at, at + (1 << 13)));
  }
  return text;
}

/**
 * A pattern that ends in `+$` would take forever on a long run that is not the end.
 *
 * @param {string} text
 * @param {string} characters
 * @returns {string} without those characters at its end
 */
export function withoutEnd(text, characters) {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1])) end--;
  return text.slice(0, end);
}

/** @param {Uint8Array[]} parts @returns {Uint8Array} */
export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
