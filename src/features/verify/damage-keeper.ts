/**
 * What becomes of damaged files in a running server: the intact second copy takes the place of the file;
 * otherwise its damaged segments leave the index and are a gap. Reads that meet damage have their file
 * checked here, one at a time.
 * In: checked files, locations of reads. Out: changed rows, restored files, the list of damaged files.
 * docs/decisions/0063.
 */
import { type CheckedChunk, checkChunk } from '../../archive/integrity/check-chunk.ts';
import type { TieredSegmentStore } from '../../archive/objects/tiered-segment-store.ts';
import { namedChunkOf, recordingOf } from '../../archive/recording-locations.ts';
import { type SegmentLocation, type SegmentStore, segmentLocation } from '../../archive/segment-store.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { ChunkRow, ChunkTable } from '../../recording/chunks/chunk-table.ts';
import { contentAfter, expectedOf, expectedOfChunk, hasContent, isGivenUp, isWhole } from './damage.ts';
import type { VerifiedFiles } from './verified-files.ts';
import { checkAssetChunk, type Finding, findingOf } from './verify.ts';

/** Files that wait for their check. What does not fit is reported again by the next read. */
const MAX_WAITING = 1_000;
/** Damaged files that are remembered by name. */
const MAX_FINDINGS = 1_000;
/** A file that a read complained about is checked again at the earliest after this time, ms. */
const AGAIN_MS = 60_000;

interface DamageKeeperOptions {
  readonly files: VerifiedFiles;
  readonly table: Pick<ChunkTable, 'change'>;
  /** The files of the data folder. */
  readonly store: Pick<SegmentStore, 'read' | 'size' | 'release'>;
  /** Second copies; undefined: there is no object store. */
  readonly copies: Pick<TieredSegmentStore, 'copyOf' | 'restoreFile'> | undefined;
  /** Closes readers of a file, and drops their data. */
  readonly release: (location: SegmentLocation) => void;
  readonly monotonicMs: () => number;
  readonly report: {
    /** A file is damaged that was not known to be. */
    damaged(finding: Finding): void;
    /** A damaged file was replaced by its second copy. */
    repaired(file: string, owner: string): void;
    /** The list has changed. */
    changed(): void;
    failed(error: unknown): void;
  };
  readonly signal: AbortSignal;
}

/** Keeps the list of damaged files. */
export class DamageKeeper {
  readonly #options: DamageKeeperOptions;
  /** By file; the first found first. */
  readonly #findings: Map<string, Finding>;
  /** Files that wait, or were checked lately: when, monotonic ms. */
  readonly #checkedMs = new Map<string, number>();
  #waiting = 0;
  #turn: Promise<void> = Promise.resolve();

  /** @param findings of an earlier process */
  constructor(options: DamageKeeperOptions, findings: readonly Finding[]) {
    this.#options = options;
    this.#findings = new Map(findings.map((finding) => [finding.file, finding]));
  }

