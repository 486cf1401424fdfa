/*
 * A call of five, which the server forwards: Chromium with fake devices, one page for each participant.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { measureAlone } from './alone.ts';
import { connectToServer, joinCall, leaveCall, modeOf, slotsOf } from './call-page.ts';
import { fakeDevicesAt, launchBrowser, openVisitor } from './chromium.ts';
import { openEmptyPage } from './webrtc-page.ts';

interface Participant {
  readonly page: Page;
  readonly id: string;
}

suite('a call that the server forwards', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let context: BrowserContext;
  let room: string;

  before(async () => {
    opened.use(await measureAlone()); // many pages encode and decode at once
    folder = opened.use(await openFolder('call'));
    server = opened.use(
      await startServer({
        data: join(folder.path, 'data'),
        sample: false,
        ingest: ['webrtc'],
        args: ['--accounts-sign-up', 'open'],
      }),
    );
    browser = await launchBrowser(fakeDevicesAt(5)); // fewer pictures than the shared one's camera
    opened.defer(() => browser.close());
    context = await openVisitor(browser);
    // The empty page is not of this computer to Chromium, and its WebSocket is.
    await context.grantPermissions(['local-network-access'], { origin: server.url });
    const headers = { origin: server.url };
    const owner = { name: 'Owner', password: 'a long password for a test' };
    await context.request.post(`${server.url}/api/v1/users`, { headers, data: owner });
    const created = await context.request.post(`${server.url}/api/v1/rooms`, { headers, data: { name: 'Den' } });
    assert.equal(created.status(), 201);
    ({ id: room } = (await created.json()) as { id: string });
  });
  after(() => opened.disposeAsync());

  async function enter(): Promise<Participant> {
    const page = await openEmptyPage(context, server.url);
    return { page, id: await joinCall(page, room) };
  }

  /** Waits until a participant sees and hears the others, with at least this many new frames of each. */
  async function receivesAll({ page, id }: Participant, all: readonly Participant[]): Promise<void> {
    const others = all.filter((one) => one.id !== id).map((one) => one.id);
    const before = new Map(
      (await slotsOf(page)).map(({ mid, participant, frames }) => [`${mid} ${participant}`, frames]),
    );
    await until(`participant ${id} sees and hears ${others.length} others`, async () => {
      const slots = await slotsOf(page);
      const hasAll = (source: string, isGood: (one: (typeof slots)[number]) => boolean) =>
        others.every((other) => slots.some((one) => one.participant === other && one.source === source && isGood(one)));
      return (
        slots.length === 2 * others.length &&
        hasAll(
          'camera',
          (one) => one.frames >= (before.get(`${one.mid} ${one.participant}`) ?? 0) + 15 && one.width > 0,
        ) &&
        hasAll('microphone', ({ packets }) => packets >= 50)
      );
    });
  }

  test('each of five sees and hears the four others, and the slot of one who leaves shows who comes next', async () => {
    const four = [await enter(), await enter(), await enter(), await enter()];
    assert.equal(await modeOf(four[3]!.page), 'mesh', 'four browsers connect to each other');
    const people = [...four, await enter()];
    await until('all know that the server forwards', async () => {
      const modes = await Promise.all(people.map(({ page }) => modeOf(page)));
      return modes.every((mode) => mode === 'forwarded');
    });
    for (const { page } of people) await connectToServer(page);
    for (const one of people) await receivesAll(one, people);

    const [gone, ...stay] = people;
    const watcher = stay[0]!;
    const camera = async (participant: string) =>
      (await slotsOf(watcher.page)).find((one) => one.participant === participant && one.source === 'camera')?.mid;
    const mid = await camera(gone!.id);
    assert.ok(mid !== undefined);
    await leaveCall(gone!.page);
    await until('the slot is free', async () => (await camera(gone!.id)) === undefined);
    assert.equal(await modeOf(watcher.page), 'forwarded', 'a call never returns to direct connections');
    const newcomer = await enter();
    await connectToServer(newcomer.page);
    const now = [...stay, newcomer];
    for (const one of now) await receivesAll(one, now);
    assert.equal(await camera(newcomer.id), mid, 'the slot is used again');
    const metrics = await (await server.fetch('/metrics')).text();
    assert.match(metrics, /oxbow_call_participants\{mode="forwarded"\} 5/);
    assert.match(metrics, /oxbow_call_forwarded_packets_total [1-9]/);
  });
});
