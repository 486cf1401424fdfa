/**
 * What one stream has for its mirror: ranges of the files that it writes, and the parts of segments that are
 * in no file yet.
 * In: changes of the live window, commits of the recorder. Out: records for the next object of the mirror.
 * It keeps references to parts while their segment is in no file, and no bytes of files.
 */

import { printChunkStart } from '@oxbow/media/isobmff/init';
import type { Part } from '@oxbow/media/segment';
import type { FilePiece } from '../../archive/objects/logged/logged-file.ts';
import type { SegmentLocation } from '../../archive/segment-store.ts';
import type { Subscribable } from '../../lib/events.ts';
import type { LiveWindowChange, SegmentOpening } from '../../packager/live-segment.ts';
import type { WrittenGroup } from '../recorder.ts';
import type { FileRecord, JoinedRecord, PartsRecord } from './mirror-batch.ts';

/**
 * Segments that are not in a file; the recorder is seldom behind by one. At the bound the oldest is left out.
 */
const MAX_SEGMENTS = 4;
/** Further parts of a longer segment are not mirrored before it is in the file, bytes. */
const MAX_SEGMENT_BYTES = 32 * 1024 * 1024;

/** Closed files that are remembered until the second place has them as a whole: more than a day of them. */
const MAX_FILES = 2000;

/** A file that is written, or was just sealed. */
export interface MirroredFile {
  readonly location: SegmentLocation;
  /** Committed bytes. */
  length: number;
  /** Of these the second place has so many from the start. */
  sent: number;
  /** The last segment in it. */
  lastMsn: number;
  /** No segment follows. */
  isClosed: boolean;
  /** Since when something waits, monotonic ms; undefined: nothing does. */
  sinceMs: number | undefined;
  /** Its segments that wait, and have parts in the second place; in order. */
  waiting: { readonly group: WrittenGroup; readonly segment: MirroredSegment }[];
  /** Segments whose parts are the only copy of some of its bytes. */
  readonly joined: number[];
  /** Where its first `sent` bytes are, in order; undefined: not all of that is known. */
  pieces: FilePiece[] | undefined;
}

/** Where the bytes of a record are. */
export interface RecordPlace {
  /** Of the object. */
  readonly key: string;
  /** In the object. */
  readonly at: number;
}

/** A segment that is in no file, or waits in one. */
interface MirroredSegment {
  readonly opening: SegmentOpening;
  /** Without bytes once the segment is in a file: others may use that memory then. */
  readonly parts: {
    readonly trackId: number;
    readonly length: number;
    bytes: Uint8Array | undefined;
    /** Where the second place has it. */
    place: RecordPlace | undefined;
  }[];
  /** Of `parts`, those that the second place has. */
  sent: number;
  bytes: number;
  sinceMs: number | undefined;
}

/** Parts for an object. */
export interface PickedParts {
  readonly record: PartsRecord;
  readonly bytes: readonly Uint8Array[];
  /** More parts of the segment wait. */
  readonly hasMore: boolean;
  /** The second place has them. */
  done(place: RecordPlace): void;
}

/** What is to be sent of a file: up to `end`, as records whose ranges follow each other. */
export interface FilePlan {
  readonly records: readonly (FileRecord | JoinedRecord)[];
  /** Bytes of the file that the second place has then. */
  readonly end: number;
}

/** One stream of the mirror. */
export class MirroredStream {
  readonly streamId: string;
  readonly #copied: Subscribable<LiveWindowChange>;
  readonly #nowMs: () => number;
  readonly #files = new Map<SegmentLocation, MirroredFile>();
  /** The file with the bytes of a segment, whose parts are the only copy of some of them. */
  readonly #joined = new Map<number, SegmentLocation>();
  #segments: MirroredSegment[] = [];
  #unsubscribe: (() => void) | undefined;
  /** The target that gets it; undefined: none. */
  #target: string | undefined;
  /** Every segment up to this one is in the second place as a range of a file, or will never be in one. */
  #sentMsn = 0;
  /** Whether the second place has the name of the stream: in an object of the mirror, or as a whole file. */
  name: 'missing' | 'sent' | 'stored' = 'missing';
  readonly #closed: () => void;

