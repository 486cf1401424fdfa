/**
 * What the demuxer and its tracks say to each other.
 * In: PES units. Out: configurations and frames. Pure types.
 */
import type { Frame, Track } from '../frame.ts';
import type { PesHeader } from './pes.ts';

/** A frame without its track id, with its time on the program's timeline. */
export interface TrackFrame extends Omit<Frame, 'trackId'> {
  /** Decode time, ticks of 90 kHz. */
  readonly dts90: number;
}

/** What makes a Track out of its configuration. */
export type TrackSetup = Pick<Track, 'kind' | 'config' | 'timescale'>;

/** Where an elementary stream delivers. */
export interface ElementaryOutput {
  /** The first configuration, or another one, before the frames that need it. */
  configured(setup: TrackSetup): void;
  frame(frame: TrackFrame): void;
  damage(reason: string): void;
  /** What came cannot be taken, and why, in words: `Opus audio with channel configuration 9`. A later `configured` takes it back. */
  refused(name: string): void;
}

/** One stream of the program: makes frames of PES units. */
export interface Elementary {
  /** A PES began; `bytes` has the head of its payload, as much as came with the header, and is only lent. */
  header(header: PesHeader, bytes: Uint8Array, from: number, to: number): void;
  /** A PES is whole; the bytes up to 32 before `from` may be overwritten and kept. */
  unit(header: PesHeader, bytes: Uint8Array, from: number, to: number): void;
  /** A PES was dropped. */
  lost(): void;
  /** Delivers what waits for a successor. */
  flush(): void;
  /** A new timeline begins: forgets times and half frames, keeps the configuration. */
  restart(): void;
}
