/**
 * Sample descriptions: codec and configuration of a track's samples.
 * In: a Track, or the body of an stsd. Out: box bytes, or a configuration. Pure. ISO/IEC 14496-12, 8.5.2 and
 * 8.12 (protected entries).
 */

import { FormatError } from '../../errors.ts';
import { foreignObject, foreignTrack } from '../../foreign-codecs.ts';
import type { Track } from '../../frame.ts';
import type { LeftOutTrack } from '../../left-out.ts';
import { type Box, type BoxWriter, findBox, fourccAt, readBoxes } from '../box.ts';
import { parseAudioEntry, parseEsds, printAudioEntry } from './audio-entry.ts';
import type { SampleEntry } from './entry.ts';
import { parseUrimEntry, parseWvttEntry, printUrimEntry, printWvttEntry } from './timed-entry.ts';
import { parseVideoEntry, printVideoEntry } from './video-entry.ts';

/**
 * Writes an stsd.
 *
 * @param further later configurations of the track: an entry for each, behind that of the track
 */
export function printStsd(writer: BoxWriter, track: Track, further: readonly Track[] = []): void {
  const stsd = writer.openFull('stsd', 0, 0);
  writer.u32(1 + further.length);
  for (const variant of [track, ...further]) printEntry(writer, variant);
  writer.close(stsd);
}

function printEntry(writer: BoxWriter, track: Track): void {
  if (track.kind === 'video') printVideoEntry(writer, track.config);
  else if (track.kind === 'audio') printAudioEntry(writer, track.config);
  else if (track.kind === 'text') printWvttEntry(writer, track.config);
  else printUrimEntry(writer, track.config);
}

/** Video entries of an stsd behind the first; undefined in place of one that cannot be taken. */
export function parseFurtherVideo(
  bytes: Uint8Array,
  stsd: Box,
): (Extract<SampleEntry, { kind: 'video' }> | undefined)[] {
  return readBoxes(bytes, stsd.body + 8, stsd.end)
    .slice(1, MAX_FURTHER + 1)
    .map((entry) => {
      const sampleEntry = parseVideoEntry(bytes, entry);
      return sampleEntry?.kind === 'video' ? sampleEntry : undefined;
    });
}

/** Most entries behind the first. */
const MAX_FURTHER = 1000;

/**
 * Reads the first entry of an stsd.
 *
 * @param stsd the box within `bytes`
 * @param kind as the handler of the track says, for the name of an entry that is not known
 * @throws FormatError if a known entry is malformed; an unknown one is `unsupported`
 */
export function parseStsd(bytes: Uint8Array, stsd: Box, kind: LeftOutTrack['kind'] = 'unknown'): SampleEntry {
  const entry = readBoxes(bytes, stsd.body + 8, stsd.end)[0];
  if (!entry) throw new FormatError('stsd has no entry', stsd.start);
  switch (entry.type) {
    case 'encv':
    case 'enca':
    case 'enct':
    case 'encs': {
      const scheme = parseScheme(bytes, entry);
      return { kind: 'unsupported', leftOut: { kind, name: `encrypted ${kind} (${scheme})` }, scheme };
    }
    case 'wvtt':
      return { kind: 'text', config: parseWvttEntry(bytes, entry) };
    case 'urim': {
      const config = parseUrimEntry(bytes, entry);
      return config ? { kind: 'data', config } : { kind: 'unsupported', leftOut: foreignTrack(entry.type, kind) };
    }
    case 'mp4v':
      return { kind: 'unsupported', leftOut: nameVisual(bytes, entry) };
    default: {
      const sampleEntry = parseVideoEntry(bytes, entry) ?? parseAudioEntry(bytes, entry);
      return sampleEntry ?? { kind: 'unsupported', leftOut: foreignTrack(entry.type, kind) };
    }
  }
}

/** MPEG-1, MPEG-2 and MPEG-4 Visual share an entry; the esds distinguishes them. */
function nameVisual(bytes: Uint8Array, entry: Box): LeftOutTrack {
  try {
    const esds = findBox(readBoxes(bytes, entry.body + VISUAL_FIXED, entry.end), 'esds');
    if (esds) return foreignObject(parseEsds(bytes, esds).objectType, 'video');
  } catch (error) {
    // It cannot be taken, whatever it is called.
    if (!(error instanceof FormatError)) throw error;
  }
  return foreignTrack(entry.type, 'video');
}

/** Bytes of a visual sample entry before its boxes (12.1.3). */
const VISUAL_FIXED = 78;
/** Fixed fields of a protected entry before its boxes: those of the entry that it hides. */
const FIXED: Readonly<Record<string, number>> = { encv: VISUAL_FIXED, enca: 28, enct: 8, encs: 8 };

/** The scheme_type of a protected entry (8.12.5); `unknown` without one. */
function parseScheme(bytes: Uint8Array, entry: Box): string {
  try {
    const sinf = findBox(readBoxes(bytes, entry.body + FIXED[entry.type]!, entry.end), 'sinf');
    const schm = sinf && findBox(readBoxes(bytes, sinf.body, sinf.end), 'schm');
    if (!schm || schm.body + 8 > schm.end) return 'unknown';
    const scheme = fourccAt(bytes, schm.body + 4);
    return /^[\x21-\x7e]{4}$/.test(scheme) ? scheme : 'unknown';
  } catch (error) {
    // It is refused whatever the scheme is called.
    if (error instanceof FormatError) return 'unknown';
    throw error;
  }
}
