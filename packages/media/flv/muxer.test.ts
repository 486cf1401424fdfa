import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pictureMd5 } from '../../../test/fixtures/media/inside.ts';
import { textTrack } from '../isobmff/media.fixture.ts';
import { makeTs, PICTURE, TONE, X264, X265 } from '../mpegts/media.fixture.ts';
import { type Demuxed, demux, flvOf, printFlv, readFlv } from './media.fixture.ts';
import type { FlvMessage } from './message.ts';
import { createFlvMuxer } from './muxer.ts';

/** Copies a file into another container with FFmpeg 8, in its own process. */
function remux(input: string, output: string, format: string): void {
  const main = join(import.meta.dirname, 'remux-main.fixture.ts');
  execFileSync(process.execPath, [main, input, output, format], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Path of an enhanced FLV file of these tracks, and of its Matroska original. */
function enhanced(args: readonly string[]): { flv: string; original: string } {
  const original = makeTs([...PICTURE, ...TONE, '-t', '2', ...args], 'mkv');
  const flv = `${original}.flv`;
  if (!existsSync(flv)) {
    remux(original, `${flv}.${process.pid}`, 'flv');
    renameSync(`${flv}.${process.pid}`, flv);
  }
  return { flv, original };
}

/** The messages of a muxer for what a demuxer made. */
function muxed({ tracks, frames }: Demuxed): FlvMessage[] {
  const muxer = createFlvMuxer(tracks.at(-1)!, { enhanced: true, baseMs: 0 });
  return [muxer.metadata(), ...muxer.sequenceHeaders(), ...frames.flatMap((frame) => muxer.frame(frame))];
}

/** MD5 of the decoded pictures and sound of a file, by the ffmpeg of this machine. */
function decoded(path: string): string[] {
  const output = ['-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
  const args = ['-v', 'error', '-i', path, '-map', '0:v:0', ...output, '-map', '0:a:0', '-f', 'md5', '-'];
  const lines = execFileSync('ffmpeg', args).toString().split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(',').at(-1)!.trim());
}

/** Times and MD5 of the frames of a track. */
function digests({ frames }: Demuxed, id: number): string[] {
  return frames
    .filter(({ trackId }) => trackId === id)
    .map(({ dts, pts, key, data }) => `${dts} ${pts} ${key} ${createHash('md5').update(data).digest('hex')}`);
}

const FORMS: Readonly<Record<string, { args: readonly string[]; codecs: readonly RegExp[] }>> = {
  'HEVC and Opus': { args: [...X265, '-c:a', 'libopus'], codecs: [/^hvc1\./, /^opus$/] },
  'AV1 and AAC': {
    args: ['-c:v', 'libsvtav1', '-preset', '12', '-g', '25', '-c:a', 'aac'],
    codecs: [/^av01\./, /^mp4a\.40\.2$/],
  },
  'VP9 and AC-3': {
    args: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', '25', '-c:a', 'ac3'],
    codecs: [/^vp09\./, /^ac-3$/],
  },
  'H.264 and FLAC': { args: [...X264, '-c:a', 'flac'], codecs: [/^avc1\./, /^fLaC$/] },
  'H.264 and E-AC-3': { args: [...X264, '-c:a', 'eac3'], codecs: [/^avc1\./, /^ec-3$/] },
};

for (const [name, { args, codecs }] of Object.entries(FORMS)) {
  suite(`${name} in enhanced FLV of FFmpeg 8`, () => {
    test('every packet is a frame, with the tracks named', () => {
      const { flv } = enhanced(args);
      const out = demux(readFlv(readFileSync(flv)));
      assert.deepEqual([out.damage, out.leftOut], [[], []]);
      for (const [i, codec] of codecs.entries()) assert.match(out.tracks.at(-1)![i]!.config.codecs, codec);
      const video = out.frames.filter(({ trackId }) => trackId === 1);
      assert.equal(video.length, 50);
      assert.deepEqual(
        video.flatMap(({ key }, i) => (key ? [i] : [])),
        [0, 25],
      );
      assert.ok(video.every(({ dts, pts }) => dts <= pts));
    });

    test('what the muxer prints is read back the same, and decodes to the same pictures and sound with FFmpeg', () => {
      const { flv, original } = enhanced(args);
      const out = demux(readFlv(readFileSync(flv)));
      const again = demux(muxed(out));
      assert.deepEqual(again.tracks.at(-1), out.tracks.at(-1));
      for (const id of [1, 2]) assert.deepEqual(digests(again, id), digests(out, id));
      assert.deepEqual(again.damage, []);
      const copy = `${original}.${process.pid}.copy.flv`;
      writeFileSync(copy, printFlv(muxed(out)));
      assert.deepEqual(pictureMd5(`movie=${copy}`), pictureMd5(`movie=${original}`));
    });
  });
}

test('H.264 and AAC are legacy messages: ffmpeg 5.1 decodes the same pictures and sound from them', () => {
  const args = [...PICTURE, ...TONE, '-t', '4', ...X264, '-c:a', 'aac', '-ar', '44100'];
  const path = makeTs(args, 'flv');
  const out = demux(flvOf(args));
  const copy = `${path}.${process.pid}.copy.flv`;
  writeFileSync(copy, printFlv(muxed(out)));
  assert.deepEqual(decoded(copy), decoded(path));
});

test('timestamps begin at 0 wherever the media is, and wrap at 32 bits', () => {
  const { tracks, frames } = demux(flvOf([...PICTURE, '-t', '1', ...X264, '-an']));
  const late = frames.map((frame) => ({ ...frame, dts: frame.dts + 9_000_000, pts: frame.pts + 9_000_000 }));
  const times = (baseMs?: number) => {
    const muxer = createFlvMuxer(tracks[0]!, { enhanced: false, baseMs });
    return late.flatMap((frame) => muxer.frame(frame)).map(({ timestampMs }) => timestampMs);
  };
  assert.deepEqual(times().slice(0, 3), [0, 40, 80]);
  assert.deepEqual(times(100_040).slice(0, 3), [0, 40, 80], 'the frame before 0 is not sent');
  assert.deepEqual(times(100_000 - 2 ** 32 + 40).slice(0, 3), [2 ** 32 - 40, 0, 40]);
});

test('what a target cannot take is named', () => {
  const { tracks } = demux(readFlv(readFileSync(enhanced(FORMS['HEVC and Opus']!.args).flv)));
  const all = [...tracks[0]!, textTrack];
  const plain = createFlvMuxer(all, { enhanced: false });
  assert.deepEqual(
    plain.leftOut.map(({ name }) => name),
    ['hevc video', 'opus audio', 'webvtt subtitles'],
  );
  assert.deepEqual(plain.sequenceHeaders(), []);
  assert.deepEqual(
    createFlvMuxer(all, { enhanced: true }).leftOut.map(({ name }) => name),
    ['webvtt subtitles'],
  );
});
