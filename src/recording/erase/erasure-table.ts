/**
 * Ranges of recordings that were deleted on request. A row is written in the transaction that takes the
 * segments out of the index, with the work that is left: a process that ends in between continues it at its
 * next start. docs/decisions/0065.
 * In: requests. Out: which segments are deleted, synchronously from memory; rows with their reports, also of
 * deleted streams.
 */
import { randomUUID } from 'node:crypto';
import type { StreamGap } from '@oxbow/media/segment';
import type { Kysely, Selectable } from 'kysely';
import { OxbowError } from '../../lib/errors.ts';
import { holdLease, indexTaken } from '../../store/lease-table.ts';
import type { RowChanges } from '../../store/row-changes.ts';
import type { Tables } from '../../store/schema.ts';
import { changeRows, type StreamRows } from '../../store/shards/stream-rows.ts';
import type { ErasureTable as ErasureRow } from '../../store/tables/erasure-tables.ts';
import type { PinnedRange } from '../pinned-windows.ts';
import { type ErasedFile, eraseRows, type MsnRange, resizeFile } from './erase-rows.ts';

/** Most deletions of one stream. */
const MAX_ERASURES = 10_000;

/** What the timeline shows: deleted media, or a gap that was before it. */
export interface ErasedPiece extends PinnedRange {
  readonly kind: 'deleted' | StreamGap['cause'];
  readonly detail: string;
}

/** Deleted segments. */
export interface ErasedRange extends MsnRange, PinnedRange {
  readonly id: string;
  /** In order, each after the one before. */
  readonly pieces: readonly ErasedPiece[];
}

/** What was deleted of one stream. */
export interface ErasedMedia {
  /** Whether a segment was deleted. */
  hasMsn(msn: number): boolean;
  /** Whether media that overlaps [fromUs, toUs) was deleted, µs since 1970. */
  overlaps(fromUs: number, toUs: number): boolean;
}

/** A place that still has deleted media, and why it was not reached. */
export interface ErasureLeft {
  /**
   * `file`: a file of the data folder; `copy`: an object in a bucket or a second folder; `edge`: a cache;
   * `node`: files of another node.
   */
  readonly kind: 'file' | 'copy' | 'edge' | 'node' | 'memory' | 'pictures';
  /** Location, key, address of the edge; empty for pictures. */
  readonly name: string;
  /** Target of a copy. */
  readonly target?: string;
  /** Why the last try failed; empty before the first. */
  readonly problem: string;
}

/** A clip, asset or export that had deleted media. */
export interface ErasedThing {
  readonly id: string;
  readonly title: string;
}

/** What was deleted. */
export interface ErasureReport {
  readonly segments: number;
  /** Ten-minute windows. */
  readonly windows: number;
  /** Of media, with the derived qualities. */
  readonly bytes: number;
  /** Chunk files that were written again or deleted. */
  readonly files: number;
  /** Small pictures. */
  readonly pictures: number;
  readonly clips: readonly ErasedThing[];
  readonly pins: readonly ErasedThing[];
  readonly assets: readonly ErasedThing[];
  readonly exports: readonly ErasedThing[];
  /** Objects in buckets and second folders. */
  readonly copies: number;
  readonly edges: readonly string[];
}

/** A deletion. */
export interface Erasure extends ErasedRange {
  readonly streamId: string;
  readonly stream: string;
  readonly left: readonly ErasureLeft[];
  readonly report: ErasureReport;
  readonly createdUs: number;
  readonly doneUs: number | undefined;
  readonly author: string;
}

/** Which page of deletions. */
interface ErasureQuery {
  readonly stream?: string | undefined;
  /** Only older ones. */
  readonly beforeUs?: number | undefined;
  readonly limit: number;
}

/** The deletions of all streams. */
export class ErasureTable {
  readonly #db: Kysely<Tables>;
  readonly #rows: StreamRows;
  readonly #changes: RowChanges | undefined;
  readonly #streams = new Map<string, readonly ErasedRange[]>();

  private constructor(db: Kysely<Tables>, rows: StreamRows, changes: RowChanges | undefined) {
    this.#db = db;
    this.#rows = rows;
    this.#changes = changes;
  }

