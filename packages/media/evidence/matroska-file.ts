/**
 * Reads a Matroska file for its verification: a clip with its evidence as a tag at the end. Clusters
 * must have the form that a clip writes, so that every byte of their heads is accounted for.
 * In: a file that is read by ranges. Out: its parts. RFC 8794, 4 and 5; RFC 9559; docs/5-record/evidence.md,
 * "Matroska".
 */
import { FormatError } from '../errors.ts';
import { printBinaryTagHead, TAGS } from '../matroska/binary-tag.ts';
import { MAX_BOX_BYTES, parseEvidenceText } from './evidence-box.ts';
import type { EvidenceFile, EvidenceFileTrack, FileRanges, FileSample } from './file-parts.ts';
import { WaitingSamples } from './waiting-samples.ts';

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const TRACK_NUMBER = 0xd7;
const CODEC_PRIVATE = 0x63a2;
const CLUSTER = 0x1f43b675;
/** Elements in front of the clusters: SeekHead, Info, Tracks, Tags, Cues. */
const MAX_HEAD_ELEMENTS = 16;
const MAX_TRACKS_BYTES = 4 * 1024 * 1024;
/** Children of an element of Tracks. */
const MAX_CHILDREN = 1000;
/** Largest cluster that is read, bytes: of three seconds. */
const MAX_CLUSTER_BYTES = 256 * 1024 * 1024;
/** Id and a length of 8 bytes; the Timestamp. */
const CLUSTER_HEAD = 12;
const TIMESTAMP_BYTES = 10;
/** Id, length, track, time, flags. */
const BLOCK_HEAD = 9;

/** The elements in front of the evidence, which is a text. @param length of the text, bytes */
export function evidenceTagHead(length: number): Uint8Array {
  return printBinaryTagHead('OXBOW_EVIDENCE', length);
}

/** Whether a file begins as Matroska does. @param start its first four bytes */
export function isMatroska(start: Uint8Array): boolean {
  return start.length >= 4 && numberAt(start, 0, 4) === EBML;
}

/** The head of an element. */
interface Head {
  readonly id: number;
  /** First byte of its content, and after it. */
  readonly body: number;
  readonly end: number;
}

/**
 * Reads the structure of a Matroska file.
 *
 * @returns undefined if it has no evidence
 * @throws FormatError if it has some, and is not the file that a clip is; what `read` throws
 */
export async function readMatroskaFile(file: FileRanges): Promise<EvidenceFile | undefined> {
  const ebml = await headAt(file, 0, file.size);
  const segment = await headAt(file, ebml.end, file.size);
  if (segment.id !== SEGMENT) return undefined;
  let tracks: readonly EvidenceFileTrack[] | undefined;
  let media: { at: number; end: number } | undefined;
  let count = 0;
  for (let at = segment.body; at < segment.end; ) {
    const head = await headAt(file, at, segment.end);
    if (head.id === CLUSTER) {
      media ??= { at, end: at };
      if (media.end !== at) return undefined;
      media.end = head.end;
    } else if (head.id === TAGS && media) {
      const evidence = await tagAt(file, at, head.end);
      if (!evidence || !tracks) return undefined;
      if (head.end !== segment.end || segment.end !== file.size) throw new FormatError('the file has other ends', at);
      return open(file, media, tracks, evidence);
    } else if (++count > MAX_HEAD_ELEMENTS) {
      return undefined;
    } else if (head.id === TRACKS && !tracks && !media) {
      if (head.end - head.body > MAX_TRACKS_BYTES) return undefined;
      tracks = parseTracks(await file.read(head.body, head.end - head.body));
    }
    at = head.end;
  }
  return undefined;
}

function open(
  file: FileRanges,
  media: { readonly at: number; readonly end: number },
  found: readonly EvidenceFileTrack[],
  evidence: { readonly seal: string; readonly bundle: Uint8Array },
): EvidenceFile {
  const scanner = new ClusterScanner(file, media, new Set(found.map(({ id }) => id)));
  const tracks = found.map((track) => Object.assign({}, track, { samples: { next: () => scanner.next(track.id) } }));
  return Object.assign({ form: 'matroska' as const, headBytes: media.at, mediaBytes: undefined, tracks }, evidence);
}

/** The evidence of Tags; undefined: they have another form, or are other tags. */
async function tagAt(file: FileRanges, at: number, end: number) {
  const headBytes = evidenceTagHead(0).length;
  const length = end - at - headBytes;
  if (length < 0 || length > MAX_BOX_BYTES) return undefined;
  const head = await file.read(at, headBytes);
  const expected = evidenceTagHead(length);
  const evidence = parseEvidenceText(await file.read(at + headBytes, length));
  if (!evidence) return undefined;
  if (head.some((byte, i) => byte !== expected[i])) throw new FormatError('the tag has another form', at);
  return evidence;
}

/** Reads id and length of an element. @throws FormatError if it is malformed, or reaches past `end` */
async function headAt(file: FileRanges, at: number, end: number): Promise<Head> {
  const bytes = await file.read(at, Math.min(12, end - at));
  const head = parseHead(bytes, 0);
  if (!head || at + head.end > end) throw new FormatError('an element is cut off', at);
  return { id: head.id, body: at + head.body, end: at + head.end };
}

