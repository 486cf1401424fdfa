/**
 * What one listener wants to hear, and what it may.
 * In: the query of a request, who asks. Out: a yes or no for each event.
 */
import { type EventType, eventTypes } from '../../api/events.ts';
import type { PublishedEvent } from '../../cluster/event-bus.ts';
import { OxbowError } from '../../lib/errors.ts';

/** What is heard. */
export interface EventFilter {
  /** Undefined: all of them. */
  readonly types: ReadonlySet<EventType> | undefined;
  /** Undefined: of all streams that are listed, and what is about none. */
  readonly stream: string | undefined;
  /** Id of the last event that was heard; undefined: none was. */
  readonly after: string | undefined;
}

/** Whoever listens. */
export interface EventSubscriber {
  readonly isAdmin: boolean;
  /** Whose listeners are counted together, see `bucketOwner`. */
  readonly owner: string;
  /** Whether they may hear of a stream that is not for everyone. */
  sees(stream: string): boolean;
  /** Why they may not hear any more what they might when they came; undefined while they may. AuthRequest often: a look into memory. */
  ended(): EndOfRight | undefined;
}

/** Why a right ended while somebody listened: of a guest's link its time, or its owner; of a session or a token, that it is no more. */
export type EndOfRight = 'watch-expired' | 'watch-refused' | 'unauthorized';

const MAX_ID_LENGTH = 40;

/**
 * Reads a filter.
 *
 * @param types names with commas between, `job.*` for all that begin so
 * @param lastEventId header that a browser sends when it comes back; it knows more than the address
 * @throws OxbowError `bad-request` for a name that no event has
 */
export function readFilter(
  { types, stream, after }: { types?: string; stream?: string; after?: string },
  lastEventId: string | undefined,
): EventFilter {
  const id = lastEventId || after;
  return {
    types: types === undefined ? undefined : new Set(types.split(',').flatMap(readType)),
    stream,
    after: id === undefined ? undefined : id.slice(0, MAX_ID_LENGTH + 1),
  };
}

function readType(word: string): readonly EventType[] {
  const found = eventTypes.filter((type) => (word.endsWith('.*') ? type.startsWith(word.slice(0, -1)) : type === word));
  if (found.length > 0) return found;
  throw new OxbowError('bad-request', `There is no event named "${word.slice(0, 40)}".`, {
    extra: { hint: `There are: ${eventTypes.join(', ')}.` },
  });
}

/** Whether a listener matches an event: what it asked for, and what whoever asks may know now as well as when it was told. */
export function matches(
  { event, audience }: PublishedEvent,
  { types, stream }: EventFilter,
  { isAdmin, sees }: EventSubscriber,
  isPrivate: (name: string) => boolean,
): boolean {
  if (types && !types.has(event.type)) return false;
  if (stream !== undefined && event.stream !== stream) return false;
  if (audience === 'admin') return isAdmin;
  if (event.stream === null) return true;
  if (audience === 'private' || isPrivate(event.stream)) return sees(event.stream);
  // Whoever does not know the name of an unlisted stream does not learn it here.
  return audience !== 'unlisted' || event.stream === stream || sees(event.stream);
}
