import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { seeded } from '@oxbow/media/random.fixture';
import { openRangeReader } from '../../src/archive/range-reader.ts';
import { bytesOf } from '../../src/delivery/delivery.fixture.ts';
import { answerPastPlaylist } from '../../src/delivery/past/past.ts';
import { GapTable } from '../../src/features/healing/gap-table.ts';
import { healerOf, healNow, programme, tickOf, ticksOf } from '../../src/features/healing/healing.fixture.ts';
import type { HealingGap, HealingSource } from '../../src/features/healing/source.ts';
import { openStreams, START_MS, temporaryFolder } from '../../src/streams/streams.fixture.ts';
import { checkMediaPlaylist, printFindings } from '../conformance/checker.ts';
import { perTier } from '../full.ts';

const { signal } = new AbortController();
const CUTS = perTier({ first: 40, full: 500 });
suite('a network to the source that is cut again and again', () => {
  test(`${CUTS} cuts of 1 to 120 s: each gap within the window of the source is filled, no picture is twice or out of order`, async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.control.create('door', { source: { type: 'test' } });
    using reader = openRangeReader(rig.segments);
    const random = seeded(11);
    const source = rig.source('door');
    source.flow(4000);
    const lost: { fromMs: number; toMs: number }[] = [];
    for (let cut = 0; cut < CUTS; cut++) {
      const fromMs = rig.clock.nowMs();
      // Key frames are a second apart: media begins with one.
      const ms = 1000 * (1 + random(120));
      source.down(ms);
      if (cut % 10 === 9) lost.push({ fromMs, toMs: fromMs + ms });
      source.flow(3000 + 1000 * random(4));
      if (cut % 20 === 0) await rig.settle();
    }
    await rig.settle();
    const isLost = (gap: HealingGap) => lost.some(({ fromMs, toMs }) => gap.fromMs < toMs && gap.toMs > fromMs);
    const healer = healerOf(rig, reader, [programme('source', (gap) => !isLost(gap))]);
    const stream = rig.catalog.get('door');
    await healer.look(stream);
    assert.equal(healer.waiting, CUTS);
    rig.clock.advance(10_000);
    await healer.work({ signal });
    assert.equal(healer.waiting, 0);
    const { gaps, healed, windows } = await rig.api.timeline('door', START_MS, rig.clock.nowMs());
    const inside = gaps.filter(({ cause }) => cause === 'source-down').slice(0, lost.length);
    assert.deepEqual(
      inside.map(({ from, to }) => [Date.parse(from), Date.parse(to)]),
      lost.map(({ fromMs, toMs }) => [fromMs, toMs]),
    );
    const records = await new GapTable(rig.store.rows).between(stream.definition.id, 0, 4e15);
    assert.deepEqual(
      records.filter(({ state }) => state !== 'healed').map(({ state, reason }) => [state, reason]),
      lost.map(() => ['lost', 'source: its playlist begins later']),
    );
    assert.ok(healed.length >= CUTS - lost.length);
    const ticks = await ticksOf(rig, reader);
    const expected: number[] = [];
    for (let tick = tickOf(START_MS); tick <= ticks.at(-1)!; tick++) {
      const isGap = lost.some(({ fromMs, toMs }) => tick * 100 >= fromMs && tick * 100 < toMs);
      if (!isGap) expected.push(tick);
    }
    assert.equal(ticks.length, expected.length);
    assert.deepEqual(ticks, expected);
    for (const { from, to, rev } of windows.slice(0, -1)) {
      const range = { fromUs: from * 1e6, toUs: to * 1e6 };
      const reply = await answerPastPlaylist(stream.served, { range, revision: rev }, 'av0');
      assert.match(reply.cacheControl, /immutable/, 'the revision counts what was found');
      const text = Buffer.from(await bytesOf(reply, reader)).toString();
      const problems = checkMediaPlaylist('/av0.m3u8', text).filter(({ severity }) => severity === 'must');
      assert.deepEqual(problems, [], printFindings(problems));
      const list = parsePlaylist(text).playlist as MediaPlaylist;
      assert.ok(list.endList);
      let nextMs = 0;
      for (const { programDateTimeMs, durationS, discontinuity } of list.segments) {
        const startMs = programDateTimeMs ?? nextMs;
        assert.ok(startMs >= nextMs - 2, 'segments follow each other in time');
        if (startMs > nextMs + 100 && nextMs > 0) assert.ok(discontinuity, 'a hole is a discontinuity');
        nextMs = startMs + durationS * 1000;
      }
    }
  });

  test('a second source fills what the first has not, and a part is a shorter gap', async () => {
    await using folder = await temporaryFolder();
    await using rig = await openStreams({ folder: folder.path });
    await rig.control.create('door', { source: { type: 'test' } });
    using reader = openRangeReader(rig.segments);
    const source = rig.source('door');
    source.flow(4000);
    const fromMs = rig.clock.nowMs();
    source.down(20_000);
    source.flow(4000);
    await rig.settle();
    const cut = programme('backup', () => true);
    const half: HealingSource = {
      name: 'backup',
      find: (gap, around, options) => cut.find({ ...gap, toMs: (gap.fromMs + gap.toMs) / 2 }, around, options),
    };
    const healer = healerOf(rig, reader, [programme('source', () => false), half]);
    await healNow(rig, healer);
    const { gaps, healed } = await rig.api.timeline('door', START_MS, rig.clock.nowMs());
    assert.deepEqual(
      healed.map(({ from, to, source: name, cause }) => [Date.parse(from), Date.parse(to), name, cause]),
      [[fromMs, fromMs + 10_000, 'backup', 'source-down']],
    );
    const [record] = await new GapTable(rig.store.rows).between(rig.catalog.get('door').definition.id, 0, 4e15);
    assert.deepEqual([Date.parse(gaps[0]!.from), record?.state], [fromMs + 10_000, 'partly']);
  });
});
