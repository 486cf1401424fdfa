/*
 * Viewers who consent load segments from each other: less from the server, wrong bytes are not played, and a
 * viewer that is gone costs no pause.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { WebSocket } from 'ws';
import type { PeerDigestsView, PeersView } from '../../src/api/peers/peer-shapes.ts';
import { need } from '../fixtures/need.ts';
import { readFirstVariant, resolvePath } from '../fixtures/playlists.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, perTier } from '../full.ts';
import { launchBrowser, openVisitor } from './chromium.ts';

const adminToken = 'let-me-in-please';
/** Segments of 2 s over which pages are compared. */
const COMPARED = 15;

/** A page that plays, and what it has loaded from the server. */
interface Viewer extends AsyncDisposable {
  readonly page: Page;
  /** Bytes over the network since it was opened, with header fields. */
  readonly bytes: () => number;
  /** Addresses that it requested, and those of its WebSockets. */
  readonly requested: readonly string[];
}

suite('segments from other viewers', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;

  const create = async (name: string, settings: object) => {
    const body = JSON.stringify({ name, source: { type: 'test' }, visibility: 'public', ...settings });
    const headers = { 'content-type': 'application/json' };
    const answer = await server.fetch('/api/v1/streams', { method: 'POST', headers, body });
    assert.equal(answer.status, 201, await answer.text());
    await server.stream(name, 'live');
  };
  const newest = async (stream: string) =>
    (await readFirstVariant(server, `/live/${stream}/index.m3u8`)).list.segments.length;
  const metric = async (pattern: RegExp) =>
    Number(pattern.exec(await (await server.fetch('/metrics')).text())?.[1] ?? 0);
  const lies = () => metric(/^oxbow_peer_lies_total\{stream="shared"\} (\d+)/m);
  const connected = async () =>
    ((await (await server.fetch('/api/v1/streams/shared/peers')).json()) as PeersView).connected;

  before(async () => {
    folder = await openFolder('peers');
    server = await startServer({ data: folder.path, adminToken, args: ['--peers-enabled', 'true', ...smallPicture] });
    browser = await launchBrowser(); // a page of it is killed
    await create('shared', { peerDelivery: true });
    const listed = perTier({ first: 1, full: 6 });
    await until('a page can begin three segments behind live', async () => (await newest('shared')) >= listed);
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Opens a page of the stream. */
  async function watch({
    consents = true,
    prepare,
  }: {
    consents?: boolean;
    prepare?: () => void;
  } = {}): Promise<Viewer> {
    const visitor: BrowserContext = await openVisitor(browser, { width: 800, height: 600 });
    if (consents) await visitor.addInitScript(() => localStorage.setItem('oxbow.peers', 'yes'));
    if (prepare) await visitor.addInitScript(prepare);
    await visitor.addInitScript(() => {
      const waits: string[] = [];
      Object.assign(window, { waits });
      const waited = ({ target }: Event) => {
        const { currentTime, buffered } = target as HTMLVideoElement;
        const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : 0;
        waits.push(`at ${currentTime} of ${end}, ${Math.round(performance.now())} ms`);
      };
      document.addEventListener('waiting', waited, true);
    });
    const page = await visitor.newPage();
    const requested: string[] = [];
    page.on('request', (request) => requested.push(request.url()));
    page.on('websocket', (socket) => requested.push(socket.url()));
    const devtools = await visitor.newCDPSession(page);
    await devtools.send('Network.enable');
    let bytes = 0;
    devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await page.goto(`${server.url}/watch/shared`);
    await page.waitForFunction(
      () => (document.querySelector<HTMLVideoElement>('video[data-front]')?.currentTime ?? 0) > 1,
    );
    return { page, bytes: () => bytes, requested, [Symbol.asyncDispose]: () => visitor.close() };
  }

  const positionOf = ({ page }: Viewer) =>
    page.evaluate(() => document.querySelector<HTMLVideoElement>('video[data-front]')!.currentTime);
  const waitsOf = ({ page }: Viewer) => page.evaluate(() => (window as unknown as { waits: string[] }).waits);
  /** Resolves when a page has played some more seconds. */
  const plays = async (viewer: Viewer, seconds: number) => {
    const from = await positionOf(viewer);
    await viewer.page.waitForFunction(
      (to) => document.querySelector<HTMLVideoElement>('video[data-front]')!.currentTime > to,
      from + seconds,
      { timeout: (seconds + 60) * 1000 },
    );
  };

  test('checksums are those of the segments; connections end with the stream’s permission', async () => {
    const { path, list } = await readFirstVariant(server, '/live/shared/index.m3u8');
    const { uri } = list.segments.find((segment) => segment.uri !== '')!;
    const [, rendition, msn] = /\/([^/]+)\/(\d+)\.m4s$/.exec(resolvePath(uri, path))!;
    const bytes = await server.bytes(resolvePath(uri, path));
    const { items } = await server.json<PeerDigestsView>(
      `/api/v1/streams/shared/peers/digests?rendition=${rendition}&from=${msn}`,
    );
    const sha256 = createHash('sha256').update(bytes).digest('base64');
    assert.deepEqual(items, [{ msn: Number(msn), length: bytes.byteLength, sha256 }]);

    await create('short', { peerDelivery: true });
    const connect = () => new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/streams/short/peers/socket`);
    const change = (body: object) =>
      server.fetch('/api/v1/streams/short', {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const socket = connect();
    await once(socket, 'open');
    const ended = once(socket, 'close');
    assert.equal((await change({ visibility: 'private' })).status, 200);
    assert.equal((await ended)[0], 4004);
    assert.equal((await server.fetch('/api/v1/streams/short/peers')).status, 404, 'it does not differ from none');
    assert.equal((await change({ visibility: 'public' })).status, 200);
    const again = connect();
    await once(again, 'open');
    const gone = once(again, 'close');
    assert.ok((await server.fetch('/api/v1/streams/short', { method: 'DELETE' })).ok);
    assert.equal((await gone)[0], 4004);
  });

  test('nothing is loaded or shown to others before the viewer consents, nor after they take it back', async () => {
    await using viewer = await watch({ consents: false });
    const { page, requested } = viewer;
    const isOfPeers = (url: string) => /\/peers|peer-delivery/.test(url);
    await page.getByRole('group', { name: 'Share with other viewers' }).getByText('They see your IP address').waitFor();
    assert.deepEqual(requested.filter(isOfPeers), []);
    assert.equal(await connected(), 0);
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await until('it is connected', async () => (await connected()) === 1);
    await until('its socket is reported', async () => requested.some((url) => /^ws:.*\/peers\/socket$/.test(url)));

    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('switch', { name: 'Share with other viewers' }).click();
    await until('it has left', async () => (await connected()) === 0);
    assert.equal(await page.evaluate(() => localStorage.getItem('oxbow.peers')), 'no', 'the choice is remembered');
    await plays(viewer, 1);

    // Another page of the same browser, without a player.
    const other = await page.context().newPage();
    await other.goto(`${server.url}/icon.svg`);
    const choose = (choice: string) => other.evaluate((text) => localStorage.setItem('oxbow.peers', text), choice);
    await choose('yes');
    await until('it shares again', async () => (await connected()) === 1);
    await choose('no');
    await until('a choice on another page holds here too', async () => (await connected()) === 0);
  });

  fullTest('four pages load at most 40 % of the bytes that four pages load without it', async (t) => {
    const load = async (consents: boolean) => {
      const viewers: Viewer[] = [];
      try {
        for (let count = 0; count < 4; count++) viewers.push(await watch({ consents }));
        if (consents) await until('all are connected', async () => (await connected()) === 4);
        const before = viewers.map(({ bytes }) => bytes());
        await Promise.all(viewers.map((viewer) => plays(viewer, COMPARED * 2)));
        return viewers.reduce((sum, { bytes }, at) => sum + bytes() - before[at]!, 0);
      } finally {
        for (const viewer of viewers) await viewer[Symbol.asyncDispose]();
      }
    };
    const [shared, alone] = [await load(true), await load(false)];
    t.diagnostic(`${shared} bytes of ${alone}: ${((100 * shared) / alone).toFixed(1)} %`);
    assert.ok(shared <= 0.4 * alone, `${shared} of ${alone}`);
  });

  fullTest('wrong bytes of a page are found and not played, and a page that is killed costs no pause', async () => {
    await using liar = await watch({
      prepare: () => {
        const send = RTCDataChannel.prototype.send as (this: RTCDataChannel, data: ArrayBuffer | Uint8Array) => void;
        RTCDataChannel.prototype.send = function (data: unknown) {
          // Messages of the protocol are short.
          const bytes = data instanceof ArrayBuffer ? new Uint8Array(data.slice(0)) : (data as Uint8Array);
          if (bytes.byteLength > 2000) bytes[1000]! ^= 1;
          send.call(this, bytes);
        };
      },
    });
    const victims = [await watch(), await watch(), await watch()] as const;
    try {
      await until('every page has found a lie', async () => (await lies()) >= 3);
      const [killed, ...left] = victims;
      const before = await Promise.all(left.map(waitsOf));
      await Promise.all(left.map((viewer) => plays(viewer, 4)));
      const crash = crashOf(killed.page);
      void killed.page.goto('chrome://crash').catch(() => {});
      await crash;
      await Promise.all(left.map((viewer) => plays(viewer, 16)));
      assert.deepEqual(await Promise.all(left.map(waitsOf)), before, 'no pause');
      assert.equal(await lies(), 3, 'none meets that page again');
    } finally {
      for (const viewer of victims) await viewer[Symbol.asyncDispose]();
    }
    void liar;
  });
});

const crashOf = (page: Page) => new Promise<void>((resolve) => page.once('crash', () => resolve()));
