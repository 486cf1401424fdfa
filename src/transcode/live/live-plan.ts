/**
 * Chooses the renditions of the ladder of a live stream.
 * In: the track of the source, the setting `ladder`. Out: the renditions of its encoder. Pure.
 */

import { videoRangeOf } from '@oxbow/media/colour/colours';
import type { VideoTrack } from '@oxbow/media/frame';
import { deepFormatOf } from '@oxbow/media/h264/deep-format';
import { FULL } from '@oxbow/media/rendition-set';
import { sampleAspectOf } from '@oxbow/media/sample-aspect';
import { hasFieldPictures } from '@oxbow/media/scan';
import type { LadderPicture, LadderVideoRendition } from '../../ffmpeg/ladder-options.ts';
import { defaultBitrate, type LiveLadder, type LiveRung } from '../../lib/live-ladder.ts';

/** One quality of a plan. */
export interface PlannedRung {
  /** Name of the derived quality, e.g. `480`. */
  readonly name: string;
  readonly rendition: LadderVideoRendition;
  /** Peak of a segment, bits per second. */
  readonly bandwidth: number;
}

/** The encoding of one run of a stream. */
export interface LivePlan {
  readonly picture: LadderPicture;
  /** Lowest first. */
  readonly rungs: readonly PlannedRung[];
  /**
   * Rungs that are as large as the source, or larger: the source is that quality, or the rung that takes its
   * place.
   */
  readonly leftOut: readonly LiveRung[];
}

/** The input of a plan in addition to the source. */
interface LivePlanOptions {
  /** Pictures per second that were measured; undefined before. */
  readonly frameRate?: number | undefined;
  /** Encoders on devices may make rungs, and change: see LadderVideoRendition. */
  readonly semiPlanar?: boolean;
  /** Its pictures have two fields. */
  readonly interlaced?: boolean;
  /** Ends the names of rungs, where the stream has other qualities of such names. */
  readonly suffix?: string;
}

const TRACKS_FROM = 101;
/** The largest height with a default bitrate. */
const MOST_HEIGHT = 2160;
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
/** What is mapped to SDR, by dynamic range. */
const TONE_MAPS: ReadonlyMap<string | undefined, LadderPicture['toneMap']> = new Map([
  ['PQ', 'pq'],
  ['HLG', 'hlg'],
]);
/** From here on colours are those of HDTV. */
const HD_HEIGHT = 720;

/**
 * The plan for a source; `rungs` is empty where all are left out, and for HEVC whose pictures are single
 * fields. A source that browsers do not show as it should be (interlaced, or H.264 that they do not decode)
 * has a rung of its size, which takes its place in playlists.
 */
export function planLive(track: VideoTrack, ladder: LiveLadder, options: LivePlanOptions = {}): LivePlan {
  const { config } = track;
  const { suffix = '', semiPlanar = false, interlaced = false } = options;
  const width = config.width * sampleAspectOf(config);
  const { height } = config;
  const shortSide = Math.min(width, height);
  const fields = interlaced && ladder.fields === true;
  // Pictures say it by themselves where the parameter sets do.
  const toneMap = config.colourInfo?.colours && TONE_MAPS.get(videoRangeOf(track));
  const rate = (config.frameRate || options.frameRate) ?? USUAL_RATE;
  const encoded = hasFieldPictures(config)
    ? []
    : rungsOf(ladder, shortSide, interlaced || deepFormatOf(config) !== undefined);
  const rungs = encoded.map((rung, index): PlannedRung => {
    const { height: lines, bitrate } = rung;
    const name = `${lines}${rung.isFull ? FULL : ''}${suffix}`;
    // Small pictures have the motion of each two fields: they are for slow connections.
    const wanted = fields && (rung.isFull || lines >= HD_HEIGHT) ? 2 * rate : rate;
    const pictures = fields ? 2 * rate : rate;
    const keepEvery = Math.max(1, Math.ceil(wanted / (MOST_RATE * RATE_TOLERANCE))) * Math.round(pictures / wanted);
    return {
      name,
      bandwidth: Math.ceil(bitrate * PEAK),
      rendition: {
        id: `v0-${name}`,
        trackId: TRACKS_FROM + index,
        rung: name,
        codec: 'h264',
        ...scaled(width, height, lines),
        frameRate: { num: Math.round((pictures / keepEvery) * 1000), den: 1000 },
        keepEvery,
        crf: CRF,
        maxRate: bitrate,
        bufferSize: Math.round(bitrate * BUFFER_S),
        bFrames: 0,
        effort: 'fast',
        isLive: true,
        ...(semiPlanar && { semiPlanar }),
      },
    };
  });
  return {
    picture: {
      rotation: 0,
      interlaced,
      matrix: shortSide < HD_HEIGHT ? 'bt601' : 'bt709',
      ...(fields && { fields }),
      ...(toneMap && { toneMap }),
    },
    rungs,
    leftOut: ladder.rungs.filter((rung) => rung.height >= shortSide),
  };
}

/** Lowest first. */
function rungsOf(
  ladder: LiveLadder,
  shortSide: number,
  isReplaced: boolean,
): (LiveRung & { readonly isFull?: true })[] {
  const smaller = ladder.rungs.filter((rung) => rung.height < shortSide);
  if (!isReplaced || ladder.rungs.length === 0) return smaller;
  const height = Math.max(2, 2 * Math.floor(shortSide / 2));
  const set = ladder.rungs.find((rung) => rung.height === height);
  const bitrate = set?.bitrate ?? defaultBitrate(Math.min(height, MOST_HEIGHT));
  return [...smaller, { height, bitrate, isFull: true }];
}

function scaled(width: number, height: number, lines: number): { width: number; height: number } {
  const even = (value: number) => Math.max(2, 2 * Math.round(value / 2));
  const factor = lines / Math.min(width, height);
  return { width: even(width * factor), height: even(height * factor) };
}
