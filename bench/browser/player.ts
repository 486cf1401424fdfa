/**
 * `npm run bench -- player`: how near to now the watch page plays, how quickly a click into the past shows its picture, whether windows
 * join without losing a picture, and what the page costs; beside plain hls.js and shaka-player on the same stream.
 * In: the built interface, Chromium, the test picture. Out: Markdown and JSON. Server, encoder and browser share the machine.
 */

import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { openBrowser, openVisitor } from '../../test/browser/chromium.ts';
import { frameWhen, type Look } from '../../test/browser/frames.ts';
import { servePlayers } from '../../test/browser/player-page.ts';
import { recordOverMarks } from '../../test/fixtures/joined-recording.ts';
import { openFolder, type Server, startServer } from '../../test/fixtures/server.ts';
import { describeMachine, machineCpuS, ProcessTree } from '../process-tree.ts';
import { playJoins } from './joins.ts';
import { benchJumps, type Jumps } from './jumps.ts';
import { followLive, measureCost, measureFirstLoad, type PageCost, type Playing } from './live.ts';
import type { PlayerReport } from './report.ts';

/** On either side of each of the two marks: 600 pictures in all. */
const HALF_S = 6;
/** Recorded before and behind those, so that the watcher looks before the first of them is shown, seconds. */
const MARGIN_S = 2;
const CLICKS = 40;
const FILMED_CLICKS = 12;
/** A page plays so long before it is measured, seconds. */
const WARM_UP_S = 15;

/** What may be measured alone. */
export const parts = ['cost', 'live', 'clicks', 'joins'] as const;
/** One of them. */
export type Part = (typeof parts)[number];

/** How one player played live, and what it cost; null where that was not measured. */
export interface PlayerRow {
  readonly player: string;
  readonly playing: Playing | null;
  readonly cost: PageCost | null;
}

/** How long, what, and whom to tell. */
export interface PlayerOptions {
  /** Of oxbow's page live; each yardstick gets a fifth of it, at least 20. */
  readonly seconds: number;
  /** Left out: everything. */
  readonly only?: readonly string[];
  readonly say: (text: string) => void;
}

