import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { u32At } from '@oxbow/media/isobmff/box';
import { parseHeadBox } from '@oxbow/media/isobmff/commit-box';
import { chunkMoovOffset } from '@oxbow/media/isobmff/init';
import { need } from '../../../test/fixtures/need.ts';
import { scanChunk } from '../../archive/chunk-reader.ts';
import { MemorySegmentStore } from '../../archive/memory-segment-store.fixture.ts';
import { segmentLocation } from '../../archive/segment-store.ts';
import { type AssetTimes, type EncodeJobInput, encodeJobs } from './encode-job.ts';
import {
  type EncodedFilm,
  encodeFilm,
  type Films,
  lagOf,
  loudnessOf,
  openFilms,
  psnrOf,
  timesOf,
} from './film.fixture.ts';
import { ladderDefaults, planLadder } from './plan.ts';
import type { LadderSource } from './plan-shapes.ts';

const SETTINGS = { ...ladderDefaults, effort: 'fastest', rungs: [180, 120] } as const;
const FILM: LadderSource = { video: { stream: 0, codec: 'h264', width: 320, height: 180, frameRate: 25 }, audio: [] };
const CUTS = [0, 1_000_000, 2_000_000, 3_000_000];
const TIMES = { originUs: 0, cuts: CUTS, endUs: 4_000_000 };

function jobsOf(
  source: LadderSource,
  times: AssetTimes = TIMES,
  settings: Partial<typeof ladderDefaults> = {},
  pieceUs?: number,
): EncodeJobInput[] {
  return encodeJobs('a1', planLadder(source, { ...SETTINGS, ...settings }), times, { pieceUs });
}

/** The head box of a chunk file: behind its first moov. */
function headOf(bytes: Uint8Array) {
  return parseHeadBox(bytes, chunkMoovOffset + u32At(bytes, chunkMoovOffset), crc32);
}

function near(actual: readonly number[], expected: readonly number[], message?: string): void {
  assert.deepEqual(
    actual.map((value) => Math.round(value * 1000)),
    expected.map((value) => Math.round(value * 1000)),
    message,
  );
}

