import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hintedParts, lastListed, listedPaths, nextSegment, reachedPosition } from './hls-hints.ts';

const list = `#EXTM3U
#EXT-X-MAP:URI="init-3.mp4"
#EXTINF:2.00000,
41.m4s
#EXT-X-PART:DURATION=0.5,INDEPENDENT=YES,URI="42.0.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="42.1.m4s"
#EXT-X-RENDITION-REPORT:URI="../a0/g1.m3u8",LAST-MSN=42,LAST-PART=0
`;
const path = '/live/door/v0/g1.m3u8';

test('the announced part is a path beside the playlist', () => {
  assert.deepEqual(hintedParts(list, path), ['/live/door/v0/42.1.m4s']);
  assert.deepEqual(reachedPosition(list), { msn: 42, part: 1 });
});

test('a playlist says how far its segments reach, and the next one is known by its number', () => {
  assert.deepEqual(lastListed(list, path), { folder: '/live/door/v0/', msn: 41 });
  assert.equal(nextSegment('/live/door/v0/40.m4s')?.path, '/live/door/v0/41.m4s');
  assert.equal(nextSegment('/live/door/v0/40.1.m4s'), undefined);
});

test('everything that a playlist lists for good is named, but no parts', () => {
  assert.deepEqual(listedPaths(list, path), [
    '/live/door/v0/init-3.mp4',
    '/live/door/v0/41.m4s',
    '/live/door/a0/g1.m3u8',
  ]);
});

test('keys are not named: no cache keeps them', () => {
  const encrypted = list.replace('#EXTINF', '#EXT-X-KEY:METHOD=AES-128,URI="../keys/a-1.key",IV=0x01\n#EXTINF');
  assert.deepEqual(listedPaths(encrypted, path), listedPaths(list, path));
});

test('an address of another server is not named', () => {
  assert.deepEqual(hintedParts('#EXT-X-PRELOAD-HINT:TYPE=PART,URI="https://other.example/1.1.m4s"', path), []);
});

test('a segment with all its parts is reached when it is listed itself (RFC 8216bis 6.2.5.2)', () => {
  const parts = ['#EXT-X-PART:DURATION=1,URI="v0/42.0.m4s"', '#EXT-X-PART:DURATION=1,URI="v0/42.1.m4s"'];
  const hint = '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="v0/43.0.m4s"';
  const before = ['#EXTM3U', '#EXTINF:2,', 'v0/41.m4s', ...parts];
  assert.deepEqual(reachedPosition([...before, hint, ''].join('\n')), { msn: 42, part: 2 });
  const after = [...before, '#EXTINF:2,', 'v0/42.m4s', hint, '#EXT-X-RENDITION-REPORT:URI="a0.m3u8"', ''];
  assert.deepEqual(reachedPosition(after.join('\n')), { msn: 43, part: 0 });
});
