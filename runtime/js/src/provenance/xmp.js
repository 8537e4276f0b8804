/** XMP packets: which digital source types (IPTC) they name. Workers and Node have no XML parser, so here is a small one. */
import { withoutEnd } from './bytes.js';

const MAX_XML = 4 << 20;
const NAME = 'http://iptc.org/std/Iptc4xmpExt/2008-02-29/ DigitalSourceType';
const RESOURCE = 'http://www.w3.org/1999/02/22-rdf-syntax-ns# resource';

/** @type {Readonly<Record<string, string>>} */
const ENTITIES = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const ENTITY = /&(?:#(\d{1,7})|#x([\dA-Fa-f]{1,6})|(lt|gt|amp|quot|apos));/g;
const UNKNOWN = /&(?!#\d{1,7};|#x[\dA-Fa-f]{1,6};|lt;|gt;|amp;|quot;|apos;)/;
const PART = /^[\p{L}_][\p{L}\p{N}\p{M}._\xb7-]*$/u; // of a name
const INVALID = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const INSTRUCTION = /<\?([\p{L}_][\p{L}\p{N}\p{M}._\xb7-]*)(?=\s|\?>)/uy;
const START = /<([^\s<>/=&"']+)((?:\s+[^\s<>/=&"']+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const END = /<\/([^\s<>/=&"']+)\s*>/y;
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** @typedef {{begin: (name: string, attributes: Map<string, string>) => void, end: () => void, text: (part: string) => void}} Handler */

/** @type {{attributes: Map<string, string>, prefixes: string[]}} */
const NO_ATTRIBUTES = { attributes: new Map(), prefixes: [] };

class XmlError extends Error {}

/**
 * As an attribute, an element's text, its rdf:resource, or the items of a bag in it, in any encoding of XML.
 *
 * @param {Uint8Array} xmp
 * @returns {string[]} DigitalSourceType values, the last part of their URI; none where the packet is damaged
 */
export function sourceTypes(xmp) {
  if (xmp.length > MAX_XML) return [];
  const text = decoded(xmp);
  const start = text.indexOf('<');
  const end = text.lastIndexOf('>'); // the packet may be padded
  if (start < 0) return [];
  const values = [''];
  let depth = 0; // of elements within a DigitalSourceType
  try {
    parse(text.slice(start, end + 1), {
      begin(name, attributes) {
        depth += Number(depth > 0 || name === NAME);
        values.push(attributes.get(NAME) ?? '', (depth && attributes.get(RESOURCE)) || '', '');
      },
      end() {
        depth -= Number(depth > 0);
      },
      text(part) {
        if (depth) values[values.length - 1] += part.slice(0, 1000);
      },
    });
  } catch (error) {
    if (error instanceof XmlError) return [];
    throw error;
  }
  return values.filter((value) => value.trim()).map(lastPart);
}

/** @param {string} uri @returns {string} its last part, "trainedAlgorithmicMedia", with or without a slash after it */
export function lastPart(uri) {
  const whole = withoutEnd(uri.trim(), '/');
  return whole.slice(whole.lastIndexOf('/') + 1);
}

/** @param {Uint8Array} xmp @returns {string} in UTF-16 a zero stands beside its first "<", before it or behind it */
function decoded(xmp) {
  const place = xmp.indexOf(0x3c);
  const isWide = place >= 0 && xmp.subarray(Math.max(0, place - 1), place + 2).includes(0);
  const label = isWide ? (place % 2 ? 'utf-16be' : 'utf-16le') : 'utf-8';
  return new TextDecoder(label).decode(xmp).replaceAll('\ufffd', ''); // what cannot be decoded is left out
}

/**
 * Read XML 1.0 with namespaces. A document type is refused: XMP has no use for one, bombs do.
 *
 * @param {string} xml from its first "<" to its last ">"
 * @param {Handler} handler whose names are "namespace name"
 * @throws {XmlError} it is not well-formed
 */
function parse(xml, handler) {
  if (INVALID.test(xml)) throw new XmlError();
  const spaces = new Namespaces();
  /** @type {{name: string, prefixes: string[]}[]} */
  const open = [];
  let roots = 0;
  for (let at = 0; at < xml.length; ) {
    if (xml[at] !== '<') {
      const next = xml.indexOf('<', at);
      const part = xml.slice(at, next < 0 ? xml.length : next);
      if (part.includes(']]>') || (!open.length && part.trim())) throw new XmlError();
      handler.text(unescaped(part));
      at += part.length;
    } else if (xml.startsWith('<?', at)) {
      const [whole, target] = match(INSTRUCTION, xml, at);
      if (at > 0 && target.toLowerCase() === 'xml') throw new XmlError();
      at = after(xml, '?>', at + whole.length);
    } else if (xml.startsWith('<!--', at)) {
      const end = after(xml, '--', at + 4);
      if (xml[end] !== '>') throw new XmlError();
      at = end + 1;
    } else if (xml.startsWith('<![CDATA[', at) && open.length) {
      const end = after(xml, ']]>', at);
      handler.text(xml.slice(at + 9, end - 3));
      at = end;
    } else if (xml[at + 1] === '/') {
      const [whole, name] = match(END, xml, at);
      const element = open.pop();
      if (element?.name !== name) throw new XmlError();
      spaces.leave(element.prefixes);
      handler.end();
      at += whole.length;
    } else {
      const [whole, name, written, closed] = match(START, xml, at); // neither that of a document type
      if (!open.length && roots++) throw new XmlError();
      const { attributes, prefixes } = spaces.enter(written);
      handler.begin(spaces.expanded(name, true), attributes);
      at += whole.length;
      if (!closed) {
        open.push({ name, prefixes });
        continue;
      }
      spaces.leave(prefixes);
      handler.end();
    }
  }
  if (open.length || !roots) throw new XmlError();
}

/** Which prefix stands for what, where parsing has come to. */
class Namespaces {
  constructor() {
    /** @type {Map<string, string[]>} prefix -> its namespaces, the innermost last */
    this.bound = new Map([['xml', ['http://www.w3.org/XML/1998/namespace']]]);
  }

  /** @param {string} written attributes of an element, whose namespaces hold from here on */
  enter(written) {
    if (!written) return NO_ATTRIBUTES;
    const own = [...written.matchAll(ATTRIBUTE)].map(([, name, double, single]) => {
      return /** @type {const} */ ([name, unescaped((double ?? single).replace(/[\t\n\r]/g, ' '))]);
    });
    const prefixes = [];
    for (const [name, value] of own) {
      if (name !== 'xmlns' && !name.startsWith('xmlns:')) continue;
      if (value.includes(' ')) throw new XmlError(); // it would end there in a handler's names
      const prefix = name.slice(6);
      prefixes.push(prefix);
      if (!this.bound.has(prefix)) this.bound.set(prefix, []);
      this.bound.get(prefix)?.push(value);
    }
    const others = own.filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:'));
    const attributes = new Map(others.map(([name, value]) => [this.expanded(name, false), value]));
    if (new Set(prefixes).size + attributes.size < own.length) throw new XmlError(); // one stands there twice
    return { attributes, prefixes };
  }

  /** @param {string[]} prefixes that held in the element which ends */
  leave(prefixes) {
    for (const prefix of prefixes) this.bound.get(prefix)?.pop();
  }

  /** @param {string} name @param {boolean} isElement @returns {string} "namespace name" */
  expanded(name, isElement) {
    const parts = name.split(':');
    if (parts.length > 2 || !parts.every((part) => PART.test(part))) throw new XmlError();
    const prefix = parts.length === 2 ? parts[0] : '';
    if (!prefix && !isElement) return name;
    const space = this.bound.get(prefix)?.at(-1);
    if (prefix && !space) throw new XmlError();
    return space ? `${space} ${parts.at(-1)}` : name;
  }
}

/** @param {string} text @returns {string} with entities replaced */
function unescaped(text) {
  if (!text.includes('&')) return text;
  if (UNKNOWN.test(text)) throw new XmlError();
  return text.replace(ENTITY, (_, decimal, hexadecimal, name) => {
    if (name) return ENTITIES[name];
    const code = decimal ? Number(decimal) : Number.parseInt(hexadecimal, 16);
    if (code > 0x10ffff) throw new XmlError();
    const character = String.fromCodePoint(code);
    if (INVALID.test(character)) throw new XmlError();
    return character;
  });
}

/** @param {RegExp} pattern sticky @param {string} xml @param {number} at @returns {RegExpExecArray} */
function match(pattern, xml, at) {
  pattern.lastIndex = at;
  const found = pattern.exec(xml);
  if (!found) throw new XmlError();
  return found;
}

/** @param {string} xml @param {string} mark @param {number} from @returns {number} where what follows the mark begins */
function after(xml, mark, from) {
  const at = xml.indexOf(mark, from);
  if (at < 0) throw new XmlError();
  return at + mark.length;
}
