/**
 * What a page costs in Chromium, and how near to the world its pictures are.
 * In: a page that shows the test picture. Out: latency, stand-stills, CPU of its main thread and its process.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { type SeenFrame, takeFrames } from '../../test/browser/frames.ts';
import { share } from '../table.ts';

/** No new picture for longer than this is a stand-still. */
const STALL_MS = 500;
/** One picture in so many is read: reading each costs as much as the player. */
const READ_EVERY = 5;

/** How a page played live. Milliseconds. */
export interface Playing {
  readonly seconds: number;
  readonly p50: number;
  readonly p95: number;
  readonly worst: number;
  /** Times without a new picture for longer than half a second, and the longest. */
  readonly stalls: number;
  readonly longestStall: number;
  readonly pictures: number;
  readonly dropped: number;
}

/** What a page takes of one core, percent. */
export interface PageCost {
  /** Its main thread. */
  readonly mainThread: number;
  /** Time that tasks of the main thread lasted, as Chromium counts it: more than they took where others have the core. */
  readonly tasks: number;
  /** Threads of the page's process that decode, and those of its pool. */
  readonly decoding: number;
  /** The page's process but for those. */
  readonly process: number;
  /** All of Chromium: drawing without a GPU is most of it. */
  readonly browser: number;
}

/** Follows live playback for so many seconds. */
export async function followLive(page: Page, seconds: number): Promise<Playing> {
  const seen: SeenFrame[] = [];
  await takeFrames(page, READ_EVERY); // counts only where nothing has looked at the page before
  await takeFrames(page);
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    await pause(Math.min(5_000, Math.max(0, end - performance.now())));
    seen.push(...(await takeFrames(page)));
  }
  const front = seen.filter((frame) => frame.front);
  const behind = front.flatMap(({ atMs, utcMs }) => (utcMs === null ? [] : [atMs - utcMs])).sort((a, b) => a - b);
  const between = front.slice(1).map(({ atMs }, i) => atMs - front[i]!.atMs);
  const stalls = between.filter((ms) => ms > STALL_MS);
  const dropped = front.slice(1).map((frame, i) => Math.max(0, frame.dropped - front[i]!.dropped));
  return {
    seconds,
    p50: share(behind, 0.5),
    p95: share(behind, 0.95),
    worst: share(behind, 1),
    stalls: stalls.length,
    longestStall: Math.max(0, ...between),
    pictures: front.length,
    dropped: dropped.reduce((sum, one) => sum + one, 0),
  };
}

/** Measures what a page takes while it plays, for so many seconds, without looking at its pictures. */
export async function measureCost(browser: Browser, page: Page, seconds: number): Promise<PageCost> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const whole = await browser.newBrowserCDPSession();
  const before = await look(session, whole);
  await pause(seconds * 1000);
  const after = await look(session, whole);
  await Promise.all([session.detach(), whole.detach()]);
  const percent = (one: keyof Counters) => (100 * (after[one] - before[one])) / (after.atS - before.atS);
  return {
    mainThread: percent('mainS'),
    tasks: percent('taskS'),
    decoding: percent('decodingS'),
    process: percent('processS') - percent('decodingS'),
    browser: percent('browserS'),
  };
}

/** All in seconds since some beginning. */
interface Counters {
  readonly atS: number;
  readonly taskS: number;
  readonly mainS: number;
  readonly decodingS: number;
  readonly processS: number;
  readonly browserS: number;
}

async function look(page: CDPSession, whole: CDPSession): Promise<Counters> {
  const { metrics } = await page.send('Performance.getMetrics');
  const metric = (name: string) => metrics.find((one) => one.name === name)?.value ?? 0;
  const { processInfo } = await whole.send('SystemInfo.getProcessInfo');
  const threads = processInfo.filter(({ type }) => type === 'renderer').flatMap(({ id }) => threadsOf(id));
  const sum = (all: readonly { cpuS: number }[]) => all.reduce((total, { cpuS }) => total + cpuS, 0);
  return {
    atS: performance.now() / 1000,
    taskS: metric('TaskDuration'),
    mainS: sum(threads.filter(({ main }) => main)),
    decodingS: sum(threads.filter(({ name }) => /Media|ThreadPool|VideoFrame|AudioOutput|av:/.test(name))),
    processS: sum(threads),
    browserS: processInfo.reduce((total, { cpuTime }) => total + cpuTime, 0),
  };
}

/** CPU seconds of each thread of a process. */
function threadsOf(pid: number): { name: string; main: boolean; cpuS: number }[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => ({
      name: readFileSync(`/proc/${pid}/task/${thread}/comm`, 'latin1').trim(),
      main: Number(thread) === pid,
      cpuS: Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]) / 1e9,
    }));
  } catch {
    return []; // the process has ended meanwhile
  }
}

/** What a first visit loads before a picture is there, kilobytes as they went over the wire; media is not counted. */
export async function measureFirstLoad(page: Page, url: string, until: () => Promise<unknown>): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  const counted = new Set<string>();
  let bytes = 0;
  session.on('Network.responseReceived', ({ requestId, response }) => {
    if (!/^\/(live|vod|thumb|clip|api)\//.test(new URL(response.url).pathname)) counted.add(requestId);
  });
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (counted.has(requestId)) bytes += encodedDataLength;
  });
  await page.goto(url);
  await until();
  await session.detach();
  return bytes / 1024;
}
