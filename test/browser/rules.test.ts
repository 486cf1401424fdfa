/**
 * The dialogs with the rules by network and country of an asset and of a room, and what a visitor sees from
 * elsewhere.
 * In: a server whose proxies are on this computer. Out: pages in both themes and languages, on a phone too.
 */
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { WatchAccessView } from '../../src/api/access/watch-rules-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { createRoom } from '../fixtures/rooms/rooms.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const far = { 'x-forwarded-for': '198.51.100.1' };
const phone = { width: 390, height: 844, colorScheme: 'dark', locale: 'zh-CN' } as const;
const desk = { colorScheme: 'light' } as const;

/** The texts of a dialog. */
const english = {
  allow: 'Only from',
  deny: 'Not from',
  country: 'Country, two letters',
  save: 'Save',
} as const;
const chinese = { allow: '仅允许', deny: '不允许', country: '国家代码，两个字母', save: '保存' } as const;

suite('where an asset can be watched and a room be entered', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let asset: string;

  before(async () => {
    folder = await openFolder('rules');
    server = await startServer({ data: join(folder.path, 'data'), sample: false, adminToken });
    await makeFilm(join(folder.path, 'film.mp4'), { seconds: 3 });
    const body = await readFile(join(folder.path, 'film.mp4'));
    const sent = await server.fetch('/api/v1/uploads/file?filename=film.mp4&visibility=public', {
      method: 'PUT',
      body,
    });
    ({ asset } = (await sent.json()) as { asset: string });
    await until('the asset is ready', async () => {
      const view = await server.json<AssetView>(`/api/v1/assets/${asset}`);
      assert.notEqual(view.state, 'failed', JSON.stringify(view.error));
      return view.state === 'ready';
    });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  async function shot(page: Page, name: string): Promise<void> {
    const { LOOK } = process.env;
    if (LOOK === undefined) return;
    await mkdir(LOOK, { recursive: true });
    await page.screenshot({ path: join(LOOK, `${name}.png`) });
  }

  const signIn = (visitor: BrowserContext) =>
    visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });

  /** Sets rules in the open dialog. */
  async function setRules(
    page: Page,
    texts: typeof english | typeof chinese,
    [allow, deny]: readonly [string, string],
  ) {
    const dialog = page.locator('dialog[open]');
    await dialog.getByLabel(texts.allow, { exact: true }).fill(allow);
    await dialog.getByLabel(texts.deny, { exact: true }).fill(deny);
    await dialog.getByRole('button', { name: texts.save, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  /** Asks the open dialog about an address. @returns its answer */
  async function ask(page: Page, question: string, country: string, [address, code]: readonly [string, string]) {
    const dialog = page.locator('dialog[open]');
    await dialog.getByLabel(question).fill(address);
    await dialog.getByLabel(country).fill(code);
    await dialog.getByLabel(country).press('Enter');
    const answer = dialog.getByRole('status').filter({ hasText: address });
    await answer.waitFor();
    return answer.innerText();
  }

  async function check(page: Page, where: string): Promise<void> {
    assert.deepEqual(await violations(page, where, { within: ['dialog'] }), []);
    assert.deepEqual(await overflowing(page), []);
    await shot(page, where);
  }

  test('the page of an asset has the dialog; an entry that is none is refused there, and from elsewhere the player says so', async () => {
    await using visitor = await openVisitor(browser, desk);
    await signIn(visitor);
    const page = await visitor.newPage();
    await page.goto(`${server.url}/library/${asset}`);
    const open = () => page.getByRole('button', { name: 'Where it can be watched' }).click();
    const held = Promise.withResolvers<void>();
    await page.route(/\/access$/, (route) => held.promise.then(() => route.continue()), { times: 1 });
    await open();
    const dialog = page.locator('dialog[open]');
    // What would be typed before the rules are there would be lost.
    await dialog.locator('input[readonly]').first().waitFor();
    held.resolve();
    await dialog.getByLabel(english.allow, { exact: true }).fill('nowhere');
    await dialog.getByRole('button', { name: english.save }).click();
    await dialog
      .getByRole('alert')
      .getByText(/nowhere/)
      .waitFor();
    await setRules(page, english, ['DE, 192.0.2.0/24', '192.0.2.7']);
    await open();
    const answer = (about: readonly [string, string]) =>
      ask(page, 'Would this address see it?', english.country, about);
    assert.equal(await answer(['192.0.2.9', '']), '192.0.2.9 may watch it, by 192.0.2.0/24.');
    assert.equal(await answer(['192.0.2.7', 'DE']), '192.0.2.7 may not watch it, by 192.0.2.7.');
    await check(page, 'asset-rules-light');
    {
      await using other = await openVisitor(browser, desk);
      await other.setExtraHTTPHeaders(far);
      const elsewhere = await other.newPage();
      await elsewhere.goto(`${server.url}/library/${asset}`);
      await elsewhere.getByRole('button', { name: 'Play', exact: true }).first().click();
      await elsewhere.getByText('Not available here').first().waitFor();
      await shot(elsewhere, 'asset-elsewhere-light');
    }
    await setRules(page, english, ['', '']);
    assert.equal((await server.json<WatchAccessView>(`/api/v1/assets/${asset}/access`)).origin, 'none');
  });

  test('on a phone, in the dark and in Chinese, the dialog of an asset is the same', async () => {
    await using visitor = await openVisitor(browser, phone);
    await signIn(visitor);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(`${server.url}/library/${asset}`);
    const open = () => page.getByRole('button', { name: '可观看的地区与网络' }).click();
    await open();
    await setRules(page, chinese, ['DE', '']);
    await open();
    assert.equal(
      await ask(page, '此地址能观看吗？', chinese.country, ['192.0.2.9', 'de']),
      '192.0.2.9 可以观看，依据 DE。',
    );
    await check(page, 'asset-rules-dark-phone');
    await setRules(page, chinese, ['', '']);
    const isRefusal = (fault: string) => / 403\b|\b403 /.test(fault); // of the poster
    assert.deepEqual(
      faults.filter((fault) => !isRefusal(fault)),
      [],
    );
  });

  test('the settings of a room lead to the dialog; a guest from elsewhere reads why the room stays closed, also when it closes around them', async () => {
    const room = await createRoom(server, { name: 'Den' });
    await using visitor = await openVisitor(browser, desk);
    await signIn(visitor);
    const page = await visitor.newPage();
    await page.goto(`${server.url}/rooms/${room}`);
    await page.getByRole('button', { name: /^Join/ }).first().click();
    await using other = await openVisitor(browser, desk);
    await other.setExtraHTTPHeaders(far);
    const elsewhere = await other.newPage();
    const enter = async () => {
      await elsewhere.goto(`${server.url}/rooms/${room}`);
      const name = elsewhere.getByLabel('Your name');
      const join = elsewhere.getByRole('button', { name: /^Join/ }).first();
      await join.waitFor();
      if (await name.isVisible()) await name.fill('Far');
      await join.click();
    };
    await enter();
    await elsewhere.getByRole('button', { name: /^Invite/ }).waitFor();
    const open = async () => {
      await page.getByRole('button', { name: 'Room settings' }).click();
      await page.getByRole('button', { name: 'Where it can be entered' }).click();
      await page.locator('dialog[open]').getByLabel(english.allow, { exact: true }).waitFor();
    };
    await open();
    await setRules(page, english, ['127.0.0.0/8, DE', '']);
    const closed = elsewhere.getByText('This room cannot be entered from here');
    await closed.waitFor();
    await shot(elsewhere, 'room-closes-light');
    await enter();
    await closed.waitFor();
    await open();
    const answer = await ask(page, 'Would this address get in?', english.country, ['198.51.100.1', '']);
    assert.equal(answer, '198.51.100.1 may not enter: it is in no entry of the first list.');
    await check(page, 'room-rules-light');
    await using small = await openVisitor(browser, phone);
    await signIn(small);
    const onPhone = await small.newPage();
    await onPhone.goto(`${server.url}/rooms/${room}`);
    await onPhone
      .getByRole('button', { name: /加入|进入/ })
      .first()
      .click();
    await onPhone.getByRole('button', { name: '房间设置' }).click();
    await onPhone.getByRole('button', { name: '可进入的地区与网络' }).click();
    const verdict = await ask(onPhone, '此地址能进入吗？', chinese.country, ['198.51.100.1', 'DE']);
    assert.equal(verdict, '198.51.100.1 可以进入，依据 DE。');
    await check(onPhone, 'room-rules-dark-phone');
  });
});
