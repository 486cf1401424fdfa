import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Browser, Page, Request } from 'playwright-core';
import type { ViewingSession } from '../../src/api/insight/insight-shapes.ts';
import { writeFilms } from '../fixtures/library/films.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest, perTier } from '../full.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { type PlayerName, type PlayerPage, servePlayers, startPlayer } from './player-page.ts';

/** Playback continues within this, ms: otherwise the player has given up. */
const ON_WITHIN_MS = 30_000;
/** Length of the film, seconds. */
const FILM_S = 60;
/** Sessions of each player, and of oxbow's own; the last one fails at its end. */
const SESSIONS = perTier({ first: 2, full: 10 });
/** Of them at once. */
const AT_A_TIME = 3;
/** Stalls that are made in a session, at most. */
const MOST_STALLS = perTier({ first: 2, full: 3 });
/** Sessions that a player may give up. */
const TRIES = 4;
/** The first media of a session is held for this time, ms: its start-up time is longer. */
const HELD_MS = 600;
/** A time that is reported differs from the one that the page measures by at most so many seconds. */
const NEAR_S = 0.75;
/** Or a start-up time by this share: on a slow machine a player begins later to count. */
const NEAR_SHARE = 0.25;
/** Waiting this long after a seek is a stall of a live stream, ms; with some reserve. */
const SETTLING_MS = 2500;
/** Media requests after which a page waits: oxbow's player would load the whole film. */
const AT_ONCE = 5;
const MEDIA = /\.(?:m4s|mp4|ts)(?:\?|$)/;
/** A picture is still if it is the same in so many looks, so far apart in ms. */
const STILL_LOOKS = 3;
const STILL_MS = 200;
const small = { width: 480, height: 360 } as const;
const adminToken = 'let-me-in-please';

/** Players that report events of CMCD version 2 themselves. */
const players = ['hls.js', 'shaka-player', 'dash.js'] as const;

/** What was made in a session, as its page saw it. */
interface Made {
  readonly stalls: number;
  /** Times without progress: on a busy machine a player also stalls by itself. */
  readonly pauses: number;
  /** Seconds without progress. */
  readonly stoodS: number;
  readonly startupS: number;
  readonly hasFailed: boolean;
}

/** Settings of a player: reports to oxbow, and little media in front, so that a stall comes soon. */
function settingsOf(
  player: PlayerName,
  { url, session, content }: { url: string; session: string; content: string },
): object {
  const events = ['ps', 'e', 't'];
  if (player === 'hls.js') {
    const eventTargets = [{ url, events, interval: 5 }];
    // By default it tries for a minute before it gives up.
    const errorRetry = { maxNumRetry: 1, retryDelayMs: 100, maxRetryDelayMs: 100 };
    const loading = { maxTimeToFirstByteMs: 60_000, maxLoadTimeMs: 60_000, timeoutRetry: null, errorRetry };
    return {
      fragLoadPolicy: { default: loading },
      // It reports a stall this long after it began; without the setting after 1.25 s.
      detectStallWithCurrentTimeMs: 250,
      maxBufferLength: 2,
      maxMaxBufferLength: 2,
      cmcd: { version: 2, sessionId: session, contentId: content, eventTargets },
    };
  }
  if (player.startsWith('shaka-player')) {
    const target = {
      mode: 'event',
      enabled: true,
      url,
      events,
      interval: 5,
      version: 2,
      includeKeys: [],
      useHeaders: false,
    };
    return {
      streaming: { bufferingGoal: 2, rebufferingGoal: 0.5 },
      cmcd: { enabled: true, version: 2, sessionId: session, contentId: content, eventTargets: [target] },
    };
  }
  const enabledKeys = ['br', 'bl', 'cid', 'e', 'ec', 'ltc', 'msd', 'pr', 'pt', 'sf', 'sid', 'st', 'sta', 'ts', 'v'];
  const eventTargets = [{ enabled: true, url, events, interval: 5, batchSize: 1, enabledKeys }];
  return {
    streaming: {
      buffer: {
        bufferTimeDefault: 2,
        bufferTimeAtTopQuality: 2,
        bufferTimeAtTopQualityLongForm: 2,
        initialBufferLevel: 1,
      },
      cmcd: { enabled: true, version: 2, sid: session, cid: content, mode: 'query', eventTargets },
    },
  };
}

