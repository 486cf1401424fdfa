import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { openBrowser } from './chromium.ts';
import { lookAt } from './frames.ts';
import { type LateProxy, openLateProxy } from './late-proxy.ts';
import { measureAlone } from './measure-alone.ts';
import {
  createStepRoom,
  distances,
  figuresOf,
  freeze,
  inStep,
  joinRoom,
  type StepRoom,
  standStill,
} from './room-step.ts';

/** The promise is 30 ms; a busy machine draws frames late. `npm run bench -- room-step` has the figure. */
const NEAR_MS = 100;
const NEAR_WITH_JITTER_MS = 250;
/** The promise is 2.5 s. */
const JOIN_MS = 10_000;
/** A room settles for this long after a command, ms. */
const SETTLES_MS = 2_000;
const FRAME_MS = 40;
const DAY_MS = 86_400_000;
const TRIES = 3;

suite('two pages in a room', { skip: need('chromium') || need('ffmpeg') }, () => {
  let measuring: Disposable;
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let proxy: LateProxy;
  let room: StepRoom;
  let pages: readonly [Page, Page];
  /** The recording begins here, ms since 1970. */
  let liveMs: number;
  const start = (http?: string) =>
    startServer({
      data: join(folder.path, 'data'),
      sample: true, // 360p
      args: ['--hls-window', '12s', '--accounts-sign-up', 'open'],
      ...(http !== undefined && { http }),
    });

  before(async () => {
    measuring = await measureAlone();
    folder = await openFolder('room-step');
    server = await start();
    await server.stream('demo');
    liveMs = Date.now();
    proxy = await openLateProxy(Number(new URL(server.url).port), 15);
    room = await createStepRoom(server, 'demo');
    browser = await openBrowser();
  });
  after(async () => {
    room?.[Symbol.dispose]();
    await browser?.close();
    await proxy?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
    measuring?.[Symbol.dispose]();
  });

  /** The pages are near each other for some seconds. A busy machine may stall one of them: then they are measured again. */
  const near = async (context: TestContext, seconds: number, limitMs = NEAR_MS) => {
    let apartMs = Number.NaN;
    for (let tries = 0; tries < TRIES; tries++) {
      const apart = await distances(pages, room, seconds);
      const { p50, p95, worst } = figuresOf(apart);
      const text = [p50, p95, worst].map((ms) => ms.toFixed(1)).join(', ');
      context.diagnostic(`distance p50, p95, worst: ${text} ms of ${apart.length} frames`);
      if (p95 <= limitMs) return;
      apartMs = p95;
    }
    assert.fail(`p95 is ${apartMs} ms`);
  };

  test('who joins sees the picture of the room, also where the clock is wrong by a day', async (context) => {
    const joined: Page[] = [];
    for (const [name, url, clockMs] of [
      ['Ann', server.url, 0],
      ['Bob', proxy.url, DAY_MS],
    ] as const) {
      const { page, pressedMs } = await joinRoom(browser, url, room, name, 5, clockMs);
      const ms = await inStep(page, room, pressedMs);
      context.diagnostic(`${name} is in step after ${Math.round(ms)} ms`);
      assert.ok(ms < JOIN_MS, `${ms} ms`);
      joined.push(page);
    }
    pages = joined as [Page, Page] & Page[];
  });

  test('live, they show the same frame at the same time', async (context) => {
    await pause(SETTLES_MS);
    await near(context, 8);
  });

  test('in the past as well, and at another speed', async (context) => {
    await room.command('seek', { positionMs: liveMs + 1_000 }); // the live playlist begins later
    await pause(SETTLES_MS);
    await near(context, 5);
    await room.command('rate', { rate: 0.75 });
    await pause(SETTLES_MS);
    await near(context, 4);
  });

  test('a pause shows all of them the same frame, and they continue together', async (context) => {
    await room.command('pause');
    await pause(SETTLES_MS);
    const looks = await Promise.all(pages.map((page) => lookAt(page)));
    assert.deepEqual(
      looks.map((look) => look?.paused),
      [true, true],
    );
    assert.equal(looks[0]!.utcMs, looks[1]!.utcMs);
    assert.ok(Math.abs(room.positionMs(Date.now()) - looks[0]!.utcMs) <= 1.5 * FRAME_MS);
    await room.command('play');
    await pause(SETTLES_MS);
    await near(context, 3);
  });

  test('a page that stood still for a second is back in step', async (context) => {
    await room.command('live');
    await pause(SETTLES_MS);
    await standStill(pages[1]);
    context.diagnostic(`in step ${Math.round(await inStep(pages[1], room, Date.now()))} ms later`);
    await pause(1_000);
    await near(context, 3);
  });

  test('a page that the browser had frozen is back in step', async (context) => {
    await freeze(pages[1], 5_000);
    context.diagnostic(`in step ${Math.round(await inStep(pages[1], room, Date.now()))} ms later`);
    await pause(1_000);
    await near(context, 3);
  });

  test('with 200 ms of jitter they stay near each other', async (context) => {
    proxy.jitterMs = 200;
    await pause(SETTLES_MS);
    await near(context, 8, NEAR_WITH_JITTER_MS);
    proxy.jitterMs = 0;
  });

  test('after a restart of the server everyone is back by itself, where the room is', async (context) => {
    const { host } = new URL(server.url);
    await server.stop();
    server = await start(host);
    const readyMs = Date.now();
    await server.stream('demo');
    for (const page of pages) {
      const ms = await inStep(page, room, readyMs);
      context.diagnostic(`in step ${Math.round(ms)} ms after the server was ready`);
    }
    await pause(SETTLES_MS);
    await near(context, 3);
  });
});
