/**
 * A receiver of webhooks was away, and gets what it has missed from the log of past events, also when oxbow
 * is killed meanwhile.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { OxbowEvent } from '../../src/api/events.ts';
import type { NewWebhookView, ReplayView, WebhookView } from '../../src/api/webhook-shapes.ts';
import { openFolder, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const adminToken = 'let-me-in-please';
const json = { 'content-type': 'application/json' };
const STREAMS = 12;

/** A receiver that answers with a status, or holds an attempt. */
async function openReceiver() {
  const received: { readonly id: string; readonly event: OxbowEvent }[] = [];
  const held = Promise.withResolvers<void>();
  const how = { status: 503, holdAt: Number.POSITIVE_INFINITY };
  const server = createServer(async (request, response) => {
    const event = JSON.parse(await text(request)) as OxbowEvent;
    if (how.status === 204 && received.length + 1 >= how.holdAt) {
      held.resolve();
      return; // no answer: the sender is killed
    }
    if (how.status === 204) received.push({ id: String(request.headers['webhook-id']), event });
    response.writeHead(how.status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    received,
    how,
    held: held.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('what a webhook has missed is sent again in order, and kill -9 in the middle loses nothing of it', async () => {
  await using folder = await openFolder('webhook-replay');
  await using receiver = await openReceiver();
  const start = () => startPlainServer({ data: folder.path, adminToken });
  const from = String(Date.now() - 60_000);
  let server = await start();
  try {
    const post = async <T>(path: string, body: object, status: number): Promise<T> => {
      const answer = await server.fetch(path, { method: 'POST', headers: json, body: JSON.stringify(body) });
      const content = await answer.text();
      assert.equal(answer.status, status, content);
      return JSON.parse(content) as T;
    };
    // Nothing is stored for a webhook that comes later: the log has it.
    for (let number = 0; number < STREAMS / 2; number++) {
      await post('/api/v1/streams', { name: `s${number}`, source: { type: 'push' } }, 201);
    }
    const { id } = await post<NewWebhookView>(
      '/api/v1/webhooks',
      { url: receiver.url, types: ['stream.created'] },
      201,
    );
    for (let number = STREAMS / 2; number < STREAMS; number++) {
      await post('/api/v1/streams', { name: `s${number}`, source: { type: 'push' } }, 201);
    }
    const hook = () => server.json<WebhookView>(`/api/v1/webhooks/${id}`);
    await until('the receiver is away', async () => (await hook()).failingSince !== null);
    Object.assign(receiver.how, { status: 204, holdAt: STREAMS });
    const { events } = await post<ReplayView>(`/api/v1/webhooks/${id}/replay`, { since: from }, 202);
    assert.ok(events >= STREAMS);
    await receiver.held;
    assert.equal((await hook()).waiting > 0 || (await hook()).replaying, true);
    await server.stop('SIGKILL');
    Object.assign(receiver.how, { holdAt: Number.POSITIVE_INFINITY });
    server = await start();
    await until('everything was sent', async () => {
      const { waiting, replaying } = await hook();
      return waiting === 0 && !replaying;
    });
    const names = Array.from({ length: STREAMS }, (_, number) => `s${number}`);
    // Those that waited come first, once more with the rest.
    const replayed = receiver.received.slice(STREAMS / 2).map(({ event }) => event.stream);
    assert.deepEqual([...new Set(replayed)], names);
    for (const { id: header, event } of receiver.received) assert.equal(header, event.id);
    const perId = Map.groupBy(receiver.received, (each) => each.id);
    assert.equal(perId.size, STREAMS, 'a receiver recognizes what comes again by its id');
  } finally {
    await server.stop();
  }
});
