/**
 * What the player tells whoever shows it: everything that controls, bar, chip and overlays need.
 * In: the player. Out: the watch page, the embedded element.
 */
import type { Failure } from '../api/client.ts';
import type { Stretch } from '../timeline/past.ts';

/**
 * A short word to the viewer about what just happened. `note.failed`: what was asked for cannot be had, the old picture plays on;
 * `note.missing`: a piece of the recording cannot be had, it goes on behind it.
 */
export type Note =
  | { readonly key: 'note.nothingAfter' }
  | { readonly key: 'note.skipped'; readonly skipped: Stretch }
  | { readonly key: 'note.missing'; readonly toMs: number }
  | { readonly key: 'note.failed'; readonly failure: Failure };

/** One of several things to choose from: a quality, a sound, a subtitle. */
export interface Choice {
  /** Names it to the player; stays the same while it plays. */
  readonly id: string;
  /** BCP 47; empty where unknown or without meaning. */
  readonly language: string;
  /** As the source names it; may be empty. */
  readonly label: string;
  /** Pixels and bits per second of a quality; undefined for sounds and subtitles. */
  readonly height?: number | undefined;
  readonly bitrate?: number | undefined;
}

/** How far behind the world the picture is, and what that is made of. Seconds. */
export interface Latency {
  /** From the world to the eye: server's now less the programme time of the shown frame. Null before the first frame. */
  readonly totalS: number | null;
  /** From the end of the live list to the shown frame; null in the past. */
  readonly edgeS: number | null;
  /** What the player aims at now; null where its pace is free. */
  readonly targetLatencyS: number | null;
  /** Media ahead of the shown frame in the browser. */
  readonly bufferS: number;
  /** Best of the last round trips to the server. */
  readonly networkS: number | null;
  readonly droppedFrames: number;
  readonly shownFrames: number;
  /** Times the picture stood still for want of media since the page was opened. */
  readonly stalls: number;
}

/** The player at one moment. */
export interface Snapshot {
  /** `live`: the live list at its edge; `shifted`: the live list, behind; `past`: windows; `offline`: waits for the stream. */
  readonly mode: 'idle' | 'live' | 'shifted' | 'past' | 'offline';
  /** The picture that was asked for is not there yet; the old one stays. */
  readonly loading: boolean;
  /** Live was asked for and could not be had: it is tried again, while the past plays on. */
  readonly tryingLive: boolean;
  /** There is a picture to look at, new or old. */
  readonly pictured: boolean;
  readonly paused: boolean;
  readonly muted: boolean;
  /** 0 to 1. */
  readonly volume: number;
  /** Speed that the viewer chose, 0.5 to 2; small corrections of the pace are not shown. */
  readonly rate: number;
  /** UTC of the picture, or of the one asked for, unix milliseconds; null before the first. */
  readonly shownMs: number | null;
  /** How far that is behind the server's now, milliseconds. */
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
  /** The span that plays over and over, unix milliseconds; null: none. */
  readonly loop: { readonly fromMs: number; readonly toMs: number } | null;
  readonly inPicture: boolean;
}

/** What the page requests of the player. None of them throws; what happened is told by the next snapshot. */
export interface PlayerControls {
  /** Plays now, or waits for the stream to be live again and shows that. */
  goLive(): void;
  /**
   * Plays from a moment on; from the next recorded one, with a note, where there is nothing; live where nothing follows.
   *
   * @param atMs unix milliseconds
   * @param how `back`: this is a step back, a hole is left at its start
   */
  goTo(atMs: number, how?: { readonly back?: boolean }): void;
  togglePlay(): void;
  /** After a failure: what was asked for and refused, else what was shown, else now. */
  again(): void;
  /** Pauses and shows the next frame, or the one before. */
  stepFrame(by: 1 | -1): void;
  /** @param rate 0.5 to 2; above 1 at the edge it falls back to 1 by itself */
  setRate(rate: number): void;
  toggleMuted(): void;
  /** @param volume 0 to 1; above nothing also unmutes */
  setVolume(volume: number): void;
  /** @param id of `qualities`; null: the player chooses */
  setQuality(id: string | null): void;
  setSound(id: string): void;
  /** @param id of `subtitles`; null: none */
  setSubtitle(id: string | null): void;
  /** Plays a span over and over; null ends that where it is. */
  setLoop(span: { readonly fromMs: number; readonly toMs: number } | null): void;
  /** Needs a click or key of the viewer's; a browser without it changes nothing. */
  togglePicture(): void;
  /** Takes the note away once it has been read. */
  forgetNote(): void;
}

/** The player before anything was asked of it. */
export const idle: Snapshot = {
  mode: 'idle',
  loading: false,
  tryingLive: false,
  pictured: false,
  paused: true,
  muted: true,
  volume: 1,
  rate: 1,
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
