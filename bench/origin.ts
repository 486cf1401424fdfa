/**
 * A live HLS origin in a process of its own: as many sliding playlists as asked for, all of the same pre-made segments.
 * In: `OriginOrder` as the first message of its parent. Out: `OriginReady` when it listens; HTTP until it is killed.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { SEGMENT_S } from './media.ts';

/** Segments in a list. */
const LISTED = 6;

interface OriginOrder {
  /** Absolute paths. */
  readonly segments: readonly string[];
  /** Live lists at `/0/live.m3u8` and so on; their edges are spread evenly over a segment. */
  readonly streams: number;
}

interface OriginReady {
  readonly port: number;
}

/** A running origin. */
export interface BenchOrigin extends AsyncDisposable {
  readonly pid: number;
  /** The URL of each live list. */
  readonly urls: readonly string[];
}

/** Starts an origin whose lists are full from the start; the media loops, behind a DISCONTINUITY, when it is used up. */
export async function openBenchOrigin(order: OriginOrder): Promise<BenchOrigin> {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: ['--disable-warning=ExperimentalWarning'] });
  const exited = once(child, 'exit');
  child.send(order);
  const [ready] = (await Promise.race([once(child, 'message'), exited])) as [OriginReady | number | null];
  if (typeof ready !== 'object' || ready === null) throw new Error('the origin of the benchmark did not start');
  return {
    pid: child.pid!,
    urls: Array.from({ length: order.streams }, (_, k) => `http://127.0.0.1:${ready.port}/${k}/live.m3u8`),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The list of a stream at `seconds` since the origin began. */
function printLiveList(seconds: number, loop: number): string {
  const first = Math.floor(seconds / SEGMENT_S);
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    `#EXT-X-TARGETDURATION:${SEGMENT_S}`,
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first === 0 ? 0 : Math.floor((first - 1) / loop)}`,
  ];
  for (let msn = first; msn < first + LISTED; msn++) {
    if (msn > 0 && msn % loop === 0) lines.push('#EXT-X-DISCONTINUITY');
    lines.push(`#EXTINF:${SEGMENT_S.toFixed(3)},`, `${msn}.ts`);
  }
  return `${lines.join('\n')}\n`;
}

function serve({ segments, streams }: OriginOrder): void {
  const bodies = segments.map((path) => readFileSync(path));
  const beganMs = performance.now();
  const server = createServer((request, response) => {
    const [, stream = '', file = ''] = (request.url ?? '/').split('/');
    if (file === 'live.m3u8') {
      const phaseS = (Number(stream) / streams) * SEGMENT_S;
      const list = printLiveList((performance.now() - beganMs) / 1000 + phaseS, bodies.length);
      response.setHeader('content-type', 'application/vnd.apple.mpegurl');
      response.setHeader('content-length', Buffer.byteLength(list)).end(list);
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
  process.once('message', (order) => serve(order as OriginOrder));
  process.on('disconnect', () => process.exit());
}
