/**
 * Streams with common encryption in Chromium, whose ClearKey decrypts them: hls.js and Shaka Player show
 * every frame over changing keys, live, in the past and in HLS as in DASH; and so do the pages of oxbow.
 */
import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { freePort } from '../fixtures/free-port.ts';
import { writeFilms } from '../fixtures/library/films.ts';
import { need } from '../fixtures/need.ts';
import { readFirstVariant, readMultivariant, resolvePath } from '../fixtures/playlists.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { openKeyServer } from '../fixtures/services/key-server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, perTier } from '../full.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { type PlayerName, type PlayerPage, readPlayed, servePlayers, startPlayer } from './player-page.ts';
import { newestStretch } from './stretch.ts';

const small = { width: 480, height: 360 } as const;
const FPS = 30;
const SEGMENT_S = 2;
/** What is played of each list, seconds: more than one key. */
const SECONDS = perTier({ first: 12, full: 20 });
/** A key for five segments. */
const args = [
  ...[...smallPicture, '--test-picture-fps', String(FPS), '--hls-segment-duration', `${SEGMENT_S}s`],
  ...['--encryption-streams', 'cbcs', '--encryption-key-every', '5'],
];
const LICENCE = '/live/demo/keys/clearkey';
/** As of test/browser/players.test.ts. */
const MAX_STAND_MS = 3_500;
const OWN_WAYS = /^(bufferSeekOverHole false|aborted false|bufferStalledError false)/;
const TRIES = 3;

