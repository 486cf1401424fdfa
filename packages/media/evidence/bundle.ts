/**
 * The evidence that an exported file carries: blocks of the chain with their signatures, the keys, and which
 * samples of the file are which segments.
 * In: those, or the content of the box. Out: the content of the box, or those. Pure.
 * docs/5-record/evidence.md, "The box".
 */
import { FormatError } from '../errors.ts';
import { isList, isObject, isText, isWhole } from './block.ts';

/** A public key of a server. */
export interface EvidenceKey {
  /** The first 16 bytes of the SHA-256 of the key, base64url. */
  readonly id: string;
  /** Ed25519, 32 bytes, base64url. */
  readonly public: string;
  /** When it was made, µs since 1970. */
  readonly made: number;
  /** Keys that vouch for it, with their signatures over it. */
  readonly by: readonly { readonly key: string; readonly signature: string }[];
}

/** A proof that a block existed when an outside witness saw it. */
export interface EvidenceAnchor {
  /** `webhook`, `bucket`, `rfc3161` or `node`. */
  readonly place: string;
  /** When it was sent, µs since 1970. */
  readonly at: number;
  /** Hash that was anchored: the root of a tree, base64url. */
  readonly root: string;
  /** From the hash of the block to the root: the other child each time; `<` before a left one. */
  readonly path: readonly string[];
  /** Answer of the witness, base64; a TimeStampResp (RFC 3161). */
  readonly token?: string;
}

/** A block as it is stored. */
export interface SignedBlock {
  /** The text that is hashed. */
  readonly text: string;
  /** Ed25519, 64 bytes, base64url. */
  readonly signature: string;
  readonly anchors: readonly EvidenceAnchor[];
}

/** Consecutive samples of a file track, and what they are. */
export interface EvidencePiece {
  /** Id of the track in the file. */
  readonly fileTrack: number;
  /** Id of the track in the recording. */
  readonly track: number;
  /** Index of the first sample within the segment. */
  readonly first: number;
  /** Samples in the file. */
  readonly count: number;
  /** Bytes of parameter sets that the export put before each key frame; absent: none. */
  readonly sets?: number;
  /** All rows of the segment, base64, where the file has not all of its samples, or other times. */
  readonly rows?: string;
  /**
   * Of a file without tables of samples: decode time of the first sample in the file, ticks of the track. In
   * Matroska, which has no decode times, that of the first sample of the segment, after `wait`.
   */
  readonly at?: number;
  /** Matroska: when the track begins, ticks of 90 kHz. */
  readonly wait?: number;
  /** Matroska: ticks per second of `at`, where the file counts in others than the recording. */
  readonly scale?: number;
  /**
   * Matroska, which has no decode times: for each sample of the segment its decode time after that of the
   * first, and its presentation time after that, each of 32 bits, big-endian; base64.
   */
  readonly times?: string;
}

/** The samples of a segment in the file; without an MSN: pictures that the export encoded. */
export interface EvidenceEntry {
  readonly msn?: number;
  /** Segments whose pictures the encoded ones replace, in whole or in part. */
  readonly covers?: readonly number[];
  readonly pieces: readonly EvidencePiece[];
}

/** A range that was exported. */
export interface EvidenceRange {
  /** µs since 1970, as requested. */
  readonly from: number;
  readonly to: number;
  /** It was cut at frames: its first and last segments are not whole. */
  readonly exact?: 1;
  /** Retention had deleted media before, µs since 1970. */
  readonly horizon?: number;
  /** In the order of the file. */
  readonly entries: readonly EvidenceEntry[];
}

/** The evidence of a range, or of the ranges of a file. */
export interface EvidenceBundle {
  readonly v: 1;
  /** Id and name of the stream. */
  readonly stream: string;
  readonly name: string;
  readonly keys: readonly EvidenceKey[];
  /** Oldest first; those of a range follow each other without a hole. */
  readonly blocks: readonly SignedBlock[];
  /** Of a file; empty in evidence without a file. */
  readonly ranges: readonly EvidenceRange[];
  /** Codec configurations whose parameter sets are before key frames, base64. */
  readonly configs: readonly string[];
}

