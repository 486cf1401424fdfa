import assert from 'node:assert/strict';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import words from '../../web/src/text/en/timeline.json' with { type: 'json' };
import watchWords from '../../web/src/text/en/watch.json' with { type: 'json' };
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { measureAlone } from './alone.ts';
import { launchBrowser, openVisitor } from './chromium.ts';
import { frameWhen, type Look, lookAt, names, type SeenFrame, takeFrames } from './frames.ts';
import { messages, observePage } from './page-log.ts';
import { recordScreencast } from './screencast.ts';
import { newestStretch, type Stretch } from './stretch.ts';

const FRAME_MS = 40;
/** Generous, because the machine may be busy; the real figure is in docs/performance/README.md. */
const MAX_BEHIND_MS = 5_000;
/** Length of the live playlist, so that the past begins soon. */
const LIST_S = 20;
/** Attempts at something that a busy machine may miss. */
const TRIES = 4;
/** Below this a picture is black; the test picture is three times as bright. */
const BLACK = 24;

const isLive = ({ utcMs, paused, nowMs }: Look) => !paused && nowMs - utcMs < MAX_BEHIND_MS;

/** Pauses, and waits until the page shows the exact time of the picture. */
async function pauseExactly(page: Page, where: string): Promise<Look> {
  await page.keyboard.press('k');
  return frameWhen(page, `paused ${where}, the page shows its time`, (look) => look.paused && names(look));
}

/** Steps with the keys; the page shows the time of each picture. */
async function step(page: Page, from: Look, key: ',' | '.', times: number): Promise<Look> {
  const sign = key === '.' ? 1 : -1;
  let at = from;
  for (let i = 0; i < times; i++) {
    await page.keyboard.press(key);
    const targetMs = at.utcMs + sign * FRAME_MS;
    const isNext = (look: Look) => look.paused && names(look) && Math.abs(look.utcMs - targetMs) < FRAME_MS / 2;
    at = await frameWhen(page, `${key} shows ${targetMs}`, isNext);
  }
  return at;
}

