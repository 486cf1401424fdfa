import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { PinView } from '../../api/shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import { MAX_PINS, PinTable } from '../../recording/pin-table.ts';
import { Retention } from '../../recording/retention.ts';
import { rebuildIndex } from '../../streams/offline/rebuild.ts';
import { openStreams, START_MS, type StreamsRig, temporaryFolder } from '../../streams/streams.fixture.ts';
import { createMarksApi } from './marks-api.ts';

const HOUR = 3_600_000;
const WINDOW = 600_000;
/** The ten-minute mark before the start. */
const MARK = START_MS - (START_MS % WINDOW);
const EVER = [0, START_MS + 1000 * HOUR] as const;
const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
const testSource = { source: { type: 'test' } } as const;

const marksOf = ({ deps, catalog }: StreamsRig) => createMarksApi(deps, catalog);

/** A pass of retention as the program makes it. */
async function retain({ deps, catalog, clock }: StreamsRig): Promise<void> {
  await new Retention({
    segments: deps.recordings.segments,
    table: deps.recordings.table,
    chunks: deps.recordings.chunks,
    clock,
    horizons: deps.recordings.horizons,
    settings: deps.settings,
    streams: () => catalog.recordings.retentionRules,
    pinned: (streamId) => deps.recordings.pins.ranges(streamId),
    onDeletedBefore: (streamId, us) => catalog.recordings.setDeletedBefore(streamId, us),
    release() {},
    deleted() {},
    failed: (error) => assert.fail(String(error)),
  }).pass();
}

suite('markers', () => {
  test('are on the timeline and in pages of their list, until they are deleted', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const { api, deps, catalog } = rig;
    const marks = marksOf(rig);
    await api.create('door', testSource);
    const { id: streamId } = catalog.get('door').definition;
    const goal = await marks.addMarker('door', { atMs: START_MS + 1, text: 'goal ⚽' });
    assert.deepEqual({ ...goal, id: '' }, { id: '', at: new Date(START_MS + 1).toISOString(), text: 'goal ⚽' });
    assert.deepEqual((await api.timeline('door', START_MS, START_MS + 2)).markers, [goal]);
    assert.deepEqual((await api.timeline('door', START_MS, START_MS + 1)).markers, []);
    await deps.store.db
      .insertInto('marker')
      .values(
        Array.from({ length: 2500 }, (_, i) => ({
          id: `a-${i}`,
          stream_id: streamId,
          at_us: (START_MS - 1000 + (i >> 2)) * 1000,
          text: '',
        })),
      )
      .execute();
    const seen = new Set<string>();
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await marks.markers('door', { fromMs: 0, toMs: EVER[1], cursor });
      for (const { id } of page.items) seen.add(id);
      cursor = page.nextCursor ?? undefined;
      pages++;
    } while (cursor !== undefined);
    assert.deepEqual([seen.size, pages], [2501, 3]);
    const { markers } = await api.timeline('door', ...EVER);
    assert.ok(markers.length > 0 && markers.length <= 2000, `${markers.length}`);
    await marks.removeMarker('door', goal.id);
    await assert.rejects(marks.removeMarker('door', goal.id), refusal('marker-unknown'));
    await assert.rejects(marks.markers('door', { fromMs: 0, toMs: 1, cursor: 'x' }), refusal('bad-request'));
    await assert.rejects(marks.addMarker('door', { atMs: START_MS + 61_000, text: '' }), refusal('bad-time'));
    await assert.rejects(marks.addMarker('unknown', { atMs: START_MS, text: '' }), refusal('stream-unknown'));
  });
});

