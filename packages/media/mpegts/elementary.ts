/**
 * Interfaces between the demuxer and its elementary streams.
 * In: PES units. Out: configurations and frames. Pure types.
 */
import type { Frame, Track } from '../frame.ts';
import type { PesHeader } from './pes.ts';

/** A frame before the set of tracks writes its track id into it: another object for each would be garbage. */
export interface TrackFrame extends Omit<Frame, 'trackId'> {
  trackId: number;
}

/** The fields of a Track that follow from its configuration. */
export type TrackSetup = Pick<Track, 'kind' | 'config' | 'timescale'>;

/** Receives the output of an elementary stream. */
export interface ElementaryOutput {
  /** The first configuration, or another one, before the frames that need it. */
  configured(setup: TrackSetup): void;
  frame(frame: TrackFrame): void;
  /** The source has set its clock back: what follows is of another encoder or file. */
  mayChange?(): void;
  damage(reason: string): void;
  /**
   * The stream is not supported, and why: `Opus audio with channel configuration 9`. A later `configured`
   * revokes it.
   */
  refused(name: string): void;
}

/** One stream of the program: parses PES units into frames. */
export interface Elementary {
  /** A PES began; `bytes` has the first bytes of its payload, and is valid only during the call. */
  header(header: PesHeader, bytes: Uint8Array, from: number, to: number): void;
  /** A PES is complete; the bytes up to 32 before `from` may be overwritten and kept. */
  unit(header: PesHeader, bytes: Uint8Array, from: number, to: number): void;
  /** A PES was dropped. */
  lost(): void;
  /** Delivers frames that wait for a successor. */
  flush(): void;
  /**
   * Whether its last frame may be delivered before the next one begins: the end of the frame and its duration
   * will be known.
   */
  readonly settles?: boolean;
  /**
   * The newest PES is complete, and nothing has followed it for long: delivers the frame that waits for a
   * successor.
   *
   * @returns whether there was one
   */
  settle?(): boolean;
  /** Bytes of units wait in it; default: never after `flush`. */
  readonly holds?: boolean;
  /** A new timeline begins: drops times and partial frames, keeps the configuration. */
  restart(): void;
}
