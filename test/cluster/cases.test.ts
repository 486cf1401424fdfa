/**
 * A case with ranges of streams of two nodes, whose recordings were moved to a bucket: any node answers, and
 * one of them writes the archive.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import type { AngleClips, AngleSet } from '../../src/api/angles/angle-shapes.ts';
import type { CaseExport, CaseView } from '../../src/api/cases/case-shapes.ts';
import type { HoldView } from '../../src/api/deletions/deletion-shapes.ts';
import { startS3 } from '../../src/archive/objects/object-servers.fixture.ts';
import type { CaseDocument } from '../../src/features/cases/archive/case-document.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openCluster } from './cluster.fixture.ts';

const run = promisify(execFile);

suite('a case, in a cluster', { skip: needPostgres() || need('redis-server') || need('python3') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  /** Each has the stream with its name. */
  let nodes: { readonly a: Server; readonly b: Server };
  let span: { readonly fromMs: number; readonly toMs: number };
  const send = async <T>(server: Server, method: string, path: string, body?: unknown) => {
    const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const answer = await server.fetch(`/api/v1${path}`, { method, ...(body !== undefined && json) });
    const text = await answer.text();
    return { status: answer.status, view: (text ? JSON.parse(text) : {}) as T };
  };
  const holdsOf = async (server: Server) =>
    (await send<{ items: HoldView[] }>(server, 'GET', '/holds')).view.items.map(({ stream }) => stream).toSorted();

  before(async () => {
    const bucket = opened.use(await startS3());
    folder = opened.use(await openFolder('cluster-cases'));
    const storage = { targets: { bucket: bucket.target() }, target: 'bucket', mode: 'move', after: '0s' };
    const settings = join(folder.path, 'oxbow.yaml');
    await writeFile(settings, JSON.stringify({ storage }));
    const cluster = opened.use(await openCluster());
    const args = ['--config', settings, ...smallPicture];
    const start = async (name: string) => (await cluster.start(name, { args, sample: false })).server;
    nodes = { a: await start('a'), b: await start('b') };
    const spans = [];
    for (const name of ['a', 'b'] as const) {
      const made = await send(nodes[name], 'POST', '/streams', {
        name,
        source: { type: 'test' },
        visibility: 'private',
      });
      assert.equal(made.status, 201, JSON.stringify(made.view));
    }
    for (const name of ['a', 'b'] as const) {
      const server = nodes[name];
      const seconds = await until('ten seconds are recorded', async () => {
        const last = (await server.timeline(name)).spans.at(-1);
        return last && Date.parse(last.to) - Date.parse(last.from) > 10_000 && last;
      });
      spans.push({ fromMs: Date.parse(seconds.from), toMs: Date.parse(seconds.to) });
    }
    span = {
      fromMs: Math.max(...spans.map(({ fromMs }) => fromMs)) + 1000,
      toMs: Math.min(...spans.map(({ toMs }) => toMs)) - 1000,
    };
    for (const name of ['a', 'b'] as const) await send(nodes[name], 'POST', `/streams/${name}/stop`);
    for (const server of [nodes.a, nodes.b]) {
      await until('its recording is in the bucket', async () => {
        const [store] = (await server.json<StorageView>('/api/v1/storage')).objectStores;
        return store !== undefined && store.objects > 0 && store.waiting === 0;
      });
    }
  });
  after(() => opened.disposeAsync());

  test('is next to clips of a set of angles: the node of each stream makes one', async () => {
    const members = [{ stream: 'a' }, { stream: 'b' }];
    const set = await send<AngleSet>(nodes.a, 'POST', '/angle-sets', { name: 'Both', members });
    assert.equal(set.status, 201, JSON.stringify(set.view));
    const clip = (fromMs: number) =>
      send<AngleClips>(nodes.a, 'POST', `/angle-sets/${set.view.id}/clips`, { from: String(fromMs), to: '3s' });
    const { status, view } = await clip(Math.round(span.fromMs));
    assert.deepEqual([status, view.missing], [201, []], JSON.stringify(view));
    assert.deepEqual(
      view.clips.map(({ clip: made }) => made.stream),
      ['a', 'b'],
    );
    const before = await clip(Math.round(span.fromMs) - 86_400_000);
    const codes = before.view.missing.map(({ code }) => code);
    assert.ok(
      codes.length === 2 && codes[0] === codes[1] && codes[0] !== 'stream-unknown',
      JSON.stringify(before.view),
    );
  });

  test('gets ranges of streams of any node at any node, and its archive has the media of both', async () => {
    const { a, b } = nodes;
    const { id } = (await send<CaseView>(a, 'POST', '/cases', { title: 'Both' })).view;
    const times = { from: new Date(span.fromMs).toISOString(), to: new Date(span.fromMs + 4000).toISOString() };
    const ofB = await send<CaseView>(a, 'POST', `/cases/${id}/ranges`, { stream: 'b', ...times });
    assert.equal(ofB.status, 201, JSON.stringify(ofB.view));
    const ofA = await send<CaseView>(b, 'POST', `/cases/${id}/ranges`, { stream: 'a', ...times });
    assert.deepEqual(ofA.view.ranges.map(({ stream, isHeld }) => [stream, isHeld]).toSorted(), [
      ['a', true],
      ['b', true],
    ]);
    assert.deepEqual(
      [await holdsOf(a), await holdsOf(b)],
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
    );
    const erased = await send<{ code: string }>(a, 'DELETE', `/streams/b/recordings?from=${times.from}&to=${times.to}`);
    assert.deepEqual([erased.status, erased.view.code], [409, 'recording-held']);
    const { view } = await send<CaseExport>(b, 'POST', `/cases/${id}/exports`);
    const done = await until('the archive is written', async () => {
      const { items } = (await send<{ items: CaseExport[] }>(a, 'GET', `/cases/${id}/exports`)).view;
      const found = items.find((each) => each.id === view.id)!;
      assert.notEqual(found.state, 'failed', JSON.stringify(found.error));
      return found.state === 'done' && found;
    });
    assert.deepEqual(done.result!.missing, []);
    const archives = await Promise.all([a, b].map((server) => server.bytes(done.result!.url)));
    assert.deepEqual(archives[0], archives[1], 'both nodes send it');
    const zip = join(folder.path, 'case.zip');
    await writeFile(zip, archives[0]!);
    const script =
      'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.read([n for n in z.namelist() if n.endswith("case.json")][0]).decode())';
    const document = JSON.parse((await run('python3', ['-c', script, zip])).stdout) as CaseDocument;
    assert.deepEqual(document.ranges.map(({ stream }) => stream).toSorted(), ['a', 'b']);
    for (const { media } of document.ranges) assert.ok(media!.seconds >= 4, `${media!.seconds} s`);
    const closed = await send<CaseView>(b, 'POST', `/cases/${id}/close`);
    assert.equal(closed.status, 200);
    assert.deepEqual([await holdsOf(a), await holdsOf(b)], [[], []]);
    assert.equal((await send(a, 'DELETE', `/cases/${id}`)).status, 204);
    assert.equal((await a.fetch(done.result!.url)).status, 404);
  });
});
