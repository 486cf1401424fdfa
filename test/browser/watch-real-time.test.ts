/*
 * The watch page in real time: the picture comes over WHEP, seeks leave it, and the live list takes over
 * where it is not possible. The strip of the test picture names the time at which each picture was taken.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import { need } from '../fixtures/need.ts';
import { post } from '../fixtures/publishers/push-streams.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor, withoutEarlyWindows } from './chromium.ts';
import { readPicture, type Shown } from './picture.ts';

const adminToken = 'let-me-in-please';
/** The live list is later than this, real time is not, ms. */
const REAL_TIME_MS = 800;

/** An encoder whose video has B-frames. */
function publishBFrames(url: string): ChildProcess {
  const video = ['-c:v', 'libx264', '-preset', 'medium', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'];
  const input = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];
  const args = ['-hide_banner', '-loglevel', 'error', ...input, ...video, '-f', 'flv', url];
  return spawn('ffmpeg', args, { stdio: 'ignore' });
}

suite('the watch page in real time', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let visitor: BrowserContext;
  let page: Page;
  let faults: string[];

  before(async () => {
    folder = opened.use(await openFolder('real-time'));
    server = opened.use(
      await startServer({
        data: join(folder.path, 'data'),
        sample: false,
        adminToken,
        ingest: ['webrtc', 'rtmp'],
        args: [...smallPicture],
      }),
    );
    await post(server, '/streams', { name: 'door', source: { type: 'test' } });
    await server.stream('door', 'live');
    // A step back goes ten seconds back.
    await until('twelve seconds are recorded', async () => (await server.stream('door')).recorded.seconds >= 12);
    browser = await openBrowser();
    opened.defer(() => browser.close());
    visitor = await openVisitor(browser);
    page = await visitor.newPage();
    faults = collectFaults(page);
  });
  after(() => opened.disposeAsync());

  const isRealTime = (on = page) => on.locator('video[data-real-time]').count();
  const picture = (what: string, matches: (shown: Shown) => boolean) =>
    until(what, async () => {
      const shown = await readPicture(page);
      return shown !== undefined && matches(shown) && shown;
    });
  const isNow = ({ utcMs, paused }: Shown) => !paused && Date.now() - utcMs < REAL_TIME_MS;
  const inRealTime = async () => {
    await page.locator('video[data-real-time]').waitFor({ state: 'attached' });
    return picture('the picture is in real time', isNow);
  };
  async function choose(on = page): Promise<void> {
    await on.getByRole('button', { name: 'Settings' }).click();
    await on.getByRole('switch', { name: 'Real time' }).click();
    await on.keyboard.press('Escape');
  }

  test('is chosen in the settings, shows the picture within a second, and moves nothing', async () => {
    await page.goto(`${server.url}/watch/door`);
    await picture('the live list plays', ({ paused }) => !paused);
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('switch', { name: 'Real time' }).waitFor();
    assert.deepEqual(await violations(page, 'the settings'), []);
    await page.keyboard.press('Escape');
    const boxes = () =>
      Promise.all(
        ['.stage', '.golive', '.controls time', '.latency'].map((css) => page.locator(css).first().boundingBox()),
      );
    // A busy page is at the live edge a little later, and its latency is shown from then on.
    await page.locator('.golive.edge').waitFor();
    await page.locator('.latency .figure').waitFor();
    const before = await boxes();
    await choose();
    const shown = await inRealTime();
    assert.ok(Math.abs((shown.namedMs ?? 0) - shown.utcMs) < 1_500, 'the page names the time of the picture');
    await page.locator('.golive.edge').waitFor();
    // At the edge, which a busy page leaves for a moment.
    await until('nothing has moved', async () => {
      assert.deepEqual(await boxes(), before);
      return true;
    });
    assert.deepEqual(await violations(page, 'real time'), []);
  });

  test('a step back leaves it for the recording, and Live returns to it', async () => {
    const before = await picture('it plays', isNow);
    await page.keyboard.press('j');
    await picture('it is ten seconds back', ({ utcMs, paused }) => !paused && utcMs < before.utcMs - 3_000);
    await until('the real-time picture is gone', async () => (await isRealTime()) === 0);
    await page.keyboard.press('g');
    await inRealTime();
  });

  test('a pause holds the picture, and playing continues from it', async () => {
    await page.keyboard.press('k');
    const stopped = await picture('it is paused', ({ paused }) => paused);
    await until('the server has ended the session', async () =>
      /oxbow_webrtc_sessions\{kind="whep"\} 0\b/.test(await (await server.fetch('/metrics')).text()),
    );
    // A last picture may be shown after the pause.
    const held = await picture('it is there', () => true);
    assert.ok(held.utcMs >= stopped.utcMs && held.utcMs < stopped.utcMs + 1_000, `${held.utcMs}, ${stopped.utcMs}`);
    await until('more than the paused time is recorded', () => Date.now() > held.utcMs + 8_000);
    assert.equal((await readPicture(page))?.utcMs, held.utcMs);
    await page.keyboard.press('k');
    const shown = await picture('it plays', ({ paused }) => !paused);
    assert.ok(shown.utcMs < held.utcMs + 5_000, `${shown.utcMs - held.utcMs} ms were skipped`);
    assert.equal(await isRealTime(), 0);
  });

  test('the choice is remembered, and can be taken back', async () => {
    await page.reload();
    await inRealTime();
    await choose();
    await until('the live list plays', async () => (await isRealTime()) === 0);
    await picture('it is later', ({ paused }) => !paused);
    await page.reload();
    await page.locator('.golive.edge').waitFor();
    assert.equal(await isRealTime(), 0);
    assert.deepEqual(withoutEarlyWindows(faults), []);
  });

  test('a stream that cannot be sent in real time plays from the live list, with the reason', async () => {
    const { key } = await post<CreatedPublishKey>(server, '/publish-keys', { prefix: 'hall' });
    const encoder = publishBFrames(`${server.ingest.rtmp}/hall?key=${key}`);
    opened.defer(() => void encoder.kill('SIGKILL'));
    await server.stream('hall', 'live');
    const other = await visitor.newPage();
    await other.goto(`${server.url}/watch/hall`);
    await other.locator('.golive.edge').waitFor();
    await choose(other);
    await other.getByText('The video has B-frames, which WebRTC cannot show').waitFor();
    assert.equal(await isRealTime(other), 0);
    await other.locator('.golive.edge').waitFor();
    await other.close();
  });
});
