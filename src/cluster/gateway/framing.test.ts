import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { makeCertificate } from '../../../test/fixtures/certificate.ts';
import { answerOf, openHttp2 } from '../../../test/fixtures/http2.ts';
import { need } from '../../../test/fixtures/need.ts';
import { openFolder } from '../../../test/fixtures/server.ts';
import { nodeView, startNodes, streamsOf, type TestNodes } from './nodes.fixture.ts';

/** What a client tries to let the owner take for its own request. */
const hidden = 'GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n';
const hex = hidden.length.toString(16);

suite('the owner reads of a passed request exactly what the client has sent', () => {
  /** What the owner has received: method, target and body. */
  const received: string[] = [];
  const owner = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push(`${request.method} ${request.url} ${body}`.trim());
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ items: [], nextCursor: null, for: request.url }));
  });
  let cluster: TestNodes;
  before(async () => {
    await once(owner.listen(0, '127.0.0.1'), 'listening');
    cluster = await startNodes(['one'], (name) => streamsOf(name, [], []));
    giveTo(cluster);
  });
  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    owner.close();
  });

  function giveTo({ placements }: TestNodes): void {
    const url = `http://127.0.0.1:${(owner.address() as AddressInfo).port}`;
    placements.nodes.set('owner', nodeView('owner', url));
    for (const name of ['cam', 'other']) placements.give('stream', name, 'owner');
  }

  /** Sends bytes, and reads until the connection ends. */
  async function send(text: string): Promise<string> {
    const { port } = new URL(cluster.nodes[0]!.server.url);
    const socket = connect(Number(port), '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (data: string) => {
      answer += data;
    });
    socket.write(text);
    await once(socket, 'close');
    return answer;
  }

  const head = (line: string, ...fields: string[]) =>
    `${[`${line} HTTP/1.1`, 'host: x', ...fields, 'connection: close'].join('\r\n')}\r\n\r\n`;

  for (const method of ['GET', 'DELETE', 'OPTIONS', 'HEAD', 'POST']) {
    test(`a body in chunks of a ${method} is no second request`, async () => {
      received.length = 0;
      await send(
        `${head(`${method} /api/v1/streams/cam`, 'transfer-encoding: chunked')}${hex}\r\n${hidden}\r\n0\r\n\r\n`,
      );
      await send(head('GET /api/v1/streams/other'));
      assert.deepEqual(received, [`${method} /api/v1/streams/cam ${hidden}`.trim(), 'GET /api/v1/streams/other']);
    });
  }

  test('a length that the client wants to be dropped on the way stays', async () => {
    received.length = 0;
    const fields = [`content-length: ${hidden.length}`];
    const text = head('DELETE /api/v1/streams/cam', ...fields).replace(
      'connection: close',
      'connection: close, content-length',
    );
    await send(text + hidden);
    await send(head('GET /api/v1/streams/other'));
    assert.deepEqual(received, [`DELETE /api/v1/streams/cam ${hidden}`.trim(), 'GET /api/v1/streams/other']);
  });

  test('lists and media are requested without the length of a body that is not passed on', async () => {
    received.length = 0;
    const field = `content-length: ${hidden.length}`;
    await send(head('GET /api/v1/streams', field) + hidden);
    await send(head('GET /live/cam/v0/1.m4s', field, 'authorization: Bearer x') + hidden);
    await send(head('GET /api/v1/streams/other'));
    assert.deepEqual(received, ['GET /api/v1/streams', 'GET /live/cam/v0/1.m4s', 'GET /api/v1/streams/other']);
  });

  test('over HTTP/2 a body without a length arrives as one', { skip: need('openssl') }, async () => {
    await using folder = await openFolder('framing');
    const tls = await makeCertificate(folder.path, 'one');
    await using secure = await startNodes(['one'], (name) => streamsOf(name, [], []), tls);
    giveTo(secure);
    await using client = await openHttp2(secure.nodes[0]!.server.url);
    received.length = 0;
    const stream = client.session.request(
      { ':method': 'DELETE', ':path': '/api/v1/streams/cam' },
      { endStream: false },
    );
    stream.end(hidden);
    assert.equal((await answerOf(stream)).status, 200);
    await client.ask('/api/v1/streams/other');
    assert.deepEqual(received, [`DELETE /api/v1/streams/cam ${hidden}`.trim(), 'GET /api/v1/streams/other']);
  });
});
