/**
 * The services outside of the process that oxbow uses, and whether they answer: one circuit breaker each.
 * In: owners of connections, which open a breaker or report by themselves. Out: metrics, log lines, events
 * `service.*`, a health check.
 */
import type { Breaker, BreakerOptions } from '../../lib/breaker/breaker.ts';
import type { BreakerState } from '../../lib/breaker/circuit-breaker.ts';
import { Emitter, type Subscribable } from '../../lib/events.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { redact } from '../redact.ts';
import type { ServiceName } from './service-names.ts';

/** A service stopped answering, or answers again. */
export interface ServiceChange {
  readonly service: ServiceName;
  readonly isFailing: boolean;
  /** The last error, without secrets; empty when it answers. */
  readonly detail: string;
}

/** Value of the metric for each state. */
const VALUES: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };

/** All services of a process. */
export class Services {
  readonly #metrics: Pick<Metrics, 'breakerState' | 'breakerOpened'>;
  readonly #log: Pick<Log, 'info' | 'error'>;
  readonly #changed = new Emitter<ServiceChange>();
  /** Reasons by service; undefined: it answers. */
  readonly #reasons = new Map<ServiceName, string | undefined>();

  constructor({
    metrics,
    log,
  }: {
    readonly metrics: Pick<Metrics, 'breakerState' | 'breakerOpened'>;
    readonly log: Pick<Log, 'info' | 'error'>;
  }) {
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Emits when a service stops answering, and when it answers again; not for each failed trial. */
  get changed(): Subscribable<ServiceChange> {
    return this.#changed;
  }

  /** The services that do not answer now. */
  get failing(): readonly ServiceChange[] {
    return [...this.#reasons].flatMap(([service, detail]) =>
      detail === undefined ? [] : [{ service, isFailing: true, detail }],
    );
  }

  /** Opens the breaker of a service. The caller disposes it. */
  async open(options: Omit<BreakerOptions, 'onChange'> & { readonly service: ServiceName }): Promise<Breaker> {
    const { Breaker } = await import('../../lib/breaker/breaker.ts');
    this.report(options.service, 'closed', '');
    return new Breaker({ ...options, onChange: (state, reason) => this.report(options.service, state, reason) });
  }

  /** Takes the state of a service. Called by its breaker, or by an owner that has another kind of breaker. */
  report(service: ServiceName, state: BreakerState, reason: string): void {
    this.#metrics.breakerState.set({ service }, VALUES[state]);
    const wasFailing = this.#reasons.get(service) !== undefined;
    if (state === 'half-open') return;
    const isFailing = state === 'open';
    const detail = redact(reason);
    this.#reasons.set(service, isFailing ? detail : undefined);
    if (isFailing === wasFailing) return;
    if (isFailing) {
      this.#metrics.breakerOpened.inc({ service });
      this.#log.error({ service, reason: detail }, 'a service does not answer and is not called for a while');
    } else this.#log.info({ service }, 'a service answers again');
    this.#changed.emit({ service, isFailing, detail });
  }

  /**
   * For the health check.
   *
   * @returns a sentence
   * @throws Error with one, if a service does not answer
   */
  check(): string {
    const { failing } = this;
    if (failing.length === 0) return this.#reasons.size === 0 ? 'none is used' : [...this.#reasons.keys()].join(', ');
    throw new Error(failing.map(({ service, detail }) => `${service} does not answer: ${detail}`).join('; '));
  }
}
