/**
 * Small transport streams made by ffmpeg, and what ffprobe says about them.
 * In: ffmpeg arguments. Out: a file in the temp folder, made once per set of arguments; its bytes and its
 * packets.
 */
import { listTracks, pictureMd5, soundMd5 } from '../../../test/fixtures/media/inside.ts';
import { madeOnce } from '../../../test/fixtures/media/made-once.ts';

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
export const makeTs = (args: readonly string[], extension = 'ts'): string => madeOnce(args, extension);

/** One packet as ffprobe lists it. */
export interface ProbedPacket {
  readonly stream: number;
  /** Ticks of 90 kHz. */
  readonly pts: number;
  readonly dts: number;
  readonly key: boolean;
}

/** All packets of a file, those of a track in order. */
export const probePackets = (path: string): ProbedPacket[] =>
  listTracks(path).flatMap(({ packets }, stream) =>
    packets.map(({ pts, dts, key }) => ({ stream, pts: Math.round(pts * 90_000), dts: Math.round(dts * 90_000), key })),
  );

/** MD5 of each decoded picture, or of each piece of sound, in order. */
export const decodedMd5 = (path: string, kind: 'v' | 'a'): string[] =>
  kind === 'v' ? pictureMd5(`movie=${path}`) : soundMd5(path);
