/**
 * A cluster of real processes: several oxbow nodes that share a database of PostgreSQL and keys of Redis.
 * In: names of nodes. Out: running servers; each reaches the database through its own proxy, which can be
 * cut.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { openDatabases } from '../fixtures/engines/postgres.ts';
import { openRedisKeys } from '../fixtures/engines/redis.ts';
import { openTcpProxy, type TcpProxy } from '../fixtures/engines/tcp-proxy.ts';
import { freePort } from '../fixtures/free-port.ts';
import { type Folder, openFolder, type Server, type ServerOptions, startPlainServer } from '../fixtures/server.ts';

/** The right to administrate, of all nodes. */
export const ADMIN = 'let-me-in-please';
/** How long a node is silent before others take over, ms. */
export const TAKEOVER_MS = 5000;

export interface TestNode {
  readonly name: string;
  readonly server: Server;
  /** Between the node and the database. */
  readonly proxy: TcpProxy;
}

/** Nodes, with their database. Disposing ends them. */
export interface TestCluster extends AsyncDisposable {
  /** Address of the database. */
  readonly database: string;
  /** Processes of PostgreSQL and Redis; empty in a test run, where other clusters use them too. */
  readonly enginePids: readonly number[];
  /** Starts a node, or starts it again, with its folder and its port. */
  start(name: string, options?: Pick<ServerOptions, 'args' | 'env' | 'ingest' | 'sample'>): Promise<TestNode>;
  /** The data folder of a node. */
  folderOf(name: string): string;
  /** Runs a statement in the database of the nodes. */
  query(statement: string): Promise<readonly Record<string, unknown>[]>;
}

export interface ClusterOptions {
  /** Whether nodes reach the database through proxies that can be cut. */
  readonly isProxied?: boolean;
  /** How long a node is silent before others take over, ms; undefined: the default of the setting. */
  readonly takeoverMs?: number | undefined;
}

/** Starts the engines. */
export async function openCluster(
  { isProxied = true, ...options }: ClusterOptions = { takeoverMs: TAKEOVER_MS },
): Promise<TestCluster> {
  const { takeoverMs } = options;
  const takeover = takeoverMs === undefined ? [] : ['--cluster-takeover', `${takeoverMs}ms`];
  const opened = new AsyncDisposableStack();
  const folder: Folder = opened.use(await openFolder('cluster'));
  const postgres = opened.use(await openDatabases());
  const redis = opened.use(await openRedisKeys());
  const database = postgres.url(await postgres.create());
  // One connection for all looks: each is a process of PostgreSQL.
  const client = opened.adopt(new pg.Client({ connectionString: database }), (each) => each.end());
  await client.connect();
  const secret = randomBytes(24).toString('hex');
  const ports = new Map<string, number>();
  const folderOf = (name: string) => join(folder.path, name);
  return {
    database,
    enginePids: [postgres.pid, redis.pid].filter((pid) => pid !== undefined),
    folderOf,
    query: async (statement) => (await client.query<Record<string, unknown>>(statement)).rows,
    async start(name, { args = [], ...given } = {}) {
      const port = ports.get(name) ?? (await freePort());
      ports.set(name, port);
      const proxy = opened.use(await openTcpProxy(postgres.port));
      const store = new URL(database);
      if (isProxied) store.port = String(proxy.port);
      const server = opened.use(
        await startPlainServer({
          data: folderOf(name),
          http: `127.0.0.1:${port}`,
          adminToken: ADMIN,
          sample: false,
          ...given,
          args: [
            ...['--store-url', store.href, '--redis-url', redis.url, '--redis-prefix', redis.prefix],
            ...['--cluster-enabled', 'true'],
            ...['--cluster-node', name, '--cluster-url', `http://127.0.0.1:${port}`, '--cluster-secret', secret],
            ...takeover,
            ...args,
          ],
        }),
      );
      return { name, server, proxy };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
