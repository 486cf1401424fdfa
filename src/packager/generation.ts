/**
 * A generation: the constant parameters of one live playlist (docs/media.md 10). A new one has a new URL.
 * In: the run's tracks and cadence. Out: constraints of the packager and of playlists. Pure.
 */

import type { Track } from '@oxbow/media/frame';
import { isSparse } from '@oxbow/media/rendition-set';
import type { Pace } from '../live/input.ts';
import { longestAudioFrameS } from './audio-frame.ts';
import { type Cadence, type PartPlan, planParts, planTargetDuration } from './cadence.ts';

/** Constraints of a live playlist from its first segment to its ENDLIST. */
export interface Generation {
  /** Part of the URL: `g{number}.m3u8`. Never used twice within a stream. */
  readonly number: number;
  /** MSN of its first segment: from here on its MSNs are contiguous. */
  readonly firstMsn: number;
  /** Roles and codec families of its tracks, see `familyOf`; a change needs a new generation. */
  readonly family: string;
  /** TARGETDURATION, whole seconds. */
  readonly targetDurationS: number;
  /** PART-TARGET; undefined for a playlist without parts. */
  readonly parts?: PartPlan;
  /** HOLD-BACK, seconds. */
  readonly holdBackS: number;
  /** PART-HOLD-BACK, seconds; only with parts. */
  readonly partHoldBackS?: number;
  /** BANDWIDTH by track id, bits per second, with a margin of a quarter. */
  readonly bandwidths: Readonly<Record<number, number>>;
  /** The Multivariant Playlist lists the sound alone too. */
  readonly audioAlone?: true;
  /** FRAME-RATE, frames per second, three decimals; undefined without video or where it varies. */
  readonly frameRate?: number;
}

/** Target durations; a GOP may force longer segments. */
export interface PackagerSettings {
  /** Seconds. */
  readonly partS: number;
  /** Seconds. */
  readonly segmentS: number;
  /** Whether the next generation lists the sound alone too. */
  readonly audioAlone?: () => boolean;
  /** Segments are in shared memory, for replicas in other threads; false if not given. */
  readonly shared?: boolean;
}

const mediaTracks = (tracks: readonly Track[]) => tracks.filter((track) => !isSparse(track));

/** Shortest part except the last of a segment, as a share of PART-TARGET (RFC 8216bis 4.4.3.7). */
const MIN_PART_SHARE = 0.85;
/** Margin of BANDWIDTH over the measured rate: larger segments may follow. */
export const HEADROOM = 1.25;

/**
 * Kind, codec and language of each video and audio track, e.g. `video=avc1:und;audio=mp4a:en;parts`.
 * Subtitles and timed metadata may come and go within a generation.
 */
export function familyOf(tracks: readonly Track[], lowLatency: boolean): string {
  const roles = mediaTracks(tracks).map(
    (track) => `${track.kind}=${track.config.codecs.split('.')[0]}:${track.language}`,
  );
  return `${roles.join(';')}${lowLatency ? ';parts' : ''}`;
}

/**
 * Plans a generation for a run.
 *
 * @param name number and first MSN of a new generation
 * @param currentTargetS TARGETDURATION of the generation that may continue
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
    ...(hasVideo && settings.audioAlone?.() && { audioAlone: true }),
    ...(hasVideo && cadence.frameS && { frameRate: Math.round(1000 / cadence.frameS) / 1000 }),
  };
}

/**
 * Whether generation `current` can continue with media whose own plan is `wanted`.
 *
 * The packager cuts within the target durations of `current`. Only other codecs, parts that do not fit, or a
 * longer GOP need a new generation.
 *
 * @param frameS seconds per reference frame; undefined if the rate is variable
 */
export function canContinue(current: Generation, wanted: Generation, frameS: number | undefined): boolean {
  if (current.family !== wanted.family) return false;
  if (wanted.targetDurationS > current.targetDurationS || wanted.holdBackS > current.holdBackS) return false;
  if (!current.parts || !wanted.parts) return current.parts === wanted.parts;
  if (frameS === undefined) return false;
  // 25 and 30 frames a second have the same PART-TARGET, with another number of frames.
  const partS = wanted.parts.frames * frameS;
  const audioPartS = partS + wanted.parts.audioTargetS - wanted.parts.targetS;
  const { targetS, audioTargetS } = current.parts;
  return partS <= targetS && partS >= MIN_PART_SHARE * targetS && audioPartS <= audioTargetS;
}

/** Whether `current` has these tracks, with parts or without: media too short to measure continues in it. */
export function isListOf(current: Generation, tracks: readonly Track[]): boolean {
  return current.family === familyOf(tracks, current.parts !== undefined);
}
