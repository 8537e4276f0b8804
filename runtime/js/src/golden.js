/** Golden images: made by integer arithmetic, so that every machine and language makes the same ones. */

/** [width, height] px of golden image 0, 1, 2: one that is mirrored, one plain, one that is scaled down. */
export const SIZES = /** @type {const} */ ([[150, 120], [320, 240], [1500, 1100]]);

/**
 * Golden image `number`, or its pattern in another size: smooth waves under a fine grain.
 *
 * @param {number} number an index of SIZES
 * @param {readonly [width: number, height: number]} [size] px
 * @returns {import('./resize.js').Pixels} RGB
 */
export function goldenImage(number, [width, height] = SIZES[number]) {
  const data = new Uint8Array(width * height * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const smooth = Math.abs((Math.floor((x * (channel + 2) + y * 3 + number * 40) / 2) % 400) - 200);
        const seed = (x * 7919 + y * 104729 + channel * 1299709) * (x + 3 * y + 11);
        data[at++] = smooth + (Math.floor(seed / 8) % 32);
      }
    }
  }
  return { data, width, height, channels: 3 };
}
