/**
 * The columns of sealed addresses, and what finds the entries of rooms that have sealed headers.
 * In: nothing. Out: steps for migrations.ts. Rows are sealed when a server opens the database, since the
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

/** Entries of rooms with headers, sealed or not. As SQL, since only the same text uses the index. */
export const HAS_HEADERS = `(target LIKE '%"headers":%' OR target LIKE '%"sealedHeaders":%')`;

/** An index of the entries that have headers: a start reads only these. */
export const sealedTargetMigration = {
  up: `CREATE INDEX room_item_with_headers ON room_item (id) WHERE ${HAS_HEADERS};`,
  down: 'DROP INDEX room_item_with_headers;',
  expands: true,
} as const;
