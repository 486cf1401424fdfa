/**
 * `npm run bench -- room-step`: how far the pictures of two pages in a room are apart (bar: 30 ms at p95,
 * live and in the past; 250 ms with 200 ms of jitter), how long a join takes (bar: 2.5 s), and a page that
 * stood still for a second (bar: 1 s).
 * In: the built interface, Chromium, the test picture. Out: a table. Server, encoder and both pages share the
 * machine.
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../../test/browser/chromium.ts';
import { openLateProxy } from '../../test/browser/late-proxy.ts';
import {
  createStepRoom,
  distances,
  figuresOf,
  inStep,
  joinRoom,
  type StepRoom,
  standStill,
} from '../../test/browser/room-step.ts';
import { openFolder, startServer } from '../../test/fixtures/server.ts';
import { printTable, say, sorted } from '../report.ts';
import { orTiny } from '../tiny.ts';

/** A room settles for this long after a command, ms. */
const SETTLES_MS = 2_000;
/** The live playlist is short, so that windows are played soon. */
const LIST_S = orTiny(20, 10);
const BACK_MS = 60_000;
const JITTER_MS = 200;
const JOINS = orTiny(10, 1);
const STAND_STILLS = orTiny(10, 1);
/** Reading each frame costs more than the player. */
const READ_EVERY = 5;

/**
 * Measures and returns the report.
 *
 * @param seconds live, and as many in the past
 */
export async function benchRoomStep(seconds: number): Promise<string> {
  const before = loadavg()[0]!;
  await using folder = await openFolder('bench-room-step');
  const args = ['--hls-window', `${LIST_S}s`, '--accounts-sign-up', 'open'];
  await using server = await startServer({ data: join(folder.path, 'data'), sample: true, args });
  await server.stream('demo');
  const recordedMs = Date.now();
  await using proxy = await openLateProxy(Number(new URL(server.url).port), 15);
  using room = await createStepRoom(server, 'demo');
  const browser = await openBrowser();
  /** A measurement that fails must not cost the others. */
  const failures: string[] = [];
  const attempt = async (title: string, measure: () => Promise<void>) => {
    say(title);
    await measure().catch((error) => failures.push(`${title}: ${String(error).split('\n')[0]}`));
  };
  try {
    const joinsMs: number[] = [];
    for (let n = 1; n <= JOINS; n++) {
      await attempt(`join ${n} of ${JOINS}`, async () => {
        const { page, ms } = await enter(browser, server.url, room, `Guest ${n}`);
        joinsMs.push(ms);
        await page.context().close();
      });
    }
    const ann = (await enter(browser, server.url, room, 'Ann')).page;
    const bob = (await enter(browser, proxy.url, room, 'Bob')).page;
    const pages = [ann, bob] as const;
    const rows: string[][] = [];
    const measure = (name: string, ofSeconds: number) =>
      attempt(`${name}, ${ofSeconds} s`, async () => {
        await pause(SETTLES_MS);
        const apart = await distances(pages, room, ofSeconds);
        const { p50, p95, worst } = figuresOf(apart);
        rows.push([name, ...[p50, p95, worst].map((ms) => ms.toFixed(1)), String(apart.length)]);
      });
    await measure('live', seconds);
    // After a short measurement less is recorded.
    const backMs = Math.min(BACK_MS, Date.now() - recordedMs - 5_000);
    await room.command('seek', { positionMs: Date.now() - backMs });
    await measure('a minute ago', seconds);
    await room.command('live');
    proxy.jitterMs = JITTER_MS;
    await measure(`live, ${JITTER_MS} ms of jitter`, Math.max(orTiny(20, 2), seconds / 10));
    proxy.jitterMs = 0;
    await pause(orTiny(10_000, 2000));
    const againMs: number[] = [];
    for (let n = 1; n <= STAND_STILLS; n++) {
      await attempt(`stand-still ${n} of ${STAND_STILLS}`, async () => {
        await standStill(bob);
        againMs.push(await inStep(bob, room, Date.now()));
        await pause(orTiny(6_000, 0));
      });
    }
    const list = (times: readonly number[]) => sorted(times.map(Math.round)).join(', ');
    return [
      printTable(['distance of the pictures, ms', 'p50', 'p95', 'worst', 'frames'], rows),
      '',
      `Joins, from the press to the first picture in step, ms: ${list(joinsMs)}.`,
      `Pages that stood still for a second, in step again after, ms: ${list(againMs)}.`,
      ...failures.map((failure) => `Failed: ${failure}.`),
      `Load of the machine: ${before.toFixed(2)} before, ${loadavg()[0]!.toFixed(2)} after.`,
    ].join('\n');
  } finally {
    await browser.close();
  }
}

/** Enters, and waits for the first picture in step. */
async function enter(
  browser: Browser,
  url: string,
  room: StepRoom,
  name: string,
): Promise<{ readonly page: Page; readonly ms: number }> {
  const { page, pressedMs } = await joinRoom(browser, url, room, name, READ_EVERY);
  return { page, ms: await inStep(page, room, pressedMs) };
}
