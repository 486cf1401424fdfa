/**
 * One request to the origin that many clients wait for. It is a pending reply, like a live part that does not
 * exist yet: the responders answer all waiting connections of a flight in one turn.
 * In: the outcome of a request. Out: pending replies. docs/decisions/0051.
 */
import type { PendingReply } from '../../delivery/live/pending-reply.ts';
import type { Reply } from '../../delivery/reply.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Emitter } from '../../lib/events.ts';
import { AskAgain, OriginRefusal } from '../refusal.ts';

/** A flight ends earlier, by the deadline of its request, ms. */
const MAX_WAIT_MS = 90_000;

/**
 * With whose rights the request is sent to the origin: without a token, with any that it accepts, or with one
 * that it has not judged yet.
 */
export type FlightAccess = 'anyone' | 'accepted' | 'unknown';

/** The result of a flight. */
export type Outcome =
  | { readonly reply: Reply; readonly isPrivate: boolean; readonly bornMs: number }
  | { readonly error: unknown };

export class Flight {
  readonly key: string;
  readonly access: FlightAccess;
  /** An object was purged meanwhile: the answer is not kept. */
  isDoomed = false;
  /** Ends the request. */
  readonly leaving = new AbortController();
  /** Of a segment in progress: resolves when it is complete. */
  growth: Promise<void> | undefined;
  /** Of the object, without access. */
  readonly object: { readonly key: string; readonly name: string };
  readonly #changes = new Emitter<void>();
  readonly #ended = Promise.withResolvers<void>();
  #outcome: Outcome | undefined;

  constructor(key: string, access: FlightAccess, object: { readonly key: string; readonly name: string }) {
    this.key = key;
    this.access = access;
    this.object = object;
  }

  /** Resolves at the end, whatever it is. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Undefined until the end. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Ends the flight; only the first outcome counts. */
  end(outcome: Outcome): void {
    if (this.#outcome) return;
    this.#outcome = outcome;
    this.#ended.resolve();
    this.#changes.emit();
  }

  /**
   * The pending reply of a client.
   *
   * @param hasToken the client has a playback token: a refusal of a request without one is not for it
   */
  pending(hasToken: boolean): PendingReply {
    return {
      key: hasToken ? `${this.key} by token` : this.key,
      changes: this.#changes,
      look: () => this.#look(hasToken),
      waitMs: MAX_WAIT_MS,
      late: () => new OxbowError('not-ready', 'The origin did not respond in time.'),
    };
  }

  #look(hasToken: boolean): Reply | undefined {
    const outcome = this.#outcome;
    if (!outcome) return undefined;
    if ('reply' in outcome) return outcome.reply;
    const { error } = outcome;
    const isOfOther = this.access === 'accepted' || (this.access === 'anyone' && hasToken);
    if (isOfOther && error instanceof OriginRefusal && isAboutAccess(error)) throw new AskAgain();
    throw error;
  }
}

/** Refusals by the broadcaster's rules for the past: every viewer gets them. */
const OF_ALL: ReadonlySet<string | undefined> = new Set(['past-limited', 'clips-off']);

/**
 * Whether another client might get another answer. A stream that a client may not watch looks as if it did
 * not exist.
 */
export function isAboutAccess({ status, code }: OriginRefusal): boolean {
  if (OF_ALL.has(code)) return false;
  return status === 401 || status === 403 || (status === 404 && code?.endsWith('-unknown') === true);
}
