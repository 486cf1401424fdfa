/**
 * Delays what a screen reader says about the chat, so that several messages are said together.
 * In: requests. Out: one call a second at most.
 */
import { pause } from '../../api/poll.ts';

/** Between two announcements, ms. */
const EVERY_MS = 1000;
let isDue = false;

/** The announcements of this page. */
export const announcement = {
  /** Calls `say` once, a second after the first request. */
  async soon(say: () => void, signal: AbortSignal): Promise<void> {
    if (isDue) return;
    isDue = true;
    await pause(EVERY_MS, signal);
    isDue = false;
    if (!signal.aborted) say();
  },
};
