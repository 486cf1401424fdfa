import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { PathwayView } from '../../src/api/steering/steering-shapes.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { EDGE_TOKEN, type RunningEdge, startEdge } from '../fixtures/proxies/edge.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { type PlayerName, type PlayerPage, readPlayed, servePlayers, startPlayer } from './player-page.ts';

/** Target duration of the stream, ms. */
const TARGET_MS = 2000;
/** Longest time without progress, generous for a busy machine; the figure is in the report. ms. */
const MAX_STAND_MS = 3500;
/** Hosts of the edges: Shaka Player leaves all ports of a host that does not answer. */
const hosts = { eu: '127.0.0.2', us: '127.0.0.3' } as const;
type Id = keyof typeof hosts;
/** Of a report, an answer and a busy machine, ms. */
const LATE_MS = 1000;
/** How long a viewer is watched after the move, s of media. */
const WATCHED_S = 12;

const noRetry = { maxNumRetry: 0, retryDelayMs: 0, maxRetryDelayMs: 0 };
const load = {
  default: {
    maxTimeToFirstByteMs: 8000,
    maxLoadTimeMs: 20_000,
    timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: noRetry,
  },
};
/** Settings of docs/9-run/steering.md: another edge is tried at once, not after retries at a dead one. */
const quick: Readonly<Record<string, object>> = {
  'hls.js': { playlistLoadPolicy: load, fragLoadPolicy: load },
  'shaka-player': {},
  'dash.js': {},
};

interface Viewer extends AsyncDisposable {
  readonly page: Page;
  /** Hosts of answered requests for media, with their times, ms. */
  readonly media: { readonly host: string; readonly atMs: number }[];
}

