/**
 * The column of streams for delivery between viewers.
 * In: nothing. Out: a step for store/migrations.ts.
 */

/** The step. */
export const peerMigration = {
  up: 'ALTER TABLE stream ADD COLUMN peer_delivery INTEGER NOT NULL DEFAULT 0;',
  down: 'ALTER TABLE stream DROP COLUMN peer_delivery;',
  expands: true,
};
