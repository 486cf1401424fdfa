/**
 * What one input gives to a splice.
 * In: the tracks of an input. Out: the tracks that are used of it; frames for packages/media/splice/splice.
 * Pure.
 */
import type { AudioTrack, Frame, Track, VideoTrack } from '../frame.ts';

/** What a take consists of. */
export interface TakeOptions {
  /** Tracks of the input; the first of video and the first of audio are used. */
  readonly tracks: readonly Track[];
  /**
   * Called with the first frame, a key frame: what is added to the clock of the input, µs, so that the take
   * begins where it should. Undefined, or absent: it begins where the last take ends.
   */
  readonly offsetUs?: (first: Frame) => number | undefined;
  /**
   * Sound of another input, which is passed to `writeSound`, in place of that of `tracks`. `offsetUs` is what
   * is added to its clock, µs.
   */
  readonly sound?: { readonly track: AudioTrack; readonly offsetUs: () => number };
}

/** One input, from a key frame to the first picture of the next take. Frames after its end are ignored. */
export class Take {
  readonly options: TakeOptions;
  readonly video: VideoTrack | undefined;
  readonly audio: AudioTrack | undefined;
  readonly #write: (take: Take, frame: Frame, isSound: boolean) => void;

  /** @throws RangeError without a track of video or audio */
  constructor(options: TakeOptions, write: (take: Take, frame: Frame, isSound: boolean) => void) {
    this.options = options;
    this.#write = write;
    this.video = options.tracks.find((track) => track.kind === 'video');
    this.audio = options.sound?.track ?? options.tracks.find((track) => track.kind === 'audio');
    if (!this.video && !this.audio) throw new RangeError('a take has a track of video or audio');
  }

  /** The track whose key frame begins the take. */
  get reference(): VideoTrack | AudioTrack {
    return (this.video ?? this.audio)!;
  }

  /** A frame of the input, in the order of its decoding. */
  write(frame: Frame): void {
    if (frame.trackId === this.video?.id) this.#write(this, frame, false);
    else if (!this.options.sound && frame.trackId === this.audio?.id) this.#write(this, frame, true);
  }

  /** A frame of the other input whose sound is used. */
  writeSound(frame: Frame): void {
    if (this.options.sound && frame.trackId === this.audio?.id) this.#write(this, frame, true);
  }
}
