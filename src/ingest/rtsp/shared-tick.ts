/**
 * One timer for all RTSP sessions of an interval: they wake the process together, not each by itself.
 * In: functions. Out: calls at an interval.
 */

/** The functions of an interval, ms. */
const shared = new Map<number, Set<() => void>>();
const timers = new Map<number, NodeJS.Timeout>();

/**
 * Calls a function at an interval.
 *
 * @param tick must not throw
 * @returns ends the calls; may be called twice
 */
export function startTick(tick: () => void, everyMs: number): () => void {
  const ticks = shared.get(everyMs) ?? new Set();
  shared.set(everyMs, ticks.add(tick));
  const callAll = () => {
    for (const each of ticks) each();
  };
  if (!timers.has(everyMs)) timers.set(everyMs, setInterval(callAll, everyMs));
  return () => {
    ticks.delete(tick);
    if (ticks.size > 0) return;
    clearInterval(timers.get(everyMs));
    timers.delete(everyMs);
  };
}
