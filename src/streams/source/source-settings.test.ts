import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audioModeOf, patchSource, sourceAfter, sourceOf, sourceSettingsOf, withDefaults } from './source-settings.ts';

const url = 'https://cam.example/live.m3u8';

test('a source of the API has exactly the given settings', () => {
  assert.deepEqual(sourceOf({ type: 'pull', url }), { type: 'pull', url, headers: {} });
  assert.deepEqual(
    sourceOf({ type: 'pull', url, quality: '720p', from: '-30m', userAgent: 'vsr', headers: { Cookie: 'a=b' } }),
    { type: 'pull', url, headers: { cookie: 'a=b' }, quality: '720p', fromMs: 1_800_000, userAgent: 'vsr' },
  );
});

test('an invalid setting is refused before anything is pulled', () => {
  for (const wrong of [{ quality: 'huge' }, { from: 'soon' }, { userAgent: 'a\nb' }, { headers: { a: 'b\r\nc: d' } }]) {
    assert.throws(() => sourceOf({ type: 'pull', url, ...wrong }), { name: 'FormatError' });
  }
});

test('a source without settings is pulled with the defaults', () => {
  const config = { pull: { quality: '1080p', from: 60_000, userAgent: 'vsr' } };
  const source = { type: 'pull', url, headers: {} } as const;
  assert.deepEqual(withDefaults(source, config), { ...source, quality: '1080p', fromMs: 60_000, userAgent: 'vsr' });
  assert.equal(withDefaults({ ...source, quality: 'worst', fromMs: 0 }, config).quality, 'worst');
  assert.equal(withDefaults({ ...source, quality: 'worst', fromMs: 0 }, config).fromMs, 0);
});

test('audio can be moved by at most two seconds, in both directions; 0 is not stored', () => {
  const offsetOf = (audioOffset: string) => {
    const source = sourceOf({ type: 'push', audioOffset });
    return source.type === 'push' ? source.audioOffsetMs : assert.fail();
  };
  assert.deepEqual(['120ms', '-80ms', '2s', '0'].map(offsetOf), [120, -80, 2000, undefined]);
  for (const wrong of ['3s', '-2001ms', 'soon', '--1s', ''])
    assert.throws(() => offsetOf(wrong), { name: 'FormatError' });
});

test('a patch of a push source changes what it names, and null restores the default', () => {
  const source = sourceOf({ type: 'push', latency: '200ms', passphrase: 'correct horse', audioOffset: '-80ms' });
  assert.deepEqual(patchSource(source, { onSecondPublisher: 'standby' }), { ...source, onSecondPublisher: 'standby' });
  assert.deepEqual(patchSource(source, { latency: '1s', passphrase: 'battery staple', audioOffset: '40ms' }), {
    type: 'push',
    onSecondPublisher: 'refuse',
    latencyMs: 1000,
    passphrase: 'battery staple',
    audioOffsetMs: 40,
  });
  const none = { onSecondPublisher: null, latency: null, passphrase: null, audioOffset: null };
  assert.deepEqual(patchSource(source, none), { type: 'push', onSecondPublisher: 'refuse' });
  for (const wrong of [{ latency: '70s' }, { passphrase: 'short' }, { audioOffset: '3s' }])
    assert.throws(() => patchSource(source, wrong), { name: 'FormatError' });
  const pulled = sourceOf({ type: 'pull', url });
  assert.deepEqual(patchSource(pulled, {}), pulled);
  assert.throws(() => patchSource(pulled, { latency: '1s' }), { name: 'FormatError' });
  assert.throws(() => patchSource(source, { url }), { name: 'FormatError' });
});

test('stored headers are sent to no other host: neither to another address nor to another backup', () => {
  const source = sourceOf({ type: 'pull', url, headers: { Authorization: 'Bearer t0ken' } });
  const kept = { authorization: 'Bearer t0ken' };
  const backup = 'https://cam.example/second.m3u8';
  assert.deepEqual(patchSource(source, { backup }), { ...source, backup });
  const headers = { Authorization: '***' };
  assert.deepEqual(sourceAfter({ type: 'pull', url, backup, headers }, source), { ...source, backup, headers: kept });
  const elsewhere = 'https://other.example/live.m3u8';
  for (const change of [
    { url: elsewhere },
    { backup: elsewhere },
    { backup: 'https://other.example\\@cam.example/' },
  ]) {
    assert.throws(() => patchSource(source, change), { name: 'FormatError' });
    assert.throws(() => sourceAfter({ type: 'pull', url, headers, ...change }, source), { name: 'FormatError' });
  }
});

