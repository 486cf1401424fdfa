/**
 * Converts audio that browsers cannot play to AAC, between the publishers of a stream and the stream.
 * In: the calls of the publisher pipeline. Out: the same calls, with AAC in place of the converted tracks.
 * A run begins when the process has started, which takes 0.2 s and at most 10 s.
 */

import type { Frame } from '@oxbow/media/frame';
import type { AudioMode } from '../../config/schema.ts';
import type { AudioTranscoder, OpenTranscoder } from '../../ffmpeg/audio-transcoder.ts';
import type { Clock } from '../../lib/clock.ts';
import type { RunStart } from '../../live/input.ts';
import type { ConversionReport } from '../stage/conversion-report.ts';
import { type Conversion, type ConversionOutput, ConversionStage } from '../stage/conversion-stage.ts';
import { SupervisedProcess } from '../stage/supervised-process.ts';
import { planConversion } from './plan.ts';

/**
 * By this much later than its video audio may arrive because it is converted, µs. Decoder, encoder and pipe
 * hold 0.1 s; on a busy machine the process is later, and audio that the packager does not wait for would be
 * silence in the recording.
 */
const CONVERSION_US = 1_500_000;

/** Dependencies of a stage. */
interface AudioStageOptions {
  readonly open: OpenTranscoder;
  readonly clock: Clock;
  /** The option `source.audio`; read when a run begins. */
  readonly mode: () => AudioMode;
  readonly report: Pick<ConversionReport, 'failed' | 'lost' | 'bug'>;
}

/** Creates the conversion of the audio of one stream. */
export function createAudioStage(options: AudioStageOptions): ConversionStage {
  return new ConversionStage((output) => new ToAac(options, output), options.report);
}

class ToAac implements Conversion {
  readonly #mode: AudioStageOptions['mode'];
  readonly #process: SupervisedProcess<AudioTranscoder>;
  #begun: RunStart | undefined;

  constructor({ open, clock, mode, report }: AudioStageOptions, output: ConversionOutput) {
    this.#mode = mode;
    this.#process = new SupervisedProcess(open, clock, {
      frame: (frame) => output.frame(frame),
      failed: (why) => report.failed(why),
      lost: (count) => report.lost(count),
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  begin(start: RunStart): ReadonlySet<number> {
    const { pace, tracks } = start;
    // The audio of segments is converted before they are published, see SegmentAudio.
    const { converts, tracks: results } = planConversion(tracks, pace.kind === 'continuous' ? this.#mode() : 'keep');
    if (converts.length === 0 || pace.kind !== 'continuous') {
      void this.#process.stop();
      return new Set();
    }
    const apartUs = (pace.apartUs ?? 0) + CONVERSION_US;
    this.#begun = { ...start, tracks: results, pace: { ...pace, apartUs } };
    this.#process.begin((process) => process.setTracks(converts));
    return new Set(converts.map(({ id }) => id));
  }

  /** A run begins with its sound: while the process starts, everything waits. */
  started(done: (start: RunStart) => void): void {
    const begun = this.#begun!;
    this.#process.started(() => done(begun));
  }

  push(frame: Frame): void {
    this.#process.push(frame);
  }

  finish(done: () => void): void {
    this.#process.finish(done);
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}
