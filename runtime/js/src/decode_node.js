/** Decoding in Node, by sharp (libvips): the same libraries that Pillow decodes with. */
import { MAX_PIXELS, damaged, tooLarge } from './decode.js';
import { EngineError, ImageError } from './errors.js';

/** @typedef {import('sharp').Sharp} Sharp */

/** @type {import('./decode.js').Decoder} */
export async function decode(bytes, format) {
  if (format === 'BMP' || format === 'HEIF') {
    const name = format === 'HEIF' ? 'HEIC' : format;
    throw new ImageError(`sharp does not read ${name} pictures; export it as JPEG or PNG first`);
  }
  const sharp = await library();
  const options = /** @type {const} */ ({ failOn: 'error', limitInputPixels: false });
  try {
    const told = await sharp(bytes, options).metadata();
    if (told.width * told.height > MAX_PIXELS) throw tooLarge();
    if (!['uchar', 'char', 'ushort'].includes(told.depth ?? '')) {
      throw new ImageError('floating-point or 32-bit samples are not read; save the picture with 8 or 16 bits first');
    }
    const upright = sharp(bytes, options).autoOrient();
    const isCmyk = told.space === 'cmyk';
    if (isCmyk) upright.pipelineColourspace('cmyk'); // else libvips converts it by a profile, and Pillow does not
    const { data, info } = await upright
      .toColourspace(isCmyk ? 'cmyk' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { data: isCmyk ? cmyk(data) : rgb(data, info.channels), width: info.width, height: info.height };
  } catch (error) {
    throw error instanceof ImageError ? error : damaged(error);
  }
}

async function library() {
  try {
    return (await import('sharp')).default;
  } catch (error) {
    const reason = /** @type {Error} */ (error).message.split('\n')[0];
    throw new EngineError(`sharp is needed to decode pictures in Node: npm install sharp (${reason})`);
  }
}

/**
 * @param {Uint8Array} data (N, channels)
 * @param {number} channels
 * @returns {Uint8Array} (N, 3) or (N, 4): grey, with or without alpha, becomes RGB
 */
function rgb(data, channels) {
  if (channels >= 3) return data;
  const wide = channels === 1 ? 3 : 4;
  const result = new Uint8Array((data.length / channels) * wide);
  for (let from = 0, to = 0; from < data.length; from += channels, to += wide) {
    result.fill(data[from], to, to + 3);
    if (channels === 2) result[to + 3] = data[from + 1];
  }
  return result;
}

/**
 * @param {Uint8Array} data (N, 4) CMYK
 * @returns {Uint8Array} (N, 3) RGB, as Pillow converts it
 */
function cmyk(data) {
  const result = new Uint8Array((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const light = 255 - data[from + 3];
    for (let channel = 0; channel < 3; channel++) {
      const product = data[from + channel] * light + 128;
      result[to++] = light - (((product >> 8) + product) >> 8);
    }
  }
  return result;
}
