/**
 * Connections to a PostgreSQL server, with bounds on their number, on the statements that wait for one, and
 * on the time of everything.
 * In: a URL. Out: the pool that Kysely uses; errors as OxbowError `not-ready` where the server cannot be
 * used.
 */
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { OxbowError } from '../../lib/errors.ts';
import { type Guard, type OnWait, withoutNul } from '../engine.ts';
import { isUnavailable, storeError } from './errors.ts';

/** Time for a new connection, ms. */
const CONNECT_MS = 5000;
/** Longest statement, ms: by the server, and by this process for a server that does not answer at all. */
const STATEMENT_MS = 30_000;
const ANSWER_MS = 35_000;
/**
 * A connection that was not used for this long is closed. Much shorter, and what happens every few seconds
 * opens one each time: a process of the server, which reads the catalogue again.
 */
const IDLE_MS = 60_000;
/** A transaction that this process forgot releases its locks. */
const IDLE_IN_TRANSACTION_MS = 60_000;
/**
 * What PgBouncer says about a limit of a connection: its connections to the server are shared, and it passes
 * no such parameter on (`ignore_startup_parameters`).
 */
const REFUSED_LIMIT = /unsupported startup parameter: (statement_timeout|idle_in_transaction_session_timeout)\b/;
/** Statements that wait for a connection; more are refused. */
const MAX_WAITING = 2000;

/** How a pool is opened. */
interface PoolOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. */
  readonly url: string;
  /** Most connections. */
  readonly max: number;
  /** Statements of a connection are sent without waiting for the results of earlier ones. */
  readonly pipeline?: boolean;
  /** Statements may take as long as they need: migrations and copies of large tables. */
  readonly unlimited?: boolean | undefined;
  readonly onWait: OnWait;
  /** Makes the attempts to get a connection. */
  readonly guard?: Guard | undefined;
  /** Called with the result of each contact with the server: undefined, or why it does not respond. */
  readonly onContact?: (lost: Error | undefined) => void;
  /** Called with the name of a limit that a pooler in front of the server does not accept, once for each. */
  readonly onRefusedLimit?: (name: string) => void;
}

/**
 * Values as SQLite returns them: whole numbers, which are below 2^53, as numbers, and blobs as plain arrays.
 */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    switch (oid) {
      case pg.types.builtins.INT8:
      case pg.types.builtins.NUMERIC: // sums of whole numbers
        return Number;
      case pg.types.builtins.BYTEA:
        return (text: string) => new Uint8Array(Buffer.from(text.slice(2), 'hex')); // \x…
      default:
        return pg.types.getTypeParser(oid, format as 'text');
    }
  }) as typeof pg.types.getTypeParser,
};

export class ConnectionPool implements PostgresPool {
  readonly options = {};
  readonly #pool: pg.Pool;
  readonly #options: Required<Pick<PoolOptions, 'onWait' | 'onContact'>>;
  readonly #guard: Guard;
  readonly #refusedLimit: (name: string) => void;
  readonly #clients = new WeakMap<pg.PoolClient, Connection>();
  #ended: Promise<void> | undefined;

  constructor({
    url,
    max,
    pipeline = false,
    unlimited = false,
    onWait,
    guard,
    onContact = () => undefined,
    onRefusedLimit = () => undefined,
  }: PoolOptions) {
    this.#guard = guard ?? ((attempt) => attempt());
    this.#refusedLimit = onRefusedLimit;
    this.#options = { onWait, onContact };
    this.#pool = new pg.Pool({
      connectionString: url,
      max,
      pipeline,
      types,
      application_name: 'oxbow',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_MS,
      idleTimeoutMillis: IDLE_MS,
      ...(!unlimited && {
        statement_timeout: STATEMENT_MS,
        query_timeout: ANSWER_MS,
        idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      }),
    });
    this.#pool.on('error', onContact);
    // A connection may be lost between the statements of a transaction: the next one rejects.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** Statements that wait for a connection. */
  get waiting(): number {
    return this.#pool.waitingCount;
  }

  /** A connection, when one is free. @throws OxbowError `not-ready` */
  async connect(): Promise<Connection> {
    if (this.#ended) throw new OxbowError('not-ready', 'The database is closed.');
    if (this.#pool.waitingCount >= MAX_WAITING) {
      throw new OxbowError('not-ready', `${MAX_WAITING} statements wait for the database already.`);
    }
    const client = await this.#guard(() => this.#open()).catch((error: unknown) => {
      if (isUnavailable(error)) this.#options.onContact(error as Error);
      throw storeError(error);
    });
    const connection = this.#clients.get(client) ?? new Connection(client, this.#options);
    this.#clients.set(client, connection);
    return connection;
  }

  /** A connection without the limits that a pooler refuses: then only this process has one, ANSWER_MS. */
  async #open(): Promise<pg.PoolClient> {
    for (;;) {
      const { options } = this.#pool;
      const sent = new Set(Object.keys(options));
      try {
        return await this.#pool.connect();
      } catch (error) {
        const name = REFUSED_LIMIT.exec((error as Error).message)?.[1];
        if (name === undefined || !sent.has(name)) throw error;
        // Another attempt may have noticed it meanwhile.
        if (!(name in options)) continue;
        delete options[name as 'statement_timeout'];
        this.#refusedLimit(name);
      }
    }
  }

  /** Waits for the connections in use, and closes all. May be called twice. */
  end(): Promise<void> {
    this.#ended ??= this.#pool.end();
    return this.#ended;
  }
}

/** A connection that is in use. */
class Connection implements PostgresPoolClient {
  readonly #client: pg.PoolClient;
  readonly #options: Required<Pick<PoolOptions, 'onWait' | 'onContact'>>;
  #isLost = false;

  constructor(client: pg.PoolClient, options: Required<Pick<PoolOptions, 'onWait' | 'onContact'>>) {
    this.#client = client;
    this.#options = options;
  }

  // Kysely's type has an overload for cursors, which oxbow does not use.
  // biome-ignore lint/suspicious/noExplicitAny: rows of any query
  query(text: any, parameters: readonly unknown[] = []): any {
    return this.run(text as string, parameters);
  }

  /** Runs a statement. @throws as `storeError` */
  async run(text: string, parameters: readonly unknown[]): Promise<pg.QueryResult> {
    const askedAt = performance.now();
    try {
      const result = await this.#client.query(text, withoutNul(parameters) as unknown[]);
      this.#options.onContact(undefined);
      return result;
    } catch (error) {
      if (isUnavailable(error)) {
        this.#isLost = true;
        this.#options.onContact(error as Error);
      }
      throw storeError(error);
    } finally {
      this.#options.onWait((performance.now() - askedAt) / 1000, text);
    }
  }

  /** Gives it back to the pool; one that was lost is closed. */
  release(destroy = false): void {
    this.#client.release(destroy || this.#isLost);
  }
}
