/**
 * Repairs a data folder that no server uses: a corrupt or lost database is rebuilt, files without a row are
 * added, damaged files are replaced by their second copy, or written again with the intact media. Damaged
 * media goes to the quarantine; nothing is deleted.
 * In: a data folder. Out: the actions, file by file. docs/decisions/0064.
 */
import path from 'node:path';
import { eraseGroups } from '../../archive/erase-groups.ts';
import { type CheckedChunk, checkChunk } from '../../archive/integrity/check-chunk.ts';
import { Quarantine } from '../../archive/integrity/quarantine.ts';
import { rewriteChunk } from '../../archive/integrity/rewrite-chunk.ts';
import type { TieredStore } from '../../archive/objects/open-tiered.ts';
import { listQualityRecordings, listRecordings, recordingOf } from '../../archive/recording-locations.ts';
import { packSegments } from '../../archive/segment-index.ts';
import { type SegmentLocation, type SegmentStore, segmentLocation } from '../../archive/segment-store.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import { ChunkQueries } from '../../recording/chunks/chunk-queries.ts';
import { type ChunkRow, ChunkTable } from '../../recording/chunks/chunk-table.ts';
import { resizeFile } from '../../recording/erase/erase-rows.ts';
import { type InitTable, openInitTable } from '../../recording/init-table.ts';
import { recoverStream } from '../../recording/recovery.ts';
import { openStore, type Store } from '../../store/db.ts';
import { DATABASE_FILE, VERIFY_FILE } from '../../store/file-names.ts';
import { type IndexReader, openIndexReader } from '../../store/reading/index-reader.ts';
import { readAllDiffering, recountAll } from '../../store/reading/recount.ts';
import { isLocked } from '../../store/running.ts';
import { changeRows } from '../../store/shards/stream-rows.ts';
import { checkDatabaseFile } from '../../store/sqlite/corrupt-file.ts';
import { moveAside } from '../../store/sqlite/sqlite.ts';
import {
  type FolderOptions,
  openFolderStore,
  type RebuildResult,
  rebuildIndex,
  refuseNodes,
} from '../../streams/offline/rebuild.ts';
import { contentAfter, expectedOfChunk, gapOf, hasContent, isWhole } from './damage.ts';
import { FIRST_PLACE, VerifiedFiles } from './verified-files.ts';
import { type Finding, findingOf, verifyFiles } from './verify.ts';
import { readVerifyState, writeVerifyState } from './verify-state.ts';

/** The action of a repair on a file. */
export interface RepairAction {
  /** Relative to the data folder. */
  readonly file: string;
  /** Name of the stream, or id of the asset. */
  readonly of: string;
  /**
   * `restored` from its second copy; `rewritten` with its intact segments; `removed` without any; `lost`: it
   * is missing, its time is a gap; `added` to the index; `quarantined`: it cannot be; `indexed`: it is
   * intact, its row was not; `left` as it is.
   */
  readonly action: 'restored' | 'rewritten' | 'removed' | 'lost' | 'added' | 'quarantined' | 'indexed' | 'left';
  readonly detail: string;
}

export interface RepairResult {
  /** Where a corrupt database is now. */
  readonly databaseMovedTo: string | undefined;
  readonly rebuilt: RebuildResult | undefined;
  /** Files that were read. */
  readonly files: number;
  readonly actions: readonly RepairAction[];
  /** Recordings and targets whose sums were not those of their files, and are made again. */
  readonly sums: number;
  /** Folder of the quarantine, relative to the data folder; undefined if nothing went there. */
  readonly quarantine: string | undefined;
}

