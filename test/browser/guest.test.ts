import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { copyAlone } from './alone.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor, withoutEarlyWindows } from './chromium.ts';
import { frameWhen } from './frames.ts';
import { overflowing } from './overflow.ts';
import { newestStretch } from './stretch.ts';

const phone = { width: 390, height: 844 } as const;
const adminToken = 'let-me-in-please';
const FIELD = '.share input.input';

suite('a private stream, shared with a guest', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  /** The link that the signed-in user copied. */
  let link = '';

  const post = (path: string, body: object = {}) =>
    server.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  before(async () => {
    folder = await openFolder('guest');
    server = await startServer({ data: folder.path, args: smallPicture, sample: false, adminToken });
    for (const [name, type, visibility] of [
      ['door', 'test', 'private'],
      ['attic', 'push', 'private'],
      ['demo', 'push', 'public'],
    ] as const) {
      const made = await post('/api/v1/streams', { name, source: { type }, visibility });
      assert.equal(made.status, 201);
    }
    await server.stream('door', 'live');
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** The watch page of the signed-in user. */
  async function signIn(visitor: BrowserContext): Promise<{ readonly page: Page; readonly faults: readonly string[] }> {
    await visitor.request.post(`${server.url}/api/v1/sessions`, { data: { token: adminToken } });
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(`${server.url}/watch/door`);
    await frameWhen(page, 'it plays', ({ paused }) => !paused);
    return { page, faults };
  }

  async function openShare(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Share', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('radio', { name: 'Live' }).check(); // the page may not be at the edge
  }

  test('a signed-in user shares a link with a token and a lifetime, by keyboard alone', async () => {
    await using visitor = await openVisitor(browser, phone);
    await visitor.grantPermissions(['clipboard-read', 'clipboard-write']);
    const { page, faults } = await signIn(visitor);
    await openShare(page);
    const who = page.getByLabel('Who can open it');
    assert.equal(await page.locator(FIELD).inputValue(), `${server.url}/watch/door`, 'without a token by default');
    assert.equal(await page.getByRole('button', { name: 'Copy embed code' }).count(), 0, 'it would show nothing');
    assert.deepEqual(
      await who.locator('option').evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value)),
      ['', '1h', '24h'],
      'no longer than the server grants',
    );
    await who.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForFunction((field) => /token=/.test(document.querySelector<HTMLInputElement>(field)!.value), FIELD);
    assert.match(
      await page.locator('.share [role="status"]').innerText(),
      /^Anyone with the link can watch this stream/,
    );
    assert.deepEqual(await overflowing(page), []);
    assert.deepEqual(await violations(page, 'share', { within: ['.share'] }), []);
    using _ = await copyAlone(page);
    await page.getByRole('button', { name: 'Copy link' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('Link copied').first().waitFor();
    link = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(link, /\/watch\/door\?token=[\w-]{34}$/);
    assert.deepEqual(faults, []);

    await page.route('**/watch-tokens', (route) => route.fulfill({ status: 503, json: { code: 'busy', status: 503 } }));
    await openShare(page);
    await page.getByRole('alert').filter({ visible: true }).waitFor(); // the token is created again, and that failed
    assert.equal(await page.locator(FIELD).inputValue(), `${server.url}/watch/door`);
  });

  test('the guest watches, receives events, seeks back and downloads a clip; links that they share have their token', async () => {
    await using visitor = await openVisitor(browser, phone);
    await visitor.grantPermissions(['clipboard-read', 'clipboard-write']);
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    const received: string[] = [];
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => received.push(String(payload))));
    await page.goto(link);
    await frameWhen(page, 'it plays', ({ paused }) => !paused);
    await until('the connection is open', async () => received.some((text) => text.includes('events.ready')));
    await post('/api/v1/streams/attic/markers', { at: new Date().toISOString(), text: 'not theirs' });
    await post('/api/v1/streams/door/markers', { at: new Date().toISOString(), text: 'theirs' });
    await until('the event arrives', async () => received.some((text) => text.includes('marker.added')));
    assert.ok(!received.some((text) => text.includes('attic')), received.join('\n'));

    await newestStretch(server, 12, 'door'); // `j` seeks back ten seconds, but not before the beginning
    await page.locator('.track').focus();
    const live = await frameWhen(page, 'a picture is there', () => true);
    await page.keyboard.press('j');
    const began = await frameWhen(page, 'it is in the past', ({ utcMs }) => utcMs < live.utcMs - 3_000);
    await page.keyboard.press('i');
    await frameWhen(page, 'it continues', ({ utcMs }) => utcMs > began.utcMs + 1000);
    await page.keyboard.press('o');
    await page.keyboard.press('e');
    const href = await page.locator('aside a[download]').first().getAttribute('href');
    const clip = await fetch(new URL(href!, server.url));
    assert.equal(clip.status, 200);
    assert.ok((await clip.arrayBuffer()).byteLength > 1000);
    const token = new URL(link).searchParams.get('token')!;
    using _ = await copyAlone(page);
    await page.locator('aside').getByRole('button', { name: 'Copy link' }).click();
    const copied = async () => page.evaluate(() => navigator.clipboard.readText());
    await until('the span is copied', async () => (await copied()).includes('from='));
    assert.equal(new URL(await copied()).searchParams.get('token'), token);

    await page.getByRole('tab', { name: 'Markers' }).click();
    await page.getByRole('button', { name: 'theirs' }).waitFor();
    for (const name of ['Protect this span', 'Remove theirs'])
      assert.equal(await page.getByRole('button', { name }).count(), 0, `${name} is for administrators`);

    await openShare(page);
    assert.equal(await page.getByLabel('Who can open it').count(), 0, 'a guest shares their token, but creates none');
    await page.getByText('until your own link expires').waitFor();
    assert.equal(await page.locator(FIELD).inputValue(), link);
    await page.getByRole('button', { name: 'Copy embed code' }).click();
    await until('the code is copied', async () => (await copied()).startsWith('<iframe '));
    assert.match(await copied(), new RegExp(`/embed/door\\?token=${token}"`));
    assert.deepEqual(withoutEarlyWindows(faults), [], 'nothing that a guest needs is refused');
  });

  test('the guest cannot see another private stream, and the page shows when the link was revoked', async () => {
    await using visitor = await openVisitor(browser, phone);
    const page = await visitor.newPage();
    await page.goto(link);
    await frameWhen(page, 'it plays', ({ paused }) => !paused);
    await page.goto(`${server.url}/watch/attic?token=${new URL(link).searchParams.get('token')}`);
    await page.getByText('This link is not valid').first().waitFor();
    assert.equal(await page.locator('section.player').isVisible(), false);
    await page.goto(`${server.url}/`);
    await page.getByRole('link', { name: 'demo' }).first().waitFor();
    assert.doesNotMatch(await page.locator('main').innerText(), /attic|door/);
    await page.goto(link);
    await frameWhen(page, 'it plays', ({ paused }) => !paused);
    await using owner = await openVisitor(browser, phone);
    const { page: own } = await signIn(owner);
    await openShare(own);
    await own.getByRole('button', { name: 'Revoke all links' }).click();
    await own.getByRole('dialog').getByRole('button', { name: 'Revoke links', exact: true }).click();
    await own.getByText('Links to door revoked').first().waitFor();
    const { utcMs } = await frameWhen(own, 'it shows a picture', () => true);
    await page.getByText('This link is not valid').first().waitFor();
    await frameWhen(own, 'the signed-in user continues', (look) => look.utcMs > utcMs + 5_000);
  });
});
