import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRtpMedia } from '@oxbow/media/rtp/rtp-media';
import { type RtspClient, RtspRefused } from '@oxbow/wire/rtsp/client';
import { OPUS_SDP } from '@oxbow/wire/rtsp/server.fixture';
import { setUpMedia } from './rtsp-media.ts';

test('with TLS a server without TCP is refused: datagrams would not be encrypted', async () => {
  const requests: string[] = [];
  const client = {
    base: 'rtsps://h/cam',
    async setup(url: string, transport: string) {
      requests.push(`${url} ${transport}`);
      throw new RtspRefused(461, 'Unsupported Transport');
    },
  } as unknown as RtspClient;
  const { media } = parseRtpMedia(OPUS_SDP);
  const options = { client, media, first: 'tcp', local: '127.0.0.1', peer: '127.0.0.1', take() {} } as const;
  await assert.rejects(setUpMedia({ ...options, isSecure: true }), { status: 461 });
  assert.deepEqual(requests, ['rtsps://h/cam/track1 RTP/AVP/TCP;unicast;interleaved=0-1']);
  await assert.rejects(setUpMedia({ ...options, isSecure: false }), { status: 461 });
  assert.match(requests[2]!, /client_port/);
});