/** Runs it. @throws Error when `only` names no part */
export async function benchPlayer({ seconds, say, only = parts }: PlayerOptions): Promise<PlayerReport> {
  const unknown = only.find((one) => !parts.includes(one as Part));
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${parts.join(', ')}`);
  const wants = (part: Part) => only.includes(part);
  const before = loadavg()[0]!;
  await using folder = await openFolder('bench-player');
  const data = join(folder.path, 'data');
  if (wants('joins')) say('a recording over two ten-minute marks');
  const recording = wants('joins') ? await recordOverMarks(data, HALF_S + MARGIN_S) : null;
  // A short run has no five minutes behind it.
  const listS = seconds < 420 ? 30 : 300;
  await using server = await startServer({
    data,
    args: ['--hls-window', `${listS}s`],
    adminToken: 'a-token-for-benches',
  });
  // Only an empty data folder gets the test picture by itself.
  if (recording) await addDemo(server);
  await server.stream('demo');
  const browser = await openBrowser();
  try {
    const watch = `${server.url}/watch/demo`;
    const costS = Math.min(60, Math.max(20, seconds / 5));
    let firstLoadKb: number | null = null;
    let machine: { found: PageCost; load: PlayerReport['load'] } | null = null;
    // Nobody may look at the pictures of the page whose cost is measured: that costs more than the player.
    if (wants('cost')) {
      say(`first load, and cost of the page, ${costS} s`);
      machine = await onPage(browser, async (page) => {
        firstLoadKb = await measureFirstLoad(page, watch, () => page.locator('.golive.edge').waitFor());
        await warmUp();
        return machineOver(server, () => measureCost(browser, page, costS));
      });
    }
    const live =
      (wants('live') || wants('clicks')) &&
      (await onPage(browser, async (page) => {
        await page.goto(watch);
        await page.locator('.golive.edge').waitFor();
        await warmUp();
        if (wants('live')) say(`live, ${seconds} s`);
        const playing = wants('live') ? await followLive(page, seconds) : null;
        if (wants('clicks')) say(`${CLICKS} clicks into the past`);
        return { playing, jumps: wants('clicks') ? await clicks(page, server) : null };
      }));
    if (recording) say('two joins');
    const joins = recording && (await onPage(browser, (page) => playJoins(page, server, recording, MARGIN_S)));
    const own = { player: 'oxbow', playing: live ? live.playing : null, cost: machine ? machine.found : null };
    const others = await yardsticks(browser, server, Math.max(20, seconds / 5), wants, say);
    return {
      bench: 'player',
      machine: describeMachine(),
      listS,
      firstLoadKb,
      rows: [own, ...others],
      jumps: live ? live.jumps : null,
      joins,
      load: machine ? machine.load : null,
      loadAverage: [before, loadavg()[0]!],
    };
  } finally {
    await browser.close();
  }
}

async function addDemo(server: Server): Promise<void> {
  const made = await server.fetch('/api/v1/streams', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'demo', source: { type: 'test' } }),
  });
  if (!made.ok) throw new Error(`the test picture is refused: ${await made.text()}`);
}

function warmUp(): Promise<void> {
  return setTimeout(WARM_UP_S * 1000);
}

async function onPage<T>(browser: Browser, use: (page: Page) => Promise<T>): Promise<T> {
  await using visitor = await openVisitor(browser, { width: 1280, height: 900 });
  return await use(await visitor.newPage());
}

const isLive = ({ utcMs, nowMs, paused }: Look) => !paused && nowMs - utcMs < 10_000;
const plays = (page: Page) => frameWhen(page, 'it plays live', isLive, 60_000);

/** What each part of the machine takes while something is measured, percent of one core. */
async function machineOver<T>(
  server: Server,
  work: () => Promise<T>,
): Promise<{ found: T; load: NonNullable<PlayerReport['load']> }> {
  const own = new ProcessTree([process.pid]);
  const served = new ProcessTree([server.pid]);
  // Chromium and oxbow are children of this process.
  const look = () => ({ atS: performance.now() / 1000, all: machineCpuS(), own: own.cpuS(), served: served.cpuS() });
  const a = look();
  const found = await work();
  const b = look();
  const percent = (s: number) => (100 * s) / (b.atS - a.atS);
  const [all, mine, serving] = [b.all - a.all, b.own - a.own, b.served - a.served];
  return {
    found,
    load: { server: percent(serving), chromium: percent(mine - serving), others: Math.max(0, percent(all - mine)) },
  };
}

/** Clicks all over what is recorded, as far as the bar shows it. */
async function clicks(page: Page, server: Server): Promise<Jumps> {
  const track = page.getByRole('slider').and(page.locator('.track'));
  await page.keyboard.press('End');
  await plays(page);
  const [view, { spans }] = [await range(track), await server.timeline('demo')];
  const firstS = Math.max(view.minS, Date.parse(spans[0]!.from) / 1000) + 3;
  const lastS = Date.now() / 1000 - 8;
  const at = (part: number) => (firstS + part * (lastS - firstS) - view.minS) / (view.maxS - view.minS);
  // The golden ratio spreads them over all distances, each far from the one before.
  const spread = (count: number, seed: number) =>
    Array.from({ length: count }, (_, i) => at((seed + i * 0.618_034) % 1));
  return benchJumps(page, '.track', spread(CLICKS, 0.1), spread(FILMED_CLICKS, 0.37));
}

/** What the bar shows, seconds since 1970. */
async function range(track: ReturnType<Page['locator']>): Promise<{ minS: number; maxS: number }> {
  const [min, max] = await Promise.all([track.getAttribute('aria-valuemin'), track.getAttribute('aria-valuemax')]);
  return { minS: Number(min), maxS: Number(max) };
}

/** Players of the world with their best settings for low latency, on the same stream and machine. */
const settings: readonly { readonly player: string; readonly start: (url: string) => string }[] = [
  {
    player: 'hls.js 1.7.4, lowLatencyMode, liveSyncDuration 0.4, maxLiveSyncPlaybackRate 1.1',
    start: (url) => `(() => {
      const hls = new Hls({ lowLatencyMode: true, liveSyncDuration: 0.4, maxLiveSyncPlaybackRate: 1.1 });
      hls.loadSource(${JSON.stringify(url)});
      hls.attachMedia(document.querySelector('video'));
      return document.querySelector('video').play();
    })()`,
  },
  {
    player: 'shaka-player 5.2.12, streaming.lowLatencyMode, liveSync',
    start: (url) => `(async () => {
      shaka.polyfill.installAll();
      const player = new shaka.Player();
      await player.attach(document.querySelector('video'));
      player.configure({ streaming: { lowLatencyMode: true, liveSync: { enabled: true } } });
      await player.load(${JSON.stringify(url)});
      await document.querySelector('video').play();
    })()`,
  },
];

async function yardsticks(
  browser: Browser,
  server: Server,
  seconds: number,
  wants: (part: Part) => boolean,
  say: (text: string) => void,
): Promise<PlayerRow[]> {
  if (!wants('cost') && !wants('live')) return [];
  await using players = await servePlayers();
  const rows: PlayerRow[] = [];
  for (const { player, start } of settings) {
    say(`${player}, ${seconds} s`);
    const row = await onPage(browser, async (page): Promise<PlayerRow> => {
      await page.goto(players.url);
      await page.evaluate(start(`${server.url}/live/demo/index.m3u8`));
      await warmUp();
      const cost = wants('cost') ? await measureCost(browser, page, Math.min(60, seconds)) : null;
      return { player, playing: wants('live') ? await followLive(page, seconds) : null, cost };
    });
    rows.push(row);
  }
  return rows;
}

export { printPlayerReport } from './report.ts';
