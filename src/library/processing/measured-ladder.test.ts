import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import type { AssetFacts, ImportResult } from '../../api/library/asset-facts.ts';
import type { WorkerHandler } from '../../jobs/worker-job.ts';
import { FilmFolder } from '../../transcode/import/film.fixture.ts';
import { createImportHandler } from '../../transcode/import/import-original.ts';
import { encodeHandler } from '../../transcode/ladder/encode.ts';
import type { EncodeJobInput } from '../../transcode/ladder/encode-job.ts';
import { ladderDefaults } from '../../transcode/ladder/plan.ts';
import type { LadderSettings } from '../../transcode/ladder/plan-shapes.ts';
import { openTestProcessing } from './processing.fixture.ts';

const importing = createImportHandler();
const SETTINGS: LadderSettings = { ...ladderDefaults, plan: 'measured', effort: 'fastest', rungs: [180, 144] };

/** Two sizes at three qualities: the larger one is the better choice for any bit rate. */
const MEASURED = {
  points: [
    { rung: '180', crf: 22, bitRate: 150_000, xpsnr: 45 },
    { rung: '180', crf: 28, bitRate: 110_000, xpsnr: 42 },
    { rung: '180', crf: 34, bitRate: 80_000, xpsnr: 38 },
    { rung: '144', crf: 22, bitRate: 120_000, xpsnr: 30 },
    { rung: '144', crf: 28, bitRate: 90_000, xpsnr: 29 },
    { rung: '144', crf: 34, bitRate: 70_000, xpsnr: 28 },
  ],
  samples: 3,
  encodeMs: 1,
  totalMs: 4,
};

