import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { RoomItem } from '../../src/api/room/item-shapes.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { measureAlone } from './alone.ts';
import { collectFaults, launchBrowser, openVisitor } from './chromium.ts';
import { type SeenFrame, takeFrames } from './frames.ts';
import { createTestStreams, driftOf } from './multi-view.ts';

/** The promise of a room is 30 ms at 25 frames/s; four pictures of a busy machine are drawn late. */
const NEAR_MS = 500;
const TRIES = 4;
const streams = ['left', 'right'] as const;
const isRead = ({ front, utcMs }: SeenFrame) => front && utcMs !== null;

suite('several streams in a room', { skip: need('chromium') || need('ffmpeg') }, () => {
  let measuring: Disposable;
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let ann: Page;
  let bob: Page;
  let faults: string[];
  /** The recordings begin before this, ms since 1970. */
  let liveMs: number;

  before(async () => {
    measuring = await measureAlone();
    folder = await openFolder('beside');
    server = await startServer({
      data: join(folder.path, 'data'),
      args: [
        ...['--test-picture-width', '320', '--test-picture-height', '180', '--test-picture-fps', '15'],
        ...['--accounts-sign-up', 'open', '--hls-window', '12s'],
      ],
      adminToken: 'let-me-in-please',
      sample: false,
    });
    await createTestStreams(server, streams);
    liveMs = Date.now();
    browser = await launchBrowser(); // pages of other files would delay the pictures that are measured
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
    measuring?.[Symbol.dispose]();
  });

  const both = () => [ann, bob] as const;
  /** Waits until both streams show pictures of a time on a page. */
  const shows = (page: Page, what: string, matches: (utcMs: number) => boolean) => {
    const seen = new Set<string>();
    return until(what, async () => {
      for (const { stream, utcMs, front } of await takeFrames(page))
        if (front && utcMs !== null && stream !== null && matches(utcMs)) seen.add(stream);
      if (!streams.every((name) => seen.has(name))) throw new Error(`only ${[...seen]}`);
      return true;
    });
  };

  test('are added as one entry', async () => {
    ann = await (await openVisitor(browser)).newPage();
    faults = collectFaults(ann);
    const post = (path: string, data: object) =>
      ann.request.post(`${server.url}${path}`, { data, headers: { origin: server.url } });
    const joined = await post('/api/v1/users', { name: 'Ann', password: 'a long password for a test' });
    assert.ok(joined.ok(), await joined.text());
    const created = await post('/api/v1/rooms', { name: 'Both' });
    const { id } = (await created.json()) as { id: string };
    await ann.goto(`${server.url}/rooms/${id}`);
    await ann.getByRole('button', { name: 'Join without sound' }).click();
    await ann.getByRole('tab', { name: 'Playlist' }).click();
    await ann.getByRole('button', { name: 'Add', exact: true }).click();
    for (const name of streams) await ann.getByRole('checkbox', { name }).check();
    await ann.getByRole('button', { name: 'Add 2 as one entry, side by side' }).click();
    await ann.keyboard.press('Escape');
    await ann
      .getByRole('button', { name: /left \+ right/ })
      .first()
      .click();
    await takeFrames(ann, 2);
    await shows(ann, 'both play', () => true);
  });

  test('two members see them in step, live and after a step back', async (context) => {
    bob = await (await openVisitor(browser)).newPage();
    await bob.goto(ann.url());
    await bob.getByLabel('Your name').fill('Bob');
    await bob.getByRole('button', { name: 'Join without sound' }).click();
    await takeFrames(bob, 2);
    await shows(bob, 'both play', () => true);
    const near = async () => {
      for (let tries = 0; tries < TRIES; tries++) {
        const drifts = await Promise.all(both().map((page) => driftOf(page, streams, 3)));
        const p95 = drifts.map(({ apart }) => apart[Math.floor(apart.length * 0.95)]!);
        context.diagnostic(`apart at p95: ${p95.map((ms) => ms.toFixed(0)).join(' and ')} ms`);
        if (p95.every((ms) => ms <= NEAR_MS)) return;
      }
      assert.fail('the tiles are apart');
    };
    await near();
    await until('enough is recorded', () => Date.now() > liveMs + 28_000);
    const lateMs = (utcMs: number) => Date.now() - utcMs;
    const live = await until('a picture is there', async () => (await takeFrames(ann)).findLast(isRead));
    const liveLateMs = lateMs(live.utcMs!);
    // A press goes back from what is shown: the second one waits for the first.
    for (const backMs of [8_000, 16_000]) {
      await ann.getByRole('button', { name: 'Back 10 seconds' }).click();
      await shows(ann, `it is ${backMs} ms back`, (utcMs) => lateMs(utcMs) > liveLateMs + backMs);
    }
    const isBack = (utcMs: number) => lateMs(utcMs) > 15_000;
    for (const page of both()) await shows(page, 'both are back', isBack);
    await near();
  });

  test('on a phone in landscape a finger shows the controls over the pictures', async () => {
    const devtools = await bob.context().newCDPSession(bob);
    await devtools.send('Emulation.setTouchEmulationEnabled', { enabled: true });
    await bob.setViewportSize({ width: 844, height: 390 });
    await bob.locator('.player.resting').waitFor();
    await bob
      .locator('[data-stream="left"] .hear')
      .evaluate((button) => button.dispatchEvent(new PointerEvent('click', { bubbles: true, pointerType: 'touch' })));
    await bob.locator('.player:not(.resting)').waitFor();
    await devtools.send('Emulation.setTouchEmulationEnabled', { enabled: false });
    await bob.setViewportSize({ width: 1440, height: 900 });
  });

  test("layout and sound are each member's own", async () => {
    await bob.getByRole('button', { name: /^Layout/ }).click();
    await bob.getByRole('menuitemradio', { name: /^1$/ }).click();
    await until('Bob sees one', async () => (await bob.locator('[data-stream]').count()) === 1);
    assert.equal(await ann.locator('[data-stream]').count(), 2);
    await ann.locator('[data-stream="right"] .hear').click();
    await until('Ann hears the right one', () =>
      ann.locator('[data-stream="right"] video[data-front]').evaluate((video) => !(video as HTMLVideoElement).muted),
    );
  });

  test('an entry is checked like its first stream, and the address of each has a token where one needs it', async () => {
    const send = (method: string, path: string, body: object) =>
      server.fetch(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    assert.equal((await send('PATCH', '/api/v1/streams/right', { visibility: 'signed' })).status, 200);
    const { id } = (await (await send('POST', '/api/v1/rooms', { name: 'Signed' })).json()) as { id: string };
    const add = (beside: readonly string[]) =>
      send('POST', `/api/v1/rooms/${id}/items`, { items: [{ target: { kind: 'stream', stream: 'left', beside } }] });
    assert.equal((await add(['nowhere'])).status, 404);
    assert.equal((await add(['right', 'left'])).status, 400);
    const added = await add(['right']);
    assert.equal(added.status, 201);
    const { items } = (await added.json()) as { items: readonly RoomItem[] };
    assert.equal(items[0]!.name, 'left + right');
    assert.match(items[0]!.beside![0]!.address, /^\/t\/[^/]+\/live\/right\/index\.m3u8$/);
    assert.equal((await fetch(server.url + items[0]!.beside![0]!.address)).status, 200);
    assert.equal((await fetch(`${server.url}/live/right/index.m3u8`)).status, 404);

    // A guest of the room sees both.
    const { state } = (await (await server.fetch(`/api/v1/rooms/${id}/state`)).json()) as { state: { rev: number } };
    const played = await send('POST', `/api/v1/rooms/${id}/commands`, {
      rev: state.rev,
      do: 'item',
      item: items[0]!.id,
    });
    assert.ok(played.ok, await played.text());
    const guest = await (await openVisitor(browser)).newPage();
    await guest.goto(`${server.url}/rooms/${id}`);
    await guest.getByLabel('Your name').fill('Cleo');
    await guest.getByRole('button', { name: 'Join without sound' }).click();
    await takeFrames(guest, 2);
    await shows(guest, 'the guest sees both', () => true);
  });

  test('without a console error', () =>
    assert.deepEqual(
      faults.filter((fault) => fault.startsWith('exception')),
      [],
    ));
});
