/**
 * Rules by network and country: who may watch a stream, at the server, over an edge and in serving threads.
 * In: a server whose proxies are on this computer, so that X-Forwarded-For and a header field with the
 * country count. Out: answers to clients of several networks.
 */
import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { WatchAccessView } from '../../src/api/access/watch-rules-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import type { ProblemView } from '../../src/api/shapes.ts';
import { countryRecord, writeMmdb } from '../../src/net/countries/mmdb.fixture.ts';
import { freePort } from '../fixtures/free-port.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { EDGE_TOKEN, type RunningEdge, startEdge } from '../fixtures/proxies/edge.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
const near = { 'x-forwarded-for': '203.0.113.7' };
const far = { 'x-forwarded-for': '198.51.100.1' };
const german = { ...far, 'cf-ipcountry': 'DE' };
const denied = { ...german, 'x-forwarded-for': '203.0.113.66' };
const watchRules = { allow: ['203.0.113.0/24', 'de'], deny: ['203.0.113.66'] };

let folder: Folder;
let server: Server;
/** Of the edge that the server purges. */
let edgePort: number;
before(async () => {
  edgePort = await freePort();
  folder = await openFolder('watch-rules');
  const edges = ['--edges-urls', `http://127.0.0.1:${edgePort}`, '--edges-token', EDGE_TOKEN];
  const args = [...smallPicture, '--watch-rules-country-header', 'CF-IPCountry', ...edges];
  server = await startServer({ data: join(folder.path, 'data'), args, adminToken, sample: false });
  await change('POST', '/api/v1/streams', { name: 'cam', source: { type: 'test' }, visibility: 'public' });
  await server.stream('cam', 'live');
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function change(method: string, path: string, body: unknown): Promise<void> {
  const init = { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await server.fetch(path, init);
  assert.ok(response.ok, await response.clone().text());
}

/** Status and caching of an answer; the code of a refusal. */
async function ask(base: string, path: string, client: Readonly<Record<string, string>>) {
  const response = await fetch(`${base}${path}`, { headers: client });
  const body = await response.arrayBuffer();
  const code = response.ok ? undefined : (JSON.parse(Buffer.from(body).toString()) as ProblemView).code;
  return {
    status: response.status,
    code,
    cache: response.headers.get('cache-control'),
    vary: response.headers.get('vary'),
  };
}

/** Paths of all kinds of media of the stream, which exist for a while. */
async function mediaPaths(client: Readonly<Record<string, string>>): Promise<readonly string[]> {
  return until('a segment is listed and recorded', async () => {
    const text = async (path: string) => (await fetch(`${server.url}${path}`, { headers: client })).text();
    const list = `/live/cam/${/^[^#\n].*\.m3u8$/m.exec(await text('/live/cam/index.m3u8'))![0]}`;
    const segments = (await text(list)).split('\n').filter((line) => /^\d+\.m4s$/.test(line));
    if (segments.length < 2) return undefined;
    const { recorded } = await server.json<{ recorded: { from: string; to: string } }>('/api/v1/streams/cam');
    const from = Math.ceil(Date.parse(recorded.from) / 1000);
    if (Date.parse(recorded.to) / 1000 < from + 3) return undefined;
    const base = list.slice(0, list.lastIndexOf('/'));
    return [
      ...['/live/cam/index.m3u8', '/live/cam/index.mpd', list, `${base}/${segments.at(-1)}`],
      ...[`/vod/cam/${from}/${from + 2}/index.m3u8`, `/thumb/cam/${from + 1}.jpg`, `/clip/cam/${from}/${from + 1}.mp4`],
    ];
  });
}

suite('a stream with rules by network and country', () => {
  before(() => change('PATCH', '/api/v1/streams/cam', { watchRules }));
  after(() => change('PATCH', '/api/v1/streams/cam', { watchRules: null }));

  test('every kind of media is answered where the rules allow it, for no shared cache, and is 403 elsewhere', async () => {
    for (const path of await mediaPaths(near)) {
      for (const client of [near, german]) {
        const answer = await ask(server.url, path, client);
        assert.equal(answer.status, 200, path);
        assert.match(answer.cache!, /^private|no-store/, path);
        assert.match(answer.vary!, /X-Forwarded-For/, path);
      }
      for (const client of [far, denied, { ...far, 'cf-ipcountry': 'AT' }, {}]) {
        const { status, code, cache } = await ask(server.url, path, client);
        assert.deepEqual([status, code, cache], [403, 'watch-denied-here', 'no-store'], path);
      }
    }
  });

  test('administrators see what the rules decide, and which entry decided; no one else does', async () => {
    const access = (query: string) => server.json<WatchAccessView>(`/api/v1/streams/cam/access${query}`);
    const rules = { allow: ['203.0.113.0/24', 'DE'], deny: ['203.0.113.66'] };
    assert.deepEqual(await access(''), { origin: 'stream', rules, verdict: null });
    const verdict = async (query: string) => (await access(query)).verdict;
    assert.deepEqual(await verdict('?address=203.0.113.66&country=DE'), {
      isAllowed: false,
      address: '203.0.113.66',
      country: 'DE',
      entry: '203.0.113.66',
    });
    assert.deepEqual(await verdict('?address=2001:db8::1&country=de'), {
      isAllowed: true,
      address: '2001:db8::1',
      country: 'DE',
      entry: 'DE',
    });
    assert.equal((await verdict('?address=2001:db8::1'))!.isAllowed, false);
    for (const query of ['?address=door', '?address=192.0.2.1&country=UK', '?country=DE']) {
      assert.equal((await server.fetch(`/api/v1/streams/cam/access${query}`)).status, 400, query);
    }
    assert.equal((await ask(server.url, '/api/v1/streams/cam/access', {})).status, 401);
    const view = JSON.stringify(await server.json('/api/v1/streams/cam'));
    assert.doesNotMatch(view, /203\.0\.113/, 'viewers do not see the rules');
  });

  test('invalid entries are refused with the entry', async () => {
    for (const [entry, reason] of [
      ['UK', /"UK" is not the code of a country/],
      ['10.0.0.0/33', /"10\.0\.0\.0\/33" is not an address range/],
    ] as const) {
      const response = await server.fetch('/api/v1/streams/cam', {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ watchRules: { allow: [entry] } }),
      });
      assert.equal(response.status, 400);
      assert.match(((await response.json()) as ProblemView).detail, reason);
    }
  });

  test('over an edge the address and the country of the viewer decide, also for what another viewer has', async () => {
    await using edge: RunningEdge = await startEdge(server.url, { args: ['--country-header', 'CF-IPCountry'] });
    const paths = await mediaPaths(near);
    for (let round = 0; round < 2; round++) {
      for (const path of paths) {
        // All at once: they must not get each other's answer.
        const answers = await Promise.all([near, far, german, denied].map((client) => ask(edge.url, path, client)));
        assert.deepEqual(
          answers.map(({ status, code }) => code ?? status),
          [200, 'watch-denied-here', 200, 'watch-denied-here'],
          path,
        );
      }
    }
  });

  test('an edge that has copies from before the rules gives them to no one else', async () => {
    await change('PATCH', '/api/v1/streams/cam', { watchRules: null });
    await using edge = await startEdge(server.url);
    const paths = await mediaPaths(near);
    for (const path of paths) assert.equal((await ask(edge.url, path, far)).status, 200, path);
    await change('PATCH', '/api/v1/streams/cam', { watchRules });
    await until('the edge has asked again', async () => (await ask(edge.url, paths[0]!, far)).status === 403);
    for (const path of paths) assert.equal((await ask(edge.url, path, far)).code, 'watch-denied-here', path);
  });

  test('an edge without the name of the field passes on no country that a client sends', async () => {
    await using edge = await startEdge(server.url);
    assert.equal((await ask(edge.url, '/live/cam/index.m3u8', near)).status, 200);
    assert.equal((await ask(edge.url, '/live/cam/index.m3u8', german)).code, 'watch-denied-here');
  });
});

suite('an asset with rules by network and country', () => {
  let asset: AssetView;
  before(async () => {
    await makeFilm(join(folder.path, 'film.mp4'), { seconds: 3 });
    const body = await readFile(join(folder.path, 'film.mp4'));
    const sent = await server.fetch('/api/v1/uploads/file?filename=film.mp4&visibility=public', {
      method: 'PUT',
      body,
    });
    assert.equal(sent.status, 201, await sent.clone().text());
    const { asset: id } = (await sent.json()) as { asset: string };
    asset = await until('the asset is ready', async () => {
      const view = await server.json<AssetView>(`/api/v1/assets/${id}`);
      assert.notEqual(view.state, 'failed', JSON.stringify(view.error));
      return view.state === 'ready' ? view : undefined;
    });
    const subtitles = { method: 'POST', body: 'WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n' };
    const added = await server.fetch(`/api/v1/assets/${id}/subtitles?language=en`, subtitles);
    assert.equal(added.status, 201, await added.clone().text());
    asset = await server.json<AssetView>(`/api/v1/assets/${id}`);
  });
  const setRules = (rules: object | null) => change('PATCH', `/api/v1/assets/${asset.id}`, { watchRules: rules });

  /** Addresses of everything that is served of the asset. */
  async function addresses(): Promise<readonly string[]> {
    const { hls, dash, poster, storyboard, download, original, subtitles } = asset;
    const text = async (path: string) => (await fetch(`${server.url}${path}`, { headers: near })).text();
    const base = `/assets/${asset.id}`;
    const list = `${base}/${/^[^#\n].*\.m3u8$/m.exec(await text(hls!))![0]}`;
    const media = await text(list);
    const segment = `${base}/${/^[^#\n].*\.m4s$/m.exec(media)![0]}`;
    const init = `${base}/${/URI="([^"]+)"/.exec(media)![1]}`;
    return [hls!, dash!, poster!, storyboard!, download!, original!, subtitles[0]!.vtt!, list, segment, init];
  }

  test('every address of it, its download and its original too, is answered where the rules allow it, and is 403 elsewhere', async () => {
    await setRules(watchRules);
    for (const path of await addresses()) {
      for (const client of [near, german]) {
        const answer = await ask(server.url, path, client);
        assert.equal(answer.status, 200, path);
        assert.match(answer.cache!, /^private|no-store/, path);
        assert.match(answer.vary!, /X-Forwarded-For/, path);
      }
      for (const client of [
        far,
        denied,
        { ...far, 'cf-ipcountry': 'AT' },
        {},
        { ...far, authorization: `Bearer ${adminToken}` },
      ]) {
        const { status, code, cache } = await ask(server.url, path, client);
        assert.deepEqual([status, code, cache], [403, 'watch-denied-here', 'no-store'], path);
      }
    }
  });

  test('over an edge the viewer decides; an edge of the server is purged of copies from before the rules', async () => {
    await setRules(null);
    const http = `127.0.0.1:${edgePort}`;
    await using edge = await startEdge(server.url, { http, args: ['--country-header', 'CF-IPCountry'] });
    const paths = await addresses();
    for (const path of paths) assert.equal((await ask(edge.url, path, far)).status, 200, path);
    await setRules(watchRules);
    await until('the edge was purged', async () => (await ask(edge.url, paths[0]!, far)).status === 403);
    for (const path of paths) {
      const answers = await Promise.all([near, far, german, denied].map((client) => ask(edge.url, path, client)));
      assert.deepEqual(
        answers.map(({ status, code }) => code ?? status),
        [200, 'watch-denied-here', 200, 'watch-denied-here'],
        path,
      );
    }
  });

  test('a private one without a token is 404 from every network, and a token does not help where the rules refuse', async () => {
    await setRules(watchRules);
    await change('PATCH', `/api/v1/assets/${asset.id}`, { visibility: 'private' });
    const { hls } = await server.json<AssetView>(`/api/v1/assets/${asset.id}`);
    for (const client of [near, far]) assert.equal((await ask(server.url, asset.hls!, client)).code, 'asset-unknown');
    assert.equal((await ask(server.url, hls!, near)).status, 200);
    assert.equal((await ask(server.url, hls!, far)).code, 'watch-denied-here');
    await change('PATCH', `/api/v1/assets/${asset.id}`, { visibility: 'public' });
  });

  test('one of a range of a recording has the rules of its stream, unless it gets its own; the API says what they decide', async () => {
    await change('PATCH', '/api/v1/streams/cam', { watchRules });
    await mediaPaths(near);
    const { recorded } = await server.json<{ recorded: { from: string } }>('/api/v1/streams/cam');
    const create = async (rules?: object) => {
      const range = { stream: 'cam', from: recorded.from, to: '2s', visibility: 'public', ...rules };
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(range) };
      const answer = await server.fetch('/api/v1/assets', init);
      assert.equal(answer.status, 201, await answer.clone().text());
      return (await answer.json()) as AssetView;
    };
    const [inherits, open] = [await create(), await create({ watchRules: null })];
    await change('PATCH', '/api/v1/streams/cam', { watchRules: null });
    assert.equal((await ask(server.url, inherits.hls!, near)).status, 200);
    assert.equal((await ask(server.url, inherits.hls!, far)).code, 'watch-denied-here');
    assert.equal((await ask(server.url, open.hls!, far)).status, 200);
    const { origin, verdict } = await server.json<WatchAccessView>(
      `/api/v1/assets/${inherits.id}/access?address=203.0.113.66&country=de`,
    );
    const expected = { isAllowed: false, address: '203.0.113.66', country: 'DE', entry: '203.0.113.66' };
    assert.deepEqual([origin, verdict], ['asset', expected]);
    assert.equal((await ask(server.url, `/api/v1/assets/${inherits.id}/access`, near)).status, 401);
  });
});

