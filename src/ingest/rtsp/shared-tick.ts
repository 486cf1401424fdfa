/**
 * One timer for all RTSP sessions: they wake the process together, not each by itself.
 * In: functions. Out: calls every RTP_TICK_MS.
 */
import { RTP_TICK_MS } from '../rtp/rtp-session.ts';

const ticks = new Set<() => void>();
let timer: NodeJS.Timeout | undefined;

/**
 * Calls a function every RTP_TICK_MS.
 *
 * @param tick must not throw
 * @returns ends the calls; may be called twice
 */
export function startTick(tick: () => void): () => void {
  ticks.add(tick);
  timer ??= setInterval(() => {
    for (const each of ticks) each();
  }, RTP_TICK_MS);
  return () => {
    ticks.delete(tick);
    if (ticks.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
