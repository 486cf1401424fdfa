/**
 * Sends what is recorded to a second place while it happens: an object about every second with the news of
 * all streams of a target. Files that are complete go there through offload; then the objects with their
 * ranges are deleted. Nothing waits for a target: streams keep only references into what they recorded.
 * In: streams that record, targets. Out: objects; what is behind. docs/decisions/0114.
 */
import { type FilePiece, objectsOf } from '../../archive/objects/logged/logged-file.ts';
import type { ObjectClient } from '../../archive/objects/object-client.ts';
import { identityLocation, recordingOfLocation } from '../../archive/recording-locations.ts';
import type { SegmentLocation, SegmentPrefix } from '../../archive/segment-store.ts';
import { sleep, waitFor } from '../../lib/abort.ts';
import { CircuitBreaker, doublingPause } from '../../lib/breaker/circuit-breaker.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Subscribable } from '../../lib/events.ts';
import type { LiveWindowChange } from '../../packager/live-segment.ts';
import { BatchMemory } from './batch-memory.ts';
import { printBatch } from './mirror-batch.ts';
import { printErasure } from './mirror-erasure.ts';
import { timeOfKey } from './mirror-log.ts';
import { type ErasedFile, MirrorObjects } from './mirror-objects.ts';
import type { MirrorOptions, MirrorState } from './mirror-options.ts';
import { OtherObjects } from './mirror-others.ts';
import { type Picked, RecordReader } from './mirror-records.ts';
import { MirroredStream, piecesOf } from './mirrored-stream.ts';
import { PrefixClaim } from './prefix-claim.ts';

/** Most bytes of media in one object. After a request that failed it is half as much, down to the least. */
const MAX_OBJECT_BYTES = 8 * 1024 * 1024;
const LEAST_OBJECT_BYTES = 256 * 1024;
/** Objects of one pass: a pass ends, so that deletions have a turn. */
const MAX_OBJECTS = 32;
/** A request that takes longer has failed, ms: 8 MiB at 2.2 Mbit/s, the least object at 70 kbit/s. */
const PUT_MS = 30_000;
/** The index is read for files that the second place has as a whole at least this often, ms. */
const LOOK_EVERY_MS = 15_000;
/** Locations of one query. */
const QUERY = 200;
/** Each owner knows after this time whether it needs an object, ms. */
const YOUNG_MS = 86_400_000;
/** A complete file goes as a whole if its last seconds are not sent after this time, and two pauses, ms. */
const SENT_WITHIN_MS = 5_000;
/** Failures in a row after which a target is reported. */
const FAILURES = 3;
/** Objects that are not needed are looked for this often, ms. */
const COMPACT_MS = 2_000;
/** Between two passes of a target that takes longer than its pause, ms. */
const LEAST_PAUSE_MS = 20;
const MIN_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;
/** Deletions that wait for the objects of earlier processes. */
const MAX_EARLY = 20_000;

/** The state of a target. */
interface Line {
  readonly target: string;
  readonly objects: MirrorObjects;
  readonly others: OtherObjects;
  readonly claim: PrefixClaim;
  readonly breaker: CircuitBreaker;
  problem: string | undefined;
  isReported: boolean;
  /** Objects of earlier processes are known. */
  isLoaded: boolean;
  /** Files of earlier processes that the target does not have as a whole. */
  old: Set<SegmentLocation>;
  lookAtMs: number;
  /** Most bytes of media in the next object: a slow place gets small ones. */
  maxBytes: number;
  readonly memory: BatchMemory;
  /** What was deleted while an object was on its way. */
  forgotten: { readonly prefix: SegmentPrefix; readonly streamId: string }[];
  /** Deletions to repeat, by prefix: their objects were not known yet, or the database failed. */
  readonly early: Map<SegmentPrefix, string>;
  /** Resolves at the end of the next pass. */
  passed: PromiseWithResolvers<void>;
}

