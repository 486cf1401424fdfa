/**
 * Plays a channel in real time: what the plan says, from one stretch to the next.
 * In: a plan, the clock. Out: frames into a stream, each when its decode time has come. One piece of media is
 * read ahead, and the beginning of the next stretch.
 */

import { sleep } from '../../../lib/abort.ts';
import type { Clock } from '../../../lib/clock.ts';
import { OxbowError, reasonOf } from '../../../lib/errors.ts';
import type { StreamInput } from '../../../live/input.ts';
import type { Stretch } from '../plan/stretch.ts';
import type { Piece } from '../playable.ts';
import { Joiner, type PlacedFrame, type Take } from './joiner.ts';

/** Frames are sent this little before their time, so that several share a timer, ms. */
const EARLY_MS = 5;
/** The plan is read again this often, ms. */
const CHECK_MS = 500;
/** The next stretch is opened this long before it begins, ms. */
const PREPARE_MS = 3000;
/** Media that comes later than this is given up, ms. */
const LATE_MS = 5000;
/** What was opened for an instant is used this far from it at most, ms: it would be that much apart. */
const PREPARED_MS = 250;
/** A longer hole within media is filled, ms. */
const HOLE_MS = 2000;
/** The end of the timeline may be this far from now, ms; otherwise it continues now. */
const APART_MS = 2000;
/** A shorter stretch without media does not end the run, ms. */
const SHORT_MS = 1000;
/** Media with these codes does not return. */
const GONE: ReadonlySet<string> = new Set(['asset-unknown', 'clip-unknown', 'clip-lost']);
/** Pause after a stretch of which nothing was played, ms. */
const RETRY_MS = 250;

/** What the playout reads of a plan. */
export interface PlayedPlan {
  /** What is played at an instant, ms since 1970. */
  next(ms: number): Promise<Stretch>;
  /** The end of a stretch, ms since 1970; undefined: another one is played at `ms`. */
  endOf(stretch: Stretch, ms: number): number | undefined;
  /** What will be played next; undefined while that is open. */
  after(ms: number): Stretch | undefined;
  /** A stretch cannot be played, for a reason in words; its media may be readable later, or it is gone. */
  failed(stretch: Stretch, reason: string, options?: { readonly mayReturn?: boolean }): void;
  /** Nothing of a stretch is there before an instant, ms since 1970. */
  missing(stretch: Stretch, untilMs: number): void;
  /** A stretch is on the air. */
  started(stretch: Stretch, ms: number): void;
}

/** Dependencies of a playout. */
interface PlayoutOptions {
  readonly plan: PlayedPlan;
  readonly input: StreamInput;
  readonly clock: Clock;
}

/** A stretch whose first piece is being read. */
interface Opened {
  readonly key: string;
  readonly positionUs: number | undefined;
  readonly pieces: AsyncIterator<Piece>;
  /** Ends the reading. */
  readonly stop: AbortController;
  coming: Promise<IteratorResult<Piece>>;
}

/** Plays one channel. */
export class Playout {
  readonly #options: PlayoutOptions;
  readonly #joiner: Joiner;
  #prepared: { readonly key: string; readonly ms: number; readonly opened: Promise<Opened> } | undefined;
  #waker = new AbortController();
  /** The planned end of the last stretch, µs since 1970. */
  #plannedUs = 0;

  constructor(options: PlayoutOptions) {
    this.#options = options;
    this.#joiner = new Joiner(options.input);
  }

  /** The plan has changed: it is read now. */
  wake(): void {
    this.#waker.abort();
  }

