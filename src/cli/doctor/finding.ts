/**
 * Result of one check of the doctor.
 * In: an observation. Out: a state, a sentence, and a hint. Pure.
 */

/** Result of one check. */
export interface Finding {
  readonly name: string;
  /** `failed`: oxbow does not work; `warning`: it works worse. */
  readonly state: 'ok' | 'warning' | 'failed';
  /** The observation. */
  readonly text: string;
  /** Command or action that fixes it, empty if it is ok. */
  readonly hint: string;
}

/** No problem. */
export function ok(name: string, text: string): Finding {
  return { name, state: 'ok', text, hint: '' };
}

/** oxbow works worse than it could. */
export function warning(name: string, text: string, hint: string): Finding {
  return { name, state: 'warning', text, hint };
}

/** oxbow does not work. */
export function failed(name: string, text: string, hint: string): Finding {
  return { name, state: 'failed', text, hint };
}
