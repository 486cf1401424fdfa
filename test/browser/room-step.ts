/**
 * A room with the test picture that several pages watch, and how far they are apart, measured from the strips
 * of their pictures.
 * In: a server on this machine, whose clock is therefore that of the pages. Out: commands, distances in ms.
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { WebSocket } from 'ws';
import type { ItemTarget } from '../../src/api/room/item-shapes.ts';
import type { ClientMessage, ClientMessageOf, ServerMessage } from '../../src/api/room/messages.ts';
import { type PlaybackState, positionAt } from '../../src/api/room/playback.ts';
import type { Server } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openVisitor } from './chromium.ts';
import { type SeenFrame, takeFrames } from './frames.ts';

/**
 * Frames of two pages that are further apart are not compared, ms: every fifth is read, and at the speed 0.75
 * that is one in 267 ms.
 */
const NEAR_MS = 150;
/** A page is in step from here, ms. */
const IN_STEP_MS = 60;
/** Pictures of a page that are so far apart were not drawn on time, ms: the test picture has 25 a second. */
const LATE_MS = 60;
/** A page whose machine stood still is excepted for this long afterwards, like one that was sought, ms. */
const RECOVERS_MS = 3_000;

/** A room and its owner, who has a connection but no player. */
export interface StepRoom extends Disposable {
  readonly id: string;
  /** Ids of its entries. */
  readonly items: readonly string[];
  /** What the strip says at the position 0, ms: 0 for streams. */
  stripFromMs: number;
  /** The room's position at a time, ms. */
  positionMs(atMs: number): number;
  /** Resolves when the command has taken effect. */
  command(what: ClientMessageOf<'command'>['do'], options?: Partial<ClientMessageOf<'command'>>): Promise<void>;
}

const json = { 'content-type': 'application/json' };

/**
 * Creates a room that plays the first of its entries.
 *
 * @param server where everyone may create an account (`--accounts-sign-up open`)
 * @param targets a name: the stream
 */
