/** Waits for wall time: datagrams arrive over real sockets. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { suite, test } from 'node:test';
import { until } from '../../../test/fixtures/wait.ts';
import type { RtpSessionView } from '../../api/realtime/rtp-shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createSilentLog } from '../../observe/log.ts';
import type { ClaimRequest } from '../publisher.ts';
import { avSdp, openPublisher, picture, sound, tsSdp } from './rtp.fixture.ts';
import { FIRST_MS, IDLE_MS } from './rtp-receiver.ts';
import { MAX_RTP_SESSIONS, RtpSessions, type RtpSessionsSetup } from './rtp-sessions.ts';

const address = '127.0.0.1';

/** Sessions whose publishers collect; `cam` and `yard` exist. */
function openSessions(more: Partial<RtpSessionsSetup> = {}) {
  const publishers: ReturnType<typeof openPublisher>[] = [];
  const claims: ClaimRequest[] = [];
  const { clock } = openPublisher();
  const sessions = new RtpSessions({
    async claim(_name, request) {
      claims.push(request);
      const opened = openPublisher();
      publishers.push(opened);
      request.signal.addEventListener('abort', () => opened.publisher.close('the connection was lost'));
      return opened.publisher;
    },
    find(name) {
      if (name !== 'cam' && name !== 'yard') throw new OxbowError('stream-unknown', name);
    },
    listen: { address, port: 0 },
    reachable: () => ['192.0.2.1'],
    assemblyMs: 200,
    clock,
    log: createSilentLog(),
    ...more,
  });
  return { sessions, publishers, claims, clock, [Symbol.asyncDispose]: () => sessions.close() };
}

/** Sends datagrams until they are taken. */
async function sendUntil(
  { sessions }: Pick<ReturnType<typeof openSessions>, 'sessions'>,
  view: RtpSessionView,
  packets: number,
  datagram: (n: number) => Uint8Array,
  media = 0,
) {
  const socket = createSocket('udp4').bind(0, address);
  const { rtpPort } = view.media[media]!;
  for (let n = 0; n < packets; n++) socket.send(datagram(n), rtpPort, address);
  const found = await until('the packets have come', () => {
    const now = sessions.list('cam').find(({ id }) => id === view.id)!;
    return now.packets + now.ignored >= packets && now;
  });
  socket.close();
  return found;
}

