/**
 * Failures of the conversion of a stream's audio or video, for the log, the metrics and the advice to the
 * publisher.
 * In: failures and losses. Out: log lines, metrics, the current problem in words.
 */
import type { Clock } from '../../lib/clock.ts';
import { reportBug } from '../../observe/errors/report-bug.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';

/** A failure is the current problem for this long, ms. */
const RECENT_MS = 10_000;

/** Dependencies of a report. */
interface ConversionReportDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<
    Metrics,
    'audioConversionRestarts' | 'audioConversionLost' | 'videoConversionRestarts' | 'videoConversionLost' | 'bugs'
  >;
  /** Name of the stream. */
  readonly name: () => string;
}

/** The failures of one stream's conversion. */
export class ConversionReport {
  readonly #kind: 'audio' | 'video';
  readonly #deps: ConversionReportDeps;
  #failure: { readonly why: string; readonly atMs: number } | undefined;

  constructor(kind: 'audio' | 'video', deps: ConversionReportDeps) {
    this.#kind = kind;
    this.#deps = deps;
  }

  /** Why the conversion has failed within the last ten seconds; empty if it has not. */
  get problem(): string {
    const failure = this.#failure;
    return failure && this.#deps.clock.monotonicMs() - failure.atMs < RECENT_MS ? failure.why : '';
  }

  /** The process has ended, or could not be started; it is started again. */
  failed(why: string): void {
    const { log, metrics, name } = this.#deps;
    this.#note(why);
    metrics[`${this.#kind}ConversionRestarts`].inc({ stream: name() });
    log.warn({ stream: name(), why }, `the conversion of the ${this.#kind} failed and starts again`);
  }

  /** The machine is too slow: frames up to the next key frame are left out. */
  slow(): void {
    const { log, name } = this.#deps;
    this.#note('the machine is too slow');
    log.warn({ stream: name() }, `the machine is too slow to convert the ${this.#kind}`);
  }

  /** Frames are missing because they could not be converted. */
  lost(count: number): void {
    this.#deps.metrics[`${this.#kind}ConversionLost`].inc({ stream: this.#deps.name() }, count);
  }

  /** A converted frame could not be published. */
  bug(error: unknown): void {
    const { log, metrics, name } = this.#deps;
    const sentence = `converted ${this.#kind} could not be published`;
    reportBug({ metrics, log }, error, { stream: name() }, sentence);
  }

  #note(why: string): void {
    this.#failure = { why, atMs: this.#deps.clock.monotonicMs() };
  }
}
