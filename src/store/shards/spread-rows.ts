/**
 * Rows of streams on several servers. A stream is written with its token, which the catalogue gives only to
 * the holder of a lease, and which the database of the stream has to have as its newest.
 * In: queries of one stream. Out: their results from the database that the catalogue names.
 * docs/decisions/0102.
 */
import type { Kysely } from 'kysely';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import { DatabaseLost, type ReadQuery, ShardLost, unlessShardLost } from '../engine.ts';
import type { Fence } from '../lease-table.ts';
import type { Tables } from '../schema.ts';
import { fewestOf, ShardMap, type Weights } from './shard-map.ts';
import { type ShardServer, shardError } from './shard-server.ts';
import type { EachQuery, Reached, StreamPlace, StreamRows } from './stream-rows.ts';
import { noteSpread, raiseToken, streamLease } from './stream-token.ts';

/** Interval of reading where streams are, ms. */
const REFRESH_MS = 1000;
/**
 * What was read longer ago is read again before it is used, ms. Copies that a move leaves are deleted later
 * than this after it (move-stream.ts).
 */
export const FRESH_MS = 3000;
/** Longest wait for a stream that is being moved, ms, and the pause between two looks. */
const HELD_MS = 20_000;
const LOOK_MS = 200;
/** Attempts of one query or write: each repetition means that the stream was moved or claimed meanwhile. */
const TRIES = 6;

/** Options of `SpreadRows`. */
export interface SpreadRowsOptions {
  /** The catalogue. */
  readonly db: Kysely<Tables>;
  /** Reads of the catalogue's old rows. */
  readonly readPast: <T>(query: ReadQuery<T>) => Promise<T>;
  readonly shards: readonly ShardServer[];
  /** Of the data folder; undefined: writes are always permitted. */
  readonly fence: () => Fence | undefined;
  /** Setting `store.newStreams`. */
  readonly newStreams: string;
  /** Setting `store.weights`. */
  readonly weights: Weights;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly log: Log;
}

/** What this process may write of a stream. */
interface Claim {
  readonly shard: string;
  readonly place: StreamPlace;
}

/** The rows of all streams. Disposing ends the reading of the map. */
export class SpreadRows implements StreamRows, AsyncDisposable {
  readonly #options: SpreadRowsOptions;
  readonly #map: ShardMap;
  readonly #shards: ReadonlyMap<string, ShardServer>;
  readonly #claims = new Map<string, Promise<Claim>>();
  readonly #ending = new AbortController();
  /** Token of the lease of the data folder that the catalogue has noted. */
  #noted = 0;
  #following: Promise<void> = Promise.resolve();

  private constructor(options: SpreadRowsOptions) {
    this.#options = options;
    this.#map = new ShardMap(options.db, options.clock);
    this.#shards = new Map(options.shards.map((shard) => [shard.name, shard]));
  }

  /** Reads where the streams are, and follows it. */
  static async open(options: SpreadRowsOptions): Promise<SpreadRows> {
    const rows = new SpreadRows(options);
    await rows.#map.refresh();
    await rows.#note();
    rows.#following = rows.#follow();
    return rows;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await sleep(REFRESH_MS, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await Promise.all([this.#map.refresh(), this.#note()]).catch((error: unknown) => {
        if (!(error instanceof DatabaseLost)) {
          this.#options.log.warn({ error: messageOf(error) }, 'the places of streams cannot be read; retrying');
        }
      });
    }
  }

  /** A move needs to know that this process follows it. */
  async #note(): Promise<void> {
    const fence = this.#options.fence();
    if (!fence || fence.token === this.#noted) return;
    await noteSpread(this.#options.db, fence);
    this.#noted = fence.token;
  }

  /** The shard of a stream, by a reading that began a moment ago at most. */
  async #shardOf(streamId: string): Promise<string> {
    if (this.#options.clock.monotonicMs() - this.#map.readAtMs > FRESH_MS) await this.#map.refresh();
    return this.#map.find(streamId)?.shard ?? '';
  }

  #dbOf(shard: string): Kysely<Tables> {
    return shard === '' ? this.#options.db : this.#serverOf(shard).db;
  }

