/**
 * Turns the frames of data tracks into date ranges, one after the other: the out and in point of a break
 * become one range, and later additions of the source are merged.
 * In: frames in order, with the UTC offset of their run; earlier ranges. Out: EXT-X-DATERANGE tags in
 * oxbow's UTC. The same frames give the same tags, live and when an index is made again. No clock, no I/O.
 * RFC 8216bis 4.4.5.1.
 */
import { FormatError } from '../errors.ts';
import type { DataTrack, Frame } from '../frame.ts';
import { boundId3 } from '../id3/tag.ts';
import { lawfulDateRange, mergeDateRange, parseDateRange } from '../m3u8/date-range.ts';
import type { DateRangeTag } from '../m3u8/playlist.ts';
import { ticksToUs } from '../run.ts';
import { eventsOfSplice, type SpliceEvent } from './from-splice.ts';

/** CLASS of ranges made from ID3 tags; X-OXBOW-ID3 has the tag. */
export const ID3_CLASS = 'oxbow.id3';
/**
 * In the frames of `daterange` tracks: seconds from the frame's pts to the range's start. It ties the range
 * to the media, whatever the UTC offset the run has, and is not part of what lists show.
 */
export const OFFSET_ATTRIBUTE = 'X-OXBOW-OFFSET';

/** An ID3 tag in a list, bytes. */
const MAX_ID3_BYTES = 2048;
/** A splice_info_section has 12 bits for its length. */
const MAX_SECTION_BYTES = 4096 + 3;
/** Ranges that are remembered. */
const MAX_KNOWN = 512;
const WRAP = 2 ** 33;
/** A splice further away is of another clock: it is taken to be now. 90 kHz. */
const FARTHEST = 3600 * 90_000;
/** Two tags of one ID whose starts are further apart speak of two ranges, ms. */
const SAME_START_MS = 2000;

/** The ranges of one stream, in the making. */
export class DateRangeTracker {
  /** By ID; the oldest first. */
  readonly #ranges = new Map<string, DateRangeTag>();
  /** IDs of the last break of each event, by its key. */
  readonly #breaks = new Map<string, string>();

  /** @param before earlier ranges, oldest first */
  constructor(before: Iterable<DateRangeTag> = []) {
    for (const range of before) this.#remember(range);
  }

  /**
   * The ranges that a frame begins or changes, with all attributes.
   *
   * @param utcOffsetUs the UTC offset of the run that the frame belongs to
   */
  take(track: DataTrack, frame: Frame, utcOffsetUs: number): DateRangeTag[] {
    const atUs = utcOffsetUs + ticksToUs(frame.pts, track.timescale);
    switch (track.config.codec) {
      case 'id3':
        return this.#put(id3Range(track, frame.data, atUs));
      case 'scte35':
        return this.#takeSection(track, frame, atUs);
      case 'daterange':
        return this.#put(sourceRange(frame.data, atUs));
    }
  }

