import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  channelListLink,
  embedCode,
  lifetimesFor,
  liveLink,
  momentLink,
  spanLink,
  windowLink,
  withWatchToken,
} from './addresses.ts';
import { parseRoute } from './routes.ts';

const origin = 'https://tv.example';
const at = 1_795_160_404_567;
const opened = (link: string) => {
  const { pathname, search } = new URL(link);
  return parseRoute(pathname, search);
};

test('a playing time is shared to the second, a paused one to the millisecond', () => {
  assert.equal(momentLink(origin, 'cam', at, false), 'https://tv.example/watch/cam?t=1795160404');
  assert.equal(momentLink(origin, 'cam', at, true), 'https://tv.example/watch/cam?t=1795160404567');
  assert.equal(momentLink(origin, 'cam', at + 0.4, true), momentLink(origin, 'cam', at, true));
});

test('a link opens where it was shared', () => {
  const span = { fromMs: at, toMs: 1_795_160_410_000 };
  assert.deepEqual(opened(momentLink(origin, 'cam', at, true)), { page: 'watch', stream: 'cam', atMs: at, span: null });
  assert.deepEqual(opened(spanLink(origin, 'cam', span)), { page: 'watch', stream: 'cam', atMs: at, span });
  assert.deepEqual(opened(liveLink(origin, 'cam')), { page: 'watch', stream: 'cam', atMs: null, span: null });
});

test('other players get the window that contains the time', () => {
  assert.equal(windowLink(origin, 'cam', at), 'https://tv.example/vod/cam/1795160400/1795161000/index.m3u8');
});

test('the channel list is that of the server, with the token of the stream or the stream alone', () => {
  const page = 'https://tv.example/watch/cam?t=1#x';
  assert.equal(channelListLink(page), 'https://tv.example/playlist.m3u');
  assert.equal(channelListLink(page, '/t/abc'), 'https://tv.example/t/abc/playlist.m3u');
  assert.equal(channelListLink(page, 'https://b.example', 'cam'), 'https://b.example/playlist.m3u?stream=cam');
});

test('a link with a token opens the same time', () => {
  assert.equal(withWatchToken(liveLink(origin, 'cam'), 'abc'), 'https://tv.example/watch/cam?token=abc');
  const link = withWatchToken(momentLink(origin, 'cam', at, true), 'abc');
  assert.equal(link, 'https://tv.example/watch/cam?t=1795160404567&token=abc');
  assert.deepEqual(opened(link), { page: 'watch', stream: 'cam', atMs: at, span: null });
  for (const none of [null, undefined, '']) assert.equal(withWatchToken('/watch/cam?t=1', none), '/watch/cam?t=1');
});

test('links last as long as the server allows, and a public stream needs no token', () => {
  assert.deepEqual(lifetimesFor('private'), ['1h', '24h']);
  assert.deepEqual(lifetimesFor('signed'), ['1h', '24h', '7d']);
  for (const open of ['public', 'unlisted', undefined] as const) assert.deepEqual(lifetimesFor(open), []);
});

test('the embed code shows the player at the same time and with the same token', () => {
  const code = embedCode(withWatchToken(momentLink(origin, 'cam', at, false), 'abc'));
  assert.match(code, /^<iframe src="https:\/\/tv\.example\/embed\/cam\?t=1795160404&amp;token=abc" /);
});
