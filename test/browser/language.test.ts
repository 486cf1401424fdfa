import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { firstOf } from '../full.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

/** Pages without a sign-in, the thin ones first. */
const PAGES = ['/', '/rooms', '/sign-in', '/library', '/clips', '/verify', '/docs', '/go-live', '/record', '/upload'];

suite('a further language', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;

  before(async () => {
    folder = opened.use(await openFolder('language'));
    server = opened.use(await startPlainServer({ data: join(folder.path, 'data') }));
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await opened.disposeAsync();
  });

  test('a German browser gets German, loads no other language, fits a phone, and can choose another', async () => {
    await using context = await openVisitor(browser, { width: 390, height: 844, locale: 'de-AT' });
    const page = await context.newPage();
    const faults = collectFaults(page);
    const packs = new Set<string>();
    page.on('request', (request) => {
      const [, tag] = /texts-of-(.+)-\w+-[\w-]{8}\.js$/.exec(request.url()) ?? [];
      if (tag !== undefined) packs.add(tag);
    });
    const found: string[] = [];
    for (const path of firstOf(3, PAGES)) {
      await page.goto(`${server.url}${path}`);
      await page.locator('main h1').first().waitFor();
      await page.getByRole('link', { name: 'Mediathek' }).first().waitFor();
      found.push(...(await overflowing(page)).map((each) => `${path}: ${each}`));
    }
    assert.deepEqual(found, []);
    assert.deepEqual([...packs], ['de']);
    assert.equal(await page.locator('html').getAttribute('lang'), 'de');
    for (const [from, name, link, tag] of [
      ['Sprache', '中文', '视频库', 'zh-CN'],
      ['语言', 'English', 'Library', 'en'],
    ] as const) {
      await page.getByRole('button', { name: from }).first().click();
      await page.getByText(name, { exact: true }).first().click();
      await page.getByRole('link', { name: link }).first().waitFor();
      assert.equal(await page.locator('html').getAttribute('lang'), tag);
    }
    assert.deepEqual([...packs], ['de', 'zh-CN']);
    assert.deepEqual(faults, []);
  });
});
