import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWebRtc, printWebRtc, type WebRtcDescription } from '@oxbow/media/sdp/webrtc-description';
import { receivedMedia, webRtcOf, whepOffer } from './whep-offer.ts';

const transport = {
  ufrag: 'abcd',
  password: 'x'.repeat(22),
  fingerprint: Array(32).fill('AB').join(':'),
  setup: 'passive' as const,
  isIceLite: true,
  candidates: [],
} satisfies Omit<WebRtcDescription, 'media'>;

/** A description as the other side reads it. */
const read = (media: WebRtcDescription['media']) => parseWebRtc(printWebRtc({ ...transport, media }, '1'));

test('the offer receives one video and one audio; every payload type is different', () => {
  const { media } = read(whepOffer());
  assert.deepEqual(
    media.map(({ kind, direction, mid }) => [kind, direction, mid]),
    [
      ['video', 'recvonly', '0'],
      ['audio', 'recvonly', '1'],
    ],
  );
  const types = media.flatMap(({ formats }) => formats.map(({ payloadType }) => payloadType));
  assert.equal(new Set(types).size, types.length);
  const names = media.flatMap(({ formats }) => formats.map(({ encoding }) => encoding));
  const codecs = names.slice(0, names.indexOf('OPUS')).filter((name) => name !== 'RTX');
  assert.equal(codecs.at(-1), 'VP8', 'it has to be converted');
});

test('media that the server rejects, or does not send, is not read', () => {
  const [pictures, sound] = whepOffer();
  const chosen = { ...pictures!, direction: 'sendonly' as const, formats: pictures!.formats.slice(0, 2) };
  const usable = (...media: WebRtcDescription['media']) => receivedMedia(read(media)).map(({ isUsable }) => isUsable);
  assert.deepEqual(usable(chosen, { ...sound!, isRejected: true, direction: 'inactive' }), [true, false]);
  assert.deepEqual(usable(pictures!, { ...sound!, direction: 'sendonly' }), [false, true]);
  assert.deepEqual(usable({ ...chosen, formats: pictures!.formats.slice(1, 2) }), [false]);
  assert.deepEqual(webRtcOf(read([chosen])), { mids: ['0'], midExtension: 1, transportExtension: 2 });
});
