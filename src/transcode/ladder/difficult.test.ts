import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { AVCOL_SPC_BT709, AVCOL_TRC_BT709 } from 'node-av/constants';
import { probe } from '../../../test/fixtures/ffmpeg.ts';
import { need } from '../../../test/fixtures/need.ts';
import type { ImportResult } from '../../api/library/asset-facts.ts';
import { runHandler } from '../../jobs/worker-job.fixture.ts';
import { concatBytes } from '../../lib/bytes.ts';
import { createImportHandler } from '../import/import-original.ts';
import { type EncodeVideo, encodeJobs } from './encode-job.ts';
import {
  type EncodedFilm,
  encodeFilm,
  type Films,
  lumaOf,
  openFilms,
  psnrOf,
  sizeOf,
  timesOf,
} from './film.fixture.ts';
import { ladderDefaults, planLadder } from './plan.ts';
import type { LadderSettings, LadderSourceVideo } from './plan-shapes.ts';

const SOURCE: LadderSourceVideo = { stream: 0, codec: 'h264', width: 320, height: 180, frameRate: 25 };
const X264 = '-threads 3 -c:v libx264 -preset ultrafast -bf 2 -g 25 -sc_threshold 0 -pix_fmt yuv420p -crf 12';
/** A picture of a quarter of that. */
const half = { width: 160, height: 90 };
const TWO_S = { originUs: 0, cuts: [0, 1_000_000], endUs: 2_000_000 };

