/**
 * The journal: what happened to streams, for "what happened at 20:14". Gaps are in the timeline, requests in
 * the audit log.
 * In: events of the bus. Out: rows, written in batches; the rows of a range of time. They exist only in the
 * database: backed up, not rebuilt.
 */
import type { Kysely } from 'kysely';
import type { EventType, OxbowEvent } from '../../api/events.ts';
import type { PublishedEvent } from '../../cluster/bus/event-bus.ts';
import type { Tables } from '../../store/schema.ts';

/** The events that are kept. */
const KEPT: ReadonlySet<EventType> = new Set([
  ...([
    'stream.created',
    'stream.changed',
    'stream.live',
    'stream.offline',
    'stream.recording',
    'stream.ladder',
  ] as const),
  ...(['publish.started', 'publish.refused', 'publish.switched', 'publish.away', 'publish.ended'] as const),
  ...(['publish.warning', 'relay.live', 'relay.failed'] as const),
  ...(['disk.low', 'disk.ok', 'storage.failing', 'storage.ok', 'service.failing', 'service.ok'] as const),
  ...(['server.starting', 'server.ending'] as const),
]);
/** Most events that wait for the database; further ones are lost and counted. */
const MAX_WAITING = 5_000;
const BATCH = 200;
/** Most rows of a range. */
const MOST_IN_RANGE = 500;
/** Longest data of a row, characters. */
const MAX_DATA = 2_000;

/** A row. */
export interface JournalEntry {
  /** Empty: it concerns all streams. */
  readonly streamId: string;
  /** ms since 1970. */
  readonly atMs: number;
  readonly type: EventType;
  readonly data: OxbowEvent['data'];
}

/** Dependencies of the journal. */
interface JournalOptions {
  readonly db: Kysely<Tables>;
  /** Id of a stream by its name; undefined for an unknown one. */
  readonly idOf: (name: string) => string | undefined;
  /** Events are lost: too many wait, or the database failed. */
  readonly lost: (count: number, error?: unknown) => void;
}

/** The journal of all streams. */
export class Journal {
  readonly #options: JournalOptions;
  readonly #waiting: JournalEntry[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Takes an event of this process. Never waits, never throws. */
  event({ event }: Pick<PublishedEvent, 'event'>): void {
    if (!KEPT.has(event.type)) return;
    const { idOf, lost } = this.#options;
    const streamId = event.stream === null ? '' : idOf(event.stream);
    if (streamId === undefined) return;
    if (this.#waiting.length >= MAX_WAITING) {
      lost(1);
      return;
    }
    this.#waiting.push({ streamId, atMs: Date.parse(event.at), type: event.type, data: event.data });
    this.#writing ??= this.#write();
  }

  /** Resolves when all events so far are written. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Entries of a stream, and of all, in [fromMs, toMs), oldest first; at most 500, the newest. */
  async between(streamId: string, fromMs: number, toMs: number): Promise<JournalEntry[]> {
    await this.flush();
    const rows = await this.#options.db
      .selectFrom('journal')
      .selectAll()
      .where('stream_id', 'in', [streamId, ''])
      .where('at_us', '>=', Math.round(fromMs * 1000))
      .where('at_us', '<', Math.round(toMs * 1000))
      .orderBy('seq', 'desc')
      .limit(MOST_IN_RANGE)
      .execute();
    return rows.reverse().map(({ stream_id, at_us, type, data }) => ({
      streamId: stream_id,
      atMs: at_us / 1000,
      type: type as EventType,
      data: JSON.parse(data) as JournalEntry['data'],
    }));
  }

  /** Deletes the entries of a stream before an instant, ms since 1970; the empty id: to all streams. */
  async removeBefore(streamId: string, atMs: number): Promise<void> {
    const deleted = this.#options.db.deleteFrom('journal').where('stream_id', '=', streamId);
    await deleted.where('at_us', '<', Math.round(atMs * 1000)).execute();
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // events of the same turn are one write
    const { db, lost } = this.#options;
    while (this.#waiting.length > 0) {
      const rows = this.#waiting.splice(0, BATCH).map(({ streamId, atMs, type, data }) => {
        const json = JSON.stringify(data);
        const kept = json.length <= MAX_DATA ? json : JSON.stringify({ detail: json.slice(0, MAX_DATA / 2) });
        return { stream_id: streamId, at_us: Math.round(atMs * 1000), type, data: kept };
      });
      await db
        .insertInto('journal')
        .values(rows)
        .execute()
        .catch((error: unknown) => lost(rows.length, error));
    }
    this.#writing = undefined;
  }
}
