import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { MixerView } from '../../src/api/mixer/mixer-shapes.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const shots = process.env.OXBOW_SHOTS;

suite('the page of a vision mixer', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;

  before(async () => {
    folder = await openFolder('mixer-page');
    server = await startServer({ args: smallPicture, data: `${folder.path}/data`, adminToken });
    for (const body of [
      { name: 'desk', source: { type: 'test' } },
      { name: 'show', source: { type: 'push' } },
    ])
      await call('POST', '/streams', body);
    for (const name of ['demo', 'desk']) {
      await until(`${name} is live`, async () => (await server.stream(name)).state === 'live');
    }
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${adminToken}`, ...(body && { 'content-type': 'application/json' }) };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${server.url}/api/v1${path}`, init);
    assert.ok(response.ok, `${path}: ${response.status}`);
    return response;
  };
  const view = async () => (await (await call('GET', '/streams/show/mixer')).json()) as MixerView;

  for (const { width, height, colorScheme, locale, names } of firstOf(1, [
    {
      ...({ width: 390, height: 844, colorScheme: 'dark', locale: 'zh-CN' } as const),
      names: { save: '保存', onAir: '播出中', remove: '移除切换台' },
    },
    {
      ...({ width: 1440, height: 900, colorScheme: 'light', locale: 'en-US' } as const),
      names: { save: 'Save', onAir: 'On air', remove: 'Remove mixer' },
    },
  ])) {
    test(`makes a stream a mixer, and cuts by key and by tap, ${width} wide`, async () => {
      await using context = await openVisitor(browser, { width, height, colorScheme, locale });
      const data = { token: adminToken };
      await context.request.post(`${server.url}/api/v1/sessions`, { data, headers: { origin: server.url } });
      const page = await context.newPage();
      const faults = collectFaults(page);
      await page.goto(`${server.url}/mixer/show`);
      // The title of demo is that of the picture; its name is that of the check box.
      for (const name of ['demo', 'desk']) await page.getByRole('checkbox', { name }).check();
      await page.getByRole('button', { name: names.save, exact: true }).click();
      await until('demo is on air', async () => (await view()).onAir === 'demo');
      const onAir = page.locator('button[aria-pressed="true"]');
      await onAir.filter({ hasText: 'demo' }).waitFor();

      await page.locator('h1').click();
      await page.keyboard.press('2');
      await until('desk is on air', async () => (await view()).onAir === 'desk');
      await onAir.filter({ hasText: 'desk' }).waitFor();
      await onAir.filter({ hasText: names.onAir }).waitFor();
      await page.locator('button[aria-pressed]').filter({ hasText: 'demo' }).click();
      await until('demo is on air again', async () => (await view()).onAir === 'demo');
      await onAir.filter({ hasText: 'demo' }).waitFor();

      assert.deepEqual(await overflowing(page), []);
      assert.deepEqual(await violations(page, 'mixer'), []);
      if (shots) await page.screenshot({ path: `${shots}/mixer-${width}.png`, fullPage: true });
      await page.getByRole('button', { name: names.remove }).click();
      await page.getByRole('dialog').getByRole('button', { name: names.remove }).click();
      await until('it is no mixer', async () => {
        const headers = { authorization: `Bearer ${adminToken}` };
        return (await fetch(`${server.url}/api/v1/streams/show/mixer`, { headers })).status === 404;
      });
      // Before and after it is a mixer, the server says so.
      const none = /show\/mixer 404$|status of 404/;
      assert.deepEqual(
        faults.filter((fault) => !none.test(fault)),
        [],
      );
    });
  }
});