export async function createStepRoom(server: Server, ...targets: readonly (string | ItemTarget)[]): Promise<StepRoom> {
  const post = async (path: string, cookie: string, body: object): Promise<Response> => {
    const headers = { ...json, origin: server.url, ...(cookie && { cookie }) };
    const answer = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) assert.fail(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const joined = await post('/api/v1/users', '', { name: 'Owner', password: 'a long password for a test' });
  const cookie = joined.headers.getSetCookie()[0]!.split(';')[0]!;
  const { id } = (await (await post('/api/v1/rooms', cookie, { name: 'Step' })).json()) as { id: string };
  const entries = targets.map((each) => ({
    target: typeof each === 'string' ? { kind: 'stream' as const, stream: each } : each,
  }));
  const added = await post(`/api/v1/rooms/${id}/items`, cookie, { items: entries });
  const { items } = (await added.json()) as { items: readonly { readonly id: string }[] };
  const ids = items.map((item) => item.id);
  const room = new OwnedRoom(id, server.url, cookie, ids);
  await room.command('item', { item: ids[0]! });
  return room;
}

/** The owner's connection, opened again when it is lost. */
class OwnedRoom implements StepRoom {
  readonly id: string;
  readonly items: readonly string[];
  stripFromMs = 0;
  readonly #url: string;
  readonly #cookie: string;
  /** In the order in which they take effect. */
  readonly #states: PlaybackState[] = [];
  readonly #answers = new Map<string, Extract<ServerMessage, { t: 'ack' | 'refused' }>>();
  #socket: WebSocket | null = null;
  #isClosed = false;
  #commands = 0;

  constructor(id: string, url: string, cookie: string, items: readonly string[]) {
    this.id = id;
    this.items = items;
    this.#url = url;
    this.#cookie = cookie;
    this.#open();
  }

  positionMs(atMs: number): number {
    const state = this.#states.findLast(({ anchorServer }) => anchorServer <= atMs) ?? this.#states.at(-1)!;
    return positionAt(state, atMs);
  }

  async command(what: ClientMessageOf<'command'>['do'], options: object = {}): Promise<void> {
    const state = await until('the owner is in the room', () => this.#socket?.readyState === 1 && this.#states.at(-1));
    const id = `command-${++this.#commands}`;
    this.#socket!.send(JSON.stringify({ t: 'command', id, rev: state.rev, do: what, ...options }));
    const answer = await until(`${what} is answered`, () => this.#answers.get(id));
    // The server itself has moved the room meanwhile.
    if (answer.t === 'refused' && answer.code === 'state-stale') return this.command(what, options);
    assert.equal(answer.t, 'ack', JSON.stringify(answer));
    const next = await until(`${what} is a new state`, () => {
      const last = this.#states.at(-1)!;
      return last.rev > state.rev && last;
    });
    await pause(Math.max(0, next.anchorServer - Date.now()));
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#socket?.close();
  }

  #open(): void {
    const headers = { cookie: this.#cookie, origin: this.#url };
    const socket = new WebSocket(`${this.#url.replace('http', 'ws')}/api/v1/rooms/${this.id}/socket`, { headers });
    socket.on('open', () => socket.send(JSON.stringify({ t: 'hello' })));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as ServerMessage;
      if (message.t === 'welcome' || message.t === 'state') this.#states.push(message.state);
      if (message.t === 'welcome') this.#socket = socket;
      if ((message.t === 'ack' || message.t === 'refused') && message.id) this.#answers.set(message.id, message);
    });
    socket.on('error', () => {}); // the server is being started again
    socket.on('close', () => {
      this.#socket = null;
      if (!this.#isClosed) setTimeout(() => this.#open(), 200);
    });
  }
}

/**
 * Opens a page, and enters the room as a guest, without sound. Returns the page and the time of the press.
 *
 * @param browser a context: the page is a tab of it
 * @param clockMs how wrong the clock of this page is
 */
export async function joinRoom(
  browser: Browser | BrowserContext,
  url: string,
  room: StepRoom,
  name: string,
  readEvery: number,
  clockMs = 0,
): Promise<{ readonly page: Page; readonly pressedMs: number; readonly talk: RoomTalk }> {
  const isContext = 'clearCookies' in browser;
  const page = await (isContext ? browser : await openVisitor(browser, { width: 800, height: 600 })).newPage();
  await page.addInitScript((aheadMs) => {
    const Right = Date;
    globalThis.Date = class extends Right {
      constructor(...parts: readonly number[]) {
        super(...((parts.length === 0 ? [Right.now() + aheadMs] : parts) as [number]));
      }
      static override now(): number {
        return Right.now() + aheadMs;
      }
    } as DateConstructor;
  }, clockMs);
  const talk = followTalk(page);
  await page.goto(`${url}/rooms/${room.id}`);
  await page.getByLabel('Your name').fill(name);
  await takeFrames(page, readEvery);
  const pressedMs = Date.now();
  await page.getByRole('button', { name: 'Join without sound' }).click();
  return { page, pressedMs, talk };
}

/** What a page and the server have said to each other. Times are ms since 1970. */
export interface RoomTalk {
  readonly reports: (ClientMessageOf<'report'> & { readonly atMs: number })[];
  /** When each connection was welcomed. */
  readonly welcomesMs: number[];
}

function followTalk(page: Page): RoomTalk {
  const talk: RoomTalk = { reports: [], welcomesMs: [] };
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => {
      const message = JSON.parse(String(payload)) as ClientMessage;
      if (message.t === 'report') talk.reports.push({ ...message, atMs: Date.now() });
    });
    socket.on('framereceived', ({ payload }) => {
      if ((JSON.parse(String(payload)) as ServerMessage).t === 'welcome') talk.welcomesMs.push(Date.now());
    });
  });
  return talk;
}

/** How late each frame of a page was, compared with the room. */
function offsetsOf(frames: readonly SeenFrame[], room: StepRoom) {
  return frames
    .filter(({ front, exact }) => front && exact)
    .flatMap(({ utcMs, atMs }) =>
      utcMs === null ? [] : [{ atMs, lateMs: room.positionMs(atMs) - (utcMs - room.stripFromMs) }],
    );
}

/**
 * Waits until a page is in step.
 * @param fromMs earlier frames do not count, ms since 1970
 * @returns how long it took from then, ms
 */
