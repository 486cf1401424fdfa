/**
 * The migration of object stores; migrations.ts has it in its order.
 * In: nothing. Out: SQL for migrations.ts.
 */

/** Where files are in object stores, uploads in progress, and objects to delete there. */
export const objectMigration = {
  up: `CREATE TABLE stored_object (
   location TEXT PRIMARY KEY,
   target TEXT NOT NULL,
   key TEXT NOT NULL,
   size INTEGER NOT NULL,
   checksum TEXT NOT NULL,
   fence INTEGER NOT NULL,
   uploaded_us INTEGER NOT NULL,
   local INTEGER NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX stored_object_by_local ON stored_object (location) WHERE local = 1;
 CREATE TABLE object_upload (
   location TEXT PRIMARY KEY,
   target TEXT NOT NULL,
   key TEXT NOT NULL,
   fence INTEGER NOT NULL,
   parts TEXT NOT NULL
 ) STRICT, WITHOUT ROWID;
 CREATE TABLE object_deletion (
   target TEXT NOT NULL,
   key TEXT NOT NULL,
   parts TEXT NOT NULL,
   due_us INTEGER NOT NULL,
   again INTEGER NOT NULL,
   PRIMARY KEY (target, key)
 ) STRICT, WITHOUT ROWID;
 CREATE INDEX object_deletion_by_due ON object_deletion (due_us);
 ALTER TABLE stream ADD COLUMN storage TEXT;`,
  // Fails by the name of its constraint while a bucket has the only copy of a file.
  down: `CREATE TABLE moved_files_would_be_lost (
     files INTEGER NOT NULL CONSTRAINT moved_files_would_be_lost CHECK (files = 0)
   );
 INSERT INTO moved_files_would_be_lost SELECT count(*) FROM stored_object WHERE local = 0;
 DROP TABLE moved_files_would_be_lost;
 DROP TABLE stored_object;
 DROP TABLE object_upload;
 DROP TABLE object_deletion;
 ALTER TABLE stream DROP COLUMN storage;`,
};
