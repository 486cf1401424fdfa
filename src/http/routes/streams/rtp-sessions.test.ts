import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { NewRtpSession, RtpSessionsApi, RtpSessionView } from '../../../api/realtime/rtp-shapes.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { asAdmin, signedInAs, startTestServer } from '../../fixture.ts';

/** One session that was opened, as the API shows it. */
function fakeSessions() {
  const opened: NewRtpSession[] = [];
  const view: RtpSessionView = {
    id: 'r1',
    since: '2026-11-24T08:00:00.000Z',
    address: '192.0.2.1',
    sdp: 'v=0',
    sender: null,
    media: [{ kind: 'video', encoding: 'H264', rtpPort: 5004, rtcpPort: 5005 }],
    packets: 0,
    lost: 0,
    ignored: 0,
  };
  const rtp: RtpSessionsApi = {
    list: () => [view],
    async open(_stream, request) {
      opened.push(request);
      return view;
    },
    end(_stream, id) {
      if (id !== 'r1') throw new OxbowError('session-unknown', 'There is no such session.');
    },
  };
  return { rtp, opened };
}

suite('routes of RTP sessions', () => {
  test('a session is opened, listed and ended; an unknown one is refused', async () => {
    const { rtp, opened } = fakeSessions();
    await using server = await startTestServer({ rtp });
    const headers = { ...asAdmin, 'content-type': 'application/json' };
    const ask = (method: string, path = '', body?: object) =>
      fetch(`${server.url}/api/v1/streams/door/rtp${path}`, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
      });
    const made = await ask('POST', '', { sdp: 'v=0', sender: '192.0.2.7' });
    assert.deepEqual([made.status, made.headers.get('location')], [201, '/api/v1/streams/door/rtp/r1']);
    assert.deepEqual(opened, [{ sdp: 'v=0', sender: '192.0.2.7' }]);
    const { items } = (await (await ask('GET')).json()) as { items: RtpSessionView[] };
    assert.deepEqual(items, rtp.list('door'));
    assert.equal((await ask('DELETE', '/r1')).status, 204);
    assert.equal((await ask('DELETE', '/r7')).status, 404);
    assert.equal((await ask('POST', '', {})).status, 400);
    assert.equal((await ask('POST', '', { sdp: 'v=0', port: 5004 })).status, 400);
    assert.equal((await ask('POST', '', { sdp: 'x'.repeat(140_000) })).status, 400);
  });

  test('administrators alone open sessions', async () => {
    await using server = await startTestServer({ rtp: fakeSessions().rtp });
    const url = `${server.url}/api/v1/streams/door/rtp`;
    const { headers } = await signedInAs(server, 'user', 'Ana');
    const asUser = { ...headers, origin: server.url, 'content-type': 'application/json' };
    const body = JSON.stringify({ sdp: 'v=0' });
    assert.equal((await fetch(url)).status, 401);
    assert.equal((await fetch(url, { headers: asUser })).status, 403);
    assert.equal((await fetch(url, { method: 'POST', headers: asUser, body })).status, 403);
    assert.equal(
      (await fetch(`${url}/r1`, { method: 'DELETE', headers: { ...headers, origin: server.url } })).status,
      403,
    );
  });
});
