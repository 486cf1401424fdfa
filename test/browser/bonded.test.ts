import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { StreamStats } from '../../src/api/measure/stats-shapes.ts';
import { encode, ffmpegArgs, filmArgs, type Sender, startSender } from '../fixtures/encoder.ts';
import { need } from '../fixtures/need.ts';
import { type BondedLink, openBondedSender } from '../fixtures/publishers/bonded-sender.ts';
import { createPush } from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { violations } from './axe.ts';
import { openBrowser, openVisitor } from './chromium.ts';

const adminToken = 'let-me-in-please';

suite('the links of a bonded sender on the tab Signal', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let encoder: Sender;

  before(async () => {
    folder = opened.use(await openFolder('bonded'));
    const port = await freeUdpPort();
    const args = ['--srt', '127.0.0.1:0', '--srtla', `127.0.0.1:${port}`, '--srt-latency', '2s'];
    server = opened.use(await startServer({ data: join(folder.path, 'data'), adminToken, args, sample: false }));
    browser = await openBrowser();
    opened.defer(() => browser.close());
    const key = await createPush(server, 'phone');
    const film = await encode(filmArgs(55), join(folder.path, 'film.ts'));
    const links: BondedLink[] = [{ delayMs: 5 }, { delayMs: 30, loss: 0.15 }];
    const bonded = opened.use(await openBondedSender(port, 5, links));
    await until('both links are accepted', () => bonded.sender.up === 2);
    const to = `srt://127.0.0.1:${bonded.port}?streamid=publish:phone:${key}&latency=2000000`;
    encoder = startSender('ffmpeg', [...ffmpegArgs(film, 'mpegts', to).slice(0, -1), '-muxrate', '2500k', to]);
    await until('the loss of the second link is known', async () => {
      const { link } = await server.json<StreamStats>('/api/v1/streams/phone/stats');
      return (link.links[1]?.loss ?? 0) > 0.05;
    });
    links[1]!.isDead = true;
  });
  after(async () => {
    encoder?.child.kill('SIGKILL');
    await opened.disposeAsync();
  });

  /** Opens the tab as an administrator on this computer. */
  async function openSignal(locale: 'en-US' | 'zh-CN', signIn: string, tab: string) {
    const visitor = await openVisitor(browser, { locale });
    const page = await visitor.newPage();
    await page.goto(`${server.url}/go-live`);
    const button = page.getByRole('button', { name: signIn });
    await button.click();
    await button.waitFor({ state: 'detached' });
    await page.goto(`${server.url}/watch/phone`);
    await page.getByRole('tab', { name: tab }).click();
    return page;
  }

  test('charts and words say which link lost what, and when it was silent', async () => {
    const page = await openSignal('en-US', 'Sign in on this computer', 'Signal');
    for (const name of ['Bitrate', 'Packet loss', 'Round trip']) {
      await page.getByRole('img', { name: new RegExp(`^${name} of the links: lowest`) }).waitFor();
    }
    const moments = page.getByRole('list', { name: 'What happened on the links' });
    await moments
      .getByText(/^Link 2 lost \d+(\.\d)?% at /)
      .first()
      .waitFor();
    await moments
      .getByText(/^Nothing came over link 2 from /)
      .first()
      .waitFor({ timeout: 60_000 });
    await page.getByText('Show as table').click();
    await page.getByRole('columnheader', { name: 'Link 2: Packet loss of the links' }).waitFor();
    assert.deepEqual(await violations(page, 'the tab Signal', { within: ['aside'] }), []);
    if (process.env.SHOTS) {
      await mkdir(process.env.SHOTS, { recursive: true });
      await page.screenshot({ path: join(process.env.SHOTS, 'bonded.png'), fullPage: true });
    }
  });

  test('in Chinese too', async () => {
    const page = await openSignal('zh-CN', '在本机登录', '信号');
    await page
      .getByText(/链路 2 丢失/)
      .first()
      .waitFor();
    await page
      .getByText(/链路 2 没有数据$/)
      .first()
      .waitFor();
  });
});
