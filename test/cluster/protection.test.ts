/**
 * Encryption and the broadcaster's rules for the past in a cluster: over PostgreSQL, a bucket that may answer
 * viewers, the node that does not own the stream, an edge in front of it, and a takeover.
 * In: streams of node a. Out: what clients get of a, of b and of the edge.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import type { PastRuleSettings } from '../../src/api/past/past-rules.ts';
import type { StreamView, TimelineView } from '../../src/api/shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { newestStretch, type Stretch } from '../browser/stretch.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { pictureHashes } from '../fixtures/ffmpeg.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { type LoadedMedia, readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { get, liveOf, VIEWER, verdict } from '../fixtures/proxies/client-requests.ts';
import { EDGE_TOKEN, type RunningEdge, startEdge } from '../fixtures/proxies/edge.ts';
import { openFolder, type Server, smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { ADMIN, openCluster } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server') || need('ffmpeg');
const watchSecret = 'a secret of origin and edges';
/** By how much viewers of `show` are late, ms. */
const DELAY_MS = 4000;
/** Of the encrypted streams that are compared, seconds. */
const SECONDS = 5;
const json = { 'content-type': 'application/json' };
const asAdmin = { authorization: `Bearer ${ADMIN}` };

/** The first segment of a list, with its key or its init section. */
function firstOf({ path, list }: LoadedMedia) {
  const [segment] = list.segments;
  assert.ok(segment?.keys ?? segment?.key, 'it is encrypted');
  return {
    msn: Number(/(\d+)\.m4s/.exec(segment!.uri)?.[1]),
    segment: resolvePath(segment!.uri, path),
    init: resolvePath(segment!.map!.uri, path),
    key: segment!.key?.uri === undefined ? undefined : resolvePath(segment!.key.uri, path),
  };
}

