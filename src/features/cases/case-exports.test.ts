import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openRangeReader } from '../../archive/range-reader.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import type { ExportSource } from '../../delivery/export/export.ts';
import { JobEvents } from '../../jobs/job-events.ts';
import { JobKinds } from '../../jobs/job-kinds.ts';
import { Jobs } from '../../jobs/jobs-api.ts';
import { openTableQueue } from '../../jobs/table-queue.ts';
import { OxbowError } from '../../lib/errors.ts';
import { MarkerTable } from '../../recording/marker-table.ts';
import { groupsFrom, initOf, openRig, START_US } from '../../recording/recording.fixture.ts';
import { CaseExports } from './case-exports.ts';
import { CaseTable, createRowId, type HeldRange } from './case-table.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;
const by = { userId: 'admin', name: 'admin token', address: '', traceId: '' };

/** Twenty seconds of a stream `door`, a case with ranges of it, and jobs that do not run yet. */
async function openExports(change: Partial<{ maxDisk: number; mayWrite: boolean }> = {}) {
  const rig = await openRig();
  for (const group of groupsFrom({ msn: 100, startUs: START_US }, 10)) rig.recorder.write(group);
  while (!rig.recorder.isQuiet) await new Promise(setImmediate);
  const { clock, chunks, segments } = rig;
  const failed = (error: unknown) => assert.fail(String(error));
  const queue = await openTableQueue({ db: rig.store.db, clock, parallel: 1, maxQueued: 3, failed });
  const kinds = new JobKinds();
  const events = new JobEvents({ kinds, clock, events: { publish() {} }, failed });
  const jobs = new Jobs({ queue, kinds, events, clock, failed });
  const reader = openRangeReader(segments);
  const inits = new Map([initOf()].map((init) => [init.number, init]));
  const end = { createdUs: START_US, horizonUs: 0, gapsSince: () => [] };
  const stream = { name: 'door', recording: rig.recording, createdUs: START_US, inits, horizonUs: () => 0 };
  const source = { stream, chunks, end } as unknown as ExportSource;
  const table = new CaseTable(rig.store.db);
  const lines: { readonly action: string; readonly request: string }[] = [];
  const published: string[] = [];
  const exports = new CaseExports({
    jobs,
    table,
    segments,
    reader,
    clock,
    markers: new MarkerTable(rig.store.db),
    evidence: undefined,
    sourceOf: async () => source,
    events: { publish: (type) => void published.push(type) },
    audit: { record: (line) => void lines.push(line) },
    settings: { now: { jobs: { keep: 60_000, maxDisk: change.maxDisk } } },
    mayWrite: () => change.mayWrite ?? true,
    isAlone: true,
  });
  kinds.add(exports.kind);
  const { id } = await table.add({ title: 'A', description: '', owner: 'admin', author: 'x', createdUs: START_US });
  const rangeAt = (fromS: number, toS: number): HeldRange => ({
    id: createRowId(),
    streamId: 's',
    stream: 'door',
    fromUs: START_US + fromS * 1e6,
    toUs: START_US + toS * 1e6,
    title: '',
    holdId: undefined,
    author: 'x',
    addedUs: START_US,
  });
  const ranges = [rangeAt(2, 6), rangeAt(500, 510)];
  for (const range of ranges) await table.change(id, { check() {}, write: (db) => CaseTable.addRange(db, id, range) });
  const ended = async (job: string) => {
    for (;;) {
      const found = (await exports.list(id)).find((each) => each.id === job)!;
      if (found.state !== 'queued' && found.state !== 'running') return found;
      await new Promise(setImmediate);
    }
  };
  return {
    rig,
    jobs,
    exports,
    id,
    ranges,
    ended,
    lines,
    published,
    files: () => readdir(join(rig.folder, 'cases')).catch(() => [] as string[]),
    async [Symbol.asyncDispose]() {
      await queue[Symbol.asyncDispose]();
      reader[Symbol.dispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

suite('exports of cases', () => {
  test('list a range without media as missing, and leave a line of the audit log and an event', async () => {
    await using opened = await openExports();
    const { exports, jobs, id, ranges, lines, published, rig } = opened;
    const { id: job, state } = await exports.create(id, ranges, by);
    assert.equal(state, 'queued');
    await assert.rejects(exports.create(id, ranges, by), refusal('limit-reached'));
    await assert.rejects(exports.create(id, [], by), refusal('case-empty'));
    await jobs.work();
    const { result, error } = await opened.ended(job);
    assert.deepEqual(error, null);
    assert.deepEqual(
      result!.missing.map(({ range, code }) => [range, code]),
      [[ranges[1]!.id, 'no-media']],
    );
    assert.equal(result!.files, 4, 'one medium, the document, the page, the sums');
    const file = await exports.file(id, job);
    assert.deepEqual([file.length, file.etag, file.contentType], [result!.bytes, result!.sha256, 'application/zip']);
    assert.equal(await rig.segments.size(segmentLocation(`cases/${job}.zip`)), result!.bytes);
    assert.deepEqual([lines.map(({ action }) => action), published], [['exportedCase'], ['case.exported']]);
    assert.match(
      lines[0]!.request,
      new RegExp(`case ${id} "A": 2 ranges, ${result!.bytes} bytes, SHA-256 ${result!.sha256}`),
    );
    await assert.rejects(exports.file('another', job), refusal('job-unknown'));
  });

  test('are found by media that is deleted, with the second before a range, and go with their case', async () => {
    await using opened = await openExports();
    const { exports, jobs, id, ranges, files } = opened;
    await jobs.work();
    const { id: job } = await exports.create(id, ranges, by);
    await opened.ended(job);
    const over = async (stream: string, fromS: number, toS: number) =>
      (await exports.over(stream, { fromUs: START_US + fromS * 1e6, toUs: START_US + toS * 1e6 })).map(
        (each) => each.id,
      );
    assert.deepEqual(await over('door', 5, 7), [job]);
    assert.deepEqual(await over('door', 1, 2), [job], 'a file begins with the key frame before its range');
    assert.deepEqual(await over('porch', 5, 7), []);
    assert.deepEqual(await over('door', 200, 300), []);
    assert.deepEqual(await files(), [`${job}.zip`]);
    await exports.removeAll(id);
    assert.deepEqual([await files(), await exports.list(id)], [[], []]);
  });

  test('fail without room, and leave no file; leftovers of a process that ended are swept', async () => {
    for (const change of [{ mayWrite: false }, { maxDisk: 1000 }]) {
      await using opened = await openExports(change);
      const { exports, jobs, id, ranges, files, rig } = opened;
      await jobs.work();
      const { id: job } = await exports.create(id, ranges, by);
      assert.equal((await opened.ended(job)).error?.code, 'no-room');
      assert.deepEqual(await files(), []);
      const left = segmentLocation('cases/m4x-0123456789abcdef.zip');
      await rig.segments.put(left, new Uint8Array(3));
      await writeFile(join(rig.folder, 'cases', 'README'), 'x');
      await exports.kind.sweep?.();
      assert.deepEqual(await files(), ['README']);
    }
  });
});
