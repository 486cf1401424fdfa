import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { writeFilms } from '../fixtures/library/films.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { readPicture } from './picture.ts';
import {
  nativeHls,
  type Played,
  type PlayerName,
  type PlayerPage,
  readPlayed,
  seekPlayer,
  servePlayers,
  startPlayer,
} from './player-page.ts';
import { newestStretch, type Stretch, startSample } from './stretch.ts';

/**
 * Longest time without progress, generous for a busy machine; the stand-still that docs/media.md 8 is about
 * lasts 5 s.
 */
const MAX_STAND_MS = 3_500;
/**
 * Errors of hls.js that are not faults: how it begins at the live edge, that it aborted its own request
 * because of a seek, and a stall, whose length is checked instead (`MAX_STAND_MS`).
 */
const OWN_WAYS = /^(bufferSeekOverHole false .* seeking from 0 to|aborted false|bufferStalledError false)/;
/**
 * On a machine that was suspended for a moment hls.js may skip one part: seen once, 0.3 s long. A fault of
 * the playlist shows at every boundary, of which there are four; test/conformance checks that no playlist has
 * a hole.
 */
const STEPPED_OVER = /^bufferSeekOverHole false .* seeking from ([\d.]+) to ([\d.]+)/;
const MAX_STEP_S = 0.5;
/**
 * Chromium's own player requests bytes after the end of a live playlist; it gets 416, and continues. It
 * reports both as errors of the page.
 */
const ASKED_FOR_MORE = /^(response: \S+\.m3u8 416|console: .* 416 )/;
/** Maximum number of attempts of a player. */
const TRIES = 3;
/** Duration of live playback. */
const LIVE_S = 6;
/** Length of the film, seconds. */
const FILM_S = 4;
/** Seconds of the past that are played on each side of the restart. */
const SIDE_S = 4;
/** The player is 320 pixels wide. */
const small = { width: 480, height: 360 } as const;

/** The errors without the first short skip over a hole. */
function withoutOneStep(errors: readonly string[]): string[] {
  const step = errors.findIndex((error) => {
    const [, from, to] = STEPPED_OVER.exec(error) ?? [];
    return from !== undefined && Number(to) - Number(from) < MAX_STEP_S;
  });
  return errors.filter((_, i) => i !== step);
}

