import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clipUrl, liveUrl, stillUrl, windowOf, windowUrl } from './window.ts';

test('every time is in exactly one window, which includes its start and excludes its end', () => {
  assert.deepEqual(windowOf(1_795_160_400_000), { fromSeconds: 1_795_160_400, toSeconds: 1_795_161_000 });
  assert.deepEqual(windowOf(1_795_160_999_999), { fromSeconds: 1_795_160_400, toSeconds: 1_795_161_000 });
  assert.equal(windowOf(1_795_161_000_000).fromSeconds, 1_795_161_000);
});

test('addresses contain unix seconds and no colon', () => {
  assert.equal(windowUrl('cam', windowOf(1_795_160_400_500)), '/vod/cam/1795160400/1795161000/index.m3u8');
  assert.equal(liveUrl('cam'), '/live/cam/index.m3u8');
});

test('a clip is rounded outward, so that nothing marked is missing', () => {
  assert.equal(clipUrl('cam', 1_795_160_400_900, 1_795_160_410_100), '/clip/cam/1795160400/1795160411.mp4');
  assert.equal(clipUrl('cam', 1_795_160_400_000, 1_795_160_410_000, 'ts'), '/clip/cam/1795160400/1795160410.ts');
});

test('viewers within the same five seconds share a still', () => {
  assert.equal(stillUrl('cam', 1_795_160_404_999), stillUrl('cam', 1_795_160_400_000));
  assert.equal(stillUrl('cam', 1_795_160_405_000), '/thumb/cam/1795160405.jpg');
});
