import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Init } from '@oxbow/media/segment';
import type { ExportJob } from '../../api/jobs/job-shapes.ts';
import { openRangeReader } from '../../archive/range-reader.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import { JobEvents } from '../../jobs/job-events.ts';
import { JobKinds } from '../../jobs/job-kinds.ts';
import { Jobs } from '../../jobs/jobs-api.ts';
import { openTableQueue } from '../../jobs/table-queue.ts';
import { groupsFrom, initOf, openRig, START_US } from '../../recording/recording.fixture.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import type { ServedMedia } from '../../streams/served-media.ts';
import { exportToFile } from './export-file.ts';
import { ExportJobs, type ExportJobsOptions } from './export-jobs.ts';

const HEVC: Init = initOf(
  initOf().tracks.map((track) =>
    track.kind === 'video' ? { ...track, config: { ...track.config, codec: 'hevc' as const } } : track,
  ),
  2,
);

/** A stream `door` with 20 s of media, a hole of 10 s, 20 s more, and 10 s in another codec; jobs over it. */
async function openJobs(change: Partial<ExportJobsOptions> = {}) {
  const rig = await openRig();
  const inits = new Map([initOf(), HEVC].map((init) => [init.number, init]));
  const groups = [
    ...groupsFrom({ msn: 100, startUs: START_US }, 10),
    ...groupsFrom({ msn: 110, startUs: START_US + 30_000_000, run: 2 }, 10),
    ...groupsFrom({ msn: 120, startUs: START_US + 50_000_000, run: 3, init: HEVC }, 5),
  ];
  for (const group of groups) rig.recorder.write(group);
  while (!rig.recorder.isQuiet) await new Promise(setImmediate);
  const stream = {
    name: 'door',
    recording: rig.recording,
    createdUs: START_US,
    inits: { get: (number: number) => inits.get(number) },
    horizonUs: () => 0,
    timelineEnd: { createdUs: START_US, horizonUs: 0, gapsSince: () => [] },
  } as unknown as ServedMedia;
  const queue = await openTableQueue({
    db: rig.store.db,
    clock: rig.clock,
    parallel: 1,
    maxQueued: 3,
    failed: (error) => assert.fail(String(error)),
  });
  const reader = openRangeReader(rig.segments);
  const failed = (error: unknown) => assert.fail(String(error));
  const { clock } = rig;
  const kinds = new JobKinds();
  const events = new JobEvents({ kinds, clock, events: { publish() {} }, failed });
  const jobs = new Jobs({ queue, kinds, events, clock, failed });
  const exports = new ExportJobs({
    jobs,
    chunks: rig.chunks,
    reader,
    clock: rig.clock,
    segments: rig.segments,
    catalog: { get: () => ({ served: stream }) as ManagedStream },
    settings: { now: { jobs: { keep: 60_000, maxDisk: undefined } } },
    mayWrite: () => true,
    ...change,
  });
  kinds.add(exports.kind);
  const at = (s: number) => String(START_US / 1000 + s * 1000);
  const done = async (id: string): Promise<ExportJob> => {
    for (;;) {
      const job = await jobs.get(id);
      if (job.state !== 'queued' && job.state !== 'running') return job as ExportJob;
      await new Promise(setImmediate);
    }
  };
  return {
    rig,
    stream,
    reader,
    jobs,
    exports,
    at,
    done,
    files: () => readdir(join(rig.folder, 'exports')).catch(() => [] as string[]),
    async [Symbol.asyncDispose]() {
      await queue[Symbol.asyncDispose]();
      reader[Symbol.dispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

suite('exports as jobs', () => {
  test('a range with a gap becomes one file, and the result lists the gap and the parts', async () => {
    await using opened = await openJobs();
    const { jobs, exports, at, done, rig } = opened;
    await jobs.work();
    const { id, state } = await exports.create({ stream: 'door', from: at(10), to: at(40) });
    assert.equal(state, 'queued');
    const job = await done(id);
    assert.equal(job.state, 'done', JSON.stringify(job.error));
    const { parts, gaps, seconds, bytes } = job.result!;
    assert.ok(Math.abs(seconds - 20) < 0.01, `${seconds} s`);
    assert.deepEqual(
      parts.map((part) => Math.round(part.at)),
      [0, 10],
    );
    assert.equal(gaps.length, 1);
    assert.equal(Date.parse(gaps[0]!.to) - Date.parse(gaps[0]!.from), 10_000);
    const { body, length } = await exports.file(id);
    const file = await readFile(join(rig.folder, 'exports', `${id}.mp4`));
    assert.deepEqual([file.length, length], [bytes, bytes]);
    assert.equal(body.length, 1);
    const { url, expiresAt } = await exports.ticket(id);
    assert.equal((await exports.fileFor(url.split('/').at(-1)!)).length, bytes);
    assert.equal(Date.parse(expiresAt), rig.clock.nowMs() + 900_000);
  });

  test('several ranges follow each other in the file in the requested order, and only gaps within them are listed', async () => {
    await using opened = await openJobs();
    const { jobs, exports, at, done } = opened;
    await jobs.work();
    const ranges = [
      { from: at(34), to: '4s' },
      { from: at(2), to: at(6) },
      { from: at(16), to: at(32) },
    ];
    const job = await done((await exports.create({ stream: 'door', ranges })).id);
    assert.deepEqual([job.state, job.error], ['done', null]);
    const { parts, gaps, seconds, from, to } = job.result!;
    assert.ok(Math.abs(seconds - 14) < 0.01, `${seconds} s`);
    const starts = parts.map((part) => Math.round((Date.parse(part.from) - START_US / 1000) / 1000));
    assert.deepEqual(starts, [34, 2, 16, 30]);
    assert.deepEqual(
      parts.map((part) => Math.round(part.at)),
      [0, 4, 8, 12],
    );
    assert.deepEqual(
      gaps.map((gap) => Math.round(gap.at)),
      [12],
    );
    assert.deepEqual([from, to], [parts[1]!.from, parts[0]!.to]);
    assert.deepEqual(Object.keys(job.input).sort(), ['exact', 'format', 'ranges', 'stream']);
  });

  test('one range and several at once, or none, are refused', async () => {
    await using opened = await openJobs();
    const { exports, at } = opened;
    const range = { from: at(0), to: at(4) };
    await assert.rejects(exports.create({ stream: 'door', ...range, ranges: [range] }), { code: 'bad-request' });
    await assert.rejects(exports.create({ stream: 'door' }), { code: 'bad-request' });
    await assert.rejects(exports.create({ stream: 'door', from: at(0) }), { code: 'bad-request' });
    const without = [range, { from: at(21), to: at(29) }];
    await assert.rejects(exports.create({ stream: 'door', ranges: without }), { code: 'no-media' });
  });

  test('a change of the codec fails the job with its time, and leaves no file', async () => {
    await using opened = await openJobs();
    const { jobs, exports, at, done, files } = opened;
    await jobs.work();
    const job = await done((await exports.create({ stream: 'door', from: at(40), to: at(60) })).id);
    assert.equal(job.state, 'failed');
    assert.equal(job.error?.code, 'unsupported-media');
    assert.ok(job.error.detail.includes(new Date(START_US / 1000 + 50_000).toISOString()), job.error.detail);
    assert.deepEqual(await files(), []);
    await assert.rejects(exports.file(job.id), { code: 'job-unfinished' });
    await assert.rejects(exports.ticket(job.id), { code: 'job-unfinished' });
    await assert.rejects(exports.ticket('abc-1'), { code: 'job-unknown' });
  });

  test('a range without media is refused at once', async () => {
    await using opened = await openJobs();
    const { jobs, exports, at } = opened;
    await assert.rejects(exports.create({ stream: 'door', from: at(21), to: at(29) }), { code: 'no-media' });
    await assert.rejects(exports.create({ stream: 'door', from: at(5), to: at(1) }), { code: 'bad-time' });
    assert.deepEqual((await jobs.list()).items, []);
  });

  test('the oldest files are deleted for new ones, and a file above the limit is refused', async () => {
    await using opened = await openJobs({ settings: { now: { jobs: { keep: 60_000, maxDisk: 16_000 } } } });
    const { jobs, exports, at, done, files } = opened;
    await jobs.work();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      const job = await done((await exports.create({ stream: 'door', from: at(0), to: at(16) })).id);
      if (job.state === 'done') ids.push(job.id);
    }
    const left = await files();
    assert.ok(left.length < 3 && left.includes(`${ids.at(-1)}.mp4`), left.join());
    await using small = await openJobs({ settings: { now: { jobs: { keep: 60_000, maxDisk: 100 } } } });
    await small.jobs.work();
    const refused = await small.done((await small.exports.create({ stream: 'door', from: at(0), to: at(10) })).id);
    assert.equal(refused.error?.code, 'no-room');
  });

  test('a job and its file expire; files of a killed process are deleted at the start', async () => {
    await using opened = await openJobs();
    const { jobs, exports, at, done, files, rig } = opened;
    await jobs.work();
    const { id } = await done((await exports.create({ stream: 'door', from: at(0), to: at(10) })).id);
    await mkdir(join(rig.folder, 'exports'), { recursive: true });
    for (const name of ['abc-0123456789abcdef.mp4.part', 'holiday.mp4']) {
      await writeFile(join(rig.folder, 'exports', name), 'x');
    }
    const expiresUntil = async (expected: readonly string[]) => {
      const ending = new AbortController();
      const expiring = jobs.expire({ signal: ending.signal });
      while ((await files()).sort().join() !== [...expected].sort().join()) await new Promise(setImmediate);
      ending.abort();
      await expiring;
    };
    // Nothing that is not ours goes.
    await expiresUntil(['holiday.mp4', `${id}.mp4`]);
    rig.clock.advance(61_000);
    await expiresUntil(['holiday.mp4']);
    await assert.rejects(jobs.get(id), { code: 'job-unknown' });
  });

  test('an aborted export leaves no file', async () => {
    await using opened = await openJobs();
    const { stream, reader, rig } = opened;
    const location = segmentLocation('exports/aborted.mp4');
    const controller = new AbortController();
    const source = { stream, chunks: rig.chunks, end: { createdUs: START_US, horizonUs: 0, gapsSince: () => [] } };
    const range = { fromUs: START_US, toUs: START_US + 20_000_000 };
    const exporting = exportToFile(
      source,
      { ranges: [range], format: 'mkv', exact: false },
      {
        put: (content) => rig.segments.put(location, content, controller),
        reader,
        spools: { store: rig.segments, name: 'exports/aborted' },
        signal: controller.signal,
        progress: (share) => share > 0.3 && controller.abort(new Error('enough')),
      },
    );
    await assert.rejects(exporting, /enough/);
    assert.deepEqual(await readdir(join(rig.folder, 'exports')), []);
  });
});
