/**
 * Timed metadata of a Period as EventStreams.
 * In: date ranges, a Period. Out: XML. ISO 23009-1 5.10.2; SCTE 214-1 6.7; AOM
 * "Carriage of ID3 Timed Metadata in CMAF". Pure.
 */
import { ID3_CLASS } from '@oxbow/media/date-range/date-range-tracker';
import { printDateRange, reachOf } from '@oxbow/media/m3u8/date-range';
import type { DateRangeTag } from '@oxbow/media/m3u8/playlist';
import { type Attributes, element } from './xml.ts';

const ID3_SCHEME = 'https://aomedia.org/emsg/ID3';
const SCTE35_SCHEME = 'urn:scte:scte35:2014:xml+bin';
const SCTE35_NAMESPACE = 'http://www.scte.org/schemas/35/2016';
/** Of all other ranges: the attribute list of EXT-X-DATERANGE. */
const RANGE_SCHEME = 'urn:oxbow:ext-x-daterange';
/** Ticks per second. */
const TIMESCALE = 1000;

/** A stretch of time, µs since 1970. */
interface Stretch {
  readonly startUs: number;
  /** Where the next Period begins; infinite in the last one. */
  readonly endUs: number;
}

/** An event before its time is printed. */
interface Told {
  readonly scheme: string;
  /** Which of the events of its range it is. */
  readonly role: string;
  readonly atMs: number;
  /** ms; undefined where it is not known. */
  readonly lastsMs: number | undefined;
  readonly attributes: Attributes;
  readonly content: readonly string[] | string;
}

/**
 * The EventStreams of the Period in which date ranges begin. The first Period also has what began before it
 * and reaches into it.
 *
 * @param isFirst it is the first Period of the manifest
 */
export function eventStreams(ranges: readonly DateRangeTag[], { startUs, endUs }: Stretch, isFirst: boolean): string[] {
  const startMs = startUs / 1000;
  const streams = new Map<string, { readonly at: number; readonly event: string }[]>();
  for (const range of ranges) {
    for (const { scheme, role, atMs, lastsMs, attributes, content } of eventsOf(range)) {
      if (atMs >= endUs / 1000 || (atMs < startMs && !(isFirst && atMs + (lastsMs ?? 0) > startMs))) continue;
      const lateMs = Math.max(0, startMs - atMs);
      const presentationTime = Math.round(atMs + lateMs - startMs);
      const duration = lastsMs === undefined ? undefined : Math.round(lastsMs - lateMs);
      const event = element(
        'Event',
        { presentationTime, duration, id: idOf(`${range.id}/${role}`), ...attributes },
        content,
      );
      streams.set(scheme, [...(streams.get(scheme) ?? []), { at: presentationTime, event }]);
    }
  }
  return [...streams].map(([schemeIdUri, told]) => {
    const events = told.sort((a, b) => a.at - b.at).map(({ event }) => event);
    return element('EventStream', { schemeIdUri, timescale: TIMESCALE }, events);
  });
}

function eventsOf(range: DateRangeTag): Told[] {
  const { startDateMs, attributes } = range;
  if (attributes.CLASS === `"${ID3_CLASS}"`) {
    const tag = attributes['X-OXBOW-ID3'];
    if (tag === undefined) return [];
    const how = { scheme: ID3_SCHEME, role: '', attributes: { contentEncoding: 'base64' }, content: base64Of(tag) };
    return [{ ...how, atMs: startDateMs, lastsMs: 0 }];
  }
  const lastsS = Number(attributes['PLANNED-DURATION'] ?? attributes.DURATION ?? Number.NaN);
  const lastsMs = Number.isFinite(lastsS) ? lastsS * 1000 : undefined;
  const splices = ['SCTE35-OUT', 'SCTE35-CMD', 'SCTE35-IN'].flatMap((role): Told[] => {
    const section = attributes[role];
    if (section === undefined) return [];
    const isEnd = role === 'SCTE35-IN';
    const binary = element('Binary', {}, base64Of(section));
    return [
      {
        scheme: SCTE35_SCHEME,
        role,
        attributes: {},
        atMs: isEnd ? startDateMs + Number(attributes.DURATION ?? 0) * 1000 : startDateMs,
        lastsMs: isEnd ? undefined : lastsMs,
        content: [element('Signal', { xmlns: SCTE35_NAMESPACE }, [binary])],
      },
    ];
  });
  if (splices.length > 0) return splices;
  const isOpen = range.endDateMs === undefined && lastsMs === undefined;
  return [
    {
      scheme: RANGE_SCHEME,
      role: '',
      attributes: {},
      atMs: startDateMs,
      lastsMs: isOpen ? undefined : reachOf(range) - startDateMs,
      content: printDateRange(range),
    },
  ];
}

/** An Event@id, which players compare: the 32 bits of FNV-1a. */
function idOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** @param hex a hexadecimal-sequence (RFC 8216bis 4.2) */
function base64Of(hex: string): string {
  return Buffer.from(hex.slice(2), 'hex').toString('base64');
}
