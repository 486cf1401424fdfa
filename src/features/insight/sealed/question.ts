/**
 * Questions about the rows of sealed hours, and their answers: the same as those of
 * store/reading/viewing-reads about the rows of the database.
 * In: sealed-reads.ts. Out: JSON for the child process; SQL in question-sql.ts, JavaScript in
 * question-rows.ts. Types only.
 */

/** What is counted. Undefined: everything. */
export interface SealedScope {
  readonly kind?: string | undefined;
  readonly content?: string | undefined;
  readonly edge?: string | undefined;
  readonly country?: string | undefined;
}

/** What sums are divided by; `content`: by `contentName`; `hour`: by hours since 1970. */
export type SealedKey = 'content' | 'edge' | 'country' | 'hour';

/** A range [from, to) of minutes since 1970. */
interface Ranged {
  readonly scope: SealedScope;
  readonly from: number;
  readonly to: number;
}

interface Divided extends Ranged {
  readonly by?: SealedKey | undefined;
}

/** Sums by key, the most watched first. */
export interface SumsQuestion extends Divided {
  readonly ask: 'sums';
  readonly most: number;
}

/** Watched time by step and key. */
export interface StepsQuestion extends Divided {
  readonly ask: 'steps';
  /** Minutes. */
  readonly step: number;
  /** Only these. */
  readonly keys?: readonly (string | number)[] | undefined;
  readonly most: number;
}

/** Sessions by class of their start-up time and key. */
export interface StartupsQuestion extends Divided {
  readonly ask: 'startups';
  readonly keys?: readonly (string | number)[] | undefined;
  readonly most: number;
}

/** Sessions that began, in order; `after`: the last one of the page before. */
export interface BegunQuestion extends Ranged {
  readonly ask: 'begun';
  readonly after?: readonly [minute: number, session: string] | undefined;
  readonly most: number;
}

/** The sums of sessions, by their ids. */
export interface SessionsQuestion {
  readonly ask: 'sessions';
  readonly ids: readonly string[];
  readonly from: number;
  readonly to: number;
}

export type Question = SumsQuestion | StepsQuestion | StartupsQuestion | BegunQuestion | SessionsQuestion;

/** A cell of an answer. */
export type Cell = string | number | null;

/**
 * Rows of cells. sums: key, sessions, watchMs, bitMs, kbits, stalls, stallMs, errors, failed. steps: key, at,
 * watchMs. startups: key, class, amount. begun: minute, session. sessions: session, content, first and last
 * minute, watchMs, liveMs, bitMs, kbits, stalls, stallMs, errors, failed, startupMs, edge, country, source.
 */
export type Answer = readonly (readonly Cell[])[];
