import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printAvcC } from '@oxbow/media/flv/forms.fixture';
import type { AudioTrack, Track } from '@oxbow/media/frame';
import { h264Config, parseAvcC } from '@oxbow/media/h264/avcc';
import { opusTrack } from '@oxbow/media/isobmff/media.fixture';
import { parseWebRtc, printWebRtc, type WebRtcDescription } from '@oxbow/media/sdp/webrtc-description';
import { acceptedTracks, offerTracks } from './whip-offer.ts';

const { sps, pps } = parseAvcC(printAvcC());
const video: Track = {
  id: 1,
  kind: 'video',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: h264Config(sps, pps),
};
const sound: AudioTrack = { ...opusTrack, id: 2 };
const transport = {
  ufrag: 'abcd',
  password: 'x'.repeat(22),
  fingerprint: Array(32).fill('AB').join(':'),
  setup: 'passive' as const,
  isIceLite: true,
  candidates: [],
} satisfies Omit<WebRtcDescription, 'media'>;

/** What the target reads of an offer. */
const read = (media: WebRtcDescription['media']) => parseWebRtc(printWebRtc({ ...transport, media }, '1'));

test('the first video and the first audio are offered, others are left out by name', () => {
  const aac: AudioTrack = { ...sound, id: 3, config: { ...sound.config, codec: 'aac' } };
  const { tracks, leftOut } = offerTracks([video, aac, sound]);
  assert.deepEqual(
    tracks.map(({ track, media }) => [track.id, media.mid, media.direction]),
    [
      [1, '0', 'sendonly'],
      [3, '1', 'sendonly'],
    ],
  );
  assert.equal(leftOut.length, 1);
  const { media } = read(tracks.map((each) => each.media));
  assert.deepEqual(
    media.map(({ formats }) => formats.map(({ encoding }) => encoding)),
    [['H264', 'RTX'], ['OPUS']],
  );
  assert.equal(media[0]?.formats[0]?.parameters.get('packetization-mode'), '1');
  assert.equal(media[0]?.sources.length, 2);
});

test('payload types and retransmission are those of the answer; media that it rejects is not sent (RFC 3264 6)', () => {
  const offer = offerTracks([video, sound]);
  const [pictures, speech] = offer.tracks.map(({ media }) => media);
  const answered = pictures!.formats.map((format) => ({
    ...format,
    payloadType: format.payloadType + 6,
    parameters: format.encoding === 'rtx' ? new Map([['apt', '102']]) : format.parameters,
  }));
  const answer = (direction: 'recvonly' | 'inactive') =>
    read([
      { ...pictures!, direction, formats: answered, sources: [] },
      { ...speech!, isRejected: true, direction: 'inactive' },
    ]);
  const [track, ...others] = acceptedTracks(offer, answer('recvonly'));
  assert.deepEqual([track?.trackId, track?.payloadType, track?.clockRate, others], [1, 102, 90_000, []]);
  assert.deepEqual(track?.repair, { payloadType: 103, ssrc: pictures!.sources[1] });
  assert.deepEqual(acceptedTracks(offer, answer('inactive')), []);
});
