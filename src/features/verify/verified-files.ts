/**
 * The files that a verification reads, in a fixed order: those of recordings by id and MSN, then those of
 * assets. A place in that order is where it continues after a restart.
 * In: the tables. Out: rows, page by page. Read-only.
 */
import type { ExpressionBuilder, Kysely, Selectable } from 'kysely';
import { qualityRecordings, recordingOf } from '../../archive/recording-locations.ts';
import type { ChunkRow } from '../../recording/chunks/chunk-table.ts';
import type { Store } from '../../store/db.ts';
import { byStream } from '../../store/objects/object-places.ts';
import type { Tables } from '../../store/schema.ts';
import type { StreamRows } from '../../store/shards/stream-rows.ts';
import type { AssetChunkTable } from '../../store/tables/asset-tables.ts';

/** Rows of one query: each has the segments of a file. */
const PAGE = 16;

/** The files to verify. */
export interface VerifyScope {
  /** Id of a stream, with its qualities; undefined: all streams and the library. */
  readonly streamId?: string | undefined;
  /** Files of recordings that overlap [fromUs, toUs), µs since 1970. */
  readonly fromUs?: number | undefined;
  readonly toUs?: number | undefined;
}

/** Where a verification is: everything up to this was read. */
export interface VerifyPlace {
  readonly kind: 'recording' | 'chunk' | 'original';
  /** Of a recording or an asset. */
  readonly id: string;
  /** Rendition of a chunk of an asset, otherwise empty. */
  readonly rendition: string;
  readonly msn: number;
}

/** The start. */
export const FIRST_PLACE: VerifyPlace = { kind: 'recording', id: '', rendition: '', msn: -1 };

/** Rows of a stream and its qualities. */
function ofStream(streamId: string) {
  const { from, to } = qualityRecordings(streamId);
  return (eb: ExpressionBuilder<Tables, 'chunk_file'>) =>
    eb.or([eb('stream_id', '=', streamId), eb.and([eb('stream_id', '>=', from), eb('stream_id', '<', to)])]);
}

/** A chunk file of an asset. */
export type AssetChunkRow = Selectable<AssetChunkTable>;
/** The file of an asset as it was uploaded. */
export interface OriginalRow {
  readonly id: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Reads the rows. */
export class VerifiedFiles {
  readonly #db: Kysely<Tables>;
  readonly #rows: StreamRows;
  readonly #scope: VerifyScope;

  constructor({ db, rows }: Pick<Store, 'db' | 'rows'>, scope: VerifyScope = {}) {
    this.#db = db;
    this.#rows = rows;
    this.#scope = scope;
  }

  /** Whether the library is verified too. */
  get hasLibrary(): boolean {
    const { streamId, fromUs, toUs } = this.#scope;
    return streamId === undefined && fromUs === undefined && toUs === undefined;
  }

