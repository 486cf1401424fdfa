import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import {
  assertDamageConcealed,
  assertMappedToSdr,
  type DifficultFilms,
  half,
  openDifficultFilms,
  SOURCE,
  TWO_S,
  X264,
} from './difficult.fixture.ts';
import { encodeJobs } from './encode-job.ts';
import { encodeFilm, openFilms, psnrOf, sizeOf, timesOf } from './film.fixture.ts';
import { ladderDefaults, planLadder } from './plan.ts';

suite('difficult sources', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  let rig: DifficultFilms;
  /** 50 pictures, for all tests that need no others. */
  let plain: Uint8Array;
  before(async () => {
    rig = await openDifficultFilms();
    plain = await rig.films.make('plain.mp4', `-f lavfi -i testsrc2=s=320x180:r=25 -t 2 ${X264}`);
  });
  after(() => rig[Symbol.asyncDispose]());

  test('a rotated picture is turned as it is displayed', async () => {
    const turned = await rig.films.make(
      'turned.mp4',
      `-i ${rig.films.folder}/plain.mp4 -c copy -metadata:s:v rotate=90`,
    );
    const path = await rig.fileOf(await rig.encode(turned, { rotation: 270 }), 'v0-120/1.mp4');
    assert.deepEqual(sizeOf(path), { width: 120, height: 214 });
    const psnr = psnrOf(path, `${rig.films.folder}/plain.mp4`, 'transpose=cclock,');
    assert.ok(Math.min(...psnr) > 24, `${Math.min(...psnr)}`);
  });

  test('a variable frame rate keeps its times: no picture is invented or dropped', async () => {
    const varied = await rig.films.make(
      'varied.mkv',
      `-f lavfi -i testsrc2=s=320x180:r=50 -t 2 -vf select='not(mod(n,50))+gt(mod(n,7),3)' -fps_mode vfr ${X264} -force_key_frames 0,1`,
    );
    const source = timesOf(`${rig.films.folder}/varied.mkv`);
    const encoded = await rig.encode(varied, { frameRate: 25 });
    const made = timesOf(await rig.fileOf(encoded, 'v0-120/1.mp4'));
    const relative = (times: readonly { pts: number }[]) =>
      times.map(({ pts }) => Math.round((pts - times[0]!.pts) * 1000));
    assert.deepEqual(relative(made), relative(source));
  });

  test('HDR10 is mapped to SDR: mid grey stays in the middle, white is white, the colours are BT.709', () =>
    assertMappedToSdr(rig, 'smpte2084', 'colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:hdr10=1'));

  test('a change of size in mid-stream is scaled to the same rung', async () => {
    const ts = '-f mpegts -muxdelay 0 -muxpreload 0';
    const first = await rig.films.make('first.ts', `-f lavfi -i testsrc2=s=320x180:r=25 -t 1 ${X264} ${ts}`);
    const second = await rig.films.make(
      'second.ts',
      `-f lavfi -i testsrc2=s=240x136:r=25 -t 1 ${X264} -output_ts_offset 1.08 ${ts}`,
    );
    const both = new Uint8Array([...first, ...second]);
    const [start] = timesOf(`${rig.films.folder}/first.ts`);
    const times = { originUs: Math.round(start!.pts * 1_000_000), cuts: [0, 1_000_000], endUs: 2_000_000 };
    const encoded = await rig.encode(both, {}, { times });
    assert.equal(encoded.result.counts.changes, 1);
    const path = await rig.fileOf(encoded, 'v0-120/1.mp4');
    const made = timesOf(path);
    assert.equal(made.length, 50);
    assert.equal(Math.round((made.at(-1)!.pts - made[0]!.pts) * 25), 49);
    assert.deepEqual(sizeOf(path), { width: 214, height: 120 });
  });

  // Where the same damage hits the time of a block, a picture seems to be 25 s into the film of 4 s.
  test('damaged pictures are concealed or left out and counted, and the times of the others stay', () =>
    assertDamageConcealed(rig, 1));

  test('every codec of the presets has its key frames at the cuts, and decodes', async () => {
    const film = await rig.films.make('codecs.mp4', `-f lavfi -i testsrc2=s=160x90:r=25 -t 2 ${X264}`);
    for (const preset of ['hevc', 'vp9', 'av1'] as const) {
      const path = await rig.fileOf(await rig.encode(film, half, { preset, rungs: [90] }), `v0-90-${preset}/1.mp4`);
      const times = timesOf(path);
      assert.deepEqual(
        times.filter(({ key }) => key).map(({ pts }) => Math.round((pts - times[0]!.pts) * 100)),
        [0, 100],
        preset,
      );
      const psnr = psnrOf(path, `${rig.films.folder}/codecs.mp4`);
      assert.ok(psnr.length === 50 && Math.min(...psnr) > 22, `${preset}: ${Math.min(...psnr)}`);
    }
  });

  test('a file that is no media, and a process without memory, end with a clear error', async () => {
    await assert.rejects(rig.encode(new Uint8Array(50_000).fill(65), {}), {
      code: 'engine-failed',
      message: /unknown media format/i,
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
