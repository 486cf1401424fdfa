/**
 * Restores what only the mirror has: files that were still written when their server was lost, from their
 * ranges, and the segment after them from its parts.
 * In: the objects of the mirrors of all targets. Out: files in the data folder, which a rebuild of the index
 * then adds. Files that are there, or in a target as a whole, are not touched.
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import type { Track } from '@oxbow/media/frame';
import { readBoxes } from '@oxbow/media/isobmff/box';
import { isSync, parseMoof } from '@oxbow/media/isobmff/fragment-reader';
import { parseInit } from '@oxbow/media/isobmff/init';
import { ticksToUs } from '@oxbow/media/run';
import type { SegmentGroup, TrackSegment } from '@oxbow/media/segment';
import { openPlaceholder, placeholderOffset } from '../../archive/chunk-file.ts';
import { scanChunk } from '../../archive/chunk-reader.ts';
import { recoverChunk } from '../../archive/chunk-recovery.ts';
import { openChunkWriter } from '../../archive/chunk-writer.ts';
import type { ObjectClient } from '../../archive/objects/object-client.ts';
import type { TieredStore } from '../../archive/objects/open-tiered.ts';
import { listChunks, namedChunkOf } from '../../archive/recording-locations.ts';
import { isMissing, type SegmentLocation, type SegmentStore, segmentLocation } from '../../archive/segment-store.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { checkBatch, type JoinedRecord, type PartsRecord, type PlacedRecord, parseRecords } from './mirror-batch.ts';
import { listLog } from './mirror-log.ts';

/** Bytes of one read from a target. */
const READ_BYTES = 8 * 1024 * 1024;
/** A mirror writes no larger object, bytes. */
const MAX_OBJECT_BYTES = 128 * 1024 * 1024;
/** A segment has no more bytes than a file of the recorder could hold in memory. */
const MAX_SEGMENT_BYTES = 256 * 1024 * 1024;

/** Bytes in an object of a mirror. */
interface Piece {
  readonly client: ObjectClient;
  readonly key: string;
  /** In the object. */
  readonly at: number;
}

interface FilePiece extends Piece {
  /** In the file. */
  readonly offset: number;
  readonly length: number;
}

interface PartsPiece extends Piece {
  readonly record: PartsRecord;
}

/** What the mirrors have. */
interface Found {
  readonly files: Map<string, FilePiece[]>;
  /** By stream. */
  readonly parts: Map<string, PartsPiece[]>;
  readonly joined: JoinedRecord[];
}

/** What was restored. */
export interface MirrorRestored {
  /** Files that were still written. */
  readonly files: number;
  /** Segments from their parts. */
  readonly segments: number;
}

/** How to restore. */
interface RestoreOptions {
  readonly signal: AbortSignal;
  /** Only what this owner has put; undefined: everything. */
  readonly owner?: string;
  /** Files that were open are sealed: the index may have them already, as they were then. */
  readonly seals?: boolean;
}

/**
 * Restores from the mirrors of all targets.
 *
 * @throws OxbowError `storage-failed` if a target cannot be read; what was restored before stays
 */
