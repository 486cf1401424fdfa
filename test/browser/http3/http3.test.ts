/**
 * HTTP/3 through Caddy with deploy/caddy/Caddyfile, in Chromium: the page, playlists and parts come over
 * QUIC while the watch page plays. docs/9-run/https-and-proxies.md.
 */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type CertificatePair, makeCertificate } from '../../fixtures/certificate.ts';
import { openHttp2 } from '../../fixtures/http2.ts';
import { need } from '../../fixtures/need.ts';
import { type RunningProxy, startCaddyProxy } from '../../fixtures/proxies/proxy.ts';
import { openFolder, type Server, smallPicture, startServer } from '../../fixtures/server.ts';
import { until } from '../../fixtures/wait.ts';
import { collectFaults, openVisitor } from '../chromium.ts';
import { readPicture } from '../picture.ts';
import { type Loaded, launchQuicBrowser, loadedOf } from './quic-chromium.ts';

const isList = ({ path }: Loaded) => /^\/live\/demo\/.*\.m3u8$/.test(path);
const isPart = ({ path }: Loaded) => /^\/live\/demo\/.*\/\d+\.\d+\.m4s$/.test(path);
/** What oxbow announces: Caddy knows better. */
const announced = 'h3=":9"; ma=60';
/** Playlists and parts that must have come before the protocols are compared. */
const ENOUGH = 10;

suite('behind Caddy, in Chromium', { skip: need('chromium') || need('caddy') || need('openssl') }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let proxy: RunningProxy;
  let certificate: CertificatePair;
  /** The public address of the proxy. */
  let url: string;

  before(async () => {
    const folder = opened.use(await openFolder('http3'));
    certificate = await makeCertificate(folder.path, 'http3');
    const args = [...smallPicture, '--alt-svc', announced];
    server = opened.use(await startServer({ data: join(folder.path, 'data'), args }));
    await server.stream('demo');
    const own = join(folder.path, 'caddy');
    await mkdir(own);
    proxy = opened.use(await startCaddyProxy({ origin: new URL(server.url).host, certificate, folder: own }));
    url = proxy.url.replace('127.0.0.1', 'localhost');
  });
  after(() => opened.disposeAsync());

  const launch = async (isForced: boolean): Promise<Browser> =>
    opened.use(await launchQuicBrowser({ port: Number(new URL(url).port), certificate: certificate.cert, isForced }));

  /** Opens the watch page and waits until it plays. */
  async function watch(browser: Browser): Promise<Page> {
    const page = await opened.use(await openVisitor(browser)).newPage();
    await page.goto(`${url}/watch/demo`);
    const first = await until('it plays', () => readPicture(page));
    await until('it continues', async () => {
      const shown = await readPicture(page);
      return shown !== undefined && shown.utcMs > first.utcMs + 1_000;
    });
    return page;
  }

  const enough = (page: Page) =>
    until('it has loaded playlists and parts', async () => {
      const loaded = await loadedOf(page);
      return loaded.filter(isList).length >= ENOUGH && loaded.filter(isPart).length >= ENOUGH && loaded;
    });

  test('every answer announces the port of Caddy, and only that', async () => {
    await using client = await openHttp2(url);
    for (const path of ['/watch/demo', '/live/demo/index.m3u8', '/api/v1/streams', '/nothing']) {
      const own = await server.fetch(path);
      assert.equal(own.headers.get('alt-svc'), announced);
      assert.match((await client.ask(path)).headers['alt-svc']!, new RegExp(`^h3=":${new URL(url).port}"; ma=\\d+$`));
    }
  });

  test('the watch page plays over HTTP/3: page, playlists and parts', async () => {
    const browser = await launch(true);
    const page = await watch(browser);
    const faults = collectFaults(page);
    const loaded = await enough(page);
    assert.deepEqual([loaded[0]!.path, loaded[0]!.protocol], ['/watch/demo', 'h3']);
    const others = loaded.filter(({ protocol }) => protocol !== 'h3');
    assert.deepEqual(others, [], 'nothing comes by another protocol');
    assert.deepEqual(faults, []);
  });

  test('where UDP does not get through, it plays over HTTP/2', async () => {
    const page = await watch(await launch(false));
    const loaded = await enough(page);
    assert.deepEqual([...new Set(loaded.map(({ protocol }) => protocol))], ['h2']);
  });
});