  #takeSection(track: DataTrack, { data, pts }: Frame, atUs: number): DateRangeTag[] {
    if (data.length > MAX_SECTION_BYTES) return [];
    const nowTicks = Math.round((pts * 90_000) / track.timescale);
    const hex = hexOf(data);
    return eventsOfSplice(data).flatMap((event) => {
      const startUs = atUs + Math.round((ticksUntil(event.pts, nowTicks) * 1e6) / 90_000);
      return this.#put(this.#spliceRange(track, event, startUs, hex));
    });
  }

  #spliceRange(track: DataTrack, event: SpliceEvent, startUs: number, hex: string): DateRangeTag {
    const startDateMs = Math.round(startUs / 1000);
    const { role, key, durationS } = event;
    const began = this.#ranges.get(this.#breaks.get(key) ?? '');
    if (role === 'in' && began && startDateMs >= began.startDateMs) {
      if (began.attributes['SCTE35-IN'] !== undefined) return began;
      const DURATION = seconds((startDateMs - began.startDateMs) / 1000);
      return { ...began, attributes: { ...began.attributes, DURATION, 'SCTE35-IN': hex } };
    }
    const planned = durationS !== undefined && { 'PLANNED-DURATION': seconds(durationS) };
    if (role === 'out') {
      // Said again and again until it is there.
      if (began && Math.abs(began.startDateMs - startDateMs) <= SAME_START_MS) return began;
      const id = `${key}-${startDateMs}`;
      return { id, startDateMs, attributes: { ...planned, 'SCTE35-OUT': hex } };
    }
    const id = key === '' ? `scte35-${track.id}-${startUs}` : `${key}-${startDateMs}`;
    return { id, startDateMs, attributes: { ...planned, 'SCTE35-CMD': hex } };
  }

  /** Stores a range; returns nothing if it adds nothing. */
  #put(range: DateRangeTag | undefined): DateRangeTag[] {
    if (!range) return [];
    const before = this.#ranges.get(range.id);
    const isSame = before !== undefined && Math.abs(before.startDateMs - range.startDateMs) <= SAME_START_MS;
    const more = isSame ? mergeDateRange(before, range) : range;
    if (more === before) return [];
    const merged = lawfulDateRange(more);
    this.#remember(merged);
    return [merged];
  }

  #remember(range: DateRangeTag): void {
    this.#ranges.delete(range.id);
    this.#ranges.set(range.id, range);
    const key = /^((?:splice|segment)-.+)-\d+$/.exec(range.id)?.[1];
    if (key !== undefined && range.attributes['SCTE35-OUT'] !== undefined) this.#breaks.set(key, range.id);
    if (this.#ranges.size <= MAX_KNOWN) return;
    const oldest = this.#ranges.keys().next().value!;
    this.#ranges.delete(oldest);
    for (const [name, id] of this.#breaks) if (id === oldest) this.#breaks.delete(name);
  }
}

/**
 * From a frame to an instant of the 33 bits' clock, ticks of 90 kHz; 0 for what is said to be now, or of
 * another clock.
 */
function ticksUntil(pts: number | undefined, nowTicks: number): number {
  if (pts === undefined) return 0;
  const ahead = (((pts - nowTicks) % WRAP) + WRAP) % WRAP;
  const signed = ahead >= WRAP / 2 ? ahead - WRAP : ahead;
  return Math.abs(signed) > FARTHEST ? 0 : signed;
}

function id3Range(track: DataTrack, data: Uint8Array, atUs: number): DateRangeTag | undefined {
  let tag: Uint8Array | undefined;
  try {
    tag = boundId3(data, MAX_ID3_BYTES);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return undefined;
  }
  return {
    id: `id3-${track.id}-${atUs}`,
    startDateMs: Math.round(atUs / 1000),
    attributes: {
      CLASS: `"${ID3_CLASS}"`,
      'X-OXBOW-ID3-LENGTH': String(data.length),
      ...(tag && { 'X-OXBOW-ID3': hexOf(tag) }),
    },
  };
}

/** A range of the source, moved to oxbow's UTC. */
function sourceRange(data: Uint8Array, atUs: number): DateRangeTag | undefined {
  try {
    const { startDateMs: said, endDateMs, ...range } = parseDateRange(new TextDecoder().decode(new Uint8Array(data)));
    const { [OFFSET_ATTRIBUTE]: offset, ...attributes } = range.attributes;
    const startDateMs = offset === undefined ? said : Math.round(atUs / 1000 + Number(offset) * 1000);
    if (startDateMs === undefined || !Number.isFinite(startDateMs) || Math.abs(startDateMs) > 8e15) return undefined;
    const movedMs = said === undefined ? 0 : startDateMs - said;
    return {
      id: range.id,
      startDateMs,
      ...(endDateMs !== undefined && { endDateMs: endDateMs + movedMs }),
      attributes,
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return undefined;
  }
}

/** A hexadecimal-sequence (4.2). */
function hexOf(bytes: Uint8Array): string {
  let text = '0x';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0').toUpperCase();
  return text;
}

function seconds(s: number): string {
  return String(Math.round(s * 1000) / 1000);
}