suite('players of the world, in a browser', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let players: PlayerPage;
  let names: readonly PlayerName[];
  /** An asset of `FILM_S`. */
  let film: string;
  /** The two stretches of media, before and after the restart. */
  let first: Stretch;
  let second: Stretch;

  before(async () => {
    folder = await openFolder('players');
    const data = `${folder.path}/data`;
    players = await servePlayers();
    browser = await openBrowser();
    await using visitor = await openVisitor(browser, small);
    const says = await nativeHls(await visitor.newPage());
    names = says === '' ? ['hls.js', 'shaka-player'] : ['hls.js', 'shaka-player', 'native'];
    server = await startSample(data);
    const { toMs } = await newestStretch(server, 6);
    await server.stop();
    [film] = (await writeFilms(data, { visibility: 'public', seconds: FILM_S, rungs: ['90'] })) as [string];
    server = await startSample(data);
    // hls.js alone needs more than a playlist of one short segment: it has to be as long as a hold-back.
    await until('the second stretch is long enough', async () => (await newestStretch(server, 7)).fromMs > toMs);
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await players?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  type Look = (page: Page, player: PlayerName) => Promise<void>;

  /** Plays an address with every player at once, each on its own page, and expects no faults. */
  async function playAll(t: TestContext, path: string, look: Look): Promise<void> {
    const all = names.map((player) => playAgain(t, player, path, look));
    const failed = (await Promise.allSettled(all)).filter((one) => one.status === 'rejected');
    assert.deepEqual(
      failed.map(({ reason }) => String(reason)),
      [],
    );
  }

  /**
   * A fault of oxbow shows each time; a player on a machine that was suspended for a moment, or whose
   * playlist changed because the test picture was delayed, succeeds in a later attempt.
   */
  async function playAgain(...[t, player, path, look, options]: Parameters<typeof playWith>): Promise<void> {
    for (let left = TRIES - 1; ; left--) {
      try {
        return await playWith(t, player, path, look, options);
      } catch (error) {
        if (left === 0) throw error;
        t.diagnostic(`${player} is tried again: ${error}`);
      }
    }
  }

  async function playWith(
    t: TestContext,
    player: PlayerName,
    path: string,
    look: Look,
    { lowLatency = false } = {},
  ): Promise<void> {
    await using visitor = await openVisitor(browser, small);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(players.url);
    await startPlayer(page, player, `${server.url}${path}`, lowLatency);
    await look(page, player).catch(async (error: unknown) => {
      throw new Error(`${error}, ${JSON.stringify(await readPlayed(page))}, ${faults.join()}`);
    });
    const played = await readPlayed(page);
    t.diagnostic(`${player}: ${JSON.stringify(played)}`);
    const errors = withoutOneStep(played.errors.filter((error) => !OWN_WAYS.test(error)));
    const found = faults.filter((fault) => player !== 'native' || !ASKED_FOR_MORE.test(fault));
    assert.deepEqual([...errors, ...found], [], player);
    assert.ok(played.longestStandMs < MAX_STAND_MS, `${player} stood still for ${played.longestStandMs} ms`);
  }

  test('if Chromium plays HLS natively, it is one of the players', (t) => {
    t.diagnostic(names.includes('native') ? 'it does' : 'it does not: its own player is not tried here');
    assert.ok(names.length >= 2);
  });

  test('live: low latency in hls.js and shaka-player, no error, no stand-still', async (t) => {
    const look = async (page: Page, player: PlayerName) => {
      const begun = await until(`${player} shows a picture`, () => readPicture(page));
      const shown = await until(
        `${player} plays on`,
        async () => {
          const now = await readPicture(page);
          return now && now.currentTime >= begun.currentTime + LIVE_S && now;
        },
        { everyMs: 100, withinMs: (LIVE_S + 60) * 1000 },
      );
      const behindMs = Date.now() - shown.utcMs;
      t.diagnostic(`${player} is ${behindMs} ms behind`);
      assert.ok(behindMs > 0 && behindMs < (player === 'native' ? 20_000 : 8_000), `${player}: ${behindMs} ms behind`);
      assert.ok(shown.utcMs - begun.utcMs > (LIVE_S - 3) * 1000, `${player}: the pictures advance with time`);
    };
    // One after the other: three decoders and the encoder are too much for two cores.
    for (const player of names) {
      await playAgain(t, player, '/live/demo/index.m3u8', look, { lowLatency: true });
    }
  });

  test('past: a window over a restart plays to its end', async (t) => {
    second = await newestStretch(server, 5);
    const before = (await server.timeline('demo')).spans.findLast(({ to }) => Date.parse(to) < second.fromMs)!;
    first = { fromMs: Date.parse(before.from), toMs: Date.parse(before.to) };
    const [holeMs, backMs] = [first.toMs, second.fromMs];
    const [from, to] = [Math.floor(holeMs / 1000) - SIDE_S, Math.ceil(backMs / 1000) + SIDE_S];
    const look = async (page: Page, player: PlayerName) => {
      const seen: number[] = [];
      const over = async (): Promise<Played | undefined> => {
        const utcMs = (await readPicture(page))?.utcMs;
        if (utcMs !== undefined && utcMs !== seen.at(-1)) seen.push(utcMs);
        const played = await readPlayed(page);
        return played.ended ? played : undefined;
      };
      await until(`${player} reaches the end`, over);
      assert.ok(seen[0]! < holeMs && seen.at(-1)! > backMs, `${player} showed ${seen[0]} to ${seen.at(-1)}`);
      assert.deepEqual(
        seen.filter((utcMs) => utcMs > holeMs + 40 && utcMs < backMs - 40),
        [],
        `${player} showed nothing out of the hole`,
      );
      const sorted = seen.toSorted((a, b) => a - b);
      assert.deepEqual(seen, sorted, `${player}: time never runs backwards`);
    };
    await until('the window is complete', async () => {
      const list = Buffer.from(await server.bytes(`/vod/demo/${from}/${to}/av0.m3u8`)).toString();
      return list.includes('#EXT-X-ENDLIST');
    });
    await playAll(t, `/vod/demo/${from}/${to}/index.m3u8`, look);
  });

  test('past, DASH: Shaka Player plays a window, seeks over the run boundary and back, and shows the UTC of the manifest', async (t) => {
    const [from, to] = [Math.floor(first.toMs / 1000) - SIDE_S, Math.ceil(second.fromMs / 1000) + SIDE_S];
    const path = `/vod/demo/${from}/${to}/index.mpd`;
    const manifest = await until('the window is complete', async () => {
      const text = Buffer.from(await server.bytes(path)).toString();
      return text.includes('type="static"') && text;
    });
    const originMs = Date.parse(/availabilityStartTime="([^"]+)"/.exec(manifest)![1]!);
    assert.equal(manifest.match(/<Period /g)?.length, 2);
    const look = async (page: Page) => {
      const showsUtc = async (what: string, isIt: (utcMs: number) => boolean) => {
        const look = async () => {
          const now = await readPicture(page);
          return now && isIt(now.utcMs) && now;
        };
        const shown = await until(what, look, { everyMs: 100 });
        const offMs = originMs + shown.currentTime * 1000 - shown.utcMs;
        assert.ok(Math.abs(offMs) < 150, `${what}: the manifest's UTC is ${offMs} ms off`);
      };
      await showsUtc('it plays the first run', (utcMs) => utcMs < first.toMs);
      await seekPlayer(page, (second.fromMs - originMs) / 1000 + 1);
      await showsUtc('it shows the second run', (utcMs) => utcMs > second.fromMs);
      await seekPlayer(page, (first.toMs - originMs) / 1000 - 3);
      await showsUtc('it shows the first run again', (utcMs) => utcMs < first.toMs);
      await showsUtc('it plays over the hole', (utcMs) => utcMs > second.fromMs);
      await until('it reaches the end', async () => (await readPlayed(page)).ended, { everyMs: 100 });
    };
    await playAgain(t, 'shaka-player', path, look);
  });

  test('an asset plays to its end in every player, as HLS and as DASH', async (t) => {
    const look = async (page: Page, player: PlayerName) => {
      await until(`${player} reaches the end`, async () => (await readPlayed(page)).ended, { everyMs: 100 });
      const { currentTime, decodedFrames } = await readPlayed(page);
      assert.ok(Math.abs(currentTime - FILM_S) < 0.2, `${player} ended at ${currentTime}`);
      assert.ok(decodedFrames > FILM_S * 17, `${player} decoded ${decodedFrames} frames`);
    };
    await playAll(t, `/assets/${film}/index.m3u8`, look);
    await playAgain(t, 'shaka-player', `/assets/${film}/index.mpd`, look);
  });

  test('a long live playlist: every player seeks back before the restart, where the short playlist ends', async (t) => {
    const look = async (page: Page, player: PlayerName) => {
      const live = await until(`${player} plays live`, () => readPicture(page));
      assert.ok(live.utcMs > second.fromMs - 40, `${player} begins at ${live.utcMs}`);
      const { seekableFrom } = await readPlayed(page);
      if (player === 'native' && Number.isNaN(seekableFrom)) {
        t.diagnostic('this Chromium offers no way back in a live list: it plays live only');
        await until('native continues', async () => (await readPicture(page))!.utcMs > live.utcMs + 1_000);
        return;
      }
      await seekPlayer(page, seekableFrom + 2);
      const back = await until(`${player} shows what was before the restart`, async () => {
        const shown = await readPicture(page);
        if (shown && shown.utcMs > first.toMs) throw new Error(`it shows ${shown.utcMs}, not before ${first.toMs}`);
        return shown;
      });
      await until(`${player} continues there`, async () => {
        const shown = await readPicture(page);
        return shown && shown.utcMs > back.utcMs + 1_000;
      });
    };
    await playAll(t, '/live/demo/dvr-1h/index.m3u8', look);
  });
});
