/**
 * Reads a file for its verification: the evidence, the tracks and their samples. Every byte is accounted for:
 * head, samples, evidence.
 * In: a file that is read by ranges: an MP4 with one table of samples, one of fragments, or Matroska. Out:
 * its parts. ISO/IEC 14496-12, 4.2 and 8.7.
 */
import { FormatError } from '../errors.ts';
import { type Box, findBox, readBoxes, readBoxHead } from '../isobmff/box.ts';
import { type MovieTrack, parseMoov } from '../isobmff/init.ts';
import { SampleCursor } from '../isobmff/movie/sample-cursor.ts';
import { isEvidence, MAX_BOX_BYTES, parseEvidenceBox } from './evidence-box.ts';
import type { EvidenceFile, EvidenceFileTrack, FileRanges } from './file-parts.ts';
import { FragmentScanner } from './fragment-scanner.ts';
import { isMatroska, readMatroskaFile } from './matroska-file.ts';

/** The largest moov that is read, bytes: a day of pictures and sound has about 200 MB. */
const MAX_MOOV_BYTES = 512 * 1024 * 1024;
/** Boxes before the media: `ftyp`, `moov`, and an index for each track. */
const MAX_HEAD_BOXES = 80;
/** Boxes of media in fragments; a `free` may follow each. */
const MEDIA = new Set(['moof', 'mdat', 'free']);

/** What the boxes at the top of a file say. */
interface TopBoxes {
  /** Types in order; all of the fragments are one `moof`. */
  readonly types: string;
  readonly moov: Uint8Array | undefined;
  readonly mdat: { readonly at: number; readonly bytes: number } | undefined;
  /** Where the fragments begin and end. */
  readonly fragments: { readonly at: number; readonly end: number } | undefined;
  readonly box: { readonly seal: string; readonly bundle: Uint8Array } | undefined;
}

/**
 * Reads the structure of a file.
 *
 * @returns undefined if it has no evidence
 * @throws FormatError if it has some, and is not the file that an export makes; what `read` throws
 */
export async function readEvidenceFile(file: FileRanges): Promise<EvidenceFile | undefined> {
  if (isMatroska(await file.read(0, Math.min(4, file.size)))) return readMatroskaFile(file);
  const { box, moov, mdat, fragments, types } = await readTopBoxes(file);
  if (!box) return undefined;
  if (!/^ftyp,moov,(?:mdat|(?:sidx,)*moof),uuid$/.test(types))
    throw new FormatError(`the file has the boxes ${types}`, 0);
  const [moovBox] = readBoxes(moov!);
  const movie = parseMoov(moov!, moovBox!);
  if (!fragments) {
    const tracks = movie.map((track) => trackOf(moov!, moovBox!, track));
    return Object.assign({ form: 'table' as const, headBytes: mdat!.at, mediaBytes: mdat!.bytes, tracks }, box);
  }
  const scanner = new FragmentScanner(file, fragments, new Set(movie.map(({ sourceId }) => sourceId)));
  const tracks = movie.map((track) => {
    const samples = { next: () => scanner.next(track.sourceId) };
    return { id: track.sourceId, timescale: track.timescale, configs: configsOf(track), samples };
  });
  return Object.assign({ form: 'fragments' as const, headBytes: fragments.at, mediaBytes: undefined, tracks }, box);
}

async function readTopBoxes(file: FileRanges): Promise<TopBoxes> {
  let box: TopBoxes['box'];
  let moov: Uint8Array | undefined;
  let mdat: TopBoxes['mdat'];
  let fragments: { at: number; end: number } | undefined;
  const types: string[] = [];
  for (let at = 0; at < file.size; ) {
    const head = readBoxHead(await file.read(at, Math.min(16, file.size - at)), 0);
    if (!head || at + head.size > file.size) throw new FormatError('the file is cut off', at);
    const { type, size, headLength } = head;
    if (type === 'moof') fragments ??= { at, end: at };
    const isMedia = fragments !== undefined && types.at(-1) === 'moof' && MEDIA.has(type);
    if (isMedia || type === 'moof') fragments!.end = at + size;
    if (!isMedia) types.push(type);
    if (types.length > MAX_HEAD_BOXES) throw new FormatError('the file has too many boxes', at);
    if (type === 'moov' && !moov) moov = await file.read(at, checked(head, MAX_MOOV_BYTES, at));
    else if (type === 'mdat' && !mdat && !fragments) mdat = { at: at + headLength, bytes: size - headLength };
    else if (type === 'uuid') {
      const content = await file.read(at + headLength, checked(head, MAX_BOX_BYTES, at) - headLength);
      if (isEvidence(content)) box = parseEvidenceBox(content);
    }
    at += size;
  }
  return { types: types.join(), moov, mdat, fragments, box };
}

function checked({ type, size }: { readonly type: string; readonly size: number }, most: number, at: number): number {
  if (size > most) throw new FormatError(`a '${type}' of ${size} bytes`, at);
  return size;
}

function configsOf({ track, further }: MovieTrack): readonly (Uint8Array | undefined)[] {
  return [track?.config.record, ...further.map((entry) => entry?.config.record)];
}

function trackOf(moov: Uint8Array, _box: Box, source: MovieTrack): EvidenceFileTrack {
  const { sourceId, timescale, stbl } = source;
  if (!findBox(readBoxes(moov, stbl.body, stbl.end), 'stsz')) throw new FormatError('a track has no sizes', stbl.start);
  return { id: sourceId, timescale, configs: configsOf(source), samples: new SampleCursor(moov, stbl) };
}
