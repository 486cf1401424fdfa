import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { suite, test } from 'node:test';
import { createManualClock } from '../../lib/clock.ts';
import { isSignedBody, NODE_HEADER, NodeSignature, type SignedBody } from './node-signature.ts';

const secret = 'a-secret-of-the-cluster-that-is-long';
const request = { method: 'GET', target: '/live/cam/index.m3u8?x=1' };

/**
 * Nodes with one clock, each of which reads requests as its server gives them: new header fields each time.
 */
function openNodes() {
  const clock = createManualClock();
  const open = (node: string, of = secret) => {
    const signature = new NodeSignature({ secret: of, node, clock });
    const receive = (value: string | undefined, got = request, headers: IncomingHttpHeaders = {}) =>
      signature.senderOf({ ...got, headers: { ...headers, ...(value !== undefined && { [NODE_HEADER]: value }) } });
    return { sign: signature.sign.bind(signature), senderOf: signature.senderOf.bind(signature), receive };
  };
  return { clock, open, a: open('a'), b: open('b') };
}

const refusedFor = (because: RegExp) => ({ code: 'node-refused', message: because });

suite('a signed request', () => {
  test('names the node that has sent it', () => {
    const { a, b } = openNodes();
    assert.deepEqual(b.receive(a.sign('b', request)), { node: 'a', bodyHash: undefined });
    for (const other of [undefined, '', 'a', 'a 1795000000000 forged', 'b one 2 three']) {
      assert.equal(b.receive(other), undefined, other);
    }
  });

  test('is refused with another method, target, sender or secret', () => {
    const { a, b, open } = openNodes();
    const refusal = refusedFor(
      /the node [ac] was refused: it is signed with another secret, or is not what was signed/,
    );
    assert.throws(() => b.receive(a.sign('b', request), { ...request, method: 'DELETE' }), refusal);
    assert.throws(() => b.receive(a.sign('b', request), { ...request, target: '/live/cam/index.m3u8' }), refusal);
    assert.throws(() => b.receive(a.sign('b', request).replace('2 a', '2 c')), refusal);
    assert.throws(() => open('b', 'another-secret-of-another-cluster').receive(a.sign('b', request)), refusal);
    const changed = a.sign('b', request).replace(/\.1 |\.2 |\.3 |\.4 |\.5 /, '.77 ');
    assert.throws(() => b.receive(changed), refusal);
  });

  test('is for one node', () => {
    const { a, b, open } = openNodes();
    const value = a.sign('b', request);
    assert.throws(() => open('c').receive(value), refusedFor(/it is for the node b/));
    assert.throws(() => open('c').receive(value.replace('a b', 'a c')), refusedFor(/is not what was signed/));
    assert.ok(b.receive(value));
  });

  test('is received once, in whatever order many of them come, and each receiver counts alone', () => {
    const { a, b, open } = openNodes();
    const c = open('c');
    const values = Array.from({ length: 300 }, (_, at) => [at % 2 ? 'b' : 'c', a.sign(at % 2 ? 'b' : 'c', request)]);
    for (const [to, value] of values.toReversed()) assert.ok((to === 'b' ? b : c).receive(value));
    for (const [to, value] of values) {
      assert.throws(() => (to === 'b' ? b : c).receive(value), refusedFor(/it has been received before/));
    }
  });

  test('is valid for a minute, before and after its time', () => {
    const { clock, a, b } = openNodes();
    const [early, late] = [a.sign('b', request), a.sign('b', request)];
    clock.advance(59_000);
    assert.ok(b.receive(early));
    clock.advance(2000);
    assert.throws(() => b.receive(late), refusedFor(/it is 61 s old by the clock of this node/));
    const ahead = createManualClock(clock.nowMs() + 61_000);
    const fast = new NodeSignature({ secret, node: 'a', clock: ahead });
    assert.throws(() => b.receive(fast.sign('b', request)), refusedFor(/it is -61 s old/));
  });

  test('of the time before the receiver started is refused: what it had received by then is not known any more', () => {
    const { clock, a, b, open } = openNodes();
    const value = a.sign('b', request);
    assert.ok(b.receive(value));
    clock.advance(500);
    assert.throws(() => open('b').receive(value), refusedFor(/it is older than this process/));
  });

  test('of a process that has started again is a new one, although it counts from the beginning', () => {
    const { a, b, open } = openNodes();
    assert.ok(b.receive(a.sign('b', request)));
    assert.ok(b.receive(open('a').sign('b', request)));
  });

  test('as the version before signs is refused, and the refusal says so', () => {
    const { b } = openNodes();
    const before = `a 1795000000000 ${'x'.repeat(43)}`;
    assert.throws(() => b.receive(before), refusedFor(/the node a was refused: it is signed as an earlier version/));
  });
});

