/**
 * A stream that is packaged, recorded and mirrored into a bucket in memory, and what a restore gets from it.
 * In: frames of some seconds. Out: the mirror, the bucket, a restored store. Used by tests only.
 */
import type { Frame } from '@oxbow/media/frame';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { scanChunk } from '../../archive/chunk-reader.ts';
import { recoverChunk } from '../../archive/chunk-recovery.ts';
import { MemorySegmentStore } from '../../archive/memory-segment-store.fixture.ts';
import {
  NO_SUMS,
  type ObjectClient,
  ObjectError,
  type ObjectSource,
  type PutSums,
} from '../../archive/objects/object-client.ts';
import { identityLocation, listChunks } from '../../archive/recording-locations.ts';
import type { SegmentLocation } from '../../archive/segment-store.ts';
import { audioFrames, interleave, videoFrames } from '../../live/frames.fixture.ts';
import { continuous, createPackagerRig, type PackagerRig } from '../../packager/packager.fixture.ts';
import { Recorder } from '../recorder.ts';
import { RecordingReader } from '../recording-reader.ts';
import { Mirror } from './mirror.ts';
import type { MirrorOptions, MirrorReport } from './mirror-options.ts';
import { restoreMirrors } from './mirror-restore.ts';

/** The stream of a rig. */
export const STREAM = 's';

/** A bucket in memory that can be cut off. */
export class MemoryBucket implements ObjectClient {
  readonly objects = new Map<string, Uint8Array>();
  readonly parts = undefined;
  /** Requests so far. */
  readonly requests: string[] = [];
  /** Every request fails. */
  isCut = false;
  /** Awaited by each put before it has an effect. */
  hold: (() => Promise<void>) | undefined;

  async check(): Promise<void> {
    this.#note('check');
  }

  async put(key: string, source: ObjectSource): Promise<PutSums> {
    this.#note(`put ${key}`);
    const bytes = Uint8Array.from(await source.read(0, source.size));
    await this.hold?.();
    this.objects.set(key, bytes);
    return NO_SUMS;
  }

  async read(key: string, { offset, length }: { readonly offset: number; readonly length: number }) {
    this.#note(`read ${key}`);
    return this.objects.get(key)?.slice(offset, offset + length);
  }

  async head(key: string) {
    this.#note(`head ${key}`);
    const bytes = this.objects.get(key);
    return bytes && { size: bytes.length, etag: '' };
  }

  async delete(key: string): Promise<void> {
    this.#note(`delete ${key}`);
    this.objects.delete(key);
  }

  async abandon(): Promise<void> {}

  async *list(prefix: string, { after = '' }: { readonly after?: string | undefined } = {}) {
    this.#note(`list ${prefix}`);
    for (const [key, bytes] of [...this.objects].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (key.startsWith(prefix) && key > after) yield { key, size: bytes.length };
    }
  }

  async presign(): Promise<string> {
    throw new ObjectError('it has no addresses');
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #note(request: string): void {
    this.requests.push(request);
    if (this.isCut) throw new ObjectError('it is cut off');
  }
}

/** A mirrored stream under test. */
export interface MirrorRig extends AsyncDisposable {
  readonly packaged: PackagerRig;
  /** The bytes of the tracks of each sealed segment, by its number. */
  readonly sealed: ReadonlyMap<number, readonly Uint8Array[]>;
  readonly segments: MemorySegmentStore;
  readonly bucket: MemoryBucket;
  readonly mirror: Mirror;
  /** Where streams go. */
  target: string | undefined;
  /** Locations that the bucket has as a whole, for the index. */
  readonly stored: Set<string>;
  /** Keys whose deletion was queued. */
  readonly removed: string[];
  readonly reports: string[];
  /** Publishes frames up to a time of the media, seconds from its start; the clock follows. */
  play(untilS: number): Promise<void>;
  /** Sends what waits. */
  pass(): Promise<void>;
  /** Restores from the bucket into an empty store, and recovers its files. */
  restore(): Promise<Restored>;
  /** A mirror of another process, over the same files and bucket. */
  again(): Mirror;
}

/** What a restore has. */
export interface Restored {
  readonly segments: MemorySegmentStore;
  readonly locations: readonly SegmentLocation[];
  /** Segments of all files, with the bytes of their tracks. */
  readonly groups: readonly { readonly msn: number; readonly tracks: readonly Uint8Array[] }[];
  /** End of the last one, µs since 1970. */
  readonly endUs: number;
}

const FRAMES_S = 200;

/** Sends what waits, and deletes what is not needed. */
export async function passOf(mirror: Mirror): Promise<void> {
  const { signal } = new AbortController();
  await mirror.pass('b', { signal });
  await mirror.compact('b', { signal });
}

/** How a rig is opened. */
interface RigOptions {
  readonly segmentS?: number;
  /** Of the objects. */
  readonly owner?: string;
  /** The index of the bucket; by default `stored` is. */
  readonly index?: MirrorOptions['objects'];
  readonly keepsLog?: boolean;
}