test('the rules of the settings are for streams without their own; they stay after a restart, and threads obey', async () => {
  const data = join(folder.path, 'default');
  const args = [...smallPicture, '--threads', '2', '--watch-rules-allow', '203.0.113.0/24'];
  for (const isFirst of [true, false]) {
    await using restarted = await startServer({ data, args, adminToken, sample: false });
    if (isFirst) {
      for (const [name, rules] of [
        ['cam', undefined],
        ['open', { allow: ['0.0.0.0/0', '::/0'] }],
      ] as const) {
        const body = { name, source: { type: 'test' }, visibility: 'public', ...(rules && { watchRules: rules }) };
        const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
        assert.equal((await restarted.fetch('/api/v1/streams', init)).status, 201);
      }
    }
    await restarted.stream('cam', 'live');
    await restarted.stream('open', 'live');
    const of = (name: string, client: Readonly<Record<string, string>>) =>
      ask(restarted.url, `/live/${name}/index.m3u8`, client);
    // The threads have replicas after the first requests.
    for (let i = 0; i < 20; i++) {
      assert.deepEqual([(await of('cam', near)).status, (await of('cam', far)).code], [200, 'watch-denied-here']);
      assert.equal((await of('open', far)).status, 200);
    }
    const access = await restarted.json<WatchAccessView>('/api/v1/streams/cam/access');
    assert.equal(access.origin, 'default');
  }
});

