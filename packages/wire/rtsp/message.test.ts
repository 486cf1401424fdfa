import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzRtsp, readAll } from './fuzz.fixture.ts';
import { parseHead, parseSession, printPacket, printRequest, printResponse } from './message.ts';
import { MAX_BODY_BYTES, MAX_HEAD_BYTES, RtspReader } from './message-reader.ts';
import { baseUrl, controlUrl, parseTransport, printDatagrams, printInterleaved } from './transport.ts';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test('a request is printed with its fields and the length of its body (RFC 2326 6)', () => {
  const bytes = printRequest('ANNOUNCE', 'rtsp://h/1', { CSeq: 3, Session: undefined }, 'v=0\r\n');
  assert.equal(text(bytes), 'ANNOUNCE rtsp://h/1 RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 5\r\n\r\nv=0\r\n');
  assert.equal(text(printResponse(200, 'OK', { CSeq: '3' })), 'RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n');
  assert.throws(() => printRequest('PLAY', 'rtsp://h/1', { Range: 'a\r\nX: 1' }), { name: 'FormatError' });
  assert.throws(() => printRequest('PLAY', 'rtsp://h/1\r\nX: 1', {}), { name: 'FormatError' });
});

test('names of fields are read in any case; repeated and folded fields are joined (RFC 2326 15)', () => {
  const head = parseHead(
    'RTSP/1.0 401 Unauthorized\nWWW-AUTHENTICATE: Basic realm="a"\r\nwww-authenticate:Digest\r\n  x',
  );
  assert.deepEqual(head, {
    kind: 'response',
    status: 401,
    reason: 'Unauthorized',
    headers: new Map([['www-authenticate', 'Basic realm="a", Digest x']]),
  });
  assert.throws(() => parseHead('HTTP/1.1 200 OK'), { name: 'FormatError', message: 'this is not RTSP' });
  assert.throws(() => parseHead(`OPTIONS * RTSP/1.0${'\r\na: b'.repeat(101)}`), /more than 100 header fields/);
});

test('packets are read between messages, however the bytes are divided (RFC 2326 10.12)', () => {
  const bytes = Buffer.concat([
    printResponse(200, 'OK', { CSeq: 1 }, 'v=0\r\n'),
    printPacket(0, Uint8Array.of(1, 2, 3)),
    printPacket(255, new Uint8Array(0)),
    Buffer.from('\r\n'),
    printRequest('OPTIONS', '*', { CSeq: 9 }),
    printPacket(1, new Uint8Array(65_535).fill(7)),
  ]);
  const expected = [
    '200 OK [["cseq","1"],["content-length","5"]] 763d300d0a',
    ...['0 010203', '255 ', 'OPTIONS * [["cseq","9"]] ', `1 ${'07'.repeat(65_535)}`],
  ];
  for (const pieceBytes of [1, 2, 3, 7, 100, 70_000]) assert.deepEqual(readAll(bytes, pieceBytes), expected);
});

test('a packet of sound keeps none of the memory of what was read with it', () => {
  const packets: Uint8Array[] = [];
  const reader = new RtspReader({ message() {}, packet: (_channel, packet) => packets.push(packet) });
  const read = Buffer.concat([
    printPacket(0, new Uint8Array(60_000).fill(1)),
    printPacket(2, new Uint8Array(200).fill(2)),
    printPacket(2, new Uint8Array(200).fill(3)),
  ]);
  reader.push(read);
  read.fill(9);
  assert.deepEqual(
    packets.map((packet) => [packet.length, packet[0], packet.at(-1)]),
    [
      [60_000, 1, 1],
      [200, 2, 2],
      [200, 3, 3],
    ],
    'the bytes that were read may be overwritten',
  );
  for (const packet of packets.slice(1)) assert.notEqual(packet.buffer, packets[0]!.buffer);
});

