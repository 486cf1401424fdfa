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

  const isRedirected = async () => {
    const { list, path } = await readFirstVariant(past.server, past.index);
    const [{ uri, byteRange }] = list.segments as [PlaylistSegment];
    // Not the whole segment: a page that requests it afterwards must not seem to try again.
    const range = `bytes=${byteRange!.offset}-${byteRange!.offset + byteRange!.length - 2}`;
    const look = async (query = '') => {
      const address = `${resolvePath(uri, path)}${query}`;
      const answer = await past.server.fetch(address, { headers: { range }, redirect: 'manual' });
      await answer.arrayBuffer();
      return answer.status;
    };
    const before = past.cdn.requests.length;
    await until('the server has just looked at the bucket', async () => {
      await look('?direct=off');
      return past.cdn.requests.length > before;
    });
    await until('viewers are redirected', async () => (await look()) === 302);
  };

  /** Segments that the bucket sent so far. */
  const segments = () => past.cdn.requests.filter((request) => /^GET \S+\.mp4\?\S+ 206$/.test(request)).length;

  // Before others request the same: a repetition makes the server look at the bucket first.
  test('dash.js plays it though the bucket refuses: the server is asked again, and sends what was refused', async () => {
    await using players = await servePlayers();
    await using visitor = await openVisitor(browser, small);
    const page = await visitor.newPage();
    let refused = 0;
    page.on('response', (response) => {
      if (response.url().startsWith(past.cdn.url) && response.status() === 403) refused++;
    });
    await isRedirected();
    past.cdn.refuse(403);
    try {
      await page.goto(players.url);
      await startPlayer(page, 'dash.js', `${past.server.url}${past.index.replace(/m3u8$/, 'mpd')}`);
      await until('it has ended', async () => (await readPlayed(page)).ended);
      assert.ok((await readPlayed(page)).furthest > LENGTH_S - 2);
      assert.ok(refused > 0, 'the bucket refused the page');
    } finally {
      past.cdn.refuse(undefined);
    }
    await isRedirected();
  });

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

  test('it plays though the bucket refuses a moment after it answered: the server sends what was refused', async () => {
    await using visitor = await openVisitor(browser);
    const page = await visitor.newPage();
    const refused: string[] = [];
    const again: string[] = [];
    page.on('response', (response) => {
      if (response.url().startsWith(past.cdn.url) && response.status() === 403) refused.push(response.url());
      if (response.url().endsWith('&direct=off') && response.status() === 206) again.push(response.url());
    });
    await isRedirected();
    past.cdn.refuse(403);
    try {
      await watch(page);
    } finally {
      past.cdn.refuse(undefined);
    }
    assert.ok(refused.length > 0, 'the bucket refused the page');
    assert.ok(again.length > 0, 'the page requested it again');
  });

  for (const player of ['dash.js', 'shaka-player'] as const) {
    test(`${player} plays its DASH manifest to the end, from the bucket`, async () => {
      await using players = await servePlayers();
      await using visitor = await openVisitor(browser, small);
      const page = await visitor.newPage();
      await isRedirected();
      const before = segments();
      await page.goto(players.url);
      await startPlayer(page, player, `${past.server.url}${past.index.replace(/m3u8$/, 'mpd')}`);
      const played = await until('it has ended', async () => {
        const now = await readPlayed(page);
        return now.ended && now;
      });
      assert.deepEqual(played.errors, []);
      assert.ok(played.furthest > LENGTH_S - 2, `${played.furthest}`);
      // Picture and sound of each segment.
      assert.ok(segments() - before >= LENGTH_S - 2, `${segments() - before}`);
    });
  }

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
});
