/**
 * What a request may read of the index of a recording, where the work grows with its range.
 * In: serve/media creates one for each request. Out: what clips and time-lapses count their work with.
 */
import { OxbowError } from '../lib/errors.ts';
import type { Range } from './past/past.ts';

/** What a client without a session gets at most, hours: the work for it is done before the first byte. */
const STRANGERS_HOURS = { clip: 6, 'time-lapse': 24 } as const;

/** The budget of one client. */
export interface WorkBudget {
  /**
   * Begins a plan.
   *
   * @throws OxbowError `too-many-requests` if the client's budget is used up
   */
  begin(): void;
  /** Counts segments that were read from the index; what is over the budget is owed. */
  spend(segments: number): void;
  /** Whether the client is signed in, has a token, or is on this computer. */
  isKnown(): boolean | Promise<boolean>;
}

/** How a request reads. */
export interface WorkOptions {
  /** Ends the reading. */
  readonly signal: AbortSignal;
  /** Undefined: the server itself, whose work is not counted. */
  readonly budget?: WorkBudget | undefined;
  /** The client has a right on the stream: the broadcaster's rules for the past do not concern it. */
  readonly isExempt?: boolean | undefined;
}

/** Refuses a long range to a client that is not known. @throws OxbowError `unauthorized` */
export async function refuseStrangers(
  kind: keyof typeof STRANGERS_HOURS,
  { fromUs, toUs }: Range,
  budget: WorkBudget | undefined,
): Promise<void> {
  const hours = STRANGERS_HOURS[kind];
  if (!budget || toUs - fromUs <= hours * 3600 * 1_000_000 || (await budget.isKnown())) return;
  throw new OxbowError('unauthorized', `Without a session a ${kind} shows at most ${hours} hours.`, {
    extra: { hint: 'Sign in, use a playback token or an API token, or request a shorter range.' },
  });
}
