/**
 * Connects a live stream with its packager.
 * In: past of the stream and state of the packager. Out: both; the packager is a required sink of the stream.
 */
import type { Config } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { StreamInput } from '../live/input.ts';
import { Stream, type StreamPast } from '../live/stream.ts';
import type { PackagerSettings } from './generation.ts';
import { Packager, type PackagerOptions } from './packager.ts';

/** Options of a pipeline. */
export interface PipelineOptions extends PackagerOptions {
  readonly clock: Clock;
  readonly past: StreamPast;
  /** See StreamInput; always ready if not given. */
  readonly ready?: StreamInput['ready'];
}

/** A stream and the packager that cuts it. */
export interface Pipeline {
  readonly stream: Stream;
  readonly packager: Packager;
}

/** Creates a stream whose frames go to a packager. */
export function createPipeline({ clock, past, ready, ...options }: PipelineOptions): Pipeline {
  const packager = new Packager(options);
  const stream = new Stream({ clock, past, ...(ready && { ready }) });
  stream.attach(packager, { name: 'packager', required: true });
  return { stream, packager };
}

/** The packager's part of the settings. */
export function packagerSettings({ hls, threads }: Pick<Config, 'hls' | 'threads'>): PackagerSettings {
  return { partS: hls.partDuration / 1000, segmentS: hls.segmentDuration / 1000, shared: threads > 1 };
}
