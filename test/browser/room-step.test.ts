/*
 * Two pages in a room show the same frame at the same time, in short. room-step-long.test.ts measures it for
 * minutes and in all states.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openBrowser } from './chromium.ts';
import { lookAt } from './frames.ts';
import { createStepRoom, distances, figuresOf, inStep, joinRoom, type StepRoom } from './room-step.ts';

/** The promise is 30 ms; a busy machine draws frames late. */
const NEAR_MS = 100;
const FRAME_MS = 40;
const DAY_MS = 86_400_000;

suite('two pages in a room, in short', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let browser: Browser;
  let room: StepRoom;
  let pages: readonly [Page, Page];

  before(async () => {
    const folder = opened.use(await openFolder('room-step'));
    const args = [...smallPicture, '--accounts-sign-up', 'open'];
    server = opened.use(await startServer({ data: join(folder.path, 'data'), args }));
    await server.stream('demo');
    room = opened.use(await createStepRoom(server, 'demo'));
    browser = await openBrowser();
    opened.defer(() => browser.close());
  });
  after(() => opened.disposeAsync());

  /** A busy machine may stall one of them: then they are measured again. */
  const near = () =>
    until('both show the same frame at the same time', async () => {
      const { p95 } = figuresOf(await distances(pages, room, 2));
      if (!(p95 <= NEAR_MS)) throw new Error(`p95 is ${p95} ms`);
      return true;
    });

  test('who joins is in step with the other one, also where the clock is wrong by a day', async () => {
    const ann = await joinRoom(browser, server.url, room, 'Ann', 5);
    const bob = await joinRoom(browser, server.url, room, 'Bob', 5, DAY_MS);
    for (const { page, pressedMs } of [ann, bob]) await inStep(page, room, pressedMs);
    pages = [ann.page, bob.page];
    await near();
  });

  test('a pause shows both the same frame, and they continue together', async () => {
    await room.command('pause');
    const pausedMs = room.positionMs(Date.now()); // it stays there
    await until('both have stopped at the same frame', async () => {
      const looks = await Promise.all(pages.map((page) => lookAt(page)));
      assert.deepEqual(
        looks.map((look) => look?.paused),
        [true, true],
      );
      assert.equal(looks[0]!.utcMs, looks[1]!.utcMs);
      assert.ok(Math.abs(pausedMs - looks[0]!.utcMs) <= 1.5 * FRAME_MS);
      return true;
    });
    await room.command('play');
    await near();
  });
});
