import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { StreamView } from '../../src/api/shapes.ts';
import { need } from '../fixtures/need.ts';
import { makeHls } from '../fixtures/origin.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { perSecond, readListed, slidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';

const SECONDS = 60;
const LIST = 'application/vnd.apple.mpegurl';
/** Requests that are answered so, before the source behaves. */
const TIMES = 2;
/** More than the server may hold of one reply. */
const BOMB_BYTES = 300_000_000;

type Answer = (response: ServerResponse, list: () => string) => void;

const send = (response: ServerResponse, body: string | Uint8Array, headers: Record<string, string | number> = {}) => {
  response.writeHead(200, { 'content-type': LIST, ...headers });
  response.end(body);
};

/** What a source answers to a request for its list; it is healthy afterwards. */
const hostile: Readonly<Record<string, Answer>> = {
  loops: (response) => void response.writeHead(302, { location: '/loops.m3u8' }).end(),
  bomb: (response) =>
    send(response, gzipSync(new Uint8Array(BOMB_BYTES), { level: 9 }), { 'content-encoding': 'gzip' }),
  huge: (response) => send(response, `#EXTM3U\n${'#EXTINF:1,\nsegment-with-a-long-name.ts\n'.repeat(270_000)}`),
  endless: (response) => {
    response.writeHead(200, { 'content-type': LIST });
    response.write('#EXTM3U\n');
    const timer = setInterval(() => response.write('# and so on\n'.repeat(5000)), 20);
    response.once('close', () => clearInterval(timer));
  },
  longer: (response, list) => {
    // The body is shorter than its length says, and the connection ends.
    response.writeHead(200, { 'content-type': LIST, 'content-length': 100_000 });
    response.write(list());
    setTimeout(() => response.destroy(), 50);
  },
  shorter: (response, list) => {
    // The body is longer than its length says: what comes after it is no response.
    const text = list();
    response.socket!.write(`HTTP/1.1 200 OK\r\ncontent-type: ${LIST}\r\ncontent-length: 20\r\n\r\n${text}`);
  },
  page: (response) => send(response, '<!doctype html><title>Please wait</title>', { 'content-type': 'text/html' }),
  binary: (response) =>
    send(
      response,
      Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) & 255),
    ),
  nothing: (response) => send(response, ''),
  resets: (response) => void response.socket!.resetAndDestroy(),
  hangs: () => undefined,
};
/** Types that are not true, which do no harm. */
const harmless = ['types', 'steady'] as const;

suite('sources that offer anything at all', { skip: need('ffmpeg') }, () => {
  test('each is refused with a reason and recorded once it behaves, and the one beside them misses nothing', async (context) => {
    await using folder = await openFolder('hostile');
    const media = join(folder.path, 'media');
    await makeHls({ folder: media, seconds: SECONDS, size: '128x72' });
    const listed = await readListed(media);
    const list = slidingList({
      segments: listed,
      window: 30,
      released: perSecond({ first: 8, seconds: 1 }),
      ends: false,
    });
    const asked = new Map<string, number>();
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      const path = new URL(request.url!, 'http://x').pathname;
      const name = path.slice(1).replace('.m3u8', '');
      if (!path.endsWith('.m3u8'))
        return send(response, readFileSync(join(media, path)), { 'content-type': 'text/html' });
      const times = (asked.get(name) ?? 0) + 1;
      asked.set(name, times);
      const lie = hostile[name];
      if (lie && times <= TIMES) lie(response, list);
      else send(response, list(), name === 'types' ? { 'content-type': 'image/png' } : {});
    };
    const origin = createServer(answer);
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
    context.after(() => {
      origin.closeAllConnections();
      origin.close();
    });
    const { port } = origin.address() as AddressInfo;
    const names = [...Object.keys(hostile), ...harmless];
    const args = names.map((name) => `${name}=http://127.0.0.1:${port}/${name}.m3u8`);
    await using server = await startServer({ data: join(folder.path, 'data'), args });
    const problems = new Map<string, string>();
    const viewOf = (name: string) => server.json<StreamView>(`/api/v1/streams/${name}`);
    await until('each has shown a problem or is live', async () => {
      for (const name of names) {
        const { problem } = await viewOf(name);
        if (problem !== '') problems.set(name, problem);
      }
      return Object.keys(hostile).every((name) => problems.has(name) || (asked.get(name) ?? 0) > TIMES);
    });
    for (const name of names) await server.stream(name);
    context.diagnostic([...problems].map(([name, problem]) => `${name}: ${problem}`).join('\n'));
    await until('all are recorded', async () =>
      (await Promise.all(names.map(viewOf))).every(({ recorded }) => recorded.seconds > 2),
    );
    const { gaps, spans } = await server.timeline('steady');
    assert.deepEqual([gaps, spans.length], [[], 1]);
    const metrics = Buffer.from(await server.bytes('/metrics')).toString();
    assert.match(metrics, /^oxbow_bugs_total 0$/m);
    const rss = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]) * 1024;
    context.diagnostic(`largest resident size: ${(rss / 1e6).toFixed(0)} MB`);
    assert.ok(rss < BOMB_BYTES + 150_000_000, `${rss} bytes: the bomb was unpacked`);
  });
});
