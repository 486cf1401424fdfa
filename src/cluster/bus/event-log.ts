/**
 * The contract of the log of past events: the events of the last day in the order in which they were stored,
 * also after a restart.
 * In: a position. Out: events. store/event-log has it in the database; event-log.contract.ts is the suite.
 */
import type { EventType } from '../../api/events.ts';
import type { PublishedEvent } from './event-bus.ts';

/** Events that are not kept: so frequent that they would fill the log, and each replaces the one before. */
export const unkeptEvents: ReadonlySet<EventType> = new Set(['job.progress', 'upload.progress', 'stream.pressure']);

/** What a reader requests. */
export interface PastRequest {
  /** Position up to which it has read. */
  readonly after: number;
  /** Most events. */
  readonly limit: number;
  /** Position of the last event that it wants; undefined: the newest. */
  readonly until?: number | undefined;
  /** Undefined: all types. */
  readonly types?: ReadonlySet<EventType> | undefined;
  /** Undefined: all streams, and events about none. */
  readonly stream?: string | undefined;
  /** Whether it gets an event of these types and this stream; undefined: each. */
  readonly accepts?: (published: PublishedEvent) => boolean;
  /** Most events that are read to find those that it gets, at least `limit`; `limit` by default. */
  readonly most?: number | undefined;
}

/** A part of the log. */
export interface PastEvents {
  readonly events: readonly PublishedEvent[];
  /** Positions up to this one have been examined. */
  readonly position: number;
  /** There is more behind it. */
  readonly isMore: boolean;
  /** Events that are missing among them: too many waited for the database. */
  readonly lost: number;
  /** Since when nothing is deleted, ms since 1970. */
  readonly keptSinceMs: number;
}

/**
 * The log. Positions rise with each commit, also over all nodes: a reader that continues at the position it
 * has reached misses no event, however late a node stores it.
 */
export interface EventLog {
  /**
   * The position behind which a reader finds what has happened since.
   *
   * @param since a cursor, the id of an event, or a time in a form of api/instant.ts. After an id, and from a
   *   time on, nodes that store at once may have some events from before.
   * @throws OxbowError `bad-request` for another text, `events-gone` if events since then are deleted
   */
  locate(since: string): Promise<number>;
  /** The newest position. */
  newest(): Promise<number>;
  /** The cursor of a position. */
  print(position: number): Promise<string>;
  /**
   * Events behind a position. Examines a bounded number, so there may be none, and more behind them.
   *
   * @throws OxbowError `events-gone`
   */
  read(request: PastRequest): Promise<PastEvents>;
  /**
   * The events with ids behind one and up to another, in the order of their ids.
   *
   * @returns undefined if they are not all known, or too many
   */
  between(afterId: string, upToId: string): Promise<readonly PublishedEvent[] | undefined>;
  /**
   * The newest id behind one, of an event from before an instant, ms since 1970; undefined: there is none.
   */
  newestId(afterId: string, beforeMs: number): Promise<string | undefined>;
  /**
   * Resolves when what this process has received is stored, or cannot be for now.
   *
   * @returns whether all of it is stored; what was lost before the next event is not
   */
  flush(): Promise<boolean>;
}
