/**
 * The publishers of one stream: which one is active, on standby or refused, and when another one takes over.
 * In: claims of protocols and of the clients inside oxbow. Out: sessions; one run after the other into the
 * stream's input; events. docs/media.md 31.
 */
import type { GapCause } from '@oxbow/media/gap';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import type { Leases } from '../cluster/lease/lease.ts';
import type { SecondPublisher } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError, reasonOf, sentenceOf } from '../lib/errors.ts';
import type { StreamInput } from '../live/input.ts';
import { type ClaimRequest, type Publisher, Session, type SessionOwner } from './publisher.ts';
import { PublisherLease } from './publisher-lease.ts';
import type { StreamQualityInputs } from './pull/rendition/further-qualities.ts';
import type { StandbyBounds } from './standby-buffer.ts';

/** Interval of the check for frames, ms. */
const TICK_MS = 1000;
/** A publisher that sent no frame for this many ticks has stalled. */
const STALLED_TICKS = 5;
/** A standby publisher takes over from a stalled one at most this often, ms. */
const BETWEEN_SWITCHES_MS = 30_000;
/** The run of a publisher that left ends after this, ms: one that returns before may continue it. */
const SUSPENDED_MS = 5000;
/** Detail of media that is not recorded because another process has the stream. */
export const TAKEN = 'another oxbow publishes this stream';
/**
 * Standby publishers of one stream. Two are useful: a backup, and an old connection that has not timed out
 * yet.
 */
const MAX_STANDBY = 3;

/** Why another publisher became active. */
type SwitchReason = 'left' | 'stalled' | 'replaced';

/** Events of a stream's publishers. */
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

/** Dependencies of a slot. */
interface SlotSetup {
  readonly leases: Leases;
  /** Internal id of the stream: only one of several oxbow processes has its publishers. */
  readonly streamId: string;
  readonly clock: Clock;
  /** The stream; `offline`: there is no publisher. */
  readonly input: StreamInput & { offline(detail: string): void };
  /** The current policy for a second publisher. */
  readonly policy: () => SecondPublisher;
  /** Of the GOPs that a standby publisher keeps; the defaults of GopBuffer if not given. */
  readonly bounds?: StandbyBounds;
  /** Qualities of the stream, for further pictures of its publishers; absent: there are none. */
  readonly qualities?: () => StreamQualityInputs | undefined;
  /** The setting `source.audioOffset`, ms; 0 if not given. */
  readonly audioOffsetMs?: () => number;
  /** Detects stalled publishers. False for clients inside oxbow, which report missing media themselves. */
  readonly watches: boolean;
  readonly onEvent: (event: PublisherEvent) => void;
  /** The tracks of the active publisher that are not supported have changed. */
  readonly onLeftOut?: (tracks: readonly LeftOutTrack[]) => void;
  /** The engine of leases failed. */
  readonly failed: (error: unknown) => void;
  /** Something threw where no protocol calls: in a timer, or when a session ends. The slot continues. */
  readonly bug: (error: unknown) => void;
}

/** The publishers of one stream. */
export class PublisherSlot {
  readonly #setup: SlotSetup;
  readonly #owner: SessionOwner;
  readonly #lease: PublisherLease;
  /** Claims that wait for the lease. */
  #claims = 0;
  /** Why the slot refuses publishers; undefined while it accepts them. */
  #closed: OxbowError | undefined;
  #active: Session | undefined;
  /** Oldest first. */
  #standby: Session[] = [];
  #timer: NodeJS.Timeout | undefined;
  #suspended: NodeJS.Timeout | undefined;
  /** The stall of the active publisher was reported to the stream. */
  #isStalled = false;
  #switchedMs = Number.NEGATIVE_INFINITY;
  #isFenced = false;

