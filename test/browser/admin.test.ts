import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { lastOf } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

/** The tabs, and a text in each once it is loaded. */
const tabs = [
  ['overview', '.tiles'],
  ['streams', 'tbody svg path[d^="M"]'],
  ['storage', 'meter'],
  ['jobs', '.empty, li .job'],
  ['workers', '.how'],
  ['users', '.empty a'],
  ['invitations', '.empty'],
  ['audit', 'tbody tr'],
  ['logs', 'ol li'],
  ['settings', '.waiting ~ * tbody:has(tr:nth-child(2)) .badge.warn'],
  ['access', 'form .button.main'],
] as const;

const shots = process.env.OXBOW_SHOTS;

/** Runs in the page: adds up what moves without a press. */
function watchShifts(): void {
  const sums = globalThis as unknown as { shift: number };
  sums.shift = 0;
  const add = (list: PerformanceObserverEntryList) => {
    for (const entry of list.getEntries() as unknown as { value: number; hadRecentInput: boolean }[]) {
      if (!entry.hadRecentInput) sums.shift += entry.value;
    }
  };
  new PerformanceObserver(add).observe({ type: 'layout-shift', buffered: true });
}

/**
 * Runs in the page: the footer of a short page is at the bottom of the window; the cumulative layout shift,
 * in hundredths.
 */
const layout = () => ({
  isFooterLow: Math.round(document.querySelector('footer')!.getBoundingClientRect().bottom) === innerHeight,
  shift: Math.floor(100 * (globalThis as unknown as { shift: number }).shift),
});

suite('the admin page', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;

  before(async () => {
    folder = await openFolder('admin');
    const file = join(folder.path, 'oxbow.yaml');
    const streams = 'streams: { demo: { source: { type: test } } }\n';
    await writeFile(file, streams);
    const args = [...smallPicture, '--config', file];
    server = await startServer({ data: folder.path, args, adminToken: 'let-me-in-please' });
    await writeFile(file, `tls: { cert: c.pem, key: k.pem }\n${streams}`); // pending restart
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** From the access tab on: a token is shown once, a stream is stopped only after confirmation. */
  async function useIt(page: Page): Promise<void> {
    await page.locator('form.card input').fill('my script');
    await page.locator('form.card .button.main').click();
    const token = await page.locator('dialog[open] input').inputValue();
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await fetch(`${server.url}/api/v1/me`, { headers })).status, 200);
    await page.keyboard.press('Escape');
    await page.locator('th', { hasText: 'my script' }).waitFor();
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    assert.ok(!(await page.content()).includes(token));
    await page.getByRole('button', { name: 'New sign-in link' }).click();
    const link = await page.locator('.link input').inputValue();
    await using other = await openVisitor(browser);
    const second = await other.newPage();
    await second.goto(link);
    await second.waitForURL((url) => url.pathname !== '/sign-in');
    assert.equal((await other.request.get(`${server.url}/api/v1/settings`)).status(), 200);
    await page.locator('nav a[href="/admin/settings"]').click();
    const keep = page.getByRole('textbox', { name: 'Keep recordings for' });
    await keep.fill('3 moons');
    await keep.press('Enter');
    await page.getByText('"3 moons" is not a duration').waitFor();
    await keep.fill('30d');
    await page.getByRole('button', { name: 'Save Keep recordings for' }).click();
    await page.locator('.unseen', { hasText: 'Saved: Keep recordings for' }).waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Use the default of Keep recordings for' }).click();
    await page.waitForFunction(() => document.querySelector<HTMLInputElement>('.cards input')?.value === '24h');
    await page.locator('nav a[href="/admin/logs"]').click();
    await page.getByLabel('Search').fill('THE STREAM IS LIVE');
    // More than once, if the machine was too busy for the test picture.
    await page.waitForFunction(() => {
      const lines = [...document.querySelectorAll('.lines li')];
      return lines.length > 0 && lines.every(({ textContent }) => textContent?.includes('the stream is live'));
    });
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    assert.match(await text(await (await saved).createReadStream()), /\tinfo\tdemo\tthe stream is live\t/);
    await page.getByLabel('Search').fill('no such line');
    await page.getByText('No line matches.').waitFor();
    await page.locator('nav a[href="/admin/streams"]').click();
    await page.getByLabel('Search').fill('no such stream');
    await page.getByText('No stream matches.').waitFor();
    await page.getByLabel('Search').fill('DEMO live');
    await page.getByRole('checkbox', { name: 'Select demo' }).check();
    await page.getByText('1 selected').waitFor();
    await page.getByRole('group', { name: 'Selection' }).getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stop demo?').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Clear selection' }).click();
    await page.getByLabel('Search').fill('');
    await page.getByRole('button', { name: 'Actions for demo' }).click();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    await page.getByText(/set on the command line or in the configuration file/).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^Stop / }).click();
    await page.locator('dialog[open] footer .button').first().click();
    assert.equal(await page.getByRole('button', { name: /^Start / }).count(), 0);
    await page.getByRole('button', { name: /^Stop / }).click();
    await page.locator('dialog[open] footer .button.main').click();
    await page.getByRole('button', { name: /^Start / }).waitFor();
  }

  for (const { width, height, colorScheme, locale } of lastOf(1, [
    { width: 360, height: 800, colorScheme: 'dark', locale: 'zh-CN' },
    { width: 1440, height: 900, colorScheme: 'light', locale: 'en-US' },
  ] as const)) {
    test(`requires signing in; each tab is loaded and accessible, ${width} wide`, async () => {
      await using context = await openVisitor(browser, { width, height, colorScheme, locale });
      const page = await context.newPage();
      const faults = collectFaults(page);
      await page.addInitScript(watchShifts);
      await page.goto(`${server.url}/admin/storage`);
      await page.locator('.gate li').nth(2).waitFor(); // what is on the page
      await page.locator('footer').waitFor();
      if (width > 1000) assert.deepEqual(await page.evaluate(layout), { isFooterLow: true, shift: 0 });
      await page.locator('main input[type="password"]').fill('let-me-in-please');
      await page.locator('main input[type="password"]').press('Enter');
      await page.locator('meter').waitFor();
      assert.equal(new URL(page.url()).pathname, '/admin/storage');
      const found: string[] = [];
      for (const [tab, filled] of tabs) {
        await page.locator(`nav a[href="/admin/${tab}"]`).click();
        await page.locator(filled).first().waitFor({ state: 'attached' });
        if (width > 1000) found.push(...(await violations(page, tab)));
        else if (tab === 'streams') found.push(...(await violations(page, tab, { rules: ['color-contrast'] })));
        found.push(...(await overflowing(page)).map((what) => `${tab}: ${what}`));
        if (shots) await page.screenshot({ path: `${shots}/admin-${tab}-${width}.png`, fullPage: true });
      }
      assert.deepEqual(found, []);
      if (width > 1000) await useIt(page);
      assert.deepEqual(
        faults.filter((fault) => !/\/settings 400$|status of 400/.test(fault)), // the value that is refused
        [],
      );
    });
  }
});
