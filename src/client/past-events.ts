/**
 * Past events, page by page.
 * In: a filter, where to begin. Out: events, and where the next page begins.
 */
import type { EventType, OxbowEvent } from './made/event-shapes.ts';
import type { CallOptions, Requester } from './request.ts';

/** The past events that a client requests. */
export interface PastFilter<T extends EventType = EventType> {
  /** `next` of an earlier page, the id of an event, or a time: RFC 3339, or unix seconds or milliseconds. */
  readonly since: string;
  /** Most items, 1 to 1000. Default: 100. */
  readonly limit?: number;
  /** Default: all types. */
  readonly types?: readonly T[];
  /** Only events of this stream. */
  readonly stream?: string;
}

/** A page. */
export interface PastEvents<T extends EventType = EventType> {
  /** Oldest first. */
  readonly items: readonly OxbowEvent<T>[];
  /** `since` of the next page: nothing is missed and nothing comes twice. */
  readonly next: string;
  /** The next page has more at once. */
  readonly more: boolean;
  /** Events that are missing on this page. */
  readonly lost: number;
  /** RFC 3339: nothing that happened since then is deleted. */
  readonly keptSince: string;
}

/** Reads a page. @throws OxbowProblem */
export function readPastEvents<T extends EventType>(
  request: Requester,
  { since, limit, types, stream }: PastFilter<T>,
  options?: CallOptions,
): Promise<PastEvents<T>> {
  const input = {
    since,
    ...(limit !== undefined && { limit: String(limit) }),
    ...(types && { types: types.join(',') }),
    ...(stream !== undefined && { stream }),
  };
  return request({ method: 'GET', path: '/api/v1/events' }, input, options);
}
