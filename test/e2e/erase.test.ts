/**
 * A range of a recording is deleted on request: from files, copies in a bucket, exports, clips, assets, an
 * edge and all addresses, for good.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { DeletionView, HoldView } from '../../src/api/deletions/deletion-shapes.ts';
import type { TimelineView } from '../../src/api/shapes.ts';
import type { ObjectClient } from '../../src/archive/objects/object-client.ts';
import { type BadNetwork, openBadNetwork, startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import { runCommandLines } from '../fixtures/cli/command-lines.ts';
import { freePort } from '../fixtures/free-port.ts';
import { EDGE_TOKEN, type RunningEdge, startEdge } from '../fixtures/proxies/edge.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, perTier } from '../full.ts';

interface Segment {
  readonly path: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly sha: string;
  /** Unique bytes of its media. */
  readonly piece: Buffer;
}

const shaOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const ms = (text: string) => Date.parse(text);

suite('a range of a recording that is deleted', () => {
  const opened = new AsyncDisposableStack();
  let network: BadNetwork;
  let client: ObjectClient;
  let folder: Folder;
  let server: Server;
  let edge: RunningEdge;
  let http: string;
  let segments: Segment[];
  const at = (...names: string[]) => join(folder.path, ...names);
  const start = () =>
    startServer({
      data: at('data'),
      adminToken: 'an-administrator',
      sample: false,
      http,
      args: ['--config', at('oxbow.yaml'), ...smallPicture, '--threads', '2'],
    });
  const send = async (method: string, path: string, body?: unknown) => {
    const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const answer = await server.fetch(path, { method, ...(body !== undefined && json) });
    return { status: answer.status, view: (await answer.json().catch(() => ({}))) as Record<string, unknown> };
  };
  const made = async (path: string, body: unknown) => {
    const { status, view } = await send('POST', path, body);
    assert.ok(status < 300, JSON.stringify(view));
    return view as { readonly id: string };
  };
  const statusOf = async (url: string) => {
    const answer = await fetch(url, { headers: { authorization: 'Bearer an-administrator' }, redirect: 'manual' });
    await answer.body?.cancel();
    return answer.status;
  };
  const remove = async (from: Segment, to: Segment, more = '') => {
    // Within the segments: the deletion is rounded to all of them.
    const path = `/api/v1/streams/cam/recordings?from=${from.fromMs + 300}&to=${to.toMs - 300}${more}`;
    const { status, view } = await send('DELETE', path);
    return { status, view: view as unknown as DeletionView };
  };
  const isDone = (id: string | null) =>
    until('the deletion is complete', async () => {
      const view = await server.json<DeletionView>(`/api/v1/deletions/${id}`);
      if (view.state !== 'done') throw new Error(JSON.stringify(view.left));
      return view;
    });

  /** The recorded segments, as an edge and the server have them. */
  async function readSegments(): Promise<Segment[]> {
    const media: Buffer[] = [];
    const { spans } = await server.timeline('cam');
    const [from, to] = [Math.floor(ms(spans[0]!.from) / 1000), Math.ceil(ms(spans.at(-1)!.to) / 1000)];
    const base = `/vod/cam/${from}/${to}`;
    const index = await (await server.fetch(`${base}/index.m3u8`)).text();
    const video = index.split('\n').find((line) => line.includes('.m3u8') && !line.startsWith('#'))!;
    const address = new URL(video, `http://x${base}/`).pathname;
    const lines = (await (await server.fetch(address)).text()).split('\n');
    const found: Segment[] = [];
    let fromMs = 0;
    let seconds = 0;
    for (const line of lines) {
      const [tag, value] = [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)];
      if (tag === '#EXT-X-PROGRAM-DATE-TIME') fromMs = ms(value);
      if (tag === '#EXTINF') seconds = Number.parseFloat(value);
      if (line.startsWith('#') || !line.includes('.m4s')) continue;
      const path = new URL(line, `http://x${address}`).pathname;
      const bytes = Buffer.from(await server.bytes(path));
      const copy = Buffer.from(await (await fetch(`${edge.url}${path}`)).arrayBuffer());
      assert.equal(shaOf(copy), shaOf(bytes));
      media.push(bytes);
      found.push({ path, fromMs, toMs: fromMs + seconds * 1000, sha: shaOf(bytes), piece: bytes });
      fromMs += seconds * 1000;
    }
    return found.map((segment, i) => ({ ...segment, piece: uniquePiece(media, i) }));
  }

  /** 64 bytes that no other segment has: parts of the picture do not change. */
  function uniquePiece(media: readonly Buffer[], index: number): Buffer {
    const own = media[index]!;
    for (let from = 500; from + 64 < own.length; from += 64) {
      const piece = own.subarray(from, from + 64);
      if (media.every((other, i) => i === index || !other.includes(piece))) return piece;
    }
    assert.fail('every piece of a segment is in another one');
  }

  /** Files of the data folder and the edge, and objects, in which bytes are. */
  async function placesOf(piece: Buffer): Promise<string[]> {
    const places: string[] = [];
    for (const root of ['data', 'copies']) {
      for (const entry of await readdir(at(root), { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const file = join(entry.parentPath, entry.name);
        const bytes = await readFile(file).catch(() => Buffer.alloc(0));
        if (bytes.includes(piece)) places.push(file);
      }
    }
    for await (const { key, size } of client.list('')) {
      const bytes = await client.read(key, { offset: 0, length: size });
      if (bytes && Buffer.from(bytes).includes(piece)) places.push(`bucket ${key}`);
    }
    return places;
  }

  /** Every instant is media, a gap, offline or deleted. */
  function assertComplete({ from, to, spans, gaps, offline, deleted }: TimelineView): void {
    const pieces = [...spans, ...gaps, ...offline, ...deleted].sort((a, b) => ms(a.from) - ms(b.from));
    assert.equal(pieces[0]!.from, from);
    assert.equal(pieces.at(-1)!.to, to);
    for (const [i, piece] of pieces.entries()) if (i > 0) assert.equal(piece.from, pieces[i - 1]!.to);
  }

  const isDeletedAt = async (atMs: number) =>
    (await server.timeline('cam')).deleted.some(({ from, to }) => ms(from) <= atMs && ms(to) > atMs);

  const record = async (seconds: number) => {
    await send('POST', '/api/v1/streams/cam/start');
    await server.stream('cam');
    const startedMs = Date.now();
    await until(`${seconds} s are recorded`, async () => {
      const span = (await server.timeline('cam')).spans.at(-1);
      return span && ms(span.to) > startedMs && ms(span.to) - ms(span.from) > seconds * 1000;
    });
    await send('POST', '/api/v1/streams/cam/stop');
    await server.stream('cam', 'stopped');
  };

  before(async () => {
    const bucket = opened.use(await startS3());
    network = opened.use(await openBadNetwork(bucket.port));
    client = opened.use(await bucket.client());
    folder = opened.use(await openFolder('erase'));
    http = `127.0.0.1:${await freePort()}`;
    const edgeHttp = `127.0.0.1:${await freePort()}`;
    const settings = {
      storage: { targets: { bucket: bucket.target(network.port) }, target: 'bucket', mode: 'copy', after: '0s' },
      edges: { urls: [`http://${edgeHttp}`], token: EDGE_TOKEN },
      streams: { cam: { source: { type: 'test' } } },
      hls: { segmentDuration: '1s' },
    };
    await writeFile(at('oxbow.yaml'), JSON.stringify(settings));
    server = await start();
    edge = await startEdge(server.url, { args: ['--cache', at('copies')], http: edgeHttp });
    await record(perTier({ first: 9, full: 14 }));
    segments = await readSegments();
    assert.ok(segments.length >= 8, `${segments.length} segments`);
    await until('the files are in the bucket', async () => (await placesOf(segments[1]!.piece)).length >= 3);
    // From now on no search reads the rows of these files again.
    await until('no file waits for its upload', async () => {
      const { objectStores } = await server.json<{ objectStores: { waiting: number }[] }>('/api/v1/storage');
      return objectStores[0]!.waiting === 0;
    });
  });
  after(async () => {
    await edge?.[Symbol.asyncDispose]();
    await server?.stop();
    await opened.disposeAsync();
  });

  test('it is gone from every address, file and copy, and its neighbours have the same bytes', async () => {
    const [kept, first, last, next] = segments.slice(1, 5) as [Segment, Segment, Segment, Segment];
    const range = { stream: 'cam', from: String(first.fromMs), to: String(next.fromMs) };
    const clip = await made('/api/v1/clips', { ...range, title: 'the parcel', visibility: 'public' });
    const other = await made('/api/v1/clips', {
      stream: 'cam',
      from: String(segments[6]!.fromMs),
      to: String(segments[7]!.toMs),
      visibility: 'public',
    });
    const asset = await made('/api/v1/assets', { ...range, title: 'the film', visibility: 'public' });
    const job = await made('/api/v1/exports', range);
    await until('the export is written', async () => {
      const { state } = await server.json<{ state: string }>(`/api/v1/jobs/${job.id}`);
      return state === 'done';
    });
    const second = Math.floor(first.fromMs / 1000) + 1;
    const ts = first.path.replace(/[^/]+\/(\d+)\.m4s$/, 'ts/$1.ts');
    const gone = [
      ...[first, last].map(({ path }) => path),
      ...[`/thumb/cam/${second}.jpg`, `/clip/cam/${second}/${second + 1}.mp4`],
      `/vod/cam/${second}/${second + 1}/index.m3u8`,
      ts,
    ];
    for (const path of gone) assert.equal(await statusOf(server.url + path), 200, path);
    for (const path of gone) assert.equal(await statusOf(edge.url + path), 200, path);
    const own = [`/c/${clip.id}/clip.mp4`, `/api/v1/exports/${job.id}/file`, `/assets/${asset.id}/index.m3u8`];
    for (const path of own) assert.equal(await statusOf(server.url + path), 200, path);

    const plan = await remove(first, last, '&dryRun=true');
    assert.deepEqual([plan.status, plan.view.state, plan.view.segments, plan.view.id], [200, 'planned', 2, null]);
    const { clips, assets, exports, copies } = plan.view;
    assert.deepEqual(
      [clips, assets].map((all) => all.map(({ title }) => title)),
      [['the parcel'], ['the film']],
    );
    assert.deepEqual([exports.map(({ id }) => id), copies], [[job.id], 1]);
    assert.equal(await statusOf(server.url + first.path), 200, 'nothing is deleted');

    const hold = await made('/api/v1/streams/cam/holds', {
      from: String(first.fromMs),
      to: String(first.toMs),
      name: 'case 7',
      reason: 'a court asks for it',
    });
    const held = await remove(first, last, '&assets=delete');
    assert.equal(held.status, 409);
    assert.match(JSON.stringify(held.view), /recording-held.*case 7/);
    const whole = await send('DELETE', '/api/v1/streams/cam?recordings=delete');
    assert.equal(whole.status, 409);
    const { items } = await server.json<{ items: HoldView[] }>('/api/v1/holds');
    assert.deepEqual(
      items.map(({ id, author, stream }) => [id, author, stream]),
      [[hold.id, 'admin', 'cam']],
    );
    assert.equal((await send('DELETE', `/api/v1/streams/cam/pins/${hold.id}`)).status, 404, 'it is no pin');
    assert.equal((await send('DELETE', `/api/v1/streams/cam/holds/${hold.id}`)).status, 204);

    const used = await remove(first, last);
    assert.deepEqual([used.status, (used.view as unknown as { code: string }).code], [409, 'recording-in-use']);
    const { status, view } = await remove(first, last, '&assets=delete');
    assert.ok(status === 200 || status === 202, JSON.stringify(view));
    assert.deepEqual([view.segments, Math.round(ms(view.from) - first.fromMs), view.clips.length], [2, 0, 1]);
    // At once, whatever is left to do.
    for (const path of gone) assert.equal(await statusOf(server.url + path), 410, path);
    assert.deepEqual(await Promise.all(own.map((path) => statusOf(server.url + path))), [410, 404, 404]);
    await isDone(view.id);
    for (const path of gone) assert.equal(await statusOf(edge.url + path), 410, `edge ${path}`);
    assert.equal(await statusOf(`${edge.url}/c/${clip.id}/clip.mp4`), 410);
    assert.equal(await statusOf(`${server.url}/c/${other.id}/clip.mp4`), 200);

    for (const { path, sha } of segments.filter((one) => one !== first && one !== last))
      assert.equal(shaOf(await server.bytes(path)), sha, path);
    for (const { piece } of [first, last])
      await until('no place has its bytes', async () => {
        const places = await placesOf(piece);
        if (places.length > 0) throw new Error(places.join(', '));
        return true;
      });
    for (const { piece } of [kept, next])
      await until('the others are in the data folder and in the bucket', async () => {
        const places = await placesOf(piece);
        return places.some((name) => name.includes('/data/')) && places.some((name) => name.startsWith('bucket'));
      });
    assertComplete(await server.timeline('cam'));
    assert.ok(await isDeletedAt(first.fromMs + 500));
    const { items: lines } = await server.json<{ items: { action: string; request: string }[] }>('/api/v1/audit');
    const about = (action: string) => lines.filter((line) => line.action === action).map(({ request }) => request);
    assert.match(about('deleteRecording')[0]!, /^cam .*: 2 segments, \d+ bytes, 1 clips, 1 assets, 1 exports$/);
    assert.match(about('deletedRecording')[0]!, /complete$/);
    assert.deepEqual([about('setHold').length, about('liftHold').length], [1, 1]);
  });

  fullTest(
    'what was not reached is listed; a killed server continues; doctor --rebuild does not bring it back',
    async () => {
      const [kept, lost, next] = segments.slice(5, 8) as [Segment, Segment, Segment];
      const isUploaded = async () => (await placesOf(lost.piece)).some((name) => name.startsWith('bucket'));
      await until('it is in the bucket', isUploaded);
      network.cut();
      const { status, view } = await remove(lost, lost);
      assert.equal(status, 202);
      const waiting = await until('the bucket is reported', async () => {
        const now = await server.json<DeletionView>(`/api/v1/deletions/${view.id}`);
        return now.state === 'waiting' && now;
      });
      assert.deepEqual(
        waiting.left.map(({ kind, target }) => [kind, target]),
        [['copy', 'bucket']],
      );
      assert.equal(await statusOf(server.url + lost.path), 410);
      await server.stop('SIGKILL');
      assert.deepEqual(
        (await placesOf(lost.piece)).map((name) => name.split(' ')[0]),
        ['bucket'],
      );
      network.flow();
      server = await start();
      await isDone(view.id);
      assert.equal(await statusOf(server.url + lost.path), 410);
      assert.deepEqual(await placesOf(lost.piece), []);
      for (const { path, sha } of [kept, next]) assert.equal(shaOf(await server.bytes(path)), sha);

      // A kill at a random moment of a deletion: all of it or nothing.
      const doomed = segments.at(-2)!;
      const asking = remove(doomed, doomed).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      await server.stop('SIGKILL');
      await asking;
      server = await start();
      if (await isDeletedAt(doomed.fromMs + 300)) {
        const { items } = await server.json<{ items: DeletionView[] }>('/api/v1/deletions?stream=cam');
        for (const { id } of items) await isDone(id);
        assert.equal(await statusOf(server.url + doomed.path), 410);
        await until('its bytes are gone', async () => (await placesOf(doomed.piece)).length === 0);
      } else assert.equal(shaOf(await server.bytes(doomed.path)), doomed.sha);

      await server.stop();
      // A repair of a damaged segment leaves the others of such a file, which have an index row of their own,
      // where they are.
      const damaged = segments[4]!;
      const file = (await placesOf(damaged.piece)).find((name) => name.startsWith(at('data')))!;
      const bytes = await readFile(file);
      bytes[bytes.indexOf(damaged.piece)]! ^= 1;
      await writeFile(file, bytes);
      const doctor = ['doctor', '--data', at('data'), '--http', '0', '--config', at('oxbow.yaml')];
      const [repair] = await runCommandLines([[...doctor, '--repair', '--json']]);
      // From its copy, if it has been uploaded.
      const isRestored = repair!.stdout.includes('"restored"');
      assert.ok(isRestored || repair!.stdout.includes('"rewritten"'), repair!.stdout);
      const said = await runCommandLines([
        [...doctor, '--verify', '--rate', 'off'],
        [...doctor, '--rebuild'],
        [...doctor, '--verify', '--rate', 'off'],
      ]);
      for (const { code, stdout, stderr } of said) assert.equal(code, 0, stdout + stderr);
      server = await start();
      for (const { path } of [segments[2]!, segments[3]!, lost]) assert.equal(await statusOf(server.url + path), 410);
      for (const { path, sha } of [segments[1]!, kept, next]) assert.equal(shaOf(await server.bytes(path)), sha);
      // The index was built again: it does not know any more why the segment is missing.
      assert.ok((isRestored ? [200] : [404, 410]).includes(await statusOf(server.url + damaged.path)));
      assertComplete(await server.timeline('cam'));
      assert.ok(await isDeletedAt(lost.fromMs + 300));
    },
  );

  fullTest('of a live stream: the newest complete segments leave the live playlist, which continues', async () => {
    await send('POST', '/api/v1/streams/cam/start');
    await server.stream('cam');
    const listOf = async () => {
      const index = await (await server.fetch('/live/cam/index.m3u8')).text();
      const video = index.split('\n').find((line) => line.includes('.m3u8') && !line.startsWith('#'))!;
      const base = new URL(video, `${server.url}/live/cam/`);
      const text = await (await server.fetch(base.pathname)).text();
      const uris = text.split('\n').filter((line) => /\/?\d+\.m4s/.test(line) && !line.startsWith('#'));
      return uris.map((uri) => new URL(uri, base).pathname);
    };
    const before = await until('five segments are live', async () => {
      const list = await listOf();
      return list.length >= 5 && list;
    });
    for (const path of before) assert.equal(await statusOf(server.url + path), 200);
    const nowMs = Date.now();
    const answer = await send('DELETE', `/api/v1/streams/cam/recordings?from=${nowMs - 60_000}&to=${nowMs}`);
    assert.ok(answer.status === 200 || answer.status === 202, JSON.stringify(answer.view));
    for (const path of before) assert.equal(await statusOf(server.url + path), 410, path);
    const later = await until('the playlist continues', async () => {
      const list = await listOf();
      return list.length >= 2 && list;
    });
    assert.ok(later.every((path) => !before.includes(path)));
    for (const path of later) assert.equal(await statusOf(server.url + path), 200);
    await isDone((answer.view as { id: string }).id);
    assertComplete(await server.timeline('cam'));
    assert.equal(server.log('error').length, 0, JSON.stringify(server.log('error')));
  });
});
