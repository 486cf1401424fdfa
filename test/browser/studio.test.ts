/*
 * The studio: a visitor goes live with the camera and the screen of their browser. Chromium has fake devices,
 * which show a counter and beep once a second, and shares its own tab.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { StreamView } from '../../src/api/shapes.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { fullSuite, fullTest } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, fakeDevices, type Looks, launchBrowser, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
/** Chromium shares this tab without a dialog. */
const sharesTab = ['--auto-select-tab-capture-source-by-title=oxbow', '--auto-accept-this-tab-capture'];

suite('the studio', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let visitor: BrowserContext;
  let page: Page;
  let faults: string[];

  const start = async (http?: string) =>
    startServer({
      data: join(folder.path, 'data'),
      sample: false,
      adminToken,
      ingest: ['webrtc'],
      ...(http !== undefined && { http }),
    });

  before(async () => {
    folder = opened.use(await openFolder('studio'));
    server = await start();
    opened.defer(async () => void (await server.stop()));
    browser = await launchBrowser([...fakeDevices, ...sharesTab]); // among the tabs of the shared one are those of other files
    opened.defer(() => browser.close());
    visitor = await openVisitor(browser);
    await visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
    page = await visitor.newPage();
    faults = collectFaults(page);
  });
  after(() => opened.disposeAsync());

  const view = (name: string) => server.json<StreamView>(`/api/v1/streams/${name}`);
  const state = (words: string, on = page) => on.locator('.stage .word', { hasText: words }).waitFor();
  const press = (name: string, on = page) => on.getByRole('button', { name, exact: true }).click();

  test('from Go live to a stream that is live and recorded', async () => {
    await page.goto(`${server.url}/go-live`);
    await page.getByRole('link', { name: 'Open studio' }).click();
    await page.waitForURL('**/studio');
    await state('Not live');
    await page.getByLabel('Name', { exact: true }).fill('evening');
    await page.getByLabel('Title for viewers').fill('Evening show');
    await page.getByLabel('Who can watch').selectOption('public');
    await shot(page, 'closed');
    assert.deepEqual(await violations(page, 'before the camera is on'), []);
    await press('Turn on camera');
    await state('Ready');
    await until('the preview plays', () =>
      page.locator('.stage video').evaluate((video) => (video as HTMLVideoElement).videoWidth > 0),
    );
    await press('Go live');
    await state('Live');
    await server.stream('evening');
    await page.getByText('1280 × 720').waitFor();
    await page.locator('.state.live', { hasText: /\d watching/ }).waitFor();
    assert.equal((await view('evening')).title, 'Evening show');
    await page.locator('dt', { hasText: 'Upload' }).waitFor();
    await shot(page, 'live');
    assert.deepEqual(await violations(page, 'live'), []);
    await until('the server names the tracks', async () => (await view('evening')).tracks.length === 2);
    const { tracks } = await view('evening');
    assert.deepEqual(
      tracks.map(({ codecs }) => codecs.replace(/\..*/, '')),
      ['avc1', 'opus'],
    );
    await until('ten seconds are recorded', async () => (await view('evening')).recorded.seconds >= 10);
    const watch = await visitor.newPage();
    await watch.goto(`${server.url}/watch/evening`);
    await watch.locator('.golive.edge').waitFor();
    await watch.keyboard.press('j');
    await watch.locator('.golive:not(.edge)').waitFor();
    await until('the past plays', () =>
      watch
        .locator('video')
        .evaluateAll((all) => (all as HTMLVideoElement[]).some(({ paused, videoWidth }) => !paused && videoWidth > 0)),
    );
    await watch.close();
    assert.deepEqual(faults, []);
  });

  fullTest('the screen with the camera in its corner replaces the camera while live', async () => {
    await page.getByRole('radio', { name: 'Both' }).check();
    /**
     * Whether the frame of the camera picture is there: its left edge is white, what is around it is green.
     */
    const isFramedAt = (left: number, y: number) =>
      page.locator('.stage video').evaluate(
        (video, [left, y]) => {
          const { videoWidth: width, videoHeight: height } = video as HTMLVideoElement;
          if (width !== 1280) return false;
          const context = new OffscreenCanvas(width, height).getContext('2d')!;
          context.drawImage(video as HTMLVideoElement, 0, 0);
          return (context.getImageData(left!, y!, 1, 1).data[0] ?? 0) > 120;
        },
        [left, y] as const,
      );
    await until('both are in the picture', () => isFramedAt(898, 600));
    await shot(page, 'both');
    await page.getByLabel('Camera position').selectOption('Top left');
    await until('the camera has moved', async () => (await isFramedAt(22, 120)) && !(await isFramedAt(898, 600)));
    await state('Live');
    await page.getByRole('radio', { name: 'Camera' }).check();
    await until('the camera is alone', async () => !(await isFramedAt(22, 120)));
    await state('Live');
  });

  fullTest('mute silences the microphone', async () => {
    const level = () => page.getByRole('meter').getAttribute('aria-valuenow');
    await until('the microphone is heard', async () => Number(await level()) > 0);
    assert.equal(await page.getByRole('button', { name: 'Mute microphone' }).innerText(), 'Mute');
    await press('Mute microphone');
    await page.getByText('Muted', { exact: true }).waitFor();
    await until('nothing is heard', async () => Number(await level()) === 0);
    await press('Mute microphone');
    await until('it is heard again', async () => Number(await level()) > 0);
  });

  fullTest('leaving the page asks first', async () => {
    await page.getByRole('link', { name: 'Library' }).click();
    await page.getByRole('dialog').getByText('You are live.').waitFor();
    assert.deepEqual(await violations(page, 'the question', { within: ['dialog'] }), []);
    await press('Cancel');
    await page.goBack();
    await page.getByRole('dialog').getByText('You are live.').waitFor();
    await press('Cancel');
    assert.match(page.url(), /\/studio$/);
    await state('Live');
  });

  fullTest('after a restart of the server the stream continues by itself', async () => {
    const address = new URL(server.url).host;
    const before = (await view('evening')).recorded.to;
    await server.stop();
    await state('Reconnecting');
    server = await start(address);
    await state('Live');
    await until('more is recorded', async () => ((await view('evening')).recorded.to ?? '') > (before ?? ''));
  });

  test('Stop ends the stream, revokes its key and keeps the preview', async () => {
    await press('Stop');
    await state('Ready');
    await page.getByText('The stream has ended.').waitFor();
    await until('it is over', async () => (await view('evening')).state !== 'live');
    await until('the key is gone', async () => {
      const { items } = await server.json<{ items: readonly unknown[] }>('/api/v1/streams/evening/keys');
      return items.length === 0;
    });
    assertCovered(await server.timeline('evening', ''));
    await press('Turn off devices');
    await state('Not live');
  });

  fullTest('devices that are turned on again begin as the user left them', async () => {
    /** The loudest level in two seconds of the preview, in which the fake microphone beeps twice. */
    const loudest = () =>
      page.locator('.stage video').evaluate(async (video: HTMLVideoElement) => {
        const endS = video.currentTime + 2;
        const meter = document.querySelector('[role=meter]')!;
        let most = 0;
        while (video.currentTime < endS) {
          await new Promise((resolve) => requestAnimationFrame(resolve));
          most = Math.max(most, Number(meter.getAttribute('aria-valuenow')));
        }
        return most;
      });
    await press('Turn on camera');
    await state('Ready');
    assert.notEqual(await loudest(), 0);
    await press('Mute microphone');
    await press('Turn off devices');
    await press('Turn on camera');
    await state('Ready');
    await page.getByText('Muted', { exact: true }).waitFor();
    assert.equal(await loudest(), 0);
    await press('Mute microphone');
    assert.notEqual(await loudest(), 0);
    await press('Turn off devices');
  });

  fullTest('a stream that has a publisher is refused in words', async () => {
    const other = await visitor.newPage();
    for (const each of [page, other]) {
      await each.goto(`${server.url}/studio/evening`);
      await press('Turn on camera', each);
      await press('Go live', each);
      if (each === page) await state('Live');
    }
    await other.getByText('Another publisher is live on this stream').waitFor();
    await state('Ready', other);
    await shot(other, 'refused');
    assert.deepEqual(await violations(other, 'refused'), []);
    await other.close();
    page.on('dialog', (dialog) => void dialog.accept());
    await page.goto(`${server.url}/studio`);
    await until('a closed page ends its stream', async () => (await view('evening')).state !== 'live');
  });
});

