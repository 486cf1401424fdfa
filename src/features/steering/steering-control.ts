/**
 * The reports of edges, and their state for operators.
 * In: reports as they come, settings. Out: EdgeStates that are up to date; PathwayView; metrics.
 */
import type { PathwayView } from '../../api/steering/steering-shapes.ts';
import { isSigned, type SignedReport } from '../../edge/steering/edge-report.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { EdgeState, EdgeStates } from './edge-states.ts';
import type { PassedReports } from './passed-reports.ts';
import type { PathwayConfig } from './settings.ts';

interface SteeringControlOptions {
  readonly pathways: Readonly<Record<string, PathwayConfig>>;
  readonly states: EdgeStates;
  /** The other nodes. */
  readonly passed: Pick<PassedReports, 'pass'>;
  /** `edges.token` now; undefined: no report counts. */
  readonly token: () => string | undefined;
  readonly metrics: Pick<Metrics, 'steeringReports' | 'steeringUp' | 'steeringLoad'>;
}

export class SteeringControl {
  readonly #options: SteeringControlOptions;

  constructor(options: SteeringControlOptions) {
    this.#options = options;
  }

  /**
   * Takes a report.
   *
   * @param options.isPassed another node has taken it, and passes it on to all
   * @throws OxbowError `edge-report-refused`
   */
  reported(report: SignedReport, { isPassed = false }: { readonly isPassed?: boolean } = {}): void {
    const { states, metrics, token, passed } = this.#options;
    const secret = token();
    try {
      if (secret === undefined) throw new OxbowError('edge-report-refused', '`edges.token` is not set at this server.');
      if (!isSigned(report, secret))
        throw new OxbowError('edge-report-refused', 'The signature of the report is not one with `edges.token`.');
      // A newer one may have come here before an older one that was passed on.
      if (isPassed && states.isOld(report)) return;
      states.reported(report);
    } catch (error) {
      metrics.steeringReports.inc({ result: 'refused' });
      throw error;
    }
    metrics.steeringReports.inc({ result: 'taken' });
    if (!isPassed) passed.pass(report);
  }

  /** The edges, in the order of the settings. */
  list(): PathwayView[] {
    return this.#options.states.all.map((state) => {
      const { url, networks, countries, weight } = this.#options.pathways[state.id]!;
      return {
        id: state.id,
        url,
        networks: [...networks],
        countries: [...countries],
        weight,
        state: nameOf(state),
        load: state.load ?? null,
        connections: state.connections ?? null,
        reportedAgo: state.reportedAgoMs === undefined ? null : Math.round(state.reportedAgoMs) / 1000,
      };
    });
  }

  /** Sets the gauges. */
  measure(): void {
    const { states, metrics } = this.#options;
    for (const state of states.all) {
      metrics.steeringUp.set({ pathway: state.id }, nameOf(state) === 'up' ? 1 : 0);
      metrics.steeringLoad.set({ pathway: state.id }, state.load ?? 0);
    }
  }
}

function nameOf({ isDead, isDraining }: EdgeState): PathwayView['state'] {
  if (isDead) return 'dead';
  return isDraining ? 'draining' : 'up';
}
