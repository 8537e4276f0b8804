/**
 * Keeps the page's own files, by content: cache first, and nothing else. `npm run page` puts path -> sha256 in here, so
 * a changed file is a changed service worker, and the browser fetches what is new beside what is kept.
 */
const FILES = /** @type {Record<string, string>} */ ({});

const scope = /** @type {any} */ (self);
const base = new URL('./', scope.location.href);
const NAME = `fauxto ${base.pathname}`;

/** With these, the page is isolated and WebAssembly may use threads, on servers too that send none of them. */
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

/** @param {string} path @returns {string} the address that a version of a file is kept under */
function key(path) {
  return new URL(`${path}?sha256=${FILES[path]}`, base).href;
}

/** Fetch what is not kept yet, and check it: a cache on the way may still have the old one. @param {string} path */
async function keep(path) {
  const cache = await caches.open(NAME);
  if (await cache.match(key(path))) return;
  for (const way of /** @type {const} */ (['default', 'reload'])) {
    const response = await fetch(new URL(path, base), { cache: way });
    const digest = await crypto.subtle.digest('SHA-256', await response.clone().arrayBuffer());
    const found = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
    if (response.ok && found === FILES[path]) return cache.put(key(path), isolated(response));
  }
  throw new Error(`${path} is not the file of this version`);
}

/** @param {Response} response */
function isolated(response) {
  const type = response.headers.get('Content-Type') ?? 'application/octet-stream';
  return new Response(response.body, { headers: { 'Content-Type': type, ...ISOLATED } });
}

/** Forget the files of other versions. */
async function tidy() {
  const cache = await caches.open(NAME);
  const known = new Set(Object.keys(FILES).map(key));
  for (const request of await cache.keys()) if (!known.has(request.url)) await cache.delete(request);
}

/** @param {Request} request @returns {string | null} the kept file that it asks for */
function pathOf(request) {
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) return null;
  const path = decodeURIComponent(url.pathname.slice(base.pathname.length)) || 'index.html';
  return Object.hasOwn(FILES, path) ? path : null;
}

scope.addEventListener('install', (/** @type {any} */ event) =>
  event.waitUntil(Promise.all(Object.keys(FILES).map(keep))),
);

scope.addEventListener('activate', (/** @type {any} */ event) =>
  event.waitUntil(tidy().then(() => scope.clients.claim())),
);

scope.addEventListener('message', (/** @type {any} */ { data }) => {
  if (data === 'take over') scope.skipWaiting();
});

scope.addEventListener('fetch', (/** @type {any} */ event) => {
  const path = pathOf(event.request);
  if (path) event.respondWith(caches.match(key(path)).then((kept) => kept ?? fetch(event.request)));
});