  /** The id of the next recording after one: of a stream, or of one of its qualities. */
  async recordingAfter(id: string): Promise<string | undefined> {
    const { streamId } = this.#scope;
    const next = async (db: Kysely<Tables>, after: string) => {
      const row = await db
        .selectFrom('chunk_file')
        .select('stream_id')
        .where('stream_id', '>', after)
        .$if(streamId !== undefined, (query) => query.where(ofStream(streamId!)))
        .orderBy('stream_id')
        .limit(1)
        .executeTakeFirst();
      return row?.stream_id;
    };
    if (streamId !== undefined) return this.#rows.read(streamId, (db) => next(db, id));
    const first = await this.#rows.each(async ({ db }, has) => {
      let found = await next(db, id);
      while (found !== undefined && !has(found)) found = await next(db, found);
      return found;
    });
    return first.filter((found) => found !== undefined).sort()[0];
  }

  /** The next files of a recording, a page. */
  chunksAfter(id: string, msn: number): Promise<ChunkRow[]> {
    const { fromUs, toUs } = this.#scope;
    return this.#rows.read(id, (db) =>
      db
        .selectFrom('chunk_file')
        .selectAll()
        .where('stream_id', '=', id)
        .where('first_msn', '>', msn)
        .$if(fromUs !== undefined, (query) => query.where('end_us', '>', fromUs!))
        .$if(toUs !== undefined, (query) => query.where('start_us', '<', toUs!))
        .orderBy('first_msn')
        .limit(PAGE)
        .execute(),
    );
  }

  /** The row of a file of a recording. */
  chunk(id: string, firstMsn: number): Promise<ChunkRow | undefined> {
    return this.#rows.read(id, (db) =>
      db
        .selectFrom('chunk_file')
        .selectAll()
        .where('stream_id', '=', id)
        .where('first_msn', '=', firstMsn)
        .executeTakeFirst(),
    );
  }

  /** Further rows of the file of a row: there are some if a range in the middle of it was deleted. */
  otherRows({ stream_id, path, first_msn }: ChunkRow): Promise<Pick<ChunkRow, 'segments'>[]> {
    return this.#rows.read(stream_id, (db) =>
      db
        .selectFrom('chunk_file')
        .select('segments')
        .where('stream_id', '=', stream_id)
        .where('path', '=', path)
        .where('first_msn', '<>', first_msn)
        .execute(),
    );
  }

  /** The next files of assets, a page. */
  assetChunksAfter({ id, rendition, msn }: VerifyPlace): Promise<AssetChunkRow[]> {
    return this.#db
      .selectFrom('asset_chunk')
      .selectAll()
      .where((eb) =>
        eb.or([
          eb('asset_id', '>', id),
          eb.and([eb('asset_id', '=', id), eb('rendition', '>', rendition)]),
          eb.and([eb('asset_id', '=', id), eb('rendition', '=', rendition), eb('first_msn', '>', msn)]),
        ]),
      )
      .orderBy('asset_id')
      .orderBy('rendition')
      .orderBy('first_msn')
      .limit(PAGE)
      .execute();
  }

  /** The row of a chunk file of an asset. */
  assetChunk(id: string, path: string): Promise<AssetChunkRow | undefined> {
    return this.#db
      .selectFrom('asset_chunk')
      .selectAll()
      .where('asset_id', '=', id)
      .where('path', '=', path)
      .executeTakeFirst();
  }

  /** The next originals of assets, a page: those that are complete. */
  async originalsAfter(id: string): Promise<OriginalRow[]> {
    const rows = await this.#db
      .selectFrom('asset')
      .select(['id', 'bytes', 'sha256'])
      .where('id', '>', id)
      .where('origin', '=', 'upload')
      .where('state', '!=', 'uploading')
      .where('sha256', 'is not', null)
      .orderBy('id')
      .limit(PAGE)
      .execute();
    return rows.map((row) => ({ id: row.id, bytes: row.bytes ?? 0, sha256: row.sha256! }));
  }

  /** The original of an asset; undefined if the asset has none that is complete. */
  async original(id: string): Promise<OriginalRow | undefined> {
    const row = await this.#db
      .selectFrom('asset')
      .select(['id', 'bytes', 'sha256'])
      .where('id', '=', id)
      .executeTakeFirst();
    return row?.sha256 == null ? undefined : { id, bytes: row.bytes ?? 0, sha256: row.sha256 };
  }

  /** Bytes of all files in the order. */
  async totalBytes(): Promise<number> {
    const { streamId, fromUs, toUs } = this.#scope;
    const bytesOf = (db: Kysely<Tables>) =>
      db
        .selectFrom('chunk_file')
        .select((eb) => ['stream_id', eb.fn.sum<number>('size').as('bytes')])
        .$if(streamId !== undefined, (query) => query.where(ofStream(streamId!)))
        .$if(fromUs !== undefined, (query) => query.where('end_us', '>', fromUs!))
        .$if(toUs !== undefined, (query) => query.where('start_us', '<', toUs!))
        .groupBy('stream_id')
        .execute();
    const rows =
      streamId === undefined
        ? (await this.#rows.each(async ({ db }, has) => (await bytesOf(db)).filter((row) => has(row.stream_id)))).flat()
        : await this.#rows.read(streamId, bytesOf);
    const recordings = rows.reduce((sum, { bytes }) => sum + Number(bytes), 0);
    if (!this.hasLibrary) return recordings;
    const [chunks, originals] = await Promise.all([
      this.#db
        .selectFrom('asset_chunk')
        .select((eb) => eb.fn.sum<number>('size').as('bytes'))
        .executeTakeFirst(),
      this.#db
        .selectFrom('asset')
        .select((eb) => eb.fn.sum<number>('bytes').as('bytes'))
        .where('origin', '=', 'upload')
        .executeTakeFirst(),
    ]);
    return recordings + Number(chunks?.bytes ?? 0) + Number(originals?.bytes ?? 0);
  }

  /**
   * Paths of the indexed files of a recording, the first MSN of the newest of them, and how far retention has
   * deleted, µs since 1970.
   */
  async indexed(
    id: string,
  ): Promise<{ readonly paths: ReadonlySet<string>; readonly newestMsn: number; readonly deletedBeforeUs: number }> {
    const [rows, retention] = await Promise.all([
      this.#rows.read(id, (db) =>
        db.selectFrom('chunk_file').select(['path', 'first_msn']).where('stream_id', '=', id).execute(),
      ),
      this.#rows.read(id, (db) =>
        db
          .selectFrom('retention')
          .select('deleted_before_us')
          .where('stream_id', '=', recordingOf(id).streamId)
          .executeTakeFirst(),
      ),
    ]);
    return {
      paths: new Set(rows.map(({ path }) => path)),
      newestMsn: rows.reduce((newest, { first_msn }) => Math.max(newest, first_msn), -1),
      deletedBeforeUs: retention?.deleted_before_us ?? 0,
    };
  }

  /** Which of some files are only in an object store. */
  async movedAway(paths: readonly string[]): Promise<ReadonlySet<string>> {
    const moved = new Set<string>();
    for (const [streamId, group] of byStream(paths)) {
      const query = (db: Kysely<Tables>) =>
        db
          .selectFrom('stored_object')
          .select('location')
          .where('location', 'in', group)
          .where('local', '=', 0)
          .execute();
      const rows = await (streamId === undefined ? query(this.#db) : this.#rows.read(streamId, query));
      for (const { location } of rows) moved.add(location);
    }
    return moved;
  }

  /** Names of streams by their ids. */
  async names(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#db.selectFrom('stream').select(['id', 'name']).execute();
    return new Map(rows.map(({ id, name }) => [id, name]));
  }
}