suite('the body of a signed request', () => {
  const post = { method: 'POST', target: '/api/v1/streams/cam/start' };
  const body = Buffer.from('{"a":1}');
  const length = { 'content-length': String(body.length) };

  test('is named by its hash', () => {
    const { a, b } = openNodes();
    const { bodyHash = '' } = b.receive(a.sign('b', { ...post, body }), post, length)!;
    assert.equal(isSignedBody(body, bodyHash), true);
    for (const other of ['{"a":2}', '', '{"a":1} ']) assert.equal(isSignedBody(Buffer.from(other), bodyHash), false);
    assert.equal(b.receive(a.sign('b', { ...post, body: Buffer.alloc(0) }), post)?.bodyHash, undefined);
  });

  test('is there exactly where one was signed', () => {
    const { a, b } = openNodes();
    const wrong: readonly [SignedBody, IncomingHttpHeaders][] = [
      [undefined, length],
      [undefined, { 'transfer-encoding': 'chunked' }],
      [body, {}],
      [body, { 'content-length': '0' }],
      [body, { 'transfer-encoding': 'chunked' }],
      [body, { ...length, 'transfer-encoding': 'chunked' }],
      [body, { 'content-length': '1048577' }],
      [body, { ...length, ':method': 'POST' }],
    ];
    for (const [signed, headers] of wrong) {
      const value = a.sign('b', { ...post, body: signed });
      assert.throws(() => b.receive(value, post, headers), refusedFor(/its body is not what was signed/));
    }
  });

  test('may be unsigned only where files are sent', () => {
    const { a, b } = openNodes();
    const receive = (method: string, target: string) => {
      const head = { method, target };
      return b.receive(a.sign('b', { ...head, body: 'streamed' }), head, { 'transfer-encoding': 'chunked' });
    };
    const files = [
      ['POST', '/api/v1/uploads'],
      ['PATCH', '/api/v1/uploads/0190aa'],
      ['PUT', '/api/v1/uploads/file?filename=a.mp4'],
      ['POST', '/api/v1/upload/chunk?upload_id=x'],
      ['POST', '/api/v1/assets/0190aa/subtitles?language=de'],
    ] as const;
    for (const [method, target] of files) assert.equal(receive(method, target)?.node, 'a', target);
    const others = [
      ['DELETE', '/api/v1/uploads/0190aa'],
      ['PUT', '/api/v1/streams/cam'],
      ['POST', '/api/v1/streams?x=/api/v1/uploads'],
      ['POST', '/api/v1/upload/complete'],
      ['DELETE', '/api/v1/assets/0190aa/subtitles/1'],
      ['POST', '/internal/changes'],
    ] as const;
    for (const [method, target] of others) {
      assert.throws(() => receive(method, target), refusedFor(/its body is not what was signed/), target);
    }
  });
});

test('what is remembered is bounded: a new process waits until nothing of the oldest one is valid', () => {
  const { clock, b, open } = openNodes();
  const send = (node: string) => b.receive(open(node).sign('b', request));
  for (let at = 0; at < 256; at++) assert.ok(send(`n${at}`));
  assert.throws(() => send('late'), refusedFor(/too many nodes have started lately/));
  clock.advance(120_001);
  assert.ok(send('late'));
});
