/**
 * All that streams share: settings, clock, store, ways in, metrics. Built once by app/streams.ts, passed to every stream.
 */

import type { SourceFacts } from '../api/source-facts.ts';
import type { SegmentPrefix, SegmentStore } from '../archive/segment-store.ts';
import type { EventBus } from '../cluster/event-bus.ts';
import type { Leases } from '../cluster/lease.ts';
import type { ClientSourceConfig, Config } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { Current } from '../lib/current.ts';
import type { StreamInput } from '../live/input.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { ChunkTable } from '../recording/chunk-table.ts';
import type { Horizons } from '../recording/horizons.ts';
import type { MarkerTable } from '../recording/marker-table.ts';
import type { PinTable } from '../recording/pin-table.ts';
import type { Store } from '../store/db.ts';
import type { MsnMarks } from '../store/msn-marks.ts';
import type { StreamDefinition } from './definition.ts';
import type { PictureTable } from './picture-table.ts';

/** A stream whose source oxbow reads itself. */
export type ClientDefinition = StreamDefinition & { readonly source: ClientSourceConfig };

/**
 * Feeds a stream from its source until that ends, with a sentence that says how, or until `signal` fires. `onFacts` is called with what
 * the source says of itself, again when that changes.
 */
export type RunSource = (
  definition: ClientDefinition,
  input: StreamInput,
  options: {
    signal: AbortSignal;
    onFacts?: ((facts: SourceFacts) => void) | undefined;
    /** The source was live before: where its playlist has ended it is awaited. */
    wasLive?: boolean;
  },
) => Promise<string>;

/** What every stream works with. */
export interface StreamDeps {
  readonly settings: Current<Config>;
  /** Stored media. */
  readonly segments: SegmentStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Pick<Store, 'db'>;
  /** Of names that one process has at a time: those of streams that are published. */
  readonly leases: Leases;
  readonly table: ChunkTable;
  readonly horizons: Horizons;
  readonly msnMarks: MsnMarks;
  readonly pins: PinTable;
  readonly markers: MarkerTable;
  readonly pictures: PictureTable;
  /** Where is told what happens. */
  readonly events: Pick<EventBus, 'publish'>;
  /** Decides which ingest feeds a stream; see sources. */
  readonly runSource: RunSource;
  /** Whether the disk has room for recordings. */
  readonly mayWrite: () => boolean;
  /**
   * Closes stored media wherever it is open for reading, and drops its cached blocks. An open file keeps its space on the disk: call it
   * after the deletion, and on Windows, which deletes no open file, before it too.
   */
  readonly release: (prefix: SegmentPrefix) => void;
  /** Why nothing is recorded for want of room, with the setting that decides; empty while there is room. Absent: there is no sentence. */
  readonly noRoom?: () => string;
}
