import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStreams, temporaryFolder, testSource } from './streams.fixture.ts';

test('rules for the past and the start mark are stored with the stream; null removes the rules', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    const { past: none } = await rig.api.create('door', testSource);
    assert.equal(none, undefined);
    const before = rig.api.revision('door');
    const { past } = await rig.api.update('door', {
      past: { rewind: '30m', start: 'mark', delay: '30s', clips: false },
    });
    assert.deepEqual(past, {
      rewind: 1800,
      delay: 30,
      start: { by: 'mark', at: null },
      isStarted: false,
      clips: false,
      isExempt: false,
    });
    assert.notEqual(rig.api.revision('door'), before);
    const revision = rig.api.revision('door');
    await rig.api.setStartMark('door', 1_795_000_000_000);
    assert.equal(rig.api.revision('door'), revision, 'the mark is no setting');
    assert.equal(rig.api.pastRulesOf('door'), rig.api.pastRulesOf('door'), 'the same object while nothing changes');
    await rig.api.update('door', { title: 'Door' });
    const settings = { ...testSource, past: { rewind: '30m', start: 'mark', delay: '30s', clips: false } };
    await rig.api.replace('door', settings);
  }
  await using rig = await openStreams({ folder: folder.path });
  assert.deepEqual(rig.api.pastRulesOf('door'), {
    rewindMs: 1_800_000,
    start: 'mark',
    delayMs: 30_000,
    clips: false,
    markMs: 1_795_000_000_000,
  });
  await rig.api.setStartMark('door', undefined);
  assert.equal((await rig.api.get('door'))!.past!.isStarted, false);
  for (const none of [null, {}, { rewind: null, clips: true }]) {
    await rig.api.update('door', { past: { delay: '5s' } });
    await rig.api.update('door', { past: none });
    assert.equal(rig.api.pastRulesOf('door'), undefined);
  }
});

test('a time is a start too; values out of their bounds are refused and change nothing', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openStreams({ folder: folder.path });
  await rig.api.create('door', { ...testSource, past: { start: '2026-11-19T08:00:00Z' } });
  const stored = rig.api.pastRulesOf('door');
  assert.equal(stored!.start, Date.UTC(2026, 10, 19, 8));
  for (const past of [{ rewind: '59s' }, { delay: '4m' }, { delay: '10ms' }, { start: 'soon' }, { rewind: 'far' }]) {
    await assert.rejects(rig.api.update('door', { past }), { code: 'bad-request' }, JSON.stringify(past));
  }
  assert.equal(rig.api.pastRulesOf('door'), stored);
});

test('rules that the database has lost show nothing to viewers', async () => {
  await using folder = await temporaryFolder();
  {
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', { ...testSource, past: { delay: '5s' } });
    await rig.store.db.updateTable('stream').set({ past_rules: '{"delayMs":' }).execute();
  }
  await using rig = await openStreams({ folder: folder.path });
  const { past } = (await rig.api.get('door'))!;
  assert.deepEqual([past!.isStarted, past!.clips], [false, false]);
});
