/** What files declare of themselves: read as Python reads it, and no file makes that slow or large. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { Detector } from '../src/index.js';
import { declaration } from '../src/provenance.js';
import { MODEL, picture } from './helpers.js';

const CASES = Object.entries(JSON.parse(readFileSync(new URL('declarations.json', import.meta.url), 'utf8')));
const NOTHING = { declared: 'nothing', declared_by: '', signature: 'unverified' };
const bytes = (/** @type {string} */ latin) => Uint8Array.from(Buffer.from(latin, 'latin1'));

assert.ok(CASES.length >= 60);
for (const [name, { file, declared, declared_by }] of CASES) {
  test(name, async () => {
    const data = Uint8Array.from(Buffer.from(file, 'base64'));
    assert.deepEqual(await declaration(data), { ...NOTHING, declared, declared_by });
  });
}

/** @param {string} kind @param {Uint8Array} content @returns {Buffer} a PNG that has this chunk, and no picture */
function png(kind, content) {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(content.length);
  head.write(kind, 4, 'latin1');
  return Buffer.concat([bytes('\x89PNG\r\n\x1a\n'), head, content, Buffer.alloc(4)]);
}

const XMP = 'XML:com.adobe.xmp\0\0\0\0\0';
const NAMESPACE = 'xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"';
const many = 1_000_000;
const bombs = {
  'text of 200 MB': png('zTXt', Buffer.concat([bytes('parameters\0\0'), deflateSync(Buffer.alloc(200 * many, 'a'))])),
  'entities': png('iTXt', bytes(`${XMP}<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'>]><a>${'&b;'.repeat(many)}</a>`)),
  'deep elements': png('iTXt', bytes(XMP + `<a ${NAMESPACE}>`.repeat(50_000))),
  'elements in elements': png('iTXt', bytes(XMP + '<a>'.repeat(300_000) + '</a>'.repeat(100_000))),
  'many attributes': png('iTXt', bytes(`${XMP}<a ${'a="" '.repeat(200_000)}>`)),
  'a long attribute': png('iTXt', bytes(`${XMP}<a b="${'/'.repeat(3 * many)}x>`)),
  'a long name': png('iTXt', bytes(`${XMP}<${'a'.repeat(3 * many)}<>`)),
  'long space': png('iTXt', bytes(`${XMP}<a${' '.repeat(3 * many)}<>`)),
  'slashes': png('iTXt', bytes(`${XMP}<a ${NAMESPACE} i:DigitalSourceType="${'/'.repeat(3 * many)}x/y"/>`)),
  'attributes that do not end': png('iTXt', bytes(`${XMP}<a ${'b = "" '.repeat(400_000)}=>`)),
  'ampersands': png('iTXt', bytes(`${XMP}<a>${'&'.repeat(3 * many)}</a>`)),
  'brackets': png('tEXt', bytes(`prompt\0${'['.repeat(many)}`)),
  'objects in objects': png('tEXt', bytes(`prompt\0${'{"a":'.repeat(400_000)}`)),
  'backslashes': png('tEXt', bytes(`prompt\0{"${'\\'.repeat(3 * many)}x"`)),
  'quotes': png('tEXt', bytes(`prompt\0{${'"'.repeat(3 * many)}`)),
  'lines of settings': png('tEXt', bytes(`parameters\0${'\nSteps: 1, '.repeat(300_000)}`)),
  'a line of settings': png('tEXt', bytes(`parameters\0${'\nSteps: 1, ' + 'Seed'.repeat(700_000)}`)),
  'a dream': png('tEXt', bytes(`Dream\0${'"'.repeat(many)}`)),
  'chunks without end': Buffer.concat([bytes('\x89PNG\r\n\x1a\n'), Buffer.alloc(20 * many)]),
  'arrays in arrays': png('caBX', bytes('\x81'.repeat(many))),
  'boxes without end': Buffer.concat([bytes('\0\0\0\x10ftypheic\0\0\0\0'), bytes('\0\0\0\x08free'.repeat(many))]),
  'segments without end': bytes('\xff\xd8' + '\xff\xe1\0\x02'.repeat(many)),
  'extensions without end': bytes(`GIF89a\0\0\0\0\0\0\0${'!\xff\x0bXMP DataXMP\0'.repeat(200_000)}`),
};
for (const [name, bomb] of Object.entries(bombs)) {
  test(`hostile: ${name}`, async () => {
    const [started, before] = [process.cpuUsage(), process.memoryUsage().rss];
    assert.deepEqual(await declaration(new Uint8Array(bomb)), NOTHING);
    assert.ok(process.cpuUsage(started).user < 5e6, 'a fifth of that is meant, in microseconds; a busy machine takes longer');
    assert.ok(process.memoryUsage().rss - before < 400 << 20);
  });
}

test('a detector says it beside the verdict, where it is asked to', async () => {
  const [, { file }] = CASES.find(([name]) => name === 'text, web ui');
  const text = Buffer.from(file, 'base64').subarray(33); // the chunk, after signature and header
  const plain = await picture().png().toBuffer();
  const told = Buffer.concat([plain.subarray(0, 33), text.subarray(0, 12 + text.readUInt32BE(0)), plain.subarray(33)]);
  const [silent, teller] = [await Detector.load({ model: MODEL }), await Detector.load({ model: MODEL, provenance: true })];
  const [expected, found] = [await silent.predict(told), await teller.predict(told)];
  assert.deepEqual([expected.declared, expected.declared_by, expected.signature], [null, null, null]);
  const by = 'the settings of a Stable Diffusion web UI';
  assert.deepEqual([found.declared, found.declared_by, found.signature], ['ai', by, 'unverified']);
  assert.deepEqual(Object.keys(found), Object.keys(expected));
  assert.deepEqual([found.logit, found.verdict], [expected.logit, expected.verdict]);
  assert.equal((await teller.predict(plain)).declared, 'nothing');
  assert.equal((await teller.predict({ data: new Uint8Array(300 * 300 * 3), width: 300, height: 300 })).declared, null);
  assert.equal((await teller.predict(text)).declared, null); // no picture
  await Promise.all([silent.close(), teller.close()]);
});
