/**
 * Counts and logs a bug: the line has the stack, and `report`, by which error reports find it.
 * In: an unexpected error, from where it ended something. Out: a log line, the metric.
 */
import { AssertionError } from 'node:assert';
import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';

/**
 * A report: a bug that ended something, a child process that crashed, an exception that ended oxbow,
 * or oxbow was killed.
 */
export type ReportKind = 'bug' | 'child' | 'uncaught' | 'killed';

/**
 * Counts a bug and logs it.
 *
 * @param fields of the line, e.g. `stream` and `traceId`
 * @param sentence the work that it ended
 */
export function reportBug(
  { metrics, log }: { readonly metrics: Pick<Metrics, 'bugs'>; readonly log: Log },
  error: unknown,
  fields: Readonly<Record<string, unknown>>,
  sentence: string,
): void {
  metrics.bugs.inc();
  const report: ReportKind = 'bug';
  log.error({ ...fields, report, ...errorFields(error) }, sentence);
}

/** An error in a log line: its message and its stack. */
export function errorFields(error: unknown): { readonly error: string; readonly stack?: string | undefined } {
  return { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined };
}

/** Whether the disk or the network failed: not a bug. */
export function isSystemError(error: unknown): boolean {
  return !(error instanceof AssertionError) && typeof (error as { syscall?: unknown } | null)?.syscall === 'string';
}

/** The errors of Node for a request or an answer whose other side has closed it. */
const departures: ReadonlySet<unknown> = new Set([
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_UNABLE_TO_PIPE',
  'ERR_HTTP2_INVALID_STREAM',
  'ERR_HTTP2_STREAM_CANCEL',
  'ERR_HTTP2_STREAM_ERROR',
  'ERR_HTTP2_SESSION_ERROR',
  'ERR_HTTP2_GOAWAY_SESSION',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
]);

/** Whether a request ended because its client left: not a bug, and nothing that an operator can repair. */
export function isDeparture(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return departures.has((error as NodeJS.ErrnoException).code) || error.name === 'AbortError';
}
