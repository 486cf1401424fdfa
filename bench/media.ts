/**
 * The media that benchmarks pull: one stream, encoded once by ffmpeg as MPEG-TS segments.
 * In: a length. Out: files in the system's temporary folder, which the next run uses again.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Duration of a segment and distance of key frames, seconds. */
export const SEGMENT_S = 2;
const FPS = 30;

/** A stream as files. */
export interface BenchMedia {
  /** Absolute paths, in order. */
  readonly segments: readonly string[];
  /** Bits per second on the wire, including MPEG-TS. */
  readonly bitrate: number;
}

/**
 * 720p30 H.264 with B-frames at about `kbps`, AAC at 128 kbps.
 *
 * @param seconds rounded up to whole segments
 * @param kbps highest bitrate of the video; 2,300 of 2,500 on average
 */
export function makeBenchMedia(seconds: number, kbps = 2500): BenchMedia {
  const count = Math.ceil(seconds / SEGMENT_S);
  const folder = join(tmpdir(), 'oxbow-bench', `720p30-${kbps}k-${count * SEGMENT_S}s`);
  if (!existsSync(folder)) encode(folder, count, kbps);
  const names = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  const segments = names.sort().map((name) => join(folder, name));
  const bytes = segments.reduce((sum, path) => sum + statSync(path).size, 0);
  return { segments, bitrate: (bytes * 8) / (segments.length * SEGMENT_S) };
}

function encode(folder: string, count: number, kbps: number): void {
  mkdirSync(join(folder, '..'), { recursive: true });
  const draft = mkdtempSync(`${folder}.draft-`);
  const duration = count * SEGMENT_S;
  const gop = String(FPS * SEGMENT_S);
  const run = spawnSync(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
      // Noise keeps the rate control at its target, as the picture of a camera does.
      ...['-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=${FPS}:duration=${duration},noise=alls=12:allf=t`],
      ...['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${duration}`],
      ...['-c:v', 'libx264', '-preset', 'superfast', '-bf', '2', '-pix_fmt', 'yuv420p'],
      ...['-b:v', `${kbps * 0.92}k`, '-maxrate', `${kbps}k`, '-bufsize', `${kbps}k`],
      ...['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-c:a', 'aac', '-b:a', '128k'],
      ...['-f', 'segment', '-segment_time', String(SEGMENT_S), '-segment_format', 'mpegts', join(draft, '%05d.ts')],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (run.status !== 0) {
    rmSync(draft, { recursive: true });
    throw new Error('ffmpeg could not encode the media of the benchmark');
  }
  renameSync(draft, folder);
}
