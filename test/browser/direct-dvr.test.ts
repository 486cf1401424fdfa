/**
 * Players of other sites play a DVR playlist over the boundary between the bucket and oxbow.
 * In: a live stream whose first file was moved to a bucket. Out: pictures, and where their bytes came from.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { datesOf, readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { type DirectPast, openDirectPast } from '../fixtures/services/direct-past.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { readPicture } from './picture.ts';
import { type PlayerName, type PlayerPage, readPlayed, seekPlayer, servePlayers, startPlayer } from './player-page.ts';

const small = { width: 480, height: 360 } as const;
const DVR = '/live/cam/dvr-30m/index';
/** Longest time without progress, generous for a busy machine. */
const MAX_STAND_MS = 3_500;
/** Played before the boundary and after it, ms. */
const AROUND_MS = 5_000;

suite('a DVR playlist of a bucket and oxbow, in a browser', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let past: DirectPast;
  let browser: Browser;
  let players: PlayerPage;

  before(async () => {
    past = opened.use(await openDirectPast(50, { isLive: true }));
    players = opened.use(await servePlayers());
    browser = opened.adopt(await openBrowser(), (one) => one.close());
  });
  after(() => opened.disposeAsync());

  /** Where the media ends that the bucket has, ms since 1970. */
  const boundaryMs = async () => {
    let boundary = 0;
    // Files end with minutes: the first one may be short.
    const look = async () => {
      const { list, path } = await readFirstVariant(past.server, `${DVR}.m3u8`);
      const isRedirected = async (i: number) => {
        const { uri, byteRange } = list.segments[i]!;
        // Not the whole segment: a page that requests it afterwards must not seem to try again.
        const range = `bytes=${byteRange!.offset}-${byteRange!.offset + byteRange!.length - 2}`;
        const answer = await past.server.fetch(resolvePath(uri, path), { headers: { range }, redirect: 'manual' });
        await answer.arrayBuffer();
        return answer.status === 302;
      };
      const answers = await Promise.all(list.segments.map((_, i) => isRedirected(i)));
      const first = answers.lastIndexOf(true) + 1;
      if (first <= 10 || first >= answers.length) return false;
      boundary = datesOf(list)[first]!;
      return true;
    };
    await until('some of the list is in the bucket', look, { everyMs: 500 });
    return boundary;
  };

  const plays: readonly (readonly [PlayerName, string])[] = [
    ['hls.js', 'm3u8'],
    ['shaka-player', 'm3u8'],
    ['shaka-player', 'mpd'],
    ['dash.js', 'mpd'],
  ];
  for (const [player, ending] of plays) {
    test(`${player} (${ending}) plays from the bucket into what oxbow sends, without a stall`, async (t) => {
      await using visitor = await openVisitor(browser, small);
      const page = await visitor.newPage();
      const faults = collectFaults(page);
      await page.goto(players.url);
      await startPlayer(page, player, `${past.server.url}${DVR}.${ending}`);
      const live = await until('it plays', async () => {
        const now = await readPicture(page);
        return now && !now.paused && now.currentTime > 0 && now;
      });
      const fromMs = await boundaryMs();
      const before = past.cdn.requests.length;
      const toMs = fromMs - AROUND_MS;
      await seekPlayer(page, live.currentTime + (toMs - live.utcMs) / 1000);
      await until('it shows what the bucket has', async () => {
        const now = await readPicture(page);
        return now !== undefined && now.utcMs < fromMs && now.utcMs > toMs - 2_000;
      });
      const after = await until('it plays over the boundary', async () => {
        const now = await readPicture(page);
        return now && now.utcMs > fromMs + AROUND_MS && now;
      });
      const played = await readPlayed(page);
      t.diagnostic(
        `${Math.round(after.utcMs - fromMs)} ms after the boundary, ${played.longestStandMs} ms without progress`,
      );
      assert.deepEqual([played.errors, faults], [[], []]);
      assert.ok(played.longestStandMs < MAX_STAND_MS, `${player} stood still for ${played.longestStandMs} ms`);
      assert.ok(past.cdn.requests.length > before, 'the bucket sent it');
    });
  }
});