suite('encode jobs', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  let films: Films;
  let film: Uint8Array;
  /** The film in one piece, for all tests that look at it. */
  let whole: EncodedFilm;
  before(async () => {
    films = await openFilms();
    film = await films.make(
      'film.mp4',
      '-f lavfi -i testsrc2=s=320x180:r=25 -t 4 -c:v libx264 -preset ultrafast -threads 1 -bf 2 -g 25 -sc_threshold 0 -pix_fmt yuv420p -crf 12',
    );
    whole = await encodeFilm(film, jobsOf(FILM)[0]!, { threads: 1 });
  });
  after(() => films[Symbol.asyncDispose]());

  /** The file of one rendition from all jobs, joined by their order. */
  async function filesOf(id: string, encoded: readonly EncodedFilm[]): Promise<string[]> {
    const parts = encoded.flatMap(({ outputs }) => [...outputs].filter(([name]) => name.startsWith(`${id}/`)));
    return await Promise.all(
      parts.map(([name, bytes], i) => films.save(`${i}-${Math.random()}-${name.replace('/', '-')}`, bytes)),
    );
  }

  test('every rung has all pictures of the source at their times, with key frames exactly at the cuts', async () => {
    const encoded = whole;
    assert.deepEqual([...encoded.outputs.keys()].sort(), ['v0-120/1.mp4', 'v0-180/1.mp4']);
    assert.deepEqual(
      encoded.result.chunks.map(({ segments }) => segments),
      [4, 4],
    );
    for (const [name, bytes] of encoded.outputs) {
      const { streamId, rendition } = headOf(bytes);
      assert.deepEqual([streamId, rendition], ['a1', name.split('/')[0]]);
    }
    for (const id of ['v0-180', 'v0-120']) {
      const [path] = await filesOf(id, [encoded]);
      const times = timesOf(path!);
      near(
        times.map(({ pts }) => pts),
        Array.from({ length: 100 }, (_, i) => times[0]!.pts + i / 25),
      );
      near(
        times.filter(({ key }) => key).map(({ pts }) => pts - times[0]!.pts),
        [0, 1, 2, 3],
      );
      const psnr = psnrOf(path!, `${films.folder}/film.mp4`);
      assert.equal(psnr.length, 100);
      assert.ok(Math.min(...psnr) > 26, `${id}: ${Math.min(...psnr)}`);
    }
    const last = encoded.progress.at(-1)!;
    assert.equal(last.share, 1);
    assert.deepEqual(last.parts, { 'v0-180': 1, 'v0-120': 1 });
  });

  test('the media clock is that of the asset; without one it is that of earlier versions', async () => {
    const startOf = async ({ outputs }: EncodedFilm) => {
      const store = new MemorySegmentStore();
      const location = segmentLocation('assets/a1/v0-120/1-1.mp4');
      await store.put(location, outputs.get('v0-120/1.mp4')!);
      const { groups } = await scanChunk(store, location);
      const { tfdt, firstPtsOffset } = groups[0]!.tracks[0]!;
      return [groups[0]!.utcOffsetUs, tfdt + firstPtsOffset];
    };
    const jobs = jobsOf(FILM, { ...TIMES, clockStartUs: 200_000 });
    assert.deepEqual(await startOf(await encodeFilm(film, jobs[0]!, { threads: 1 })), [-200_000, 0.2 * 12_800]);
    assert.deepEqual(await startOf(whole), [-10_000_000, 10 * 12_800]);
  });

  test('pieces that are encoded apart join exactly: no picture twice, none missing, no loss of quality at the border', async () => {
    const jobs = jobsOf(FILM, TIMES, {}, 2_000_000);
    assert.deepEqual(
      jobs.map(({ media }) => (media.kind === 'video' ? media.firstMsn : 0)),
      [1, 3],
    );
    // With several threads x264 decides by what each has done: the same film is not encoded alike twice.
    const pieces = await Promise.all(jobs.map((job) => encodeFilm(film, job, { threads: 1 })));
    assert.deepEqual(pieces.flatMap(({ outputs }) => [...outputs.keys()]).sort(), [
      'v0-120/1.mp4',
      'v0-120/3.mp4',
      'v0-180/1.mp4',
      'v0-180/3.mp4',
    ]);
    const [first, second] = await filesOf('v0-180', pieces);
    const [one] = await filesOf('v0-180', [whole]);
    const source = `${films.folder}/film.mp4`;
    const inOne = psnrOf(one!, source);
    const apart = [...psnrOf(first!, source), ...psnrOf(second!, source, 'trim=start_frame=50,')];
    assert.equal(apart.length, 100);
    for (let i = 45; i < 55; i++)
      assert.ok(apart[i]! > inOne[i]! - 0.5, `picture ${i}: ${apart[i]} after ${inOne[i]} dB`);
  });

  const SOUND: LadderSource = { audio: [{ stream: 0, codec: 'aac', channels: 2, sampleRate: 48_000 }] };

  test('audio is encoded whole, without a hole, and in time with the source within a sample', async () => {
    // A click in every second of silence.
    const clicks = await films.make(
      'clicks.wav',
      "-f lavfi -i aevalsrc='0.8*lt(mod(t\\,1)\\,0.002)':s=48000:d=4 -ac 2",
    );
    const jobs = jobsOf(SOUND, TIMES, { preset: 'vp9' });
    const { outputs, result } = await encodeFilm(clicks, jobs[0]!);
    assert.deepEqual([...outputs.keys()].sort(), ['a0-opus/1.mp4', 'a0/1.mp4']);
    assert.ok(result.chunks.every(({ segments }) => segments === 4));
    for (const [name, bytes] of outputs) {
      const path = await films.save(name.replace('/', '-'), bytes);
      const times = timesOf(path, 'a:0').map(({ pts }) => pts);
      const step = name.startsWith('a0-opus') ? 960 : 1024;
      near(
        times,
        times.map((_, i) => times[0]! + (i * step) / 48_000),
        name,
      );
      const lag = await lagOf(path, `${films.folder}/clicks.wav`);
      assert.ok(Math.abs(lag) <= 1, `${name} is ${lag} samples late`);
    }
  });

  test('audio ends at the end of the asset, however far its own times reach', async () => {
    // The second half is 20 hours later.
    const jump = await films.make(
      'jump.mka',
      '-f lavfi -i sine=d=4 -af asetpts=if(gte(T\\,2)\\,PTS+72000/TB\\,PTS) -c:a pcm_s16le',
    );
    const { outputs } = await encodeFilm(jump, jobsOf(SOUND, { ...TIMES, cuts: [0], endUs: 3_000_000 })[0]!);
    const path = await films.save('ends.mp4', outputs.get('a0/1.mp4')!);
    const last = timesOf(path, 'a:0').at(-1)!.pts;
    assert.ok(last > 2.9 && last < 3.1, `it ends at ${last} s`);
  });

  test('5.1 is mixed down to stereo, and its loudness is measured', async () => {
    const surround = await films.make(
      'surround.mka',
      '-f lavfi -i sine=f=997:r=48000:d=4 -af volume=-17dB,pan=5.1|FL=c0|FR=c0|FC=0*c0|LFE=0*c0|BL=0*c0|BR=0*c0 -c:a ac3 -b:a 448k',
    );
    const audio = [{ stream: 0, codec: 'ac3', channels: 6, sampleRate: 48_000 }];
    const [plain] = jobsOf({ audio });
    const { result } = await encodeFilm(surround, plain!);
    const { integrated, peak } = result.counts.loudness!;
    assert.ok(Number.isFinite(integrated) && Number.isFinite(peak), `${integrated} LUFS, ${peak} dBTP`);
    const [normalized] = jobsOf({ audio }, TIMES, { loudness: integrated - 6 });
    const { outputs } = await encodeFilm(surround, normalized!);
    const path = await films.save('normalized.mp4', outputs.get('a0/1.mp4')!);
    assert.ok(Math.abs((await loudnessOf(path)) - (integrated - 6)) < 0.5);
  });
});
