/**
 * Converts thrown errors to problem documents.
 * In: OxbowError, FormatError, or any other error (a bug). Out: status, headers and body. RFC 9457.
 */

import { FormatError } from '@oxbow/media/errors';
import type { ProblemView } from '../../api/shapes.ts';
import { messageOf, OxbowError, type RefusalCode, refusalRow, refusals, sentenceOf } from '../../lib/errors.ts';
import { errorFields, isDeparture, isSystemError, reportBug } from '../../observe/errors/report-bug.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { RefusalLog } from '../../observe/refusal-log.ts';

/** A problem ready to be sent. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ProblemView;
}

/**
 * Refusals that are logged: forged, replayed or expired tokens, pages of other sites, addresses that must not
 * be reached.
 */
const notable = new Set(['watch-refused', 'watch-expired', 'cross-site', 'address-refused']);

/** Members of `extra` that set a header or the hint and are not shown. */
const reserved = new Set(['hint', 'retryAfterSeconds', 'allow', 'contentRange', 'headers']);

/** Of a request whose fields have the right form, so that there is no list `errors`. */
const DETAIL_HINT = 'Correct what `detail` names.';

/** Retry-After of a 503 that sets none (RFC 9110 10.2.3). */
const RETRY_AFTER_S = 1;

/**
 * Builds the document. Members of an OxbowError's `extra`: `hint` replaces the table's, `retryAfterSeconds`,
 * `allow`, `contentRange` and `headers` become headers; every other member is copied to the document.
 *
 * @param traceId the same as in the log
 */
export function toProblem(error: unknown, traceId: string): Problem {
  const refusal = toRefusal(error);
  const { code, extra } = refusal;
  const { status, title, hint } = refusalRow(refusal);
  const isGeneral = code === 'bad-request' && !('errors' in extra);
  const shown = Object.fromEntries(Object.entries(extra).filter(([name]) => !reserved.has(name)));
  const headers: Record<string, string> = {
    ...(extra.headers as Record<string, string> | undefined),
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  const retryAfterSeconds = extra.retryAfterSeconds ?? (status === 503 ? RETRY_AFTER_S : undefined);
  if (typeof retryAfterSeconds === 'number') headers['retry-after'] = String(Math.ceil(retryAfterSeconds));
  if (typeof extra.allow === 'string') headers.allow = extra.allow;
  if (typeof extra.contentRange === 'string') headers['content-range'] = extra.contentRange;
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="oxbow"';
  return {
    status,
    headers,
    body: {
      ...shown,
      type: `/docs/errors/${code}`,
      title,
      status,
      code,
      detail: refusal.message,
      hint: typeof extra.hint === 'string' ? extra.hint : isGeneral ? DETAIL_HINT : hint,
      traceId,
    },
  };
}

/** The refusal that another node has answered with, to be answered again. @param body its problem document */
export function fromProblem(body: unknown): OxbowError {
  const { code, detail, hint } = Object(body) as Partial<ProblemView>;
  if (code === undefined || !Object.hasOwn(refusals, code))
    return new OxbowError('not-ready', 'Another node has refused the request with an unknown code.');
  return new OxbowError(code as RefusalCode, String(detail), hint === undefined ? {} : { extra: { hint } });
}

function toRefusal(error: unknown): OxbowError {
  if (error instanceof OxbowError) return error;
  if (error instanceof FormatError) return new OxbowError('bad-request', sentenceOf(error), { cause: error });
  // The message of an unexpected error may name files and addresses: only the log has it.
  return new OxbowError('internal', 'An internal error occurred. The log has the details under this trace id.', {
    cause: error,
  });
}

/** A path without names in addresses of WHIP and WHEP that are as long as a key, and may be one. */
export function withoutKeys(path: string): string {
  return path.replace(/(\/wh[ei]p\/)[^/\s]{16,}/, '$1(unknown)');
}

/**
 * Logs an error: bugs with their stack, counted in a metric; refusals and clients that left only at level
 * debug, but for refusals that an operator should know of.
 *
 * @param place method and path, without the query
 */
export function reportProblem(
  error: unknown,
  place: string,
  traceId: string,
  tools: { log: Log; metrics: Metrics; refusals?: Pick<RefusalLog, 'refused'> },
): void {
  const where = withoutKeys(place);
  if (error instanceof OxbowError && error.code !== 'internal') {
    const { code } = error;
    tools.log.debug({ traceId, where, code }, messageOf(error));
    if (notable.has(code)) tools.refusals?.refused(code);
  } else if (error instanceof FormatError || (isDeparture(error) && !isSystemError(error))) {
    tools.log.debug({ traceId, where }, messageOf(error));
  } else if (isSystemError(error)) {
    tools.log.error({ traceId, where, ...errorFields(error) }, 'a request failed');
  } else {
    reportBug(tools, error, { traceId, where }, 'a request failed');
  }
}
