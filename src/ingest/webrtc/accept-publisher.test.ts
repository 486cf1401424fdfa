import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { chromiumOffer } from '@oxbow/media/sdp/chromium-offer.fixture';
import { parseWebRtc, printWebRtc } from '@oxbow/media/sdp/webrtc-description';
import { acceptPublisher } from './accept-publisher.ts';

suite('the answer to a publisher over WHIP', () => {
  const { media: offered } = parseWebRtc(chromiumOffer);
  const without = (...encodings: string[]) =>
    offered.map((each) => ({ ...each, formats: each.formats.filter(({ encoding }) => !encodings.includes(encoding)) }));

  /** The same with H.263, which oxbow cannot read, instead of VP8. */
  const unknown = (media: typeof offered) =>
    media.map((each) => ({
      ...each,
      formats: each.formats.map((format) => (format.encoding === 'VP8' ? { ...format, encoding: 'H263' } : format)),
    }));

  test('of all codecs of a browser it takes H.264 and Opus, which are recorded', () => {
    const { tracks, media } = acceptPublisher(offered);
    assert.deepEqual(
      tracks.map(({ mid, format, repair, source }) => [mid, format.encoding, repair?.payloadType, source]),
      [
        ['0', 'OPUS', undefined, 1001],
        ['1', 'H264', 107, 2001],
      ],
    );
    assert.deepEqual(
      media.map(({ direction, formats }) => [direction, formats.map(({ payloadType }) => payloadType)]),
      [
        ['recvonly', [111]],
        ['recvonly', [106, 107]],
      ],
    );
    assert.deepEqual(media[1]!.formats[0]!.feedback, ['transport-cc', 'nack', 'nack pli']);
  });

  test('without H.264 it takes AV1, then VP9, then VP8, which it converts', () => {
    assert.equal(acceptPublisher(without('H264')).tracks[1]?.format.encoding, 'AV1');
    assert.equal(acceptPublisher(without('H264', 'AV1')).tracks[1]?.format.encoding, 'VP9');
    assert.equal(acceptPublisher(without('H264', 'AV1', 'VP9')).tracks[1]?.format.encoding, 'VP8');
  });

  test('codecs that cannot be used are named', () => {
    assert.throws(() => acceptPublisher(unknown(without('OPUS', 'H264', 'AV1', 'VP9'))), {
      code: 'offer-refused',
      message: /none of its codecs is supported: H263\./,
    });
  });

  test('video without a usable codec is refused, although its sound could be taken', () => {
    assert.throws(() => acceptPublisher(unknown(without('H264', 'AV1', 'VP9'))), {
      code: 'offer-refused',
      message: /none of its codecs is supported: H263\./,
    });
    assert.equal(acceptPublisher(offered.filter(({ kind }) => kind === 'audio')).tracks.length, 1);
  });

  test('an offer to receive is no publisher', () => {
    const receiving = offered.map((each) => ({ ...each, direction: 'recvonly' as const }));
    assert.throws(() => acceptPublisher(receiving), { code: 'offer-refused', message: /it sends no media/ });
  });

  test('a second camera is rejected, and keeps its place in the answer (RFC 3264 6)', () => {
    const { media, tracks } = acceptPublisher([...offered, { ...offered[1]!, mid: '2' }]);
    assert.deepEqual([media.length, media[2]!.isRejected, tracks.length], [3, true, 2]);
  });

  /** The same with layers, as Chromium offers them with `sendEncodings`. */
  const layered = parseWebRtc(
    chromiumOffer.replace(
      /a=mid:1\r?\n/,
      [
        ...['a=mid:1', 'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id'],
        ...['a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id'],
        ...['a=rid:hi send', 'a=rid:mid send', 'a=rid:lo send', 'a=rid:x recv'],
        'a=simulcast:send hi;~mid,other;lo;x;lo\r\n',
      ].join('\r\n'),
    ),
  ).media;

  test('the layers of a video are taken, and named in the answer (RFC 8853 5.3)', () => {
    const { tracks, media } = acceptPublisher(layered);
    assert.deepEqual(tracks[1]!.layers, ['hi', 'mid', 'lo']);
    assert.deepEqual(media[1]!.extensions.get('urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id'), 10);
    const description = parseWebRtc(chromiumOffer);
    const answer = printWebRtc({ ...description, media }, '1');
    assert.match(answer, /^a=rid:hi recv\r\na=rid:mid recv\r\na=rid:lo recv\r\na=simulcast:recv hi;mid;lo\r$/m);
  });

  test('VP8, which is converted, has one layer; so has a video whose packets do not name theirs', () => {
    const vp8 = layered.map((each) => ({
      ...each,
      formats: each.formats.filter(({ encoding }) => !['H264', 'AV1', 'VP9'].includes(encoding)),
    }));
    assert.deepEqual(acceptPublisher(vp8).tracks[1]!.layers, []);
    const unnamed = layered.map((each) => ({ ...each, extensions: new Map<string, number>() }));
    assert.deepEqual(acceptPublisher(unnamed).tracks[1]!.layers, []);
    assert.deepEqual(acceptPublisher(offered).media[1]!.layers, []);
  });
});
