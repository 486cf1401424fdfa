import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { sleep } from '../lib/abort.ts';
import type { Frame, Track } from '../media/frame.ts';
import { openTestPicture, type TestPictureOptions } from './engine.ts';
import { readStrip } from './strip.ts';

const run = promisify(execFile);
const signal = AbortSignal.timeout(300_000);
const quick = { maxBuffer: 2 ** 30, encoding: 'buffer' } as const;

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

interface Take {
  readonly tracks: readonly Track[];
  readonly video: readonly Frame[];
  readonly audio: readonly Frame[];
}

/** Runs the test picture until `enough` returns true. */
async function take(options: Partial<TestPictureOptions>, enough: (take: Take, pid: number) => boolean): Promise<Take> {
  const taken = { tracks: [] as readonly Track[], video: [] as Frame[], audio: [] as Frame[] };
  const full = Promise.withResolvers<void>();
  let pid = 0;
  await using picture = await openTestPicture(
    { name: 'demo', ...options },
    {
      tracks: (tracks) => {
        taken.tracks = tracks;
      },
      frame: (frame) => {
        (frame.trackId === 1 ? taken.video : taken.audio).push(frame);
        if (enough(taken, pid)) full.resolve();
      },
    },
    { signal },
  );
  pid = picture.pid;
  await Promise.race([full.promise, picture.ended.then((why) => assert.fail(why))]);
  return taken;
}

const seconds = (count: number) => (so: Take) => so.video.at(-1)!.pts - so.video[0]!.pts >= count * 90_000;

