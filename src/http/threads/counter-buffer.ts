/**
 * What a serving thread counts, until it is told to the main thread, where metrics and viewers are.
 * In: words of the hot responder. Out: sums. Bounded: beyond that, players are counted by the next sum.
 */
import type { MediaAddress } from '../../api/media-address.ts';
import { AnonymousPlayers } from '../../delivery/live/anonymous-players.ts';
import { watchLoop } from '../../observe/loop-lag.ts';
import type { HotCounts, Served } from '../hot/responder.ts';
import type { CounterReport } from './messages.ts';

/** Sums are told this often, ms; a page that shows them is not later than that. */
export const REPORT_INTERVAL_MS = 250;
/** Waits of one class that are told one by one. */
const MAX_WAITS = 20_000;
/** Players that are told at once; those that are left out ask again soon. */
const MAX_SEEN = 50_000;

/** The sums. */
export class CounterBuffer implements HotCounts, Disposable {
  readonly #readers = new Set<() => void>();
  readonly #served = new Map<string, Served>();
  readonly #waited = new Map<string, number[]>();
  readonly #refused: [kind: string, status: number][] = [];
  readonly #seen = new Map<string, Set<string>>();
  readonly #lag = watchLoop();
  readonly #anonymous = new AnonymousPlayers(() => performance.now());
  #players = 0;
  #starved = 0;
  #held = 0;
  #readyBytes = 0;

  served(kind: string, { answers, bytes, cmcd }: Readonly<Served>): void {
    const sum = this.#served.get(kind) ?? { answers: 0, bytes: 0, cmcd: 0 };
    this.#served.set(kind, {
      answers: sum.answers + answers,
      bytes: sum.bytes + bytes,
      cmcd: sum.cmcd + cmcd,
    });
  }

  waited(kind: string, seconds: number): void {
    const all = this.#waited.get(kind) ?? [];
    this.#waited.set(kind, all);
    if (all.length < MAX_WAITS) all.push(seconds);
  }

  refused(kind: string, status: number): void {
    if (this.#refused.length < MAX_WAITS) this.#refused.push([kind, status]);
  }

  starved(): void {
    this.#starved++;
  }

  held(change: 1 | -1): void {
    this.#held += change;
  }

  /** A player was given media. @param address what it requested, if other players may have the same name */
  seen(stream: string, given: string, address?: MediaAddress): void {
    const player = address === undefined ? given : this.#anonymous.nameOf(stream, given, address);
    const players = this.#seen.get(stream) ?? new Set<string>();
    this.#seen.set(stream, players);
    if (this.#players >= MAX_SEEN || players.has(player)) return;
    players.add(player);
    this.#players++;
  }

  ready(bytes: number): void {
    this.#readyBytes = bytes;
  }

  beforeRead(flush: () => void): () => void {
    this.#readers.add(flush);
    return () => this.#readers.delete(flush);
  }

  /**
   * Takes the sums, which begin anew.
   *
   * @param blockBytes of recordings in memory
   * @param options.requested for a scrape: lag counts from one to the next
   */
  take(blockBytes: number, { requested }: { readonly requested: boolean }): CounterReport {
    for (const flush of this.#readers) flush();
    const report: CounterReport = {
      served: [...this.#served],
      waited: [...this.#waited],
      refused: this.#refused.splice(0),
      starved: this.#starved,
      held: this.#held,
      seen: [...this.#seen].map(([stream, players]) => [stream, [...players]]),
      readyBytes: this.#readyBytes,
      blockBytes,
      memory: process.memoryUsage(),
      lag: { p50: this.#lag.at(50), p99: this.#lag.at(99), max: this.#lag.at(100) },
    };
    if (requested) this.#lag.reset();
    this.#served.clear();
    this.#waited.clear();
    this.#seen.clear();
    this.#players = 0;
    this.#starved = 0;
    this.#held = 0;
    return report;
  }

  [Symbol.dispose](): void {
    this.#lag[Symbol.dispose]();
  }
}
