/** The model's card: what a runtime must know of a model. It is read and checked; nothing is guessed. */
import { ModelError } from './errors.js';
import { FILTERS } from './resize.js';

export const SCHEMA = 2;
export const CARD_FILE = 'card.json';

/** The variant that every other one is compared with. */
const REFERENCE = 'fp32';

/** What the card calls an engine, as onnxruntime does. WebAssembly computes as a CPU does. */
const PROVIDERS = { cpu: 'CPUExecutionProvider', wasm: 'CPUExecutionProvider', webgpu: 'WebGpuExecutionProvider' };

/**
 * @typedef {object} OperatingPoint where the words change, and what that cost on val's pictures
 * @property {string} name "fpr1", "fpr5" or "balanced"
 * @property {number} threshold calibrated p, at even odds, from which an image is called "ai"
 * @property {number} noSignBelow calibrated p under which it is called "no_sign"
 */

/**
 * @typedef {object} Variant one file of the model: the same network in another precision
 * @property {string} name "fp32" (the reference), "int8-weights" or "int8"
 * @property {string} file its name in the model's folder
 * @property {readonly string[]} providers the execution providers that it is the best choice for
 * @property {Calibration} [calibration] of its own logits, where they differ from the reference's
 * @property {Readonly<Record<string, OperatingPoint>>} [operatingPoints] likewise
 * @property {ReadonlyArray<Golden>} [golden] likewise
 */

/** @typedef {{picture: number, logit: number}} Golden what the model answers to a golden image */

/** @typedef {{temperature: number, bias: number}} Calibration p = sigmoid(logit / temperature + bias) */

/**
 * @typedef {object} Card a model's card, checked
 * @property {string} release name and version, "fauxto-r18-v6": what every answer says of the model
 * @property {import('./preprocess.js').Preprocessing} preprocessing
 * @property {Calibration} calibration
 * @property {Readonly<Record<string, OperatingPoint>>} operatingPoints
 * @property {string} defaultOperatingPoint
 * @property {number} minimumShortSide px, of an image that can be judged at all
 * @property {ReadonlyArray<Golden>} golden logit of each golden image, by the reference
 * @property {Readonly<Record<string, string>>} files name -> sha256 of each file
 * @property {Readonly<Record<string, Variant>>} variants
 * @property {any} raw all of it, as in the file: `raw.test` has the figures of the test split
 */

/**
 * Check a card and give it types.
 *
 * @param {string} text the file
 * @param {string} where names it in errors
 * @returns {Card}
 */
export function parse(text, where) {
  let raw;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new ModelError(`${where}: not valid JSON (${/** @type {Error} */ (error).message}); export the model again`);
  }
  if (typeof raw !== 'object' || raw === null || raw.card !== SCHEMA) {
    throw new ModelError(`${where}: card schema ${raw?.card} is not ${SCHEMA}; get the fauxto that reads it`);
  }
  try {
    const card = cardOf(raw);
    check(card);
    return card;
  } catch (error) {
    throw new ModelError(`${where}: ${/** @type {Error} */ (error).message}; export the model again`);
  }
}

/**
 * The card as it holds for one variant: with the calibration, thresholds and golden logits of that file.
 *
 * @param {Card} card
 * @param {Variant} variant
 * @returns {Card}
 */
export function ofVariant(card, variant) {
  return {
    ...card,
    calibration: variant.calibration ?? card.calibration,
    operatingPoints: variant.operatingPoints ?? card.operatingPoints,
    golden: variant.golden ?? card.golden,
  };
}

/**
 * @param {Card} card
 * @param {string | null} [name] default: the card's own
 * @returns {OperatingPoint}
 */
export function operatingPoint(card, name) {
  const chosen = name ?? card.defaultOperatingPoint;
  if (!Object.hasOwn(card.operatingPoints, chosen)) {
    const known = Object.keys(card.operatingPoints).join(', ');
    throw new ModelError(`no operating point '${chosen}'; the model has ${known}`);
  }
  return card.operatingPoints[chosen];
}

/**
 * @param {Card} card
 * @param {import('./session.js').Engine} engine that is to run it
 * @param {string | null} [name] default: the card's choice for the engine, else the reference
 * @returns {Variant}
 */
export function variantOf(card, engine, name) {
  if (name != null && !Object.hasOwn(card.variants, name)) {
    throw new ModelError(`no variant '${name}'; the model has ${Object.keys(card.variants).join(', ')}`);
  }
  const meant = Object.values(card.variants).find((one) => one.providers.includes(PROVIDERS[engine]));
  return name != null ? card.variants[name] : (meant ?? card.variants[REFERENCE]);
}

