import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { suite, test } from 'node:test';
import { fuzzHandshake } from './fuzz.fixture.ts';
import { ClientHandshake, ServerHandshake } from './handshake.ts';

const SIZE = 1536;

function answerTo(hello: Uint8Array, pieceBytes: number): Buffer {
  const sent: Uint8Array[] = [];
  const server = new ServerHandshake((bytes) => sent.push(bytes));
  for (let at = 0; at < hello.length; at += pieceBytes) server.push(hello.slice(at, at + pieceBytes));
  assert.equal(server.isComplete, false);
  const c2 = new Uint8Array(SIZE + 3);
  assert.equal(server.push(c2), SIZE, 'what follows the handshake is left');
  assert.equal(server.isComplete, true);
  assert.equal(sent.length, 1);
  return Buffer.from(sent[0]!);
}

suite('the handshake of a server', () => {
  test('in its simple form S2 is C1 (5.2.4)', () => {
    const hello = new Uint8Array(1 + SIZE).map((_, i) => (i === 0 ? 3 : i < 9 ? 0 : i));
    for (const pieceBytes of [1, 700, 5000]) {
      const answer = answerTo(hello, pieceBytes);
      assert.equal(answer.length, 1 + 2 * SIZE);
      assert.equal(answer[0], 3);
      assert.deepEqual(answer.subarray(1 + SIZE), Buffer.from(hello.subarray(1)));
    }
  });

  // Encoders that use digests close the connection if S1 or S2 has a wrong one. The check below is what they
  // do.
  for (const layout of [0, 1] as const) {
    test(`a C1 with a digest in layout ${layout} gets digests in S1 and S2`, () => {
      const c1 = Buffer.from(Array.from({ length: SIZE }, (_, i) => (i * 7) & 255));
      c1.writeUInt32BE(0x80000702, 4);
      const place = placeOf(c1, layout);
      const client = Buffer.from('Genuine Adobe Flash Player 001');
      digest(c1, place, client).copy(c1, place);
      const answer = answerTo(Buffer.concat([Buffer.of(3), c1]), 100);
      const s1 = answer.subarray(1, 1 + SIZE);
      const s2 = answer.subarray(1 + SIZE);
      const server = Buffer.from('Genuine Adobe Flash Media Server 001');
      const s1Place = placeOf(s1, layout);
      assert.deepEqual(s1.subarray(s1Place, s1Place + 32), digest(s1, s1Place, server));
      const secret = 'f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae';
      const key = hmac(Buffer.concat([server, Buffer.from(secret, 'hex')]), c1.subarray(place, place + 32));
      assert.deepEqual(s2.subarray(SIZE - 32), hmac(key, s2.subarray(0, SIZE - 32)));
    });
  }

  test('a first byte of another protocol is refused at once, before anything is sent', () => {
    const sent: Uint8Array[] = [];
    const push = (byte: number) => () => new ServerHandshake((bytes) => sent.push(bytes)).push(Uint8Array.of(byte));
    assert.throws(push(6), /RTMPE/);
    assert.throws(push(0x16), /not RTMP/);
    assert.throws(push(0x47), /not RTMP/);
    assert.equal(sent.length, 0);
  });
});

test('client and server understand each other', () => {
  const toClient: Uint8Array[] = [];
  const server = new ServerHandshake((bytes) => toClient.push(bytes));
  const toServer: Uint8Array[] = [];
  const client = new ClientHandshake((bytes) => toServer.push(bytes));
  server.push(toServer.shift()!);
  client.push(toClient.shift()!);
  assert.equal(client.isComplete, true);
  server.push(toServer.shift()!);
  assert.equal(server.isComplete, true);
});

test('any bytes are a handshake or a FormatError', () => fuzzHandshake(1, 300));

function hmac(key: Uint8Array, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}

function placeOf(message: Buffer, layout: 0 | 1): number {
  const at = layout === 0 ? 8 : 772;
  const sum = message[at]! + message[at + 1]! + message[at + 2]! + message[at + 3]!;
  return at + 4 + (sum % 728);
}

function digest(message: Buffer, place: number, key: Buffer): Buffer {
  return hmac(key, Buffer.concat([message.subarray(0, place), message.subarray(place + 32)]));
}
