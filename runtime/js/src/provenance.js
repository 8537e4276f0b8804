/**
 * What a file declares about itself. It stands beside the verdict and never moves it.
 *
 * Anybody can write such a declaration, and nearly every platform strips it: its absence is no evidence, and its presence
 * is worth what its author is worth. No signature is checked here.
 */
import { manifests } from './provenance/c2pa.js';
import { read } from './provenance/containers.js';
import { inExif, inTexts } from './provenance/generators.js';
import { sourceTypes } from './provenance/xmp.js';

/** Bytes of a file that are looked at. */
const MAX_FILE = 64 << 20;

/** @typedef {'ai' | 'edited' | 'camera'} Claim */

/**
 * @typedef {object} Declaration what a file says of itself, in the fields of the record
 * @property {Claim | 'nothing'} declared the first of "ai", "edited" and "camera" that anything in the file says
 * @property {string} declared_by what says so, in words
 * @property {'unverified'} signature of the C2PA manifest
 */

/** IPTC's digital source types, https://cv.iptc.org/newscodes/digitalsourcetype/, by what they mean here. */
const MEANINGS = /** @type {const} */ ({
  ai: ['trainedAlgorithmicMedia'],
  edited: [
    'algorithmicallyEnhanced',
    'compositeCapture',
    'compositeSynthetic',
    'compositeWithTrainedAlgorithmicMedia',
    'humanEdits',
    'minorHumanEdits',
  ],
  camera: [
    'digitalCapture',
    'computationalCapture',
    'multiFrameComputationalCapture',
    'negativeFilm',
    'positiveFilm',
    'print',
  ],
});

const EDITING = ['color_adjustments', 'drawing', 'edited', 'enhanced', 'filtered', 'placed'].map((word) => `c2pa.${word}`);

/**
 * Every claim in a picture file, the strongest first. Damaged metadata counts as none.
 *
 * @param {Uint8Array} bytes of the file
 * @returns {Promise<Declaration>}
 */
export async function declaration(bytes) {
  const claims = claimsOf(await read(bytes.subarray(0, MAX_FILE)));
  for (const declared of /** @type {const} */ (['ai', 'edited', 'camera'])) {
    const said = claims.filter(([claim]) => claim === declared).map(([, by]) => by);
    if (said.length) return { declared, declared_by: [...new Set(said)].join('; '), signature: 'unverified' };
  }
  return { declared: 'nothing', declared_by: '', signature: 'unverified' };
}

/**
 * @param {import('./provenance/containers.js').Blocks} blocks
 * @returns {[claim: Claim, by: string][]} everything in the file that declares something
 */
function claimsOf(blocks) {
  /** @type {[Claim, string][]} */
  const claims = [];
  for (const { generator, sourceTypes: types, actions } of manifests(blocks.c2pa)) {
    const by = generator ? `C2PA manifest of ${generator}` : 'C2PA manifest';
    claims.push(...meant(types, by));
    for (const action of actions) if (EDITING.includes(action)) claims.push(['edited', `${by}, ${action}`]);
  }
  claims.push(...meant(sourceTypes(blocks.xmp), 'XMP'));
  const { program, camera } = inExif(blocks.exif);
  for (const found of [inTexts(blocks.texts), program]) if (found) claims.push(['ai', found]);
  if (camera) claims.push(['camera', `EXIF of ${camera}`]);
  return claims;
}

/** @param {string[]} types @param {string} by @returns {[Claim, string][]} */
function meant(types, by) {
  return types.flatMap((type) => {
    const claims = /** @type {Claim[]} */ (Object.keys(MEANINGS));
    const claim = claims.find((one) => /** @type {readonly string[]} */ (MEANINGS[one]).includes(type));
    return claim ? [/** @type {[Claim, string]} */ ([claim, `${by}, ${type}`])] : [];
  });
}
