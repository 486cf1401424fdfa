import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMediaAddress } from '../../api/media-address.ts';
import { parseSignedPath } from '../../api/signed-path.ts';
import { ASSET, LIVE_LISTS, LIVE_MEDIA, ODD_PATH, PAST, STREAM, TOKEN } from './cached-paths.ts';

const kept = new RegExp(
  `^/(?:live/${STREAM}/(?:${LIVE_MEDIA}|${LIVE_LISTS})|(?:vod|thumb)/${STREAM}/${PAST}|assets/(?:${ASSET}))$`,
);

for (const path of [
  '/live/door/index.m3u8',
  '/live/door/index.mpd',
  '/live/door/v0/g7.m3u8',
  '/live/door/v0/init-1.mp4',
  '/live/door/v0/42.m4s',
  '/live/door/v0/42.3.m4s',
  '/live/door/s0/42.vtt',
  '/live/door/dvr-4h/index.m3u8',
  '/live/door/dvr-4h/index.mpd',
  '/live/door/dvr-4h/v0/g7.m3u8',
  '/live/door/ts/g7.m3u8',
  '/live/door/ts/42.ts',
  '/vod/door/1790000000/1790000600/index.m3u8',
  '/vod/door/1790000000/1790000600/v3/av0.m3u8',
  '/vod/door/1790000000/1790000600/captions.vtt',
  '/thumb/door/1790000000.jpg',
  '/thumb/door/small/1790000000.jpg',
  '/thumb/door/1790000000/1790000600/storyboard.vtt',
  '/assets/k3v9/index.m3u8',
  '/assets/k3v9/v0.m3u8',
  '/assets/k3v9/v0/init-1.mp4',
  '/assets/k3v9/v0/42.m4s',
  '/assets/k3v9/poster.jpg',
  '/assets/k3v9/storyboard-1.jpg',
  '/assets/k3v9/chapters.vtt',
]) {
  test(`${path} is an address of media and is kept`, () => {
    assert.notEqual(parseMediaAddress(path)?.kind ?? 'unknown', 'unknown');
    assert.match(path, kept);
  });
}

for (const path of [
  '/live/door/session',
  '/live/door/time.txt',
  '/live/door/ts/index.m3u8',
  '/live/stream.m3u8',
  '/clip/door/1790000000/60.mp4',
  '/assets/k3v9/original',
  '/assets/k3v9/v0.mp4',
  '/c/a1/clip.mp4',
  '/api/v1/streams',
  '/watch/door',
  '/t/AAAA/live/door/index.m3u8',
  '/live/door/v0/42.m4s/',
]) {
  test(`${path} is forwarded`, () => assert.doesNotMatch(path, kept));
}

test('a path that programs read differently is odd; a query is not part of it', () => {
  const odd = new RegExp(ODD_PATH);
  for (const path of ['/live/a/../b/1.m4s', '/live//a/1.m4s', '/live/%61/1.m4s', '/live/a/./1.m4s'])
    assert.match(path, odd);
  for (const path of ['/live/a/v0/1.2.m4s', '/live/a/v0/g1.m3u8?CMCD=sid%3D%22//..']) assert.doesNotMatch(path, odd);
});

test('tokens of oxbow, JWTs, and unsigned JWTs have the form of a token', () => {
  const token = new RegExp(`^${TOKEN}$`);
  for (const text of ['AWr_-9', 'eyJh.eyJz.c2ln', 'eyJh.eyJz.']) {
    assert.equal(parseSignedPath(`/t/${text}/live/door/index.m3u8`)?.token, text);
    assert.match(text, token);
  }
  for (const text of ['a/b', 'a.b', 'a.b.c.d', 'a b']) assert.doesNotMatch(text, token);
});
