/**
 * The queue of gaps that are filled later: one at a time, each again with growing pauses until it is filled,
 * cannot be filled, or is too old. A restart continues with the same pauses.
 * In: streams, events that a gap has ended. Out: attempts; records of gaps.
 */
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import type { StoredRecordings } from '../../streams/stream-deps.ts';
import type { GapRecord, GapTable, HealingState } from './gap-table.ts';
import { type Attempt, missingPieces } from './heal-gap.ts';
import type { HealingSource } from './source.ts';

/** Pauses before the attempts, ms; the last one repeats. */
const PAUSES_MS = [5_000, 15_000, 60_000, 180_000, 600_000, 1_800_000, 3_600_000] as const;
/** Gaps that wait in memory; of further ones the newest wait for the next look. */
const MOST_WAITING = 10_000;
/** A stream is looked at after a gap has ended: its first media must be on the disk. ms. */
const LOOKS_MS = [3_000, 15_000, 60_000] as const;

/** A gap of a stream. */
export interface WaitingGap {
  readonly streamId: string;
  readonly record: GapRecord;
}

/** What the queue works with. */
export interface HealerOptions {
  readonly clock: Clock;
  readonly table: Pick<GapTable, 'between' | 'put' | 'endBefore'>;
  readonly recordings: Pick<StoredRecordings, 'chunks' | 'erasures'>;
  /** The streams of this process. */
  readonly streams: () => readonly ManagedStream[];
  /** Where gaps of a stream may be filled from; empty: they are not. */
  readonly sourcesOf: (stream: ManagedStream) => Promise<readonly HealingSource[]>;
  /** Hash of the addresses of these sources. */
  readonly sumOf: (stream: ManagedStream) => string;
  /** How long a gap is tried again, ms. */
  readonly forMs: () => number;
  /** Makes one attempt. @throws any error: the gap is tried again */
  readonly heal: (
    stream: ManagedStream,
    gap: GapRecord,
    sources: readonly HealingSource[],
    options: { readonly signal: AbortSignal },
  ) => Promise<Attempt>;
  /** The result of an attempt. */
  readonly tried: (stream: ManagedStream, gap: GapRecord) => void;
  readonly failed: (error: unknown) => void;
}

export class Healer {
  readonly #options: HealerOptions;
  readonly #waiting = new Map<string, WaitingGap>();
  /** When streams are looked at, by name; ms since 1970. */
  readonly #looks = new Map<string, readonly number[]>();
  #wake = Promise.withResolvers<void>();

  constructor(options: HealerOptions) {
    this.#options = options;
  }

