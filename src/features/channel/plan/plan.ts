/**
 * What a channel plays at an instant: an interruption, an item of its schedule, or what fills empty hours.
 * In: the schedule, media, what has failed. Out: stretches for the playout; what is on the air, and what was
 * skipped for which reason.
 */
import type { Clock } from '../../../lib/clock.ts';
import { dropOldest } from '../../../lib/drop-oldest.ts';
import { type Followed, gapEndOf, settled, stretchOf } from './followed.ts';
import type { Schedule } from './schedule.ts';
import type { FillRange, PlanMedia, Stretch } from './stretch.ts';

/** A live stream that interrupts the schedule. */
export interface Interruption {
  readonly streamId: string;
  readonly untilMs: number;
}

/** Something that was not played. */
export interface Skip {
  readonly atMs: number;
  readonly itemId: string | undefined;
  readonly title: string;
  readonly reason: string;
}

/** What is on the air. */
export interface OnAir {
  readonly stretch: Stretch;
  /** ms since 1970. */
  readonly sinceMs: number;
}

/** A live stream that failed is tried again after this, ms, once it is live. */
const RETRY_MS = 3000;
/** Stored media that could not be read is tried again after this, ms; twice as long after each failure. */
const READ_AGAIN_MS = 5000;
const MOST_AGAIN_MS = 300_000;
/** What fills empty hours is chosen again after this, ms, and without any after the shorter time. */
const FILL_MS = 600_000;
const NO_FILL_MS = 10_000;
/** Empty time that is not filled, ms: a picture for less than this is a flicker. */
const SHORT_MS = 1000;
const MOST_SKIPS = 50;
const MOST_FAILURES = 1000;

/** A stretch that is not played for now. */
interface Failure {
  readonly reason: string;
  /** ms since 1970; the item is tried again then. */
  readonly untilMs: number;
  /** Undefined, or the stream that has to be live. */
  readonly live: string | undefined;
  /** Pause before the next try, ms. */
  readonly pauseMs: number;
}

/** The plan of one channel. Its schedule and interruption may be replaced at any time. */
export class Plan {
  schedule: Schedule;
  interruption: Interruption | undefined;
  onAir: OnAir | undefined;
  readonly #media: PlanMedia;
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failure>();
  readonly #skips: Skip[] = [];
  #interrupted: { readonly of: Interruption; readonly stretch: Stretch } | undefined;
  /** What the room plays that the channel follows; undefined: it follows none. */
  #room: { readonly followed: Followed; readonly sinceMs: number } | undefined;
  #fill: readonly FillRange[] = [];
  #fillAt = 0;
  /** That could not be played, one after the other. */
  #fillFailures = 0;
  /** Monotonic ms. */
  #fillUntilMs = Number.NEGATIVE_INFINITY;

  constructor(schedule: Schedule, { media, clock }: { readonly media: PlanMedia; readonly clock: Clock }) {
    this.schedule = schedule;
    this.#media = media;
    this.#clock = clock;
  }

  /** What was skipped, newest first. */
  get skips(): readonly Skip[] {
    return this.#skips.toReversed();
  }

  /** Replaces the schedule: what has failed is tried again. */
  replace(schedule: Schedule, interruption: Interruption | undefined): void {
    this.schedule = schedule;
    this.interruption = interruption;
    this.#failures.clear();
    this.#fillUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Plays what a room plays, in place of the schedule; undefined: the schedule again. */
  follow(next: Followed | undefined): void {
    const before = this.#room;
    const nowMs = this.#clock.nowMs();
    const isSame = before?.followed.itemId === next?.itemId;
    this.#room = next && {
      followed: settled(before?.followed, next),
      sinceMs: isSame && before ? before.sinceMs : nowMs,
    };
    if (!next?.isSkipped || (isSame && before?.followed.why === next.why)) return;
    this.#skip({ atMs: nowMs, itemId: undefined, title: next.itemTitle, reason: next.why });
  }