  #serverOf(shard: string): ShardServer {
    const server = this.#shards.get(shard);
    if (!server) throw new ShardLost(shard, new Error('the settings have no shard of this name'));
    return server;
  }

  read<T>(id: string, query: ReadQuery<T>): Promise<T> {
    return this.#read(id, (shard) => query(this.#dbOf(shard)));
  }

  readPast<T>(id: string, query: ReadQuery<T>): Promise<T> {
    return this.#read(id, (shard) =>
      shard === '' ? this.#options.readPast(query) : this.#serverOf(shard).readPast(query),
    );
  }

  /** A result counts if the stream was in that database until its end. */
  async #read<T>(id: string, query: (shard: string) => Promise<T>): Promise<T> {
    const streamId = streamOf(id);
    let shard = await this.#shardOf(streamId);
    for (let tries = 1; ; tries++) {
      const result = await named(shard, () => query(shard));
      const now = await this.#shardOf(streamId);
      if (now === shard) return result;
      if (tries === TRIES) throw moving(streamId);
      shard = now;
    }
  }

  async write<T>(id: string, write: (place: StreamPlace) => Promise<T>): Promise<T> {
    const streamId = streamOf(id);
    for (let tries = 1; ; tries++) {
      const claiming = this.#claimed(streamId);
      const { shard, place } = await claiming;
      try {
        return await named(shard, () => write(place));
      } catch (error) {
        if (!(error instanceof OxbowError) || error.code !== 'data-in-use' || tries === TRIES) throw error;
        // It was moved, or another process claimed it. The holder of a lease gets a new token.
        if (this.#claims.get(streamId) === claiming) this.#claims.delete(streamId);
      }
    }
  }

  async claim(streamId: string): Promise<void> {
    this.#claims.delete(streamId);
    await this.#claimed(streamId);
  }

  #claimed(streamId: string): Promise<Claim> {
    const claim = this.#claims.get(streamId);
    if (claim) return claim;
    const claiming = this.#claim(streamId);
    this.#claims.set(streamId, claiming);
    claiming.catch(() => {
      if (this.#claims.get(streamId) === claiming) this.#claims.delete(streamId);
    });
    return claiming;
  }

  async #claim(streamId: string): Promise<Claim> {
    const { clock, fence } = this.#options;
    const begunAtMs = clock.monotonicMs();
    for (;;) {
      const claimed = await this.#map.claim(streamId, fence(), (db) => this.#choose(db));
      if (claimed !== 'held') {
        const { shard, token } = claimed;
        const db = this.#dbOf(shard);
        const newest = await named(shard, () => raiseToken(db, streamId, token));
        const place = { db, fence: { name: streamLease(streamId), token }, isCatalogue: shard === '' };
        if (newest === token) return { shard, place };
        // Another process has claimed it since, or the catalogue is older than the shard.
        await this.#map.raise(streamId, newest);
      }
      if (clock.monotonicMs() - begunAtMs > HELD_MS) throw moving(streamId);
      await sleep(LOOK_MS, this.#ending);
    }
  }

  /** The database of a new stream: never one that does not respond. */
  #choose(db: Kysely<Tables>): Promise<string> {
    const { newStreams, weights } = this.#options;
    if (newStreams === 'catalogue') return Promise.resolve('');
    if (newStreams !== 'fewest') return Promise.resolve(newStreams);
    const open = [...this.#shards.values()].filter((shard) => isOpen(shard)).map(({ name }) => name);
    return fewestOf(db, ['', ...open], weights);
  }

  async forget(streamId: string): Promise<void> {
    const shard = await this.#shardOf(streamId);
    const db = this.#dbOf(shard);
    this.#claims.delete(streamId);
    await named(shard, () => db.deleteFrom('lease').where('name', '=', streamLease(streamId)).execute());
    await this.#map.delete(streamId);
  }

  async each<T>(query: EachQuery<T>): Promise<T[]> {
    await this.#map.refresh();
    const results: T[] = [];
    for (const name of ['', ...this.#shards.keys()]) results.push(await this.#ask(name, query));
    return results;
  }

  async eachReached<T>(query: EachQuery<T>): Promise<Reached<T>> {
    await this.#map.refresh();
    const results: T[] = [];
    const lost = new Set<string>();
    for (const name of ['', ...this.#shards.keys()]) {
      const result = await unlessShardLost(async () => [await this.#ask(name, query)] as const);
      if (result) results.push(result[0]);
      else lost.add(name);
    }
    return { results, isLost: (id) => lost.has(this.#nameFor(id)) };
  }

  #ask<T>(name: string, query: EachQuery<T>): Promise<T> {
    return named(name, () => query({ name, db: this.#dbOf(name) }, (id) => this.#nameFor(id) === name));
  }

  /** Name of the database of a stream; empty: the catalogue. */
  #nameFor(id: string): string {
    return this.#map.find(streamOf(id))?.shard ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new DOMException('the database is closed', 'AbortError'));
    await this.#following;
  }
}

/** Of a recording: that of a quality has the id of its stream first. */
function streamOf(id: string): string {
  return id.split('/', 1)[0]!;
}

function isOpen(shard: ShardServer): boolean {
  try {
    return shard.db !== undefined;
  } catch {
    return false;
  }
}

async function named<T>(shard: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw shard === '' ? error : shardError(shard, error);
  }
}

function moving(streamId: string): OxbowError {
  return new OxbowError('not-ready', `The rows of the stream ${streamId} are being moved to another database.`, {
    extra: { retryAfterSeconds: 5 },
  });
}
