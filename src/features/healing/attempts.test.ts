/**
 * What an attempt that ends early leaves: what it has written counts, and what is missing is tried again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRangeReader } from '../../archive/range-reader.ts';
import { healedRecording } from '../../archive/recording-locations.ts';
import { RecordingReader } from '../../recording/recording-reader.ts';
import { openStreams, type StreamsRig, temporaryFolder } from '../../streams/streams.fixture.ts';
import { GapTable } from './gap-table.ts';
import { healGap, missingPieces } from './heal-gap.ts';
import { Healer, type HealerOptions } from './healer.ts';
import { healerOf, healNow, programme } from './healing.fixture.ts';
import type { FoundMedia, HealingSource } from './source.ts';

const { signal } = new AbortController();

/** A stream with a gap from second 4 to 14. */
async function openGap(folder: string): Promise<StreamsRig> {
  const rig = await openStreams({ folder });
  await rig.control.create('door', { source: { type: 'test' } });
  rig.source('door').flow(4000);
  rig.source('door').down(10_000);
  rig.source('door').flow(8000);
  await rig.settle();
  return rig;
}

/** Media of a source, with something that happens after its first part. */
function withInterruption(more: Partial<FoundMedia>, interrupt: () => Promise<boolean>): HealingSource {
  const source = programme('backup');
  return {
    ...source,
    async find(...request) {
      const found = await source.find(...request);
      if (found.kind !== 'found') return found;
      const media = async function* () {
        let parts = 0;
        for await (const part of found.media) {
          // Of the first part of two seconds the gap needs all.
          if (parts++ === 1 && !(await interrupt())) return;
          yield part;
        }
      };
      return { ...found, ...more, media: media() };
    },
  };
}

async function attemptOf(rig: StreamsRig, source: HealingSource, within: AbortSignal, isErased = () => false) {
  using reader = openRangeReader(rig.segments);
  const { deps, clock, catalog } = rig;
  const found: number[] = [];
  const erasures = { overlaps: isErased } as unknown as typeof deps.recordings.erasures;
  const parts = { recordings: { ...deps.recordings, erasures }, reader, clock, config: deps.settings.now };
  const stream = catalog.get('door');
  const [gap] = await missingPieces(stream, deps.recordings, 0, clock.nowMs() * 1000);
  const bug = (error: unknown) => assert.fail(String(error));
  const how = { maxBytes: 1e9, maxMs: 1e9, signal: within };
  const own = { mayWrite: () => true, found: (_: string, us: number) => found.push(us), bug };
  const attempt = await healGap({ ...parts, ...own }, stream, gap!, [source], how).catch((error: unknown) => error);
  return { attempt, found };
}

test('media that was written before an attempt is aborted is reported', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  const limit = new AbortController();
  const source = withInterruption({}, async () => {
    limit.abort(new Error('the limit of time'));
    throw limit.signal.reason;
  });
  const { attempt, found } = await attemptOf(rig, source, limit.signal);
  assert.equal((attempt as Error).message, 'the limit of time');
  assert.equal(found.length, 1);
  assert.ok(found[0]! > 1_000_000);
});

test('a source that had a part of a gap is asked again, if it may have the rest later', async () => {
  for (const mayComeLater of [true, false]) {
    await using folder = await temporaryFolder();
    await using rig = await openGap(folder.path);
    const { attempt } = await attemptOf(
      rig,
      withInterruption({ mayComeLater }, async () => false),
      signal,
    );
    const { healedUs, missingUs, mayComeLater: isTriedAgain } = attempt as Awaited<ReturnType<typeof healGap>>;
    assert.ok(healedUs > 0 && missingUs > 0);
    assert.equal(isTriedAgain, mayComeLater);
  }
});

test('media is a part of the recording while an attempt still reads: a deletion finds it', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  const { recording } = rig.catalog.get('door').served;
  let isPart = false;
  const source = withInterruption({}, async () => {
    isPart = recording.healed !== undefined;
    return false;
  });
  await attemptOf(rig, source, signal);
  assert.ok(isPart);
});

test('a stream without found media makes no further query', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  async function* media() {}
  const find = async () => ({ kind: 'found', media: media(), mayComeLater: false }) as const;
  await attemptOf(rig, { name: 'backup', find }, signal);
  const { recording } = rig.catalog.get('door').served;
  assert.equal(recording.healed, undefined);
  // What was found before a restart stays.
  const { chunks } = rig.deps.recordings;
  const before = new RecordingReader({ streamId: healedRecording(recording.streamId), chunks, endUs: 0 });
  recording.healed = before;
  await attemptOf(rig, { name: 'backup', find }, signal);
  assert.equal(recording.healed, before);
});

test('nothing is written any more into a range that is deleted meanwhile', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  let isErased = false;
  const source = withInterruption({}, async () => {
    isErased = true;
    return true;
  });
  const { found } = await attemptOf(rig, source, signal, () => isErased);
  assert.ok(found.reduce((sum, us) => sum + us, 0) < 3_000_000, String(found));
});

test('gaps that come due while healing is off are tried when it is on again', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  using reader = openRangeReader(rig.segments);
  const late: HealingSource = {
    name: 'source',
    find: async () => ({ kind: 'nothing', reason: 'its playlist ends too early', mayComeLater: true }),
  };
  const sources = [late];
  const healer = healerOf(rig, reader, sources);
  await healNow(rig, healer);
  sources.length = 0;
  rig.clock.advance(20_000);
  await healer.work({ signal });
  sources.push(programme('backup'));
  await healNow(rig, healer);
  const stream = rig.catalog.get('door');
  assert.deepEqual(await missingPieces(stream, rig.deps.recordings, 0, rig.clock.nowMs() * 1000), []);
});

