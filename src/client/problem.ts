/**
 * The error of a failed request.
 * In: a status and the text of an answer. Out: an error with the problem document. RFC 9457.
 */
import type { ProblemCode, ProblemView } from './made/shapes.ts';

/**
 * A problem document; `unreachable` if there was no answer, `unreadable` if the answer was not one of
 * oxbow's.
 */
export interface Problem extends Partial<Omit<ProblemView, 'code' | 'status' | 'title'>> {
  /** Newer versions of oxbow may send other codes. */
  readonly code: ProblemCode | 'unreachable' | 'unreadable' | (string & {});
  /** HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** Empty if `unreachable` or `unreadable`. */
  readonly title: string;
}

/** The error of a failed request. */
export class OxbowProblem extends Error {
  override readonly name = 'OxbowProblem';
  readonly problem: Problem;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.detail || problem.title || problem.code, options);
    this.problem = problem;
  }

  /** The stable code, see docs/reference/errors.md. */
  get code(): Problem['code'] {
    return this.problem.code;
  }

  /** HTTP status; 0 if there was no answer. */
  get status(): number {
    return this.problem.status;
  }
}

/**
 * Reads a problem document.
 *
 * @param status HTTP status of the answer; 0 if there was none
 * @param body the text of the answer
 */
export function readProblem(status: number, body: string): Problem {
  if (status === 0) return { code: 'unreachable', status, title: '' };
  try {
    const problem = JSON.parse(body) as Partial<ProblemView> | null;
    if (typeof problem?.code === 'string')
      return { ...problem, code: problem.code, status, title: problem.title ?? '' };
  } catch {
    // Not JSON: `unreadable`.
  }
  return { code: 'unreadable', status, title: '' };
}
