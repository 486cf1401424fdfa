import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scanChunk } from '../../archive/chunk-reader.ts';
import { recordingPrefix } from '../../archive/recording-locations.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import { bytesOf } from '../../archive/segment-stores.fixture.ts';
import { openInitTable } from '../init-table.ts';
import { groupsFrom, openRig, type RecordingRig, START_US, suiteOnEngines } from '../recording.fixture.ts';
import { recoverStream } from '../recovery.ts';
import { readTimeline, type TimelineEnd } from '../timeline.ts';
import { stretchesOf } from './erase-rows.ts';
import { adoptErased, readErased, writeErased } from './erased-file.ts';
import { type ErasedRange, type ErasureReport, ErasureTable, erasedPieces } from './erasure-table.ts';

const SECOND = 1_000_000;
const EVER = Number.MAX_SAFE_INTEGER;
const REPORT: ErasureReport = {
  segments: 0,
  windows: 0,
  bytes: 0,
  files: 0,
  pictures: 0,
  copies: 0,
  clips: [],
  pins: [],
  assets: [],
  exports: [],
  edges: [],
};
const end = (erased: readonly ErasedRange[]): TimelineEnd => {
  return { createdUs: START_US, horizonUs: 0, erased, gapsSince: () => [] };
};

/** Two files in the index: MSN 1 to 10, and after a gap of 10 s 11 to 20; 2 s each. */
async function record(rig: RecordingRig): Promise<void> {
  const gap = {
    fromUs: START_US + 20 * SECOND,
    toUs: START_US + 30 * SECOND,
    cause: 'source-down',
    detail: '',
  } as const;
  for (const group of groupsFrom({ msn: 1, startUs: START_US }, 10)) rig.recorder.write(group);
  await rig.recorder.seal();
  const later = { msn: 11, startUs: START_US + 30 * SECOND, run: 2, gaps: [gap] };
  for (const group of groupsFrom(later, 10)) rig.recorder.write(group);
  await rig.recorder.seal();
}

/** Deletes segments from the index. */
async function erase(rig: RecordingRig, erasures: ErasureTable, firstMsn: number, lastMsn: number) {
  const groups = (await rig.recording.between(0, EVER)).filter(({ msn }) => msn >= firstMsn && msn <= lastMsn);
  const last = groups.at(-1)!;
  const made = await erasures.add({
    streamId: 's',
    stream: 'door',
    recordings: ['s'],
    firstMsn,
    lastMsn,
    author: 'admin',
    report: REPORT,
    fromUs: groups[0]!.startUs,
    toUs: last.startUs + last.durationUs,
    createdUs: START_US,
    pieces: erasedPieces(groups),
    leftOf: (files) => files.map(({ location }) => ({ kind: 'file', name: location, problem: '' })),
  });
  rig.table.reload('s');
  return made;
}

const msnsOf = async ({ recording }: RecordingRig) => (await recording.between(0, EVER)).map(({ msn }) => msn);
const kindsOf = async (rig: RecordingRig, erased: readonly ErasedRange[], toS = 50, fromS = 0) => {
  const [fromUs, toUs] = [START_US + fromS * SECOND, START_US + toS * SECOND];
  const { pieces } = await readTimeline(rig.recording, rig.chunks, end(erased), fromUs, toUs);
  for (const [i, { fromUs }] of pieces.entries()) if (i > 0) assert.equal(fromUs, pieces[i - 1]!.toUs);
  return pieces.map(({ kind, fromUs, toUs }) => [kind, (fromUs - START_US) / SECOND, (toUs - START_US) / SECOND]);
};
const except = (from: number, to: number) =>
  Array.from({ length: 20 }, (_, i) => i + 1).filter((msn) => msn < from || msn > to);

