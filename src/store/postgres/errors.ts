/**
 * Which errors of PostgreSQL mean that the database cannot be used now.
 * In: errors of `pg`. Out: OxbowError `not-ready`, or the error itself. PostgreSQL manual, appendix A.
 */
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { DatabaseLost } from '../engine.ts';

/** Classes of SQLSTATE: connection exception, insufficient resources. */
const CLASSES: ReadonlySet<string> = new Set(['08', '53']);
/** Shutdown, crash, start of the server, read-only standby after a failover, statement timeout. */
const STATES: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '57P05', '25006', '57014']);
/** Errors of the system and of `pg` itself. */
const UNREACHABLE =
  /ECONN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|Connection terminated|timeout|not queryable|Cannot use a pool/i;

/** Whether the server did not take the statement, or its answer was lost: another try may succeed. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof OxbowError) return error.code === 'not-ready' || error.code === 'service-unavailable';
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return CLASSES.has(code.slice(0, 2)) || STATES.has(code);
  return UNREACHABLE.test(`${String(code)} ${messageOf(error)}`);
}

/** The error that repositories get. */
export function storeError(error: unknown): unknown {
  if (error instanceof DatabaseLost || !isUnavailable(error)) return error;
  return new DatabaseLost(error);
}
