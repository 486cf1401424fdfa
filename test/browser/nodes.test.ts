import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { ClusterNodeView } from '../../src/api/nodes/node-shapes.ts';
import { ADMIN, openCluster, type TestCluster, type TestNode } from '../cluster/cluster.fixture.ts';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const skip = need('chromium') || needPostgres() || need('redis-server');
const shots = process.env.OXBOW_SHOTS;

suite('the nodes of a cluster on the admin page', { skip }, () => {
  let cluster: TestCluster;
  let alive: TestNode;
  let browser: Browser;

  before(async () => {
    cluster = await openCluster();
    const [a, b, c] = await Promise.all([cluster.start('a'), cluster.start('b'), cluster.start('c')]);
    alive = a;
    browser = await openBrowser();
    const headers = { 'tus-resumable': '1.0.0', 'upload-length': '9', 'upload-metadata': 'filename YS5tcDQ=' };
    assert.equal((await b.server.fetch('/api/v1/uploads', { method: 'POST', headers })).status, 201);
    await Promise.all([b.server.stop('SIGTERM'), c.server.stop('SIGTERM')]);
  });
  after(async () => {
    await browser?.close();
    await cluster?.[Symbol.asyncDispose]();
  });

  for (const { width, colorScheme, locale } of [
    { width: 360, colorScheme: 'dark', locale: 'zh-CN' },
    { width: 1440, colorScheme: 'light', locale: 'en-US' },
  ] as const) {
    test(`a dead node with an upload needs attention, one without anything is forgotten, ${width} wide`, async () => {
      const { server } = alive;
      await using context = await openVisitor(browser, { width, height: 900, colorScheme, locale });
      const page = await context.newPage();
      const faults = collectFaults(page);
      await page.goto(`${server.url}/admin/overview`);
      await page.locator('main input[type="password"]').fill(ADMIN);
      await page.locator('main input[type="password"]').press('Enter');
      const attention = page.locator('li.wrong a[href="/admin/workers"]');
      await attention.waitFor();
      const found = await overflowing(page);
      if (shots) await page.screenshot({ path: `${shots}/nodes-overview-${width}.png`, fullPage: true });
      await attention.click();
      const table = page.locator('section[aria-labelledby="admin-nodes"] tbody');
      await table.locator('tr:nth-child(3)').waitFor();
      found.push(...(await violations(page, 'nodes')), ...(await overflowing(page)));
      if (shots) await page.screenshot({ path: `${shots}/nodes-${width}.png`, fullPage: true });
      assert.deepEqual(found, []);
      if (locale === 'en-US') {
        assert.match((await table.locator('tr:nth-child(2)').innerText()) ?? '', /Uploads: 1\s+Unavailable until/);
        assert.equal(await table.getByRole('button').count(), 1, 'only c can be forgotten');
        await table.getByRole('button', { name: 'Forget c' }).click();
        await page.locator('dialog[open] footer .button.main').click();
        await table.locator('tr:nth-child(3)').waitFor({ state: 'detached' });
        const { items } = await server.json<{ items: readonly ClusterNodeView[] }>('/api/v1/nodes');
        assert.deepEqual(
          items.map(({ name, state }) => `${name} ${state}`),
          ['a alive', 'b dead'],
        );
      }
      assert.deepEqual(faults, []);
    });
  }
});
