import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePage } from '../make_page.js';
import { DEFAULT, EXAMPLES, page } from './helpers.js';

const dist = await page('https://example.org/fauxto/');

test('the service worker knows every file that is served, by its content', () => {
  const known = JSON.parse(/\{\n[^}]*\}/.exec(readFileSync(join(dist, 'sw.js'), 'utf8'))[0]);
  const files = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) =>
    join(entry.parentPath, entry.name)
      .slice(dist.length + 1)
      .replaceAll('\\', '/'),
  );
  assert.deepEqual(
    Object.keys(known).sort(),
    paths.filter((path) => path !== 'sw.js' && path !== 'preview.png').sort(),
  );
  for (const [path, hash] of Object.entries(known)) {
    assert.equal(
      hash,
      createHash('sha256')
        .update(readFileSync(join(dist, path)))
        .digest('hex'),
      path,
    );
  }
});

test('what is served holds no module of Node, no answer of an example, and names nothing outside but the source', () => {
  const paths = readdirSync(dist, { recursive: true }).map(String);
  assert.ok(paths.length > 40);
  for (const path of paths) assert.doesNotMatch(path, /_node|examples\.json|ai-face|photo-|tsconfig/);
  for (const path of paths.filter((name) => /\.(html|css|js|json|svg)$/.test(name) && !/^(src|model)/.test(name))) {
    const outside = readFileSync(join(dist, path), 'utf8').match(/https?:\/\/[^\s"'<)]+/g) ?? [];
    const allowed = [
      'https://github.com/fauxto/fauxto',
      'https://example.org/fauxto/preview.png',
      'http://www.w3.org/2000/svg',
    ];
    assert.deepEqual(
      outside.filter((address) => !allowed.includes(address)),
      [],
      path,
    );
  }
});

test('of the model, the page has the card and the file for WebAssembly', () => {
  assert.deepEqual(readdirSync(join(dist, 'model')).sort(), ['card.json', DEFAULT.file]);
});

test('every example has a thumbnail under a name that gives nothing away', () => {
  const names = JSON.parse(readFileSync(new URL('../page/examples.json', import.meta.url), 'utf8'));
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  assert.deepEqual(
    html.match(/examples\/[^"]+/g),
    Object.keys(names).map((name) => `examples/${name}`),
  );
  const files = readdirSync(EXAMPLES).filter((name) => /\.(jpg|png)$/.test(name));
  assert.deepEqual(Object.values(names).sort(), files.sort());
  for (const name of Object.keys(names)) assert.match(name, /^\d\.(jpg|png)$/);
});

test('a folder that holds something else is left alone', async () => {
  const other = mkdtempSync(join(tmpdir(), 'fauxto-other-'));
  writeFileSync(join(other, 'letter.txt'), 'dear');
  await assert.rejects(makePage(other), /holds something else/);
  assert.deepEqual(readdirSync(other), ['letter.txt']);
  rmSync(other, { recursive: true });
});
