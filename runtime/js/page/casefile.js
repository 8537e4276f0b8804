/** The case file: one HTML file for print or archive, with nothing to fetch and nothing to run. */
import * as rates from './rates.js';
import * as second from './second.js';
import { WORDS } from './src/prediction.js';
import * as words from './words.js';

/**
 * @typedef {object} Case
 * @property {import('./words.js').Answer} record
 * @property {import('./picture.js').Details} details
 * @property {import('./engine_local.js').Info} info
 * @property {{plain: string | null, heat: string}} copies data: addresses
 * @property {number} prior the base rate that the reader chose, 0..1
 * @property {Date} date
 */

const STYLE = `
:root { color-scheme: light; }
body { font: 11pt/1.5 system-ui, sans-serif; color: #1c2026; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .3rem; break-after: avoid; }
p { margin: .3rem 0; }
.number { font-size: 1.2rem; font-weight: 600; }
.proof, .against { border: 2px solid; padding: .5rem .8rem; font-weight: 600; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem; margin: 1rem 0; }
figure { margin: 0; break-inside: avoid; }
img { max-width: 100%; max-height: 60vh; }
figcaption { font-size: .9rem; color: #4b545f; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #ccd1d7; }
th { font-weight: 600; white-space: nowrap; }
td { overflow-wrap: anywhere; }
td p { margin: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; background: #f2f3f5; padding: .8rem; }
@page { margin: 18mm; }`;

/**
 * @param {Case} known
 * @returns {string} a whole HTML document
 */
export function caseFile({ record, details, info, copies, prior, date }) {
  const name = words.visible(record.path ?? 'picture');
  const against = words.contradiction(record);
  const card = second.cardOf(record, info);
  const caveats = words.caveats(record, details.quality, info.card);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${escape(`${name}: ${words.headline(record)}`)}</title>
<style>${STYLE}</style>
<p>fauxto case file, ${escape(date.toISOString())}</p>
<h1>${escape(words.headline(record))}</h1>
${number(record)}
${against ? `<p class="against">${escape(against)}</p>` : ''}
${paragraphs([...words.meaning(record, card), ...second.told(record)])}
<p class="proof">${escape(words.proof(record))}</p>
${figures(copies)}
<h2>The file</h2>
${table([
  ['Name', `<bdi dir="auto">${escape(name)}</bdi>`],
  ['SHA-256', `<code>${escape(details.sha256)}</code>`],
  ['Size', escape(`${record.width} × ${record.height} px, ${words.count(details.bytes)} bytes`)],
  ['It says of itself', paragraphs(words.declaration(record))],
])}
<p>The picture above is a copy. Keep the file itself: the SHA-256 shows that it is the one that was judged.</p>
<h2>What such an answer is worth</h2>
${paragraphs([...rates.worth(record, card, prior), words.measured(card, record.operating_point)])}
<h2>Limits</h2>
${paragraphs([...caveats, ...words.LIMITS])}
<h2>What answered</h2>
${table([
  ['Model', escape(record.model)],
  ['SHA-256 of it', `<code>${escape(record.model_sha256)}</code>`],
  ...second.opinions(record).map((row) => /** @type {[string, string]} */ (row.map(escape))),
  ['Rule', escape(`${record.operating_point}: “${WORDS.ai}” from ${words.chance(record.threshold ?? 1)} on`)],
  ['Its test', escape(card.test?.set ?? 'not tested')],
])}
<h2>The record</h2>
<pre>${escape(JSON.stringify({ ...record, path: name }, null, 2))}</pre>
</html>
`;
}

/** @param {words.Answer} record @returns {string} its number, and the base rate that it is for */
function number(record) {
  const said = words.number(record);
  return said && `<p><span class="number">${escape(said)}</span> ${escape(words.condition(record))}</p>`;
}

/** @param {Case['copies']} copies @returns {string} */
function figures({ plain, heat }) {
  const caption =
    'Where the evidence lies: orange speaks for AI, blue against it. It shows what moved the model, not what is false.';
  const picture = plain
    ? `<figure><img src="${escape(plain)}" alt="The picture"></figure>`
    : '<p>The browser that wrote this file could not show the picture.</p>';
  return `<div class="figures">${picture}
<figure><img src="${escape(heat)}" alt="The picture with its heat map">
<figcaption>${escape(caption)}</figcaption></figure></div>`;
}

/** @param {string[]} sentences @returns {string} */
function paragraphs(sentences) {
  return `<p>${sentences.filter(Boolean).map(escape).join(' ')}</p>`;
}

/** @param {[string, string][]} rows a heading, and HTML @returns {string} */
function table(rows) {
  const lines = rows.map(([heading, html]) => `<tr><th scope="row">${escape(heading)}</th><td>${html}</td></tr>`);
  return `<table>${lines.join('\n')}</table>`;
}

/** @param {unknown} text @returns {string} as text or as a quoted attribute of HTML, each line without controls */
export function escape(text) {
  const names = /** @type {Record<string, string>} */ ({
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  });
  const lines = String(text).split('\n').map(words.visible);
  return lines.join('\n').replace(/[&<>"']/g, (mark) => names[mark]);
}
