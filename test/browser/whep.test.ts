/*
 * A browser plays a live stream over WHEP: the test picture, whose strip names the time at which each picture
 * was taken.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { PlaybackSession } from '../../src/api/session-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { need } from '../fixtures/need.ts';
import { post } from '../fixtures/publishers/push-streams.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { openEmptyPage, play, received } from './webrtc-page.ts';

const adminToken = 'let-me-in-please';

/** What the page hears: the codec, and the energy of the sound that it has received since the first call. */
async function sound(page: Page): Promise<{ mimeType: string | undefined; energy: number }> {
  return page.evaluate(async () => {
    const { peer, video } = globalThis as unknown as { peer: RTCPeerConnection; video: HTMLVideoElement };
    video.muted = false; // Chromium decodes no sound for a muted element.
    const reports = [...(await peer.getStats()).values()];
    const inbound = reports.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'audio');
    const codec = reports.find(({ id }) => id === inbound?.codecId);
    return { mimeType: codec?.mimeType, energy: inbound?.totalAudioEnergy ?? 0 };
  });
}

/** Pids of the processes of a server that convert audio. */
async function converters(parent: number): Promise<number[]> {
  const pids: number[] = [];
  for (const task of await readdir(`/proc/${parent}/task`)) {
    const text = await readFile(`/proc/${parent}/task/${task}/children`, 'utf8').catch(() => '');
    for (const pid of text.split(' ').filter(Boolean)) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (command.includes('audio-main')) pids.push(Number(pid));
    }
  }
  return pids;
}

suite('a browser plays over WHEP', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;

  before(async () => {
    folder = opened.use(await openFolder('whep'));
    server = opened.use(
      await startServer({ data: join(folder.path, 'data'), sample: false, adminToken, ingest: ['webrtc'] }),
    );
    for (const [name, visibility] of Object.entries({ door: 'public', attic: 'signed' })) {
      await post(server, '/streams', { name, visibility, source: { type: 'test' } });
      await server.stream(name, 'live');
    }
    browser = await openBrowser();
    opened.defer(() => browser.close());
  });
  after(() => opened.disposeAsync());

  async function openPage(): Promise<Page> {
    const context = await openVisitor(browser);
    opened.defer(() => context.close());
    return openEmptyPage(context, server.url);
  }

  test('the picture of a live stream plays until DELETE', async () => {
    const page = await openPage();
    const { status, text: session } = await play(page, `${server.url}/whep/door`);
    assert.equal(status, 201, session);
    await until('fifty pictures are shown', async () => (await received(page)).frames >= 50);
    const { state, width } = await received(page);
    assert.deepEqual([state, width], ['connected', 640]);
    const metrics = await (await server.fetch('/metrics')).text();
    assert.match(metrics, /oxbow_webrtc_sessions\{kind="whep"\} 1\b/);
    const viewers = async () => (await server.json<StreamView>('/api/v1/streams/door')).viewers;
    assert.equal(await viewers(), 1, 'it is counted like a player of HLS');
    const { items } = await server.json<{ items: PlaybackSession[] }>('/api/v1/streams/door/sessions');
    assert.equal(items.length, 1);
    assert.equal((await fetch(session, { method: 'DELETE' })).status, 200);
    await until('the browser notices it', async () => (await received(page)).state !== 'connected');
    assert.equal(await viewers(), 0);
  });

  test('the AAC of a stream is heard as Opus, also after a crash of its process, which ends with the last viewer', async () => {
    const page = await openPage();
    const { status, text: session } = await play(page, `${server.url}/whep/door`);
    assert.equal(status, 201, session);
    await until('two seconds of sound have come', async () => (await received(page)).audioPackets >= 100);
    assert.equal((await sound(page)).mimeType, 'audio/opus');
    await until('a beep is heard', async () => (await sound(page)).energy > 0);
    // That of the viewer before may still be ending.
    const pid = await until('one process for each stream', async () => {
      const [first, ...others] = await converters(server.pid);
      return others.length === 0 && first;
    });
    process.kill(pid, 'SIGKILL');
    const before = await received(page);
    await until('sound and picture continue after a crash of the process', async () => {
      const { frames, audioPackets } = await received(page);
      return frames > before.frames + 25 && audioPackets > before.audioPackets + 50;
    });
    assert.equal((await fetch(session, { method: 'DELETE' })).status, 200);
    await until('the process has ended', async () => (await converters(server.pid)).length === 0);
  });

  fullTest('a signed stream needs a token; a stream that does not exist is refused', async () => {
    const page = await openPage();
    assert.equal((await play(page, `${server.url}/whep/attic`)).status, 404);
    assert.equal((await play(page, `${server.url}/whep/nowhere`)).status, 404);
    const { token } = await post<{ token: string }>(server, '/streams/attic/watch-tokens', {});
    assert.equal((await play(page, `${server.url}/whep/attic`, token)).status, 201);
    await until('pictures are shown', async () => (await received(page)).frames >= 5);
  });

  fullTest('the end of a playback token ends the session: it expires, or is revoked', async () => {
    const tokens = '/streams/attic/watch-tokens';
    const [first, second] = [await openPage(), await openPage()];
    const { token: long } = await post<{ token: string }>(server, tokens, {});
    const { token: short } = await post<{ token: string }>(server, tokens, { expires: '10s' });
    assert.equal((await play(first, `${server.url}/whep/attic`, short)).status, 201);
    assert.equal((await play(second, `${server.url}/whep/attic`, long)).status, 201);
    await until('both play', async () => {
      const [a, b] = [await received(first), await received(second)];
      return a.frames > 5 && b.frames > 5;
    });
    const reasons = () =>
      server
        .log()
        .flatMap(({ msg, stream, reason }) => (msg === 'a WHEP viewer has left' && stream === 'attic' ? [reason] : []));
    const ended = (reason: RegExp) => until(`${reason}`, async () => reasons().some((each) => reason.test(`${each}`)));
    await ended(/expired/);
    assert.equal((await received(second)).state, 'connected');
    await server.fetch(`/api/v1${tokens}/revoke`, { method: 'POST' });
    await ended(/not valid|refused|revoked/);
    await until('the browser notices it', async () => (await received(second)).state !== 'connected');
  });
});
