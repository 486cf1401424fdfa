/**
 * The recording of one derived quality: what the stream records is recorded of the quality too, in
 * separate files; and both together as delivery reads them.
 * In: complete segments of the quality, and which segments of the stream are recorded. Out: chunk files;
 * which segments may leave the live window of the quality. docs/media.md 21 to 23a.
 */
import { qualityRecording } from '../../archive/recording-locations.ts';
import type { Follower } from '../../packager/follower.ts';
import type { LiveWindow } from '../../packager/live-window.ts';
import type { LiveWindowWriter } from '../../packager/live-window-writer.ts';
import type { ChunkQueries } from '../../recording/chunks/chunk-queries.ts';
import type { ChunkTable } from '../../recording/chunks/chunk-table.ts';
import type { InitTable } from '../../recording/init-table.ts';
import { QualityReader } from '../../recording/quality-reader.ts';
import { Recorder, type RecorderOptions } from '../../recording/recorder.ts';
import { RecordingReader } from '../../recording/recording-reader.ts';

/** Most media of a quality that waits for the disk, bytes. */
const MAX_BACKLOG_BYTES = 16 * 1024 * 1024;

/** How recordings of qualities are written; the same for all of a stream. */
export type QualityRecorderOptions = Pick<RecorderOptions, 'segments' | 'sync' | 'clock' | 'mayWrite' | 'noRoom'> & {
  readonly countersOf: (rung: string) => RecorderOptions['counters'];
};

/** What the recording of a quality is created with. */
interface QualityRecordingSetup {
  readonly streamId: string;
  readonly rung: string;
  readonly table: ChunkTable;
  readonly chunks: ChunkQueries;
  readonly inits: InitTable;
  /** Of the stream. */
  readonly recording: RecordingReader;
  readonly source: Pick<LiveWindow, 'decidedMsn' | 'state'>;
  /** Of the live window of the quality. */
  readonly listWriter: LiveWindowWriter;
  /** Whether a segment of the stream is recorded; undefined while that is not known. */
  readonly isRecorded: (msn: number) => boolean | undefined;
  readonly recorder: QualityRecorderOptions;
}

/** A segment of the stream that the quality has not recorded yet. */
type Pending = Pick<NonNullable<Follower['pending']>, 'msn' | 'startUs'>;

/** The recording of a quality, and its recorder while it is followed. */
export class QualityRecording implements AsyncDisposable {
  /** Only its video. */
  readonly own: RecordingReader;
  /** With the sound of the stream. */
  readonly media: QualityReader;
  readonly #setup: QualityRecordingSetup;
  #recorder: Recorder | undefined;
  #follower: Follower | undefined;
  /** Complete segments of which it is not known whether the stream records them. */
  #held: Parameters<Parameters<Follower['sealed']['subscribe']>[0]>[0][] = [];
  /** Segments that wait for the disk. */
  readonly #writing: Pending[] = [];
  /** Recorded segments that are in memory because the stream has not recorded them yet. */
  #committed: number[] = [];
  /** Files that are being ended. */
  #sealing = 0;

  constructor(setup: QualityRecordingSetup) {
    const { streamId, rung, chunks, inits, recording: source } = setup;
    this.#setup = setup;
    this.own = new RecordingReader({ streamId: qualityRecording(streamId, rung), chunks, endUs: 0 });
    const decidedMsn = () => (this.pending?.msn ?? Number.POSITIVE_INFINITY) - 1;
    this.media = new QualityReader({ own: this.own, source, inits, decidedMsn });
  }

  /**
   * The oldest segment of the stream of which it is not decided whether the quality has it; undefined if
   * there is none.
   */
  get pending(): Pending | undefined {
    return this.#writing[0] ?? this.#held[0]?.opening ?? this.#follower?.pending;
  }

  /** Every segment that it was given is on disk, or will never be, and no file is being ended. */
  get isQuiet(): boolean {
    return this.#writing.length === 0 && this.#sealing === 0;
  }

  /** Records the segments of a follower. Called once. */
  follow(follower: Follower): void {
    const { recorder, table, inits, listWriter } = this.#setup;
    this.#follower = follower;
    const { countersOf, ...options } = recorder;
    this.#recorder = new Recorder({
      ...options,
      recording: this.own,
      table,
      beforeIndex: () => inits.stored(),
      previousMsn: 0,
      maxBacklogBytes: MAX_BACKLOG_BYTES,
      counters: countersOf(this.#setup.rung),
      onCommitted: (msn) => {
        this.#decided(msn);
        this.#committed.push(msn);
        this.release();
      },
      onLost: (msn) => {
        this.#decided(msn);
        listWriter.lost(msn);
      },
    });
    follower.sealed.subscribe((sealed) => {
      this.#held.push(sealed);
      this.flush();
    });
  }

  /** Passes on the segments of which it is known whether the stream records them. */
  flush(): void {
    for (let next = this.#held[0]; next; next = this.#held[0]) {
      const { msn, startUs } = next.opening;
      const isRecorded = this.#setup.isRecorded(msn);
      if (isRecorded === undefined) return;
      this.#held.shift();
      this.#writing.push({ msn, startUs });
      if (isRecorded && next.group) this.#recorder!.write(next.group);
      else {
        this.#recorder!.passOver(msn);
        // Switched off: nothing is added to the open file for now.
        if (!isRecorded) void this.seal();
      }
    }
  }

  /** Releases recorded media from memory, of the stream too: its sound is read from there. */
  release(): void {
    const { listWriter, source } = this.#setup;
    const ready = this.#committed.filter((msn) => msn <= source.decidedMsn);
    const last = ready.at(-1);
    if (last === undefined) return;
    this.#committed = this.#committed.filter((msn) => msn > last);
    const { lost } = source.state;
    for (const msn of ready) if (lost.has(msn)) listWriter.lost(msn);
    listWriter.recorded(last);
  }

  /** Ends the open file: nothing is recorded for now. Never rejects. */
  async seal(): Promise<void> {
    if (!this.#recorder) return;
    this.#sealing++;
    await this.#recorder.seal();
    this.#sealing--;
  }

  /** Writes what waits, and ends the open file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#recorder?.[Symbol.asyncDispose]();
  }

  #decided(msn: number): void {
    while (this.#writing[0] && this.#writing[0].msn <= msn) this.#writing.shift();
  }
}
