/**
 * Connects a live stream with its packager.
 * In: past of the stream and state of the packager. Out: both; the packager is a required sink of the stream.
 */
import type { Config } from '../config/schema.ts';
import type { GopBounds } from '../live/gop-buffer.ts';
import { Stream } from '../live/stream.ts';
import type { StreamOptions } from '../live/stream-options.ts';
import type { PackagerSettings } from './generation.ts';
import { Packager, type PackagerOptions } from './packager.ts';

interface PipelineOptions extends PackagerOptions, StreamOptions {}

/** A stream and the packager that cuts it. */
interface Pipeline {
  readonly stream: Stream;
  readonly packager: Packager;
}

/** Creates a stream whose frames go to a packager. */
export function createPipeline({ clock, past, ready, gop, memory, ...options }: PipelineOptions): Pipeline {
  const packager = new Packager(options);
  const stream = new Stream({ clock, past, gop, memory, ...(ready && { ready }) });
  stream.sinks.attach(packager, { name: 'packager', required: true });
  return { stream, packager };
}

/** The bounds of GOP buffers by the settings. */
export function gopBounds({ live: { gopBuffer } }: Pick<Config, 'live'>): GopBounds {
  const { duration, gops, size, openDuration, openSize } = gopBuffer;
  return {
    maxS: duration / 1000,
    maxGops: gops,
    maxBytes: size,
    maxOpenS: openDuration / 1000,
    maxOpenBytes: openSize,
  };
}

/** The packager's part of the settings. */
export function packagerSettings({ hls, threads }: Pick<Config, 'hls' | 'threads'>): PackagerSettings {
  return { partS: hls.partDuration / 1000, segmentS: hls.segmentDuration / 1000, shared: threads > 1 };
}
