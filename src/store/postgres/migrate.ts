/**
 * Brings a PostgreSQL database to a schema, up or down, in one transaction under an advisory lock: of several
 * processes that start at once, one migrates and the others wait for it.
 * In: migrations.ts. Out: the version in the table `oxbow_schema`.
 */
import { type Kysely, sql } from 'kysely';
import { OxbowError } from '../../lib/errors.ts';
import { migrations, stepsBetween } from '../migrations.ts';
import type { Tables } from '../schema.ts';
import { postgresStatements } from './statements.ts';

/** Key of the advisory lock; any constant that other programs of the database do not use. */
const LOCK = 0x6f78626f77; // "oxbow"

/**
 * Migrates to a schema. Tables that are new get their columns from migrations.ts.
 *
 * @param target default: the newest
 * @returns the schema before and after
 * @throws OxbowError `data-newer` for a schema of a newer oxbow
 */
export async function migratePostgres(
  db: Kysely<Tables>,
  target = migrations.length,
): Promise<{ readonly from: number; readonly to: number }> {
  return db.transaction().execute(async (transaction) => {
    await sql`SELECT pg_advisory_xact_lock(${LOCK})`.execute(transaction);
    await sql`CREATE TABLE IF NOT EXISTS oxbow_schema (version bigint NOT NULL)`.execute(transaction);
    const from = await schemaOf(transaction);
    const steps = stepsBetween(from, target);
    for (const statements of steps) await sql.raw(postgresStatements(statements)).execute(transaction);
    if (from !== target) {
      await sql`DELETE FROM oxbow_schema`.execute(transaction);
      await sql`INSERT INTO oxbow_schema (version) VALUES (${target})`.execute(transaction);
    }
    return { from, to: target };
  });
}

/**
 * The schema of a database; 0 for one without tables.
 *
 * @throws OxbowError `data-newer` for a schema of a newer oxbow
 */
export async function schemaOf(db: Kysely<Tables>): Promise<number> {
  const table = await sql<{ found: string | null }>`SELECT to_regclass('oxbow_schema')::text AS found`.execute(db);
  if (table.rows[0]!.found === null) return 0;
  const { rows } = await sql<{ version: number }>`SELECT version FROM oxbow_schema`.execute(db);
  const version = rows[0]?.version ?? 0;
  if (version > migrations.length) throw newer(version);
  return version;
}

function newer(version: number): OxbowError {
  return new OxbowError(
    'data-newer',
    `The PostgreSQL database has schema ${version}; this oxbow knows schemas up to ${migrations.length}.`,
  );
}
