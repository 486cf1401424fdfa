import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { SegmentGroup, StreamGap } from '@oxbow/media/segment';
import { scanChunk } from '../../archive/chunk-reader.ts';
import { startS3 } from '../../archive/objects/object-servers.fixture.ts';
import { openTiered } from '../../archive/objects/tiered.fixture.ts';
import { qualityRecording } from '../../archive/recording-locations.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import { openInitTable } from '../init-table.ts';
import { Recorder } from '../recorder.ts';
import { groupsFrom, openRig, type RecordingRig, START_US, suiteOnEngines } from '../recording.fixture.ts';
import { RecordingReader } from '../recording-reader.ts';
import { recoverQualities, recoverStream } from '../recovery.ts';
import { moveFutureMedia } from './future-media.ts';

const SECOND = 1_000_000;
const HOUR = 3600 * SECOND;
const EVER = Number.MAX_SAFE_INTEGER;
const { signal } = new AbortController();

const skipped = (fromUs: number, us: number, detail = `the source jumped ahead by ${us / SECOND} s`): StreamGap => {
  return { fromUs, toUs: fromUs + us, cause: 'source-skipped', detail };
};

/** Groups of 2 s of a run that was filed by arrival. */
function runOf(run: number, msn: number, startUs: number, count: number, gaps: StreamGap[] = []): SegmentGroup[] {
  return groupsFrom({ msn, startUs, run, gaps }, count).map((group) => ({
    ...group,
    run: { id: run, utcOffsetUs: startUs, clock: 'arrival' },
  }));
}

async function record(rig: RecordingRig, groups: readonly SegmentGroup[]): Promise<void> {
  for (const group of groups) rig.recorder.write(group);
  await rig.recorder.seal();
}

async function recoveryOf({ segments, table, chunks, store, clock }: RecordingRig) {
  const failed = (error: unknown) => assert.fail(String(error));
  const inits = await openInitTable(store.rows, 's', { failed, nowMs: () => clock.nowMs() });
  return { segments, streamId: 's', table, chunks, inits };
}

async function recover(rig: RecordingRig) {
  return recoverStream(await recoveryOf(rig), 0, { signal });
}

function openRecorder({ segments, table, clock }: RecordingRig, recording: RecordingReader): Recorder {
  const fail = (what: unknown) => assert.fail(String(what));
  return new Recorder({
    recording,
    table,
    segments,
    sync: 'off',
    clock,
    previousMsn: 0,
    mayWrite: () => true,
    onCommitted() {},
    counters: { committed() {}, lost: fail, trouble: fail, bug: fail, slow() {} },
  });
}

/** Start of each recorded group, seconds since the first. */
async function starts({ recording }: RecordingRig): Promise<number[]> {
  return (await recording.between(0, EVER)).map(({ startUs }) => (startUs - START_US) / SECOND);
}

