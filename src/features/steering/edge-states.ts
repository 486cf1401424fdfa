/**
 * What is known of each edge: what it reports itself, and whether it answers.
 * In: reports of edges, results of probes. Out: the state of each edge now, for the choice and for operators.
 */
import type { EdgeReport } from '../../edge/steering/edge-report.ts';
import { OxbowError } from '../../lib/errors.ts';

/** A report counts for this long, ms: five of those that an edge sends. */
const REPORT_COUNTS_MS = 15_000;
/** The clock of an edge may differ by this much, ms. */
const MAX_SKEW_MS = 60_000;
/** Probes in a row without an answer after which an edge is dead. */
const DEAD_AFTER = 2;

/** The result of a probe. `refuses`: it answers that it is not ready. */
export type Probed = 'ready' | 'refuses' | 'silent';

/** An edge now. */
export interface EdgeState {
  readonly id: string;
  /** Share of its processor time, 0 to 1; undefined: it does not report. */
  readonly load: number | undefined;
  /** Open connections of its clients; undefined: it does not report. */
  readonly connections: number | undefined;
  readonly isDraining: boolean;
  readonly isDead: boolean;
  /** Time since its last report, ms; undefined: there is none. */
  readonly reportedAgoMs: number | undefined;
}

interface Known {
  report: EdgeReport | undefined;
  reportedMs: number;
  silent: number;
  refuses: boolean;
}

/** The clock of the server. */
interface StatesClock {
  nowMs(): number;
  monotonicMs(): number;
}

export class EdgeStates {
  readonly #edges: ReadonlyMap<string, Known>;
  readonly #clock: StatesClock;

  /** @param ids of all edges */
  constructor(ids: readonly string[], clock: StatesClock) {
    this.#clock = clock;
    this.#edges = new Map(
      ids.map((id) => [id, { report: undefined, reportedMs: 0, silent: 0, refuses: false }] as const),
    );
  }

  /**
   * Takes a report whose signature is valid. One that is not newer than the last is a repetition.
   *
   * @throws OxbowError `edge-report-refused` for an unknown edge, a repetition or another time
   */
  reported(report: EdgeReport): void {
    const known = this.#edges.get(report.pathway);
    if (!known) {
      throw new OxbowError(
        'edge-report-refused',
        `There is no \`${report.pathway.slice(0, 40)}\` in steering.pathways.`,
      );
    }
    const skewMs = Math.round(report.at - this.#clock.nowMs());
    if (Math.abs(skewMs) > MAX_SKEW_MS) {
      throw new OxbowError(
        'edge-report-refused',
        `\`at\` differs from the clock of this server by ${Math.abs(skewMs)} ms; at most ${MAX_SKEW_MS} ms are permitted.`,
      );
    }
    if (known.report && report.at <= known.report.at) {
      throw new OxbowError('edge-report-refused', '`at` is not later than that of the last report.');
    }
    known.report = report;
    known.reportedMs = this.#clock.monotonicMs();
  }

  /** Whether a later report of the edge is known. */
  isOld({ pathway, at }: EdgeReport): boolean {
    const last = this.#edges.get(pathway)?.report;
    return last !== undefined && at <= last.at;
  }

  /** Takes the result of a probe of a known edge. @returns whether it is dead or alive since then */
  probed(id: string, result: Probed): boolean {
    const known = this.#edges.get(id)!;
    const wasDead = known.silent >= DEAD_AFTER;
    known.silent = result === 'silent' ? known.silent + 1 : 0;
    known.refuses = result === 'refuses';
    return known.silent >= DEAD_AFTER !== wasDead;
  }

  /** All edges, in the order of the settings. */
  get all(): readonly EdgeState[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#edges].map(([id, { report, reportedMs, silent, refuses }]) => {
      const agoMs = nowMs - reportedMs;
      const fresh = report && agoMs < REPORT_COUNTS_MS ? report : undefined;
      return {
        id,
        load: fresh?.load,
        connections: fresh?.connections,
        isDraining: refuses || fresh?.draining === true,
        isDead: silent >= DEAD_AFTER,
        reportedAgoMs: report && agoMs,
      };
    });
  }
}
