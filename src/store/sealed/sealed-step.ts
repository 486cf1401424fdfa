/**
 * The columns of sealed addresses.
 * In: nothing. Out: a step for migrations.ts. Rows are sealed when a server opens the database, since the
 * step has no key.
 */

/** The step of the schema. `oxbow db migrate` opens the addresses before it is taken back. */
export const sealedAddressMigration = {
  up: `ALTER TABLE stream ADD COLUMN sealed TEXT;
 ALTER TABLE relay ADD COLUMN sealed TEXT;
 ALTER TABLE webhook ADD COLUMN sealed TEXT;`,
  down: `ALTER TABLE webhook DROP COLUMN sealed;
 ALTER TABLE relay DROP COLUMN sealed;
 ALTER TABLE stream DROP COLUMN sealed;`,
} as const;
