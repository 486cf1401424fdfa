/**
 * The CPU time of the server between two responses.
 * In: readings of /api/v1/system. Out: percent of one core. Pure.
 */

/** CPU time at a moment. */
export interface CpuReading {
  /** The server's time, unix milliseconds. */
  readonly atMs: number;
  /** CPU time since the start of the process, seconds. */
  readonly seconds: number;
}

/**
 * Percent of a core between two readings, rounded; null if there is only one, or the server was restarted in
 * between.
 */
export function cpuPercent(before: CpuReading | null, now: CpuReading): number | null {
  if (!before || now.atMs <= before.atMs || now.seconds < before.seconds) return null;
  return Math.round((100_000 * (now.seconds - before.seconds)) / (now.atMs - before.atMs));
}
