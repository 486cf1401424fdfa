import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import type { SegmentGroup } from '@oxbow/media/segment';
import { scanChunk } from '../archive/chunk-reader.ts';
import { openChunkWriter } from '../archive/chunk-writer.ts';
import { chunkLocation, listChunks, recordingPrefix } from '../archive/recording-locations.ts';
import { type SegmentLocation, segmentLocation } from '../archive/segment-store.ts';
import { bytesOf } from '../archive/segment-stores.fixture.ts';
import { InitTable, openInitTable } from './init-table.ts';
import { groupAt, groupsFrom, initOf, type RecordingRig, START_US, suiteOnEngines } from './recording.fixture.ts';
import { RecordingReader } from './recording-reader.ts';
import { type Recovered, recoverStream } from './recovery.ts';

const SECOND = 1_000_000;
const HOUR = 3600 * SECOND;
const EVER = Number.MAX_SAFE_INTEGER;

const nothing: Recovered = { files: 0, segments: 0, repaired: 0, expired: 0, unusable: [] };

async function initsOf(rig: RecordingRig): Promise<InitTable> {
  return openInitTable(rig.store.rows, 's', {
    failed: (error) => assert.fail(String(error)),
    nowMs: () => rig.clock.nowMs(),
  });
}

async function recover(rig: RecordingRig, sinceUs = 0, horizonUs = 0): Promise<Recovered> {
  const { segments, table, chunks } = rig;
  const { signal } = new AbortController();
  return recoverStream({ segments, streamId: 's', table, chunks, inits: await initsOf(rig), horizonUs }, sinceUs, {
    signal,
  });
}

/** Writes groups as a process that is killed leaves them: not sealed, not in the index. */
async function leaveOpen(rig: RecordingRig, groups: readonly SegmentGroup[], streamId = 's'): Promise<SegmentLocation> {
  const first = groups[0]!;
  const writer = await openChunkWriter({
    store: rig.segments,
    utcMs: first.startUs / 1000,
    msn: first.msn,
    streamId,
    init: first.init,
    previousMsn: 0,
    sync: 'off',
  });
  for (const group of groups) await writer.append(group);
  await writer.abandon();
  if (streamId === 's') return writer.location;
  // Where the files of this stream are, though its head names another.
  const moved = segmentLocation(writer.location.replace(recordingPrefix(streamId), recordingPrefix('s')));
  await rig.segments.put(moved, await bytesOf(rig.segments, writer.location));
  return moved;
}

/** Cuts a file, as a crash does. */
async function cut(rig: RecordingRig, file: SegmentLocation, length: number): Promise<void> {
  await using writer = await rig.segments.reopen(file);
  await writer.truncate(length);
}

const msns = (groups: readonly { msn: number }[]) => groups.map(({ msn }) => msn);

