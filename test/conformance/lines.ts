/**
 * Reads a playlist line by line, strictly and on its own: it shares no code with the printer and parser under
 * test.
 * In: text. Out: lines with their tags and attributes, and what has no lawful form. RFC 8216bis 4.1, 4.2.
 */
import type { Problem } from './rules/rule.ts';

/** A value of an attribute list (4.2). */
export interface Attribute {
  /** Without quotes. */
  readonly text: string;
  readonly quoted: boolean;
}

/** A line that is not blank and no comment. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** The line as text. */
  readonly text: string;
  /** `EXT-X-PART`; undefined for a URI. */
  readonly tag: string | undefined;
  /** Behind the colon; empty where there is none. */
  readonly value: string;
  /** Of tags whose value is an attribute list. */
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A text, taken apart. */
export interface Lines {
  readonly lines: readonly Line[];
  /** Breaks of 4.1: encoding, white space, line ends. */
  readonly badLines: readonly Problem[];
  /** Breaks of 4.2. */
  readonly badAttributes: readonly Problem[];
}

/** Tags whose value is an attribute list. */
const WITH_ATTRIBUTES = new Set([
  ...['EXT-X-DEFINE', 'EXT-X-START', 'EXT-X-PART-INF', 'EXT-X-SERVER-CONTROL', 'EXT-X-KEY', 'EXT-X-MAP', 'EXT-X-PART'],
  ...['EXT-X-DATERANGE', 'EXT-X-SKIP', 'EXT-X-PRELOAD-HINT', 'EXT-X-RENDITION-REPORT', 'EXT-X-MEDIA'],
  ...['EXT-X-STREAM-INF', 'EXT-X-I-FRAME-STREAM-INF', 'EXT-X-SESSION-DATA', 'EXT-X-SESSION-KEY'],
  'EXT-X-CONTENT-STEERING',
]);

/** Controls, what was no UTF-8, and byte order marks (4.1). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it looks for
const ODD = /[\0-\x1f\x7f-\x9f\ufffd\ufeff]/;
const NONE: ReadonlyMap<string, Attribute> = new Map();
/** Attributes by the text that they were read from. */
const wellFormed = new Map<string, ReadonlyMap<string, Attribute>>();
const MOST_KNOWN = 10_000;

/**
 * Bytes of a list as text; what is not UTF-8 or begins with a byte order mark is found by `extm3u-first` and
 * `line-form`.
 */
export function textOf(body: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(body);
}

/** Takes a text apart. */
export function readLines(text: string): Lines {
  const lines: Line[] = [];
  const badLines: Problem[] = [];
  const badAttributes: Problem[] = [];
  const raw = text.split(/\r?\n/);
  if (raw.at(-1) !== '') badLines.push({ where: `line ${raw.length}`, detail: 'the last line has no end' });
  for (const [index, line] of raw.entries()) {
    const where = `line ${index + 1}`;
    const odd = ODD.exec(line)?.[0];
    if (odd !== undefined) badLines.push({ where, detail: `U+${odd.charCodeAt(0).toString(16)} may not stand there` });
    if (line === '') continue;
    if (line !== line.trim()) badLines.push({ where, detail: 'white space at an end' });
    if (line.startsWith('#') && !line.startsWith('#EXT')) continue;
    if (!line.startsWith('#')) {
      if (/\s/.test(line)) badLines.push({ where, detail: 'a URI has no white space' });
      lines.push({ number: index + 1, text: line, tag: undefined, value: '', attributes: new Map() });
      continue;
    }
    const colon = line.indexOf(':');
    const tag = line.slice(1, colon < 0 ? undefined : colon);
    const value = colon < 0 ? '' : line.slice(colon + 1);
    const attributes = WITH_ATTRIBUTES.has(tag) ? attributesOf(value, where, badAttributes) : NONE;
    lines.push({ number: index + 1, text: line, tag, value, attributes });
  }
  return { lines, badLines, badAttributes };
}

/**
 * As `readAttributes`; what is well-formed is read once, because most lines of a list are in the next one
 * too.
 */
function attributesOf(value: string, where: string, bad: Problem[]): ReadonlyMap<string, Attribute> {
  const known = wellFormed.get(value);
  if (known) return known;
  const found = bad.length;
  const attributes = readAttributes(value, where, bad);
  if (wellFormed.size >= MOST_KNOWN) wellFormed.clear();
  if (bad.length === found) wellFormed.set(value, attributes);
  return attributes;
}

/** NAME=value,NAME="value" without any white space around; each name once (4.2). */
function readAttributes(value: string, where: string, bad: Problem[]): Map<string, Attribute> {
  const attributes = new Map<string, Attribute>();
  const pattern = /([A-Z0-9-]+)=(?:"([^"\r\n]*)"|([^",\s]+))(,|$)/y;
  let at = 0;
  while (at < value.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(value);
    if (!match) {
      bad.push({ where, detail: `no attribute at '${value.slice(at, at + 40)}'` });
      return attributes;
    }
    const [whole, name, inQuotes, bare, comma] = match;
    if (attributes.has(name!)) bad.push({ where, detail: `${name} occurs twice` });
    attributes.set(name!, { text: inQuotes ?? bare!, quoted: inQuotes !== undefined });
    at += whole.length;
    if (comma === ',' && at === value.length) bad.push({ where, detail: 'a comma ends the list' });
  }
  return attributes;
}

/** A decimal number of an attribute or tag; NaN where it is none. */
export function decimal(text: string | undefined): number {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

/** A decimal-integer (4.2); NaN where it is none. */
export function integer(text: string | undefined): number {
  return text !== undefined && /^\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
}
