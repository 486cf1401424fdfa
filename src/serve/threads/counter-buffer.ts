/**
 * Counters of a serving thread, buffered until the next report to the main thread, which has the metrics and
 * viewers.
 * In: calls of the hot responder. Out: CounterReport. Bounded: players beyond the bound are counted by a
 * later report.
 */
import type { MediaAddress } from '../../api/media-address.ts';
import { AnonymousPlayers } from '../../delivery/live/anonymous-players.ts';
import { memoryUsage } from '../../lib/memory/memory-usage.ts';
import { watchLoop } from '../../observe/loop-lag.ts';
import type { HotCounts, Served } from '../hot/responder.ts';
import type { CounterReport, ReportedSession, RequestedPlayback } from './messages.ts';

/** Interval of reports, ms: the most that a page shows counters late. */
export const REPORT_INTERVAL_MS = 250;
/** Durations of one class, and refusals, in one report. */
const MAX_WAITS = 20_000;
/** Players in one report; the others request media again soon. */
const MAX_SEEN = 50_000;

/** Texts of requests in one report: the others say the same again soon. */
const MAX_REQUESTS = 2000;

/** Buffers the counters of one thread. */
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
  readonly #reports: ReportedSession[] = [];
  readonly #requests: RequestedPlayback[] = [];
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
    const waits = this.#waited.get(kind) ?? [];
    this.#waited.set(kind, waits);
    if (waits.length < MAX_WAITS) waits.push(seconds);
  }

  refused(kind: string, status: number): void {
    if (this.#refused.length < MAX_WAITS) this.#refused.push([kind, status]);
  }

  starved(): void {
    this.#starved++;
  }

  /** Notes the report of a player. */
  reported(...session: ReportedSession): void {
    if (this.#reports.length < MAX_SEEN) this.#reports.push(session);
  }

  /** Notes what a player says in a request. */
  requested(...request: RequestedPlayback): void {
    if (this.#requests.length < MAX_REQUESTS) this.#requests.push(request);
  }

  held(change: 1 | -1): void {
    this.#held += change;
  }

  /** Notes a player. @param address what it requested, if other players may have the same name */
  seen(stream: string, name: string, address?: MediaAddress): void {
    const player = address === undefined ? name : this.#anonymous.nameOf(stream, name, address);
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
   * Returns the counters and resets them.
   *
   * @param blockBytes bytes of recordings in memory
   * @param options.requested for a scrape: resets the lag too, which is measured from scrape to scrape
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
      reports: this.#reports.splice(0),
      requests: this.#requests.splice(0),
      readyBytes: this.#readyBytes,
      blockBytes,
      memory: memoryUsage(),
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