export interface RepairRequest extends FolderOptions {
  /** Reports the actions, and changes nothing. The database must be readable then. */
  readonly dryRun: boolean;
  readonly clock: Clock;
  readonly progress?: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Repairs.
 *
 * @throws OxbowError `data-in-use` while a server uses the folder, `bad-request` for the database of several
 *   nodes, `not-ready` in a dry run without a database that can be read
 */
export async function repairFolder(dataFolder: string, request: RepairRequest): Promise<RepairResult> {
  const { server, storage, clock, signal, dryRun, progress } = request;
  const database = path.join(dataFolder, DATABASE_FILE);
  let databaseMovedTo: string | undefined;
  let rebuilt: RebuildResult | undefined;
  if (server === undefined) {
    if (isLocked(dataFolder)) throw new OxbowError('data-in-use', `Another oxbow runs on ${dataFolder}.`);
    const state = checkDatabaseFile(database);
    if (state === 'corrupt') databaseMovedTo = dryRun ? database : moveAside(database, clock.nowMs(), 'corrupt');
    if (state !== 'intact') {
      if (dryRun) return { databaseMovedTo, rebuilt, files: 0, actions: [], sums: 0, quarantine: undefined };
      rebuilt = await rebuildIndex(dataFolder, { storage, signal });
    }
  }
  await using store = dryRun
    ? readingStore(await openIndexReader(dataFolder, server))
    : await openStore({ file: database, server, log: createSilentLog(), unlimited: true, signal });
  await refuseNodes(store);
  await using opened = await openFolderStore(dataFolder, store, storage);
  const local = opened.tiered?.store.local ?? opened.segments;
  const work = new Repair({
    ...opened,
    store,
    local,
    quarantine: new Quarantine(dataFolder, () => clock.nowMs()),
    dryRun,
    signal,
  });
  const { files, actions } = await work.run(progress);
  const sums = (await readAllDiffering(store.rows)).length;
  if (sums > 0 && !dryRun) await recountAll(store.rows, store.fence);
  if (!dryRun) forgetFindings(path.join(dataFolder, VERIFY_FILE), actions);
  return {
    databaseMovedTo,
    rebuilt,
    files,
    actions,
    sums,
    quarantine: work.quarantine.isUsed ? work.quarantine.folder : undefined,
  };
}

/** Tables that refuse to write. */
function readingStore(reader: IndexReader): OpenTables {
  return {
    db: reader.db,
    rows: reader.rows,
    get fence(): never {
      throw new OxbowError('not-ready', 'A dry run writes nothing.');
    },
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

type OpenTables = Pick<Store, 'db' | 'rows' | 'fence'> & AsyncDisposable;

/** Leaves only unrepaired findings in the list of the server. */
function forgetFindings(file: string, actions: readonly RepairAction[]): void {
  const state = readVerifyState(file);
  if (!state) return;
  const left = new Set(actions.flatMap(({ file: name, action }) => (action === 'left' ? [name] : [])));
  const findings = state.findings.filter((finding) => left.has(finding.file));
  writeVerifyState(file, { ...state, findings, met: findings.map((finding) => finding.file) });
}

interface RepairTools {
  readonly store: Pick<Store, 'db' | 'rows' | 'fence'>;
  /** Files and objects. */
  readonly segments: SegmentStore;
  readonly tiered: TieredStore | undefined;
  /** Files only. */
  readonly local: SegmentStore;
  readonly quarantine: Quarantine;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

class Repair {
  readonly quarantine: Quarantine;
  readonly #tools: RepairTools;
  readonly #files: VerifiedFiles;
  readonly #table: ChunkTable;
  readonly #chunks: ChunkQueries;
  readonly #actions: RepairAction[] = [];
  readonly #inits = new Map<string, InitTable>();
  #names: ReadonlyMap<string, string> = new Map();

  constructor(tools: RepairTools) {
    this.#tools = tools;
    this.quarantine = tools.quarantine;
    this.#files = new VerifiedFiles(tools.store);
    this.#table = new ChunkTable(tools.store.rows);
    this.#chunks = new ChunkQueries(tools.store.rows);
  }

  async run(progress: RepairRequest['progress']): Promise<{ files: number; actions: readonly RepairAction[] }> {
    const { local, signal } = this.#tools;
    this.#names = await this.#files.names();
    const orphans: Finding[] = [];
    const total = await this.#files.totalBytes();
    let files = 0;
    let done = 0;
    const tools = { files: this.#files, store: local, isShared: false, pace: () => Promise.resolve(), signal };
    await verifyFiles(tools, FIRST_PLACE, {
      chunk: (row, checked) => this.#repair(row, checked),
      found: async (finding) => {
        if (finding.problem === 'orphan') orphans.push(finding);
        else this.#leave(finding);
      },
      reached(_, bytes) {
        files++;
        done += bytes;
        progress?.(done, total);
      },
    });
    await this.#adopt(orphans);
    return { files, actions: this.#actions };
  }

  #note(file: string, owner: string, action: RepairAction['action'], detail: string): void {
    this.#actions.push({ file, of: this.#names.get(recordingOf(owner).streamId) ?? owner, action, detail });
  }

  #leave({ file, owner, of, detail }: Finding): void {
    const advice = of === 'asset' ? '; upload the video again, or restore the file from a backup' : '';
    this.#note(file, owner, 'left', `${detail}${advice}`);
  }

  async #repair(row: ChunkRow, checked: CheckedChunk): Promise<void> {
    const { dryRun, local, signal } = this.#tools;
    const location = segmentLocation(row.path);
    const detail = checked.problems.join('; ');
    if (isWhole(checked)) {
      const content = contentAfter(row, checked);
      if (hasContent(row, content)) return;
      if (!dryRun) await this.#table.change(row.stream_id, row.first_msn, content);
      this.#note(row.path, row.stream_id, 'indexed', detail);
      return;
    }
    try {
      if (await this.#hasCopy(row, checked)) {
        if (!dryRun) {
          if (checked.state === 'damaged') this.#keep(location, row, checked);
          await this.#tools.tiered!.store.restoreFile(location, { signal });
          const again = await checkChunk(
            local,
            { ...expectedOfChunk(row, this.#files), groups: checked.groups },
            { signal },
          );
          await this.#table.change(row.stream_id, row.first_msn, contentAfter(row, again));
        }
        this.#note(row.path, row.stream_id, 'restored', detail);
        return;
      }
    } catch (error) {
      if (!(error instanceof OxbowError) || error.code !== 'storage-failed') throw error;
      this.#note(row.path, row.stream_id, 'left', `${detail}; its second copy cannot be read: ${reasonOf(error)}`);
      return;
    }
    await this.#withoutCopy(row, checked);
  }

  async #hasCopy(row: ChunkRow, { groups }: CheckedChunk): Promise<boolean> {
    const { tiered, signal } = this.#tools;
    const copy = await tiered?.store.copyOf(segmentLocation(row.path));
    return (
      copy !== undefined &&
      isWhole(await checkChunk(copy, { ...expectedOfChunk(row, this.#files), groups }, { signal }))
    );
  }

  async #withoutCopy(row: ChunkRow, checked: CheckedChunk): Promise<void> {
    const { dryRun, segments } = this.#tools;
    const location = segmentLocation(row.path);
    const detail = checked.problems.join('; ');
    const kept = checked.groups.length - checked.damaged.size;
    const action = checked.state === 'missing' ? 'lost' : kept > 0 ? 'rewritten' : 'removed';
    if (!dryRun) {
      if (action !== 'lost') this.#keep(location, row, checked);
      if (checked.isShared) await this.#eraseDamaged(row, checked);
      else if (action === 'rewritten') await this.#rewrite(row, checked);
      else await this.#table.change(row.stream_id, row.first_msn, contentAfter(row, checked, 0));
      if (action === 'removed' && !checked.isShared) await segments.delete(location);
    }
    this.#note(row.path, row.stream_id, action, kept > 0 ? `${detail}; ${kept} intact segments stay` : detail);
  }

  #keep(location: SegmentLocation, row: ChunkRow, { state, problems, groups, damaged }: CheckedChunk): void {
    const stream = this.#names.get(recordingOf(row.stream_id).streamId) ?? row.stream_id;
    const detail = problems.join('; ');
    this.quarantine.keep(location, {
      stream,
      problem: state,
      detail,
      lost: [...damaged],
      kept: groups.length - damaged.size,
    });
  }

  /** A file with a deleted range keeps the places of its groups, because other rows have some of them. */
  async #eraseDamaged(row: ChunkRow, checked: CheckedChunk): Promise<void> {
    const { segments, signal } = this.#tools;
    const isDamaged = (msn: number) => checked.damaged.has(msn);
    const erased = await eraseGroups(segments, segmentLocation(row.path), isDamaged, { signal });
    await this.#table.change(row.stream_id, row.first_msn, contentAfter(row, checked, row.size));
    await changeRows(this.#tools.store.rows, row.stream_id, (db) =>
      resizeFile(db, row.stream_id, row.path, erased?.length ?? checked.length),
    );
  }

  /** Writes the file again: a gap is in the commit box of the group that follows it. */
  async #rewrite(row: ChunkRow, checked: CheckedChunk): Promise<void> {
    const { segments, signal } = this.#tools;
    const init = (await this.#initsOf(row.stream_id)).get(row.init_number);
    const head = checked.layout?.head ?? {
      streamId: row.stream_id,
      rendition: 'source',
      initNumber: row.init_number,
      initHash: init?.hash ?? '',
      previousMsn: 0,
    };
    const tracks = checked.layout?.tracks ?? init?.tracks;
    if (!tracks) throw new OxbowError('not-ready', `The codec configuration of ${row.path} is lost.`);
    let before = [] as (typeof checked.groups)[number]['gaps'];
    const groups = checked.groups.flatMap((group) => {
      const gaps = [...before, ...group.gaps];
      before = checked.damaged.has(group.msn) ? [...gaps, gapOf(group)] : [];
      return checked.damaged.has(group.msn) ? [] : [{ ...group, gaps }];
    });
    const { groups: moved, length } = await rewriteChunk(
      segments,
      segmentLocation(row.path),
      { head, tracks, groups },
      { signal },
    );
    const content = { ...contentAfter(row, checked, length), segments: packSegments(moved) };
    await this.#table.change(row.stream_id, row.first_msn, content);
  }

  async #initsOf(recordingId: string): Promise<InitTable> {
    const { streamId } = recordingOf(recordingId);
    const table = this.#inits.get(streamId);
    if (table) return table;
    const failed = (error: unknown) => {
      throw error; // an unhandled rejection: the row of a codec configuration could not be written
    };
    const inits = await openInitTable(this.#tools.store.rows, streamId, { failed, nowMs: Date.now });
    this.#inits.set(streamId, inits);
    return inits;
  }

  /** Adds files without a row to the index; others go to the quarantine. */
  async #adopt(orphans: readonly Finding[]): Promise<void> {
    const { segments, local, dryRun, signal } = this.#tools;
    const streamIds = await listRecordings(local, { signal });
    for (const streamId of streamIds) {
      if (!this.#names.has(streamId))
        this.#note(
          `recordings/${streamId}/`,
          streamId,
          'left',
          'the database has no such stream; oxbow doctor --rebuild adds it',
        );
    }
    if (dryRun) {
      for (const { file, owner, detail } of orphans) this.#note(file, owner, 'added', detail);
      return;
    }
    for (const streamId of new Set(orphans.map(({ owner }) => owner))) {
      const inits = await this.#initsOf(streamId);
      for (const id of [streamId, ...(await listQualityRecordings(local, streamId, { signal }))]) {
        const { deletedBeforeUs } = await this.#files.indexed(streamId);
        const before = await this.#chunks.files(id);
        const options = { segments, streamId: id, table: this.#table, chunks: this.#chunks, inits };
        const { unusable } = await recoverStream(options, deletedBeforeUs, { signal });
        const after = await this.#chunks.files(id);
        for (const added of after.paths) if (!before.paths.has(added)) await this.#added(id, added);
        for (const location of unusable) {
          const detail =
            'no row of the index has it, and it cannot be added: it is a second file of the same time, or damaged';
          this.quarantine.keep(location, {
            stream: this.#names.get(streamId) ?? streamId,
            problem: 'orphan',
            detail,
            lost: [],
            kept: 0,
          });
          await local.delete(location);
          this.#note(location, id, 'quarantined', detail);
        }
      }
    }
  }

  async #added(id: string, file: string): Promise<void> {
    this.#note(file, id, 'added', 'it was not in the index');
    const { local, store, signal } = this.#tools;
    const row = await store.rows.read(id, (db) =>
      db.selectFrom('chunk_file').selectAll().where('stream_id', '=', id).where('path', '=', file).executeTakeFirst(),
    );
    if (!row) return;
    const checked = await checkChunk(local, expectedOfChunk(row, this.#files), { signal });
    if (findingOf({ file, of: 'recording', owner: id }, checked)) await this.#repair(row, checked);
  }
}