suiteOnEngines('recovery', (openRig, engine) => {
  test('seals what a crash left open, without its torn tail, and adds it', async () => {
    await using rig = await openRig();
    const groups = groupsFrom({ msn: 7, startUs: START_US, init: initOf(undefined, 3) }, 3);
    const file = await leaveOpen(rig, groups);
    await cut(rig, file, (await rig.segments.size(file)) - 100);
    assert.deepEqual(await recover(rig), { ...nothing, files: 1, segments: 2, repaired: 1 });
    assert.deepEqual(msns(await rig.recording.between(0, EVER)), [7, 8]);
    const scanned = await scanChunk(rig.segments, file);
    assert.deepEqual([scanned.state, scanned.groups.length], ['sealed', 2]);
    assert.equal((await rig.table.totals('s')).bytes, scanned.length);
    assert.equal((await initsOf(rig)).get(3)?.tracks.length, 2);
    assert.deepEqual(await recover(rig), nothing);
  });

  test('adds sealed files that are missing in the index, and leaves the others unchanged', async () => {
    await using rig = await openRig();
    for (const group of groupsFrom({ msn: 1, startUs: START_US }, 2)) rig.recorder.write(group);
    for (const group of groupsFrom({ msn: 3, startUs: START_US + 4 * SECOND, run: 2 }, 2)) rig.recorder.write(group);
    await rig.recorder.seal();
    const before = await rig.chunks.between('s', 0, EVER);
    await rig.table.remove('s', [3]);
    assert.deepEqual(await recover(rig), { ...nothing, files: 1, segments: 2 });
    assert.deepEqual(await rig.chunks.between('s', 0, EVER), before);
  });

  test('leaves foreign files in place, and continues', async () => {
    await using rig = await openRig();
    const file = await leaveOpen(rig, groupsFrom({ msn: 5, startUs: START_US }, 1));
    const beside = (name: string) => segmentLocation(path.posix.join(path.posix.dirname(file), name));
    await rig.segments.put(beside('20261118T094500000Z-1.mp4'), Buffer.from('not a chunk file'));
    await rig.segments.put(beside('holiday.mp4'), Buffer.from('not named as one'));
    if (engine.name === 'files') await mkdir(path.join(rig.folder, beside('20261118T094600000Z-2.mp4')));
    const other = await leaveOpen(rig, groupsFrom({ msn: 3, startUs: START_US - SECOND }, 1), 'other');
    const found = await recover(rig);
    assert.deepEqual([found.files, found.expired], [1, 0]);
    assert.deepEqual(
      found.unusable.map((name) => path.basename(name)).sort(),
      ['20261118T094500000Z-1.mp4', path.basename(other)].sort(),
    );
    assert.equal(String(Buffer.from(await bytesOf(rig.segments, beside('holiday.mp4')))), 'not named as one');
    assert.deepEqual(msns(await rig.recording.between(0, EVER)), [5]);
  });

  test('ignores a copy of an indexed file', async () => {
    await using rig = await openRig();
    const file = await leaveOpen(rig, groupsFrom({ msn: 5, startUs: START_US }, 1));
    await recover(rig);
    const copy = chunkLocation('s', Date.UTC(2026, 10, 18, 1, 2, 3), 5);
    await rig.segments.put(copy, await bytesOf(rig.segments, file));
    const found = await recover(rig);
    assert.deepEqual([found.files, found.unusable.length], [0, 1]);
    assert.equal((await rig.recording.find(5))!.location, file);
  });

  test('removes a file without a committed group', async () => {
    await using rig = await openRig();
    const groups = groupsFrom({ msn: 5, startUs: START_US }, 1);
    const file = await leaveOpen(rig, groups);
    const { groups: committed } = await scanChunk(rig.segments, file);
    await cut(rig, file, committed[0]!.tracks[0]!.offset);
    assert.deepEqual(await recover(rig), { ...nothing, repaired: 1, expired: 1 });
    assert.deepEqual(await rig.files(), []);
  });

  test('keeps a file with damaged media, although it is unusable', async () => {
    await using rig = await openRig();
    const file = await leaveOpen(rig, groupsFrom({ msn: 5, startUs: START_US }, 1));
    const bytes = await bytesOf(rig.segments, file);
    const { groups } = await scanChunk(rig.segments, file);
    bytes.fill(0xff, groups[0]!.tracks[0]!.offset, groups[0]!.tracks[0]!.offset + 40);
    await rig.segments.put(file, bytes);
    const found = await recover(rig);
    assert.deepEqual([found.files, found.unusable.length], [0, 1]);
    assert.equal((await rig.files()).length, 1);
  });

  test('deletes files before the horizon without an index row, instead of adding them', async () => {
    await using rig = await openRig();
    const mark = START_US + 20 * SECOND;
    await leaveOpen(rig, groupsFrom({ msn: 1, startUs: mark - 2 * SECOND }, 1));
    rig.recorder.write(groupAt({ msn: 2, startUs: mark }));
    await rig.recorder.seal();
    assert.deepEqual(await recover(rig, 0, mark), { ...nothing, expired: 1 });
    assert.deepEqual(msns(await rig.recording.between(0, EVER)), [2]);
    assert.equal((await rig.files()).length, 1);
  });

  test('adds the file that was open at a crash although a wrong clock dated it years back', async () => {
    await using rig = await openRig();
    rig.recorder.write(groupAt({ msn: 1, startUs: START_US }));
    await rig.recorder.seal();
    await leaveOpen(rig, groupsFrom({ msn: 2, startUs: START_US + 2 * SECOND }, 2));
    const found = await recover(rig, 0, START_US + 10_000 * HOUR);
    assert.deepEqual(found, { ...nothing, files: 1, segments: 2, repaired: 1 });
    assert.deepEqual(msns(await rig.recording.between(0, EVER)), [1, 2, 3]);
  });

  test('reads only the requested hours, over midnight and the end of a year', async () => {
    await using rig = await openRig();
    const newYear = Date.UTC(2027, 0, 1) * 1000;
    await leaveOpen(rig, groupsFrom({ msn: 1, startUs: newYear - 3 * HOUR }, 1));
    await leaveOpen(rig, groupsFrom({ msn: 2, startUs: newYear - 10 * SECOND }, 1));
    await leaveOpen(rig, groupsFrom({ msn: 3, startUs: newYear + HOUR }, 1));
    assert.equal((await recover(rig, newYear - HOUR / 2)).files, 2);
    assert.deepEqual(msns(await rig.recording.between(0, EVER)), [2, 3]);
    const listed = await listChunks(rig.segments, 's', { toMs: (newYear - HOUR / 2) / 1000 });
    assert.deepEqual(
      listed.map(({ firstMsn }) => firstMsn),
      [1, 2],
    );
    assert.equal(listed[0]!.startMs, (newYear - 3 * HOUR) / 1000);
    assert.deepEqual(await listChunks(rig.segments, 'nowhere'), []);
  });

  test('if aborted between two files, keeps its work and continues the next time', async () => {
    await using rig = await openRig();
    await leaveOpen(rig, groupsFrom({ msn: 1, startUs: START_US }, 1));
    await leaveOpen(rig, groupsFrom({ msn: 2, startUs: START_US + 2 * SECOND }, 1));
    const controller = new AbortController();
    const options = {
      segments: rig.segments,
      streamId: 's',
      table: rig.table,
      chunks: rig.chunks,
      inits: await initsOf(rig),
    };
    const stop = () => controller.abort(new Error('enough'));
    await assert.rejects(recoverStream({ ...options, progress: stop }, 0, { signal: controller.signal }), /enough/);
    assert.deepEqual(msns(await rig.recording.between(0, EVER)), [1]);
    assert.equal((await recover(rig)).files, 1);
    assert.deepEqual(msns(await rig.recording.between(0, EVER)), [1, 2]);
  });

  test('after the index was lost, restores the same results', async () => {
    await using rig = await openRig();
    for (let run = 1; run <= 3; run++) {
      const gaps = [
        { fromUs: START_US + run, toUs: START_US + run * 10 * SECOND, cause: 'offline', detail: 'Ü' } as const,
      ];
      const plan = { msn: run * 10, startUs: START_US + run * 10 * SECOND, run, gaps };
      for (const group of groupsFrom(plan, 3)) rig.recorder.write(group);
    }
    await rig.recorder.seal();
    const rows = await rig.chunks.between('s', 0, EVER);
    const groups = await rig.recording.between(0, EVER);
    await rig.table.clear('s');
    await recover(rig);
    assert.deepEqual(await rig.chunks.between('s', 0, EVER), rows);
    const fresh = new RecordingReader({ ...rig, streamId: 's', endUs: 0 });
    assert.deepEqual(await fresh.between(0, EVER), groups);
  });
});