  /** What the room plays that the channel follows, and since when it is this entry, ms since 1970. */
  get room(): { readonly followed: Followed; readonly sinceMs: number } | undefined {
    return this.#room;
  }

  /** What is played at an instant, with what fills it. @param ms since 1970 */
  async next(ms: number): Promise<Stretch> {
    const chosen = this.#choose(ms);
    if (chosen.kind !== 'fill') return chosen;
    if (chosen.toMs - ms < SHORT_MS) return { ...chosen, kind: 'nothing' };
    await this.#loadFill();
    const range = this.#fill[this.#fillAt++ % this.#fill.length];
    if (!range) return { ...chosen, kind: 'nothing', toMs: Math.min(chosen.toMs, ms + NO_FILL_MS) };
    const lengthMs = (range.toUs - range.fromUs) / 1000;
    return {
      ...chosen,
      key: `fill ${ms}`,
      title: range.title,
      toMs: Math.min(chosen.toMs, ms + lengthMs),
      media: () => range.media(),
      positionUs: (atMs) => range.fromUs + (atMs - ms) * 1000,
    };
  }

  /** The end of a stretch, ms since 1970; undefined: another one is played at `ms`. */
  endOf(stretch: Stretch, ms: number): number | undefined {
    const chosen = this.#choose(ms);
    if (stretch.kind === 'fill') return chosen.kind === 'fill' ? Math.min(chosen.toMs, stretch.toMs) : undefined;
    return chosen.key === stretch.key ? chosen.toMs : undefined;
  }

  /** What is played from an instant on; undefined: what fills empty hours. @param ms since 1970 */
  after(ms: number): Stretch | undefined {
    const chosen = this.#choose(ms);
    return chosen.kind === 'fill' ? undefined : chosen;
  }

  /**
   * A stretch cannot be played, for a reason in words.
   *
   * @param mayReturn its media may be readable later, or after the part that is damaged
   */
  failed(stretch: Stretch, reason: string, { mayReturn = false } = {}): void {
    const nowMs = this.#clock.nowMs();
    if (stretch.kind === 'fill') {
      // None of them can be played: they are chosen again later.
      if (++this.#fillFailures < this.#fill.length) return;
      this.#fill = [];
      this.#fillUntilMs = this.#clock.monotonicMs() + NO_FILL_MS;
      return;
    }
    const { live } = stretch;
    const before = this.#failures.get(stretch.key);
    const pauseMs = before === undefined ? READ_AGAIN_MS : Math.min(2 * before.pauseMs, MOST_AGAIN_MS);
    const againMs = mayReturn ? Math.min(stretch.toMs, nowMs + pauseMs) : stretch.toMs;
    const isTried = live !== undefined || stretch.kind === 'room';
    this.#note(stretch, { reason, live, pauseMs, untilMs: isTried ? nowMs + RETRY_MS : againMs });
    // An end that is a moment early is none that people see.
    if (stretch.toMs - nowMs < SHORT_MS) return;
    const last = this.#skips.at(-1);
    if (mayReturn && last && last.itemId === stretch.item?.id && last.reason === reason) return;
    if (stretch.kind === 'room' && before?.reason === reason) return;
    this.#skip({ atMs: nowMs, itemId: stretch.item?.id, title: stretch.title, reason });
  }

  /** Nothing of a stretch is there before an instant, ms since 1970. */
  missing(stretch: Stretch, untilMs: number): void {
    if (stretch.kind === 'fill') {
      this.failed(stretch, '');
      return;
    }
    const reason = 'this part was not recorded';
    this.#note(stretch, { reason, live: undefined, untilMs, pauseMs: READ_AGAIN_MS });
    const { item, title } = stretch;
    const last = this.#skips.at(-1);
    // A recording with many gaps is listed once.
    if (last && last.itemId === item?.id && last.title === title && last.reason === reason) return;
    this.#skip({ atMs: this.#clock.nowMs(), itemId: item?.id, title, reason });
  }

  /** A stretch is on the air. @param ms since 1970 */
  started(stretch: Stretch, ms: number): void {
    if (stretch.kind === 'fill') this.#fillFailures = 0;
    this.#failures.delete(stretch.key);
    const before = this.onAir?.stretch;
    const isSame = before?.key === stretch.key || (before?.kind === 'nothing' && stretch.kind === 'nothing');
    if (!isSame) this.onAir = { stretch, sinceMs: ms };
  }

  #skip(skip: Skip): void {
    this.#skips.push(skip);
    if (this.#skips.length > MOST_SKIPS) this.#skips.shift();
  }

  #note(stretch: Stretch, failure: Failure): void {
    this.#failures.delete(stretch.key);
    this.#failures.set(stretch.key, failure);
    dropOldest(this.#failures, MOST_FAILURES);
  }

  async #loadFill(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#fillUntilMs) return;
    this.#fill = await this.#media.fill().catch(() => []);
    this.#fillFailures = 0;
    this.#fillUntilMs = nowMs + (this.#fill.length > 0 ? FILL_MS : NO_FILL_MS);
  }

