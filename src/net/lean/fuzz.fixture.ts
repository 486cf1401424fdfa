/**
 * Made-up answers, read by node:http and by the lean client; for tests and for `npm run fuzz`.
 * In: a seed. Out: counts, or an assertion: where both read an answer, it is the same one; the lean client
 * reads none that node:http refuses; and one that is correct is read by both.
 */
import assert from 'node:assert/strict';
import { Agent, type IncomingMessage, request } from 'node:http';
import { Duplex } from 'node:stream';
import { seeded } from '@oxbow/media/random.fixture';
import { Patience } from '../patience.ts';
import { Connection } from './connection.ts';
import { Exchange } from './exchange.ts';
import { headersOf } from './head.ts';

/**
 * What the lean client refuses and node:http does not: other versions, statuses and transfer codings, two
 * codings.
 */
const stricter =
  /HTTP\/(?:0\.9|2\.0)| 0\d\d| 101|transfer-encoding:[\t ]*(?!chunked[\t ]*\r)|transfer-encoding:[\s\S]*transfer-encoding:/i;

/** What a client has read. */
interface Read {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** An answer in the pieces in which it arrives, after which the connection ends. */
class Answering extends Duplex {
  readonly #pieces: readonly Buffer[];

  constructor(pieces: readonly Buffer[]) {
    super();
    this.#pieces = pieces;
  }

  override _read(): void {}

