import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { RtspClient } from './client.ts';
import type { RtspRequest } from './message.ts';
import { parseRtspUrl, type RtspAddress } from './rtsp-url.ts';
import { answerWith, OPUS_SDP, openRtspServer, type ScriptedAnswer, type ScriptedServer } from './server.fixture.ts';

const { signal } = new AbortController();

/** Opens a client; returns it with the addresses that it connected to. */
async function open(server: ScriptedServer, login = '', path = '/cam', scheme = 'rtsp') {
  const hops: RtspAddress[] = [];
  const packets: string[] = [];
  const client = await RtspClient.open(
    {
      address: parseRtspUrl(`${scheme}://${login}127.0.0.1:${server.port}${path}`),
      userAgent: 'oxbow/test',
      async connect(address, { onBytes, signal }) {
        hops.push(address);
        const socket = connect(address.port, '127.0.0.1').on('data', onBytes);
        await once(socket, 'connect', { signal });
        return socket;
      },
      packet: (channel, packet) => packets.push(`${channel} ${Buffer.from(packet).toString('hex')}`),
    },
    { signal },
  );
  return { client, hops, packets };
}

const usual = (request: RtspRequest) => answerWith(OPUS_SDP, request);

test('a session is described, set up, played and torn down, with its id in each request (RFC 2326 10)', async () => {
  await using server = await openRtspServer((request) =>
    request.method === 'DESCRIBE'
      ? { status: 200, fields: { 'Content-Base': 'rtsp://h/base/' }, body: OPUS_SDP }
      : usual(request),
  );
  const { client, packets } = await open(server);
  assert.equal(client.description, OPUS_SDP);
  assert.equal(client.base, 'rtsp://h/base/');
  const transport = await client.setup('rtsp://h/base/track1', 'RTP/AVP/TCP;unicast;interleaved=0-1');
  assert.deepEqual(transport.channels, [0, 1]);
  await client.play('rtsp://h/base/');
  server.packet(0, Uint8Array.of(1, 2));
  client.send(1, Uint8Array.of(3));
  await server.until(() => server.packets.length > 0);
  assert.deepEqual(server.packets, [[1, '03']]);
  await client.teardown('rtsp://h/base/');
  assert.deepEqual(packets, ['0 0102']);
  assert.deepEqual(server.methods, ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY', 'TEARDOWN']);
  const sessions = server.messages.map(({ headers }) => headers.get('session'));
  assert.deepEqual(sessions, [undefined, undefined, undefined, 'abc', 'abc']);
  assert.equal(await client.closed, 'closed');
});

test('a server that forgets sessions soon gets requests in time, GET_PARAMETER where it has it (RFC 2326 10.8)', async () => {
  for (const method of ['GET_PARAMETER', 'OPTIONS']) {
    await using server = await openRtspServer((request) => {
      if (request.method === 'SETUP') {
        return { status: 200, fields: { Session: 'x;timeout=1', Transport: 'RTP/AVP/TCP;interleaved=0-1' } };
      }
      return request.method === 'OPTIONS' ? { status: 200, fields: { Public: `PLAY, ${method}` } } : usual(request);
    });
    const { client } = await open(server);
    await client.setup('rtsp://h/1', 'RTP/AVP/TCP');
    await client.play('rtsp://h/1');
    await server.until(() => server.methods.length >= 6);
    assert.deepEqual(server.methods.slice(4, 6), [method, method]);
    client.close();
  }
});

test('a server that has forgotten the session ends the client', async () => {
  await using server = await openRtspServer((request) => {
    if (request.method !== 'SETUP') return server.methods.length > 4 ? { status: 454 } : usual(request);
    return { status: 200, fields: { Session: 'x;timeout=1', Transport: 'RTP/AVP/TCP;interleaved=0-1' } };
  });
  const { client } = await open(server);
  await client.setup('rtsp://h/1', 'RTP/AVP/TCP');
  await client.play('rtsp://h/1');
  assert.equal(await client.closed, 'has ended the session');
});

/** Answers after a Digest with the newest nonce only. */
function guarded(nonces: readonly string[], fieldsOf: (nonce: string) => string) {
  let next = 0;
  return (request: RtspRequest): ScriptedAnswer => {
    const given = request.headers.get('authorization') ?? '';
    if (next > 0 && given.includes(`nonce="${nonces[next - 1]}"`) && next >= nonces.length) return usual(request);
    const nonce = nonces[Math.min(next, nonces.length - 1)]!;
    next++;
    return { status: 401, fields: { 'WWW-Authenticate': fieldsOf(nonce) } };
  };
}

test('user name and password are sent when the server asks, and again for a stale nonce (RFC 7616 3.3)', async () => {
  const digest = (nonce: string) => `Digest realm="cam", nonce="${nonce}", stale=${nonce === 'b'}`;
  await using server = await openRtspServer(guarded(['a', 'b'], digest));
  const { client } = await open(server, 'me:secret@');
  const given = server.messages.map(({ headers }) => headers.get('authorization'));
  assert.equal(given[0], undefined, 'not before it is needed');
  assert.match(given[1]!, /^Digest username="me", realm="cam", nonce="a", uri="rtsp:\/\/127.0.0.1:\d+\/cam"/);
  assert.match(given[2]!, /nonce="b"/);
  assert.match(given[3]!, /nonce="b"/, 'the next request has it at once');
  assert.ok(!JSON.stringify(server.messages).includes('secret'));
  client.close();
});

test('missing and wrong user names and unknown schemes are refusals with status 401', async () => {
  let value = 'Digest realm="cam", nonce="1"';
  await using server = await openRtspServer(() => ({ status: 401, fields: { 'WWW-Authenticate': value } }));
  const refused = (message: string) => ({ name: 'RtspRefused', status: 401, message });
  await assert.rejects(open(server), refused('needs a user name and password'));
  assert.equal(server.methods.length, 1);
  await assert.rejects(open(server, 'me:wrong@'), refused('refuses the user name and password'));
  assert.equal(server.methods.length, 3, 'tried once: cameras lock users out');
  value = 'Negotiate';
  await assert.rejects(open(server, 'me:x@'), refused('wants an authentication that oxbow does not support'));
});

test('redirects are followed, without user name and password for another server (RFC 2326 11)', async () => {
  await using other = await openRtspServer(guarded(['a'], () => 'Basic realm="x"'));
  await using server = await openRtspServer((request) =>
    request.method === 'DESCRIBE'
      ? { status: 302, fields: { Location: `rtsp://127.0.0.1:${other.port}/elsewhere` } }
      : usual(request),
  );
  await assert.rejects(open(server, 'me:secret@'), { message: 'needs a user name and password' });
  assert.deepEqual(other.methods, ['OPTIONS']);

  let left = 2;
  await using again: ScriptedServer = await openRtspServer((request) =>
    request.method === 'DESCRIBE' && left-- > 0
      ? { status: 301, fields: { Location: `rtsp://127.0.0.1:${again.port}/moved${left}` } }
      : usual(request),
  );
  const { client, hops } = await open(again, 'me:secret@');
  assert.deepEqual(
    hops.map(({ requestUrl, user }) => [requestUrl.replace(/.*\//, '/'), user]),
    [
      ['/cam', 'me'],
      ['/moved1', 'me'],
      ['/moved0', 'me'],
    ],
  );
  client.close();
});

test('redirects in a circle, from TLS to none, and to what is no RTSP, are refused', async () => {
  let location = '';
  await using server = await openRtspServer((request) =>
    request.method === 'DESCRIBE' ? { status: 302, fields: { Location: location } } : usual(request),
  );
  location = `rtsp://127.0.0.1:${server.port}/`;
  await assert.rejects(open(server), { name: 'RtspRefused', message: 'redirects more than 5 times' });
  await assert.rejects(open(server, '', '/cam', 'rtsps'), { message: 'redirects to an address without TLS' });
  location = 'http://127.0.0.1/';
  await assert.rejects(open(server), { name: 'FormatError' });
});

test('refusals have their status; a description that is missing is one', async () => {
  await using server = await openRtspServer((request) =>
    request.method === 'DESCRIBE' ? { status: 404 } : usual(request),
  );
  await assert.rejects(open(server), { name: 'RtspRefused', status: 404, message: 'answers DESCRIBE with 404 Words' });
});

test('what is no RTSP, or ends, rejects with the reason', async () => {
  await using server = await openRtspServer(() => undefined);
  const opening = open(server);
  await server.until(() => server.methods.length > 0);
  server.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await assert.rejects(opening, { message: 'sent invalid RTSP: this is not RTSP' });
  const ended = open(server);
  await server.until(() => server.methods.length > 1);
  server.drop();
  await assert.rejects(ended, { message: 'the server closed the connection' });
});

test('requests of the server are answered; REDIRECT ends the connection (RFC 2326 10.10)', async () => {
  await using server = await openRtspServer((request) => ({ ...usual(request)!, withoutSequence: true }));
  const { client } = await open(server);
  server.request('GET_PARAMETER');
  server.request('FLY');
  const answers = () => server.messages.flatMap((each) => (each.kind === 'response' ? each.status : []));
  await server.until(() => answers().length === 2);
  assert.deepEqual(answers(), [200, 501]);
  server.request('REDIRECT');
  assert.equal(await client.closed, 'asks to connect again');
});
