/**
 * CPU time of a process of tests and of every program that it started, also of those that ended without a parent.
 * In: the value of TESTS_USAGE, which the programs inherit. Out: seconds. Linux only; elsewhere it is 0.
 */
import { readdirSync, readFileSync } from 'node:fs';

const EVERY_MS = 500;
/** Clock ticks per second of /proc, on every architecture that Linux has today. */
const TICKS = 100;

/** A watch that runs. */
export interface UsageWatch {
  /** Ends it. Returns CPU seconds of all processes that it saw. */
  end(): number;
}

/** Watches the processes whose environment has `TESTS_USAGE={usage}`. */
export function watchUsage(usage: string): UsageWatch {
  const ofProcess = new Map<string, number>();
  const foreign = new Set<string>();
  const look = () => {
    for (const pid of listProcesses()) {
      if (foreign.has(pid)) continue;
      try {
        if (!ofProcess.has(pid) && !readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TESTS_USAGE=${usage}`)) {
          foreign.add(pid);
          continue;
        }
        ofProcess.set(pid, ownCpuS(readFileSync(`/proc/${pid}/stat`, 'latin1')));
      } catch {
        // It ended between two reads: the last look counts.
      }
    }
  };
  const timer = setInterval(look, EVERY_MS);
  return {
    end() {
      clearInterval(timer);
      look();
      return [...ofProcess.values()].reduce((sum, seconds) => sum + seconds, 0);
    },
  };
}

function listProcesses(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** User and system time of a process itself, seconds; proc(5), fields 14 and 15 behind the name in parentheses. */
function ownCpuS(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** User and system time of this process and of the children that it waited for, seconds; fields 14 to 17. */
export function waitedCpuS(): number {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS;
  } catch {
    return 0;
  }
}