test('a file of countries decides for clients whose country no proxy reports, over an edge too, and is read again', async () => {
  const path = join(folder.path, 'countries.mmdb');
  const replace = async (code: string) => {
    await writeFile(`${path}.new`, writeMmdb({ '198.51.100.0/24': countryRecord(code) }));
    await rename(`${path}.new`, path);
  };
  await replace('DE');
  const data = join(folder.path, 'by-file');
  const settings = ['--watch-rules-country-file', path, '--watch-rules-country-header', 'CF-IPCountry'];
  const args = [...smallPicture, ...settings, '--watch-rules-allow', 'DE'];
  await using byFile = await startServer({ data, args, adminToken, sample: false });
  const body = JSON.stringify({ name: 'cam', source: { type: 'test' }, visibility: 'public' });
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  assert.equal((await byFile.fetch('/api/v1/streams', init)).status, 201);
  await byFile.stream('cam', 'live');
  await using edge = await startEdge(byFile.url, { args: ['--country-header', 'CF-IPCountry'] });
  for (const base of [byFile.url, edge.url]) {
    const statusOf = async (client: Readonly<Record<string, string>>) =>
      (await ask(base, '/live/cam/index.m3u8', client)).status;
    assert.equal(await statusOf(far), 200, base);
    assert.equal(await statusOf(near), 403, base);
    assert.equal(await statusOf({ ...far, 'cf-ipcountry': 'AT' }), 403, 'what a proxy says is first');
    assert.equal(await statusOf({ ...near, 'cf-ipcountry': 'DE' }), 200, base);
  }
  const view = await byFile.json<WatchAccessView>('/api/v1/streams/cam/access?address=198.51.100.9');
  assert.deepEqual(view.verdict, { isAllowed: true, address: '198.51.100.9', country: 'DE', entry: 'DE' });
  await replace('AT');
  await until('the new file is used', async () => (await ask(byFile.url, '/live/cam/index.m3u8', far)).status === 403);
  await writeFile(path, 'damaged');
  await until('the damaged file is counted', async () =>
    (await (await byFile.fetch('/metrics')).text()).includes('oxbow_country_file_reads_total{result="refused"} 1'),
  );
  assert.equal((await ask(byFile.url, '/live/cam/index.m3u8', far)).status, 403, 'the file before stays');
});