suite('players and content steering', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let players: PlayerPage;
  const ports = new Map<Id, number>();
  const edges = new Map<Id, RunningEdge>();

  const hostOf = (id: Id) => `${hosts[id]}:${ports.get(id)}`;
  const open = async (id: Id) =>
    edges.set(id, await startEdge(server.url, { http: hostOf(id), args: ['--pathway', id, '--hosts', hosts[id]] }));
  const states = async () => {
    const { items } = await server.json<{ readonly items: readonly PathwayView[] }>('/api/v1/steering');
    return new Map(items.map(({ id, state, load: reported }) => [id, reported === null ? 'silent' : state]));
  };
  const bothUp = () =>
    until('both edges are up and report', async () => {
      const now = await states();
      return now.get('eu') === 'up' && now.get('us') === 'up';
    });

  before(async () => {
    folder = await openFolder('steering');
    for (const id of ['eu', 'us'] as const) ports.set(id, await freePort());
    const http = `127.0.0.1:${await freePort()}`;
    const pathways = [...ports].map(([id, port]) => `    ${id}:\n      url: http://${hosts[id]}:${port}\n`);
    // Viewers of this test come from 127.0.0.1: `eu` is for them, until it is gone.
    const config = `edges:\n  token: ${EDGE_TOKEN}\nsteering:\n  url: http://${http}\n  pathways:\n${pathways[0]}      networks: [127.0.0.0/8]\n${pathways[1]}`;
    await writeFile(join(folder.path, 'oxbow.yaml'), config);
    players = await servePlayers();
    browser = await openBrowser();
    server = await startServer({
      data: join(folder.path, 'data'),
      adminToken: 'let-me-in-please',
      http,
      args: ['--config', join(folder.path, 'oxbow.yaml'), ...smallPicture],
    });
    await server.stream('demo', 'live');
    await Promise.all([open('eu'), open('us')]);
    await bothUp();
  });
  after(async () => {
    await browser?.close();
    for (const edge of edges.values()) await edge[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await players?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** A viewer that plays from the edge `eu`. */
  async function watch(player: PlayerName, file: string): Promise<Viewer> {
    const visitor = await openVisitor(browser, { width: 480, height: 360 });
    const page = await visitor.newPage();
    const media: Viewer['media'] = [];
    let steered = 0;
    page.on('response', (response) => {
      const { host, pathname } = new URL(response.url());
      if (pathname.endsWith('/steering.json') && response.ok()) steered++;
      if (pathname.endsWith('.m4s') && response.ok()) media.push({ host, atMs: performance.now() });
    });
    await page.goto(players.url);
    await startPlayer(page, player, `http://${hostOf('eu')}/live/demo/${file}`, false, quick[player]);
    await until(
      `${player} plays from eu, and was steered`,
      async () => {
        const { currentTime, errors } = await readPlayed(page);
        if (currentTime > 0 && steered > 1 && media.length > 4 && media.at(-1)!.host === hostOf('eu')) return true;
        const hosts = media.slice(-5).map(({ host }) => host);
        throw new Error(
          `at ${currentTime} s, steered ${steered} times, media of ${hosts.join()}; ${errors.join('; ')}`,
        );
      },
      { withinMs: 40_000 },
    );
    const from = (await readPlayed(page)).furthest;
    await until(
      'it plays smoothly',
      async () => {
        const { furthest, currentTime, errors } = await readPlayed(page);
        if (furthest > from + 4) return true;
        throw new Error(`from ${from} to ${furthest}, now ${currentTime}; ${errors.join('; ')}`);
      },
      { withinMs: 30_000 },
    );
    return { page, media, [Symbol.asyncDispose]: () => visitor.close() };
  }

  /** Watches a viewer that has to leave `eu`. @returns figures */
  async function watchMove(context: TestContext, { page, media }: Viewer, leftMs: number, name: string): Promise<void> {
    const before = await readPlayed(page);
    await until(
      'it plays from us',
      async () => {
        if (media.at(-1)?.host === hostOf('us')) return true;
        const { currentTime, furthest, errors } = await readPlayed(page);
        throw new Error(`${JSON.stringify(media.at(-1))}, at ${currentTime} s of ${furthest}; ${errors.join('; ')}`);
      },
      { withinMs: 30_000 },
    );
    await until('it plays on', async () => (await readPlayed(page)).furthest > before.furthest + WATCHED_S, {
      withinMs: 60_000,
    });
    const played = await readPlayed(page);
    const first = media.find(({ host, atMs }) => atMs > leftMs && host === hostOf('us'))!;
    const last = media.findLast(({ host }) => host === hostOf('eu'))!;
    const tookMs = Math.round(first.atMs - leftMs);
    const stoodMs = Math.round(played.longestStandMs);
    context.diagnostic(
      `${name}: first media of us after ${tookMs} ms, last of eu after ${Math.round(last.atMs - leftMs)} ms, stood ${stoodMs} ms; ${played.errors.join('; ')}`,
    );
    assert.ok(stoodMs < MAX_STAND_MS, `it stood still for ${stoodMs} ms`);
    assert.ok(last.atMs < leftMs + TARGET_MS + LATE_MS, 'it leaves within one target duration, and stays away');
  }

  const cases: readonly (readonly [PlayerName, string])[] = [
    ['hls.js', 'index.m3u8'],
    ['shaka-player', 'index.m3u8'],
    ['shaka-player', 'index.mpd'],
    ['dash.js', 'index.mpd'],
  ];
  for (const [player, file] of cases) {
    test(`${player} (${file}) leaves an edge that drains`, async (context) => {
      await using viewer = await watch(player, file);
      const leftMs = performance.now();
      await edges.get('eu')!.manage('/edge/drain', { draining: true });
      try {
        await watchMove(context, viewer, leftMs, `${player}, drained`);
      } finally {
        await edges.get('eu')!.manage('/edge/drain', { draining: false });
        await bothUp();
      }
    });

    // dash.js stops reading a live manifest whose address has failed.
    if (player === 'dash.js') continue;
    test(`${player} (${file}) leaves an edge that was killed`, async (context) => {
      await using viewer = await watch(player, file);
      const leftMs = performance.now();
      await edges.get('eu')!.stop('SIGKILL');
      try {
        await watchMove(context, viewer, leftMs, `${player}, killed`);
      } finally {
        await open('eu');
        await bothUp();
      }
    });
  }
});