export async function restoreMirrors(
  { store, index, targets }: TieredStore,
  { signal, owner, seals = false }: RestoreOptions,
): Promise<MirrorRestored> {
  const found: Found = { files: new Map(), parts: new Map(), joined: [] };
  for (const target of targets.names) {
    try {
      const client = await targets.client(target);
      const { prefix } = targets.find(target)!;
      await findAll(client, { prefix, owner }, found, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw new OxbowError('storage-failed', `${target}: ${sentenceOf(error)}`, { cause: error });
    }
  }
  for (const record of found.joined) addJoined(found, record);
  const whole = await index.targetsOf([...found.files.keys()]);
  let files = 0;
  for (const [location, pieces] of found.files) {
    signal.throwIfAborted();
    if (whole.has(location)) continue;
    const isRestored = await restoreFile(store.local, segmentLocation(location), pieces, signal).catch(unlessMalformed);
    if (!isRestored || !namedChunkOf(segmentLocation(location))) continue;
    if (seals) await recoverChunk(store.local, segmentLocation(location), { signal }).catch(unlessMalformed);
    files++;
  }
  let segments = 0;
  for (const [streamId, pieces] of found.parts) {
    segments += await restoreSegments(store, streamId, pieces, signal);
  }
  return { files, segments };
}

async function findAll(
  client: ObjectClient,
  log: { readonly prefix: string; readonly owner: string | undefined },
  found: Found,
  signal: AbortSignal,
): Promise<void> {
  for await (const { key, size } of listLog(client, log, { signal })) {
    const records = await readIntact(client, key, size, signal);
    for (const { record, at } of records) {
      const piece = { client, key, at };
      if (record.kind === 'parts') {
        if (/^[\w-]+$/.test(record.streamId)) push(found.parts, record.streamId, { ...piece, record });
      } else if (record.kind === 'joined') {
        if (isRecorded(record.location)) found.joined.push(record);
      } else if (isRecorded(record.location)) {
        push(found.files, record.location, { ...piece, offset: record.offset, length: record.length });
      }
    }
  }
}

/** Whether a location is one of a recording: a bucket may have anything. */
function isRecorded(location: string): boolean {
  return /^recordings\/[\w./-]+$/.test(location) && !/\/\.{0,2}(?:\/|$)|\.part$/.test(location);
}

/** The records of an object; none of one that is broken, gone or of another program. */
async function readIntact(
  client: ObjectClient,
  key: string,
  size: number,
  signal: AbortSignal,
): Promise<readonly PlacedRecord[]> {
  if (size > MAX_OBJECT_BYTES) return [];
  try {
    const bytes = await readAll(client, key, 0, size, signal);
    checkBatch(bytes);
    return parseRecords(bytes);
  } catch (error) {
    if (error instanceof FormatError) return [];
    throw error;
  }
}

/** Adds the ranges of a file that only parts have. */
function addJoined({ files, parts }: Found, { location, streamId, msn, tracks }: JoinedRecord): void {
  const ordered = inOrder((parts.get(streamId) ?? []).filter(({ record }) => record.msn === msn));
  for (const { trackId, offset, length } of tracks) {
    const end = offset + length;
    let at = offset;
    for (const piece of ordered.filter((each) => each.trackId === trackId)) {
      const bytes = Math.min(piece.length, end - at);
      if (bytes > 0) push(files, location, { ...piece, offset: at, length: bytes });
      at += bytes;
    }
  }
}

/** One part in an object. */
interface PartPiece extends Piece {
  readonly trackId: number;
  readonly length: number;
}

/** The parts of a segment in order, as far as none is missing. Parts that were sent again are there once. */
function inOrder(pieces: readonly PartsPiece[]): PartPiece[] {
  const records = [...pieces].sort((a, b) => a.record.first - b.record.first || (a.key < b.key ? -1 : 1));
  const ordered: PartPiece[] = [];
  for (const { client, key, at, record } of records) {
    if (record.first > ordered.length) break;
    let from = at;
    for (const [i, { trackId, length }] of record.parts.entries()) {
      if (record.first + i === ordered.length) ordered.push({ client, key, at: from, trackId, length });
      from += length;
    }
  }
  return ordered;
}

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

/**
 * Writes a file of its ranges, as far as they follow each other.
 * @returns false: there is one that is as long
 */
async function restoreFile(
  local: SegmentStore,
  location: SegmentLocation,
  pieces: FilePiece[],
  signal: AbortSignal,
): Promise<boolean> {
  pieces.sort((a, b) => a.offset - b.offset || b.length - a.length);
  const chosen: FilePiece[] = [];
  let end = 0;
  for (const piece of pieces) {
    const next = piece.offset + piece.length;
    if (piece.offset > end) break;
    if (next <= end) continue;
    const skip = end - piece.offset;
    chosen.push({ ...piece, at: piece.at + skip, offset: end, length: piece.length - skip });
    end = next;
  }
  if (end === 0 || (await sizeOf(local, location)) >= end) return false;
  const isChunk = namedChunkOf(location) !== undefined;
  await local.put(
    location,
    async (write) => {
      for (const { client, key, at, offset, length } of chosen) {
        for (let done = 0; done < length; done += READ_BYTES) {
          const bytes = await readAll(client, key, at + done, Math.min(READ_BYTES, length - done), signal);
          // A range that was read while its file was sealed has the head of a sealed one.
          await write(isChunk ? unsealed(bytes, offset + done) : bytes);
        }
      }
    },
    { signal },
  );
  return true;
}

/** The bytes of a file from an offset on, with the head of an open file. */
function unsealed(bytes: Uint8Array, offset: number): Uint8Array {
  const at = placeholderOffset - offset;
  if (at <= -openPlaceholder.length || at >= bytes.length) return bytes;
  const copy = new Uint8Array(bytes);
  copy.set(openPlaceholder.subarray(Math.max(0, -at), bytes.length - at), Math.max(0, at));
  return copy;
}

/** Writes the segments after the last file of a stream, each into a file. */
async function restoreSegments(
  store: TieredStore['store'],
  streamId: string,
  pieces: readonly PartsPiece[],
  signal: AbortSignal,
): Promise<number> {
  let last = await lastMsn(store, streamId, signal);
  let count = 0;
  const msns = [...new Set(pieces.map(({ record }) => record.msn))].sort((a, b) => a - b);
  for (const msn of msns) {
    if (msn <= last) continue;
    const group = await readGroup(
      pieces.filter(({ record }) => record.msn === msn),
      signal,
    ).catch(unlessMalformed);
    if (!group) continue;
    const { init, startUs } = group;
    const utcMs = Math.floor(startUs / 1000);
    await using writer = await openChunkWriter({
      store: store.local,
      utcMs,
      msn,
      streamId,
      init,
      previousMsn: last,
      sync: 'chunk',
    });
    await writer.append(group);
    await writer.seal();
    last = msn;
    count++;
  }
  return count;
}

/** The last segment that a file of the stream has; 0: there is none. */
async function lastMsn(store: TieredStore['store'], streamId: string, signal: AbortSignal): Promise<number> {
  const chunks = await listChunks(store, streamId, { signal });
  for (const { location, firstMsn } of chunks.reverse()) {
    try {
      const { groups } = await scanChunk(store, location, { signal });
      const last = groups.at(-1);
      if (last) return last.msn;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return firstMsn;
    }
  }
  return 0;
}

/** A segment of its parts; undefined if the first ones are missing, or no track has any. */
async function readGroup(pieces: readonly PartsPiece[], signal: AbortSignal): Promise<SegmentGroup | undefined> {
  const opening = pieces.find(({ record }) => record.first === 0 && record.init.start !== undefined)?.record;
  if (!opening) return undefined;
  const byTrack = new Map<number, Uint8Array[]>();
  let bytes = 0;
  for (const { client, key, at, trackId, length } of inOrder(pieces)) {
    bytes += length;
    if (bytes > MAX_SEGMENT_BYTES) break;
    push(byTrack, trackId, await readAll(client, key, at, length, signal));
  }
  return groupOf(opening, byTrack);
}

function groupOf(opening: PartsRecord, byTrack: ReadonlyMap<number, readonly Uint8Array[]>): SegmentGroup | undefined {
  const { msn, run, init, startUs, discontinuity, discontinuitySequence } = opening;
  const tracks = parseInit(Buffer.from(init.start!, 'base64'));
  const segments = tracks.flatMap((track) => {
    const parts = byTrack.get(track.id);
    return parts ? [segmentOf(track, Buffer.concat(parts))] : [];
  });
  const reference = tracks.find(({ kind }) => kind === 'video') ?? tracks[0];
  const timed = segments.find(({ trackId }) => trackId === reference?.id);
  if (!reference || !timed) return undefined;
  return {
    msn,
    run,
    init: { number: init.number, hash: init.hash, tracks },
    startUs,
    durationUs: ticksToUs(timed.duration, reference.timescale),
    discontinuity,
    discontinuitySequence,
    tracks: segments,
    gaps: [],
  };
}

/** A segment of the fragments of one track. @throws FormatError */
function segmentOf({ id }: Track, bytes: Uint8Array): TrackSegment {
  let tfdt: number | undefined;
  let duration = 0;
  let samples = 0;
  let earliest = Number.POSITIVE_INFINITY;
  let independent = false;
  for (const box of readBoxes(bytes)) {
    if (box.type !== 'moof') continue;
    for (const fragment of parseMoof(bytes, box)) {
      if (fragment.tfdt === undefined) throw new FormatError('a fragment has no decode time', box.start);
      if (tfdt === undefined) {
        tfdt = fragment.tfdt;
        independent = isSync(fragment.flags[0] ?? 0);
      }
      let dts = fragment.tfdt;
      for (const [i, length] of fragment.durations.entries()) {
        earliest = Math.min(earliest, dts + fragment.compositions[i]!);
        dts += length;
      }
      duration = dts - tfdt;
      samples += fragment.durations.length;
    }
  }
  if (tfdt === undefined) throw new FormatError('a segment has no fragment', 0);
  return {
    trackId: id,
    bytes,
    tfdt,
    duration,
    firstPtsOffset: Math.max(0, earliest - tfdt),
    samples,
    independent,
    damaged: false,
    crc: crc32(bytes),
  };
}

/** Media that is malformed is left out. */
function unlessMalformed(error: unknown): undefined {
  if (!(error instanceof FormatError)) throw error;
}

async function sizeOf(local: SegmentStore, location: SegmentLocation): Promise<number> {
  try {
    return await local.size(location);
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

async function readAll(
  client: ObjectClient,
  key: string,
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await client.read(key, { offset, length }, { signal });
  if (bytes?.length !== length) throw new FormatError(`${key} ends before ${offset + length}`, bytes?.length ?? 0);
  return bytes;
}
