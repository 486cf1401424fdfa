/**
 * `npm run bench -- day`: the watch page over 24 hours of footage: how fast a click into the past shows its
 * frame, and how fast scrubbing paints the picture of the pointer.
 * In: the built interface, Chromium, ffmpeg; a folder that an earlier run made, or none. Out: tables. All
 * share the machine.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import { openBrowser, openVisitor } from '../../test/browser/chromium.ts';
import { type Look, lookAt } from '../../test/browser/frames.ts';
import { openFolder, startServer } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/wait.ts';
import { LOOP_S, type RecordedDay, recordDay } from '../past/recorded-day.ts';
import { describeMachine } from '../process-tree.ts';
import { printTable, quantile, say } from '../report.ts';
import { orTiny } from '../tiny.ts';
import { benchJumps } from './jumps.ts';

const NAME = 'day';
const CLICKS = orTiny(40, 2);
const MOVES = orTiny(200, 3);
/** Of the pointer on one place after the picture is painted, ms. */
const PAUSE_MS = 60;
/** Where the page starts, after the start of the recording, ms. */
const START_MS = orTiny(3_600_000, 120_000);
/** Longest wait for a picture, ms; a move that takes longer counts as this. */
const GIVE_UP_MS = 5_000;
/** Strips repeat: a click goes so far from where one is within the repeated media, seconds. */
const APART_S = orTiny(100, 10);
/** Keeps the facts of the recording next to the folder's database. */
const FACTS = 'bench-day.json';

/** The measurements. */
interface DayOptions {
  readonly hours: number;
  readonly heights: readonly number[];
  readonly only: readonly string[];
  /** Parent folder of the recordings, which are kept there and used again; a temporary one if not given. */
  readonly folder?: string | undefined;
}

/** Measures and returns the report. */
export async function benchDay({ hours, heights, only, folder }: DayOptions): Promise<string> {
  await using temporary = folder === undefined ? await openFolder('bench-day') : undefined;
  const before = loadavg()[0]!;
  const jumps: string[][] = [];
  const scrubs: string[][] = [];
  for (const height of heights) {
    const data = join(folder ?? temporary!.path, `${height}p`);
    const recorded = await recordingIn(data, height, hours);
    await using server = await startServer({ data, args: ['--keep', '1000h'], adminToken: 'a-token-for-benches' });
    const browser = await openBrowser();
    try {
      await using visitor = await openVisitor(browser, { width: 1280, height: 900 });
      const page = await visitor.newPage();
      await page.goto(`${server.url}/watch/${NAME}?t=${Math.round((recorded.fromMs + START_MS) / 1000)}`);
      await until('it plays', async () => ((await lookAt(page)) as Look | undefined)?.paused === false);
      const track = page.getByRole('slider').and(page.locator('.track'));
      // The timeline offers no span that is longer than the recording.
      if (hours >= 2) await page.getByRole('button', { name: hours > 2 ? '24 h' : '2 h', exact: true }).click();
      await setTimeout(orTiny(5_000, 2_000));
      if (only.includes('scrub')) {
        say(`${MOVES} moves of the pointer over ${hours} h of ${height}p`);
        const { ms, apartS, missed } = await scrub(page, track, recorded);
        const figures = [quantile(ms, 0.5), quantile(ms, 0.95), quantile(ms, 1)].map((figure) => figure.toFixed(0));
        scrubs.push([`${height}p`, String(ms.length), ...figures, apartS.toFixed(0), String(missed)]);
      }
      if (only.includes('jumps')) {
        say(`${CLICKS} clicks into ${hours} h of ${height}p`);
        const ms = await clicks(page, track, recorded);
        const figures = [quantile(ms, 0.5), quantile(ms, 0.95), quantile(ms, 1)].map((figure) => figure.toFixed(0));
        jumps.push([`${height}p`, String(ms.length), ...figures, height <= 360 ? '120' : '300']);
      }
    } finally {
      await browser.close();
    }
  }
  const tables = [
    `${describeMachine()}; load average ${before.toFixed(1)} before and ${loadavg()[0]!.toFixed(1)} after`,
    jumps.length > 0 &&
      `Clicks into ${hours} h of footage, to the first new frame, ms\n\n${printTable(['video', 'clicks', 'p50', 'p95', 'worst', 'target of p95'], jumps)}`,
    scrubs.length > 0 &&
      `Pointer moves over ${hours} h of footage, to the painted picture, ms (target of p95: 50)\n\n${printTable(['video', 'moves', 'p50', 'p95', 'worst', 'picture is off by, s at p50', 'never painted'], scrubs)}`,
  ];
  return tables.filter((table) => table !== false).join('\n\n');
}

async function recordingIn(data: string, height: number, hours: number): Promise<RecordedDay> {
  const facts = join(data, FACTS);
  const text = await readFile(facts, 'utf8').catch(() => undefined);
  if (text !== undefined) return JSON.parse(text) as RecordedDay;
  if ((await readdir(data).catch(() => [])).length > 0) throw new Error(`${data} is not empty`);
  // Nothing is live: no encoder shares the machine.
  const kbps = height <= 360 ? 400 : 1200;
  const recorded = await recordDay({ folder: data, name: NAME, height, kbps, hours, source: 'push' });
  await writeFile(facts, JSON.stringify(recorded));
  return recorded;
}

