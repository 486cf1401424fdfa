/**
 * Pages play the past from a bucket: hls.js on a page of another site, and the watch page; also when the
 * bucket refuses while they play.
 * In: a recording that was moved to a bucket. Out: pictures, and where their bytes came from.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { PlaylistSegment } from '@oxbow/media/m3u8/playlist';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { type DirectPast, openDirectPast } from '../fixtures/services/direct-past.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor, withoutEarlyWindows } from './chromium.ts';
import { readPicture } from './picture.ts';
import { readPlayed, servePlayers, startPlayer } from './player-page.ts';

const small = { width: 480, height: 360 } as const;
/** Recorded, seconds. */
const LENGTH_S = 12;

suite('the past from the bucket, in a browser', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let past: DirectPast;
  let browser: Browser;

  before(async () => {
    past = opened.use(await openDirectPast(LENGTH_S));
    browser = await openBrowser();
    opened.defer(() => browser.close());
  });
  after(() => opened.disposeAsync());

  /** Segments that the bucket sent so far. */
  const segments = () => past.cdn.requests.filter((request) => /^GET \S+\.mp4\?\S+ 206$/.test(request)).length;

  test('hls.js on a page of another site plays it to its end, from the bucket', async (t) => {
    await using players = await servePlayers();
    await using visitor = await openVisitor(browser, small);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    const before = segments();
    await page.goto(players.url);
    await startPlayer(page, 'hls.js', `${past.server.url}${past.index}`);
    const played = await until('it has ended', async () => {
      const now = await readPlayed(page);
      return now.ended && now;
    });
    assert.deepEqual([played.errors, faults], [[], []]);
    assert.ok(played.furthest > LENGTH_S - 2, `${played.furthest}`);
    assert.ok(played.decodedFrames > 25 * (LENGTH_S - 3));
    const preflights = past.cdn.requests.filter((request) => request.startsWith('OPTIONS')).length;
    t.diagnostic(`${preflights} preflights of ${segments() - before} segments`);
    assert.ok(segments() - before >= played.boundaries, `${segments() - before} of ${played.boundaries}`);
  });

  /** Opens the watch page two seconds into the recording; the picture once it plays. */
  const watch = async (page: Page) => {
    const atMs = past.fromMs + 2_000;
    await page.goto(`${past.server.url}/watch/cam?t=${Math.floor(atMs / 1000)}`);
    const shown = await until('the past plays', async () => {
      const now = await readPicture(page);
      return now && !now.paused && now.utcMs > atMs && now;
    });
    assert.ok(shown.utcMs < atMs + (LENGTH_S - 3) * 1000, 'not from another time');
  };

  test('the watch page shows the recorded picture from the bucket', async () => {
    await using visitor = await openVisitor(browser);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    const before = segments();
    await watch(page);
    assert.ok(segments() > before);
    assert.deepEqual(withoutEarlyWindows(faults), []);
  });

  test('it plays though the bucket refuses a moment after it answered: the server sends what was refused', async () => {
    await using visitor = await openVisitor(browser);
    const page = await visitor.newPage();
    const refused: string[] = [];
    const again: string[] = [];
    page.on('response', (response) => {
      if (response.url().startsWith(past.cdn.url) && response.status() === 403) refused.push(response.url());
      if (response.url().endsWith('&direct=off') && response.status() === 206) again.push(response.url());
    });
    const { list, path } = await readFirstVariant(past.server, past.index);
    const [{ uri, byteRange }] = list.segments as [PlaylistSegment];
    const range = `bytes=${byteRange!.offset}-${byteRange!.offset + byteRange!.length - 1}`;
    await until('viewers are redirected', async () => {
      const answer = await past.server.fetch(resolvePath(uri, path), { headers: { range }, redirect: 'manual' });
      return answer.status === 302;
    });
    past.cdn.refuse(403);
    await watch(page);
    past.cdn.refuse(undefined);
    assert.ok(refused.length > 0, 'the bucket refused the page');
    assert.ok(again.length > 0, 'the page requested it again');
  });
});