suite('RTP sessions', () => {
  test('a session has ports, the SDP with them, and figures', async () => {
    await using opened = openSessions();
    const { sessions, claims, publishers } = opened;
    const view = await sessions.open('cam', { sdp: avSdp.replace('opus/48000/2', 'L16/48000/2'), sender: address });
    const { rtpPort, rtcpPort } = view.media[0]!;
    assert.deepEqual([view.address, view.sender, view.media.length, rtcpPort], ['192.0.2.1', null, 1, rtpPort + 1]);
    assert.deepEqual(view.sdp.match(/^[mc]=.*$/gm), [
      `m=video ${rtpPort} RTP/AVPF 96`,
      'c=IN IP4 192.0.2.1',
      'm=audio 0 RTP/AVP 97',
      'c=IN IP4 192.0.2.1',
    ]);
    assert.deepEqual([claims[0]!.protocol, claims[0]!.remote], ['rtp', address]);
    const { sender, packets, ignored } = await sendUntil(opened, view, 30, (n) => picture(n));
    assert.deepEqual([sender, packets, ignored], [address, 30, 0]);
    assert.deepEqual(sessions.list('yard'), []);
    sessions.end('cam', view.id);
    assert.deepEqual(publishers[0]!.published.ends, [
      { detail: 'the RTP session was ended', isOver: true, reason: undefined },
    ]);
    assert.equal(publishers[0]!.published.frames.length, 30);
    await until('it is gone', () => sessions.list('cam').length === 0);
    assert.throws(() => sessions.end('cam', view.id), { code: 'session-unknown' });
  });

  test('a session of another stream, and an unknown stream, are unknown', async () => {
    await using opened = openSessions();
    const { id } = await opened.sessions.open('cam', { sdp: avSdp });
    assert.throws(() => opened.sessions.end('yard', id), { code: 'session-unknown' });
    assert.throws(() => opened.sessions.list('nowhere'), { code: 'stream-unknown' });
  });

  test('without packets a session ends after 60 s, and 10 s after the last one', async () => {
    await using opened = openSessions();
    const { sessions, clock, publishers } = opened;
    await sessions.open('cam', { sdp: avSdp });
    clock.advance(FIRST_MS - 1);
    const second = await sessions.open('cam', { sdp: avSdp });
    await sendUntil(opened, second, 1, picture);
    assert.equal(sessions.list('cam').length, 2);
    clock.advance(1);
    await until('the first one is over', () => sessions.list('cam').length === 1);
    assert.deepEqual(publishers[0]!.published.ends, [
      { detail: 'no RTP packets came for 60 s', isOver: false, reason: undefined },
    ]);
    clock.advance(IDLE_MS - 2);
    assert.equal(sessions.list('cam').length, 1);
    clock.advance(2);
    await until('the second one is over', () => sessions.list('cam').length === 0);
    assert.equal(publishers[1]!.published.ends[0]!.detail, 'no RTP packets came for 10 s');
  });

  test(`there are at most ${MAX_RTP_SESSIONS}; one that has ended leaves its place`, async () => {
    await using opened = openSessions();
    const { sessions } = opened;
    for (let n = 0; n < MAX_RTP_SESSIONS; n++) await sessions.open('cam', { sdp: tsSdp });
    await assert.rejects(sessions.open('cam', { sdp: tsSdp }), { code: 'rtp-full' });
    const [{ id }] = sessions.list('cam') as [RtpSessionView];
    sessions.end('cam', id);
    await until('a place is free', () => sessions.list('cam').length < MAX_RTP_SESSIONS);
    // Sessions that are being opened count, too.
    const results = await Promise.allSettled([
      sessions.open('cam', { sdp: tsSdp }),
      sessions.open('cam', { sdp: tsSdp }),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
  });

  test('what is not usable is refused before the stream is claimed', async () => {
    await using opened = openSessions();
    const { sessions, claims } = opened;
    const refused = (sdp: string, code: string, detail: RegExp, sender?: string) =>
      assert.rejects(sessions.open('cam', { sdp, sender }), (error: OxbowError) => {
        assert.equal(error.code, code);
        assert.match(error.message, detail);
        return true;
      });
    await refused('hello', 'bad-offer', /begins with the line "v=0"/);
    await refused(avSdp.replace('H264', 'jxsv'), 'offer-refused', /does not support JPEG XS video/);
    await refused(avSdp.replace('RTP/AVPF', 'RTP/SAVP'), 'offer-refused', /video over RTP\/SAVP/);
    await refused(tsSdp.replace('127.0.0.1\r\nt', '239.1.1.1/32\r\nt'), 'offer-refused', /multicast group 239.1.1.1/);
    await refused(
      tsSdp + 'm=audio 5004 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n'.repeat(8),
      'offer-refused',
      /8 media/,
    );
    await refused(avSdp, 'bad-request', /"camera" is not an address range/, 'camera');
    assert.equal(claims.length, 0);
  });

  test('with the setting `rtp` off there are none', async () => {
    await using opened = openSessions({ listen: 'off' });
    await assert.rejects(opened.sessions.open('cam', { sdp: avSdp }), { code: 'rtp-off' });
    assert.deepEqual(opened.sessions.list('cam'), []);
  });

  test('a stream that refuses the publisher leaves no session; without free ports the claim is given back', async () => {
    await using refusing = openSessions({
      claim: () => Promise.reject(new OxbowError('publisher-active', 'another one')),
    });
    await assert.rejects(refusing.sessions.open('cam', { sdp: avSdp }), { code: 'publisher-active' });
    assert.deepEqual(refusing.sessions.list('cam'), []);
    await using opened = openSessions({ listen: { address, port: 65_534 } });
    await assert.rejects(opened.sessions.open('cam', { sdp: avSdp }), { code: 'not-ready' });
    assert.equal(opened.publishers[0]!.published.ends.length, 1);
    assert.deepEqual(opened.sessions.list('cam'), []);
  });

  test('a publisher that oxbow ends, and the end of oxbow, end the session', async () => {
    await using opened = openSessions();
    const { sessions, publishers } = opened;
    await sessions.open('cam', { sdp: avSdp });
    publishers[0]!.publisher.close('replaced', new OxbowError('publisher-active', 'another one'));
    await until('the session is over', () => sessions.list('cam').length === 0);
    await sessions.open('cam', { sdp: avSdp });
    await sessions.close();
    assert.deepEqual(publishers[1]!.published.ends[0]!.detail, 'oxbow stops');
    await assert.rejects(sessions.open('cam', { sdp: avSdp }), { code: 'not-ready' });
  });

  test('a sender that sends no MPEG-TS although it announced it ends its session, with the reason', async () => {
    await using opened = openSessions();
    const { sessions, publishers } = opened;
    const view = await sessions.open('cam', { sdp: tsSdp });
    const socket = createSocket('udp4').bind(0, address);
    const packet = sound(0);
    packet[1] = 33;
    const noise = new Uint8Array(1328).fill(0x11);
    noise.set(packet.subarray(0, 12));
    let n = 0;
    await until(
      'it is over',
      () => {
        new DataView(noise.buffer).setUint16(2, n++);
        socket.send(noise, view.media[0]!.rtpPort, address);
        return publishers[0]!.published.ends.length > 0;
      },
      { everyMs: 1 },
    );
    socket.close();
    assert.equal(publishers[0]!.published.ends[0]!.reason?.code, 'not-ready');
  });
});
