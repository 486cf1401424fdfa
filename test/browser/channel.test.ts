/**
 * The page of a channel in a browser: an item is added by the dialog and by dragging, moved with the pointer
 * and with keys, and shown in both themes, both languages and on a phone.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { ChannelView } from '../../src/api/channel/channel-shapes.ts';
import { writeFilms } from '../fixtures/library/films.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, type Looks, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';

suite('a channel, in a browser', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  before(async () => {
    folder = await openFolder('channel-page');
    await writeFilms(`${folder.path}/data`, { title: 'River film', seconds: 6 });
    server = await startServer({ args: smallPicture, data: `${folder.path}/data`, adminToken });
    for (const [name, type] of [
      ['cam', 'test'],
      ['tv', 'channel'],
    ]) {
      const made = await server.fetch('/api/v1/streams', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, source: { type }, ...(type === 'test' && { title: 'Front door' }) }),
      });
      assert.equal(made.status, 201);
    }
    const room = await server.fetch('/api/v1/rooms', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Film night of the whole street with all its neighbours' }),
    });
    assert.equal(room.status, 201);
    browser = await openBrowser();
    page = await (await signedIn()).newPage();
    faults = collectFaults(page);
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
  const items = async () => (await server.json<ChannelView>('/api/v1/streams/tv/channel')).items;
  const week = () => page.getByRole('group', { name: 'Week' });

  test('a video is added from the list, and moved with the arrow keys', async () => {
    await page.goto(`${server.url}/admin/channel/tv`);
    await page.getByRole('button', { name: 'Video River film' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Start').fill('2030-01-01T10:00:00');
    await dialog.getByLabel('Minutes').fill('60');
    await dialog.getByLabel('Every week').check();
    await dialog.getByRole('button', { name: 'Add an item' }).click();
    const [added] = await until('it is stored', async () => {
      const stored = await items();
      return stored.length > 0 && stored;
    });
    assert.deepEqual([added!.title, added!.start, added!.seconds], ['River film', '2030-01-01T10:00:00', 3600]);
    assert.deepEqual(faults, []);
    assert.deepEqual(await violations(page, 'the page of a channel'), []);
  });

  test('a room is chosen, which the channel follows', async () => {
    const room = async () => (await server.json<ChannelView>('/api/v1/streams/tv/channel')).room;
    const choice = page.getByLabel('Follow a room');
    await choice.selectOption({ label: 'Film night of the whole street with all its neighbours' });
    const followed = await until('it is followed', async () => (await room()) ?? undefined);
    await page.locator(`a[href="/rooms/${followed.id}"]`, { hasText: 'Open the room' }).waitFor();
    assert.deepEqual(faults, []);
  });

  test('an item of this week is moved by keys and by dragging, a live stream is dropped on a day', async () => {
    const monday = await page.evaluate(
      '(() => { const d = new Date(); d.setUTCDate(d.getUTCDate() - ((d.getUTCDay() + 6) % 7)); return d.toISOString().slice(0, 10); })()',
    );
    await page.getByRole('button', { name: 'Add an item' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Start').fill(`${monday}T02:00:00`);
    await dialog.getByRole('button', { name: 'Add an item' }).click();
    const block = week().getByRole('button', { name: /River film/ });
    await block.focus();
    await page.keyboard.press('ArrowDown');
    const startOf = async () => (await items()).find(({ weekly }) => !weekly)?.start;
    await until('it is five minutes later', async () => (await startOf()) === `${monday}T02:05:00`);
    // Also where the page shows the list again just now, which makes another element.
    await block.hover({ position: { x: 20, y: 8 } });
    const box = (await block.boundingBox())!;
    await page.mouse.down();
    await page.mouse.move(box.x + 20, box.y + 8 + 44, { steps: 4 });
    await page.mouse.up();
    await until('it is an hour later', async () => (await startOf()) === `${monday}T03:05:00`);
    const target = week().getByRole('list').nth(3);
    await page.getByRole('button', { name: 'Live Front door' }).dragTo(target, { targetPosition: { x: 20, y: 44 } });
    await dialog.getByRole('button', { name: 'Add an item' }).click();
    await until('it is on Thursday at one', async () =>
      (await items()).some(({ kind, start }) => kind === 'live' && start.endsWith('T01:00:00')),
    );
    assert.deepEqual(faults, []);
  });

  test('a live stream with a title is shown now', async () => {
    await page.getByRole('button', { name: 'Show live now' }).click();
    await page.getByRole('button', { name: 'Return to the schedule' }).click();
    await page.getByRole('button', { name: 'Show live now' }).waitFor();
    assert.deepEqual(faults, []);
  });

  fullTest('it fits in both themes, in Chinese and on a phone', async () => {
    for (const looks of [
      { colorScheme: 'dark' },
      { locale: 'zh-CN' },
      { width: 390, height: 800 },
      { width: 390, height: 800, colorScheme: 'dark', locale: 'zh-CN' },
    ] as const) {
      const context = await signedIn(looks);
      const visit = await context.newPage();
      await visit.goto(`${server.url}/admin/channel/tv`);
      await visit
        .getByRole('button', { name: /River film/ })
        .first()
        .waitFor();
      assert.deepEqual(await overflowing(visit), []);
      assert.deepEqual(await violations(visit, JSON.stringify(looks)), []);
      if (process.env.OXBOW_SHOTS)
        await visit.screenshot({
          path: `${process.env.OXBOW_SHOTS}/${Object.values(looks).map(String).join('-')}-${JSON.stringify(looks).length}.png`,
          fullPage: true,
        });
      await context.close();
    }
  });
});
