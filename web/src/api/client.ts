/**
 * Asks the server's API, and turns whatever goes wrong into one shape that a page can show.
 * In: paths. Out: the shapes of src/api, or a Failure thrown as ApiError. RFC 9457.
 */
import type { ProbeView } from '../../../src/api/probe.ts';
import type { StreamSettings, StreamView, TimelineView } from '../../../src/api/shapes.ts';
import { type CallOptions, OxbowClient, OxbowProblem, type Problem } from '../../../src/client/client.ts';
import { readProblem } from '../../../src/client/problem.ts';
import { serverFor, setWatchToken, watchTokenOf } from './server.ts';

/** What went wrong, for a person. */
export interface Failure {
  /** The stable code of the problem; `unreachable` where no answer came, `unreadable` where it was not oxbow's. */
  readonly code: string;
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** The server's sentence; empty where it gave none. */
  readonly title: string;
  /** The server's advice; empty where it gave none. */
  readonly hint: string;
  /** What exactly happened, in the server's words. */
  readonly detail?: string;
}

/** A request that did not give what was asked for. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.title || failure.code, options);
    this.failure = failure;
  }
}

/**
 * Reads a problem document.
 *
 * @param status HTTP status of the answer; 0 where none came
 * @param body the text of the answer, any text
 */
export function readFailure(status: number, body: string): Failure {
  return failureFrom(readProblem(status, body));
}

function failureFrom({ code, status, title, detail, hint = detail ?? '' }: Problem): Failure {
  return { code, status, title, hint, ...(detail !== undefined && { detail }) };
}

/** What of anything thrown can be shown; errors that are not the API's are bugs and are thrown again. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ApiError) return error.failure;
  throw error;
}

let unauthorized: () => void = () => {};

/** Calls `listener` from now on when a request was refused because nobody is signed in, or the session has ended. */
export function onUnauthorized(listener: () => void): void {
  unauthorized = listener;
}

/**
 * Asks the server with its typed client, with the permissions of the browser's session. Throws ApiError; aborts with `signal`. Requests
 * that are refused for the moment are not repeated here: pages show that, and ask again.
 *
 * @param stream whose playback token is sent along
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

/** Looks at an address; takes up to a minute. Throws ApiError; aborts with `signal`, which ends the look on the server too. */
export function probeSource(url: string, signal: AbortSignal): Promise<ProbeView> {
  return askServer(signal, (client, options) => client.probe({ body: { url } }, options));
}

/** Makes a stream. Throws ApiError; aborts with `signal`. */
export function createStream(
  stream: StreamSettings & { readonly name: string },
  signal: AbortSignal,
): Promise<StreamView> {
  return askServer(signal, (client, options) => client.createStream({ body: stream }, options));
}

/** More streams than this are not asked for, in more pages neither. */
const MAX_STREAMS = 1000;
const MAX_PAGES = 50;

/** The streams that anyone may see. Throws ApiError; aborts with `signal`. */
export async function getStreams(signal: AbortSignal): Promise<StreamView[]> {
  const items: StreamView[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MAX_PAGES && (page === 0 || cursor !== null) && items.length < MAX_STREAMS; page++) {
    const query: { cursor?: string } = cursor === null ? {} : { cursor };
    const answer: Partial<{ items: StreamView[]; nextCursor: string | null }> | null = await askServer(
      signal,
      (client, options) => client.listStreams(query, options),
    );
    if (!Array.isArray(answer?.items)) throw new ApiError(readFailure(200, '')); // not oxbow's answer
    items.push(...answer.items);
    cursor = answer.nextCursor ?? null;
  }
  await Promise.all(items.map((view) => makeRight(view, signal).catch(ignoreRefusal)));
  return items;
}

/** A list is whole without the pictures of one stream. */
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
    setWatchToken(name, null); // whoever is signed in needs none
    view = await look().catch(() => {
      setWatchToken(name, ended ?? null); // anyone else hears next time too that it has ended, not that there is no such stream
      throw error;
    });
  }
  await makeRight(view, signal);
  return view;
}

/** Media knows no cookies: whoever may see a stream only by being signed in gets a right to watch it, like everyone. */
async function makeRight({ name, visibility }: StreamView, signal: AbortSignal): Promise<void> {
  if ((visibility !== 'signed' && visibility !== 'private') || watchTokenOf(name) !== undefined) return;
  const { token } = await askServer(signal, (client, options) =>
    client.createStreamWatchToken({ name, body: {} }, options),
  );
  setWatchToken(name, token);
}

/**
 * What is known of [fromMs, toMs) of a stream's past. Throws ApiError; aborts with `signal`.
 *
 * @param fromMs unix milliseconds, rounded down to the second
 * @param toMs unix milliseconds, rounded up to the second
 * @param resS seconds, whole: what is finer may be merged; 0 for everything as it is
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
 * How much the server's clock is ahead of this machine's, milliseconds, to about half of the round trip.
 * Throws ApiError; aborts with `signal`.
 */
export async function getClockOffset(signal: AbortSignal): Promise<number> {
  const before = Date.now();
  const answer: { now: string } | null = await askServer(signal, (client, options) => client.getTime(options));
  const offsetMs = Date.parse(answer?.now ?? '') - (before + Date.now()) / 2;
  if (Number.isNaN(offsetMs)) throw new ApiError(readFailure(200, '')); // not oxbow's answer
  return offsetMs;
}