suite('a stream with common encryption in Chromium', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let players: PlayerPage;
  let licenceUrl: string;

  before(async () => {
    folder = await openFolder('drm-browser');
    players = await servePlayers();
    browser = await openBrowser();
    const http = `127.0.0.1:${await freePort()}`;
    licenceUrl = `http://${http}${LICENCE}`;
    server = await startServer({
      data: `${folder.path}/data`,
      args: [...args, '--public-url', `http://${http}`],
      http,
    });
    await newestStretch(server, SECONDS + 4);
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await players?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Settings that name the licences of the stream; a DASH manifest names them itself. */
  function settingsOf(player: PlayerName, path: string): object {
    if (player === 'hls.js') {
      return { emeEnabled: true, drmSystems: { 'org.w3.clearkey': { licenseUrl: licenceUrl } } };
    }
    assert.ok(path.endsWith('.mpd'));
    return {};
  }

  interface Playback {
    readonly player: PlayerName;
    readonly path: string;
    readonly frames: number;
  }

  async function playOnce({ player, path, frames }: Playback): Promise<string> {
    await using visitor = await openVisitor(browser, small);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    let licences = 0;
    page.on('response', (response) => {
      if (response.url().endsWith(LICENCE) && response.request().method() === 'POST' && response.ok()) licences++;
    });
    await page.goto(players.url);
    await startPlayer(page, player, `${server.url}${path}`, path.startsWith('/live'), settingsOf(player, path));
    const { currentTime } = await readPlayed(page);
    await until(`${player} shows ${frames} frames of ${path}`, () => hasPlayed(page, currentTime, frames));
    const played = await readPlayed(page);
    assert.ok(played.longestStandMs < MAX_STAND_MS, `it stood still for ${played.longestStandMs} ms`);
    assert.ok(played.decodedFrames >= frames, `${played.decodedFrames} of ${frames} frames`);
    assert.ok(licences >= 2, `${licences} licences`);
    assert.deepEqual(faults, []);
    return `${played.decodedFrames} of ${frames} frames, ${licences} licences`;
  }

  async function hasPlayed(page: Page, from: number, frames: number): Promise<boolean> {
    const { errors, ended, furthest, decodedFrames } = await readPlayed(page);
    assert.deepEqual(
      errors.filter((error) => !OWN_WAYS.test(error)),
      [],
    );
    return ended || (decodedFrames >= frames && furthest - from >= frames / FPS - 1);
  }

  /** A busy machine may hold up a player once; a fault of oxbow shows each time. */
  async function play(t: TestContext, playback: Playback): Promise<void> {
    for (let left = TRIES - 1; ; left--) {
      try {
        t.diagnostic(`${playback.player}, ${playback.path}: ${await playOnce(playback)}`);
        return;
      } catch (error) {
        if (left === 0) throw error;
        t.diagnostic(`${playback.player} is tried again: ${error}`);
      }
    }
  }

  /** A window of the past of exactly so many segments, and the frames in it. */
  async function findWindow(from = server): Promise<string> {
    const { fromMs, toMs } = await newestStretch(from, SECONDS + 4);
    const { list } = await readFirstVariant(from, `/vod/demo/${fromMs}/${toMs}/index.m3u8`);
    const last = list.segments.at(-1)!;
    const first = list.segments.at(-SECONDS / SEGMENT_S)!;
    return `/vod/demo/${Math.round(first.programDateTimeMs!)}/${Math.round(last.programDateTimeMs! + 1000)}`;
  }

  for (const [player, file] of [
    ['hls.js', 'index.m3u8'],
    ['shaka-player', 'index.mpd'],
  ] as const) {
    test(`${player} shows every frame of the past, ${file}`, async (t) => {
      await play(t, { player, path: `${await findWindow()}/${file}`, frames: SECONDS * FPS });
    });

    fullTest(`${player} shows every frame live, ${file}`, async (t) => {
      await play(t, { player, path: `/live/demo/${file}`, frames: SECONDS * FPS });
    });
  }

  fullTest('hls.js and Shaka Player show lists that reach hours back', async (t) => {
    await play(t, { player: 'hls.js', path: '/live/demo/dvr-4h/index.m3u8', frames: SECONDS * FPS });
    await play(t, { player: 'shaka-player', path: '/live/demo/dvr-4h/index.mpd', frames: SECONDS * FPS });
  });

  fullTest('Shaka Player shows every frame of HLS, whose keys have the format `identity`', async () => {
    await using own = await openFolder('drm-identity');
    await using identity = await startServer({
      data: `${own.path}/data`,
      args: [...args, '--encryption-clear-key', 'identity'],
    });
    const path = await findWindow(identity);
    await using visitor = await openVisitor(browser, small);
    const page = await visitor.newPage();
    await page.goto(players.url);
    await startPlayer(page, 'shaka-player', `${identity.url}${path}/index.m3u8`);
    await until('Shaka Player shows the window', async () => {
      const { errors, ended } = await readPlayed(page);
      assert.deepEqual(errors, []);
      return ended;
    });
    const { decodedFrames } = await readPlayed(page);
    // A player may decode a frame once more where segments meet.
    assert.ok(decodedFrames >= SECONDS * FPS && decodedFrames < (SECONDS + 1) * FPS, `${decodedFrames} frames`);
  });

  test('the watch page plays live and the past, and says so where the keys are of a DRM system only', async () => {
    await using visitor = await openVisitor(browser, { width: 1000, height: 700 });
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    const { fromMs } = await newestStretch(server, SECONDS);
    await page.goto(`${server.url}/watch/demo`);
    await framesPlayed(page, 'live', 2 * FPS);
    await page.goto(`${server.url}/watch/demo?t=${fromMs + 1000}`);
    // Over a change of the key.
    await framesPlayed(page, 'the past', 11 * FPS);
    assert.deepEqual(faults, []);

    await using keys = await openKeyServer();
    await using own = await openFolder('drm-only');
    await using closed = await startServer({
      data: `${own.path}/data`,
      args: [...args, '--encryption-key-server-url', keys.url],
    });
    await newestStretch(closed, 3);
    await page.goto(`${closed.url}/watch/demo`);
    await page.getByText('this player does not have its DRM system').waitFor();
  });

  fullTest('the page of a video plays it', async () => {
    await using own = await openFolder('drm-film');
    const [film] = await writeFilms(`${own.path}/data`, { visibility: 'public', seconds: 6, rungs: ['90'] });
    await using library = await startServer({
      data: `${own.path}/data`,
      args: ['--encryption-assets', 'cbcs', '--encryption-key-every', '1'],
      sample: false,
    });
    await using visitor = await openVisitor(browser, { width: 1000, height: 700 });
    const page = await visitor.newPage();
    await page.goto(`${library.url}/library/${film}`);
    const { list, path } = await readFirstVariant(library, `/assets/${film}/index.m3u8`);
    const { sessionKeys } = await readMultivariant(library, `/assets/${film}/index.m3u8`);
    const uriOf = (uri: string | undefined, from: string) => resolvePath(uri!, from);
    assert.equal(uriOf(sessionKeys?.[0]?.uri, path), uriOf(list.segments[0]!.key?.uri, path), 'the first key');
    await page.locator('.player .start').click();
    await until('the film has played', () =>
      page.locator('video').evaluate((video: HTMLVideoElement) => video.ended && video.videoWidth > 0),
    );
  });
});

/** The visible picture of a page of oxbow moves by some frames. */
async function framesPlayed(page: Page, what: string, count: number): Promise<void> {
  const frames = () =>
    page.evaluate(() =>
      Math.max(0, ...[...document.querySelectorAll('video')].map((v) => v.getVideoPlaybackQuality().totalVideoFrames)),
    );
  await until(`${what} plays`, async () => (await frames()) > count);
}
