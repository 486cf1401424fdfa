/**
 * Puts found media between recorded media.
 * In: the groups of both, each in order of time. Out: all of them in order; never two of the same time. Pure.
 */

/** Clocks are rounded: this much of two groups may be of the same time, µs. */
const SAME_US = 100_000;

/** A group with its time, µs since 1970. */
interface Placed {
  readonly startUs: number;
  readonly durationUs: number;
}

const endOf = ({ startUs, durationUs }: Placed) => startUs + durationUs;

/**
 * Can be walked repeatedly if both can. A found group in whose time the stream has recorded media is left
 * out: what the stream recorded itself, also if its file came back later, has precedence.
 */
export function inOrder<G extends Placed>(recorded: Iterable<G>, found: Iterable<G>): Iterable<G> {
  return {
    *[Symbol.iterator]() {
      const groups = recorded[Symbol.iterator]();
      let next: G | undefined = groups.next().value;
      let endUs = Number.NEGATIVE_INFINITY;
      for (const group of found) {
        while (next && next.startUs <= group.startUs) {
          endUs = endOf(next);
          yield next;
          next = groups.next().value;
        }
        const isFree = group.startUs >= endUs - SAME_US && (!next || endOf(group) <= next.startUs + SAME_US);
        if (isFree) yield group;
      }
      for (; next; next = groups.next().value) yield next;
    },
  };
}