suite('now and then, in a browser', { skip: need('chromium') || need('ffmpeg') }, () => {
  let measuring: Disposable;
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let page: Page;
  /** Media that leaves the live playlist while other tests run. */
  let recorded: Stretch;
  const exceptions: string[] = [];
  const start = (http?: string) =>
    startServer({
      args: [...smallPicture, '--hls-window', `${LIST_S}s`],
      data: folder.path,
      ...(http === undefined ? {} : { http }),
    });

  before(async () => {
    measuring = await measureAlone();
    folder = await openFolder('now-and-then');
    server = await start();
    browser = await launchBrowser(); // a test stops all its pages
    page = await (await openVisitor(browser)).newPage();
    page.on('pageerror', (error) => exceptions.push(`${error.stack}`));
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
    measuring?.[Symbol.dispose]();
  });

  const live = (what: string) => frameWhen(page, what, isLive);
  /** Each test starts here, whatever the previous one left. */
  const goLive = async (): Promise<Look> => {
    await page.keyboard.press('End');
    // A picture a few seconds late looks live as well: the page knows.
    await page.locator('.golive.edge').waitFor();
    return live('it is live');
  };
  /** Opens a time by its address, like a shared link. */
  const open = (t: number) => page.goto(`${server.url}/watch/demo?t=${Math.floor(t / 1000)}`);

  /** Pictures in front since the last call. */
  async function seenInFront(): Promise<(SeenFrame & { utcMs: number })[]> {
    const seen = await takeFrames(page);
    return seen.filter((frame): frame is SeenFrame & { utcMs: number } => frame.front && frame.utcMs !== null);
  }

  test('live stays close to now, and time never runs backwards', async (t: TestContext) => {
    await newestStretch(server, 4);
    await page.goto(`${server.url}/watch/demo`);
    const first = await live('it plays live');
    await seenInFront();
    await live('it continues');
    await frameWhen(page, 'four seconds pass', ({ utcMs }) => utcMs > first.utcMs + 4_000);
    const seen = await seenInFront();
    const behind = seen.map(({ atMs, utcMs }) => atMs - utcMs).sort((a, b) => a - b);
    const median = behind[behind.length >> 1]!;
    t.diagnostic(
      `${seen.length} pictures, ${Math.round(median)} ms behind at p50, ${Math.round(behind.at(-1)!)} at most`,
    );
    assert.ok(median > 0 && median < MAX_BEHIND_MS, `${median} ms behind`);
    const times = seen.map(({ utcMs }) => utcMs);
    const sorted = times.toSorted((a, b) => a - b);
    assert.deepEqual(times, sorted, 'in order');
  });

  test('live, paused: the page shows the exact time, also after each frame step', async () => {
    await goLive();
    const stood = await pauseExactly(page, 'live');
    const back = await step(page, stood, ',', 4);
    const forward = await step(page, back, '.', 2);
    assert.equal(Math.round((forward.utcMs - stood.utcMs) / FRAME_MS), -2);
  });

  test('the same a few seconds back in the live playlist', async () => {
    await newestStretch(server, 14); // ten seconds back there are pictures before the one that is shown
    const from = await goLive();
    await page.keyboard.press('j');
    await frameWhen(page, 'ten seconds back', ({ utcMs, paused }) => !paused && utcMs < from.utcMs - 5_000);
    await step(page, await pauseExactly(page, 'in the live list'), ',', 2);
    recorded = await newestStretch(server, 10);
  });

  test('after the source was suspended, it returns to live by itself', async () => {
    await goLive();
    process.kill(server.pid, 'SIGSTOP');
    const stopped = Date.now();
    try {
      await until('four seconds pass', () => Date.now() > stopped + 4_000);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    const woke = Date.now();
    await frameWhen(page, 'it plays new media', (look) => isLive(look) && look.utcMs > woke + 2_000);
    await pauseExactly(page, 'after the source stood still');
  });

  test('after the page was suspended, it returns to live by itself', async () => {
    await goLive();
    // Freezing by the debugger's protocol leaves timers running: the whole process of the page is stopped,
    // like a sleeping laptop.
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const pages = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
    for (const pid of pages) process.kill(pid, 'SIGSTOP');
    const slept = Date.now();
    try {
      await until('eight seconds pass', () => Date.now() > slept + 8_000);
    } finally {
      for (const pid of pages) process.kill(pid, 'SIGCONT');
    }
    await session.detach();
    await frameWhen(page, 'it plays live', (look) => isLive(look) && look.utcMs > slept + 8_000);
    await pauseExactly(page, 'after sleep');
  });

  test('in the past, from a link, the page shows the exact time as well', async () => {
    const { fromMs } = recorded;
    await until('the live playlist no longer has it', () => Date.now() > fromMs + (LIST_S + 12) * 1000);
    const targetMs = fromMs + 3_000;
    await open(targetMs);
    const isThere = ({ utcMs }: Look) => utcMs > targetMs - 1_300 && utcMs < targetMs + 8_000;
    await frameWhen(page, 'it opens there', isThere);
    const stood = await pauseExactly(page, 'in the past');
    await step(page, await step(page, stood, '.', 2), ',', 3);
  });

  test('six jumps between now and the past, and no image of the screencast is blank', async (t) => {
    await goLive();
    const screencast = await recordScreencast(page, 'video');
    for (const [key, comes] of [
      ['Shift+ArrowLeft', ({ nowMs, utcMs }: Look) => nowMs - utcMs > LIST_S * 1000],
      ['End', isLive],
      ['j', ({ nowMs, utcMs }: Look) => nowMs - utcMs > 8_000],
      ['Home', ({ nowMs, utcMs }: Look) => nowMs - utcMs > LIST_S * 1000],
      ['l', ({ nowMs, utcMs }: Look) => nowMs - utcMs > 8_000],
      ['End', isLive],
    ] as const) {
      const before = await until('a picture is there', () => lookAt(page));
      await page.keyboard.press(key);
      const jumped = (look: Look) => Math.abs(look.utcMs - before.utcMs) > 4_000 && comes(look);
      await frameWhen(page, `${key} gets there`, jumped);
    }
    const values = await screencast.end();
    t.diagnostic(`${values.length} images, the darkest ${Math.min(...values)}`);
    assert.ok(values.length > 10, `${values.length} images`);
    assert.ok(Math.min(...values) > BLACK, `an image is blank: ${values.join(' ')}`);
  });

  test('oxbow is killed and restarted: the page recovers by itself', async () => {
    await goLive();
    await newestStretch(server, 5);
    await observePage(page);
    await server.stop('SIGKILL');
    await page.getByRole('alert').getByText(watchWords['watch.lost']).waitFor();
    server = await start(new URL(server.url).host);
    const backMs = Date.now();
    await frameWhen(page, 'it plays new media', (look) => isLive(look) && look.utcMs > backMs);
    await frameWhen(page, 'it continues', (look) => isLive(look) && look.utcMs > backMs + 2_000);
    await page.locator('.where.live').waitFor();
    const outage: readonly string[] = [watchWords['watch.lost'], watchWords['watch.lostStarting']];
    assert.deepEqual(
      (await messages(page)).filter((message) => !outage.includes(message)),
      [],
      'one message',
    );
    await pauseExactly(page, 'after the restart');
  });

  test('playback skips the hole, to the frame on both sides, and shows nothing inside it', async () => {
    const gaps = (await server.timeline('demo')).gaps.filter(({ cause }) => cause === 'crash');
    assert.equal(gaps.length, 1, `the crash is one gap: ${JSON.stringify(gaps)}`);
    const [fromMs, toMs] = [Date.parse(gaps[0]!.from), Date.parse(gaps[0]!.to)];
    await until('media follows the hole', () => Date.now() > toMs + 6_000);
    for (let left = TRIES; ; left--) {
      await open(fromMs - 3_000);
      const opened = await frameWhen(page, 'it opens', ({ utcMs }) => utcMs < toMs + 20_000);
      const stood = await pauseExactly(page, 'before the hole');
      if (stood.utcMs < fromMs) {
        assert.ok(opened.utcMs > fromMs - 4_300, `it begins at ${opened.utcMs}, the hole at ${fromMs}`);
        break;
      }
      // A machine that was suspended for three seconds pauses too late.
      assert.ok(left > 1, `it is at ${stood.utcMs}, the hole begins at ${fromMs}`);
    }
    const note = page.locator('.bar .unseen').getByText(words['cause.crash']);
    await note.waitFor({ state: 'attached' });
    await seenInFront();
    await page.keyboard.press('k');
    await frameWhen(page, 'it skips the hole', ({ utcMs }) => utcMs > toMs + 1_000);
    await step(page, await pauseExactly(page, 'behind the hole'), '.', 2);
    const seen = (await seenInFront()).map(({ utcMs }) => utcMs);
    assert.deepEqual(
      seen.filter((utcMs) => utcMs > fromMs + FRAME_MS && utcMs < toMs - FRAME_MS),
      [],
      'nothing out of the hole',
    );
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
      'time never runs back',
    );
  });

  test('after a reload it plays again: the time of a link, and live', async () => {
    const { fromMs } = await newestStretch(server, 4);
    await open(fromMs);
    const isThere = ({ utcMs }: Look) => utcMs > fromMs - 1_300 && utcMs < fromMs + 8_000;
    await frameWhen(page, 'it opens there', isThere);
    await page.reload();
    await frameWhen(page, 'it is there again', isThere);
    await page.goto(`${server.url}/watch/demo`);
    await live('live');
    await page.reload();
    await live('live again');
  });

  test('the page threw no exception', () => assert.deepEqual(exceptions, []));
});
