import assert from 'node:assert/strict';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { StorageView } from '../../src/api/admin-shapes.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, smallPicture, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { lastOf } from '../full.ts';
import { violations } from './axe.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const ADMIN = 'let-me-in-please';
const shots = process.env.OXBOW_SHOTS;

suite('the second copy on the admin pages', { skip: need('chromium') }, () => {
  test('is up to date, or late with the reason', async () => {
    await using folder = await openFolder('mirror-page');
    const path = join(folder.path, 'second');
    await mkdir(path);
    const config = join(folder.path, 'oxbow.yaml');
    const targets = { 'far-away': { type: 'folder', path } };
    const storage = { targets, target: 'far-away', mode: 'mirror' };
    await writeFile(config, JSON.stringify({ storage, streams: { door: { source: { type: 'test' } } } }));
    const args = ['--config', config, ...smallPicture];
    const data = join(folder.path, 'data');
    await using server = await startPlainServer({ data, args, adminToken: ADMIN, sample: false });
    await using browser = await openBrowser();
    const mirrorOf = async () => (await server.json<StorageView>('/api/v1/storage')).objectStores[0]!.mirror;
    await server.stream('door');
    await until('it has something', async () => ((await mirrorOf())?.objects ?? 0) > 0);
    const looks = (['light', 'dark'] as const).flatMap((colorScheme) => [
      { width: 390, height: 844, colorScheme, locale: 'en-US' },
      { width: 390, height: 844, colorScheme, locale: 'zh-CN' },
      { width: 1280, height: 900, colorScheme, locale: 'zh-CN' },
      { width: 1280, height: 900, colorScheme, locale: 'en-US' },
    ]);
    const visit = async (state: 'now' | 'late') => {
      for (const look of lastOf(2, looks)) {
        await using context = await openVisitor(browser, look);
        const page = await context.newPage();
        const name = `mirror-${state}-${look.width}-${look.colorScheme}-${look.locale}`;
        await page.goto(`${server.url}/admin/storage`);
        await page.locator('main input[type="password"]').fill(ADMIN);
        await page.locator('main input[type="password"]').press('Enter');
        const text = {
          now: { 'en-US': 'Up to date', 'zh-CN': '已同步' },
          late: { 'en-US': / behind$/, 'zh-CN': /^滞后 / },
        }[state][look.locale as 'en-US' | 'zh-CN'];
        await page.locator('section', { hasText: 'far-away' }).getByText(text).waitFor();
        const found = [...(await violations(page, name)), ...(await overflowing(page))];
        if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
        await page.locator('nav a[href="/admin/overview"]').click();
        await page.locator('.tiles').waitFor();
        if (state === 'late') await page.locator('li.warning', { hasText: 'far-away' }).waitFor();
        found.push(...(await violations(page, name)), ...(await overflowing(page)));
        if (shots) await page.screenshot({ path: `${shots}/${name}-overview.png` });
        assert.deepEqual(found, []);
      }
    };
    await visit('now');
    await rename(path, `${path}-unplugged`);
    await until('it is late', async () => ((await mirrorOf())?.behindSeconds ?? 0) > 10);
    assert.match((await mirrorOf())!.problem!, /does not exist: its disk may not be mounted/);
    await visit('late');
    await rename(`${path}-unplugged`, path);
    await until('it has caught up', async () => (await mirrorOf())!.behindSeconds < 3);
  });
});
