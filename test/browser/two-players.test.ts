import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';

/** JavaScript without types. */
const VITE_CONFIG = join(import.meta.dirname, '../../web/vite.config.js');

/** Builds the page; returns its folder. */
async function buildPage(folder: string): Promise<string> {
  const { build } = await import('vite');
  const { components } = await import(VITE_CONFIG);
  const outDir = join(folder, 'page');
  const input = { page: join(import.meta.dirname, 'two-players.fixture.ts') };
  await build({
    root: import.meta.dirname,
    configFile: false,
    logLevel: 'error',
    plugins: [components],
    base: '/two/',
    build: {
      outDir,
      minify: false, // it is read once
      assetsInlineLimit: 0,
      cssCodeSplit: false,
      rolldownOptions: { input, output: { entryFileNames: 'page.js', assetFileNames: '[name][extname]' } },
    },
  });
  return outDir;
}

const types: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };

suite('two players on one page', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  before(async () => {
    folder = await openFolder('two-players');
    const built = await buildPage(folder.path);
    server = await startServer({ data: join(folder.path, 'data'), args: smallPicture, adminToken: 'let-me-in-please' });
    const made = await server.fetch('/api/v1/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'second', source: { type: 'test' } }),
    });
    assert.equal(made.status, 201);
    browser = await openBrowser();
    page = await (await openVisitor(browser, { width: 900, height: 1400 })).newPage();
    faults = collectFaults(page);
    await page.route('**/two/**', async (route) => {
      const name = new URL(route.request().url()).pathname.slice('/two/'.length);
      if (name !== '') {
        const body = await readFile(join(built, name));
        return route.fulfill({ body, contentType: types[name.split('.').at(-1)!] ?? 'application/octet-stream' });
      }
      const head = '<link rel="stylesheet" href="/two/style.css"><script type="module" src="/two/page.js"></script>';
      const body = `<!doctype html><html lang="en"><head><title>Two</title>${head}</head><body><div id="app"></div></body></html>`;
      return route.fulfill({ contentType: 'text/html', body });
    });
    await page.goto(`${server.url}/two/`);
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const player = (n: number) => page.locator('section.player').nth(n);
  /**
   * Whether the picture of the player runs, and how loud it is; the element in the background has a volume of
   * its own.
   */
  const state = (n: number) =>
    player(n).evaluate((frame) => {
      const front = frame.querySelector<HTMLVideoElement>('video[data-front]');
      const { volume = 0, muted = true, currentTime: seconds = 0 } = front ?? {};
      return { plays: front !== null && front.readyState >= 2 && !front.paused, seconds, volume, muted };
    });
  const plays = async (n: number) => {
    const before = (await state(n)).seconds;
    await until(`player ${n} continues`, async () => {
      const { plays, seconds } = await state(n);
      return plays && seconds > before + 0.5;
    });
  };

  test('both play', async () => {
    await until('both have a picture', async () => (await state(0)).plays && (await state(1)).plays);
    await plays(0);
    await plays(1);
  });

  test('a key is for the player with the focus, otherwise for the last used one', async () => {
    await player(1).locator('.track').focus();
    await page.keyboard.press('k');
    await until('the second is paused', async () => !(await state(1)).plays);
    await plays(0);
    await player(0).locator('.track').focus();
    await page.keyboard.press('k');
    await until('the first is paused', async () => !(await state(0)).plays);
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press('k');
    await plays(0);
    assert.equal((await state(1)).plays, false);
    await player(1).locator('.track').focus();
    await page.keyboard.press('k');
    await plays(1);
  });

  test('each has its own volume, and the last setting is stored', async () => {
    const remembered = () => page.evaluate(() => JSON.parse(localStorage.getItem('oxbow.watch') ?? '{}').volume);
    for (const n of [0, 1]) {
      await player(n).locator('.track').focus();
      await page.keyboard.press('m');
      await until(`player ${n} has sound`, async () => !(await state(n)).muted);
    }
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
    await player(1).getByRole('button', { name: /^Mute/ }).focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
    // The page may still be reading the keys: both values are read until they agree.
    await until('the second is quieter, and that is stored', async () => {
      const { volume } = await state(1);
      return volume < 0.95 && Math.abs((await remembered()) - volume) < 0.01;
    });
    assert.equal((await state(0)).volume, 1);
    const writes = await page.evaluate(async () => {
      let count = 0;
      const { setItem } = Storage.prototype;
      Storage.prototype.setItem = function (...args) {
        if (args[0] === 'oxbow.watch') count += 1;
        return setItem.apply(this, args);
      };
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      return count;
    });
    assert.equal(writes, 0, 'two players do not write over each other');
  });

  test('no console error, no failed request in all this', () => {
    // The page comes from this test, not from the server: Chromium blocks its WebSockets to local addresses.
    const others = faults.filter((fault) => !fault.includes('LOCAL_NETWORK_ACCESS'));
    assert.deepEqual(others, []);
  });
});