  /** Plays until aborted. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const wake = () => this.wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) await this.#playNext(signal);
    } finally {
      signal.removeEventListener('abort', wake);
      this.#drop();
    }
  }

  async #playNext(signal: AbortSignal): Promise<void> {
    const { plan } = this.#options;
    const atUs = this.#positionUs();
    const stretch = await plan.next(atUs / 1000);
    if (signal.aborted) return;
    if (stretch.kind === 'nothing') {
      // A moment before the next stretch is no hole.
      if (this.#joiner.tracks && stretch.toMs - atUs / 1000 > SHORT_MS)
        this.#joiner.pause(stretch.why || 'nothing is scheduled');
      plan.started(stretch, atUs / 1000);
      this.#plannedUs = stretch.toMs * 1000;
      if (stretch.toMs - this.#nowMs() < PREPARE_MS) this.#prepare(stretch.toMs);
      await this.#pause(Math.min(CHECK_MS, Math.max(EARLY_MS, stretch.toMs - this.#nowMs())));
      return;
    }
    let opened: Opened;
    try {
      opened = await this.#open(stretch, atUs / 1000);
    } catch (error) {
      if (!signal.aborted) plan.failed(stretch, reasonOf(error), { mayReturn: mayReturn(error) });
      await this.#pause(RETRY_MS);
      return;
    }
    try {
      const hasPlayed = await this.#play(stretch, opened, atUs, signal);
      if (!hasPlayed && !signal.aborted) await this.#pause(RETRY_MS);
    } finally {
      close(opened);
    }
  }

  /** Where the timeline continues, µs since 1970. */
  #positionUs(): number {
    const { endUs } = this.#joiner;
    const nowUs = Math.round(this.#nowMs() * 1000);
    const sincePlannedUs = nowUs - this.#plannedUs;
    // What the last stretch did not send is not made up for.
    const isShort = endUs < this.#plannedUs && sincePlannedUs >= 0;
    if (isShort && sincePlannedUs < SHORT_MS * 1000) return this.#plannedUs;
    if (Math.abs(endUs - nowUs) > APART_MS * 1000) return nowUs;
    return Math.abs(this.#plannedUs - endUs) < HOLE_MS * 500 ? Math.max(endUs, this.#plannedUs) : endUs;
  }

  /** Plays a stretch to its end, or until another one is due; returns whether anything was sent. */
  async #play(stretch: Stretch, opened: Opened, atUs: number, signal: AbortSignal): Promise<boolean> {
    const { plan } = this.#options;
    let take: Take | undefined;
    let isFirst = true;
    let sinceMs = this.#monotonicMs();
    for (;;) {
      const piece = await this.#arrives(stretch, opened, { atUs, sinceMs, hasBegun: take?.hasBegun ?? false }, signal);
      if (!piece) return take?.hasBegun ?? false;
      // A live stream that came later is shown as it comes, not that much behind.
      take ??= this.#joiner.open(stretch.live === undefined ? atUs : Math.max(atUs, Math.round(this.#nowMs() * 1000)));
      opened.coming = next(opened);
      const entry = isFirst ? take.entry(piece, opened.positionUs) : undefined;
      if (entry && entry.aheadUs > HOLE_MS * 1000) {
        plan.missing(stretch, (atUs + entry.aheadUs) / 1000);
        return false;
      }
      const { frames } = entry ?? piece;
      for (const frame of frames) {
        const placed = take.place(frame, piece);
        if (!placed) continue;
        const untilMs = await this.#due(stretch, placed, atUs, signal);
        if (untilMs === undefined) return take.hasBegun;
        const hadBegun = take.hasBegun;
        take.send(placed, untilMs * 1000);
        sinceMs = this.#monotonicMs();
        if (take.hasBegun && !hadBegun) plan.started(stretch, atUs / 1000);
        this.#plannedUs = untilMs * 1000;
        if (take.isOver) return true;
      }
      if (frames.length > 0) isFirst = false;
    }
  }

