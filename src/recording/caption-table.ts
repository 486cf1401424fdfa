/**
 * The closed captions of a stream's runs, so that windows of the past announce them.
 * In: what a run was seen to have. Out: the captions of a run; rows in the database. An index that was
 * rebuilt has none: captions of those runs are not announced, and players find them in the video.
 */

import { type CaptionChannel, captionsFrom } from '@oxbow/media/captions/caption-channel';
import { dropOldest } from '../lib/drop-oldest.ts';
import { changeRows, type StreamRows } from '../store/shards/stream-rows.ts';

/** Runs that are remembered; rows of older ones are deleted when a stream is opened. */
const MAX_RUNS = 20_000;

/** The captions of one stream, in memory; rows are written in the background. */
export class CaptionTable {
  readonly #byRun: Map<number, readonly CaptionChannel[]>;
  readonly #save: (run: number, captions: readonly CaptionChannel[]) => void;

  /**
   * @param stored oldest first
   * @param save writes a row; must not throw
   */
  constructor(
    stored: ReadonlyMap<number, readonly CaptionChannel[]> = new Map(),
    save: (run: number, captions: readonly CaptionChannel[]) => void = () => {},
  ) {
    this.#byRun = new Map(stored);
    this.#save = save;
  }

  /** Those of a run, none included; undefined where that is not known. */
  of(run: number): readonly CaptionChannel[] | undefined {
    return this.#byRun.get(run);
  }

  /** Replaces those of a run. */
  set(run: number, captions: readonly CaptionChannel[]): void {
    this.#byRun.set(run, captions);
    dropOldest(this.#byRun, MAX_RUNS);
    this.#save(run, captions);
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
  return new CaptionTable(byRun, (run, captions) => {
    const row = { stream_id: streamId, run, captions: JSON.stringify(captions) };
    changeRows(stored, streamId, async (db) => {
      await db
        .insertInto('stream_caption')
        .values(row)
        .onConflict((conflict) => conflict.columns(['stream_id', 'run']).doUpdateSet({ captions: row.captions }))
        .execute();
    }).catch(failed);
  });
}
