/**
 * Writes one chunk file: about a minute of a recording, an ordinary MP4 after sealing.
 * In: sealed segment groups. Out: the file, and the committed group for the index. docs/media.md 21 to 23.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import {
  type CommittedGroup,
  type CommittedTrack,
  damagedFlag,
  independentFlag,
  printCommitBox,
  printHeadBox,
} from '@oxbow/media/isobmff/commit-box';
import { printChunkStart } from '@oxbow/media/isobmff/init';
import { SampleTable } from '@oxbow/media/isobmff/movie/sample-table';
import type { Init, SegmentGroup } from '@oxbow/media/segment';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { sealFile } from './chunk-file.ts';
import { chunkLocation } from './recording-locations.ts';
import type { SegmentLocation, SegmentStore, SegmentWriter } from './segment-store.ts';

/** When to sync: after each group, when the file is sealed, or never (the system decides). */
export type SyncPolicy = 'segment' | 'chunk' | 'off';

/** Options of a chunk file. */
export interface ChunkOptions {
  readonly store: Pick<SegmentStore, 'create' | 'delete'>;
  /** Start of the first group, ms since 1970; part of the file name. */
  readonly utcMs: number;
  /** MSN of the first group; part of the file name. */
  readonly msn: number;
  readonly streamId: string;
  /** Folder of the file, for several renditions of the same times in one store; default `streamId`. */
  readonly folder?: string;
  /** Group of renditions in the file; default `source`. */
  readonly rendition?: string;
  readonly init: Init;
  /** Last MSN of the previous file, or 0. */
  readonly previousMsn: number;
  readonly sync: SyncPolicy;
}

/** A sealed file. */
export interface SealedChunk {
  readonly location: SegmentLocation;
  /** Bytes. */
  readonly length: number;
  readonly groups: readonly CommittedGroup[];
}

/** An open chunk file. Calls run one after the other, in order. */
export interface ChunkWriter extends AsyncDisposable {
  readonly location: SegmentLocation;
  /** Bytes up to the end of the last committed group. */
  readonly length: number;
  /** Committed groups, oldest first. */
  readonly groups: readonly CommittedGroup[];
  /**
   * A sync has failed: the file is never synced again, because the system may report success for bytes that
   * it has lost.
   */
  readonly syncFailed: boolean;
  /**
   * Writes a group and its commit box in one write, and syncs according to the policy. Resolves when the
   * group may be served.
   *
   * @throws OxbowError `disk-failed` if a write or sync failed, now or before: the caller opens another file
   * @throws FormatError if a segment is malformed; the file is unchanged
   */
  append(group: SegmentGroup): Promise<CommittedGroup>;
  /**
   * Seals and closes the file; deletes it instead if it has no group.
   *
   * @throws OxbowError `disk-failed`; `recoverChunk` can recover the file
   */
  seal(): Promise<SealedChunk>;
  /** Closes without sealing; may be called twice and after `seal`. */
  abandon(): Promise<void>;
}

/**
 * Creates a file and writes its head.
 *
 * @throws OxbowError `disk-failed` if it exists or cannot be created; no file is left
 */
export async function openChunkWriter(options: ChunkOptions): Promise<ChunkWriter> {
  const { store, utcMs, msn, streamId, rendition = 'source', init, previousMsn } = options;
  const location = chunkLocation(options.folder ?? streamId, utcMs, msn);
  const start = printChunkStart(init.tracks);
  const head = { streamId, rendition, initNumber: init.number, initHash: init.hash, previousMsn };
  const headBox = printHeadBox(head, start.length, crc32);
  try {
    return new OpenChunk(await store.create(location, [start, headBox], { sync: options.sync !== 'off' }), options);
  } catch (error) {
    throw diskFailed(`${location}: ${sentenceOf(error)}`, error);
  }
}

function diskFailed(detail: string, cause: unknown): OxbowError {
  return new OxbowError('disk-failed', detail, { cause });
}