test('a gap that is lost stays so, however many others a stream has', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  const stream = rig.catalog.get('door');
  const { id } = stream.definition;
  const table = new GapTable(rig.store.rows);
  const [gap] = await missingPieces(stream, rig.deps.recordings, 0, rig.clock.nowMs() * 1000);
  const record = { attempts: 1, nextUs: 0, reason: '', healedUs: 0, state: 'lost', sources: 'backup' } as const;
  const first = gap!.fromUs - 2_000_000;
  for (let i = 0; i < 2000; i++) await table.put(id, { ...record, fromUs: first + i * 10, toUs: first + i * 10 + 5 });
  await table.put(id, { ...record, fromUs: gap!.fromUs, toUs: gap!.toUs });
  const options: HealerOptions = {
    clock: rig.clock,
    table,
    recordings: rig.deps.recordings,
    streams: () => [stream],
    sourcesOf: async () => [programme('backup')],
    sumOf: () => 'backup',
    forMs: () => 1e12,
    heal: () => assert.fail('it is not tried'),
    tried() {},
    failed: (error) => assert.fail(String(error)),
  };
  const healer = new Healer(options);
  await healer.look(stream);
  assert.equal(healer.waiting, 0);
});

test('a gap that no source had is tried again when the stream has another source, once', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  using reader = openRangeReader(rig.segments);
  const nothing = programme('source', () => false);
  const sources = [nothing];
  const healer = healerOf(rig, reader, sources);
  await healNow(rig, healer);
  await healer.look(rig.catalog.get('door'));
  assert.equal(healer.waiting, 0, 'it is lost');
  sources.push(programme('backup'));
  await healNow(rig, healer);
  const stream = rig.catalog.get('door');
  assert.deepEqual(await missingPieces(stream, rig.deps.recordings, 0, rig.clock.nowMs() * 1000), []);
});

test('a gap that waits is tried soon when the stream has another source', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  using reader = openRangeReader(rig.segments);
  const away: HealingSource = {
    name: 'source',
    find: async () => ({ kind: 'nothing', reason: 'it is away', mayComeLater: true }),
  };
  const sources = [away];
  const healer = healerOf(rig, reader, sources);
  await healNow(rig, healer);
  for (let attempt = 0; attempt < 4; attempt++) {
    rig.clock.advance(healer.nextMs! - rig.clock.nowMs());
    await healer.work({ signal: new AbortController().signal });
  }
  assert.ok(healer.nextMs! - rig.clock.nowMs() > 60_000, 'its pauses have grown');
  sources.push(programme('backup'));
  await healNow(rig, healer);
  const stream = rig.catalog.get('door');
  assert.deepEqual(await missingPieces(stream, rig.deps.recordings, 0, rig.clock.nowMs() * 1000), []);
});

test('a source that is set while the others are asked is asked after them', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  using reader = openRangeReader(rig.segments);
  const backup = programme('backup');
  const nothing = programme('source', () => {
    if (!sources.includes(backup)) sources.push(backup);
    return false;
  });
  const sources = [nothing];
  const healer = healerOf(rig, reader, sources);
  await healNow(rig, healer);
  assert.equal(healer.waiting, 0, 'it is lost');
  await healer.look(rig.catalog.get('door'));
  assert.equal(healer.waiting, 1);
});

test('what waited when it became too old waits no longer, also where no source is asked', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  using reader = openRangeReader(rig.segments);
  const stream = rig.catalog.get('door');
  const { id } = stream.definition;
  const table = new GapTable(rig.store.rows);
  const base = { attempts: 3, nextUs: 9, reason: 'source: it is away', state: 'waiting', sources: '' } as const;
  await table.put(id, { ...base, fromUs: 1, toUs: 5, healedUs: 0 });
  await table.put(id, { ...base, fromUs: 6, toUs: 8, healedUs: 1 });
  const youngUs = rig.clock.nowMs() * 1000;
  await table.put(id, { ...base, fromUs: youngUs - 5, toUs: youngUs, healedUs: 0 });
  await healerOf(rig, reader, []).look(stream);
  const states = (await table.between(id, 0, youngUs + 1)).map(({ state, nextUs }) => [state, nextUs]);
  assert.deepEqual(states, [
    ['lost', 0],
    ['partly', 0],
    ['waiting', 9],
  ]);
});

test('a pause that a wake-up ends leaves no timer', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  using reader = openRangeReader(rig.segments);
  const healer = healerOf(rig, reader, [programme('backup')]);
  const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
  const before = timers();
  for (let i = 0; i < 5; i++) {
    const paused = healer.pause(3_600_000, { signal });
    healer.lookSoon('door');
    await paused;
  }
  assert.ok(timers() <= before, `${timers() - before} timers are left`);
});

test('a gap next to a deleted range is not filled: it may be a part of what was to be deleted', async () => {
  await using folder = await temporaryFolder();
  await using rig = await openGap(folder.path);
  const stream = rig.catalog.get('door');
  const nowUs = rig.clock.nowMs() * 1000;
  const [gap] = await missingPieces(stream, rig.deps.recordings, 0, nowUs);
  for (const [atUs, gaps] of [
    [gap!.toUs, 0],
    [gap!.fromUs - 2_000_000, 0],
    [gap!.toUs + 2_000_000, 1],
  ] as const) {
    const overlaps = (_: string, fromUs: number, toUs: number) => fromUs < atUs + 2_000_000 && toUs > atUs;
    const recordings = { chunks: rig.deps.recordings.chunks, erasures: { overlaps } };
    assert.equal((await missingPieces(stream, recordings as never, 0, nowUs)).length, gaps);
  }
});
