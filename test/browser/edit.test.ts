import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { WatchAccessView } from '../../src/api/access/watch-rules-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { fullTest } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const icon = join(import.meta.dirname, '..', '..', 'web', 'public', 'icon-512.png');
const OPEN = 'Edit stream';

suite('title, description and picture of a stream are edited on its page', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;

  before(async () => {
    folder = await openFolder('edit');
    const config = join(folder.path, 'oxbow.yaml');
    await writeFile(config, 'streams: { fixed: { source: { type: push }, title: Fixed } }\n');
    server = await startServer({ data: join(folder.path, 'data'), args: ['--config', config], adminToken });
    const made = await server.fetch('/api/v1/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'door', source: { type: 'push' } }),
    });
    assert.equal(made.status, 201);
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** A picture is drawn once it has a width. */
  const drawn = (page: Page, selector: string) =>
    page.waitForFunction((each) => (document.querySelector<HTMLImageElement>(each)?.naturalWidth ?? 0) > 0, selector);

  async function shot(page: Page, name: string): Promise<void> {
    const { LOOK } = process.env;
    if (LOOK === undefined) return;
    await mkdir(LOOK, { recursive: true });
    await page.screenshot({ path: join(LOOK, `${name}.png`) });
  }

  test('by keyboard; the page, the home page and the API show the result, and viewers cannot edit', async () => {
    await using visitor = await openVisitor(browser);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(`${server.url}/watch/door`);
    await page.getByRole('heading', { name: 'door' }).waitFor();
    assert.equal(await page.getByRole('button', { name: OPEN }).count(), 0, 'no one is signed in');

    await visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
    await page.reload();
    await page.getByRole('button', { name: OPEN }).focus();
    await page.keyboard.press('Enter');
    await page.getByLabel('Title', { exact: true }).fill('Front door');
    await page.getByLabel('Description').fill('The street in front of the house.');
    await page.getByLabel('Who can watch').selectOption({ label: 'Everyone with the link' });
    await page.getByLabel('Keep recordings for').fill('3d');
    await page.getByLabel('Picture', { exact: true }).setInputFiles(icon);
    await drawn(page, 'dialog img');
    assert.deepEqual(await violations(page, 'the dialog', { within: ['dialog'] }), []);
    await shot(page, 'edit-light');
    await page.getByLabel('Title', { exact: true }).press('Enter');
    await page.getByRole('heading', { name: 'Front door' }).waitFor();
    await page.getByText('The street in front of the house.').waitFor();
    await drawn(page, '.heading img');
    await shot(page, 'watch-light');
    const view = await server.json<StreamView>('/api/v1/streams/door');
    assert.deepEqual(
      [view.title, view.description, view.visibility, view.keep],
      ['Front door', 'The street in front of the house.', 'unlisted', '3d'],
    );
    assert.match(view.picture!, /\?v=/);

    await page.goto(`${server.url}/`); // administrators see unlisted streams too
    await drawn(page, '.still img.picture');
    await shot(page, 'home-light');
    assert.deepEqual(faults, []);
  });

  fullTest('further sources of missing parts are set, and a file is sent that may have them', async () => {
    const film = join(folder.path, '20200101_120000.mp4');
    await run('ffmpeg', [
      ...[
        '-v',
        'error',
        '-f',
        'lavfi',
        '-i',
        'testsrc=size=160x90:rate=10:duration=2',
        '-pix_fmt',
        'yuv420p',
        '-y',
        film,
      ],
    ]);
    for (const look of [
      { width: 390, height: 844, colorScheme: 'dark' },
      { width: 1440, height: 900, colorScheme: 'light' },
    ] as const) {
      await using visitor = await openVisitor(browser, look);
      await visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
      const page = await visitor.newPage();
      const faults = collectFaults(page);
      await page.goto(`${server.url}/watch/door`);
      await page.getByRole('button', { name: OPEN }).click();
      await page.getByText('Missing parts of the recording').click();
      await page.getByLabel('Further sources').selectOption({ label: 'Other addresses' });
      await page.getByLabel('Addresses').fill('https://other.example/door/index.m3u8\nonvif://u:p@192.0.2.7');
      await page.getByLabel('File (MP4 or MPEG-TS)').setInputFiles(icon);
      await page.getByRole('button', { name: 'Fill gaps' }).click();
      await page
        .getByRole('alert')
        .getByText(/cannot be used/)
        .waitFor();
      await page.getByLabel('File (MP4 or MPEG-TS)').setInputFiles(film);
      await page.getByRole('button', { name: 'Fill gaps' }).click();
      await page.getByText(/begins at .* by its name/).waitFor();
      await page.getByText('No gap is at its time.').waitFor();
      assert.deepEqual(await violations(page, 'missing parts', { within: ['dialog'] }), []);
      assert.deepEqual(await overflowing(page), []);
      await shot(page, `heal-${look.width}`);
      const sent = page.waitForRequest((request) => request.method() === 'PATCH');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      assert.deepEqual((await sent).postDataJSON(), {
        healFrom: ['https://other.example/door/index.m3u8', 'onvif://u:p@192.0.2.7'],
      });
      await page.getByText('Missing parts of the recording').waitFor({ state: 'detached' });
      // The browser reports the refused file itself.
      assert.deepEqual(
        faults.filter((fault) => !/415|Failed to load resource/.test(String(fault))),
        [],
      );
    }
  });

  test('where it can be watched is set, and the page says whether an address would see it', async () => {
    await using visitor = await openVisitor(browser, { width: 390, height: 844, colorScheme: 'dark' });
    await visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(`${server.url}/watch/door`);
    const openRules = async () => {
      await page.getByRole('button', { name: OPEN }).click();
      await page.getByText('Where it can be watched').click();
    };
    await openRules();
    await page.getByLabel('Only from', { exact: true }).fill('nowhere');
    await page.getByRole('button', { name: 'Save' }).click();
    await page
      .getByRole('alert')
      .getByText(/nowhere/)
      .waitFor();
    await page.getByLabel('Only from', { exact: true }).fill('DE, 192.0.2.0/24');
    await page.getByLabel('Not from', { exact: true }).fill('192.0.2.7');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await openRules();
    const ask = async (address: string, country: string) => {
      await page.getByLabel('Would this address see it?').fill(address);
      await page.getByLabel('Country, two letters').fill(country);
      await page.getByLabel('Country, two letters').press('Enter');
    };
    await ask('192.0.2.9', '');
    await page.getByText('192.0.2.9 may watch it, by 192.0.2.0/24.').waitFor();
    await ask('192.0.2.7', 'DE');
    await page.getByText('192.0.2.7 may not watch it, by 192.0.2.7.').waitFor();
    await ask('198.51.100.1', 'FR');
    await page.getByText(/198\.51\.100\.1 may not watch it: it is in no entry/).waitFor();
    assert.deepEqual(await violations(page, 'the rules', { within: ['dialog'] }), []);
    assert.deepEqual(await overflowing(page), []);
    await shot(page, 'rules-dark-phone');
    await page.getByLabel('Only from', { exact: true }).fill('');
    await page.getByLabel('Not from', { exact: true }).fill('');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    const { origin } = await server.json<WatchAccessView>('/api/v1/streams/door/access');
    assert.equal(origin, 'none');
    const isRefusal = (fault: string) => / 400\b|\b400 /.test(fault); // of the entry that is none
    assert.deepEqual(
      faults.filter((fault) => !isRefusal(fault)),
      [],
    );
  });

  fullTest(
    'the address of a pulled source is changed with its password as ***, which another host is refused',
    async () => {
      const address = 'http://admin:secret@127.0.0.1:9/live.m3u8';
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ source: { type: 'pull', url: address } });
      assert.equal((await server.fetch('/api/v1/streams/cam', { method: 'PUT', headers, body })).status, 201);
      for (const look of [
        { width: 390, height: 844, colorScheme: 'dark' },
        { width: 1440, height: 900, colorScheme: 'light' },
      ] as const) {
        await using visitor = await openVisitor(browser, look);
        await visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
        const page = await visitor.newPage();
        await page.goto(`${server.url}/watch/cam`);
        await page.getByRole('button', { name: OPEN }).click();
        await page.getByText('Source', { exact: true }).click();
        const field = page.getByLabel('Address', { exact: true });
        await field.waitFor();
        const shown = await field.inputValue();
        assert.match(shown, /^http:\/\/admin:\*\*\*@127\.0\.0\.1:9\//);
        assert.deepEqual(await violations(page, 'source', { within: ['dialog'] }), []);
        assert.deepEqual(await overflowing(page), []);
        await shot(page, `source-${look.width}`);
        await field.fill(shown.replace('127.0.0.1', 'localhost'));
        await page.getByRole('button', { name: 'Save', exact: true }).click();
        await page.getByRole('alert').waitFor();
        await field.fill('http://admin:***@127.0.0.1:9/other.m3u8');
        const sent = page.waitForRequest((request) => request.method() === 'PATCH');
        await page.getByRole('button', { name: 'Save', exact: true }).click();
        const expected = { source: { url: 'http://admin:***@127.0.0.1:9/other.m3u8' } };
        assert.deepEqual((await sent).postDataJSON(), expected);
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await server.fetch('/api/v1/streams/cam', { method: 'PUT', headers, body });
      }
    },
  );

  fullTest('a file that is too large or no picture is refused with a sentence; a picture is removed', async () => {
    const looks = { width: 390, height: 844, colorScheme: 'dark' } as const;
    await using visitor = await openVisitor(browser, looks);
    await visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
    const page = await visitor.newPage();
    await page.goto(`${server.url}/watch/door`);
    await page.getByRole('button', { name: OPEN }).click();
    const field = page.getByLabel('Picture', { exact: true });
    const file = (buffer: Buffer) => ({ name: 'big.png', mimeType: 'image/png', buffer });
    await field.setInputFiles(file(Buffer.alloc(1024 * 1024 + 1)));
    await page.getByText('big.png is larger than 1 MiB.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Save' }).isDisabled(), true);
    await field.setInputFiles(file(Buffer.from('not a picture')));
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(/not a JPEG, PNG or WebP picture/).waitFor();
    await field.setInputFiles([]);
    await page.getByLabel('Remove the picture').check();
    assert.deepEqual(await overflowing(page), []);
    await shot(page, 'edit-dark-phone');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForFunction(() => document.querySelector('.heading img') === null);
    assert.equal((await server.json<StreamView>('/api/v1/streams/door')).picture, null);
  });

  fullTest('a stream of the configuration keeps its title and takes a picture', async () => {
    await using visitor = await openVisitor(browser, { locale: 'zh-CN' });
    await visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
    const page = await visitor.newPage();
    await page.goto(`${server.url}/watch/fixed`);
    await page.getByRole('button', { name: '编辑直播' }).click();
    await page.getByText(/只能在那里更改/).waitFor();
    await page.getByLabel('图片', { exact: true }).setInputFiles(icon);
    await page.getByRole('button', { name: '保存' }).click();
    await drawn(page, '.heading img');
    const { title, picture } = await server.json<StreamView>('/api/v1/streams/fixed');
    assert.deepEqual([title, picture === null], ['Fixed', false]);
  });
});
