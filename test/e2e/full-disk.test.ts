import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFolder, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

interface Report {
  readonly status: string;
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail?: string }[];
}

test('a full disk stops the recording but not live viewers, and all messages have the setting', async () => {
  await using folder = await openFolder('full');
  const args = ['--min-free', '900T', ...smallPicture];
  await using server = await startServer({ data: join(folder.path, 'data'), args });
  await until('it is live', async () => {
    const { state, problem } = await server.stream('demo');
    return state === 'live' && problem !== '';
  });
  assert.match((await server.stream('demo')).problem, /record\.minFree \(--min-free\)/);
  const list = Buffer.from(await server.bytes('/live/demo/index.m3u8')).toString();
  assert.match(list, /^#EXTM3U/);
  for (const path of ['/ready', '/health']) {
    const { status, checks } = await server.json<Report>(path);
    assert.equal(status, 'degraded', path);
    const disk = checks.find(({ name }) => name === 'disk');
    assert.equal(disk?.status, 'degraded');
    assert.match(disk?.detail ?? '', /recording is paused: .*record\.minFree \(--min-free\)/);
  }
  const said = server.log('error').filter(({ msg }) => msg.includes('record.minFree (--min-free)'));
  assert.equal(said.length, 1);
  const gaps = await until('the lost segment is a gap', async () => {
    const timeline = await server.timeline('demo');
    return timeline.gaps.length > 0 && timeline.gaps;
  });
  assert.deepEqual([gaps[0]!.cause, gaps[0]!.detail.includes('record.minFree')], ['disk', true]);
});
