/**
 * What delivery knows of a stream: its live list, its recording, its codec configurations.
 * In: streams. Out: live, past, clip, stills.
 */
import type { LiveWindow } from '../packager/live-window.ts';
import type { InitTable } from '../recording/init-table.ts';
import type { RecordingReader } from '../recording/recording-reader.ts';

/** One stream as its viewers meet it. */
export interface ServedStream {
  readonly name: string;
  readonly list: LiveWindow;
  readonly recording: RecordingReader;
  readonly inits: InitTable;
  /** Media is expected within seconds: a first request is worth holding. */
  readonly starting: () => boolean;
  /** Nothing of before `us` (since 1970) will still be recorded. */
  readonly settled: (us: number) => boolean;
  /** When the stream was made, µs since 1970. */
  readonly createdUs: number;
  /** No segment that started at `us` (since 1970) or later has a lower MSN. */
  readonly leastMsnAt: (us: number) => number;
  /** What is older was deleted by retention, µs since 1970. */
  readonly horizonUs: () => number;
}

/** As much of it as answers from memory need; a copy in another thread has no more. */
export type ServedLiveStream = Pick<ServedStream, 'name' | 'list' | 'horizonUs'>;

/** Finds a stream by name; undefined when there is none, or it may not be seen. */
export type FindStream = (name: string) => ServedStream | undefined;
