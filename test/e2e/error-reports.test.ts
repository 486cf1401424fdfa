import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { version } from '../../src/lib/version.ts';
import { openCollector } from '../fixtures/observe/collector.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, isFull } from '../full.ts';

/** Body of a report. */
interface Report {
  readonly type: string;
  readonly kind: string;
  readonly version: string;
  readonly node: string | null;
  readonly summary: string;
  readonly message: string;
  readonly stack: string | null;
  readonly traceId: string | null;
  readonly fingerprint: string;
  readonly count: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

const adminToken = 'let-me-in-please';
const secret = `whsec_${Buffer.from('a secret of thirty-two bytes, ok').toString('base64')}`;
const injected = new URL('../fixtures/observe/inject.mjs', import.meta.url).href;

/** A tracker of errors. */
async function openTracker() {
  const reports: Report[] = [];
  const signatures: unknown[] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as Report;
    response.writeHead(status).end();
    if (status !== 200) return;
    signatures.push(request.headers['webhook-signature']);
    reports.push(body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/errors?key=tracker-key`,
    reports,
    signatures,
    answer(next: number) {
      status = next;
    },
    report: (kind: string) => until(`a report of kind ${kind}`, () => reports.find((each) => each.kind === kind)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const addWebhook = (server: Server, url: string, headers: Record<string, string> = {}) =>
  server.fetch('/api/v1/webhooks', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ url }),
  });

test('bugs, crashed children, exceptions and a killed process reach the error webhook and the collector, once each', async () => {
  await using folder = await openFolder('error-reports');
  await using tracker = await openTracker();
  await using collector = await openCollector();
  const start = () =>
    startServer({
      data: join(folder.path, 'data'),
      adminToken,
      args: [
        ...smallPicture,
        ...['--errors-webhook', tracker.url, '--telemetry-otlp', collector.url, '--telemetry-sample', '100'],
      ],
      env: { NODE_OPTIONS: `--import ${injected}`, OXBOW_ERRORS_SECRET: secret },
      sample: false,
    });
  const first = await start();

  // A bug, three times.
  const traceId = 'c'.repeat(32);
  for (let n = 0; n < 3; n++) {
    const answer = await addWebhook(first, 'http://bug.invalid/', {
      traceparent: `00-${traceId}-${'d'.repeat(16)}-01`,
    });
    assert.equal(answer.status, 500);
  }
  const bug = await tracker.report('bug');
  assert.deepEqual([bug.type, bug.version, bug.count, bug.traceId], ['error.reported', version, 1, traceId]);
  assert.equal(bug.summary, 'a request failed');
  assert.equal(bug.message, 'an injected bug of https://[redacted]@cam.example/');
  assert.match(bug.stack!, /^TypeError: an injected bug of https:\/\/\[redacted\]@cam\.example\/\n +at /);
  assert.match(bug.fingerprint, /^[0-9a-f]{16}$/);
  assert.equal(tracker.reports.length, 1, 'the second and third are counted');
  assert.match(String(tracker.signatures[0]), /^v1,/);
  const record = await collector.log('the bug', ({ attributes }) => attributes['oxbow.report'] === 'bug');
  assert.deepEqual([record.severityNumber, record.body, record.traceId], [17, 'a request failed', traceId]);
  assert.deepEqual(
    ['exception.type', 'exception.message'].map((name) => record.attributes[name]),
    ['TypeError', 'an injected bug of https://[redacted]@cam.example/'],
  );
  assert.match(String(record.attributes['exception.stacktrace']), /^TypeError: /);
  assert.equal(record.resource['service.version'], version);
  assert.equal(
    collector.logs.some(({ attributes }) => attributes['oxbow.report'] === undefined),
    false,
    'reports only',
  );

  if (!isFull) return void (await first.stop());
  // A child process.
  const body = JSON.stringify({ name: 'cam', source: { type: 'test' } });
  const headers = { 'content-type': 'application/json' };
  assert.equal((await first.fetch('/api/v1/streams', { method: 'POST', headers, body })).status, 201);
  await first.stream('cam', 'live');
  const { pid } = first.log().find(({ msg }) => msg === 'test picture started')!;
  process.kill(pid as number, 'SIGABRT');
  const child = await tracker.report('child');
  assert.deepEqual([child.fields.entry, child.fields.pid], ['answer-main', pid]);
  assert.match(child.message, /^killed by SIGABRT/);
  await first.stream('cam', 'live');

  // kill -9.
  await first.stop('SIGKILL');
  const second = await start();
  const killed = await tracker.report('killed');
  assert.deepEqual([killed.fields.pid, killed.fields.lastVersion], [first.pid, version]);

  // An exception: reported before the end.
  await addWebhook(second, 'http://uncaught.invalid/').catch(() => undefined); // it may end before it has answered
  await second.closed;
  const uncaught = tracker.reports.find(({ kind }) => kind === 'uncaught')!;
  assert.equal(uncaught.message, 'an injected exception');
  assert.match(second.stderr, /"level":"fatal".*oxbow has crashed/);
  assert.ok(
    collector.logs.some(({ severityText, body: text }) => severityText === 'fatal' && text === 'oxbow has crashed'),
  );
  assert.equal((await second.stop()).code, 1);

  // The same again while the tracker does not answer: the next start reports it, with the count of its
  // process.
  tracker.answer(503);
  const third = await start();
  await addWebhook(third, 'http://uncaught.invalid/').catch(() => undefined);
  await third.closed;
  tracker.answer(200);
  await using fourth = await start();
  await until(
    'the next start reports it',
    () => tracker.reports.filter(({ kind }) => kind === 'uncaught').length === 2,
  );
  await fourth.stop();
  assert.deepEqual(
    tracker.reports.map(({ kind }) => kind),
    ['bug', 'child', 'killed', 'uncaught', 'uncaught'],
  );
  assert.equal(new Set(tracker.reports.map(({ fingerprint }) => fingerprint)).size, 4);
});

fullTest('with telemetry.logs every line is a log record, and the log is complete without a collector', async () => {
  await using folder = await openFolder('log-records');
  await using collector = await openCollector();
  const args = ['--telemetry-otlp', collector.url, '--telemetry-logs', 'true', '--telemetry-sample', '0'];
  await using server = await startServer({ data: folder.path, adminToken, args });
  const started = await collector.log('the start', ({ body }) => body === 'oxbow runs');
  assert.deepEqual([started.severityText, started.severityNumber], ['info', 9]);
  assert.equal(started.attributes['oxbow.http'], server.url);
  collector.fail(500);
  await addWebhook(server, 'https://hooks.example/');
  await until('lost records are counted', async () =>
    /oxbow_telemetry_lost_total\{signal="logs"\} [1-9]/.test(String(Buffer.from(await server.bytes('/metrics')))),
  );
  assert.ok(server.log().some(({ request }) => request === 'POST /api/v1/webhooks'));
});
