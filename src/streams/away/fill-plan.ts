/**
 * Plans the frames that a live playlist shows while the publisher is away, so that its generation continues
 * (docs/media.md 10).
 * In: the tracks of the last run, the generation. Out: frame rate and GOP of the picture, silence for each
 * audio track. Pure.
 */

import type { AudioTrack, Track, VideoTrack } from '@oxbow/media/frame';
import { type StillGopOptions, stillGopCodecs } from '../../ffmpeg/engine.ts';
import { audioFrameS, silenceFor } from '../../packager/audio-frame.ts';
import type { Generation, PackagerSettings } from '../../packager/generation.ts';

/** Ticks per second of the picture's track. */
export const FILL_TIMESCALE = 90_000;
/**
 * The picture has at least this many frames a second, if the playlist has parts: they need a short, constant
 * frame.
 */
const LONGEST_FRAME_S = 0.1;
/** Playlists without parts. */
const SLOW_FRAME_S = 0.2;
/** Parts of one frame may have longer ones. */
const LONGEST_PART_FRAME_S = 0.15;
/** EXTINF is rounded to whole seconds. */
const SLACK_S = 0.45;

/** The picture of a fill. */
export interface VideoPlan {
  /** The track of the publisher. */
  readonly track: VideoTrack;
  /** Duration of a frame in ticks of FILL_TIMESCALE. */
  readonly frameTicks: number;
  readonly gop: Pick<StillGopOptions, 'codec' | 'width' | 'height' | 'frames' | 'frameRate'>;
}

/** The silence of one audio track. */
interface AudioPlan {
  /** The track of the publisher, which continues: its configuration does not change. */
  readonly track: AudioTrack;
  readonly frameS: number;
  /** One frame. */
  readonly silence: Uint8Array;
}

/** What a fill consists of. */
export interface FillPlan {
  readonly video: VideoPlan | undefined;
  readonly audio: readonly AudioPlan[];
}

/**
 * Plans a fill.
 *
 * @param tracks of the last run; subtitles and timed metadata have no fill
 * @returns why it is not possible, as a sentence, where a codec cannot be made
 */
export function planFill(
  tracks: readonly Track[],
  generation: Generation,
  settings: Pick<PackagerSettings, 'partS' | 'segmentS'>,
): FillPlan | string {
  const videos = tracks.filter((track) => track.kind === 'video');
  if (videos.length > 1) return 'there is no picture for several video tracks';
  const video = videos[0] && planVideo(videos[0], generation, settings);
  if (typeof video === 'string') return video;
  const audio: AudioPlan[] = [];
  for (const track of tracks) {
    if (track.kind !== 'audio') continue;
    const silence = silenceFor(track.config);
    if (!silence) return `there is no silence for audio of the type ${track.config.codecs}`;
    audio.push({ track, frameS: audioFrameS(track.config), silence });
  }
  return { video, audio };
}

function planVideo(
  track: VideoTrack,
  generation: Generation,
  { partS, segmentS }: Pick<PackagerSettings, 'partS' | 'segmentS'>,
): VideoPlan | string {
  const { codec, width, height } = track.config;
  const encoded = stillGopCodecs.find((stillCodec) => stillCodec === codec);
  if (!encoded) return `no picture can be made for video of the type ${track.config.codecs}`;
  const frameS = frameOf(generation, partS);
  if (frameS === undefined) return 'the parts of the playlist fit no picture';
  const frameTicks = Math.floor(frameS * FILL_TIMESCALE + 1e-6);
  const frameRate = FILL_TIMESCALE / frameTicks;
  // A key frame for each segment; all segments stay within TARGETDURATION.
  const most = Math.floor((generation.targetDurationS + SLACK_S) * frameRate);
  const frames = Math.max(2, Math.min(most, Math.ceil(segmentS * frameRate - 1e-6)));
  const even = (side: number) => 2 * Math.ceil(side / 2);
  return { track, frameTicks, gop: { codec: encoded, width: even(width), height: even(height), frames, frameRate } };
}

/**
 * Seconds of a frame with which the packager makes parts as long as those of the generation; undefined if
 * there is none.
 */
function frameOf({ parts }: Generation, partS: number): number | undefined {
  if (!parts) return SLOW_FRAME_S;
  const wholeS = parts.targetS - 0.001; // see planParts
  for (let frames = Math.ceil(wholeS / LONGEST_FRAME_S - 1e-6); frames >= 1; frames--) {
    const frameS = wholeS / frames;
    if (frameS <= LONGEST_PART_FRAME_S && Math.max(1, Math.round(partS / frameS)) === frames) return frameS;
  }
  return undefined;
}
