/**
 * Random messages and packets of RTSP in pieces, scrambled ones, and scrambled header fields.
 * In: a seed and a count. Out: nothing, or a failed assertion. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { Authenticator, parseChallenges } from './authentication.ts';
import { parseSession, printPacket, printRequest, printResponse } from './message.ts';
import { RtspReader } from './message-reader.ts';
import { baseUrl, controlUrl, parseTransport } from './transport.ts';

type Random = (below: number) => number;

/** What a reader delivers, as text. Pieces are overwritten after each call. */
export function readAll(bytes: Uint8Array, pieceBytes: number): string[] {
  const found: string[] = [];
  const reader = new RtspReader({
    message: (message) =>
      found.push(
        message.kind === 'request'
          ? `${message.method} ${message.url} ${printable(message.headers, message.body)}`
          : `${message.status} ${message.reason} ${printable(message.headers, message.body)}`,
      ),
    packet: (channel, packet) => found.push(`${channel} ${Buffer.from(packet).toString('hex')}`),
  });
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = Uint8Array.from(bytes.subarray(at, at + pieceBytes));
    reader.push(piece);
    piece.fill(0xee);
  }
  return found;
}

function printable(headers: ReadonlyMap<string, string>, body: Uint8Array): string {
  return `${JSON.stringify([...headers])} ${Buffer.from(body).toString('hex')}`;
}

const WORDS = ['rtsp://cam.example/1', 'Digest realm="a b"', 'x', '1-2', 'RTP/AVP/TCP;unicast', '=', '"', ';', ','];

function randomText(random: Random): string {
  return Array.from({ length: random(6) }, () => WORDS[random(WORDS.length)]!).join(random(2) ? ' ' : '');
}

function randomPiece(random: Random): Uint8Array {
  const fields = { CSeq: random(1000), 'X-Text': randomText(random), Session: random(2) ? 'abc;timeout=5' : undefined };
  const body = 'v=0\r\n'.repeat(random(30));
  switch (random(4)) {
    case 0:
      return printRequest('SET_PARAMETER', 'rtsp://cam.example/1', fields, body);
    case 1:
      return printResponse(100 + random(900), 'Words', fields, body);
    default:
      return printPacket(
        random(256),
        Uint8Array.from({ length: random(200) }, () => random(256)),
      );
  }
}

/**
 * However the bytes are divided, the same messages come; scrambled ones end in a FormatError or in other
 * messages.
 */
export function fuzzRtsp(seed: number, count: number): void {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.concat(Array.from({ length: 1 + random(4) }, () => randomPiece(random)));
    const once = readAll(bytes, bytes.length);
    assert.deepEqual(readAll(bytes, 1 + random(bytes.length)), once);
    for (let flips = 1 + random(4); flips > 0; flips--) bytes[random(bytes.length)] = random(256);
    try {
      readAll(bytes, 1 + random(bytes.length));
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error));
    }
    const text = randomText(random);
    parseTransport(text);
    parseSession(text);
    assert.ok(baseUrl('rtsp://a', text).startsWith('rtsp'));
    assert.ok(controlUrl('rtsp://a', text).startsWith('rtsp'));
    const login = { user: 'u', password: 'p', method: 'PLAY', url: 'rtsp://a' };
    assert.doesNotMatch(Authenticator.of(parseChallenges(text))?.answer(login) ?? '', /[\r\n]/);
  }
}
