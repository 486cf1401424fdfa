/**
 * Small transport streams made by ffmpeg, and what ffprobe says about them.
 * In: ffmpeg arguments. Out: a file in the temp folder, made once per set of arguments; its bytes and its packets.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = join(tmpdir(), 'oxbow-fixtures');

/** A moving picture of 160x90 at 25 frames per second, and a tone. */
export const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25'];
export const TONE = ['-f', 'lavfi', '-i', 'sine=f=440'];
/** H.264 with B-frames, a key frame a second. */
export const X264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'];
export const X265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:keyint=25:bframes=3'];

/**
 * Path of a transport stream.
 *
 * @param args of ffmpeg, without the output
 */
export function makeTs(args: readonly string[], extension = 'ts'): string {
  mkdirSync(folder, { recursive: true });
  const hash = createHash('sha256').update(JSON.stringify(args)).digest('hex').slice(0, 16);
  const path = join(folder, `${hash}.${extension}`);
  if (existsSync(path)) return path;
  const draft = join(folder, `${hash}.${process.pid}.${extension}`);
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...args, draft], { stdio: ['ignore', 'ignore', 'pipe'] });
  renameSync(draft, path);
  return path;
}

/** One packet as ffprobe lists it. */
export interface ProbedPacket {
  readonly stream: number;
  /** Ticks of 90 kHz. */
  readonly pts: number;
  readonly dts: number;
  readonly key: boolean;
}

/** All packets of a file. */
export function probePackets(path: string): ProbedPacket[] {
  const text = execFileSync('ffprobe', [
    ...['-v', 'error', '-show_entries', 'packet=stream_index,pts,dts,flags', '-of', 'json', path],
  ]).toString();
  const { packets } = JSON.parse(text) as {
    packets: { stream_index: number; pts: number; dts: number; flags: string }[];
  };
  return packets.map((p) => ({ stream: p.stream_index, pts: p.pts, dts: p.dts, key: p.flags.includes('K') }));
}

/** MD5 of each decoded picture or stretch of sound, in order. */
export function decodedMd5(path: string, kind: 'v' | 'a', format: readonly string[] = []): string[] {
  const args = ['-v', 'error', ...format, '-i', path, '-map', `0:${kind}:0`];
  const text = execFileSync('ffmpeg', [...args, '-fps_mode', 'passthrough', '-f', 'framemd5', '-']).toString();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.split(',').at(-1)!.trim());
}
