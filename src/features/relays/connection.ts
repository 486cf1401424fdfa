/**
 * The contract of a connection to a relay target.
 * In: runs and frames of relay.ts. Out: rtmp-connection, srt-connection, whip-connection. Types only.
 */

import type { Frame } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { RunContext } from '../../live/sink.ts';
import type { CheckedHost } from '../../net/net.ts';
import type { RelayTarget } from './target.ts';

/** Input of a protocol to connect. */
export interface ConnectRequest {
  readonly target: RelayTarget;
  /** Checked addresses of the target. */
  readonly host: CheckedHost;
  /** The run that flows: its codecs are announced. */
  readonly context: RunContext;
  /** Name of the stream, for logs. */
  readonly name: string;
  /** The target needs a key frame: requests one from the source, where that is possible. */
  readonly requestKeyFrame: () => void;
  /** Ends the attempt; later it closes the connection. */
  readonly signal: AbortSignal;
}

/** Connects to a target; rejects with the reason, which has no secrets. */
export type ConnectRelay = (request: ConnectRequest) => Promise<RelayConnection>;

/** An open connection to a target. */
export interface RelayConnection {
  /** Media begins with the GOP on the air, which is there at once; otherwise with the next key frame. */
  readonly takesBursts: boolean;
  /** Bytes of media that were passed to the connection. */
  readonly sentBytes: number;
  /** Frames that the connection dropped. */
  readonly lostFrames: number;
  /** A run begins. Returns the tracks that the target does not get. */
  startRun(context: RunContext): readonly LeftOutTrack[];
  /** Sends a frame. False if more should wait for `drained`. */
  write(frame: Frame): boolean;
  /** Resolves when the connection takes frames again, or has ended. */
  drained(): Promise<void>;
  /** Resolves with the reason when the connection has ended; never rejects. */
  readonly closed: Promise<string>;
  /** Sends the queue, and closes. May be called twice. */
  close(): Promise<void>;
}
