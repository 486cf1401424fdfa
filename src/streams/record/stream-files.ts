/**
 * The files of a stream's recording: what waits for the disk, how long they are kept, where they begin.
 * In: the recorder, the definition, what retention deleted. Out: retention, the shutdown, the API.
 */
import type { RetentionRule } from '../../recording/retention.ts';
import type { StreamDefinition } from '../definition.ts';
import type { StreamQualities } from '../qualities/stream-qualities.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { type StreamParts, sealRecordings } from '../stream-parts.ts';

/** What the files of a stream depend on. */
interface StreamFilesSetup {
  readonly deps: Pick<StreamDeps, 'recordings' | 'settings'>;
  readonly parts: Pick<StreamParts, 'recorder' | 'qualities' | 'listWriter' | 'deletedBeforeUs'>;
  /** As it is at the time. */
  readonly definition: () => StreamDefinition;
}

export class StreamFiles {
  readonly #setup: StreamFilesSetup;
  #deletedBeforeUs: number;

  constructor(setup: StreamFilesSetup) {
    this.#setup = setup;
    this.#deletedBeforeUs = setup.parts.deletedBeforeUs;
  }

  /** Bytes of published media that wait for the disk. */
  get backlog(): { readonly bytes: number; readonly maxBytes: number } {
    const { backlogBytes, maxBacklogBytes } = this.#setup.parts.recorder;
    return { bytes: backlogBytes, maxBytes: maxBacklogBytes };
  }

  /** No published media waits for the disk. */
  get isQuiet(): boolean {
    return this.#setup.parts.recorder.isQuiet;
  }

  /** Recordings of the derived qualities, by rung. */
  get qualities(): StreamQualities['recordings'] {
    return this.#setup.parts.qualities.recordings;
  }

  /** How long retention keeps them. */
  get retentionRule(): RetentionRule {
    const { id, keepMs } = this.#setup.definition();
    return { streamId: id, keepMs: keepMs ?? this.#setup.deps.settings.now.record.keep };
  }

  /** Retention has deleted older media, µs since 1970. */
  get horizonUs(): number {
    const { streamId, keepMs } = this.retentionRule;
    return Math.max(this.#deletedBeforeUs, this.#setup.deps.recordings.horizons.of(streamId, keepMs));
  }

  /** Retention deleted all media before `us` (since 1970) that is not pinned. */
  setDeletedBefore(us: number): void {
    this.#deletedBeforeUs = Math.max(this.#deletedBeforeUs, us);
  }

  /**
   * Complete segments up to `lastMsn` were deleted, or some of them: no live window of the stream and its
   * qualities has one any more.
   */
  erase(lastMsn: number): void {
    const { listWriter, qualities } = this.#setup.parts;
    listWriter.erase(lastMsn);
    qualities.erase(lastMsn);
  }

  /** Ends the files that are being written, after what waits for the disk. Never rejects. */
  seal(): Promise<void> {
    return sealRecordings(this.#setup.parts);
  }
}