  override _write(_: unknown, __: string, done: () => void): void {
    done();
    if (this.readableEnded) return;
    for (const piece of this.#pieces) this.push(piece);
    this.push(null);
  }

  // What clients call on a socket of the system.
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

/** By node:http; undefined if it refuses the answer. */
function readUsual(pieces: readonly Buffer[]): Promise<Read | undefined> {
  return new Promise((resolve) => {
    const agent = new Agent();
    agent.createConnection = () => new Answering(pieces);
    const outgoing = request({ host: 'a', agent });
    const refuse = () => resolve(undefined);
    let isAnswered = false;
    outgoing.on('error', () => isAnswered || refuse()); // bytes after the answer are an error of the connection
    outgoing.on('upgrade', refuse);
    outgoing.on('response', (message: IncomingMessage) => {
      isAnswered = true;
      const body: Buffer[] = [];
      message.on('data', (piece: Buffer) => body.push(piece));
      message.on('error', refuse);
      message.on('close', refuse);
      message.on('end', () => {
        if (!message.complete) return refuse();
        const { statusCode = 0, headers } = message;
        resolve({ status: statusCode, headers, body: Buffer.concat(body).toString('latin1') });
      });
    });
    outgoing.end();
  });
}

/** By the lean client; undefined if it refuses the answer. */
async function readLean(pieces: readonly Buffer[]): Promise<Read | undefined> {
  const { signal } = new AbortController();
  using patience = new Patience(60_000, 60_000, () => 'a', { signal });
  const connection = new Connection(() => new Answering(pieces), { onIdle() {}, onClosed() {} });
  const exchange = new Exchange({ patience, onResume: () => connection.resume() });
  connection.send('GET / HTTP/1.1\r\n\r\n', exchange, false);
  try {
    const head = await exchange.answered;
    const body = await exchange.collect(1_000_000);
    return { status: head.status, headers: headersOf(head), body: Buffer.concat(body!).toString('latin1') };
  } catch {
    return undefined;
  } finally {
    connection.destroy();
  }
}

const right = {
  versions: ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'],
  statuses: [
    '200 OK',
    '206 Partial Content',
    '304 Not Modified',
    '204',
    '302 Found',
    '404 Not Found',
    '503 ',
    '200 \xe9',
  ],
  fields: [
    ...['Content-Type: video/mp2t', 'content-range: bytes 0-9/10', 'ETag: "a"', 'Location:  /b ', 'X-A: b', 'x-a:c'],
    ...['Set-Cookie: a=b', 'set-cookie: c=d; Path=/', 'Keep-Alive: timeout=5', 'Connection: keep-alive', 'X-Empty:'],
    ...['Connection: close', 'Vary: a\t', 'X-Latin: \xe9', 'Content-Encoding: identity', 'Server: s', 'server: t'],
  ],
} as const;
const wrong = {
  versions: ['HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'ICY', 'HTTP/1.1 ', 'HTTP/0.9', ' HTTP/1.1'],
  statuses: ['', '20', '2000 OK', '099', 'OK', '101 Switching Protocols', '200 a\rb', '200\tOK'],
  fields: [
    ...['A', 'A :b', ' folded', '\tfolded: x', ':a', 'A\x00: b', 'A: \x00', 'A: \x7f', 'A: \rb', 'Content-Length: 3'],
    ...['Content-Length: -1', 'Content-Length: 1, 1', 'Content-Length: +3', 'Content-Length: 0x3', 'Content-Length:'],
    ...['Content-Length: 99999999999999999999', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked'],
    ...['Transfer-Encoding: identity', 'Transfer-Encoding: chunked, gzip', 'Transfer-Encoding: xchunked', 'Upgrade: a'],
    ...['transfer-encoding\x0b: chunked', 'Trailer: X', 'Content-Length: 3\t', 'constructor: a', '__proto__: a'],
  ],
} as const;

type Random = (below: number) => number;

/** A body with its framing. */
function bodyOf(random: Random, isWrong: boolean): { readonly fields: string[]; readonly bytes: string } {
  const text = 'x'.repeat(random(4) === 0 ? random(70_000) : random(40));
  const kind = random(3);
  if (kind === 0) return { fields: [], bytes: text };
  if (kind === 1) {
    const length = isWrong && random(2) ? text.length + random(5) - 2 : text.length;
    return { fields: [`Content-Length: ${length}`], bytes: text };
  }
  let bytes = '';
  for (let at = 0; at < text.length; ) {
    const chunk = text.slice(at, at + 1 + random(text.length));
    const extension = random(4) === 0 ? ';a=b' : '';
    const size = random(4) === 0 ? `00${chunk.length.toString(16).toUpperCase()}` : chunk.length.toString(16);
    bytes += `${size}${extension}\r\n${chunk}\r\n`;
    at += chunk.length;
  }
  return {
    fields: ['Transfer-Encoding: chunked'],
    bytes: `${bytes}0\r\n${random(4) === 0 ? 'X-Trailer: a\r\n' : ''}\r\n`,
  };
}

/** @param isWrong it may break rules anywhere */
function makeAnswer(random: Random, isWrong: boolean): Buffer {
  const pick = (of: keyof typeof right): string => {
    const list: readonly string[] = isWrong && random(6) === 0 ? wrong[of] : right[of];
    return list[random(list.length)]!;
  };
  const body = bodyOf(random, isWrong);
  const status = pick('statuses');
  const fields = Array.from({ length: random(8) }, () => pick('fields'));
  fields.splice(random(fields.length + 1), 0, ...body.fields);
  const eol = () => (isWrong && random(40) === 0 ? ['\n', '\r', '\r\r\n', '\n\n'][random(4)]! : '\r\n');
  let text = random(6) === 0 ? 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n' : '';
  text += `${pick('versions')} ${status}${eol()}`;
  for (const field of fields) text += `${field}${eol()}`;
  const hasBody = !/^(?:204|304)/.test(status);
  text += `${eol()}${hasBody ? body.bytes : ''}`;
  const bytes = Buffer.from(text, 'latin1');
  if (!isWrong) return bytes;
  if (random(4) === 0) bytes[random(bytes.length)] = random(256);
  return random(5) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
}

/** Cuts bytes anywhere, mostly near the beginning. */
function cut(bytes: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + (random(3) === 0 ? random(8) : random(bytes.length));
    pieces.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
  }
  return pieces;
}

/** How often both clients have read an answer, and only node:http. */
export interface BothRead {
  readonly both: number;
  readonly onlyUsual: number;
}

/** Reads `count` made-up answers by both clients; every second one may break rules. */
export async function fuzzBothClients(seed: number, count: number): Promise<BothRead> {
  const random = seeded(seed);
  let both = 0;
  let onlyUsual = 0;
  for (let i = 0; i < count; i++) {
    const isWrong = i % 2 === 1;
    const bytes = makeAnswer(random, isWrong);
    const pieces = cut(bytes, random);
    const [usual, lean] = await Promise.all([readUsual(pieces), readLean(pieces)]);
    const shown = `answer ${i} of seed ${seed}: ${JSON.stringify(bytes.subarray(0, 600).toString('latin1'))}`;
    if (!isWrong) assert.ok(usual && lean, shown);
    if (lean) {
      assert.ok(usual, `only the lean client reads ${shown}`);
      assert.deepEqual({ ...lean, headers: { ...lean.headers } }, { ...usual, headers: { ...usual.headers } }, shown);
      both += 1;
    } else if (usual) {
      assert.match(bytes.toString('latin1'), stricter, `only node:http reads ${shown}`);
      onlyUsual += 1;
    }
  }
  return { both, onlyUsual };
}
