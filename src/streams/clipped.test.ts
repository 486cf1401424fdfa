import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStreams, temporaryFolder } from './streams.fixture.ts';

test('media that a source repeats after a reconnect is counted and logged', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openStreams({ folder: folder.path });
  await rig.api.create('door', { source: { type: 'pull', url: 'http://127.0.0.1:9/live.m3u8' } });
  const source = rig.source('door');
  source.flow(10_000);
  source.down(0);
  rig.clock.step(-4000);
  source.flow(9000, { mayRepeat: true });
  await rig.settle();
  const { values } = await rig.deps.metrics.clippedSeconds.get();
  assert.deepEqual(
    values.map(({ value, labels }) => [labels.stream, value]),
    [['door', 4]],
  );
  assert.equal(rig.logged.find(({ seconds }) => seconds !== undefined)?.seconds, 4);
  const { gaps } = await rig.api.timeline('door', 0, 4e12);
  assert.deepEqual(gaps, []);
});
