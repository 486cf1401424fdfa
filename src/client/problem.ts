/**
 * What went wrong with a request, in one shape whatever it was.
 * In: a status and the text of an answer. Out: an error that carries the problem document. RFC 9457.
 */
import type { ProblemCode, ProblemView } from './shapes.ts';

/** A problem document; `unreachable` where no answer came, `unreadable` where it was not oxbow's. */
export interface Problem extends Partial<Omit<ProblemView, 'code' | 'status' | 'title'>> {
  /** New versions of oxbow may know more of them. */
  readonly code: ProblemCode | 'unreachable' | 'unreadable' | (string & {});
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** Empty where no answer came, or it was not oxbow's. */
  readonly title: string;
}

/** A request that did not give what was asked for. */
export class OxbowProblem extends Error {
  override readonly name = 'OxbowProblem';
  readonly problem: Problem;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.detail || problem.title || problem.code, options);
    this.problem = problem;
  }

  /** The stable code, of docs/7-reference/errors.md. */
  get code(): Problem['code'] {
    return this.problem.code;
  }

  /** HTTP status; 0 where no answer came. */
  get status(): number {
    return this.problem.status;
  }
}

/**
 * Reads a problem document.
 *
 * @param status HTTP status of the answer; 0 where none came
 * @param body the text of the answer, any text
 */
export function readProblem(status: number, body: string): Problem {
  if (status === 0) return { code: 'unreachable', status, title: '' };
  try {
    const problem = JSON.parse(body) as Partial<ProblemView> | null;
    if (typeof problem?.code === 'string')
      return { ...problem, code: problem.code, status, title: problem.title ?? '' };
  } catch {
    // Not JSON: told as unreadable below.
  }
  return { code: 'unreadable', status, title: '' };
}
