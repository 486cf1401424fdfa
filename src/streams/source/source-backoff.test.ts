import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OxbowError } from '../../lib/errors.ts';
import { SourceBackoff } from './source-backoff.ts';

const isPrivate = new OxbowError('page-failed', 'the video is private', { extra: { retryable: false } });
const notYet = new OxbowError('page-failed', 'not live yet', { extra: { retryable: true } });
const within = (ms: number, least: number, most: number) =>
  assert.ok(ms >= least * 1000 && ms <= most * 1000, `${ms} ms are not ${least} to ${most} s`);

test('a page that refuses permanently is requested less and less often, up to every ten minutes', () => {
  const backoff = new SourceBackoff();
  backoff.onPage();
  for (const ceiling of [30, 60, 120, 240, 480, 600, 600]) within(backoff.next(isPrivate), ceiling / 2, ceiling);
  const drm = new OxbowError('unsupported-media', 'the page protects its video by DRM');
  within(backoff.next(drm), 300, 600);
});

test('a page that had media starts with the shortest pause, and one that may have media soon is requested every minute', () => {
  const backoff = new SourceBackoff();
  backoff.onPage();
  for (let i = 0; i < 6; i++) backoff.next(isPrivate);
  within(backoff.next(notYet), 30, 60);
  within(backoff.next(isPrivate), 300, 600);
  backoff.onMedia();
  within(backoff.next(isPrivate), 15, 30);
});

test('a wrong password is tried less and less often, because cameras lock users out', () => {
  const backoff = new SourceBackoff();
  const refused = new OxbowError('source-failed', 'refuses', { extra: { reason: 'credentials' } });
  for (const ceiling of [30, 60, 120, 240, 480, 600]) within(backoff.next(refused), ceiling / 2, ceiling);
});

test('other sources are requested at constant intervals', () => {
  const backoff = new SourceBackoff();
  const drm = new OxbowError('unsupported-media', 'SAMPLE-AES');
  for (let i = 0; i < 8; i++) assert.equal(backoff.next(drm), 30_000);
  assert.equal(backoff.next(new TypeError('a bug')), 30_000);
  const down = new SourceBackoff();
  within(down.next(new OxbowError('source-failed', 'HTTP 404')), 0.125, 0.25);
  for (let i = 0; i < 20; i++) down.next(new OxbowError('source-failed', 'HTTP 404'));
  within(down.next(new OxbowError('source-failed', 'HTTP 404')), 5, 10);
});