/** Mirrors the streams of a process. */
export class Mirror {
  readonly #options: MirrorOptions;
  readonly #streams = new Map<string, MirroredStream>();
  /** Those that record no more, and those whose recording was deleted as a whole. */
  readonly #closed = new WeakSet<MirroredStream>();
  readonly #deleted = new WeakSet<MirroredStream>();
  readonly #records: RecordReader;
  readonly #lines: readonly Line[];
  /** Where each stream goes; set when the streams are known. */
  #targetOf: (streamId: string) => string | undefined = () => undefined;

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#records = new RecordReader(options);
    const nowMs = () => options.clock.monotonicMs();
    this.#lines = options.targets.names.map((target) => ({
      target,
      ...placesOf(options, target),
      breaker: new CircuitBreaker({ nowMs, failures: FAILURES, pauseMs: doublingPause(MIN_PAUSE_MS, MAX_PAUSE_MS) }),
      problem: undefined,
      isReported: false,
      isLoaded: false,
      old: new Set(),
      lookAtMs: Number.NEGATIVE_INFINITY,
      maxBytes: MAX_OBJECT_BYTES,
      memory: new BatchMemory(),
      forgotten: [],
      early: new Map(),
      passed: Promise.withResolvers(),
    }));
  }

  /** A stream is open: what it records from now on is mirrored while it has a target. */
  open(streamId: string, copied: Subscribable<LiveWindowChange>): MirroredStream {
    const before = this.#streams.get(streamId);
    before?.[Symbol.dispose]();
    const nowMs = () => this.#options.clock.monotonicMs();
    const stream: MirroredStream = new MirroredStream(streamId, copied, nowMs, before, () => this.#closed.add(stream));
    this.#streams.set(streamId, stream);
    stream.follow(this.#targetOf(streamId));
    return stream;
  }

  /** Says where streams go; read again about every second. */
  route(targetOf: (streamId: string) => string | undefined): void {
    this.#targetOf = targetOf;
    for (const stream of this.#streams.values()) stream.follow(targetOf(stream.streamId));
  }

  /** How far the targets are behind that have streams. */
  get states(): readonly MirrorState[] {
    const nowMs = this.#options.clock.monotonicMs();
    return this.#lines.flatMap(({ target, objects, claim, problem, isReported }) => {
      const streams = [...this.#streams.values()].filter((stream) => stream.target === target);
      if (streams.length === 0) return [];
      const since = streams.flatMap(({ sinceMs }) => sinceMs ?? []);
      return {
        target,
        streams: streams.length,
        behindMs: since.length === 0 ? 0 : nowMs - Math.min(...since),
        behindBytes: streams.reduce((sum, { waitingBytes }) => sum + waitingBytes, 0),
        objects: objects.count,
        problem: claim.problem ?? (isReported ? problem : undefined),
      };
    });
  }

  /** Number of streams that it keeps in memory: those that are open, and closed ones that are not deleted. */
  get size(): number {
    return this.#streams.size;
  }

  /** How far the copy of a stream is behind, ms; undefined: it has none. */
  behindMs(streamId: string): number | undefined {
    const stream = this.#streams.get(streamId);
    if (stream?.target === undefined) return undefined;
    return stream.sinceMs === undefined ? 0 : this.#options.clock.monotonicMs() - stream.sinceMs;
  }

  /** Offload has stored files: their ranges may go. */
  stored(): void {
    for (const line of this.#lines) line.lookAtMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Stored media was deleted or written again: no object keeps it. What else was in these objects is sent
   * again.
   *
   * @param options.isRequested not by retention: it leaves the objects of other owners at once
   */
  async forget(prefix: SegmentPrefix, { isRequested = false } = {}): Promise<void> {
    const streamId = recordingOfLocation(prefix) ?? /^recordings\/([^/]+)\/$/.exec(prefix)?.[1];
    if (streamId === undefined) return;
    for (const line of this.#lines) {
      line.forgotten.push({ prefix, streamId });
      line.others.deleted(prefix, streamId, isRequested);
      if (!line.isLoaded) {
        line.early.set(prefix, streamId);
        if (line.early.size > MAX_EARLY) line.early.delete(line.early.keys().next().value!);
      }
      const stream = this.#streams.get(streamId);
      for (const location of stream?.files.keys() ?? []) if (location.startsWith(prefix)) stream?.forgetFile(location);
      await this.#remove(line, prefix, streamId);
    }
    const stream = this.#streams.get(streamId);
    if (stream && prefix.endsWith('/')) this.#deleted.add(stream);
    this.#dropDeleted();
  }

  /** Streams that were deleted need nothing any more. */
  #dropDeleted(): void {
    for (const [streamId, stream] of this.#streams) {
      const isOver = this.#closed.has(stream) && this.#deleted.has(stream) && stream.files.size === 0;
      if (isOver) this.#streams.delete(streamId);
    }
  }

  /** Removes the objects that have something of what was deleted; the rest of them is sent again. */
  async #remove(line: Line, prefix: SegmentPrefix, streamId: string): Promise<void> {
    for (const location of line.old) if (location.startsWith(prefix)) line.old.delete(location);
    const stream = this.#streams.get(streamId);
    const { taken, erased } = line.objects.take(prefix, streamId, stream?.files.keys());
    if (erased.length > 0) {
      // They may have the start of the file after it, too.
      if (stream?.target === line.target) stream.resend();
      await this.#erase(line, erased);
    }
    if (taken.length === 0) return;
    for (const each of this.#streams.values()) if (each.target === line.target) each.resend();
    try {
      await this.#options.remove(
        line.target,
        taken.map(({ key }) => key),
      );
    } catch (error) {
      // The database failed: the next compaction tries again.
      line.objects.giveBack(taken);
      line.early.set(prefix, streamId);
      throw error;
    }
  }

  /** Queues what is erased from objects that descriptions name. */
  async #erase({ target }: Line, files: readonly ErasedFile[]): Promise<void> {
    await this.#options.remove(target, files.map(printErasure));
  }

  /**
   * Waits until a target has all of a complete file.
   *
   * @returns where its bytes are, as long as that is true; undefined: the target does not have all of it, and
   *   will not soon
   */
  async whenSent(
    target: string,
    location: SegmentLocation,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<(() => readonly FilePiece[] | undefined) | undefined> {
    const { keepsLog, clock, everyMs } = this.#options;
    const line = this.#lines.find((candidate) => candidate.target === target);
    const streamId = recordingOfLocation(location);
    if (!line || streamId === undefined || keepsLog?.(target) !== true) return undefined;
    const find = () => {
      const stream = this.#streams.get(streamId);
      const file = stream?.target === target ? stream.files.get(location) : undefined;
      // Without the first byte its start went another way.
      return file?.pieces && (file.sent === 0 || file.pieces.length > 0) ? file : undefined;
    };
    const untilMs = clock.monotonicMs() + SENT_WITHIN_MS + 2 * everyMs();
    for (let file = find(); file; file = find()) {
      if (piecesOf(file))
        return () => {
          const sent = find();
          return sent && piecesOf(sent);
        };
      if (line.breaker.isOpen || line.claim.isTaken || clock.monotonicMs() > untilMs) return undefined;
      await waitFor(line.passed.promise, { signal });
    }
    return undefined;
  }

  /** A description of a file is about to be stored: the objects that it names stay. */
  keep(target: string, location: SegmentLocation, pieces: readonly FilePiece[]): void {
    this.#lines.find((line) => line.target === target)?.objects.keep(objectsOf(pieces), location);
  }

  /** A description of a file was not stored. */
  release(target: string, location: SegmentLocation): void {
    this.#lines.find((line) => line.target === target)?.objects.release(location);
  }

  /**
   * Whether an object may be needed by a restore: of another owner, and before its own are known, a young
   * one.
   */
  holds(target: string, key: string): boolean {
    const line = this.#lines.find((candidate) => candidate.target === target);
    if (line?.isLoaded && key.startsWith(line.objects.prefix)) return line.objects.has(key);
    return this.#options.clock.nowMs() - timeOfKey(key) < YOUNG_MS;
  }

  /** Runs until aborted. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { everyMs } = this.#options;
    await Promise.all(
      this.#lines.flatMap(({ target, breaker }) => [
        this.#repeat(
          () => this.pass(target, { signal }),
          () => Math.max(everyMs(), breaker.waitMs),
          signal,
        ),
        // Apart: many deletions take long, and nothing that is sent waits for them.
        this.#repeat(
          () => this.compact(target, { signal }),
          () => Math.max(COMPACT_MS, breaker.waitMs),
          signal,
        ),
      ]),
    );
  }

  /** Calls `work` again and again, each time this long after it began, or when it is done. */
  async #repeat(work: () => Promise<void>, everyMs: () => number, signal: AbortSignal): Promise<void> {
    const { clock, report } = this.#options;
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      await work().catch((error: unknown) => {
        if (!signal.aborted) report.failed(error);
      });
      const restMs = everyMs() - (clock.monotonicMs() - startedMs);
      await sleep(Math.max(LEAST_PAUSE_MS, restMs), { signal }).catch(() => undefined); // only the signal rejects it
    }
  }

  /** Deletes what a target does not need. Never rejects for a failing target. */
  async compact(target: string, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const line = this.#lines.find((candidate) => candidate.target === target)!;
    // The stream whose media was deleted may have been the last one that goes there.
    const isUsed = line.objects.count > 0 || this.#has(target) || (line.isLoaded && line.others.isDue);
    if (line.breaker.isOpen || !isUsed) return;
    try {
      const client = await this.#options.targets.client(target);
      if (await this.#isTaken(line, client, signal)) return;
      await this.#compact(line, client, signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#options.report.ended(target, 'failed');
      this.#outcome(line, error);
    }
  }

  /** Sends what waits for a target. Never rejects for a failing target. */
  async pass(target: string, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const line = this.#lines.find((candidate) => candidate.target === target)!;
    const { passed } = line;
    line.passed = Promise.withResolvers();
    using _ = { [Symbol.dispose]: () => passed.resolve() };
    this.#dropDeleted();
    for (const stream of this.#streams.values()) stream.follow(this.#targetOf(stream.streamId));
    const isIdle = line.objects.count === 0 && !this.#has(target);
    if (isIdle || !line.breaker.allows()) {
      line.forgotten = [];
      return;
    }
    // Another server writes to this place; the compaction looks whether it still does.
    if (line.claim.isTaken) {
      line.breaker.abandoned();
      return;
    }
    try {
      await this.#sendAll(line, await this.#options.targets.client(target), signal);
      this.#outcome(line, undefined);
    } catch (error) {
      if (signal.aborted) {
        line.breaker.abandoned();
        return;
      }
      this.#options.report.ended(target, 'failed');
      this.#outcome(line, error);
    }
  }

  #has(target: string): boolean {
    for (const stream of this.#streams.values()) if (stream.target === target) return true;
    return false;
  }

  async #sendAll(line: Line, client: ObjectClient, signal: AbortSignal): Promise<void> {
    const { clock, report, keepsLog } = this.#options;
    if (keepsLog?.(line.target)) await line.objects.begin(client, { signal });
    for (let objects = 0; objects < MAX_OBJECTS; objects++) {
      line.forgotten = [];
      line.memory.begin();
      const { picked, isFull } = await this.#pick(line);
      if (picked.length === 0) return;
      const bytes = printBatch(picked, (length) => line.memory.object(length));
      const key = line.objects.nextKey(clock.nowMs());
      const source = {
        size: bytes.length,
        read: async (at: number, length: number) => bytes.subarray(at, at + length),
      };
      const records = picked.map(({ record }) => record);
      try {
        await client.put(key, source, {
          signal: AbortSignal.any([signal, AbortSignal.timeout(PUT_MS)]),
          hasChecksum: true,
        });
      } catch (error) {
        line.memory.leaveObject();
        line.maxBytes = Math.max(LEAST_OBJECT_BYTES, line.maxBytes / 2);
        // It may have arrived: then it is deleted like the others.
        line.objects.addUnsure(key, records);
        await this.#forgetLate(line);
        throw error;
      }
      line.maxBytes = Math.min(MAX_OBJECT_BYTES, line.maxBytes * 1.25);
      report.sent(line.target, bytes.length);
      report.ended(line.target, 'put');
      line.objects.add(key, records);
      let at = bytes.length - records.reduce((sum, { length }) => sum + length, 0);
      for (const { record, done } of picked) {
        done({ key, at });
        at += record.length;
      }
      await this.#forgetLate(line);
      if (!isFull) return;
    }
  }

  /** What was deleted while an object was sent may be in it. */
  async #forgetLate(line: Line): Promise<void> {
    const { forgotten } = line;
    line.forgotten = [];
    for (const { prefix, streamId } of forgotten) await this.#remove(line, prefix, streamId);
  }

  /** The next records of a target, those that wait longest first. */
  async #pick(line: Line): Promise<{ readonly picked: Picked[]; readonly isFull: boolean }> {
    const { target, maxBytes, memory } = line;
    const picked: Picked[] = [];
    const streams = [...this.#streams.values()].filter((stream) => stream.target === target);
    const waiting = streams.filter(({ sinceMs }) => sinceMs !== undefined);
    waiting.sort((a, b) => a.sinceMs! - b.sinceMs!);
    let room = maxBytes;
    const add = (records: Iterable<Picked>) => {
      for (const each of records) {
        picked.push(each);
        room -= each.record.length;
      }
    };
    for (const stream of waiting) {
      if (room <= 0) return { picked, isFull: true };
      if (stream.name === 'missing') add(await this.#records.pickName(stream));
      const files = await this.#records.pickFiles(line, stream, room);
      add(files.picked);
      // Parts follow what is in files.
      const parts = !files.isFull && room > 0 ? [...stream.pickParts(room, (length) => memory.piece(length))] : [];
      add(parts);
      if (files.isFull || parts.at(-1)?.hasMore) return { picked, isFull: true };
    }
    return { picked, isFull: room <= 0 };
  }

  /** Deletes objects whose files the target has as a whole. */
  async #compact(line: Line, client: ObjectClient, signal: AbortSignal): Promise<void> {
    const { clock, report } = this.#options;
    if (!line.isLoaded) {
      const { objects } = this.#options;
      const keptBetween = (first: string, last: string) => objects.loggedBetween(line.target, first, last);
      line.old = new Set(await line.objects.load(client, keptBetween, { signal }));
      line.isLoaded = true;
    }
    for (const [prefix, streamId] of line.early) {
      await this.#remove(line, prefix, streamId);
      line.early.delete(prefix);
    }
    await line.others.work(client, { signal });
    if (clock.monotonicMs() < line.lookAtMs) return;
    await this.#look(line);
    const needs = {
      needsFile: (location: SegmentLocation) => line.old.has(location) || this.#needsFile(line.target, location),
      needsSegment: (streamId: string, msn: number, isOld: boolean) =>
        isOld ? this.#needsOld(line, streamId) : (this.#streams.get(streamId)?.needsParts(msn) ?? true),
    };
    const deleted = await line.objects.sweep(client, needs, (files) => this.#erase(line, files), { signal });
    for (let count = 0; count < deleted; count++) report.ended(line.target, 'deleted');
    // There may be more.
    line.lookAtMs = deleted > 0 ? Number.NEGATIVE_INFINITY : clock.monotonicMs() + LOOK_EVERY_MS;
  }

  #needsFile(target: string, location: SegmentLocation): boolean {
    const id = recordingOfLocation(location);
    if (id !== undefined) return this.#streams.get(id)?.files.has(location) ?? false;
    // The name of a stream: offload puts it there with the first file.
    for (const stream of this.#streams.values())
      if (identityLocation(stream.streamId) === location) return stream.target === target && stream.name === 'sent';
    return true;
  }

  /**
   * Whether parts of an earlier process are needed. A stream that is not known may be one of a database that
   * was lost: then nothing of it is deleted.
   */
  #needsOld({ old }: Line, streamId: string): boolean {
    if (!this.#streams.has(streamId)) return true;
    for (const location of old) if (recordingOfLocation(location) === streamId) return true;
    return false;
  }

  /** Reads which files the target has as a whole. */
  async #look(line: Line): Promise<void> {
    const { target } = line;
    const streams = [...this.#streams.values()].filter((stream) => stream.target === target);
    const byLocation = new Map<SegmentLocation, MirroredStream | undefined>();
    for (const location of line.old) byLocation.set(location, undefined);
    for (const stream of streams) {
      for (const file of stream.files.values()) if (file.isClosed) byLocation.set(file.location, stream);
      if (stream.name === 'sent') byLocation.set(identityLocation(stream.streamId), stream);
    }
    const all = [...byLocation.keys()];
    for (let at = 0; at < all.length; at += QUERY) {
      const stored = await this.#options.objects.targetsOf(all.slice(at, at + QUERY));
      for (const location of stored.keys()) {
        const known = location as SegmentLocation;
        line.old.delete(known);
        const stream = byLocation.get(known);
        if (stream && recordingOfLocation(known) === undefined) stream.name = 'stored';
        else stream?.forgetFile(known);
      }
    }
  }

  /** Whether another server writes to a place; then nothing is sent there, which is reported. */
  async #isTaken(line: Line, client: ObjectClient, signal: AbortSignal): Promise<boolean> {
    const { claim, target } = line;
    const { report } = this.#options;
    const wasTaken = claim.isTaken;
    const before = claim.problem;
    await claim.look(client, { signal });
    if (claim.problem !== before) report.changed(target, claim.problem);
    if (wasTaken && !claim.isTaken)
      for (const each of this.#streams.values()) if (each.target === target) each.resend();
    return claim.isTaken;
  }

  #outcome(line: Line, error: unknown): void {
    const { report } = this.#options;
    if (error === undefined) {
      line.breaker.succeeded();
      if (line.isReported) report.changed(line.target, undefined);
      line.isReported = false;
      line.problem = undefined;
      return;
    }
    line.breaker.failed();
    line.problem = messageOf(error);
    if (!line.breaker.isOpen || line.isReported) return;
    line.isReported = true;
    report.changed(line.target, line.problem);
  }
}

/** What a target has of this owner, of others, and of other servers. */
function placesOf({ targets, owner, server, clock }: MirrorOptions, target: string) {
  const { prefix } = targets.find(target)!;
  const objects = new MirrorObjects(prefix, owner);
  return {
    objects,
    others: new OtherObjects(prefix, objects, clock),
    claim: new PrefixClaim({ prefix, server, monotonicMs: () => clock.monotonicMs() }),
  };
}