  #choose(ms: number): Stretch {
    const interrupted = this.#interruptionAt(ms);
    if (interrupted && this.#isOpen(interrupted, ms)) return interrupted;
    const followed = this.#room?.followed;
    const item = followed ? stretchOf(followed, ms, this.#media) : this.#itemAt(ms);
    if (item && this.#isOpen(item, ms)) return item;
    const failure = item && this.#failures.get(item.key);
    const endMs = item ? item.toMs : followed ? gapEndOf(followed, ms) : this.schedule.nextMs(ms);
    const isTried = failure && failure.live === undefined;
    return {
      key: 'fill',
      kind: 'fill',
      title: '',
      item: item?.item,
      live: undefined,
      toMs: isTried ? Math.min(endMs, Math.max(ms, failure.untilMs)) : endMs,
      why: failure?.reason ?? followed?.why ?? 'nothing is scheduled',
      media: () => Promise.reject(new RangeError('nothing to open')),
      positionUs: () => undefined,
    };
  }

  /** The same one at any instant: it is chosen for every frame. */
  #interruptionAt(ms: number): Stretch | undefined {
    const { interruption } = this;
    if (!interruption || ms >= interruption.untilMs) return undefined;
    if (this.#interrupted?.of !== interruption)
      this.#interrupted = { of: interruption, stretch: this.#stretchOf(interruption) };
    return this.#interrupted.stretch;
  }

  #stretchOf({ streamId, untilMs }: Interruption): Stretch {
    const item = { kind: 'live', ref: streamId, mediaMs: 0, durationMs: 0 } as const;
    return {
      key: `live ${streamId} ${untilMs}`,
      kind: 'live',
      title: this.#media.titleOf(streamId),
      item: undefined,
      live: streamId,
      toMs: untilMs,
      why: '',
      media: () => this.#media.open(item),
      positionUs: () => undefined,
    };
  }

  #itemAt(ms: number): Stretch | undefined {
    const airing = this.schedule.at(ms);
    if (!airing) return undefined;
    const { item, beganMs, toMs } = airing;
    const isLive = item.kind === 'live';
    return {
      key: `${item.id} ${beganMs} ${item.mediaMs}`,
      kind: 'item',
      title: item.title,
      item,
      live: isLive ? item.ref : undefined,
      toMs,
      why: '',
      media: () => this.#media.open(item),
      positionUs: (atMs) => (isLive ? undefined : (item.mediaMs + atMs - beganMs) * 1000),
    };
  }

  /** Whether a stretch may be played: it has not failed, or may be tried again. */
  #isOpen({ key }: Stretch, ms: number): boolean {
    const failure = this.#failures.get(key);
    if (!failure) return true;
    return ms >= failure.untilMs && (failure.live === undefined || this.#media.isLive(failure.live));
  }
}
