import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { AUDIO_SSRC, avSdp, mediaOf, openPublisher, picture, report, sound, VIDEO_SSRC } from './rtp.fixture.ts';
import { RtpPeer } from './rtp-peer.ts';
import { RtpSession } from './rtp-session.ts';
import type { MediaPorts } from './session-ports.ts';

const CAMERA = '192.0.2.7';
const STRANGER = '198.51.100.9';

function openPeer({ sdp = avSdp, senders = [] as readonly string[] } = {}) {
  const { publisher, clock, published } = openPublisher();
  const media = mediaOf(sdp);
  const session = new RtpSession({
    media,
    input: publisher,
    clock,
    protocol: 'rtp',
    assemblyMs: 200,
    isSeparate: true,
  });
  const peer = new RtpPeer({ media, session, senders, clock });
  const sent: { readonly mediaIndex: number; readonly to: string }[] = [];
  const ports = media.map((_, mediaIndex): MediaPorts => {
    const socket = {
      port: 5004 + 2 * mediaIndex,
      transmit: (_packet: Uint8Array, address?: string, port?: number) =>
        sent.push({ mediaIndex, to: `${address}:${port}` }),
      close: async () => {},
    };
    return { mediaIndex, rtp: socket, rtcp: socket };
  });
  /** Targets of the RTCP that is due. */
  const targets = () => {
    sent.length = 0;
    clock.advance(1000);
    peer.send(session.tick(), ports);
    return sent.map(({ mediaIndex, to }) => `${mediaIndex} ${to}`);
  };
  return { peer, session, clock, published, targets };
}

suite('the sender of an RTP session', () => {
  test('is the first address that sends media of the SDP; packets of others are ignored and counted', () => {
    const { peer, session } = openPeer();
    peer.receive('rtp', 0, Uint8Array.of(1, 2, 3), STRANGER, 9);
    // Payload type 97 is that of the other media.
    peer.receive('rtp', 0, sound(0), STRANGER, 9);
    peer.receive('rtcp', 0, picture(0), STRANGER, 9);
    assert.deepEqual([peer.sender, peer.ignored, session.stats.packets], [undefined, 3, 0]);
    peer.receive('rtp', 0, picture(0), CAMERA, 4000);
    peer.receive('rtp', 0, picture(1, { ssrc: 7 }), STRANGER, 4000);
    peer.receive('rtp', 1, sound(0), STRANGER, 4002);
    peer.receive('rtp', 1, sound(0), CAMERA, 4002);
    assert.deepEqual([peer.sender, peer.ignored, session.stats.packets], [CAMERA, 5, 2]);
    assert.equal(peer.bytes, picture(0).length + sound(0).length);
  });

  test('loses its place after 2 s of silence, not before', () => {
    const { peer, clock } = openPeer();
    peer.receive('rtp', 0, picture(0), CAMERA, 4000);
    clock.advance(1999);
    peer.receive('rtp', 0, picture(0), STRANGER, 4000);
    assert.equal(peer.sender, CAMERA);
    clock.advance(1);
    peer.receive('rtp', 0, picture(0), STRANGER, 4000);
    assert.equal(peer.sender, STRANGER);
    peer.receive('rtp', 1, sound(0), STRANGER, 4002);
    assert.equal(peer.ignored, 1);
  });

  test('may send from another port after 2 s: a program that was started again', () => {
    const { peer, clock } = openPeer();
    peer.receive('rtp', 0, picture(0), CAMERA, 4000);
    peer.receive('rtp', 0, picture(1), CAMERA, 4100);
    assert.equal(peer.ignored, 1);
    clock.advance(2000);
    peer.receive('rtp', 0, picture(2), CAMERA, 4100);
    assert.equal(peer.ignored, 1);
  });

  test('is of the configured networks alone', () => {
    const { peer } = openPeer({ senders: ['192.0.2.0/24'] });
    peer.receive('rtp', 0, picture(0), STRANGER, 4000);
    peer.receive('rtcp', 0, report(VIDEO_SSRC, 0, 1_790_000_000_000), STRANGER, 4001);
    assert.deepEqual([peer.sender, peer.ignored], [undefined, 2]);
    peer.receive('rtp', 0, picture(0), CAMERA, 4000);
    assert.equal(peer.sender, CAMERA);
  });

  test('a report is no media: it neither chooses the sender nor keeps the session alive', () => {
    const { peer, clock } = openPeer();
    peer.receive('rtcp', 0, report(VIDEO_SSRC, 0, clock.nowMs()), STRANGER, 4001);
    assert.deepEqual([peer.sender, peer.ignored], [undefined, 0]);
    clock.advance(500);
    assert.equal(peer.silentMs, 500);
    peer.receive('rtp', 0, picture(0), CAMERA, 4000);
    clock.advance(500);
    peer.receive('rtcp', 0, report(VIDEO_SSRC, 0, clock.nowMs()), CAMERA, 4001);
    peer.receive('rtcp', 0, report(VIDEO_SSRC, 0, clock.nowMs()), STRANGER, 4001);
    assert.deepEqual([peer.silentMs, peer.ignored], [500, 1]);
  });

  test('RTCP goes to the port after that of the media, then to that of its reports; never to strangers', () => {
    const { peer, targets, clock } = openPeer();
    peer.receive('rtcp', 1, report(AUDIO_SSRC, 0, clock.nowMs()), STRANGER, 9);
    peer.receive('rtp', 0, picture(0), CAMERA, 4000);
    peer.receive('rtp', 1, sound(0), CAMERA, 4002);
    assert.deepEqual(targets(), [`0 ${CAMERA}:4001`, `1 ${CAMERA}:4003`]);
    peer.receive('rtcp', 1, report(AUDIO_SSRC, 0, clock.nowMs()), CAMERA, 6000);
    assert.deepEqual(targets(), [`0 ${CAMERA}:4001`, `1 ${CAMERA}:6000`]);
    clock.advance(2000);
    peer.receive('rtp', 0, picture(0, { ssrc: 5 }), '192.0.2.8', 7000);
    // The sound is still of the sender before.
    assert.deepEqual(targets(), ['0 192.0.2.8:7001']);
  });

  test('with a=rtcp-mux RTCP goes to the port of the media (RFC 5761)', () => {
    const { peer, targets } = openPeer({ sdp: avSdp.replace('m=audio', 'a=rtcp-mux\r\nm=audio') });
    peer.receive('rtp', 0, picture(0), CAMERA, 4000);
    assert.deepEqual(targets(), [`0 ${CAMERA}:4000`]);
  });

  test('a port after the last one is no target', () => {
    const { peer, targets } = openPeer();
    peer.receive('rtp', 0, picture(0), CAMERA, 65_535);
    assert.deepEqual(targets(), []);
  });
});
