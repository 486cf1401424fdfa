/**
 * Reads the log of past events.
 * In: cursors, positions. Out: events in the order of their commits. docs/decisions/0098.
 */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { OxbowEvent } from '../../api/events.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { Audience, PublishedEvent } from '../../cluster/bus/event-bus.ts';
import type { EventLog, PastEvents, PastRequest } from '../../cluster/bus/event-log.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Tables } from '../schema.ts';
import type { EventLogHeadTable } from '../tables/event-tables.ts';
import { EVENT_ID, LOG_TIME_DIGITS, parseSince, printCursor } from './event-cursor.ts';

/** The row of `event_log_head`. */
export type LogHead = Selectable<EventLogHeadTable>;

/** In place of a node: the event is of another process, which has its own log. */
export const FOREIGN = '*';
/** Rows that one read examines at most. */
const EXAMINED = 2000;
/** Most events of a subscriber that comes back. */
const MAX_REPLAY = 10_000;

/** What of a row makes an event. */
interface StoredEvent {
  readonly node: string | null;
  readonly audience: string;
  readonly body: string;
}

/** The head of the log. Undefined: it was never opened. */
export function headOf(db: Kysely<Tables>): Promise<LogHead | undefined> {
  return db.selectFrom('event_log_head').selectAll().where('id', '=', 1).executeTakeFirst();
}

/** The log, to be read. */
export class EventRows implements Omit<EventLog, 'flush'> {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async newest(): Promise<number> {
    return (await this.#head()).last;
  }

