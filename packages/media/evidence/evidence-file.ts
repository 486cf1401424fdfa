/**
 * Reads an exported MP4 for its verification: the evidence, the tracks and their samples. Every byte is
 * accounted for: head, samples, evidence.
 * In: a file that is read by ranges. Out: its parts. ISO/IEC 14496-12, 4.2 and 8.7.
 */
import { FormatError } from '../errors.ts';
import { type Box, findBox, readBoxes, readBoxHead } from '../isobmff/box.ts';
import { type MovieTrack, parseMoov } from '../isobmff/init.ts';
import { SampleCursor } from '../isobmff/movie/sample-cursor.ts';
import { isEvidence, MAX_BOX_BYTES, parseEvidenceBox } from './evidence-box.ts';

/** A file that is read by ranges: of a disk, or one that was dropped on a page. */
export interface FileRanges {
  /** Bytes. */
  readonly size: number;
  /** The bytes from `offset` on: `length` of them, or fewer at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface EvidenceFileTrack {
  /** track_ID. */
  readonly id: number;
  readonly timescale: number;
  /** Of its sample entries, in order; undefined for one that cannot be read. */
  readonly configs: readonly (Uint8Array | undefined)[];
  readonly samples: SampleCursor;
}

export interface EvidenceFile {
  readonly seal: string;
  readonly bundle: Uint8Array;
  /** Bytes before the media. */
  readonly headBytes: number;
  /** Bytes of media, as `mdat` has them. */
  readonly mediaBytes: number;
  readonly tracks: readonly EvidenceFileTrack[];
}

/** The largest moov that is read, bytes: a day of pictures and sound has about 200 MB. */
const MAX_MOOV_BYTES = 512 * 1024 * 1024;
/** Boxes at the top of a file that an export makes: four. */
const MAX_TOP_BOXES = 16;

/**
 * Reads the structure of a file.
 *
 * @returns undefined if it has no evidence
 * @throws FormatError if it has some, and is not the file that an export makes; what `read` throws
 */
export async function readEvidenceFile(file: FileRanges): Promise<EvidenceFile | undefined> {
  let box: { readonly seal: string; readonly bundle: Uint8Array } | undefined;
  let moov: Uint8Array | undefined;
  let media: { readonly at: number; readonly bytes: number } | undefined;
  let at = 0;
  const types: string[] = [];
  while (at < file.size) {
    const head = readBoxHead(await file.read(at, Math.min(16, file.size - at)), 0);
    if (!head || at + head.size > file.size) throw new FormatError('the file is cut off', at);
    const body = async (most: number) => {
      if (head.size > most) throw new FormatError(`a '${head.type}' of ${head.size} bytes`, at);
      return file.read(at + head.headLength, head.size - head.headLength);
    };
    if (head.type === 'moov' && !moov) moov = await file.read(at, checked(head.size, at));
    else if (head.type === 'mdat' && !media) {
      media = { at: at + head.headLength, bytes: head.size - head.headLength };
    } else if (head.type === 'uuid') {
      const content = await body(MAX_BOX_BYTES);
      if (isEvidence(content)) box = parseEvidenceBox(content);
    }
    types.push(head.type);
    if (types.length > MAX_TOP_BOXES) throw new FormatError('the file has too many boxes', at);
    at += head.size;
  }
  if (!box) return undefined;
  if (types.join() !== 'ftyp,moov,mdat,uuid') throw new FormatError(`the file has the boxes ${types.join()}`, 0);
  const [moovBox] = readBoxes(moov!);
  const tracks = parseMoov(moov!, moovBox!).map((track) => trackOf(moov!, moovBox!, track));
  return { ...box, headBytes: media!.at, mediaBytes: media!.bytes, tracks };
}

function checked(size: number, at: number): number {
  if (size > MAX_MOOV_BYTES) throw new FormatError(`a 'moov' of ${size} bytes`, at);
  return size;
}

function trackOf(moov: Uint8Array, _box: Box, source: MovieTrack): EvidenceFileTrack {
  const { sourceId, timescale, track, further, stbl } = source;
  if (!findBox(readBoxes(moov, stbl.body, stbl.end), 'stsz')) throw new FormatError('a track has no sizes', stbl.start);
  const configs = [track?.config.record, ...further.map((entry) => entry?.config.record)];
  return { id: sourceId, timescale, configs, samples: new SampleCursor(moov, stbl) };
}
