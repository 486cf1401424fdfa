/**
 * Runs a process that encodes the ladder of one live stream.
 * In: a track, frames in decode order, cuts. Out: the tracks and frames of the rungs, with the times of the
 * stream, and marks between them.
 */
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { type EngineChild, openChild, untilReady } from './child-process.ts';
import {
  type Mark,
  messageKinds,
  parseFrame,
  parseJson,
  parseMark,
  parseTracks,
  printCut,
  printFrame,
  printMark,
  printMessage,
  printTracks,
} from './frame-protocol.ts';
import { type EncoderFailure, type EncoderOrder, ladderLimits } from './ladder-options.ts';
import type { LiveLadderOptions } from './live-ladder-options.ts';

/** Receives the result, synchronously. An exception ends the process. */
export interface LiveEncoderOutput {
  /** The track of a rung, before its first frame of a run, and when it begins again. */
  track(track: VideoTrack): void;
  /** In decode order within a rung; its data may be kept. */
  frame(frame: Frame): void;
  /** Everything before this mark has come out. */
  mark(mark: Mark): void;
  /** The encoder of a track on a device failed: software makes it, from the next cut on if it has begun. */
  encoderFailed?(failure: EncoderFailure): void;
}

/** A running process. Disposing ends it and waits for its end. */
export interface LiveEncoder extends AsyncDisposable {
  readonly pid: number;
  /** A run begins, with a key frame. Send a mark that ends the run before. */
  begin(source: VideoTrack, options: LiveLadderOptions): void;
  /** The tracks that are made from now on, by id. */
  enable(trackIds: readonly number[]): void;
  /**
   * The next segment begins with the first picture at or after `at`, ticks of the source; before that picture
   * is sent.
   */
  cut(at: number): void;
  send(frame: Frame): void;
  /** Another encoder makes a track from the next cut on. */
  use(order: EncoderOrder): void;
  mark(mark: Mark): void;
  /** Ends it; `why` becomes the reason in `ended`. */
  kill(why: string): void;
  /** Resolves with the reason when the process has ended. Never rejects. */
  readonly ended: Promise<string>;
}

/**
 * Starts a process. Resolves when it is ready for frames.
 *
 * @throws OxbowError `engine-failed` if it cannot be started, is not ready in 20 s, or too many run
 */
export async function openLiveEncoder(output: LiveEncoderOutput): Promise<LiveEncoder> {
  const { promise: ready, resolve: onReady } = Promise.withResolvers<void>();
  const child: EngineChild = await openChild({
    entry: 'ladder/live-main',
    maxDataBytes: ladderLimits.maxDataBytes,
    onMessage(kind, payload) {
      if (kind === messageKinds.ready) onReady();
      else if (kind === messageKinds.frame) output.frame(parseFrame(payload));
      else if (kind === messageKinds.mark) output.mark(parseMark(payload));
      else if (kind === messageKinds.encoderFailed) output.encoderFailed?.(parseJson(payload) as EncoderFailure);
      else if (kind === messageKinds.tracks)
        for (const track of parseTracks(payload)) output.track(track as VideoTrack);
    },
  });
  await untilReady(child, ready);
  return {
    pid: child.pid,
    begin(source, options) {
      child.send(printTracks([source]));
      child.send(printMessage(messageKinds.options, Buffer.from(JSON.stringify(options))));
    },
    enable: (trackIds) => child.send(printMessage(messageKinds.enabled, Buffer.from(JSON.stringify(trackIds)))),
    cut: (at) => child.send(printCut(at)),
    send: (frame) => child.send(printFrame(frame)),
    use: (order) => child.send(printMessage(messageKinds.encoder, Buffer.from(JSON.stringify(order)))),
    mark: (mark) => child.send(printMark(mark)),
    kill: (why) => child.kill(why),
    ended: child.ended,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
