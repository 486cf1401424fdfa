import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asAdmin, shareTestServer } from '../../fixture.ts';

suite('routes of stream keys', () => {
  const shared = shareTestServer(() => ({
    publishPorts: {
      rtmp: 1935,
      rtmps: undefined,
      srt: 8890,
      webrtc: undefined,
      srtLatencyMs: 120,
      srtEncrypted: false,
    },
    publicUrl: 'https://tv.example/base',
  }));
  const ask = async (method: string, path: string, body?: object, headers: Record<string, string> = asAdmin) => {
    const response = await fetch(`${shared().url}/api/v1${path}`, {
      method,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  };

  test('a new key is returned once, with the fields for encoders and the host of this server', async () => {
    const allow = ['203.0.113.0/24'];
    const made = await ask('POST', '/streams/door/keys', { label: ' OBS ', expires: '2h', allow });
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('location'), '/api/v1/streams/door/keys/k1');
    assert.equal(made.headers.get('cache-control'), 'no-store');
    assert.equal(made.body.key, 'ok_secret');
    assert.deepEqual(made.body.publish, {
      rtmp: {
        server: 'rtmp://tv.example/live',
        streamKey: 'door?key=ok_secret',
        url: 'rtmp://tv.example/live/door?key=ok_secret',
      },
      srt: 'srt://tv.example:8890?streamid=publish:door:ok_secret&latency=120000',
    });
    const expiresMs = shared().clock.nowMs() + 7_200_000;
    assert.deepEqual(shared().calls, [`createKey("door", ${JSON.stringify({ label: 'OBS', allow, expiresMs })})`]);
    const placeholder = await ask('GET', '/streams/door/publish');
    assert.equal(placeholder.body.rtmp.streamKey, 'door?key=KEY');
  });

  test('the address for SRT has the latency of the stream, and a place for its passphrase', async () => {
    const { body } = await ask('GET', '/streams/public/publish');
    assert.equal(body.srt, 'srt://tv.example:8890?streamid=publish:public:KEY&latency=400000&passphrase=PASSPHRASE');
  });

  test('a key for a prefix has an example of a name', async () => {
    const made = await ask('POST', '/publish-keys', { prefix: 'cam-', maxStreams: 4 });
    assert.equal(made.body.publish.rtmp.streamKey, 'cam-NAME?key=ok_secret');
    assert.equal(made.headers.get('location'), '/api/v1/publish-keys/k1');
    for (const prefix of ['Cam', '-cam', 'a'.repeat(64), 'a/b'])
      assert.equal((await ask('POST', '/publish-keys', { prefix })).status, 400, prefix);
  });

  test('a rotation has an overlap of ten minutes, or the given one up to 30 days', async () => {
    await ask('POST', '/streams/door/keys/k7/rotate', {});
    await ask('POST', '/publish-keys/k7/rotate', { overlap: '1h' });
    assert.deepEqual(shared().calls, [
      'rotateKey k7("door", {"overlapMs":600000})',
      'rotateKey k7(null, {"overlapMs":3600000})',
    ]);
    for (const overlap of ['31d', 'soon', '-5s']) {
      const { status, body } = await ask('POST', '/streams/door/keys/k7/rotate', { overlap });
      assert.deepEqual([status, body.code], [400, 'bad-duration'], overlap);
    }
  });

  test('only administrators create, see and revoke keys', async () => {
    const each = [
      ['GET', '/streams/door/keys'],
      ['POST', '/streams/door/keys'],
      ['DELETE', '/streams/door/keys/k1'],
      ['POST', '/streams/door/keys/k1/rotate'],
      ['GET', '/streams/door/publish'],
      ['GET', '/streams/public/source'],
      ['GET', '/publish-keys'],
      ['POST', '/publish-keys'],
    ] as const;
    for (const [method, path] of each) {
      const body = method === 'POST' ? { ...(path === '/publish-keys' && { prefix: '' }) } : undefined;
      assert.equal((await ask(method, path, body, {})).status, 401, `${method} ${path}`);
    }
    assert.equal((await ask('DELETE', '/streams/door/keys/k1')).body.code, 'key-unknown');
  });
});
