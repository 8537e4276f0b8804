/**
 * Class activation maps: where in an image the evidence lies. A hint: what moved the network, not what is fake.
 *
 * The network's second output is its evidence: for each cell of a crop, what the cell adds to the logit (the class
 * activation map of Zhou et al. 2016). Overlapping crops are laid over the whole image, and their cells blended.
 */
import { cutCrops, normalise, offset, scale } from './preprocess.js';
import { resizeFloat } from './resize.js';

/** @typedef {import('./preprocess.js').Preprocessing} Preprocessing */

/**
 * @typedef {object} HeatMap calibrated log-odds of "ai" at each place; above 0 speaks for ai, below against it
 * @property {Float32Array} data (height, width)
 * @property {number} width of the upright image, px
 * @property {number} height the same
 */

/** @typedef {{data: Float32Array, width: number, height: number}} Cells log-odds of a crop's cells, (height, width) */

/**
 * The rule with as many crops as it takes to see every place twice in each direction.
 *
 * @param {number} width that the image is seen at, px
 * @param {number} height the same
 * @param {Preprocessing} rule
 * @returns {Preprocessing}
 */
function cover(width, height, rule) {
  const [columns, rows] = [width, height].map((side) => {
    const count = Math.ceil((2 * Math.max(0, side - rule.cropSize)) / rule.cropSize) + 1;
    return Array.from({ length: count }, (_, i) => (count > 1 ? i / (count - 1) : 0.5));
  });
  return { ...rule, positions: rows.flatMap((y) => columns.map((x) => /** @type {const} */ ([x, y]))) };
}

/**
 * @param {import('./resize.js').Pixels} image upright
 * @param {Preprocessing} rule of the model
 * @param {(crop: Float32Array) => Promise<Cells>} localLogOdds (1, 3, S, S) crop -> its cells
 * @returns {Promise<HeatMap>}
 */
export async function heatMap(image, rule, localLogOdds) {
  const size = rule.cropSize;
  const seen = scale(image, rule);
  const { width, height } = seen;
  const columns = Math.max(width, size);
  const rows = Math.max(height, size);
  const total = new Float32Array(columns * rows);
  const weight = new Float32Array(columns * rows);
  for (const place of cover(width, height, rule).positions) {
    const crop = cutCrops(seen, { ...rule, positions: [place] });
    const cells = await localLogOdds(normalise(crop, rule));
    const local = resizeFloat(cells.data, cells.width, cells.height, size, size, 'bilinear');
    const first = offset(place[1], height - size) * columns + offset(place[0], width - size);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        // A crop counts most in its middle, so that no seam shows.
        const blend = Math.min(x + 1, size - x) * Math.min(y + 1, size - y);
        total[first + y * columns + x] += blend * local[y * size + x];
        weight[first + y * columns + x] += blend;
      }
    }
  }
  // A side shorter than a crop was mirrored at both edges; what was added is cut off again.
  const top = (rows - height) >> 1;
  const left = (columns - width) >> 1;
  const mean = Float32Array.from({ length: width * height }, (_, i) => {
    const at = (top + Math.floor(i / width)) * columns + left + (i % width);
    return total[at] / weight[at];
  });
  const data = resizeFloat(mean, width, height, image.width, image.height, 'bilinear');
  return { data, width: image.width, height: image.height };
}
