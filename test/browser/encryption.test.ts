/**
 * Encrypted streams in browsers: hls.js and Shaka Player play live and the past over many keys, and so does
 * the watch page of oxbow.
 */
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { type PlayerName, type PlayerPage, readPlayed, servePlayers, startPlayer } from './player-page.ts';
import { newestStretch } from './stretch.ts';

const small = { width: 480, height: 360 } as const;
/** A key for each segment, of a second. */
const args = [
  ...[...smallPicture, '--hls-segment-duration', '1s'],
  ...['--encryption-streams', 'aes-128', '--encryption-key-every', '1'],
];
/** What is played of each list, seconds. */
const SECONDS = 8;
/** As of test/browser/players.test.ts. */
const MAX_STAND_MS = 3_500;
const OWN_WAYS = /^(bufferSeekOverHole false|aborted false|bufferStalledError false)/;
const TRIES = 3;
/** Advice of Shaka Player without its low-latency mode. */
const LOW_LATENCY = /^console: Low-latency live stream detected/;

suite('an encrypted stream in a browser', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let players: PlayerPage;

  before(async () => {
    folder = await openFolder('encryption-browser');
    players = await servePlayers();
    browser = await openBrowser();
    server = await startServer({ data: `${folder.path}/data`, args });
    await newestStretch(server, SECONDS + 4);
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await players?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  async function playOnce(player: PlayerName, path: string, lowLatency: boolean): Promise<void> {
    await using visitor = await openVisitor(browser, small);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    const keys = new Set<string>();
    page.on('response', (response) => {
      if (response.url().endsWith('.key') && response.ok()) keys.add(response.url());
    });
    await page.goto(players.url);
    await startPlayer(page, player, `${server.url}${path}`, lowLatency);
    const { currentTime } = await readPlayed(page);
    await until(`${player} plays ${SECONDS} s`, async () => {
      const played = await readPlayed(page);
      assert.deepEqual(
        played.errors.filter((error) => !OWN_WAYS.test(error)),
        [],
      );
      return played.furthest - currentTime >= SECONDS - 1 || (played.ended && played.furthest > SECONDS - 2);
    });
    const played = await readPlayed(page);
    assert.ok(played.longestStandMs < MAX_STAND_MS, `it stood still for ${played.longestStandMs} ms`);
    assert.ok(keys.size >= SECONDS - 2, `${keys.size} keys`);
    assert.ok(played.decodedFrames >= (SECONDS - 2) * 25, `${played.decodedFrames} frames`);
    assert.deepEqual(
      faults.filter((fault) => !LOW_LATENCY.test(fault)),
      [],
    );
  }

  /** A busy machine may hold up a player once; a fault of oxbow shows each time. */
  async function play(t: TestContext, player: PlayerName, path: string, lowLatency = false): Promise<void> {
    for (let left = TRIES - 1; ; left--) {
      try {
        return await playOnce(player, path, lowLatency);
      } catch (error) {
        if (left === 0) throw error;
        t.diagnostic(`${player} is tried again: ${error}`);
      }
    }
  }

  test('hls.js plays live with parts, each segment with another key', (t) =>
    play(t, 'hls.js', '/live/demo/index.m3u8', true));

  test('Shaka Player plays live', (t) => play(t, 'shaka-player', '/live/demo/index.m3u8'));

  test('Shaka Player plays live with parts in its low-latency mode, each segment with another key', (t) =>
    play(t, 'shaka-player', '/live/demo/index.m3u8', true));

  for (const player of ['hls.js', 'shaka-player'] as const) {
    test(`${player} plays the past`, async (t) => {
      const { fromMs } = await newestStretch(server, SECONDS + 4);
      await play(t, player, `/vod/demo/${fromMs}/${SECONDS}s/index.m3u8`);
    });
  }

  test('hls.js plays a list that reaches hours back', (t) => play(t, 'hls.js', '/live/demo/dvr-4h/index.m3u8'));

  test('the watch page plays live, and goes back into the past', async () => {
    await using visitor = await openVisitor(browser, { width: 1000, height: 700 });
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    const { fromMs } = await newestStretch(server, SECONDS + 4);
    await page.goto(`${server.url}/watch/demo`);
    await plays(page, 'live');
    await page.goto(`${server.url}/watch/demo?t=${fromMs + 1000}`);
    await plays(page, 'the past');
    assert.deepEqual(faults, []);
  });
});

/** The visible picture moves by some seconds. */
async function plays(page: Page, what: string): Promise<void> {
  const at = () =>
    page.evaluate(() =>
      Math.max(
        0,
        ...[...document.querySelectorAll('video')].map((video) =>
          video.paused ? 0 : video.getVideoPlaybackQuality().totalVideoFrames,
        ),
      ),
    );
  await until(`${what} plays`, async () => (await at()) > 60);
}
