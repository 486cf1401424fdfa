/**
 * What a player shows at one moment: everything that controls, bar, chip and overlays need.
 * In: the mediators, see requests.ts. Out: controls, bars and overlays of every page, the embedded element.
 */
import type { Failure } from '../api/client.ts';
import type { Stretch } from '../time/past.ts';

/**
 * A short message to the viewer about what just happened. `note.failed`: the request cannot be met, the old
 * picture continues; `note.missing`: a segment of the recording is missing, playback continues after it.
 */
export type Note =
  | { readonly key: 'note.nothingAfter' }
  | { readonly key: 'note.skipped'; readonly skipped: Stretch }
  | { readonly key: 'note.missing'; readonly toMs: number }
  | { readonly key: 'note.failed'; readonly failure: Failure };

/** An option: a quality, an audio track, a subtitle. */
export interface Choice {
  /** Its id for the player; constant while it plays. */
  readonly id: string;
  /** BCP 47; empty where unknown or without meaning. */
  readonly language: string;
  /** As the source names it; may be empty. */
  readonly label: string;
  /**
   * Pixels of a quality's short side, which names it: an upright 720 × 1280 is 720p; undefined for sounds and
   * subtitles.
   */
  readonly height?: number | undefined;
  /** Bits per second of a quality. */
  readonly bitrate?: number | undefined;
}

/** Total latency and its parts. Seconds. */
interface Latency {
  /**
   * Total latency: the server's time minus the programme time of the shown frame. Null before the first
   * frame.
   */
  readonly totalS: number | null;
  /** From the end of the live list to the shown frame; null in the past. */
  readonly edgeS: number | null;
  /** Target latency, from the edge; null while the viewer chooses the speed. */
  readonly targetLatencyS: number | null;
  /** Media ahead of the shown frame in the browser. */
  readonly bufferS: number;
  /** Best of the last round trips to the server. */
  readonly networkS: number | null;
  readonly droppedFrames: number;
  readonly shownFrames: number;
  /** Stalls since the page was opened. */
  readonly stalls: number;
  /** Their time, milliseconds. */
  readonly stalledMs: number;
}

/** The player at one moment. */
export interface MediaState {
  /**
   * `live`: the live list at its edge; `shifted`: the live list, further back; `past`: windows; `offline`:
   * waits for the stream.
   */
  readonly mode: 'idle' | 'live' | 'shifted' | 'past' | 'offline';
  /** The requested picture is not ready; the old one stays. */
  readonly loading: boolean;
  /** The requested time is not on the screen yet; `shownMs` is the requested one. */
  readonly seeking: boolean;
  /** Live could not be loaded and is loaded again, while the past continues. */
  readonly tryingLive: boolean;
  /** There is a picture, new or old. */
  readonly pictured: boolean;
  /** The loaded media has no video. */
  readonly soundOnly: boolean;
  readonly paused: boolean;
  readonly muted: boolean;
  /** 0 to 1. */
  readonly volume: number;
  /** Speed that the viewer chose, 0.5 to 2; small corrections are not shown. */
  readonly rate: number;
  /** It catches up with live: it plays at double speed until then. */
  readonly catchingUp: boolean;
  /** UTC of the picture, or of the requested one, unix milliseconds; null before the first. */
  readonly shownMs: number | null;
  /** From that to the server's now, milliseconds. */
  readonly behindMs: number | null;
  /** As near to now as this stream is played. */
  readonly atEdge: boolean;
  readonly failure: Failure | null;
  readonly note: Note | null;
  readonly latency: Latency;
  /** Best first; empty where there is nothing to choose. */
  readonly qualities: readonly Choice[];
  /** `id` of the one chosen by the viewer; null: by the player. */
  readonly quality: string | null;
  /** `id` of the one that plays. */
  readonly playingQuality: string | null;
  readonly sounds: readonly Choice[];
  readonly sound: string | null;
  readonly subtitles: readonly Choice[];
  /** Null: off. */
  readonly subtitle: string | null;
  /** The range that plays in a loop, unix milliseconds; null: none. */
  readonly loop: { readonly fromMs: number; readonly toMs: number } | null;
  readonly inPicture: boolean;
}

/** The player before the first request. */
export const idle: MediaState = {
  mode: 'idle',
  loading: false,
  seeking: false,
  tryingLive: false,
  pictured: false,
  soundOnly: false,
  paused: true,
  muted: true,
  volume: 1,
  rate: 1,
  catchingUp: false,
  shownMs: null,
  behindMs: null,
  atEdge: false,
  failure: null,
  note: null,
  latency: {
    totalS: null,
    edgeS: null,
    targetLatencyS: null,
    bufferS: 0,
    networkS: null,
    droppedFrames: 0,
    shownFrames: 0,
    stalls: 0,
    stalledMs: 0,
  },
  qualities: [],
  quality: null,
  playingQuality: null,
  sounds: [],
  sound: null,
  subtitles: [],
  subtitle: null,
  loop: null,
  inPicture: false,
};
