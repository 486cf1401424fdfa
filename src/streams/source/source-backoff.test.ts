import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
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

test('other sources are requested within ten seconds, at random instants, for as long as they fail', () => {
  const down = () => new OxbowError('source-failed', 'HTTP 404');
  /** Longest pauses in s, one after the other; at least half of each is waited. The last repeats. */
  const table = [
    { name: 'unsupported media', error: () => new OxbowError('unsupported-media', 'SAMPLE-AES'), most: [5, 10, 10] },
    { name: 'malformed media', error: () => new FormatError('no sync byte', 0), most: [5, 10, 10] },
    { name: 'a bug', error: () => new TypeError('a bug'), most: [5, 10, 10] },
    { name: 'a source that is down', error: down, most: [0.25, 0.5, 1, 2, 4, 8, 10, 10] },
  ];
  for (const { name, error, most } of table) {
    const backoff = new SourceBackoff();
    for (const ceiling of most) within(backoff.next(error()), ceiling / 2, ceiling);
    const last = Array.from({ length: 50 }, () => backoff.next(error()));
    for (const ms of last) within(ms, 5, 10);
    assert.ok(new Set(last).size > 25, `the pauses of ${name} have no jitter`);
  }
});
