import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { createEmulatedDevices, openEmulatedPool } from '../../ffmpeg/encoders/emulated.fixture.ts';
import { type AssetTimes, type EncodeJobInput, encodeJobs } from './encode-job.ts';
import { type EncodedFilm, encodeFilm, type Films, openFilms, sizeOf, timesOf } from './film.fixture.ts';
import { ladderDefaults, planLadder } from './plan.ts';
import type { LadderSource } from './plan-shapes.ts';

const FILM: LadderSource = { video: { stream: 0, codec: 'h264', width: 320, height: 180, frameRate: 25 }, audio: [] };
const TIMES = { originUs: 0, cuts: [0, 1_000_000, 2_000_000, 3_000_000], endUs: 4_000_000 };
/** Devices of this file; the first one is the fastest. */
const [FAST, SLOW] = ['fast', 'slow'].map((name) => `encode-test-${name}-${process.pid}`) as [string, string];

function jobsOf(
  source: LadderSource,
  times: AssetTimes = TIMES,
  settings: Partial<typeof ladderDefaults> = {},
  pieceUs?: number,
): EncodeJobInput[] {
  const plan = planLadder(source, { ...ladderDefaults, effort: 'fast', rungs: [180, 120], ...settings });
  return encodeJobs('a1', plan, times, { pieceUs });
}

// One after the other: the devices are those of the process.
suite('encode jobs on devices', { skip: need('ffmpeg') }, () => {
  let films: Films;
  let film: Uint8Array;
  /** The film in software. */
  let whole: EncodedFilm;
  let reference: string;
  before(async () => {
    films = await openFilms();
    film = await films.make(
      'film.mp4',
      '-f lavfi -i testsrc2=s=320x180:r=25 -t 4 -c:v libx264 -preset ultrafast -threads 1 -bf 2 -g 25 -sc_threshold 0 -pix_fmt yuv420p -crf 12',
    );
    whole = await encodeFilm(film, jobsOf(FILM)[0]!, { threads: 1 });
    reference = await films.save('reference.mp4', whole.outputs.get('v0-120/1.mp4')!);
  });
  after(() => films[Symbol.asyncDispose]());

  for (const [how, behaviour, why] of [
    ['does not open', { open: 'fail' }, /No such device/],
    ['fails after some pictures', { failAfter: 40 }, /was lost/],
    ['hangs', { hangAfter: 40 }, /nothing came out for 4 s/],
    ['takes pictures and returns none', { silentAfter: 10 }, /90 pictures never came out/],
    ['is full', { sessions: 0 }, /Cannot allocate memory/],
  ] as const) {
    test(`a piece whose device ${how} is encoded on another one, with the same pictures`, async () => {
      await using devices = await createEmulatedDevices({ [FAST]: { speed: 400 }, [SLOW]: { speed: 100 } });
      const { pool, said } = openEmulatedPool(devices);
      await using _pool = pool;
      await pool.ready();
      await devices.behave(FAST, behaviour);
      const [job] = jobsOf(FILM, TIMES, { rungs: [120] });
      const { result, outputs } = await encodeFilm(film, job!, { encoders: pool, threads: 1 });
      assert.equal(said.length, 1, said.join());
      assert.match(said[0]!, new RegExp(`^${FAST} failed: .*${why.source}`));
      assert.deepEqual(result.counts.fallbacks, ['h264_emulated']);
      assert.deepEqual([...outputs.keys()], ['v0-120/1.mp4']);
      const path = await films.save('made.mp4', outputs.get('v0-120/1.mp4')!);
      assert.deepEqual(timesOf(path), timesOf(reference));
      assert.deepEqual(sizeOf(path), sizeOf(reference));
    });
  }

  test('a piece is encoded in software when every device fails, and says so', async () => {
    await using devices = await createEmulatedDevices({ [FAST]: {}, [SLOW]: {} });
    const { pool, said } = openEmulatedPool(devices);
    await using _pool = pool;
    await pool.ready();
    for (const device of [FAST, SLOW]) await devices.behave(device, { failAfter: 3 });
    const { result, outputs } = await encodeFilm(film, jobsOf(FILM)[0]!, { encoders: pool, threads: 1 });
    assert.equal(said.length, 2, said.join());
    assert.deepEqual(result.counts.fallbacks, ['h264_emulated', 'h264_emulated']);
    // Alike to the last byte: nothing of the devices is in it.
    assert.deepEqual(outputs.get('v0-120/1.mp4')?.length, whole.outputs.get('v0-120/1.mp4')?.length);
  });

  test('jobs at the same time never open more sessions than a device has', async () => {
    await using devices = await createEmulatedDevices({ [FAST]: { sessions: 3 } });
    const { pool, said } = openEmulatedPool(devices, { sessions: 3, waitMs: 60_000 });
    await using _pool = pool;
    const jobs = jobsOf(FILM, TIMES, {}, 1_000_000);
    const films = await Promise.all(jobs.map((job) => encodeFilm(film, job, { encoders: pool, threads: 1 })));
    assert.equal(jobs.length, 4);
    assert.deepEqual([said, devices.wasRefused(FAST)], [[], false]);
    assert.deepEqual(
      films.flatMap(({ result }) => result.counts.fallbacks),
      [],
    );
  });
});
