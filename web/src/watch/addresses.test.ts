import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRoute } from '../routes.ts';
import { liveLink, momentLink, spanLink, windowLink } from './addresses.ts';

const origin = 'https://tv.example';
const at = 1_795_160_404_567;
const opened = (link: string) => {
  const { pathname, search } = new URL(link);
  return parseRoute(pathname, search);
};

test('a moment that plays is shared by its second, one that stands still by its millisecond', () => {
  assert.equal(momentLink(origin, 'cam', at, false), 'https://tv.example/watch/cam?t=1795160404');
  assert.equal(momentLink(origin, 'cam', at, true), 'https://tv.example/watch/cam?t=1795160404567');
  assert.equal(momentLink(origin, 'cam', at + 0.4, true), momentLink(origin, 'cam', at, true));
});

test('what is shared opens where it was shared', () => {
  const span = { fromMs: at, toMs: 1_795_160_410_000 };
  assert.deepEqual(opened(momentLink(origin, 'cam', at, true)), { page: 'watch', stream: 'cam', atMs: at, span: null });
  assert.deepEqual(opened(spanLink(origin, 'cam', span)), { page: 'watch', stream: 'cam', atMs: at, span });
  assert.deepEqual(opened(liveLink(origin, 'cam')), { page: 'watch', stream: 'cam', atMs: null, span: null });
});

test('other players get the window that holds the moment', () => {
  assert.equal(windowLink(origin, 'cam', at), 'https://tv.example/vod/cam/1795160400/1795161000/index.m3u8');
});