  /** Damaged files that nothing has repaired. */
  get findings(): readonly Finding[] {
    return [...this.#findings.values()];
  }

  /** Resolves when no file waits for its check. */
  get idle(): Promise<void> {
    return this.#turn;
  }

  /** Whether a file is on the list. */
  has(file: string): boolean {
    return this.#findings.has(file);
  }

  #add(finding: Finding): void {
    const { report } = this.#options;
    const isNew = !this.#findings.has(finding.file);
    this.#findings.set(finding.file, finding);
    dropOldest(this.#findings, MAX_FINDINGS);
    if (isNew) report.damaged(finding);
    report.changed();
  }

  /**
   * Takes the result of a check: restores the file, or changes its row. Never rejects for the sake of a
   * bucket.
   */
  async take(row: ChunkRow, checked: CheckedChunk): Promise<void> {
    const { table, release } = this.#options;
    const location = segmentLocation(row.path);
    const owner = { file: row.path, of: 'recording', owner: recordingOf(row.stream_id).streamId } as const;
    let last = checked;
    if (last.state === 'damaged' || last.state === 'missing') last = (await this.#restore(row, last)) ?? last;
    const content = contentAfter(row, last);
    if (!hasContent(row, content)) {
      await table.change(row.stream_id, row.first_msn, content);
      release(location);
    }
    const finding = findingOf(owner, last);
    if (finding && finding.problem !== 'stale')
      this.#add(finding); // its row is right now
    else this.#forget(row.path);
  }

  /** A read met damage: the file is checked soon, once. */
  complain(location: SegmentLocation): void {
    const { report, monotonicMs } = this.#options;
    const nowMs = monotonicMs();
    if (this.#waiting >= MAX_WAITING || nowMs - (this.#checkedMs.get(location) ?? -AGAIN_MS) < AGAIN_MS) return;
    this.#checkedMs.set(location, nowMs);
    dropOldest(this.#checkedMs, MAX_WAITING);
    this.check(location).catch((error: unknown) => {
      if (!this.#options.signal.aborted) report.failed(error);
    });
  }

  /** Checks a file after those that wait. @throws errors of the system and of the database */
  check(location: SegmentLocation): Promise<void> {
    this.#waiting++;
    const work = this.#turn.then(() => this.#check(location));
    this.#turn = work
      .catch(() => undefined) // the caller has the error
      .finally(() => {
        this.#waiting--;
      });
    return work;
  }

  /** Nothing is known to be wrong with a file any more. */
  #forget(file: string): void {
    if (this.#findings.delete(file)) this.#options.report.changed();
  }

  /**
   * Forgets findings about files that the last verification did not meet: retention has deleted them, or they
   * were put right.
   */
  keepOnly(files: ReadonlySet<string>): void {
    for (const file of [...this.#findings.keys()]) if (!files.has(file)) this.#forget(file);
  }

  async #check(location: SegmentLocation): Promise<void> {
    const { files, store, signal } = this.#options;
    signal.throwIfAborted();
    const named = namedChunkOf(location);
    if (named) {
      const row = await files.chunk(named.id, named.firstMsn);
      // Without a row the file is open, or retention has deleted it.
      if (!row || row.path !== location || isGivenUp(row)) return;
      if ((await files.movedAway([location])).size > 0) return;
      await this.take(row, await checkChunk(store, expectedOfChunk(row, files), { signal }));
      return;
    }
    const [, id] = /^assets\/([^/]+)\//.exec(location) ?? [];
    const row = id === undefined ? undefined : await files.assetChunk(id, location);
    if (!row || (await files.movedAway([location])).size > 0) return;
    const tools = { files, store, isShared: false, pace: () => Promise.resolve(), signal };
    const finding = await checkAssetChunk(tools, row);
    if (finding) await this.takeFinding(finding);
    else this.#forget(location);
  }

  /**
   * Takes a finding about a file that is no row of a recording: an intact second copy takes the place of one
   * of an asset.
   */
  async takeFinding(finding: Finding): Promise<void> {
    const row = finding.of === 'asset' ? await this.#options.files.assetChunk(finding.owner, finding.file) : undefined;
    const restored = row && (await this.#restoreFrom(expectedOf(row), finding.owner));
    if (restored && isWhole(restored)) this.#forget(finding.file);
    else this.#add(finding);
  }

  /** The check of the row with the restored file; undefined if there is no intact second copy. */
  #restore(row: ChunkRow, { groups }: CheckedChunk): Promise<CheckedChunk | undefined> {
    return this.#restoreFrom(
      { ...expectedOfChunk(row, this.#options.files), groups },
      recordingOf(row.stream_id).streamId,
    );
  }

  async #restoreFrom(expected: ReturnType<typeof expectedOf>, owner: string): Promise<CheckedChunk | undefined> {
    const { copies, store, release, report, signal } = this.#options;
    const { location } = expected;
    try {
      const copy = await copies?.copyOf(location);
      if (!copies || !copy || !isWhole(await checkChunk(copy, expected, { signal }))) return undefined;
      await copies.restoreFile(location, { signal });
      release(location);
      const checked = await checkChunk(store, expected, { signal });
      if (isWhole(checked)) report.repaired(location, owner);
      return checked;
    } catch (error) {
      signal.throwIfAborted();
      report.failed(error); // the bucket does not answer, or the disk is full: the next verification tries it again
      return undefined;
    }
  }
}
