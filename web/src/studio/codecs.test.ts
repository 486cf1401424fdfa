import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderedCodecs, withStereo } from './codecs.ts';

const codec = (mimeType: string, sdpFmtpLine?: string) => ({ mimeType, ...(sdpFmtpLine && { sdpFmtpLine }) });

test('H.264 is offered first, then AV1, VP9 and VP8, with what repairs losses', () => {
  const browser = [
    codec('video/VP8'),
    codec('video/rtx'),
    codec('video/VP9', 'profile-id=0'),
    codec('video/VP9', 'profile-id=2'),
    codec('video/H264', 'packetization-mode=0;profile-level-id=42e01f'),
    codec('video/H264', 'packetization-mode=1;profile-level-id=42e01f'),
    codec('video/AV1'),
    codec('video/ulpfec'),
  ];
  assert.deepEqual(
    orderedCodecs(browser).map(({ mimeType }) => mimeType),
    ['video/H264', 'video/AV1', 'video/VP9', 'video/VP8', 'video/rtx', 'video/ulpfec'],
  );
});

test('a browser with H.265 alone has nothing to offer', () => {
  assert.deepEqual(orderedCodecs([codec('video/H265'), codec('video/rtx')]), []);
});

test('Opus is offered as stereo, once', () => {
  const sdp = 'a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:9 G722/8000\r\n';
  const offered = withStereo(sdp);
  assert.match(offered, /a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1;maxaveragebitrate=128000\r\n/);
  assert.equal(withStereo(offered), offered);
  assert.equal(withStereo('a=rtpmap:9 G722/8000\r\n'), 'a=rtpmap:9 G722/8000\r\n');
});
