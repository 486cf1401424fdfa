/**
 * How busy the machine is: a run starts no further process while its cores have nothing left, whatever the
 * recorded weights say.
 * In: CPU times of the system. Out: the idle share since the last look.
 */
import { cpus } from 'node:os';

/** CPU time of all cores, ms since the system started. */
interface CpuTime {
  /** CPU time of programs of a lower priority (nice) counts as idle: they give way. */
  readonly idleMs: number;
  readonly allMs: number;
}

function readCpuTime(): CpuTime {
  const cores = cpus().map(({ times }) => times);
  const sum = (of: (times: (typeof cores)[number]) => number) => cores.reduce((total, core) => total + of(core), 0);
  return {
    idleMs: sum(({ idle, nice }) => idle + nice),
    allMs: sum((core) => Object.values(core).reduce((a, b) => a + b, 0)),
  };
}

/** Measures between two looks. */
export class IdleWatch {
  readonly #read: () => CpuTime;
  #last: CpuTime;

  /** @param read CPU times; tests pass theirs */
  constructor(read = readCpuTime) {
    this.#read = read;
    this.#last = read();
  }

  /** Idle part of all cores since the last look, 0 to 1; 1 if no time has passed. */
  look(): number {
    const now = this.#read();
    const passedMs = now.allMs - this.#last.allMs;
    const share = passedMs <= 0 ? 1 : (now.idleMs - this.#last.idleMs) / passedMs;
    this.#last = now;
    return share;
  }
}