suite('measured ladders of assets', { skip: need('ffmpeg') }, () => {
  const films = new FilmFolder();
  after(() => films[Symbol.dispose]());
  // Longer than the shortest film that is measured; browsers do not play its picture.
  const film = films.make(
    '-f lavfi -i testsrc2=s=320x180:r=5 -t 190 -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25',
    'mp4',
  );

  /** Uploads and imports the film; other handlers answer the rest. */
  async function imported(settings: LadderSettings = SETTINGS) {
    const library = await openTestProcessing({ ladder: () => settings });
    const id = await library.upload(film);
    await library.runNext('import', importing);
    await library.processing.reconcile();
    const open = async () =>
      (await library.jobsOf(id))
        .filter(({ kind, state }) => kind === 'encode' && state === 'queued')
        .map(({ input }) => (input as EncodeJobInput).media);
    const facts = async () => (await library.assets.find(id))!.facts as unknown as AssetFacts;
    const renditions = async () => Object.keys(await library.renditions(id)).filter((name) => name !== 'source');
    return { library, id, open, facts, renditions };
  }

  const answer =
    (result: unknown): WorkerHandler =>
    async () =>
      result;

  test('the ladder is measured before it is encoded, stored with the facts, and encoded as it was decided', async () => {
    const { library, id, open, facts, renditions } = await imported();
    await using _ = library;
    const [only, ...others] = await open();
    assert.deepEqual([only!.kind, others.length], ['measure', 0]);
    assert.deepEqual(only!.cuts.length, 3);
    const job = await library.runNext('encode', encodeHandler({ threads: 2, measureShare: 1000 }));
    await library.processing.reconcile();
    assert.equal(job!.state, 'done');
    const { ladder, warnings } = await facts();
    assert.deepEqual(
      warnings.filter((text) => /ladder/i.test(text)),
      [],
    );
    assert.equal(ladder!.samples, 3);
    assert.equal(ladder!.points.length, 6);
    assert.deepEqual(
      ladder!.fixed.map(({ name }) => name),
      ['180', '144'],
    );
    // Before anything is encoded.
    const planned = await open();
    assert.ok(planned.length > 0 && planned.every(({ kind }) => kind === 'video'));
    const names = planned.flatMap((media) => media.renditions.map((rendition) => rendition.id));
    assert.deepEqual(new Set(names), new Set(ladder!.rungs.map(({ name }) => `v0-${name}`)));
    assert.deepEqual(new Set(await renditions()), new Set(names));
    while (await library.runNext('encode', encodeHandler({ threads: 2 })));
    await library.processing.reconcile();
    assert.equal((await library.assets.find(id))!.state, 'ready');
    assert.ok(Object.values(await library.renditions(id)).every((state) => state === 'done'));
    assert.deepEqual(library.failures, []);
  });

  test('rungs that the measurement leaves out disappear, and those that it adds are encoded', async () => {
    const { library, open, facts, renditions } = await imported();
    await using _ = library;
    assert.deepEqual(await renditions(), ['v0-144', 'v0-180']);
    await library.runNext('encode', answer({ chunks: [], counts: {}, measured: MEASURED }));
    await library.processing.reconcile();
    const { ladder } = await facts();
    assert.deepEqual(
      ladder!.rungs.map(({ name, bitRate, xpsnr }) => [name, bitRate, xpsnr]),
      [
        ['180', 150_000, 45],
        ['180-2', 99_000, 40.67],
        ['144', 70_000, 28],
      ],
    );
    assert.deepEqual(await renditions(), ['v0-144', 'v0-180', 'v0-180-2']);
    assert.equal((await open())[0]!.renditions.length, 3);
    // The same after a crash.
    await library.restart();
    assert.deepEqual(await renditions(), ['v0-144', 'v0-180', 'v0-180-2']);
    assert.deepEqual(library.failures, []);
  });

  test('a measurement that fails, or that is none, costs the measurement and not the film', async () => {
    for (const result of [
      { chunks: [], counts: {}, warnings: ['The ladder was not measured (it was too slow): the fixed one is used.'] },
      { chunks: [], counts: {}, measured: { points: [{ rung: '180', crf: 22, bitRate: -1, xpsnr: 4 }], samples: 3 } },
      { chunks: [], counts: {}, measured: { points: 'none', samples: 3 } },
    ]) {
      const { library, open, facts } = await imported();
      await using _ = library;
      await library.runNext('encode', answer(result));
      await library.processing.reconcile();
      const { ladder, warnings } = await facts();
      assert.equal(ladder!.plan, 'fixed');
      assert.match(warnings.at(-1)!, /^The ladder was not measured.*: the fixed one is used\.$/);
      assert.deepEqual(
        (await open())[0]!.renditions.map(({ id: rendition }) => rendition),
        ['v0-180', 'v0-144'],
      );
    }
  });

  test('a job that is cancelled has the fixed ladder, with the reason', async () => {
    const { library, id, open, facts } = await imported();
    await using _ = library;
    const [job] = (await library.jobsOf(id)).filter(({ kind }) => kind === 'encode');
    await library.jobs.queue.cancel(job!.id);
    await library.processing.ended(id);
    assert.match((await facts()).warnings.at(-1)!, /not measured/);
    assert.equal((await open())[0]!.kind, 'video');
  });

  test('a short film, a joined one, and the setting `fixed` have no measurement', async () => {
    {
      const { library, open } = await imported({ ...SETTINGS, plan: 'fixed' });
      await using _ = library;
      assert.ok((await open()).every(({ kind }) => kind === 'video'));
    }
    for (const change of [{ endUs: 100_000_000 }, { joined: [{ fromUs: 0, toUs: 1, shiftUs: 0 }] }]) {
      await using library = await openTestProcessing({ ladder: () => SETTINGS });
      const id = await library.upload(film);
      await library.runNext('import', async (job, context) => {
        const result = (await importing(job, context)) as ImportResult;
        return { ...result, ...change, cuts: result.cuts.filter((us) => us < (change.endUs ?? result.endUs)) };
      });
      await library.processing.reconcile();
      const kinds = (await library.jobsOf(id)).map(({ input }) => (input as Partial<EncodeJobInput>).media?.kind);
      assert.ok(!kinds.includes('measure') && kinds.includes('video'), kinds.join());
    }
  });
});
