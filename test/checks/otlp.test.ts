import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, otlpTypes } from '../fixtures/observe/otlp.ts';

const ids = { traceId: '1'.repeat(32), spanId: '2'.repeat(16) };
const span = {
  ...ids,
  name: 'GET',
  kind: 3,
  startTimeUnixNano: '1795000000000000001',
  endTimeUnixNano: '1795000000000000002',
  attributes: [{ key: 'n', value: { intValue: 5 } }],
  droppedAttributesCount: 0,
  events: [],
  status: { code: 0 },
};
const requestOf = (more: object, groups = 'resourceSpans') => ({
  [groups]: [{ resource: {}, scopeSpans: [{ spans: [{ ...span, ...more }] }] }],
});
const decodeJson = (request: object) => decode('/v1/traces', 'application/json', Buffer.from(JSON.stringify(request)));
/** What is left of it without defaults. */
const { startTimeUnixNano, endTimeUnixNano } = span;
const expected = { ...ids, name: 'GET', kind: 3, startTimeUnixNano, endTimeUnixNano };

test('requests of OTLP in JSON and protobuf are decoded by one schema', () => {
  assert.partialDeepStrictEqual(decodeJson(requestOf({})), {
    resourceSpans: [{ scopeSpans: [{ spans: [expected] }] }],
  });
  const type = otlpTypes['/v1/traces']!;
  const base64 = (id: string) => Buffer.from(id, 'hex').toString('base64');
  const binary = requestOf({ traceId: base64(ids.traceId), spanId: base64(ids.spanId) });
  const bytes = type.encode(type.fromObject(binary)).finish();
  assert.partialDeepStrictEqual(decode('/v1/traces', 'application/x-protobuf', bytes), {
    resourceSpans: [{ scopeSpans: [{ spans: [expected] }] }],
  });
});

test('what the schema does not have, and values of another type, are mistakes', () => {
  const mistakes = [
    ...[{ nmae: 'x' }, { name: 5 }, { kind: 'CLIENT' }, { traceId: 'EREREQ==' }, { spanId: '0'.repeat(16) }],
    ...[{ endTimeUnixNano: 'now' }, { attributes: [{ key: 'n', value: { stringValue: 5 } }] }, { status: { text: 1 } }],
  ];
  for (const mistake of mistakes) assert.throws(() => decodeJson(requestOf(mistake)), JSON.stringify(mistake));
  assert.throws(() => decodeJson(requestOf({}, 'resourceLogs')));
  assert.throws(() => decode('/v1/spans', 'application/json', Buffer.from('{}')));
});
