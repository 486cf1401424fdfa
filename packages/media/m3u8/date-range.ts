/**
 * EXT-X-DATERANGE: a stretch of time with attributes.
 * In: the attribute list of the tag. Out: a DateRangeTag, and back. Pure. RFC 8216bis 4.4.5.1.
 */
import { FormatError } from '../errors.ts';
import { parseAttributes } from './attributes.ts';
import { parseDateTime } from './date-time.ts';
import type { DateRangeTag } from './playlist.ts';

/** Longest attribute list, characters; a splice_info_section of 4 KiB takes 8 Ki of them. */
const MAX_DATE_RANGE = 12 * 1024;
/** Standard attributes that are passed on, with ID, dates and X- names (RFC 8216bis 4.4.5.1). */
const STANDARD = new Set([
  ...['CLASS', 'CUE', 'DURATION', 'PLANNED-DURATION', 'END-ON-NEXT', 'SCTE35-CMD', 'SCTE35-OUT', 'SCTE35-IN'],
]);
/** Attributes of a range that its tags add up to; its list is no longer than that of one tag. */
const MAX_MERGED = 100;
/** How long a range without an end is listed, ms. */
const OPEN_FOR_MS = 3_600_000;

/** A tag in a source's playlist: later tags of an ID may omit START-DATE. */
type SourceDateRange = Omit<DateRangeTag, 'startDateMs'> & { readonly startDateMs?: number };

/** Characters that playlists must not contain (4.1, 4.2): controls, byte order marks, invalid UTF-8. */
const UNPRINTABLE = /[\p{Cc}\ufeff\ufffd]/gu;

/** As a quoted-string has it (4.2). */
function quoted(text: string): string {
  return `"${text.replaceAll('"', "'").replace(UNPRINTABLE, ' ')}"`;
}

/** The value as printed; undefined if it cannot be printed. */
function printedValue(name: string, value: string, isQuoted: boolean): string | undefined {
  if (isQuoted) return quoted(value);
  if (name.startsWith('SCTE35-') && !/^0x[0-9a-f]+$/i.test(value)) return undefined;
  return /^[\x21\x23-\x2b\x2d-\x7e]+$/.test(value) ? value : undefined;
}

/**
 * Reads an attribute list.
 *
 * @param text after the colon
 * @param offset of the line in the playlist, for errors
 * @param substitute puts variables into quoted values (EXT-X-DEFINE)
 * @throws FormatError without an ID, for a date that is none, or where it is too long
 */
export function parseDateRange(text: string, offset = 0, substitute?: (value: string) => string): SourceDateRange {
  const tag = '#EXT-X-DATERANGE';
  if (text.length > MAX_DATE_RANGE) throw new FormatError(`${tag} is too long`, offset);
  const list = parseAttributes(text, tag, offset, substitute);
  const date = (name: string): number | undefined => {
    const value = list.text(name);
    if (value === undefined) return undefined;
    const ms = parseDateTime(value);
    if (ms === undefined) throw new FormatError(`${name} of ${tag} is not a date`, offset);
    return ms;
  };
  const id = list.need('ID');
  const startDateMs = date('START-DATE');
  const endDateMs = date('END-DATE');
  const attributes: Record<string, string> = {};
  for (const { name, value, isQuoted } of list.entries()) {
    if (name === 'ID' || name === 'START-DATE' || name === 'END-DATE' || !/^[A-Z][A-Z0-9-]*$/.test(name)) continue;
    const text = printedValue(name, value, isQuoted);
    if (text !== undefined && (STANDARD.has(name) || name.startsWith('X-'))) attributes[name] = text;
  }
  for (const name of ['DURATION', 'PLANNED-DURATION']) {
    const seconds = list.float(name);
    if (seconds !== undefined) attributes[name] = String(Math.round(seconds * 1e5) / 1e5);
  }
  return {
    id,
    ...(startDateMs !== undefined && { startDateMs }),
    ...(endDateMs !== undefined && { endDateMs }),
    attributes,
  };
}

