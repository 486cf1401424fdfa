import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { startApp } from '../../src/app/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { startCaddy } from '../fixtures/deploy/caddy.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullSuite, fullTest } from '../full.ts';

/** Long after a test has ended. */
const NEVER_OVER_MS = 600_000;

suite('a drain', () => {
  test('is announced by /ready at once, everything is served meanwhile, and a second close ends it', async () => {
    await using folder = await openFolder('drain');
    const env = {
      OXBOW_DATA: folder.path,
      OXBOW_HTTP: '0',
      OXBOW_RTMP: 'off',
      OXBOW_SRT: 'off',
      OXBOW_WEBRTC: 'off',
      OXBOW_LOG_LEVEL: 'fatal',
    };
    const { config } = await loadConfig({ env });
    const app = await startApp(config, { signal: new AbortController().signal });
    const statusOf = async (path: string) => (await fetch(app.httpUrl + path)).status;
    assert.equal(await statusOf('/ready'), 200);
    const closed = app.close('the test', { drainMs: NEVER_OVER_MS });
    assert.equal(await statusOf('/ready'), 503);
    for (const path of ['/live', '/api/v1/streams', '/']) assert.equal(await statusOf(path), 200, path);
    await app.close('the test');
    await closed;
    await assert.rejects(statusOf('/live'), 'closed');
  });

  test('lasts as long as `drain` says after SIGTERM, and the server ends in order', async () => {
    await using folder = await openFolder('drain');
    await using server = await startServer({ data: folder.path, args: ['--drain', '1s'] });
    const { code } = await server.stop('SIGTERM');
    assert.equal(code, 0, server.stderr);
    const { msg, reason, tookMs } = server.log().at(-1)!;
    assert.deepEqual([msg, reason], ['oxbow stopped', 'SIGTERM']);
    assert.ok(Number(tookMs) >= 1000, `${tookMs} ms`);
  });

  fullTest('is for services: Ctrl-C ends the server at once', async () => {
    await using folder = await openFolder('drain');
    await using server = await startServer({ data: folder.path, args: ['--drain', '10m'] });
    assert.equal((await server.stop('SIGINT')).code, 0, server.stderr);
  });
});

fullSuite('Caddy with the file of deploy/compose', { skip: need('caddy') }, () => {
  test('loses no request while one of two servers drains and ends', async () => {
    await using folder = await openFolder('drain');
    const start = (name: string) => startServer({ data: `${folder.path}/${name}`, args: ['--drain', '4s'] });
    await using first = await start('first');
    await using second = await start('second');
    await using proxy = await startCaddy([first, second].map(({ url }) => new URL(url).host));
    const statuses = new Map<number, number>();
    let isOver = false;
    const viewer = async () => {
      while (!isOver) {
        const { status } = await fetch(`${proxy.url}/api/v1/streams`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        await setTimeout(20);
      }
    };
    const viewers = Promise.all([viewer(), viewer(), viewer()]);
    try {
      await until('both are asked', () => (statuses.get(200) ?? 0) >= 20);
      assert.equal((await first.stop()).code, 0);
      const before = statuses.get(200)!;
      await until('the other one is asked', () => statuses.get(200)! >= before + 20);
    } finally {
      isOver = true;
      await viewers;
    }
    assert.deepEqual([...statuses.keys()], [200]);
  });
});
