/**
 * `npm run page [FOLDER] [URL]` writes the page for any web server, GitHub Pages included: its own files, the library,
 * the model, onnxruntime-web, the examples, and a service worker that knows them all by content.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { parse, variantOf } from './src/card.js';
import { FILES } from './src/session_browser.js';

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const RELEASED = here('../../models/fauxto-r18/');
const EXAMPLES = here('../../examples/');

/** Not for a web server: what gives the examples' answers away, what becomes preview.png, and what is rewritten. */
const LEFT_OUT = ['examples.json', 'preview.svg', 'index.html', 'sw.js'];

/**
 * @param {string} folder which is made anew
 * @param {string} [url] where the page will be found: previews on other sites need whole addresses
 */
export async function makePage(folder, url) {
  if (existsSync(folder) && readdirSync(folder).length && !existsSync(join(folder, 'sw.js'))) {
    throw new Error(`${folder} holds something else; name an empty folder`);
  }
  rmSync(folder, { recursive: true, force: true });
  for (const [to, from] of sources()) {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    cpSync(from, join(folder, to));
  }
  const html = readFileSync(here('page/index.html'), 'utf8');
  writeFileSync(
    join(folder, 'index.html'),
    url ? html.replace('content="preview.png"', `content="${new URL('preview.png', url).href}"`) : html,
  );
  await sharp(here('page/preview.svg')).png({ palette: true }).toFile(join(folder, 'preview.png'));
  const worker = readFileSync(here('page/sw.js'), 'utf8');
  writeFileSync(join(folder, 'sw.js'), worker.replace('({})', JSON.stringify(hashes(folder), null, 2)));
}

/** @returns {Map<string, string>} path in the page -> file */
function sources() {
  const card = parse(readFileSync(`${RELEASED}card.json`, 'utf8'), 'card.json');
  const examples = JSON.parse(readFileSync(here('page/examples.json'), 'utf8'));
  const onnxruntime = Object.values(FILES.wasm).map(([name]) => name);
  return new Map([
    pair('LICENSE.txt', here('../../LICENSE')),
    ...readdirSync(here('page'))
      .filter((name) => !LEFT_OUT.includes(name))
      .map((name) => pair(name, here(`page/${name}`))),
    ...modules().map((name) => pair(`src/${name}`, here(`src/${name}`))),
    ...['card.json', variantOf(card, 'wasm').file].map((name) => pair(`model/${name}`, RELEASED + name)),
    ...onnxruntime.map((name) => pair(`onnxruntime-web/${name}`, here(`node_modules/onnxruntime-web/dist/${name}`))),
    ...Object.entries(examples).map(([name, own]) => pair(`examples/${name}`, EXAMPLES + own)),
  ]);
}

/** @returns {string[]} paths in src of what runs in a browser */
function modules() {
  const names = readdirSync(here('src'), { recursive: true, encoding: 'utf8' }).map((name) =>
    name.replaceAll('\\', '/'),
  );
  return names.filter((name) => name.endsWith('.js') && !name.endsWith('_node.js'));
}

/** @param {string} to @param {string} from @returns {[string, string]} */
function pair(to, from) {
  return [to, from];
}

/** @param {string} folder @returns {Record<string, string>} path -> sha256 of its files, but for other sites' preview */
function hashes(folder) {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, '/').length).replaceAll('\\', '/'))
    .filter((path) => path !== 'preview.png')
    .sort();
  return Object.fromEntries(
    paths.map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(folder, path)))
        .digest('hex'),
    ]),
  );
}

if (process.argv[1] && basename(process.argv[1]) === basename(fileURLToPath(import.meta.url))) {
  const [folder = here('dist'), url] = process.argv.slice(2);
  await makePage(folder, url);
}
