import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { localDays, parseDay } from '../../api/local-days.ts';
import { openTimeZone } from '../../api/local-time.ts';
import { openStreams, START_MS, temporaryFolder, testSource } from '../streams.fixture.ts';

suite('recorded days', () => {
  test('have what is in finished files and in the open one, each once, and agree with the stream', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    const day = new Date(START_MS).toISOString().slice(0, 10);
    const days = localDays(openTimeZone('UTC'), parseDay(day), parseDay(day));
    assert.deepEqual((await rig.api.days('door', days)).days, []);
    rig.source('door').flow(10_000);
    await rig.settle();
    const open = (await rig.api.days('door', days)).days;
    assert.deepEqual([open.length, open[0]?.files, open[0]?.day], [1, 0, day]);
    rig.source('door').flow(140_000);
    await rig.settle();
    const { recorded } = (await rig.api.get('door'))!;
    const finished = (await rig.api.days('door', days)).days;
    assert.equal(finished.length, 1);
    const { files, from, to, seconds, bytes } = finished[0]!;
    assert.ok(files > 0, 'a file is finished');
    assert.deepEqual({ from, to, seconds, bytes }, recorded);
  });

  test('of an unknown stream are refused', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const days = localDays(openTimeZone('UTC'), 0, 0);
    await assert.rejects(async () => rig.api.days('door', days), { code: 'stream-unknown' });
  });
});
