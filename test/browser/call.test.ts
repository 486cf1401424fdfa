/*
 * A call in a room as people use it: Chromium with fake devices, one page for each person.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { violations } from './axe.ts';
import { collectFaults, fakeDevicesAt, openBrowser, openVisitor } from './chromium.ts';
import { measureAlone } from './measure-alone.ts';
import { overflowing } from './overflow.ts';

interface Person {
  readonly name: string;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly faults: readonly string[];
}

/** What a page receives in the call. */
interface Received {
  /** Tracks of sound with energy since the page was loaded. */
  readonly voices: number;
  /** Pictures of others that move. */
  readonly pictures: number;
}

const password = 'a long password for a test';
/** Without a GPU large windows take more CPU than the call. */
const SMALL = { width: 1000, height: 700 };

suite('the interface of calls', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let room: string;

  before(async () => {
    opened.use(await measureAlone()); // many pages encode and decode at once
    folder = opened.use(await openFolder('call-page'));
    server = opened.use(
      await startServer({
        data: join(folder.path, 'data'),
        sample: false,
        ingest: ['webrtc'],
        args: ['--accounts-sign-up', 'open'],
      }),
    );
    browser = await openBrowser(fakeDevicesAt(5));
    opened.defer(() => browser.close());
  });
  after(() => opened.disposeAsync());

  /** Signs up and enters the room; the first one creates it. */
  async function enter(name: string, looks: Parameters<typeof openVisitor>[1] = SMALL): Promise<Person> {
    const context = opened.use(await openVisitor(browser, looks));
    await context.addInitScript(() => {
      // The connections of the page, for their statistics.
      const connections: RTCPeerConnection[] = [];
      const Original = RTCPeerConnection;
      class Kept extends Original {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          connections.push(this);
        }
      }
      Object.assign(globalThis, { connections, RTCPeerConnection: Kept });
    });
    const headers = { origin: server.url };
    const user = await context.request.post(`${server.url}/api/v1/users`, { headers, data: { name, password } });
    assert.equal(user.status(), 201);
    if (room === undefined) {
      const created = await context.request.post(`${server.url}/api/v1/rooms`, { headers, data: { name: 'Den' } });
      ({ id: room } = (await created.json()) as { id: string });
    }
    const page = await context.newPage();
    const faults = collectFaults(page);
    const person = { name, context, page, faults };
    await open(person);
    return person;
  }

  async function open({ page }: Person): Promise<void> {
    await page.goto(`${server.url}/rooms/${room}`);
    await page.getByRole('button', { name: 'Join with sound' }).click();
    await page.getByRole('heading', { name: 'Den' }).waitFor();
  }

  async function joinCall({ page }: Person, withCamera = true): Promise<void> {
    await page.getByRole('button', { name: 'Join call' }).click();
    await page.getByRole('button', { name: 'Turn microphone off' }).waitFor();
    if (withCamera) await page.getByRole('button', { name: 'Turn camera on' }).click();
  }

  async function receivedBy({ page }: Person): Promise<Received> {
    return page.evaluate(async () => {
      const { connections } = globalThis as unknown as { connections: RTCPeerConnection[] };
      const open = connections.filter(({ connectionState }) => connectionState === 'connected');
      const reports = (await Promise.all(open.map((one) => one.getStats()))).flatMap((one) => [...one.values()]);
      const inbound = reports.filter(({ type }) => type === 'inbound-rtp');
      const moving = [...document.querySelectorAll<HTMLVideoElement>('.call video:not(.mirrored)')].filter(
        (video) => video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames >= 10,
      );
      return {
        voices: inbound.filter(({ kind, totalAudioEnergy }) => kind === 'audio' && totalAudioEnergy > 0).length,
        pictures: moving.length,
      };
    });
  }

  async function receivesAll(person: Person, others: number): Promise<void> {
    await until(`${person.name} hears and sees ${others} others`, async () => {
      const { voices, pictures } = await receivedBy(person);
      return voices >= others && pictures === others;
    });
  }

  const tileOf = (page: Page, name: string) =>
    page.getByRole('region', { name: 'Call' }).getByRole('listitem', { name, exact: true });

  test('four talk and see each other directly, a fifth joins, and the server forwards', async () => {
    const people: Person[] = [];
    for (const name of ['ann', 'ben', 'cleo', 'dan']) people.push(await enter(name));
    const [ann, ben] = people as [Person, Person];
    await joinCall(ann);
    await ben.page.getByText('In the call: ann').waitFor();
    for (const person of people.slice(1)) await joinCall(person);
    for (const person of people) await receivesAll(person, 3);
    await until('who speaks is shown', async () => (await ann.page.locator('.call li.speaking').count()) > 0);
    assert.deepEqual(await violations(ann.page, 'a call of four'), []);
    await ann.page.getByText(/↑ \d+ ↓ \d+ kbit\/s/).waitFor();

    const eve = await enter('eve', { width: 320, height: 640, colorScheme: 'dark', touch: true });
    people.push(eve);
    await joinCall(eve);
    for (const person of people) await receivesAll(person, 4);
    assert.deepEqual(await overflowing(eve.page), []);
    assert.deepEqual(await violations(eve.page, 'a call of five on a phone'), []);

    // Mute by button and key, push to talk.
    await ann.page.getByRole('button', { name: 'Turn microphone off' }).click();
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor();
    await ann.page.locator('body').press('b');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor({ state: 'detached' });
    await ann.page.locator('body').press('b');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor();
    await ann.page.keyboard.down('v');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor({ state: 'detached' });
    await ann.page.keyboard.up('v');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor();
    await ann.page.locator('body').press('b');
    await tileOf(ben.page, 'ann').getByText('microphone off').waitFor({ state: 'detached' });

    // Volume of one person, devices.
    await tileOf(ben.page, 'ann').hover();
    await ben.page.getByRole('button', { name: 'Volume of ann' }).click();
    await ben.page.getByRole('button', { name: 'Mute for me' }).click();
    assert.deepEqual(await violations(ben.page, 'volume', { within: ['.popover.placed'] }), []);
    const silent = () =>
      ben.page.locator('audio').evaluateAll((all) => all.filter((one) => (one as HTMLAudioElement).muted).length);
    await until('one voice is silent', async () => (await silent()) === 1);
    await ben.page.keyboard.press('Escape');
    await ben.page.getByRole('button', { name: 'Devices and sound' }).click();
    await ben.page.getByRole('combobox', { name: 'Camera' }).waitFor();
    assert.deepEqual(await violations(ben.page, 'devices', { within: ['.popover.placed'] }), []);
    await ben.page.keyboard.press('Escape');

    // Leave, and reload: the others go on without them.
    await eve.page.getByRole('button', { name: 'Leave call' }).click();
    await eve.page.getByRole('button', { name: 'Join call' }).waitFor();
    await tileOf(ann.page, 'eve').waitFor({ state: 'detached' });
    await open(ben);
    await tileOf(ann.page, 'ben').waitFor({ state: 'detached' });
    await joinCall(ben);
    await receivesAll(ben, 3);
    await receivesAll(ann, 3);
    for (const { name, faults } of people) assert.deepEqual(faults, [], name);
  });
});
