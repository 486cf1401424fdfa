// The server and its connections are real, so the test waits for what they do.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { makeCertificate } from '../../../test/fixtures/certificate.ts';
import { need } from '../../../test/fixtures/need.ts';
import { reachRunning } from '../running-server.ts';
import { localFetch } from './local-fetch.ts';

suite('requests to the oxbow on this computer', { skip: need('openssl') }, () => {
  test('accept the certificate that it uses, with any signer and any name, and no other', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'oxbow-local-fetch-'));
    const own = await makeCertificate(folder, 'own', { hosts: 'DNS:tv.example' });
    const other = await makeCertificate(folder, 'other', { hosts: 'IP:127.0.0.1' });
    const seen: string[] = [];
    const server = createServer(
      { cert: readFileSync(own.cert), key: readFileSync(own.key) },
      async (request, response) => {
        if (request.url === '/other') {
          request.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx');
          return;
        }
        let body = '';
        for await (const piece of request) body += piece;
        seen.push(`${request.method} ${request.url} ${request.headers['content-type'] ?? ''} ${body.length}`);
        response.setHeader('set-cookie', ['a=1', 'b=2']);
        response.writeHead(request.method === 'DELETE' ? 204 : 200).end('{"ok":true}');
      },
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const http = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const running = { pid: 1, startedAt: '', http, publicUrl: 'https://tv.example' };
      const { url, fetch: call } = reachRunning({ ...running, certificate: own.cert });
      assert.equal(url, http);
      const answer = await call(`${url}/a?b`, {
        method: 'POST',
        body: JSON.stringify({ x: 1 }),
        headers: { 'content-type': 'application/json' },
      });
      assert.deepEqual([answer.status, await answer.json()], [200, { ok: true }]);
      assert.deepEqual(answer.headers.getSetCookie(), ['a=1', 'b=2']);
      const form = new FormData();
      form.set('chunk', new Blob([new Uint8Array(100_000)]), 'chunk');
      await (await call(`${url}/form`, { method: 'POST', body: form })).text();
      assert.equal((await call(`${url}/gone`, { method: 'DELETE' })).status, 204);
      assert.deepEqual(seen.slice(0, 1), ['POST /a?b application/json 7']);
      assert.match(seen[1]!, /^POST \/form multipart\/form-data; boundary=\S+ 100\d{3}$/);
      await assert.rejects(localFetch(other.cert)!(`${url}/`), /self-signed|certificate/);
      assert.equal(seen.length, 3, 'nothing was sent to a server with another certificate');
      await assert.rejects(call('https://127.0.0.1:1/'), /ECONNREFUSED/);
      await assert.rejects(call(`${url}/other`), /another protocol/);
      // Where the file cannot be read, the system decides, at the public address.
      assert.equal(localFetch(join(folder, 'none')), undefined);
      assert.equal(reachRunning({ ...running, certificate: join(folder, 'none') }).url, 'https://tv.example');
      assert.equal(reachRunning({ ...running, http: 'http://127.0.0.1:8080' }).url, 'http://127.0.0.1:8080');
    } finally {
      server.close();
      server.closeAllConnections();
      await rm(folder, { recursive: true });
    }
  });
});