/** Range of the bar, ms since 1970. */
async function range(track: Locator): Promise<{ minMs: number; maxMs: number }> {
  const [min, max] = await Promise.all([track.getAttribute('aria-valuemin'), track.getAttribute('aria-valuemax')]);
  return { minMs: Number(min) * 1000, maxMs: Number(max) * 1000 };
}

/**
 * Clicks all over the recording, each to another part of the repeated media than the one before; ms, sorted.
 */
async function clicks(page: Page, track: Locator, { fromMs, toMs }: RecordedDay): Promise<number[]> {
  const { minMs, maxMs } = await range(track);
  const [firstMs, lastMs] = [Math.max(minMs, fromMs) + 60_000, Math.min(maxMs, toMs) - 60_000];
  let beforeMs = fromMs + START_MS;
  const positions: number[] = [];
  for (let i = 0; positions.length < CLICKS; i++) {
    const atMs = firstMs + ((0.1 + i * 0.618_034) % 1) * (lastMs - firstMs);
    const apartS = ((((atMs - beforeMs) / 1000) % LOOP_S) + LOOP_S) % LOOP_S;
    if (apartS < APART_S || apartS > LOOP_S - APART_S) continue;
    positions.push((atMs - minMs) / (maxMs - minMs));
    beforeMs = atMs;
  }
  const { plain } = await benchJumps(page, '.track', positions, []);
  return plain.map(({ ms }) => ms).sort((a, b) => a - b);
}

declare global {
  var oxbowScrub: { ms: number; apartMs: number } | null | undefined;
}

/**
 * Runs in the page: after the next move, waits for the frame that paints a picture near enough to the time of
 * the pointer.
 */
function arm({ wantedMs, nearMs, giveUpMs }: { wantedMs: number; nearMs: number; giveUpMs: number }): void {
  globalThis.oxbowScrub = undefined;
  const moved = (event: PointerEvent) => {
    const check = (nowMs: number) => {
      const picture = document.querySelector<HTMLCanvasElement>('[data-scrub]');
      const apartMs = picture ? Math.abs(Number(picture.dataset.scrub) - wantedMs) : Number.POSITIVE_INFINITY;
      // The frame is painted after its animation callbacks: a task that follows sees its end.
      if (apartMs <= nearMs) {
        globalThis.setTimeout(() => {
          globalThis.oxbowScrub = { ms: performance.now() - event.timeStamp, apartMs };
        });
      } else if (nowMs - event.timeStamp > giveUpMs) globalThis.oxbowScrub = null;
      else requestAnimationFrame(check);
    };
    requestAnimationFrame(check);
  };
  addEventListener('pointermove', moved, { once: true, capture: true });
}

/** Drags along the bar, from one random place to the next. */
async function scrub(
  page: Page,
  track: Locator,
  { fromMs, toMs }: RecordedDay,
): Promise<{ ms: number[]; apartS: number; missed: number }> {
  const { minMs, maxMs } = await range(track);
  const box = (await track.boundingBox())!;
  // The grid of pictures at this zoom: two pixels and more.
  const pixelMs = (maxMs - minMs) / box.width;
  const grids = [5, 10, 30, 60, 300, 600, 1800].map((seconds) => seconds * 1000);
  const nearMs = grids.find((grid) => grid >= 2 * pixelMs)! + pixelMs;
  const y = box.y + box.height / 2;
  const xOf = (atMs: number) => box.x + (box.width * (atMs - minMs)) / (maxMs - minMs);
  const [firstMs, lastMs] = [Math.max(minMs, fromMs) + 60_000, Math.min(maxMs, toMs) - 60_000];
  await page.mouse.move(xOf((firstMs + lastMs) / 2), y);
  await page.mouse.down();
  const ms: number[] = [];
  const aparts: number[] = [];
  let missed = 0;
  for (let i = 0; i < MOVES; i++) {
    const wantedMs = firstMs + ((0.3 + i * 0.618_034) % 1) * (lastMs - firstMs);
    await page.evaluate(`(${arm})(${JSON.stringify({ wantedMs, nearMs, giveUpMs: GIVE_UP_MS })})`);
    await page.mouse.move(xOf(wantedMs), y);
    const painted = await until(
      'the picture is painted',
      async () => {
        const done = await page.evaluate(() => globalThis.oxbowScrub);
        return done !== undefined && { done };
      },
      { withinMs: 3 * GIVE_UP_MS, everyMs: 30 },
    );
    if (painted.done) {
      ms.push(painted.done.ms);
      aparts.push(painted.done.apartMs / 1000);
    } else {
      ms.push(GIVE_UP_MS);
      missed++;
    }
    await setTimeout(PAUSE_MS);
  }
  await page.keyboard.press('Escape');
  await page.mouse.up();
  const sorted = (values: number[]) => values.sort((a, b) => a - b);
  return { ms: sorted(ms), apartS: aparts.length > 0 ? quantile(sorted(aparts), 0.5) : Number.NaN, missed };
}
