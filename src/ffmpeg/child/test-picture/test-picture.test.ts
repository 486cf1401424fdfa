import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { Frame, Track } from '@oxbow/media/frame';
import { AV_LOG_ERROR } from 'node-av/constants';
import { Log } from 'node-av/lib';
import { openVirtualTime, type TestTime } from '../../../../test/fixtures/virtual-time.ts';
import { MessageSplitter, messageKinds, parseFrame, parseTracks } from '../../frame-protocol.ts';
import { readStrip } from '../../strip.ts';
import { type LastFrames, type TestPictureOptions, testPictureDefaults } from '../../test-picture-options.ts';
import { createTestPicture } from './test-picture.ts';

const run = promisify(execFile);
const quick = { maxBuffer: 2 ** 30, encoding: 'buffer' } as const;

interface Take {
  readonly tracks: readonly Track[];
  readonly video: readonly Frame[];
  readonly audio: readonly Frame[];
}

/** Runs the test picture on virtual time until `enough` returns true. */
async function take(
  time: TestTime,
  options: Partial<TestPictureOptions>,
  enough: (take: Take) => boolean,
  after: LastFrames = {},
): Promise<Take> {
  Log.setLevel(AV_LOG_ERROR);
  const taken = { tracks: [] as readonly Track[], video: [] as Frame[], audio: [] as Frame[] };
  const splitter = new MessageSplitter(64 * 1024 * 1024, (kind, payload) => {
    if (kind === messageKinds.tracks) taken.tracks = parseTracks(payload);
    if (kind !== messageKinds.frame) return;
    const frame = parseFrame(payload);
    (frame.trackId === 1 ? taken.video : taken.audio).push({ ...frame, data: frame.data.slice() });
  });
  const sink = { writableLength: 0, write: (bytes: Uint8Array) => splitter.push(bytes) };
  using picture = createTestPicture({ ...testPictureDefaults, name: 'demo', ...options }, sink, time.clock, after);
  picture.start();
  await time.until('enough frames', () => enough(taken));
  return taken;
}

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

suite('the frames of the test picture', () => {
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
    using time = openVirtualTime();
    const beganMs = time.clock.nowMs();
    const so = await take(time, {}, ({ video }) => video.length >= 63);
    assert.equal(time.clock.nowMs() - beganMs, 2480, 'a picture each 40 ms, the first one at once');
    for (const [i, { pts }] of so.video.entries()) assert.equal(pts, (beganMs + 40 * i) * 90, 'pts is UTC, and now');
    const [video, audio] = so.tracks;
    assert.deepEqual(
      [video!.kind, video!.timescale, audio!.kind, audio!.timescale],
      ['video', 90_000, 'audio', 48_000],
    );
    assert.match(video!.config.codecs, /^avc1\.[0-9a-f]{6}$/);

    await checkStrips(so, () => 1);
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
    const endMs = (so.audio.at(-1)!.pts + 1_024) / 48;
    assert.ok(endMs >= so.video.at(-1)!.pts / 90 + 40, 'with the last picture its sound is complete');
    const onsets = await toneOnsets(so.audio);
    assert.equal(onsets.length, 2, 'the first one began before the first second');
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

  for (const [heldMs, becomes, longestMs] of [
    [1_200, 'all frames are produced late', 40],
    [3_600, 'late frames are skipped', 3_640],
  ] as const) {
    test(`after a pause of ${heldMs} ms ${becomes}, and no timestamp drifts or decreases`, async () => {
      using time = openVirtualTime();
      let held = false;
      const so = await take(time, { width: 320, height: 180 }, ({ video }) => {
        if (!held && video.length >= 10) {
          held = true;
          time.clock.advance(heldMs); // no timer fires, as in a process that is stopped
        }
        return video.length >= 60;
      });
      const steps = so.video.slice(1).map((frame, i) => (frame.dts - so.video[i]!.dts) / 90);
      assert.deepEqual(steps.slice(0, 9), Array(9).fill(40));
      assert.equal(steps[9], longestMs);
      assert.deepEqual(steps.slice(10), Array(steps.length - 10).fill(40));
      assert.equal(so.video.at(-1)!.pts, time.clock.nowMs() * 90, 'it is not late any more');
      await checkStrips(so, (from, to) => Math.round((to - from) / 3_600) % 256);
    });
  }

  test('with B-frames dts never exceeds pts; other sizes and rates keep their grid', async () => {
    const frameRate = { num: 30_000, den: 1_001 };
    using time = openVirtualTime();
    const options = { width: 426, height: 240, frameRate, bFrames: 2 };
    const so = await take(time, options, ({ video }) => video.length >= 45);
    assert.ok(so.video.some((frame) => frame.dts < frame.pts));
    for (const [i, frame] of so.video.entries()) {
      assert.ok(frame.dts <= frame.pts);
      if (i > 0) assert.ok(frame.dts > so.video[i - 1]!.dts);
      assert.equal(frame.pts % 3_003, 0);
    }
    // The last pictures wait for one that did not come, so the newest in the file need not be the newest of
    // all.
    await checkStrips(so, (from, to) => Math.round((to - from) / 3_003) % 256);
  });

  test('another process continues after the last frames of the one before, with a key frame and without a gap', async () => {
    using time = openVirtualTime();
    const before = await take(time, {}, ({ video }) => video.length >= 35);
    const [lastVideo, lastAudio] = [before.video.at(-1)!, before.audio.at(-1)!];
    await time.runFor(700);
    const after = { video: lastVideo.pts, audio: lastAudio.pts };
    const so = await take(time, {}, ({ video, audio }) => video.length >= 30 && audio.length >= 20, after);
    assert.deepEqual(so.tracks, before.tracks);
    const [first] = so.video;
    assert.deepEqual([first!.pts - lastVideo.pts, first!.key], [3_600, true]);
    assert.equal(so.audio[0]!.pts - lastAudio.pts, 1_024);
    for (const [i, frame] of so.video.entries()) if (i > 0) assert.equal(frame.pts - so.video[i - 1]!.pts, 3_600);
    assert.equal(so.video.at(-1)!.pts, time.clock.nowMs() * 90, 'it is not late any more');
    await checkStrips(so, () => 1);
  });
});
