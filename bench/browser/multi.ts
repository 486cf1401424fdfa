/**
 * `npm run bench -- multi`: how far the pictures of a multi-view page are apart, live and in the past. Bars
 * at p95: nine tiles of 180p at 15 frames/s within 100 ms and none more than 2 s older than the others; 2 × 2
 * of 360p at 25 frames/s within 50 ms.
 * In: the built interface, Chromium, test pictures. Out: a table. Server, encoders and the page share the
 * machine.
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openBrowser, openVisitor } from '../../test/browser/chromium.ts';
import { takeFrames } from '../../test/browser/frames.ts';
import { createTestStreams, driftOf } from '../../test/browser/multi-view.ts';
import { openFolder, startServer } from '../../test/fixtures/server.ts';
import { printTable, quantile, say } from '../report.ts';
import { orTiny } from '../tiny.ts';

/** Players load, come into step and measure the cost of a seek, ms. */
const SETTLES_MS = orTiny(12_000, 4000);
/** The live playlist is short, so that windows are played soon. */
const LIST_S = orTiny(20, 10);
const BACK_S = orTiny(60, 15);

interface PictureSet {
  readonly name: string;
  readonly tiles: number;
  readonly size: readonly [width: number, height: number];
  readonly fps: number;
  /** Reading each frame costs more than the players: one of this many is read. */
  readonly readEvery: number;
}

const sets: readonly PictureSet[] = [
  { name: '3 × 3 of 180p15', tiles: 9, size: [320, 180], fps: 15, readEvery: 5 },
  { name: '2 × 2 of 360p25', tiles: 4, size: [640, 360], fps: 25, readEvery: 4 },
];

/**
 * Measures and returns the report.
 *
 * @param seconds live, and as many in the past, of each layout
 */
export async function benchMulti(seconds: number): Promise<string> {
  const before = loadavg()[0]!;
  const rows: string[][] = [];
  for (const set of orTiny(sets, sets.slice(1))) rows.push(...(await measure(set, seconds)));
  const head = ['pictures, ms', 'apart p50', 'apart p95', 'worst', 'oldest p95', 'oldest worst', 'frames', 'dropped'];
  return [
    printTable(head, rows),
    '',
    'apart: from the earliest to the latest picture at the same instant; oldest: how much older than the middle one.',
    `Load of the machine: ${before.toFixed(2)} before, ${loadavg()[0]!.toFixed(2)} after.`,
  ].join('\n');
}

async function measure({ name, tiles, size, fps, readEvery }: PictureSet, seconds: number): Promise<string[][]> {
  const [width, height] = size.map(String);
  await using folder = await openFolder('bench-multi');
  await using server = await startServer({
    data: join(folder.path, 'data'),
    adminToken: 'let-me-in-please',
    sample: false,
    args: [
      ...['--hls-window', `${LIST_S}s`, '--test-picture-width', width!, '--test-picture-height', height!],
      ...['--test-picture-fps', String(fps)],
    ],
  });
  const streams = Array.from({ length: tiles }, (_, n) => `cam${n + 1}`);
  await createTestStreams(server, streams);
  const recordedMs = Date.now();
  const browser = await openBrowser();
  try {
    const page = await (await openVisitor(browser)).newPage();
    const rows: string[][] = [];
    const watch = async (label: string, query: string) => {
      await page.goto(`${server.url}/multi?s=${streams.join()}${query}`);
      await takeFrames(page, readEvery);
      await pause(SETTLES_MS);
      say(`${name}, ${label}, ${seconds} s`);
      const { apart, older, presented, dropped } = await driftOf(page, streams, seconds);
      const ms = [0.5, 0.95, 1].map((part) => quantile(apart, part).toFixed(0));
      const old = [0.95, 1].map((part) => quantile(older, part).toFixed(0));
      rows.push([`${name}, ${label}`, ...ms, ...old, String(presented), String(dropped)]);
    };
    await watch('live', '');
    await pause(Math.max(0, recordedMs + (BACK_S + LIST_S) * 1000 - Date.now()));
    await watch('a minute ago', `&t=${Math.floor(Date.now() / 1000) - BACK_S}`);
    return rows;
  } finally {
    await browser.close();
  }
}
