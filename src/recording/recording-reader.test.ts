import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ChunkQueries } from './chunks/chunk-queries.ts';
import { groupAt, groupsFrom, openRig, type RecordingRig, START_US } from './recording.fixture.ts';
import { findKeyBefore, RecordingReader, startsWithKey } from './recording-reader.ts';
import { readTimeline } from './timeline.ts';

const SECOND = 1_000_000;
const EVER = Number.MAX_SAFE_INTEGER;

const msns = (groups: readonly { msn: number }[]) => groups.map(({ msn }) => msn);

/** Runs a query at once and returns the result when the test allows. */
class SlowQueries extends ChunkQueries {
  gate: Promise<void> | undefined;
  questions = 0;

  async #late<T>(answer: Promise<T>): Promise<T> {
    this.questions++;
    const [known] = await Promise.all([answer, this.gate]);
    return known;
  }

  override holding(...args: Parameters<ChunkQueries['holding']>): ReturnType<ChunkQueries['holding']> {
    return this.#late(super.holding(...args));
  }

  override segmentsBetween(
    ...args: Parameters<ChunkQueries['segmentsBetween']>
  ): ReturnType<ChunkQueries['segmentsBetween']> {
    return this.#late(super.segmentsBetween(...args));
  }

  override joinedSpansBetween(
    ...args: Parameters<ChunkQueries['joinedSpansBetween']>
  ): ReturnType<ChunkQueries['joinedSpansBetween']> {
    return this.#late(super.joinedSpansBetween(...args));
  }
}

suite('a recording', () => {
  test('is found by MSN and by time, in the open file and in the index', async () => {
    await using rig = await openRig();
    const first = groupsFrom({ msn: 10, startUs: START_US }, 3);
    const second = groupsFrom({ msn: 13, startUs: START_US + 6 * SECOND, run: 2 }, 3);
    for (const group of [...first, ...second]) rig.recorder.write(group);
    const check = async () => {
      assert.deepEqual(msns(await rig.recording.between(0, EVER)), [10, 11, 12, 13, 14, 15]);
      for (const group of [...first, ...second]) {
        const found = await rig.recording.find(group.msn);
        assert.equal(found?.startUs, group.startUs);
        assert.deepEqual(
          found?.tracks.map((track) => track.length),
          group.tracks.map((track) => track.bytes.length),
        );
      }
      assert.equal(await rig.recording.find(9), undefined);
      assert.equal(await rig.recording.find(16), undefined);
      const { beforeUs, lastMsn } = await rig.recording.around(12);
      assert.deepEqual([beforeUs, lastMsn], [START_US + 6 * SECOND, 15]);
      assert.equal((await rig.recording.around(9)).beforeUs, undefined);
      assert.equal(rig.recording.endUs, START_US + 12 * SECOND);
    };
    while (rig.committed.length < 6) await new Promise(setImmediate);
    assert.deepEqual(msns(rig.recording.open), [13, 14, 15]);
    await check();
    await rig.recorder.seal();
    assert.deepEqual(rig.recording.open, []);
    await check();
  });

  test('between two times are the groups that overlap, without those that only touch', async () => {
    await using rig = await openRig();
    for (const group of groupsFrom({ msn: 1, startUs: START_US }, 5)) rig.recorder.write(group);
    await rig.recorder.seal();
    const between = async (fromS: number, toS: number) =>
      msns(await rig.recording.between(START_US + fromS * SECOND, START_US + toS * SECOND));
    assert.deepEqual(await between(2, 4), [2]);
    assert.deepEqual(await between(1.9, 4.1), [1, 2, 3]);
    assert.deepEqual(await between(-5, 0), []);
    assert.deepEqual(await between(10, 20), []);
    assert.deepEqual(await between(9.999999, 10), [5]);
  });

  test('before an instant is the group whose tracks all start with a key frame, in any order of tracks', async () => {
    await using rig = await openRig();
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 2);
    const follows = groupsFrom({ msn: 3, startUs: START_US + 4 * SECOND, key: false }, 2);
    for (const group of [...groups, ...follows]) {
      rig.recorder.write({ ...group, tracks: group.tracks.toReversed() });
    }
    await rig.recorder.seal();
    assert.equal((await findKeyBefore(rig.recording, START_US + 7 * SECOND))?.msn, 2);
    assert.equal((await findKeyBefore(rig.recording, START_US + 1))?.msn, 1);
    assert.equal(await findKeyBefore(rig.recording, START_US - 1), undefined);
    assert.equal(await findKeyBefore(rig.recording, START_US + 7 * SECOND, SECOND), undefined);
    const third = (await rig.recording.find(3))!;
    assert.deepEqual([third.tracks[0]!.trackId, startsWithKey(third)], [2, false]);
  });

  test('is complete while a file moves from memory to the index during a query', async () => {
    await using rig = await openRig();
    const groups = groupsFrom({ msn: 1, startUs: START_US }, 3);
    for (const group of groups) rig.recorder.write(group);
    const chunks = new SlowQueries(rig.store.rows);
    // A second reader, fed by hand with committed groups.
    const recording = new RecordingReader({ streamId: 's', chunks, endUs: 0 });
    while (rig.committed.length < 3) await new Promise(setImmediate);
    for (const group of rig.recording.open) recording.committed(group);
    const end = { createdUs: START_US, horizonUs: 0, gapsSince: () => [] };
    const held = Promise.withResolvers<void>();
    chunks.gate = held.promise;
    // All three queries ran while the index was empty.
    const questions = [
      recording.between(0, EVER),
      readTimeline(recording, chunks, end, 0, START_US + 100 * SECOND).then(({ pieces }) => pieces),
      recording.find(4).then((found) => [found]),
    ] as const;
    while (chunks.questions < 3) await new Promise(setImmediate);
    await rig.recorder.seal();
    recording.indexed(3);
    recording.committed({ ...(await rig.recording.find(3))!, msn: 4, startUs: START_US + 6 * SECOND, gaps: [] });
    held.resolve();
    const [between, pieces, found] = await Promise.all(questions);
    assert.deepEqual(msns(between), [1, 2, 3, 4]);
    assert.deepEqual(
      pieces.map(({ fromUs, toUs, kind }) => [fromUs, toUs, kind]),
      [[START_US, START_US + 8 * SECOND, 'media']],
    );
    assert.equal(found[0]?.msn, 4);
    assert.ok(chunks.questions > 3, 'the query was repeated');
  });

  test('lists a group once that is in memory and in the index', async () => {
    await using rig = await openRig();
    for (const group of groupsFrom({ msn: 1, startUs: START_US }, 3)) rig.recorder.write(group);
    while (rig.committed.length < 3) await new Promise(setImmediate);
    const twin = copyOf(rig);
    for (const group of rig.recording.open) twin.committed(group);
    await rig.recorder.seal();
    assert.deepEqual(msns(await twin.between(0, EVER)), [1, 2, 3]);
    const end = { createdUs: START_US, horizonUs: 0, gapsSince: () => [] };
    const timeline = await readTimeline(twin, rig.chunks, end, 0, START_US + 100 * SECOND);
    assert.equal(timeline.pieces.length, 1);
    assert.deepEqual(
      timeline.windows.map(({ groups }) => groups),
      [3],
    );
  });

  test('starts with a key frame only if there is a track', () => {
    const group = groupAt({ msn: 1, startUs: START_US });
    assert.ok(group.tracks.length === 2);
    assert.equal(startsWithKey({ tracks: [] } as never), false);
  });
});

function copyOf(rig: RecordingRig): RecordingReader {
  return new RecordingReader({ streamId: 's', chunks: rig.chunks, endUs: 0 });
}
