/**
 * A block of a chain of evidence: what a stream recorded in about a minute, with the hash of the block before
 * it. Its text is hashed and signed, byte by byte as it is stored.
 * In: records, or text. Out: text, or a block. Pure. docs/5-record/evidence.md, "Blocks".
 */
import { FormatError } from '../errors.ts';
import type { GapCause } from '../gap.ts';

/** Version of the format. */
export const EVIDENCE_VERSION = 1;

/** Before the 32 bytes of the hash of a block, in what is signed. */
export const BLOCK_CONTEXT = 'oxbow-evidence-block-1\n';
/** Before the 32 bytes of the hash of a part of a block, in what is signed. */
export const PART_CONTEXT = 'oxbow-evidence-part-1\n';
/** Before the 32 bytes of the digest of a file whose evidence is next to it, in what is signed. */
export const FILE_CONTEXT = 'oxbow-evidence-file-1\n';
/** Before the 32 bytes of a public key, in what another key signs. */
export const KEY_CONTEXT = 'oxbow-evidence-key-1\n';
/** Before the 32 bytes of the root of an anchor, in what is signed. */
export const ROOT_CONTEXT = 'oxbow-evidence-root-1\n';
/** Before the 32 bytes of the digest of an export, in what is signed. */
export const EXPORT_CONTEXT = 'oxbow-evidence-export-1\n';

/** A track of an init section. */
export interface EvidenceTrack {
  readonly id: number;
  readonly kind: string;
  /** Ticks per second. */
  readonly timescale: number;
  readonly codec: string;
  /** SHA-256 of the codec configuration, base64url; empty for a track that has none. */
  readonly config: string;
}

/** A time range without media: start and end in µs since 1970, cause, detail. */
export type EvidenceGap = readonly [fromUs: number, toUs: number, cause: GapCause | 'offline', detail: string];

/** The segment of a track: its id, its first decode time in ticks, its samples, the digest of its rows. */
export type EvidenceDigest = readonly [trackId: number, tfdt: number, samples: number, digest: string];

/** A sealed segment: all tracks between two cuts. */
export interface EvidenceSegment {
  readonly msn: number;
  readonly run: number;
  /** Number of its init section. */
  readonly init: number;
  /** Start, µs since 1970. */
  readonly from: number;
  /** Duration, µs. */
  readonly duration: number;
  /** Missing media before it; absent: none. */
  readonly gaps?: readonly EvidenceGap[];
  readonly tracks: readonly EvidenceDigest[];
  /** Hashed from the disk after a restart, not while it was recorded. */
  readonly late?: 1;
  /** Filled in later: it is older than the records before it. */
  readonly healed?: 1;
}

/** Something that happened to media that earlier records describe, or to records. */
export type EvidenceNote =
  | { readonly what: 'expired'; readonly before: number; readonly at: number }
  | { readonly what: 'erased'; readonly from: number; readonly to: number; readonly at: number }
  | { readonly what: 'unhashed'; readonly from: number; readonly to: number; readonly at: number };

/** Why a process begins to write a chain. */
export type EvidenceBegin = 'new' | 'restart' | 'crash' | 'takeover' | 'takeover-crash' | 'rotation';

/** A block. Times are µs since 1970. */
export interface EvidenceBlock {
  readonly v: 1;
  /** Id of the stream. */
  readonly stream: string;
  /** Its name then. */
  readonly name: string;
  /** 1 and up. */
  readonly seq: number;
  /** Hash of the block before it, base64url; empty for the first. */
  readonly prev: string;
  /** When it was signed. */
  readonly at: number;
  /** Id of the key that signs it. */
  readonly key: string;
  /** Only in the first block of a process: a declared break. */
  readonly begins?: EvidenceBegin;
  /** The process ends in order: no media follows that is not in the chain. */
  readonly ends?: 1;
  /** Init sections that its segments use. */
  readonly inits: readonly { readonly number: number; readonly tracks: readonly EvidenceTrack[] }[];
  readonly segments: readonly EvidenceSegment[];
  readonly notes: readonly EvidenceNote[];
  /** The rest of the block is hidden from the reader of the file. */
  readonly part?: BlockPart;
}

/** What a part of a block is of. */
export interface BlockPart {
  /** Hash of the whole block, base64url. */
  readonly of: string;
  /** Id of the key that signs the whole block; that of the part is `key`. */
  readonly by: string;
  /** It has all records with media of this time, µs since 1970. */
  readonly from: number;
  readonly to: number;
}

/** The text of a block. */
export function printBlock(block: EvidenceBlock): string {
  return JSON.stringify(block);
}

/**
 * Reads a block.
 *
 * @throws FormatError if it is malformed, or its text is not what `printBlock` writes
 */
export function parseBlock(text: string): EvidenceBlock {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormatError('a block of the chain is no JSON', 0);
  }
  const block = value as Partial<EvidenceBlock>;
  const isBlock =
    isObject(block) &&
    block.v === EVIDENCE_VERSION &&
    isText(block.stream) &&
    isText(block.name) &&
    isWhole(block.seq) &&
    isText(block.prev) &&
    isWhole(block.at) &&
    isText(block.key) &&
    (block.begins === undefined || isText(block.begins)) &&
    isList(block.inits, isInit) &&
    isList(block.segments, isSegment) &&
    isList(block.notes, isNote) &&
    (block.part === undefined || isPart(block.part));
  if (!isBlock) throw new FormatError('a block of the chain is malformed', 0);
  // One value has one text: another one would be a second block with the same content.
  if (JSON.stringify(value) !== text) throw new FormatError('a block of the chain has another form', 0);
  return block as EvidenceBlock;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const isText = (value: unknown): value is string => typeof value === 'string';
export const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);
export const isList = <T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] =>
  Array.isArray(value) && value.every((item) => isItem(item));

function isPart(value: unknown): value is BlockPart {
  return isObject(value) && isText(value.of) && isText(value.by) && isWhole(value.from) && isWhole(value.to);
}

function isInit(value: unknown): value is EvidenceBlock['inits'][number] {
  return isObject(value) && isWhole(value.number) && isList(value.tracks, isTrack);
}

function isTrack(value: unknown): value is EvidenceTrack {
  if (!isObject(value)) return false;
  const { id, kind, timescale, codec, config } = value;
  return isWhole(id) && isText(kind) && isWhole(timescale) && isText(codec) && isText(config);
}

function isGap(value: unknown): value is EvidenceGap {
  return Array.isArray(value) && isWhole(value[0]) && isWhole(value[1]) && isText(value[2]) && isText(value[3]);
}

function isDigest(value: unknown): value is EvidenceDigest {
  return Array.isArray(value) && isWhole(value[0]) && isWhole(value[1]) && isWhole(value[2]) && isText(value[3]);
}

function isSegment(value: unknown): value is EvidenceSegment {
  if (!isObject(value)) return false;
  const { msn, run, init, from, duration, gaps, tracks } = value;
  const isTimed = isWhole(msn) && isWhole(run) && isWhole(init) && isWhole(from) && isWhole(duration);
  return isTimed && (gaps === undefined || isList(gaps, isGap)) && isList(tracks, isDigest);
}

function isNote(value: unknown): value is EvidenceNote {
  if (!isObject(value) || !isWhole(value.at)) return false;
  if (value.what === 'expired') return isWhole(value.before);
  return (value.what === 'erased' || value.what === 'unhashed') && isWhole(value.from) && isWhole(value.to);
}
