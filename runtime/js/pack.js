/** Before `npm pack`: the types by tsc, and the model and the licence from the checkout, which holds them once. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, variantOf } from './src/card.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const released = fileURLToPath(new URL('../../models/fauxto-r18/', import.meta.url));

rmSync(`${here}types`, { recursive: true, force: true });
const tsc = ['node_modules/typescript/bin/tsc', '--noEmit', 'false', '--declaration', '--emitDeclarationOnly'];
const { status } = spawnSync(process.execPath, [...tsc, '--outDir', 'types'], { cwd: here, stdio: ['ignore', 2, 2] });
if (status !== 0) process.exit(status ?? 1);

const card = parse(readFileSync(`${released}card.json`, 'utf8'), 'card.json');
rmSync(`${here}model`, { recursive: true, force: true });
mkdirSync(`${here}model`);
const files = /** @type {const} */ (['cpu', 'webgpu']).map((engine) => variantOf(card, engine).file);
for (const name of new Set(['card.json', ...files])) cpSync(`${released}${name}`, `${here}model/${name}`);
cpSync(fileURLToPath(new URL('../../LICENSE', import.meta.url)), `${here}LICENSE`);