/** @param {any} raw @returns {Card} */
function cardOf(raw) {
  const input = raw.input;
  if (input.pooling !== 'mean of the largest') throw new Error(`the pooling '${input.pooling}' is unknown`);
  const version = number(raw.version ?? 0, 'version');
  return {
    release: version ? `${raw.name}-v${version}` : raw.name,
    preprocessing: {
      cropSize: number(input.crop_size, 'crop_size'),
      maxShortSide: number(input.max_short_side, 'max_short_side'),
      filter: input.filter,
      positions: input.positions.map((/** @type {number[]} */ [x, y]) => [number(x, 'positions'), number(y, 'positions')]),
      mean: three(input.mean, 'mean'),
      std: three(input.std, 'std'),
      pooledCrops: number(input.pooled_crops, 'pooled_crops'),
    },
    calibration: calibration(raw.calibration),
    operatingPoints: points(raw.operating_points),
    defaultOperatingPoint: raw.default_operating_point,
    minimumShortSide: number(raw.minimum_short_side, 'minimum_short_side'),
    golden: raw.golden,
    files: { ...raw.files },
    variants: Object.fromEntries(Object.entries(raw.variants).map(([name, entry]) => [name, variant(name, entry)])),
    raw,
  };
}

/** @param {string} name @param {any} raw @returns {Variant} */
function variant(name, raw) {
  return {
    name,
    file: String(raw.file),
    providers: raw.providers,
    calibration: raw.calibration ? calibration(raw.calibration) : undefined,
    operatingPoints: raw.operating_points ? points(raw.operating_points) : undefined,
    golden: raw.golden,
  };
}

/** @param {any} raw @returns {Calibration} */
function calibration(raw) {
  return { temperature: number(raw.temperature, 'temperature'), bias: number(raw.bias, 'bias') };
}

/** @param {any} raw @returns {Record<string, OperatingPoint>} */
function points(raw) {
  return Object.fromEntries(
    Object.entries(raw).map(([name, point]) => {
      const threshold = number(point.threshold, 'threshold');
      return [name, { name, threshold, noSignBelow: number(point.no_sign_below, 'no_sign_below') }];
    }),
  );
}

/** @param {unknown} value @param {string} name @returns {number} */
function number(value, name) {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error(`${name} is not a number`);
  return value;
}

/** @param {any} values @param {string} name @returns {[number, number, number]} */
function three(values, name) {
  if (values.length !== 3) throw new Error(`${name} has not three values`);
  return [number(values[0], name), number(values[1], name), number(values[2], name)];
}

/**
 * @param {Card} card
 * @throws {Error} for a value that no runtime could work with
 */
function check(card) {
  const rule = card.preprocessing;
  const variants = Object.values(card.variants);
  const golden = [...card.golden, ...variants.flatMap((one) => one.golden ?? [])];
  const calibrations = [card.calibration, ...variants.flatMap((one) => one.calibration ?? [])];
  const points = [card.operatingPoints, ...variants.flatMap((one) => (one.operatingPoints ? [one.operatingPoints] : []))];
  const rules = {
    filter: Object.hasOwn(FILTERS, rule.filter),
    crop_size: isWhole(rule.cropSize, 1, 4096),
    max_short_side: isWhole(rule.maxShortSide, rule.cropSize, 65_536),
    positions:
      isWhole(rule.positions.length, 1, 256) && rule.positions.flat().every((value) => value >= 0 && value <= 1),
    pooled_crops: isWhole(rule.pooledCrops, 1, rule.positions.length),
    std: rule.std.every((value) => value > 0),
    calibration: calibrations.every(({ temperature }) => temperature > 1e-6 && temperature < 1e6),
    default_operating_point: points.every((own) => Object.hasOwn(own, card.defaultOperatingPoint)),
    operating_points: points
      .flatMap((own) => Object.values(own))
      .every((point) => 0 <= point.noSignBelow && point.noSignBelow <= point.threshold && point.threshold <= 2),
    variants: Object.hasOwn(card.variants, REFERENCE),
    minimum_short_side: card.minimumShortSide >= 1,
    golden: golden.every((one) => Number.isFinite(one.logit) && isWhole(one.picture, 0, 255)),
  };
  const wrong = Object.entries(rules).find(([, holds]) => !holds);
  if (wrong) throw new Error(`${wrong[0]} is not what this fauxto knows`);
}

/** @param {number} value @param {number} least @param {number} most */
function isWhole(value, least, most) {
  return Number.isInteger(value) && least <= value && value <= most;
}
