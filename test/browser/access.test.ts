import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { violations } from './axe.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { frameWhen, type Look, lookAt } from './frames.ts';
import { overflowing } from './overflow.ts';
import { newestStretch } from './stretch.ts';

/** Two visits see both languages, both widths and both themes. */
const visits = [
  { locale: 'en-US', width: 1440, height: 900 },
  { locale: 'zh-CN', width: 390, height: 844 },
] as const;

const isLive = ({ utcMs, paused, nowMs }: Look) => !paused && nowMs - utcMs < 6_000;

suite('no one is kept out', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  const found: string[] = [];

  before(async () => {
    folder = await openFolder('access');
    server = await startServer({ data: folder.path, args: smallPicture, adminToken: 'let-me-in-please' });
    // A stream whose source does not exist stays offline.
    const made = await server.fetch('/api/v1/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'away', source: { type: 'pull', url: 'http://127.0.0.1:9/index.m3u8' } }),
    });
    assert.equal(made.status, 201);
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /**
   * All rules in one theme, contrast in the other; nothing wider than the window.
   *
   * @param within selectors of what is new since the last check of the whole page
   */
  async function look(page: Page, where: string, within?: readonly string[]): Promise<void> {
    const scope = within ? { within } : {};
    const [theme, other] =
      page.viewportSize()!.width > 1000 ? (['light', 'dark'] as const) : (['dark', 'light'] as const);
    await page.emulateMedia({ colorScheme: other, reducedMotion: 'reduce' });
    found.push(...(await violations(page, `${where}, ${other}`, { ...scope, rules: ['color-contrast'] })));
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    found.push(...(await violations(page, `${where}, ${theme}`, scope)));
    found.push(...(await overflowing(page)).map((what) => `${where}: ${what}`));
  }

  /** Opens each menu of a region in turn. */
  async function lookIntoMenus(page: Page, within: string, where: string): Promise<number> {
    const buttons = page.locator(`${within} [aria-haspopup]:visible`);
    const count = await buttons.count();
    for (let i = 0; i < count; i++) {
      const button = buttons.nth(i);
      const label = await button.evaluate((one) => one.getAttribute('aria-label') ?? one.textContent.trim());
      await button.focus();
      await page.keyboard.press('Enter');
      await page.waitForFunction((one) => one!.getAttribute('aria-expanded') === 'true', await button.elementHandle());
      await look(page, `${where}, “${label}” open`, [
        '[aria-haspopup][aria-expanded="true"]',
        '[popover=auto]:popover-open',
      ]);
      await page.keyboard.press('Escape');
      await page.waitForFunction((one) => one!.getAttribute('aria-expanded') === 'false', await button.elementHandle());
    }
    return count;
  }

  for (const looks of visits) {
    const visit = `${looks.locale} at ${looks.width}`;

    test(`home, record, clips, and an unknown address: ${visit}`, async () => {
      await using visitor = await openVisitor(browser, looks);
      const page = await visitor.newPage();
      for (const [path, ready] of [
        ['/', 'article.card, .card'],
        ['/record', '.gate button'],
        ['/clips', 'main h1'],
        ['/watch/nothing/here', 'main h1'],
      ] as const) {
        await page.goto(`${server.url}${path}`);
        await page.locator(ready).first().waitFor();
        await look(page, `${path} ${visit}`);
      }
      assert.ok((await lookIntoMenus(page, 'header', `menus ${visit}`)) >= 2, 'theme and language');
      await page.route('**/api/v1/streams', (route) => route.fulfill({ json: { streams: [] } }));
      await page.goto(`${server.url}/`);
      await page.locator('main h1, main h2').first().waitFor();
      await look(page, `empty home ${visit}`);
    });

    test(`watch, in every state: ${visit}`, async () => {
      await using visitor = await openVisitor(browser, looks);
      const page = await visitor.newPage();
      await page.goto(`${server.url}/watch/demo`);
      await frameWhen(page, 'it plays live', isLive);
      await look(page, `live ${visit}`);
      assert.ok((await lookIntoMenus(page, '.controls', `live ${visit}`)) >= 2, 'settings, share');
      const tabs = page.getByRole('tab');
      for (let i = 0; i < (await tabs.count()); i++) {
        await tabs.nth(i).click();
        await look(page, `tab ${i} ${visit}`, ['aside']);
      }
      await newestStretch(server, 20); // ten seconds back must be recorded, also of a picture that is some seconds late
      await page.locator('.track').focus();
      await page.keyboard.press('k');
      await frameWhen(page, 'it is paused', ({ paused }) => paused);
      await look(page, `paused ${visit}`, ['section.player']);
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
      await look(page, `help ${visit}`, ['[role="dialog"], dialog[open]']);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
      await page.locator('.track').focus();
      const before = await until('a picture is there', () => lookAt(page));
      await page.keyboard.press('j');
      await frameWhen(page, 'it is in the past', ({ utcMs }) => utcMs < before.utcMs - 6_000);
      await page.keyboard.press('i');
      await page.keyboard.press('l');
      await page.keyboard.press('o');
      await look(page, `two marks ${visit}`, ['section.player', 'aside']);
      await page.keyboard.press('e');
      await look(page, `clips ${visit}`, ['aside']);
    });

    test(`watch, offline and with an unknown stream, and the embedded player: ${visit}`, async () => {
      await using visitor = await openVisitor(browser, looks);
      const page = await visitor.newPage();
      await page.goto(`${server.url}/watch/away`);
      await page.locator('.stage [role="status"], .stage [role="alert"]').first().waitFor();
      await look(page, `offline ${visit}`);
      await page.goto(`${server.url}/watch/unknown`);
      await page.locator('main').getByRole('heading').or(page.getByRole('alert')).first().waitFor();
      await look(page, `of no stream ${visit}`);
      await page.goto(`${server.url}/embed/demo`);
      await page.locator('button.start').waitFor();
      await look(page, `embedded, at rest ${visit}`);
      await page.locator('button.start').click();
      await frameWhen(page, 'the embedded player plays', isLive);
      await look(page, `embedded ${visit}`);
    });
  }

  test('axe finds nothing serious, and nothing is wider than the window', () => {
    assert.deepEqual([...new Set(found)], []);
  });
});