function parseHead(bytes: Uint8Array, at: number): Head | undefined {
  const idBytes = Math.clz32(bytes[at] ?? 0) - 23;
  const lengthAt = at + idBytes;
  const lengthBytes = Math.clz32(bytes[lengthAt] ?? 0) - 23;
  const body = lengthAt + lengthBytes;
  if (idBytes > 4 || lengthBytes > 8 || body > bytes.length) return undefined;
  const high = bytes[lengthAt]! & (0xff >> lengthBytes);
  const length = high * 256 ** (lengthBytes - 1) + numberAt(bytes, lengthAt + 1, lengthBytes - 1);
  if (!Number.isSafeInteger(length)) return undefined;
  return { id: numberAt(bytes, at, idBytes), body, end: body + length };
}

function numberAt(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value = value * 256 + bytes[at + i]!;
  return value;
}

/** The children of an element. @throws FormatError if they do not fill it */
function childrenOf(bytes: Uint8Array, from: number, end: number): Head[] {
  const children: Head[] = [];
  for (let at = from; at < end; ) {
    const head = parseHead(bytes, at);
    if (!head || head.end > end || children.length === MAX_CHILDREN) throw new FormatError('an element is cut off', at);
    children.push(head);
    at = head.end;
  }
  return children;
}

function parseTracks(bytes: Uint8Array): EvidenceFileTrack[] {
  return childrenOf(bytes, 0, bytes.length)
    .filter(({ id }) => id === TRACK_ENTRY)
    .map((entry) => {
      const children = childrenOf(bytes, entry.body, entry.end);
      const number = children.find(({ id }) => id === TRACK_NUMBER);
      const config = children.find(({ id }) => id === CODEC_PRIVATE);
      return {
        id: number ? numberAt(bytes, number.body, Math.min(8, number.end - number.body)) : 0,
        timescale: 0,
        configs: [config ? bytes.slice(config.body, config.end) : new Uint8Array(0)],
        samples: { next: () => undefined },
      };
    });
}

/** The blocks of a file, cluster by cluster. */
class ClusterScanner {
  readonly #file: FileRanges;
  readonly #end: number;
  readonly #waiting: WaitingSamples;
  #at: number;

  constructor(file: FileRanges, { at, end }: { readonly at: number; readonly end: number }, numbers: Set<number>) {
    this.#file = file;
    this.#at = at;
    this.#end = end;
    this.#waiting = new WaitingSamples(numbers);
  }

  /** The next block of a track; undefined after the last. */
  next(number: number): Promise<FileSample | undefined> {
    return this.#waiting.next(number, () => this.#readMore());
  }

  async #readMore(): Promise<boolean> {
    if (this.#at >= this.#end) return false;
    await this.#read();
    return true;
  }

  async #read(): Promise<void> {
    const at = this.#at;
    const { end } = await headAt(this.#file, at, this.#end);
    if (end - at > MAX_CLUSTER_BYTES) throw new FormatError(`a cluster of ${end - at} bytes`, at);
    const bytes = await this.#file.read(at, end - at);
    if (bytes.length < end - at) throw new FormatError('a cluster is cut off', at);
    // Lengths of 8, 1 and 4 bytes: each has one form.
    if (bytes[4] !== 1 || bytes[CLUSTER_HEAD] !== 0xe7 || bytes[CLUSTER_HEAD + 1] !== 0x88) {
      throw new FormatError('a cluster has another form', at);
    }
    const time = numberAt(bytes, CLUSTER_HEAD + 2, 8);
    let least = Number.POSITIVE_INFINITY;
    for (let block = CLUSTER_HEAD + TIMESTAMP_BYTES; block < bytes.length; ) {
      least = Math.min(least, this.#add(bytes, block, at, time));
      block += BLOCK_HEAD - 4 + numberAt(bytes, block + 1, 4) - 0x10000000;
    }
    if (least !== 0) throw new FormatError('a cluster has another time', at);
    this.#waiting.check(at);
    this.#at = end;
  }

  /** Adds a block. @returns its time after that of its cluster, units */
  #add(bytes: Uint8Array, block: number, clusterAt: number, time: number): number {
    const size = block + BLOCK_HEAD <= bytes.length ? numberAt(bytes, block + 1, 4) - 0x10000000 : -1;
    const length = size - 4;
    const flags = bytes[block + 8];
    const isForm = bytes[block] === 0xa3 && length >= 0 && size < 0x0fffffff && (flags === 0 || flags === 0x80);
    if (!isForm || block + 5 + size > bytes.length)
      throw new FormatError('a block has another form', clusterAt + block);
    const number = bytes[block + 5]! - 0x80;
    const relative = numberAt(bytes, block + 6, 2);
    const offset = clusterAt + block + BLOCK_HEAD;
    const sample = { dts: 0, composition: 0, key: flags === 0x80, offset, length, units: time + relative };
    if (!this.#waiting.add(number, sample)) throw new FormatError(`a block of track ${number}`, clusterAt + block);
    return relative;
  }
}
