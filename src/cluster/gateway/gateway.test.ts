/** Waits for wall time: sockets of real servers are looked at until they have changed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, suite, test } from 'node:test';
import { until } from '../../../test/fixtures/wait.ts';
import { administrator } from '../../accounts/users/user.ts';
import type { StreamView } from '../../api/shapes.ts';
import type { Reply } from '../../delivery/reply.ts';
import { featuresWith } from '../../features/rooms/room-server.fixture.ts';
import { openTestRooms, type TestRooms } from '../../features/rooms/rooms.fixture.ts';
import { enterRoom, refusalOf } from '../../features/rooms/sockets/room-client.fixture.ts';
import type { HttpDeps } from '../../http/deps.ts';
import { asAdmin, textReply } from '../../http/fixture.ts';
import { sendRequest } from '../../http/request.fixture.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { openTestUploads } from '../../library/uploads/uploads.fixture.ts';
import { createAddressOf } from '../../serve/client/client-address.ts';
import { NodeSignature } from '../requests/node-signature.ts';
import { clusterSecret, nodeView, startNodes, streamsOf, type TestNode, type TestNodes } from './nodes.fixture.ts';

const alphabet = 'abcdefghijklmnopqrstuvwxyz';
const forever = { cacheControl: 'public, max-age=31536000, immutable', etag: 'v1' };
const json = { 'content-type': 'application/json', ...asAdmin };

suite('a node passes on what another node owns', () => {
  const calls: string[] = [];
  const held = Promise.withResolvers<Reply>();
  const never = Promise.withResolvers<Reply>();
  let cluster: TestNodes;
  let one: TestNode;
  let two: TestNode;
  let three: TestNode;
  let rooms: TestRooms;
  let uploads: Awaited<ReturnType<typeof openTestUploads>>;
  let room: string;

  before(async () => {
    rooms = await openTestRooms();
    const clock = createSystemClock();
    uploads = await openTestUploads(() => ({ clock }));
    const answers: Readonly<Record<string, Promise<Reply>>> = { 8: held.promise, 9: never.promise };
    const answer: HttpDeps['answer'] = (address, query) => {
      if (address.kind === 'playlist') return answers[query.get('_HLS_msn') ?? ''] ?? textReply('a playlist');
      if (address.kind === 'unknown') throw new OxbowError('not-found', 'nothing');
      if (address.kind === 'clip-file') return textReply('a clip');
      return textReply(alphabet, forever);
    };
    cluster = await startNodes(['one', 'two', 'three'], (name) => ({
      ...streamsOf(name, { one: ['b', 'own'], two: ['a', 'cam', 'z'], three: ['c'] }[name]!, calls),
      answer:
        name === 'two'
          ? answer
          : (address) => {
              throw new OxbowError('stream-unknown', `${name} has no ${address.stream}`);
            },
      ...(name === 'two' && {
        features: featuresWith({ rooms: rooms.rooms }),
        uploads: uploads.uploads,
        uploadCreation: uploads.creation,
      }),
    }));
    [one, two, three] = cluster.nodes as [TestNode, TestNode, TestNode];
    room = (await rooms.rooms.create(administrator, { name: 'Friday' })).state.record.id;
    const { placements } = cluster;
    for (const name of ['a', 'cam', 'z']) placements.give('stream', name, 'two');
    for (const name of ['b', 'own']) placements.give('stream', name, 'one');
    placements.give('stream', 'c', 'three');
    placements.give('room', room, 'two');
  });
  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await rooms?.[Symbol.asyncDispose]();
    await uploads?.[Symbol.asyncDispose]();
  });

  const get = (path: string, options = {}) => sendRequest(one.server, path, options);
  const textOf = ({ status, body }: { status: number; body: Buffer }) => `${status} ${body}`;
  const fetched = async (path: string) => {
    const response = await fetch(one.server.url + path);
    return `${response.status} ${await response.text()}`;
  };
  const passedTo = ({ received }: TestNode, path: string) => received.filter((line) => line.endsWith(path)).length;

  test('media comes from the owner once, and from then on from the copy, with ranges and conditions', async () => {
    const path = '/live/cam/v0/7.2.m4s';
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(path)));
    assert.deepEqual(new Set(answers.map(({ status, body }) => `${status} ${body}`)), new Set([`200 ${alphabet}`]));
    const range = await get(path, { headers: { range: 'bytes=2-4' } });
    assert.deepEqual([range.status, String(range.body)], [206, 'cde']);
    assert.equal((await get(path, { headers: { 'if-none-match': '"v1"' } })).status, 304);
    assert.equal(passedTo(two, path), 1);
  });

  test('fifty viewers that wait for one reload are one request to the owner', async () => {
    const path = '/live/cam/v0/g1.m3u8?_HLS_msn=8';
    // With and without keep-alive: these are answered by the hot responder.
    const waiting = Array.from({ length: 50 }, (_, index) => (index < 25 ? get(path).then(textOf) : fetched(path)));
    await until('the owner holds the reload', () => passedTo(two, path) > 0);
    held.resolve(textReply('the next playlist', { cacheControl: 'public, max-age=60' }));
    for (const text of await Promise.all(waiting)) assert.equal(text, '200 the next playlist');
    assert.equal(passedTo(two, path), 1);
  });

  test('clients that wait together get the refusal of the owner together', async () => {
    const path = '/live/cam/v0/g1.m3u8?_HLS_msn=9';
    const waiting = [get(path).then(textOf), fetched(path), fetched(path)];
    await until('the owner holds the reload', () => passedTo(two, path) > 0);
    never.reject(new OxbowError('gone', 'this generation has ended'));
    for (const text of await Promise.all(waiting)) assert.match(text, /^410 .*this generation has ended/);
    assert.equal(passedTo(two, path), 1);
  });

  test('a player that keeps its connection is answered from the copy', async () => {
    const path = '/live/cam/v0/8.1.m4s';
    for (let i = 0; i < 3; i++) assert.equal(await fetched(path), `200 ${alphabet}`);
    assert.equal(one.hot.filter((target) => target === path).length, 3, 'by the hot responder');
    assert.equal(passedTo(two, path), 1);
    assert.match(await fetched('/live/cam/nothing'), /^404 /);
    assert.match(await fetched('/live/other/v0/8.1.m4s'), /^404 /);
  });

  test('a clip is answered by the owner of its stream, an address without a name by that of the default stream', async () => {
    assert.equal(String((await get('/c/clip-of-cam/clip.mp4')).body).includes('clip-unknown'), true);
    assert.equal(passedTo(two, '/c/clip-of-cam/clip.mp4'), 1);
    await get('/live/stream.m3u8');
    assert.equal(passedTo(two, '/live/stream.m3u8'), 1);
    assert.equal((await get('/c/another/clip.mp4')).status, 404);
    assert.equal(passedTo(two, '/c/another/clip.mp4'), 0);
  });

  test('the report of a player reaches the owner, which counts the viewer', async () => {
    const { viewers } = two.server.deps;
    const before = viewers.of('cam');
    const { status } = await get('/live/cam/session?CMCD=sid%3D%22abc%22%2Csta%3Dp', { method: 'POST' });
    assert.deepEqual([status, viewers.of('cam')], [204, before + 1]);
    const kept = await fetch(`${one.server.url}/live/cam/session?CMCD=sid%3D%22def%22%2Csta%3Dp`, { method: 'POST' });
    assert.deepEqual([kept.status, viewers.of('cam')], [204, before + 2]);
    assert.equal(one.server.deps.viewers.of('cam'), 0);
  });

  test('the API reads and changes a stream at its owner', async () => {
    const seen = await get('/api/v1/streams/cam', { headers: asAdmin });
    assert.equal((JSON.parse(String(seen.body)) as StreamView).name, 'cam');
    assert.equal(seen.headers.etag, '"r1"');
    const settings = JSON.stringify({ source: { type: 'push' } });
    const put = await fetch(`${one.server.url}/api/v1/streams/cam`, { method: 'PUT', headers: json, body: settings });
    assert.equal(put.status, 200);
    const { status } = await fetch(`${one.server.url}/api/v1/streams/cam`, { method: 'DELETE', headers: asAdmin });
    assert.equal(status, 204);
    assert.deepEqual(calls.splice(0), ['two replace cam', 'two remove cam']);
  });

  test('credentials are checked by the owner', async () => {
    const { status } = await fetch(`${one.server.url}/api/v1/streams/cam`, { method: 'DELETE' });
    assert.equal(status, 401);
    const wrong = { authorization: 'Bearer not-the-token-of-anyone' };
    assert.equal(
      (await fetch(`${one.server.url}/api/v1/streams/cam/start`, { method: 'POST', headers: wrong })).status,
      401,
    );
    assert.deepEqual(calls, []);
  });

  test('a stream without an owner is created here, one with the name of an owned stream is refused by its owner', async () => {
    const create = (body: object) =>
      fetch(`${one.server.url}/api/v1/streams`, { method: 'POST', headers: json, body: JSON.stringify(body) });
    const taken = await create({ name: 'cam', source: { type: 'push' } });
    assert.deepEqual([taken.status, ((await taken.json()) as { code: string }).code], [409, 'stream-exists']);
    assert.equal((await create({ name: 'new', source: { type: 'push' } })).status, 201);
    assert.equal((await create({ source: { type: 'push' } })).status, 400);
    const put = { method: 'PUT', headers: json, body: JSON.stringify({ source: { type: 'push' } }) };
    assert.equal((await fetch(`${one.server.url}/api/v1/streams/newer`, put)).status, 201);
    assert.deepEqual(calls.splice(0), ['two create cam', 'one create new', 'one replace newer']);
  });

  test('what a node may not own is made by one that may', async () => {
    const { takes } = one.placement;
    one.placement.takes = (kind) => kind !== 'stream' && takes(kind);
    cluster.change('three', { roles: ['serve'] });
    cluster.change('two', { roles: ['serve', 'ingest'] });
    const put = { method: 'PUT', headers: json, body: JSON.stringify({ source: { type: 'push' } }) };
    assert.equal((await fetch(`${one.server.url}/api/v1/streams/newest`, put)).status, 201);
    const post = { ...put, method: 'POST', body: JSON.stringify({ name: 'most', source: { type: 'push' } }) };
    assert.equal((await fetch(`${one.server.url}/api/v1/streams`, post)).status, 201);
    one.placement.takes = takes;
    assert.deepEqual(calls.splice(0), ['two replace newest', 'two create most']);
  });

  test('a thing that this node has not heard of yet is looked up', async () => {
    cluster.placements.give('stream', 'late', 'three');
    cluster.placements.fresh.add('stream/late');
    const { status } = await get('/live/late/v0/1.m4s');
    assert.equal(status, 404);
    assert.equal(passedTo(three, '/live/late/v0/1.m4s'), 1);
    assert.equal((await get('/live/none/v0/1.m4s')).status, 404);
    assert.equal(passedTo(three, '/live/none/v0/1.m4s') + passedTo(two, '/live/none/v0/1.m4s'), 0);
  });

  test('an upload in several requests goes to the node that has its bytes', async () => {
    const tus = { 'tus-resumable': '1.0.0', ...asAdmin };
    const made = await fetch(`${two.server.url}/api/v1/uploads`, {
      method: 'POST',
      headers: { ...tus, 'upload-length': '3000000', 'upload-metadata': `filename ${btoa('a.mp4')}` },
    });
    assert.equal(made.status, 201, await made.clone().text());
    const path = new URL(made.headers.get('location')!).pathname;
    cluster.placements.give('upload', path.split('/').at(-1)!, 'two');
    for (const offset of [0, 1_000_000, 2_000_000]) {
      const { status, headers } = await fetch(`${one.server.url}${path}`, {
        method: 'PATCH',
        headers: { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
        body: Buffer.alloc(1_000_000), // neither a text nor any other file that is certainly no media
      });
      assert.deepEqual([status, headers.get('upload-offset')], [204, String(offset + 1_000_000)]);
    }
    const head = await fetch(`${one.server.url}${path}`, { method: 'HEAD', headers: tus });
    assert.equal(head.headers.get('upload-offset'), '3000000');
  });

  test('chunks of an upload are passed by the id in their form, or in the JSON', async () => {
    const send = async (url: string, path: string, body: object) => {
      const response = await fetch(url + path, { method: 'POST', headers: json, body: JSON.stringify(body) });
      return (await response.json()) as { upload_id: string; state: string };
    };
    const file = { filename: 'a.mp4', total_size: 2_000_000, chunk_size: 2_000_000 };
    const { upload_id: id } = await send(two.server.url, '/api/v1/upload/init', file);
    cluster.placements.give('upload', id, 'two');
    const form = new FormData();
    form.set('upload_id', id);
    form.set('chunk_number', '1');
    form.set('chunk', new Blob([Buffer.alloc(2_000_000)]));
    const stored = await fetch(`${one.server.url}/api/v1/upload/chunk`, {
      method: 'PUT',
      headers: asAdmin,
      body: form,
    });
    assert.equal(stored.status, 200, await stored.text());
    assert.equal((await send(one.server.url, '/api/v1/upload/complete', { upload_id: id })).upload_id, id);
  });

  test('people enter a room of another node by WebSocket, and are refused as there', async () => {
    const client = await enterRoom(one.server.url, room, { headers: asAdmin });
    assert.equal(client.welcome.room.name, 'Friday');
    const there = await enterRoom(two.server.url, room, { headers: asAdmin });
    assert.equal((await client.next('member', ({ member }) => member.present === 2)).member.user, 'admin');
    there.close();
    client.close();
    assert.equal(await client.ended(), '1005 ');
    assert.equal(await refusalOf(one.server.url, room), '401 unauthorized');
    const before = two.received.length;
    assert.equal(
      await refusalOf(one.server.url, room, { headers: { host: 'page.example' } }),
      '421 host-refused',
      'the owner believes this node which name the client has used',
    );
    assert.equal(two.received.length, before);
  });

  test('a list has the rows of all nodes in one order, page by page', async () => {
    const names: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body, headers } = await get(`/api/v1/streams?limit=2${cursor && `&cursor=${cursor}`}`);
      const page = JSON.parse(String(body)) as { items: StreamView[]; nextCursor: string | null };
      names.push(...page.items.map(({ name }) => name));
      assert.equal(headers['oxbow-missing-nodes'], undefined);
      cursor = page.nextCursor;
    }
    assert.deepEqual(names, ['a', 'b', 'c', 'cam', 'own', 'z']);
  });

  test('a request that a node has signed is answered here, so it cannot go round', async () => {
    const clock = createSystemClock();
    const signature = new NodeSignature({ secret: clusterSecret, node: 'three', clock });
    const path = '/api/v1/streams/c';
    const sign = (target: string) => ({ 'oxbow-node': signature.sign('one', { method: 'GET', target }) });
    const signed = { ...sign(path), ...asAdmin };
    // `three` owns it; `one` answers nevertheless, from what it has: nothing.
    assert.equal((await get(path, { headers: signed })).status, 404);
    assert.equal(passedTo(three, path), 0);
    assert.equal((await get(path, { headers: asAdmin })).status, 200);
    const stranger = new NodeSignature({ secret: 'the-secret-of-another-cluster-of-nodes', node: 'three', clock });
    const forged = { 'oxbow-node': stranger.sign('one', { method: 'GET', target: path }), ...asAdmin };
    for (const headers of [forged, signed]) {
      const { status, body } = await get(path, { headers });
      assert.deepEqual([status, (JSON.parse(String(body)) as { code: string }).code], [503, 'node-refused']);
    }
    assert.equal(passedTo(three, path), 1, 'it was answered by no other node either');
    assert.match(one.logged.join(''), /a request of a node was refused/);
    const list = '/api/v1/streams?limit=9';
    const own = await get(list, { headers: sign(list) });
    assert.deepEqual(
      (JSON.parse(String(own.body)) as { items: StreamView[] }).items.map(({ name }) => name),
      ['b', 'own'],
    );
  });

  test('only the sender of a signed request counts as a proxy', () => {
    const signature = new NodeSignature({ secret: clusterSecret, node: 'three', clock: createSystemClock() });
    const addressOf = createAddressOf([]);
    const request = { method: 'GET', target: '/live/cam/index.m3u8' };
    const other = { ...request, headers: { 'oxbow-node': signature.sign('one', { ...request, target: '/another' }) } };
    assert.throws(() => one.gateway.recognise(other), { code: 'node-refused' });
    for (const [value, address] of [
      [signature.sign('one', request), '198.51.100.9'],
      ['three 1795000000000 forged', '192.0.2.1'],
      [undefined, '192.0.2.1'],
    ] as const) {
      const headers = { 'x-forwarded-for': '198.51.100.9', ...(value !== undefined && { 'oxbow-node': value }) };
      const sender = one.gateway.recognise({ ...request, headers });
      assert.equal(sender?.node, address === '198.51.100.9' ? 'three' : undefined);
      assert.equal(addressOf({ headers, remoteAddress: '192.0.2.1', sender }), address);
    }
  });

  const elsewhere = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  test('the log has the client of a signed request, and the sender of any other', {
    skip: elsewhere === undefined && 'this computer has no address but loopback ones',
  }, async () => {
    const signature = new NodeSignature({ secret: clusterSecret, node: 'three', clock: createSystemClock() });
    const path = '/api/v1/streams/own';
    const signed = signature.sign('one', { method: 'DELETE', target: path });
    for (const [value, address] of [
      [signed, '198.51.100.9'],
      ['three 1795000000000 forged', elsewhere],
    ] as const) {
      one.server.logged.length = 0;
      const headers = { ...asAdmin, 'oxbow-node': value, 'x-forwarded-for': '198.51.100.9', via: '1.1 three' };
      await get(path, { method: 'DELETE', localAddress: elsewhere, headers });
      const line = one.server.logged.find((text) => text.includes(`DELETE ${path}`)) ?? '{}';
      assert.equal((JSON.parse(line) as { address?: string }).address, address, line);
    }
    calls.length = 0;
  });

  test('the owner gets the client, the host and the scheme as this node knows them', async () => {
    const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
    await using owner = await listen((request, response) => {
      resolve(request.headers);
      response.end('{}');
    });
    cluster.placements.nodes.set('raw', nodeView('raw', owner.url));
    cluster.placements.give('stream', 'raw', 'raw');
    await get('/api/v1/streams/raw', {
      headers: {
        host: 'tv.example',
        cookie: 'oxbow=1',
        'oxbow-node': 'forged',
        'x-forwarded-for': '203.0.113.1, 198.51.100.9',
        'x-forwarded-proto': 'https',
        'cf-ipcountry': 'DE',
        'x-country-code': 'AT',
      },
    });
    const headers = await promise;
    assert.deepEqual([headers['cf-ipcountry'], headers['x-country-code']], ['DE', undefined]);
    assert.equal(headers['x-forwarded-for'], '198.51.100.9');
    assert.equal(headers['x-forwarded-host'], 'tv.example');
    assert.equal(headers['x-forwarded-proto'], 'https');
    assert.equal(headers.cookie, 'oxbow=1');
    assert.match(String(headers['oxbow-node']), /^2 one raw \d{13} \S+ - /);
    cluster.placements.nodes.delete('raw');
  });

  test('server-sent events come through one by one, and their end is noticed', async () => {
    const { promise, resolve } = Promise.withResolvers<ServerResponse>();
    await using owner = await listen((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      resolve(response);
    });
    cluster.placements.nodes.set('raw', nodeView('raw', owner.url));
    cluster.placements.give('stream', 'raw', 'raw');
    const leaving = new AbortController();
    const response = await fetch(`${one.server.url}/api/v1/streams/raw/activity`, { signal: leaving.signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader.read()).value, 'data: 1\n\n');
    const there = await promise;
    there.write('data: 2\n\n');
    assert.equal((await reader.read()).value, 'data: 2\n\n');
    const closed = once(there, 'close');
    leaving.abort();
    await closed;
    cluster.placements.nodes.delete('raw');
  });

  test('a page has the preview of the owner, or none where the owner runs another version', async () => {
    await get('/watch/cam');
    assert.equal(passedTo(two, '/watch/cam'), 1);
    cluster.change('two', { version: '9' });
    await get('/watch/cam');
    assert.equal(passedTo(two, '/watch/cam'), 1);
    cluster.change('two', { version: '0.0.0-test' });
  });

  test('what is passed on is counted by node and kind', async () => {
    const text = await one.metrics.print();
    assert.match(text, /oxbow_node_requests_total\{kind="media",node="two"\} [1-9]/);
    assert.match(text, /oxbow_node_requests_total\{kind="upload",node="two"\} [1-9]/);
    assert.match(text, /oxbow_node_requests_total\{kind="list",node="three"\} [1-9]/);
  });

  test('a node that stops sends its clients in rooms of others away, and is not kept by them', async () => {
    const client = await enterRoom(one.server.url, room, { headers: asAdmin });
    await one.server.close();
    assert.match(await client.ended(), /^1001/);
  });
});

async function listen(answer: Parameters<typeof createServer>[1]) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await server[Symbol.asyncDispose]();
    },
  };
}
