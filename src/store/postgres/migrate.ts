/**
 * Brings a PostgreSQL database to a schema, up or down, in one transaction under an advisory lock: of several
 * processes that start at once, one migrates and the others wait for it.
 * In: migrations.ts. Out: the version in the table `oxbow_schema`.
 */
import { type Kysely, sql } from 'kysely';
import { sleep } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { NODE_LEASE, SINGLE_LEASE } from '../data-folder-lease.ts';
import { type Migration, migrations, oldestFor, stepsBetween } from '../migrations.ts';
import type { Tables } from '../schema.ts';
import { postgresStatements } from './statements.ts';

/** Key of the advisory lock; any constant that other programs of the database do not use. */
const LOCK = 0x6f78626f77; // "oxbow"

/** Others are looked at this often, ms. */
const LOOK_EVERY_MS = 500;
/**
 * While others use the tables, a step waits this long for the lock of one, ms: all of their statements wait
 * behind it.
 */
const LOCK_MS = 2000;
/** After that they have this long, ms. */
const BREATHE_MS = 1000;
/** So often it is tried: a backup of a large table may take this long. */
const LOCK_TRIES = 200;

/**
 * Migrates to a schema. Tables that are new get their columns from migrations.ts.
 *
 * @param target default: the newest, or a newer one that the database has already
 * @param lockMs longest wait for a lock; 0: none
 * @returns the schema before and after
 * @throws OxbowError `data-newer` for a schema that this oxbow cannot use
 */
export async function migratePostgres(
  db: Kysely<Tables>,
  target?: number,
  steps: readonly Migration[] = migrations,
  lockMs = 0,
): Promise<{ readonly from: number; readonly to: number }> {
  return db.transaction().execute(async (transaction) => {
    await sql.raw(`SET LOCAL lock_timeout = ${lockMs}`).execute(transaction);
    await sql`SELECT pg_advisory_xact_lock(${LOCK})`.execute(transaction);
    await sql`CREATE TABLE IF NOT EXISTS oxbow_schema (version bigint NOT NULL)`.execute(transaction);
    await sql`ALTER TABLE oxbow_schema ADD COLUMN IF NOT EXISTS oldest bigint`.execute(transaction);
    const { version: from, oldest } = await readSchema(transaction);
    if (from > steps.length && (target !== undefined || oldest > steps.length)) throw newer(from, steps.length);
    // Another process, of a newer oxbow, was first.
    const to = target ?? Math.max(from, steps.length);
    if (from === to) return { from, to };
    for (const statements of stepsBetween(from, to, steps)) {
      await sql.raw(postgresStatements(statements)).execute(transaction);
    }
    await sql`DELETE FROM oxbow_schema`.execute(transaction);
    await sql`INSERT INTO oxbow_schema (version, oldest) VALUES (${to}, ${oldestFor(to, steps)})`.execute(transaction);
    return { from, to };
  });
}

/**
 * Migrates to the newest schema while processes of an older oxbow use the database.
 *
 * @param waits called before the second try
 * @throws as `migratePostgres`; OxbowError `not-ready` if a table is never free; the reason of the signal
 */
export async function migrateBeside(
  db: Kysely<Tables>,
  steps: readonly Migration[],
  { signal, waits }: { readonly signal: AbortSignal; readonly waits: () => void },
): Promise<{ readonly from: number; readonly to: number }> {
  for (let tries = 1; ; tries++) {
    try {
      return await migratePostgres(db, undefined, steps, LOCK_MS);
    } catch (error) {
      if ((error as { code?: unknown }).code !== '55P03') throw error; // lock_not_available
      if (tries === LOCK_TRIES) {
        throw new OxbowError('not-ready', 'Another program has used a table of the database for too long.', {
          cause: error,
          extra: { hint: 'Start oxbow again when its backup or query has ended.' },
        });
      }
      if (tries === 1) waits();
      await sleep(BREATHE_MS, { signal });
    }
  }
}

/** The schema of a database, and the oldest schema whose oxbow works with it. Both 0: there are no tables. */
export async function readSchema(db: Kysely<Tables>): Promise<{ readonly version: number; readonly oldest: number }> {
  const table = await sql<{ found: string | null }>`SELECT to_regclass('oxbow_schema')::text AS found`.execute(db);
  if (table.rows[0]!.found === null) return { version: 0, oldest: 0 };
  // Databases of before have no column `oldest`.
  const { rows } = await sql<{ version: number; oldest?: number | null }>`SELECT * FROM oxbow_schema`.execute(db);
  const { version = 0, oldest } = rows[0] ?? {};
  return { version, oldest: oldest ?? version };
}

/**
 * The schema of a database; 0 for one without tables.
 *
 * @throws OxbowError `data-newer` for a schema of a newer oxbow
 */
export async function schemaOf(db: Kysely<Tables>): Promise<number> {
  const { version } = await readSchema(db);
  if (version > migrations.length) throw newer(version, migrations.length);
  return version;
}

/**
 * Waits until no process uses the database, before a step that those of an older oxbow cannot work with: the
 * leases of killed ones end.
 *
 * @throws OxbowError `data-in-use` if one renews its lease; the reason of the signal
 */
export async function waitForOthers(db: Kysely<Tables>, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  const seen = new Map<string, number>();
  for (;;) {
    const held = await db
      .selectFrom('lease')
      .select(['name', 'expires_us'])
      .where((eb) => eb.or([eb('name', '=', SINGLE_LEASE), eb('name', 'like', `${NODE_LEASE}%`)]))
      .where('expires_us', '>', Date.now() * 1000)
      .execute();
    if (held.length === 0) return;
    for (const { name, expires_us: expires } of held) {
      const before = seen.get(name) ?? expires;
      if (expires > before) throw inUse(name);
      seen.set(name, before);
    }
    await sleep(LOOK_EVERY_MS, { signal });
  }
}

function inUse(lease: string): OxbowError {
  const who = lease === SINGLE_LEASE ? 'An oxbow' : `The node ${lease.slice(NODE_LEASE.length)}`;
  return new OxbowError(
    'data-in-use',
    `${who} uses the database, and cannot work with the schema that this version of oxbow needs.`,
    { extra: { hint: 'Stop all processes of the older version first: docs/9-run/regions.md.' } },
  );
}

/** The refusal of a newer schema. @param known the newest that this oxbow has */
export function newer(version: number, known: number): OxbowError {
  return new OxbowError(
    'data-newer',
    `The PostgreSQL database has schema ${version}; this oxbow knows schemas up to ${known}.`,
  );
}
