/**
 * Encoders on the devices of workers on other machines, as a live ladder uses them.
 * In: features/live-workers has the connections. Out: streams/ladder and movable-encoder. Types.
 */
import type { LiveEncoder, LiveEncoderOutput } from '../../../ffmpeg/live-ladder.ts';

/** Whole messages of ffmpeg/frame-protocol in both directions, in order. */
export interface EncoderLink {
  /** Sends a message; no effect after the end. */
  send(message: Uint8Array): void;
  /** Receives the messages of the other side; an exception ends the link. */
  onMessage: (message: Uint8Array) => void;
  /** Ends it. @param why for the other side */
  close(why: string): void;
  /** Resolves with the reason when it has ended. Never rejects. */
  readonly ended: Promise<string>;
}

/** An encoder at a worker. Disposing it returns the places on the devices. */
export interface RemoteEncoder {
  readonly encoder: LiveEncoder;
  /** Name of the worker. */
  readonly worker: string;
  /** The encoder of a track and its device; undefined before the worker has chosen it. */
  nameOf(trackId: number): string | undefined;
  /** Resolves when it has places and a process for the run that was begun; never if it ends before. */
  readonly ready: Promise<void>;
  /** The worker failed: it is left alone for a while. */
  fail(): void;
}

/** The workers that encode live. */
export interface RemoteEncoders {
  /** The most qualities that one worker takes now; 0: there is none. */
  readonly free: number;
  /**
   * Takes the worker with the fastest free devices; undefined if none has places for this many qualities.
   * That the worker has them is known when its first picture comes back.
   *
   * @param count number of qualities
   * @param stream its name, for the counters of bytes
   */
  take(output: LiveEncoderOutput, count: number, stream: string): RemoteEncoder | undefined;
}

/** No worker encodes live. */
export const noRemoteEncoders: RemoteEncoders = { free: 0, take: () => undefined };