/**
 * The attribute list of a range, dates in ms and UTC.
 *
 * @throws RangeError when a date is outside the range of Date
 */
export function printDateRange({ id, startDateMs, endDateMs, attributes }: SourceDateRange): string {
  const { CLASS, ...others } = attributes;
  const list = [`ID=${quoted(id)}`];
  if (CLASS !== undefined) list.push(`CLASS=${CLASS}`);
  if (startDateMs !== undefined) list.push(`START-DATE="${new Date(Math.round(startDateMs)).toISOString()}"`);
  if (endDateMs !== undefined) list.push(`END-DATE="${new Date(Math.round(endDateMs)).toISOString()}"`);
  for (const [name, value] of Object.entries(others)) list.push(`${name}=${value}`);
  return list.join();
}

/**
 * Time until which a playlist lists a range: its known end; without an end, an hour after its start.
 *
 * @returns ms since 1970, at least the start
 */
export function reachOf({ startDateMs, endDateMs, attributes }: DateRangeTag): number {
  const seconds = Number(attributes.DURATION ?? attributes['PLANNED-DURATION'] ?? Number.NaN);
  const endMs = endDateMs ?? (Number.isFinite(seconds) ? startDateMs + seconds * 1000 : undefined);
  if (endMs !== undefined) return Math.max(startDateMs, endMs);
  const isOpen = attributes['END-ON-NEXT'] === 'YES' || attributes['SCTE35-OUT'] !== undefined;
  return isOpen ? startDateMs + OPEN_FOR_MS : startDateMs;
}

/**
 * What a tag adds to an earlier one of the same ID: attributes that are new, or have another value now, as
 * far as there is room. Its start stays.
 *
 * @returns `before` itself where nothing is new
 */
export function mergeDateRange(before: DateRangeTag, later: SourceDateRange): DateRangeTag {
  const endDateMs = later.endDateMs ?? before.endDateMs;
  const attributes: Record<string, string> = { ...before.attributes };
  let count = 0;
  let length = 0;
  for (const [name, value] of Object.entries(attributes)) {
    count++;
    length += name.length + value.length + 2;
  }
  let isNew = endDateMs !== before.endDateMs;
  for (const [name, value] of Object.entries(later.attributes)) {
    const old = attributes[name];
    const more = value.length - (old === undefined ? -name.length - 2 : old.length);
    if (old === value || (old === undefined && count >= MAX_MERGED) || length + more > MAX_DATE_RANGE) continue;
    if (old === undefined) count++;
    length += more;
    attributes[name] = value;
    isNew = true;
  }
  if (!isNew) return before;
  return { id: before.id, startDateMs: before.startDateMs, ...(endDateMs !== undefined && { endDateMs }), attributes };
}

/** Ranges in the order in which lists name them: by their start, then by ID. */
export function sortDateRanges(ranges: readonly DateRangeTag[]): DateRangeTag[] {
  return [...ranges].sort((a, b) => a.startDateMs - b.startDateMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

/**
 * The range without the faults of its source: an end before the start, two ends,
 * END-ON-NEXT with an end or without a CLASS (4.4.5.1).
 */
export function lawfulDateRange(range: DateRangeTag): DateRangeTag {
  const { endDateMs, startDateMs } = range;
  const { 'END-ON-NEXT': onNext, ...attributes } = range.attributes;
  const lastsMs = attributes.DURATION === undefined ? undefined : Number(attributes.DURATION) * 1000;
  const agrees = lastsMs === undefined || Math.abs(startDateMs + lastsMs - (endDateMs ?? 0)) <= 1;
  const ends = endDateMs !== undefined && endDateMs >= startDateMs && agrees;
  const isOpen = onNext === 'YES' && attributes.CLASS !== undefined && !ends && lastsMs === undefined;
  return {
    id: range.id,
    startDateMs,
    ...(ends && { endDateMs }),
    attributes: { ...attributes, ...(isOpen && { 'END-ON-NEXT': 'YES' }) },
  };
}
