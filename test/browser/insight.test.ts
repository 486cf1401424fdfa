import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { ViewingSession } from '../../src/api/insight/insight-shapes.ts';
import { writeFilms } from '../fixtures/library/films.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { perTier } from '../full.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { type PlayerName, type PlayerPage, servePlayers, startPlayer } from './player-page.ts';

/** Playback continues within this, ms: otherwise the player has given up. */
const ON_WITHIN_MS = 30_000;
/** Length of the film, seconds. */
const FILM_S = 60;
/** Sessions of each player, and of oxbow's own. */
const SESSIONS = perTier({ first: 1, full: 4 });
/** Stalls that are made in a session, at most. */
const MOST_STALLS = perTier({ first: 2, full: 3 });
/** Sessions that a player may give up. */
const TRIES = 3;
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

/** Settings of a player: reports to oxbow, and little media in front, so that a stall comes soon. */
function settingsOf(
  player: PlayerName,
  { url, session, content }: { url: string; session: string; content: string },
): object {
  const events = ['ps', 'e', 't'];
  if (player === 'hls.js') {
    const eventTargets = [{ url, events, interval: 5 }];
    return {
      maxBufferLength: 2,
      maxMaxBufferLength: 2,
      cmcd: { version: 2, sessionId: session, contentId: content, eventTargets },
    };
  }
  if (player === 'shaka-player') {
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
  async function openGate(page: Page, atOnce: number) {
    let closed: PromiseWithResolvers<void> | undefined;
    let left = atOnce;
    const close = () => {
      closed ??= Promise.withResolvers();
    };
    await page.route(MEDIA, async (route) => {
      if (left-- <= 0) close();
      await closed?.promise;
      await route.continue().catch(() => {}); // the player has given it up
    });
    return {
      close,
      open() {
        left = atOnce;
        closed?.resolve();
        closed = undefined;
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

  /** Makes stalls, one after the other. Returns how many. */
  async function makeStalls(
    page: Page,
    name: string,
    count: number,
    atOnce = Number.POSITIVE_INFINITY,
  ): Promise<number> {
    const gate = await openGate(page, atOnce);
    await until(`${name} plays`, async () => (await timeOf(page)) > 1);
    for (let i = 0; i < count; i++) {
      gate.close();
      await isStill(page, name);
      gate.open();
      await playsOn(page, name);
    }
    return count;
  }

  /** Compares each session that was played to its end. @param made stalls by the id that the player chose */
  async function compare(t: TestContext, made: ReadonlyMap<string, number>): Promise<void> {
    const sessions = new Map((await stored()).map((session) => [session.id, session]));
    for (const [sid, count] of made) {
      const session = sessions.get(hash('sha256', `${film} ${sid}`, 'base64url').slice(0, 16));
      assert.ok(session, `${sid} is stored`);
      const { stalls, stalled, startup, watched } = session;
      t.diagnostic(
        `${sid}: ${count} made, ${stalls} reported (${stalled} s), started in ${startup} s, watched ${watched} s`,
      );
      assert.ok(Math.abs(count - stalls) <= 1, `${sid}: ${count} stalls were made, ${stalls} were reported`);
      assert.ok(watched > 0.5, `${sid} watched ${watched} s`);
      assert.ok(startup !== null && startup < 60, `${sid} started in ${startup} s`);
    }
  }

  /** Plays sessions until enough have played to their end: a player may give up on a busy machine. */
  async function playAll(
    t: TestContext,
    play: (number: number) => Promise<readonly [sid: string, stalls: number]>,
  ): Promise<ReadonlyMap<string, number>> {
    const made = new Map<string, number>();
    for (let number = 0; made.size < SESSIONS; number++) {
      try {
        made.set(...(await play(number)));
      } catch (error) {
        if (number >= SESSIONS + TRIES) throw error;
        t.diagnostic(`another session: ${String(error).split('\n', 1)[0]}`);
      }
    }
    return made;
  }

  for (const player of players) {
    test(`${player} reports as many stalls as are made, give or take one`, async (t) => {
      const made = await playAll(t, async (number) => {
        await using visitor = await openVisitor(browser, small);
        const page = await visitor.newPage();
        await page.goto(pages.url);
        const session = `${player}-${number}`;
        const target = { url: `${server.url}/api/v1/cmcd`, session, content: `asset:${film}` };
        const file = player === 'dash.js' ? 'index.mpd' : 'index.m3u8';
        await startPlayer(page, player, `${server.url}/assets/${film}/${file}`, false, settingsOf(player, target));
        if (player === 'shaka-player') await reportStates(page, target.url, target);
        const count = await makeStalls(page, session, 1 + (number % MOST_STALLS));
        await page.evaluate(() => document.querySelector('video')!.pause());
        return [session, count];
      });
      await compare(t, made);
    });
  }

  test("oxbow's own player reports as many stalls as are made, and the retention of the video", async (t) => {
    const made = await playAll(t, async (number) => {
      await using visitor = await openVisitor(browser);
      const page = await visitor.newPage();
      let sid = '';
      page.on('request', (request) => {
        if (request.url().endsWith('/api/v1/cmcd')) sid = /sid="([\w-]+)"/.exec(request.postData() ?? '')?.[1] ?? sid;
      });
      await page.goto(`${server.url}/library/${film}`);
      await page.getByRole('button', { name: 'Play' }).first().click();
      await page.locator('video').waitFor({ state: 'attached' });
      const count = await makeStalls(page, 'the player', 1 + (number % MOST_STALLS), AT_ONCE);
      await page.evaluate(() => document.querySelector('video')!.pause());
      return [sid, count];
    });
    await compare(t, made);
    const { sessions, points } = await server.json<{ sessions: number; points: { share: number }[] }>(
      `/api/v1/insight/retention?asset=${film}`,
    );
    assert.ok(sessions >= SESSIONS && points[0]!.share > 0, JSON.stringify(points.slice(0, 3)));
  });
});
