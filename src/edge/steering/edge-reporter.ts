/**
 * Reports the load of an edge to its origin every few seconds, and at once when it begins or ends to drain.
 * In: figures of the edge. Out: POST /api/v1/edge-reports. A report that does not arrive changes nothing:
 * the next one replaces it. docs/9-run/steering.md.
 */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { isAbort, sleep, waitFor } from '../../lib/abort.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import { REPORTS_PATH, signReport } from './edge-report.ts';

/** Pause between two reports, ms. */
const EVERY_MS = 3000;
/** Longest wait for the origin, ms. */
const WITHIN_MS = 2500;
const MAX_ANSWER_BYTES = 16 * 1024;

interface EdgeReporterOptions {
  readonly origin: URL;
  readonly net: Pick<Net, 'fetch'>;
  /** Id of the edge in `steering.pathways` of the origin. */
  readonly pathway: string;
  /** `edges.token` of the origin. */
  readonly token: string;
  /** Wall clock, ms since 1970. */
  readonly nowMs: () => number;
  /** Open connections of clients. */
  readonly connections: () => number;
  /** Called when the origin no longer takes reports, with the reason, and when it takes them again. */
  readonly onRefused: (reason: string | undefined) => void;
}

export class EdgeReporter {
  readonly #options: EdgeReporterOptions;
  #last: EventLoopUtilization = performance.eventLoopUtilization();
  #lastAtMs = 0;
  #isDraining = false;
  #wake = Promise.withResolvers<void>();
  #refusal: string | undefined;

  constructor(options: EdgeReporterOptions) {
    this.#options = options;
  }

  /** Reports whether the edge is about to end, at once. */
  drain(isDraining: boolean): void {
    this.#isDraining = isDraining;
    this.#wake.resolve();
  }

  /** Reports until the signal fires. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers();
      const refusal = await this.#report(signal);
      if (signal.aborted) return;
      if (refusal !== this.#refusal) this.#options.onRefused(refusal);
      this.#refusal = refusal;
      const pause = new AbortController();
      const either = AbortSignal.any([signal, pause.signal]);
      await Promise.race([sleep(EVERY_MS, { signal: either }), waitFor(this.#wake.promise, { signal: either })]).catch(
        () => {},
      );
      pause.abort(new DOMException('the pause is over', 'AbortError'));
    }
  }

  /** @returns why it was not taken; undefined: it was */
  async #report(signal: AbortSignal): Promise<string | undefined> {
    const { origin, net, pathway, token, connections } = this.#options;
    const report = {
      pathway,
      at: this.#at(),
      load: this.#load(),
      connections: connections(),
      draining: this.#isDraining,
    };
    try {
      using answer = await net.fetch(`${origin.href.replace(/\/+$/, '')}${REPORTS_PATH}`, {
        signal,
        post: Buffer.from(JSON.stringify(signReport(report, token))),
        headers: { 'content-type': 'application/json' },
        maxBytes: MAX_ANSWER_BYTES,
        deadlineMs: WITHIN_MS,
        idleMs: WITHIN_MS,
        trusted: origin,
      });
      return answer.status === 204 ? undefined : `it answers ${answer.status}`;
    } catch (error) {
      return isAbort(error) ? undefined : messageOf(error);
    }
  }

  /** Whole milliseconds, later than those of the report before. */
  #at(): number {
    this.#lastAtMs = Math.max(Math.floor(this.#options.nowMs()), this.#lastAtMs + 1);
    return this.#lastAtMs;
  }

  /** Of the time since the report before; three decimals. */
  #load(): number {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#last);
    this.#last = now;
    return Math.round(Math.min(1, Math.max(0, utilization)) * 1000) / 1000;
  }
}
