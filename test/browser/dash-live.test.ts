import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { readPicture, type Shown } from './picture.ts';
import { type PlayerName, type PlayerPage, readPlayed, seekPlayer, servePlayers, startPlayer } from './player-page.ts';
import { newestStretch } from './stretch.ts';

const NAMES: readonly PlayerName[] = ['dash.js', 'shaka-player'];
/** Longest time without progress, generous for a busy machine. */
const MAX_STAND_MS = 3_500;
const LIVE_S = 6;
/** The player is 320 pixels wide. */
const small = { width: 480, height: 360 } as const;
/** Generous for a busy machine; bench/latency has the bar. */
const MAX_BEHIND_MS = 8_000;

suite('live DASH, in a browser', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let players: PlayerPage;

  before(async () => {
    folder = opened.use(await openFolder('dash-live'));
    players = opened.use(await servePlayers());
    browser = opened.adopt(await openBrowser(), (one) => one.close());
    const args = [...smallPicture, '--hls-segment-duration', '1s'];
    server = opened.use(await startServer({ args, data: `${folder.path}/data`, adminToken: 'stop-the-picture' }));
    await until('the open segment is listed', async () => {
      const answer = await server.fetch('/live/demo/index.mpd');
      return (await answer.text()).includes('availabilityTimeOffset');
    });
  });
  after(() => opened.disposeAsync());

  const shows = (page: Page, what: string, isIt: (shown: Shown) => boolean): Promise<Shown> =>
    until(
      what,
      async () => {
        const shown = await readPicture(page);
        return shown && isIt(shown) && shown;
      },
      { everyMs: 100 },
    );

  async function playLive(t: TestContext, player: PlayerName, ended: Promise<void>, begun: () => void): Promise<void> {
    await using visitor = await openVisitor(browser, small);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(players.url);
    await startPlayer(page, player, `${server.url}/live/demo/index.mpd`, true);
    const first = await shows(page, `${player} shows a picture`, () => true);
    const live = await shows(page, `${player} plays on`, (now) => now.currentTime >= first.currentTime + LIVE_S);
    const behindMs = Date.now() - live.utcMs;
    t.diagnostic(`${player} is ${behindMs} ms behind, it says ${(await readPlayed(page)).latencyS} s`);
    assert.ok(behindMs > 0 && behindMs < MAX_BEHIND_MS, `${player} is ${behindMs} ms behind`);
    // A busy machine shows single pictures late.
    await shows(
      page,
      `${player}: the element's time is UTC`,
      (now) => Math.abs(now.utcMs - now.currentTime * 1000) < 150,
    );
    const { longestStandMs, seekableFrom } = await readPlayed(page);
    assert.ok(longestStandMs < MAX_STAND_MS, `${player} stood still for ${longestStandMs} ms`);
    await seekPlayer(page, seekableFrom + 2);
    await shows(page, `${player} shows what was before`, (now) => now.utcMs < live.utcMs - 2_000);
    await seekPlayer(page, Date.now() / 1000 - 3);
    await shows(page, `${player} is back at live`, (now) => now.utcMs > live.utcMs);
    begun();
    await ended;
    await until(`${player} reaches the end`, async () => (await readPlayed(page)).ended, { everyMs: 100 });
    assert.deepEqual([...(await readPlayed(page)).errors, ...faults], [], player);
  }

  test('dash.js and Shaka Player play with low latency, seek back, return, and reach the end of the stream', async (t) => {
    const ended = Promise.withResolvers<void>();
    const begun = NAMES.map(() => Promise.withResolvers<void>());
    const all = NAMES.map((player, i) => playLive(t, player, ended.promise, begun[i]!.resolve));
    await Promise.race([Promise.all(begun.map(({ promise }) => promise)), Promise.all(all)]);
    const answer = await server.fetch('/api/v1/streams/demo/stop', { method: 'POST' });
    assert.ok(answer.ok, String(answer.status));
    await server.stream('demo', 'over');
    ended.resolve();
    await Promise.all(all);
  });

  test('dash.js plays a window of the past to its end', async () => {
    const { toMs } = await newestStretch(server, 6);
    const to = Math.floor(toMs / 1000) - 1;
    await using visitor = await openVisitor(browser, small);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(players.url);
    await startPlayer(page, 'dash.js', `${server.url}/vod/demo/${to - 4}/${to}/index.mpd`);
    const first = await shows(page, 'it shows the window', () => true);
    assert.ok(Math.abs(first.utcMs / 1000 - (to - 4)) < 3, String(first.utcMs));
    await until('it reaches the end', async () => (await readPlayed(page)).ended, { everyMs: 100 });
    const { errors, furthest, seekableTo } = await readPlayed(page);
    assert.ok(furthest > seekableTo - 0.2, `it played up to ${furthest} of ${seekableTo}`);
    assert.deepEqual([...errors, ...faults], []);
  });
});