suiteOnEngines('codec configurations', (openRig) => {
  const tracks = initOf().tracks;
  const others = tracks.slice(0, 1);

  test('keep one number when they return, also after restarts (docs/media.md 17)', async () => {
    await using rig = await openRig();
    const first = await initsOf(rig);
    const one = first.of(tracks);
    const two = first.of(others);
    assert.equal(first.of(tracks), one);
    assert.equal(two.number, one.number + 1);
    await first.stored();
    const later = await initsOf(rig);
    assert.deepEqual([later.of(tracks).number, later.of(others).number], [one.number, two.number]);
    assert.equal(later.get(one.number)?.hash, one.hash);
    assert.equal(later.get(99), undefined);
  });

  test('of a stream that was deleted and created again never reuse a number', () => {
    let nowMs = Date.UTC(2026, 0, 1);
    const table = () => new InitTable([], { async save() {}, failed: assert.ifError, nowMs: () => nowMs });
    const before = table().of(tracks).number;
    nowMs += 1000;
    assert.ok(table().of(others).number > before);
    assert.match(String(before), /^\d{9}$/, 'it fits into the address');
  });

  test('found in files keep their number unless it is taken', async () => {
    const saved: number[] = [];
    const nowMs = () => Date.UTC(2020, 0, 1);
    const table = new InitTable([], {
      save: async ({ number }) => void saved.push(number),
      failed: assert.ifError,
      nowMs,
    });
    assert.equal(table.add(5, 'a'.repeat(64), tracks), 5);
    assert.equal(table.add(5, 'a'.repeat(64), tracks), 5);
    assert.equal(table.add(5, 'b'.repeat(64), others), 6);
    assert.equal(table.add(7, 'b'.repeat(64), others), 6);
    await table.stored();
    assert.deepEqual(saved, [5, 6]);
  });

  test('read from a file are equal to those of the live stream', async () => {
    await using rig = await openRig();
    const init = (await initsOf(rig)).of(tracks);
    for (const group of groupsFrom({ msn: 1, startUs: START_US, init }, 1)) rig.recorder.write(group);
    await rig.recorder.seal();
    await rig.table.clear('s');
    await rig.store.db.deleteFrom('init').execute();
    await recover(rig);
    const recovered = await initsOf(rig);
    assert.equal(recovered.of(tracks).number, init.number);
  });

  test('that could not be saved are reported, and used anyway', async () => {
    await using rig = await openRig();
    const failures: unknown[] = [];
    await rig.store.db.deleteFrom('init').execute();
    const inits = await openInitTable(rig.store.rows, 's', {
      failed: (error) => failures.push(error),
      nowMs: () => rig.clock.nowMs(),
    });
    await rig.store[Symbol.asyncDispose]();
    assert.ok(inits.of(tracks).number > 0);
    while (failures.length === 0) await new Promise(setImmediate);
    assert.equal(failures.length, 1);
  });
});
