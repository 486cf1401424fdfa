import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { chromiumOffer } from './chromium-offer.fixture.ts';
import { parseWebRtc, printWebRtc } from './webrtc-description.ts';

suite('descriptions of WebRTC', () => {
  test('the offer of a browser has a transport and media', () => {
    const offer = parseWebRtc(chromiumOffer);
    assert.deepEqual([offer.ufrag, offer.password, offer.setup], ['Ab3/', '0123456789abcdefghijklmn', 'actpass']);
    assert.match(offer.fingerprint, /^00:07:0E:/);
    assert.deepEqual(offer.candidates, [{ address: '192.0.2.7', port: 51_234 }]);
    const [audio, video] = offer.media;
    assert.deepEqual([audio?.mid, audio?.direction, audio?.isRejected], ['0', 'sendonly', false]);
    assert.deepEqual(
      video?.formats.map(({ encoding }) => encoding),
      ['VP8', 'RTX', 'VP9', 'RTX', 'H264', 'RTX', 'AV1', 'RTX'],
    );
    assert.equal(video?.extensions.get('urn:ietf:params:rtp-hdrext:sdes:mid'), 4);
    assert.deepEqual(video?.sources, [2001, 2002]);
  });

  test('what is printed is read again', () => {
    const offer = { ...parseWebRtc(chromiumOffer), setup: 'passive', isIceLite: true } as const;
    assert.deepEqual(parseWebRtc(printWebRtc(offer, '1')), offer);
  });

  test('rejected media has port 0 and is not in the bundle (RFC 9143 7.3.3)', () => {
    const offer = parseWebRtc(chromiumOffer);
    const media = offer.media.map((each) => ({ ...each, isRejected: each.kind === 'audio' }));
    const printed = printWebRtc({ ...offer, media }, '1');
    assert.match(printed, /m=audio 0 UDP\/TLS\/RTP\/SAVPF/);
    assert.match(printed, /a=group:BUNDLE 1\r\n/);
    assert.deepEqual(
      parseWebRtc(printed).media.map(({ isRejected }) => isRejected),
      [true, false],
    );
  });

  test('descriptions without a usable transport are refused', () => {
    for (const [line, message] of [
      [/a=ice-ufrag:.*\r\n/g, /no ICE credentials/],
      [/a=fingerprint:.*\r\n/g, /no a=fingerprint/],
      [/m=[\s\S]*/, /no media/],
    ] as const) {
      assert.throws(() => parseWebRtc(chromiumOffer.replace(line, '')), message);
    }
    assert.throws(() => parseWebRtc(chromiumOffer.replaceAll('actpass', 'holdconn')), /a=setup/);
  });
});
