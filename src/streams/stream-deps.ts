/**
 * The dependencies that all streams share: settings, clock, stores, sources, metrics. Created by
 * app/streams.ts.
 */

import type { SourceFacts } from '../api/source-facts.ts';
import type { SegmentPrefix, SegmentStore } from '../archive/segment-store.ts';
import type { EventBus } from '../cluster/bus/event-bus.ts';
import type { Leases } from '../cluster/lease/lease.ts';
import type { Placement } from '../cluster/placement/placement.ts';
import type { ClientSourceConfig, Config } from '../config/schema.ts';
import type { ContentKeyring } from '../delivery/encryption/keyring.ts';
import type { OpenTranscoder } from '../ffmpeg/audio-transcoder.ts';
import type { Encoders } from '../ffmpeg/encoders/encoder-pool.ts';
import type { MakeKeyPicture, MakeStillGop } from '../ffmpeg/engine.ts';
import type { StreamQualityInputs } from '../ingest/pull/rendition/further-qualities.ts';
import type { Clock } from '../lib/clock.ts';
import type { Current } from '../lib/current.ts';
import type { StreamInput } from '../live/input.ts';
import type { MemoryBudget } from '../live/memory-budget.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { ChunkQueries } from '../recording/chunks/chunk-queries.ts';
import type { ChunkTable } from '../recording/chunks/chunk-table.ts';
import type { ErasureTable } from '../recording/erase/erasure-table.ts';
import type { Evidence } from '../recording/evidence/evidence.ts';
import type { Horizons } from '../recording/horizons.ts';
import type { KeptWindows } from '../recording/kept/kept-windows.ts';
import type { MarkerTable } from '../recording/marker-table.ts';
import type { Mirror } from '../recording/mirror/mirror.ts';
import type { PinTable } from '../recording/pin-table.ts';
import type { StatsTable } from '../recording/stats-table.ts';
import type { Storyboards } from '../recording/storyboard/storyboards.ts';
import type { Store } from '../store/db.ts';
import type { MsnMarks } from '../store/msn-marks.ts';
import type { OpenLiveEncoder } from '../transcode/live/live-ladder-shapes.ts';
import type { RemoteEncoders } from '../transcode/live/remote/remote-encoders.ts';
import type { ContentEngine } from './content/content-check.ts';
import type { StreamDefinition } from './definition.ts';
import type { PictureTable } from './picture/picture-table.ts';
import type { StoryboardQueue } from './record/storyboard-queue.ts';
import type { StreamTraces } from './traces/stream-traces.ts';

/** A stream with a source that oxbow reads itself. */
export type ClientDefinition = StreamDefinition & { readonly source: ClientSourceConfig };

/**
 * Reads the source of a stream until it ends or `signal` fires; resolves with the reason in words. `onFacts`
 * is called with the facts of the source, again when they change.
 */
export type RunSource = (
  definition: ClientDefinition,
  input: StreamInput,
  options: {
    signal: AbortSignal;
    onFacts?: ((facts: SourceFacts) => void) | undefined;
    /** The source was live before: if its playlist has ended, it is awaited. */
    wasLive?: boolean;
    /** The derived qualities of the stream, for the further variants of the source. */
    qualities?: StreamQualityInputs | undefined;
  },
) => Promise<string>;

/** What is stored of streams: their media, its index, and what people and features add to it. */
export interface StoredRecordings {
  readonly segments: SegmentStore;
  /** The index of their files, written through `table`, read through `chunks`. */
  readonly table: ChunkTable;
  readonly chunks: ChunkQueries;
  readonly horizons: Horizons;
  readonly msnMarks: MsnMarks;
  readonly pins: PinTable;
  /** What pins and features keep from retention. */
  readonly kept: KeptWindows;
  /** What was deleted on request. */
  readonly erasures: ErasureTable;
  readonly markers: MarkerTable;
  readonly pictures: PictureTable;
  readonly stats: StatsTable;
  readonly storyboards: Storyboards;
  /** The chains of evidence; undefined: nothing is hashed. */
  readonly evidence?: Evidence | undefined;
  /** Sends what is recorded to a second place at once; undefined: there is no object store. */
  readonly mirror?: Pick<Mirror, 'open'> | undefined;
  /**
   * Closes all readers of stored media and drops its cached blocks. Call it after the deletion, because an
   * open file keeps its disk space, and also before it, because Windows does not delete open files.
   */
  readonly release: (prefix: SegmentPrefix) => void;
}

/** What converts and examines media, in child processes. */
export interface StreamEngines {
  /**
   * The queue of storyboards before the media engine, and what makes a picture; without it no storyboard is
   * made.
   */
  readonly storyboardMaker?: { readonly queue: StoryboardQueue; readonly makePicture: MakeKeyPicture };
  /** Checks pictures and sound of live streams; without it their content is not known. */
  readonly content?: ContentEngine;
  /** The hardware encoders of this machine; without it software encodes. */
  readonly encoders?: Encoders;
  /** Workers on other machines that encode live; without it there are none. */
  readonly remote?: () => RemoteEncoders;
  /** Start a process that converts audio, or video; for tests. */
  readonly openAudioTranscoder?: OpenTranscoder;
  readonly openVideoEncoder?: OpenLiveEncoder;
  /** Encodes the picture that is shown while a publisher is away; that of the media engine if not given. */
  readonly makeStillGop?: MakeStillGop;
}

/** The room that recordings have on their disks. */
export interface RecordingRoom {
  /** Whether the disk of a stream has room to record. */
  readonly mayWrite: (streamId: string) => boolean;
  /** Why recording of a stream is paused, in words; empty while there is room. */
  readonly noRoom: (streamId: string) => string;
}

/** The dependencies of every stream. */
export interface StreamDeps {
  readonly settings: Current<Config>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Pick<Store, 'db' | 'fence' | 'rows'>;
  readonly recordings: StoredRecordings;
  /** The content keys of encrypted streams; without it no stream is encrypted. */
  readonly contentKeys?: ContentKeyring;
  readonly room: RecordingRoom;
  readonly engines: StreamEngines;
  /** Which streams are of this process. */
  readonly placement: Placement;
  /** Reads again the rows in memory of a stream that another node had. */
  readonly reload?: (streamId: string) => Promise<void>;
  /** Ensure that only one process publishes a stream at a time. */
  readonly leases: Leases;
  /** Ceiling of the frames that wait in all streams; a ceiling for each stream if not given. */
  readonly memory?: MemoryBudget;
  /** Traces of the media path; none if not given. */
  readonly traces?: StreamTraces;
  /** Event bus. */
  readonly events: Pick<EventBus, 'publish'>;
  /** Selects the ingest of a source; see source/sources. */
  readonly runSource: RunSource;
}