  async print(position: number): Promise<string> {
    return printCursor((await this.#head()).log, position);
  }

  async locate(since: string): Promise<number> {
    const parsed = parseSince(since);
    const head = await this.#head();
    const { first, last, ids_after } = head;
    switch (parsed.kind) {
      case 'cursor':
        if (parsed.log !== head.log)
          throw gone(head, 'The cursor is of another log: the database was restored, or another one was promoted.');
        if (parsed.position < first) throw gone(head, 'Events after the cursor are deleted.');
        if (parsed.position <= last) return parsed.position;
        throw new OxbowError('bad-request', `\`since\` (${since}) is a cursor that this server has not sent.`, {
          extra: { hint: 'Send `next` of an earlier answer unchanged.' },
        });
      case 'id': {
        if (parsed.id < head.floor_id) throw gone(head, `Events after ${parsed.id} are deleted.`);
        const rows = this.#db.selectFrom('event_log').where('event_id', '>', parsed.id).where('seq', '>', ids_after);
        return positionBefore(await rows.select((eb) => eb.fn.min('seq').as('seq')).executeTakeFirst(), last);
      }
      case 'time': {
        const fromUs = parsed.ms * 1000;
        if (fromUs <= head.floor_us) throw gone(head, `Events of ${printRfc3339(parsed.ms)} are deleted.`);
        const rows = this.#db.selectFrom('event_log').where('at_us', '>=', fromUs);
        return positionBefore(await rows.select((eb) => eb.fn.min('seq').as('seq')).executeTakeFirst(), last);
      }
    }
  }

  async read(request: PastRequest): Promise<PastEvents> {
    const { after, limit, until, types, stream, accepts = () => true, most = limit } = request;
    const to = Math.min(until ?? Number.MAX_SAFE_INTEGER, after + EXAMINED);
    // One statement, so that the head and the rows are of one moment.
    const rows = await this.#db
      .selectFrom('event_log_head as head')
      .leftJoin('event_log as row', (join) =>
        join
          .on('row.seq', '>', after)
          .on('row.seq', '<=', to)
          .on((eb) => {
            const wanted = [
              ...(stream === undefined ? [] : [eb('row.stream', '=', stream)]),
              ...(types === undefined ? [] : [eb('row.type', 'in', [...types])]),
            ];
            return wanted.length === 0 ? sql<boolean>`1 = 1` : eb.or([eb.and(wanted), eb('row.lost', '>', 0)]);
          }),
      )
      .selectAll('head')
      .select(['row.seq', 'row.node', 'row.type', 'row.stream', 'row.audience', 'row.body', 'row.lost'])
      .where('head.id', '=', 1)
      .orderBy('row.seq')
      .limit(most)
      .execute();
    const [head] = rows;
    if (!head) throw neverOpened();
    if (after < head.first) throw gone(head, 'Events after the cursor are deleted.');
    const events: PublishedEvent[] = [];
    let lost = 0;
    // Where there may be more rows than were read, the last of them is as far as it is examined.
    let position = rows.length === most ? rows.at(-1)!.seq : null;
    for (const { seq, node, type, stream: of, audience, body, lost: before } of rows) {
      if (seq === null) continue; // nothing is behind the position
      lost += before ?? 0;
      const isWanted = (!types || types.has(type as OxbowEvent['type'])) && (stream === undefined || of === stream);
      const published = isWanted && eventOf({ node, audience: audience!, body: body! });
      if (!published || !accepts(published)) continue;
      events.push(published);
      if (events.length < limit) continue;
      position = seq;
      break;
    }
    const end = Math.min(until ?? head.last, head.last);
    position ??= Math.max(after, Math.min(to, end));
    return { events, position, isMore: position < end, lost, keptSinceMs: keptSinceMs(head) };
  }

  async between(afterId: string, upToId: string): Promise<readonly PublishedEvent[] | undefined> {
    if (!EVENT_ID.test(afterId) || afterId > upToId) return undefined;
    const rows = await this.#db
      .selectFrom('event_log_head as head')
      .leftJoin('event_log as row', (join) =>
        join.onRef('row.seq', '>', 'head.ids_after').on('row.event_id', '>', afterId).on('row.event_id', '<=', upToId),
      )
      .select(['head.floor_id', 'row.node', 'row.audience', 'row.body', 'row.lost'])
      .where('head.id', '=', 1)
      .orderBy('row.event_id')
      .limit(MAX_REPLAY + 1)
      .execute();
    const isComplete = rows.length <= MAX_REPLAY && rows[0] !== undefined && afterId >= rows[0].floor_id;
    if (!isComplete || rows.some(({ lost }) => (lost ?? 0) > 0)) return undefined;
    return rows.flatMap(({ node, audience, body }) =>
      body === null ? [] : [eventOf({ node, audience: audience!, body })],
    );
  }

  async newestId(afterId: string, beforeMs: number): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('event_log_head as head')
      .innerJoin('event_log as row', (join) => join.onRef('row.seq', '>', 'head.ids_after'))
      .select('row.event_id')
      .where('row.event_id', '>', afterId)
      .where('row.at_us', '<', Math.round(beforeMs * 1000))
      .orderBy('row.event_id', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row?.event_id;
  }

  async #head(): Promise<LogHead> {
    const head = await headOf(this.#db);
    if (!head) throw neverOpened();
    return head;
  }
}

function eventOf({ node, audience, body }: StoredEvent): PublishedEvent {
  const published = { event: JSON.parse(body) as OxbowEvent, audience: audience as Audience, json: body };
  return node === FOREIGN ? { ...published, isForeign: true } : published;
}

function positionBefore(row: { readonly seq: number | null } | undefined, last: number): number {
  return row?.seq ? row.seq - 1 : last;
}

function keptSinceMs({ log, floor_us }: Pick<LogHead, 'log' | 'floor_us'>): number {
  return Math.max(Number.parseInt(log.slice(0, LOG_TIME_DIGITS), 36), Math.ceil(floor_us / 1000));
}

function gone(head: LogHead, detail: string): OxbowError {
  const oldest = printCursor(head.log, head.first);
  return new OxbowError('events-gone', detail, {
    extra: {
      oldest,
      keptSince: printRfc3339(keptSinceMs(head)),
      hint: `Read the state again, then continue with \`since=${oldest}\`, the oldest event that is kept.`,
    },
  });
}

function neverOpened(): OxbowError {
  return new OxbowError('not-ready', 'The log of events is not open.', { extra: { retryAfterSeconds: 1 } });
}
