/**
 * Markers: texts of users at instants of a stream. They are only in the database: backed up, not rebuilt
 * (docs/media.md 22).
 * In: instants and texts. Out: markers in order of time.
 */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import { OxbowError } from '../lib/errors.ts';
import type { Tables } from '../store/schema.ts';

/** Most markers of one stream. */
export const MAX_MARKERS = 10_000;

/** A text at an instant. */
export interface Marker {
  readonly id: string;
  /** µs since 1970. */
  readonly atUs: number;
  readonly text: string;
}

/** Which markers to read. */
interface MarkerRange {
  /** µs since 1970. */
  readonly fromUs: number;
  readonly toUs: number;
  /** Most markers of the result. */
  readonly limit: number;
  /** Only markers after this one, in order of time and id. */
  readonly after?: Pick<Marker, 'atUs' | 'id'> | undefined;
}

/** The markers of all streams. */
export class MarkerTable {
  readonly #db: Kysely<Tables>;
  /** Markers being added, by stream: they count against the limit before they are in the database. */
  readonly #adding = new Map<string, number>();

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** Markers in [fromUs, toUs), oldest first. */
  async between(streamId: string, { fromUs, toUs, limit, after }: MarkerRange): Promise<Marker[]> {
    let query = this.#db
      .selectFrom('marker')
      .select(['id', 'at_us', 'text'])
      .where('stream_id', '=', streamId)
      .where('at_us', '>=', Math.max(fromUs, after?.atUs ?? fromUs))
      .where('at_us', '<', toUs)
      .orderBy('at_us')
      .orderBy('id')
      .limit(limit);
    if (after) {
      query = query.where((eb) => eb.or([eb('at_us', '>', after.atUs), eb('id', '>', after.id)]));
    }
    const rows = await query.execute();
    return rows.map(({ id, at_us, text }) => ({ id, atUs: at_us, text }));
  }

  /**
   * Writes a marker.
   *
   * @throws OxbowError `limit-reached`
   */
  async add(streamId: string, { atUs, text }: Omit<Marker, 'id'>): Promise<Marker> {
    const adding = this.#adding.get(streamId) ?? 0;
    this.#adding.set(streamId, adding + 1);
    try {
      if ((await this.#count(streamId)) + adding >= MAX_MARKERS) {
        throw new OxbowError('limit-reached', `This stream has ${MAX_MARKERS} markers already.`);
      }
      const marker = { id: randomUUID(), atUs, text };
      await this.#db.insertInto('marker').values({ id: marker.id, stream_id: streamId, at_us: atUs, text }).execute();
      return marker;
    } finally {
      const left = this.#adding.get(streamId)! - 1;
      if (left > 0) this.#adding.set(streamId, left);
      else this.#adding.delete(streamId);
    }
  }

  /** Deletes a marker; false if there is none with that id. */
  async remove(streamId: string, id: string): Promise<boolean> {
    const deleted = await this.#db
      .deleteFrom('marker')
      .where('id', '=', id)
      .where('stream_id', '=', streamId)
      .returning('id')
      .execute();
    return deleted.length > 0;
  }

  /** Deletes all markers of a stream. */
  async forget(streamId: string): Promise<void> {
    await this.#db.deleteFrom('marker').where('stream_id', '=', streamId).execute();
  }

  async #count(streamId: string): Promise<number> {
    const row = await this.#db
      .selectFrom('marker')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('stream_id', '=', streamId)
      .executeTakeFirst();
    return row?.count ?? 0;
  }
}