  /** Number of gaps that are tried again. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** A gap of a stream may have ended. */
  lookSoon(name: string): void {
    const nowMs = this.#options.clock.nowMs();
    this.#looks.set(
      name,
      LOOKS_MS.map((ms) => nowMs + ms),
    );
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** When there is something to do, ms since 1970; undefined: nothing is known. */
  get nextMs(): number | undefined {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [atMs] of this.#looks.values()) nextMs = Math.min(nextMs, atMs ?? nextMs);
    for (const { record } of this.#waiting.values()) nextMs = Math.min(nextMs, record.nextUs / 1000);
    return nextMs === Number.POSITIVE_INFINITY ? undefined : nextMs;
  }

  /**
   * Waits until something is due, or may be.
   *
   * @param longestMs longest wait, ms
   */
  async pause(longestMs: number, { signal: outer }: { readonly signal: AbortSignal }): Promise<void> {
    const dueMs = (this.nextMs ?? Number.POSITIVE_INFINITY) - this.#options.clock.nowMs();
    const woken = new AbortController();
    const signal = AbortSignal.any([outer, woken.signal]);
    try {
      await Promise.race([sleep(Math.min(longestMs, Math.max(0, dueMs)), { signal }), this.#wake.promise]);
    } finally {
      woken.abort();
    }
  }

  /** Does what is due: looks at streams, then fills gaps. Rejects only with the signal's reason. */
  async work({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    for (const [name, atMs] of [...this.#looks]) {
      if (atMs[0]! > nowMs) continue;
      const later = atMs.filter((ms) => ms > nowMs);
      if (later.length > 0) this.#looks.set(name, later);
      else this.#looks.delete(name);
      const stream = this.#options.streams().find((each) => each.name === name);
      if (stream) await this.look(stream).catch(this.#options.failed);
    }
    const due = [...this.#waiting.values()]
      .filter(({ record }) => record.nextUs / 1000 <= nowMs)
      .sort((a, b) => a.record.nextUs - b.record.nextUs);
    for (const gap of due) {
      signal.throwIfAborted();
      await this.#try(gap, signal);
    }
  }

  /**
   * Finds the gaps of a stream that can be filled, and are not known; those that no source had, when the
   * stream has other sources. What is too old waits no longer.
   */
  async look(stream: ManagedStream): Promise<void> {
    const { clock, table, recordings, forMs, sourcesOf, sumOf } = this.#options;
    const { id } = stream.definition;
    const toUs = Math.round(clock.nowMs() * 1000);
    await table.endBefore(id, toUs - forMs() * 1000);
    if ((await sourcesOf(stream)).length === 0) return;
    const fromUs = Math.max(stream.served.horizonUs(), toUs - forMs() * 1000);
    const sum = sumOf(stream);
    const pieces = await missingPieces(stream, recordings, fromUs, toUs);
    if (pieces.length === 0) return;
    const known = await table.between(id, fromUs, toUs);
    const nextUs = toUs + PAUSES_MS[0] * 1000;
    for (const record of known) if (record.state === 'waiting') this.#add(id, record);
    for (const piece of pieces) {
      const tried = known.filter((record) => record.fromUs < piece.toUs && record.toUs > piece.fromUs);
      for (const record of tried) {
        // A healed one was filled from other sources than these, and has lost its media since.
        if (record.sources === sum) continue;
        const again = { ...record, state: 'waiting', attempts: 0, nextUs, sources: sum } as const;
        // One that waits may have a pause of an hour before it.
        this.#waiting.delete(`${id}/${record.fromUs}`);
        if (!this.#add(id, again)) return;
        await table.put(id, again);
      }
      if (tried.length > 0) continue;
      const record: GapRecord = {
        fromUs: piece.fromUs,
        toUs: piece.toUs,
        state: 'waiting',
        attempts: 0,
        nextUs,
        reason: '',
        healedUs: 0,
        sources: sum,
      };
      if (!this.#add(id, record)) return;
      await table.put(id, record);
    }
  }

  #add(streamId: string, record: GapRecord): boolean {
    const key = `${streamId}/${record.fromUs}`;
    if (this.#waiting.has(key)) return true;
    if (this.#waiting.size >= MOST_WAITING) return false;
    this.#waiting.set(key, { streamId, record });
    return true;
  }

  async #try({ streamId, record }: WaitingGap, signal: AbortSignal): Promise<void> {
    const key = `${streamId}/${record.fromUs}`;
    const { streams, sourcesOf, heal, tried, table, failed } = this.#options;
    const stream = streams().find(({ definition }) => definition.id === streamId);
    if (!stream) {
      this.#waiting.delete(key);
      return;
    }
    let attempt: Attempt;
    // Before: sources that are set during the attempt were not asked.
    const asked = this.#options.sumOf(stream);
    try {
      const sources = await sourcesOf(stream);
      if (sources.length === 0) {
        // Healing is off, or the stream is not recorded now: the next look takes it up again.
        this.#waiting.delete(key);
        return;
      }
      attempt = await heal(stream, record, sources, { signal });
    } catch (error) {
      signal.throwIfAborted();
      failed(error);
      attempt = {
        healedUs: 0,
        missingUs: record.toUs - record.fromUs,
        reason: 'the attempt failed',
        mayComeLater: true,
      };
    }
    const next = { ...this.#after(record, attempt), sources: asked };
    if (next.state === 'waiting') this.#waiting.set(key, { streamId, record: next });
    else this.#waiting.delete(key);
    tried(stream, next);
    await table.put(streamId, next).catch(failed);
  }

  #after(record: GapRecord, { healedUs, missingUs, reason, mayComeLater }: Attempt): GapRecord {
    const { clock, forMs } = this.#options;
    const nowUs = Math.round(clock.nowMs() * 1000);
    const attempts = record.attempts + 1;
    const pauseUs = (PAUSES_MS[attempts] ?? PAUSES_MS.at(-1)!) * 1000;
    const total = record.healedUs + healedUs;
    const isOver = nowUs + pauseUs > record.toUs + forMs() * 1000;
    let state: HealingState = total > 0 ? 'partly' : 'lost';
    if (missingUs === 0) state = 'healed';
    else if (mayComeLater && !isOver) state = 'waiting';
    return { ...record, state, attempts, nextUs: state === 'waiting' ? nowUs + pauseUs : 0, reason, healedUs: total };
  }
}
