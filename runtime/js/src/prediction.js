/** The one record that every answer is: the same fields in the same order as the Python runtime's. */

/** Version of the record. A changed field is a new number. */
export const SCHEMA = 2;

/** @typedef {'ai' | 'unsure' | 'no_sign'} Verdict */

/**
 * What a verdict says to a person. "No sign" is what an unseen generator gets too: it never means "a photograph".
 *
 * @type {Readonly<Record<Verdict, string>>}
 */
export const WORDS = { ai: 'strong signs of AI', unsure: 'unsure', no_sign: 'no sign of AI found' };

/**
 * @typedef {object} Prediction the answer for one image; a field that does not apply is null
 * @property {number} schema version of this record
 * @property {string | null} path what the input is called
 * @property {'ok' | 'error'} status "error": `error` is set, and the fields about the image are null
 * @property {Verdict | null} verdict see WORDS
 * @property {'ai' | 'no_sign' | null} lean the side that an unsure verdict leans to
 * @property {number | null} p_ai calibrated probability of "ai", 0..1, where a share `prior` of all images is
 * @property {number | null} prior the base rate that p_ai and threshold are for; verdicts do not depend on it
 * @property {number | null} logit the model's raw answer, pooled over the crops
 * @property {string | null} operating_point which rule gave the verdict
 * @property {number | null} threshold the p_ai from which that rule says "ai"
 * @property {'threshold' | 'band' | 'too_small' | null} reason why this verdict; "band": between the thresholds
 * @property {number | null} width of the upright image, px
 * @property {number | null} height the same
 * @property {string | null} model what answered: name and release
 * @property {string | null} model_sha256 of its file
 * @property {string | null} provider what ran it: "wasm", "webgpu" or "cpu"
 * @property {number | null} elapsed_ms for this image: decoding, preprocessing, inference
 * @property {string | null} error what is wrong with the input, one line
 * @property {'ai' | 'edited' | 'camera' | 'nothing' | null} declared what the file says of itself, where that was asked for
 * @property {string | null} declared_by what in the file says so
 * @property {'unverified' | null} signature of the file's C2PA manifest: this runtime checks none
 */

/**
 * @param {Partial<Prediction>} known
 * @returns {Prediction} with every field, in the order of the record
 */
export function prediction(known) {
  /** @type {Prediction} */
  const record = {
    schema: SCHEMA,
    path: null,
    status: 'ok',
    verdict: null,
    lean: null,
    p_ai: null,
    prior: null,
    logit: null,
    operating_point: null,
    threshold: null,
    reason: null,
    width: null,
    height: null,
    model: null,
    model_sha256: null,
    provider: null,
    elapsed_ms: null,
    error: null,
    declared: null,
    declared_by: null,
    signature: null,
    ...known,
  };
  if (record.path !== null) record.path = printable(record.path);
  return record;
}

/**
 * A name as valid Unicode: half of a UTF-16 pair, as a name on Windows can have it, becomes "\ud83d".
 *
 * @param {string} text
 * @returns {string}
 */
function printable(text) {
  return text.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}
