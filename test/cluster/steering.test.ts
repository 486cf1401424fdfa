/**
 * Content steering where several nodes, or several processes, answer players.
 * In: an edge that reports to one of them. Out: the same answer from each.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { PathwayView } from '../../src/api/steering/steering-shapes.ts';
import { canSharePorts } from '../../src/serve/hot/listeners.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { EDGE_TOKEN, type RunningEdge, startEdge } from '../fixtures/proxies/edge.ts';
import { openFolder, type Server, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { ADMIN, openCluster } from './cluster.fixture.ts';

interface Manifest {
  readonly 'RELOAD-URI': string;
  readonly 'PATHWAY-PRIORITY': readonly string[];
}

/** Settings with an edge `near`, and one that is gone, in a folder. */
async function writeSettings(folder: string): Promise<{ readonly near: string; readonly settings: string }> {
  const near = `127.0.0.1:${await freePort()}`;
  const pathways = { near: { url: `http://${near}`, networks: ['127.0.0.0/8'] }, gone: { url: 'http://127.0.0.1:1' } };
  const settings = join(folder, 'oxbow.yaml');
  await writeFile(settings, JSON.stringify({ edges: { token: EDGE_TOKEN }, steering: { pathways } }));
  return { near, settings };
}

/** A request over a new connection, which the system gives to any process. */
function ask(base: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'close', authorization: `Bearer ${ADMIN}` };
    get(`${base}${path}`, { agent: false, headers, signal: AbortSignal.timeout(20_000) }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve(body)).on('error', reject);
    }).on('error', reject);
  });
}

const nearIn = (body: string) =>
  (JSON.parse(body) as { readonly items: readonly PathwayView[] }).items.find(({ id }) => id === 'near')!;

/** Starts the edge, and waits until every answer of `asked` knows its report. */
async function openEdge(origin: string, http: string, asked: () => Promise<readonly string[]>): Promise<RunningEdge> {
  const edge = await startEdge(origin, { http, args: ['--pathway', 'near', '--only-media'] });
  await until('each knows the load of the edge, and that it is up', async () => {
    const states = (await asked()).map(nearIn);
    return states.every(({ load, state }) => load !== null && state === 'up');
  });
  return edge;
}

/** Creates a stream with the test picture. */
async function create(server: Server, name: string, visibility: string): Promise<void> {
  const body = JSON.stringify({ name, source: { type: 'test' }, visibility });
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  const answer = await server.fetch('/api/v1/streams', init);
  assert.ok(answer.ok, await answer.clone().text());
  await server.stream(name, 'live');
}

async function tokenOf(server: Server, name: string): Promise<string> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"expires":"1h"}' };
  const answer = await server.fetch(`/api/v1/streams/${name}/watch-tokens`, init);
  return ((await answer.json()) as { readonly token: string }).token;
}

suite('two nodes that steer viewers', { skip: needPostgres() || need('redis-server') }, () => {
  const opened = new AsyncDisposableStack();
  let nodes: readonly Server[];
  let edge: RunningEdge;
  let near: string;
  const states = () => Promise.all(nodes.map(({ url }) => ask(url, '/api/v1/steering')));

  before(async () => {
    const { path } = opened.use(await openFolder('cluster-steering'));
    const made = await writeSettings(path);
    near = made.near;
    const cluster = opened.use(await openCluster());
    const args = ['--config', made.settings, ...smallPicture];
    const a = (await cluster.start('a', { args })).server;
    const b = (await cluster.start('b', { args })).server;
    nodes = [a, b];
    await create(a, 'cam', 'public');
    await create(a, 'closed', 'signed');
    // The node that does not have the streams gets the reports.
    edge = opened.use(await openEdge(b.url, near, states));
  });
  after(() => opened.disposeAsync());

  test('a steering answer is the same from each, and through the edge', async () => {
    const path = '/live/cam/steering.json?_HLS_pathway=near';
    let answers: readonly string[] = [];
    // The other node hears of the stream's target duration, a bound of TTL, a moment after its start.
    await until('both nodes answer the same', async () => {
      answers = await Promise.all(nodes.map(({ url }) => ask(url, path)));
      return answers[0] === answers[1];
    });
    const { 'PATHWAY-PRIORITY': priority } = JSON.parse(answers[0]!) as Manifest;
    assert.deepEqual(priority, ['near', 'gone', 'here']);
    const there = JSON.parse(await ask(edge.url, '/live/cam/steering.json')) as Manifest;
    assert.deepEqual(there['PATHWAY-PRIORITY'], ['here', 'gone'], 'the edge is known as where the player is');
  });

  test('a node puts the token of a viewer into the playlists of another node', async () => {
    const tokens = [await tokenOf(nodes[0]!, 'closed'), await tokenOf(nodes[1]!, 'closed')];
    for (const { url } of [...nodes, ...nodes]) {
      for (const file of ['index.m3u8', 'index.mpd']) {
        for (const token of tokens) {
          const answer = await fetch(`${url}/t/${token}/live/closed/${file}`);
          const text = await answer.text();
          assert.equal(answer.status, 200, text);
          assert.ok(text.includes(`http://${near}/t/${token}/live/closed/`), text);
          assert.doesNotMatch(text, /\/t\/_\//);
        }
      }
    }
  });

  test('each knows that the edge drains', async () => {
    await edge.manage('/edge/drain', { draining: true });
    await until('both know it', async () => (await states()).map(nearIn).every(({ state }) => state === 'draining'));
    await edge.manage('/edge/drain', { draining: false });
    await until('both know its end', async () => (await states()).map(nearIn).every(({ state }) => state === 'up'));
  });
});

suite('two processes that steer viewers', { skip: canSharePorts ? false : 'needs shared ports' }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let edge: RunningEdge;
  /** Many times: some reach each process. */
  const askAll = (path: string) => Promise.all(Array.from({ length: 16 }, () => ask(server.url, path)));

  before(async () => {
    const { path } = opened.use(await openFolder('processes-steering'));
    const { near, settings } = await writeSettings(path);
    const args = ['--config', settings, '--processes', '2', ...smallPicture];
    server = opened.use(await startPlainServer({ data: join(path, 'data'), adminToken: ADMIN, sample: false, args }));
    for (const name of ['one', 'two']) await create(server, name, 'public');
    edge = opened.use(await openEdge(server.url, near, () => askAll('/api/v1/steering')));
  });
  after(() => opened.disposeAsync());

  test('a steering answer is the same from each', async () => {
    for (const name of ['one', 'two']) {
      // A process hears of the stream's target duration, a bound of TTL, a moment after its start.
      const answers = await until('all answer the same', async () => {
        const all = await askAll(`/live/${name}/steering.json?_HLS_pathway=near`);
        return new Set(all).size === 1 && all;
      });
      assert.deepEqual((JSON.parse(answers[0]!) as Manifest)['PATHWAY-PRIORITY'], ['near', 'gone', 'here']);
    }
  });

  test('each knows that the edge drains', async () => {
    await edge.manage('/edge/drain', { draining: true });
    await until('all know it', async () =>
      (await askAll('/api/v1/steering')).map(nearIn).every(({ state }) => state === 'draining'),
    );
    await edge.manage('/edge/drain', { draining: false });
  });
});
