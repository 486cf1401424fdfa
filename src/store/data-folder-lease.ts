/**
 * The lease on a data folder. The lock of the operating system (lock.ts) excludes other processes of one
 * machine; the lease excludes another machine that shares the folder, and a second process where the lock
 * file was deleted. Its token guards the index. Nodes of a cluster share the database, not the folder: each
 * has its own lease, and a single server and a cluster exclude each other.
 * In: the database of a folder whose lock is held. Out: the fence of guarded writes; a call if another
 * process takes the folder.
 */
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Kysely } from 'kysely';
import { type Lease, Leases } from '../cluster/lease/lease.ts';
import { withDeadline } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf, OxbowError } from '../lib/errors.ts';
import { bootId } from '../lib/platform.ts';
import type { Log } from '../observe/log.ts';
import { DatabaseLost } from './engine.ts';
import { LOCK_FILE } from './file-names.ts';
import { type Fence, openLeaseTable } from './lease-table.ts';
import type { Tables } from './schema.ts';

/** Of a single server. */
export const SINGLE_LEASE = 'data-folder';
/** First part of the names of leases of nodes. */
export const NODE_LEASE = 'node/';
const TTL_MS = 30_000;
/** Longer than a time to live plus the interval between two checks: a live holder has renewed by then. */
const WAIT_TTLS = 2;

/** The lease of an open data folder. Disposing releases it. */
interface DataFolderLease extends AsyncDisposable {
  /** Token that guarded statements check. */
  readonly fence: Fence;
}

interface DataFolderLeaseOptions {
  readonly db: Kysely<Tables>;
  /** Of the engine: another one means that the database is a copy. Undefined: unknown. */
  readonly identity: string | undefined;
  /** Path of the database, in the data folder. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlMs?: number | undefined;
  /** Name of this node of a cluster; undefined: a single server. */
  readonly node?: string | undefined;
  /** Called once if another process has taken the folder: this process must not write to it any more. */
  readonly taken: () => void;
}

/** The files and the running system of a holder. */
interface Holder {
  readonly host: string;
  readonly pid: number;
  readonly boot: string;
  /** `identity` of the database; empty if unknown. */
  readonly database: string | undefined;
  /** File number of the lock; with a database server also its file system. */
  readonly lock: string;
}

/**
 * Takes the lease of a data folder whose lock is held. A holder that was killed on this system causes no
 * delay; for one that may be alive it waits until the lease has ended.
 *
 * @throws OxbowError `data-in-use` if the holder is alive
 */
export async function leaseDataFolder(options: DataFolderLeaseOptions): Promise<DataFolderLease> {
  const { db, identity, file, clock, log, ttlMs = TTL_MS, node } = options;
  const name = node === undefined ? SINGLE_LEASE : NODE_LEASE + node;
  const failed = (error: unknown) =>
    log[error instanceof DatabaseLost ? 'debug' : 'warn'](
      { error: messageOf(error) },
      'the lease of the data folder cannot be renewed; retrying',
    );
  const leases = new Leases({ store: openLeaseTable(db, clock), clock, failed });
  const self = describeHolder(file, identity);
  const ending = new AbortController();
  // Each write checks the token: after a pause, or a database that does not reply, the same one is renewed.
  const request = { holder: JSON.stringify(self), ttlMs, untilTaken: true, signal: ending.signal };
  await assertAlone(db, clock, node, self);
  const first = await leases.acquire(name, request);
  const lease = first.lease ?? (await takeFrom(first.heldBy.holder, first.heldBy.token));

  async function takeFrom(text: string, token: number): Promise<Lease> {
    const holder = JSON.parse(text) as Holder;
    // This process holds the lock of the same file on the same system, so the holder has ended. Another
    // database is a copy.
    const hasEnded = isOfFolder(holder, self);
    // A node that takes over from this one holds its lease for a moment, and names no database.
    if (hasEnded || (holder.database ?? self.database) !== self.database) {
      const { lease } = await leases.acquire(name, { ...request, replaces: token });
      if (lease) return lease;
    } else {
      log.warn({ host: holder.host, pid: holder.pid }, 'another oxbow may be using the data folder; waiting');
      using limit = withDeadline(WAIT_TTLS * ttlMs, 'waiting for the data folder', ending);
      const waited = await leases.acquire(name, { ...request, ...limit, ifHeld: 'wait' }).catch((error: unknown) => {
        if (!limit.signal.aborted) throw error;
        return undefined;
      });
      if (waited?.lease) return waited.lease;
    }
    throw new OxbowError(
      'data-in-use',
      `Another oxbow, process ${holder.pid} on ${holder.host}, uses ${identity === undefined ? 'the database' : dirname(file)}.`,
    );
  }

  async function follow(): Promise<void> {
    await aborted(lease.lost, ending.signal);
    log.fatal({ folder: dirname(file) }, 'another oxbow has taken the data folder; this process stops writing to it');
    options.taken();
  }
  const following = follow().catch(() => {}); // rejects only on dispose
  return {
    fence: { name, token: lease.token },
    async [Symbol.asyncDispose]() {
      ending.abort(new DOMException('the data folder is closed', 'AbortError'));
      await following;
      try {
        await lease[Symbol.asyncDispose]();
      } catch (error) {
        failed(error); // the lease expires by itself
      }
    },
  };
}

/**
 * A single server and the nodes of a cluster do not share a database: each would run the streams of the
 * other.
 *
 * @throws OxbowError `data-in-use`
 */
async function assertAlone(db: Kysely<Tables>, clock: Clock, node: string | undefined, self: Holder): Promise<void> {
  const held = db
    .selectFrom('lease')
    .select(['name', 'holder'])
    .where('expires_us', '>', Math.round(clock.nowMs() * 1000));
  const others =
    node === undefined ? held.where('name', 'like', `${NODE_LEASE}%`) : held.where('name', '=', SINGLE_LEASE);
  // The processes of a server, or a single server, that had this folder before were killed.
  const other = (await others.execute()).find(({ holder }) => !isOfFolder(JSON.parse(holder) as Holder, self));
  if (!other) return;
  throw new OxbowError(
    'data-in-use',
    node === undefined
      ? `The database is that of a cluster, whose node ${other.name.slice(NODE_LEASE.length)} runs. Set cluster.enabled, or stop its nodes.`
      : 'Another oxbow that is no node of a cluster uses the database. Stop it first.',
  );
}

/** Whether a holder was a process on this folder since the system started. This one has its lock now. */
function isOfFolder(holder: Pick<Holder, 'boot' | 'lock'>, self: Holder): boolean {
  return holder.boot === self.boot && holder.lock === self.lock;
}

function describeHolder(file: string, identity: string | undefined): Holder {
  const { dev, ino } = statSync(join(dirname(file), LOCK_FILE), { bigint: true });
  return {
    host: hostname(),
    pid: process.pid,
    boot: bootId(),
    database: identity ?? '',
    // Data folders of several machines or containers may share the server: a number of one file system is no
    // name.
    lock: identity === undefined ? `${dev}:${ino}` : String(ino),
  };
}

/** Resolves when `awaited` fires; rejects when `signal` does. */
function aborted(awaited: AbortSignal, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    awaited.addEventListener('abort', () => resolve(), { once: true });
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
