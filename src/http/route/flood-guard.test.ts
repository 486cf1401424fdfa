import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { suite, test } from 'node:test';
import { policies, RateLimits } from '../../accounts/rate-limit.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { withFloodGuard } from './flood-guard.ts';

const routes = [
  { method: 'POST', path: '/api/v1/cmcd', limit: 'reports' },
  { method: 'POST', path: '/api/v1/streams', limit: undefined },
] as const;

/** A server whose handler takes a turn of the limit, as authorize.ts does. */
async function guarded() {
  const limits = new RateLimits(() => 0);
  const handled: string[] = [];
  const handler = (request: IncomingMessage, response: ServerResponse) => {
    handled.push(request.url!);
    if (
      request.method === 'POST' &&
      request.url!.includes('cmcd') &&
      request.headers['x-forwarded-for'] === '192.0.2.1'
    )
      limits.take('reports', { address: '192.0.2.1', isLocal: false });
    response.writeHead(204).end();
  };
  const metrics = createMetrics();
  const server = createServer(withFloodGuard({ limits, metrics }, routes as never, handler));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    handled,
    metrics,
    /** Sends requests at once on one connection. @returns the statuses up to its end, or of all */
    async send(requests: readonly string[], address = '192.0.2.1'): Promise<string[]> {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.on('data', (data) => (text += data));
      const fields = `host: here\r\nx-forwarded-for: ${address}\r\ncontent-length: 1\r\n`;
      const last = `GET /end HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n`;
      socket.end(`${requests.map((line) => `${line} HTTP/1.1\r\n${fields}\r\nx`).join('')}${last}`);
      await once(socket, 'close');
      return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status!);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

suite('the guard against floods of reports', () => {
  const report = 'POST /api/v1/cmcd?content=door';
  const turns = policies.reports.turns;

  test('refuses beyond the limit before the handler, and answers one of what was sent in advance', async () => {
    await using server = await guarded();
    const statuses = await server.send(Array.from({ length: turns + 500 }, () => report));
    assert.deepEqual([statuses.length, statuses.at(-1)], [turns + 1, '429']);
    assert.equal(server.handled.length, turns);
    assert.deepEqual(await server.send(['POST /t/token/api/v1/cmcd', report]), ['429'], 'with a playback token too');
    assert.match(await server.metrics.print(), /oxbow_http_requests_total\{class="api",status="429"\} 2/);
  });

  test('leaves other addresses and other requests of the same address alone', async () => {
    await using server = await guarded();
    await server.send(Array.from({ length: turns + 1 }, () => report));
    assert.deepEqual(await server.send([report], '198.51.100.1'), ['204', '204']);
    assert.deepEqual(await server.send(['POST /api/v1/streams', 'GET /api/v1/cmcd']), ['204', '204', '204']);
  });
});
