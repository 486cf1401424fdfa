/**
 * Which file of tests starts next: the longest that fits next to the running ones.
 * In: waiting and running processes, each with its weight. Out: the next one. Pure.
 */
import type { Weight } from './weights.ts';

/**
 * What a process of tests does with the network: a browser gives up its requests when the computer gets or
 * loses a network interface, so one that makes interfaces and one with a browser never run at the same time.
 */
export type NetworkUse = 'browses' | 'changes';

/** A process of tests, as the schedule uses it. */
interface Weighed {
  readonly weight: Weight;
  readonly network?: NetworkUse | undefined;
}

/** Most processes at once: each keeps some hundred megabytes. */
export const MOST_AT_ONCE = 8;

/** How much longer files take while others run at the same time, as when their weights were recorded. */
const STRETCH = 1.4;

/**
 * This many idle cores are enough for one process more than there are cores, whatever its share: those that
 * compute wait for the disk too.
 */
const LEFT_OVER = 0.4;

/** Part of one core that a process uses when nothing holds it up, 0 to the number of cores. */
export function cpuShare({ weight: { wallS, cpuS } }: Weighed): number {
  const share = cpuS / Math.max(wallS, 0.1);
  return Math.max(share, Math.min(1, share * STRETCH));
}

/**
 * The longest process that fits: the shares of all that run stay under the cores, or it needs no more than
 * was measured to be idle. One that would never fit runs alone, and one more than there are cores starts in
 * what is left over. Processes that change the network are the first ones: some browser runs until the end.
 *
 * @param waiting in any order
 * @param idleCores that nothing used, 0 to `cores`; 0 while the last process may not be busy yet
 * @returns undefined while none fits
 */
export function nextOf<T extends Weighed>(
  waiting: Iterable<T>,
  running: Iterable<Weighed>,
  cores: number,
  idleCores = 0,
): T | undefined {
  const active = [...running];
  if (active.length >= MOST_AT_ONCE) return undefined;
  const free = cores - active.reduce((sum, each) => sum + cpuShare(each), 0);
  const room = Math.max(free, idleCores);
  const mayBeOneMore = active.length === 0 || (active.length <= cores && idleCores >= LEFT_OVER);
  const fitting = [...waiting].filter(
    (each) => (mayBeOneMore || cpuShare(each) <= room) && !active.some((other) => areApart(each, other)),
  );
  const first = (each: Weighed) => Number(each.network === 'changes');
  return fitting.sort((a, b) => first(b) - first(a) || b.weight.wallS - a.weight.wallS)[0];
}

function areApart({ network: one }: Weighed, { network: other }: Weighed): boolean {
  return one !== undefined && other !== undefined && one !== other;
}