export async function inStep(page: Page, room: StepRoom, fromMs: number): Promise<number> {
  const whenMs = await until(
    'the page is in step with its room',
    async () => {
      const late = offsetsOf(await takeFrames(page), room).filter(({ atMs }) => atMs >= fromMs);
      if (late.length > 0 && !late.some(({ lateMs }) => Math.abs(lateMs) < IN_STEP_MS))
        throw new Error(`it is ${late.at(-1)!.lateMs} ms late`);
      return late.find(({ lateMs }) => Math.abs(lateMs) < IN_STEP_MS)?.atMs;
    },
    { withinMs: 60_000 },
  );
  return whenMs - fromMs;
}

/**
 * The distances of two pages for some seconds: of each frame of the first to the nearest one of the second,
 * ms, sorted; none on a machine that is too busy.
 */
export async function distances(pages: readonly [Page, Page], room: StepRoom, seconds: number): Promise<number[]> {
  return (await measureDistances(pages, room, seconds)).all;
}

/** What was measured: ms, sorted. */
export interface Distances {
  readonly all: number[];
  /** At instants before which both pages had drawn every picture on time for some seconds. */
  readonly onTime: number[];
}

/** As `distances`, and which of them the machine left both pages the time for. */
export async function measureDistances(
  pages: readonly [Page, Page],
  room: StepRoom,
  seconds: number,
): Promise<Distances> {
  await Promise.all(pages.map((page) => takeFrames(page)));
  const seen: [SeenFrame[], SeenFrame[]] = [[], []];
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    await pause(Math.min(2_000, Math.max(0, end - performance.now())));
    const taken = await Promise.all(pages.map((page) => takeFrames(page)));
    for (const [n, frames] of taken.entries()) seen[n]!.push(...frames);
  }
  const [one, other] = seen.map((frames) => offsetsOf(frames, room)) as [Offsets, Offsets];
  const late = seen.flatMap(lateMoments);
  const all: number[] = [];
  const onTime: number[] = [];
  let at = 0;
  for (const { atMs, lateMs } of one) {
    while (at + 1 < other.length && Math.abs(other[at + 1]!.atMs - atMs) <= Math.abs(other[at]!.atMs - atMs)) at += 1;
    const near = other[at];
    if (!near || Math.abs(near.atMs - atMs) >= NEAR_MS) continue;
    const apartMs = Math.abs(lateMs - near.lateMs);
    all.push(apartMs);
    if (!late.some((lateAtMs) => lateAtMs - LATE_MS <= atMs && atMs < lateAtMs + RECOVERS_MS)) onTime.push(apartMs);
  }
  const rising = (a: number, b: number) => a - b;
  return { all: all.sort(rising), onTime: onTime.sort(rising) };
}

/**
 * When a page did not draw a picture on time, ms since 1970; the first of its frames counts, because what was
 * before it is not known.
 */
function lateMoments(frames: readonly SeenFrame[]): number[] {
  const shown = frames.filter(({ front }) => front);
  const isOnTime = (frame: SeenFrame, before: SeenFrame | undefined) =>
    before?.element === frame.element && frame.dropped === before.dropped && frame.atMs - before.atMs < LATE_MS;
  return shown.filter((frame, n) => !isOnTime(frame, shown[n - 1])).map(({ atMs }) => atMs);
}

type Offsets = ReturnType<typeof offsetsOf>;

/** Median, 95 % and worst of sorted distances, ms; NaN without any. */
export function figuresOf(apart: readonly number[]): {
  readonly p50: number;
  readonly p95: number;
  readonly worst: number;
} {
  const below = (share: number) => apart[Math.min(apart.length - 1, Math.floor(apart.length * share))] ?? Number.NaN;
  return { p50: below(0.5), p95: below(0.95), worst: below(1) };
}

/** Freezes a page for a time, as browsers do with pages in the background. */
export async function freeze(page: Page, ms: number): Promise<void> {
  const browser = await page.context().newCDPSession(page);
  await browser.send('Page.setWebLifecycleState', { state: 'frozen' });
  await pause(ms);
  await browser.send('Page.setWebLifecycleState', { state: 'active' });
  await browser.detach();
}

/** Has the picture of a page stand still for a second: its player cannot play. */
export async function standStill(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const videos = [...document.querySelectorAll('video')];
    const { play } = HTMLMediaElement.prototype;
    HTMLMediaElement.prototype.play = async () => {};
    for (const video of videos) video.pause();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    HTMLMediaElement.prototype.play = play;
  });
}
