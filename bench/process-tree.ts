/**
 * What a set of processes and all their descendants use, read from Linux' /proc.
 * In: process ids. Out: CPU seconds and memory. CPU is counted per thread in nanoseconds; a thread that ended keeps what it last showed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

/** Memory of a tree at one instant, bytes. */
export interface TreeMemory {
  /** Proportional set size: what is shared is divided among those who share it. */
  readonly pss: number;
  /** The part of it that no file stands behind: heaps, stacks, shared buffers. */
  readonly anonymous: number;
  /** Resident set size: what is shared counts once for each process. */
  readonly rss: number;
  readonly processes: number;
}

/** Watches processes and what they start. */
export class ProcessTree {
  readonly #roots: readonly number[];
  /** CPU of each thread ever seen, ns. */
  readonly #cpuNs = new Map<string, number>();

  constructor(roots: readonly number[]) {
    this.#roots = roots;
  }

  /** CPU used since the processes began, seconds. Only differences between two calls mean something. */
  cpuS(): number {
    for (const pid of this.#pids()) {
      for (const thread of list(`/proc/${pid}/task`)) {
        const ns = Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]);
        if (ns > 0) this.#cpuNs.set(`${pid}/${thread}`, ns);
      }
    }
    let sum = 0;
    for (const ns of this.#cpuNs.values()) sum += ns;
    return sum / 1e9;
  }

  /** Memory now. */
  memory(): TreeMemory {
    let pss = 0;
    let anonymous = 0;
    let rss = 0;
    let processes = 0;
    for (const pid of this.#pids()) {
      const memory = processMemory(pid);
      if (memory.rss === 0) continue;
      processes++;
      pss += memory.pss;
      rss += memory.rss;
      anonymous += memory.anonymous;
    }
    return { pss, anonymous, rss, processes };
  }

  #pids(): Set<number> {
    const children = new Map<number, number[]>();
    for (const name of list('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const stat = read(`/proc/${name}/stat`);
      // The program's name may hold spaces and brackets; the fields follow its last bracket.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const siblings = children.get(parent);
      if (siblings) siblings.push(Number(name));
      else children.set(parent, [Number(name)]);
    }
    const found = new Set<number>(this.#roots);
    for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child);
    return found;
  }
}

/** Memory of one process now; zeros where it has ended. */
export function processMemory(pid: number): Omit<TreeMemory, 'processes'> {
  const text = read(`/proc/${pid}/smaps_rollup`);
  return {
    pss: kilobytes(text, 'Pss'),
    rss: kilobytes(text, 'Rss'),
    anonymous: kilobytes(text, 'Pss_Anon') + kilobytes(text, 'Pss_Shmem'),
  };
}

/** CPU seconds of the whole machine so far, idle and waiting for the disk left out. */
export function machineCpuS(): number {
  const { user, nice, sys, irq } = cpus().reduce(
    (sum, { times }) => ({
      user: sum.user + times.user,
      nice: sum.nice + times.nice,
      sys: sum.sys + times.sys,
      irq: sum.irq + times.irq,
    }),
    { user: 0, nice: 0, sys: 0, irq: 0 },
  );
  return (user + nice + sys + irq) / 1000;
}

/** Cores of this machine. */
export const cores: number = availableParallelism();

/** For the heading of a table: processor, cores, kernel. */
export function describeMachine(): string {
  const kernel = read('/proc/sys/kernel/osrelease').trim().split('-')[0];
  return `${cores} cores of ${cpus()[0]?.model ?? 'an unknown processor'}, Linux ${kernel}`;
}

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
}

/** A process that has ended meanwhile reads as nothing. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
