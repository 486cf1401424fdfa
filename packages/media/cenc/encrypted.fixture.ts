/**
 * Encrypted files of real media, and what an independent decoder finds in them.
 * In: encoders of ffmpeg. Out: files, hashes of decoded frames. Used by tests only.
 */
import { spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { join } from 'node:path';
import { madeOnce } from '../../../test/fixtures/media/made-once.ts';
import { concatBytes } from '../bytes.ts';
import type { Frame, Track } from '../frame.ts';
import { printInit } from '../isobmff/init.ts';
import { fragmentsOf } from '../isobmff/real-media.fixture.ts';
import { FragmentEncryption } from './encrypt-fragments.ts';
import { protectInit } from './protect-init.ts';
import { type CbcEncrypt, type ContentKey, hexOf } from './protection.ts';

export const testKey: ContentKey = {
  kid: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
  key: Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i),
  iv: Uint8Array.from({ length: 16 }, (_, i) => 0x10 * i),
};

/** AES by the system. */
export const cbc: CbcEncrypt = (key, iv, blocks) =>
  createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false).update(blocks);

/** Forms of video whose slice headers differ. */
export const VIDEO_FORMS = {
  'H.264 with CABAC, B-frames and weights':
    '-c:v libx264 -preset medium -bf 3 -g 25 -x264-params weightp=2:weightb=1:ref=4:b-pyramid=normal',
  'H.264 with 4 slices': '-c:v libx264 -preset fast -bf 2 -g 25 -x264-params slices=4:sliced-threads=0',
  'H.264 with fields and CAVLC': '-c:v libx264 -preset fast -bf 2 -g 25 -flags +ildct+ilme -x264-params cabac=0:tff=1',
  'H.264 baseline': '-c:v libx264 -profile:v baseline -g 25',
  'H.265 with wavefronts':
    '-c:v libx265 -preset fast -tag:v hvc1 -x265-params keyint=25:pools=none:frame-threads=1:wpp=1:log-level=none:b-pyramid=1',
  'H.265 with weights and predicted sets':
    '-c:v libx265 -preset medium -tag:v hvc1 -x265-params keyint=25:weightp=1:weightb=1:ref=4:bframes=3:wpp=0:pools=none:frame-threads=1:log-level=none',
} as const;

/** Makes two seconds of noisy pictures with sound as a fragmented MP4 file; gives its path. */
export function makeForm(form: keyof typeof VIDEO_FORMS, audio = '-c:a aac'): string {
  const args =
    '-f lavfi -i testsrc2=s=320x256:r=25,noise=alls=20:allf=t,fade=in:0:25 -f lavfi -i sine=r=48000 -t 2 ' +
    `${VIDEO_FORMS[form]} -pix_fmt yuv420p ${audio} -ac 2 -threads 1 -movflags frag_keyframe+delay_moov+default_base_moof`;
  return madeOnce(args.split(' '), 'mp4');
}

/** The media of a file once clear, once encrypted. */
export function bothOf(
  tracks: readonly Track[],
  frames: readonly Frame[],
): { clear: Uint8Array; encrypted: Uint8Array } {
  const init = printInit(tracks);
  const fragments = fragmentsOf(tracks, frames);
  const encryption = new FragmentEncryption({ tracks, keyOf: () => testKey, encrypt: cbc });
  const protectedInit = protectInit(init, { keyOf: () => testKey, pssh: [] });
  return {
    clear: concatBytes([init, fragments]),
    encrypted: concatBytes([protectedInit, encryption.encrypt(fragments)]),
  };
}

/**
 * MD5 of every decoded frame, by stream, as ffmpeg decrypts and decodes them; its warnings.
 *
 * @param media a fragmented file, which ffmpeg reads as it comes: of a file it reads fragments ahead, and
 *   decrypts with the subsamples of a later one
 */
export function decode(media: Uint8Array, key?: Uint8Array): { hashes: string[][]; warnings: string } {
  const options = key ? ['-decryption_key', hexOf(key)] : [];
  const args = ['-v', 'warning', '-threads', '1', ...options, '-i', '-', '-map', '0'];
  const { stdout, stderr } = spawnSync('ffmpeg', [...args, '-fps_mode', 'passthrough', '-f', 'framemd5', '-'], {
    encoding: 'utf8',
    input: media,
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  const hashes: string[][] = [[], []];
  for (const line of stdout.split('\n')) {
    const fields = line.split(',');
    if (!line.startsWith('#') && fields.length > 5) hashes[Number(fields[0])]?.push(fields[5]!.trim());
  }
  return { hashes, warnings: stderr };
}

/** Bits of each slice header of a file, from the start of its NAL unit, as another reader finds them. */
export function tracedHeaders(path: string): number[] {
  const args = ['-v', 'trace', '-nostdin', '-i', path, '-map', '0:v', '-c', 'copy', '-bsf:v', 'trace_headers'];
  const { stderr } = spawnSync('ffmpeg', [...args, '-f', 'null', join('/', 'dev', 'null')], {
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 512 * 1024 * 1024,
  });
  const headers: number[] = [];
  let isSlice = false;
  for (const line of stderr.split('\n')) {
    if (!line.includes('trace_headers')) continue;
    const text = line.replace(/^\[trace_headers @ \w+\] /, '');
    const field = /^(\d+)\s+\S+\s+([01]+) = /.exec(text);
    if (!field) {
      if (/^Slice (Segment )?Header$/.test(text)) headers.push(0);
      isSlice = /^Slice (Segment )?Header$/.test(text);
    } else if (isSlice) headers[headers.length - 1] = Number(field[1]) + field[2]!.length;
  }
  return headers;
}
