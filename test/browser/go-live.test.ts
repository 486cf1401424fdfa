import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { StreamView } from '../../src/api/shapes.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
suite('the page Go live', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let visitor: BrowserContext;
  let page: Page;
  let faults: string[];

  before(async () => {
    folder = opened.use(await openFolder('go-live'));
    server = opened.use(await startServer({ data: join(folder.path, 'data'), adminToken }));
    browser = await openBrowser();
    opened.defer(() => browser.close());
    visitor = await openVisitor(browser);
    page = await visitor.newPage();
    faults = collectFaults(page);
  });
  after(async () => {
    await opened.disposeAsync();
  });

  const field = (label: string, on = page) => on.getByLabel(label, { exact: true }).inputValue();

  test('is reached from the Create menu, requires signing in, and creates a stream with its key', async () => {
    await page.goto(`${server.url}/`);
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('menuitem', { name: 'Go live' }).click();
    await page.waitForURL('**/go-live');
    await page.getByRole('button', { name: 'Sign in on this computer' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Not a name');
    await page.getByRole('alert').getByText('Start with a letter or digit').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('studio');
    await page.getByLabel('Title for viewers').fill('Evening show');
    await page.getByLabel('Who can watch').selectOption('unlisted');
    assert.deepEqual(await violations(page, 'the form'), []);
    await page.getByRole('button', { name: 'Create stream key' }).click();
    await page.waitForURL('**/go-live/studio');
    await page.getByRole('heading', { name: 'Go live: Evening show' }).waitFor();
    const view = await server.json<StreamView>('/api/v1/streams/studio');
    assert.deepEqual([view.source.type, view.visibility, view.title], ['push', 'unlisted', 'Evening show']);
  });

  test('a key is rotated with an overlap and revoked after a confirmation, by keyboard', async () => {
    const row = (label: string) => page.getByRole('row').filter({ hasText: label });
    const before = await field('Stream key');
    await page.getByRole('button', { name: 'Rotate First key' }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    await until('another key is shown', async () => (await field('Stream key')) !== before);
    await until('both are listed', async () => (await row('First key').count()) === 2);
    await page.getByRole('button', { name: 'Revoke First key' }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await until('one is listed', async () => (await row('First key').count()) === 1);
  });

  test('the watch page of a stream without publisher leads administrators here', async () => {
    const watch = await visitor.newPage();
    await watch.goto(`${server.url}/watch/studio`);
    await watch.getByRole('link', { name: 'Go live' }).click();
    await watch.waitForURL('**/go-live/studio');
    await watch.close();
  });

  test('nothing is wider than a phone, also in Chinese and in the dark', async () => {
    for (const [locale, colorScheme] of [
      ['en-US', 'light'],
      ['zh-CN', 'dark'],
    ] as const) {
      await using other = await openVisitor(browser, { width: 390, height: 844, locale, colorScheme });
      await other.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
      const phone = await other.newPage();
      await phone.goto(`${server.url}/go-live/studio`);
      await phone.locator('form button[type="submit"]').click();
      await phone.locator('tbody tr').nth(1).waitFor();
      assert.deepEqual(await overflowing(phone), [], locale);
      assert.deepEqual(await violations(phone, `phone in ${locale}`), []);
    }
  });

  test('no console error, no failed request', () => {
    assert.deepEqual(faults, []);
  });
});
