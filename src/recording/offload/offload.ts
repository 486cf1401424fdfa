/**
 * Copies or moves files to object stores: one loop for each target, which finds files by policy, uploads a
 * few at a time, and deletes what retention has deleted. A target that fails is tried again with growing
 * pauses; nothing else waits for it, recording least of all.
 * In: policies, candidates, the tiered store. Out: objects in buckets; reports. docs/decisions/0050.
 */
import { isLoggedKey } from '../../archive/objects/logged/logged-file.ts';
import { type ObjectClient, ObjectError } from '../../archive/objects/object-client.ts';
import type { ObjectDeletion, ObjectDeletions } from '../../archive/objects/object-deletions.ts';
import type { ObjectTargets } from '../../archive/objects/object-targets.ts';
import type { ObjectUploads } from '../../archive/objects/object-uploads.ts';
import type { StoredObjects } from '../../archive/objects/stored-objects.ts';
import type { TieredSegmentStore } from '../../archive/objects/tiered-segment-store.ts';
import { type UploadOptions, uploadObject } from '../../archive/objects/upload-object.ts';
import { isMissing, type SegmentLocation, segmentLocation } from '../../archive/segment-store.ts';
import { sleep } from '../../lib/abort.ts';
import { CircuitBreaker, doublingPause } from '../../lib/breaker/circuit-breaker.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { LoggedCopies } from '../mirror/logged-copies.ts';
import type { Candidate, Candidates } from './candidates.ts';
import { LostUploads } from './lost-uploads.ts';

/**
 * A target with nothing to do looks again after this time, ms: for what the library has, and for deletions.
 */
const EVERY_MS = 5_000;
/**
 * A recording without a file to upload is searched again after this time, ms, or when a file of it is sealed.
 */
const SEARCH_EVERY_MS = 60_000;
/** Files that a pass finds for each recording. */
const BATCH = 32;
/** Uploads of one target at a time: each has one part of 8 MiB in memory. */
const PARALLEL = 2;
/** Deletions of a pass. */
const DELETIONS = 100;
/** Failures in a row after which a target is reported and left alone for a while. */
const FAILURES = 3;
const MIN_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
/** Files whose failures are remembered, so that one that always fails does not hold up the others. */
const MAX_TRIES = 1_000;
/** A file that was written in this time is not checked before its upload, ms. */
const FRESH_MS = 30_000;
/** Files that were written and wait for their upload. */
const MAX_WRITTEN = 10_000;
/** Uploads that no one will continue are looked for at the start and then this often, ms. */
const SWEEP_EVERY_MS = 3600_000;
/** Which recordings go to a target. */
interface OffloadPolicy {
  /** Id of a stream; its derived qualities go where it goes. */
  readonly streamId: string;
  /** Undefined: nowhere. */
  readonly target: string | undefined;
}

export interface OffloadOptions {
  readonly store: TieredSegmentStore;
  readonly objects: Pick<StoredObjects, 'local' | 'commit'>;
  readonly uploads: ObjectUploads;
  readonly deletions: ObjectDeletions;
  readonly targets: Pick<ObjectTargets, 'names' | 'find' | 'client'>;
  readonly candidates: Candidates;
  readonly settings: Current<{
    readonly storage: { readonly target: string; readonly mode: 'copy' | 'move' | 'mirror'; readonly after: number };
  }>;
  readonly policies: () => readonly OffloadPolicy[];
  /** Ids of the recordings of a stream's derived qualities. */
  readonly qualitiesOf: (streamId: string) => Promise<readonly string[]>;
  /** Names this server, or its cluster, for other servers with the same prefix. */
  readonly server: string;
  /** See `ServerName`. */
  readonly run?: string | undefined;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  /**
   * In a cluster: whether no node has the file of a location. A node cannot say so while another one does not
   * run.
   */
  readonly isGone?: ((location: SegmentLocation) => Promise<boolean>) | undefined;
  /**
   * Checks a file before it is uploaded, so that damage is known before there is a copy of it; not one that
   * was just written.
   */
  readonly check?: ((location: SegmentLocation) => Promise<void>) | undefined;
  /** Copies that are ranges of a mirror's objects. */
  readonly logged: Pick<LoggedCopies, 'upload' | 'delete'>;
  /** Closes all readers of a file that is deleted. */
  readonly release: (location: SegmentLocation) => void;
  readonly report: OffloadReport;
}

/** What the offload reports. */
interface OffloadReport {
  /** Bytes were sent. */
  sent(target: string, bytes: number): void;
  /** An upload ended; `stored`: the bucket has the file. */
  ended(target: string, result: 'stored' | 'failed'): void;
  /** A target failed several times in a row, or works again (`problem` is undefined). */
  changed(target: string, problem: string | undefined): void;
  /** Something failed that is not the bucket's fault. */
  failed(error: unknown): void;
}

