/**
 * Decides which events a subscriber receives: those that match its filter and that it may see.
 * In: the query of a request, the subscriber. Out: a yes or no for each event.
 */
import { may } from '../../accounts/permissions.ts';
import { type EventType, eventTypes } from '../../api/events.ts';
import { isAboutPast } from '../../api/past/events-about-past.ts';
import { limitsTimes } from '../../api/past/past-rules.ts';
import type { StreamsApi } from '../../api/streams-api.ts';
import type { PublishedEvent } from '../../cluster/bus/event-bus.ts';
import { OxbowError } from '../../lib/errors.ts';

/** The events that a subscriber requests. */
export interface EventFilter {
  /** Undefined: all types. */
  readonly types: ReadonlySet<EventType> | undefined;
  /** Undefined: events of all listed streams, and those about no stream. */
  readonly stream: string | undefined;
  /** Id of the last event that the subscriber received; undefined: none. */
  readonly after: string | undefined;
}

/** A client that receives events, with its permissions. */
export interface EventSubscriber {
  readonly isAdmin: boolean;
  /** Owner of what it creates; `''` for an anonymous client. */
  readonly principal: string;
  /** The subscribers of one owner are counted together, see `bucketOwner`. */
  readonly owner: string;
  /** Whether it may see a stream that is signed or private. */
  sees(stream: string): boolean;
  /**
   * Why its permission ended; undefined while it is valid. Called for every event, so it only reads memory.
   */
  ended(): EndOfPermission | undefined;
}

/**
 * Why a permission ended during the connection: a link expired or was revoked; a session or an API token
 * ended.
 */
export type EndOfPermission = 'watch-expired' | 'watch-refused' | 'unauthorized';

const MAX_ID_LENGTH = 40;

/**
 * Reads a filter.
 *
 * @param types event types separated by commas; `job.*` means all that begin with `job.`
 * @param lastEventId header that a browser sends when it reconnects; newer than `after`
 * @throws OxbowError `bad-request` for an unknown type
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
  const types = eventTypes.filter((type) => (word.endsWith('.*') ? type.startsWith(word.slice(0, -1)) : type === word));
  if (types.length > 0) return types;
  throw new OxbowError('bad-request', `Unknown event type "${word.slice(0, 40)}".`, {
    extra: { hint: `Use one of: ${eventTypes.join(', ')}.` },
  });
}

/** What decides about the events of a stream now. */
export interface StreamFacts {
  /** It is signed or private. */
  isPrivate(name: string): boolean;
  /** The broadcaster limits what viewers see of its past. */
  isLimited(name: string): boolean;
}

/**
 * The facts of the streams of this node; of others, `audience` has what was true when an event was published.
 */
export function factsOf(streams: Pick<StreamsApi, 'isPrivate' | 'pastRulesOf'>): StreamFacts {
  return {
    isPrivate: (name) => streams.isPrivate(name),
    isLimited: (name) => limitsTimes(streams.pastRulesOf(name) ?? {}),
  };
}

/**
 * Whether a subscriber receives an event: the filter matches, and it may see the stream both now and when the
 * event was published.
 */
export function matches(
  { event, audience }: PublishedEvent,
  { types, stream }: EventFilter,
  { isAdmin, principal, sees }: EventSubscriber,
  { isPrivate, isLimited }: StreamFacts,
): boolean {
  if (types && !types.has(event.type)) return false;
  if (stream !== undefined && event.stream !== stream) return false;
  if (audience === 'admin') return isAdmin;
  if (audience === 'owner')
    return may({ isAdmin, owner: principal }, 'change', event.data as { readonly owner?: string });
  if (event.stream === null) return true;
  if (!isAdmin && isAboutPast(event.type) && isLimited(event.stream)) return false;
  if (audience === 'private' || isPrivate(event.stream)) return sees(event.stream);
  // Only a subscriber that names an unlisted stream receives its events: others must not see its name.
  return audience !== 'unlisted' || event.stream === stream || sees(event.stream);
}