suiteOnEngines('media in the future', (openRig) => {
  test('behind a jump is moved to where it was recorded, with its gaps, also what later publishers sent', async () => {
    await using rig = await openRig();
    const { segments, table, chunks } = rig;
    // 10 s; a jump of an hour, 20 s over a ten-minute mark; a publisher that came 5 s later.
    await record(rig, runOf(1, 100, START_US, 5));
    const jumped = START_US + 10 * SECOND + HOUR;
    await record(rig, runOf(2, 105, jumped, 10, [skipped(START_US + 10 * SECOND, HOUR)]));
    const away: StreamGap = { ...skipped(jumped + 20 * SECOND, 5 * SECOND), cause: 'offline', detail: 'left' };
    await record(rig, runOf(3, 115, jumped + 25 * SECOND, 3, [away]));
    const bytes = async () => (await recordedBytes(rig)).join();
    const before = await bytes();
    const saved = { atUs: START_US + 41 * SECOND, clean: true };
    const moved = await moveFutureMedia({ segments, table, chunks, streamId: 's', saved }, { signal });
    assert.deepEqual(moved, { byUs: HOUR, fromUs: jumped, toUs: jumped + 31 * SECOND, files: 3 });
    const found = await recover(rig);
    assert.deepEqual([found.unusable, found.expired], [[], 0]);
    const expected = [...Array.from({ length: 15 }, (_, i) => 2 * i), 35, 37, 39];
    assert.deepEqual(await starts(rig), expected);
    assert.equal(await bytes(), before, 'not a byte of media is another');
    for (const { absences, start_us, path, utc_offset_us } of await rowsOf(rig)) {
      const [gap] = JSON.parse(absences) as StreamGap[];
      if (start_us === START_US + 35 * SECOND)
        assert.deepEqual(gap, { ...away, fromUs: START_US + 30 * SECOND, toUs: start_us });
      else assert.equal(gap, undefined);
      const { groups, state } = await scanChunk(segments, segmentLocation(path));
      assert.equal(state, 'sealed');
      assert.equal(groups[0]!.utcOffsetUs, utc_offset_us);
    }
    assert.equal((await rig.files()).length, (await rowsOf(rig)).length);
    assert.equal(await moveFutureMedia({ segments, table, chunks, streamId: 's', saved }, { signal }), undefined);
  });

  test('is moved with the recordings of its qualities, whose files end elsewhere', async () => {
    await using rig = await openRig();
    const { segments, table, chunks } = rig;
    const id = qualityRecording('s', '480p');
    const recording = new RecordingReader({ streamId: id, chunks, endUs: 0 });
    await using quality = openRecorder(rig, recording);
    const jump = [skipped(START_US + 10 * SECOND, HOUR)];
    const groups = [...runOf(1, 100, START_US, 5), ...runOf(2, 105, START_US + 10 * SECOND + HOUR, 10, jump)];
    await record(rig, groups);
    // Switched off for a while: its files begin and end at other segments than those of the stream.
    for (const group of groups.filter(({ msn }) => msn !== 103 && msn !== 109)) {
      quality.write(group);
      if (group.msn === 107) await quality.seal();
    }
    await quality.seal();
    const startsOf = async () => (await recording.between(0, EVER)).map(({ msn, startUs }) => [msn, startUs]);
    const before = await startsOf();
    assert.equal(before.length, 13);
    const saved = { atUs: START_US + 30 * SECOND, clean: true };
    const moved = await moveFutureMedia({ segments, table, chunks, streamId: 's', saved }, { signal });
    assert.equal(moved?.byUs, HOUR);
    const found = await recover(rig);
    await recoverQualities(await recoveryOf(rig), 0, found, { signal });
    assert.deepEqual(found.unusable, []);
    assert.deepEqual(
      await startsOf(),
      before.map(([msn, us]) => [msn, us! - (msn! >= 105 ? HOUR : 0)]),
    );
  });

  test('is moved in the end, wherever a crash interrupts it, and no media is lost', async () => {
    for (let at = 0; ; at++) {
      await using rig = await openRig();
      await record(rig, runOf(1, 100, START_US, 5));
      const jumped = START_US + 10 * SECOND + HOUR;
      await record(rig, runOf(2, 105, jumped, 5, [skipped(START_US + 10 * SECOND, HOUR)]));
      await record(rig, runOf(3, 110, jumped + 10 * SECOND, 3));
      const saved = { atUs: START_US + 30 * SECOND, clean: true };
      let left = at;
      const step = (): void => {
        if (left-- === 0) throw new Error('crash');
      };
      const { table, chunks, segments } = rig;
      const failing = {
        segments: failAt(segments, ['create', 'delete'], step),
        table: failAt(table, ['remove'], step),
        chunks,
      };
      const isDone = await moveFutureMedia({ ...failing, streamId: 's', saved }, { signal }).then(
        () => true,
        () => false,
      );
      await recover(rig);
      if (!isDone) await moveFutureMedia({ ...rig, streamId: 's', saved }, { signal });
      await recover(rig);
      assert.deepEqual(
        await starts(rig),
        Array.from({ length: 13 }, (_, i) => 2 * i),
        `operation ${at}`,
      );
      if (isDone) break;
    }
  });

  test('is found after a kill by the start of its run, and moves only by jumps that explain it', async () => {
    for (const [jumpS, savedS, clean, isMoved] of [
      [600, 12, false, true],
      // Recorded for long after the state was saved.
      [600, 700, false, false],
      [600, 700, true, false],
      [600, 32, true, true],
    ] as const) {
      await using rig = await openRig();
      await record(rig, runOf(1, 100, START_US, 5));
      const jumped = START_US + (10 + jumpS) * SECOND;
      await record(rig, runOf(2, 105, jumped, 10, [skipped(START_US + 10 * SECOND, jumpS * SECOND)]));
      const saved = { atUs: START_US + savedS * SECOND, clean };
      const moved = await moveFutureMedia({ ...rig, streamId: 's', saved }, { signal });
      assert.equal(moved?.byUs, isMoved ? jumpS * SECOND : undefined, `${jumpS} ${savedS} ${clean}`);
    }
  });

  test('that no jump explains stays: the wall clock was set back, or a file was sent faster than real time', async () => {
    for (const gaps of [
      [],
      [skipped(START_US + 10 * SECOND, HOUR, 'the clock was set forward')],
      [skipped(START_US + HOUR, 10 * SECOND)],
    ]) {
      await using rig = await openRig();
      await record(rig, runOf(1, 100, START_US, 5));
      await record(rig, runOf(2, 105, START_US + HOUR + 10 * SECOND, 10, gaps));
      const saved = { atUs: START_US + 30 * SECOND, clean: true };
      const before = await starts(rig);
      assert.equal(await moveFutureMedia({ ...rig, streamId: 's', saved }, { signal }), undefined);
      assert.deepEqual(await starts(rig), before);
    }
  });
});

