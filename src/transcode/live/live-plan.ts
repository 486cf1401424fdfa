/**
 * Chooses the renditions of the ladder of a live stream.
 * In: the track of the source, the setting `ladder`. Out: what its encoder makes. Pure.
 */
import type { LadderPicture, LadderVideoRendition } from '../../ffmpeg/ladder-options.ts';
import type { LiveLadder, LiveRung } from '../../lib/live-ladder.ts';
import type { VideoTrack } from '../../media/frame.ts';

/** One quality of a plan. */
export interface PlannedRung {
  /** Name of the derived quality, e.g. `480`. */
  readonly name: string;
  readonly rendition: LadderVideoRendition;
  /** Peak of a segment, bits per second. */
  readonly bandwidth: number;
}

/** What is encoded of one run of a stream. */
export interface LivePlan {
  readonly picture: LadderPicture;
  /** Lowest first. */
  readonly rungs: readonly PlannedRung[];
  /** Rungs that are as large as the source, or larger: the source is that quality. */
  readonly leftOut: readonly LiveRung[];
}

/** What a plan depends on besides the source. */
export interface LivePlanOptions {
  /** Pictures per second that were measured; undefined before. */
  readonly frameRate?: number | undefined;
  /** Encoder of FFmpeg on hardware that works, e.g. `h264_nvenc`. */
  readonly hardware?: string | undefined;
  /** Ends the names of rungs, where the stream has other qualities of such names. */
  readonly suffix?: string;
}

const TRACKS_FROM = 101;
const USUAL_RATE = 30;
const MOST_RATE = 60;
/** Sources are seldom exactly at their rate. */
const RATE_TOLERANCE = 1.02;
/** Constant quality of x264 below the cap: pictures without motion need fewer bits. */
const CRF = 23;
/** Size of the buffer whose level the encoder keeps, in seconds of the bitrate. */
const BUFFER_S = 0.5;
/** A segment of 2 s may take its own bits and a full buffer. */
const PEAK = 1.25;
/** From here on colours are those of HDTV. */
const HD_HEIGHT = 720;

/** The plan for a source; `rungs` is empty where all are left out. */
export function planLive({ config }: VideoTrack, ladder: LiveLadder, options: LivePlanOptions = {}): LivePlan {
  const { width, height } = config;
  const { suffix = '', hardware } = options;
  const shortSide = Math.min(width, height);
  const smaller = ladder.rungs.filter((rung) => rung.height < shortSide);
  const rate = (config.frameRate || options.frameRate) ?? USUAL_RATE;
  const keepEvery = Math.max(1, Math.ceil(rate / (MOST_RATE * RATE_TOLERANCE)));
  const rungs = smaller.map(({ height: lines, bitrate }, index): PlannedRung => {
    const name = `${lines}${suffix}`;
    return {
      name,
      bandwidth: Math.ceil(bitrate * PEAK),
      rendition: {
        ...{
          id: `v0-${name}`,
          trackId: TRACKS_FROM + index,
          rung: name,
          codec: 'h264',
          ...scaled(width, height, lines),
        },
        ...{ frameRate: { num: Math.round((rate / keepEvery) * 1000), den: 1000 }, keepEvery, crf: CRF },
        ...{ maxRate: bitrate, bufferSize: Math.round(bitrate * BUFFER_S), bFrames: 0, effort: 'fast', isLive: true },
        ...(hardware !== undefined && { hardware }),
      },
    };
  });
  return {
    picture: { rotation: 0, interlaced: false, matrix: shortSide < HD_HEIGHT ? 'bt601' : 'bt709' },
    rungs,
    leftOut: ladder.rungs.filter((rung) => rung.height >= shortSide),
  };
}

function scaled(width: number, height: number, lines: number): { width: number; height: number } {
  const even = (value: number) => Math.max(2, 2 * Math.round(value / 2));
  const factor = lines / Math.min(width, height);
  return { width: even(width * factor), height: even(height * factor) };
}
