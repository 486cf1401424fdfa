/**
 * The place for publishers of one stream: who is active, who stands by, who is refused, and when another one takes over.
 * In: claims of protocols and of the clients inside oxbow. Out: sessions; one run after the other into the stream's input; events.
 * MEDIA.md, Protocols 31.
 */
import type { GapCause } from '../api/gap.ts';
import type { SecondPublisher } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import type { StreamInput } from '../live/input.ts';
import { type ClaimRequest, type Publisher, Session, type SessionOwner } from './publisher.ts';

/** How often the slot looks whether frames come, ms. */
const TICK_MS = 1000;
/** A publisher that sent no frame for so many ticks has stalled. */
const STALLED_TICKS = 5;
/** A standby publisher takes over from a stalled one at most this often, ms. */
const BETWEEN_SWITCHES_MS = 30_000;
/** Standby publishers of one stream. Two are of use: a backup, and a connection that the network has not given up yet. */
const MAX_STANDBY = 3;

/** Why another publisher became active. */
export type SwitchReason = 'left' | 'stalled' | 'replaced';

/** What happens to the publishers of a stream. */
export type PublisherEvent =
  | { readonly type: 'started'; readonly publisher: Publisher }
  | { readonly type: 'refused'; readonly request: ClaimRequest; readonly error: OxbowError }
  | {
      readonly type: 'switched';
      readonly publisher: Publisher;
      readonly from: Publisher;
      readonly reason: SwitchReason;
    }
  | { readonly type: 'ended'; readonly publisher: Publisher; readonly detail: string };

/** What a slot works with. */
export interface SlotSetup {
  readonly clock: Clock;
  /** The stream; `offline`: nobody publishes, and nothing is meant to flow. */
  readonly input: StreamInput & { offline(detail: string): void };
  /** What happens to a second publisher, as the settings say now. */
  readonly policy: () => SecondPublisher;
  /** Looks for publishers that stall. False for clients inside oxbow, which know by themselves that nothing comes. */
  readonly watches: boolean;
  readonly onEvent: (event: PublisherEvent) => void;
}

/** The publishers of one stream. */
export class PublisherSlot {
  readonly #setup: SlotSetup;
  readonly #owner: SessionOwner;
  #active: Session | undefined;
  /** Oldest first. */
  #standby: Session[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** The stream knows that the active publisher has stalled. */
  #isStalled = false;
  #switchedMs = Number.NEGATIVE_INFINITY;

  constructor(setup: SlotSetup) {
    this.#setup = setup;
    this.#owner = {
      clock: setup.clock,
      input: setup.input,
      absent: (cause, detail) => this.#absent(cause, detail),
      ready: (session) => this.#replace(session),
      left: (session, detail) => this.#left(session, detail),
    };
  }

  /** The publisher that delivers the stream's frames. */
  get active(): Publisher | undefined {
    return this.#active;
  }

  /** Publishers that wait to take over. */
  get standby(): readonly Publisher[] {
    return this.#standby;
  }

  /**
   * Begins a session.
   *
   * @throws OxbowError `publisher-active` where the stream does not let another publisher in; the signal's reason if it has fired
   */
  claim(request: ClaimRequest): Publisher {
    request.signal.throwIfAborted();
    const policy = this.#active && this.#setup.policy();
    if (policy) this.#admit(policy, request);
    const session = new Session(this.#owner, request, { replaces: policy === 'replace' });
    if (this.#active) this.#standby.push(session);
    else this.#activate(session);
    this.#watch();
    this.#setup.onEvent({ type: 'started', publisher: session });
    return session;
  }

  /** Ends every session; the caller reports to the stream why nothing flows. Their signals get `reason`. */
  close(reason: OxbowError): void {
    const sessions = [...(this.#active ? [this.#active] : []), ...this.#standby];
    this.#active = undefined;
    this.#standby = [];
    this.#watch();
    for (const session of sessions) this.#end(session, reason.message, reason);
  }

  /** Throws where a second publisher is refused. One that replaces also replaces the one that waits for its first key frame. */
  #admit(policy: SecondPublisher, request: ClaimRequest): void {
    if (policy === 'replace') {
      for (const waiting of this.#standby.filter(({ replaces }) => replaces)) this.#oust(waiting);
    }
    if (policy !== 'refuse' && this.#standby.length < MAX_STANDBY) return;
    const error = new OxbowError(
      'publisher-active',
      policy === 'refuse'
        ? 'Another publisher is active on this stream.'
        : `This stream has ${MAX_STANDBY} standby publishers already.`,
    );
    this.#setup.onEvent({ type: 'refused', request, error });
    throw error;
  }

  #activate(session: Session): void {
    this.#standby = this.#standby.filter((each) => each !== session);
    this.#active = session;
    this.#isStalled = false;
    session.activate();
  }

  #switch(to: Session, from: Session, reason: SwitchReason): void {
    this.#activate(to);
    this.#setup.onEvent({ type: 'switched', publisher: to, from, reason });
  }

  /** The active publisher delivers until the new one has a key frame, so that nothing is missing in between. */
  #replace(session: Session): void {
    const from = this.#active;
    if (!from) return;
    this.#switch(session, from, 'replaced');
    this.#oust(from);
  }

  #oust(session: Session): void {
    this.#standby = this.#standby.filter((each) => each !== session);
    const detail = 'another publisher replaced this one';
    this.#end(session, detail, new OxbowError('publisher-replaced', detail));
  }

  #left(session: Session, detail: string): void {
    const wasActive = session === this.#active;
    this.#standby = this.#standby.filter((each) => each !== session);
    if (wasActive) {
      this.#active = undefined;
      const next = this.#standby.find(hasFrames) ?? this.#standby[0];
      if (next) {
        this.#setup.input.absent('source-down', detail);
        this.#switch(next, session, 'left');
      } else this.#setup.input.offline(detail);
    }
    this.#watch();
    this.#end(session, detail, new DOMException(detail, 'AbortError'));
  }

  #end(session: Session, detail: string, reason: unknown): void {
    session.end(reason);
    this.#setup.onEvent({ type: 'ended', publisher: session, detail });
  }

  #absent(cause: GapCause | 'offline', detail: string): void {
    this.#setup.input.absent(cause, detail);
    this.#takeOver();
  }

  /** The active publisher brings no media: one that stands by and does becomes active, and the other stands by. */
  #takeOver(): void {
    const next = this.#standby.find(hasFrames);
    const nowMs = this.#setup.clock.monotonicMs();
    const from = this.#active;
    if (!next || !from || nowMs - this.#switchedMs < BETWEEN_SWITCHES_MS) return;
    this.#switchedMs = nowMs;
    from.standBy();
    this.#switch(next, from, 'stalled');
    this.#standby.push(from);
  }

  /** The timer runs while there is somebody to look after. */
  #watch(): void {
    const isNeeded = this.#setup.watches && this.#active !== undefined;
    if (isNeeded) this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #tick(): void {
    for (const session of this.#standby) session.tick();
    const active = this.#active;
    if (!active) return;
    active.tick();
    if (active.idleTicks < STALLED_TICKS) this.#isStalled = false;
    else if (this.#isStalled) this.#takeOver();
    else {
      this.#isStalled = true;
      this.#absent('source-down', `the publisher has sent no media for ${(STALLED_TICKS * TICK_MS) / 1000} s`);
    }
  }
}

/** It would bring media at once. */
function hasFrames({ idleTicks }: Session): boolean {
  return idleTicks < 2;
}
