/**
 * The error of an answer of a source with a status other than success.
 * In: a status. Out: a typed error that says whether another try makes sense.
 */
import { OxbowError } from '../../lib/errors.ts';

/** The statuses after which another try is useless. */
const hopeless: ReadonlySet<number> = new Set([400, 405, 410, 414, 416, 451]);

/**
 * A reply of a status that is not 2xx.
 *
 * @param name what was asked for, without query
 */
export function statusFailure(status: number, name: string): OxbowError {
  return new OxbowError('source-failed', `HTTP ${status} ${name}`, {
    extra: { reason: 'status', sourceStatus: status, retryable: !hopeless.has(status) },
  });
}
