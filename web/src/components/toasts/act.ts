/**
 * An action of a page, with a toast for its result.
 * In: a request. Out: whether it succeeded.
 */
import { failureOf } from '../../api/client.ts';
import { failureText } from '../../viewer/preferences.svelte.ts';
import { toast } from './toast.svelte.ts';

/** Timeout of an action, milliseconds. */
const WITHIN_MS = 30_000;

/**
 * Performs an action; a failure becomes a toast.
 *
 * @param said text of the toast on success; empty: none
 */
export async function act(work: (signal: AbortSignal) => Promise<unknown>, said: string): Promise<boolean> {
  try {
    await work(AbortSignal.timeout(WITHIN_MS));
    if (said !== '') toast({ text: said, tone: 'good' });
    return true;
  } catch (error) {
    toast({ text: failureText(failureOf(error)).title, tone: 'bad' });
    return false;
  }
}
