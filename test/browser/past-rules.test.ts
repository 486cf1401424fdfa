/**
 * The broadcaster's rules for the past on the pages: viewers wait for the start, read how far can be rewound
 * and have no clip button; the operator sets the rules and begins the show.
 * In: a server with the test picture. Out: pages in both themes and languages, on a phone too.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const phone = { width: 390, height: 844, colorScheme: 'dark', locale: 'zh-CN' } as const;
const desk = { colorScheme: 'light' } as const;

suite('rules for the past on the watch page', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;

  before(async () => {
    folder = await openFolder('past-pages');
    server = await startServer({ data: join(folder.path, 'data'), sample: false, adminToken });
    await change('POST', '/api/v1/streams', { name: 'cam', source: { type: 'test' }, visibility: 'public' });
    await server.stream('cam', 'live');
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  async function change(method: string, path: string, body: unknown): Promise<void> {
    const init = { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await server.fetch(path, init);
    assert.ok(response.ok, await response.clone().text());
  }

  async function shot(page: Page, name: string): Promise<void> {
    const { LOOK } = process.env;
    if (LOOK === undefined) return;
    await mkdir(LOOK, { recursive: true });
    await page.screenshot({ path: join(LOOK, `${name}.png`) });
  }

  const signIn = (visitor: BrowserContext) =>
    visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
  const plays = (page: Page) =>
    page.waitForFunction(() => [...document.querySelectorAll('video')].some((video) => video.currentTime > 0.5));

  test('viewers wait for the start; the show begins on the page of the operator and then on theirs', async () => {
    await change('PATCH', '/api/v1/streams/cam', { past: { start: 'mark', rewind: '30m', clips: false } });
    await using visitor = await openVisitor(browser, phone);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(`${server.url}/watch/cam`);
    await page.getByRole('status').filter({ hasText: '即将开始' }).first().waitFor();
    assert.deepEqual(await violations(page, 'before the start'), []);
    assert.deepEqual(await overflowing(page), []);
    await shot(page, 'waits-phone-dark-zh');

    await using operator = await openVisitor(browser, desk);
    await signIn(operator);
    const own = await operator.newPage();
    await own.goto(`${server.url}/watch/cam`);
    await plays(own);
    await own.getByText('Viewers: rewind 30 min · no clips').waitFor();
    await shot(own, 'operator-desk-light-en');
    await own.getByRole('button', { name: 'Begin the show' }).click();
    await own.getByRole('button', { name: 'Set the start again' }).waitFor();

    await plays(page);
    await page.getByText('可回看最近 30 分钟').waitFor();
    assert.equal(await page.getByRole('button', { name: '剪辑' }).count(), 0, 'viewers have no clip button');
    await shot(page, 'started-phone-dark-zh');
    // Before the start the server refuses the past: `not-started` is a 404.
    assert.deepEqual(
      faults.filter((fault) => !/ 404\b/.test(fault)),
      [],
    );
  });

  test('the operator sets the rules in the dialog of the stream; a viewer with a light theme reads them', async () => {
    await change('PATCH', '/api/v1/streams/cam', { past: null });
    await using operator = await openVisitor(browser, { ...phone, locale: 'en-GB' });
    await signIn(operator);
    const own = await operator.newPage();
    await own.goto(`${server.url}/watch/cam`);
    await own.getByRole('button', { name: 'Edit cam' }).or(own.getByTitle('Edit')).first().click();
    const dialog = own.getByRole('dialog');
    await dialog.getByText('What viewers see of the past').click();
    await dialog.getByLabel('Rewind at most').fill('30m');
    await dialog.getByLabel('Viewers are late by').fill('5s');
    await dialog.getByLabel('Viewers may make clips').uncheck();
    await dialog.getByLabel('Viewers may make clips').scrollIntoViewIfNeeded();
    assert.deepEqual(await overflowing(own), []);
    await shot(own, 'dialog-phone-dark-en');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'hidden' });

    await using visitor = await openVisitor(browser, desk);
    const page = await visitor.newPage();
    await page.goto(`${server.url}/watch/cam`);
    await page.getByText('The last 30 min can be rewound').waitFor();
    await plays(page);
    assert.equal(await page.getByRole('button', { name: 'Clip', exact: true }).count(), 0);
    assert.deepEqual(await violations(page, 'a viewer'), []);
    await shot(page, 'viewer-desk-light-en');
  });
});