  /**
   * The next piece; undefined at the end, where it failed, and where another stretch is due.
   *
   * @param sent.sinceMs when something was sent last, monotonic ms
   */
  async #arrives(
    stretch: Stretch,
    opened: Opened,
    sent: { readonly atUs: number; readonly sinceMs: number; readonly hasBegun: boolean },
    signal: AbortSignal,
  ): Promise<Piece | undefined> {
    const { plan } = this.#options;
    let done: { readonly value: IteratorResult<Piece> } | { readonly error: unknown } | undefined;
    // It is there before the pause is woken: a pause takes the call that woke it.
    const arrive = (arrived: NonNullable<typeof done>) => {
      done = arrived;
      this.wake();
    };
    opened.coming.then(
      (value) => arrive({ value }),
      (error: unknown) => arrive({ error }),
    );
    while (!done) {
      await this.#pause(CHECK_MS);
      if (done) break;
      if (this.#isOver(stretch, sent, signal)) return undefined;
    }
    if ('error' in done) {
      if (!signal.aborted) plan.failed(stretch, reasonOf(done.error), { mayReturn: mayReturn(done.error) });
      return undefined;
    }
    // Frames without a key frame before them come without being sent, for as long as they come.
    if (!done.value.done) return this.#isOver(stretch, sent, signal, true) ? undefined : done.value.value;
    // What fills an hour is followed by the next of its kind.
    if (!signal.aborted && !(stretch.kind === 'fill' && sent.hasBegun)) plan.failed(stretch, 'its media has ended');
    return undefined;
  }

  /** Whether a stretch whose media is waited for ends: another one is due, or nothing comes for too long. */
  #isOver(
    stretch: Stretch,
    { atUs, sinceMs }: { readonly atUs: number; readonly sinceMs: number },
    signal: AbortSignal,
    comes = false,
  ): boolean {
    if (signal.aborted || this.#endOf(stretch, atUs) === undefined) return true;
    const isLate = this.#monotonicMs() - sinceMs > LATE_MS;
    if (!isLate || this.#joiner.endUs >= (this.#nowMs() - LATE_MS) * 1000) return false;
    const absent = stretch.live !== undefined ? 'the stream is not live' : 'its media comes too slowly';
    this.#options.plan.failed(stretch, comes ? 'it has no key frame' : absent, { mayReturn: true });
    return true;
  }

  /**
   * Waits until a frame is due.
   *
   * @returns the end of the stretch, ms since 1970; undefined: it is not played any more
   */
  async #due(stretch: Stretch, { dueUs }: PlacedFrame, atUs: number, signal: AbortSignal): Promise<number | undefined> {
    const { plan } = this.#options;
    const dueMs = dueUs / 1000;
    for (;;) {
      if (signal.aborted) return undefined;
      const nowMs = this.#nowMs();
      const untilMs = this.#endOf(stretch, atUs);
      if (untilMs === undefined) return undefined;
      const waitMs = dueMs - nowMs;
      if (waitMs > HOLE_MS + CHECK_MS && dueMs - this.#joiner.endUs / 1000 > HOLE_MS) {
        plan.missing(stretch, dueMs);
        return undefined;
      }
      if (untilMs - nowMs < PREPARE_MS) this.#prepare(untilMs);
      if (waitMs <= EARLY_MS) return untilMs;
      await this.#pause(Math.min(waitMs, CHECK_MS));
    }
  }

  /** The end of a stretch, ms since 1970; undefined: another one is due. It is chosen a moment early. */
  #endOf(stretch: Stretch, atUs: number): number | undefined {
    return this.#options.plan.endOf(stretch, Math.max(this.#nowMs(), atUs / 1000));
  }

  /** Opens what is played from an instant on. */
  #prepare(ms: number): void {
    const stretch = this.#options.plan.after(ms);
    if (!stretch || stretch.kind === 'nothing' || this.#prepared?.key === stretch.key) return;
    this.#drop();
    const opened = openStretch(stretch, ms);
    opened.catch(() => {}); // reported when it is played
    this.#prepared = { key: stretch.key, ms, opened };
  }

  async #open(stretch: Stretch, ms: number): Promise<Opened> {
    const prepared = this.#prepared;
    const isSame = prepared?.key === stretch.key && Math.abs(prepared.ms - ms) <= PREPARED_MS;
    if (isSame && stretch.live === undefined) {
      this.#prepared = undefined;
      return prepared.opened;
    }
    // A live stream is opened again, at its last key frame: it keeps that one for who was there before.
    try {
      return await openStretch(stretch, ms);
    } finally {
      this.#drop();
    }
  }

  #drop(): void {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    prepared?.opened.then(close, () => {});
  }

  async #pause(ms: number): Promise<void> {
    if (this.#waker.signal.aborted) {
      this.#waker = new AbortController();
      return;
    }
    await sleep(ms, { signal: this.#waker.signal }).catch(() => {
      this.#waker = new AbortController();
    });
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }

  #monotonicMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

/** Whether media that failed may be readable later, or after the part that is damaged. */
function mayReturn(error: unknown): boolean {
  return !(error instanceof OxbowError && GONE.has(error.code));
}

async function openStretch(stretch: Stretch, ms: number): Promise<Opened> {
  const positionUs = stretch.positionUs(ms);
  const media = await stretch.media();
  const stop = new AbortController();
  const pieces = media.pieces(positionUs ?? 0, { signal: stop.signal })[Symbol.asyncIterator]();
  const opened: Opened = { key: stretch.key, positionUs, pieces, stop, coming: pieces.next() };
  opened.coming.catch(() => {}); // awaited later
  return opened;
}

function next({ pieces }: Opened): Promise<IteratorResult<Piece>> {
  const coming = pieces.next();
  coming.catch(() => {}); // awaited later
  return coming;
}

/** Ends the reading. A read of a store that hangs is not waited for: the channel continues. */
function close({ pieces, stop }: Opened): void {
  stop.abort();
  pieces.return?.().catch(() => {}); // it ends the read in progress
}
