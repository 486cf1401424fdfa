import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ManifestCache } from './manifest-cache.ts';

test('long manifests drop older ones: all together are bounded, and the newest is kept', async () => {
  const cache = new ManifestCache(() => 0);
  const keep = async (key: string, megabytes: number) => {
    await cache.put(key, async () => ({ text: '#'.repeat(megabytes * 1024 * 1024), contentType: 'audio/mpegurl' }));
    await setImmediate();
  };
  await keep('short', 1);
  await keep('a', 30);
  await keep('b', 30);
  assert.ok(cache.get('short') && cache.get('a') && cache.get('b'));
  await keep('c', 30);
  assert.deepEqual(
    ['short', 'a', 'b', 'c'].filter((key) => cache.get(key)),
    ['b', 'c'],
  );
  await keep('d', 80);
  assert.deepEqual(
    ['b', 'c', 'd'].filter((key) => cache.get(key)),
    ['d'],
  );
});
