/**
 * What goes wrong while the audio of a stream is converted, for the log, the metrics and the advice to the publisher.
 * In: failures and losses. Out: log lines, metrics, the current problem in words.
 */
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';

/** A failure is the current problem for so long, ms. */
const RECENT_MS = 10_000;

/** Dependencies of a report. */
export interface ConversionReportDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'audioConversionRestarts' | 'audioConversionLost' | 'bugs'>;
  /** Name of the stream. */
  readonly name: () => string;
}

/** The failures of one stream's conversion. */
export class ConversionReport {
  readonly #deps: ConversionReportDeps;
  #failure: { readonly why: string; readonly atMs: number } | undefined;

  constructor(deps: ConversionReportDeps) {
    this.#deps = deps;
  }

  /** Why the conversion has failed within the last ten seconds; empty if it has not. */
  get problem(): string {
    const failure = this.#failure;
    return failure && this.#deps.clock.monotonicMs() - failure.atMs < RECENT_MS ? failure.why : '';
  }

  /** The process has ended, or could not be started; it is started again. */
  failed(why: string): void {
    const { clock, log, metrics, name } = this.#deps;
    this.#failure = { why, atMs: clock.monotonicMs() };
    metrics.audioConversionRestarts.inc({ stream: name() });
    log.warn({ stream: name(), why }, 'the conversion of the audio failed and starts again');
  }

  /** Audio frames are missing because they could not be converted. */
  lost(count: number): void {
    this.#deps.metrics.audioConversionLost.inc({ stream: this.#deps.name() }, count);
  }

  /** A converted frame could not be published. */
  bug(error: unknown): void {
    const { log, metrics, name } = this.#deps;
    metrics.bugs.inc();
    const stack = (error as Error).stack;
    log.error({ stream: name(), error: messageOf(error), stack }, 'converted audio could not be published');
  }
}
