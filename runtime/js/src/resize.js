/**
 * Pillow's resampling, bit for bit (Pillow's libImaging/Resample.c): an antialiased filter in two passes, horizontal
 * first, then vertical. Eight-bit images are computed in fixed point, and rounded to eight bits between the passes.
 */

/**
 * @typedef {object} Pixels an image in memory: rows from the top, (H, W, C) interleaved
 * @property {Uint8Array | Uint8ClampedArray} data H * W * C samples
 * @property {number} width W, px
 * @property {number} height H, px
 * @property {3 | 4} channels C: RGB, or RGB and one that is not looked at
 */

/** @typedef {'bilinear' | 'bicubic' | 'lanczos'} FilterName */
/** @typedef {readonly [left: number, top: number, right: number, bottom: number]} Box px, whole */

/**
 * @typedef {object} Coefficients what each pixel of a line that is `starts.length` long is made of
 * @property {Int32Array} starts the first source pixel of each
 * @property {Int32Array} counts how many source pixels
 * @property {number} stride distance in `weights` from one to the next
 * @property {Float64Array} weights each pixel's add up to 1
 */

/** Bits behind the point: 32, less 8 for the sample, less 2 since weights below 0 make others exceed 1. */
const PRECISION_BITS = 32 - 8 - 2;

/** @type {Readonly<Record<FilterName, {support: number, weight: (x: number) => number}>>} */
export const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => (-3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/**
 * Resize an image. Only the part of the result that lies in a box is computed; nothing in it depends on the box.
 *
 * @param {Pixels} image (H, W, C)
 * @param {number} width of the whole result, px
 * @param {number} height of the whole result, px
 * @param {FilterName} filter
 * @param {Box} [box] in the result; default: all of it
 * @returns {Pixels} RGB, of the box's size
 */
export function resize(image, width, height, filter, [left, top, right, bottom] = [0, 0, width, height]) {
  const horizontal = coefficients(image.width, width, filter, left, right);
  const vertical = coefficients(image.height, height, filter, top, bottom);
  const first = vertical.starts[0];
  const last = bottom - top - 1;
  const lines = rowsOf(image, first, vertical.starts[last] + vertical.counts[last] - first, horizontal);
  const data = columnsOf(lines, right - left, first, vertical);
  return { data, width: right - left, height: bottom - top, channels: 3 };
}

/**
 * Resize one channel of floating-point numbers, all of it.
 *
 * @param {Float32Array} data (inHeight, inWidth)
 * @param {number} inWidth
 * @param {number} inHeight
 * @param {number} width of the result
 * @param {number} height of the result
 * @param {FilterName} filter
 * @returns {Float32Array} (height, width)
 */
export function resizeFloat(data, inWidth, inHeight, width, height, filter) {
  const horizontal = coefficients(inWidth, width, filter);
  const lines = new Float32Array(width * inHeight);
  for (let y = 0; y < inHeight; y++) {
    for (let x = 0; x < width; x++) {
      lines[y * width + x] = weighted(data, y * inWidth, 1, horizontal, x);
    }
  }
  const vertical = coefficients(inHeight, height, filter);
  const result = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      result[y * width + x] = weighted(lines, x, width, vertical, y);
    }
  }
  return result;
}

/**
 * Which source pixels each pixel of a line is made of, and by what weights.
 *
 * @param {number} inSize length of the source line, px
 * @param {number} outSize length of the whole result, px
 * @param {FilterName} filter
 * @param {number} [from] the first pixel of the result that is wanted
 * @param {number} [to] the one after the last
 * @returns {Coefficients}
 */
function coefficients(inSize, outSize, filter, from = 0, to = outSize) {
  const { support: reach, weight } = FILTERS[filter];
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = reach * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(to - from);
  const counts = new Int32Array(to - from);
  const weights = new Float64Array((to - from) * stride);
  for (let i = 0; i < to - from; i++) {
    const centre = (from + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(inSize, Math.trunc(centre + support + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const value = weight((k + start - centre + 0.5) * (1 / filterScale));
      weights[i * stride + k] = value;
      sum += value;
    }
    for (let k = 0; sum !== 0 && k < count; k++) weights[i * stride + k] /= sum;
    starts[i] = start;
    counts[i] = count;
  }
  return { starts, counts, stride, weights };
}

/**
 * The horizontal pass over `count` rows from row `first` on.
 *
 * @param {Pixels} image
 * @param {number} first
 * @param {number} count
 * @param {Coefficients} horizontal
 * @returns {Uint8Array} (count, width, 3)
 */
function rowsOf(image, first, count, horizontal) {
  const { data, channels } = image;
  const { starts, counts, stride } = horizontal;
  const fixed = fixedPoint(horizontal.weights);
  const width = starts.length;
  const result = new Uint8Array(count * width * 3);
  let at = 0;
  for (let y = 0; y < count; y++) {
    const row = (first + y) * image.width * channels;
    for (let x = 0; x < width; x++) {
      let red = 1 << (PRECISION_BITS - 1);
      let green = red;
      let blue = red;
      let from = row + starts[x] * channels;
      const end = x * stride + counts[x];
      for (let k = x * stride; k < end; k++, from += channels) {
        const weight = fixed[k];
        red += data[from] * weight;
        green += data[from + 1] * weight;
        blue += data[from + 2] * weight;
      }
      result[at++] = clip8(red);
      result[at++] = clip8(green);
      result[at++] = clip8(blue);
    }
  }
  return result;
}

/**
 * The vertical pass.
 *
 * @param {Uint8Array} lines (h, width, 3), the source's rows from `first` on
 * @param {number} width px
 * @param {number} first
 * @param {Coefficients} vertical
 * @returns {Uint8Array} (height, width, 3)
 */
function columnsOf(lines, width, first, vertical) {
  const { starts, counts, stride } = vertical;
  const fixed = fixedPoint(vertical.weights);
  const line = width * 3;
  const result = new Uint8Array(starts.length * line);
  const sums = new Int32Array(line);
  for (let y = 0; y < starts.length; y++) {
    sums.fill(1 << (PRECISION_BITS - 1));
    for (let k = 0; k < counts[y]; k++) {
      const weight = fixed[y * stride + k];
      const from = (starts[y] - first + k) * line;
      for (let i = 0; i < line; i++) sums[i] += lines[from + i] * weight;
    }
    for (let i = 0; i < line; i++) result[y * line + i] = clip8(sums[i]);
  }
  return result;
}

/**
 * @param {Float64Array} weights
 * @returns {Int32Array} rounded to whole numbers of 2 ** -PRECISION_BITS, halves away from 0
 */
function fixedPoint(weights) {
  return Int32Array.from(weights, (w) => Math.trunc((w < 0 ? -0.5 : 0.5) + w * (1 << PRECISION_BITS)));
}

/** @param {number} sum in fixed point @returns {number} 0 to 255 */
function clip8(sum) {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/**
 * @param {Float32Array} data
 * @param {number} origin where the line begins in `data`
 * @param {number} step from one of its numbers to the next
 * @param {Coefficients} line
 * @param {number} i
 */
function weighted(data, origin, step, { starts, counts, stride, weights }, i) {
  let sum = 0;
  for (let k = 0; k < counts[i]; k++) sum += data[origin + (starts[i] + k) * step] * weights[i * stride + k];
  return sum;
}

/** @param {number} x @returns {number} Keys's cubic convolution with a = -1/2 (1981, eq. 4), as Pillow computes it */
function bicubic(x) {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

/** @param {number} x */
function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
