/*
 * What was written before a member came, and a page whose network is gone.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { ADMIN } from '../cluster/cluster.fixture.ts';
import { Member } from '../cluster/member.fixture.ts';
import { need } from '../fixtures/need.ts';
import { createRoom } from '../fixtures/rooms/rooms.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { frameWhen } from './frames.ts';

const MESSAGES = 350;

suite('a room that has a past', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let room: string;

  before(async () => {
    folder = await openFolder('room-history');
    const args = [...smallPicture, '--rooms-message-rate', '1000'];
    server = await startServer({ data: folder.path, args, sample: false, adminToken: ADMIN });
    const post = (path: string, body: object) =>
      server.fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    await post('/api/v1/streams', { name: 'demo', source: { type: 'test' }, visibility: 'public' });
    room = await createRoom(server, { visibility: 'public' });
    const made = await post(`/api/v1/rooms/${room}/items`, {
      items: [{ name: 'Camera', target: { kind: 'stream', stream: 'demo' } }],
    });
    assert.equal(made.status, 201);
    const { items } = (await made.json()) as { items: readonly { id: string }[] };
    using host = new Member(room, () => [server.url]);
    await until('the host is in', () => host.welcomes.length > 0);
    assert.ok((await host.command({ do: 'item', item: items[0]!.id })).ok);
    for (let n = 0; n < MESSAGES; n++) {
      const written = await host.write(`Message ${n}.`);
      assert.ok(written.ok);
    }
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test('shows older messages to a reader who is at the very top, and says that it is lost without a network', async () => {
    await using visitor = await openVisitor(browser);
    const page = await visitor.newPage();
    await page.goto(`${server.url}/rooms/${room}`);
    await page.getByRole('textbox', { name: 'Name' }).fill('Reader');
    await page.getByRole('button', { name: /^Join/ }).first().click();
    const chat = page.getByRole('log', { name: 'Messages' });
    await chat.getByText(`Message ${MESSAGES - 1}.`).waitFor();
    // As a fast wheel: straight to the top, with no further event there.
    await until('the first message is shown', async () => {
      await chat.evaluate((list) => {
        list.scrollTop = 0;
      });
      return (await chat.getByText('Message 0.', { exact: true }).count()) > 0;
    });
    await frameWhen(page, 'it plays', ({ paused }) => !paused);
    await page.getByText('In step').first().waitFor();
    await visitor.setOffline(true);
    await page.getByText('Connection lost', { exact: false }).first().waitFor();
    assert.equal(await page.locator('.status').getByText('In step').count(), 0);
    assert.equal(await page.locator('.golive').getByText('LIVE', { exact: true }).count(), 0);
    await visitor.setOffline(false);
    await page.locator('.golive').getByText('LIVE', { exact: true }).waitFor();
  });
});
