/**
 * What the doctor says of one thing that it looked at.
 * In: what was found. Out: a state, a sentence, and what to type. Pure.
 */

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  /** `failed` keeps oxbow from working, `warning` makes it work worse. */
  readonly state: 'ok' | 'warning' | 'failed';
  /** What was found. */
  readonly text: string;
  /** What to type or do, empty when all is well. */
  readonly hint: string;
}

/** All is well. */
export function ok(name: string, text: string): Finding {
  return { name, state: 'ok', text, hint: '' };
}

/** Works worse than it could. */
export function warning(name: string, text: string, hint: string): Finding {
  return { name, state: 'warning', text, hint };
}

/** Keeps oxbow from working. */
export function failed(name: string, text: string, hint: string): Finding {
  return { name, state: 'failed', text, hint };
}
