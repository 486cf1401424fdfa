import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { concatBytes } from '@oxbow/media/bytes';
import { parseAvcC } from '@oxbow/media/h264/avcc';
import { parseHvcC } from '@oxbow/media/hevc/hvcc';
import { OxbowError } from '../lib/errors.ts';
import { closeEngine, makeStillGop, type StillGop, type StillGopOptions } from './engine.ts';

const run = promisify(execFile);
const signal = new AbortController().signal;
const nothing = new Uint8Array(0);
const START_CODE = Uint8Array.of(0, 0, 0, 1);

const options: StillGopOptions = {
  codec: 'h264',
  width: 320,
  height: 180,
  frames: 20,
  frameRate: 10,
  picture: 'text',
  title: 'Übung',
  name: 'studio',
  words: 'will be right back',
};

/** The GOP, repeated, as a byte stream with start codes. */
function byteStream({ config, frames }: StillGop, times: number): Uint8Array {
  const sets =
    config.codec === 'hevc'
      ? Object.values(parseHvcC(config.record)).flatMap((nals) => (Array.isArray(nals) ? nals : []))
      : [...parseAvcC(config.record).sps, ...parseAvcC(config.record).pps];
  const withStartCodes = (sample: Uint8Array) => {
    const out: Uint8Array[] = [];
    const view = new DataView(sample.buffer, sample.byteOffset, sample.length);
    for (let at = 0; at < sample.length; ) {
      const length = view.getUint32(at);
      out.push(START_CODE, sample.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    return out;
  };
  const gop = concatBytes([...sets.flatMap((nal) => [START_CODE, nal]), ...frames.flatMap(withStartCodes)]);
  return concatBytes(Array.from({ length: times }, () => gop));
}

suite('a still GOP', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-test-'));
  });
  after(async () => {
    await closeEngine();
    await rm(folder, { recursive: true, force: true });
  });

  /** Hashes of the decoded pictures; every message of the decoder fails the test. */
  async function pictures(gop: StillGop, times: number): Promise<string[]> {
    const file = join(folder, `gop.${gop.config.codec}`);
    await writeFile(file, byteStream(gop, times));
    const { stdout, stderr } = await run('ffmpeg', ['-v', 'warning', '-i', file, '-f', 'framemd5', '-']);
    assert.equal(stderr, '');
    return stdout
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(',').at(-1)!.trim());
  }

  /** Mean luma of the first picture. */
  async function luma(gop: StillGop): Promise<number> {
    const file = join(folder, 'luma.h264');
    await writeFile(file, byteStream(gop, 1));
    const args = [
      '-v',
      'error',
      '-i',
      file,
      '-frames:v',
      '1',
      '-vf',
      'scale=2:2:flags=area',
      '-pix_fmt',
      'yuv420p',
      '-f',
      'rawvideo',
      '-',
    ];
    const { stdout } = await run('ffmpeg', args, { encoding: 'buffer' });
    return stdout[0]!;
  }

  for (const codec of ['h264', 'hevc'] as const) {
    test(`${codec}: shows one picture in every frame, also when it is repeated, and is small`, async () => {
      const gop = await makeStillGop({ ...options, codec }, nothing, { signal });
      const shown = await pictures(gop, 3);
      assert.equal(shown.length, 60);
      assert.equal(new Set(shown).size, 1);
      const { codec: made, width, height } = gop.config;
      assert.deepEqual([made, width, height], [codec, 320, 180]);
      const copies = gop.frames.slice(1).reduce((sum, { length }) => sum + length, 0);
      assert.ok(copies < 19 * 120, `${copies} bytes of copies`);
    });
  }

  test('shows the last picture of media', async () => {
    const file = join(folder, 'film.mp4');
    const source = `color=black:s=320x180:r=25:d=3,format=yuv420p,geq=lum='40+60*floor(T)':cb=128:cr=128`;
    const shape = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-g', '250', '-bf', '2'];
    await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, '-c:v', 'libx264', ...shape, file]);
    const gop = await makeStillGop({ ...options, picture: 'media' }, await readFile(file), { signal });
    const seen = await luma(gop);
    assert.ok(Math.abs(seen - 160) < 4, `luma ${seen}`);
  });

  test('shows an image file in its shape, in the middle', async () => {
    const file = join(folder, 'white.png');
    const args = ['-v', 'error', '-f', 'lavfi', '-i', 'color=white:s=100x100:d=1', '-frames:v', '1', file];
    await run('ffmpeg', args);
    const gop = await makeStillGop({ ...options, picture: 'image' }, await readFile(file), { signal });
    const seen = await luma(gop);
    // A white square of 180 × 180 in 320 × 180, on a dark ground.
    assert.ok(seen > 125 && seen < 150, `luma ${seen}`);
  });

  test('a busy picture is encoded more coarsely until its key frame is small', async () => {
    const file = join(folder, 'noise.png');
    const noise = 'nullsrc=s=1280x720:d=1,geq=random(1)*255:128:128';
    await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', noise, '-frames:v', '1', file]);
    const big = { ...options, width: 640, height: 360, picture: 'image' } as const;
    const { frames } = await makeStillGop(big, await readFile(file), { signal });
    assert.ok(frames[0]!.length <= 96 * 1024, `${frames[0]!.length} bytes`);
  });

  test('bytes without a picture and sizes out of range are errors', async () => {
    const failed = (error: unknown) => error instanceof OxbowError && error.code === 'engine-failed';
    await assert.rejects(makeStillGop({ ...options, picture: 'image' }, Uint8Array.of(1, 2), { signal }), failed);
    await assert.rejects(makeStillGop({ ...options, picture: 'media' }, Uint8Array.of(1, 2), { signal }), failed);
    await assert.rejects(makeStillGop({ ...options, width: 321 }, nothing, { signal }), failed);
    await assert.rejects(makeStillGop({ ...options, frames: 1 }, nothing, { signal }), failed);
  });
});
