/*
 * Firefox plays over WHEP what Chromium publishes over WHIP. Debian's Firefox has no H.264, and says so in
 * its offer.
 */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import { need } from '../fixtures/need.ts';
import { post } from '../fixtures/publishers/push-streams.ts';
import { openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { FIREFOX, type FirefoxPage, openFirefox } from './firefox.ts';
import { openEmptyPage, publish } from './webrtc-page.ts';

const adminToken = 'let-me-in-please';
/** A page of the server, of a stream that does not exist: pages of other sites may not open sessions. */
const EMPTY_PAGE = '/embed/none';

/** What Firefox has received. */
interface Seen {
  readonly state: string;
  readonly width: number;
  readonly frames: number;
  readonly seconds: number;
  readonly codecs: readonly string[];
  readonly audioPackets: number;
}

/** Runs in the page. */
async function play(url: string): Promise<{ status: number; text: string }> {
  const video = document.body.appendChild(document.createElement('video'));
  Object.assign(video, { muted: true, autoplay: true });
  const peer = new RTCPeerConnection();
  for (const kind of ['video', 'audio']) peer.addTransceiver(kind, { direction: 'recvonly' });
  peer.ontrack = ({ streams }) => {
    video.srcObject = streams[0]!;
  };
  await peer.setLocalDescription();
  const headers = { 'content-type': 'application/sdp' };
  const response = await fetch(url, { method: 'POST', headers, body: peer.localDescription!.sdp });
  const text = await response.text();
  if (response.status !== 201) return { status: response.status, text };
  await peer.setRemoteDescription({ type: 'answer', sdp: text });
  Object.assign(globalThis, { peer, video });
  return { status: 201, text: new URL(response.headers.get('location')!, url).href };
}

/** Runs in the page. */
async function look(): Promise<Seen> {
  const { peer, video } = globalThis as unknown as { peer: RTCPeerConnection; video: HTMLVideoElement };
  const reports = [...(await peer.getStats()).values()];
  const inbound = (kind: string) => reports.find((each) => each.type === 'inbound-rtp' && each.kind === kind);
  return {
    state: peer.connectionState,
    width: video.videoWidth,
    seconds: video.currentTime,
    frames: inbound('video')?.framesDecoded ?? 0,
    codecs: reports.filter(({ type }) => type === 'codec').map(({ mimeType }) => mimeType),
    audioPackets: inbound('audio')?.packetsReceived ?? 0,
  };
}

/** Firefox does not send from the loopback interface. */
const hasNetwork = Object.values(networkInterfaces()).some((each) => each?.some(({ internal }) => !internal));
const withoutNetwork = hasNetwork ? false : 'this computer has no network interface';

suite('Firefox plays over WHEP', { skip: need(FIREFOX) || need('chromium') || withoutNetwork }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let page: FirefoxPage;
  /** Publishes the camera of a new page of Chromium. */
  let publishAs: (name: string, codec: string) => Promise<void>;

  before(async () => {
    const folder = opened.use(await openFolder('webrtc-firefox'));
    const args = ['--webrtc', '0.0.0.0:0'];
    server = opened.use(await startServer({ data: join(folder.path, 'data'), adminToken, sample: false, args }));
    const { key } = await post<CreatedPublishKey>(server, '/publish-keys', { prefix: 'camera-' });
    const browser = await openBrowser();
    opened.defer(() => browser.close());
    const context = await openVisitor(browser);
    publishAs = async (name, codec) => {
      const session = await publish(await openEmptyPage(context, server.url), `${server.url}/whip/${name}`, key, codec);
      assert.match(session, /\/whip\//);
      await server.stream(name, 'live');
    };
    const firefox = opened.use(await openFirefox());
    page = await firefox.newPage();
  });
  after(() => opened.disposeAsync());

  const playIn = async (name: string) => {
    await page.goto(`${server.url}${EMPTY_PAGE}`);
    return (await page.evaluate(`(${play})(${JSON.stringify(`${server.url}/whep/${name}`)})`)) as {
      status: number;
      text: string;
    };
  };
  const seen = () => page.evaluate(`(${look})()`) as Promise<Seen>;

  for (const codec of ['AV1', 'VP9']) {
    test(`${codec} and Opus of a camera, until DELETE`, async () => {
      const name = `camera-${codec.toLowerCase()}`;
      await publishAs(name, codec);
      const { status, text: session } = await playIn(name);
      assert.equal(status, 201, session);
      // A camera sends smaller pictures while the machine is busy.
      const { state, codecs } = await until('fifty pictures and a second of sound', async () => {
        const now = await seen();
        const isEnough = now.frames >= 50 && now.audioPackets >= 50 && now.seconds >= 1;
        if (!isEnough || now.width !== 640) throw new Error(JSON.stringify(now));
        return now;
      });
      assert.equal(state, 'connected');
      assert.deepEqual(codecs.toSorted(), ['audio/opus', `video/${codec}`]);
      assert.equal((await fetch(session, { method: 'DELETE' })).status, 200);
      await until('Firefox notices it', async () => (await seen()).state !== 'connected');
    });
  }

  test('H.264, which it does not have, is refused with the codecs of both sides', async () => {
    await publishAs('camera-h264', 'H264');
    const { status, text } = await playIn('camera-h264');
    assert.equal(status, 422, text);
    const { code, detail } = JSON.parse(text) as { code: string; detail: string };
    assert.equal(code, 'offer-refused');
    assert.match(detail, /^The stream has H264, and the viewer offers VP8, VP9, AV1\.$/);
  });
});
