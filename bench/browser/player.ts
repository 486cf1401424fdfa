/**
 * `npm run bench -- player`: total latency of the watch page, time of clicks into the past, joins of windows,
 * and cost, compared with hls.js and shaka-player on the same stream, and with dash.js and shaka-player on
 * its DASH manifest (bar: dash.js at most 2 s).
 * In: the built interface, Chromium, the test picture. Out: tables. Server, encoder and browser share the
 * machine.
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { openBrowser, openVisitor } from '../../test/browser/chromium.ts';
import { frameWhen, type Look } from '../../test/browser/frames.ts';
import { type PlayerName, servePlayers } from '../../test/browser/player-page.ts';
import { recordOverMarks } from '../../test/fixtures/joined-recording.ts';
import { openFolder, type Server, startServer } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/wait.ts';
import { machineCpuS, ProcessTree } from '../process-tree.ts';
import { say } from '../report.ts';
import { orTiny } from '../tiny.ts';
import { encoderDelayMs } from './encoder-delay.ts';
import { playJoins } from './joins.ts';
import { benchJumps, type Jumps } from './jumps.ts';
import { followLive, measureCost, measureFirstLoad, type PageCost, type PlayerRow } from './live.ts';
import { type PlayerReport, printPlayerReport } from './report.ts';

/** Recorded on both sides of each of the two marks, seconds: 600 frames in total. */
const HALF_S = orTiny(6, 2);
/** Recorded before and after those, so that the page is observed before the first of them, seconds. */
const MARGIN_S = 2;
const CLICKS = orTiny(40, 2);
const SCREENCAST_CLICKS = orTiny(12, 1);
/** Playback before each measurement, seconds. */
const WARM_UP_S = orTiny(15, 4);

/** Shortest measurement of a part, seconds. */
const SHORTEST_S = orTiny(20, 2);

/** Parts of the benchmark that can run separately. */
export const parts = ['cost', 'live', 'clicks', 'joins'] as const;
/** One of them. */
type Part = (typeof parts)[number];

/**
 * Measures and returns the report.
 *
 * @param seconds of oxbow's page live; the other players get a fifth of it, at least 20
 * @param only parts to run; default all
 * @throws Error if `only` has an unknown part
 */
export async function benchPlayer(seconds: number, only: readonly string[] = parts): Promise<string> {
  const unknown = only.find((part) => !parts.includes(part as Part));
  if (unknown !== undefined) throw new Error(`${unknown} is unknown; the parts are ${parts.join(', ')}`);
  const wants = (part: Part) => only.includes(part);
  const before = loadavg()[0]!;
  await using folder = await openFolder('bench-player');
  const data = join(folder.path, 'data');
  if (wants('joins')) say('a recording over two ten-minute marks');
  const recording = wants('joins') ? await recordOverMarks(data, HALF_S + MARGIN_S) : null;
  // A short run does not have five minutes of recording.
  const listS = seconds < 420 ? 30 : 300;
  await using server = await startServer({
    data,
    args: ['--hls-window', `${listS}s`],
    adminToken: 'a-token-for-benches',
    sample: !wants('joins'),
  });
  // Without an empty data folder there is no sample stream.
  if (recording) await addDemo(server);
  await server.stream('demo');
  const browser = await openBrowser();
  try {
    const watch = `${server.url}/watch/demo`;
    const costS = Math.min(60, Math.max(SHORTEST_S, seconds / 5));
    let firstLoadKb: number | null = null;
    let machine: { result: PageCost; load: PlayerReport['load'] } | null = null;
    // The page whose cost is measured has no instrumentation: reading its frames costs more than the player.
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
        const jumps = wants('clicks') ? await clicks(page, server) : null;
        return { playing, jumps, encoderMs: playing && (await encoderDelayMs(server, 'demo')) };
      }));
    if (recording) say('two joins');
    const joins = recording && (await onPage(browser, (page) => playJoins(page, server, recording, MARGIN_S)));
    const oxbow = { player: 'oxbow', playing: live ? live.playing : null, cost: machine ? machine.result : null };
    const others = await playOthers(browser, server, Math.max(SHORTEST_S, seconds / 5), wants);
    return printPlayerReport({
      listS,
      firstLoadKb,
      rows: [oxbow, ...others],
      encoderMs: live ? live.encoderMs : null,
      jumps: live ? live.jumps : null,
      joins,
      load: machine ? machine.load : null,
      loadAverage: [before, loadavg()[0]!],
    });
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
  if (!made.ok) throw new Error(`the server refuses the test picture: ${await made.text()}`);
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

