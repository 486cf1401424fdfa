/**
 * The boxes of a moov that init segments, sealed chunk files and clips have in common.
 * In: tracks, durations, edits. Out: boxes through a BoxWriter. Pure. ISO/IEC 14496-12, 8.2 to 8.8.
 */
import type { Track, TrackKind } from '../../frame.ts';
import type { BoxWriter } from '../box.ts';
import { printStsd } from '../sample-entry/sample-entry.ts';

/**
 * Ticks per second of every movie header we write: fine enough that an audio edit is not rounded to a
 * millisecond.
 */
export const movieTimescale = 90_000;

/** Scheme of the `kind` box (8.10.4) whose value is the `rung` of a track. */
export const rungScheme = 'urn:x-oxbow:rung';

/** One entry of an edit list (8.6.6). */
export interface Edit {
  /** Ticks of the movie timescale. */
  readonly duration: number;
  /** Ticks of the track, or -1 for an empty edit. */
  readonly mediaTime: number;
}

/** Fields of a trak that its Track lacks. */
interface TrakContent {
  readonly track: Track;
  /** Ticks of the track; 0 while fragments follow. */
  readonly duration: number;
  /** Ticks of the movie timescale, edits included; 0 while fragments follow. */
  readonly presented: number;
  readonly edits: readonly Edit[];
  /** Further configurations of the track, for samples that name their sample entry. */
  readonly further?: readonly Track[];
  /** Writes the boxes of stbl that stand behind stsd. */
  readonly tables: (writer: BoxWriter) => void;
}

/** Bytes that hold the fixed boxes of a moov and of each of its tracks, generously. */
export function movieRoom(tracks: readonly Track[]): number {
  let room = 512;
  for (const track of tracks) {
    room += 1024 + track.config.record.length + 3 * (track.label.length + track.language.length);
  }
  return room;
}

/** Writes the ftyp of 32 bytes before every moov that oxbow writes (brands iso6, isom, cmfc, mp41). */
export function printFtyp(writer: BoxWriter): void {
  const ftyp = writer.open('ftyp');
  writer.fourcc('iso6');
  writer.u32(1);
  for (const brand of ['iso6', 'isom', 'cmfc', 'mp41']) writer.fourcc(brand);
  writer.close(ftyp);
}

/**
 * Writes an mvhd, version 1.
 *
 * @param duration ticks of the movie timescale
 */
export function printMvhd(writer: BoxWriter, duration: number, nextTrackId: number): void {
  const mvhd = writer.openFull('mvhd', 1, 0);
  writer.zeros(16);
  writer.u32(movieTimescale);
  writer.u64(duration);
  writer.u32(0x00010000);
  writer.u16(0x0100);
  writer.zeros(10);
  matrix(writer);
  writer.zeros(24);
  writer.u32(nextTrackId);
  writer.close(mvhd);
}

function matrix(writer: BoxWriter): void {
  for (const value of [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000]) writer.u32(value);
}

/** handler_type: pictures, sound, timed text (14496-30, 4.2), timed metadata (12.3.1). */
const HANDLERS: Readonly<Record<TrackKind, string>> = { video: 'vide', audio: 'soun', text: 'text', data: 'meta' };

/** vmhd, smhd, or for media without a presentation the null media header (8.4.5). */
function printMediaHeader(writer: BoxWriter, kind: TrackKind): void {
  const type = kind === 'video' ? 'vmhd' : kind === 'audio' ? 'smhd' : 'nmhd';
  const header = writer.openFull(type, 0, kind === 'video' ? 1 : 0);
  writer.zeros(kind === 'video' ? 8 : kind === 'audio' ? 4 : 0);
  writer.close(header);
}

