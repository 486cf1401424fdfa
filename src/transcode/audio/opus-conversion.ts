/**
 * Converts the sound of a live stream to Opus in a child process, for viewers over WebRTC: the newest sound
 * or none, never late sound.
 * In: an audio track and its frames. Out: Opus frames on the same timeline. Implements OpusConversion of
 * media/rtp/send/opus-audio.ts.
 */

import type { AudioTrack, Frame } from '@oxbow/media/frame';
import type { AudioTranscoder, OpenTranscoder } from '../../ffmpeg/audio-transcoder.ts';
import { opusTrack, opusTranscodeOf } from '../../ffmpeg/audio-transcoder-options.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ConversionReport } from '../stage/conversion-report.ts';
import { SupervisedProcess } from '../stage/supervised-process.ts';

/** Frames that wait for the process: 1.4 s of AAC. Later sound is of no use. */
const MAX_WAITING = 64;
/** A process that ends is replaced at most this often, ms. */
const MIN_RESTART_MS = 3000;
/** No codec has larger frames: FLAC of 8 channels. The process refuses messages of 1 MiB. */
const MAX_FRAME_BYTES = 256 * 1024;

/** Dependencies of a conversion. */
interface OpusConversionOptions {
  readonly open: OpenTranscoder;
  readonly clock: Clock;
  readonly report: Pick<ConversionReport, 'failed' | 'lost'>;
}

/** The conversion of one stream. Its process runs from the first run with sound until it is disposed. */
export class OpusConversion implements Disposable {
  readonly #options: OpusConversionOptions;
  readonly #transcoder: SupervisedProcess<AudioTranscoder>;
  #trackId: number | undefined;
  /** Runs that are over, whose last frames have not come out yet. */
  #oldRuns = 0;
  #isOver = false;

  /** @param deliver receives each Opus frame of the current run; its data may be kept */
  constructor(options: OpusConversionOptions, deliver: (frame: Frame) => void) {
    const { open, clock, report } = options;
    this.#options = options;
    const output = {
      frame: (frame: Frame) => {
        if (this.#oldRuns === 0 && !this.#isOver) deliver(frame);
      },
      failed: (why: string) => report.failed(why),
      lost: (count: number) => report.lost(count),
    };
    this.#transcoder = new SupervisedProcess(open, clock, output, {
      maxWaiting: MAX_WAITING,
      minRestartMs: MIN_RESTART_MS,
      dropsWhileStarting: true,
    });
  }

  /** Process id, undefined while none runs. */
  get pid(): number | undefined {
    return this.#transcoder.pid;
  }

  /**
   * A run begins: starts the process. Returns the track of the Opus; undefined if the track needs no
   * conversion.
   */
  startRun(track: AudioTrack): AudioTrack | undefined {
    if (this.#isOver) return undefined;
    this.#oldRuns++;
    this.#transcoder.finish(() => {
      this.#oldRuns--;
    });
    const plan = opusTranscodeOf(track);
    this.#trackId = plan?.id;
    if (!plan) {
      void this.#transcoder.stop();
      return undefined;
    }
    this.#transcoder.begin((process) => process.setTracks([plan]));
    return opusTrack(track, plan);
  }

  /** Takes the next frame of the track; others are ignored. */
  write(frame: Frame): void {
    if (this.#isOver || frame.trackId !== this.#trackId) return;
    if (frame.data.length > MAX_FRAME_BYTES) this.#options.report.lost(1);
    else this.#transcoder.push(frame);
  }

  /** Ends the process. May be called twice. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    void this.#transcoder.stop();
  }
}