/** The lines of docs/9-run/insight.md: the events of Shaka Player 5.2 have no state. */
async function reportStates(
  page: Page,
  url: string,
  { session, content }: { session: string; content: string },
): Promise<void> {
  await page.waitForFunction(() => 'shown' in window);
  await page.evaluate(
    ([url, session, content]) => {
      const { shown: player } = window as unknown as { shown: EventTarget };
      const video = document.querySelector('video')!;
      const report = (state: string) =>
        fetch(url!, {
          method: 'POST',
          keepalive: true,
          body: `cid="${content}",e=ps,pt=${Math.round(video.currentTime * 1000)},sid="${session}",sta=${state},ts=${Date.now()},v=2`,
        });
      player.addEventListener('buffering', (event) =>
        report((event as Event & { buffering: boolean }).buffering ? 'r' : 'p'),
      );
      video.addEventListener('playing', () => report('p'));
      video.addEventListener('pause', () => report('a'));
      video.addEventListener('seeking', () => report('k'));
      video.addEventListener('ended', () => report('e'));
      report(video.paused ? 'a' : 'p');
    },
    [url, session, content],
  );
}

/** The lines of docs/9-run/insight.md: reports of hls.js 1.7 see an error before it is known to be fatal. */
async function reportFailures(
  page: Page,
  url: string,
  { session, content }: { session: string; content: string },
): Promise<void> {
  await page.waitForFunction(() => 'shown' in window);
  await page.evaluate(
    ([url, session, content]) => {
      const { shown: hls } = window as unknown as {
        shown: { on(type: string, listener: (_: unknown, error: { fatal: boolean; details: string }) => void): void };
      };
      hls.on('hlsError', (_, { fatal, details }) => {
        const body = `cid="${content}",e=e,ec=("${details}"),sid="${session}",sta=f,ts=${Date.now()},v=2`;
        if (fatal) void fetch(url!, { method: 'POST', keepalive: true, body });
      });
    },
    [url, session, content],
  );
}

/** Measures in a page of oxbow, from the request to play, what its player should report. */
function measure(): void {
  const measured = { startupS: Number.NaN, stoodS: 0, pauses: 0 };
  Object.assign(window, { measured });
  let requestedMs: number | undefined;
  let last = { atS: 0, ms: 0, stoodS: 0, pauses: 0 };
  document.addEventListener('play', () => (requestedMs ??= performance.now()), true);
  const start = () => {
    if (Number.isNaN(measured.startupS)) measured.startupS = (performance.now() - requestedMs!) / 1000;
  };
  document.addEventListener('playing', start, true);
  setInterval(() => {
    const video = document.querySelector('video');
    if (!video || Number.isNaN(measured.startupS)) return;
    const ms = performance.now();
    const standsS = (ms - last.ms) / 1000;
    const isStill = video.currentTime === last.atS && !video.paused;
    const hasStood = last.ms > 0 && standsS > 0.25;
    measured.stoodS = last.stoodS + (hasStood ? standsS : 0);
    measured.pauses = last.pauses + (hasStood ? 1 : 0);
    if (!isStill) last = { atS: video.currentTime, ms, stoodS: measured.stoodS, pauses: measured.pauses };
  }, 25);
}

