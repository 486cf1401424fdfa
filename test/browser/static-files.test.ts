/**
 * Pages whose scripts, styles and pictures come from another server: a copy that `oxbow cdn files` made.
 * In: a live stream, a plain file server. Out: pages that play, and which server sent which file.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { openFolder, runOxbow, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** Files of a folder, readable by every page, below `/oxbow`. */
async function serveFolder(folder: string) {
  const paths: string[] = [];
  const server = createServer(async (request, response) => {
    const path = request.url!.replace(/^\/oxbow\//, '/');
    paths.push(path);
    const bytes = await readFile(join(folder, path)).catch(() => undefined);
    const headers = { 'access-control-allow-origin': '*', 'content-type': TYPES[extname(path)] ?? 'text/plain' };
    response.writeHead(bytes ? 200 : 404, headers).end(bytes);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/oxbow`;
  return {
    url,
    paths,
    async [Symbol.asyncDispose]() {
      server.close().closeAllConnections();
      await once(server, 'close');
    },
  };
}

test('the watch page and the embedded page play with files of another server, and get none from oxbow', {
  skip: need('chromium'),
}, async () => {
  await using folder = await openFolder('static-files');
  const copy = join(folder.path, 'copy');
  const { code, stdout } = await runOxbow(['cdn', 'files', copy]);
  assert.equal(code, 0);
  assert.match(stdout, /^\d+ files are in /);
  await using files = await serveFolder(copy);
  await using server = await startServer({
    data: join(folder.path, 'data'),
    args: [...smallPicture, '--static-url', files.url],
  });
  await server.stream('demo', 'live');
  await using browser = await openBrowser();
  await using visitor = await openVisitor(browser);
  const page = await visitor.newPage();
  const faults = collectFaults(page);
  const own: string[] = [];
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin === server.url && url.pathname.startsWith('/ui/')) own.push(url.pathname);
  });
  for (const path of ['/watch/demo', '/embed/demo?autoplay', '/', '/library']) {
    await page.goto(server.url + path);
    if (/demo/.test(path)) {
      await until(`${path} plays`, () =>
        page.evaluate(() => [...document.querySelectorAll('video')].some((one) => one.currentTime > 1 && !one.paused)),
      );
    } else await page.locator('h1, h2').first().waitFor();
  }
  assert.deepEqual([own, faults], [[], []]);
  assert.ok(files.paths.some((path) => path.endsWith('.css')) && files.paths.some((path) => path.endsWith('.js')));
});
