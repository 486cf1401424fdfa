/**
 * Further films that an encoder meets in practice, each encoded as a whole.
 * In: films of ffmpeg. Out: the sizes, times and pictures of what the encode handler makes of them.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { captionsByPicture, command, popOn, withCaptionsInStream } from '@oxbow/media/captions/captions.fixture';
import { CaptionCollector } from '@oxbow/media/captions/collector';
import { createFmp4Demuxer } from '@oxbow/media/isobmff/demuxer';
import type { ImportResult } from '../../src/api/library/asset-facts.ts';
import { runHandler } from '../../src/jobs/worker-job.fixture.ts';
import { createImportHandler } from '../../src/transcode/import/import-original.ts';
import {
  assertDamageConcealed,
  assertMappedToSdr,
  type DifficultFilms,
  half,
  openDifficultFilms,
  SOURCE,
  TWO_S,
  X264,
} from '../../src/transcode/ladder/difficult.fixture.ts';
import { encodeJobs, lookJobs } from '../../src/transcode/ladder/encode-job.ts';
import {
  type EncodedFilm,
  encodeFilm,
  mediaBytesOf,
  psnrOf,
  sizeOf,
  timesOf,
} from '../../src/transcode/ladder/film.fixture.ts';
import { ladderDefaults, planLadder } from '../../src/transcode/ladder/plan.ts';
import type { LadderSource } from '../../src/transcode/ladder/plan-shapes.ts';
import { probe } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';

suite('further difficult sources', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  let rig: DifficultFilms;
  before(async () => {
    rig = await openDifficultFilms();
  });
  after(() => rig[Symbol.asyncDispose]());

  test('odd sizes and wide samples keep the aspect of display', async () => {
    const odd = await rig.films.make(
      'odd.mkv',
      '-f lavfi -i testsrc2=s=321x181:r=25 -t 2 -vf setsar=4/3 -c:v ffv1 -g 25 -pix_fmt yuv444p',
    );
    const encoded = await rig.encode(
      odd,
      { codec: 'ffv1', width: 321, height: 181, sampleAspect: { num: 4, den: 3 } },
      { rungs: [180] },
    );
    assert.deepEqual(sizeOf(await rig.fileOf(encoded, 'v0-180/1.mp4')), { width: 426, height: 180 });
  });

  test('wide samples have bars in a rung of another aspect, as that of a live source', async () => {
    const wide = await rig.films.make('wide.mkv', `-f lavfi -i testsrc2=s=240x180:r=25 -t 2 -vf setsar=4/3 ${X264}`);
    const encoded = await rig.encode(wide, {}, {}, ({ renditions }) => ({
      renditions: renditions.map((rendition) => ({ ...rendition, width: 160, height: 120 })),
    }));
    const path = await rig.fileOf(encoded, 'v0-120/1.mp4');
    assert.deepEqual(sizeOf(path), { width: 160, height: 120 });
    const psnr = psnrOf(path, `${rig.films.folder}/wide.mkv`, 'scale=160:90,pad=160:120:-1:-1,');
    assert.ok(Math.min(...psnr) > 24, `${Math.min(...psnr)}`);
  });

  test('the fields of HEVC, which are pictures each, are not deinterlaced one by one', async () => {
    const fields = await rig.films.make(
      'fields.ts',
      `-f lavfi -i testsrc2=s=320x360:r=50 -t 1 -vf interlace,separatefields -c:v libx265 -preset ultrafast -x265-params interlace=tff:log-level=none:keyint=25:crf=12`,
    );
    const times = { originUs: 1_400_000, cuts: [0], endUs: 1_000_000 };
    const source = { codec: 'hevc', width: 320, height: 180, frameRate: 50, interlaced: true };
    const { notes } = planLadder({ video: { ...SOURCE, ...source }, audio: [] }, ladderDefaults);
    assert.ok(notes.some((note) => note.startsWith('Interlaced HEVC is left as it is')));
    const path = await rig.fileOf(await rig.encode(fields, source, { times, rungs: [180] }), 'v0-180/1.mp4');
    const psnr = psnrOf(path, `${rig.films.folder}/fields.ts`);
    // 37 where half of the lines of each field were made from the others.
    assert.ok(psnr.reduce((sum, one) => sum + one, 0) / psnr.length > 41, psnr.join());
  });

  test('captures that were joined have every picture and their sound, one part after the other, also in codecs that are not stored', async () => {
    for (const [video, stored] of [
      ['-c:v mpeg2video -bf 2 -g 25 -b:v 2M', false],
      [X264, true],
    ] as const) {
      const sound = '-f lavfi -i sine=r=48000 -t 3 -c:a mp2 -b:a 64k -f mpegts';
      const part = await rig.films.make(
        'part.ts',
        `-f lavfi -i testsrc2=s=160x90:r=25 ${sound.replace('-t', `${video} -t`)}`,
      );
      const later = await rig.films.make('later.ts', `-i ${rig.films.folder}/part.ts -c copy -output_ts_offset 5000`);
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
      const shown = timesOf(await rig.fileOf(encoded[0]!, 'v0-60/1.mp4'));
      assert.equal(shown.length, 3 * 75);
      const all = shown.map(({ pts }) => pts).sort((a, b) => a - b);
      for (const [i, pts] of all.entries()) assert.ok(Math.abs(pts - all[0]! - i / 25) < 0.13, `${i}: ${pts}`);
      const [[, bytes]] = [...encoded[1]!.outputs] as [[string, Uint8Array]];
      const path = await rig.films.save('sound.mp4', bytes);
      const { durationS } = await probe(path);
      assert.ok(Math.abs(durationS - 9) < 0.3, `${durationS} s of sound`);
    }
  });

  test('HLG is mapped to SDR: mid grey stays in the middle, white is white, the colours are BT.709', () =>
    assertMappedToSdr(rig, 'arib-std-b67', 'colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc'));

  test('damaged pictures of three threads are concealed or left out and counted, and the times of the others stay', () =>
    assertDamageConcealed(rig, 3));

  test('half of the pictures of a fast source are kept in low rungs, if set', async () => {
    const fast = await rig.films.make('fast.mp4', `-f lavfi -i testsrc2=s=320x180:r=50 -t 2 ${X264} -g 50`);
    const encoded = await rig.encode(fast, { frameRate: 50 }, { halveLowRungs: true, rungs: [180] });
    const times = timesOf(await rig.fileOf(encoded, 'v0-180/1.mp4'));
    assert.deepEqual(
      times.map(({ pts }) => Math.round((pts - times[0]!.pts) * 1000)),
      Array.from({ length: 50 }, (_, i) => i * 40),
    );
  });

  test('each field becomes a picture, if set, also where pieces join', async () => {
    const x264 = '-c:v libx264 -preset ultrafast -flags +ildct+ilme -g 25 -sc_threshold 0 -pix_fmt yuv420p -bf 0';
    const film = await rig.films.make('fields.mp4', `-f lavfi -i testsrc2=s=320x192:r=50 -t 2 -vf interlace ${x264}`);
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
        ...timesOf(await rig.fileOf(first!, 'v0-192-full/1.mp4')),
        ...timesOf(await rig.fileOf(second!, 'v0-192-full/2.mp4')),
      ].map(({ pts }) => Math.round(pts * 1000));
      const step = 1000 / count;
      const one = Array.from({ length: count }, (_, i) => i * step);
      assert.deepEqual(
        times.map((ms, i) => ms - times[i < count ? 0 : count]!),
        [...one, ...one],
      );
    }
  });
});

const SETTINGS = { ...ladderDefaults, effort: 'fastest' } as const;

suite('whole films', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  let rig: DifficultFilms;
  before(async () => {
    rig = await openDifficultFilms();
  });
  after(() => rig[Symbol.asyncDispose]());

  /** The files of all jobs, in their order. */
  const filesOf = (encoded: readonly EncodedFilm[]): Promise<string[]> =>
    Promise.all(
      encoded.flatMap(({ outputs }) =>
        [...outputs.values()].map((bytes) => rig.films.save(`${Math.random()}.mp4`, bytes)),
      ),
    );

  test('two passes reach the bit rate of the whole over pieces of different difficulty, with more quality than one', async () => {
    const noisy = await rig.films.make(
      'noisy.mp4',
      '-f lavfi -i testsrc2=s=160x90:r=25 -t 8 -vf noise=alls=25:allf=t:enable=gt(t\\,4) -c:v libx264 -preset ultrafast -g 25 -sc_threshold 0 -pix_fmt yuv420p -crf 4',
    );
    const cuts = Array.from({ length: 8 }, (_, i) => i * 1_000_000);
    const times = { originUs: 0, cuts, endUs: 8_000_000 };
    const source: LadderSource = {
      video: { stream: 0, codec: 'mpeg4', width: 160, height: 90, frameRate: 25 },
      audio: [],
    };
    const plan = planLadder(source, { ...SETTINGS, effort: 'fast', rungs: [90], passes: 2 });
    const { bitRate } = plan.video!.renditions[0]!;
    const pieceUs = 4_000_000;
    const looks = new Map<number, number>();
    for (const input of lookJobs('a1', plan, times, pieceUs)) {
      const { result, outputs } = await encodeFilm(noisy, input);
      assert.equal(outputs.size, 0);
      if (input.media.kind === 'look') looks.set(input.media.firstMsn, result.bytes!);
    }
    assert.deepEqual([...looks.keys()], [1, 5]);
    assert.ok(looks.get(5)! > 3 * looks.get(1)!, 'noise takes more bits');
    const pieces: EncodedFilm[] = [];
    for (const input of encodeJobs('a1', plan, times, { pieceUs, looks })) pieces.push(await encodeFilm(noisy, input));
    const paths = await filesOf(pieces);
    const sizes = await Promise.all(paths.map((path) => mediaBytesOf(path)));
    const reached = (sizes.reduce((sum, bytes) => sum + bytes, 0) * 8) / 8;
    assert.ok(Math.abs(reached / bitRate! - 1) < 0.05, `${reached} of ${bitRate} bits per second`);
    assert.ok(sizes[1]! > 2 * sizes[0]!, `${sizes.join(' and ')} bytes`);

    const once = encodeJobs('a1', plan, times).map((input) => {
      const { media } = input;
      if (media.kind !== 'video') return input;
      return { ...input, media: { ...media, renditions: media.renditions.map(({ twoPass, ...rest }) => rest) } };
    });
    const [one] = await filesOf([await encodeFilm(noisy, once[0]!)]);
    const reference = `${rig.films.folder}/noisy.mp4`;
    // Of all pictures together: bits go from where they are not missed to where they are.
    const overall = (values: readonly number[]) =>
      -10 * Math.log10(values.reduce((sum, value) => sum + 10 ** (value / -10), 0) / values.length);
    const twice = [...psnrOf(paths[0]!, reference), ...psnrOf(paths[1]!, reference, 'trim=start_frame=100,')];
    const inOne = psnrOf(one!, reference);
    assert.deepEqual([twice.length, inOne.length], [200, 200]);
    // What another size is worth, dB.
    const worth = 6 * Math.log2(mediaBytesOf(one!) / reached);
    assert.ok(overall(twice) > overall(inOne) - worth, `${overall(twice)} dB, in one pass ${overall(inOne)}, ${worth}`);
  });

  test('captions of the source are in every rung, in order, also where every other picture is left out', async () => {
    const plain = await rig.films.make(
      'plain.h264',
      '-f lavfi -i testsrc2=s=160x90:r=50 -t 2 -c:v libx264 -preset ultrafast -bf 0 -slices 1 -g 50 -pix_fmt yuv420p',
    );
    const pictures = captionsByPicture(100, { 3: { pairs: popOn('HELLO') }, 61: { pairs: command('erase') } });
    const raw = await rig.films.save('captions.h264', withCaptionsInStream(plain, pictures));
    const film = await rig.films.make('captions.mp4', `-framerate 50 -f h264 -i ${raw} -c copy`);
    const video = { stream: 0, codec: 'h264', width: 160, height: 90, frameRate: 50 };
    const times = { originUs: 0, cuts: [0, 1_000_000], endUs: 2_000_000 };
    const settings = { ...SETTINGS, rungs: [60], halveLowRungs: true, preset: 'hevc' } as const;
    const [job] = encodeJobs('a1', planLadder({ video, audio: [] }, settings), times);
    const { outputs } = await encodeFilm(film, job!);
    const counted: string[] = [];
    for (const [name, bytes] of outputs) {
      let collector: CaptionCollector | undefined;
      let frames = 0;
      const demuxer = createFmp4Demuxer({
        tracks([track]) {
          collector = new CaptionCollector(track?.config.codec === 'hevc' ? 'hevc' : 'h264');
        },
        frame({ data, pts }) {
          frames++;
          collector?.add(data, pts);
        },
        damage: (reason) => assert.fail(reason),
      });
      const path = await rig.films.save(name.replace('/', '-'), bytes);
      demuxer.push(await rig.films.make('fragments.mp4', `-i ${path} -c copy -movflags +frag_keyframe+empty_moov`));
      demuxer.flush();
      collector?.end(Number.MAX_SAFE_INTEGER);
      const texts = collector?.cues.map(({ service, text }) => `${service} ${text}`);
      assert.deepEqual(texts, ['CC1 HELLO'], name);
      counted.push(`${name} ${frames}`);
    }
    assert.deepEqual(counted.sort(), ['v0-60-hevc/1.mp4 50', 'v0-60/1.mp4 50']);
  });
});
