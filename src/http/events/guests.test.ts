import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { WebSocket } from 'ws';
import { policies } from '../../accounts/rate-limit.ts';
import { OxbowClient } from '../../client/client.ts';
import { asAdmin, startTestServer, type TestServer } from '../fixture.ts';
import { subscribeBySse, subscribeByWebSocket, type TestSubscriber } from './subscriber.fixture.ts';

const HOUR_MS = 3_600_000;

/** The token with a changed character in the middle of its signature: the last one may have unused bits. */
function forged(token: string): string {
  const at = token.length - 6;
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
}

/** Status and code of a refused subscription. */
async function refusalOver(way: 'SSE' | 'WebSocket', url: string, headers: Record<string, string> = {}) {
  if (way === 'SSE') {
    const response = await fetch(url, { headers });
    return [response.status, ((await response.json()) as { code: string }).code];
  }
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  socket.on('error', () => {}); // that it was refused is what is looked at
  const opened = once(socket, 'open').then(() => assert.fail('it was let in'));
  const [, response] = await Promise.race([once(socket, 'unexpected-response'), opened]);
  const [body] = (await once(response, 'data')) as [Buffer];
  socket.terminate();
  return [response.statusCode, (JSON.parse(String(body)) as { code: string }).code];
}

for (const [way, listen] of [
  ['SSE', subscribeBySse],
  ['WebSocket', subscribeByWebSocket],
] as const) {
  suite(`guests receive events over ${way}`, () => {
    let server: TestServer;
    const subscribers: TestSubscriber[] = [];
    before(async () => {
      server = await startTestServer();
    });
    after(async () => {
      for (const subscriber of subscribers) subscriber.close();
      await server[Symbol.asyncDispose]();
    });
    const tell = (name: string, visibility: string) =>
      server.deps.events.publish('stream.recording', { recording: true }, { name, visibility });
    const sign = (stream: string) => server.deps.access.watch.sign(stream, server.clock.nowMs() + HOUR_MS);
    const addressOf = (token: string, query = '') => `${server.url}/t/${token}/api/v1/events${query}`;
    const open = async (url: string, headers: Record<string, string> = {}) => {
      const subscriber = await listen(url, headers);
      subscribers.push(subscriber);
      assert.equal((await subscriber.next()).type, 'events.ready');
      return subscriber;
    };
    const revoke = (stream: string) =>
      fetch(`${server.url}/api/v1/streams/${stream}/watch-tokens/revoke`, { method: 'POST', headers: asAdmin });

    test('a playback token gives the events of its one stream, and no others', async () => {
      const subscriber = await open(addressOf(sign('private'), '?stream=private'));
      const { events } = server.deps;
      for (const [name, visibility] of [
        ['signed', 'signed'],
        ['public', 'public'],
        ['unlisted', 'unlisted'],
      ] as const) {
        tell(name, visibility);
      }
      events.publish('job.created', {
        id: '1',
        kind: 'export',
        state: 'queued',
        progress: 0,
        parts: {},
        subject: null,
      });
      events.publish('webhook.disabled', { id: '1', reason: 'silent' });
      events.publish('disk.low', { free: 1, total: 2 });
      tell('private', 'private');
      const { type, stream } = await subscriber.next();
      assert.deepEqual([type, stream], ['stream.recording', 'private']);
    });

    test('it is refused for another stream, without a stream, forged, or expired', async () => {
      const watchToken = sign('signed');
      const refused = (token: string, query?: string) => refusalOver(way, addressOf(token, query));
      assert.deepEqual(await refused(watchToken, '?stream=private'), [403, 'watch-refused']);
      assert.deepEqual(await refused(watchToken, '?stream=public'), [403, 'watch-refused']);
      assert.deepEqual(await refused(watchToken), [400, 'bad-request']);
      assert.deepEqual(await refused(forged(watchToken), '?stream=signed'), [403, 'watch-refused']);
      server.clock.advance(HOUR_MS);
      assert.deepEqual(await refused(watchToken, '?stream=signed'), [403, 'watch-expired']);
    });

    test('the connection ends when the token expires, before the next event, with the code of the refusal', async () => {
      const subscriber = await open(addressOf(sign('signed'), '?stream=signed'));
      server.clock.advance(HOUR_MS - 1);
      tell('signed', 'signed');
      assert.equal((await subscriber.next()).type, 'stream.recording');
      server.clock.advance(1);
      tell('signed', 'signed');
      const { type, id, data } = await subscriber.next();
      assert.deepEqual([type, id, data], ['events.ended', '', { code: 'watch-expired' }]);
      assert.match(await subscriber.ended(), way === 'SSE' ? /^$/ : /^4003 watch-expired: /);
    });

    test('a revoked token ends an idle connection, and no others', async () => {
      const other = await open(addressOf(sign('private'), '?stream=private'));
      const subscriber = await open(addressOf(sign('signed'), '?stream=signed'));
      assert.equal((await revoke('signed')).status, 204);
      assert.deepEqual((await subscriber.next()).data, { code: 'watch-refused' });
      assert.match(await subscriber.ended(), way === 'SSE' ? /^$/ : /^4003 watch-refused: /);
      tell('private', 'private');
      assert.equal((await other.next()).type, 'stream.recording');
    });

    test('an API token with scope view receives events of every stream and of no job, until it is revoked', async () => {
      const { tokens } = server.deps.access;
      const { token, secret } = await tokens.make({ label: 'wall', scopes: ['view'], expiresMs: undefined });
      const subscriber = await open(`${server.url}/api/v1/events`, { authorization: `Bearer ${secret}` });
      server.deps.events.publish('job.created', {
        id: '1',
        kind: 'export',
        state: 'queued',
        progress: 0,
        parts: {},
        subject: null,
      });
      tell('unlisted', 'unlisted');
      tell('private', 'private');
      assert.deepEqual([(await subscriber.next()).stream, (await subscriber.next()).stream], ['unlisted', 'private']);
      await tokens.remove(token.id);
      tell('private', 'private');
      assert.deepEqual((await subscriber.next()).data, { code: 'unauthorized' });
      assert.match(await subscriber.ended(), way === 'SSE' ? /^$/ : /^4001 unauthorized: /);
    });

    for (const isTelevision of [false, true])
      test(`a ${isTelevision ? 'television' : 'browser'} that is signed out receives nothing more`, async () => {
        const { session, secret } = await server.deps.access.sessions.make({ address: '', program: '', isTelevision });
        const headers = { cookie: `oxbow-${new URL(server.url).port}=${secret}`, origin: server.url };
        const subscriber = await open(`${server.url}/api/v1/events`, headers);
        tell('private', 'private');
        assert.equal((await subscriber.next()).stream, 'private');
        await server.deps.access.sessions.remove(session.id);
        assert.deepEqual((await subscriber.next()).data, { code: 'unauthorized' });
      });

    test('wrong bearer tokens use up attempts', async () => {
      const headers = { authorization: 'Bearer guess', 'x-forwarded-for': way === 'SSE' ? '192.0.2.7' : '192.0.2.8' };
      const url = `${server.url}/api/v1/events`;
      for (let tries = 0; tries < policies.tokens.turns; tries++) (await open(url, headers)).close();
      assert.deepEqual(await refusalOver(way, url, headers), [429, 'too-many-requests']);
    });
  });
}

test('the typed client subscribes with a playback token, and throws the refusal after it has expired', async () => {
  await using server = await startTestServer();
  const { access, events } = server.deps;
  const watchToken = access.watch.sign('private', server.clock.nowMs() + HOUR_MS);
  const client = new OxbowClient({ server: `${server.url}/t/${watchToken}` });
  const heard: string[] = [];
  await assert.rejects(
    async () => {
      for await (const { type } of client.events({ stream: 'private' })) {
        heard.push(type);
        if (type === 'events.ready') server.clock.advance(HOUR_MS);
        events.publish('stream.recording', { recording: true }, { name: 'private', visibility: 'private' });
      }
    },
    { code: 'watch-expired' },
  );
  assert.deepEqual(heard, ['events.ready', 'events.ended']);
});
