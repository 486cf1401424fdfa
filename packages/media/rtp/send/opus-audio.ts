/**
 * The sound of a live stream as WebRTC takes it: Opus, converted where the stream has another codec. For WHEP
 * viewers and WHIP relays.
 * In: the audio track of a run, its frames. Out: the track and the frames that are sent. Implemented by
 * transcode/audio/opus-conversion.ts.
 */
import type { AudioTrack, Frame } from '../../frame.ts';

/** The conversion of one stream. Calls do not wait. Disposing ends it. */
interface OpusConversion extends Disposable {
  /**
   * A run begins: returns the track of the Opus, which has the id of the source; undefined if the track needs
   * no conversion.
   */
  startRun(track: AudioTrack): AudioTrack | undefined;
  /** Takes the next frame of the track. */
  write(frame: Frame): void;
}

/**
 * Opens the conversion of one stream; nothing runs before its `startRun`.
 *
 * @param name of the stream, for logs and metrics
 * @param deliver receives each Opus frame of the current run, later; not called after the conversion is
 *   disposed
 */
export type OpenOpusConversion = (name: string, deliver: (frame: Frame) => void) => OpusConversion;

/** The audio of a stream's viewers. A conversion runs only while there is sound that needs it. */
export class OpusAudio implements Disposable {
  readonly #open: () => OpusConversion;
  #conversion: OpusConversion | undefined;
  #convertedId: number | undefined;

  /** @param deliver receives converted frames */
  constructor(name: string, open: OpenOpusConversion, deliver: (frame: Frame) => void) {
    this.#open = () => open(name, deliver);
  }

  /**
   * A run begins.
   * @param track the audio that viewers get if it is converted. Returns what they get; undefined if that is
   *   `track`
   */
  startRun(track: AudioTrack | undefined): AudioTrack | undefined {
    let opus: AudioTrack | undefined;
    if (track && needsConversion(track)) {
      this.#conversion ??= this.#open();
      opus = this.#conversion.startRun(track);
    }
    this.#convertedId = opus?.id;
    if (!opus) this[Symbol.dispose]();
    return opus;
  }

  /** Takes a frame; returns false if its track is not converted. */
  write(frame: Frame): boolean {
    if (frame.trackId !== this.#convertedId) return false;
    this.#conversion?.write(frame);
    return true;
  }

  /** Ends the conversion. */
  [Symbol.dispose](): void {
    this.#convertedId = undefined;
    this.#conversion?.[Symbol.dispose]();
    this.#conversion = undefined;
  }
}

function needsConversion({ config }: AudioTrack): boolean {
  return config.codec !== 'opus' || config.channels > 2;
}
