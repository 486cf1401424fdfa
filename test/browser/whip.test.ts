/*
 * A browser publishes its camera and microphone over WHIP: Chromium with fake devices, which show a counter
 * and beep once a second.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import type { StreamView } from '../../src/api/shapes.ts';
import { need } from '../fixtures/need.ts';
import { post } from '../fixtures/publishers/push-streams.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullTest } from '../full.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { openEmptyPage, publish } from './webrtc-page.ts';

const adminToken = 'let-me-in-please';

suite('a browser publishes over WHIP', { skip: need('chromium') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let key: string;

  before(async () => {
    folder = opened.use(await openFolder('whip'));
    server = opened.use(
      await startServer({ data: join(folder.path, 'data'), sample: false, adminToken, ingest: ['webrtc'] }),
    );
    browser = await openBrowser();
    opened.defer(() => browser.close());
    ({ key } = await post<CreatedPublishKey>(server, '/publish-keys', { prefix: 'browser-' }));
  });
  after(() => opened.disposeAsync());

  async function over(name: string): Promise<void> {
    const view = () => server.json<StreamView>(`/api/v1/streams/${name}`);
    await until(`${name} is over`, async () => (await view()).state !== 'live');
  }

  for (const [codec, codecs] of firstOf(1, [
    ['H264', /^avc1\.42/],
    ['VP9', /^vp09\./],
    ['AV1', /^av01\./],
    ['VP8', /^avc1\.64/],
  ] as const)) {
    test(`${codec} and Opus are live and recorded, with key frames that end segments, until DELETE`, async () => {
      const name = `browser-${codec.toLowerCase()}`;
      const context = await openVisitor(browser);
      const page = await openEmptyPage(context, server.url);
      const session = await publish(page, `${server.url}/whip/${name}`, key, codec);
      assert.match(session, new RegExp(`/whip/${name}/[\\w-]{20,}$`));
      await server.stream(name, 'live');
      await until('ten seconds are recorded', async () => (await server.stream(name)).recorded.seconds >= 10);
      const { tracks } = await server.json<StreamView>(`/api/v1/streams/${name}`);
      assert.ok(
        tracks.some((track) => codecs.test(track.codecs)),
        JSON.stringify(tracks),
      );
      assert.deepEqual(tracks.find(({ kind }) => kind === 'video')?.convertedFrom, codec === 'VP8' ? 'vp8' : undefined);
      assert.ok(
        tracks.some((track) => track.codecs === 'opus'),
        JSON.stringify(tracks),
      );
      assert.equal((await fetch(session, { method: 'DELETE' })).status, 200);
      await over(name);
      assert.equal((await fetch(session, { method: 'DELETE' })).status, 404);
      const timeline = await server.timeline(name, '');
      assertCovered(timeline);
      assert.deepEqual(timeline.gaps, []);
      await context.close();
    });
  }

  test('a wrong key is refused by name', async () => {
    const context = await openVisitor(browser);
    const page = await openEmptyPage(context, server.url);
    assert.match(await publish(page, `${server.url}/whip/browser-x`, 'ok_wrong', ''), /^403 .*publish-denied/);
    await context.close();
  });

  fullTest('a browser that vanishes ends its stream', async () => {
    const context = await openVisitor(browser);
    const page = await openEmptyPage(context, server.url);
    await publish(page, `${server.url}/whip/browser-gone`, key, 'H264');
    await server.stream('browser-gone', 'live');
    await context.close();
    await over('browser-gone');
  });
});
