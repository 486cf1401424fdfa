/**
 * Cases in a browser: a span becomes a range of a case, the case is exported, and its archive plays from the
 * disk, without a server.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { CaseDocument } from '../../src/features/cases/archive/case-document.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, type Looks, openBrowser, openVisitor } from './chromium.ts';
import { FIREFOX, openFirefox } from './firefox.ts';
import { overflowing } from './overflow.ts';
import { newestStretch } from './stretch.ts';

const run = promisify(execFile);
const adminToken = 'let-me-in-please';

suite('cases, in a browser', { skip: need('chromium') || need('python3') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let page: Page;
  let faults: string[];
  /** The case's address. */
  let path: string;
  /** The page of the unpacked archive. */
  let offline: string;
  let fromMs: number;

  before(async () => {
    folder = await openFolder('cases');
    server = await startServer({ args: smallPicture, data: `${folder.path}/data`, adminToken });
    const cam = { name: 'cam', source: { type: 'test' } };
    const made = await server.fetch('/api/v1/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(cam),
    });
    assert.equal(made.status, 201);
    browser = await openBrowser();
    page = await (await signedIn()).newPage();
    faults = collectFaults(page);
    const [one, two] = [await newestStretch(server, 12), await newestStretch(server, 12, 'cam')];
    fromMs = Math.ceil(Math.max(one.fromMs, two.fromMs) / 1000) * 1000 + 1000;
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  async function signedIn(looks: Looks = {}): Promise<BrowserContext> {
    const context = await openVisitor(browser, looks);
    const answer = await context.request.post(`${server.url}/api/v1/sessions`, {
      data: { token: adminToken },
      headers: { origin: server.url },
    });
    assert.equal(answer.status(), 201);
    return context;
  }
  const seconds = (ms: number) => Math.round(ms / 1000);
  const openSpan = (stream: string, fromS: number, toS: number) =>
    page.goto(`${server.url}/watch/${stream}?from=${seconds(fromMs) + fromS}&to=${seconds(fromMs) + toS}`);

  test('a span of a stream opens a case, and that of another one is added to it', async () => {
    await openSpan('demo', 0, 5);
    await page.getByRole('button', { name: 'Add to a case' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add to a case' });
    await dialog.getByRole('textbox', { name: 'Title' }).fill('Door 4711');
    assert.deepEqual(await violations(page, 'the dialog', { within: ['dialog[open]'] }), []);
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByTitle('Added to Door 4711.').waitFor();
    await openSpan('cam', 3, 8);
    await page.getByRole('button', { name: 'Add to a case' }).click();
    await dialog.getByRole('textbox', { name: 'Name' }).fill('hall');
    await until('the case is chosen', async () => (await dialog.getByRole('combobox').inputValue()) !== '');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('button', { name: 'Show the case' }).click();
    await page.getByRole('heading', { level: 1, name: 'Door 4711' }).waitFor();
    path = new URL(page.url()).pathname;
    assert.match(path, /^\/cases\/[\w-]+$/);
    const ranges = page.getByRole('region', { name: 'Ranges' });
    await ranges.getByText('cam · hall').waitFor();
    assert.equal(await ranges.getByText('Held', { exact: true }).count(), 2);
  });

  test('notes are added and deleted by keyboard, and the list shows the case', async () => {
    const notes = page.getByRole('region', { name: 'Notes and markers' });
    await notes.getByRole('textbox', { name: 'Text' }).focus();
    await page.keyboard.type('Who opened it?');
    await notes.getByRole('combobox', { name: 'About' }).selectOption({ label: 'cam · hall' });
    await notes.getByRole('button', { name: 'Add' }).focus();
    await page.keyboard.press('Enter');
    await notes.getByRole('listitem').filter({ hasText: 'Who opened it?' }).waitFor();
    await notes.getByRole('textbox', { name: 'Text' }).fill('A mistake');
    await notes.getByRole('button', { name: 'Add' }).click();
    await notes.getByRole('button', { name: 'Delete the note “A mistake”' }).focus();
    await page.keyboard.press('Enter');
    await notes.getByText('A mistake').waitFor({ state: 'detached' });
    assert.deepEqual(await violations(page, 'the case'), []);
    await page.goto(`${server.url}/cases`);
    await page.getByRole('link', { name: 'Door 4711' }).waitFor();
    assert.deepEqual(await violations(page, 'the list'), []);
    await page.getByRole('link', { name: 'Door 4711' }).click();
    await page.getByRole('heading', { level: 1, name: 'Door 4711' }).waitFor();
    assert.deepEqual(faults, []);
  });

  test('the case is exported, and its archive plays all ranges on one clock from file://', async () => {
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    const link = page.getByRole('link', { name: 'Download ZIP' });
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    const zip = join(folder.path, 'case.zip');
    await download.saveAs(zip);
    await run('python3', ['-m', 'zipfile', '-e', zip, join(folder.path, 'unpacked')]);
    const [name] = await readdir(join(folder.path, 'unpacked'));
    offline = pathToFileURL(join(folder.path, 'unpacked', name!, 'index.html')).href;
    // Requests to the server would be faults.
    const context = await openVisitor(browser);
    await context.route(/^https?:/, (route) => route.abort());
    const archive = await context.newPage();
    const archiveFaults = collectFaults(archive);
    await archive.goto(offline);
    const videos = () => archive.locator('video').count();
    await until('the first range is shown', async () => (await videos()) === 1);
    await archive.getByRole('button', { name: 'Play' }).click();
    await until('both ranges play', () =>
      archive.evaluate(
        '[...document.querySelectorAll("video")].filter((video) => !video.paused && video.currentTime > 0.2).length === 2',
      ),
    );
    await until('they play one time', () => archive.evaluate(`(${isInStep})()`));
    await until('it stops at the end', async () => (await archive.getByRole('button', { name: 'Play' }).count()) === 1);
    assert.equal(await archive.getByRole('slider').getAttribute('aria-valuenow'), '1000');
    await archive.getByRole('slider').focus();
    await archive.keyboard.press('Home');
    assert.equal(await archive.getByRole('slider').getAttribute('aria-valuenow'), '0');
    await archive.getByText('Who opened it?').waitFor();
    assert.deepEqual(await violations(archive, 'the archive'), []);
    assert.deepEqual(archiveFaults, []);
    await context.close();
  });

  fullTest('its pages are complete at 390 px, dark and in Chinese', async () => {
    const looks = { width: 390, height: 844, colorScheme: 'dark', locale: 'zh-CN' } as const;
    const context = await signedIn(looks);
    const narrow = await context.newPage();
    for (const [where, address] of [
      ['the case', `${server.url}${path}`],
      ['the list', `${server.url}/cases`],
      ['the archive', offline],
    ] as const) {
      await narrow.goto(address);
      await narrow.getByText('Door 4711').first().waitFor();
      assert.deepEqual(await overflowing(narrow), [], where);
      assert.deepEqual(await violations(narrow, where), []);
    }
    await context.close();
  });

  fullTest('its archive plays in Firefox', { skip: need(FIREFOX) }, async () => {
    await using firefox = await openFirefox();
    const archive = await firefox.newPage();
    await archive.goto(offline);
    await until('a range is shown', () => archive.evaluate('document.querySelector("video")?.readyState >= 2'));
    await archive.evaluate('oxbowCase.play()');
    await until('both ranges play', () =>
      archive.evaluate(
        '[...document.querySelectorAll("video")].filter((video) => !video.paused && video.currentTime > 0.2).length === 2',
      ),
    );
    assert.deepEqual(archive.faults, []);
  });

  test('a range is removed, closing lifts the holds, then the case may be deleted', async () => {
    await page.getByRole('button', { name: 'Remove cam · hall' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('link', { name: 'Watch cam · hall' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Close the case' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close the case' }).click();
    await page.getByText('Not held', { exact: true }).first().waitFor();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No cases').waitFor();
    assert.deepEqual(faults, []);
  });
});

/** In the page: whether the shown times of both videos are less than half a second apart. */
function isInStep(): boolean {
  const document_ = globalThis as unknown as {
    readonly document: {
      getElementById(id: string): { readonly textContent: string };
      querySelectorAll(selector: string): Iterable<{
        readonly dataset: { readonly range: string };
        querySelector(selector: string): { readonly currentTime: number };
      }>;
    };
  };
  const { document } = document_;
  const { ranges } = JSON.parse(document.getElementById('case').textContent) as CaseDocument;
  const times = [...document.querySelectorAll('figure')].map((figure) => {
    const at = figure.querySelector('video').currentTime;
    const { parts } = ranges.find(({ id }) => id === figure.dataset.range)!.media!;
    const part = parts.findLast((each) => each.at <= at)!;
    return Date.parse(part.from) + (at - part.at) * 1000;
  });
  return times.length === 2 && Math.abs(times[0]! - times[1]!) < 500;
}