suite('insight with players in a browser', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let pages: PlayerPage;
  let film: string;

  const start = () => startPlainServer({ data: `${folder.path}/data`, args: [], adminToken, sample: false });

  before(async () => {
    folder = await openFolder('insight-browser');
    pages = await servePlayers();
    browser = await openBrowser();
    [film] = (await writeFilms(`${folder.path}/data`, { visibility: 'public', seconds: FILM_S, rungs: ['90'] })) as [
      string,
    ];
    server = await start();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await pages?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Every session that is stored; those in memory are stored by the end of the server. */
  async function stored(): Promise<ViewingSession[]> {
    await server[Symbol.asyncDispose]();
    server = await start();
    return (await server.json<{ readonly items: ViewingSession[] }>(`/api/v1/insight/sessions?asset=${film}&limit=500`))
      .items;
  }

  /** Holds media requests of a page while the gate is closed, and beyond the first few until it is opened. */
  async function openGate(page: Page, atOnce = Number.POSITIVE_INFINITY) {
    let closed: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
    let left = atOnce;
    let isBroken = false;
    let held = 0;
    const close = () => {
      closed ??= Promise.withResolvers();
    };
    await page.route(MEDIA, async (route) => {
      if (isBroken) return await route.fulfill({ status: 404, body: '' }).catch(() => {});
      if (left-- <= 0) close();
      held++;
      await closed?.promise;
      held--;
      await route.continue().catch(() => {}); // the player has given it up
    });
    return {
      close,
      get isHolding() {
        return held > 0;
      },
      open() {
        left = atOnce;
        closed?.resolve();
        closed = undefined;
      },
      /** There is no media from now on. */
      break() {
        isBroken = true;
        this.open();
      },
    };
  }

  const timeOf = (page: Page) =>
    page.evaluate(() => {
      const videos = [...document.querySelectorAll('video')];
      return Math.max(...videos.map(({ currentTime }) => currentTime));
    });
  /** The picture does not move. Players show that in different ways: Shaka Player sets the speed to 0. */
  async function isStill(page: Page, name: string): Promise<void> {
    let last = -1;
    let looks = 0;
    const look = async () => {
      const now = await timeOf(page);
      looks = now === last ? looks + 1 : 0;
      last = now;
      return looks >= STILL_LOOKS;
    };
    await until(`${name} has no media left`, look, { everyMs: STILL_MS });
  }

  async function playsOn(page: Page, name: string): Promise<void> {
    const from = await timeOf(page);
    await until(`${name} plays on after ${from} s`, async () => (await timeOf(page)) > from + 1, {
      withinMs: ON_WITHIN_MS,
    });
  }

  type Gate = Awaited<ReturnType<typeof openGate>>;

  /** Holds the first media for a while, then makes stalls, one after the other, and an error at the end. */
  async function makeFaults(page: Page, gate: Gate, name: string, count: number, fails: boolean): Promise<void> {
    await until(`${name} requests media`, () => gate.isHolding);
    const heldAt = await page.evaluate(() => performance.now());
    await page.waitForFunction((at) => performance.now() > at, heldAt + HELD_MS);
    gate.open();
    await until(`${name} plays`, async () => (await timeOf(page)) > 1);
    for (let i = 0; i < count; i++) {
      gate.close();
      await isStill(page, name);
      gate.open();
      await playsOn(page, name);
    }
    if (!fails) return;
    const isReported = page.waitForRequest((request) => /\b(?:e=e|sta=f)\b/.test(request.postData() ?? ''));
    gate.break();
    await isReported;
  }

  /**
   * Follows the reports of a page. The function that it returns waits, after the player was paused, until all
   * are answered: those of a page that closes are lost, and its session keeps its last state.
   */
  function followReports(page: Page) {
    const open = new Set<Request>();
    page.on('request', (request) => {
      if (request.url().endsWith('/api/v1/cmcd')) open.add(request);
    });
    page.on('requestfinished', (request) => open.delete(request));
    page.on('requestfailed', (request) => open.delete(request));
    return async () => {
      let looks = 0;
      const isQuiet = () => {
        looks = open.size === 0 ? looks + 1 : 0;
        return looks >= STILL_LOOKS;
      };
      await until('all reports are answered', isQuiet, { everyMs: STILL_MS });
    };
  }

  /** Compares each session that was played to its end. @param made by the id that the player chose */
  async function compare(t: TestContext, made: ReadonlyMap<string, Made>): Promise<void> {
    const sessions = new Map((await stored()).map((session) => [session.id, session]));
    for (const [sid, session] of made) {
      const reported = sessions.get(hash('sha256', `${film} ${sid}`, 'base64url').slice(0, 16));
      assert.ok(reported, `${sid} is stored`);
      const { stalls, stalled, startup, watched, errors, failed } = reported;
      const texts = [
        `${session.stalls} stalls made, ${session.pauses} seen (${session.stoodS.toFixed(2)} s), ${stalls} reported (${stalled} s)`,
        `started in ${session.startupS.toFixed(2)} s, reported ${startup} s`,
        `watched ${watched} s, ${errors} errors`,
      ];
      const text = `${sid}: ${texts.join('; ')}`;
      t.diagnostic(text);
      const most = Math.max(session.stalls, session.pauses);
      assert.ok(stalls >= session.stalls - 1 && stalls <= most + 1, text);
      assert.ok(Math.abs(session.stoodS - stalled) <= NEAR_S * (1 + most), text);
      const nearS = Math.max(NEAR_S, NEAR_SHARE * session.startupS);
      assert.ok(startup !== null && Math.abs(startup - session.startupS) <= nearS, text);
      assert.ok(watched > 0.5, text);
      assert.equal(errors > 0 || failed, session.hasFailed, text);
    }
  }

  /** Plays sessions until enough have played to their end: a player may give up on a busy machine. */
  async function playAll(
    t: TestContext,
    play: (number: number, fails: boolean) => Promise<readonly [sid: string, made: Made]>,
  ): Promise<ReadonlyMap<string, Made>> {
    const made = new Map<string, Made>();
    const numbers = Array.from({ length: SESSIONS }, (_, number) => number);
    let tries = TRIES;
    const playTurns = async () => {
      for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
        try {
          made.set(...(await play(number, number % SESSIONS === SESSIONS - 1)));
        } catch (error) {
          if (tries-- === 0) throw error;
          t.diagnostic(`another session: ${String(error).split('\n', 1)[0]}`);
          numbers.push(number + SESSIONS);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, playTurns));
    return made;
  }

  for (const player of firstOf(1, players)) {
    test(`${player} reports its start, the stalls that are made, give or take one, and failures`, async (t) => {
      const made = await playAll(t, async (number, fails) => {
        await using visitor = await openVisitor(browser, small);
        const page = await visitor.newPage();
        await page.goto(pages.url);
        const session = `${player}-${number}`;
        const gate = await openGate(page);
        const areAnswered = followReports(page);
        const target = { url: `${server.url}/api/v1/cmcd`, session, content: `asset:${film}` };
        const file = player === 'dash.js' ? 'index.mpd' : 'index.m3u8';
        // Half of the sessions have the version of Shaka Player that needs no further lines.
        const version = player === 'shaka-player' && number % 2 === 1 ? 'shaka-player.debug' : player;
        const settings = settingsOf(player, target);
        const starts = startPlayer(page, version, `${server.url}/assets/${film}/${file}`, false, settings);
        if (version === 'hls.js') await reportFailures(page, target.url, target);
        if (version === 'shaka-player') await reportStates(page, target.url, target);
        const stalls = 1 + (number % MOST_STALLS);
        await Promise.all([starts, makeFaults(page, gate, session, stalls, fails)]);
        // At once: a still picture after that is no stall.
        const { startupS, stoodS, pauses } = await page.evaluate(() => {
          document.querySelector('video')!.pause();
          return (window as unknown as { played(): Made }).played();
        });
        await areAnswered();
        return [session, { stalls, pauses, startupS, stoodS, hasFailed: fails }];
      });
      await compare(t, made);
    });
  }

  test("oxbow's own player reports its start, the stalls that are made, its failure, and the retention of the video", async (t) => {
    const made = await playAll(t, async (number, fails) => {
      await using visitor = await openVisitor(browser);
      await visitor.addInitScript(measure);
      const page = await visitor.newPage();
      let sid = '';
      page.on('request', (request) => {
        if (request.url().endsWith('/api/v1/cmcd')) sid = /sid="([\w-]+)"/.exec(request.postData() ?? '')?.[1] ?? sid;
      });
      const gate = await openGate(page, AT_ONCE);
      const areAnswered = followReports(page);
      await page.goto(`${server.url}/library/${film}`);
      await page.getByRole('button', { name: 'Play' }).first().click();
      const stalls = 1 + (number % MOST_STALLS);
      await makeFaults(page, gate, 'the player', stalls, fails);
      const { startupS, stoodS, pauses } = await page.evaluate(() => {
        document.querySelector('video')!.pause();
        return (window as unknown as { measured: Made }).measured;
      });
      await areAnswered();
      return [sid, { stalls, pauses, startupS, stoodS, hasFailed: fails }];
    });
    await compare(t, made);
    const { sessions, points } = await server.json<{ sessions: number; points: { share: number }[] }>(
      `/api/v1/insight/retention?asset=${film}`,
    );
    assert.ok(sessions >= SESSIONS && points[0]!.share > 0, JSON.stringify(points.slice(0, 3)));
  });

  fullTest("oxbow's own player reports the stalls that are made of a live stream", async (t) => {
    const body = JSON.stringify({ name: 'door', source: { type: 'test' }, visibility: 'public' });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    assert.equal((await server.fetch('/api/v1/streams', init)).status, 201);
    await server.stream('door', 'live');
    await using visitor = await openVisitor(browser);
    await visitor.addInitScript(measure);
    const page = await visitor.newPage();
    const gate = await openGate(page);
    gate.open();
    await page.goto(`${server.url}/watch/door`);
    await until('it plays', async () => (await timeOf(page)) > 1);
    for (let stall = 0; stall < MOST_STALLS; stall++) {
      // Waiting within 1.5 s of a seek, or of a stall, is no other stall.
      const settledAt = (await page.evaluate(() => performance.now())) + SETTLING_MS;
      await page.waitForFunction((at) => performance.now() > at, settledAt);
      gate.close();
      await isStill(page, 'the player');
      gate.open();
      await playsOn(page, 'the player');
    }
    await page.goto('about:blank');
    await until('the goodbye', async () => {
      const { viewers } = await server.json<{ readonly viewers: number }>('/api/v1/insight/now?stream=door');
      return viewers === 0;
    });
    await server[Symbol.asyncDispose]();
    server = await start();
    const { items } = await server.json<{ items: ViewingSession[] }>('/api/v1/insight/sessions?stream=door');
    const [{ stalls, stalled, startup, errors } = { stalls: Number.NaN, stalled: 0, startup: null, errors: 0 }] = items;
    t.diagnostic(
      `${MOST_STALLS} stalls made, ${stalls} reported (${stalled} s), started in ${startup} s, ${errors} errors`,
    );
    assert.equal(items.length, 1);
    assert.ok(Math.abs(stalls - MOST_STALLS) <= 1 && stalled > 0 && startup !== null && errors === 0);
  });
});
