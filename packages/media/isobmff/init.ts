/**
 * Media Initialization Sections: the tracks of a fragmented file, before its first fragment.
 * In: Tracks, or ftyp + moov bytes of any maker. Out: bytes, or Tracks with what a demuxer needs besides
 * them. Pure. ISO/IEC 14496-12, 8.2 to 8.8; ISO/IEC 23000-19 (CMAF), 7.3.
 */

import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { Track, VideoConfig } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import { rescale } from '../rescale.ts';
import { type Box, BoxWriter, findBox, fourccAt, needBox, readBoxes } from './box.ts';
import { movieRoom, printEmptyTables, printFtyp, printMvex, printMvhd, printTrak, rungScheme } from './movie/movie.ts';
import { parseFurtherVideo, parseStsd } from './sample-entry/sample-entry.ts';

/** Where the moov of a chunk file begins: behind 32 bytes of ftyp and the placeholder of 16 bytes. */
export const chunkMoovOffset = 48;

function printStart(tracks: readonly Track[], placeholder: boolean): Uint8Array {
  const writer = new BoxWriter(new Uint8Array(64 + movieRoom(tracks)));
  printFtyp(writer);
  if (placeholder) {
    const free = writer.open('free');
    writer.zeros(8);
    writer.close(free);
  }
  const moov = writer.open('moov');
  printMvhd(writer, 0, Math.max(0, ...tracks.map((track) => track.id)) + 1);
  for (const track of tracks) {
    printTrak(writer, { track, duration: 0, presented: 0, edits: [], tables: printEmptyTables });
  }
  printMvex(writer, tracks);
  writer.close(moov);
  return writer.bytes.slice(0, writer.offset);
}

/**
 * An init segment: ftyp, then moov with mvex and empty tables.
 *
 * @param tracks at least one; their ids are the track_IDs of the fragments that follow
 */
export function printInit(tracks: readonly Track[]): Uint8Array {
  return printStart(tracks, false);
}

/**
 * The first boxes of a chunk file: an init segment with a `free` box of 16 bytes at 32, which sealing turns
 * into the head of an mdat.
 *
 * @param tracks as for `printInit`
 */
export function printChunkStart(tracks: readonly Track[]): Uint8Array {
  return printStart(tracks, true);
}