fullSuite('the studio without devices', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;

  before(async () => {
    const folder = opened.use(await openFolder('no-devices'));
    server = opened.use(
      await startServer({ data: join(folder.path, 'data'), sample: false, adminToken, ingest: ['webrtc'] }),
    );
  });
  after(() => opened.disposeAsync());

  async function openStudio(browser: Browser, looks: Looks = {}): Promise<Page> {
    const visitor = await openVisitor(browser, looks);
    await visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
    const page = await visitor.newPage();
    await page.goto(`${server.url}/studio`);
    return page;
  }

  test('no camera, and a refused one, are named with what to do', async () => {
    const browser = await launchBrowser(); // the shared one has devices
    opened.defer(() => browser.close());
    const page = await openStudio(browser);
    await page.getByRole('button', { name: 'Turn on camera' }).click();
    await page
      .getByRole('alert')
      .getByText(/No camera found|The camera is not allowed/)
      .waitFor();
    assert.deepEqual(await violations(page, 'no camera'), []);
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'));
    });
    await page.getByRole('button', { name: 'Turn on camera' }).click();
    await page.getByText('The camera is not allowed').waitFor();
    await page.getByText('press the symbol beside the address').waitFor();
  });

  test('nothing is wider than a phone, in both languages and themes', async () => {
    const browser = await openBrowser();
    opened.defer(() => browser.close());
    for (const [width, locale, colorScheme, start, go, live] of [
      [320, 'en-US', 'dark', 'Turn on camera', 'Go live', 'Live'],
      [390, 'zh-CN', 'light', '打开摄像头', '开始直播', '直播中'],
      [1280, 'zh-CN', 'dark', '打开摄像头', '开始直播', '直播中'],
      [1920, 'en-US', 'light', 'Turn on camera', 'Go live', 'Live'],
    ] as const) {
      const page = await openStudio(browser, { width, height: 844, locale, colorScheme, touch: width < 640 });
      await page.getByRole('button', { name: start }).waitFor();
      await shot(page, `${width}-closed`);
      assert.deepEqual(await overflowing(page), [], `${width} before`);
      await page.getByRole('button', { name: start }).click();
      await page.getByRole('button', { name: go, exact: true }).click();
      await page.locator('.stage .word', { hasText: live }).waitFor();
      await page.locator('dd').nth(3).waitFor();
      await shot(page, `${width}-live`);
      assert.deepEqual(await overflowing(page), [], `${width} live`);
      assert.deepEqual(await violations(page, `${width} live`), []);
      await page.context().close();
    }
  });
});

async function shot(on: Page, name: string): Promise<void> {
  const { LOOK } = process.env;
  if (LOOK === undefined) return;
  await mkdir(LOOK, { recursive: true });
  await on.screenshot({ path: join(LOOK, `${name}.png`), fullPage: true });
}
