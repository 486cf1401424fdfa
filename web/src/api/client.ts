/**
 * Sends API requests with the typed client, and maps every error to one shape that a page can show.
 * In: API calls. Out: the shapes of src/api, or a Failure thrown as ApiError. RFC 9457.
 */
import type { ProbeView } from '../../../src/api/probe.ts';
import type { StreamSettings, StreamView, TimelineView } from '../../../src/api/shapes.ts';
import { type CallOptions, OxbowClient, OxbowProblem, type Problem } from '../../../src/client/client.ts';
import { readProblem } from '../../../src/client/problem.ts';
import { serverFor, setWatchToken, watchTokenOf } from './server.ts';

/** A failed request, for people. */
export interface Failure {
  /**
   * The stable code of the problem; `unreachable` without a response, `unreadable` if the response is not
   * oxbow's.
   */
  readonly code: string;
  /** HTTP status; 0 without a response. */
  readonly status: number;
  /** The server's title; empty if it sent none. */
  readonly title: string;
  /** The server's hint; empty if it sent none. */
  readonly hint: string;
  /** The server's detail. */
  readonly detail?: string;
}

/** A failed request. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.title || failure.code, options);
    this.failure = failure;
  }
}

/**
 * Parses a problem document.
 *
 * @param status HTTP status of the response; 0 without one
 * @param body the text of the response, any text
 */
export function readFailure(status: number, body: string): Failure {
  return failureFrom(readProblem(status, body));
}

function failureFrom({ code, status, title, detail, hint = detail ?? '', ...more }: Problem): Failure {
  // The hints of the server are for those who write requests; the detail of such a refusal says what is
  // wrong.
  const isInWords = code === 'bad-request' && detail !== undefined && !('errors' in more);
  return { code, status, title, hint: isInWords ? detail : hint, ...(detail !== undefined && { detail }) };
}

/** The failure in a thrown error; other errors are bugs and are thrown again. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ApiError) return error.failure;
  throw error;
}

const unreachableStatus = new Set([0, 502, 503, 504]);

/**
 * Whether a failure means that oxbow does not respond yet or no more, as opposed to a refusal: none, an error
 * of a proxy, a start.
 */
export function isLost(failure: Failure): boolean {
  return unreachableStatus.has(failure.status);
}

let unauthorized: () => void = () => {};

/**
 * Sets the listener for requests that are refused because no user is signed in, or the session has expired.
 */
export function onUnauthorized(listener: () => void): void {
  unauthorized = listener;
}

/**
 * Sends a request with the typed client and the session of the browser. Throws ApiError; aborts with
 * `signal`. A request that is refused temporarily is not repeated here: pages show the failure and request
 * again.
 *
 * @param stream whose playback token is sent
 */
export async function askServer<T>(
  signal: AbortSignal,
  ask: (client: OxbowClient, options: CallOptions) => Promise<T>,
  stream = '',
): Promise<T> {
  const client = new OxbowClient({ server: serverFor(stream), retries: 0 });
  try {
    return await ask(client, { signal });
  } catch (error) {
    if (!(error instanceof OxbowProblem)) throw error;
    if (error.problem.code === 'unauthorized') unauthorized();
    throw new ApiError(failureFrom(error.problem), { cause: error });
  }
}

/**
 * Probes an address; takes up to a minute. Throws ApiError; aborts with `signal`, which also ends the probe
 * on the server.
 */
export function probeSource(url: string, signal: AbortSignal): Promise<ProbeView> {
  return askServer(signal, (client, options) => client.probe({ body: { url } }, options));
}

/** Creates a stream. Throws ApiError; aborts with `signal`. */
export function createStream(
  stream: StreamSettings & { readonly name: string },
  signal: AbortSignal,
): Promise<StreamView> {
  return askServer(signal, (client, options) => client.createStream({ body: stream }, options));
}

/** At most this many streams are requested, over all pages. */
const MAX_STREAMS = 1000;
const MAX_PAGES = 50;

