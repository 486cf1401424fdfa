import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { WebSocket } from 'ws';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import type { WorkerView } from '../../src/api/workers/worker-shapes.ts';
import { reportOn } from '../../src/delivery/export/evidence.fixture.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { publishByFfmpeg } from '../fixtures/publishers/publishers.ts';
import { smallPicture } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, perTier } from '../full.ts';
import { openCluster, type TestCluster, type TestNode } from './cluster.fixture.ts';

const skip = needPostgres() || need('redis-server');
/** Of media: a difference between long files cannot be printed. */
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const json = { 'content-type': 'application/json' };

interface Page {
  readonly items: readonly { readonly name: string }[];
}

suite('any node of a cluster answers for all', { skip }, () => {
  let cluster: TestCluster;
  let a: TestNode;
  let b: TestNode;

  before(async () => {
    cluster = await openCluster();
    // Nothing is taken over here, however busy the machine is.
    const args = [...smallPicture, '--cluster-takeover', '2m'];
    a = await cluster.start('a', { args, ingest: ['rtmp'] });
    b = await cluster.start('b', { args, ingest: ['rtmp'] });
    for (const [node, name, type] of [
      [a, 'one', 'test'],
      [b, 'two', perTier({ first: 'push', full: 'test' })],
    ] as const) {
      const body = JSON.stringify({ name, source: { type }, visibility: 'public' });
      const made = await node.server.fetch('/api/v1/streams', { method: 'POST', headers: json, body });
      assert.equal(made.status, 201, await made.text());
      if (type === 'test') await node.server.stream(name, 'live');
    }
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  const textOf = async ({ server }: TestNode, path: string) => {
    const response = await server.fetch(path);
    assert.equal(response.status, 200, `${path}: ${await response.clone().text()}`);
    return response.text();
  };

  test('live playlists, held reloads and parts of a stream are the same at each node', async () => {
    const index = await textOf(b, '/live/one/index.m3u8');
    const list = `/live/one/${index.split('\n').find((line) => line.endsWith('.m3u8') && !line.startsWith('#'))}`;
    const [, msn, part] = await until('it announces a part', async () =>
      /PRELOAD-HINT:TYPE=PART,URI="(\d+)\.(\d+)\.m4s"/.exec(await textOf(b, list)),
    );
    const held = `${list}?_HLS_msn=${msn}&_HLS_part=${part}`;
    const [here, there] = await Promise.all([textOf(b, held), textOf(a, held)]);
    assert.ok(here.includes(`${msn}.${part}.m4s`) && there.includes(`${msn}.${part}.m4s`));
    const media = `${list.slice(0, list.lastIndexOf('/'))}/${msn}.${part}.m4s`;
    assert.equal(hash(await b.server.bytes(media)), hash(await a.server.bytes(media)));
  });

  test('streams are listed, changed and refused as at their owner', async () => {
    for (const node of [a, b]) {
      // A node that does not answer in time is left out.
      await until('both streams are listed', async () => {
        const { items } = JSON.parse(await textOf(node, '/api/v1/streams')) as Page;
        const names = items.map(({ name }) => name).filter((name) => name !== 'demo');
        return `${names}` === 'one,two';
      });
    }
    const patch = { method: 'PATCH', headers: { 'content-type': 'application/merge-patch+json' } };
    const changed = await b.server.fetch('/api/v1/streams/one', { ...patch, body: '{"title":"First"}' });
    assert.equal(changed.status, 200, await changed.text());
    assert.match(await textOf(a, '/api/v1/streams/one'), /"title":"First"/);
    const body = JSON.stringify({ name: 'one', source: { type: 'test' } });
    assert.equal((await b.server.fetch('/api/v1/streams', { method: 'POST', headers: json, body })).status, 409);
    assert.match(await textOf(b, '/watch/one'), /First/, 'the preview in the head of the page');
  });

  fullTest('the channel list and the guide of IPTV players have the streams of all nodes', async () => {
    for (const node of [a, b]) {
      const list = await textOf(node, '/playlist.m3u');
      const guide = await textOf(node, '/xmltv.xml');
      for (const name of ['one', 'two']) {
        assert.match(list, new RegExp(`^http://.*/live/${name}/ts/index\\.m3u8$`, 'm'));
        assert.match(guide, new RegExp(`<programme [^>]*channel="${name}">`));
        assert.match(await textOf(node, `/playlist.m3u?stream=${name}`), new RegExp(`/live/${name}/ts/index`));
      }
    }
  });

  fullTest('a stream with tokens is for those who have one, whichever node they ask', async () => {
    const body = JSON.stringify({ name: 'closed', source: { type: 'test' }, visibility: 'signed' });
    const created = await a.server.fetch('/api/v1/streams', { method: 'POST', headers: json, body });
    assert.equal(created.status, 201, await created.text());
    await b.server.stream('closed', 'live');
    const made = await b.server.fetch('/api/v1/streams/closed/watch-tokens', {
      method: 'POST',
      headers: json,
      body: '{"expires":"1h"}',
    });
    const { token } = (await made.json()) as { token: string };
    // Without the token of the administrator, which the fixture adds.
    const path = '/live/closed/index.m3u8';
    const statusOf = async (target: string) => (await fetch(b.server.url + target)).status;
    assert.deepEqual([await statusOf(path), await statusOf(`/t/${token}${path}`)], [404, 200]);
    const other = `${token.slice(0, -3)}AAA`;
    assert.equal(await statusOf(`/t/${other}${path}`), 403);
    const kept = await fetch(`${b.server.url}/t/${token}${path}`);
    assert.match(kept.headers.get('cache-control') ?? '', /^private/);
    await b.server.fetch('/api/v1/streams/closed/watch-tokens/revoke', { method: 'POST' });
    await until('it is revoked here too', async () => (await statusOf(`/t/${token}${path}`)) === 403);
    await b.server.fetch('/api/v1/streams/closed', { method: 'DELETE' });
  });

  test('clips and recorded windows of a stream are read through another node', async () => {
    const spans = await until('it is recorded', async () => {
      const found = (await b.server.timeline('one')).spans;
      return found.length > 0 && Date.parse(found[0]!.to) - Date.parse(found[0]!.from) > 4000 && found;
    });
    const from = Math.ceil(Date.parse(spans[0]!.from) / 1000);
    assert.match(await textOf(b, `/vod/one/${from}/2/index.m3u8`), /#EXTM3U/);
    const body = JSON.stringify({ stream: 'one', from: String(from), to: '2s', title: 'A clip' });
    const made = await b.server.fetch('/api/v1/clips', { method: 'POST', headers: json, body });
    assert.equal(made.status, 201, await made.clone().text());
    const { id } = (await made.json()) as { id: string };
    for (const node of [a, b]) {
      assert.match(await textOf(node, `/api/v1/clips/${id}`), /"title":"A clip"/);
      assert.match(await textOf(node, '/api/v1/clips'), new RegExp(id));
      assert.ok((await node.server.bytes(`/c/${id}/clip.mp4`)).length > 1000);
    }
  });

  fullTest('events of a stream come from any node', async () => {
    const socket = new WebSocket(`${b.server.url.replace('http', 'ws')}/api/v1/events?stream=one`);
    const seen: string[] = [];
    socket.on('message', (data) => seen.push((JSON.parse(String(data)) as { type: string }).type));
    await until('it is subscribed', () => seen.includes('events.ready'));
    await b.server.fetch('/api/v1/streams/one/restart', { method: 'POST' });
    await until('the event comes', () => seen.some((type) => type.startsWith('stream.')));
    socket.close();
  });

  fullTest('a stream moves to the node where it is published, and nowhere while it is', async () => {
    const film = join(cluster.folderOf('a'), 'short.mp4');
    await makeFilm(film, { seconds: 8 });
    const made = await a.server.fetch('/api/v1/streams', {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ name: 'cam', source: { type: 'push' } }),
    });
    assert.equal(made.status, 201);
    const options = { method: 'POST', headers: json, body: '{"label":"test"}' };
    const { key } = (await (await b.server.fetch('/api/v1/streams/cam/keys', options)).json()) as { key: string };
    const publish = ({ server }: TestNode) => publishByFfmpeg(film, `${server.ingest.rtmp}/cam?key=${key}`);
    await using first = publish(b);
    await a.server.stream('cam');
    const moved = b.server.log('info').filter(({ msg }) => msg === 'this node runs the stream now');
    assert.deepEqual(
      moved.map(({ stream }) => stream),
      ['cam'],
    );
    await using second = publish(a);
    assert.notEqual(await second.ended, 0);
    assert.equal(await first.ended, 0, first.stderr);
    const ended = await a.server.stream('cam', 'unpublished');
    await using third = publish(a);
    await b.server.stream('cam');
    assert.equal(await third.ended, 0, third.stderr);
    await a.server.stream('cam', 'unpublished');
    // The films are one span if the second one begins at once.
    const { spans, gaps, runs } = await b.server.timeline('cam');
    const [from, to] = [spans[0]!.from, spans.at(-1)!.to];
    assert.equal(runs.length, 2);
    assert.ok(to > ended.recorded.to!);
    assert.deepEqual(gaps, []);
    const clip = `/clip/cam/${Date.parse(from)}/${Date.parse(to)}.mp4?evidence=no`;
    assert.equal(
      hash(await a.server.bytes(clip)),
      hash(await b.server.bytes(clip)),
      'each node has a film on its disk',
    );
  });

  fullTest('an export of a stream is requested, made and downloaded at any node', async () => {
    const { recorded } = await until('ten seconds are recorded', async () => {
      const view = await a.server.stream('one');
      return view.recorded.seconds > 10 && view;
    });
    const body = JSON.stringify({ stream: 'one', from: recorded.from, to: recorded.to, format: 'ts', exact: false });
    const made = await b.server.fetch('/api/v1/exports', { method: 'POST', headers: json, body });
    assert.equal(made.status, 202, await made.clone().text());
    const { id } = (await made.json()) as JobView;
    const job = await until('it is done', async () => {
      const view = await b.server.json<JobView>(`/api/v1/jobs/${id}`);
      assert.notEqual(view.state, 'failed', JSON.stringify(view.error));
      return view.state === 'done' && view;
    });
    const { url } = job.result as { url: string };
    const files = [await a.server.bytes(url), await b.server.bytes(url)];
    assert.ok(files[0]!.length > 1000);
    assert.equal(hash(files[0]!), hash(files[1]!));
    for (const { server } of [a, b]) {
      const sidecar = await server.bytes(`/api/v1/exports/${id}/evidence`);
      // The node that is asked signs the file; the other one has signed the blocks.
      const { items } = await server.json<{ items: { id: string }[] }>('/api/v1/evidence/keys');
      const keys = items.map(({ id }) => id);
      assert.deepEqual((await reportOn(files[0]!, keys, sidecar)).findings, []);
    }
  });

  fullTest('a clip has its evidence at any node', async () => {
    const { recorded } = await until('ten seconds are recorded', async () => {
      const view = await a.server.stream('one');
      return view.recorded.seconds > 10 && view;
    });
    const to = Date.parse(recorded.to!);
    for (const { server } of [a, b])
      for (const format of ['mp4', 'mkv']) {
        const clip = await server.bytes(`/clip/one/${to - 8000}/${to}.${format}`);
        assert.deepEqual((await reportOn(clip)).findings, [], format);
      }
  });

  fullTest('a film is uploaded at one node, processed once, and plays at the other', async () => {
    const film = join(cluster.folderOf('b'), 'film.mp4');
    await makeFilm(film, { seconds: 4 });
    const sent = await b.server.fetch('/api/v1/uploads/file?filename=film.mp4&title=Film&visibility=public', {
      method: 'PUT',
      body: await readFile(film),
    });
    assert.equal(sent.status, 201, await sent.clone().text());
    const { asset: assetId } = (await sent.json()) as { asset: string };
    const asset = await until('it is ready', async () => {
      const view = await a.server.json<AssetView>(`/api/v1/assets/${assetId}`);
      assert.notEqual(view.state, 'failed', JSON.stringify(view));
      return view.state === 'ready' && view;
    });
    const list = await textOf(a, asset.hls!);
    assert.match(list, /^#EXTM3U/);
    const jobs = await a.server.json<{ items: readonly JobView[] }>('/api/v1/jobs?limit=100');
    const kinds = jobs.items.filter(({ state }) => state === 'done').map(({ kind }) => kind);
    assert.deepEqual(kinds, [...new Set(kinds)], 'each job ran once');
  });

  fullTest(
    'rules by network of an asset and of a room hold at each node, also for what it had in memory before',
    async () => {
      const [near, far] = [{ 'x-forwarded-for': '203.0.113.7' }, { 'x-forwarded-for': '198.51.100.1' }];
      const watchRules = { allow: ['203.0.113.0/24'] };
      const send = async ({ server }: TestNode, method: string, path: string, body: object) => {
        const sent = await server.fetch(path, { method, headers: json, body: JSON.stringify(body) });
        assert.ok(sent.ok, `${path}: ${await sent.clone().text()}`);
        return (await sent.json()) as { id: string; hls: string };
      };
      const { recorded } = await until('ten seconds are recorded', async () => {
        const view = await a.server.stream('one');
        return view.recorded.seconds > 10 && view;
      });
      const range = { stream: 'one', from: recorded.from, to: recorded.to, visibility: 'public' };
      const asset = await send(a, 'POST', '/api/v1/assets', range);
      const list = `/assets/${asset.id}/${/^[^#\n].*\.m3u8$/m.exec(await textOf(b, asset.hls))![0]}`;
      const segment = `/assets/${asset.id}/${/^[^#\n].*\.m4s$/m.exec(await textOf(b, list))![0]}`;
      const paths = [asset.hls, list, segment];
      const room = await send(a, 'POST', '/api/v1/rooms', { name: 'Den' });
      const statuses = async (client: Readonly<Record<string, string>>) => {
        const inRoom = `/api/v1/rooms/${room.id}/state`;
        const statusOf = async ({ server }: TestNode, path: string) => {
          const answer = await server.fetch(path, { headers: client });
          await answer.arrayBuffer();
          return answer.status;
        };
        return Promise.all([a, b].flatMap((node) => [...paths, inRoom].map((path) => statusOf(node, path))));
      };
      const all = (status: number) => Array<number>(8).fill(status);
      assert.deepEqual(await statuses(far), all(200));
      await send(b, 'PATCH', `/api/v1/assets/${asset.id}`, { watchRules });
      await send(b, 'PATCH', `/api/v1/rooms/${room.id}`, { watchRules });
      await until('no node gives it to others', async () => (await statuses(far)).join() === all(403).join());
      assert.deepEqual(await statuses(near), all(200));
      const { origin } = await b.server.json<{ origin: string }>(`/api/v1/rooms/${room.id}/access`);
      assert.equal(origin, 'room');
    },
  );

  fullTest('workers of all nodes are listed, and one that connects to another node finds its own', async () => {
    const [here, there] = await Promise.all(
      [a, b].map(({ server }) => server.json<{ items: readonly WorkerView[] }>('/api/v1/workers')),
    );
    const ids = ({ items }: { items: readonly WorkerView[] }) => items.map(({ id }) => id).sort();
    assert.deepEqual(ids(here!), ids(there!));
    const made = await a.server.fetch('/api/v1/workers', {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ name: 'mine', mode: 'pull', slots: 1, kinds: ['probe'] }),
    });
    assert.equal(made.status, 201, await made.clone().text());
    const { id } = (await made.json()) as { id: string };
    const gone = await b.server.fetch(`/api/v1/workers/${id}?leaves=true`, { method: 'DELETE' });
    assert.equal(gone.status, 200, await gone.text());
  });

  fullTest('the owner of a stream is named while it does not answer', async () => {
    await a.server.stop('SIGKILL');
    const gone = await b.server.fetch('/api/v1/streams/one');
    assert.deepEqual([gone.status, gone.headers.get('retry-after')], [503, '1']);
    assert.equal(((await gone.json()) as { node: string }).node, 'a');
    const { headers } = await b.server.fetch('/api/v1/streams');
    assert.equal(headers.get('oxbow-missing-nodes'), 'a');
  });
});
