/**
 * Total latency, stalls and CPU of a page in Chromium.
 * In: a page that shows the test picture. Out: milliseconds, counts, percent of a core.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { type SeenFrame, takeFrames } from '../../test/browser/frames.ts';
import { quantile, sorted } from '../report.ts';

/** A longer time without a new frame is a stall. */
const STALL_MS = 500;
/** Every n-th frame is read: reading each one costs as much as the player. */
const READ_EVERY = 5;

/** Live playback of a page. Milliseconds. */
export interface Playing {
  readonly seconds: number;
  readonly p50: number;
  readonly p95: number;
  readonly worst: number;
  /** Number of stalls, and the longest time without a new frame. */
  readonly stalls: number;
  readonly longestStall: number;
  readonly frames: number;
  readonly dropped: number;
}

/** CPU of a page, percent of one core. */
export interface PageCost {
  readonly mainThread: number;
  /** Wall time of the tasks of its main thread. */
  readonly tasks: number;
  /** Decoding and pool threads of its process. */
  readonly decoding: number;
  /** Its process without those. */
  readonly process: number;
  /** All of Chromium; most of it is drawing without a GPU. */
  readonly browser: number;
}

/** Playback and cost of one player; null if not measured. */
export interface PlayerRow {
  readonly player: string;
  readonly playing: Playing | null;
  readonly cost: PageCost | null;
}

/** Observes live playback for `seconds`. */
export async function followLive(page: Page, seconds: number): Promise<Playing> {
  return playingOf(await watchFrames(page, seconds), seconds);
}

/** The frames that a page shows within `seconds`; every fifth is read. */
export async function watchFrames(page: Page, seconds: number): Promise<SeenFrame[]> {
  const seen: SeenFrame[] = [];
  await takeFrames(page, READ_EVERY); // only the first call on a page sets the interval
  await takeFrames(page);
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    await pause(Math.min(5_000, Math.max(0, end - performance.now())));
    seen.push(...(await takeFrames(page)));
  }
  return seen;
}

/** Latency and stalls of `seconds` of frames. */
export function playingOf(seen: readonly SeenFrame[], seconds: number): Playing {
  const front = seen.filter((frame) => frame.front);
  const latencies = sorted(front.flatMap(({ atMs, utcMs }) => (utcMs === null ? [] : [atMs - utcMs])));
  const between = front.slice(1).map(({ atMs }, i) => atMs - front[i]!.atMs);
  const stalls = between.filter((ms) => ms > STALL_MS);
  const dropped = front.slice(1).map((frame, i) => Math.max(0, frame.dropped - front[i]!.dropped));
  return {
    seconds,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    worst: quantile(latencies, 1),
    stalls: stalls.length,
    longestStall: Math.max(0, ...between),
    frames: front.length,
    dropped: dropped.reduce((sum, count) => sum + count, 0),
  };
}

/** Measures the CPU of a page while it plays, without reading its frames. */
export async function measureCost(browser: Browser, page: Page, seconds: number): Promise<PageCost> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const browserSession = await browser.newBrowserCDPSession();
  const before = await countersOf(session, browserSession);
  await pause(seconds * 1000);
  const after = await countersOf(session, browserSession);
  await Promise.all([session.detach(), browserSession.detach()]);
  const percent = (counter: keyof Counters) => (100 * (after[counter] - before[counter])) / (after.atS - before.atS);
  return {
    mainThread: percent('mainS'),
    tasks: percent('taskS'),
    decoding: percent('decodingS'),
    process: percent('processS') - percent('decodingS'),
    browser: percent('browserS'),
  };
}

/** Seconds since an arbitrary start. */
interface Counters {
  readonly atS: number;
  readonly taskS: number;
  readonly mainS: number;
  readonly decodingS: number;
  readonly processS: number;
  readonly browserS: number;
}

async function countersOf(page: CDPSession, browserSession: CDPSession): Promise<Counters> {
  const { metrics } = await page.send('Performance.getMetrics');
  const metric = (name: string) => metrics.find((entry) => entry.name === name)?.value ?? 0;
  const { processInfo } = await browserSession.send('SystemInfo.getProcessInfo');
  const threads = processInfo.filter(({ type }) => type === 'renderer').flatMap(({ id }) => threadsOf(id));
  const sum = (group: readonly { cpuS: number }[]) => group.reduce((total, { cpuS }) => total + cpuS, 0);
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

/** Kilobytes on the wire of a first visit until `until` resolves, without media. */
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