/** Writes one trak. */
export function printTrak(writer: BoxWriter, content: TrakContent): void {
  const { track } = content;
  const trak = writer.open('trak');
  const tkhd = writer.openFull('tkhd', 1, 3); // enabled, in movie
  writer.zeros(16);
  writer.u32(track.id);
  writer.u32(0);
  writer.u64(content.presented);
  writer.zeros(12);
  writer.u16(track.kind === 'audio' ? 0x0100 : 0);
  writer.u16(0);
  matrix(writer);
  writer.u32(track.kind === 'video' ? track.config.width * 0x10000 : 0);
  writer.u32(track.kind === 'video' ? track.config.height * 0x10000 : 0);
  writer.close(tkhd);
  printEdits(writer, content.edits);

  const mdia = writer.open('mdia');
  const plain = /^[a-z]{3}$/.test(track.language);
  const mdhd = writer.openFull('mdhd', 1, 0);
  writer.zeros(16);
  writer.u32(track.timescale);
  writer.u64(content.duration);
  writer.u16(packLanguage(plain ? track.language : 'und'));
  writer.u16(0);
  writer.close(mdhd);
  const hdlr = writer.openFull('hdlr', 0, 0);
  writer.u32(0);
  writer.fourcc(HANDLERS[track.kind]);
  writer.zeros(12);
  writer.raw(new TextEncoder().encode(`${track.kind}\0`));
  writer.close(hdlr);
  if (!plain) {
    // A BCP 47 tag that needs more than three letters is in the extended language box (8.4.6).
    const elng = writer.openFull('elng', 0, 0);
    writer.raw(new TextEncoder().encode(`${track.language}\0`));
    writer.close(elng);
  }
  const minf = writer.open('minf');
  printMediaHeader(writer, track.kind);
  const dinf = writer.open('dinf');
  const dref = writer.openFull('dref', 0, 0);
  writer.u32(1);
  writer.close(writer.openFull('url ', 0, 1));
  writer.close(dref);
  writer.close(dinf);
  const stbl = writer.open('stbl');
  printStsd(writer, track, content.further);
  content.tables(writer);
  writer.close(stbl);
  writer.close(minf);
  writer.close(mdia);
  printUserData(writer, track);
  writer.close(trak);
}

/** Writes the label of a track (8.10.5), and which quality it is (8.10.4). */
function printUserData(writer: BoxWriter, track: Track): void {
  const rung = track.kind === 'video' ? track.rung : undefined;
  if (!track.label && rung === undefined) return;
  const udta = writer.open('udta');
  if (track.label) {
    const labl = writer.openFull('labl', 0, 0);
    writer.u16(0);
    writer.u8(0); // language: that of the track
    writer.raw(new TextEncoder().encode(`${track.label}\0`));
    writer.close(labl);
  }
  if (rung !== undefined) {
    const kind = writer.openFull('kind', 0, 0);
    writer.raw(new TextEncoder().encode(`${rungScheme}\0${rung}\0`));
    writer.close(kind);
  }
  writer.close(udta);
}

function printEdits(writer: BoxWriter, edits: readonly Edit[]): void {
  if (edits.length === 0) return;
  const edts = writer.open('edts');
  const elst = writer.openFull('elst', 1, 0);
  writer.u32(edits.length);
  for (const edit of edits) {
    writer.u64(edit.duration);
    writer.u64(edit.mediaTime);
    writer.u32(0x00010000); // rate 1
  }
  writer.close(elst);
  writer.close(edts);
}

/** Three letters in 15 bits (8.4.2.3). */
function packLanguage(language: string): number {
  let packed = 0;
  for (let i = 0; i < 3; i++) packed = packed * 32 + (language.charCodeAt(i) - 0x60);
  return packed;
}

/** Writes the sample tables of a movie whose samples all lie in fragments. */
export function printEmptyTables(writer: BoxWriter): void {
  for (const type of ['stts', 'stsc', 'stsz', 'stco']) {
    const table = writer.openFull(type, 0, 0);
    writer.zeros(type === 'stsz' ? 8 : 4);
    writer.close(table);
  }
}

/**
 * Writes an mvex, which says that fragments follow.
 *
 * @param fragmentDuration ticks of the movie timescale, or undefined where it is not known
 */
export function printMvex(writer: BoxWriter, tracks: readonly Track[], fragmentDuration?: number): void {
  const mvex = writer.open('mvex');
  if (fragmentDuration !== undefined) {
    const mehd = writer.openFull('mehd', 1, 0);
    writer.u64(fragmentDuration);
    writer.close(mehd);
  }
  for (const track of tracks) {
    const trex = writer.openFull('trex', 0, 0);
    writer.u32(track.id);
    writer.u32(1);
    writer.zeros(12); // every fragment has its defaults
    writer.close(trex);
  }
  writer.close(mvex);
}
