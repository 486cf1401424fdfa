/**
 * Finds the elements of an XML document with the places of their attributes, so that parts of the text can be
 * replaced.
 * In: the text of an MPD or another document. Out: its elements as a tree. Pure, in one pass. XML 1.0, 3.
 */
import { FormatError } from '../errors.ts';
import { unescapeXml } from '../xml-text.ts';

/** Longest manifest, characters. */
const MAX_MPD = 8 * 1024 * 1024;
const MAX_DEPTH = 32;

/** An attribute: its value without references, and the place of the text between its quotes. */
interface MpdAttribute {
  readonly name: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

export interface MpdElement {
  /** Without a namespace prefix. */
  readonly name: string;
  readonly attributes: readonly MpdAttribute[];
  readonly children: MpdElement[];
  /** Text up to its first child or its end, as it is written. */
  content: { readonly text: string; readonly start: number; readonly end: number };
}

/** Markup that is neither text nor a tag. */
const SKIPPED: readonly (readonly [start: string, end: string])[] = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
  ['<!', '>'],
];
/** A tag. A value has no `<`, so a tag ends before the next one. */
const TAG = /<(\/?)([\w.:-]{1,200})((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y;
const ATTRIBUTE = /([\w.:-]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/g;

/**
 * The MPD element.
 *
 * @throws FormatError if there is none, if tags do not match, or a bound is passed
 */
export function parseElements(text: string): MpdElement {
  const mpd = parseXml(text, { what: 'the manifest', maxLength: MAX_MPD });
  if (mpd?.name !== 'MPD') throw new FormatError('not a DASH manifest: it has no MPD element', 0);
  return mpd;
}

/** Which document it is. */
interface XmlOptions {
  /** Its name in errors. */
  readonly what: string;
  /** Characters. */
  readonly maxLength: number;
}

/**
 * The first element of a document; undefined if it has none, or the element has no end.
 *
 * @throws FormatError if tags do not match, or a bound is passed
 */
export function parseXml(text: string, { what, maxLength }: XmlOptions): MpdElement | undefined {
  if (text.length > maxLength) throw new FormatError(`${what} is longer than ${maxLength} characters`, maxLength);
  const root: MpdElement = { name: '', attributes: [], children: [], content: { text: '', start: 0, end: 0 } };
  const open = [root];
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at)) {
    const skipped = SKIPPED.find(([start]) => text.startsWith(start, at));
    if (skipped) {
      const end = text.indexOf(skipped[1], at + skipped[0].length);
      if (end < 0) throw new FormatError(`${what} has a ${skipped[0]} without its end`, at);
      at = end + skipped[1].length;
      continue;
    }
    TAG.lastIndex = at;
    const tag = TAG.exec(text);
    if (!tag) throw new FormatError(`${what} has a tag that is not well-formed`, at);
    const [whole, closes, name, list, isEmpty] = tag as unknown as [string, string, string, string, string];
    const current = open.at(-1)!;
    at += whole.length;
    if (closes !== '') {
      if (open.length === 1 || current.name !== localName(name))
        throw new FormatError(`${what} has an end tag without its start`, tag.index);
      open.pop();
      continue;
    }
    const start = tag.index + 1 + name.length;
    const next = text.indexOf('<', at);
    const end = next < 0 ? text.length : next;
    const content = isEmpty === '' ? { text: text.slice(at, end), start: at, end } : { text: '', start: at, end: at };
    const element = { name: localName(name), attributes: attributesOf(list, start), children: [], content };
    current.children.push(element);
    if (isEmpty === '' && open.push(element) > MAX_DEPTH) throw new FormatError(`${what} is nested too deeply`, at);
  }
  return open.length === 1 ? root.children[0] : undefined;
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1);

/** @param start place of the list in the text */
function attributesOf(list: string, start: number): MpdAttribute[] {
  return [...list.matchAll(ATTRIBUTE)].map((match) => {
    const [whole, name, double, single] = match as unknown as [string, string, string | undefined, string | undefined];
    const raw = double ?? single ?? '';
    const end = start + match.index + whole.length - 1;
    return { name, value: unescapeXml(raw), start: end - raw.length, end };
  });
}
