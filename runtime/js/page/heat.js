/** The heat map in colours: orange speaks for AI, blue against it, clear where nothing speaks. */

/** @typedef {import('./engine_local.js').HeatMap} HeatMap */

const AI = [200, 60, 20];
const AGAINST = [30, 90, 200];

/** Log-odds from which the colour is at its strongest: 98 %. */
const FULL = 4;
const OPACITY = 0.6;

/**
 * @param {HeatMap} map
 * @returns {Uint8ClampedArray<ArrayBuffer>} RGBA, (height, width, 4)
 */
export function colours({ data, width, height }) {
  const result = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const strength = Math.min(1, Math.abs(data[i]) / FULL) * OPACITY;
    result.set([...(data[i] > 0 ? AI : AGAINST), 255 * strength], i * 4);
  }
  return result;
}

/**
 * @param {CanvasRenderingContext2D} context whose canvas is covered by it
 * @param {HeatMap} map
 */
export function draw(context, map) {
  const small = document.createElement('canvas');
  small.width = map.width;
  small.height = map.height;
  small.getContext('2d')?.putImageData(new ImageData(colours(map), map.width, map.height), 0, 0);
  context.imageSmoothingQuality = 'high';
  context.drawImage(small, 0, 0, context.canvas.width, context.canvas.height);
}
