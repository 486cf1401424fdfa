/**
 * The error for a source's response whose status is not 2xx.
 * In: a status. Out: a typed error that says whether a retry may help.
 */
import { OxbowError } from '../../lib/errors.ts';

/** Statuses after which a retry is useless. */
const hopeless: ReadonlySet<number> = new Set([400, 405, 410, 414, 416, 451]);

/**
 * The error for a status that is not 2xx.
 *
 * @param name of the requested resource, without query
 */
export function statusFailure(status: number, name: string): OxbowError {
  return new OxbowError('source-failed', `${name} answered with HTTP ${status}.`, {
    extra: { reason: 'status', sourceStatus: status, retryable: !hopeless.has(status) },
  });
}