/** What the server signs when it has made a file. */
export interface ExportSeal {
  readonly key: string;
  /** When, µs since 1970. */
  readonly at: number;
  /** SHA-256 of the bundle's bytes, base64url. */
  readonly bundle: string;
  /** SHA-256 of all bytes of the file before its media, base64url: `ftyp`, `moov`, the header of `mdat`. */
  readonly head: string;
  /** Length of that head, bytes. */
  readonly headBytes: number;
  /** Over the SHA-256 of `key,at,bundle,head,headBytes`, base64url. */
  readonly signature: string;
}

/** What a seal signs, as text. */
export function sealText({ key, at, bundle, head, headBytes }: Omit<ExportSeal, 'signature'>): string {
  return `${key},${at},${bundle},${head},${headBytes}`;
}

/** A bundle as text. */
export function printBundle(bundle: EvidenceBundle): string {
  return JSON.stringify(bundle);
}

/** Reads a bundle. @throws FormatError if it is malformed */
export function parseBundle(text: string): EvidenceBundle {
  const bundle = parseJson(text) as Partial<EvidenceBundle>;
  const isBundle =
    isObject(bundle) &&
    bundle.v === 1 &&
    isText(bundle.stream) &&
    isText(bundle.name) &&
    isList(bundle.keys, isKey) &&
    isList(bundle.blocks, isSigned) &&
    isList(bundle.ranges, isRange) &&
    isList(bundle.configs, isText);
  if (!isBundle) throw new FormatError('the evidence is malformed', 0);
  return bundle as EvidenceBundle;
}

/** Reads a seal. @throws FormatError if it is malformed, or has another form */
export function parseSeal(text: string): ExportSeal {
  const seal = parseJson(text);
  const isSeal =
    isObject(seal) &&
    isText(seal.key) &&
    isWhole(seal.at) &&
    isText(seal.bundle) &&
    isText(seal.head) &&
    isWhole(seal.headBytes) &&
    isText(seal.signature);
  if (!isSeal || JSON.stringify(seal) !== text) throw new FormatError('the seal of the export is malformed', 0);
  return seal as unknown as ExportSeal;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatError('the evidence is no JSON', 0);
  }
}

function isKey(value: unknown): value is EvidenceKey {
  if (!isObject(value)) return false;
  return isText(value.id) && isText(value.public) && isWhole(value.made) && isList(value.by, isVoucher);
}

function isVoucher(value: unknown): value is EvidenceKey['by'][number] {
  return isObject(value) && isText(value.key) && isText(value.signature);
}

function isSigned(value: unknown): value is SignedBlock {
  return isObject(value) && isText(value.text) && isText(value.signature) && isList(value.anchors, isAnchor);
}

function isAnchor(value: unknown): value is EvidenceAnchor {
  if (!isObject(value)) return false;
  const { place, at, root, path, token } = value;
  const hasToken = token === undefined || isText(token);
  return isText(place) && isWhole(at) && isText(root) && isList(path, isText) && hasToken;
}

function isRange(value: unknown): value is EvidenceRange {
  return isObject(value) && isWhole(value.from) && isWhole(value.to) && isList(value.entries, isEntry);
}

function isEntry(value: unknown): value is EvidenceEntry {
  if (!isObject(value)) return false;
  const covers = value.covers === undefined || isList(value.covers, isWhole);
  return covers && (value.msn === undefined || isWhole(value.msn)) && isList(value.pieces, isPiece);
}

function isPiece(value: unknown): value is EvidencePiece {
  if (!isObject(value)) return false;
  const { fileTrack, track, first, count, sets, rows, at, wait, scale, times } = value;
  const isPlaced = isWhole(fileTrack) && isWhole(track) && isWhole(first) && isWhole(count);
  const areNumbers = [sets, at, wait, scale].every((number) => number === undefined || isWhole(number));
  return isPlaced && areNumbers && [rows, times].every((text) => text === undefined || isText(text));
}
