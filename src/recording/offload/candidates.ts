/**
 * Finds files that may be uploaded: sealed chunk files of recordings, originals, chunk files and subtitles of
 * assets, files of exports. Files that are old enough and not in a bucket yet, oldest first.
 * In: the index tables. Out: locations. A cursor for each recording remembers that everything before it is in
 * a bucket, so that a pass over a long recording reads a few rows.
 */
import type { Kysely } from 'kysely';
import { originalLocation } from '../../archive/asset-locations.ts';
import type { StoredObjects } from '../../archive/objects/stored-objects.ts';
import { identityLocation } from '../../archive/recording-locations.ts';
import { type SegmentLocation, segmentLocation } from '../../archive/segment-store.ts';
import type { Store } from '../../store/db.ts';
import { unlessShardLost } from '../../store/engine.ts';
import type { Tables } from '../../store/schema.ts';
import type { StreamRows } from '../../store/shards/stream-rows.ts';

/** Rows of one query. */
const PAGE = 64;
/** Queries over one recording in one pass. */
const PAGES = 32;
/** Files of exports are few: `jobs.keep` and `jobs.maxDisk` bound them. */
const MAX_EXPORTS = 1_000;

/** A file to upload. */
export interface Candidate {
  readonly location: SegmentLocation;
  /** Bytes; 0 if only its file says it. */
  readonly bytes: number;
}

/** What is searched. */
interface CandidateQuery {
  /** Only media that ended, or files that were made, at or before this, µs since 1970. */
  readonly beforeUs: number;
  readonly limit: number;
}

/** Which files this node has, of those in the index of a cluster. */
interface OwnFiles {
  /** Whether the file is in the data folder. */
  isHere(location: SegmentLocation): Promise<boolean>;
  /** Whether this node owns an asset: an upload arrives at the owner. */
  owns(assetId: string): boolean;
}

/** Searches the tables. */
export class Candidates {
  readonly #db: Kysely<Tables>;
  readonly #rows: StreamRows;
  readonly #objects: Pick<StoredObjects, 'targetsOf'>;
  /** By recording: the files up to this first MSN are in a bucket. */
  readonly #done = new Map<string, number>();
  /** Counts files that were written again: a search that began before one of them moves no mark. */
  #rewritten = 0;
  /** The originals up to this number are in a bucket. */
  #originals = 0;
  readonly #ownFiles: OwnFiles | undefined;
  /** In a cluster: files of assets up to these locations were looked at; the next query continues there. */
  readonly #after = { chunks: '', texts: '' };

  /** @param ownFiles in a cluster; undefined: this process has all files */
  constructor(
    { db, rows }: Pick<Store, 'db' | 'rows'>,
    objects: Pick<StoredObjects, 'targetsOf'>,
    ownFiles?: OwnFiles,
  ) {
    this.#db = db;
    this.#rows = rows;
    this.#objects = objects;
    this.#ownFiles = ownFiles;
  }

  /** Files of a recording that were in a bucket are in none now: they were written again. */
  rewritten(id: string): void {
    this.#rewritten++;
    this.#done.delete(id);
  }

