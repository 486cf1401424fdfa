/**
 * Made-up streams for tests: frames without a codec behind them, with the times that real sources give them.
 * In: rates, GOPs, delays and a seed. Out: tracks and frames in order of arrival. Used by tests only. Pure.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import { seeded } from '@oxbow/media/random.fixture';

/**
 * An H.264 track with id 1.
 *
 * @param timescale 90,000 as in MPEG-TS, 1,000 as in RTMP
 */
export function videoTrack(timescale = 90_000): Track {
  return {
    id: 1,
    kind: 'video',
    timescale,
    language: 'und',
    label: '',
    config: { codec: 'h264', record: Uint8Array.of(1, 100, 0, 31), codecs: 'avc1.64001f', width: 640, height: 360 },
  };
}

/** An AAC-LC track, stereo, on its own clock unless another timescale is given. */
export function audioTrack(sampleRate = 48_000, { id = 2, timescale = sampleRate, language = 'und' } = {}): Track {
  const index = sampleRate === 48_000 ? 3 : 4;
  const record = Uint8Array.of(0x10 | (index >> 1), ((index & 1) << 7) | 0x10);
  return {
    id,
    kind: 'audio',
    timescale,
    language,
    label: '',
    config: { codec: 'aac', record, codecs: 'mp4a.40.2', sampleRate, channels: 2 },
  };
}

/** How a video track is made. */
export interface VideoPlan {
  readonly track: Track;
  readonly seconds: number;
  /** Frames a second; `variable` for intervals of 10 to 120 ms whose length is guessed from the last one. */
  readonly rate: number | 'variable';
  /** Seconds from key frame to key frame; more than one is taken in turn. */
  readonly gopS: number | readonly number[];
  /**
   * Two B-frames between reference frames; the key frame is shown this many frames after it was decoded, 1 or
   * more.
   */
  readonly delay?: number;
  /** Decode time of the first frame, seconds. */
  readonly startS?: number;
  /** Bytes of a frame at the most. */
  readonly maxBytes?: number;
  readonly seed?: number;
}

/** The frames of a video track, in decode order. */
export function videoFrames(plan: VideoPlan): Frame[] {
  const { track, seconds, rate, delay = 0, startS = 10, maxBytes = 90 } = plan;
  const random = seeded(plan.seed ?? 7);
  const gops = typeof plan.gopS === 'number' ? [plan.gopS] : plan.gopS;
  const times = [0];
  const next = () => times.at(-1)! + (rate === 'variable' ? (10 + random(110)) / 1000 : 0);
  if (rate === 'variable') for (let at = next(); at < seconds; at = next()) times.push(at);
  else for (let i = 1; i < Math.round(seconds * rate); i++) times.push(i / rate);
  const stepS = rate === 'variable' ? 0.033 : 1 / rate;
  const timeOf = (index: number) => times[index] ?? times.at(-1)! + (index - times.length + 1) * stepS;
  const ticks = (s: number) => Math.round((startS + s) * track.timescale);
  const keys = keyPositions(times, gops);
  let last = Math.round(stepS * track.timescale);
  return times.map((at, i) => {
    const dts = ticks(at);
    if (i > 0) last = dts - ticks(times[i - 1]!);
    const shown = i + (delay === 0 ? 0 : delay + reordered(i, keys));
    const key = keys.has(i);
    const data = chance(20 + random(maxBytes - 20), random);
    return { trackId: track.id, dts, pts: Math.max(dts, ticks(timeOf(shown))), duration: last, key, data };
  });
}

function chance(length: number, random: (below: number) => number): Uint8Array {
  const data = new Uint8Array(length);
  for (let i = 0; i < length; i++) data[i] = random(256);
  return data;
}

function keyPositions(times: readonly number[], gops: readonly number[]): Set<number> {
  const keys = new Set([0]);
  let dueS = gops[0]!;
  let used = 1;
  times.forEach((at, i) => {
    if (at < dueS - 1e-6) return;
    keys.add(i);
    dueS = at + gops[used++ % gops.length]!;
  });
  return keys;
}

/**
 * By how many frames a frame moves from decode order to the order in which it is shown: I P B B P B B, the
 * rest of a GOP P.
 */
function reordered(index: number, keys: ReadonlySet<number>): number {
  let key = index;
  while (!keys.has(key)) key--;
  let end = index + 1;
  while (end < index + 4 && !keys.has(end)) end++;
  const position = index - key;
  if (position === 0) return 0;
  const turn = (position - 1) % 3;
  // A P frame is followed by its two B-frames only where the GOP has room for them.
  if (turn === 0) return end - index >= 3 ? 2 : 0;
  const first = index - turn;
  let room = first;
  while (room < first + 3 && !keys.has(room)) room++;
  return room - first >= 3 ? -1 : 0;
}

/** How an audio track is made. */
export interface AudioPlan {
  readonly track: Track;
  readonly seconds: number;
  /** Time of the first frame, seconds. */
  readonly startS?: number;
  readonly seed?: number;
}

/** The frames of an audio track. */
export function audioFrames({ track, seconds, startS = 10, seed = 11 }: AudioPlan): Frame[] {
  const random = seeded(seed);
  const frameS = 1024 / (track.kind === 'audio' ? track.config.sampleRate : 48_000);
  const ticks = (i: number) => Math.round((startS + i * frameS) * track.timescale);
  return Array.from({ length: Math.floor(seconds / frameS) }, (_, i) => {
    const data = chance(20 + random(60), random);
    return { trackId: track.id, dts: ticks(i), pts: ticks(i), duration: ticks(i + 1) - ticks(i), key: true, data };
  });
}

/**
 * Frames of several tracks in the order in which a container or a line brings them.
 *
 * @param tracks what the frames belong to
 * @param lateS seconds by which each list comes later than its decode times say; may be negative
 */
export function interleave(
  tracks: readonly Track[],
  lists: readonly (readonly Frame[])[],
  lateS: readonly number[] = [],
): Frame[] {
  const timescales = new Map(tracks.map((track) => [track.id, track.timescale]));
  return lists
    .flatMap((list, i) =>
      list.map((frame) => ({ frame, at: frame.dts / timescales.get(frame.trackId)! + (lateS[i] ?? 0) })),
    )
    .sort((a, b) => a.at - b.at)
    .map(({ frame }) => frame);
}
