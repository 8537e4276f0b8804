/**
 * An image -> the model's input: the very same pixels that training saw. The rule stands at the head of
 * fauxto/image/preprocess.py; every number of it comes from the card.
 */
import { resize } from './resize.js';

/** @typedef {import('./resize.js').Pixels} Pixels */
/** @typedef {import('./resize.js').Box} Box */

/**
 * @typedef {object} Preprocessing what the card says of the way from image to input
 * @property {number} cropSize S, the side of a crop, px
 * @property {number} maxShortSide larger images are scaled down to this short side, px
 * @property {import('./resize.js').FilterName} filter
 * @property {ReadonlyArray<readonly [number, number]>} positions the crops' places, (fx, fy) each in 0..1
 * @property {readonly [number, number, number]} mean per channel, for pixels scaled to 0..1
 * @property {readonly [number, number, number]} std the same
 * @property {number} pooledCrops how many of the crops' logits, the largest, an image's logit is the mean of
 */

/**
 * @param {ArrayLike<number>} logits (N,), of one image's crops
 * @param {Preprocessing} rule
 * @returns {number} the mean of the `pooledCrops` largest
 */
export function pool(logits, rule) {
  const largest = Array.from(logits).sort((a, b) => b - a).slice(0, rule.pooledCrops);
  return largest.reverse().reduce((sum, logit) => sum + logit, 0) / rule.pooledCrops;
}

/**
 * Cut the crops out of an upright image.
 *
 * @param {Pixels} image
 * @param {Preprocessing} rule
 * @returns {Uint8Array} (N, S, S, 3), one for each of `rule.positions`
 */
export function cutCrops(image, rule) {
  const size = rule.cropSize;
  const [width, height] = scaledSize(image.width, image.height, rule.maxShortSide);
  /** @type {Box[]} */
  const boxes = rule.positions.map(([fx, fy]) => {
    const left = offset(fx, width - size);
    const top = offset(fy, height - size);
    return [left, top, Math.min(left + size, width), Math.min(top + size, height)];
  });
  const hull = around(boxes);
  const seen = width === image.width && height === image.height ? image : resize(image, width, height, rule.filter, hull);
  const [x, y] = seen === image ? [0, 0] : hull;
  const crops = new Uint8Array(boxes.length * size * size * 3);
  boxes.forEach(([left, top, right, bottom], i) => {
    const crop = part(seen, [left - x, top - y, right - x, bottom - y]);
    crops.set(mirrorPad(crop, right - left, bottom - top, size), i * size * size * 3);
  });
  return crops;
}

/**
 * @param {Pixels} image upright
 * @param {Preprocessing} rule
 * @returns {Pixels} at the size that it is seen at: itself where its short side is small enough
 */
export function scale(image, rule) {
  const [width, height] = scaledSize(image.width, image.height, rule.maxShortSide);
  return width === image.width && height === image.height ? image : resize(image, width, height, rule.filter);
}

/**
 * @param {Uint8Array} crops (N, S, S, 3)
 * @param {Preprocessing} rule
 * @returns {Float32Array} (N, 3, S, S), (pixel / 255 - mean) / std in single precision
 */
export function normalise(crops, rule) {
  const area = rule.cropSize ** 2;
  const planar = new Float32Array(crops.length);
  for (let channel = 0; channel < 3; channel++) {
    const scale = Math.fround(1 / (255 * rule.std[channel]));
    const shift = Math.fround(-rule.mean[channel] / rule.std[channel]);
    // There are 256 values, and each is to be rounded after the product and after the sum.
    const table = Float32Array.from({ length: 256 }, (_, value) => Math.fround(value * scale) + shift);
    for (let crop = 0; crop < crops.length; crop += 3 * area) {
      const plane = crop + channel * area;
      for (let i = 0; i < area; i++) planar[plane + i] = table[crops[crop + 3 * i + channel]];
    }
  }
  return planar;
}

/**
 * The size that an image is seen at.
 *
 * @param {number} width px
 * @param {number} height px
 * @param {number} maxShortSide px
 * @returns {[width: number, height: number]} px
 */
export function scaledSize(width, height, maxShortSide) {
  const short = Math.min(width, height);
  if (short <= maxShortSide) return [width, height];
  return [Math.floor((width * maxShortSide) / short + 0.5), Math.floor((height * maxShortSide) / short + 0.5)];
}

/**
 * Extend an image to at least (size, size) by mirroring at the edges, edge pixel included, evenly on both sides.
 *
 * @param {Uint8Array} pixels (height, width, 3)
 * @param {number} width px
 * @param {number} height px
 * @param {number} size px
 * @returns {Uint8Array} (max(height, size), max(width, size), 3)
 */
export function mirrorPad(pixels, width, height, size) {
  if (width >= size && height >= size) return pixels;
  const columns = mirrored(width, size);
  const rows = mirrored(height, size);
  const result = new Uint8Array(rows.length * columns.length * 3);
  let at = 0;
  for (const row of rows) {
    for (const column of columns) {
      const from = (row * width + column) * 3;
      result[at++] = pixels[from];
      result[at++] = pixels[from + 1];
      result[at++] = pixels[from + 2];
    }
  }
  return result;
}

/**
 * Where a crop starts that lies at `fraction` of `free` pixels; at 0 where nothing is free.
 *
 * @param {number} fraction 0..1
 * @param {number} free px
 * @returns {number} px
 */
export function offset(fraction, free) {
  return Math.floor(fraction * Math.max(0, free) + 0.5);
}

/**
 * @param {number} side px
 * @param {number} size px
 * @returns {Int32Array} which pixel of the side stands at each place of the extended one
 */
function mirrored(side, size) {
  const before = Math.max(0, size - side) >> 1;
  return Int32Array.from({ length: Math.max(side, size) }, (_, i) => {
    const place = (((i - before) % (2 * side)) + 2 * side) % (2 * side);
    return place < side ? place : 2 * side - 1 - place;
  });
}

/** @param {Box[]} boxes @returns {Box} the smallest that holds them all */
function around(boxes) {
  const of = (/** @type {number} */ side) => boxes.map((box) => box[side]);
  return [Math.min(...of(0)), Math.min(...of(1)), Math.max(...of(2)), Math.max(...of(3))];
}

/** @param {Pixels} image @param {Box} box @returns {Uint8Array} (bottom - top, right - left, 3): its pixels as they are */
function part({ data, width, channels }, [left, top, right, bottom]) {
  const result = new Uint8Array((bottom - top) * (right - left) * 3);
  let to = 0;
  for (let y = top; y < bottom; y++) {
    const end = (y * width + right) * channels;
    for (let from = (y * width + left) * channels; from < end; from += channels) {
      result[to++] = data[from];
      result[to++] = data[from + 1];
      result[to++] = data[from + 2];
    }
  }
  return result;
}
