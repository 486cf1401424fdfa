import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { recordingPrefix } from '../archive/recording-locations.ts';
import { readRemoved } from './stream-table.ts';
import { EVER, openStreams, START_MS, spansOf, temporaryFolder, testSource } from './streams.fixture.ts';

suite('a stream whose replacement cannot be opened', () => {
  const other = { source: { type: 'pull', url: 'http://127.0.0.1:9/live.m3u8' } } as const;

  test('continues unchanged', async (t) => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    rig.source('door').flow(5000);
    await rig.settle();
    let failures = 1;
    const { chunks } = rig.deps.recordings;
    const last = chunks.last.bind(chunks);
    t.mock.method(chunks, 'last', (id: string) =>
      failures-- > 0 ? Promise.reject(new Error('disk I/O error')) : last(id),
    );
    await assert.rejects(rig.api.replace('door', other), /disk I\/O error/);
    assert.equal((await rig.api.get('door'))?.source.type, 'test');
    assert.equal(rig.catalog.get('door').status.state, 'starting');
    rig.source('door').flow(5000);
    assert.equal(rig.catalog.get('door').status.state, 'live');
  });

  test('still serves its recording while the database fails, and opens again when it is started', async (t) => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    rig.source('door').flow(5000);
    await rig.settle();
    const failing = t.mock.method(rig.deps.recordings.chunks, 'last', () =>
      Promise.reject(new Error('disk I/O error')),
    );
    await assert.rejects(rig.api.replace('door', other), /disk I\/O error/);
    assert.equal((await spansOf(rig, 'door')).length, 1);
    assert.equal(rig.catalog.get('door').status.state, 'stopped');
    failing.mock.restore();
    await rig.api.start('door');
    assert.equal(rig.catalog.get('door').status.state, 'starting');
    await rig.api.replace('door', other);
    assert.equal(rig.source('door').definition.source.type, 'pull');
  });
});

suite('removing', () => {
  test('keeps the recording; a new stream of that name gets it, also after a restart', async () => {
    await using folder = await temporaryFolder();
    let id: string;
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', testSource);
      rig.source('door').flow(5000);
      id = rig.catalog.get('door').definition.id;
      await rig.api.remove('door', { recordings: 'keep' });
      assert.deepEqual(await rig.api.list(), []);
      assert.deepEqual(
        rig.catalog.recordings.retentionRules.map(({ streamId }) => streamId),
        [id],
        'retention still applies to them',
      );
      assert.ok((await rig.catalog.recordings.bytes()) > 0);
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 30_000 });
    assert.deepEqual(await rig.api.list(), []);
    const view = await rig.api.create('door', testSource);
    assert.equal(view.createdAt, new Date(START_MS).toISOString());
    assert.equal(rig.catalog.get('door').definition.id, id);
    rig.clock.advance(1000);
    const timeline = await rig.api.timeline('door', ...EVER);
    assert.equal(timeline.spans.length, 1);
    assert.deepEqual(timeline.gaps, []);
    assert.equal(timeline.offline.at(-1)!.to, new Date(START_MS + 31_000).toISOString());
    assert.deepEqual(await readRemoved(rig.store.db), []);
  });

  test('deletes the recording if requested; the next stream of that name has higher MSNs', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.api.create('door', testSource);
    rig.source('door').flow(10_000);
    const { definition, served } = rig.catalog.get('door');
    const { list, inits } = served;
    const last = list.segments.at(-1)!;
    await rig.api.remove('door', { recordings: 'delete' });
    const recordings = path.join(folder.path, 'recordings', definition.id);
    assert.equal(existsSync(recordings), false);
    assert.deepEqual(
      rig.released.at(-1),
      { prefix: recordingPrefix(definition.id), exists: false },
      'readers close deleted files',
    );
    assert.deepEqual(rig.catalog.recordings.retentionRules, []);
    await rig.api.create('door', testSource);
    assert.notEqual(rig.catalog.get('door').definition.id, definition.id);
    assert.deepEqual(await spansOf(rig, 'door'), []);
    rig.source('door').flow(10_000);
    const fresh = rig.catalog.get('door');
    assert.ok(fresh.served.list.segments[0]!.msn > last.msn);
    assert.equal(inits.get(last.init.number), last.init);
    assert.ok(fresh.served.list.segments[0]!.init.number > last.init.number, 'a cached init section is never another');
  });
});

suite('deleted media', () => {
  test('is not a gap: the timeline begins after it, also after a restart', async () => {
    await using folder = await temporaryFolder();
    {
      await using rig = await openStreams({ folder: folder.path, maxDisk: 1e12 });
      await rig.api.create('door', { ...testSource, keep: '30d' });
      const stream = rig.catalog.get('door');
      assert.ok(stream.served.horizonUs() < START_MS * 1000);
      rig.source('door').flow(10_000);
      rig.source('door').down(600_000);
      rig.source('door').flow(10_000);
      await rig.settle();
      const { id } = stream.definition;
      const [first] = await rig.deps.recordings.chunks.startedBetween(id, 0, Number.MAX_SAFE_INTEGER, 1);
      rig.catalog.recordings.setDeletedBefore(id, START_MS * 1000 + 600_000_000 - 300_000_000);
      rig.catalog.recordings.setDeletedBefore('another', 4e15);
      await rig.deps.recordings.table.remove(id, [first!.first_msn]);
      const view = await rig.api.timeline('door', ...EVER);
      assert.equal(Date.parse(view.from), START_MS + 300_000);
      assert.equal(view.spans.length, 1);
    }
    await using rig = await openStreams({ folder: folder.path, nowMs: START_MS + 700_000, maxDisk: 1e12 });
    const stream = rig.catalog.get('door');
    // The oldest file has the gaps before it, which are known.
    assert.equal(stream.served.horizonUs(), START_MS * 1000 + 10_000_000);
    assert.equal(Date.parse((await rig.api.timeline('door', ...EVER)).from), START_MS + 10_000);
  });
});
