/**
 * Runs a process that converts the audio of one stream to AAC or Opus.
 * In: frames of its tracks, in the order of each track. Out: converted frames, and marks between them.
 */
import type { Frame } from '@oxbow/media/frame';
import type { TranscodeTrack } from './audio-transcoder-options.ts';
import { type EngineChild, openChild, untilReady } from './child-process.ts';
import {
  type Mark,
  messageKinds,
  parseFrame,
  parseMark,
  printFrame,
  printMark,
  printMessage,
} from './frame-protocol.ts';

/**
 * Decoders, encoders and a few seconds of audio need little; about 640 MB of it are Node's own reservations.
 */
const MAX_DATA_BYTES = 1024 * 1024 * 1024;
/** Receives the result, synchronously. */
export interface AudioTranscoderOutput {
  /** A converted frame; its times are ticks of the sample rate. */
  frame(frame: Frame): void;
  /** Everything before this mark has come out. */
  mark(mark: Mark): void;
}

/** A running process. Disposing ends it and waits for its end. */
export interface AudioTranscoder extends AsyncDisposable {
  readonly pid: number;
  /** Sets the tracks; frames of others are dropped. Send a mark that ends the media before. */
  setTracks(tracks: readonly TranscodeTrack[]): void;
  send(frame: Frame): void;
  mark(mark: Mark): void;
  /** Ends it; `why` becomes the reason in `ended`. */
  kill(why: string): void;
  /** Resolves with the reason when the process has ended. Never rejects. */
  readonly ended: Promise<string>;
}

/** Starts a process. */
export type OpenTranscoder = (output: AudioTranscoderOutput) => Promise<AudioTranscoder>;

/**
 * Starts a process. Resolves when it is ready for frames.
 *
 * @throws OxbowError `engine-failed` if it cannot be started, is not ready in 20 s, or too many run
 */
export async function openAudioTranscoder(output: AudioTranscoderOutput): Promise<AudioTranscoder> {
  const { promise: ready, resolve: onReady } = Promise.withResolvers<void>();
  const child: EngineChild = await openChild({
    entry: 'audio-main',
    maxDataBytes: MAX_DATA_BYTES,
    onMessage(kind, payload) {
      if (kind === messageKinds.ready) onReady();
      else if (kind === messageKinds.frame) output.frame(parseFrame(payload));
      else if (kind === messageKinds.mark) output.mark(parseMark(payload));
    },
  });
  await untilReady(child, ready);
  return {
    pid: child.pid,
    setTracks: (tracks) => child.send(printMessage(messageKinds.options, Buffer.from(JSON.stringify(tracks)))),
    send: (frame) => child.send(printFrame(frame)),
    mark: (mark) => child.send(printMark(mark)),
    kill: (why) => child.kill(why),
    ended: child.ended,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
