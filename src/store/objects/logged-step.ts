/**
 * The columns of stored files whose bytes are ranges of a mirror's objects. docs/decisions/0130.
 * In: nothing. Out: a step for migrations.ts.
 */

/**
 * The step of the schema. Taken back, these files have no copy, and an earlier version sends them as a whole;
 * it is refused, by the name of a constraint, while one of them is in no data folder.
 */
export const loggedMigration = {
  up: `ALTER TABLE stored_object ADD COLUMN log_first TEXT NOT NULL DEFAULT '';
 ALTER TABLE stored_object ADD COLUMN log_last TEXT NOT NULL DEFAULT '';
 CREATE INDEX stored_object_logged ON stored_object (target, log_last) WHERE log_last <> '';`,
  down: `CREATE TABLE log_step (
   files INTEGER NOT NULL CONSTRAINT recordings_are_only_in_the_log_of_a_mirror CHECK (files = 0)
 );
 INSERT INTO log_step SELECT count(*) FROM stored_object WHERE log_last <> '' AND local = 0;
 DROP TABLE log_step;
 DELETE FROM stored_object WHERE log_last <> '';
 DROP INDEX stored_object_logged;
 ALTER TABLE stored_object DROP COLUMN log_last;
 ALTER TABLE stored_object DROP COLUMN log_first;`,
  expands: true,
} as const;
