import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { parseRtpMedia } from './rtp-media.ts';

const head = ['v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=Studio', 'c=IN IP4 192.0.2.1', 't=0 0'];
const describe = (...lines: readonly string[]) => parseRtpMedia([...head, ...lines].join('\r\n'));
const mediaOf = (...lines: readonly string[]) => describe(...lines).media[0]!;

const full = [
  ...['a=control:*', 'a=range:npt=now-', 'a=recvonly'],
  ...['m=video 5004 RTP/AVP 96 97', 'a=rtpmap:96 H264/90000', 'a=fmtp:96 packetization-mode=1', 'a=rtcp:5105 IN IP4 x'],
  ...['a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96', 'a=control:track1', 'a=ssrc:17 cname:a', 'a=ssrc:18 cname:a'],
  ...['m=audio 5006 RTP/AVPF 98', 'c=IN IP4 239.1.1.1/32', 'a=rtpmap:98 opus/48000/2', 'a=rtcp-mux', 'a=lang:de-CH'],
  ...['m=application 5008 RTP/AVP 99', 'a=rtpmap:99 vnd.onvif.metadata/90000'],
];

suite('media of RTP', () => {
  test('ports, addresses, codecs, sources and languages are read', () => {
    const { name, control, range, media } = describe(...full);
    assert.deepEqual([name, control, range], ['Studio', '*', 'npt=now-']);
    const [video, audio, metadata] = media;
    assert.deepEqual(
      [video!.port, video!.rtcpPort, video!.address, video!.isMuxed, video!.control, video!.direction],
      [5004, 5105, '192.0.2.1', false, 'track1', 'recvonly'],
    );
    assert.deepEqual(
      [video!.isUsable, video!.formats.map(({ encoding }) => encoding), video!.sources],
      [true, ['H264', 'RTX'], [17, 18]],
    );
    assert.deepEqual(
      [audio!.port, audio!.rtcpPort, audio!.address, audio!.isMuxed, audio!.language, audio!.isUsable],
      [5006, undefined, '239.1.1.1', true, 'de-CH', true],
    );
    assert.deepEqual([metadata!.isUsable, metadata!.leftOut], [false, []]);
  });

  test('JPEG XS and other formats that are not supported are named', () => {
    const named = (kind: string, map: string) => {
      const { isUsable, leftOut } = mediaOf(`m=${kind} 5004 RTP/AVP 96`, `a=rtpmap:96 ${map}`);
      assert.equal(isUsable, false);
      return leftOut.map(({ name }) => name);
    };
    assert.deepEqual(named('video', 'jxsv/90000'), ['JPEG XS video']);
    assert.deepEqual(named('video', 'raw/90000'), ["video of unknown encoding 'RAW'"]);
    assert.deepEqual(named('audio', 'L24/48000/2'), ['PCM audio']);
    const encrypted = mediaOf('m=video 5004 RTP/SAVP 96', 'a=rtpmap:96 H264/90000');
    assert.deepEqual([encrypted.isUsable, encrypted.leftOut[0]?.name], [false, 'video over RTP/SAVP']);
  });

  test('a format that is not supported is not named where another one is usable', () => {
    const { isUsable, leftOut } = mediaOf('m=video 5004 RTP/AVP 26 96', 'a=rtpmap:96 H265/90000');
    assert.deepEqual([isUsable, leftOut], [true, []]);
  });

  test('payload type 33 is MPEG-TS without a map (RFC 3551 6)', () => {
    const { isUsable, isTransportStream } = mediaOf('m=video 5004 RTP/AVP 33');
    assert.deepEqual([isUsable, isTransportStream], [true, true]);
    assert.equal(mediaOf('m=video 5004 RTP/AVP 96', 'a=rtpmap:96 H264/90000').isTransportStream, false);
  });

  test('ports of RTCP out of range, and languages that are none, are ignored', () => {
    const { rtcpPort, language } = mediaOf('m=audio 5004 RTP/AVP 0', 'a=rtcp:70000', 'a=lang:<script>');
    assert.deepEqual([rtcpPort, language], [undefined, 'und']);
  });

  test('without media, and what is no SDP, is refused', () => {
    for (const text of ['', 'v=1', 'hello', head.join('\n'), `${head.join('\n')}\nm=video x RTP/AVP 96`]) {
      assert.throws(() => parseRtpMedia(text), FormatError, text);
    }
  });

  test('5,000 damaged descriptions are read or refused with FormatError (seeded)', () => {
    const below = seeded(7);
    const text = [...head, ...full].join('\r\n');
    let read = 0;
    for (let n = 0; n < 5000; n++) {
      const characters = [...text];
      for (let damage = 1 + below(6); damage > 0; damage--) {
        const at = below(characters.length);
        const kind = below(4);
        if (kind === 0) characters[at] = String.fromCharCode(below(300));
        else if (kind === 1) characters.splice(at, 1 + below(30));
        else if (kind === 2) characters.splice(at, 0, ...characters.slice(below(at + 1), at));
        else characters.splice(at, 1, String(below(2 ** 32)));
      }
      try {
        for (const media of parseRtpMedia(characters.join('')).media) {
          assert.ok(media.port >= 0 && media.port <= 65_535);
          assert.ok(!media.isUsable || media.formats.length > 0);
        }
        read++;
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error));
      }
    }
    assert.ok(read > 250 && read < 4750, `${read} were read`);
  });
});
