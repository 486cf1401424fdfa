import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { PathwayView } from '../../src/api/steering/steering-shapes.ts';
import { freePort } from '../fixtures/free-port.ts';
import { need } from '../fixtures/need.ts';
import { readFirstVariant } from '../fixtures/playlists.ts';
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
  'dash.js': {
    streaming: {
      retryIntervals: { MPD: 50, MediaSegment: 50, InitializationSegment: 50 },
    },
  },
};

interface Viewer extends AsyncDisposable {
  readonly page: Page;
  /** Hosts of answered requests for media, with their times, ms. */
  readonly media: { readonly host: string; readonly atMs: number }[];
  /** Hosts that were sent its playback token. */
  readonly trusted: ReadonlySet<string>;
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
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'closed', source: { type: 'test' }, visibility: 'signed' }),
    };
    assert.ok((await server.fetch('/api/v1/streams', init)).ok);
    for (const name of ['demo', 'closed']) await server.stream(name, 'live');
    await Promise.all([open('eu'), open('us')]);
    await bothUp();
    // dash.js that begins with the first picture of a stream may stay there.
    await until('a few segments are listed', async () => {
      const lists = ['demo', 'closed'].map((name) => readFirstVariant(server, `/live/${name}/index.m3u8`));
      return (await Promise.all(lists)).every(({ list }) => list.segments.length > 4);
    });
  });
  after(async () => {
    await browser?.close();
    for (const edge of edges.values()) await edge[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await players?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Makes a playback token of the stream that needs one. */
  const tokenOf = async () => {
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify({ expires: '1h' }) };
    const answer = await server.fetch('/api/v1/streams/closed/watch-tokens', init);
    return ((await answer.json()) as { readonly token: string }).token;
  };

  /** A viewer that plays from the edge `eu`. @param isSigned it has a playback token */
  async function watch(player: PlayerName, file: string, isSigned = false): Promise<Viewer> {
    const visitor = await openVisitor(browser, { width: 480, height: 360 });
    const page = await visitor.newPage();
    const media: Viewer['media'] = [];
    const trusted = new Set<string>();
    const folderPath = isSigned ? `/t/${await tokenOf()}/live/closed` : '/live/demo';
    let steered = 0;
    page.on('request', (request) => {
      const { href, host } = new URL(request.url());
      if (isSigned && href.includes(folderPath.split('/')[2]!)) trusted.add(host);
    });
    page.on('response', (response) => {
      const { host, pathname } = new URL(response.url());
      if (pathname.endsWith('/steering.json') && response.ok()) steered++;
      if (pathname.endsWith('.m4s') && response.ok()) media.push({ host, atMs: performance.now() });
    });
    await page.goto(players.url);
    await startPlayer(page, player, `http://${hostOf('eu')}${folderPath}/${file}`, false, quick[player]);
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
    return { page, media, trusted, [Symbol.asyncDispose]: () => visitor.close() };
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

  /** Watches a viewer whose edge `eu` is killed just after an answer that sends viewers there. */
  async function watchDeath(context: TestContext, viewer: Viewer, name: string): Promise<void> {
    await viewer.page.waitForResponse(/\/steering\.json/);
    const leftMs = performance.now();
    await edges.get('eu')!.stop('SIGKILL');
    try {
      await watchMove(context, viewer, leftMs, name);
    } finally {
      await open('eu');
      await bothUp();
    }
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

    test(`${player} (${file}) leaves an edge that was killed`, async (context) => {
      await using viewer = await watch(player, file);
      await watchDeath(context, viewer, `${player}, killed`);
    });
  }

  for (const [player, file] of cases) {
    test(`${player} (${file}) with a playback token leaves an edge that was killed`, async (context) => {
      await using viewer = await watch(player, file, true);
      await watchDeath(context, viewer, `${player}, killed, with a token`);
      const known = new Set([hostOf('eu'), hostOf('us'), new URL(server.url).host]);
      for (const host of viewer.trusted) assert.ok(known.has(host), `${host} got the token`);
      assert.ok(viewer.trusted.has(hostOf('us')));
    });
  }

  /** Answers to a request for a Steering Manifest that are none; undefined: it is never answered. */
  const wrongAnswers: Readonly<Record<string, { readonly status: number; readonly body: string } | undefined>> = {
    'does not come': undefined,
    'is an error': { status: 500, body: '' },
    'is no JSON': { status: 200, body: '<html>' },
    'names no edge that exists': {
      status: 200,
      body: '{"VERSION":1,"TTL":1,"PATHWAY-PRIORITY":["mars"],"RELOAD-URI":"/nowhere.json"}',
    },
  };
  for (const [what, wrong] of Object.entries(wrongAnswers)) {
    for (const [player, file] of cases) {
      test(`${player} (${file}) plays on where a steering answer ${what}`, async () => {
        await using visitor = await openVisitor(browser, { width: 480, height: 360 });
        const page = await visitor.newPage();
        const others: string[] = [];
        let asked = 0;
        page.on('request', (request) => {
          const { host, pathname } = new URL(request.url());
          if (pathname.endsWith('.m4s') && host !== hostOf('eu')) others.push(request.url());
        });
        await page.route(/\/(?:steering|nowhere)\.json/, async (route) => {
          asked++;
          const headers = { 'access-control-allow-origin': '*', 'content-type': 'application/json' };
          if (wrong) await route.fulfill({ status: wrong.status, body: wrong.body, headers });
        });
        await page.goto(players.url);
        await startPlayer(page, player, `http://${hostOf('eu')}/live/demo/${file}`, false, quick[player]);
        await until('it plays', async () => (await readPlayed(page)).currentTime > 0 && asked > 0, {
          withinMs: 40_000,
        });
        const { furthest } = await readPlayed(page);
        await until('it plays on', async () => (await readPlayed(page)).furthest > furthest + 6, {
          withinMs: 60_000,
        });
        const { longestStandMs } = await readPlayed(page);
        assert.ok(longestStandMs < MAX_STAND_MS, `it stood still for ${longestStandMs} ms`);
        assert.deepEqual(others, [], 'it stays at its edge');
      });
    }
  }

  for (const [player, file] of cases) {
    test(`${player} (${file}) leaves an edge that reports well and refuses media`, async (context) => {
      await using viewer = await watch(player, file);
      await viewer.page.route(
        (url) => url.host === hostOf('eu') && /\.(?:m4s|m3u8|mpd)$/.test(url.pathname),
        (route) => route.fulfill({ status: 503, headers: { 'access-control-allow-origin': '*' } }),
      );
      const leftMs = performance.now();
      await watchMove(context, viewer, leftMs, `${player}, refused`);
      assert.equal((await states()).get('eu'), 'up', 'the server still believes its reports');
    });
  }

  // The others leave an edge alone for minutes after it has failed.
  for (const [player, file] of cases.slice(-1)) {
    test(`${player} (${file}) comes back when the edge that it went to dies too`, async (context) => {
      await using viewer = await watch(player, file);
      await watchDeath(context, viewer, `${player}, killed`);
      await until('it is at eu again', () => viewer.media.at(-1)?.host === hostOf('eu'), { withinMs: 30_000 });
      await edges.get('eu')!.manage('/edge/drain', { draining: true });
      await until('it is at us', () => viewer.media.at(-1)?.host === hostOf('us'), { withinMs: 30_000 });
      await edges.get('eu')!.manage('/edge/drain', { draining: false });
      await bothUp();
      await edges.get('us')!.stop('SIGKILL');
      await until('it is at eu', () => viewer.media.at(-1)?.host === hostOf('eu'), { withinMs: 30_000 });
      const { furthest } = await readPlayed(viewer.page);
      await until('it plays on', async () => (await readPlayed(viewer.page)).furthest > furthest + 4, {
        withinMs: 30_000,
      });
      await open('us');
      await bothUp();
    });
  }
});
