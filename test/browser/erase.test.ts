import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext } from 'playwright-core';
import type { HoldView } from '../../src/api/deletions/deletion-shapes.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const shots = process.env.OXBOW_SHOTS;

suite('deleting a part of a recording, in a browser', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;

  before(async () => {
    folder = await openFolder('erase-page');
    server = await startServer({ args: smallPicture, data: `${folder.path}/data`, adminToken });
    await until('some of it is recorded', async () => (await server.stream('demo')).recorded.seconds > 12);
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const signIn = async (visitor: BrowserContext) => {
    const answer = await visitor.request.post(`${server.url}/api/v1/sessions`, {
      data: { token: adminToken },
      headers: { origin: server.url },
    });
    assert.equal(answer.status(), 201);
  };

  for (const { width, height, colorScheme, locale, names } of [
    {
      ...({ width: 360, height: 800, colorScheme: 'dark', locale: 'zh-CN' } as const),
      names: { markers: '标记', open: '删除录像…', confirm: '永久删除', done: '所有副本均已删除。' },
    },
    {
      ...({ width: 1440, height: 900, colorScheme: 'light', locale: 'en-US' } as const),
      names: {
        markers: 'Markers',
        open: 'Delete recording…',
        confirm: 'Delete for good',
        done: 'All copies were reached.',
      },
    },
  ] as const) {
    test(`what is marked is deleted once the name of the stream is typed, ${width} wide`, async () => {
      await using context = await openVisitor(browser, { width, height, colorScheme, locale });
      await signIn(context);
      const page = await context.newPage();
      const faults = collectFaults(page);
      const { recorded } = await server.stream('demo');
      const fromMs = Date.parse(recorded.to!) - 6_000;
      await page.goto(`${server.url}/watch/demo?from=${fromMs}&to=${fromMs + 2_000}`);
      await page.getByRole('tab', { name: names.markers }).click();
      await page.getByRole('button', { name: names.open }).click();
      const dialog = page.getByRole('dialog');
      const confirm = dialog.getByRole('button', { name: names.confirm });
      await dialog.getByRole('textbox').waitFor();
      assert.ok(await confirm.isDisabled());
      const found = [...(await violations(page, 'delete')), ...(await overflowing(page))];
      if (shots) await page.screenshot({ path: `${shots}/erase-${width}.png` });
      await dialog.getByRole('textbox').fill('demo');
      await confirm.click();
      await dialog.getByText(names.done).waitFor();
      if (shots) await page.screenshot({ path: `${shots}/erased-${width}.png` });
      const { deleted } = await server.timeline('demo');
      assert.ok(deleted.some(({ from, to }) => Date.parse(from) <= fromMs && Date.parse(to) >= fromMs + 2_000));
      assert.deepEqual(found, []);
      assert.deepEqual(faults, []);
    });
  }

  test('a legal hold is set and lifted on the admin page', async () => {
    await using context = await openVisitor(browser, {
      width: 360,
      height: 800,
      colorScheme: 'light',
      locale: 'en-US',
    });
    await signIn(context);
    const page = await context.newPage();
    await page.goto(`${server.url}/admin/storage`);
    await page.getByRole('button', { name: 'Add legal hold' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('Case 14');
    await dialog.getByLabel('From').fill('2026-01-01T00:00');
    const found = [...(await violations(page, 'holds')), ...(await overflowing(page))];
    if (shots) await page.screenshot({ path: `${shots}/hold-360.png` });
    await dialog.getByRole('button', { name: 'Set hold' }).click();
    const row = page.getByRole('listitem').filter({ hasText: 'Case 14' });
    await row.waitFor();
    const holds = async () => (await server.json<{ items: HoldView[] }>('/api/v1/holds')).items;
    assert.deepEqual(
      (await holds()).map(({ name, stream }) => [name, stream]),
      [['Case 14', 'demo']],
    );
    await row.getByRole('button', { name: 'Lift hold' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Lift hold' }).click();
    await row.waitFor({ state: 'detached' });
    assert.deepEqual(await holds(), []);
    assert.deepEqual(found, []);
  });
});
