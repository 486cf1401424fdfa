/**
 * Asks a server for a stretch of one file, again and again until it comes.
 * In: the file's address, a range. Out: replies whose status says that they are what was asked for. RFC 9110, 14 (ranges) and 15.3.7 (206).
 */
import { backoffMs, sleep } from '../../lib/abort.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { type NetResponse, shownUrl } from '../../net/net.ts';
import type { PullCounters, PullLog } from '../pull/pull-log.ts';
import type { SourceAccess, SourceAddress } from '../pull/source-access.ts';
import { statusFailure } from '../pull/status-failure.ts';

/** What all requests for a file share. */
export interface FileContext {
  readonly access: SourceAccess;
  readonly log: PullLog;
  readonly counters: PullCounters;
  /** Asked for another address when the one in use is refused: those made from pages expire. */
  readonly locate: ((options: { signal: AbortSignal }) => Promise<SourceAddress>) | undefined;
  /** Told each time a request failed and will be made again. */
  readonly onTrouble: (detail: string) => void;
}

/** A stretch that is wanted: from `from` up to and with `to`, or to the end of the file. */
export interface FileRange {
  readonly from: number;
  readonly to?: number;
}

/** What came. */
export interface FileReply extends Disposable {
  /** First byte of the file in the body. */
  readonly from: number;
  /** Bytes of the whole file; undefined where the server does not say. */
  readonly total: number | undefined;
  /** The server serves ranges: `from` is what was asked for. */
  readonly ranged: boolean;
  /** Names this version of the file; empty where the server does not. */
  readonly version: string;
  readonly contentType: string;
  stream(): AsyncIterable<Uint8Array>;
}

/** An address that made of a page has expired, or the server thinks better of it. */
const elsewhere: ReadonlySet<number> = new Set([401, 403, 404, 410]);
const IDLE_MS = 15_000;
/** Of a range: several MB at a megabit a second. */
const RANGE_DEADLINE_MS = 90_000;
/** Of a file that is read as it is watched. */
const FILE_DEADLINE_MS = 24 * 3600 * 1000;
const SLACK_BYTES = 64 * 1024;

/**
 * Requests until there is a reply that can be used.
 *
 * @throws OxbowError `address-refused` where the address may not be opened, `source-failed` where there is no such range (`extra.ended`
 * when the file ends before it); the signal's reason when aborted
 */
export async function requestFile(
  range: FileRange,
  context: FileContext,
  { signal }: { signal: AbortSignal },
): Promise<FileReply> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await requestOnce(range, context, { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof OxbowError) || isFinal(error)) throw error;
      await afterFailure(error, attempt, context, { signal });
    }
  }
}

/** Tells of a failure, looks for another address where that may help, and waits. */
export async function afterFailure(
  error: unknown,
  attempt: number,
  context: FileContext,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const { access, counters, locate, log, onTrouble } = context;
  const detail = messageOf(error).slice(0, 200);
  onTrouble(detail);
  counters.retries();
  if (attempt === 0) log.warn({ detail }, 'a piece of the file did not come');
  const status = error instanceof OxbowError ? Number(error.extra.sourceStatus) : Number.NaN;
  await sleep(backoffMs(attempt, 500), { signal });
  if (locate && elsewhere.has(status)) await relocate(access, locate, { signal });
}

/** Asks where the file is now; where that cannot be had just now, the old address stands. */
async function relocate(
  access: SourceAccess,
  locate: NonNullable<FileContext['locate']>,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  try {
    access.moved(await locate({ signal }));
  } catch (error) {
    if (!(error instanceof OxbowError && error.code === 'source-failed')) throw error;
  }
}

/** No later request will do better. */
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
    // A server that knows no ranges sends all of the file in answer to the first request, to be read as it is watched.
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
    const told = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(headers['content-range'] ?? ''));
    if (!told || Number(told[1]) !== from) throw failed(`${shownUrl(url)} sent another range than was asked for`);
    return { ...shared, from, ranged: true, total: told[2] === '*' ? undefined : Number(told[2]) };
  }
  if (status === 200) {
    const length = Number(headers['content-length'] ?? Number.NaN);
    return { ...shared, from: 0, ranged: false, total: Number.isSafeInteger(length) ? length : undefined };
  }
  if (status === 416) {
    throw new OxbowError('source-failed', `${shownUrl(url)} ends before byte ${from}`, { extra: { ended: true } });
  }
  throw statusFailure(status, shownUrl(url));
}

function failed(detail: string): OxbowError {
  return new OxbowError('source-failed', detail, { extra: { retryable: false } });
}
