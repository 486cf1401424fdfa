import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { copyAlone } from './alone.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { focused, tabTo } from './focus.ts';
import { frameWhen, type Look, lookAt, names } from './frames.ts';
import { newestStretch, startSample } from './stretch.ts';

const isLive = ({ utcMs, paused, nowMs }: Look) => !paused && nowMs - utcMs < 6_000;

suite('the keyboard alone does everything', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  before(async () => {
    folder = await openFolder('keyboard');
    server = await startSample(folder.path);
    browser = await openBrowser();
    context = await openVisitor(browser);
    page = await context.newPage();
    await newestStretch(server, 12);
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** End, until live is in front: what was shown before may be no more than a few seconds late, too. */
  const goLive = async () => {
    await page.keyboard.press('End');
    await page.locator('.golive.edge').waitFor();
    await frameWhen(page, 'it is live', isLive);
  };
  const expanded = () => page.evaluate(() => document.querySelectorAll('[aria-haspopup][aria-expanded="true"]').length);

  test('Tab reaches a card of the home page, Enter opens it, and it plays', async () => {
    await page.goto(`${server.url}/`);
    await page.locator('a[href="/watch/demo"]').first().waitFor();
    await tabTo(page, /^a demo$/);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/watch/demo');
    await frameWhen(page, 'it plays live', isLive);
    assert.notEqual((await focused(page)).what, 'body', 'the focus moves to the page');
  });

  test('on the bar arrows seek, plus and minus zoom, End goes live', async () => {
    const bar = await tabTo(page, /^slider /);
    const before = await until('a picture is there', () => lookAt(page));
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await frameWhen(page, 'it went back', (look) => look.nowMs - look.utcMs > before.nowMs - before.utcMs + 3_000);
    assert.equal((await focused(page)).what, bar.what, 'the bar keeps the focus');
    const range = () =>
      page.locator('.track').evaluate((track) => {
        const of = (name: string) => Number(track.getAttribute(name));
        return of('aria-valuemax') - of('aria-valuemin');
      });
    const wide = await range();
    await page.keyboard.press('+');
    const narrow = await until('the bar shows less', async () => (await range()) < wide && range());
    await page.keyboard.press('-');
    await until('the bar shows more', async () => (await range()) > narrow);
    assert.match((await page.locator('.track').getAttribute('aria-valuetext'))!, /\d/, 'its time is announced');
    await goLive();
  });

  fullTest('Shift and G plays at double speed until live', async () => {
    await goLive();
    const { utcMs } = await until('a picture is there', () => lookAt(page));
    await page.keyboard.press('Shift+ArrowLeft');
    await frameWhen(page, 'it went back', (look) => look.utcMs < utcMs);
    await page.keyboard.press('l'); // so near to live that it takes some seconds
    await page.keyboard.press('Shift+G');
    await frameWhen(page, 'it plays at double speed', ({ rate }) => rate === 2);
    await page.locator('.golive.edge').waitFor();
    await frameWhen(page, 'it plays live at normal speed', (look) => isLive(look) && look.rate < 1.2);
  });

  fullTest('K pauses and plays, comma and full stop step, wherever the focus is', async () => {
    await goLive();
    await page.keyboard.press('k');
    // A last picture may be shown after the pause: the page shows the time of the one that stays.
    const stood = await frameWhen(page, 'it is paused', (look) => look.paused && names(look));
    await page.keyboard.press(',');
    const back = await frameWhen(page, 'one back', ({ utcMs }) => utcMs < stood.utcMs);
    await page.keyboard.press('.');
    await frameWhen(page, 'one forward', ({ utcMs }) => utcMs > back.utcMs);
    await page.keyboard.press('k');
    await frameWhen(page, 'it plays', ({ paused }) => !paused);
  });

  fullTest('comma steps back to before the first loaded picture', async () => {
    await using visitor = await openVisitor(browser);
    const fresh = await visitor.newPage();
    await fresh.goto(`${server.url}/watch/demo`);
    await frameWhen(fresh, 'it plays live', isLive);
    await fresh.keyboard.press('k');
    let stood = await frameWhen(fresh, 'it is paused', ({ paused }) => paused);
    const loadedS = await fresh.locator('video[data-front]').evaluate((video: HTMLVideoElement) => {
      return video.currentTime - video.buffered.start(0);
    });
    const firstMs = stood.utcMs - loadedS * 1000;
    while (stood.utcMs > firstMs - 100) {
      for (let i = 0; i < 5; i++) await fresh.keyboard.press(',');
      const before = stood.utcMs;
      stood = await frameWhen(fresh, 'some back', ({ utcMs }) => utcMs < before - 100);
    }
  });

  fullTest('each menu opens with Enter, is used with keys, closes with Escape, and restores the focus', async () => {
    const labels = await page
      .locator('.controls [aria-haspopup]:visible')
      .evaluateAll((all) =>
        all.map((one) => (one.getAttribute('aria-label') ?? one.textContent.trim()).replace(/\s+/g, ' ')),
      );
    assert.ok(labels.length >= 2, labels.join());
    for (const label of labels) {
      // Some names contain a changing figure.
      const name = new RegExp(`^button ${label.replace(/[^\p{L} ].*$/u, '')}`);
      await tabTo(page, name);
      await page.keyboard.press('Enter');
      await until(`${label} opens`, async () => (await expanded()) === 1);
      await page.keyboard.press('ArrowDown');
      assert.notEqual((await focused(page)).what, 'body', `${label} keeps the focus`);
      await page.keyboard.press('Escape');
      await until(`${label} closes`, async () => (await expanded()) === 0);
      const { what } = await focused(page);
      assert.match(what, name, `${label} moves the focus to ${what}`);
    }
  });

  fullTest('a speed is selected in its menu', async () => {
    await tabTo(page, /^button Speed/);
    await page.keyboard.press('Enter');
    await until('it opens', async () => (await expanded()) === 1);
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await frameWhen(page, 'it plays at another speed', ({ rate }) => rate < 0.9);
    await page.keyboard.press('>');
    await until('its key makes it faster', async () => ((await lookAt(page))?.rate ?? 0) > 0.6);
    await page.keyboard.press('End');
    await page.locator('.golive.edge').waitFor(); // a picture at another speed is not at the edge
  });

  fullTest('the help opens with its key, keeps the focus inside, and closes with Escape', async () => {
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    for (let i = 0; i < 4; i++) {
      await page.keyboard.press('Tab');
      const inside = await page.evaluate(() => {
        const { activeElement } = document;
        return activeElement === document.body || activeElement!.closest('dialog, [role="dialog"]') !== null;
      });
      assert.ok(inside, (await focused(page)).what);
    }
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });

  fullTest('I and O mark a clip, and its panel downloads it', async () => {
    const before = await until('a picture is there', () => lookAt(page));
    await page.keyboard.press('j');
    const there = await frameWhen(page, 'ten seconds back', ({ utcMs }) => utcMs < before.utcMs - 5_000);
    await page.keyboard.press('i');
    await frameWhen(page, 'two seconds pass', ({ utcMs }) => utcMs > there.utcMs + 2_000);
    await page.keyboard.press('o');
    await page.keyboard.press('e');
    await tabTo(page, /^a Download/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    assert.match(download.suggestedFilename(), /\.mp4$/);
    let size = 0;
    for await (const bytes of await download.createReadStream()) size += (bytes as Buffer).length;
    assert.ok(size > 10_000, `${size} bytes`);
  });

  fullTest('a link to this moment is copied', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
    using _ = await copyAlone(page);
    await tabTo(page, /^button Share/);
    await page.keyboard.press('Enter');
    await until('it opens', async () => (await expanded()) === 1);
    await tabTo(page, /^button Copy link/);
    await page.keyboard.press('Enter');
    const link = await until(
      'the link is copied',
      async () => (await page.evaluate(() => navigator.clipboard.readText())) || undefined,
    );
    assert.match(link, /\/watch\/demo/);
    await page.keyboard.press('Escape');
  });

  test('back to the home page', async () => {
    await tabTo(page, /^a oxbow|^a .*home/i, 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${server.url}/`);
    await until('the focus moves to the page', async () => (await focused(page)).what !== 'body');
  });
});