class OpenChunk implements ChunkWriter {
  readonly location: SegmentLocation;
  readonly #file: SegmentWriter;
  readonly #options: ChunkOptions;
  readonly #table: SampleTable;
  readonly #boxes: Uint8Array[] = [];
  readonly #groups: CommittedGroup[] = [];
  #length: number;
  /** Offset of the last commit box. */
  #lastSelf = 0;
  #failure: OxbowError | undefined;
  #syncFailed = false;
  #closed = false;
  /** Resolves when the calls before are done. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: SegmentWriter, options: ChunkOptions) {
    this.location = file.location;
    this.#file = file;
    this.#options = options;
    this.#length = file.length;
    this.#table = new SampleTable(options.init.tracks);
  }

  get length(): number {
    return this.#length;
  }

  get groups(): readonly CommittedGroup[] {
    return this.#groups;
  }

  get syncFailed(): boolean {
    return this.#syncFailed;
  }

  append(group: SegmentGroup): Promise<CommittedGroup> {
    return this.#inTurn(() => this.#append(group));
  }

  seal(): Promise<SealedChunk> {
    return this.#inTurn(() => this.#seal());
  }

  abandon(): Promise<void> {
    return this.#inTurn(() => this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.abandon();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #append(group: SegmentGroup): Promise<CommittedGroup> {
    this.#check();
    assert.equal(group.init.hash, this.#options.init.hash, 'a new init begins a new file');
    const before = this.#groups.at(-1);
    assert.ok(!before || before.run === group.run.id, 'a new run begins a new file');
    assert.ok(before ? group.msn > before.msn : group.msn === this.#options.msn, `msn ${group.msn} is out of order`);
    assert.ok(group.tracks.length > 0, 'a group needs a segment');
    const start = this.#length;
    let self = start;
    const tracks: CommittedTrack[] = group.tracks.map(({ bytes, independent, damaged, ...segment }) => {
      const offset = self;
      self += bytes.length;
      const flags = (independent ? independentFlag : 0) | (damaged ? damagedFlag : 0);
      const { trackId, tfdt, duration, firstPtsOffset, samples, crc } = segment;
      return {
        trackId,
        offset,
        length: bytes.length,
        tfdt,
        duration,
        firstPtsOffset,
        samples,
        flags,
        crc,
      };
    });
    const { id: run, utcOffsetUs, clock } = group.run;
    const { msn, startUs, durationUs, discontinuity, discontinuitySequence, gaps } = group;
    const committed: CommittedGroup = {
      msn,
      run,
      utcOffsetUs,
      clock,
      startUs,
      durationUs,
      discontinuity,
      discontinuitySequence,
      gaps,
      tracks,
    };
    this.#table.addGroup(
      group.tracks.map(({ bytes, trackId, rows }, i) => {
        const { offset } = tracks[i]!;
        return rows ? { bytes, offset, known: { trackId, rows } } : { bytes, offset };
      }),
    );
    const box = printCommitBox(committed, start, self, this.#lastSelf, crc32);
    await this.#guard(async () => {
      await this.#file.append([...group.tracks.map(({ bytes }) => bytes), box]);
      if (this.#options.sync === 'segment') await this.#sync();
    });
    this.#boxes.push(box);
    this.#groups.push(committed);
    this.#lastSelf = self;
    this.#length = self + box.length;
    return committed;
  }

  async #seal(): Promise<SealedChunk> {
    this.#check();
    const { location } = this;
    const { store, sync } = this.#options;
    if (this.#groups.length === 0) {
      await this.#close();
      await this.#guard(() => store.delete(location));
      return { location, length: 0, groups: [] };
    }
    const content = { table: this.#table, boxes: this.#boxes, lastSelf: this.#lastSelf, end: this.#length };
    const length = await this.#guard(() =>
      sealFile(this.#file, content, () => (sync === 'off' ? Promise.resolve() : this.#sync())),
    );
    this.#closed = true;
    await this.#guard(() => this.#file.finish());
    return { location, length, groups: this.#groups };
  }

  async #sync(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (error) {
      this.#syncFailed = true;
      throw error;
    }
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
    assert.ok(!this.#closed, 'the file is closed');
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#failure = diskFailed(`${this.location}: ${sentenceOf(error)}`, error);
      throw this.#failure;
    }
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }
}