/** Opens a rig. Its media begins at the time of its clock. */
export function openMirrorRig(options: RigOptions = {}): MirrorRig {
  const { segmentS = 2, owner = 'server', index, keepsLog = false } = options;
  const tracks = [videoTrack, audioTrack];
  const packaged = createPackagerRig({ segmentS });
  const frames = interleave(tracks, [
    videoFrames({ track: tracks[0]!, seconds: FRAMES_S, rate: 25, gopS: segmentS, maxBytes: 3000 }),
    audioFrames({ track: tracks[1]!, seconds: FRAMES_S }),
  ]);
  const segments = new MemorySegmentStore();
  const bucket = new MemoryBucket();
  const stored = new Set<string>();
  const removed: string[] = [];
  const reports: string[] = [];
  const { clock } = packaged;
  const report: MirrorReport = {
    sent() {},
    ended: (_, result) => reports.push(result),
    changed: (_, problem) => reports.push(`changed ${problem}`),
    failed: (error) => reports.push(`failed ${String(error)}`),
  };
  const state: { target: string | undefined } = { target: 'b' };
  const targetOf = () => state.target;
  const open = () => {
    const mirror = new Mirror({
      files: segments,
      objects: index ?? {
        targetsOf: async (all) => new Map(all.filter((each) => stored.has(each)).map((each) => [each, 'b'])),
        loggedBetween: async () => [],
      },
      keepsLog: () => keepsLog,
      targets: { names: ['b'], find: () => ({ prefix: 'o' }) as never, client: async () => bucket },
      remove: async (_, keys) => {
        removed.push(...keys);
        for (const key of keys) bucket.objects.delete(key);
      },
      owner,
      server: { id: 'a', host: 'one' },
      clock,
      everyMs: () => 1000,
      report,
    });
    mirror.route(targetOf);
    return mirror;
  };
  const mirror = open();
  const sealed = new Map<number, readonly Uint8Array[]>();
  // Copies: the memory of a segment is used again.
  packaged.packager.groups.subscribe(({ msn, tracks: own }) => {
    sealed.set(
      msn,
      own.map(({ bytes }) => bytes.slice()),
    );
  });
  const recorder = openRecorder(packaged, segments, mirror);
  const tracksById = new Map(tracks.map((track) => [track.id, track]));
  let next = 0;
  let nowS = 10;
  packaged.stream.startRun(continuous(tracks));
  const secondsOf = (frame: Frame) => frame.dts / tracksById.get(frame.trackId)!.timescale;
  return {
    packaged,
    sealed,
    segments,
    bucket,
    mirror,
    get target() {
      return state.target;
    },
    set target(target) {
      state.target = target;
    },
    stored,
    removed,
    reports,
    async play(untilS) {
      for (let frame = frames[next]; frame && secondsOf(frame) < 10 + untilS; frame = frames[++next]) {
        if (secondsOf(frame) > nowS) clock.advance((secondsOf(frame) - nowS) * 1000);
        nowS = Math.max(nowS, secondsOf(frame));
        packaged.stream.publish(frame);
      }
      await recorder.ready({ signal: new AbortController().signal });
      while (!recorder.isQuiet) await new Promise((resolve) => setImmediate(resolve));
    },
    pass: () => passOf(mirror),
    restore: () => restore(bucket, stored),
    again: open,
    async [Symbol.asyncDispose]() {
      await recorder[Symbol.asyncDispose]();
      await segments[Symbol.asyncDispose]();
    },
  };
}

function openRecorder(
  { list, listWriter, packager, clock }: PackagerRig,
  segments: MemorySegmentStore,
  mirror: Mirror,
) {
  const none = { files: async () => [], last: async () => undefined } as never;
  const mirrored = mirror.open(STREAM, list.copied);
  const recorder = new Recorder({
    recording: new RecordingReader({ streamId: STREAM, chunks: none, endUs: 0 }),
    table: { put: async () => undefined },
    segments,
    sync: 'segment',
    clock,
    previousMsn: 0,
    mayWrite: () => true,
    onCommitted: (msn) => listWriter.recorded(msn),
    onLost: (msn) => listWriter.lost(msn),
    onWritten: (group) => mirrored.written(group),
    counters: {
      committed() {},
      lost() {},
      trouble() {},
      bug(error) {
        throw error;
      },
      slow() {},
    },
  });
  packager.groups.subscribe((group) => recorder.write(group));
  void segments.put(identityLocation(STREAM), Buffer.from(`{"id":"${STREAM}","name":"cam","createdUs":1}`));
  return recorder;
}

async function restore(bucket: MemoryBucket, stored: ReadonlySet<string>): Promise<Restored> {
  const segments = new MemorySegmentStore();
  const { signal } = new AbortController();
  const tiered = {
    store: Object.assign(segments, { local: segments }),
    index: {
      targetsOf: async (all: readonly string[]) => new Map(all.filter((each) => stored.has(each)).map((e) => [e, 'b'])),
    },
    targets: { names: ['b'], find: () => ({ prefix: 'o' }), client: async () => bucket },
  };
  await restoreMirrors(tiered as never, { signal });
  const groups: { msn: number; tracks: Uint8Array[] }[] = [];
  const locations: SegmentLocation[] = [];
  let endUs = 0;
  for (const { location } of await listChunks(segments, STREAM)) {
    await recoverChunk(segments, location);
    locations.push(location);
    for (const { msn, tracks, startUs, durationUs } of (await scanChunk(segments, location)).groups) {
      const read = ({ offset, length }: { offset: number; length: number }) =>
        segments.read(location, { offset, length });
      groups.push({ msn, tracks: await Promise.all(tracks.map(read)) });
      endUs = Math.max(endUs, startUs + durationUs);
    }
  }
  return { segments, locations, groups, endUs };
}
