/**
 * A live HLS origin in a separate process: sliding playlists that all list the same segments in a loop.
 * In: `OriginOptions` as the first message of the parent. Out: the port as a message; HTTP until it is
 * killed.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { SEGMENT_S } from './media.ts';

/** Segments in a playlist. */
const LISTED = 6;
/** Segments in a playlist of the past, `/0/past.m3u8`: three minutes. */
const LISTED_PAST = 90;

interface OriginOptions {
  /** Absolute paths. */
  readonly segments: readonly string[];
  /** Number of live playlists, `/0/live.m3u8` and so on; their edges are spread evenly over a segment. */
  readonly streams: number;
  /** Playlists have dates. */
  readonly dated?: boolean;
}

/** A running origin. */
interface BenchOrigin extends AsyncDisposable {
  readonly pid: number;
  /** The URL of each live playlist. */
  readonly urls: readonly string[];
}

/** Starts an origin whose playlists are full from the start; the media loops with a DISCONTINUITY. */
export async function openBenchOrigin(options: OriginOptions): Promise<BenchOrigin> {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: ['--disable-warning=ExperimentalWarning'] });
  const exited = once(child, 'exit');
  child.send(options);
  const [ready] = (await Promise.race([once(child, 'message'), exited])) as [{ readonly port: number } | number | null];
  if (typeof ready !== 'object' || ready === null) throw new Error('the origin of the benchmark did not start');
  return {
    pid: child.pid!,
    urls: Array.from({ length: options.streams }, (_, k) => `http://127.0.0.1:${ready.port}/${k}/live.m3u8`),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** How a playlist is printed. */
interface ListForm {
  /** Segments in the media. */
  readonly loop: number;
  /** Segments before those of the live playlist. */
  readonly past: number;
  /** Date of the first segment, ms since 1970; undefined: it has no dates. */
  readonly startMs: number | undefined;
}

/** The playlist of a stream `seconds` after the start of the origin. */
function printLiveList(seconds: number, { loop, past, startMs }: ListForm): string {
  const live = Math.floor(seconds / SEGMENT_S);
  const first = Math.max(0, live - past);
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    `#EXT-X-TARGETDURATION:${SEGMENT_S}`,
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first === 0 ? 0 : Math.floor((first - 1) / loop)}`,
  ];
  for (let msn = first; msn < live + LISTED; msn++) {
    if (msn > 0 && msn % loop === 0) lines.push('#EXT-X-DISCONTINUITY');
    if (startMs !== undefined) {
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(startMs + msn * SEGMENT_S * 1000).toISOString()}`);
    }
    lines.push(`#EXTINF:${SEGMENT_S.toFixed(3)},`, `${msn}.ts`);
  }
  return `${lines.join('\n')}\n`;
}

function serve({ segments, streams, dated = false }: OriginOptions): void {
  const bodies = segments.map((path) => readFileSync(path));
  const startMs = performance.now();
  const startedMs = Date.now();
  const server = createServer((request, response) => {
    const [, stream = '', file = ''] = (request.url ?? '/').split('/');
    if (file === 'live.m3u8' || file === 'past.m3u8') {
      const phaseS = (Number(stream) / streams) * SEGMENT_S;
      const dateMs = dated ? startedMs - (LISTED - 1 + phaseS / SEGMENT_S) * SEGMENT_S * 1000 : undefined;
      const form = { loop: bodies.length, past: file === 'past.m3u8' ? LISTED_PAST : 0, startMs: dateMs };
      const text = printLiveList((performance.now() - startMs) / 1000 + phaseS, form);
      response.setHeader('content-type', 'application/vnd.apple.mpegurl');
      response.setHeader('content-length', Buffer.byteLength(text)).end(text);
      return;
    }
    const body = bodies[Number.parseInt(file, 10) % bodies.length];
    if (!body) response.writeHead(404).end();
    else response.setHeader('content-type', 'video/mp2t').setHeader('content-length', body.length).end(body);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }));
}

if (import.meta.main) {
  process.once('message', (options) => serve(options as OriginOptions));
  process.on('disconnect', () => process.exit());
}
