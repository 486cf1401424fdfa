/**
 * Viewers that join and leave: each watches something for a while, then another one replaces it.
 * In: a server and its streams. Out: requests until a signal ends them, and the count of responses by status.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Counts of viewers and responses. */
interface ViewersTally {
  /** Current viewers. */
  now: number;
  /** Visits that have ended. */
  visits: number;
  /** Number of responses by status. */
  readonly responses: Map<number, number>;
  /** Requests that failed without a response while their viewer was still there. */
  failed: number;
}

/** Options of `sendViewers`. */
interface SendOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly streams: readonly string[];
  /** Most viewers at the same time. */
  readonly viewers: number;
  /** Returns an integer from 0, below its argument. */
  readonly random: (below: number) => number;
}

/** One visit; `sinceMs` is the start of the recordings, ms since 1970. */
interface Visit {
  readonly stream: string;
  readonly sinceMs: number;
  readonly random: SendOptions['random'];
  readonly signal: AbortSignal;
  get(path: string): Promise<string>;
}

/** Live: the playlist about once a second, and its new parts. */
async function watchList(visit: Visit, index: string): Promise<void> {
  const folder = index.slice(0, index.lastIndexOf('/') + 1);
  const list = folder + lastUri(await visit.get(index), /\.m3u8$/);
  const base = list.slice(0, list.lastIndexOf('/') + 1);
  for (const seen = new Set<string>(); ; await pause(800 + visit.random(600), undefined, { signal: visit.signal })) {
    const fresh = urisOf(await visit.get(list)).filter((uri) => !seen.has(uri));
    // A new viewer starts with the last three.
    for (const uri of seen.size === 0 ? fresh.slice(-3) : fresh) await visit.get(base + uri);
    for (const uri of fresh) seen.add(uri);
  }
}

/** The past: a window of half a minute as fast as a player loads it, then a pause, then another window. */
async function watchPast(visit: Visit): Promise<void> {
  for (;;) {
    const from = pastS(visit, 40);
    const index = `/vod/${visit.stream}/${from}/30/index.m3u8`;
    const list = new URL(lastUri(await visit.get(index), /\.m3u8$/), `http://x${index}`).pathname;
    for (const uri of urisOf(await visit.get(list))) {
      await visit.get(new URL(uri, `http://x${list}`).pathname);
      await pause(200, undefined, { signal: visit.signal });
    }
    await pause(5000 + visit.random(10_000), undefined, { signal: visit.signal });
  }
}

/** Stills of the timeline. */
async function hover(visit: Visit): Promise<void> {
  for (;;) {
    await visit.get(`/thumb/${visit.stream}/${pastS(visit, 10)}.jpg`);
    await pause(1000, undefined, { signal: visit.signal });
  }
}

/** Clips of twenty seconds. */
async function clip(visit: Visit): Promise<void> {
  for (;;) {
    await visit.get(`/clip/${visit.stream}/${pastS(visit, 30)}/20.${['mp4', 'ts', 'mkv'][visit.random(3)]}`);
    await pause(5000, undefined, { signal: visit.signal });
  }
}

/** The requests of the page itself. */
async function loadPage(visit: Visit): Promise<void> {
  for (;;) {
    for (const path of [`/watch/${visit.stream}`, '/api/v1/streams', `/api/v1/streams/${visit.stream}/timeline`])
      await visit.get(path);
    await pause(2000, undefined, { signal: visit.signal });
  }
}

const kinds: readonly ((visit: Visit) => Promise<void>)[] = [
  (visit) => watchList(visit, `/live/${visit.stream}/index.m3u8`),
  (visit) => watchList(visit, `/live/${visit.stream}/index.m3u8`),
  (visit) => watchList(visit, `/live/${visit.stream}/ts/index.m3u8`),
  watchPast,
  hover,
  clip,
  loadPage,
];

/** Sends viewers, the first after `afterS` seconds, until `signal` fires. The tally is updated meanwhile. */
export function sendViewers(
  options: SendOptions,
  { afterS, signal }: { readonly afterS: number; readonly signal: AbortSignal },
): { tally: ViewersTally; done: Promise<void> } {
  const { url, streams, viewers, random } = options;
  const tally: ViewersTally = { now: 0, visits: 0, responses: new Map(), failed: 0 };
  const sinceMs = Date.now();
  const visit = async () => {
    await pause(afterS * 1000, undefined, { signal }).catch(() => {});
    while (!signal.aborted) {
      const leaving = AbortSignal.any([signal, AbortSignal.timeout(5000 + random(40_000))]);
      tally.now++;
      try {
        await kinds[random(kinds.length)]!({
          stream: streams[random(streams.length)]!,
          sinceMs,
          random,
          signal: leaving,
          async get(path) {
            const answer = await fetch(url + path, { signal: leaving });
            tally.responses.set(answer.status, (tally.responses.get(answer.status) ?? 0) + 1);
            const isText = /mpegurl|json|html/.test(answer.headers.get('content-type') ?? '');
            const body = Buffer.from(await answer.arrayBuffer());
            if (!answer.ok) throw new Error(`${answer.status} ${path}`);
            return isText ? body.toString() : '';
          },
        });
      } catch (error) {
        if (!leaving.aborted && !/^\d{3} /.test((error as Error).message)) tally.failed++;
      }
      tally.now--;
      tally.visits++;
      if (!signal.aborted) await pause(random(3000), undefined, { signal }).catch(() => {});
    }
  };
  return { tally, done: Promise.all(Array.from({ length: viewers }, visit)).then(() => undefined) };
}

/** Start of a recorded range of `lengthS`, seconds since 1970. */
function pastS({ sinceMs, random }: Visit, lengthS: number): number {
  const rangeS = Math.max(1, Math.floor((Date.now() - sinceMs) / 1000) - lengthS);
  return Math.floor(sinceMs / 1000) + random(rangeS);
}

function urisOf(list: string): string[] {
  return list.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function lastUri(list: string, pattern: RegExp): string {
  const uri = urisOf(list).findLast((line) => pattern.test(line));
  if (uri === undefined) throw new Error('404 the playlist lists none');
  return uri;
}