/** The state of a target. */
interface Line {
  readonly target: string;
  readonly breaker: CircuitBreaker;
  problem: string | undefined;
  isReported: boolean;
  sweepAtMs: number;
  readonly lost: LostUploads;
  /** When open uploads of the bucket are looked for again, monotonic ms. */
  openAtMs: number;
  /** When files that are in the bucket are looked for again, monotonic ms. */
  dropAtMs: number;
  /** Ends the pause of the loop. */
  wake: AbortController;
}

/** Uploads in the background. */
export class Offload {
  readonly #options: OffloadOptions;
  readonly #lines: readonly Line[];
  /** Failures of files that were not uploaded yet. */
  readonly #tries = new Map<string, number>();
  /** When files were written, monotonic ms, by path. */
  readonly #writtenMs = new Map<string, number>();
  /** When a recording had nothing to upload, monotonic ms. */
  readonly #searchedMs = new Map<string, number>();

  constructor(options: OffloadOptions) {
    this.#options = options;
    const nowMs = () => options.clock.monotonicMs();
    const bounds = { failures: FAILURES, pauseMs: doublingPause(MIN_PAUSE_MS, MAX_PAUSE_MS) };
    this.#lines = options.targets.names.map((target) => ({
      target,
      breaker: new CircuitBreaker({ nowMs, ...bounds }),
      problem: undefined,
      isReported: false,
      sweepAtMs: Number.NEGATIVE_INFINITY,
      lost: new LostUploads({
        uploads: options.uploads,
        prefix: options.targets.find(target)?.prefix ?? '',
        server: options.server,
        run: options.run,
        nowMs: () => options.clock.nowMs(),
      }),
      openAtMs: Number.NEGATIVE_INFINITY,
      dropAtMs: Number.NEGATIVE_INFINITY,
      wake: new AbortController(),
    }));
  }

  /** A file of a recording was sealed. */
  sealed(id: string): void {
    this.#searchedMs.delete(id);
    for (const { wake } of this.#lines) wake.abort();
  }

  /**
   * A recorder has written a file and sealed it: the system still has it in memory, so a check of it would
   * compare memory with memory.
   */
  written(path: string): void {
    this.#writtenMs.set(path, this.#options.clock.monotonicMs());
    dropOldest(this.#writtenMs, MAX_WRITTEN);
  }

  /** Files of a recording were written again, and their copies are gone: all of it is searched again. */
  rewritten(id: string): void {
    this.#options.candidates.rewritten(id);
    this.sealed(id);
  }

  /** Targets that fail now, with the reason. */
  get failing(): readonly { readonly target: string; readonly problem: string }[] {
    return this.#lines.flatMap(({ target, problem, isReported }) =>
      isReported && problem !== undefined ? [{ target, problem }] : [],
    );
  }

  /** Files of recordings that wait for their upload, about, by target. */
  async waiting(): Promise<ReadonlyMap<string, { readonly files: number; readonly bytes: number }>> {
    const sums = new Map(this.#lines.map(({ target }) => [target, { files: 0, bytes: 0 }]));
    for (const { streamId, target } of this.#options.policies()) {
      const sum = target === undefined ? undefined : sums.get(target);
      if (!sum) continue;
      for (const id of [streamId, ...(await this.#options.qualitiesOf(streamId))]) {
        const { files, bytes } = await this.#options.candidates.waiting(id, this.#beforeUs);
        sum.files += files;
        sum.bytes += bytes;
      }
    }
    return sums;
  }

  /** Runs until aborted. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    await Promise.all(this.#lines.map((line) => this.#runLine(line, signal)));
  }

  async #runLine(line: Line, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      line.wake = new AbortController();
      const didAll = await this.#pass(line, signal).catch((error: unknown) => {
        if (!signal.aborted) this.#options.report.failed(error);
        return false;
      });
      if (didAll === 'more') continue;
      const pauseMs = line.breaker.isOpen ? Math.max(line.breaker.waitMs, 100) : didAll ? EVERY_MS : MIN_PAUSE_MS;
      const ends = didAll ? AbortSignal.any([signal, line.wake.signal]) : signal;
      await sleep(pauseMs, { signal: ends }).catch(() => undefined); // only the signal rejects it
    }
  }

  /**
   * One pass over a target.
   *
   * @returns `more` if there is more to do at once, true if all is done, false if something failed
   */
  async pass(target: string, { signal }: { readonly signal: AbortSignal }): Promise<boolean | 'more'> {
    const line = this.#lines.find((candidate) => candidate.target === target);
    if (!line) return true;
    return this.#pass(line, signal);
  }

  async #pass(line: Line, signal: AbortSignal): Promise<boolean | 'more'> {
    const { settings } = this.#options;
    const { target, breaker } = line;
    await this.#sweep(line);
    const due = await this.#options.deletions.due(DELETIONS, target);
    const deletions = due.map((deletion) => () => this.#delete(deletion, signal));
    const files = await this.#find(target);
    const uploads = files.map((file) => () => this.#upload(line, file.location, signal));
    const work = [...deletions, ...uploads];
    if (breaker.isOpen && work.length === 0) work.push(() => this.#check(target, signal));
    let isDone = true;
    const next = async (): Promise<void> => {
      for (let job = work.shift(); job && isDone; job = work.shift()) {
        signal.throwIfAborted();
        // One at a time is tried while the target fails.
        if (!breaker.allows()) return;
        isDone = (await this.#attempt(line, job, signal)) && isDone;
      }
    };
    const count = work.length;
    await Promise.all(Array.from({ length: breaker.isOpen ? 1 : PARALLEL }, next));
    if (settings.now.storage.mode === 'move') await this.#dropFiles(line, signal);
    if (isDone && !breaker.isOpen) await this.#discardOpen(line, signal);
    return isDone && !breaker.isOpen ? (count >= BATCH ? 'more' : true) : false;
  }

  /** Deletes files that are in the bucket; in a cluster those of this node. */
  async #dropFiles(line: Line, signal: AbortSignal): Promise<void> {
    const { objects, store, release, clock, isGone } = this.#options;
    if (isGone && clock.monotonicMs() < line.dropAtMs) return;
    line.dropAtMs = clock.monotonicMs() + SEARCH_EVERY_MS;
    let room = BATCH;
    for (let after = '', page = await objects.local(after); page.length > 0; page = await objects.local(after)) {
      for (const { location, target, key } of page) {
        after = location;
        const at = location as SegmentLocation;
        if (target !== line.target || !this.#isMoved(location) || !(await this.#isHere(at))) continue;
        if (!isLoggedKey(key)) {
          await store.dropFile(at, release);
        } else if (room-- > 0 && line.breaker.allows()) {
          // Of mode `mirror`: the bucket gets the file itself first. New files have their turn between them.
          if (!(await this.#attempt(line, () => this.#upload(line, at, signal), signal))) room = 0;
        }
      }
    }
  }

  /** Whether this process has a file: other nodes of a cluster have those of many rows. */
  async #isHere(location: SegmentLocation): Promise<boolean> {
    if (!this.#options.isGone) return true;
    return this.#options.store.local.size(location).then(
      () => true,
      () => false, // it is tried again
    );
  }

  /**
   * Whether the file of an object is deleted, in mode `move`. The policy may have changed: those of a stream
   * that is `local` stay.
   */
  #isMoved(location: string): boolean {
    // The identity of a stream is read at each start, and the bucket may not be there then.
    if (location.endsWith('/stream.json')) return false;
    const [, id] = /^recordings\/([^/]+)\//.exec(location) ?? [];
    const policy = id === undefined ? undefined : this.#options.policies().find(({ streamId }) => streamId === id);
    return policy === undefined || policy.target !== undefined;
  }

  /** Does one piece of work, and judges the target by it. */
  async #attempt(line: Line, job: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    const { breaker, target } = line;
    const { report } = this.#options;
    try {
      await job();
      breaker.succeeded();
      if (line.isReported) report.changed(target, undefined);
      line.isReported = false;
      line.problem = undefined;
      return true;
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof ObjectError)) report.failed(error);
      breaker.failed();
      line.problem = messageOf(error);
      if (breaker.isOpen && !line.isReported) {
        line.isReported = true;
        report.changed(target, line.problem);
      }
      return false;
    }
  }

  /** Oldest media first in each recording; files that failed come last. */
  async #find(target: string): Promise<Candidate[]> {
    const { candidates, clock, policies, qualitiesOf, settings } = this.#options;
    const query = { beforeUs: this.#beforeUs, limit: BATCH };
    const batch: Candidate[] = [];
    const identities: Candidate[] = [];
    const nowMs = clock.monotonicMs();
    for (const policy of policies()) {
      if (policy.target !== target) continue;
      if (!this.#searchedMs.has(policy.streamId)) identities.push(...(await candidates.ofIdentity(policy.streamId)));
      for (const id of [policy.streamId, ...(await qualitiesOf(policy.streamId))]) {
        if (nowMs - (this.#searchedMs.get(id) ?? Number.NEGATIVE_INFINITY) < SEARCH_EVERY_MS) continue;
        // Before the search: a file that is sealed during it is found by the next one.
        this.#searchedMs.set(id, nowMs);
        const files = await candidates.ofRecording(id, query);
        if (files.length > 0) this.#searchedMs.delete(id);
        batch.push(...files);
      }
    }
    if (settings.now.storage.target === target) batch.push(...(await candidates.ofLibrary(query)));
    const tries = ({ location }: Candidate) => this.#tries.get(location) ?? 0;
    // A stream without a recording has no identity to store.
    return [...(batch.length > 0 ? identities : []), ...batch].sort((a, b) => tries(a) - tries(b));
  }

  get #beforeUs(): number {
    const { after, mode } = this.#options.settings.now.storage;
    // At once: whatever the clock of the source says.
    return after === 0 || mode === 'mirror' ? Number.MAX_SAFE_INTEGER : (this.#options.clock.nowMs() - after) * 1000;
  }

  async #upload(line: Line, location: SegmentLocation, signal: AbortSignal): Promise<void> {
    const { store, uploads, objects, targets, settings, report, release } = this.#options;
    const { target } = line;
    // Before the intent: it may be that of another node.
    if (!(await this.#isHere(location))) return;
    try {
      // What is intact in a damaged file gets its second copy all the same.
      const isFresh = this.#isFresh(location);
      if (!isFresh) await this.#options.check?.(location);
      const client = await targets.client(target);
      const { prefix } = targets.find(target)!;
      const sent = (bytes: number) => report.sent(target, bytes);
      const upload: UploadOptions = { local: store.local, uploads, objects, client, target, prefix, sent, signal };
      // Only what was just recorded: the objects of the mirror may not have what is found later.
      const mayDescribe = isFresh && settings.now.storage.mode === 'mirror';
      const described = mayDescribe ? await this.#options.logged.upload(location, upload) : 'unknown';
      const result = described === 'unknown' ? await uploadObject(location, upload) : described;
      this.#tries.delete(location);
      if (result === 'gone') return;
      report.ended(target, 'stored');
      if (settings.now.storage.mode === 'move' && this.#isMoved(location)) await store.dropFile(location, release);
    } catch (error) {
      if (signal.aborted) throw error;
      report.ended(target, 'failed');
      this.#tries.set(location, (this.#tries.get(location) ?? 0) + 1);
      dropOldest(this.#tries, MAX_TRIES);
      throw error;
    }
  }

  /** Whether a file was written so lately that it is not checked. Another try checks it. */
  #isFresh(location: SegmentLocation): boolean {
    const writtenMs = this.#writtenMs.get(location);
    this.#writtenMs.delete(location);
    return writtenMs !== undefined && this.#options.clock.monotonicMs() - writtenMs < FRESH_MS;
  }

  async #delete(due: ObjectDeletion, signal: AbortSignal): Promise<void> {
    const { logged, targets } = this.#options;
    const client: ObjectClient = await targets.client(due.target);
    await logged.delete(due, client, { signal });
  }

  async #check(target: string, signal: AbortSignal): Promise<void> {
    await (await this.#options.targets.client(target)).check({ signal });
  }

  /** Discards uploads in parts that are lost. A bucket that cannot list them is asked again later. */
  async #discardOpen(line: Line, signal: AbortSignal): Promise<void> {
    const { clock, targets } = this.#options;
    if (clock.monotonicMs() < line.openAtMs) return;
    line.openAtMs = clock.monotonicMs() + SWEEP_EVERY_MS;
    const client = await targets.client(line.target);
    try {
      const isEnd = await line.lost.look(client, { signal });
      if (!isEnd) line.openAtMs = clock.monotonicMs() + SEARCH_EVERY_MS;
    } catch (error) {
      signal.throwIfAborted();
      const isNotReady = error instanceof OxbowError && error.code === 'not-ready';
      if (!(error instanceof ObjectError) && !isNotReady) throw error;
    }
  }

  /** Gives up uploads of files that are gone: of a process that ended meanwhile. */
  async #sweep(line: Line): Promise<void> {
    const { clock, uploads, store, isGone } = this.#options;
    if (clock.monotonicMs() < line.sweepAtMs) return;
    line.sweepAtMs = clock.monotonicMs() + SWEEP_EVERY_MS;
    for (const { location, target } of await uploads.all()) {
      if (target !== line.target) continue;
      const at = segmentLocation(location);
      if (isGone) {
        if (await isGone(at)) await uploads.giveUp(at);
        continue;
      }
      await store.local.size(at).catch(async (error: unknown) => {
        if (isMissing(error)) await uploads.giveUp(at);
      });
    }
  }
}
