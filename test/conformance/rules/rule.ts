/**
 * What a rule of the checker is, and what it finds.
 * In: a subject that was read (a list, a reload, media bytes, an exchange over HTTP). Out: findings.
 * A rule is a pure function of its subject; who gathers subjects does not judge.
 */

/** `must`: a player may fail. `should`: advice of the standard or of Apple that can be left for a reason. */
export type Severity = 'must' | 'should';

/** Where something is wrong, and what. */
export interface Problem {
  /** A line, a segment, a part, a track. */
  readonly where: string;
  readonly detail: string;
}

/** A sentence of a standard that can be looked after by a program. */
export interface Rule<S> {
  /** kebab-case, for life: broken cases and exceptions name it. */
  readonly id: string;
  /**
   * Section: `4.4.3.1` and `B.1` are of RFC 8216bis, `Apple 7.3` of the HLS authoring specification,
   * `docs/media.md 13` is ours.
   */
  readonly section: string;
  readonly severity: Severity;
  /** The promise, as one sentence. */
  readonly says: string;
  check(subject: S): Iterable<Problem>;
}

/** A rule that was not kept. */
export interface Finding extends Problem {
  /** Id of the rule. */
  readonly rule: string;
  readonly section: string;
  readonly severity: Severity;
}

/** What was answered to a request. Names of headers are in lower case. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** As it was sent: still compressed where `content-encoding` says so. */
  readonly body: Uint8Array;
}

/** Asks for a URL, over HTTP or in process. What is held is answered later. */
export type Fetch = (url: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>;

/** Runs rules over a subject. `of` names the subject in front of each place. */
export function judge<S>(rules: readonly Rule<S>[], subject: S, of: string): Finding[] {
  const findings: Finding[] = [];
  for (const { id, section, severity, check } of rules) {
    for (const { where, detail } of check(subject)) {
      findings.push({ rule: id, section, severity, where: where === '' ? of : `${of} ${where}`, detail });
    }
  }
  return findings;
}

/** One line for each finding, for the message of a failed test. */
export function printFindings(findings: readonly Finding[]): string {
  return findings
    .map(({ rule, section, severity, where, detail }) => `${severity} ${rule} (${section}) ${where}: ${detail}`)
    .join('\n');
}
