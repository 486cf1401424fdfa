import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { parseInit } from '@oxbow/media/isobmff/init';
import { need } from '../../../test/fixtures/need.ts';
import type { ImportResult } from '../../api/library/asset-facts.ts';
import { segmentLocation, segmentPrefix } from '../../archive/segment-store.ts';
import type { Job } from '../../jobs/job.ts';
import { runHandler } from '../../jobs/worker-job.fixture.ts';
import type { WorkerHandler } from '../../jobs/worker-job.ts';
import { OxbowError } from '../../lib/errors.ts';
import { FilmFolder, h264, testInput } from '../../transcode/import/film.fixture.ts';
import { createImportHandler } from '../../transcode/import/import-original.ts';
import { encodeHandler } from '../../transcode/ladder/encode.ts';
import type { EncodeJobInput } from '../../transcode/ladder/encode-job.ts';
import { ladderDefaults } from '../../transcode/ladder/plan.ts';
import { openTestProcessing } from './processing.fixture.ts';

const importing = createImportHandler();
const encoding = async () => ({ chunks: [], counts: {} });

suite('processing of assets', { skip: need('ffmpeg') }, () => {
  const films = new FilmFolder();
  after(() => films[Symbol.dispose]());
  const film = films.make(`${testInput(5)} ${h264} -c:a aac`, 'mp4');

  test('an upload is imported, ready with its source rendition, and its ladder is queued', async () => {
    await using library = await openTestProcessing();
    const id = await library.upload(film);
    assert.deepEqual(
      (await library.jobsOf(id)).map(({ kind, subject, state }) => [kind, subject, state]),
      [['import', id, 'queued']],
    );
    await library.runNext('import', importing);
    await library.processing.reconcile();
    const asset = (await library.assets.find(id))!;
    assert.deepEqual([asset.state, asset.contentType, asset.durationUs], ['ready', 'video/mp4', 5_000_000]);
    const { source, ...others } = await library.renditions(id);
    assert.equal(source, 'done');
    assert.ok(Object.values(others).every((state) => state === 'queued'));
    const chunk = await library.db
      .selectFrom('asset_chunk')
      .selectAll()
      .where('asset_id', '=', id)
      .executeTakeFirstOrThrow();
    assert.deepEqual([chunk.first_msn, chunk.last_msn, chunk.start_us, chunk.end_us], [1, 2, 0, 5_000_000]);
    const rendition = await library.db
      .selectFrom('asset_rendition')
      .select('init')
      .where('id', '=', 'source')
      .executeTakeFirstOrThrow();
    assert.deepEqual(
      parseInit(rendition.init!).map(({ kind }) => kind),
      ['video', 'audio'],
    );
    assert.deepEqual(library.failures, []);
  });

  test('the encodes of a short film pass those of long ones that were uploaded before', async () => {
    await using library = await openTestProcessing();
    const ids: string[] = [];
    for (const minutes of [120, 30, 1]) {
      ids.push(await library.upload(film));
      await library.runNext('import', async (job, context) => {
        const result = (await importing(job, context)) as ImportResult;
        return { ...result, source: null, endUs: minutes * 60_000_000 };
      });
      await library.processing.reconcile();
    }
    const order: (string | null)[] = [];
    for (let job = await library.runNext('encode', encoding); job; job = await library.runNext('encode', encoding)) {
      if (order.at(-1) !== job.subject) order.push(job.subject);
    }
    assert.deepEqual(order, ids.toReversed());
  });

  test('a worker of an earlier version, whose media clock is another, is refused by name', async () => {
    await using library = await openTestProcessing();
    await library.upload(films.make(`${testInput(1)} -c:v mpeg4 -c:a libmp3lame`, 'avi'));
    await library.runNext('import', importing);
    await library.processing.reconcile();
    const handler = encodeHandler({ threads: 1 });
    const job = await library.runNext('encode', (given, context) => {
      const { clockStartUs, ...input } = given.input as EncodeJobInput;
      assert.equal(clockStartUs, 200_000);
      return handler({ ...given, input }, context);
    });
    assert.equal(job?.state, 'failed');
    assert.match(JSON.stringify(job.error), /media clock is another one; update the worker/);
  });

  test('renditions follow their jobs; the same step again adds no job', async () => {
    await using library = await openTestProcessing();
    const id = await library.upload(films.make(`${testInput(3)} -c:v mpeg4 -c:a libmp3lame`, 'avi'));
    await library.runNext('import', importing);
    await library.processing.reconcile();
    assert.equal((await library.assets.find(id))?.state, 'processing', 'nothing of it can be played yet');
    const jobs = await library.jobsOf(id);
    assert.deepEqual(jobs.map(({ kind }) => kind).toSorted(), ['encode', 'encode', 'import'], 'a picture and a sound');
    await library.processing.reconcile();
    await library.restart();
    assert.equal((await library.jobsOf(id)).length, jobs.length);
    while (await library.runNext('encode', encoding));
    await library.processing.reconcile();
    assert.equal((await library.assets.find(id))?.state, 'ready');
    assert.ok(Object.values(await library.renditions(id)).every((state) => state === 'done'));
    assert.deepEqual(library.failures, []);
  });

  test('two passes look at all pieces before they encode one, and a look that fails counts as an average one', async () => {
    await using library = await openTestProcessing({ ladder: () => ({ ...ladderDefaults, passes: 2 }) });
    const long = films.make('-f lavfi -i color=s=64x64:r=2 -t 95 -c:v mpeg4 -g 20', 'avi');
    const id = await library.upload(long);
    await library.runNext('import', importing);
    await library.processing.reconcile();
    const encodes = async () => (await library.jobsOf(id)).filter(({ kind }) => kind === 'encode');
    const mediaOf = ({ input }: Pick<Job, 'input'>) => (input as EncodeJobInput).media;
    const looks = await encodes();
    assert.deepEqual(
      looks.map((job) => mediaOf(job).kind),
      ['look', 'look', 'look'],
    );
    let done = 0;
    const looking: WorkerHandler = async () => {
      if (++done === 3) throw new OxbowError('engine-failed', 'The encoder failed.');
      return { chunks: [], counts: {}, bytes: done * 1000 };
    };
    for (let i = 0; i < 3; i++) {
      assert.equal((await encodes()).length, 3, 'nothing is encoded before the last look');
      await library.runNext('encode', looking);
      await library.processing.reconcile();
    }
    const pieces = (await encodes()).slice(3).map(mediaOf);
    assert.equal(pieces.length, 3);
    const rates = pieces.map((media) => (media.kind === 'video' ? media.renditions[0]!.bitRate! : 0));
    assert.ok(rates[0]! < rates[2]! && rates[2]! < rates[1]!, rates.join());
    assert.ok(Object.values(await library.renditions(id)).every((state) => state === 'queued'));
    while (await library.runNext('encode', encoding));
    await library.processing.reconcile();
    assert.ok(Object.values(await library.renditions(id)).every((state) => state === 'done'));
    assert.deepEqual(library.failures, []);
  });

  test('pieces that are of several encoders are all made again in software, also after a crash', async () => {
    await using library = await openTestProcessing();
    const id = await library.upload(film);
    await library.runNext('import', async (job, context) => {
      const result = (await importing(job, context)) as ImportResult;
      return { ...result, cuts: [0, 30_000_000, 60_000_000], endUs: 90_000_000 };
    });
    await library.processing.reconcile();
    const pieces = async () =>
      (await library.jobsOf(id)).flatMap(({ kind, state, input }) => {
        const { media, software = false } = (input ?? {}) as EncodeJobInput;
        return kind === 'encode' && media.kind === 'video' ? [`${media.firstMsn} ${state} ${software}`] : [];
      });
    const isVideo = ({ media }: EncodeJobInput) => media.kind === 'video';
    for (let made = 0; made < 2; ) {
      const job = await library.runNext('encode', async (job) => {
        if (isVideo(job.input as EncodeJobInput) && made === 1) {
          throw new OxbowError('encoder-mismatch', 'The output is of another encoder than the other files.');
        }
        return await encoding();
      });
      if (isVideo(job!.input as EncodeJobInput)) made++;
    }
    assert.deepEqual(await pieces(), ['1 done false', '2 failed false', '3 queued false']);
    await library.restart();
    const inSoftware = [1, 2, 3].map((msn) => `${msn} queued true`);
    assert.deepEqual(await pieces(), inSoftware);
    await library.processing.reconcile();
    assert.deepEqual(await pieces(), inSoftware, 'the same step again changes nothing');
    while (await library.runNext('encode', encoding));
    await library.processing.reconcile();
    assert.deepEqual(
      await pieces(),
      [1, 2, 3].map((msn) => `${msn} done true`),
    );
    assert.ok(Object.values(await library.renditions(id)).every((state) => state === 'done'));
    assert.deepEqual(library.failures, []);
  });

  test('a file that a killed process stored before its row is deleted when its asset is complete', async () => {
    await using library = await openTestProcessing();
    const id = await library.upload(film);
    await library.runNext('import', importing);
    const left = [`${id}/v0-360/1-1.mp4`, `${id}/extra/text-3-1.vtt`].map((name) => segmentLocation(`assets/${name}`));
    const kept = [`${id}/extra/poster.jpg`, `${id}/original`].map((name) => segmentLocation(`assets/${name}`));
    for (const location of [...left, kept[0]!]) await library.segments.put(location, Buffer.from('x'));
    const files = async () => Array.fromAsync(library.segments.list(segmentPrefix('assets')));
    await library.restart();
    assert.ok((await files()).includes(left[0]!), 'a job may be about to write its row');
    while (await library.runNext('encode', encoding));
    await library.processing.reconcile();
    const source = await library.db.selectFrom('asset_chunk').select('path').execute();
    assert.deepEqual((await files()).sort(), [...kept, ...source.map(({ path }) => path)].sort());
    assert.deepEqual(library.failures, []);
  });

  test('sound that cannot be decoded costs the sound, not the film; sound alone fails', async () => {
    for (const [kinds, state] of [
      [['video', 'audio'], 'ready'],
      [['audio'], 'failed'],
    ] as const) {
      await using library = await openTestProcessing();
      const id = await library.upload(film);
      await library.runNext('import', async (job, context) => {
        const result = (await importing(job, context)) as ImportResult;
        const tracks = result.facts.tracks
          .filter(({ kind }) => kinds.some((one) => one === kind))
          .map((track) => (track.kind === 'audio' ? { ...track, codec: 'ac4', trackId: undefined } : track));
        const source = { ...result.source!, picture: kinds.length > 1, sound: false, playable: false };
        return { ...result, facts: { ...result.facts, tracks }, source };
      });
      await library.processing.reconcile();
      assert.equal((await library.assets.find(id))!.state, 'processing');
      const failing: WorkerHandler = async (job) => {
        if ((job.input as EncodeJobInput).media.kind === 'audio') throw new OxbowError('engine-failed', 'SIGABRT');
        return { chunks: [], counts: {} };
      };
      while (await library.runNext('encode', failing));
      await library.processing.reconcile();
      assert.equal((await library.assets.find(id))!.state, state);
      assert.equal((await library.renditions(id)).a0, 'failed');
    }
  });

  test('what an import did not get of its file is counted, and nothing else that a worker says', async () => {
    const lost: string[] = [];
    await using library = await openTestProcessing({ lost: (what) => lost.push(what) });
    await library.upload(film);
    await library.runNext('import', async (...args) => {
      const result = (await importing(...args)) as ImportResult;
      assert.deepEqual(result.losses, []);
      return { ...result, losses: ['frames', 'x', 'end', 'end'] };
    });
    assert.deepEqual(lost, ['frames', 'end']);
  });

  test('a file that is no film fails with its reason; the job can be run again', async () => {
    await using library = await openTestProcessing();
    const id = await library.upload(Buffer.from('#EXTM3U\nhttp://127.0.0.1:1/a.ts\n'));
    const job = await library.runNext('import', importing);
    await library.processing.reconcile();
    assert.equal(job?.state, 'failed');
    const reported = library.failedJobs.map(({ kind, subject, error }) => [kind, subject, error?.code]);
    assert.deepEqual(reported, [['import', id, 'unsupported-media']], 'for a warning in the log');
    const { state, failure } = (await library.assets.find(id))!;
    assert.deepEqual([state, failure], ['failed', { code: 'unsupported-media', detail: 'This is a playlist.' }]);
    await library.uploaded.processAgain(id);
    await library.processing.begin(id);
    assert.deepEqual(
      (await library.jobsOf(id)).map((one) => one.state),
      ['queued'],
    );
  });

  test('an import that ends in the middle of a file leaves no rendition that is still being made', async () => {
    await using library = await openTestProcessing();
    const id = await library.upload(film);
    const job = (await library.jobs.queue.leases.claim('w1', ['import']))!;
    const { outputs } = await runHandler(importing, { input: job.input, files: { original: film } });
    const [[name, bytes] = ['', new Uint8Array()]] = outputs;
    await library.send(job, name, bytes);
    assert.deepEqual(await library.renditions(id), { source: 'running' });
    await library.jobs.queue.cancel(job.id);
    await library.processing.reconcile();
    assert.equal((await library.assets.find(id))!.state, 'failed');
    assert.deepEqual(await library.renditions(id), { source: 'failed' });
    await library.uploaded.processAgain(id);
    await library.processing.begin(id);
    await library.runNext('import', importing);
    await library.processing.reconcile();
    assert.equal((await library.renditions(id)).source, 'done');
  });

  test('with encoding turned off, a file that plays is ready; one that does not says so, and is encoded later', async () => {
    const isOff = { now: true };
    const ladder = () => (isOff.now ? undefined : ladderDefaults);
    await using library = await openTestProcessing({ ladder });
    const plain = await library.upload(film);
    await library.runNext('import', importing);
    await library.processing.reconcile();
    assert.equal((await library.assets.find(plain))!.state, 'ready');
    const id = await library.upload(film);
    await library.runNext('import', async (job, context) => {
      const result = (await importing(job, context)) as ImportResult;
      const warnings = ['The picture is turned for display: it is shown upright after encoding.'];
      return { ...result, facts: { ...result.facts, warnings }, source: null };
    });
    await library.processing.reconcile();
    const { state, failure } = (await library.assets.find(id))!;
    assert.equal(state, 'failed');
    assert.match(
      failure!.detail,
      /^Encoding is turned off \(`library\.ladder\.encode`\), .* The picture is turned for display/,
    );
    isOff.now = false;
    await library.uploaded.processAgain(id);
    await library.processing.begin(id);
    assert.ok((await library.jobsOf(id)).some(({ kind }) => kind === 'encode'));
  });

  test('a crash at any point leaves nothing undone', async () => {
    await using library = await openTestProcessing();
    const id = await library.upload(film);
    await library.restart();
    const job = (await library.jobs.queue.leases.claim('w1', ['import']))!;
    const { result, outputs } = await runHandler(importing, { input: job.input, files: { original: film } });
    for (const [name, bytes] of outputs) await library.send(job, name, bytes);
    await library.restart();
    await library.jobs.queue.leases.complete({ id: job.id, token: job.token }, result);
    await library.restart();
    assert.equal((await library.assets.find(id))?.state, 'ready');
    assert.equal((await library.renditions(id)).source, 'done');
    assert.deepEqual(library.failures, []);
  });

  test('outputs of a worker that lost its lease are never listed; a later try replaces those of an earlier one', async () => {
    await using library = await openTestProcessing();
    const id = await library.upload(film);
    const first = (await library.jobs.queue.leases.claim('w1', ['import']))!;
    const { outputs } = await runHandler(importing, { input: first.input, files: { original: film } });
    const [[name, bytes] = ['', new Uint8Array()]] = outputs;
    await library.send(first, name, bytes);
    await library.jobs.queue.leases.release({ id: first.id, token: first.token });
    await assert.rejects(library.send(first, name, bytes), { code: 'lease-lost' });
    const second = (await library.jobs.queue.leases.claim('w2', ['import']))!;
    assert.ok(second.token > first.token);
    await library.send(second, name, bytes);
    const paths = await library.db.selectFrom('asset_chunk').select('path').where('asset_id', '=', id).execute();
    assert.deepEqual(
      paths.map(({ path }) => path),
      [`assets/${id}/source/1-${second.token}.mp4`],
    );
    await assert.rejects(
      library.send(second, name, bytes.subarray(0, 1000)),
      (error: unknown) => error instanceof OxbowError,
    );
  });

  test('a node that was paused, and whose assets others have now, adds no job; its successor adds it once', async () => {
    let isTaken = true;
    const guard = async () => {
      if (isTaken) throw new OxbowError('data-in-use', 'another node has it');
    };
    await using library = await openTestProcessing({ guard });
    await assert.rejects(library.upload(film), { code: 'data-in-use' });
    const { id } = (await library.assets.list({ limit: 1 })).items[0]!;
    assert.deepEqual(await library.jobsOf(id), []);
    isTaken = false;
    for (let i = 0; i < 2; i++) await library.processing.reconcile();
    assert.deepEqual(
      (await library.jobsOf(id)).map(({ kind }) => kind),
      ['import'],
    );
  });

  test('the jobs of an asset that is deleted end', async () => {
    await using library = await openTestProcessing();
    const id = await library.upload(film);
    await library.trash.purge(id);
    await library.processing.reconcile();
    while ((await library.jobsOf(id)).length > 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(library.failures, []);
  });
});
