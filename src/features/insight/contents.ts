/**
 * The short numbers of streams and assets in the tables of insight.
 * In: ids. Out: numbers, which are stored once for each. Bounded memory.
 */
import type { Kysely } from 'kysely';
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { Tables } from '../../store/schema.ts';
import type { Content } from './viewing-row.ts';

const MAX_REMEMBERED = 10_000;
/** Rows that one statement deletes: others wait for it in SQLite. */
const ROWS_AT_A_TIME = 20_000;

const nameOf = ({ kind, id }: Content) => `${kind} ${id}`;

/** The numbers of all content. */
export class Contents {
  readonly #db: Kysely<Tables>;
  readonly #keys = new Map<string, number>();

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** The number of each; new ones are stored. */
  async keysOf(contents: readonly Content[]): Promise<number[]> {
    const keys = new Map<string, number>();
    for (const content of contents) {
      const name = nameOf(content);
      if (!keys.has(name)) keys.set(name, this.#keys.get(name) ?? (await this.#put(content)));
    }
    return contents.map((content) => keys.get(nameOf(content))!);
  }

  /** The number; undefined: nothing was stored of it. */
  async find({ kind, id }: Content): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('viewing_content')
      .select('seq')
      .where('kind', '=', kind)
      .where('content_id', '=', id)
      .executeTakeFirst();
    return row?.seq;
  }

  /** Deletes rows of sessions before a minute since 1970, in steps, so that no statement takes long. */
  async removeMinutes(before: number): Promise<void> {
    for (;;) {
      const last = await this.#db
        .selectFrom('viewing_minute')
        .select('minute')
        .where('minute', '<', before)
        .orderBy('minute')
        .offset(ROWS_AT_A_TIME)
        .limit(1)
        .executeTakeFirst();
      const until = last ? last.minute + 1 : before;
      await this.#db.deleteFrom('viewing_minute').where('minute', '<', until).execute();
      if (!last) return;
    }
  }

  /** Deletes sums before an hour since 1970, and rows of content that was erased while they were written. */
  async removeSums(before: number): Promise<void> {
    await this.#db.deleteFrom('viewing_hour').where('hour', '<', before).execute();
    await this.#db.deleteFrom('viewing_startup').where('hour', '<', before).execute();
    await this.#db.deleteFrom('viewing_sum').where('hour', '<', before).execute();
    for (const table of ['viewing_minute', 'viewing_hour', 'viewing_startup', 'viewing_sum'] as const) {
      const known = this.#db.selectFrom('viewing_content').select('seq');
      await this.#db.deleteFrom(table).where('content', 'not in', known).execute();
    }
  }

  async #put(content: Content): Promise<number> {
    await this.#db
      .insertInto('viewing_content')
      .values({ kind: content.kind, content_id: content.id })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const key = (await this.find(content))!;
    this.#keys.set(nameOf(content), key);
    dropOldest(this.#keys, MAX_REMEMBERED);
    return key;
  }
}
