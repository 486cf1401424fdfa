/**
 * `kill -9` at any moment leaves a legal chain: what was recorded is in it, the break is declared, and an
 * export over all lives of the server is proved.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import type { EvidenceCheck } from '../../src/api/evidence/evidence-shapes.ts';
import { need } from '../fixtures/need.ts';
import { openFolder, runOxbow, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { perTier } from '../full.ts';

const adminToken = 'let-me-in-please';
const KILLS = perTier({ first: 2, full: 20 });
/** A kill comes when so much was recorded since the start, at most, seconds. */
const LATEST_S = 14;

suite(`the chain of evidence, killed at ${KILLS} moments`, { skip: need('ffmpeg') }, () => {
  test('has all that was recorded, with declared breaks, and an export over them is proved', async () => {
    await using folder = await openFolder('evidence-kill');
    const data = join(folder.path, 'data');
    // A block every five seconds: some moments are before the first, some after several.
    const args = [...smallPicture, '--evidence-every', '5s', '--hls-segment-duration', '1s'];
    const random = seeded(9);
    for (let i = 0; i < KILLS; i++) {
      await using server = await startServer({ args, data, adminToken });
      const before = (await server.stream('demo')).recorded.seconds;
      const moreS = 2 + random(LATEST_S * 10) / 10;
      await until('more is recorded', async () => (await server.stream('demo')).recorded.seconds > before + moreS, {
        withinMs: 60_000,
      });
      await server.stop('SIGKILL');
    }
    await using server = await startServer({ args, data, adminToken });
    const seconds = (await server.stream('demo')).recorded.seconds;
    await until('more is recorded', async () => (await server.stream('demo')).recorded.seconds > seconds + 3, {
      withinMs: 60_000,
    });
    const { from, to } = (await server.stream('demo')).recorded;
    const check = await server.json<EvidenceCheck>(`/api/v1/streams/demo/evidence/check?from=${from}&to=${to}`);
    assert.deepEqual(check.findings, []);
    assert.ok(check.gaps.length >= KILLS, 'each kill is a gap with its cause');
    const breaks = check.breaks.map(({ why }) => why);
    assert.ok(breaks.length > 0 && breaks.every((why) => why === 'crash'), breaks.join());
    const file = join(folder.path, 'all.mp4');
    const exported = await runOxbow(['export', 'demo', '--from', from!, '--to', to!, '-o', file, '--data', data]);
    assert.equal(exported.code, 0, exported.stderr);
    const verified = await runOxbow(['verify', file, '--data', data, '--json']);
    assert.equal(verified.code, 0, verified.stdout);
    assert.deepEqual((JSON.parse(verified.stdout) as EvidenceCheck).findings, []);
  });
});