suite('difficult sources', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  let films: Films;
  /** 50 pictures, for all tests that need no others. */
  let plain: Uint8Array;
  before(async () => {
    films = await openFilms();
    plain = await films.make('plain.mp4', `-f lavfi -i testsrc2=s=320x180:r=25 -t 2 ${X264}`);
  });
  after(() => films[Symbol.asyncDispose]());

  async function encode(
    bytes: Uint8Array,
    video: Partial<LadderSourceVideo>,
    { rungs = [120], times = TWO_S, ...settings }: Partial<LadderSettings> & { times?: typeof TWO_S } = {},
    change: (video: EncodeVideo) => Partial<EncodeVideo> = () => ({}),
  ): Promise<EncodedFilm> {
    const plan = planLadder(
      { video: { ...SOURCE, ...video }, audio: [] },
      { ...ladderDefaults, effort: 'fastest', rungs, ...settings },
    );
    const [job] = encodeJobs('a1', plan, times);
    const { media } = job!;
    assert.ok(media.kind === 'video');
    return encodeFilm(bytes, { ...job!, media: { ...media, ...change(media) } });
  }

  async function fileOf({ outputs }: EncodedFilm, name: string): Promise<string> {
    return films.save(`${Math.random()}.mp4`, outputs.get(name)!);
  }

  test('a rotated picture is turned as it is displayed', async () => {
    const turned = await films.make('turned.mp4', `-i ${films.folder}/plain.mp4 -c copy -metadata:s:v rotate=90`);
    const path = await fileOf(await encode(turned, { rotation: 270 }), 'v0-120/1.mp4');
    assert.deepEqual(sizeOf(path), { width: 120, height: 214 });
    const psnr = psnrOf(path, `${films.folder}/plain.mp4`, 'transpose=cclock,');
    assert.ok(Math.min(...psnr) > 24, `${Math.min(...psnr)}`);
  });

  test('odd sizes and wide samples keep the aspect of display', async () => {
    const odd = await films.make(
      'odd.mkv',
      '-f lavfi -i testsrc2=s=321x181:r=25 -t 2 -vf setsar=4/3 -c:v ffv1 -g 25 -pix_fmt yuv444p',
    );
    const encoded = await encode(
      odd,
      { codec: 'ffv1', width: 321, height: 181, sampleAspect: { num: 4, den: 3 } },
      { rungs: [180] },
    );
    assert.deepEqual(sizeOf(await fileOf(encoded, 'v0-180/1.mp4')), { width: 426, height: 180 });
  });

  test('wide samples have bars in a rung of another aspect, as that of a live source', async () => {
    const wide = await films.make('wide.mkv', `-f lavfi -i testsrc2=s=240x180:r=25 -t 2 -vf setsar=4/3 ${X264}`);
    const encoded = await encode(wide, {}, {}, ({ renditions }) => ({
      renditions: renditions.map((rendition) => ({ ...rendition, width: 160, height: 120 })),
    }));
    const path = await fileOf(encoded, 'v0-120/1.mp4');
    assert.deepEqual(sizeOf(path), { width: 160, height: 120 });
    const psnr = psnrOf(path, `${films.folder}/wide.mkv`, 'scale=160:90,pad=160:120:-1:-1,');
    assert.ok(Math.min(...psnr) > 24, `${Math.min(...psnr)}`);
  });

  test('the fields of HEVC, which are pictures each, are not deinterlaced one by one', async () => {
    const fields = await films.make(
      'fields.ts',
      `-f lavfi -i testsrc2=s=320x360:r=50 -t 1 -vf interlace,separatefields -c:v libx265 -preset ultrafast -x265-params interlace=tff:log-level=none:keyint=25:crf=12`,
    );
    const times = { originUs: 1_400_000, cuts: [0], endUs: 1_000_000 };
    const source = { codec: 'hevc', width: 320, height: 180, frameRate: 50, interlaced: true };
    const { notes } = planLadder({ video: { ...SOURCE, ...source }, audio: [] }, ladderDefaults);
    assert.ok(notes.some((note) => note.startsWith('Interlaced HEVC is left as it is')));
    const path = await fileOf(await encode(fields, source, { times, rungs: [180] }), 'v0-180/1.mp4');
    const psnr = psnrOf(path, `${films.folder}/fields.ts`);
    // 37 where half of the lines of each field were made from the others.
    assert.ok(psnr.reduce((sum, one) => sum + one, 0) / psnr.length > 41, psnr.join());
  });

  test('a variable frame rate keeps its times: no picture is invented or dropped', async () => {
    const varied = await films.make(
      'varied.mkv',
      `-f lavfi -i testsrc2=s=320x180:r=50 -t 2 -vf select='not(mod(n,50))+gt(mod(n,7),3)' -fps_mode vfr ${X264} -force_key_frames 0,1`,
    );
    const source = timesOf(`${films.folder}/varied.mkv`);
    const encoded = await encode(varied, { frameRate: 25 });
    const made = timesOf(await fileOf(encoded, 'v0-120/1.mp4'));
    const relative = (times: readonly { pts: number }[]) =>
      times.map(({ pts }) => Math.round((pts - times[0]!.pts) * 1000));
    assert.deepEqual(relative(made), relative(source));
  });

  test('captures that were joined have every picture and their sound, one part after the other, also in codecs that are not stored', async () => {
    for (const [video, stored] of [
      ['-c:v mpeg2video -bf 2 -g 25 -b:v 2M', false],
      [X264, true],
    ] as const) {
      const sound = '-f lavfi -i sine=r=48000 -t 3 -c:a mp2 -b:a 64k -f mpegts';
      const part = await films.make(
        'part.ts',
        `-f lavfi -i testsrc2=s=160x90:r=25 ${sound.replace('-t', `${video} -t`)}`,
      );
      const later = await films.make('later.ts', `-i ${films.folder}/part.ts -c copy -output_ts_offset 5000`);
      const original = concatBytes([later, part, part]);
      const { result } = await runHandler(createImportHandler(), { files: { original } });
      const times = result as ImportResult;
      assert.deepEqual([times.joined?.length, times.source !== null], [3, stored]);
      const plan = planLadder(
        {
          video: { ...SOURCE, ...half, codec: 'other' },
          audio: [{ stream: 1, codec: 'mp2', channels: 2, sampleRate: 48_000 }],
        },
        { ...ladderDefaults, effort: 'fastest', rungs: [60] },
      );
      const jobs = encodeJobs('a1', plan, times, { pieceUs: 2_000_000 });
      assert.deepEqual(
        jobs.map(({ media }) => media.kind),
        ['video', 'audio'],
        'in one piece',
      );
      const encoded = await Promise.all(jobs.map((job) => encodeFilm(original, job)));
      const shown = timesOf(await fileOf(encoded[0]!, 'v0-60/1.mp4'));
      assert.equal(shown.length, 3 * 75);
      const all = shown.map(({ pts }) => pts).sort((a, b) => a - b);
      for (const [i, pts] of all.entries()) assert.ok(Math.abs(pts - all[0]! - i / 25) < 0.13, `${i}: ${pts}`);
      const [[, bytes]] = [...encoded[1]!.outputs] as [[string, Uint8Array]];
      const path = await films.save('sound.mp4', bytes);
      const { durationS } = await probe(path);
      assert.ok(Math.abs(durationS - 9) < 0.3, `${durationS} s of sound`);
    }
  });

  for (const [name, transfer, params] of [
    ['HDR10', 'smpte2084', 'colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:hdr10=1'],
    ['HLG', 'arib-std-b67', 'colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc'],
  ] as const) {
    test(`${name} is mapped to SDR: mid grey stays in the middle, white is white, the colours are BT.709`, async () => {
      const hdr = await films.make(
        `${transfer}.mp4`,
        `-f lavfi -i nullsrc=s=320x180:r=5,format=yuv420p10le,geq=lum=64+X*876/320:cb=512:cr=512 -t 1 -c:v libx265 -preset ultrafast -x265-params log-level=none:${params}`,
      );
      const times = { originUs: 0, cuts: [0], endUs: 1_000_000 };
      const video = { codec: 'hevc', frameRate: 5, transfer, matrix: 'bt2020nc' };
      const path = await fileOf(await encode(hdr, video, { times, rungs: [180] }), 'v0-180/1.mp4');
      const { row, matrix, transfer: made } = lumaOf(path);
      assert.deepEqual([matrix, made], [AVCOL_SPC_BT709, AVCOL_TRC_BT709]);
      assert.ok(row[2]! < 40 && row.at(-3)! > 180, `from ${row[2]} to ${row.at(-3)}`);
      assert.ok(
        row.every((value, i) => i < 8 || value >= row[i - 8]! - 3),
        'brightness does not fall',
      );
      assert.ok(Math.max(...row) - row[160]! > 20, `the middle is ${row[160]} of ${Math.max(...row)}`);

      // The plan of a live source does not know it: its pictures say so.
      const picture = { rotation: 0, interlaced: false, matrix: 'bt709' } as const;
      const live = await encode(hdr, video, { times, rungs: [180] }, () => ({ picture }));
      assert.deepEqual(lumaOf(await fileOf(live, 'v0-180/1.mp4')).row, row);
    });
  }

  test('a change of size in mid-stream is scaled to the same rung', async () => {
    const ts = '-f mpegts -muxdelay 0 -muxpreload 0';
    const first = await films.make('first.ts', `-f lavfi -i testsrc2=s=320x180:r=25 -t 1 ${X264} ${ts}`);
    const second = await films.make(
      'second.ts',
      `-f lavfi -i testsrc2=s=240x136:r=25 -t 1 ${X264} -output_ts_offset 1.08 ${ts}`,
    );
    const both = new Uint8Array([...first, ...second]);
    const [start] = timesOf(`${films.folder}/first.ts`);
    const times = { originUs: Math.round(start!.pts * 1_000_000), cuts: [0, 1_000_000], endUs: 2_000_000 };
    const encoded = await encode(both, {}, { times });
    assert.equal(encoded.result.counts.changes, 1);
    const path = await fileOf(encoded, 'v0-120/1.mp4');
    const made = timesOf(path);
    assert.equal(made.length, 50);
    assert.equal(Math.round((made.at(-1)!.pts - made[0]!.pts) * 25), 49);
    assert.deepEqual(sizeOf(path), { width: 214, height: 120 });
  });

  // With one thread the same damage hits the time of a block: a picture seems to be 25 s into the film of 4
  // s.
  for (const threads of [1, 3]) {
    test(`damaged pictures are concealed or left out and counted, and the times of the others stay (${threads})`, async () => {
      const film = await films.make(
        'whole.mkv',
        `-f lavfi -i testsrc2=s=320x180:r=25 -t 4 ${X264} -threads ${threads}`,
      );
      const bytes = film.slice();
      for (let at = Math.floor(bytes.length * 0.3); at < bytes.length * 0.6; at += 97) bytes[at] = bytes[at]! ^ 0x5a;
      const times = { originUs: 0, cuts: [0, 1_000_000, 2_000_000, 3_000_000], endUs: 4_000_000 };
      const encoded = await encode(bytes, {}, { times });
      const made = timesOf(await fileOf(encoded, 'v0-120/1.mp4'));
      const grid = made.map(({ pts }) => ((pts - made[0]!.pts) * 25) % 1);
      assert.ok(grid.every((rest) => Math.min(rest, 1 - rest) < 0.01));
      assert.deepEqual(
        encoded.result.chunks.map(({ segments }) => segments),
        [4],
      );
      assert.deepEqual(
        made.filter(({ key }) => key).map(({ pts }) => Math.round(pts - made[0]!.pts)),
        [0, 1, 2, 3],
      );
    });
  }

  test('every codec of the presets has its key frames at the cuts, and decodes', async () => {
    const film = await films.make('codecs.mp4', `-f lavfi -i testsrc2=s=160x90:r=25 -t 2 ${X264}`);
    for (const preset of ['hevc', 'vp9', 'av1'] as const) {
      const path = await fileOf(await encode(film, half, { preset, rungs: [90] }), `v0-90-${preset}/1.mp4`);
      const times = timesOf(path);
      assert.deepEqual(
        times.filter(({ key }) => key).map(({ pts }) => Math.round((pts - times[0]!.pts) * 100)),
        [0, 100],
        preset,
      );
      const psnr = psnrOf(path, `${films.folder}/codecs.mp4`);
      assert.ok(psnr.length === 50 && Math.min(...psnr) > 22, `${preset}: ${Math.min(...psnr)}`);
    }
  });

  test('half of the pictures of a fast source are kept in low rungs, if set', async () => {
    const fast = await films.make('fast.mp4', `-f lavfi -i testsrc2=s=320x180:r=50 -t 2 ${X264} -g 50`);
    const encoded = await encode(fast, { frameRate: 50 }, { halveLowRungs: true, rungs: [180] });
    const times = timesOf(await fileOf(encoded, 'v0-180/1.mp4'));
    assert.deepEqual(
      times.map(({ pts }) => Math.round((pts - times[0]!.pts) * 1000)),
      Array.from({ length: 50 }, (_, i) => i * 40),
    );
  });

  test('each field becomes a picture, if set, also where pieces join', async () => {
    const x264 = '-c:v libx264 -preset ultrafast -flags +ildct+ilme -g 25 -sc_threshold 0 -pix_fmt yuv420p -bf 0';
    const film = await films.make('fields.mp4', `-f lavfi -i testsrc2=s=320x192:r=50 -t 2 -vf interlace ${x264}`);
    const video = { ...SOURCE, height: 192, interlaced: true, passesThrough: true };
    for (const [fields, count] of [
      [true, 50],
      [false, 25],
    ] as const) {
      const plan = planLadder({ video, audio: [] }, { ...ladderDefaults, effort: 'fastest', fields });
      const jobs = encodeJobs('a1', plan, TWO_S, { pieceUs: 1_000_000 });
      assert.equal(jobs.length, 2);
      const [first, second] = await Promise.all(jobs.map((job) => encodeFilm(film, job, { threads: 1 })));
      const times = [
        ...timesOf(await fileOf(first!, 'v0-192-full/1.mp4')),
        ...timesOf(await fileOf(second!, 'v0-192-full/2.mp4')),
      ].map(({ pts }) => Math.round(pts * 1000));
      const step = 1000 / count;
      const one = Array.from({ length: count }, (_, i) => i * step);
      assert.deepEqual(
        times.map((ms, i) => ms - times[i < count ? 0 : count]!),
        [...one, ...one],
      );
    }
  });

  test('a file that is no media, and a process without memory, end with a clear error', async () => {
    await assert.rejects(encode(new Uint8Array(50_000).fill(65), {}), {
      code: 'engine-failed',
      message: /unknown media format/,
    });
    const [job] = encodeJobs(
      'a1',
      planLadder({ video: SOURCE, audio: [] }, { ...ladderDefaults, rungs: [120] }),
      TWO_S,
    );
    await assert.rejects(encodeFilm(plain, job!, { limits: { maxDataBytes: 64 * 1024 * 1024 } }), {
      code: 'engine-failed',
    });
  });
});

suite('an encoder that ends', { skip: need('ffmpeg') }, () => {
  test('an encoder that is killed ends its job with a clear error, and an aborted job ends its encoder', async () => {
    await using films = await openFilms();
    const film = await films.make('killed.mp4', `-f lavfi -i testsrc2=s=320x180:r=25 -t 2 ${X264}`);
    const [job] = encodeJobs(
      'a1',
      planLadder({ video: SOURCE, audio: [] }, { ...ladderDefaults, rungs: [120] }),
      TWO_S,
    );
    await assert.rejects(encodeFilm(film, job!, { onRead: (pid) => process.kill(pid, 'SIGKILL') }), {
      code: 'engine-failed',
      message: /SIGKILL/,
    });
    const controller = new AbortController();
    const aborted = encodeFilm(film, job!, {
      signal: controller.signal,
      onRead: () => controller.abort(new Error('cancelled')),
    });
    await assert.rejects(aborted, /cancelled/);
  });
});
