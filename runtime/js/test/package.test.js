import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { variantOf } from '../src/card.js';
import { FILES, VERSION } from '../src/session_browser.js';
import { card } from './helpers.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const own = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

test('the package holds what it must, and no more', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], { cwd: root, maxBuffer: 1 << 24 });
  const told = JSON.parse(stdout);
  const [{ files, size }] = Array.isArray(told) ? told : Object.values(told);
  const sources = readdirSync(`${root}src`, { recursive: true }).filter((name) => name.endsWith('.js'));
  const models = new Set(['wasm', 'webgpu'].map((engine) => variantOf(card(), engine).file));
  const expected = [
    ...['LICENSE', 'README.md', 'package.json', 'model/card.json', ...[...models].map((name) => `model/${name}`)],
    ...sources.map((name) => `src/${name}`),
    ...sources.map((name) => `types/${name.replace(/\.js$/, '.d.ts')}`),
  ];
  assert.deepEqual(files.map((file) => file.path).sort(), expected.sort());
  assert.ok(size < models.size * 13e6, `${size} bytes`);
});

test("onnxruntime-web's files are the pinned ones", () => {
  const folder = new URL('../node_modules/onnxruntime-web/', import.meta.url);
  assert.equal(JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')).version, VERSION);
  assert.equal(own.dependencies['onnxruntime-web'], VERSION);
  for (const [name, sha256] of Object.values(FILES).flatMap((pair) => Object.values(pair))) {
    const bytes = readFileSync(new URL(`dist/${name}`, folder));
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, name);
  }
});

test('the lockfile names no registry', () => {
  const { packages } = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8'));
  const entries = Object.values(packages);
  assert.ok(entries.length > 10);
  for (const entry of entries) assert.ok(!('resolved' in entry), JSON.stringify(entry));
});

test('the version is the Python runtime\'s', () => {
  const text = readFileSync(new URL('../../fauxto/version.py', import.meta.url), 'utf8');
  const [, version] = /__version__ = "(.+)"/.exec(text) ?? [];
  assert.equal(own.version, version.replace('.dev', '-dev.'));
});

test('importing the package loads no engine and no decoder', async () => {
  const script =
    "import { Detector } from 'fauxto'; const { sharedObjects } = process.report.getReport();" +
    'console.log(typeof Detector.load, sharedObjects.filter((path) => /onnxruntime|vips/.test(path)).length)';
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: root });
  assert.equal(stdout.trim(), 'function 0');
});
