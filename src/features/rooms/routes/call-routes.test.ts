import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { openWebRtcEndpoint, type WebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import { signedInAs, type TestServer } from '../../../http/fixture.ts';
import { WebRtcTransport } from '../../../ingest/webrtc/webrtc-transport.ts';
import { createSystemClock } from '../../../lib/clock.ts';
import { createSilentLog } from '../../../observe/log.ts';
import { createCallStats } from '../call/call-parts.ts';
import { openCallClient } from '../call/forward/call-client.fixture.ts';
import { createFramedConnections } from '../live/framed-connections.ts';
import { startRoomServer } from '../room-server.fixture.ts';
import { openTestRooms, type TestRooms } from '../rooms.fixture.ts';
import { enterRoom } from '../sockets/room-client.fixture.ts';

suite('offers of participants of a call', () => {
  let endpoint: WebRtcEndpoint;
  let rooms: TestRooms;
  let server: TestServer;
  let path: string;
  let headers: Record<string, string>;
  let others: Record<string, string>;
  const clients: { close(): void }[] = [];

  before(async () => {
    endpoint = await openWebRtcEndpoint({ address: '127.0.0.1', port: 0, nowMs: Date.now(), onError: () => {} });
    const transport = new WebRtcTransport(endpoint, '127.0.0.1', []);
    const calls = {
      isOn: () => true,
      canForward: () => true,
      transport: () => transport,
      iceServers: () => [],
      clock: createSystemClock(),
      log: createSilentLog(),
      stats: createCallStats(),
    };
    rooms = await openTestRooms({ calls, createConnections: () => createFramedConnections(() => {}) });
    server = await startRoomServer({ rooms: rooms.rooms });
    const owner = await signedInAs(server, 'user', 'Owner');
    headers = owner.headers;
    ({ headers: others } = await signedInAs(server, 'user', 'Other'));
    const room = (await rooms.rooms.create(owner.user, { name: 'Den' })).state.record.id;
    for (let i = 0; i < 5; i++) {
      const client = await enterRoom(server.url, room, { headers: { ...headers, origin: server.url } });
      client.send({ t: 'call-join', id: 'join-0001', microphone: true, camera: false, screen: false });
      const { participant } = await client.next('call-joined');
      path = `${server.url}/api/v1/rooms/${room}/call/${participant}`;
      clients.push(client);
    }
  });
  after(async () => {
    for (const client of clients) client.close();
    await server[Symbol.asyncDispose]();
    await rooms[Symbol.asyncDispose]();
    await endpoint.close();
  });

  const send = (method: string, fields: Record<string, string>, body?: string) =>
    fetch(path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/sdp' }), ...fields },
      ...(body !== undefined && { body }),
    });
  const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;

  test('an offer opens a connection, another one replaces it, and DELETE ends it', async () => {
    for (let i = 0; i < 2; i++) {
      const connected = Promise.withResolvers<void>();
      const handlers = { onConnected: connected.resolve, onPacket() {}, onReport() {}, onClosed() {} };
      const post = async (offer: string) => {
        const response = await send('POST', headers, offer);
        assert.equal(response.status, 201);
        assert.equal(response.headers.get('location'), new URL(path).pathname);
        assert.equal(response.headers.get('content-type')?.split(';')[0], 'application/sdp');
        return response.text();
      };
      await using _client = await openCallClient(post, handlers);
      await connected.promise;
      assert.equal(endpoint.size, 1);
    }
    assert.equal((await send('DELETE', headers)).status, 204);
    assert.equal(endpoint.size, 0);
  });

  test('other people, pages of other sites, and requests without credentials are refused', async () => {
    assert.equal(await codeOf(await send('POST', others, 'v=0')), 'call-unknown');
    assert.equal(await codeOf(await send('DELETE', others)), 'call-unknown');
    assert.equal(await codeOf(await send('POST', {}, 'v=0')), 'unauthorized');
    const foreign = await send('POST', { cookie: headers.cookie!, 'sec-fetch-site': 'cross-site' }, 'v=0');
    assert.ok([401, 403].includes(foreign.status), String(foreign.status));
  });

  test('a body that is no SDP is refused', async () => {
    assert.equal(await codeOf(await send('POST', headers, 'hello')), 'bad-offer');
    const json = await send('POST', { ...headers, 'content-type': 'application/json' }, '{}');
    assert.equal(json.status, 415);
    assert.equal(await codeOf(await send('POST', headers, 'x'.repeat(200_000))), 'payload-too-large');
  });
});
