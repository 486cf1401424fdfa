/**
 * A generation: a live list whose promises never change (docs/media.md 10). A new one has a new URL.
 * In: the run's tracks and cadence. Out: constants for the cutter and for playlists. Pure.
 */
import type { Pace } from '../live/input.ts';
import type { Track } from '../media/frame.ts';
import { isSparse } from '../media/rendition-set.ts';
import { longestAudioFrameS } from './audio-frame.ts';
import { type Cadence, type PartPlan, planParts, planTargetDuration } from './cadence.ts';

/** What a list promises for all of its life. */
export interface Generation {
  /** Part of the URL: `g{number}.m3u8`. Never used twice within a stream. */
  readonly number: number;
  /** MSN of its first segment: from here on its MSNs are contiguous. */
  readonly firstMsn: number;
  /** Which tracks it has, by role and codec family; another one needs another generation. */
  readonly family: string;
  /** TARGETDURATION, whole seconds. */
  readonly targetDurationS: number;
  /** Parts, or undefined where the list has none. */
  readonly parts?: PartPlan;
  /** HOLD-BACK, seconds. */
  readonly holdBackS: number;
  /** PART-HOLD-BACK, seconds; only with parts. */
  readonly partHoldBackS?: number;
  /** BANDWIDTH of each track, bits per second, with a quarter to spare. */
  readonly bandwidths: Readonly<Record<number, number>>;
  /** FRAME-RATE, frames per second, three decimals; undefined without video or where it varies. */
  readonly frameRate?: number;
}

/** What a packager wishes for; lists may come out otherwise, see the GOP. */
export interface PackagerSettings {
  /** Seconds. */
  readonly partS: number;
  /** Seconds. */
  readonly segmentS: number;
  /** Segments lie in shared memory, because other threads have copies of the list; false if not given. */
  readonly shared?: boolean;
}

const mediaTracks = (tracks: readonly Track[]) => tracks.filter((track) => !isSparse(track));

/** A part that is shorter than this much of PART-TARGET has to be the last of its segment (RFC 8216bis 4.4.3.7). */
const LEAST_OF_TARGET = 0.85;
const HEADROOM = 1.25;

/**
 * Which renditions a set of tracks makes and what decoder they need: `v0=avc1;a0=mp4a`. Subtitles and timed metadata come and go
 * within a list: they change nothing in the lists of pictures and sound.
 */
export function familyOf(tracks: readonly Track[], lowLatency: boolean): string {
  const roles = mediaTracks(tracks).map(
    (track) => `${track.kind}=${track.config.codecs.split('.')[0]}:${track.language}`,
  );
  return `${roles.join(';')}${lowLatency ? ';parts' : ''}`;
}

/**
 * The promises that fit a run.
 *
 * @param name the URL's number and the first MSN, should it be a new generation
 * @param currentTargetS TARGETDURATION of the list that may go on
 */
export function planGeneration(
  name: Pick<Generation, 'number' | 'firstMsn'>,
  tracks: readonly Track[],
  pace: Pace,
  cadence: Cadence,
  settings: PackagerSettings,
  currentTargetS?: number,
): Generation {
  const parts = pace.kind === 'continuous' ? planParts(cadence, settings.partS, longestAudioFrameS(tracks)) : undefined;
  const targetDurationS = planTargetDuration(cadence, settings.segmentS, currentTargetS);
  const burstS = pace.kind === 'bursty' ? pace.intervalS : 0;
  const hasVideo = tracks.some((track) => track.kind === 'video');
  return {
    ...name,
    family: familyOf(tracks, parts !== undefined),
    targetDurationS,
    ...(parts && { parts, partHoldBackS: 3 * Math.max(parts.targetS, parts.audioTargetS) }),
    holdBackS: Math.max(3 * targetDurationS, burstS + targetDurationS),
    bandwidths: Object.fromEntries(
      mediaTracks(tracks).map((track) => [track.id, Math.ceil((cadence.bitrates.get(track.id) ?? 0) * HEADROOM)]),
    ),
    ...(hasVideo && cadence.frameS && { frameRate: Math.round(1000 / cadence.frameS) / 1000 }),
  };
}

/**
 * Whether a list of `current` may go on with media that would by itself be given `wanted`.
 *
 * The list's target durations hold for whatever follows: cutting obeys them. Only another set of decoders, parts that would not
 * fit, or a longer segment needs a new list.
 *
 * @param frameS seconds per reference frame of the media, where it is even
 */
export function canContinue(current: Generation, wanted: Generation, frameS: number | undefined): boolean {
  if (current.family !== wanted.family) return false;
  if (wanted.targetDurationS > current.targetDurationS || wanted.holdBackS > current.holdBackS) return false;
  if (!current.parts || !wanted.parts) return current.parts === wanted.parts;
  if (frameS === undefined) return false;
  // 25 and 30 frames a second make the same PART-TARGET, with another number of frames.
  const partS = wanted.parts.frames * frameS;
  const audioPartS = partS + wanted.parts.audioTargetS - wanted.parts.targetS;
  const { targetS, audioTargetS } = current.parts;
  return partS <= targetS && partS >= LEAST_OF_TARGET * targetS && audioPartS <= audioTargetS;
}

/** Whether `current` is a list of these tracks, with parts or without: media too short to tell its cadence goes on in it. */
export function isListOf(current: Generation, tracks: readonly Track[]): boolean {
  return current.family === familyOf(tracks, current.parts !== undefined);
}
