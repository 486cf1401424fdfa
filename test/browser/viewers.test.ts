import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { PlaybackSession } from '../../src/api/session-shapes.ts';
import { makeCertificate } from '../fixtures/certificate.ts';
import { need } from '../fixtures/need.ts';
import { type RunningProxy, startNginx } from '../fixtures/proxies/proxy.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { openBrowser, PAGE_WITHIN_MS } from './chromium.ts';

const adminToken = 'let-me-in-please';

suite('viewers behind a cache, in a browser', { skip: need('chromium') || need('nginx') || need('openssl') }, () => {
  let folder: Folder;
  let server: Server;
  let proxy: RunningProxy;
  let browser: Browser;
  let context: BrowserContext;

  before(async () => {
    folder = await openFolder('viewers');
    server = await startServer({ data: join(folder.path, 'data'), args: smallPicture, adminToken });
    const own = join(folder.path, 'nginx');
    await mkdir(own);
    const certificate = await makeCertificate(folder.path, 'proxy');
    proxy = await startNginx({ origin: new URL(server.url).host, certificate, folder: own });
    browser = await openBrowser();
    context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(PAGE_WITHIN_MS);
    await server.stream('demo');
  });
  after(async () => {
    await browser?.close();
    await proxy?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const open = async (url: string): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  };
  const sessions = async (): Promise<readonly PlaybackSession[]> => {
    const headers = { authorization: `Bearer ${adminToken}` };
    const answer = await server.fetch('/api/v1/streams/demo/sessions', { headers });
    return ((await answer.json()) as { items: PlaybackSession[] }).items;
  };
  const count = async () => (await server.stream('demo')).viewers;

  test('each page is one viewer, through the cache or straight; a page that is left is none, at once', async () => {
    const watch = await open(`${proxy.url}/watch/demo`);
    const embed = await open(`${proxy.url}/embed/demo?autoplay`);
    const straight = await open(`${server.url}/watch/demo`);
    // A page that waits for media is one that does not play for a moment.
    const playing = await until('all three play', async () => {
      const all = (await sessions()).filter(({ state }) => state === 'playing');
      return all.length === 3 && all;
    });
    assert.equal(await count(), 3);
    for (const { live, latency, rendition, at } of playing) {
      assert.deepEqual([live, rendition], [true, 'av0']);
      assert.ok(latency! > 0 && Number.isFinite(Date.parse(at!)), 'what is shown is known');
    }
    await straight.close({ runBeforeUnload: true });
    await until('it has left', async () => (await count()) === 2);
    await embed.goto('about:blank');
    await until('only one is left', async () => (await count()) === 1);
    await watch.keyboard.press('k');
    await watch.close();
  });

  test('several streams on one page: one viewer each', async () => {
    await until('no one watches', async () => (await count()) === 0);
    const page = await open(`${proxy.url}/multi?s=demo`);
    await until('the tile plays', async () => (await sessions()).some(({ state }) => state === 'playing'));
    assert.equal(await count(), 1);
    await page.close({ runBeforeUnload: true });
    await until('it has left', async () => (await count()) === 0);
  });
});