  /**
   * Reads the deleted ranges.
   *
   * @param rows as of ChunkTable
   * @param changes in a cluster
   */
  static async open(
    { db, rows }: { readonly db: Kysely<Tables>; readonly rows: StreamRows },
    changes?: RowChanges,
  ): Promise<ErasureTable> {
    const table = new ErasureTable(db, rows, changes);
    changes?.follow('erasure', (streams) => table.#read(streams));
    await table.reload();
    return table;
  }

  /** Reads the ranges of some streams again; of all if none are given. */
  async reload(streams?: readonly string[]): Promise<void> {
    (await this.#read(streams))();
  }

  async #read(streams?: readonly string[]): Promise<() => void> {
    const query = this.#db
      .selectFrom('erasure')
      .select(['id', 'stream_id', 'from_us', 'to_us', 'first_msn', 'last_msn', 'pieces'])
      .orderBy('first_msn');
    const rows = await (streams ? query.where('stream_id', 'in', streams) : query).execute();
    const byStream = Map.groupBy(rows, (row) => row.stream_id);
    return () => {
      for (const streamId of streams ?? new Set([...this.#streams.keys(), ...byStream.keys()])) {
        const streamRows = byStream.get(streamId);
        if (streamRows) this.#streams.set(streamId, streamRows.map(rangeOf));
        else this.#streams.delete(streamId);
      }
    };
  }

  /** The deleted ranges of a stream, in order of their segments. */
  of(streamId: string): readonly ErasedRange[] {
    return this.#streams.get(streamId) ?? [];
  }

  /** Whether a segment was deleted. */
  hasMsn(streamId: string, msn: number): boolean {
    return this.of(streamId).some(({ firstMsn, lastMsn }) => msn >= firstMsn && msn <= lastMsn);
  }

  /** Whether media that was deleted began before `toUs` and ended after `fromUs`, µs since 1970. */
  overlaps(streamId: string, fromUs: number, toUs: number): boolean {
    return this.of(streamId).some((range) => range.fromUs < toUs && range.toUs > fromUs);
  }

  /** The same for one stream. */
  view(streamId: string): ErasedMedia {
    return {
      hasMsn: (msn) => this.hasMsn(streamId, msn),
      overlaps: (fromUs, toUs) => this.overlaps(streamId, fromUs, toUs),
    };
  }

  /** End of the newest deleted segment, µs since 1970; 0 if there is none. */
  endUs(streamId: string): number {
    return this.of(streamId).reduce((end, { toUs }) => Math.max(end, toUs), 0);
  }

  /** What a deletion would remove of the recordings of a stream and its qualities. */
  async look(recordings: readonly string[], range: MsnRange): Promise<readonly (readonly ErasedFile[])[]> {
    const files: ErasedFile[][] = [];
    for (const id of recordings) files.push(await this.#look(id, range));
    return files;
  }

  #look(recordingId: string, range: MsnRange): Promise<ErasedFile[]> {
    return this.#rows.read(recordingId, (db) => eraseRows(db, recordingId, range, { isDry: true }));
  }

  /**
   * Takes the segments out of the index and writes the deletion, in one transaction. If the index of the
   * stream is in a shard, the deletion is written first: from then on no reader finds the segments, and the
   * work on the deletion calls `takeOut` again.
   *
   * @param fields.recordings ids of the recordings of the stream and of its qualities
   * @param fields.leftOf the remaining work
   * @throws OxbowError `limit-reached`; `data-in-use` if another process has taken the data folder
   */
  async add({
    recordings,
    leftOf,
    ...fields
  }: Omit<Erasure, 'left' | 'doneUs' | 'id'> & {
    readonly id?: string;
    readonly recordings: readonly string[];
    readonly leftOf: (files: readonly ErasedFile[]) => readonly ErasureLeft[];
  }): Promise<Erasure> {
    const { streamId } = fields;
    if (this.of(streamId).length >= MAX_ERASURES)
      throw new OxbowError('limit-reached', `This stream has ${MAX_ERASURES} deletions already.`);
    const make = async (db: Kysely<Tables>, files: readonly ErasedFile[]): Promise<Erasure> => {
      const made: Erasure = { ...fields, id: fields.id ?? randomUUID(), left: leftOf(files), doneUs: undefined };
      await db.insertInto('erasure').values(rowOf(made)).execute();
      return made;
    };
    const together = await this.#rows.write(streamId, async ({ fence, isCatalogue }) => {
      if (!isCatalogue) return undefined;
      return this.#write(streamId, async (db) => {
        if (fence && !(await holdLease(db, fence))) throw indexTaken();
        const files: ErasedFile[] = [];
        for (const id of recordings) files.push(...(await eraseRows(db, id, fields)));
        return make(db, files);
      });
    });
    const erasure = together ?? (await this.#addApart(recordings, fields, make));
    const { id, fromUs, toUs, firstMsn, lastMsn, pieces } = erasure;
    const ranges = [...this.of(streamId), { id, fromUs, toUs, firstMsn, lastMsn, pieces }];
    this.#streams.set(
      streamId,
      ranges.sort((a, b) => a.firstMsn - b.firstMsn),
    );
    return erasure;
  }

  /** Writes the deletion, then takes the segments out of the index, which is in another database. */
  async #addApart(
    recordings: readonly string[],
    range: MsnRange & { readonly streamId: string },
    make: (db: Kysely<Tables>, files: readonly ErasedFile[]) => Promise<Erasure>,
  ): Promise<Erasure> {
    const files = (await this.look(recordings, range)).flat();
    const erasure = await this.#write(range.streamId, (db) => make(db, files));
    await this.takeOut(recordings, range);
    return erasure;
  }

  /** Takes segments of deletions out of the index; does nothing for those that are not in it. */
  async takeOut(recordings: readonly string[], range: MsnRange & { readonly streamId: string }): Promise<void> {
    await changeRows(this.#rows, range.streamId, async (db) => {
      for (const id of recordings) await eraseRows(db, id, range);
    });
  }

  /** Notes the remaining work of a deletion, and its report. */
  async note({ id, streamId, left, report, doneUs }: Erasure): Promise<void> {
    const change = { work: JSON.stringify(left), report: JSON.stringify(report), done_us: doneUs ?? null };
    await this.#db.updateTable('erasure').set(change).where('id', '=', id).where('stream_id', '=', streamId).execute();
  }

  /** Deletions of which something is left to do, oldest first. */
  async unfinished(): Promise<Erasure[]> {
    const rows = await this.#db
      .selectFrom('erasure')
      .selectAll()
      .where('done_us', 'is', null)
      .orderBy('created_us')
      .execute();
    return rows.map(erasureOf);
  }

  /** A deletion by its id. */
  async find(id: string): Promise<Erasure | undefined> {
    const row = await this.#db.selectFrom('erasure').selectAll().where('id', '=', id).executeTakeFirst();
    return row && erasureOf(row);
  }

  /** A page of deletions, newest first. */
  async page({ stream, beforeUs, limit }: ErasureQuery): Promise<Erasure[]> {
    let query = this.#db.selectFrom('erasure').selectAll().orderBy('created_us', 'desc').orderBy('id').limit(limit);
    if (stream !== undefined) query = query.where('stream', '=', stream);
    if (beforeUs !== undefined) query = query.where('created_us', '<', beforeUs);
    return (await query.execute()).map(erasureOf);
  }

  /**
   * Size of a file that was written again, in its first row.
   *
   * @throws OxbowError `data-in-use` if another process has taken the data folder
   */
  resize(recordingId: string, path: string, size: number): Promise<void> {
    return changeRows(this.#rows, recordingId, (db) => resizeFile(db, recordingId, path, size));
  }

  #write<T>(streamId: string, write: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    return this.#changes
      ? this.#changes.write('erasure', streamId, write)
      : this.#db.transaction().execute((db) => write(db));
  }
}