suiteOnEngines('deleted ranges', (open) => {
  test('segments leave the index at once; the timeline is complete, with the gap that was before them', async () => {
    await using rig = await open();
    const erasures = await ErasureTable.open(rig.store);
    await record(rig);
    const before = await rig.table.totals('s');
    const { left } = await erase(rig, erasures, 8, 12);
    assert.deepEqual(await msnsOf(rig), except(8, 12));
    assert.equal(left.length, 2);
    assert.equal((await rig.table.totals('s')).bytes, before.bytes, 'the files are as they were');
    const shown = [
      ['media', 0, 14],
      ['deleted', 14, 20],
      ['source-down', 20, 30],
      ['deleted', 30, 34],
      ['media', 34, 50],
    ];
    assert.deepEqual(await kindsOf(rig, erasures.of('s')), shown);
    assert.deepEqual(await kindsOf(rig, erasures.of('s'), 19, 16), [['deleted', 16, 19]], 'within the range too');
    assert.deepEqual(
      [erasures.hasMsn('s', 8), erasures.hasMsn('s', 13), erasures.hasMsn('x', 8)],
      [true, false, false],
    );
    const again = await ErasureTable.open(rig.store);
    assert.deepEqual(again.of('s'), erasures.of('s'));
    await erase(rig, erasures, 3, 4);
    assert.deepEqual(await msnsOf(rig), [1, 2, 5, 6, 7, ...except(1, 12)]);
    assert.equal((await kindsOf(rig, erasures.of('s')))[1]![0], 'deleted');
    await erase(rig, erasures, 1, 20);
    assert.deepEqual([await msnsOf(rig), (await rig.table.totals('s')).bytes], [[], 0]);
  });

  test('a recovery and a rebuild finish what was interrupted, and bring nothing back', async () => {
    await using rig = await open();
    const erasures = await ErasureTable.open(rig.store);
    await record(rig);
    await erase(rig, erasures, 8, 12);
    await writeErased(rig.segments, 's', erasures.of('s'));
    // The process ended here: both files still have all of it, and the index is rebuilt.
    const inits = await openInitTable(rig.store.rows, 's', {
      failed: (error) => assert.fail(String(error)),
      nowMs: () => 0,
    });
    const { signal } = new AbortController();
    const options = { segments: rig.segments, streamId: 's', table: rig.table, chunks: rig.chunks, inits };
    await rig.table.clear('s');
    await recoverStream({ ...options, erased: erasures.of('s') }, 0, { signal });
    assert.deepEqual(await msnsOf(rig), except(8, 12));
    const files = (await rig.files()).map((name) => segmentLocation(`${recordingPrefix('s')}${name}`));
    const kept = (await Promise.all(files.map((file) => scanChunk(rig.segments, file)))).flatMap(
      ({ groups }) => groups,
    );
    assert.deepEqual(
      kept.map(({ msn }) => msn),
      except(8, 12),
      'the files have lost them',
    );
    assert.equal((await kindsOf(rig, erasures.of('s')))[1]![0], 'deleted');
    const again = await Promise.all(files.map((file) => bytesOf(rig.segments, file)));
    await rig.table.clear('s');
    await recoverStream({ ...options, erased: erasures.of('s') }, 0, { signal });
    assert.deepEqual(await Promise.all(files.map((file) => bytesOf(rig.segments, file))), again);
  });

  test('a database that was lost, or is that of a backup, reads it from the file next to the recording', async () => {
    await using rig = await open();
    const erasures = await ErasureTable.open(rig.store);
    await record(rig);
    const [one] = [await erase(rig, erasures, 8, 9)];
    await writeErased(rig.segments, 's', erasures.of('s'));
    await using other = await openRig();
    const lost = await ErasureTable.open(other.store);
    await record(other);
    const given = {
      segments: rig.segments,
      erasures: lost,
      streamId: 's',
      stream: 'door',
      recordings: ['s'],
      nowUs: 1,
    };
    assert.equal(await adoptErased(given), 1);
    assert.equal(await adoptErased(given), 0);
    assert.deepEqual(await msnsOf(other), except(8, 9));
    assert.deepEqual(lost.of('s'), erasures.of('s'));
    assert.deepEqual(
      (await lost.unfinished()).map(({ id, left }) => [id, left.length]),
      [[one.id, 1]],
    );
    await rig.segments.put(segmentLocation('recordings/s/erased.json'), Buffer.from('{"erased":[{"id":1},null]}'));
    assert.deepEqual(await readErased(rig.segments, 's'), []);
  });
});

test('stretches are cut where something was deleted between two segments, not where a number is not used', () => {
  const groups = [1, 2, 5, 6, 9].map((msn) => ({ msn }));
  const msns = (erased: { firstMsn: number; lastMsn: number }[]) =>
    stretchesOf(groups, erased).map((stretch) => stretch.map(({ msn }) => msn));
  assert.deepEqual(msns([]), [[1, 2, 5, 6, 9]]);
  assert.deepEqual(msns([{ firstMsn: 3, lastMsn: 4 }]), [
    [1, 2],
    [5, 6, 9],
  ]);
  assert.deepEqual(msns([{ firstMsn: 5, lastMsn: 5 }]), [
    [1, 2],
    [6, 9],
  ]);
  assert.deepEqual(msns([{ firstMsn: 1, lastMsn: 9 }]), []);
});
