/*
 * The pages of a room, as its owner and a guest on a phone use them together.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { frameWhen } from './frames.ts';
import { isInSight, overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const owner = { name: 'ann', password: 'correct horse battery' } as const;

suite('the pages of a room', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;

  before(async () => {
    folder = await openFolder('rooms');
    server = await startServer({ data: folder.path, args: smallPicture, sample: false, adminToken });
    const post = (path: string, body: object) =>
      server.fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    await post('/api/v1/streams', { name: 'demo', source: { type: 'test' } });
    assert.equal((await post('/api/v1/users', owner)).status, 201);
    await server.stream('demo', 'live');
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  async function openPage(visitor: BrowserContext, path: string): Promise<{ page: Page; faults: readonly string[] }> {
    const page = await visitor.newPage();
    const faults = collectFaults(page);
    await page.goto(server.url + path);
    return { page, faults };
  }

  test('an owner and a guest watch together, write, and the guest is muted and removed', async () => {
    await using atHome = await openVisitor(browser);
    await using onPhone = await openVisitor(browser, { width: 390, height: 844, colorScheme: 'dark', touch: true });
    await atHome.request.post(`${server.url}/api/v1/sessions`, { data: owner });
    const { page: ann, faults: annFaults } = await openPage(atHome, '/rooms');
    assert.deepEqual(await violations(ann, 'no rooms'), []);

    await ann.getByRole('button', { name: 'Create room' }).first().click();
    assert.equal(await ann.getByRole('textbox', { name: 'Name' }).inputValue(), 'ann’s room');
    assert.deepEqual(await violations(ann, 'create', { within: ['dialog[open]'] }), []);

    // Created from a stream; its owner is inside without another press.
    await ann.goto(`${server.url}/watch/demo`);
    await frameWhen(ann, 'it plays', ({ paused }) => !paused);
    await ann.getByRole('button', { name: 'Watch together' }).click();
    await ann.locator('.room').waitFor();
    await frameWhen(ann, 'the owner sees the stream in the room', ({ paused }) => !paused);
    for (const [width, height] of [
      [960, 800],
      [700, 800],
      [683, 768],
    ] as const) {
      await ann.setViewportSize({ width, height }); // half of a screen
      for (const seen of ['.room .stage', '.room aside textarea']) {
        await until(`${seen} is on a screen of ${width}x${height}`, () => isInSight(ann.locator(seen).first()));
      }
    }
    await ann.setViewportSize({ width: 1440, height: 900 });
    await ann.getByRole('tab', { name: 'Playlist' }).click();
    await ann.getByRole('button', { name: 'Now playing: demo' }).waitFor();
    await ann.getByRole('button', { name: 'Add', exact: true }).click();
    await ann.getByRole('tab', { name: 'Links' }).click();
    await ann.getByRole('textbox', { name: 'Links' }).fill('One | https://a.example/1.mp4\nhttps://a.example/2.m3u8');
    assert.deepEqual(await violations(ann, 'add', { within: ['dialog[open]'] }), []);
    await ann.getByRole('button', { name: 'Add 2 links' }).click();
    await ann.getByRole('button', { name: 'Play One' }).waitFor();
    await ann.keyboard.press('Escape');
    await ann.getByRole('button', { name: 'Play One' }).press('Alt+ArrowUp'); // by keys
    await ann.getByRole('listitem').first().getByText('One').waitFor();
    const link = ann.url();
    const patched = await atHome.request.patch(`${server.url}/api/v1${new URL(link).pathname}`, {
      headers: { origin: server.url },
      data: { options: { control: 'moderators' } },
    });
    assert.equal(patched.status(), 200);

    // A guest by the link and a name.
    const { page: ben, faults: benFaults } = await openPage(onPhone, new URL(link).pathname);
    const join = ben.getByRole('button', { name: 'Join with sound' });
    await join.click();
    await ben.getByText('Enter a name.').waitFor();
    assert.deepEqual(await violations(ben, 'entrance'), []);
    await ben.getByLabel('Your name').fill('Ben');
    await join.click();
    await frameWhen(ben, 'the guest sees the stream', ({ paused }) => !paused);
    await until('it is with sound', () =>
      ben.locator('.room video').evaluateAll((all) => all.some((one) => !(one as HTMLVideoElement).muted)),
    );
    assert.deepEqual(await overflowing(ben), []);
    await ben.getByText('Moderators have the remote').waitFor();
    await ann.getByRole('tab', { name: 'Members (2)' }).click();
    const member = ann.getByRole('listitem').filter({ hasText: 'Ben' });
    await member.getByText('In step').waitFor();
    assert.equal(await ben.getByRole('button', { name: 'Join call' }).count(), 0, 'guests may not talk');
    await ann.getByRole('switch', { name: 'Guests may talk in calls' }).check();
    await ben.getByRole('button', { name: 'Join call' }).waitFor();
    assert.deepEqual(await violations(ann, 'room'), []);

    // The guest cannot control; the owner's key stops both pictures.
    const play = ben.getByRole('button', { name: 'Pause', exact: true });
    assert.equal(await play.getAttribute('aria-disabled'), 'true');
    await ann.keyboard.press('k');
    await ben.getByText('ann paused').waitFor();
    await frameWhen(ben, 'the picture of the guest stops', ({ paused }) => paused);
    await frameWhen(ann, 'the picture of the owner stops', ({ paused }) => paused);

    // The remote is handed over and used.
    await ben.getByRole('button', { name: 'Ask for the remote' }).click();
    await ben.getByText('Your request was sent').first().waitFor();
    await ann.getByText('Ben asks for the remote').first().waitFor();
    await ann.getByRole('button', { name: 'Give' }).click();
    await ben.getByText('You have the remote').waitFor();
    await ben.getByRole('button', { name: 'Play', exact: true }).first().click();
    await frameWhen(ann, 'the picture of the owner plays again', ({ paused }) => !paused);

    // The chat, by keyboard: who looks elsewhere finds that they are mentioned, and what is new. Then the
    // guest is muted and removed.
    await ben.getByRole('tab', { name: 'Playlist' }).click();
    await ann.locator('body').press('c');
    await ann.keyboard.type('Hello @Be');
    await ann.getByRole('option', { name: 'Ben' }).waitFor();
    await ann.keyboard.press('Enter');
    await ann.keyboard.type('and welcome');
    await ann.keyboard.press('Enter');
    await ben.getByRole('tab', { name: 'Chat (@1)' }).click();
    await ben.getByText('New since you left').waitFor();
    await ben.getByRole('tabpanel').getByText('and welcome').waitFor();
    await ben.getByRole('tab', { name: 'Chat', exact: true }).waitFor();
    await ben.getByRole('log').getByText('Owner').first().waitFor();
    // On a touch screen a press on a message shows what can be done with it.
    const welcome = ben.locator('li[data-key]').filter({ hasText: 'and welcome' });
    await welcome.tap();
    await welcome.getByRole('button', { name: 'Reply to ann' }).tap();
    await ben.getByRole('button', { name: 'Cancel reply' }).tap();
    assert.deepEqual(await violations(ben, 'chat of the guest'), []);
    assert.deepEqual(await violations(ann, 'chat'), []);
    // A list that still scrolls when its panel closes.
    const list = await ann.getByRole('log').elementHandle();
    await ann.getByRole('tab', { name: 'Members (2)' }).click();
    await ann.getByRole('log').waitFor({ state: 'detached' });
    await list!.dispatchEvent('scroll');
    await member.getByRole('button', { name: 'Actions: Ben' }).click();
    await ann.getByRole('menuitem', { name: 'Mute for 10 minutes' }).click();
    await member.getByText('Muted in the chat').waitFor({ state: 'attached' });
    await member.getByRole('button', { name: 'Actions: Ben' }).click();
    await ann.getByRole('menuitem', { name: 'Remove from room' }).click();
    await ben.getByText('You were removed from this room').waitFor();
    assert.deepEqual(await violations(ben, 'removed'), []);

    // Who was removed comes back, and leaves for good; the owner cannot.
    await ben.getByRole('button', { name: 'Enter again' }).click();
    await ben.getByRole('button', { name: 'Join with sound' }).click();
    await ben.getByRole('button', { name: 'Leave room' }).click();
    const leave = ben.getByRole('button', { name: 'Leave for good' });
    await leave.waitFor();
    assert.deepEqual(await violations(ben, 'leave', { within: ['dialog[open]'] }), []);
    await leave.click();
    await ben.waitForURL(/\/rooms$/);
    await ann.getByRole('tab', { name: 'Members (1)' }).waitFor();
    await ann.getByRole('button', { name: 'Leave room' }).click();
    await ann.getByText('The owner cannot leave').waitFor();
    await ann.getByRole('dialog').getByRole('link', { name: 'Back to rooms' }).click();
    await ann.waitForURL(/\/rooms$/);
    await ann.getByRole('radio', { name: 'Mine', checked: true }).waitFor();
    await ann.getByRole('list', { name: 'Rooms' }).getByRole('link').first().waitFor();
    assert.deepEqual([annFaults, benFaults], [[], []]);
  });
});