/** CPU of the server, Chromium and other programs during `work`, percent of one core. */
async function machineOver<T>(
  server: Server,
  work: () => Promise<T>,
): Promise<{ result: T; load: NonNullable<PlayerReport['load']> }> {
  const tree = new ProcessTree([process.pid]);
  const served = new ProcessTree([server.pid]);
  // Chromium and oxbow are children of this process.
  const now = () => ({ atS: performance.now() / 1000, all: machineCpuS(), own: tree.cpuS(), served: served.cpuS() });
  const a = now();
  const result = await work();
  const b = now();
  const percent = (s: number) => (100 * s) / (b.atS - a.atS);
  const [total, mine, serving] = [b.all - a.all, b.own - a.own, b.served - a.served];
  return {
    result,
    load: { server: percent(serving), chromium: percent(mine - serving), others: Math.max(0, percent(total - mine)) },
  };
}

/** Clicks spread over the recorded part of the bar. */
/** Clicks are between these, seconds from the start and from now. */
const [BEHIND_START_S, BEFORE_NOW_S] = [3, 8];
/** Two clicks are so far apart that the new picture is not one that would have come anyway, seconds. */
const LEAST_RANGE_S = 20;

async function clicks(page: Page, server: Server): Promise<Jumps> {
  const track = page.getByRole('slider').and(page.locator('.track'));
  await page.keyboard.press('End');
  await plays(page);
  const { spans } = await server.timeline('demo');
  const startS = Date.parse(spans[0]!.from) / 1000 + BEHIND_START_S;
  const endS = () => Date.now() / 1000 - BEFORE_NOW_S;
  await until('enough is recorded', () => endS() - startS >= LEAST_RANGE_S);
  const view = await range(track);
  const firstS = Math.max(view.minS + BEHIND_START_S, startS);
  const lastS = endS();
  const at = (part: number) => (firstS + part * (lastS - firstS) - view.minS) / (view.maxS - view.minS);
  // The golden ratio spreads them over all distances, each far from the previous one.
  const spread = (count: number, seed: number) =>
    Array.from({ length: count }, (_, i) => at((seed + i * 0.618_034) % 1));
  return benchJumps(page, '.track', spread(CLICKS, 0.1), spread(SCREENCAST_CLICKS, 0.37));
}

/** Range of the bar, seconds since 1970. */
async function range(track: ReturnType<Page['locator']>): Promise<{ minS: number; maxS: number }> {
  const [min, max] = await Promise.all([track.getAttribute('aria-valuemin'), track.getAttribute('aria-valuemax')]);
  return { minS: Number(min), maxS: Number(max) };
}

const startShaka = (url: string) => `(async () => {
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  await player.attach(document.querySelector('video'));
  player.configure({ streaming: { lowLatencyMode: true, liveSync: { enabled: true } } });
  await player.load(${JSON.stringify(url)});
  await document.querySelector('video').play();
})()`;

/** The compared players with their settings for low latency, and what they play. */
const settings: readonly {
  readonly player: string;
  readonly script: PlayerName;
  readonly list: 'index.m3u8' | 'index.mpd';
  readonly start: (url: string) => string;
}[] = [
  {
    player: 'hls.js 1.7.4, lowLatencyMode, liveSyncDuration 0.4, maxLiveSyncPlaybackRate 1.1',
    script: 'hls.js',
    list: 'index.m3u8',
    start: (url) => `(() => {
      const hls = new Hls({ lowLatencyMode: true, liveSyncDuration: 0.4, maxLiveSyncPlaybackRate: 1.1 });
      hls.loadSource(${JSON.stringify(url)});
      hls.attachMedia(document.querySelector('video'));
      return document.querySelector('video').play();
    })()`,
  },
  {
    player: 'shaka-player 5.2.12, streaming.lowLatencyMode, liveSync',
    script: 'shaka-player',
    list: 'index.m3u8',
    start: startShaka,
  },
  {
    player: 'dash.js 5.2.1, DASH',
    script: 'dash.js',
    list: 'index.mpd',
    start: (url) =>
      `dashjs.MediaPlayer().create().initialize(document.querySelector('video'), ${JSON.stringify(url)}, true)`,
  },
  {
    player: 'shaka-player 5.2.12, DASH, streaming.lowLatencyMode, liveSync',
    script: 'shaka-player',
    list: 'index.mpd',
    start: startShaka,
  },
];

async function playOthers(
  browser: Browser,
  server: Server,
  seconds: number,
  wants: (part: Part) => boolean,
): Promise<PlayerRow[]> {
  if (!wants('cost') && !wants('live')) return [];
  await using players = await servePlayers();
  const rows: PlayerRow[] = [];
  for (const { player, script, list, start } of settings) {
    say(`${player}, ${seconds} s`);
    const row = await onPage(browser, async (page): Promise<PlayerRow> => {
      await page.goto(players.url);
      await page.addScriptTag({ url: `/${script}` });
      await page.evaluate(start(`${server.url}/live/demo/${list}`));
      await warmUp();
      const cost = wants('cost') ? await measureCost(browser, page, Math.min(60, seconds)) : null;
      return { player, playing: wants('live') ? await followLive(page, seconds) : null, cost };
    });
    rows.push(row);
  }
  return rows;
}
