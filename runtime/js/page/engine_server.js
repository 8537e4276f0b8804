/** The engine of the page that `fauxto web` serves: its HTTP API. */

/** @typedef {import('./engine_local.js').Engine} Engine */

export const PRIVACY = 'Your pictures go to the computer that serves this page and no further. It keeps none of them.';
export const LOADING = 'Asking the server…';

/** How often a busy server is asked again, and after how many milliseconds at first. */
const TRIES = 6;
const PAUSE = 500;

/** What a file's name makes of it is no matter: the server looks at the bytes. */
const BYTES = { 'Content-Type': 'application/octet-stream' };

/** @returns {Promise<Engine>} */
export async function open() {
  const info = await answer(await ask('api/info'));
  return {
    info: {
      model: info.model,
      modelSha256: info.model_sha256,
      variant: info.variant,
      provider: info.provider,
      operatingPoint: info.operating_point,
      prior: info.prior,
      card: info.card,
      secondModel: info.second_model,
      secondCard: info.second_card,
    },
    async predict(blob, name, isSecondWanted) {
      const path = isSecondWanted ? 'api/predict?second_opinion=true' : 'api/predict';
      return { ...(await answer(await ask(path, blob), 422)), path: name };
    },
    explain: async (blob) => answer(await ask('api/explain', blob)),
  };
}

/**
 * @param {string} path below the page
 * @param {Blob} [body] of a POST
 * @returns {Promise<Response>}
 */
async function ask(path, body) {
  const url = new URL(path, document.baseURI);
  for (let attempt = 1; ; attempt++) {
    let response;
    try {
      response = await fetch(url, body ? { method: 'POST', body, headers: BYTES } : {});
    } catch {
      throw new Error('The server does not answer. Is `fauxto web` still running? Then try again.');
    }
    if (attempt === TRIES || (response.status !== 429 && response.status !== 503)) return response;
    await new Promise((done) => setTimeout(done, PAUSE * 2 ** (attempt - 1)));
  }
}

/**
 * @param {Response} response
 * @param {number} [alsoGood] a status whose body is an answer too
 * @returns {Promise<any>} its JSON
 * @throws {Error} with the server's own line
 */
async function answer(response, alsoGood) {
  const body = await response.json().catch(() => null);
  if (body !== null && (response.ok || (response.status === alsoGood && body.status === 'error'))) return body;
  throw new Error(body?.error ?? body?.detail ?? `The server answers ${response.status}.`);
}
