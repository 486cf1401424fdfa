import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import type { UploadView } from '../../src/api/library/upload-shapes.ts';
import { version } from '../../src/lib/version.ts';
import { freePort } from '../fixtures/free-port.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { type Collector, openCollector, type ReceivedSpan } from '../fixtures/observe/collector.ts';
import { startEdge } from '../fixtures/proxies/edge.ts';
import { type Folder, openFolder, type Server, smallPicture, startPlainServer, startVerb } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';

const adminToken = 'let-me-in-please';
/** Of the enumeration SpanKind. */
const [INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER] = [1, 2, 3, 4, 5];
const caller = 'b7ad6b7169203331';
/** The trace of a caller that samples it. */
const traceOf = (digit: string) => ({ id: digit.repeat(32), header: `00-${digit.repeat(32)}-${caller}-01` });

suite('traces from the source to the viewer', { skip: need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let collector: Collector;
  let server: Server;
  let http: string;
  const start = async () => {
    const traced = ['--telemetry-otlp', collector.url, '--telemetry-sample', '100', '--telemetry-slow-query', '0ms'];
    const args = [...smallPicture, ...traced, '--jobs-own-worker', 'off', '--jobs-parallel', '1'];
    return startPlainServer({ data: join(folder.path, 'data'), args, adminToken, http, sample: false });
  };
  const post = async <T = unknown>(path: string, body: unknown, traceparent?: string): Promise<T> => {
    const headers = { 'content-type': 'application/json', ...(traceparent !== undefined && { traceparent }) };
    const response = await server.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.ok(response.ok, await response.clone().text());
    return (await response.json()) as T;
  };
  const spanOf = (traceId: string, name: string) =>
    collector.span(`${name} of ${traceId[0]}`, (span) => span.traceId === traceId && span.name.startsWith(name));

  before(async () => {
    folder = opened.use(await openFolder('traces'));
    collector = opened.use(await openCollector());
    http = `127.0.0.1:${await freePort()}`;
    server = await start();
    await post('/api/v1/streams', { name: 'cam', source: { type: 'test' }, visibility: 'public' });
    await server.stream('cam', 'live');
    const url = `${server.url}/live/cam/index.m3u8`;
    await post('/api/v1/streams', { name: 'copy', source: { type: 'pull', url } });
    await server.stream('copy', 'live');
  });
  after(async () => {
    await server.stop();
    await opened.disposeAsync();
  });

  fullTest(
    'a fetch of a source and a recorded segment have traces of their own, with a link to the session',
    async () => {
      const fetched = await collector.span(
        'a fetch of the source',
        ({ name, attributes, links }) => name === 'GET' && attributes['oxbow.stream'] === 'copy' && links.length > 0,
      );
      assert.deepEqual([fetched.kind, fetched.parentSpanId, fetched.error], [CLIENT, undefined, undefined]);
      const { port } = new URL(server.url);
      assert.deepEqual(
        ['http.request.method', 'http.response.status_code', 'server.address', 'server.port'].map(
          (name) => fetched.attributes[name],
        ),
        ['GET', 200, '127.0.0.1', Number(port)],
      );
      assert.match(String(fetched.attributes['url.full']), /^http:\/\/127\.0\.0\.1:\d+\/\*\*\*\/[\w.-]+$/);
      const recorded = await collector.span(
        'a recorded segment',
        ({ name, attributes }) => name === 'record segment' && attributes['oxbow.stream'] === 'copy',
      );
      assert.deepEqual([recorded.kind, recorded.parentSpanId], [INTERNAL, undefined]);
      assert.deepEqual(recorded.links[0]?.spanId, fetched.links[0]!.spanId, 'the same session');
      assert.ok((recorded.attributes['oxbow.segment.bytes'] as number) > 1000);
      assert.ok(recorded.endMs >= recorded.startMs);
      const sync = await collector.span(
        'its fdatasync',
        ({ name, parentSpanId }) => name === 'fdatasync' && parentSpanId === recorded.spanId,
      );
      assert.equal(sync.traceId, recorded.traceId);
      assert.deepEqual(
        ['service.name', 'service.version'].map((name) => recorded.resource[name]),
        ['oxbow', version],
      );
      assert.match(String(recorded.resource['service.instance.id']), /^[0-9a-f-]{36}$/);
    },
  );

  test('a request, its database queries, its job and the webhook of that are one trace', async () => {
    const traceparents: (string | undefined)[] = [];
    const receiver = createServer((request, response) => {
      traceparents.push(request.headers.traceparent as string | undefined);
      response.writeHead(204).end();
    });
    await once(receiver.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = receiver.address() as AddressInfo;
      await post('/api/v1/webhooks', { url: `http://127.0.0.1:${port}/hook?secret=1`, types: ['job.done'] });
      const { id, header } = traceOf('1');
      await until('a segment is recorded', async () => (await server.stream('cam')).recorded.from);
      const to = Date.now();
      const range = { from: new Date(to - 5000).toISOString(), to: new Date(to).toISOString() };
      await post('/api/v1/exports', { stream: 'cam', ...range, format: 'mp4' }, header);
      const request = await spanOf(id, 'POST /api/v1/exports');
      assert.deepEqual([request.kind, request.parentSpanId], [SERVER, caller]);
      assert.deepEqual(
        ['http.route', 'http.response.status_code', 'url.path', 'http.request.method', 'client.address'].map(
          (name) => request.attributes[name],
        ),
        ['/api/v1/exports', 202, '/api/v1/exports', 'POST', '127.0.0.1'],
      );
      const insert = await spanOf(id, 'INSERT job');
      assert.deepEqual([insert.kind, insert.parentSpanId], [CLIENT, request.spanId]);
      assert.deepEqual(
        ['db.system.name', 'db.operation.name', 'db.collection.name'].map((name) => insert.attributes[name]),
        ['sqlite', 'INSERT', 'job'],
      );
      const job = await spanOf(id, 'process export');
      assert.deepEqual([job.kind, job.parentSpanId, job.error], [CONSUMER, request.spanId, undefined]);
      assert.equal(job.attributes['messaging.operation.type'], 'process');
      assert.equal(job.attributes['oxbow.job.state'], 'done');
      await collector.span(
        'a query of the job',
        ({ traceId, parentSpanId, name }) => traceId === id && parentSpanId === job.spanId && name.startsWith('SELECT'),
      );
      const hook = await spanOf(id, 'send webhook');
      assert.deepEqual([hook.kind, hook.parentSpanId], [PRODUCER, job.spanId]);
      assert.equal(hook.attributes['http.response.status_code'], 204);
      assert.equal(hook.attributes['url.full'], `http://127.0.0.1:${port}/hook?…`, 'no query');
      assert.deepEqual(traceparents, [`00-${id}-${hook.spanId}-01`]);
    } finally {
      receiver.closeAllConnections();
      receiver.close();
    }
  });

  fullTest('a playback session is a span with its startup and its error', async () => {
    for (const state of ['s', 'p', 'r', 'p', 'f']) {
      const cmcd = encodeURIComponent(`sid="player-1",sta=${state},st=l`);
      const response = await server.fetch(`/live/cam/session?CMCD=${cmcd}`, { method: 'POST' });
      assert.equal(response.status, 204);
    }
    const play = await collector.span('the playback', ({ name }) => name === 'play');
    assert.deepEqual(
      ['oxbow.stream', 'oxbow.playback.stalls', 'oxbow.playback.live', 'error.type'].map(
        (name) => play.attributes[name],
      ),
      ['cam', 1, true, 'playback'],
    );
    assert.deepEqual([play.kind, play.error], [SERVER, 'the player reported a fatal error']);
    assert.ok((play.attributes['oxbow.playback.startup_ms'] as number) >= 0);
  });

  fullTest('a job belongs to its request after a restart, also in the process of a worker', async () => {
    const film = join(folder.path, 'film.mp4');
    await makeFilm(film);
    const { id, header } = traceOf('2');
    const init = { method: 'PUT', body: await readFile(film), headers: { traceparent: header } };
    const { asset } = (await (await server.fetch('/api/v1/uploads/file?filename=f.mp4', init)).json()) as UploadView;
    const request = await spanOf(id, 'PUT /api/v1/uploads/');
    await server.stop('SIGKILL');
    server = await start();
    const { token } = await post<{ token: string }>('/api/v1/tokens', { label: 'worker', scopes: ['worker'] });
    const verb = ['worker', '--server', server.url, '--token', token, '--name', 'w1', '--mode', 'pull'];
    const worker = startVerb([...verb, '--telemetry-otlp', collector.url]);
    await until('the asset is ready', async () => {
      const { items } = await server.json<{ items: JobView[] }>('/api/v1/jobs');
      return items.some(({ subject, state }) => subject === asset && state === 'done');
    });
    await worker.end('SIGTERM');
    const job = await spanOf(id, 'process ');
    assert.equal(job.parentSpanId, request.spanId);
    const run = await collector.span(
      'the run of the worker',
      ({ parentSpanId, resource }) => parentSpanId === job.spanId && resource['service.name'] === 'oxbow-worker',
    );
    assert.deepEqual([run.traceId, run.resource['service.instance.id']], [id, 'w1']);
    const sent = await collector.span(
      'a request of the worker',
      ({ parentSpanId, kind }) => parentSpanId === run.spanId && kind === SERVER,
    );
    assert.equal(sent.resource['service.name'], 'oxbow');
  });

  test('a request through an edge is one trace; media create no spans', async () => {
    const { id, header } = traceOf('3');
    const edge = await startEdge(server.url, { args: ['--telemetry-otlp', collector.url] });
    try {
      const headers = { traceparent: header };
      const response = await fetch(`${edge.url}/api/v1/streams`, { headers });
      assert.equal(response.status, 200);
      assert.equal((await fetch(`${edge.url}/live/cam/index.m3u8`, { headers })).status, 200);
    } finally {
      await edge.stop();
    }
    const request = await spanOf(id, 'GET /api/v1/streams');
    const passed = await collector.span('the edge', ({ spanId }) => spanId === request.parentSpanId);
    assert.deepEqual([passed.name, passed.kind, passed.parentSpanId], ['GET', CLIENT, caller]);
    assert.equal(passed.resource['service.name'], 'oxbow-edge');
    const media = collector.spans.filter((span) => span.traceId === id && span.kind === SERVER);
    assert.deepEqual(
      media.map(({ name }) => name),
      ['GET /api/v1/streams'],
    );
  });

  fullTest(
    'what a caller does not sample is not sent; a collector that refuses loses spans and nothing else',
    async () => {
      const { id } = traceOf('4');
      await server.fetch('/api/v1/streams', { headers: { traceparent: `00-${id}-${caller}-00` } });
      const { id: next, header } = traceOf('5');
      await server.fetch('/api/v1/streams', { headers: { traceparent: header } });
      await spanOf(next, 'GET');
      assert.deepEqual(
        collector.spans.filter(({ traceId }) => traceId === id),
        [],
      );
      // The restart after SIGKILL is reported as a log record.
      assert.deepEqual([...new Set(collector.requests)].sort(), ['/v1/logs gzip', '/v1/traces gzip']);
      collector.fail(400);
      await until('lost spans are counted', async () =>
        /oxbow_telemetry_lost_total\{signal="traces"\} [1-9]/.test(String(Buffer.from(await server.bytes('/metrics')))),
      );
      await server.stream('copy', 'live');
      collector.fail(200);
    },
  );

  test('at the end of a publisher its session is a span, which the links name', async () => {
    await server.stop();
    const session = await collector.span(
      'the session of the pull',
      ({ name, attributes }) => name === 'publish pull' && attributes['oxbow.stream'] === 'copy',
    );
    const linked = collector.spans.filter(({ links }) => links.some(({ spanId }) => spanId === session.spanId));
    const names = new Set(linked.map(({ name }: ReceivedSpan) => name));
    assert.deepEqual([...names].sort(), ['GET', 'record segment']);
  });
});
