/**
 * CPU time of a process of tests and of the programs that it started and waited for; not of those that ended
 * without a parent.
 * In: proc(5). Out: seconds. Linux only; elsewhere it is 0.
 */
import { readFileSync } from 'node:fs';

/** Clock ticks per second of /proc, on every architecture that Linux has today. */
const TICKS = 100;

/** Fields 14 to 17 of `stat`, which follow the name in parentheses. */
export function waitedCpuS(): number {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS;
  } catch {
    return 0;
  }
}
