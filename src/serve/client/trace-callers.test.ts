import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTraceFilter, type TraceCallers } from './trace-callers.ts';

const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;

/** Whether the trace of a request is continued. */
function isContinued(callers: TraceCallers, remoteAddress: string, isOfNode = false): boolean {
  const headers = { traceparent, tracestate: 'x=1', host: 'tv.example' };
  const sender = isOfNode ? { node: 'two', bodyHash: undefined } : undefined;
  createTraceFilter(callers, ['192.0.2.0/24'])?.({ headers, remoteAddress, sender });
  assert.equal(headers.tracestate === undefined, headers.traceparent === undefined, 'one without the other');
  return headers.traceparent === traceparent;
}

test('the trace of a caller is continued if the setting names it', () => {
  const [stranger, proxy] = ['198.51.100.7', '192.0.2.1'] as const;
  assert.deepEqual(
    [stranger, proxy].map((address) => isContinued('any', address)),
    [true, true],
  );
  assert.deepEqual(
    [stranger, proxy].map((address) => isContinued('proxies', address)),
    [false, true],
  );
  assert.deepEqual(
    [stranger, proxy].map((address) => isContinued('nodes', address)),
    [false, false],
  );
});

test('the trace of a node that has signed its request always counts', () => {
  for (const callers of ['any', 'proxies', 'nodes'] as const) assert.ok(isContinued(callers, '198.51.100.7', true));
});
