/**
 * CPU and memory of processes and all their descendants, from Linux' /proc.
 * In: process ids. Out: CPU seconds and bytes. CPU is counted per thread in nanoseconds; a thread that has
 * ended keeps its last value.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

/** Memory of a tree at one instant, bytes. */
export interface TreeMemory {
  /** Proportional set size: shared pages are divided among the processes that share them. */
  readonly pss: number;
  /** The part of the PSS that is not backed by a file: heaps, stacks, shared buffers. */
  readonly anonymous: number;
  /** Resident set size: shared pages count once per process. */
  readonly rss: number;
}

/** Watches processes and their children. */
export class ProcessTree {
  readonly #roots: readonly number[];
  /** CPU of each thread ever seen, ns. */
  readonly #cpuNs = new Map<string, number>();

  constructor(roots: readonly number[]) {
    this.#roots = roots;
  }

  /** CPU since an arbitrary start, seconds; use the difference of two calls. */
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
    const sum = { pss: 0, anonymous: 0, rss: 0 };
    for (const pid of this.#pids()) {
      const { pss, anonymous, rss } = processMemory(pid);
      sum.pss += pss;
      sum.anonymous += anonymous;
      sum.rss += rss;
    }
    return sum;
  }

  #pids(): Set<number> {
    const children = new Map<number, number[]>();
    for (const name of list('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const stat = read(`/proc/${name}/stat`);
      // The name of the program may contain spaces and brackets; the fields follow the last bracket.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const siblings = children.get(parent);
      if (siblings) siblings.push(Number(name));
      else children.set(parent, [Number(name)]);
    }
    const pids = new Set<number>(this.#roots);
    for (const pid of pids) for (const child of children.get(pid) ?? []) pids.add(child);
    return pids;
  }
}

/** Memory of one process now; zeros if it has ended. */
export function processMemory(pid: number): TreeMemory {
  const text = read(`/proc/${pid}/smaps_rollup`);
  return {
    pss: kilobytes(text, 'Pss'),
    rss: kilobytes(text, 'Rss'),
    anonymous: kilobytes(text, 'Pss_Anon') + kilobytes(text, 'Pss_Shmem'),
  };
}

/**
 * Resident bytes of the heap that the C library extends with brk(2): blocks below its threshold, and larger
 * ones where its free memory has room; 0 if the process has ended.
 */
export function libraryHeap(pid: number): number {
  const heap = /^[\da-f]+-[\da-f]+ [^\n]* \[heap\]\n(?:[A-Z]\w+: .*\n)*?Rss:\s+(\d+) kB/m;
  return Number(heap.exec(read(`/proc/${pid}/smaps`))?.[1] ?? 0) * 1024;
}

/** CPU seconds of the whole machine so far, without idle and disk waits. */
export function machineCpuS(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0) / 1000;
}

/** Cores of this machine. */
export const cores: number = availableParallelism();

/** Cores, processor and kernel, for the heading of a report. */
export function describeMachine(): string {
  const kernel = read('/proc/sys/kernel/osrelease').trim().split('-')[0];
  return `${cores} cores of ${cpus()[0]?.model ?? 'an unknown processor'}, Linux ${kernel}`;
}

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
}

/** Text of a file; empty if its process has ended. */
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
