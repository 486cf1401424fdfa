/**
 * An encoder of a live ladder without a process, whose pace a test sets.
 * In: what is sent to it. Out: each frame of the source again, in each rung, with key frames at the cuts.
 * Used by tests only.
 */

import type { VideoTrack } from '@oxbow/media/frame';
import type { EncoderFailure, EncoderOrder, LadderVideoRendition } from '../../ffmpeg/ladder-options.ts';
import type { LiveEncoder, LiveEncoderOutput } from '../../ffmpeg/live-ladder.ts';
import type { OpenLiveEncoder } from './live-ladder-shapes.ts';

/** One made-up process. */
export interface FakeLiveEncoder extends LiveEncoder {
  /** It returns nothing while this is set. */
  isStalled: boolean;
  /** Tracks that it makes. */
  readonly enabled: ReadonlySet<number>;
  /** Frames that it got. */
  readonly taken: number;
  /** Encoders that it was to use. */
  readonly used: readonly EncoderOrder[];
  /** An encoder on a device fails. */
  encoderFailed(failure: EncoderFailure): void;
  /** The process ends. */
  end(why: string): void;
}

/** Opens made-up processes; `fails` is the reason for which the next ones cannot be started. */
export class FakeLiveEncoders {
  readonly opened: FakeLiveEncoder[] = [];
  fails: string | undefined;

  /** The newest process. */
  get last(): FakeLiveEncoder {
    const last = this.opened.at(-1);
    if (!last) throw new Error('no process was started');
    return last;
  }

  readonly open: OpenLiveEncoder = async (output) => {
    if (this.fails !== undefined) throw new Error(this.fails);
    const made = fake(this.opened.length + 1, output);
    this.opened.push(made);
    return made;
  };
}

function fake(pid: number, output: LiveEncoderOutput): FakeLiveEncoder {
  const { promise: ended, resolve: end } = Promise.withResolvers<string>();
  let waiting: (() => void)[] = [];
  let isStalled = false;
  let isBusy = false;
  let source: VideoTrack;
  let renditions: readonly LadderVideoRendition[] = [];
  let enabled = new Set<number>();
  let begun = new Set<number>();
  let cuts: number[] = [];
  let taken = 0;
  const used: EncoderOrder[] = [];
  // As in a process, what is sent while something comes out is answered after it.
  const work = () => {
    if (isBusy) return;
    isBusy = true;
    while (!isStalled && waiting.length > 0) waiting.shift()!();
    isBusy = false;
  };
  const later = (each: () => void) => {
    waiting.push(each);
    work();
  };
  return {
    pid,
    used,
    ended,
    end,
    get isStalled() {
      return isStalled;
    },
    set isStalled(value) {
      isStalled = value;
      work();
    },
    get enabled() {
      return enabled;
    },
    get taken() {
      return taken;
    },
    begin: (track, options) =>
      later(() => {
        source = track;
        renditions = options.renditions;
        begun = new Set();
        cuts = [];
      }),
    enable(ids) {
      enabled = new Set(ids);
      for (const id of begun) if (!enabled.has(id)) begun.delete(id);
    },
    cut: (at) => later(() => void cuts.push(at)),
    send(frame) {
      taken++;
      later(() => {
        const isCut = cuts[0] !== undefined && frame.pts >= cuts[0];
        if (isCut) cuts.shift();
        for (const { trackId, rung, width, height } of renditions) {
          if (!enabled.has(trackId)) continue;
          const isFirst = !begun.has(trackId);
          begun.add(trackId);
          const config = { ...source.config, codec: 'h264' as const, codecs: 'avc1.64000d', width, height };
          if (isFirst) output.track({ ...source, id: trackId, rung, config });
          output.frame({ ...frame, trackId, dts: frame.pts, key: isCut || isFirst, data: frame.data.slice(0, 20) });
        }
      });
    },
    use: (order) => later(() => void used.push(order)),
    encoderFailed: (failure) => output.encoderFailed?.(failure),
    mark: (mark) => later(() => output.mark(mark)),
    kill(why) {
      waiting = [];
      end(why);
    },
    async [Symbol.asyncDispose]() {
      end('closed');
    },
  };
}