/** Length-prefixed access units, with the parameter sets of an avcC, as Annex B. */
function annexB(avcC: Uint8Array, frames: readonly Frame[]): Buffer {
  const start = Buffer.of(0, 0, 0, 1);
  const pieces: Uint8Array[] = [];
  const view = new DataView(avcC.buffer, avcC.byteOffset);
  const spsLength = view.getUint16(6);
  const ppsAt = 8 + spsLength + 1;
  pieces.push(start, avcC.subarray(8, 8 + spsLength));
  pieces.push(start, avcC.subarray(ppsAt + 2, ppsAt + 2 + view.getUint16(ppsAt)));
  for (const { data } of frames) {
    const lengths = new DataView(data.buffer, data.byteOffset, data.length);
    for (let at = 0; at < data.length; ) {
      const length = lengths.getUint32(at);
      pieces.push(start, data.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
  }
  return Buffer.concat(pieces);
}

suite('test picture', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oxbow-test-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Brightness of each picture as a player decodes it, in presentation order. */
  async function decode({ tracks, video }: Take): Promise<{ readonly luma: Uint8Array[]; readonly pts: number[] }> {
    const { config } = tracks[0] as Extract<Track, { kind: 'video' }>;
    const file = join(folder, 'video.h264');
    await writeFile(file, annexB(config.record, video));
    const args = ['-v', 'error', '-f', 'h264', '-i', file, '-vsync', '0', '-f', 'rawvideo', '-pix_fmt', 'gray', '-'];
    const { stdout } = await run('ffmpeg', args, quick);
    const size = config.width * config.height;
    const luma = Array.from({ length: stdout.length / size }, (_, i) => stdout.subarray(i * size, (i + 1) * size));
    return { luma, pts: video.map((frame) => frame.pts).sort((a, b) => a - b) };
  }

  /** The strip of every decoded picture equals its pts. */
  async function checkStrips(so: Take, expectedCounterStep: (from: number, to: number) => number): Promise<void> {
    const { width, height } = (so.tracks[0] as Extract<Track, { kind: 'video' }>).config;
    const { luma, pts } = await decode(so);
    assert.equal(luma.length, pts.length);
    let last: { counter: number; pts: number } | undefined;
    for (const [i, picture] of luma.entries()) {
      const strip = readStrip(picture, width, height);
      assert.ok(strip, `picture ${i} has a strip whose XOR fits`);
      assert.ok(Math.abs(strip.utcMs - pts[i]! / 90) <= 1, `picture ${i}: ${strip.utcMs} at pts ${pts[i]! / 90} ms`);
      if (last) {
        const step = (strip.counter - last.counter + 256) % 256;
        assert.equal(step, expectedCounterStep(last.pts, pts[i]!), `picture ${i}`);
      }
      last = { counter: strip.counter, pts: pts[i]! };
    }
  }

  test('each picture shows the UTC of its pts, a key frame starts each second, and the tone starts with the second', async () => {
    const beganMs = Date.now();
    const so = await take({}, seconds(2.5));
    const shownMs = so.video.at(-1)!.pts / 90;
    assert.ok(shownMs > beganMs && shownMs < Date.now() + 50, 'pts is UTC, and now');
    const [video, audio] = so.tracks;
    assert.deepEqual(
      [video!.kind, video!.timescale, audio!.kind, audio!.timescale],
      ['video', 90_000, 'audio', 48_000],
    );
    assert.match(video!.config.codecs, /^avc1\.[0-9a-f]{6}$/);

    await checkStrips(so, (from, to) => Math.round((to - from) / 3_600));
    for (const [i, frame] of so.video.entries()) {
      const before = so.video[i - 1];
      assert.equal(frame.pts % 3_600, 0);
      assert.equal(frame.dts, frame.pts);
      if (!before) assert.equal(frame.key, true);
      else assert.equal(frame.key, Math.floor(frame.pts / 90_000) !== Math.floor(before.pts / 90_000));
      const types: number[] = [];
      const view = new DataView(frame.data.buffer, frame.data.byteOffset, frame.data.length);
      for (let at = 0; at < frame.data.length; at += 4 + view.getUint32(at)) types.push(frame.data[at + 4]! & 31);
      assert.ok(!types.includes(7) && !types.includes(8), 'no parameter sets in band');
      assert.equal(types.includes(5), frame.key, 'key frames are IDR');
    }

    for (const [i, frame] of so.audio.entries()) {
      assert.equal(frame.pts % 1_024, 0);
      if (i > 0) assert.equal(frame.pts - so.audio[i - 1]!.pts, 1_024);
    }
    const onsets = await toneOnsets(so.audio);
    assert.ok(onsets.length >= 2, `${onsets.length} tones in two and a half seconds`);
    for (const onset of onsets) {
      const offMs = (((onset + 24_000) % 48_000) - 24_000) / 48;
      assert.ok(Math.abs(offMs) <= 5, `tone ${offMs.toFixed(1)} ms off the second`);
    }
  });

  /** Sample numbers since 1970 at which sound starts after silence. */
  async function toneOnsets(audio: readonly Frame[]): Promise<number[]> {
    // ADTS (ISO/IEC 13818-7, 6.2): AAC-LC, 48 kHz, stereo.
    const adts = audio.flatMap(({ data }) => {
      const length = data.length + 7;
      const header = Buffer.of(
        0xff,
        0xf1,
        0x4c,
        0x80 | (length >> 11),
        (length >> 3) & 255,
        ((length & 7) << 5) | 31,
        0xfc,
      );
      return [header, data];
    });
    const file = join(folder, 'audio.aac');
    await writeFile(file, Buffer.concat(adts));
    const args = ['-v', 'error', '-f', 'aac', '-i', file, '-f', 'f32le', '-ac', '1', '-'];
    const { stdout } = await run('ffmpeg', args, quick);
    const samples = new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length));
    const onsets: number[] = [];
    let silentFor = 0;
    for (const [i, sample] of samples.entries()) {
      if (Math.abs(sample) < 0.1) silentFor += 1;
      else {
        if (silentFor > 9_600) onsets.push(audio[0]!.pts + i);
        silentFor = 0;
      }
    }
    return onsets;
  }

  for (const [heldMs, becomes] of [
    [1_200, 'all frames are produced late'],
    [3_600, 'late frames are skipped'],
  ] as const) {
    test(`after a pause of ${heldMs} ms ${becomes}, and no timestamp drifts or decreases`, async () => {
      let held = false;
      let resumed: NodeJS.Timeout | undefined;
      const so = await take({ width: 320, height: 180 }, (now, pid) => {
        if (!held && now.video.length >= 10 && pid > 0) {
          held = true;
          process.kill(pid, 'SIGSTOP');
          resumed = setTimeout(() => process.kill(pid, 'SIGCONT'), heldMs);
        }
        return now.video.length >= 60;
      });
      clearTimeout(resumed);
      const steps = so.video.slice(1).map((frame, i) => frame.dts - so.video[i]!.dts);
      assert.ok(steps.every((step) => step > 0 && step % 3_600 === 0));
      // A busy machine may delay it even longer.
      if (heldMs > 3_000) assert.ok(Math.max(...steps) >= (heldMs - 100) * 90, 'pictures were left out');
      else assert.ok(Math.max(...steps) === 3_600 || Math.max(...steps) > 3_000 * 90, `${Math.max(...steps)} ticks`);
      await checkStrips(so, (from, to) => Math.round((to - from) / 3_600) % 256);
    });
  }

  test('with B-frames dts never exceeds pts; other sizes and rates keep their grid', async () => {
    const frameRate = { num: 30_000, den: 1_001 };
    const so = await take({ width: 426, height: 240, frameRate, bFrames: 2 }, (now) => now.video.length >= 45);
    assert.ok(so.video.some((frame) => frame.dts < frame.pts));
    for (const [i, frame] of so.video.entries()) {
      assert.ok(frame.dts <= frame.pts);
      if (i > 0) assert.ok(frame.dts > so.video[i - 1]!.dts);
      assert.equal(frame.pts % 3_003, 0);
    }
    // The last pictures wait for one that did not come, so the newest in the file need not be the newest of all.
    await checkStrips(so, (from, to) => Math.round((to - from) / 3_003) % 256);
  });

  test('abort ends the process; an abort before the start starts none', async () => {
    const stop = new AbortController();
    const output = { tracks: () => {}, frame: () => {} };
    const picture = await openTestPicture({ name: 'demo' }, output, { signal: stop.signal });
    stop.abort();
    assert.equal(await picture.ended, 'stopped');
    assert.equal(alive(picture.pid), false);
    await assert.rejects(openTestPicture({ name: 'demo' }, output, { signal: stop.signal }), { name: 'AbortError' });
  });

  test('when oxbow is killed, the process ends, and the next oxbow removes its folder', {
    skip: process.platform !== 'linux',
  }, async () => {
    const engine = new URL('./engine.ts', import.meta.url).href;
    const script = `
      import { openTestPicture } from ${JSON.stringify(engine)};
      // Stopped, it cannot notice the end of its input and remove its folder itself.
      const frame = () => { console.log(picture.pid); process.kill(picture.pid, 'SIGSTOP'); process.kill(process.pid, 'SIGKILL'); };
      const { signal } = new AbortController();
      const picture = await openTestPicture({ name: 'demo' }, { tracks: () => {}, frame }, { signal });`;
    const env = { ...process.env, TMPDIR: await mkdtemp(join(folder, 'tmp-')) };
    const parent = run(process.execPath, ['--input-type=module', '-e', script], { env });
    const killed = await parent.then(
      () => assert.fail('it was killed'),
      (error: { stdout: string }) => error,
    );
    const pid = Number(killed.stdout);
    assert.ok(pid > 0);
    // A process whose exit status was not collected yet is a zombie, state Z.
    const runs = () =>
      readFile(`/proc/${pid}/stat`, 'utf8').then(
        (stat) => !/\) [ZX] /.test(stat),
        () => false,
      );
    while (await runs()) await sleep(5, { signal });
    assert.equal((await readdir(env.TMPDIR)).length, 1);
    const next = `
      import { openTestPicture } from ${JSON.stringify(engine)};
      const { signal } = new AbortController();
      await using picture = await openTestPicture({ name: 'demo' }, { tracks: () => {}, frame: () => {} }, { signal });`;
    await run(process.execPath, ['--input-type=module', '-e', next], { env });
    assert.deepEqual(await readdir(env.TMPDIR), []);
  });

  test('an exception of the receiver ends the process and rejects `ended`', async () => {
    const output = {
      tracks: () => {
        throw new RangeError('our bug');
      },
      frame: () => assert.fail('nothing comes after'),
    };
    const picture = await openTestPicture({ name: 'demo' }, output, { signal });
    await assert.rejects(picture.ended, RangeError);
    assert.equal(alive(picture.pid), false);
  });

  test('invalid options are refused', async () => {
    const output = { tracks: () => {}, frame: () => {} };
    for (const wrong of [{ width: 641 }, { height: 10 }, { frameRate: { num: 500, den: 1 } }, { bFrames: 9 }]) {
      await assert.rejects(openTestPicture({ name: 'demo', ...wrong }, output, { signal }), { code: 'engine-failed' });
    }
  });
});
