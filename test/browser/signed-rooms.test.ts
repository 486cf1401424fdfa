/*
 * Signed and private media in a room: a guest who may watch none of it by themselves sees it live, past and
 * as a video.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page, WebSocketRoute } from 'playwright-core';
import type { RoomItem } from '../../src/api/room/item-shapes.ts';
import type { ServerMessage } from '../../src/api/room/messages.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { createRoom } from '../fixtures/rooms/rooms.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor, withoutEarlyWindows } from './chromium.ts';
import { frameWhen } from './frames.ts';

const adminToken = 'let-me-in-please';

suite('signed and private media in a room', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let guest: BrowserContext;
  let page: Page;
  let faults: readonly string[];
  let room: string;
  /** The connection of the guest's page to the room: the test sends what the server would. */
  let connection: WebSocketRoute;

  before(async () => {
    folder = opened.use(await openFolder('signed-rooms'));
    server = opened.use(
      await startServer({ data: join(folder.path, 'data'), args: smallPicture, sample: false, adminToken }),
    );
    for (const [name, visibility] of Object.entries({ attic: 'signed', cellar: 'private' }))
      await post('/api/v1/streams', { name, visibility, source: { type: 'test' } });
    await server.stream('attic', 'live');
    await server.stream('cellar', 'live');
    const film = join(folder.path, 'film.mp4');
    await makeFilm(film, { seconds: 30 });
    const sent = await server.fetch('/api/v1/uploads/file?filename=film.mp4&visibility=private', {
      method: 'PUT',
      body: await readFile(film),
    });
    const { asset } = (await sent.json()) as { asset: string };
    await until('the video is ready', async () => {
      const { state } = await server.json<{ state: string }>(`/api/v1/assets/${asset}`);
      return state === 'ready';
    });
    room = await createRoom(server);
    await post(`/api/v1/rooms/${room}/items`, {
      items: [
        { name: 'Attic', target: { kind: 'stream', stream: 'attic' } },
        { name: 'Cellar', target: { kind: 'stream', stream: 'cellar' } },
        { name: 'Film', target: { kind: 'asset', asset } },
      ],
    });
    browser = await openBrowser();
    opened.defer(() => browser.close());
    guest = await openVisitor(browser);
    page = await guest.newPage();
    faults = collectFaults(page);
    await page.routeWebSocket(/\/socket/, (route) => {
      connection = route;
      const upstream = route.connectToServer();
      upstream.onMessage((message) => route.send(message));
      route.onMessage((message) => upstream.send(message));
    });
    await play('Attic');
    await page.goto(`${server.url}/rooms/${room}`);
    await page.getByLabel('Your name').fill('Ben');
    await page.getByRole('button', { name: 'Join without sound' }).click();
  });
  after(() => opened.disposeAsync());

  async function post(path: string, body: object): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const response = await server.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.ok(response.ok, `${path} ${await response.clone().text()}`);
  }

  async function items(): Promise<readonly RoomItem[]> {
    return (await server.json<{ items: RoomItem[] }>(`/api/v1/rooms/${room}/items`)).items;
  }

  async function command(what: object): Promise<void> {
    const { state } = await server.json<{ state: { rev: number } }>(`/api/v1/rooms/${room}/state`);
    await post(`/api/v1/rooms/${room}/commands`, { rev: state.rev, ...what });
  }

  async function play(name: string): Promise<void> {
    const item = (await items()).find((one) => one.name === name)!.id;
    await command({ do: 'item', item });
  }

  test('a guest watches a signed stream live, its past and its pictures on the timeline', async () => {
    await frameWhen(page, 'the guest sees the stream', ({ paused }) => !paused);
    const first = page.locator('.room video').first();
    await first.waitFor();
    await frameWhen(page, 'live', ({ utcMs, nowMs }) => nowMs - utcMs < 20_000);
    const fromMs = await until('some seconds are recorded', async () => {
      const { from, to } = (await server.stream('attic')).recorded;
      return from !== null && to !== null && Date.parse(to) - Date.parse(from) > 18_000 && Date.parse(from);
    });
    // However long the page takes to load it: the room stays so far behind.
    await command({ do: 'seek', positionMs: fromMs + 1_000 });
    await frameWhen(page, 'the past', ({ utcMs, nowMs }) => nowMs - utcMs > 14_000);
    const still = page.waitForResponse((response) => /\/thumb\/attic\//.test(response.url()));
    const { x, y, width, height } = (await page.locator('.bar').first().boundingBox())!;
    await page.mouse.move(x + width / 3, y + height / 2);
    await page.mouse.move(x + width, y + height / 2, { steps: 200 }); // over what is recorded
    assert.equal((await still).status(), 200);
    assert.match((await still).url(), /\/t\/[\w-]+\/thumb\/attic\//);
  });

  test('a new token replaces the old one while the picture plays', async () => {
    await play('Attic');
    await frameWhen(page, 'live again', ({ utcMs, nowMs }) => nowMs - utcMs < 20_000);
    const headers = { 'content-type': 'application/json' };
    const made = await server.fetch('/api/v1/streams/attic/watch-tokens', { method: 'POST', headers, body: '{}' });
    const { token } = (await made.json()) as { token: string };
    const item = (await items()).find(({ name }) => name === 'Attic')!;
    const renewed = { ...item, address: item.address!.replace(/^\/t\/[^/]+/, `/t/${token}`) };
    const message: ServerMessage = { t: 'item-changes', set: [{ item: renewed, after: null }], removed: [] };
    await page.evaluate(() => {
      for (const video of document.querySelectorAll('.room video')) Object.assign(video, { isKept: true });
    });
    const asked = page.waitForResponse(
      (response) => response.request().method() === 'GET' && response.url().includes(`/t/${token}/live/attic/`),
    );
    connection.send(JSON.stringify(message));
    assert.equal((await asked).status(), 200);
    const isKept = await page.evaluate(() =>
      [...document.querySelectorAll('.room video')].every((video) => 'isKept' in video),
    );
    assert.ok(isKept, 'the player is not created again');
  });

  test('a private stream and a private video play, and nothing of it was refused', async () => {
    await play('Cellar');
    await page.waitForFunction(() => {
      const videos = [...document.querySelectorAll('.room video')];
      return videos.length > 0 && videos.every((video) => !('isKept' in video)); // not the player of Attic, which is live too
    });
    await frameWhen(page, 'the private stream', ({ utcMs, nowMs }) => nowMs - utcMs < 20_000);
    await play('Film');
    await page.waitForFunction(() => {
      const video = document.querySelector('.room video');
      return video instanceof HTMLVideoElement && video.currentTime > 0.5 && Math.round(video.duration) === 30;
    });
    assert.deepEqual(withoutEarlyWindows(faults), []);
    const plain = await fetch(`${server.url}/live/attic/index.m3u8`);
    assert.equal(plain.status, 404, 'without a token it does not exist');
  });

  test('who is sent out gets no further address', async () => {
    const members = await server.json<{ items: { user: string; name: string }[] }>(`/api/v1/rooms/${room}/members`);
    const ben = members.items.find(({ name }) => name === 'Ben')!;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ state: 'banned' });
    const path = `/api/v1/rooms/${room}/members/${ben.user}`;
    assert.equal((await server.fetch(path, { method: 'PATCH', headers, body })).status, 200);
    await page.getByText('You are banned from this room').waitFor();
    assert.equal((await guest.request.get(`${server.url}/api/v1/rooms/${room}/items`)).status(), 403);
  });
});
