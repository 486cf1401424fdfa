/**
 * The broadcaster's rules for the past: viewers at the server, with serving threads, and at an edge that has
 * copies of before see only what is permitted; those with a right on the stream see everything, also over the
 * edge.
 * In: a server with the test picture, an edge in front of it. Out: playlists and segments of several clients.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { PastRuleSettings } from '../../src/api/past/past-rules.ts';
import type { ProblemView, StreamView, TimelineView } from '../../src/api/shapes.ts';
import { startSender } from '../fixtures/encoder.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { EDGE_TOKEN, type RunningEdge, startEdge } from '../fixtures/proxies/edge.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const adminToken = 'let-me-in-please';
/** The delay of viewers in these tests. */
const DELAY_MS = 6000;
const asAdmin = { authorization: `Bearer ${adminToken}` };

let folder: Folder;
let server: Server;
let edge: RunningEdge;
before(async () => {
  const edgePort = await freePort();
  folder = await openFolder('past-rules');
  const edges = ['--edges-urls', `http://127.0.0.1:${edgePort}`, '--edges-token', EDGE_TOKEN];
  const args = [...smallPicture, '--threads', '2', '--rtmp-play', 'true', ...edges];
  const ingest = ['rtmp', 'srt'] as const;
  server = await startServer({ data: join(folder.path, 'data'), args, adminToken, ingest, sample: false });
  edge = await startEdge(server.url, { http: `127.0.0.1:${edgePort}` });
  await change('POST', '/api/v1/streams', { name: 'cam', source: { type: 'test' }, visibility: 'public' });
  await server.stream('cam', 'live');
});
after(async () => {
  await edge?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function change(method: string, path: string, body?: unknown): Promise<void> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const headers = { ...asAdmin, 'content-type': 'application/json' };
  const response = await fetch(`${server.url}${path}`, { method, headers, ...sent });
  assert.ok(response.ok, await response.clone().text());
}

/** Sets the rules, and waits until the edge has confirmed its purge. */
async function rule(past: PastRuleSettings | null): Promise<void> {
  await change('PATCH', '/api/v1/streams/cam', { past });
  await purged();
}

async function purged(): Promise<void> {
  await until('the edge has confirmed', async () => {
    const { items } = await server.json<{ items: { state: string }[] }>('/api/v1/edge-purges?stream=cam');
    return items.every(({ state }) => state === 'done') || undefined;
  });
}

/** The code of a refusal, or `ok`. */
async function ask(base: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const response = await fetch(`${base}${path}`, { headers });
  const body = await response.arrayBuffer();
  return response.ok ? 'ok' : (JSON.parse(Buffer.from(body).toString()) as ProblemView).code;
}

interface Listed {
  /** Path of the live playlist. */
  readonly path: string;
  readonly msns: readonly number[];
  /** End of the last segment, ms since 1970. */
  readonly endMs: number;
  /** When the answer came, ms since 1970. */
  readonly answeredMs: number;
  readonly text: string;
}

/** The live playlist of a client, with at least two segments. */
function list(base: string, headers: Readonly<Record<string, string>> = {}, prefix = ''): Promise<Listed> {
  return until(`a playlist of ${base}${prefix}`, async () => {
    const text = async (path: string) => {
      const response = await fetch(`${base}${prefix}${path}`, { headers });
      return response.ok ? response.text() : '';
    };
    const file = /^[^#\n].*\.m3u8$/m.exec(await text('/live/cam/index.m3u8'))?.[0];
    const path = `/live/cam/${file}`;
    const playlist = file ? await text(path) : '';
    const msns = [...playlist.matchAll(/^(\d+)\.m4s$/gm)].map((match) => Number(match[1]));
    if (msns.length < 2) return undefined;
    // Each segment adds its duration to the last date before it.
    let endMs = 0;
    for (const line of playlist.split('\n')) {
      if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) endMs = Date.parse(line.slice(25));
      if (line.startsWith('#EXTINF:')) endMs += 1000 * Number.parseFloat(line.slice(8));
    }
    return { path, msns, endMs, answeredMs: Date.now(), text: playlist };
  });
}

const segmentOf = ({ path }: Listed, msn: number) => `${path.slice(0, path.lastIndexOf('/'))}/${msn}.m4s`;

suite("the broadcaster's rules for the past", () => {
  after(() => rule(null));

  test('a delay: viewers are late at the server and at the edge, and guess nothing that is newer', async () => {
    await rule({ delay: `${DELAY_MS}ms` });
    for (const base of [server.url, edge.url]) {
      const viewers = await list(base);
      assert.ok(viewers.endMs <= viewers.answeredMs - DELAY_MS, `${base}: ${viewers.endMs - viewers.answeredMs}`);
      assert.ok(!viewers.text.includes('EXT-X-PART'), viewers.text);
      const operator = await list(base, asAdmin);
      assert.ok(operator.msns.at(-1)! > viewers.msns.at(-1)!, 'those with a right see more');
      const newest = segmentOf(operator, operator.msns.at(-1)!);
      assert.equal(await ask(base, newest), 'not-found');
      assert.equal(await ask(base, newest, asAdmin), 'ok');
      assert.equal(await ask(base, newest), 'not-found', 'no copy of the answer before is given out');
      assert.equal(await ask(base, segmentOf(viewers, viewers.msns[0]!)), 'ok');
    }
    const offer = { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: 'v=0\r\n' };
    const refused = await fetch(`${server.url}/whep/cam`, offer);
    assert.notEqual(refused.status, 201);
  });

  test('a start mark: before it not-started, after it nothing from before it, though the edge had it', async () => {
    await rule(null);
    const before = await list(edge.url);
    const old = segmentOf(before, before.msns[0]!);
    assert.equal(await ask(edge.url, old), 'ok', 'the edge has a copy');
    await rule({ start: 'mark' });
    for (const base of [server.url, edge.url]) {
      for (const path of ['/live/cam/index.m3u8', before.path, old, '/live/cam/index.mpd', '/live/cam/ts/index.m3u8']) {
        assert.equal(await ask(base, path), 'not-started', `${base} ${path}`);
      }
      assert.equal(await ask(base, old, asAdmin), 'ok');
    }
    assert.equal(await ask(server.url, '/api/v1/streams/cam/timeline'), 'not-started');
    const waits = (await (await fetch(`${server.url}/api/v1/streams/cam`)).json()) as StreamView;
    assert.deepEqual(
      [waits.past?.isStarted, waits.past?.start, waits.recorded.from],
      [false, { by: 'mark', at: null }, null],
    );

    await change('POST', '/api/v1/streams/cam/start-mark', {});
    await purged();
    const started = (await (await fetch(`${server.url}/api/v1/streams/cam`)).json()) as StreamView;
    const markMs = Date.parse(started.past!.start!.at!);
    for (const base of [server.url, edge.url]) {
      const { msns } = await list(base);
      assert.ok(msns[0]! > before.msns.at(-1)!, `${base}: ${msns[0]} is after the mark`);
      assert.equal(await ask(base, old), 'past-limited');
      assert.equal(await ask(base, old, asAdmin), 'ok');
    }
    const timeline = (await (await fetch(`${server.url}/api/v1/streams/cam/timeline`)).json()) as TimelineView;
    assert.ok(Date.parse(timeline.from) >= markMs, timeline.from);
    assert.ok(timeline.spans.every(({ from }) => Date.parse(from) >= markMs));
  });

  test('a link with a playback token is late too, unless it says that the rules do not concern it', async () => {
    await rule({ delay: `${DELAY_MS}ms` });
    const linkOf = async (body: object) => {
      const headers = { ...asAdmin, 'content-type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify(body) };
      const response = await fetch(`${server.url}/api/v1/streams/cam/watch-tokens`, init);
      const { hls } = (await response.json()) as { hls: string };
      return new URL(hls).pathname.replace('/live/cam/index.m3u8', '');
    };
    const [plain, exempt] = [await linkOf({}), await linkOf({ exempt: true })];
    for (const base of [server.url, edge.url]) {
      const viewers = await list(base, {}, plain);
      assert.ok(viewers.endMs <= viewers.answeredMs - DELAY_MS);
      const operator = await list(base, {}, exempt);
      const newest = segmentOf(operator, operator.msns.at(-1)!);
      assert.equal(await ask(base, `${exempt}${newest}`), 'ok');
      assert.equal(await ask(base, `${plain}${newest}`), 'not-found');
      assert.equal(await ask(base, newest), 'not-found');
    }
  });

  fullTest(
    'viewers of protocols without a past are disconnected when they are to be late',
    {
      skip: need('ffmpeg'),
    },
    async () => {
      await rule(null);
      const options = ['-v', 'error', '-nostdin', '-i'];
      const sink = ['-c', 'copy', '-f', 'null', '-'];
      const play = (address: string) => startSender('ffmpeg', [...options, address, ...sink]);
      const senders = [
        play(`${server.ingest.rtmp}/cam`),
        play(`${server.ingest.srt}?mode=caller&streamid=request:cam`),
      ];
      await until('both play', async () => {
        const metrics = Buffer.from(await server.bytes('/metrics')).toString();
        const isSent = /oxbow_rtmp_sent_bytes_total\{protocol="rtmp"\} [1-9]/.test(metrics);
        return isSent && server.log('info').some(({ msg }) => msg === 'an SRT caller receives the stream');
      });
      await rule({ delay: `${DELAY_MS}ms` });
      await Promise.all(senders.map(({ ended }) => ended));
      assert.ok(server.log('info').some(({ msg }) => msg === 'an SRT caller may receive the stream no more'));
    },
  );

  test('clips are for those with a right, where viewers make none', async () => {
    await rule({ clips: false });
    const span = await until('three seconds are recorded', async () => {
      const { recorded } = await server.json<StreamView>('/api/v1/streams/cam');
      const fromS = Math.ceil(Date.parse(recorded.from!) / 1000);
      return Date.parse(recorded.to!) / 1000 > fromS + 3 ? `${fromS}/${fromS + 2}` : undefined;
    });
    assert.equal(await ask(server.url, `/clip/cam/${span}.mp4`), 'clips-off');
    assert.equal(await ask(server.url, `/clip/cam/${span}.mp4`, asAdmin), 'ok');
    assert.equal(await ask(server.url, `/vod/cam/${span}/index.m3u8`), 'ok', 'the past may be watched');
  });
});
