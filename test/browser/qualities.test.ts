import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { printStrip } from '../../src/ffmpeg/strip.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Origin, openOrigin } from '../fixtures/origin.ts';
import { openFolder, type Server, startServer } from '../fixtures/server.ts';
import { perSecond, readListed, slidingList } from '../fixtures/sliding-list.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { collectFaults, openBrowser, openVisitor, withoutEarlyWindows } from './chromium.ts';
import { frameWhen, type Look, lookAt, type SeenFrame, takeFrames } from './frames.ts';
import { watchPlaces } from './multi-view.ts';

const adminToken = 'let-me-in-please';
const FPS = 10;
/** Length of the source; the tests take less. */
const SECONDS = 150;
/** They have the same source. */
const streams = ['cam', 'hall', 'door'] as const;
const qualities = { large: { width: 512, height: 288 }, small: { width: 256, height: 144 } } as const;
/** Times of neighbouring pictures are exact to the ticks of MPEG-TS and the µs of the browser, s. */
const EXACT_S = 0.002;
/** A jump forward leaves out more than a segment and a half, and more than was late before, ms. */
const JUMP_MS = 1_500;
const LATE_MS = 500;
/** Tries of changes without a jump. */
const ROUNDS = 3;

/** Pictures with the strip of the test picture alone, in two sizes from the same frames; segments of 1 s. */
async function makeSource(folder: string): Promise<void> {
  const beginMs = Date.UTC(2026, 0, 1);
  const strips = Array.from({ length: SECONDS * FPS }, (_, i) => {
    const bytes = printStrip(beginMs + (i * 1000) / FPS, i);
    return Uint8Array.from({ length: 64 }, (__, block) => (bytes[block >> 3]! & (0x80 >> (block & 7)) ? 255 : 0));
  });
  await writeFile(join(folder, 'strips'), Buffer.concat(strips));
  const picture = (name: keyof typeof qualities) => {
    const { width, height } = qualities[name];
    const strip = `scale=${width}:${height / 18}:flags=neighbor`;
    return `${strip},pad=${width}:${height}:0:0:gray,format=yuv420p[${name}]`;
  };
  const outputs = await Promise.all(
    (Object.keys(qualities) as (keyof typeof qualities)[]).map(async (name) => {
      await mkdir(join(folder, name));
      return [
        ...['-map', `[${name}]`, '-map', '1:a', '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '20'],
        ...['-g', `${FPS}`, '-keyint_min', `${FPS}`, '-sc_threshold', '0', '-c:a', 'aac', '-b:a', '64k'],
        ...[
          '-f',
          'hls',
          '-hls_time',
          '1',
          '-hls_list_size',
          '0',
          '-hls_segment_filename',
          join(folder, name, 's%d.ts'),
        ],
        join(folder, name, 'index.m3u8'),
      ];
    }),
  );
  const { code, stderr } = await run('ffmpeg', [
    ...['-v', 'error', '-y', '-f', 'rawvideo', '-pixel_format', 'gray', '-video_size', '64x1', '-framerate', `${FPS}`],
    ...['-i', join(folder, 'strips'), '-f', 'lavfi', '-i', `sine=sample_rate=48000:duration=${SECONDS}`],
    ...['-filter_complex', `[0:v]split[a][b];[a]${picture('large')};[b]${picture('small')}`, ...outputs.flat()],
  ]);
  assert.equal(code, 0, stderr);
}

/**
 * What is wrong with the time of pictures, if anything is. A busy machine leaves pictures out, and catches up
 * with what it was late: up to where it was with pictures `before` them.
 */
function jumpOf(seen: readonly SeenFrame[], before: readonly SeenFrame[]): string | undefined {
  const isRead = (frame: SeenFrame) => frame.front && frame.utcMs !== null;
  const pictures = seen.filter(isRead);
  if (pictures.length <= 30) return `only ${pictures.length} pictures`;
  const behind = ({ atMs, utcMs }: SeenFrame) => atMs - utcMs!;
  let leastBehindMs = Math.min(...before.filter(isRead).map(behind));
  for (const [i, picture] of pictures.entries()) {
    const before = pictures[i - 1];
    if (!before) continue;
    leastBehindMs = Math.min(leastBehindMs, behind(before));
    const utcS = (picture.utcMs! - before.utcMs!) / 1000;
    if (utcS < 0) return `picture ${i}: the time runs back by ${-utcS} s`;
    const jumpMs = behind(before) - behind(picture);
    if (jumpMs >= JUMP_MS && behind(picture) < leastBehindMs - LATE_MS) return `picture ${i}: it jumps by ${jumpMs} ms`;
    const isSame = before.element === picture.element;
    if (isSame && Math.abs(utcS - (picture.mediaTime - before.mediaTime)) >= EXACT_S)
      return `picture ${i}: the clock jumps`;
  }
  return undefined;
}

suite('the qualities of a live stream, in a browser', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let origin: Origin;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  before(async () => {
    const folder = opened.use(await openFolder('qualities'));
    await makeSource(folder.path);
    origin = opened.use(await openOrigin({ folder: folder.path }));
    const released = perSecond({ first: 6, seconds: 1 });
    for (const name of Object.keys(qualities)) {
      const segments = await readListed(join(folder.path, name), `/${name}/`);
      origin.put(`/${name}.m3u8`, slidingList({ segments, window: 8, released, ends: false }));
    }
    const variants = Object.entries(qualities).map(
      ([name, { width, height }], i) =>
        `#EXT-X-STREAM-INF:BANDWIDTH=${400_000 - i * 200_000},RESOLUTION=${width}x${height}\n/${name}.m3u8`,
    );
    origin.put('/master.m3u8', `#EXTM3U\n${variants.join('\n')}\n`);
    // Ten seconds back are the past.
    const args = ['--hls-window', '10s'];
    server = opened.use(await startServer({ args, data: join(folder.path, 'data'), adminToken }));
    for (const name of streams) {
      const created = await fetch(`${server.url}/api/v1/streams`, {
        method: 'POST',
        headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          name,
          recordQualities: true,
          source: { type: 'pull', url: `${origin.url}/master.m3u8`, qualities: 'all' },
        }),
      });
      assert.equal(created.status, 201, await created.text());
    }
    for (const name of streams) {
      await until(`both qualities of ${name} are live`, async () => {
        const text = await (await fetch(`${server.url}/live/${name}/index.m3u8`)).text();
        return text.includes('av0-144/');
      });
    }
    browser = await openBrowser();
    opened.defer(() => browser.close());
    page = await (await openVisitor(browser)).newPage();
    faults = collectFaults(page);
    await page.goto(`${server.url}/watch/cam`);
    await until('it plays', async () => (await lookAt(page)) !== undefined);
  });
  after(() => opened.disposeAsync());

  const width = () =>
    page.locator('video[data-front]').evaluate((video) => (video as HTMLVideoElement).videoWidth) as Promise<number>;

  async function choose(item: RegExp): Promise<void> {
    await page
      .locator('.controls')
      .getByRole('button', { name: /quality/i })
      .click();
    await page.getByRole('menuitemradio', { name: item }).click();
  }

  test('are in the menu of the watch page, and a change is no jump in time', async () => {
    // A player that is late on a busy machine catches up at any time; a change that jumps does so each time.
    const jumps: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await page.locator('.golive.edge').waitFor(); // no longer catching up
      const earlier = await takeFrames(page);
      const jump = jumpOf(await changeQualities(), earlier);
      if (jump === undefined) return;
      jumps.push(jump);
    }
    assert.fail(jumps.join('\n'));
  });

  /** The pictures of three changes. */
  async function changeQualities(): Promise<SeenFrame[]> {
    const seen: SeenFrame[] = [];
    for (const [item, wide] of [
      [/^144p/, 256],
      [/^288p/, 512],
      [/^144p/, 256],
    ] as const) {
      await choose(item);
      await until(`the picture is ${wide} wide`, async () => (await width()) === wide);
      let read = 0;
      await until('it plays on', async () => {
        const frames = await takeFrames(page);
        seen.push(...frames);
        read += frames.filter(({ front, utcMs }) => front && utcMs !== null).length;
        return seen.at(-1)?.front && read > 10;
      });
    }
    return seen;
  }

  fullTest('stay when one rewinds from live to the past and back', async () => {
    const lists: string[] = [];
    page.on('request', (request) => {
      const list = /\/(vod|live)\/cam\/.*?(av0[-\d]*)(?:\/g\d+)?\.m3u8/.exec(request.url());
      if (list) lists.push(`${list[1]} ${list[2]}`);
    });
    const live = await frameWhen(page, 'it plays', () => true);
    await page.locator('.track').focus();
    await page.keyboard.press('j');
    const isBefore = ({ utcMs, element }: Look) => utcMs < live.utcMs && element !== live.element;
    const past = await frameWhen(page, 'the past plays', isBefore);
    assert.equal(await width(), 256);
    await frameWhen(page, 'it plays on', ({ utcMs }) => utcMs > past.utcMs + 1000);
    assert.equal(await width(), 256);
    assert.deepEqual(new Set(lists.filter((list) => list.startsWith('vod'))), new Set(['vod av0-144']));
    lists.length = 0;
    await page.keyboard.press('End');
    // The past has played on to that time where the page is slow.
    await frameWhen(page, 'live plays', ({ utcMs, element }) => utcMs > live.utcMs && element !== past.element);
    assert.equal(await width(), 256);
    assert.deepEqual(new Set(lists.filter((list) => list.startsWith('live'))), new Set(['live av0-144']));
  });

  fullTest('are chosen by the size of each picture among several, live and in the past', async () => {
    await using visitor = await openVisitor(browser, { width: 1000, height: 580 });
    const several = await visitor.newPage();
    const severalFaults = collectFaults(several);
    /** As `hall av0-144`; what is requested of the past too. */
    const requested = new Set<string>();
    const windows = new Set<string>();
    several.on('request', (request) => {
      const url = new URL(request.url());
      const [, kind, name, quality] = /^\/(live|vod)\/(\w+)\/.*?\b(av0(?:-\d+)?)[/.]/.exec(url.pathname) ?? [];
      if (kind) requested.add(`${name} ${quality}`);
      if (kind === 'vod') windows.add(name!);
    });
    const isSmall = (name: string) => !requested.has(`${name} av0`) && requested.has(`${name} av0-144`);
    const plays = (name: string, wide: number) =>
      until(`${name} is ${wide} wide`, async () => {
        const video = several.locator(`[data-stream="${name}"] video[data-front]`);
        return (await video.evaluate((element) => (element as HTMLVideoElement).videoWidth)) === wide;
      });

    await several.goto(`${server.url}/multi?s=${streams.join()}&layout=2x2`);
    await Promise.all(streams.map((name) => plays(name, 256)));
    assert.ok(streams.every(isSmall), [...requested].join());
    const end = await watchPlaces(several);
    await several.getByRole('button', { name: /^Layout/ }).click();
    await several.getByRole('menuitemradio', { name: '1 + 2' }).click();
    await plays('cam', 512);
    await several
      .locator('[data-stream="hall"]')
      .getByRole('button', { name: /^Actions/ })
      .click();
    await several.getByRole('menuitem', { name: 'Move to the first place' }).click();
    await Promise.all([plays('hall', 512), plays('cam', 256)]);
    await several.keyboard.press('j');
    await until('all play the past', () => streams.every((name) => windows.has(name)));
    await Promise.all([plays('hall', 512), plays('cam', 256), plays('door', 256)]);
    assert.ok(isSmall('door'), [...requested].join());
    assert.equal(await end(), 0, 'no place was without a picture');
    assert.deepEqual(withoutEarlyWindows(severalFaults), []);
  });

  fullTest('a quality that the source loses does not stop the picture', async () => {
    await until('144p plays', async () => (await width()) === 256);
    origin.fault('/small/', { kind: 'status', status: 404 });
    await until('the quality has left', async () => {
      const text = await (await fetch(`${server.url}/live/cam/index.m3u8`)).text();
      return !text.includes('av0-144/');
    });
    const from = (await takeFrames(page)).findLast(({ utcMs }) => utcMs !== null)!.utcMs!;
    const look = await frameWhen(page, 'it plays on', ({ utcMs }) => utcMs > from + 8000);
    assert.ok(look.utcMs > from);
    await until('the other quality is shown', async () => (await width()) === 512);
    origin.heal('/small/');
  });

  test('without a console error or a failed request', () => assert.deepEqual(withoutEarlyWindows(faults), []));
});
