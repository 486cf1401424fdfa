import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createHealth } from '../../observe/health.ts';
import type { Ended } from '../../observe/traces/telemetry.ts';
import { asAdmin, shareTestServer } from '../fixture.ts';
import { sendRequest } from '../request.fixture.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
const begun = '00f067aa0ba902b7';
const spans: Ended[] = [];
const health = createHealth();
const server = shareTestServer(() => ({
  health,
  telemetry: {
    begin: ({ traceId }) => ({ traceId: traceId!, spanId: begun, traceparent: `00-${traceId}-${begun}-01` }),
    ended: (span) => spans.push(span),
  },
  probe: async (_, { traceparent }) => Promise.reject(new OxbowError('bad-source', `on behalf of ${traceparent}`)),
}));

test('while the database hangs, oxbow is not ready and says why, but is live', async () => {
  const { promise: hangs, resolve } = Promise.withResolvers<undefined>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const heal = health.register('database', () => {
    ask();
    return hangs;
  });
  using time = openVirtualTime();
  const answered = sendRequest(server(), '/ready');
  await asked;
  await time.runFor(2000);
  const ready = await answered;
  assert.equal(ready.status, 503);
  assert.equal(ready.headers['retry-after'], '5');
  const [check] = JSON.parse(String(ready.body)).checks;
  assert.deepEqual([check.name, check.status, check.detail], ['database', 'failing', 'no answer within 2000 ms']);
  assert.equal((await sendRequest(server(), '/live')).status, 200);
  resolve(undefined);
  assert.equal((await sendRequest(server(), '/ready')).status, 200, 'it answers again');
  heal();
});

test('a degraded check is shown by /health and /ready, and oxbow stays ready', async () => {
  const full = () => Promise.reject(new Error('nothing is recorded: record.minFree'));
  const heal = health.register('disk', full, { degrades: true });
  for (const path of ['/health', '/ready']) {
    const answer = await sendRequest(server(), path);
    const { status, checks } = JSON.parse(String(answer.body));
    assert.deepEqual([answer.status, status, checks[0].status], [200, 'degraded', 'degraded'], path);
    assert.match(checks[0].detail, /record\.minFree/);
  }
  for (const path of ['/health?strict=1', '/ready?strict=1']) {
    assert.equal((await sendRequest(server(), path)).status, 503, `${path}: who asks strictly wants all of it to work`);
  }
  heal();
  assert.equal((await sendRequest(server(), '/ready?strict=1')).status, 200);
});

test('a check that only informs fails /health, not /ready', async () => {
  const heal = health.register('memory', () => Promise.reject(new Error('memory is short')), { ready: false });
  assert.equal((await sendRequest(server(), '/health')).status, 503);
  assert.equal((await sendRequest(server(), '/ready')).status, 200);
  heal();
});

test('a request becomes a span named by its route, in the trace of its caller', async () => {
  spans.length = 0;
  await sendRequest(server(), '/api/v1/streams/unknown?token=secret', { headers: { traceparent } });
  const [span] = spans;
  assert.deepEqual(
    [span!.kind, span!.name, span!.traceId, span!.traceparent, span!.error],
    ['request', 'GET /api/v1/streams/:name', traceId, traceparent, undefined],
  );
  assert.deepEqual(
    ['http.request.method', 'http.response.status_code', 'http.route'].map((name) => span!.attributes?.[name]),
    ['GET', 404, '/api/v1/streams/:name'],
  );
  assert.ok(!JSON.stringify(spans).includes('secret'));
});

test('outgoing requests of a request are in its trace', async () => {
  spans.length = 0;
  const headers = { traceparent, 'content-type': 'application/json', ...asAdmin };
  const body = JSON.stringify({ url: 'https://cam.example/live.m3u8' });
  const answer = await fetch(`${server().url}/api/v1/probe`, { method: 'POST', headers, body });
  assert.match(await answer.text(), new RegExp(`on behalf of 00-${traceId}-${begun}-01`));
  assert.equal(spans[0]!.span!.spanId, begun);
});
