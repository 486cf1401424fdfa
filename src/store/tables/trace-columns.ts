/**
 * The trace that a job or a delivery of a webhook belongs to, so that it continues after a restart and on
 * another node.
 * In: the table of migrations. Out: statements. W3C Trace Context, 3.2.
 */

/** `traceparent` of the request or job that caused it; null if tracing was off. */
export const traceMigration = {
  up: `ALTER TABLE job ADD COLUMN traceparent TEXT;
 ALTER TABLE webhook_delivery ADD COLUMN traceparent TEXT;`,
  down: `ALTER TABLE webhook_delivery DROP COLUMN traceparent;
 ALTER TABLE job DROP COLUMN traceparent;`,
};
