import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { fullTest } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const phone = { width: 390, height: 844, colorScheme: 'dark' } as const;

suite('accounts', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  const found: string[] = [];

  before(async () => {
    folder = await openFolder('accounts');
    server = await startServer({ data: folder.path, args: ['--accounts-sign-up', 'approval'], adminToken });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** All rules in one theme, contrast in the other; nothing wider than the window. */
  async function look(page: Page, where: string): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const scope = colorScheme === 'light' ? { rules: ['color-contrast'] } : {};
      found.push(...(await violations(page, `${where}, ${colorScheme}`, scope)));
    }
    found.push(...(await overflowing(page)).map((what) => `${where}: ${what}`));
  }

  const button = (page: Page, name: string) => page.locator('main').getByRole('button', { name, exact: true });

  async function signInAsAdmin(page: Page, path: string): Promise<void> {
    await page.goto(`${server.url}${path}`);
    const others = page.locator('main summary');
    await page.locator('main form, main summary').first().waitFor();
    if (await others.count()) await others.click();
    await page.getByLabel('Admin token').fill(adminToken);
    await page.getByLabel('Admin token').press('Enter');
    await page.getByRole('navigation', { name: 'Administration sections' }).waitFor();
  }

  async function signIn(page: Page, name: string, password: string): Promise<void> {
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByLabel('Password', { exact: true }).press('Enter');
  }

  test('an invitation leads to an account, which signs out and in, sees its browsers, and is deleted', async () => {
    await using desk = await openVisitor(browser);
    await using visitor = await openVisitor(browser, phone);
    const admin = await desk.newPage();
    const page = await visitor.newPage();
    const faults = [...[admin, page].map(collectFaults)];
    await signInAsAdmin(admin, '/admin/invitations');
    await admin.getByLabel('Label').fill('For Ada');
    await button(admin, 'Create invitation').click();
    const link = await admin.getByLabel('Invitation link', { exact: true }).inputValue();
    assert.match(
      await admin.getByRole('note').innerText(),
      /on this computer only/,
      'others cannot open a loopback address',
    );

    await page.goto(link);
    await page.getByLabel('Name', { exact: true }).fill('Ada');
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await look(page, 'sign-up');
    await button(page, 'Create account').click();
    await page.getByRole('button', { name: 'Ada', exact: true }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'Record a stream' }).count(), 0, 'what she may not do');

    await page.getByRole('button', { name: 'Ada', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Not signed in' }).waitFor();
    await page.goto(`${server.url}/me`);
    await signIn(page, 'ada', 'correct horse battery');
    await page.getByRole('heading', { name: 'Ada', level: 1 }).waitFor();
    await page.getByRole('row', { name: /this browser/ }).waitFor();
    await look(page, 'account');

    await button(page, 'Delete my account').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Type Ada to confirm').fill('Ada');
    await dialog.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await look(page, 'deletion');
    await dialog.getByRole('button', { name: 'Delete my account' }).click();
    await page.getByRole('button', { name: 'Not signed in' }).waitFor();
    assert.deepEqual(faults.flat(), []);
  });

  fullTest('a wrong password is refused in place, and an account works once an administrator approved it', async () => {
    await using desk = await openVisitor(browser);
    await using visitor = await openVisitor(browser, phone);
    const admin = await desk.newPage();
    const page = await visitor.newPage();
    await page.goto(`${server.url}/sign-up?to=%2Fclips`);
    await page.getByLabel('Name', { exact: true }).fill('Grace');
    await page.getByLabel('Password', { exact: true }).fill('12345678');
    await button(page, 'Create account').click();
    await page.getByText('none of the most common passwords').waitFor();
    await page.getByLabel('Password', { exact: true }).fill('nanoseconds of wire');
    await button(page, 'Create account').click();
    await page.getByText('Your account is waiting for approval.').waitFor();
    await look(page, 'waiting');

    await page.goto(`${server.url}/sign-in?to=%2Fclips`);
    await signIn(page, 'Grace', 'nanoseconds of wire');
    await page.getByRole('alert').getByText('The account is not active').waitFor();

    await signInAsAdmin(admin, '/admin/users');
    await admin.getByRole('button', { name: 'Approve Grace' }).click();
    await admin.getByRole('row', { name: /Grace.*Active/ }).waitFor();
    await look(admin, 'users');
    await admin.getByRole('link', { name: 'Audit' }).click();
    await admin.getByRole('row', { name: /changed the account Grace/ }).waitFor();
    await look(admin, 'audit');

    await signIn(page, 'Grace', 'nanoseconds of a mile');
    await page.getByRole('alert').getByText('Sign-in failed').waitFor();
    await signIn(page, 'Grace', 'nanoseconds of wire');
    await page.waitForURL('**/clips');
  });

  test('axe finds nothing serious, and nothing is wider than the window', () => {
    assert.deepEqual([...new Set(found)], []);
  });
});
