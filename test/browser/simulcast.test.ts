/*
 * A browser publishes three layers over WHIP (simulcast): each is a quality of the stream, without encoding.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { PlaylistSegment } from '@oxbow/media/m3u8/playlist';
import type { Browser, Page } from 'playwright-core';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { packetTimes } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { readMedia, readMultivariant, resolvePath } from '../fixtures/playlists.ts';
import { post } from '../fixtures/publishers/push-streams.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { openEmptyPage } from './webrtc-page.ts';

const adminToken = 'let-me-in-please';

/** Publishes three layers from the page. Returns the address of the session, or the refusal. */
async function publishLayers(page: Page, url: string, key: string): Promise<string> {
  return page.evaluate(
    async ([url, key]) => {
      const media = await navigator.mediaDevices.getUserMedia({
        audio: true,
        video: { width: 960, height: 540, frameRate: 10 },
      });
      const peer = new RTCPeerConnection();
      const [video] = media.getVideoTracks();
      peer.addTransceiver(media.getAudioTracks()[0]!, { direction: 'sendonly', streams: [media] });
      const transceiver = peer.addTransceiver(video!, {
        direction: 'sendonly',
        streams: [media],
        sendEncodings: [
          { rid: 'lo', scaleResolutionDownBy: 4, maxBitrate: 40_000 },
          { rid: 'mid', scaleResolutionDownBy: 2, maxBitrate: 80_000 },
          { rid: 'hi', maxBitrate: 300_000 },
        ],
      });
      const { codecs } = RTCRtpSender.getCapabilities('video')!;
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => ['video/H264', 'video/rtx'].includes(mimeType)));
      await peer.setLocalDescription();
      const headers = { 'content-type': 'application/sdp', authorization: `Bearer ${key}` };
      const response = await fetch(url!, { method: 'POST', headers, body: peer.localDescription!.sdp });
      if (response.status !== 201) return `${response.status} ${await response.text()}`;
      // Chromium begins with 300 kbps, and turns on the layers that have room in the measured bandwidth.
      const answer = (await response.text()).replaceAll(
        /^(a=fmtp:.*packetization-mode=1.*)$/gm,
        '$1;x-google-start-bitrate=2000',
      );
      await peer.setRemoteDescription({ type: 'answer', sdp: answer });
      Object.assign(globalThis, { peer, sender: transceiver.sender });
      return new URL(response.headers.get('location')!, url).href;
    },
    [url, key] as const,
  );
}

/** Turns layers on and off. */
async function setActive(page: Page, active: Readonly<Record<string, boolean>>): Promise<void> {
  await page.evaluate(async (active) => {
    const { sender } = globalThis as unknown as { sender: RTCRtpSender };
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings) encoding.active = active[encoding.rid!] ?? true;
    await sender.setParameters(parameters);
  }, active);
}

suite('a browser publishes layers over WHIP', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let key: string;

  before(async () => {
    folder = opened.use(await openFolder('simulcast'));
    server = opened.use(
      await startServer({ data: join(folder.path, 'data'), sample: false, adminToken, ingest: ['webrtc'] }),
    );
    browser = await openBrowser();
    opened.defer(() => browser.close());
    await post(server, '/streams', { name: 'layers', source: { type: 'push' }, recordQualities: true });
    ({ key } = await post<CreatedPublishKey>(server, '/streams/layers/keys', { label: 'test' }));
  });
  after(() => opened.disposeAsync());

  const view = () => server.json<StreamView>('/api/v1/streams/layers');
  /** The height of the stream, and those of its qualities. */
  const heights = async () => {
    const { state, tracks, qualities = [] } = await view();
    const height = tracks.find(({ kind }) => kind === 'video')?.height;
    return `${state} ${height}: ${[...qualities].sort().join()}`;
  };
  const index = '/live/layers/index.m3u8';

  /** Whole segments with a second of media of a list, by MSN. */
  async function segmentsOf(path: string): Promise<Map<number, PlaylistSegment>> {
    const { list } = await readMedia(server, path);
    const whole = list.segments.map((segment, i) => [list.mediaSequence + i, segment] as const);
    return new Map(whole.filter(([, { uri, gap, durationS }]) => uri !== '' && !gap && durationS > 1));
  }

  /** Times of the pictures of a segment, s. */
  async function picturesOf(path: string, { map, uri }: PlaylistSegment): Promise<number[]> {
    const file = join(folder.path, 'segment.mp4');
    const bytes = [await server.bytes(resolvePath(map!.uri, path)), await server.bytes(resolvePath(uri, path))];
    await writeFile(file, Buffer.concat(bytes));
    return packetTimes(file, 'v:0');
  }

  /** The lists of the stream and of its qualities, the highest first. */
  async function lists(): Promise<string[]> {
    const { variants } = await readMultivariant(server, index);
    assert.deepEqual(
      variants.map(({ resolution }) => resolution?.height),
      [540, 270, 134],
    );
    return variants.map(({ uri }) => resolvePath(uri, index));
  }

  test('three layers are the stream and two qualities with the same pictures, until one is turned off', async () => {
    const context = await openVisitor(browser);
    const page = await openEmptyPage(context, server.url);
    const session = await publishLayers(page, `${server.url}/whip/layers`, key);
    assert.match(session, /\/whip\/layers\/[\w-]{20,}$/);
    await server.stream('layers', 'live');
    const has = (expected: string) =>
      until(expected, async () => {
        assert.equal(await heights(), expected);
        return true;
      });
    await has('live 540: 134,270');

    // The same segments begin with key frames of the same pictures; times differ by the rounding of reports.
    const common = await until('a segment of all layers', async () => {
      const paths = await lists();
      const found = await Promise.all(paths.map(segmentsOf));
      const msn = [...found[0]!.keys()].find((each) => found.every((list) => list.has(each)));
      return msn !== undefined && paths.map((path, i) => [path, found[i]!.get(msn)!] as const);
    });
    const times = [];
    for (const [path, segment] of common) times.push(await picturesOf(path, segment));
    const [high, ...lower] = times;
    assert.ok(high!.length >= 5, `${high!.length} pictures`);
    for (const layer of lower) {
      assert.ok(Math.abs(layer[0]! - high![0]!) < 0.02, `${layer[0]} and ${high![0]}`);
      const apart = layer.map((at) => Math.min(...high!.map((other) => Math.abs(other - at))));
      const matching = apart.filter((seconds) => seconds < 0.02).length;
      // An encoder drops pictures where it has no bits for them, in each layer others.
      const counts = `${matching} of ${layer.length} are among ${high!.length}`;
      assert.ok(matching >= 0.9 * layer.length && layer.length >= 0.5 * high!.length, counts);
    }

    await setActive(page, { hi: false });
    await has('live 270: 134');
    await setActive(page, { hi: true });
    await has('live 540: 134,270');
    await setActive(page, { lo: false });
    await has('live 540: 270');

    assert.equal((await fetch(session, { method: 'DELETE' })).status, 200);
    await until('it is over', async () => (await view()).state !== 'live');
    const fromS = Math.floor(common[0]![1].programDateTimeMs! / 1000);
    const past = await readMultivariant(server, `/vod/layers/${fromS}/${fromS + 3}/index.m3u8`);
    assert.deepEqual(
      past.variants.map(({ resolution }) => resolution?.height),
      [540, 270, 134],
    );
    const { gaps } = await server.timeline('layers', '');
    assert.deepEqual(
      gaps.filter(({ from, to }) => Date.parse(to) - Date.parse(from) > 3000),
      [],
    );
    await context.close();
  });
});
