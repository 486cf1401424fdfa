/**
 * Writes sealed groups to a growing file or a pipe; tracks that do not fit the file begin another one
 * (`NAME-2.mp4`).
 * In: groups of a packager, synchronously. Out: files that can be played at any moment.
 */
import path from 'node:path';
import type { Writable } from 'node:stream';
import { concatBytes } from '@oxbow/media/bytes';
import { type FileFormat, FileTracks, type MediaTrack, type TrackPlace } from '@oxbow/media/file/file-tracks';
import { type GrowingFile, growFile } from '@oxbow/media/file/growing-file';
import { type FileSample, fromKey, Joiner, type StoredLine } from '@oxbow/media/file/joiner';
import { inBandSets } from '@oxbow/media/file/parameter-sets';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import type { SegmentGroup } from '@oxbow/media/segment';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { type Files, type OpenFile, systemFiles } from '../../lib/files/files.ts';
import { writeAll } from '../../lib/files/write-all.ts';

/** Bytes of groups that wait for the disk or the pipe; above it the newest are dropped. */
const MAX_BACKLOG_BYTES = 128 * 1024 * 1024;

/** A file or a pipe. */
interface Place {
  readonly name: string;
  append(bytes: Uint8Array): Promise<void>;
  /** Overwrites bytes; not for pipes. */
  patch(at: number, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** The open file. */
interface Open {
  readonly place: Place;
  readonly tracks: FileTracks;
  readonly count: number;
  readonly file: GrowingFile;
  readonly joiner: Joiner;
  /** File tracks that had a key frame since the last discontinuity. */
  readonly begun: Set<number>;
}

/** Options of a GroupFile. */
interface GroupFileOptions {
  readonly format: FileFormat;
  /** Absolute path of the first file, which must not exist; or a pipe. */
  readonly target: string | Writable;
  /** Whether an existing file is replaced. */
  readonly overwrite: boolean;
  /** The file layer; default: that of the system. */
  readonly files?: Files;
}

/** Takes groups until it is closed. */
export class GroupFile {
  readonly #options: GroupFileOptions;
  readonly #files: string[] = [];
  #open: Open | undefined;
  #before: SegmentGroup | undefined;
  #work: Promise<void> = Promise.resolve();
  #backlog = 0;
  #dropped = 0;
  #seconds = 0;
  #bytes = 0;
  readonly #failure = Promise.withResolvers<never>();
  #hasFailed = false;

  constructor(options: GroupFileOptions) {
    this.#options = options;
    this.#failure.promise.catch(() => undefined); // handled where `failed` is awaited
  }

  /** Paths of the files so far. */
  get files(): readonly string[] {
    return this.#files;
  }

  /** Bytes written so far to all files. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Groups that were dropped because the disk was too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Duration of all files, seconds. */
  get seconds(): number {
    return this.#seconds + (this.#open ? this.#open.joiner.duration / 90_000 : 0);
  }

  /** Rejects when writing fails: with OxbowError `disk-failed`, or the error of the pipe. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** Queues a group; never waits, never throws. */
  write(group: SegmentGroup): void {
    const bytes = group.tracks.reduce((sum, track) => sum + track.bytes.length, 0);
    if (this.#hasFailed) return;
    if (this.#backlog + bytes > MAX_BACKLOG_BYTES) {
      this.#dropped++;
      return;
    }
    this.#backlog += bytes;
    this.#work = this.#work
      .then(() => this.#write(group))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#backlog -= bytes;
      });
  }

  /** Resolves when the queue is short enough; see StreamInput.ready. */
  async ready({ signal }: { signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted();
    if (this.#backlog > MAX_BACKLOG_BYTES / 4) await this.#work;
    signal.throwIfAborted();
  }

  /** Writes the queue and completes the last file. Rejects as `failed`. */
  async close(): Promise<void> {
    await this.#work;
    if (!this.#hasFailed) await this.#end().catch((error: unknown) => this.#fail(error));
    if (this.#hasFailed) await this.#failure.promise;
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    this.#failure.reject(error);
  }

  async #write(group: SegmentGroup): Promise<void> {
    if (this.#hasFailed) return;
    const before = this.#before;
    this.#before = group;
    const when = new Date(group.startUs / 1000).toISOString();
    const fresh = !before || group.discontinuity || before.run.id !== group.run.id || group.msn !== before.msn + 1;
    let places = this.#open && holding(this.#open, group, when);
    if (!places) {
      await this.#end();
      const tracks = new FileTracks(this.#options.format);
      places = tracks.place(group.init.tracks, when);
      this.#open = await this.#begin(tracks, group.startUs / 1000);
    }
    const opened = this.#open!;
    const lines = this.#linesOf(opened, group, places, fresh);
    if (lines.length === 0) return;
    const isFirst = opened.joiner.duration === 0;
    const bytes = opened.file.add(opened.joiner.place(lines, { fresh: fresh || isFirst }));
    await opened.place.append(bytes);
    this.#bytes += bytes.length;
  }

  #linesOf(opened: Open, group: SegmentGroup, places: ReadonlyMap<number, TrackPlace>, fresh: boolean): StoredLine[] {
    if (fresh) opened.begun.clear();
    return group.tracks.flatMap(({ trackId, bytes }): StoredLine[] => {
      const place = places.get(trackId);
      const track = group.init.tracks.find(({ id }) => id === trackId) as MediaTrack | undefined;
      const frames = place && track && parseSegment(bytes);
      if (!frames) return [];
      const samples = frames.map(({ dts, pts, duration, key, data }): FileSample => {
        return { dts, pts, duration, key, length: data.length, data };
      });
      const { number } = place.fileTrack;
      const decodable = track.kind === 'video' && !opened.begun.has(number) ? fromKey(samples) : samples;
      if (decodable.length === 0) return [];
      opened.begun.add(number);
      return [{ place, track, samples: this.#withSets(decodable, place) }];
    });
  }

  /**
   * Writes parameter sets before every key frame, because they may change and neither Matroska nor an open
   * MP4 file can take a second configuration.
   */
  #withSets(samples: readonly FileSample[], place: TrackPlace): readonly FileSample[] {
    const config = place.fileTrack.configs[place.config]!;
    const { format } = this.#options;
    if (config.kind !== 'video' || format === 'ts') return samples;
    const sets = inBandSets(config);
    return samples.map((sample) => {
      if (!sample.key || sets.length === 0) return sample;
      const data = concatBytes([sets, sample.data!]);
      return { ...sample, data, length: data.length };
    });
  }

  async #begin(tracks: FileTracks, recordedMs: number): Promise<Open> {
    const file = growFile(this.#options.format, tracks, recordedMs);
    const place = await this.#place();
    await place.append(file.start);
    this.#bytes += file.start.length;
    return { place, tracks, count: tracks.all.length, file, joiner: new Joiner(), begun: new Set() };
  }

  async #place(): Promise<Place> {
    const { target, overwrite, files = systemFiles } = this.#options;
    if (typeof target !== 'string') {
      if (this.#files.push('-') > 1 && this.#options.format !== 'ts') {
        throw new OxbowError('unsupported-media', 'The tracks have changed, and a pipe can take only one file.');
      }
      return pipePlace(target);
    }
    const { dir, name, ext } = path.parse(target);
    const count = this.#files.length;
    const file = count === 0 ? target : path.join(dir, `${name}-${count + 1}${ext}`);
    const place = await filePlace(files, file, overwrite);
    this.#files.push(file);
    return place;
  }

  /** Completes the open file. */
  async #end(): Promise<void> {
    const opened = this.#open;
    if (!opened) return;
    this.#open = undefined;
    this.#seconds += opened.joiner.duration / 90_000;
    const { place } = opened;
    try {
      if (typeof this.#options.target !== 'string') return;
      const { append, patches } = opened.file.close();
      await place.append(append);
      this.#bytes += append.length;
      for (const { at, bytes } of patches) await place.patch(at, bytes);
    } finally {
      await place.close();
    }
  }
}

/** The places of a group's tracks in the open file; undefined if it cannot take them. */
function holding(
  { tracks, count }: Open,
  group: SegmentGroup,
  when: string,
): ReadonlyMap<number, TrackPlace> | undefined {
  try {
    const places = tracks.place(group.init.tracks, when);
    // The header of the file is written: no track can be added.
    return tracks.all.length === count ? places : undefined;
  } catch (error) {
    if (error instanceof OxbowError && error.code === 'unsupported-media') return undefined;
    throw error;
  }
}

async function filePlace(files: Files, file: string, overwrite: boolean): Promise<Place> {
  let handle: OpenFile;
  try {
    handle = await files.open(file, overwrite ? 'w' : 'wx');
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new OxbowError(
      exists ? 'bad-request' : 'folder-unwritable',
      exists ? `${file} exists already.` : `${file}: ${sentenceOf(error)}`,
      {
        cause: error,
        extra: {
          hint: exists ? 'Choose another name, or use --overwrite.' : 'Choose a writable folder.',
        },
      },
    );
  }
  let length = 0;
  const failed = (error: unknown): never => {
    throw new OxbowError('disk-failed', `${file}: ${sentenceOf(error)}`, { cause: error });
  };
  return {
    name: file,
    async append(bytes) {
      length += await writeAll(handle, [bytes], length).catch(failed);
      await handle.datasync().catch(failed);
    },
    async patch(at, bytes) {
      await writeAll(handle, [bytes], at).catch(failed);
      await handle.datasync().catch(failed);
    },
    close: () => handle.close(),
  };
}

function pipePlace(pipe: Writable): Place {
  return {
    name: '-',
    append: (bytes) =>
      new Promise((resolve, reject) => {
        pipe.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    async patch() {},
    async close() {},
  };
}
