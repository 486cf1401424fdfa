/**
 * Interfaces between the demuxer and its tracks.
 * In: packets of one track. Out: configurations and frames. Pure types.
 */

import type { Frame, Track } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import type { FlvPacket } from './message.ts';

/** The fields of a Track that follow from its configuration. */
export type TrackSetup = Pick<Track, 'kind' | 'config' | 'timescale'>;

/** Receives the output of one track. */
export interface TrackOutput {
  /** The first configuration, or another one, before the frames that need it. */
  configured(setup: TrackSetup): void;
  /** A frame; `trackId` is that of the stream. */
  frame(frame: Frame): void;
  damage(reason: string): void;
  /** The track is not supported. A later `configured` revokes it. */
  refused(track: LeftOutTrack): void;
}

/** Parses the packets of one track. */
export interface FlvTrack {
  /**
   * @param body of the message; may be kept, must not be changed afterwards
   * @param timeMs decode time without wraps
   * @throws FormatError if the packet is malformed; the next one may be good
   */
  packet(packet: FlvPacket, body: Uint8Array, timeMs: number): void;
  /** Delivers a frame that waits for its successor. */
  flush(): void;
}
