import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { printBase64 } from '@oxbow/media/base64';
import { uuidOf } from '@oxbow/media/cenc/protection';
import { cpixResponse } from '@oxbow/media/cpix/fuzz.fixture';
import { createNet } from '../../net/net.ts';
import { checkDrmKey, keyTagsOf } from '../encryption/drm-key.ts';
import { cpixServer } from './cpix-server.ts';
import type { KeyServer, KeyServerAddress } from './key-server.ts';
import { webhookServer } from './webhook-server.ts';

const kid = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const key = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
const period = { content: 'stream/door', kid, number: 7 };
const signal = new AbortController().signal;

type Answer = (request: IncomingMessage, body: string, response: ServerResponse) => void;
type Kind = (net: ReturnType<typeof createNet>, address: KeyServerAddress) => KeyServer;

/** Calls a key server of this process. */
async function call(kind: Kind, answer: Answer, timeoutMs = 5000) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += String(piece);
    answer(request, body, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using net = createNet({ allow: [] });
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    return await kind(net, { url, token: 'secret', timeoutMs }).keyOf(period, { signal });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const failed = { name: 'OxbowError', code: 'key-server-failed' };

suite('key servers', () => {
  test('JSON: the request names content, period and key id; the answer has the key and its systems', async () => {
    let asked: unknown;
    const found = await call(webhookServer, (request, body, response) => {
      asked = { body: JSON.parse(body), by: request.headers.authorization, type: request.headers['content-type'] };
      const systems = [
        { system: 'fairplay', uri: 'skd://k7' },
        { system: 'widevine', pssh: 'AAAAIHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAAAA=' },
        { system: '3d5e6d35-9b9a-41e8-b843-dd3c6e72c42c', uri: 'data:,1', keyFormat: 'urn:x', keyFormatVersions: '2' },
      ];
      response.end(JSON.stringify({ key: printBase64(key), iv: '00102030405060708090a0b0c0d0e0f0', systems }));
    });
    assert.deepEqual(asked, {
      body: { content: 'stream/door', period: 7, kid: uuidOf(kid), scheme: 'cbcs' },
      by: 'Bearer secret',
      type: 'application/json',
    });
    assert.deepEqual([found.key, found.iv?.[1]], [key, 0x10]);
    checkDrmKey(found);
    assert.deepEqual(
      keyTagsOf(found.systems, 'keys/clearkey').map(({ uri, keyFormat }) => [keyFormat, uri]),
      [
        ['com.apple.streamingkeydelivery', 'skd://k7'],
        [
          'urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed',
          'data:text/plain;base64,AAAAIHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAAAA=',
        ],
        ['urn:x', 'data:,1'],
        ['org.w3.clearkey', 'keys/clearkey'],
      ],
    );
  });

  test('CPIX: the request is a document, the answer is the same with the key', async () => {
    let asked = '';
    const found = await call(cpixServer, (_, body, response) => {
      asked = body;
      response.end(cpixResponse);
    });
    assert.match(asked, /contentId="stream\/door"/);
    assert.match(asked, /index="7"/);
    assert.deepEqual(found.key, key);
    assert.deepEqual(
      keyTagsOf(found.systems, undefined).map(({ method, keyFormat }) => `${method} ${keyFormat}`),
      ['SAMPLE-AES undefined', 'SAMPLE-AES urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed'],
    );
  });

  test('a server that is not there, refuses, is slow or gives something else is `key-server-failed`', async () => {
    const answers: readonly (readonly [Kind, Answer])[] = [
      [webhookServer, (_, _body, response) => response.writeHead(500).end('{}')],
      [webhookServer, (_, _body, response) => response.end('no JSON')],
      [webhookServer, (_, _body, response) => response.end('{"key":"AAAA"}')],
      [
        webhookServer,
        (_, _body, response) => response.end(JSON.stringify({ key: 'a'.repeat(32), kid: 'b'.repeat(32) })),
      ],
      [webhookServer, (_, _body, response) => response.end('{"key":"'.padEnd(2 * 1024 * 1024, 'a'))],
      [webhookServer, (_, _body, response) => response.destroy()],
      [webhookServer, () => undefined],
      [cpixServer, (_, _body, response) => response.end('<MPD/>')],
      [cpixServer, (_, _body, response) => response.end(cpixResponse.replaceAll('01020304-', '01020305-'))],
      [cpixServer, (_, _body, response) => response.end(cpixResponse.replace('"cbcs"', '"cenc"'))],
    ];
    for (const [kind, answer] of answers) await assert.rejects(call(kind, answer, 500), failed);
  });

  test('text that would break a playlist or a manifest is rejected', () => {
    const base = { system: 'x', pssh: undefined, contentProtection: undefined, uri: undefined, tags: [] };
    for (const bad of [
      { uri: 'skd://a"b' },
      { uri: 'skd://a\nb' },
      { contentProtection: '<a>' },
      { contentProtection: '</a><a>' },
      { pssh: new Uint8Array(9) },
      { tags: [{ method: 'SAMPLE-AES', uri: 'a\n#EXT-X-ENDLIST' }] },
    ]) {
      assert.throws(() => checkDrmKey({ key, iv: undefined, systems: [{ ...base, ...bad }] }), { name: 'FormatError' });
    }
  });
});