suite('protection in a cluster', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let a: Server;
  let b: Server;
  let edge: RunningEdge;
  /** Base addresses of a, b and the edge. */
  let all: readonly string[];
  const stretches = new Map<string, Stretch>();

  before(async () => {
    const bucket = opened.use(await startS3());
    await bucket.allowPages();
    const { path } = opened.use(await openFolder('protection'));
    const target = Object.assign(bucket.target(), { direct: 'redirect', directUrl: `http://127.0.0.1:${bucket.port}` });
    const edgePort = await freePort();
    const settings = {
      storage: { targets: { bucket: target }, target: 'bucket', mode: 'move', after: '0s' },
      encryption: { keyEvery: 2 },
      hls: { segmentDuration: '1s' },
      watchSecret,
      edges: { urls: [`http://127.0.0.1:${edgePort}`], token: EDGE_TOKEN },
    };
    const config = join(path, 'oxbow.yaml');
    await writeFile(config, JSON.stringify(settings));
    const cluster = opened.use(await openCluster());
    const args = ['--config', config, ...smallPicture];
    a = (await cluster.start('a', { args })).server;
    for (const [name, encryption] of [
      ['aes', 'aes-128'],
      ['drm', 'cbcs'],
      ['show', 'none'],
    ] as const) {
      await send(a, 'POST', '/api/v1/streams', { name, source: { type: 'test' }, visibility: 'public', encryption });
      await a.stream(name, 'live');
    }
    b = (await cluster.start('b', { args })).server;
    const edgeArgs = ['--watch-secret', watchSecret];
    edge = opened.use(await startEdge(b.url, { http: `127.0.0.1:${edgePort}`, args: edgeArgs }));
    all = [a.url, b.url, edge.url];
  });
  after(() => opened.disposeAsync());

  async function send<T>(server: Server, method: string, path: string, body?: unknown): Promise<T> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await server.fetch(path, { method, headers: json, ...sent });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** Changes a stream, and waits until nodes and edges have dropped their copies. */
  async function change(name: string, patch: object): Promise<void> {
    await send(b, 'PATCH', `/api/v1/streams/${name}`, patch);
    await purged(name);
  }
  const rule = (past: PastRuleSettings | null) => change('show', { past });
  const purged = (name: string) =>
    until('nodes and edges have confirmed', async () => {
      const { items } = await b.json<{ items: { state: string }[] }>(`/api/v1/edge-purges?stream=${name}`);
      return items.every(({ state }) => state === 'done') || undefined;
    });

  const windowOf = (name: string) => {
    const { fromMs, toMs } = stretches.get(name)!;
    return `${name}/${fromMs}/${toMs}`;
  };
  const licence = (name: string, init: Buffer) => {
    const at = init.indexOf('tenc');
    const kid = init.subarray(at + 12, at + 28).toString('base64url');
    return async (base: string) => {
      const { status, body } = await get(base, `/live/${name}/keys/clearkey`, VIEWER, { kids: [kid] });
      return `${status} ${body}`;
    };
  };

  /** Media, keys and licences of the windows are the same everywhere, and come from oxbow. */
  async function encryptedAs(bases: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const seen = new Map<string, readonly string[]>();
    for (const name of ['aes', 'drm']) {
      const loaded = await readFirstVariant(b, `/vod/${windowOf(name)}/index.m3u8`);
      assert.ok(loaded.list.segments.every(({ byteRange }) => byteRange === undefined));
      const { segment, init, key } = firstOf(loaded);
      const ask = licence(name, (await get(b.url, init)).body);
      for (const base of bases) {
        const media = await get(base, segment);
        assert.equal(media.status, 200, `${base}${segment}: no redirect to the clear bytes`);
        const secret = key === undefined ? await ask(base) : (await get(base, key)).body.toString('hex');
        const facts = [segment, media.body.toString('hex'), secret];
        assert.ok(key === undefined ? secret.startsWith('200') : secret.length === 32, secret);
        assert.deepEqual(facts, seen.get(name) ?? facts, `${name} at ${base}`);
        seen.set(name, facts);
        const clear = segment.replace(/\/k[^/]*(?=\/\d+\.m4s)/, '');
        assert.equal(await verdict(base, clear), 'media-encrypted');
      }
    }
    return seen;
  }

  test('encrypted streams have the same segments and keys at their node, at another one and at an edge', async () => {
    for (const name of ['aes', 'drm']) stretches.set(name, await newestStretch(b, SECONDS, name));
    await encryptedAs(all);
    const clip = await pictureHashes(`${b.url}/clip/${windowOf('aes')}.mp4`);
    assert.ok(clip.length > 50, `${clip.length} pictures`);
    for (const base of all) assert.deepEqual(await pictureHashes(`${base}/vod/${windowOf('aes')}/index.m3u8`), clip);
    // The clip of common encryption is clear, for those who may watch.
    assert.ok((await pictureHashes(`${edge.url}/clip/${windowOf('drm')}.mp4`)).length > 50);
  });

  test('a stream that is encrypted from now on leaves no clear copy at nodes and edges', async () => {
    const { folder, msns } = await liveOf(edge.url, 'show');
    const clear = `${folder}/${msns[0]}.m4s`;
    for (const base of all) assert.equal(await verdict(base, clear), '200');
    await change('show', { encryption: 'aes-128' });
    for (const base of all) assert.equal(await verdict(base, clear), 'media-encrypted', base);
    await change('show', { encryption: 'none' });
  });

  test('rules for the past are the same at another node and at its edge', async () => {
    await rule({ delay: `${DELAY_MS}ms` });
    for (const base of all) {
      const viewer = await liveOf(base, 'show');
      const operator = await liveOf(base, 'show', asAdmin);
      const newest = `${operator.folder}/${operator.msns.at(-1)}.m4s`;
      assert.ok(operator.msns.at(-1)! > viewer.msns.at(-1)!, base);
      assert.deepEqual(
        [await verdict(base, newest), await verdict(base, newest, asAdmin), await verdict(base, newest)],
        ['not-found', '200', 'not-found'],
        base,
      );
    }
    const offer = { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: 'v=0\r\n' };
    for (const { url } of [a, b]) assert.notEqual((await fetch(`${url}/whep/show`, offer)).status, 201);
  });

  test('lists, guides and events of another node show viewers no more than media', async () => {
    await rule({ delay: '3m' });
    const nowMs = Date.now();
    // Administrators first: what is made for them must not be what viewers get.
    const guides = async (headers = VIEWER) => (await get(b.url, '/xmltv.xml?stream=show', headers)).body.toString();
    const { recorded } = await send<StreamView>(b, 'GET', '/api/v1/streams/show');
    const title = 'a marker of the last minute';
    const after = await cursor();
    await send(b, 'POST', '/api/v1/streams/show/markers', { at: String(nowMs), text: title });
    await send(b, 'POST', '/api/v1/streams/aes/markers', { at: String(nowMs), text: 'another' });
    const to = String(Date.parse(recorded.from!) + 1000);
    const clip = { stream: 'show', title: 'clip', visibility: 'public', from: recorded.from, to };
    const made = await send<{ id: string }>(b, 'POST', '/api/v1/clips', clip);
    assert.ok((await guides(asAdmin)).includes(title));
    assert.ok(!(await guides()).includes(title), 'the guide of viewers');
    for (const { url } of [a, b]) {
      const clips = async (headers = VIEWER) => (await get(url, '/api/v1/clips', headers)).body.includes(made.id);
      assert.deepEqual([await clips(asAdmin), await clips()], [true, false], `clips at ${url}`);
      assert.equal(await verdict(url, `/api/v1/clips/${made.id}`), 'past-limited');
      assert.equal(await verdict(url, `/c/${made.id}/clip.mp4`), 'past-limited');
      const streams = (await get(url, '/api/v1/streams')).body.toString();
      const { items } = JSON.parse(streams) as { items: StreamView[] };
      const show = items.find(({ name }) => name === 'show')!;
      assert.deepEqual([show.past?.isExempt, show.recorded.from], [false, null], url);
      const timeline = JSON.parse((await get(url, '/api/v1/streams/show/timeline')).body.toString()) as TimelineView;
      assert.deepEqual([timeline.spans, timeline.markers], [[], []], url);
      const events = async (headers = VIEWER) => {
        const { items: found } = JSON.parse((await get(url, `/api/v1/events?since=${after}`, headers)).body.toString());
        const types = (found as { type: string; stream: string | null }[]).filter(
          ({ type }) => type === 'marker.added',
        );
        return types.map(({ stream }) => stream).sort();
      };
      await until('the events are in the log', async () => (await events(asAdmin)).length === 2);
      assert.deepEqual(await events(), ['aes'], `events at ${url}`);
    }
  });

  /** Where the log of events ends. */
  async function cursor(): Promise<string> {
    const page = await b.json<{ next: string }>(`/api/v1/events?since=${Math.floor(Date.now() / 1000) - 1}`);
    return page.next;
  }

  test('a bucket that answers viewers gets none of what is encrypted or limited', async () => {
    await rule(null);
    const span = await newestStretch(b, 2 * SECONDS, 'show');
    stretches.set('show', { fromMs: span.fromMs, toMs: span.fromMs + 1000 * (2 * SECONDS - 1) });
    for (const name of ['aes', 'drm', 'show']) {
      await send(b, 'POST', `/api/v1/streams/${name}/stop`);
      await b.stream(name, 'stopped');
    }
    await until('everything is in the bucket', async () => {
      const { objectStores } = await a.json<StorageView>('/api/v1/storage');
      return objectStores.every(({ objects, waiting }) => objects > 0 && waiting === 0);
    });
    await encryptedAs(all);
    const { list, path } = await readFirstVariant(b, `/vod/${windowOf('show')}/index.m3u8`);
    const segments = list.segments.map(({ uri, byteRange }) => ({
      path: resolvePath(uri, path),
      headers: { range: `bytes=${byteRange!.offset}-${byteRange!.offset + byteRange!.length - 1}` },
    }));
    const [first, last] = [segments[0]!, segments.at(-1)!];
    await until('viewers are redirected', async () => (await get(b.url, first.path, first.headers)).status === 302);
    await rule({ start: new Date(span.fromMs + 1000 * SECONDS).toISOString() });
    for (const base of all) {
      assert.equal(await verdict(base, first.path, first.headers), 'past-limited', base);
      const sent = await get(base, last.path, last.headers);
      assert.equal(sent.status, 206, `${base}: from oxbow`);
      const operator = await get(base, first.path, { ...first.headers, ...asAdmin });
      assert.ok(operator.status === 206 || operator.status === 302, `${base} ${operator.status}`);
      assert.equal(await verdict(base, first.path, first.headers), 'past-limited', `${base}: nothing was kept of it`);
      assert.equal((await get(base, `/clip/${windowOf('show')}.mp4`)).code, 'past-limited', base);
      const timeline = await get(base, '/api/v1/streams/show/timeline');
      const { from } = JSON.parse(timeline.body.toString()) as TimelineView;
      assert.ok(Date.parse(from) >= span.fromMs + 1000 * SECONDS, from);
    }
  });

  test('keys, bytes and rules survive the death of the node, and new media has keys of the same series', async () => {
    const before = await encryptedAs(all);
    await rule({ start: 'mark', delay: '1s' });
    await send(b, 'POST', '/api/v1/streams/show/start-mark', {});
    const { past } = await b.json<StreamView>('/api/v1/streams/show');
    await a.stop('SIGKILL');
    const bases = [b.url, edge.url];
    await until(
      'node b answers for the streams',
      async () => (await get(b.url, '/api/v1/streams/show')).status === 200,
    );
    assert.deepEqual(await encryptedAs(bases), before);
    const now = await b.json<StreamView>('/api/v1/streams/show');
    assert.deepEqual(now.past?.start, past?.start);
    for (const name of ['aes', 'show']) {
      await send(b, 'POST', `/api/v1/streams/${name}/start`);
      await b.stream(name, 'live');
    }
    const [old] = (await readFirstVariant(b, `/vod/${windowOf('aes')}/index.m3u8`)).list.segments;
    const live = await until('there is new media', async () => {
      const { list } = await readFirstVariant(b, '/live/aes/index.m3u8');
      return list.segments.length > 1 && list;
    });
    const seriesOf = (uri: string) => /keys\/([0-9a-f]+)-/.exec(uri)![1];
    assert.equal(seriesOf(live.segments[0]!.key!.uri!), seriesOf(old!.key!.uri!));
    for (const base of bases) {
      const operator = await liveOf(base, 'show', asAdmin);
      const newest = `${operator.folder}/${operator.msns.at(-1)}.m4s`;
      assert.equal(await verdict(base, newest), 'not-found', base);
      assert.equal(await verdict(base, `/clip/${windowOf('show')}.mp4`), 'past-limited', base);
    }
  });
});