suite('media in the future in a bucket', () => {
  test('is moved, whether its files were copied there or moved; no object of before stays', async () => {
    await using server = await startS3();
    await using client = await server.client();
    for (const how of ['upload', 'move'] as const) {
      await using tiered = await openTiered(client);
      await using rig = await openRig({ segments: tiered.store });
      const jumped = START_US + 10 * SECOND + HOUR;
      await record(rig, runOf(1, 100, START_US, 5));
      await record(rig, runOf(2, 105, jumped, 10, [skipped(START_US + 10 * SECOND, HOUR)]));
      const before = await recordedBytes(rig);
      const old = (await rowsOf(rig))
        .filter(({ start_us }) => start_us >= jumped)
        .map(({ path }) => segmentLocation(path));
      for (const { path } of await rowsOf(rig)) await tiered[how](segmentLocation(path));
      const saved = { atUs: START_US + 30 * SECOND, clean: true };
      const moved = await moveFutureMedia({ ...rig, streamId: 's', saved }, { signal });
      assert.equal(moved?.byUs, HOUR);
      assert.deepEqual((await recover(rig)).unusable, []);
      assert.deepEqual(
        await starts(rig),
        Array.from({ length: 15 }, (_, i) => 2 * i),
      );
      assert.deepEqual(await recordedBytes(rig), before);
      for (const location of old) assert.equal(await tiered.objects.find(location), undefined, location);
    }
  });
});

async function rowsOf({ store }: RecordingRig) {
  return store.db.selectFrom('chunk_file').selectAll().where('stream_id', '=', 's').orderBy('first_msn').execute();
}

async function recordedBytes({ recording, segments }: RecordingRig): Promise<string[]> {
  const groups = await recording.between(0, EVER);
  const tracks = groups.flatMap(({ tracks, location }) => tracks.map((track) => ({ location, ...track })));
  const read = tracks.map(({ location, offset, length }) => segments.read(location, { offset, length }));
  return (await Promise.all(read)).map((each) => Buffer.from(each).toString('base64'));
}

/** The same, whose named methods call `step` first; all its operations fail once one has. */
function failAt<T extends object>(of: T, names: readonly (keyof T)[], step: () => void): T {
  let hasFailed = false;
  return new Proxy(of, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        if (names.includes(name as keyof T)) {
          try {
            if (hasFailed) throw new Error('crashed');
            step();
          } catch (error) {
            hasFailed = true;
            throw error;
          }
        }
        return Reflect.apply(value, target, args);
      };
    },
  });
}