test('a patch changes which pictures of a publisher are used, and keeps them where it names neither', () => {
  const source = sourceOf({ type: 'push', quality: '720p', qualities: 'best' });
  assert.deepEqual(patchSource(source, { latency: '1s' }), { ...source, latencyMs: 1000 });
  const changed = patchSource(source, { quality: 'worst', qualities: null });
  assert.deepEqual(changed, sourceOf({ type: 'push', quality: 'worst' }));
  const { quality, qualities } = sourceSettingsOf(changed);
  assert.deepEqual([quality, qualities], ['worst', null]);
  assert.throws(() => patchSource(source, { quality: 'large' }), { name: 'FormatError' });
});

test('which audio is converted is stored only where it is not the default', () => {
  assert.deepEqual(sourceOf({ type: 'pull', url, audio: 'auto' }), sourceOf({ type: 'pull', url }));
  const kept = sourceOf({ type: 'push', audio: 'keep' });
  assert.equal(audioModeOf(kept), 'keep');
  assert.deepEqual([audioModeOf({ type: 'test' }), audioModeOf(sourceOf({ type: 'push' }))], ['keep', 'auto']);
  assert.deepEqual(patchSource(kept, { latency: '200ms' }), { ...kept, latencyMs: 200 });
  assert.deepEqual(patchSource(kept, { audio: null }), sourceOf({ type: 'push' }));
  assert.equal(audioModeOf(patchSource(kept, { audio: 'aac' })), 'aac');
});

test('the settings of a source are shown without its secrets', () => {
  const source = sourceOf({ type: 'push', latency: '200ms', passphrase: 'correct horse', audioOffset: '-80ms' });
  const shown = {
    type: 'push',
    audio: 'auto',
    onSecondPublisher: 'refuse',
    quality: null,
    qualities: null,
    whileAway: 'nothing',
    awayLimit: '10m',
    latency: '200ms',
    address: null,
    backup: null,
    hasPassphrase: true,
  } as const;
  assert.deepEqual(sourceSettingsOf(source), { ...shown, audioOffset: '-80ms' });
  assert.deepEqual(sourceSettingsOf(sourceOf({ type: 'pull', url })), {
    type: 'pull',
    audioOffset: '0s',
    audio: 'auto',
    onSecondPublisher: null,
    quality: null,
    qualities: null,
    latency: null,
    address: url,
    backup: null,
    hasPassphrase: false,
    whileAway: null,
    awayLimit: null,
  });
});

test('what viewers see while the publisher is away is stored only where it is not the default, and kept by a patch', () => {
  const plain = sourceOf({ type: 'push' });
  assert.deepEqual(sourceOf({ type: 'push', whileAway: 'nothing', awayLimit: '10m' }), plain);
  const slate = sourceOf({ type: 'push', whileAway: 'slate', awayLimit: '30m' });
  assert.deepEqual(slate, { ...plain, whileAway: 'slate', awayLimitMs: 1_800_000 });
  assert.deepEqual(patchSource(slate, { latency: '200ms' }), { ...slate, latencyMs: 200 });
  assert.deepEqual(patchSource(slate, { whileAway: null, awayLimit: null }), plain);
  assert.deepEqual(patchSource(plain, { whileAway: 'last-picture' }), { ...plain, whileAway: 'last-picture' });
  const { whileAway, awayLimit } = sourceSettingsOf(slate);
  assert.deepEqual([whileAway, awayLimit], ['slate', '30m']);
  for (const wrong of ['0s', '25h', 'soon'])
    assert.throws(() => sourceOf({ type: 'push', awayLimit: wrong }), { name: 'FormatError' });
});
