/**
 * Requests a byte range of a file, with retries.
 * In: the file's URL, a range. Out: responses whose status matches the request. RFC 9110 14 (ranges) and
 * 15.3.7 (206).
 */
import { backoffMs, sleep } from '../../lib/abort.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import { type NetResponse, shownUrl } from '../../net/net.ts';
import type { PullCounters, PullLog } from '../pull/pull-log.ts';
import type { Locate, SourceAccess } from '../pull/source-access.ts';
import { statusFailure } from '../pull/status-failure.ts';

/** Shared by all requests for a file. */
export interface FileContext {
  readonly access: SourceAccess;
  readonly log: PullLog;
  readonly counters: PullCounters;
  /** Returns a new URL after the server has refused the current one: URLs extracted from pages expire. */
  readonly locate: Locate | undefined;
  /** Called for each failed request before its retry. */
  readonly onFailure: (detail: string) => void;
}

/** A requested byte range: from `from` to `to`, inclusive, or to the end of the file. */
interface FileRange {
  readonly from: number;
  readonly to?: number;
}

/** A response. */
export interface FileReply extends Disposable {
  /** First byte of the file in the body. */
  readonly from: number;
  /** Size of the file, bytes; undefined if the server does not report it. */
  readonly total: number | undefined;
  /** The server supports ranges: `from` is as requested. */
  readonly ranged: boolean;
  /** ETag or Last-Modified; empty if the server sends neither. */
  readonly version: string;
  readonly contentType: string;
  stream(): AsyncIterable<Uint8Array>;
}

/** Statuses of an expired URL. */
const expiredStatuses: ReadonlySet<number> = new Set([401, 403, 404, 410]);
const IDLE_MS = 15_000;
/** For a range: several MB at 1 Mbit/s. */
const RANGE_DEADLINE_MS = 90_000;
/** For a file that is read at the speed of its media. */
const FILE_DEADLINE_MS = 24 * 3600 * 1000;
const SLACK_BYTES = 64 * 1024;

/**
 * Requests a range; retries until there is a usable response.
 *
 * @throws OxbowError `address-refused` if oxbow may not open the URL, `source-failed` if the range does not
 *   exist (`extra.ended` when the
 * file ends before it); the signal's reason when aborted
 */
export async function requestFile(
  range: FileRange,
  context: FileContext,
  { signal }: { signal: AbortSignal },
): Promise<FileReply> {
  for (let attempt = 0; ; attempt++) {
    const { address } = context.access;
    try {
      return await requestOnce(range, context, { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof OxbowError) || isFinal(error)) throw error;
      await afterFailure(error, attempt, { ...context, failedUrl: address }, { signal });
    }
  }
}

/**
 * Reports a failure, waits, and looks up a new URL if the old one may have expired.
 *
 * @param context with the URL that failed: no lookup if another request has found a new one meanwhile
 */
export async function afterFailure(
  error: unknown,
  attempt: number,
  context: FileContext & { readonly failedUrl?: URL },
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const { access, counters, locate, log, onFailure, failedUrl = access.address } = context;
  const detail = reasonOf(error).slice(0, 200);
  onFailure(detail);
  counters.retries();
  if (attempt === 0) log.warn({ detail }, 'a range of the file could not be read; retrying');
  const status = error instanceof OxbowError ? Number(error.extra.sourceStatus) : Number.NaN;
  await sleep(backoffMs(attempt, 500), { signal });
  const isCurrent = access.address === failedUrl;
  if (locate && expiredStatuses.has(status) && isCurrent) await relocate(access, locate, { signal });
}

/** Looks up the current URL of the file; keeps the old one if the lookup fails. */
async function relocate(access: SourceAccess, locate: Locate, { signal }: { signal: AbortSignal }): Promise<void> {
  try {
    access.moved(await locate({ signal }));
  } catch (error) {
    if (!(error instanceof OxbowError && error.code === 'source-failed')) throw error;
  }
}

/** Failures that a retry cannot change. */
function isFinal(error: OxbowError): boolean {
  return error.code === 'address-refused' || error.extra.ended === true || error.extra.reason === 'too-large';
}

async function requestOnce(
  { from, to }: FileRange,
  { access }: FileContext,
  { signal }: { signal: AbortSignal },
): Promise<FileReply> {
  const wanted = to === undefined ? Number.MAX_SAFE_INTEGER : to - from + 1 + SLACK_BYTES;
  const reply = await access.fetch(access.address, {
    signal,
    headers: { 'accept-encoding': 'identity', range: `bytes=${from}-${to ?? ''}` },
    maxBytes: from === 0 ? Number.MAX_SAFE_INTEGER : wanted,
    // A server without ranges responds to the first request with the complete file, which is read at the
    // speed of the media.
    deadlineMs: to === undefined || from === 0 ? FILE_DEADLINE_MS : RANGE_DEADLINE_MS,
    idleMs: IDLE_MS,
  });
  try {
    return replyOf(reply, from);
  } catch (error) {
    reply[Symbol.dispose]();
    throw error;
  }
}

function replyOf(reply: NetResponse, from: number): FileReply {
  const { status, headers, url } = reply;
  const version = String(headers.etag ?? headers['last-modified'] ?? '');
  const contentType = String(headers['content-type'] ?? '');
  const shared = {
    version,
    contentType,
    stream: () => reply.stream(),
    [Symbol.dispose]: () => reply[Symbol.dispose](),
  };
  if (status === 206) {
    const contentRange = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(headers['content-range'] ?? ''));
    if (!contentRange || Number(contentRange[1]) !== from)
      throw failed(`${shownUrl(url)} sent another range than requested.`);
    return { ...shared, from, ranged: true, total: contentRange[2] === '*' ? undefined : Number(contentRange[2]) };
  }
  if (status === 200) {
    const length = Number(headers['content-length'] ?? Number.NaN);
    return { ...shared, from: 0, ranged: false, total: Number.isSafeInteger(length) ? length : undefined };
  }
  if (status === 416) {
    throw new OxbowError('source-failed', `${shownUrl(url)} ends before byte ${from}.`, { extra: { ended: true } });
  }
  throw statusFailure(status, shownUrl(url));
}

function failed(detail: string): OxbowError {
  return new OxbowError('source-failed', detail, { extra: { retryable: false } });
}