test('a message without an end, or with a body that is too long, is refused', () => {
  const open = () => new RtspReader({ message() {}, packet() {} });
  assert.throws(() => open().push(Buffer.from(`OPTIONS * RTSP/1.0\r\nX: ${'a'.repeat(MAX_HEAD_BYTES)}`)), {
    name: 'FormatError',
    message: 'the head of an RTSP message is too long',
  });
  for (const length of [`${MAX_BODY_BYTES + 1}`, '-1', 'x', '1e9']) {
    const head = `RTSP/1.0 200 OK\r\nContent-Length: ${length}\r\n\r\n`;
    assert.throws(() => open().push(Buffer.from(head)), { name: 'FormatError' }, length);
  }
  assert.throws(() => open().push(Buffer.from('<html>\r\n\r\n')), { name: 'FormatError' });
});

test('a session has 60 seconds unless its server says otherwise (RFC 2326 12.37)', () => {
  assert.deepEqual(parseSession('12345678'), { id: '12345678', timeoutMs: 60_000 });
  assert.deepEqual(parseSession('ab-$c; timeout=30'), { id: 'ab-$c', timeoutMs: 30_000 });
  assert.equal(parseSession('x;timeout=0')?.timeoutMs, 1000);
  for (const none of [undefined, '', ';timeout=5', 'a b']) assert.equal(parseSession(none), undefined);
});

test('transports are printed and parsed (RFC 2326 12.39)', () => {
  assert.deepEqual(parseTransport(`${printInterleaved(2)};ssrc=1;mode="RECORD"`), {
    isInterleaved: true,
    channels: [2, 3],
    clientPorts: undefined,
    serverPorts: undefined,
    isMulticast: false,
    mode: 'record',
  });
  assert.deepEqual(parseTransport(`${printDatagrams(5000, 5001)};server_port=6970-6971;source=10.0.0.7`), {
    isInterleaved: false,
    channels: undefined,
    clientPorts: [5000, 5001],
    serverPorts: [6970, 6971],
    isMulticast: false,
    mode: 'play',
  });
  assert.deepEqual(parseTransport('RTP/AVP;unicast;server_port=7000')?.serverPorts, [7000, 7001]);
  assert.equal(parseTransport('RTP/AVP;multicast;port=1-2')?.isMulticast, true);
  assert.equal(parseTransport('RTP/AVP/TCP;interleaved=255')?.channels, undefined);
  for (const none of [undefined, '', 'RTP/SAVP', 'RAW/RAW/UDP']) assert.equal(parseTransport(none), undefined);
});

test('addresses of media are appended to the base, also after a query (RFC 2326 C.1.1)', () => {
  assert.equal(controlUrl('rtsp://h/cam/', 'trackID=1'), 'rtsp://h/cam/trackID=1');
  assert.equal(controlUrl('rtsp://h/cam', 'trackID=1'), 'rtsp://h/cam/trackID=1');
  assert.equal(controlUrl('rtsp://h/cam', '/trackID=1'), 'rtsp://h/cam/trackID=1');
  assert.equal(controlUrl('rtsp://h/cam?channel=1', 'trackID=1'), 'rtsp://h/cam?channel=1/trackID=1');
  assert.equal(controlUrl('rtsp://h/cam', '?ctype=video'), 'rtsp://h/cam?ctype=video');
  assert.equal(controlUrl('rtsp://h/cam', 'rtsp://other:554/x'), 'rtsp://other:554/x');
  for (const base of ['*', '', undefined]) assert.equal(controlUrl('rtsp://h/cam', base), 'rtsp://h/cam');
  assert.equal(baseUrl('rtsp://h/cam', undefined, ' rtsp://h/cam/ '), 'rtsp://h/cam/');
  assert.equal(baseUrl('rtsp://h/cam', '/cam/', 'http://h/'), 'rtsp://h/cam', 'unusable ones are ignored');
});

test('random and scrambled bytes end in messages or a FormatError, however they are divided', () => {
  fuzzRtsp(1, 2000);
});
