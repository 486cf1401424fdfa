/**
 * The recordings of a catalog, for retention and for what reports the disk.
 * In: the streams, those that could not be opened, those that were removed. Out: rules, bytes, open files.
 */
import { recordingOf } from '../../archive/recording-locations.ts';
import type { GrowingRecording } from '../../observe/disk-forecast.ts';
import type { RecordedGroup } from '../../recording/recording-reader.ts';
import type { RetentionRule } from '../../recording/retention.ts';
import type { StreamDefinition } from '../definition.ts';
import type { ManagedStream } from '../managed-stream.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { growingRecordings, openBytes, storedBytes } from '../views.ts';

/** The streams, as of now. */
interface CatalogStreams {
  readonly all: readonly ManagedStream[];
  /**
   * Those without a running stream: removed ones, whose recordings are kept, and those that could not be
   * opened.
   */
  readonly others: readonly StreamDefinition[];
}

export class CatalogRecordings {
  readonly #deps: StreamDeps;
  readonly #streams: CatalogStreams;

  constructor(deps: StreamDeps, streams: CatalogStreams) {
    this.#deps = deps;
    this.#streams = streams;
  }

  /** The retention rule of every stream. */
  get retentionRules(): readonly RetentionRule[] {
    const { keep } = this.#deps.settings.now.record;
    const others = this.#streams.others.map(({ id, keepMs }) => ({ streamId: id, keepMs: keepMs ?? keep }));
    return [...this.#streams.all.map((stream) => stream.files.retentionRule), ...others];
  }

  /** The oldest group of a recording, of a stream or of one of its qualities, that is not indexed yet. */
  oldestOpen(recordingId: string): RecordedGroup | undefined {
    const { streamId, rung } = recordingOf(recordingId);
    const stream = this.#streams.all.find(({ definition }) => definition.id === streamId);
    return (rung === undefined ? stream?.served.recording : stream?.files.qualities.get(rung)?.own)?.open[0];
  }

  /** Bytes of all recordings, open files included. */
  async bytes(): Promise<number> {
    return (await storedBytes(this.#deps.recordings, this.retentionRules)) + this.openBytes;
  }

  /** Bytes of the files that are being written. */
  get openBytes(): number {
    return this.#streams.all.reduce((sum, stream) => sum + openBytes(stream), 0);
  }

  /** The recordings that grow now, each until it is as long as it is kept. */
  growing(): Promise<readonly GrowingRecording[]> {
    return growingRecordings(this.#streams.all, this.#deps.recordings.table);
  }

  /** Retention deleted all media of a stream before `us` (since 1970) that is not pinned. */
  setDeletedBefore(streamId: string, us: number): void {
    for (const stream of this.#streams.all) if (stream.definition.id === streamId) stream.files.setDeletedBefore(us);
  }
}
