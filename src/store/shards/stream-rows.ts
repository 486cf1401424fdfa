/**
 * The rows that grow with the recorded time of streams: chunk files, date ranges, how far retention has
 * deleted, figures, configurations, captions, attempts to heal gaps, files in buckets. Those of a stream are
 * in one database: that of the catalogue, or a shard.
 * In: queries of one stream. Out: their results from its database; writes only by the owner of the stream.
 * docs/decisions/0102.
 */
import type { Kysely } from 'kysely';
import { OxbowError } from '../../lib/errors.ts';
import type { ReadQuery } from '../engine.ts';
import { type Fence, holdLease, indexTaken } from '../lease-table.ts';
import type { Tables } from '../schema.ts';

/** The tables with the id of a recording, and the columns of their keys. */
export const streamTables = {
  chunk_file: ['stream_id', 'first_msn'],
  date_range: ['stream_id', 'msn', 'id'],
  retention: ['stream_id'],
  stats_window: ['stream_id', 'start_us'],
  init: ['stream_id', 'number'],
  stream_caption: ['stream_id', 'run'],
  gap_healing: ['stream_id', 'from_us'],
  evidence_block: ['stream_id', 'seq'],
} as const satisfies Partial<Record<keyof Tables, readonly string[]>>;

export type StreamTable = keyof typeof streamTables;

/** Tables of which a shard has the rows of its streams, by location, and the catalogue all others. */
export const fileTables = ['stored_object', 'object_upload'] as const;

export type FileTable = (typeof fileTables)[number];
export type MovedTable = StreamTable | FileTable;

/** What moves with a stream. Deletions of objects stay where they are: they only wait for a bucket. */
export const movedTables: readonly MovedTable[] = [...(Object.keys(streamTables) as StreamTable[]), ...fileTables];

/** Where a write goes. */
export interface StreamPlace {
  readonly db: Kysely<Tables>;
  /** Checked by each statement or transaction, in its database; undefined: always permitted. */
  readonly fence: Fence | undefined;
  /** Whether the rows are in the database of the catalogue, so that one transaction can write both. */
  readonly isCatalogue: boolean;
}

export interface RowDatabase {
  /** Of the settings; empty: the catalogue. */
  readonly name: string;
  readonly db: Kysely<Tables>;
}

/** The rows of all streams. `id`: of a stream, or of the recording of one of its qualities. */
export interface StreamRows {
  /**
   * Runs a query of the rows of one stream. It may run again.
   * @throws OxbowError `not-ready` if the database of the stream does not respond
   */
  read<T>(id: string, query: ReadQuery<T>): Promise<T>;
  /** As `read`, of what may be some seconds old. */
  readPast<T>(id: string, query: ReadQuery<T>): Promise<T>;
  /**
   * Runs a guarded write of one stream. It runs again if its place has changed, and waits while the stream is
   * being moved.
   *
   * @param write throws `data-in-use` if its fence was refused: nothing is stored then
   * @throws OxbowError `data-in-use` if another process has taken the data folder; `not-ready` as `read`, and
   *   if a move takes long
   */
  write<T>(id: string, write: (place: StreamPlace) => Promise<T>): Promise<T>;
  /** Before a stream is opened: from now on, late writes of earlier owners are refused. @throws as `write` */
  claim(streamId: string): Promise<void>;
  /** The stream exists no more, nor do its rows. */
  forget(streamId: string): Promise<void>;
  /**
   * Runs a query over each database that has rows of streams, one after the other.
   *
   * @param query its result may include rows of streams that are elsewhere: `has` says which it has
   * @throws OxbowError `not-ready` if one does not respond
   */
  each<T>(query: EachQuery<T>): Promise<T[]>;
  /** As `each`, without the databases that do not respond. */
  eachReached<T>(query: EachQuery<T>): Promise<Reached<T>>;
}

/** A query of one database. @param has which rows of streams it has */
export type EachQuery<T> = (database: RowDatabase, has: (id: string) => boolean) => Promise<T>;

/** The results of the databases that respond. */
export interface Reached<T> {
  readonly results: readonly T[];
  /** Whether the rows of a stream are in a database that does not respond. */
  isLost(id: string): boolean;
}

/**
 * Changes rows of one stream in one transaction, which only the owner of the stream may do.
 * @throws as `StreamRows.write`
 */
export function changeRows(
  rows: StreamRows,
  id: string,
  change: (transaction: Kysely<Tables>) => Promise<void>,
): Promise<void> {
  return rows.write(id, ({ db, fence }) =>
    db.transaction().execute(async (transaction) => {
      if (fence && !(await holdLease(transaction, fence))) throw indexTaken();
      await change(transaction);
    }),
  );
}

/** Rows that refuse to be written. */
export function readOnlyRows(rows: StreamRows): StreamRows {
  const refuse = () => Promise.reject(new OxbowError('not-ready', 'The database is open for reading alone.'));
  return {
    read: (id, query) => rows.read(id, query),
    readPast: (id, query) => rows.readPast(id, query),
    each: (query) => rows.each(query),
    eachReached: (query) => rows.eachReached(query),
    write: refuse,
    claim: refuse,
    forget: refuse,
  };
}

/** All rows in one database. @param fence of the data folder; undefined: writes are always permitted */
export function soleRows(db: Kysely<Tables>, fence: () => Fence | undefined = () => undefined): StreamRows {
  return {
    read: (_id, query) => query(db),
    readPast: (_id, query) => query(db),
    write: (_id, write) => write({ db, fence: fence(), isCatalogue: true }),
    claim: async () => {},
    forget: async () => {},
    each: async (query) => [await query({ name: '', db }, () => true)],
    eachReached: async (query) => ({ results: [await query({ name: '', db }, () => true)], isLost: () => false }),
  };
}
