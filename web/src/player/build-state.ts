/**
 * Builds the state that the page shows from the parts of the player.
 * In: the buffers, the edge, the summary of playback. Out: a MediaState. Reads only.
 */
import type { MediaState } from '../media/state.ts';
import type { LiveEdge } from './live-edge.ts';
import { bufferedAheadS } from './video/buffered.ts';
import type { DoubleBuffer } from './video/double-buffer.ts';

/** What the snapshot needs of playback. */
export interface PlaybackSummary
  extends Pick<
    MediaState,
    'mode' | 'loading' | 'seeking' | 'tryingLive' | 'rate' | 'catchingUp' | 'shownMs' | 'failure' | 'note' | 'loop'
  > {
  readonly wantPlay: boolean;
  readonly switching: boolean;
  readonly stalls: number;
  readonly stalledMs: number;
}

/** Inputs of the snapshot besides the parts. */
interface SnapshotContext {
  /** The server's time, unix milliseconds. */
  readonly nowMs: number;
  readonly networkS: number | null;
}

/** A picture that is later than the target by less than this is at the edge, seconds. */
const AT_EDGE_S = 1.5;

/** The player at this moment. */
export function buildState(
  buffers: DoubleBuffer,
  edge: LiveEdge,
  state: PlaybackSummary,
  { nowMs, networkS }: SnapshotContext,
): MediaState {
  const { front, choices, counts } = buffers;
  const { mode, shownMs, wantPlay, switching } = state;
  const offers = choices.offers(front.hls);
  const { video } = front;
  const live = front.kind === 'live' && mode !== 'offline';
  const behindMs = shownMs === null ? null : Math.max(0, nowMs - shownMs);
  const totalS = video.paused || shownMs === null ? behindMs : (edge.totalS(front) ?? 0) * 1000 || behindMs;
  const { edgeMs } = front;
  const lateS = edge.lateS(front);
  return {
    mode,
    loading: state.loading,
    seeking: state.seeking,
    tryingLive: state.tryingLive,
    pictured: video.readyState >= 2,
    soundOnly: video.readyState >= 1 && video.videoWidth === 0,
    paused: video.paused && !(switching && wantPlay),
    muted: buffers.sound.muted,
    volume: buffers.sound.volume,
    rate: state.rate,
    catchingUp: state.catchingUp,
    shownMs,
    behindMs,
    atEdge: mode === 'live' && !switching && !video.paused && lateS !== null && lateS < AT_EDGE_S,
    failure: state.failure,
    note: state.note,
    latency: {
      totalS: totalS === null ? null : totalS / 1000,
      edgeS: live && edgeMs !== null && shownMs !== null ? Math.max(0, (edgeMs - shownMs) / 1000) : null,
      targetLatencyS: mode === 'live' && live ? edge.targetLatencyS : null,
      bufferS: bufferedAheadS(video),
      networkS,
      droppedFrames: counts.dropped,
      shownFrames: counts.shown,
      stalls: state.stalls,
      stalledMs: state.stalledMs,
    },
    qualities: offers.qualities,
    quality: choices.quality,
    playingQuality: offers.playingQuality,
    sounds: offers.sounds,
    sound: offers.sound,
    subtitles: offers.subtitles,
    subtitle: choices.subtitle,
    loop: state.loop,
    inPicture: buffers.inPicture,
  };
}
