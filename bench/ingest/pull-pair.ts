/**
 * `npm run bench -- pull-pair`: recording live HLS pulls by this tree and by another one at the same time,
 * from one origin, so that both meet the same load of other programs.
 * In: the launcher of the other tree. Out: a table of the CPU, by kinds of threads.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder } from '../../test/fixtures/server.ts';
import type { Durations } from '../measure.ts';
import { makeBenchMedia } from '../media.ts';
import { openBenchOrigin } from '../origin.ts';
import { cores, describeMachine, machineCpuS, ProcessTree } from '../process-tree.ts';
import { launcher, type Recorders, startFfmpeg, startOxbow, startOxbowOf } from '../recorders.ts';
import { mib, printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';

/** Options of `bench pull-pair`. */
interface PairOptions extends Durations {
  readonly streams: number;
  /** Absolute path of the other tree's launcher. */
  readonly against: string;
  /** Without ffmpeg. */
  readonly alone: boolean;
}

/** Kinds of threads of an oxbow. */
export const KINDS = ['main thread', 'helpers of V8', 'file threads', 'other threads', 'other processes'] as const;
type Kind = (typeof KINDS)[number];

/** CPU of a server and its children so far, by kinds of threads, seconds. */
export class ThreadCpu {
  readonly #pid: number;
  readonly #tree: ProcessTree;
  readonly #ofThreads = new Map<string, { readonly kind: Kind; s: number }>();

  constructor(pid: number) {
    this.#pid = pid;
    this.#tree = new ProcessTree([pid]);
  }

  /** @returns the sum, and of each kind in the order of `KINDS` */
  read(): readonly number[] {
    const folder = `/proc/${this.#pid}/task`;
    for (const thread of readdirSync(folder)) {
      const s = Number(readFileSync(`${folder}/${thread}/schedstat`, 'latin1').split(' ')[0]) / 1e9;
      const name = readFileSync(`${folder}/${thread}/comm`, 'latin1').trim();
      this.#ofThreads.set(thread, { kind: kindOf(Number(thread) === this.#pid, name), s });
    }
    const all = this.#tree.cpuS();
    const sums = KINDS.map((kind) =>
      [...this.#ofThreads.values()].reduce((sum, thread) => sum + (thread.kind === kind ? thread.s : 0), 0),
    );
    const ownS = sums.reduce((sum, s) => sum + s, 0);
    return [all, ...sums.slice(0, -1), all - ownS];
  }

  /** Memory now, bytes. */
  get pss(): number {
    return this.#tree.memory().pss;
  }
}

function kindOf(isMain: boolean, name: string): Kind {
  if (isMain) return 'main thread';
  if (name.startsWith('V8Worker')) return 'helpers of V8';
  return name.startsWith('libuv-worker') ? 'file threads' : 'other threads';
}

/** Measures both trees, and ffmpeg, once. Returns the report. */
export async function benchPullPair({ streams, against, alone, warmUpS, measureS }: PairOptions): Promise<string> {
  say('encoding the media');
  const media = makeBenchMedia(warmUpS + measureS + orTiny(30, 16));
  await using folder = await openFolder('bench-pair');
  await using origin = await openBenchOrigin({ segments: media.segments, streams });
  await using stack = new AsyncDisposableStack();
  const programs = [
    ['other tree', (urls: readonly string[], path: string) => startOxbowOf(against, urls, path)],
    ['this tree', startOxbow],
    ...(alone ? [] : [['ffmpeg', startFfmpeg] as const]),
  ] as const;
  const recorders: { readonly name: string; readonly made: Recorders; readonly cpu: readonly ThreadCpu[] }[] = [];
  for (const [name, start] of programs) {
    const path = join(folder.path, String(recorders.length));
    await mkdir(path);
    const made = stack.use(await start(origin.urls, path));
    recorders.push({ name, made, cpu: made.pids.map((pid) => new ThreadCpu(pid)) });
  }
  say(`${streams} streams, ${warmUpS} s + ${measureS} s`);
  await pause(1000 * warmUpS);
  const read = () => recorders.map(({ cpu }) => cpu.map((each) => each.read()));
  const [fromS, machineS] = [performance.now() / 1000, machineCpuS()];
  const from = read();
  await pause(1000 * measureS);
  const to = read();
  const tookS = performance.now() / 1000 - fromS;
  const percent = (100 * (machineCpuS() - machineS)) / tookS / cores;
  const rows: string[][] = [];
  for (const [k, { name, made, cpu }] of recorders.entries()) {
    const sums = [0, ...KINDS.map(() => 0)].map((_, kind) =>
      to[k]!.reduce((sum, each, program) => sum + each[kind]! - from[k]![program]![kind]!, 0),
    );
    const shares = sums.map((s) => ((100 * s) / tookS / streams).toFixed(4));
    const pss = cpu.reduce((sum, each) => sum + each.pss, 0);
    rows.push([
      name,
      ...(name === 'ffmpeg' ? [shares[0]!, ...KINDS.map(() => '')] : shares),
      mib(pss),
      await made.problems(),
    ]);
  }
  const about = `${describeMachine()}, ${percent.toFixed(0)} % of it in use; ${streams} HLS pulls; ${launcher} beside ${against}; % of a core for each stream`;
  return `${about}\n\n${printTable(['', 'all', ...KINDS, 'PSS, MiB', 'problems'], rows)}`;
}