/**
 * Deleted media and the gaps before it, as the timeline shows them.
 * @param groups deleted ones, oldest first
 */
export function erasedPieces(
  groups: readonly { readonly startUs: number; readonly durationUs: number; readonly gaps: readonly StreamGap[] }[],
): ErasedPiece[] {
  const pieces: ErasedPiece[] = [];
  const add = (piece: ErasedPiece) => {
    const last = pieces.at(-1);
    if (last && last.toUs === piece.fromUs && last.kind === piece.kind && last.detail === piece.detail)
      pieces[pieces.length - 1] = { ...last, toUs: piece.toUs };
    else if (piece.toUs > piece.fromUs) pieces.push(piece);
  };
  for (const { startUs, durationUs, gaps } of groups) {
    for (const { fromUs, toUs, cause, detail } of gaps) add({ fromUs, toUs, kind: cause, detail });
    add({ fromUs: startUs, toUs: startUs + durationUs, kind: 'deleted', detail: '' });
  }
  return pieces;
}

function rangeOf(
  row: Pick<Selectable<ErasureRow>, 'id' | 'from_us' | 'to_us' | 'first_msn' | 'last_msn' | 'pieces'>,
): ErasedRange {
  const { id, from_us: fromUs, to_us: toUs, first_msn: firstMsn, last_msn: lastMsn } = row;
  return { id, fromUs, toUs, firstMsn, lastMsn, pieces: JSON.parse(row.pieces) as ErasedPiece[] };
}

function erasureOf(row: Selectable<ErasureRow>): Erasure {
  return {
    ...rangeOf(row),
    streamId: row.stream_id,
    stream: row.stream,
    left: JSON.parse(row.work) as ErasureLeft[],
    report: JSON.parse(row.report) as ErasureReport,
    createdUs: row.created_us,
    doneUs: row.done_us ?? undefined,
    author: row.author,
  };
}

function rowOf(erasure: Erasure): Selectable<ErasureRow> {
  return {
    id: erasure.id,
    stream_id: erasure.streamId,
    stream: erasure.stream,
    from_us: erasure.fromUs,
    to_us: erasure.toUs,
    first_msn: erasure.firstMsn,
    last_msn: erasure.lastMsn,
    pieces: JSON.stringify(erasure.pieces),
    work: JSON.stringify(erasure.left),
    report: JSON.stringify(erasure.report),
    created_us: erasure.createdUs,
    done_us: erasure.doneUs ?? null,
    author: erasure.author,
  };
}
