import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { peekBody } from './peek-body.ts';

suite('the beginning of a body', () => {
  let url: string;
  /** Calls of `read` for the last request. */
  let reads = 0;
  /** Emits `readable` when a piece of a body has come. */
  const arrivals = new EventEmitter();
  const server = createServer(async (incoming, response) => {
    const maxBytes = Number(incoming.headers['x-max'] ?? 1000);
    const isWhole = incoming.headers['x-whole'] !== undefined;
    reads = 0;
    incoming.on('readable', () => arrivals.emit('readable'));
    const read = (bytes: Buffer) => {
      reads++;
      return bytes.includes('!') ? bytes.length : undefined;
    };
    const found = await peekBody(incoming, { maxBytes, read, isWhole }).catch(({ code }: { code: string }) => code);
    let rest = '';
    if (found !== 'bad-request') for await (const chunk of incoming) rest += chunk;
    response.end(`${found} ${rest}`);
  });
  before(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => void server.close());

  /**
   * Sends each piece when the one before has come.
   * @returns what was found, and the body as it was read after that
   */
  async function send(pieces: readonly string[], headers: Record<string, string> = {}): Promise<string> {
    const outgoing = request(url, { method: 'POST', agent: false, headers });
    const answered = once(outgoing, 'response');
    for (const piece of pieces) {
      const arrived = once(arrivals, 'readable');
      outgoing.write(piece);
      await arrived;
    }
    outgoing.end();
    const [response] = (await answered) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += chunk;
    return text;
  }

  test('is put back: who reads the body after that gets all of it', async () => {
    assert.equal(await send(['ab!cd'], { 'content-length': '5' }), '5 ab!cd');
    assert.equal(await send(['ab', 'c!', 'de'], { 'content-length': '6' }), '4 abc!de');
    assert.equal(await send(['ab', 'c!', 'de']), '4 abc!de');
  });

  test('may have nothing, all of it or as much as is read', async () => {
    assert.equal(await send(['ab', 'cd'], { 'content-length': '4' }), 'undefined abcd');
    assert.equal(await send(['ab', 'cd'], { 'transfer-encoding': 'chunked' }), 'undefined abcd');
    assert.equal(await send(['abcd', 'ef!'], { 'content-length': '7', 'x-max': '3' }), 'undefined abcdef!');
    assert.equal(await send([], { 'content-length': '0' }), 'undefined ');
  });

  test('is read once where all of it is needed, also if it comes in many pieces', async () => {
    assert.equal(await send(['!', 'b', 'c', 'd'], { 'content-length': '4', 'x-whole': '1' }), '4 !bcd');
    assert.equal(reads, 1);
    assert.equal(await send(['!b', 'cd', 'e'], { 'content-length': '5', 'x-whole': '1', 'x-max': '3' }), '4 !bcde');
    assert.equal(reads, 1);
  });

  test('of an empty body that did not say so is refused: its end cannot be put back', async () => {
    assert.equal(await send([], { 'transfer-encoding': 'chunked' }), 'bad-request ');
  });
});