/** The visible streams. Throws ApiError; aborts with `signal`. */
export async function getStreams(signal: AbortSignal): Promise<StreamView[]> {
  const items: StreamView[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MAX_PAGES && (page === 0 || cursor !== null) && items.length < MAX_STREAMS; page++) {
    const query: { cursor?: string } = cursor === null ? {} : { cursor };
    const answer: Partial<{ items: StreamView[]; nextCursor: string | null }> | null = await askServer(
      signal,
      (client, options) => client.listStreams(query, options),
    );
    if (!Array.isArray(answer?.items)) throw new ApiError(readFailure(200, '')); // not a response of oxbow
    items.push(...answer.items);
    cursor = answer.nextCursor ?? null;
  }
  await Promise.all(items.map((view) => ensureWatchToken(view, signal).catch(ignoreRefusal)));
  return items;
}

/** A list is complete without a playback token of one stream. */
function ignoreRefusal(error: unknown): void {
  failureOf(error);
}

/** One stream. Throws ApiError; aborts with `signal`. */
export async function getStream(name: string, signal: AbortSignal): Promise<StreamView> {
  const look = () => askServer(signal, (client, options) => client.getStream({ name }, options), name);
  let view: StreamView;
  try {
    view = await look();
  } catch (error) {
    const { code } = failureOf(error);
    if (watchTokenOf(name) === undefined || (code !== 'watch-expired' && code !== 'watch-refused')) throw error;
    const ended = watchTokenOf(name);
    setWatchToken(name, null); // signed-in users need none
    view = await look().catch(() => {
      setWatchToken(name, ended ?? null); // others get the same answer next time, not that the stream does not exist
      throw error;
    });
  }
  await ensureWatchToken(view, signal);
  return view;
}

/** Exempt tokens begin with it, see src/accounts/watch-tokens. */
const EXEMPT = 'E';

/**
 * Media requests have no cookies: a signed-in user gets a playback token for a stream that is not public, and
 * one that says so if the broadcaster's rules for the past do not concern the user.
 */
async function ensureWatchToken({ name, visibility, past }: StreamView, signal: AbortSignal): Promise<void> {
  const before = watchTokenOf(name);
  const needsExempt = past?.isExempt === true && !before?.startsWith(EXEMPT);
  const needsToken = (visibility === 'signed' || visibility === 'private') && before === undefined;
  if (!needsExempt && !needsToken) return;
  const { token } = await askServer(signal, (client, options) =>
    client.createStreamWatchToken({ name, body: needsExempt ? { exempt: true } : {} }, options),
  );
  setWatchToken(name, token);
}

/**
 * The timeline of a stream in [fromMs, toMs). Throws ApiError; aborts with `signal`.
 *
 * @param fromMs unix milliseconds, rounded down to the second
 * @param toMs unix milliseconds, rounded up to the second
 * @param resS whole seconds: shorter entries may be merged; 0 for the exact timeline
 */
export function getTimeline(
  name: string,
  fromMs: number,
  toMs: number,
  signal: AbortSignal,
  resS = 0,
): Promise<TimelineView> {
  const range = { name, from: String(Math.floor(fromMs / 1000)), to: String(Math.ceil(toMs / 1000)) };
  const query = resS > 0 ? { ...range, res: String(resS) } : range;
  return askServer(signal, (client, options) => client.getStreamTimeline(query, options), name);
}

/**
 * The days from `from` to `to`, `2026-11-22`, on which a stream has recorded media, in the viewer's time
 * zone. Throws ApiError; aborts with `signal`.
 */
export async function getRecordedDays(
  name: string,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { days } = await askServer(
    signal,
    (client, options) => client.getStreamDays({ name, from, to, zone }, options),
    name,
  );
  return new Set(days.map(({ day }) => day));
}

/**
 * The server's clock minus the local clock, milliseconds, accurate to about half of the round trip.
 * Throws ApiError; aborts with `signal`.
 */
export async function getClockOffset(signal: AbortSignal): Promise<number> {
  const before = Date.now();
  const answer: { now: string } | null = await askServer(signal, (client, options) => client.getTime(options));
  const offsetMs = Date.parse(answer?.now ?? '') - (before + Date.now()) / 2;
  if (Number.isNaN(offsetMs)) throw new ApiError(readFailure(200, '')); // not a response of oxbow
  return offsetMs;
}