/** Defaults for the samples of a track, from its trex. */
export interface SampleDefaults {
  /** Ticks. */
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** One trak as it was read. */
export interface MovieTrack {
  /** track_ID in this file. */
  readonly sourceId: number;
  /** Ticks per second of its media. */
  readonly timescale: number;
  /** The track under that id, or undefined where we cannot take it. */
  readonly track: Track | undefined;
  /** The `rung` that oxbow wrote; not of the track, which may come from any file. */
  readonly rung: string | undefined;
  /**
   * What it is called where it is media that we cannot take; undefined where we take it, and of chapters,
   * time codes and other data.
   */
  readonly leftOut: LeftOutTrack | undefined;
  /** The scheme its samples are encrypted under, e.g. `cenc`; undefined if they are not. */
  readonly scheme: string | undefined;
  /** H.264 and HEVC: bytes of the length before each NAL unit, 1, 2 or 4; else 4. */
  readonly nalLengthBytes: number;
  /** Parameter sets may stand in the samples (avc3, hev1). */
  readonly inBand: boolean;
  /**
   * Video: the sample entries behind the first, for samples that name them; undefined in place of one that
   * cannot be taken.
   */
  readonly further: readonly (FurtherEntry | undefined)[];
  /**
   * What the edit list adds to every decode and composition time, ticks; negative where it skips the start.
   */
  readonly editShift: number;
  /**
   * Where the edit list ends the movie, ticks of the movie's clock at this timescale; undefined where it
   * shows the rest.
   */
  readonly editEnd: number | undefined;
  /** There are more edits than one stretch: only the first is applied. */
  readonly manyEdits: boolean;
  readonly defaults: SampleDefaults;
  /** Its sample tables, within the bytes that were read. */
  readonly stbl: Box;
}

/** A further sample entry of a video track. */
type FurtherEntry = Pick<MovieTrack, 'nalLengthBytes' | 'inBand'> & { readonly config: VideoConfig };

/**
 * Reads a moov, wherever it comes from.
 *
 * @param moov the box within `bytes`
 * @param options.keepsOthers a malformed track is left out by name, where another one is not
 * @throws FormatError if it is malformed or has no track
 */
export function parseMoov(bytes: Uint8Array, moov: Box, { keepsOthers = false } = {}): MovieTrack[] {
  const boxes = readBoxes(bytes, moov.body, moov.end);
  const timescale = parseTimescale(bytes, needBox(boxes, 'mvhd', moov));
  const defaults = new Map<number, SampleDefaults>();
  const mvex = findBox(boxes, 'mvex');
  for (const box of mvex ? readBoxes(bytes, mvex.body, mvex.end) : []) {
    if (box.type !== 'trex') continue;
    const reader = new ByteReader(bytes, "'trex'", box.body + 4, box.end);
    const id = reader.u32();
    reader.skip(4);
    defaults.set(id, { duration: reader.u32(), size: reader.u32(), flags: reader.u32() });
  }
  const traks = boxes.filter((box) => box.type === 'trak');
  if (traks.length === 0) throw new FormatError('moov has no track', moov.start);
  if (traks.length > 64) throw new FormatError('moov has more than 64 tracks', moov.start);
  let failure: unknown;
  const tracks = traks.map((trak) => {
    try {
      return parseTrak(bytes, trak, timescale, defaults);
    } catch (error) {
      if (!keepsOthers || !(error instanceof FormatError)) throw error;
      failure ??= error;
      return damagedTrack(trak);
    }
  });
  if (failure && tracks.every(({ track }) => !track)) throw failure;
  return tracks;
}

/** The entry of a track that cannot be read. */
function damagedTrack(trak: Box): MovieTrack {
  return {
    sourceId: -1,
    timescale: 1,
    track: undefined,
    rung: undefined,
    scheme: undefined,
    nalLengthBytes: 4,
    inBand: false,
    further: [],
    editShift: 0,
    editEnd: undefined,
    manyEdits: false,
    stbl: trak,
    leftOut: { kind: 'unknown', name: 'a damaged track' },
    defaults: { duration: 0, size: 0, flags: 0 },
  };
}

/**
 * Reads the tracks of an init segment (or of a chunk file's start) of oxbow that we can take, under their
 * ids.
 *
 * @param bytes from the ftyp on; bytes after the moov are ignored
 * @throws FormatError if there is no moov or it is malformed
 */
export function parseInit(bytes: Uint8Array): Track[] {
  for (let at = 0; at < bytes.length; ) {
    const box = readBoxes(bytes, at, Math.min(bytes.length, at + boxSize(bytes, at)))[0]!;
    if (box.type === 'moov') {
      return parseMoov(bytes, box).flatMap(({ track, rung }) => {
        if (track?.kind === 'video' && rung !== undefined) return { ...track, rung };
        return track ?? [];
      });
    }
    at = box.end;
  }
  throw new FormatError('there is no moov', bytes.length);
}

function boxSize(bytes: Uint8Array, at: number): number {
  const reader = new ByteReader(bytes, 'box header', at);
  const size = reader.u32();
  if (size !== 1) return Math.max(size, 8);
  reader.skip(4);
  return Math.max(reader.u64(), 16);
}

/** Timescale of an mvhd or mdhd. */
function parseTimescale(bytes: Uint8Array, box: Box): number {
  const reader = new ByteReader(bytes, `'${box.type}'`, box.body, box.end);
  const version = reader.u8();
  reader.skip(version === 1 ? 19 : 11);
  const timescale = reader.u32();
  if (timescale === 0) throw new FormatError(`'${box.type}' has a timescale of 0`, box.start);
  return timescale;
}

function parseTrak(
  bytes: Uint8Array,
  trak: Box,
  movieScale: number,
  trex: ReadonlyMap<number, SampleDefaults>,
): MovieTrack {
  const boxes = readBoxes(bytes, trak.body, trak.end);
  const tkhd = needBox(boxes, 'tkhd', trak);
  const head = new ByteReader(bytes, "'tkhd'", tkhd.body, tkhd.end);
  head.skip(head.u8() === 1 ? 19 : 11);
  const sourceId = head.u32();
  const mdia = needBox(boxes, 'mdia', trak);
  const media = readBoxes(bytes, mdia.body, mdia.end);
  const mdhd = needBox(media, 'mdhd', mdia);
  const timescale = parseTimescale(bytes, mdhd);
  const minf = needBox(media, 'minf', mdia);
  const stbl = needBox(readBoxes(bytes, minf.body, minf.end), 'stbl', minf);
  const kind = kindOf(bytes, findBox(media, 'hdlr'));
  const stsd = needBox(readBoxes(bytes, stbl.body, stbl.end), 'stsd', stbl);
  const entry = parseStsd(bytes, stsd, kind);
  const userData = readUserData(bytes, findBox(boxes, 'udta'));
  const base = {
    id: sourceId,
    timescale,
    language: parseLanguage(bytes, mdhd, findBox(media, 'elng')),
    label: parseLabel(bytes, findBox(userData, 'labl')),
  };
  return {
    sourceId,
    timescale,
    track: entry.kind === 'unsupported' ? undefined : ({ ...base, kind: entry.kind, config: entry.config } as Track),
    rung: parseRung(bytes, findBox(userData, 'kind')),
    leftOut: entry.kind === 'unsupported' && kind && !isChapters(bytes, stsd) ? entry.leftOut : undefined,
    scheme: entry.kind === 'unsupported' ? entry.scheme : undefined,
    nalLengthBytes: entry.kind === 'video' ? entry.nalLengthBytes : 4,
    inBand: entry.kind === 'video' && entry.inBand,
    further: entry.kind === 'video' ? parseFurtherVideo(bytes, stsd) : [],
    ...parseEdits(bytes, findBox(boxes, 'edts'), movieScale, timescale),
    defaults: trex.get(sourceId) ?? { duration: 0, size: 0, flags: 0 },
    stbl,
  };
}

/** Kinds of media by handler_type (8.4.3, 12); data and hints are none. */
const KINDS: ReadonlyMap<string, LeftOutTrack['kind']> = new Map([
  ['vide', 'video'],
  ['soun', 'audio'],
  ['text', 'text'],
  ['sbtl', 'text'],
  ['subt', 'text'],
  ['clcp', 'text'],
]);

function kindOf(bytes: Uint8Array, hdlr: Box | undefined): LeftOutTrack['kind'] | undefined {
  if (!hdlr || hdlr.body + 12 > hdlr.end) return undefined;
  return KINDS.get(fourccAt(bytes, hdlr.body + 8));
}

/** Titles of chapters are written as QuickTime text. */
function isChapters(bytes: Uint8Array, stsd: Box): boolean {
  return readBoxes(bytes, stsd.body + 8, stsd.end)[0]?.type === 'text';
}

function parseLanguage(bytes: Uint8Array, mdhd: Box, elng: Box | undefined): string {
  if (elng) {
    const text = parseText(bytes, elng.body + 4, elng.end);
    if (/^[A-Za-z0-9-]{1,64}$/.test(text)) return text;
  }
  const reader = new ByteReader(bytes, "'mdhd'", mdhd.body, mdhd.end);
  reader.skip(reader.u8() === 1 ? 31 : 19);
  const packed = reader.u16();
  const language = String.fromCharCode(0x60 + ((packed >> 10) & 31), 0x60 + ((packed >> 5) & 31), 0x60 + (packed & 31));
  return /^[a-z]{3}$/.test(language) ? language : 'und';
}

/** The boxes of a udta; none if it is malformed. */
function readUserData(bytes: Uint8Array, udta: Box | undefined): readonly Box[] {
  if (!udta) return [];
  try {
    return readBoxes(bytes, udta.body, udta.end);
  } catch (error) {
    // QuickTime ends this list with four zeros and puts other things inside; nothing here is needed to play.
    if (error instanceof FormatError) return [];
    throw error;
  }
}

function parseLabel(bytes: Uint8Array, labl: Box | undefined): string {
  if (!labl) return '';
  const language = bytes.indexOf(0, labl.body + 6);
  return language < 0 || language >= labl.end ? '' : parseText(bytes, language + 1, labl.end);
}

function parseRung(bytes: Uint8Array, kind: Box | undefined): string | undefined {
  if (!kind || parseText(bytes, kind.body + 4, kind.end) !== rungScheme) return undefined;
  return parseText(bytes, kind.body + 4 + rungScheme.length + 1, kind.end);
}

function parseText(bytes: Uint8Array, start: number, end: number): string {
  const zero = bytes.indexOf(0, start);
  return new TextDecoder().decode(
    new Uint8Array(bytes.subarray(start, zero < 0 ? end : Math.min(zero, end)).subarray(0, 1024)),
  );
}

function parseEdits(
  bytes: Uint8Array,
  edts: Box | undefined,
  movieScale: number,
  timescale: number,
): Pick<MovieTrack, 'editShift' | 'editEnd' | 'manyEdits'> {
  const elst = edts && findBox(readBoxes(bytes, edts.body, edts.end), 'elst');
  if (!elst) return { editShift: 0, editEnd: undefined, manyEdits: false };
  const reader = new ByteReader(bytes, "'elst'", elst.body, elst.end);
  const long = reader.u8() === 1;
  reader.skip(3);
  const count = reader.u32();
  let empty = 0;
  let editShift: number | undefined;
  let shown = 0;
  let manyEdits = false;
  for (let i = 0; i < count && !manyEdits; i++) {
    const duration = long ? reader.u64() : reader.u32();
    const mediaTime = long ? reader.i64() : reader.i32();
    reader.skip(4);
    if (mediaTime < 0 && editShift === undefined) {
      empty += duration;
      continue;
    }
    if (editShift === undefined) {
      editShift = rescale(empty, movieScale, timescale) - mediaTime;
      if (!Number.isSafeInteger(editShift)) throw new FormatError('edit list reaches too far', elst.start);
    } else {
      // An edit that continues where the one before it ends belongs to the same stretch; times are rounded to
      // the movie's clock.
      const next = rescale(empty + shown, movieScale, timescale) - editShift;
      manyEdits = mediaTime < 0 || Math.abs(mediaTime - next) > (2 * timescale) / movieScale;
    }
    if (!manyEdits) shown += duration;
  }
  // A duration of 0 is that of the media: fragments may follow (8.6.6.1).
  const editEnd = shown > 0 ? rescale(empty + shown, movieScale, timescale) : undefined;
  return { editShift: editShift ?? 0, editEnd, manyEdits };
}
