import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { PlaylistSegment } from '@oxbow/media/m3u8/playlist';
import { newestStretch } from '../browser/stretch.ts';
import { pictureHashes, probe, run, stripsOf } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { datesOf, download, readFirstVariant, readMedia, resolvePath, stretchesOf } from '../fixtures/playlists.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, perTier } from '../full.ts';

const PICTURE = perTier({ first: { width: 320, height: 180 }, full: { width: 640, height: 360 } });
const FRAME_MS = 40;

suite('a first start without any URL', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  const file = (name: string) => join(folder.path, name);

  before(async () => {
    folder = opened.use(await openFolder('serve'));
    server = opened.use(
      await startServer({
        data: join(folder.path, 'data'),
        adminToken: 'a-token-for-tests',
        sample: true,
        args: perTier<readonly string[]>({ first: smallPicture, full: [] }),
      }),
    );
    await server.stream('demo');
  });
  after(() => opened.disposeAsync());

  /** The live list, once it is ready. */
  const live = () => readFirstVariant(server, '/live/demo/index.m3u8');
  /** Unix seconds of a stretch that is recorded without a hole, long enough for every test of the past. */
  const past = async () => {
    const { fromMs } = await newestStretch(server, 6);
    const from = Math.ceil(fromMs / 1000) + 1;
    return { from, to: from + 4 };
  };

  test('shows the test stream as demo, live within seconds', async () => {
    const { items } = await server.json<{ items: { name: string; origin: string }[] }>('/api/v1/streams');
    assert.deepEqual(
      items.map(({ name, origin }) => [name, origin]),
      [['demo', 'sample']],
    );
  });

  test('lists parts, and answers a blocking reload when the requested part is available', async () => {
    const { path, list } = await live();
    assert.equal(list.serverControl?.canBlockReload, true);
    assert.ok(list.partTargetS! <= 0.201, `PART-TARGET is ${list.partTargetS}`);
    assert.ok(list.serverControl!.partHoldBackS! >= 3 * list.partTargetS!);
    let atOnce = 0;
    for (let round = 0, at = list; round < 8; round++) {
      const [, msn, part] = /(\d+)\.(\d+)\.m4s$/.exec(at.preloadHint!.uri)!;
      const next = await readMedia(server, `${path}?_HLS_msn=${msn}&_HLS_part=${part}`);
      const listed = next.list.segments.flatMap(({ parts }) => parts.map(({ uri }) => uri));
      assert.ok(listed.includes(`${msn}.${part}.m4s`), `part ${msn}.${part} is listed`);
      if (listed.at(-1) === `${msn}.${part}.m4s`) atOnce += 1;
      at = next.list;
    }
    // On a busy machine several parts may come together.
    assert.ok(atOnce >= 1, 'the answer does not wait for the part behind it');
  });

  test('holds the request for the hinted part, and always returns the same bytes', async () => {
    const { path, list } = await live();
    const uri = resolvePath(list.preloadHint!.uri, path);
    const held = await server.bytes(uri);
    assert.ok(held.length > 0);
    assert.deepEqual(await server.bytes(uri), held);
  });

  test('refuses a reload for media too far in the future', async () => {
    const { path, list } = await live();
    const msn = list.mediaSequence + list.segments.length + 20;
    const response = await server.fetch(`${path}?_HLS_msn=${msn}`);
    assert.equal(response.status, 400);
    await response.body?.cancel();
  });

  test('the strip in the picture and PROGRAM-DATE-TIME have the same time, part by part', async () => {
    // A loaded machine may hold the test picture up: a segment that lacks pictures for it is not taken.
    const { strips, startMs, expected } = await until('a segment has all its pictures', async () => {
      const { path, list } = await live();
      const at = list.segments.findLastIndex(({ uri, parts }) => uri !== '' && parts.length > 0);
      if (at < 0) return false;
      const segment = list.segments[at]!;
      const found = { strips: await partStrips(path, segment), startMs: datesOf(list)[at]! };
      const expected = Math.round(segment.durationS * 25);
      return found.strips.length >= expected && { ...found, expected };
    });
    assert.equal(strips.length, expected);
    for (const [i, strip] of strips.entries()) {
      assert.ok(strip, 'every picture has its strip');
      const atMs = startMs + i * FRAME_MS;
      assert.ok(Math.abs(strip.utcMs - atMs) <= FRAME_MS, `the strip says ${strip.utcMs}, the list ${atMs}`);
    }
  });

  /** The strips of all pictures of a segment, from its parts. */
  async function partStrips(path: string, segment: PlaylistSegment) {
    const strips: Awaited<ReturnType<typeof stripsOf>>[] = [];
    // A decoder needs the key frame: parts are taken together from one independent part to the next.
    const groups: (typeof segment.parts)[number][][] = [];
    for (const part of segment.parts) {
      if (part.independent) groups.push([part]);
      else groups.at(-1)!.push(part);
    }
    for (const [index, parts] of groups.entries()) {
      const uris = [segment.map!.uri, ...parts.map(({ uri }) => uri)];
      const bodies = await Promise.all(uris.map((uri) => server.bytes(resolvePath(uri, path))));
      await writeFile(file(`parts-${index}.mp4`), Buffer.concat(bodies));
      strips.push(await stripsOf(file(`parts-${index}.mp4`), PICTURE));
    }
    return strips.flat();
  }

  test('a window of the past is complete, and shows its time range', async () => {
    const { from, to } = await past();
    const { path, list } = await readFirstVariant(server, `/vod/demo/${from}/${to}/index.m3u8`);
    assert.equal(list.endList, true);
    assert.equal(list.playlistType, 'EVENT');
    const [segments] = stretchesOf(list);
    const dates = datesOf(list);
    assert.ok(dates[0]! <= from * 1000, 'it starts no later than requested');
    assert.ok(dates.at(-1)! + segments!.at(-1)!.durationS * 1000 >= to * 1000, 'and ends no sooner');
    await download(server, path, segments!, file('window.mp4'));
    const strips = await stripsOf(file('window.mp4'), PICTURE);
    const shown = strips.map((strip) => strip!.utcMs);
    const endMs = dates.at(-1)! + segments!.at(-1)!.durationS * 1000;
    assert.ok(Math.abs(shown[0]! - dates[0]!) <= FRAME_MS, `the first picture shows ${shown[0]}`);
    assert.ok(Math.abs(shown.at(-1)! + FRAME_MS - endMs) <= FRAME_MS, `the last picture shows ${shown.at(-1)}`);
    // A loaded machine may hold the test picture up, so pictures may be missing; none comes twice or out of
    // turn.
    for (const [i, ms] of shown.entries()) {
      assert.ok(i === 0 || ms >= shown[i - 1]! + FRAME_MS - 1, `picture ${i} shows ${ms} after ${shown[i - 1]}`);
    }
  });

  fullTest('all four forms of a time return the same bytes', async () => {
    const { from, to } = await past();
    const iso = (at: number) => new Date(at * 1000).toISOString();
    const compact = (at: number) => iso(at).replaceAll(/\D/g, '').slice(0, 14);
    const forms = [String(from), String(from * 1000), encodeURIComponent(iso(from)), compact(from)];
    const ends = [String(to), String(to * 1000), '4s', compact(to)];
    const wanted = await server.bytes(`/vod/demo/${from}/${to}/av0.m3u8`);
    for (const [i, form] of forms.entries()) {
      assert.deepEqual(await server.bytes(`/vod/demo/${form}/${ends[i]}/av0.m3u8`), wanted, form);
    }
  });

  fullTest('a clip has a length, supports ranges, and plays', async () => {
    const { from, to } = await past();
    const path = `/clip/demo/${from}/${to}.mp4`;
    const whole = await server.fetch(path);
    assert.equal(whole.status, 200);
    assert.equal(whole.headers.get('content-type'), 'video/mp4');
    assert.equal(whole.headers.get('accept-ranges'), 'bytes');
    const bytes = new Uint8Array(await whole.arrayBuffer());
    assert.equal(Number(whole.headers.get('content-length')), bytes.length);
    const etag = whole.headers.get('etag')!;
    const pieces: Uint8Array[] = [];
    const step = Math.ceil(bytes.length / 7);
    for (let start = 0; start < bytes.length; start += step) {
      const end = Math.min(start + step, bytes.length) - 1;
      const part = await server.fetch(path, { headers: { range: `bytes=${start}-${end}`, 'if-range': etag } });
      assert.equal(part.status, 206);
      assert.equal(part.headers.get('content-range'), `bytes ${start}-${end}/${bytes.length}`);
      pieces.push(new Uint8Array(await part.arrayBuffer()));
    }
    assert.ok(Buffer.concat(pieces).equals(bytes), 'the ranges make up the whole');
    const last = await server.fetch(path, { headers: { range: 'bytes=-10' } });
    assert.deepEqual(new Uint8Array(await last.arrayBuffer()), bytes.subarray(-10));
    const beyond = await server.fetch(path, { headers: { range: `bytes=${bytes.length}-` } });
    assert.equal(beyond.status, 416);
    await beyond.body?.cancel();
    const head = await server.fetch(path, { method: 'HEAD' });
    assert.equal(Number(head.headers.get('content-length')), bytes.length);
    await writeFile(file('clip.mp4'), bytes);
    const { startS, streams } = await probe(file('clip.mp4'));
    const video = streams.find(({ kind }) => kind === 'video')!;
    assert.equal(startS, 0);
    assert.equal(video.frames, Math.round(video.durationS * 25));
    assert.equal((await pictureHashes(file('clip.mp4'))).length, video.frames);
    const first = (await stripsOf(file('clip.mp4'), PICTURE))[0]!;
    assert.ok(first.utcMs <= from * 1000 && first.utcMs > (from - 3) * 1000, 'the clip starts at the requested time');
  });

  test('a still is a JPEG of that moment', async () => {
    const { from } = await past();
    const response = await server.fetch(`/thumb/demo/${from}.jpg`);
    assert.equal(response.status, 200, await (response.ok ? '' : response.text()));
    assert.equal(response.headers.get('content-type'), 'image/jpeg');
    const bytes = new Uint8Array(await response.arrayBuffer());
    assert.deepEqual([...bytes.subarray(0, 3)], [0xff, 0xd8, 0xff]);
    await writeFile(file('still.jpg'), bytes);
    assert.equal((await pictureHashes(file('still.jpg'))).length, 1);
  });

  fullTest('ffmpeg plays the live playlist beyond its first content without errors', async () => {
    const { list } = await live();
    const url = `${server.url}/live/demo/index.m3u8`;
    const { code, stderr } = await run('ffmpeg', ['-v', 'warning', '-i', url, '-t', '11', '-f', 'null', '-']);
    assert.equal(code, 0, stderr);
    // ffmpeg loads the init section again with each reload of a list, and remarks on it.
    const remarks = stderr.split('\n').filter((line) => !/duplicated MOOV|Last message repeated|^$/.test(line));
    assert.deepEqual(remarks, []);
    // It begins three segments before the end.
    const heldS = list.segments.slice(-4).reduce((sum, { durationS }) => sum + durationS, 0);
    assert.ok(heldS < 11, 'it has waited for media that was yet to come');
  });

  test('health, readiness, liveness, version and metrics have all their paths', async () => {
    for (const path of ['/health', '/healthz', '/ready', '/readiness']) {
      const report = await server.json<{ status: string; checks: { name: string; status: string }[] }>(path);
      assert.equal(report.status, 'ok', `${path}: ${JSON.stringify(report)}`);
      assert.ok(report.checks.length >= 2, path);
    }
    for (const path of ['/live', '/liveness', '/livez']) assert.deepEqual(await server.json(path), { status: 'ok' });
    const { version } = await server.json<{ version: string }>('/version');
    assert.match(version, /^\d+\.\d+\.\d+/);
    const page = await server.fetch('/live', { headers: { accept: 'text/html' }, redirect: 'manual' });
    assert.deepEqual([page.status, page.headers.get('location')], [302, '/']);
    const metrics = Buffer.from(await server.bytes('/metrics')).toString();
    assert.match(metrics, /^oxbow_streams\{state="live"\} 1$/m);
    assert.match(metrics, /^oxbow_recorded_bytes_total\{stream="demo"\} [1-9]/m);
    assert.match(metrics, /^oxbow_bugs_total 0$/m);
  });

  test('the timeline covers every instant once, and the list of gaps agrees', async () => {
    const timeline = await server.timeline('demo');
    assertCovered(timeline);
    // A loaded machine may hold the test picture up: what it then leaves out is rightly listed.
    for (const { cause } of timeline.gaps) assert.equal(cause, 'source-skipped');
    const { from } = timeline.spans[0]!;
    // Before the first picture the stream had not started; a gap of less than half a second is not listed.
    assert.deepEqual(timeline.offline, from === timeline.from ? [] : [{ from: timeline.from, to: from }]);
    const range = `?from=${Date.parse(timeline.from)}&to=${Date.parse(timeline.to)}`;
    assert.deepEqual(await server.json(`/api/v1/streams/demo/gaps${range}`), {
      items: timeline.gaps,
      nextCursor: null,
    });
    const { now } = await server.json<{ now: string }>('/api/v1/time');
    assert.ok(Math.abs(Date.parse(now) - Date.now()) < 2000);
  });

  test('anyone may watch; changes need the admin token', async () => {
    const anonymous = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, init);
    const create = (): RequestInit => ({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'second', source: { type: 'test' }, record: false }),
    });
    for (const path of ['/api/v1/streams', '/api/v1/streams/demo', '/api/v1/streams/demo/timeline', '/api/v1/time']) {
      assert.equal((await anonymous(path)).status, 200, path);
    }
    for (const [path, init] of [
      ['/api/v1/system', {}],
      ['/api/v1/streams', create()],
      ['/api/v1/streams/demo', { method: 'DELETE' }],
      ['/api/v1/streams/demo/stop', { method: 'POST' }],
    ] as const) {
      const refused = await anonymous(path, init);
      assert.equal(refused.status, 401, path);
      assert.equal(((await refused.json()) as { code: string }).code, 'unauthorized');
    }
    const system = await server.json<{ streams: number; disk: { recordings: number } }>('/api/v1/system');
    assert.equal(system.streams, 1);
    assert.ok(system.disk.recordings > 0);
    const made = await server.fetch('/api/v1/streams', create());
    assert.equal(made.status, 201, await made.text());
    await server.stream('second');
    assert.equal((await server.fetch('/api/v1/streams', create())).status, 409);
    assert.equal((await server.fetch('/api/v1/streams/second', { method: 'DELETE' })).status, 204);
    assert.equal((await server.fetch('/api/v1/streams/second')).status, 404);
    const elsewhere = await server.fetch('/api/v1/streams/demo', { method: 'DELETE' });
    assert.equal(((await elsewhere.json()) as { code: string }).code, 'managed-elsewhere');
  });

  test('no error was logged', () => {
    assert.deepEqual(server.log('error'), []);
    assert.deepEqual(server.log('fatal'), []);
  });
});