  /** Chunk files of a recording: of a stream, or of one of its qualities. */
  async ofRecording(id: string, { beforeUs, limit }: CandidateQuery): Promise<Candidate[]> {
    const candidates: Candidate[] = [];
    const rewritten = this.#rewritten;
    let after = this.#done.get(id) ?? -1;
    for (let page = 0; page < PAGES && candidates.length < limit; page++) {
      const from = after;
      const query = this.#rows.read(id, (db) =>
        db
          .selectFrom('chunk_file')
          .select(['first_msn', 'path', 'size'])
          .where('stream_id', '=', id)
          .where('first_msn', '>', from)
          .where('end_us', '<=', beforeUs)
          .where('segment_count', '>', 0) // of others nothing is left
          .orderBy('first_msn')
          .limit(PAGE)
          .execute(),
      );
      const rows = (await unlessShardLost(() => query)) ?? [];
      const stored = await unlessShardLost(() => this.#objects.targetsOf(rows.map(({ path }) => path)));
      if (!stored) break;
      for (const { first_msn, path, size } of rows) {
        after = first_msn;
        const location = segmentLocation(path);
        const isOwn = !stored.has(path) && ((await this.#ownFiles?.isHere(location)) ?? true);
        if (isOwn) candidates.push({ location, bytes: size });
        else if (candidates.length === 0 && rewritten === this.#rewritten) this.#done.set(id, first_msn);
      }
      if (rows.length < PAGE) break;
    }
    return candidates.slice(0, limit);
  }

  /**
   * The file with the identity of a stream, so that a bucket alone is enough to find its recordings again.
   */
  async ofIdentity(streamId: string): Promise<Candidate[]> {
    const location = identityLocation(streamId);
    const stored = await unlessShardLost(() => this.#objects.targetsOf([location]));
    return !stored || stored.size > 0 ? [] : [{ location, bytes: 0 }];
  }

  /** How many chunk files of a recording wait, about, and their bytes. */
  async waiting(id: string, beforeUs: number): Promise<{ readonly files: number; readonly bytes: number }> {
    const query = this.#rows.read(id, (db) =>
      db
        .selectFrom('chunk_file')
        .select((eb) => [eb.fn.countAll<number>().as('files'), eb.fn.sum<number>('size').as('bytes')])
        .where('stream_id', '=', id)
        .where('first_msn', '>', this.#done.get(id) ?? -1)
        .where('end_us', '<=', beforeUs)
        .where('segment_count', '>', 0)
        .executeTakeFirst(),
    );
    const row = await unlessShardLost(() => query);
    return { files: row?.files ?? 0, bytes: row?.bytes ?? 0 };
  }

  /** Files of assets that are complete, and of exports. */
  async ofLibrary(query: CandidateQuery): Promise<Candidate[]> {
    const candidates = [
      ...(await this.#originalsOf(query)),
      ...(await this.#chunksOf(query)),
      ...(await this.#textsOf(query)),
      ...(await this.#exports(query)),
    ];
    return candidates.slice(0, query.limit);
  }

  async #originalsOf({ beforeUs, limit }: CandidateQuery): Promise<Candidate[]> {
    const rows = await this.#db
      .selectFrom('asset')
      .select(['seq', 'id', 'bytes', 'state'])
      .where('seq', '>', this.#originals)
      .where('origin', '=', 'upload')
      .where('created_us', '<=', beforeUs)
      .orderBy('seq')
      .limit(PAGE)
      .execute();
    const stored = await this.#objects.targetsOf(rows.map(({ id }) => originalLocation(id)));
    const candidates: Candidate[] = [];
    let isBefore = true;
    for (const { seq, id, bytes, state } of rows) {
      const location = originalLocation(id);
      const isElsewhere = !stored.has(location) && (await this.#isElsewhere(id, state));
      isBefore &&= stored.has(location) || isElsewhere;
      if (isBefore) this.#originals = seq;
      if (!stored.has(location) && !isElsewhere && isComplete(state)) candidates.push({ location, bytes: bytes ?? 0 });
    }
    return candidates.slice(0, limit);
  }

  /**
   * Whether another node of a cluster has an original. The owner of its asset may have changed, and the file
   * is where it was.
   */
  async #isElsewhere(id: string, state: string): Promise<boolean> {
    if (!this.#ownFiles) return false;
    return state === 'uploading' ? !this.#ownFiles.owns(id) : !(await this.#ownFiles.isHere(originalLocation(id)));
  }

  async #chunksOf(query: CandidateQuery): Promise<Candidate[]> {
    return this.#rowsHere('chunks', query, (...args) => this.#chunkRows(...args));
  }

  /** Subtitles next to assets: no one can make those of users again. */
  async #textsOf(query: CandidateQuery): Promise<Candidate[]> {
    return this.#rowsHere('texts', query, (...args) => this.#textRows(...args));
  }

  /** Those of a query; in a cluster those in the data folder, of some pages of all. */
  async #rowsHere(
    kind: 'chunks' | 'texts',
    { beforeUs, limit }: CandidateQuery,
    rowsOf: (query: CandidateQuery, after?: string) => Promise<Candidate[]>,
  ): Promise<Candidate[]> {
    if (!this.#ownFiles) return rowsOf({ beforeUs, limit });
    const candidates: Candidate[] = [];
    for (let page = 0; page < PAGES && candidates.length < limit; page++) {
      const rows = await rowsOf({ beforeUs, limit: PAGE }, this.#after[kind]);
      for (const row of rows) if (await this.#ownFiles.isHere(row.location)) candidates.push(row);
      this.#after[kind] = rows.length < PAGE ? '' : rows.at(-1)!.location;
      if (rows.length < PAGE) break;
    }
    return candidates;
  }

  async #chunkRows({ beforeUs, limit }: CandidateQuery, after?: string): Promise<Candidate[]> {
    let query = this.#db
      .selectFrom('asset_chunk')
      .innerJoin('asset', 'asset.id', 'asset_chunk.asset_id')
      .leftJoin('stored_object', 'stored_object.location', 'asset_chunk.path')
      .select(['asset_chunk.path as path', 'asset_chunk.size as size'])
      .where('stored_object.location', 'is', null)
      .where('asset.state', 'in', ['ready', 'failed'])
      .where('asset.created_us', '<=', beforeUs)
      .limit(limit);
    if (after !== undefined) query = query.where('asset_chunk.path', '>', after).orderBy('asset_chunk.path');
    const rows = await query.execute();
    return rows.map(({ path, size }) => ({ location: segmentLocation(path), bytes: size }));
  }

  async #textRows({ beforeUs, limit }: CandidateQuery, after = ''): Promise<Candidate[]> {
    const pathsOf = (column: 'path' | 'script_path') =>
      this.#db
        .selectFrom('asset_subtitle')
        .innerJoin('asset', 'asset.id', 'asset_subtitle.asset_id')
        .leftJoin('stored_object', 'stored_object.location', `asset_subtitle.${column}`)
        .select(`asset_subtitle.${column} as path`)
        .where('stored_object.location', 'is', null)
        .where('asset.created_us', '<=', beforeUs)
        .where(`asset_subtitle.${column}`, '>', after) // not null
        .orderBy('path')
        .limit(limit)
        .execute();
    const rows = [...(await pathsOf('path')), ...(await pathsOf('script_path'))];
    const paths = rows.map(({ path }) => path!).sort();
    return paths.slice(0, limit).map((path) => ({ location: segmentLocation(path), bytes: 0 }));
  }

  async #exports({ beforeUs, limit }: CandidateQuery): Promise<Candidate[]> {
    const rows = await this.#db
      .selectFrom('job')
      .select(['id', 'input', 'result'])
      .where('kind', '=', 'export')
      .where('state', '=', 'done')
      .where('ended_us', '<=', beforeUs)
      .orderBy('seq')
      .limit(MAX_EXPORTS)
      .execute();
    const files = rows.map(({ id, input, result }) => ({
      location: segmentLocation(`exports/${id}.${(JSON.parse(input) as { format: string }).format}`),
      bytes: (JSON.parse(result ?? '{}') as { bytes?: number }).bytes ?? 0,
    }));
    const stored = await this.#objects.targetsOf(files.map(({ location }) => location));
    const candidates: Candidate[] = [];
    for (const file of files) {
      if (candidates.length >= limit) break;
      if (!stored.has(file.location) && ((await this.#ownFiles?.isHere(file.location)) ?? true)) candidates.push(file);
    }
    return candidates;
  }
}

/** No job writes or reads the files of an asset in these states all the time. */
const isComplete = (state: string): boolean => state === 'ready' || state === 'failed';
