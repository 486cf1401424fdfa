/**
 * People in a call of a room, each with an account and a page of the interface.
 * In: a server with WebRTC where everyone may create an account, a browser with fake devices. Out: their
 * pages; what each of them receives.
 */
import assert from 'node:assert/strict';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { until } from '../fixtures/wait.ts';
import { collectFaults, type Looks, openVisitor } from './chromium.ts';

/** A person and their page. */
export interface Person {
  readonly name: string;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly faults: readonly string[];
}

/** The room of the call; disposing closes the pages. */
export interface CallRoom extends AsyncDisposable {
  /** Signs up and enters; the first one creates the room. */
  enter(name: string, looks?: Looks): Promise<Person>;
  /** Enters again: the page is loaded. */
  open(person: Person): Promise<void>;
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

/** @param url of the server */
export function createCallRoom(browser: Browser, url: string): CallRoom {
  const opened = new AsyncDisposableStack();
  let room: string | undefined;
  const open = async ({ page }: Person): Promise<void> => {
    await page.goto(`${url}/rooms/${room}`);
    await page.getByRole('button', { name: 'Join with sound' }).click();
    await page.getByRole('heading', { name: 'Den' }).waitFor();
  };
  return {
    async enter(name, looks = SMALL) {
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
      const headers = { origin: url };
      const user = await context.request.post(`${url}/api/v1/users`, { headers, data: { name, password } });
      assert.equal(user.status(), 201);
      if (room === undefined) {
        const created = await context.request.post(`${url}/api/v1/rooms`, { headers, data: { name: 'Den' } });
        ({ id: room } = (await created.json()) as { id: string });
      }
      const page = await context.newPage();
      const faults = collectFaults(page);
      const person = { name, context, page, faults };
      await open(person);
      return person;
    },
    open,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Joins the call, with the microphone and the camera. */
export async function joinCall({ page }: Person): Promise<void> {
  await page.getByRole('button', { name: 'Join call' }).click();
  await page.getByRole('button', { name: 'Turn microphone off' }).waitFor();
  await page.getByRole('button', { name: 'Turn camera on' }).click();
}

/** Waits until a person hears and sees this many others. */
export async function receivesAll(person: Person, others: number): Promise<void> {
  await until(`${person.name} hears and sees ${others} others`, async () => {
    const { voices, pictures } = await receivedBy(person);
    return voices >= others && pictures === others;
  });
}

/** The place of a person in the call on someone's page. */
export function tileOf(page: Page, name: string): ReturnType<Page['locator']> {
  return page.getByRole('region', { name: 'Call' }).getByRole('listitem', { name, exact: true });
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
