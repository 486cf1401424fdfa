import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { suite, test } from 'node:test';
import { WebSocket } from 'ws';
import { makeCertificate } from '../../../test/fixtures/certificate.ts';
import { openHttp2 } from '../../../test/fixtures/http2.ts';
import { need } from '../../../test/fixtures/need.ts';
import { openFolder } from '../../../test/fixtures/server.ts';
import { shareTestServer, startTestServer, textReply } from '../../http/fixture.ts';
import { answersTo, ownHostsOf } from './host-check.ts';

const answer = () => textReply('media');
const PATHS = ['/', '/api/v1/streams', '/live/public/index.m3u8', '/clip/public/1/2.mp4', '/version', '/nothing'];

async function ask(
  url: string,
  headers: Record<string, string>,
  method = 'GET',
): Promise<{ readonly status: number; readonly text: string; readonly cors: string | undefined }> {
  const asked = request(url, { method, headers, agent: false });
  asked.end();
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const piece of response) text += piece;
  return { status: response.statusCode, text, cors: response.headers['access-control-allow-origin'] };
}

suite('on a loopback address, requests for another host (DNS rebinding)', () => {
  const shared = shareTestServer(() => ({ answer, hosts: ['desk', 'TV.lan'], publicUrl: 'https://tv.example' }));

  for (const path of PATHS) {
    test(`get 421 at ${path}, with the line to add`, async () => {
      const { status, text, cors } = await ask(shared().url + path, { host: 'evil.example:8080' });
      assert.deepEqual([status, cors], [421, undefined]);
      const { code, hint } = JSON.parse(text) as { code: string; hint: string };
      assert.equal(code, 'host-refused');
      assert.match(hint, /--hosts evil\.example, .*hosts: \[evil\.example\]/);
    });
  }

  test('get 421 for HEAD, OPTIONS and POST, and with any forwarding fields: a page can send those', async () => {
    const { url } = shared();
    for (const method of ['HEAD', 'OPTIONS', 'POST']) {
      assert.equal((await ask(`${url}/api/v1/streams`, { host: 'evil.example' }, method)).status, 421, method);
    }
    const forged = { host: 'evil.example', 'x-forwarded-host': 'localhost', 'x-forwarded-for': '1.2.3.4' };
    assert.equal((await ask(`${url}/api/v1/streams`, forged)).status, 421);
  });

  test('get 421 for a WebSocket', async () => {
    const address = `${shared().url.replace('http', 'ws')}/api/v1/events`;
    const socket = new WebSocket(address, { headers: { host: 'evil.example' } });
    const [error] = (await once(socket, 'error')) as [Error];
    assert.match(error.message, /421/);
  });

  for (const host of [
    'localhost:1',
    '127.0.0.1',
    '127.1.2.3:80',
    '[::1]:8080',
    'a.localhost',
    'tv.example',
    'desk:99',
    'tv.lan',
  ]) {
    test(`are answered for ${host}`, async () => {
      for (const path of ['/version', '/live/public/index.m3u8']) {
        assert.equal((await ask(shared().url + path, { host })).status, 200, path);
      }
    });
  }

  test('are answered if a proxy sends Host: localhost and the public name in X-Forwarded-Host', async () => {
    const headers = { host: 'localhost', 'x-forwarded-host': 'other.example' };
    assert.equal((await ask(`${shared().url}/version`, headers)).status, 200);
  });

  test('get 421 over HTTP/2 too', { skip: need('openssl') }, async () => {
    await using folder = await openFolder('host-check');
    const pair = await makeCertificate(folder.path, 'first');
    await using server = await startTestServer({ answer, hosts: [] }, pair);
    await using client = await openHttp2(server.url);
    for (const path of ['/live/public/index.m3u8', '/api/v1/streams']) {
      assert.equal((await client.ask(path, { ':authority': 'evil.example' })).status, 421, path);
      assert.equal((await client.ask(path)).status, 200, path);
    }
  });
});

test('if other computers reach the listener, every host is answered', () => {
  for (const address of ['0.0.0.0', '::', '192.168.1.5']) {
    assert.ok(answersTo(ownHostsOf(address, {}), 'evil.example'), address);
  }
  assert.ok(!answersTo(ownHostsOf('127.0.0.1', {}), 'evil.example'));
});
