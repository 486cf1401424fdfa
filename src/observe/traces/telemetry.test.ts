import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { noTelemetry, openTelemetry } from './telemetry.ts';

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}
interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: object }[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';

/** An OTLP collector over HTTP; it has all spans after the sender is closed. */
async function collect() {
  const bodies: OtlpBody[] = [];
  const paths: string[] = [];
  const server = createServer(async (request, response) => {
    paths.push(request.url!);
    bodies.push(JSON.parse(String(gunzipSync(await buffer(request)))) as OtlpBody);
    response.setHeader('content-type', 'application/json').end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    paths,
    bodies,
    spans: () => bodies.flatMap(({ resourceSpans }) => resourceSpans.flatMap((one) => one.scopeSpans[0]!.spans)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('a request is sent to the collector as a span of its trace, below the span of its caller', async () => {
  await using collector = await collect();
  const kinds: string[] = [];
  const nowMs = 1_795_000_000_000;
  {
    await using telemetry = await openTelemetry({
      endpoint: `${collector.endpoint}/`,
      sample: 1,
      nowMs: () => nowMs,
      onSpan: (kind) => kinds.push(kind),
    });
    telemetry.ended({
      kind: 'request',
      name: 'GET /version',
      tookMs: 250,
      traceId,
      attributes: { 'http.response.status_code': 200 },
    });
    telemetry.ended({
      kind: 'job',
      name: 'export',
      tookMs: 10,
      traceparent: `00-${traceId}-${parent}-01`,
      error: 'the disk is full',
    });
  }
  assert.deepEqual(collector.paths, ['/v1/traces']);
  assert.deepEqual(kinds, ['request', 'job']);
  const [request, job] = collector.spans();
  assert.deepEqual([request!.name, request!.traceId], ['GET /version', traceId]);
  assert.equal(BigInt(request!.endTimeUnixNano) - BigInt(request!.startTimeUnixNano), 250_000_000n);
  assert.equal(request!.endTimeUnixNano, `${nowMs}000000`);
  assert.deepEqual(request!.attributes, [{ key: 'http.response.status_code', value: { intValue: 200 } }]);
  assert.deepEqual([job!.traceId, job!.parentSpanId, job!.status?.message], [traceId, parent, 'the disk is full']);
  const { attributes } = collector.bodies[0]!.resourceSpans[0]!.resource;
  assert.ok(attributes.some(({ key, value }) => key === 'service.name' && 'stringValue' in value));
});

test('no playback token or key of a path, an address or an error leaves the machine', async () => {
  await using collector = await collect();
  {
    await using telemetry = await openTelemetry({ endpoint: collector.endpoint, sample: 1, nowMs: Date.now });
    const attributes = { 'url.path': '/t/eyJzZWNyZXQ/api/v1/streams', 'server.port': 80, 'error.type': undefined };
    telemetry.ended({ kind: 'pass-on', name: 'GET', tookMs: 1, attributes, error: 'GET /t/eyJzZWNyZXQ/live/a failed' });
  }
  const [span] = collector.spans();
  assert.doesNotMatch(JSON.stringify(collector.bodies), /eyJzZWNyZXQ/);
  assert.deepEqual(span!.attributes, [
    { key: 'url.path', value: { stringValue: '/t/[redacted]/api/v1/streams' } },
    { key: 'server.port', value: { intValue: 80 } },
  ]);
});

test('a share of 0 keeps only what a caller keeps', async () => {
  await using collector = await collect();
  {
    await using telemetry = await openTelemetry({ endpoint: collector.endpoint, sample: 0, nowMs: Date.now });
    telemetry.ended({ kind: 'request', name: 'left out', tookMs: 1 });
    telemetry.ended({ kind: 'request', name: 'kept', tookMs: 1, traceparent: `00-${traceId}-${parent}-01` });
  }
  assert.deepEqual(
    collector.spans().map(({ name }) => name),
    ['kept'],
  );
});

test('an unavailable collector neither throws nor delays closing', async () => {
  const telemetry = await openTelemetry({
    endpoint: 'http://127.0.0.1:1',
    sample: 1,
    nowMs: Date.now,
    deadlineMs: 200,
  });
  for (let i = 0; i < 5000; i++) telemetry.ended({ kind: 'fetch', name: 'GET', tookMs: 1 });
  await telemetry[Symbol.asyncDispose]();
});

test('a span ends with the id that was sent to the server, and the sampled flag', async () => {
  await using collector = await collect();
  let begun = '';
  {
    await using telemetry = await openTelemetry({ endpoint: collector.endpoint, sample: 0, nowMs: Date.now });
    const own = telemetry.begin({ traceId })!;
    assert.equal(own.traceparent, `00-${traceId}-${own.spanId}-00`, 'the share of 0 counts');
    const traceparent = `00-${traceId}-${parent}-01`;
    const span = telemetry.begin({ traceparent })!;
    assert.equal(span.traceparent, `00-${traceId}-${span.spanId}-01`, "the caller's flag counts");
    assert.notEqual(span.spanId, parent);
    telemetry.ended({ kind: 'request', name: 'GET', tookMs: 1, span, traceparent });
    telemetry.ended({ kind: 'fetch', name: 'GET', tookMs: 1, traceparent: span.traceparent });
    begun = span.spanId;
  }
  const [request, fetched] = collector.spans();
  assert.deepEqual([request!.traceId, request!.spanId, request!.parentSpanId], [traceId, begun, parent]);
  assert.equal(fetched!.parentSpanId, begun, 'what it caused is below it');
});

test('without tracing no span begins, so no header is sent', () => {
  assert.equal(noTelemetry.begin({ traceId, traceparent: `00-${traceId}-${parent}-01` }), undefined);
});
