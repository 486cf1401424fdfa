/**
 * A page of past events, with the access rules of live ones.
 * In: a filter, a subscriber, the log. Out: JSON as PastEventsView.
 */
import { printRfc3339 } from '../../api/instant.ts';
import type { PublishedEvent } from '../../cluster/bus/event-bus.ts';
import type { EventLog } from '../../cluster/bus/event-log.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type EventFilter, type EventSubscriber, matches, type StreamFacts } from './event-filter.ts';

/** Items of a page without `limit`. */
const LIMIT = 100;
/** Reads of one request, and events of each after the first: the client may see none of them. */
const MAX_READS = 5;
const MOST = 2000;

/** The events that a request names. */
export interface PastQuery {
  /** A cursor, the id of an event, or a time. */
  readonly since: string;
  /** 1 to 1000. */
  readonly limit?: string | undefined;
}

/**
 * The log.
 *
 * @throws OxbowError `events-gone` if none is kept
 */
export function logOf(eventLog: EventLog | undefined): EventLog {
  if (eventLog) return eventLog;
  throw new OxbowError('events-gone', 'This server keeps no past events: `events.keep` is 0.', {
    extra: { hint: 'Set `events.keep`, for example to 1d, and start oxbow again.' },
  });
}

/**
 * Reads a page.
 *
 * @throws OxbowError `events-gone`, `bad-request`
 */
export async function readPast(
  log: EventLog,
  { since, limit: limitText }: PastQuery,
  {
    filter,
    subscriber,
    facts,
  }: {
    readonly filter: EventFilter;
    readonly subscriber: EventSubscriber;
    readonly facts: StreamFacts;
  },
): Promise<string> {
  const limit = Number(limitText ?? LIMIT);
  const { types, stream } = filter;
  let position = await log.locate(since);
  let lost = 0;
  let keptSinceMs = 0;
  let isMore = true;
  const items: PublishedEvent[] = [];
  for (let reads = 0; isMore && reads < MAX_READS && items.length < limit; reads++) {
    const accepts = (published: PublishedEvent) => matches(published, filter, subscriber, facts);
    const most = reads === 0 ? undefined : MOST;
    const part = await log.read({ after: position, limit: limit - items.length, types, stream, accepts, most });
    items.push(...part.events);
    ({ position, isMore, keptSinceMs } = part);
    lost += part.lost;
  }
  const rest = JSON.stringify({
    next: await log.print(position),
    more: isMore,
    lost,
    keptSince: printRfc3339(keptSinceMs),
  });
  return `{"items":[${items.map(({ json }) => json).join(',')}],${rest.slice(1)}`;
}
