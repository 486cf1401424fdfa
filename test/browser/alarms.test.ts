import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { AlarmView } from '../../src/api/alarms/alarm-shapes.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const shots = process.env.OXBOW_SHOTS;

suite('alarms, and what happened to a stream', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;

  before(async () => {
    folder = await openFolder('alarms-page');
    // The test picture has a key frame each second.
    const rules = ['--alarms-rules', 'long-gop 500ms for 0s, freeze off'];
    server = await startServer({ data: join(folder.path, 'data'), args: [...smallPicture, ...rules], adminToken });
    await until('an alarm', async () => {
      const { items } = await server.json<{ items: AlarmView[] }>('/api/v1/alarms');
      return items.some(({ alarm }) => alarm === 'long-gop');
    });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const slider = (page: Page) => page.getByRole('slider');
  const stepOf = async (page: Page) => Number(await slider(page).getAttribute('aria-valuenow'));

  for (const { width, height, colorScheme, locale, names } of [
    {
      ...({ width: 360, height: 800, colorScheme: 'dark', locale: 'zh-CN' } as const),
      names: {
        alarm: '关键帧间隔过长',
        live: '媒体开始传输',
        acknowledged: '已由',
        mute: '静默告警',
        unmute: '取消静默',
      },
    },
    {
      ...({ width: 1440, height: 900, colorScheme: 'light', locale: 'en-US' } as const),
      names: {
        alarm: 'Key frames far apart',
        live: 'Media flows',
        acknowledged: 'acknowledged by',
        mute: 'Mute alarms',
        unmute: 'End muting',
      },
    },
  ] as const) {
    test(`an alarm leads to its time; the cursor moves by keys and mouse, ${width} wide`, async () => {
      await using context = await openVisitor(browser, { width, height, colorScheme, locale });
      const page = await context.newPage();
      const faults = collectFaults(page);
      await page.goto(`${server.url}/admin/alarms`);
      await page.locator('main input[type="password"]').fill(adminToken);
      await page.locator('main input[type="password"]').press('Enter');
      const row = page.locator('tbody tr', { hasText: names.alarm }).first();
      await row.waitFor();
      const found = [...(await violations(page, 'alarms')), ...(await overflowing(page))];
      if (shots) await page.screenshot({ path: `${shots}/alarms-${width}.png`, fullPage: true });
      const acknowledge = row.locator('button');
      if ((await acknowledge.count()) > 0) await acknowledge.click();
      await row.getByText(names.acknowledged).waitFor();

      await row.locator('a[href^="/admin/history/demo?t="]').click();
      await page.locator('[role="slider"] canvas').first().waitFor();
      const list = page.locator('section ol li');
      await list.filter({ hasText: names.alarm }).first().waitFor();
      await list.filter({ hasText: names.live }).first().waitFor();
      found.push(...(await violations(page, 'history')), ...(await overflowing(page)));
      if (shots) await page.screenshot({ path: `${shots}/history-${width}.png`, fullPage: true });

      await slider(page).focus();
      const start = await stepOf(page);
      await page.keyboard.press('ArrowLeft');
      assert.equal(await stepOf(page), start - 1);
      await page.keyboard.press('Shift+ArrowLeft');
      assert.equal(await stepOf(page), start - 11);
      await page.keyboard.press('Home');
      assert.equal(await stepOf(page), 0);
      await page.keyboard.press('End');
      assert.equal(await stepOf(page), Number(await slider(page).getAttribute('aria-valuemax')));
      await page.locator('section img').waitFor();
      await page.waitForFunction(() => document.querySelector<HTMLImageElement>('section img')!.naturalWidth > 0);
      // The newest step has figures only when it has been measured: go back to one that has.
      await until('a step with figures', async () => {
        if (/fps/.test((await slider(page).getAttribute('aria-valuetext')) ?? '')) return true;
        await page.keyboard.press('ArrowLeft');
        return false;
      });
      const box = (await slider(page).locator('.u-over').first().boundingBox())!;
      await page.mouse.click(box.x + box.width / 2, box.y + 40);
      const middle = Number(await slider(page).getAttribute('aria-valuemax')) / 2;
      assert.ok(Math.abs((await stepOf(page)) - middle) <= 2, 'the mouse moves it to the middle');

      await page.getByRole('button', { name: names.mute }).click();
      await page.getByRole('button', { name: names.unmute }).click();
      await page.getByRole('button', { name: names.mute }).waitFor();
      assert.deepEqual(found, []);
      assert.deepEqual(faults, []);
    });
  }
});
