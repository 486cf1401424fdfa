/*
 * The pages of a room in the states that other tests do not check: entrances, menus and dialogs, for
 * everyone.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { createRoom, enterAsGuest, LastingMember } from '../fixtures/rooms/rooms.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

/** Rules of WCAG 2.2 AA that axe-core runs only by name. */
const byName = ['label-content-name-mismatch', 'target-size'];
/** What a button has opened: a toast is an open popover too. */
const OPENED = '[popover=auto]:popover-open';
const desk = { colorScheme: 'light' } as const;
const phone = { width: 390, height: 844, colorScheme: 'dark', locale: 'zh-CN' } as const;

suite('the pages of a room, for everyone', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  const found: string[] = [];

  before(async () => {
    folder = await openFolder('room-access');
    const args = [...smallPicture, '--accounts-sign-up', 'open'];
    server = await startServer({ data: folder.path, args, sample: false, adminToken: 'let-me-in-please' });
    await server.fetch('/api/v1/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'demo', source: { type: 'test' } }),
    });
    await server.stream('demo', 'live');
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  async function look(page: Page, where: string, within?: readonly string[]): Promise<void> {
    for (const selector of within ?? []) await page.locator(selector).first().waitFor(); // dialogs load when they open
    found.push(...(await violations(page, where, { also: byName, ...(within ? { within } : {}) })));
    found.push(...(await overflowing(page)).map((what) => `${where}: ${what}`));
  }

  /** A visitor with their own account. */
  async function signUp(visitor: BrowserContext, name: string): Promise<Page> {
    const data = { name, password: 'correct horse battery' };
    const headers = { origin: server.url };
    assert.equal((await visitor.request.post(`${server.url}/api/v1/users`, { data, headers })).status(), 201);
    return visitor.newPage();
  }

  async function create(visitor: BrowserContext, room: object): Promise<string> {
    const headers = { origin: server.url };
    const made = await visitor.request.post(`${server.url}/api/v1/rooms`, {
      data: { name: 'Film night', ...room },
      headers,
    });
    assert.equal(made.status(), 201, await made.text());
    return ((await made.json()) as { id: string }).id;
  }

  /** Someone with an account, let in by the owner of the page; returns header fields of their connection. */
  async function enterAsMember(page: Page, room: string, name: string): Promise<Record<string, string>> {
    const post = (path: string, body: object, headers = {}) =>
      fetch(`${server.url}/api/v1${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      });
    const made = await post('/users', { name, password: 'correct horse battery' });
    const { id } = (await made.json()) as { id: string };
    const member = { cookie: made.headers.get('set-cookie')!.split(';')[0]!, origin: server.url };
    assert.equal((await post(`/rooms/${room}/join`, {}, member)).status, 403);
    const letIn = await page.request.patch(`${server.url}/api/v1/rooms/${room}/members/${id}`, {
      data: { state: 'active' },
      headers: { origin: server.url },
    });
    assert.equal(letIn.status(), 200, await letIn.text());
    return member;
  }

  for (const [looks, suffix] of firstOf(1, [
    [desk, 'desk'],
    [phone, 'phone'],
  ] as const)) {
    test(`entrances: ${suffix}`, async () => {
      await using visitor = await openVisitor(browser, looks);
      const page = await visitor.newPage();
      const faults = collectFaults(page);
      const open = async (room: object, ready: string) => {
        await page.goto(`${server.url}/rooms/${await createRoom(server, room)}`);
        await page.locator(ready).waitFor();
      };
      await open({ password: 'tea' }, '.join');
      await page.locator('.join button[type=submit]').click();
      await page.getByRole('alert').nth(1).waitFor();
      await look(page, `password, ${suffix}`);
      // People without an account see it before they enter a name.
      await open({ options: { guests: false } }, '.notice a.main');
      await look(page, `guests off, ${suffix}`);
      await open({ options: { approve: true } }, '.join');
      await page.locator('.join input').fill('admin');
      await page.locator('.join button[type=submit]').click();
      await page.getByRole('alert').getByText('“admin”').waitFor(); // its field says why, in the language of the page
      await page.locator('.join input').fill('Ben');
      await page.locator('.join button[type=submit]').click();
      await page.locator('.notice button').waitFor();
      await look(page, `waiting, ${suffix}`);
      await page.goto(`${server.url}/rooms/aaaaaaaaaa`);
      await page.locator('.notice').waitFor();
      await look(page, `gone, ${suffix}`);
      assert.deepEqual(
        faults.filter((fault) => fault.startsWith('exception')),
        [],
      );
    });

    fullTest(`menus and dialogs: ${suffix}`, async () => {
      await using visitor = await openVisitor(browser, looks);
      const page = await signUp(visitor, `Ann ${suffix}`);
      const room = await create(visitor, { options: { approve: true } });
      const headers = { origin: server.url };
      const added = await visitor.request.post(`${server.url}/api/v1/rooms/${room}/items`, {
        data: {
          items: [{ target: { kind: 'stream', stream: 'demo' } }, { name: 'Season', target: { kind: 'folder' } }],
        },
        headers,
      });
      const { items } = (await added.json()) as { items: { id: string }[] };
      const started = await visitor.request.post(`${server.url}/api/v1/rooms/${room}/commands`, {
        data: { rev: 0, do: 'item', item: items[0]!.id },
        headers,
      });
      assert.equal(started.status(), 200, await started.text());
      const question = { question: 'What next?', choices: ['This', 'That'], multiple: false };
      await visitor.request.post(`${server.url}/api/v1/rooms/${room}/polls`, { data: question, headers });
      const ben = await enterAsGuest(server.url, 'Ben');
      const knock = await fetch(`${server.url}/api/v1/rooms/${room}/join`, {
        method: 'POST',
        headers: { ...ben, 'content-type': 'application/json' },
        body: '{}',
      });
      assert.equal(knock.status, 403, await knock.text());

      await page.goto(`${server.url}/rooms/${room}`);
      await page.locator('.join button[type=submit]').click();
      await page.locator('.composer textarea').waitFor();
      const tab = (index: number) => page.locator('aside [role=tab]').nth(index).click();

      // Who waited before the moderator came is let in.
      await tab(2);
      await look(page, `knocks, ${suffix}`);
      await page.locator('.pending .main').click();
      using _ = new LastingMember(server.url, room, ben);
      await page.locator('aside .member').nth(1).waitFor();
      await page.locator('aside .member [aria-haspopup]').click();
      await look(page, `member menu, ${suffix}`, [OPENED]);
      await page.locator('[role=menuitem]').nth(1).click();
      await look(page, `permissions, ${suffix}`, ['dialog[open]']);
      await page.keyboard.press('Escape');

      await tab(0);
      const poll = page.locator('aside details');
      if (!(await poll.evaluate((one) => (one as HTMLDetailsElement).open))) await poll.locator('summary').click();
      await poll.locator('li button').first().click();
      await poll.locator('summary .numbers').filter({ hasText: '1' }).waitFor();
      await page.locator('aside details[open]').waitFor(); // a vote does not close the poll
      const long = `https://example.org/${'long-'.repeat(40)}`;
      await page.locator('.composer textarea').fill(`Look: ${long}`);
      await page.keyboard.press('Enter');
      const message = page.locator('aside li[data-key]').first();
      await message.hover();
      await message.locator('[aria-haspopup]').click();
      await message.locator(':popover-open button').first().click(); // a toast is an open popover too
      await message.locator('.reactions button').waitFor();
      const sizes = await page
        .locator('.chat .list')
        .evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
      assert.equal(sizes, 0, 'a long address breaks');
      await look(page, `chat, ${suffix}`);
      const tools = page.locator('.composer .tools');
      await tools.locator('.toggle').click();
      for (const index of [0, 1, 2]) {
        await tools.locator('[aria-haspopup]').nth(index).click();
        await look(page, `chat popover ${index}, ${suffix}`, [OPENED]);
        await page.keyboard.press('Escape');
      }
      await tools.locator('button.icon:not(.toggle, [aria-haspopup])').click();
      await look(page, `new poll, ${suffix}`, ['dialog[open]']);
      await page.keyboard.press('Escape');

      await tab(1);
      await look(page, `playlist, ${suffix}`, ['aside']);
      await page.locator('.head .actions [aria-haspopup]').click();
      await look(page, `invite, ${suffix}`, [OPENED]);
      await page.keyboard.press('Escape');
      const settings = page.getByRole('button', { name: suffix === 'desk' ? 'Room settings' : '房间设置' });
      await settings.click();
      for (const index of [0, 1, 2]) {
        await page.locator('dialog[open] [role=tab]').nth(index).click();
        await look(page, `settings ${index}, ${suffix}`, ['dialog[open]']);
      }
      await page.keyboard.press('Escape');
      await until('the focus returns', () => settings.evaluate((one) => one === document.activeElement));

      // By keyboard the room gets another owner, after a confirmation.
      const cat = await enterAsMember(page, room, `Cat ${suffix}`);
      using _cat = new LastingMember(server.url, room, cat);
      await tab(2);
      const row = page.locator('aside .member').filter({ hasText: 'Cat' });
      const makeOwner = page.getByRole('menuitem', { name: suffix === 'desk' ? 'Make owner' : '设为房主' });
      const dialog = page.locator('dialog[open]');
      await row.locator('[aria-haspopup]').press('Enter');
      await look(page, `menu of a member, ${suffix}`, [OPENED]);
      await makeOwner.press('Enter');
      await look(page, `new owner, ${suffix}`, ['dialog[open]']);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await row.locator('[aria-haspopup]').press('Enter');
      await makeOwner.press('Enter');
      await dialog.locator('.main').press('Enter');
      await row.locator('[aria-haspopup]').waitFor({ state: 'detached' }); // Ann may not act on the owner
      const state = await visitor.request.get(`${server.url}/api/v1/rooms/${room}`);
      assert.equal(((await state.json()) as { owner: { name: string } }).owner.name, `Cat ${suffix}`);
    });
  }

  test('axe finds nothing serious, and nothing is wider than the window', () => {
    assert.deepEqual([...new Set(found)], []);
  });
});
