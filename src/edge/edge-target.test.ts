import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgeTargetOf, originTarget } from './edge-target.ts';

test('the key of a playlist is its path with the directives of HLS in one order; nothing else of the query', () => {
  const found = edgeTargetOf('/live/door/v0/g1.m3u8?CMCD=sid%3D%22a%22&_HLS_part=2&_HLS_msn=7');
  assert.equal(found?.key, '/live/door/v0/g1.m3u8?_HLS_msn=7&_HLS_part=2');
  assert.ok(found.isHeld && !found.isDelta);
  assert.equal(found.key, edgeTargetOf('/live/door/v0/g1.m3u8?_HLS_msn=7&_HLS_part=2&x=1')?.key);
});

test('the token is no part of the key, and the origin is asked with it', () => {
  const found = edgeTargetOf('/t/AWr123/live/door/v0/7.2.m4s?CMCD=bl%3D1');
  assert.equal(found?.key, '/live/door/v0/7.2.m4s');
  assert.equal(found.token, 'AWr123');
  assert.equal(found.name, 'door');
  assert.equal(originTarget(found, found.token), '/t/AWr123/live/door/v0/7.2.m4s');
});

test('tokens of assets and clips have names of their own', () => {
  assert.equal(edgeTargetOf('/assets/abc/v0/3.m4s')?.name, 'asset/abc');
  assert.equal(edgeTargetOf('/vod/door/1795160400/1795160460/v1/index.m3u8')?.name, 'door');
});

for (const target of [
  '/api/v1/streams',
  '/live/door/session?CMCD=1',
  '/live/door/time.txt',
  '/clip/door/1795160400/90s.mp4',
  '/assets/abc/original',
  '/live/stream.m3u8?utc=1',
  '/live/door/ts/index.m3u8?utc=1795160400&lutc=1795164000',
  '/live/door/ts/timeshift_abs-1795160400.m3u8',
  '/live/door/v0/g1.m3u8?%5FHLS_msn=7',
  '/live/door/v0/g1.m3u8?_HLS_msn=7&_HLS_msn=8',
  '/live/door/v0/nothing.txt',
]) {
  test(`only the origin answers ${target}`, () => assert.equal(edgeTargetOf(target), undefined));
}
