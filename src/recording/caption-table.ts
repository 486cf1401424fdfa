/**
 * The closed captions of a stream's runs, so that windows of the past announce them.
 * In: what a run was seen to have. Out: the captions of a run; rows in the database. An index that was
 * rebuilt has none: captions of those runs are not announced, and players find them in the video.
 */

import { type CaptionChannel, captionsFrom } from '@oxbow/media/captions/caption-channel';
import { dropOldest } from '../lib/drop-oldest.ts';
import { changeRows, type StreamRows } from '../store/shards/stream-rows.ts';
import { WaitingRows } from './waiting-rows.ts';

/** Runs that are remembered; rows of older ones are deleted when a stream is opened. */
const MAX_RUNS = 20_000;

/** The captions of one stream, in memory; rows are written in the background. */
export class CaptionTable {
  readonly #byRun: Map<number, readonly CaptionChannel[]>;
  readonly #save: (run: number, captions: readonly CaptionChannel[]) => Promise<void>;
  readonly #rows: WaitingRows;

  /**
   * @param stored oldest first
   * @param save writes a row
   * @param failed called when a row could not be written; it waits then
   */
  constructor(
    stored: ReadonlyMap<number, readonly CaptionChannel[]> = new Map(),
    save: (run: number, captions: readonly CaptionChannel[]) => Promise<void> = async () => {},
    failed: (error: unknown) => void = () => {},
  ) {
    this.#byRun = new Map(stored);
    this.#save = save;
    this.#rows = new WaitingRows(failed);
  }

  /** Those of a run, none included; undefined where that is not known. */
  of(run: number): readonly CaptionChannel[] | undefined {
    return this.#byRun.get(run);
  }

  /** Replaces those of a run. */
  set(run: number, captions: readonly CaptionChannel[]): void {
    this.#byRun.set(run, captions);
    dropOldest(this.#byRun, MAX_RUNS);
    this.#rows.add(run, () => this.#save(run, captions));
  }

  /** Resolves when each has its row: before the index has media of its run. @throws the error of a write */
  stored(): Promise<void> {
    return this.#rows.stored();
  }
}

/**
 * Loads the captions of a stream.
 *
 * @param failed called when a row could not be written
 */
export async function openCaptionTable(
  stored: StreamRows,
  streamId: string,
  failed: (error: unknown) => void,
): Promise<CaptionTable> {
  const rows = await stored.read(streamId, (db) =>
    db
      .selectFrom('stream_caption')
      .selectAll()
      .where('stream_id', '=', streamId)
      .orderBy('run', 'desc')
      .limit(MAX_RUNS)
      .execute(),
  );
  const oldest = rows.at(-1);
  if (oldest && rows.length === MAX_RUNS) {
    await changeRows(stored, streamId, async (db) => {
      await db.deleteFrom('stream_caption').where('stream_id', '=', streamId).where('run', '<', oldest.run).execute();
    });
  }
  const byRun = new Map(rows.reverse().map(({ run, captions }) => [run, captionsFrom(JSON.parse(captions)) ?? []]));
  const save = (run: number, captions: readonly CaptionChannel[]) => {
    const row = { stream_id: streamId, run, captions: JSON.stringify(captions) };
    return changeRows(stored, streamId, async (db) => {
      await db
        .insertInto('stream_caption')
        .values(row)
        .onConflict((conflict) => conflict.columns(['stream_id', 'run']).doUpdateSet({ captions: row.captions }))
        .execute();
    });
  };
  return new CaptionTable(byRun, save, failed);
}
