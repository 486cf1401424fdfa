/**
 * Reports changes of the advice: each finding once when it appears and once when it is gone.
 * In: the findings every few seconds. Out: changes. Pure.
 */
import type { Finding } from '../../api/advice.ts';

/** A finding is reported when it was there in this many consecutive calls. */
const APPEARS_AFTER = 2;
/** It is gone when it was not there in this many consecutive calls: findings at a bound do not alternate. */
const GONE_AFTER = 6;

interface Watched {
  severity: Finding['severity'];
  /** Consecutive calls with it. */
  seen: number;
  /** Consecutive calls without it. */
  missing: number;
  /** The severity that was reported; undefined: none yet. */
  reported: Finding['severity'] | undefined;
}

/** The findings of one stream over time. */
export class AdviceWatch {
  readonly #report: (code: Finding['code'], finding: Finding | undefined) => void;
  readonly #watched = new Map<Finding['code'], Watched>();

  constructor(report: (code: Finding['code'], finding: Finding | undefined) => void) {
    this.#report = report;
  }

  /** Takes the findings of now; those that are `good` do not count. */
  add(findings: readonly Finding[]): void {
    const now = new Map(
      findings.filter(({ severity }) => severity !== 'good').map((finding) => [finding.code, finding]),
    );
    for (const [code, finding] of now) {
      const watched = this.#watched.get(code) ?? {
        severity: finding.severity,
        seen: 0,
        missing: 0,
        reported: undefined,
      };
      this.#watched.set(code, watched);
      watched.seen = watched.severity === finding.severity ? watched.seen + 1 : 1;
      watched.severity = finding.severity;
      watched.missing = 0;
      if (watched.seen < APPEARS_AFTER || watched.reported === finding.severity) continue;
      watched.reported = finding.severity;
      this.#report(code, finding);
    }
    for (const [code, watched] of this.#watched) {
      if (now.has(code)) continue;
      watched.seen = 0;
      if (watched.reported === undefined) this.#watched.delete(code);
      else if (++watched.missing >= GONE_AFTER) this.#forget(code);
    }
  }

  /** The publisher has left: everything that was reported is gone. */
  clear(): void {
    for (const [code, { reported }] of this.#watched) {
      if (reported === undefined) this.#watched.delete(code);
      else this.#forget(code);
    }
  }

  #forget(code: Finding['code']): void {
    this.#watched.delete(code);
    this.#report(code, undefined);
  }
}
