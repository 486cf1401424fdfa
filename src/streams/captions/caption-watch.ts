/**
 * Watches the video of a stream for closed captions: services that were seen in a run are announced from then
 * on.
 * In: frames of the stream, as a sink that never waits; what the source says of its captions. Out: the live
 * window, and a row for each run. A picture without captions costs one comparison.
 */

import {
  type CaptionChannel,
  isCaptionService,
  mergeCaptions,
  unnamedChannel,
} from '@oxbow/media/captions/caption-channel';
import { CaptionReader } from '@oxbow/media/captions/cc-data';
import { ServiceDetector } from '@oxbow/media/captions/services';
import type { Frame, Track } from '@oxbow/media/frame';
import type { RunContext, Sink } from '../../live/sink.ts';
import type { CaptionTable } from '../../recording/caption-table.ts';

/** The captions of one stream. */
export class CaptionWatch implements Sink {
  readonly holdsFrames = false;
  readonly #announce: (captions: readonly CaptionChannel[] | undefined) => void;
  readonly #table: CaptionTable;
  #announced: readonly CaptionChannel[] | undefined;
  #bySource: readonly CaptionChannel[] | undefined;
  #video: Track | undefined;
  #run: number | undefined;
  #reader: CaptionReader | undefined;
  /** In the runs of this video. */
  #detected: readonly CaptionChannel[] = [];
  #detector = new ServiceDetector();

  /**
   * @param announce receives what may be listed, when it changes; undefined while it is not known whether
   *   there are any
   */
  constructor(announce: (captions: readonly CaptionChannel[] | undefined) => void, table: CaptionTable) {
    this.#announce = announce;
    this.#table = table;
  }

  /** The source has these captions, by what it says; undefined if it says nothing. */
  declare(captions: readonly { service: string; language: string; name: string }[] | undefined): void {
    const channels = captions?.flatMap((caption) => {
      const { service } = caption;
      return isCaptionService(service) ? [{ ...caption, service }] : [];
    });
    if (JSON.stringify(channels) === JSON.stringify(this.#bySource)) return;
    this.#bySource = channels;
    this.#note();
  }

  startRun({ run, reference, soft }: RunContext): void {
    this.#reader = undefined;
    this.#run = undefined;
    const { codec } = reference.config;
    // A picture of the server itself has none, and the publisher returns.
    if (run.isFill || (codec !== 'h264' && codec !== 'hevc')) return;
    this.#reader = new CaptionReader(codec);
    this.#run = run.id;
    if (!soft) {
      if (!this.#video || !isSimilar(this.#video, reference)) this.#detected = [];
      this.#detector = new ServiceDetector();
    }
    this.#video = reference;
    this.#note();
  }

  write(frame: Frame): void {
    if (!this.#reader || frame.trackId !== this.#video?.id) return;
    const triplets = this.#reader.read(frame.data);
    if (!triplets || !this.#detector.add(triplets)) return;
    this.#detected = mergeCaptions(this.#detected, this.#detector.services.map(unnamedChannel));
    this.#note();
  }

  flush(): void {}

  endRun(): void {}

  damage(): void {}

  /**
   * Stores and announces the known captions. That a video has none is only announced if its source says so:
   * they may begin later.
   */
  #note(): void {
    const captions = mergeCaptions(this.#bySource ?? [], this.#detected);
    if (this.#run !== undefined && JSON.stringify(this.#table.of(this.#run)) !== JSON.stringify(captions)) {
      this.#table.set(this.#run, captions);
    }
    const announced = captions.length > 0 || this.#bySource ? captions : undefined;
    if (JSON.stringify(announced) === JSON.stringify(this.#announced)) return;
    this.#announced = announced;
    this.#announce(announced);
  }
}

/** Whether two tracks are probably the video of one encoder. */
function isSimilar({ config: before }: Track, { config }: Track): boolean {
  const sizeOf = (video: Track['config']) => ('width' in video ? `${video.width}x${video.height}` : '');
  return before.codecs === config.codecs && sizeOf(before) === sizeOf(config);
}
