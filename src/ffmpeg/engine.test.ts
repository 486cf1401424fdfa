import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { seeded } from '@oxbow/media/random.fixture';
import { collectGarbage } from '../lib/memory/heap.ts';
import {
  closeEngine,
  enginePid,
  engineVersion,
  makeKeyPicture,
  makeSheet,
  makeStill,
  makeTile,
  probeBytes,
  tileBytes,
} from './engine.ts';

const run = promisify(execFile);
const signal = new AbortController().signal;

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Width and height from a JPEG's first SOF segment. */
function jpegSize(jpeg: Uint8Array): [number, number] {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.length);
  for (let at = 2; at + 9 < jpeg.length; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    if (marker >= 0xffc0 && marker <= 0xffc2) return [view.getUint16(at + 7), view.getUint16(at + 5)];
  }
  return assert.fail('no SOF segment');
}

suite('media engine', () => {
  let folder = '';
  let movie: Uint8Array;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-test-'));
    movie = await film(['-bf', '2'], 'movie.mp4');
  });
  after(async () => {
    await closeEngine();
    await rm(folder, { recursive: true, force: true });
  });

  /** Three seconds that get brighter by the second, red, 320×180, one key frame at the start. */
  async function film(extra: string[], name: string): Promise<Uint8Array> {
    const file = join(folder, name);
    const source = `color=black:s=320x180:r=25:d=3,format=yuv420p,geq=lum='40+60*floor(T)':cb=110:cr=170`;
    const fragmented = name.endsWith('.mp4') ? ['-movflags', 'frag_keyframe+empty_moov+default_base_moof'] : [];
    const audio = ['-f', 'lavfi', '-i', 'sine=440:d=3'];
    const codecs = ['-c:v', 'libx264', '-g', '250', '-colorspace', 'bt709', '-color_range', 'tv', '-c:a', 'aac'];
    await run('ffmpeg', [
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      source,
      ...audio,
      ...codecs,
      ...extra,
      ...fragmented,
      file,
    ]);
    return readFile(file);
  }

  /** Mean of R, G and B of a JPEG. */
  async function meanColour(jpeg: Uint8Array): Promise<number[]> {
    const file = join(folder, 'still.jpg');
    await writeFile(file, jpeg);
    const args = ['-v', 'error', '-i', file, '-vf', 'scale=1:1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
    const { stdout } = await run('ffmpeg', args, { encoding: 'buffer' });
    return [...stdout];
  }

  /** RGB of a BT.709 colour in limited range. */
  function rgbOf(y: number, cb: number, cr: number): number[] {
    const luma = (255 / 219) * (y - 16);
    const [b, r] = [(255 / 224) * (cb - 128), (255 / 224) * (cr - 128)];
    const expected = [luma + 1.5748 * r, luma - 0.1873 * b - 0.4681 * r, luma + 1.8556 * b];
    return expected.map((value) => Math.min(255, Math.max(0, value)));
  }

  const gray = ['-f', 'rawvideo', '-pix_fmt', 'gray', '-'];
  async function stored(jpeg: Uint8Array): Promise<string> {
    const path = join(folder, 'sheet.jpg');
    await writeFile(path, jpeg);
    return path;
  }

  test('pictures that were given away are not kept while the process lives', { timeout: 60_000 }, async () => {
    let gone = 0;
    const registry = new FinalizationRegistry<void>(() => gone++);
    for (let made = 0; made < 4; made++)
      registry.register(await makeStill({ bytes: movie, atS: made / 2, width: 160 }, { signal }), undefined);
    const pid = enginePid();
    while (gone < 4) {
      collectGarbage();
      await turn();
    }
    assert.equal(enginePid(), pid);
  });

  test('pictures of a sheet are beside and below each other, black where there is none', async () => {
    const size = { width: 64, height: 36 };
    const tiles = await Promise.all([0, 2.9].map((atS) => makeTile({ bytes: movie, atS, ...size }, { signal })));
    assert.deepEqual(
      tiles.map(({ length }) => length),
      [tileBytes(size), tileBytes(size)],
    );
    const jpeg = await makeSheet({ tiles: [tiles[0], undefined, tiles[1]], columns: 2, ...size }, { signal });
    assert.deepEqual(jpegSize(jpeg), [128, 72]);
    const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', await stored(jpeg), ...gray], { encoding: 'buffer' });
    const luma = (x: number, y: number) => stdout[y * 128 + x]!;
    assert.ok(luma(96, 18) < 4, 'no picture');
    assert.ok(luma(32, 54) > luma(32, 18) + 40, 'the later picture is brighter');
    await assert.rejects(makeTile({ bytes: movie, width: 15, height: 36 }, { signal }), { code: 'engine-failed' });
  });

  test('returns the version of FFmpeg', async () => {
    assert.match(await engineVersion({ signal }), /^FFmpeg \d+\.\d+/);
  });

  test('a still is a JPEG of the requested width with the frame at or before the requested time, in correct colours', async () => {
    for (const [atS, luma] of [
      [0, 40],
      [0.99, 40],
      [1.0, 100],
      [1.5, 100],
      [2.9, 160],
      [100, 160],
    ] as const) {
      const jpeg = await makeStill({ bytes: movie, atS, width: 320 }, { signal });
      assert.deepEqual([...jpeg.subarray(0, 2), ...jpeg.subarray(-2)], [0xff, 0xd8, 0xff, 0xd9]);
      assert.deepEqual(jpegSize(jpeg), [320, 180]);
      const [seen, expected] = [await meanColour(jpeg), rgbOf(luma, 110, 170)];
      for (const [i, value] of seen.entries()) {
        assert.ok(Math.abs(value - expected[i]!) <= 6, `at ${atS} s: ${seen} instead of ${expected}`);
      }
    }
  });

  test('stills work for MPEG-TS segments, and non-square pixels become square', async () => {
    const ts = await film(['-vf', 'setsar=2'], 'movie.ts');
    assert.deepEqual(jpegSize(await makeStill({ bytes: ts, width: 256 }, { signal })), [256, 72]);
  });

  test('the small picture of a key frame keeps its shape within the sides, and its size below the limit', async () => {
    const upright = await film(['-vf', 'transpose=1'], 'upright.mp4');
    const noisy = await film(['-vf', 'noise=alls=100:allf=t'], 'noisy.mp4');
    const bounds = { width: 160, height: 160, maxBytes: 2860 };
    for (const [bytes, size] of [
      [movie, [160, 90]],
      [upright, [90, 160]],
      [noisy, [160, 90]],
    ] as const) {
      const { jpeg, luma } = await makeKeyPicture({ bytes, ...bounds }, { signal });
      assert.equal(luma.length, 256);
      assert.deepEqual([...jpeg.subarray(0, 2), ...jpeg.subarray(-2)], [0xff, 0xd8, 0xff, 0xd9]);
      assert.deepEqual(jpegSize(jpeg), size);
      assert.ok(jpeg.length <= bounds.maxBytes, `${jpeg.length} bytes`);
    }
    const { jpeg, luma } = await makeKeyPicture({ bytes: movie, ...bounds }, { signal });
    // 40, 110, 170 of the limited range of BT.709, with the full range and the matrix of JPEG.
    assert.ok(
      luma.every((value) => Math.abs(value - 35) <= 2),
      `luma ${[...luma]}`,
    );
    const [seen, expected] = [await meanColour(jpeg), rgbOf(40, 110, 170)];
    for (const [i, value] of seen.entries()) assert.ok(Math.abs(value - expected[i]!) <= 8, `${seen}, not ${expected}`);
    await assert.rejects(makeKeyPicture({ bytes: movie, ...bounds, width: 8 }, { signal }), { code: 'engine-failed' });
  });

  test('probing returns container and streams', async () => {
    const probe = await probeBytes(movie, { signal });
    assert.match(probe.container, /mp4/);
    assert.equal(Math.round(probe.durationS), 3);
    const [video, audio] = probe.streams;
    assert.deepEqual(
      [video!.kind, video!.codec, video!.width, video!.height, video!.frameRate],
      ['video', 'h264', 320, 180, 25],
    );
    assert.match(video!.codecs, /^avc1\./);
    assert.deepEqual(
      [audio!.kind, audio!.codecs, audio!.sampleRate, audio!.channels],
      ['audio', 'mp4a.40.2', 44_100, 1],
    );
  });

  test('garbage, audio only and an invalid width are refused with a message, and the next request works', async () => {
    const garbage = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 7919) & 255));
    const refused = { name: 'OxbowError', code: 'engine-failed' };
    await assert.rejects(makeStill({ bytes: garbage, width: 320 }, { signal }), {
      ...refused,
      message: /^Unknown media format/,
    });
    await assert.rejects(probeBytes(new Uint8Array(0), { signal }), refused);
    await assert.rejects(makeStill({ bytes: movie, width: 5 }, { signal }), refused);
    const tone = ['-v', 'error', '-f', 'lavfi', '-i', 'sine=440:d=1', '-f', 'adts', join(folder, 'tone.aac')];
    await run('ffmpeg', tone);
    await assert.rejects(
      makeStill({ bytes: await readFile(join(folder, 'tone.aac')), width: 320 }, { signal }),
      refused,
    );
    assert.equal((await makeStill({ bytes: movie, width: 320 }, { signal }))[0], 0xff);
  });

  test('FFmpeg opens no file that a playlist, an ffconcat file or SDP names', async () => {
    const file = join(folder, 'movie.mp4');
    const lists = [
      `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3,\n${file}\n#EXT-X-ENDLIST\n`,
      `ffconcat version 1.0\nfile '${file}'\n`,
      `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
    ];
    for (const list of lists)
      await assert.rejects(probeBytes(Buffer.from(list), { signal }), { code: 'engine-failed' });
  });

  test('damaged media fails only its own request', async () => {
    const random = seeded(7);
    for (let round = 0; round < 40; round++) {
      const broken = movie.slice();
      for (let i = 0; i < 20; i++) {
        // Most changes are at the start, where the headers are.
        broken[random(1 + random(broken.length))] = random(256);
      }
      const bytes = round % 4 === 0 ? broken.subarray(0, random(broken.length)) : broken;
      try {
        assert.equal((await makeStill({ bytes, atS: 1, width: 64 }, { signal }))[0], 0xff);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'engine-failed', String(error));
      }
    }
  });

  test('the C library has few heaps, and uses the memory of a picture again for the next', {
    skip: process.platform !== 'linux',
  }, async () => {
    await engineVersion({ signal });
    const environment = await readFile(`/proc/${enginePid()}/environ`, 'latin1');
    const settings = environment.split('\0').filter((each) => each.startsWith('MALLOC_'));
    assert.deepEqual(settings, [`MALLOC_ARENA_MAX=${process.env.MALLOC_ARENA_MAX ?? '2'}`]);
  });

  test('closing leaves no process and no folder, and later requests work', async () => {
    await engineVersion({ signal });
    const pid = enginePid()!;
    const cwd = process.platform === 'linux' ? readlinkSync(`/proc/${pid}/cwd`) : undefined;
    if (cwd) assert.ok(existsSync(cwd));
    await closeEngine();
    assert.equal(alive(pid), false);
    assert.equal(enginePid(), undefined);
    if (cwd) assert.equal(existsSync(cwd), false);
    await closeEngine();
    assert.match(await engineVersion({ signal }), /^FFmpeg/);
    assert.notEqual(enginePid(), pid);
  });
});
