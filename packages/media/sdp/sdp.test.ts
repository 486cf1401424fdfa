import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seeded } from '../random.fixture.ts';
import { rtpFormatsOf } from './rtp-format.ts';
import { attributeOf, attributesOf, parseSdp, printSdp } from './sdp.ts';

const camera = [
  'v=0',
  'o=- 1 1 IN IP4 192.0.2.1',
  's=Session streamed by "camera"',
  'c=IN IP4 239.1.2.3/127',
  't=0 0',
  'a=control:*',
  'm=video 5004/2 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==;profile-level-id=42C01E',
  'a=rtcp-fb:96 nack pli',
  'a=rtcp-fb:* ccm fir',
  'm=audio 5006 RTP/AVP 8 97 200 x',
  'c=IN IP6 ff15::1',
  'a=rtpmap:97 opus/48000/2',
  'a=recvonly',
].join('\r\n');

suite('SDP', () => {
  test('sections have their own attributes and address, or the address of the session', () => {
    const { name, attributes, media } = parseSdp(camera);
    assert.equal(name, 'Session streamed by "camera"');
    assert.equal(attributeOf(attributes, 'control'), '*');
    assert.deepEqual(
      media.map(({ kind, port, protocol, address }) => [kind, port, protocol, address]),
      [
        ['video', 5004, 'RTP/AVP', '239.1.2.3'],
        ['audio', 5006, 'RTP/AVP', 'ff15::1'],
      ],
    );
    assert.deepEqual(attributesOf(media[1]!.attributes, 'recvonly'), ['']);
  });

  test('payload types have encoding, clock rate and parameters; static ones need no rtpmap (RFC 3551 6)', () => {
    const [video, audio] = parseSdp(camera).media.map(rtpFormatsOf);
    assert.equal(video![0]!.encoding, 'H264');
    assert.equal(video![0]!.parameters.get('sprop-parameter-sets'), 'Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==');
    assert.deepEqual(video![0]!.feedback, ['nack pli', 'ccm fir']);
    assert.deepEqual(
      audio!.map(({ payloadType, encoding, clockRate, channels }) => [payloadType, encoding, clockRate, channels]),
      [
        [8, 'PCMA', 8000, 1],
        [97, 'OPUS', 48_000, 2],
      ],
    );
  });

  test('what is printed is read again', () => {
    const parsed = parseSdp(camera);
    assert.deepEqual(parseSdp(printSdp(parsed, '7')), parsed);
  });

  test('other text is refused', () => {
    for (const text of [
      '',
      'hello',
      'v=1\r\n',
      'v=0\r\nm=video x RTP/AVP 96',
      'v=0\r\nnonsense',
      'v=0\nm=video 70000 RTP/AVP 0',
    ]) {
      assert.throws(() => parseSdp(text), { name: 'FormatError' }, text);
    }
    assert.throws(() => parseSdp(`v=0\n${'m=video 9 RTP/AVP 96\n'.repeat(65)}`), /more than 64/);
    assert.throws(() => parseSdp(`v=0\n${'a='.repeat(100_000)}`), /too long/);
  });

  test('damaged descriptions throw FormatError and nothing else (5,000 inputs, seeded)', () => {
    const random = seeded(8866);
    for (let n = 0; n < 5000; n++) {
      const characters = [...camera];
      for (let i = 0; i < 8; i++) characters[random(characters.length)] = String.fromCharCode(random(128));
      try {
        for (const media of parseSdp(characters.join('')).media) rtpFormatsOf(media);
      } catch (error) {
        assert.equal((error as Error).name, 'FormatError');
      }
    }
  });
});