  /**
   * @param copied changes of the live window
   * @param nowMs monotonic
   * @param before the same stream, if it was open before: its files are needed until the second place has
   *   them as a whole
   * @param closed called when it is closed
   */
  constructor(
    streamId: string,
    copied: Subscribable<LiveWindowChange>,
    nowMs: () => number,
    before?: MirroredStream,
    closed: () => void = () => undefined,
  ) {
    this.streamId = streamId;
    this.#closed = closed;
    this.#copied = copied;
    this.#nowMs = nowMs;
    if (before?.target === undefined) return;
    this.follow(before.target);
    for (const [location, file] of before.#files) this.#files.set(location, file);
    for (const [msn, location] of before.#joined) this.#joined.set(msn, location);
    this.#sentMsn = before.#sentMsn;
    this.name = before.name;
  }

  get target(): string | undefined {
    return this.#target;
  }

  /** Files that wait, or are not in the second place as a whole. */
  get files(): ReadonlyMap<SegmentLocation, MirroredFile> {
    return this.#files;
  }

  /** Since when the oldest of what waits does so, monotonic ms; undefined: nothing waits. */
  get sinceMs(): number | undefined {
    let oldest: number | undefined;
    const note = (sinceMs: number | undefined) => {
      if (sinceMs !== undefined) oldest = Math.min(oldest ?? sinceMs, sinceMs);
    };
    for (const { sinceMs } of this.#files.values()) note(sinceMs);
    for (const { sinceMs } of this.#segments) note(sinceMs);
    return oldest;
  }

  get waitingBytes(): number {
    let bytes = 0;
    for (const { length, sent } of this.#files.values()) bytes += length - sent;
    return bytes;
  }

  /** Whether parts of a segment in the second place are the only copy there. */
  needsParts(msn: number): boolean {
    return msn > this.#sentMsn || this.#joined.has(msn);
  }

  /** Sends it there from now on; undefined ends it. Another target gets the open file from its start. */
  follow(target: string | undefined): void {
    if (this.#target === target) return;
    this.#target = target;
    this.#unsubscribe?.();
    this.#unsubscribe = target === undefined ? undefined : this.#copied.subscribe((change) => this.#changed(change));
    this.#segments = [];
    this.name = 'missing';
    for (const file of this.#files.values()) {
      if (file.isClosed) this.forgetFile(file.location);
      else this.#again(file);
    }
  }

  /** A segment is on the disk; undefined: no segment follows in its file. */
  written(group: WrittenGroup | undefined): void {
    if (!group) {
      this.#closeFiles();
      return;
    }
    const { location, length, msn } = group;
    let file = this.#files.get(location);
    if (!file) {
      this.#closeFiles();
      const empty = { length: 0, sent: 0, lastMsn: 0, isClosed: false, sinceMs: undefined, waiting: [], joined: [] };
      file = { location, ...empty, pieces: [] };
      this.#files.set(location, file);
    }
    file.length = length;
    file.lastMsn = msn;
    const segment = this.#segments.find(({ opening }) => opening.msn === msn);
    // What waited as parts is in the file.
    this.#segments = this.#segments.filter(({ opening }) => opening.msn > msn);
    if (this.#target === undefined) return;
    // Its parts may wait for longer.
    file.sinceMs ??= segment?.sinceMs ?? this.#nowMs();
    if (!segment) return;
    for (const part of segment.parts) part.bytes = undefined;
    file.waiting.push({ group, segment });
  }

  /**
   * What to send next of a file.
   *
   * @param maxBytes most bytes of its records
   */
  planFile({ location, sent, length, waiting }: MirroredFile, maxBytes: number): FilePlan {
    const records: (FileRecord | JoinedRecord)[] = [];
    let at = sent;
    let room = maxBytes;
    const range = (to: number) => {
      const bytes = Math.min(to - at, room);
      if (bytes <= 0) return;
      records.push({ kind: 'file', location, offset: at, length: bytes });
      at += bytes;
      room -= bytes;
    };
    for (const { group, segment } of waiting) {
      const tracks = sentOf(group, segment);
      if (group.length <= at || tracks.length === 0 || tracks[0]!.offset < at) continue;
      const { streamId } = this;
      const joined: { trackId: number; offset: number; length: number }[] = [];
      for (const track of tracks) {
        range(track.offset);
        if (at < track.offset) break;
        joined.push(track);
        at += track.length;
      }
      if (joined.length > 0) {
        records.push({ kind: 'joined', location, streamId, msn: group.msn, tracks: joined, length: 0 });
      }
      range(group.length);
    }
    range(length);
    return { records, end: at };
  }

  /**
   * The second place has the records of a plan.
   *
   * @param from bytes of the file that it had before
   * @param places of the records; undefined: no one needs to know them
   */
  sentFile(file: MirroredFile, from: number, { records, end }: FilePlan, places?: readonly RecordPlace[]): void {
    if (file.sent !== from) return; // it begins again, because an object with its bytes was deleted
    file.pieces = file.pieces && places && joinPieces(file, file.pieces, records, places);
    file.sent = end;
    file.waiting = file.waiting.filter(({ group }) => group.length > end);
    for (const record of records) {
      if (record.kind !== 'joined') continue;
      file.joined.push(record.msn);
      this.#joined.set(record.msn, file.location);
    }
    if (file.sent < file.length) return;
    file.sinceMs = undefined;
    this.#sentMsn = Math.max(this.#sentMsn, file.lastMsn);
  }

  /** A file is in the second place as a whole, or is gone. */
  forgetFile(location: SegmentLocation): void {
    const file = this.#files.get(location);
    if (!file) return;
    this.#files.delete(location);
    for (const msn of file.joined) this.#joined.delete(msn);
    this.#sentMsn = Math.max(this.#sentMsn, file.lastMsn);
  }

  /** Objects with its bytes are deleted: what is not there as a whole is sent again. */
  resend(): void {
    for (const file of this.#files.values()) this.#again(file);
    for (const segment of this.#segments) {
      segment.sent = 0;
      if (segment.parts.length > 0) segment.sinceMs ??= this.#nowMs();
    }
    if (this.name === 'sent') this.name = 'missing';
  }

  /**
   * Parts that wait, oldest first, one record for each segment.
   *
   * @param maxBytes most bytes of one record
   * @param roomOf memory for a copy of so many bytes
   */
  *pickParts(maxBytes: number, roomOf: (bytes: number) => Uint8Array): Generator<PickedParts> {
    for (const segment of this.#segments) {
      const { opening, parts, sent } = segment;
      const chosen: { readonly trackId: number; readonly length: number }[] = [];
      const bytes: Uint8Array[] = [];
      let length = 0;
      for (const part of parts.slice(sent)) {
        if (!part.bytes || (chosen.length > 0 && length + part.length > maxBytes)) break;
        chosen.push({ trackId: part.trackId, length: part.length });
        // A copy: while others are read, the segment may come into its file.
        const copy = roomOf(part.length);
        copy.set(part.bytes);
        bytes.push(copy);
        length += part.length;
      }
      if (chosen.length === 0) continue;
      yield {
        record: recordOf(this.streamId, opening, { first: sent, parts: chosen, length }),
        bytes,
        hasMore: sent + chosen.length < parts.length,
        done({ key, at: start }) {
          if (segment.sent !== sent) return;
          let at = start;
          for (const part of parts.slice(sent, sent + chosen.length)) {
            part.place = { key, at };
            at += part.length;
          }
          segment.sent += chosen.length;
          if (segment.sent === segment.parts.length) segment.sinceMs = undefined;
        },
      };
      if (sent + chosen.length < parts.length) return;
    }
  }

  [Symbol.dispose](): void {
    this.#closed();
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#segments = [];
    this.#closeFiles();
  }

  /** No segment follows in the files. Without a target nothing of them is kept. */
  #closeFiles(): void {
    for (const file of this.#files.values()) file.isClosed = true;
    if (this.#target === undefined) this.#files.clear();
  }

  /** Nothing of a file is in the second place, and no parts of its segments. */
  #again(file: MirroredFile): void {
    file.sent = 0;
    file.waiting = [];
    file.pieces = [];
    for (const msn of file.joined.splice(0)) this.#joined.delete(msn);
    file.sinceMs = this.#target === undefined ? undefined : (file.sinceMs ?? this.#nowMs());
  }

  #changed(change: LiveWindowChange): void {
    if (change.do === 'open') this.#open(change.opening);
    else if (change.do === 'part') this.#part(change.msn, change.trackId, change.part);
    // Parts that were listed and never recorded.
    else if (change.do === 'lost') this.#segments = this.#segments.filter(({ opening }) => opening.msn > change.msn);
  }

  #open(opening: SegmentOpening): void {
    if (opening.run.isFill) return;
    this.#segments.push({ opening, parts: [], sent: 0, bytes: 0, sinceMs: undefined });
    if (this.#segments.length > MAX_SEGMENTS) this.#segments.shift();
  }

  #part(msn: number, trackId: number, { bytes }: Part): void {
    const segment = this.#segments.find(({ opening }) => opening.msn === msn);
    if (!segment || segment.bytes > MAX_SEGMENT_BYTES) return;
    segment.bytes += bytes.length;
    segment.parts.push({ trackId, length: bytes.length, bytes, place: undefined });
    segment.sinceMs ??= this.#nowMs();
  }
}

/**
 * After an outage, the oldest of the complete files go as a whole. What was sent of them is needed until
 * then.
 *
 * @param most complete files that wait
 */
export function leaveToOffload(stream: MirroredStream, most: number): void {
  const closed = [...stream.files.values()].filter(({ isClosed }) => isClosed);
  const waiting = closed.filter(({ sent, length }) => sent < length);
  for (const file of waiting.slice(0, Math.max(0, waiting.length - most))) {
    if (file.sent === 0) {
      stream.forgetFile(file.location);
    } else {
      file.length = file.sent;
      file.waiting = [];
      file.sinceMs = undefined;
    }
  }
  for (const { location } of closed.slice(0, Math.max(0, closed.length - MAX_FILES))) stream.forgetFile(location);
}

/** Adds where the records of a plan are; undefined: a part is in no known place. */
function joinPieces(
  { waiting }: MirroredFile,
  before: FilePiece[],
  records: FilePlan['records'],
  places: readonly RecordPlace[],
): FilePiece[] | undefined {
  const pieces: FilePiece[] = [];
  for (const [i, record] of records.entries()) {
    if (record.kind === 'file') {
      pieces.push({ offset: record.offset, length: record.length, ...keyAt(places[i]!) });
      continue;
    }
    const segment = waiting.find(({ group }) => group.msn === record.msn)?.segment;
    for (const track of record.tracks) {
      let { offset } = track;
      const end = offset + track.length;
      for (const { trackId, length, place } of segment?.parts ?? []) {
        if (trackId !== track.trackId || offset === end) continue;
        if (!place || offset + length > end) return undefined;
        pieces.push({ offset, length, ...keyAt(place) });
        offset += length;
      }
      if (offset !== end) return undefined;
    }
  }
  // What joins parts is after the ranges between them.
  pieces.sort((a, b) => a.offset - b.offset);
  before.push(...pieces);
  return before;
}

const keyAt = ({ key, at }: RecordPlace) => ({ key, at });

/**
 * Where the bytes of a complete file are in the second place, in order, up to the end of its last segment;
 * undefined: not all are known, or there.
 */
export function piecesOf({ isClosed, sent, length, pieces }: MirroredFile): readonly FilePiece[] | undefined {
  if (!isClosed || sent < length || !pieces) return undefined;
  let end = 0;
  for (const piece of pieces) {
    if (piece.offset !== end) return undefined;
    end += piece.length;
  }
  return end === length ? pieces : undefined;
}

/** What the parts that were sent have of the tracks of a segment in its file, in the order of the file. */
function sentOf({ tracks }: WrittenGroup, { parts, sent }: MirroredSegment) {
  const sums = new Map<number, number>();
  for (const { trackId, length } of parts.slice(0, sent)) sums.set(trackId, (sums.get(trackId) ?? 0) + length);
  return tracks
    .flatMap(({ trackId, offset, length }) => {
      const sum = sums.get(trackId) ?? 0;
      return sum > 0 && sum <= length ? [{ trackId, offset, length: sum }] : [];
    })
    .sort((a, b) => a.offset - b.offset);
}

function recordOf(
  streamId: string,
  opening: SegmentOpening,
  content: Pick<PartsRecord, 'first' | 'parts' | 'length'>,
): PartsRecord {
  const { msn, run, init, startUs, discontinuity, discontinuitySequence } = opening;
  const start = content.first > 0 ? undefined : Buffer.from(printChunkStart(init.tracks)).toString('base64');
  return {
    kind: 'parts',
    streamId,
    msn,
    first: content.first,
    run: { id: run.id, utcOffsetUs: run.utcOffsetUs, clock: run.clock },
    init: { number: init.number, hash: init.hash, ...(start !== undefined && { start }) },
    startUs,
    discontinuity,
    discontinuitySequence,
    parts: content.parts,
    length: content.length,
  };
}