suite('pins', () => {
  test('keep old media on the timeline and in the windows, over a restart and a rebuild, until they are deleted', async () => {
    await using folder = await temporaryFolder();
    const pinned = { fromMs: MARK + WINDOW + 1000, toMs: MARK + WINDOW + 2000, text: 'keep me' };
    let pin: PinView;
    const laterMs = START_MS + 5 * HOUR;
    {
      await using rig = await openStreams({ folder: folder.path });
      await rig.api.create('door', { ...testSource, keep: '1h' });
      // From the middle of the first window over the second into the third, with a hole in the third.
      rig.source('door').flow(MARK + 2 * WINDOW + 5000 - START_MS);
      rig.source('door').down(30_000);
      rig.source('door').flow(5000);
      await rig.settle();
      pin = await marksOf(rig).addPin('door', pinned);
      assert.deepEqual((await rig.api.timeline('door', ...EVER)).pins, [pin]);
      rig.source('door').down(1000);
      await rig.settle();
      rig.clock.advance(laterMs - rig.clock.nowMs());
      rig.source('door').flow(5000);
      await rig.settle();
      await retain(rig);
      await check(rig);
    }
    await rebuildIndex(folder.path, { signal: new AbortController().signal });
    await using rig = await openStreams({ folder: folder.path, nowMs: laterMs + 6000 });
    await retain(rig);
    await check(rig);
    await marksOf(rig).removePin('door', pin.id);
    await assert.rejects(marksOf(rig).removePin('door', pin.id), refusal('pin-unknown'));
    await retain(rig);
    const view = await rig.api.timeline('door', ...EVER);
    assert.deepEqual([view.pins, view.deleted], [[], []]);
    assert.ok(Date.parse(view.from) > laterMs - 2 * HOUR);
    assert.ok(Date.parse((await rig.api.get('door'))!.recorded.from!) > laterMs - HOUR);
    // Nothing is left there to pin.
    await assert.rejects(marksOf(rig).addPin('door', pinned), refusal('gone'));
    assert.deepEqual(await marksOf(rig).pins('door'), []);

    async function check({ api }: StreamsRig): Promise<void> {
      const view = await api.timeline('door', ...EVER);
      assert.deepEqual(view.pins, [pin]);
      const [first] = view.spans;
      assert.ok(Math.abs(Date.parse(first!.from) - MARK - WINDOW) < 3000, first!.from);
      assert.equal(Date.parse(first!.to), MARK + 2 * WINDOW);
      assert.equal(Date.parse(view.deleted[0]!.from), MARK + 2 * WINDOW);
      assert.ok(Date.parse(view.deleted[0]!.to) > laterMs - HOUR - WINDOW);
      assert.ok(!view.gaps.some(({ cause }) => cause === 'disk'), JSON.stringify(view.gaps));
      assert.equal(view.windows[0]!.from, (MARK + WINDOW) / 1000);
      assert.ok(view.windows.every(({ from }) => from * 1000 === MARK + WINDOW || from * 1000 > laterMs - 2 * HOUR));
      assert.ok(Math.abs(Date.parse((await api.get('door'))!.recorded.from!) - MARK - WINDOW) < 3000);
      // The pieces cover the timeline without overlap.
      const all = [...view.spans, ...view.gaps, ...view.offline, ...view.deleted].sort((a, b) =>
        a.from < b.from ? -1 : 1,
      );
      assert.deepEqual([all[0]!.from, all.at(-1)!.to], [view.from, view.to]);
      for (const [i, { to }] of all.slice(0, -1).entries()) assert.equal(to, all[i + 1]!.from);
    }
  });

  test('are refused without media, in the future, backwards, too long, or when there are too many', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const { api } = rig;
    const marks = marksOf(rig);
    await api.create('door', testSource);
    const add = (fromMs: number, toMs: number) => marks.addPin('door', { fromMs, toMs, text: '' });
    await assert.rejects(add(START_MS - 1, START_MS), refusal('no-media'));
    rig.source('door').flow(5000);
    await rig.settle();
    const nowMs = rig.clock.nowMs();
    await assert.rejects(add(nowMs, nowMs + 61_000), refusal('bad-time'));
    await assert.rejects(add(nowMs, nowMs), refusal('bad-time'));
    await assert.rejects(add(nowMs - 32 * 24 * HOUR, nowMs), refusal('window-too-long'));
    assert.deepEqual(await marks.pins('door'), [], 'what was refused pins nothing');
    const { id: stream_id } = rig.catalog.get('door').definition;
    const rows = Array.from({ length: MAX_PINS }, (_, i) => ({
      id: `p${i}`,
      stream_id,
      from_us: 1,
      to_us: 2,
      text: '',
    }));
    await rig.store.db.insertInto('pin').values(rows).execute();
    const full = await PinTable.open(rig.store.db);
    await assert.rejects(full.add(stream_id, { fromUs: 1, toUs: 2, text: '' }), refusal('limit-reached'));
  });

  test('and markers of a removed stream are kept, and are deleted with its recording', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const { api } = rig;
    const marks = marksOf(rig);
    await api.create('door', testSource);
    rig.source('door').flow(5000);
    await rig.settle();
    await marks.addPin('door', { fromMs: START_MS, toMs: START_MS + 1000, text: '' });
    await marks.addMarker('door', { atMs: START_MS, text: '' });
    await api.remove('door', { recordings: 'keep' });
    await api.create('door', testSource);
    const view = await api.timeline('door', ...EVER);
    assert.deepEqual([view.pins.length, view.markers.length], [1, 1]);
    await api.remove('door', { recordings: 'delete' });
    for (const table of ['pin', 'marker', 'retention'] as const) {
      assert.deepEqual(await rig.store.db.selectFrom(table).selectAll().execute(), []);
    }
  });

  test('and markers are published when they are added and removed', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    const marks = marksOf(rig);
    await rig.api.create('door', testSource);
    rig.source('door').flow(8000);
    await rig.settle();
    const marker = await marks.addMarker('door', { atMs: rig.clock.nowMs(), text: 'goal' });
    await marks.removeMarker('door', marker.id);
    await assert.rejects(marks.removeMarker('door', marker.id), refusal('marker-unknown'));
    const pin = await marks.addPin('door', { fromMs: START_MS, toMs: START_MS + 2000, text: '' });
    await marks.removePin('door', pin.id);
    await rig.settle();
    const published = rig.events.filter(({ type }) => /^(marker|pin)\./.test(type));
    assert.deepEqual(
      published.map(({ type, data }) => [type, data]),
      [
        ['marker.added', marker],
        ['marker.removed', { id: marker.id }],
        ['pin.added', pin],
        ['pin.removed', { id: pin.id }],
      ],
    );
  });
});
