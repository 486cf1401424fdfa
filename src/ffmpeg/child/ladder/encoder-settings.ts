/**
 * Settings of FFmpeg's encoders for one rung: capped constant quality, key frames only where they are forced,
 * closed GOPs, and the same parameter sets in every piece that is encoded apart.
 * In: a rung. Out: the name of an encoder and its options. Pure.
 */
import type { LadderEffort, LadderVideoCodec, LadderVideoRendition } from '../../ladder-options.ts';

/** The software encoder of each codec. */
export const softwareEncoders = {
  h264: 'libx264',
  hevc: 'libx265',
  vp9: 'libvpx-vp9',
  av1: 'libsvtav1',
} as const satisfies Readonly<Record<LadderVideoCodec, string>>;

const X26X: Readonly<Record<LadderEffort, string>> = {
  fastest: 'ultrafast',
  fast: 'veryfast',
  balanced: 'medium',
  small: 'slow',
};
const VPX: Readonly<Record<LadderEffort, string>> = { fastest: '8', fast: '5', balanced: '3', small: '1' };
const SVT: Readonly<Record<LadderEffort, string>> = { fastest: '12', fast: '9', balanced: '7', small: '5' };

/** A pass over pictures that are encoded twice, and the file with what x264 learned in the first. */
export interface EncoderPass {
  readonly number: 1 | 2;
  readonly file: string;
}

/** Whether a rung is encoded in two passes. */
export function hasTwoPasses({ twoPass, codec, hardware, isLive }: LadderVideoRendition): boolean {
  return twoPass === true && codec === 'h264' && hardware === undefined && !isLive;
}

/** Options for the software encoder of a rung, by their names in FFmpeg. */
export function softwareSettings(
  rung: LadderVideoRendition,
  threads: number,
  pass?: EncoderPass,
): Record<string, string> {
  const { codec, effort, crf, bitRate, isLive } = rung;
  const quality: Record<string, string> = bitRate === undefined || pass?.number === 1 ? { crf: String(crf) } : {};
  switch (codec) {
    case 'h264':
      return {
        preset: isLive && effort === 'fast' ? 'veryfast' : X26X[effort],
        ...(isLive && { tune: 'zerolatency' }),
        profile: effort === 'fastest' ? 'main' : 'high',
        ...quality,
        ...(pass && { stats: pass.file }),
        'forced-idr': '1',
        a53cc: '1',
        'x264-params': 'annexb=0:scenecut=0:keyint=infinite:open-gop=0:stitchable=1:force-cfr=1',
      };
    case 'hevc':
      return {
        preset: X26X[effort],
        ...(isLive && { tune: 'zerolatency' }),
        ...quality,
        'forced-idr': '1',
        a53cc: '1',
        'x265-params': `log-level=none:info=0:repeat-headers=0:scenecut=0:keyint=-1:open-gop=0:pools=${threads}:frame-threads=1`,
      };
    case 'vp9':
      return {
        ...quality,
        deadline: isLive ? 'realtime' : 'good',
        'cpu-used': VPX[effort],
        'row-mt': '1',
        'lag-in-frames': isLive ? '0' : '16',
        'auto-alt-ref': isLive ? '0' : '1',
      };
    case 'av1':
      return {
        preset: SVT[effort],
        ...quality,
        'svtav1-params': `keyint=-1:force-key-frames=1:scd=0:lp=${threads}`,
      };
  }
}

/** Options for a hardware encoder: they share few names, and unknown ones are left out by the caller. */
export function hardwareSettings({ isLive, hardware = '', device = '' }: LadderVideoRendition): Record<string, string> {
  const index = /^nvidia(\d+)$/.exec(device)?.[1];
  return {
    ...(hardware.endsWith('_nvenc') && index !== undefined && { gpu: index }),
    'forced-idr': '1',
    forced_idr: '1',
    'no-scenecut': '1',
    a53cc: '1',
    rc: 'vbr',
    rc_mode: 'VBR',
    ...(isLive && { tune: 'ull', delay: '0', realtime: '1' }),
  };
}