  constructor(setup: SlotSetup) {
    this.#setup = setup;
    this.#lease = new PublisherLease({ ...setup, onLost: () => this.#guard(() => this.#lost()) });
    this.#owner = {
      clock: setup.clock,
      input: setup.input,
      bounds: setup.bounds ?? {},
      audioOffsetMs: setup.audioOffsetMs ?? (() => 0),
      qualities: setup.qualities ?? (() => undefined),
      absent: (cause, detail) => this.#absent(cause, detail),
      leftOut: (tracks) => setup.onLeftOut?.(tracks),
      ready: (session) => this.#replace(session),
      left: (session, detail, reason) => this.#left(session, detail, reason),
    };
  }

  /** The publisher that delivers the stream's frames. */
  get active(): Publisher | undefined {
    return this.#active;
  }

  /**
   * Another process took the stream, and this one has not taken it back: what its publishers sent before must
   * not be recorded any more.
   */
  get isFenced(): boolean {
    return this.#isFenced;
  }

  /** Publishers that wait to take over. */
  get standby(): readonly Publisher[] {
    return this.#standby;
  }

  /**
   * Begins a session.
   *
   * @param options.signal ends the wait for the lease
   * @param options.ifHeld what happens while another process has the stream; default by the policy
   * @throws OxbowError `publisher-active` if the stream accepts no further publisher; the reason of `close`
   *   or of the signal
   */
  async claim(
    request: ClaimRequest,
    {
      signal = request.signal,
      ifHeld = this.#setup.policy() === 'replace' ? 'replace' : 'refuse',
    }: { signal?: AbortSignal; ifHeld?: 'refuse' | 'replace' | 'wait' } = {},
  ): Promise<Publisher> {
    this.#claims++;
    try {
      await this.#lease.acquire({ ifHeld, signal });
      this.#isFenced = false;
      signal.throwIfAborted();
      if (this.#closed) throw this.#closed;
      return this.#begin(request);
    } catch (error) {
      if (error instanceof OxbowError) this.#setup.onEvent({ type: 'refused', request, error });
      throw error;
    } finally {
      this.#claims--;
      this.#settle();
    }
  }

  /** Accepts publishers again after `close`. */
  open(): void {
    this.#closed = undefined;
  }

  #begin(request: ClaimRequest): Publisher {
    const policy = this.#active && this.#setup.policy();
    if (policy) this.#admit(policy);
    const session = new Session(this.#owner, request, { replaces: policy === 'replace' });
    if (this.#active) this.#standby.push(session);
    else this.#activate(session);
    this.#setup.onEvent({ type: 'started', publisher: session });
    return session;
  }

  /**
   * Ends every session and refuses further ones; the caller reports the reason to the stream. Signals and
   * later claims get `reason`. Resolves when another process may publish.
   */
  async close(reason: OxbowError): Promise<void> {
    this.#closed = reason;
    this.#guard(() => this.#active?.turn.finish());
    this.#endAll(reason);
    await this.#settle();
  }

  /** Another process has the stream. */
  #lost(): void {
    this.#isFenced = true; // first: the end of the run flushes media
    const error = new OxbowError('publisher-replaced', sentenceOf(TAKEN));
    this.#endAll(error);
    this.#setup.input.offline(TAKEN);
    this.#settle();
  }

  #endAll(reason: OxbowError): void {
    const sessions = [...(this.#active ? [this.#active] : []), ...this.#standby];
    this.#active = undefined;
    this.#standby = [];
    clearTimeout(this.#suspended);
    for (const session of sessions) this.#guard(() => this.#end(session, reasonOf(reason), reason));
  }

  /**
   * Throws if a second publisher is refused. One that replaces also replaces the one that waits for its first
   * key frame.
   */
  #admit(policy: SecondPublisher): void {
    if (policy === 'replace') {
      for (const waiting of this.#standby.filter(({ turn }) => turn.replaces)) this.#disconnect(waiting);
    }
    if (policy !== 'refuse' && this.#standby.length < MAX_STANDBY) return;
    throw new OxbowError(
      'publisher-active',
      policy === 'refuse'
        ? 'Another publisher is active on this stream.'
        : `This stream has ${MAX_STANDBY} standby publishers already.`,
    );
  }

  #activate(session: Session, onWait?: () => void): void {
    this.#standby = this.#standby.filter((each) => each !== session);
    this.#active = session;
    this.#isStalled = false;
    clearTimeout(this.#suspended);
    session.turn.activate(onWait);
  }

  #switch(to: Session, from: Session, reason: SwitchReason, onWait?: () => void): void {
    this.#activate(to, onWait);
    this.#setup.onEvent({ type: 'switched', publisher: to, from, reason });
  }

  /**
   * The active publisher delivers until the new one has a key frame, so that nothing is missing in between.
   */
  #replace(session: Session): void {
    const from = this.#active;
    if (!from) return;
    this.#guard(() => from.turn.finish());
    this.#switch(session, from, 'replaced');
    this.#disconnect(from);
  }

  #disconnect(session: Session): void {
    this.#standby = this.#standby.filter((each) => each !== session);
    const detail = 'Another publisher replaced this one.';
    this.#end(session, detail, new OxbowError('publisher-replaced', detail));
  }

  #left(session: Session, detail: string, reason: OxbowError | undefined): void {
    const wasActive = session === this.#active;
    this.#standby = this.#standby.filter((each) => each !== session);
    if (wasActive) {
      this.#active = undefined;
      const next = this.#standby.find(hasFrames) ?? this.#standby[0];
      this.#guard(() => {
        if (next) this.#switch(next, session, 'left', () => this.#setup.input.absent('source-down', detail));
        else this.#suspend(detail);
      });
    }
    this.#settle();
    this.#guard(() => this.#end(session, detail, reason ?? new DOMException(detail, 'AbortError')));
  }

  /**
   * Calls that have no caller of the stream above them: protocols end their sessions, and timers fire,
   * whatever sinks do.
   */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#setup.bug(error);
    }
  }

  /** The run stays open for a publisher that returns at once. */
  #suspend(detail: string): void {
    const { input } = this.#setup;
    if (!input.suspend) {
      input.offline(detail);
      return;
    }
    input.suspend(detail);
    clearTimeout(this.#suspended);
    this.#suspended = setTimeout(() => {
      if (!this.#active) this.#guard(() => input.offline(detail));
    }, SUSPENDED_MS);
    this.#suspended.unref();
  }

  #end(session: Session, detail: string, reason: unknown): void {
    session.turn.end(reason);
    this.#setup.onEvent({ type: 'ended', publisher: session, detail });
  }

  #absent(cause: GapCause | 'offline', detail: string): void {
    this.#setup.input.absent(cause, detail);
    this.#takeOver();
  }

  /**
   * The active publisher has no media: a standby publisher with media becomes active, and the other one
   * becomes standby.
   */
  #takeOver(): void {
    const next = this.#standby.find(hasFrames);
    const nowMs = this.#setup.clock.monotonicMs();
    const from = this.#active;
    if (!next || !from || nowMs - this.#switchedMs < BETWEEN_SWITCHES_MS) return;
    this.#switchedMs = nowMs;
    from.turn.standBy();
    this.#switch(next, from, 'stalled');
    this.#standby.push(from);
  }

  /**
   * The timer runs while a publisher is connected; the lease is held while there is a session or will be one.
   */
  #settle(): Promise<void> | undefined {
    if (this.#active) {
      if (this.#setup.watches) this.#timer ??= setInterval(() => this.#guard(() => this.#tick()), TICK_MS);
      return undefined;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
    return this.#claims > 0 ? undefined : this.#lease.release().catch(this.#setup.failed);
  }

  #tick(): void {
    for (const session of this.#standby) session.turn.tick();
    const active = this.#active;
    if (!active) return;
    active.turn.tick();
    if (active.turn.idleTicks < STALLED_TICKS) this.#isStalled = false;
    else if (this.#isStalled) this.#takeOver();
    else {
      this.#isStalled = true;
      this.#guard(() => active.turn.finish());
      this.#absent('source-down', `the publisher has sent no media for ${(STALLED_TICKS * TICK_MS) / 1000} s`);
    }
  }
}

/** Whether it sends media now. */
function hasFrames({ turn }: Session): boolean {
  return turn.idleTicks < 2;
}
