/*
 * A browser in a network that blocks everything but a TURN server publishes over WHIP and plays over WHEP,
 * over UDP and over TCP.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import type { SettingRow } from '../../src/config/describe.ts';
import { need } from '../fixtures/need.ts';
import { post } from '../fixtures/publishers/push-streams.ts';
import { startTurnServer, type TurnServer } from '../fixtures/realtime/turn-server.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { openEmptyPage } from './webrtc-page.ts';

const adminToken = 'let-me-in-please';
const SECRET = 'hidden-secret-of-the-turn-server';

/**
 * Opens a session whose media is relayed.
 * @param server the URL of the TURN server that is used, of those of the answer
 */
async function openRelayed(
  page: Page,
  url: string,
  key: string,
  server: string,
): Promise<{ link: string; session: string }> {
  return page.evaluate(
    async ([url, key, server]) => {
      const peer = new RTCPeerConnection({ iceTransportPolicy: 'relay' });
      if (key) {
        const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
        for (const track of media.getTracks()) peer.addTransceiver(track, { direction: 'sendonly', streams: [media] });
        const video = peer.getTransceivers().find(({ sender }) => sender.track?.kind === 'video')!;
        const { codecs } = RTCRtpSender.getCapabilities('video')!;
        video.setCodecPreferences(codecs.filter(({ mimeType }) => ['video/H264', 'video/rtx'].includes(mimeType)));
      } else {
        for (const kind of ['video', 'audio']) peer.addTransceiver(kind, { direction: 'recvonly' });
      }
      const offer = await peer.createOffer();
      const headers = { 'content-type': 'application/sdp', ...(key && { authorization: `Bearer ${key}` }) };
      const response = await fetch(url!, { method: 'POST', headers, body: offer.sdp! });
      const link = response.headers.get('link') ?? '';
      const text = await response.text();
      if (response.status !== 201) return { link, session: text };
      const found = [...link.matchAll(/<([^>]+)>; rel="ice-server"; username="([^"]+)"; credential="([^"]+)"/g)];
      const [, urls, username, credential] = found.find(([, each]) => each === server)!;
      peer.setConfiguration({
        iceTransportPolicy: 'relay',
        iceServers: [{ urls: urls!, username: username!, credential: credential! }],
      });
      await peer.setLocalDescription(offer);
      await peer.setRemoteDescription({ type: 'answer', sdp: text });
      Object.assign(globalThis, { peer });
      return { link, session: new URL(response.headers.get('location')!, url).href };
    },
    [url, key, server] as const,
  );
}

/** How the media of a page travels, and how many pictures it has sent or received. */
async function travelled(page: Page): Promise<{ type?: string; relay?: string; pictures: number }> {
  return page.evaluate(async () => {
    const { peer } = globalThis as unknown as { peer: RTCPeerConnection };
    const reports = [...(await peer.getStats()).values()];
    const pair = reports.find(
      ({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded',
    );
    const local = reports.find(({ id }) => id === pair?.localCandidateId);
    const video = reports.find(({ type, kind }) => /^(inbound|outbound)-rtp$/.test(type) && kind === 'video');
    const pictures = video?.framesDecoded ?? video?.framesSent ?? 0;
    return { type: local?.candidateType, relay: local?.relayProtocol, pictures };
  });
}

suite('WebRTC through a TURN server', { skip: need('chromium') || need('turnserver') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let turn: TurnServer;
  let server: Server;
  let browser: Browser;
  let key: string;

  before(async () => {
    folder = opened.use(await openFolder('turn-browser'));
    turn = opened.use(await startTurnServer(SECRET));
    const settings = join(folder.path, 'oxbow.yaml');
    await writeFile(
      settings,
      `webrtcIceServers: [${turn.urls.map((url) => `'${url}'`).join(', ')}]\nwebrtcTurnSecret: ${SECRET}\n`,
    );
    const args = ['--config', settings];
    server = opened.use(
      await startServer({ args, data: join(folder.path, 'data'), sample: false, adminToken, ingest: ['webrtc'] }),
    );
    await post(server, '/streams', { name: 'door', visibility: 'public', source: { type: 'test' } });
    await server.stream('door', 'live');
    ({ key } = await post<CreatedPublishKey>(server, '/publish-keys', { prefix: 'far-' }));
    browser = await openBrowser();
    opened.defer(() => browser.close());
  });
  after(() => opened.disposeAsync());

  for (const [index, transport] of ['udp', 'tcp'].entries()) {
    test(`over ${transport}, WHEP plays and WHIP is live`, async () => {
      const context = await openVisitor(browser);
      const [viewer, publisher] = [await openEmptyPage(context, server.url), await openEmptyPage(context, server.url)];
      const url = turn.urls[index]!;
      const name = `far-${transport}`;
      await openRelayed(viewer, `${server.url}/whep/door`, '', url);
      const { session } = await openRelayed(publisher, `${server.url}/whip/${name}`, key, url);
      await until('pictures are played', async () => (await travelled(viewer)).pictures >= 50);
      await server.stream(name, 'live');
      await until('pictures are sent', async () => (await travelled(publisher)).pictures >= 50);
      for (const page of [viewer, publisher]) {
        // While a pair is replaced by another one, there is none for a moment.
        const { type, relay } = await until('the pair in use is known', async () => {
          const route = await travelled(page);
          return route.type !== undefined && route;
        });
        assert.deepEqual([type, relay], ['relay', transport]);
      }
      assert.equal((await fetch(session, { method: 'DELETE' })).status, 200);
      await context.close();
    });
  }

  test('clients get credentials that expire with the answer, not before; the secret is neither shown nor logged', async () => {
    const response = await server.fetch('/whep/door', { method: 'OPTIONS' });
    assert.equal(response.headers.get('link'), null);
    const rows = await server.json<{ items: SettingRow[] }>('/api/v1/settings');
    const shown = JSON.stringify(rows);
    assert.match(shown, /webrtcTurnSecret/);
    assert.doesNotMatch(shown, /hidden/);
    assert.doesNotMatch(server.stderr, /hidden|credential/);
  });
});
