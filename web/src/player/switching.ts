/**
 * What is being prepared behind the picture, and when it is given up.
 * In: sources, signs of life of the deck behind, a clock. Out: the deck behind loads, or is dropped.
 */
import type { Source } from './deck.ts';
import type { Screen } from './screen.ts';

/** A switch is given up when nothing came for so long, and in any case after the longer time, milliseconds. */
const SILENT_MS = 8_000;
const LONGEST_MS = 30_000;

/** At most one switch at a time. Times are of any clock that runs on, milliseconds. */
export class Switching {
  readonly #screen: Pick<Screen, 'prepare' | 'drop'>;
  #to: Source['kind'] | null = null;
  #since = 0;
  #alive = 0;

  constructor(screen: Pick<Screen, 'prepare' | 'drop'>) {
    this.#screen = screen;
  }

  /** What is being prepared; null for nothing. */
  get to(): Source['kind'] | null {
    return this.#to;
  }

  /** Prepares a source; whatever was being prepared is thrown away. */
  begin(source: Source, play: boolean, at: number): void {
    this.#to = source.kind;
    this.#since = at;
    this.#alive = at;
    this.#screen.prepare(source, { play });
  }

  /** Something came. */
  alive(at: number): void {
    this.#alive = at;
  }

  /** It is in front now. */
  done(): void {
    this.#to = null;
  }

  /** Throws away what is being prepared. */
  drop(): void {
    if (this.#to === null) return;
    this.#to = null;
    this.#screen.drop();
  }

  /** Whether it is to be given up: nothing came for 8 s, or no picture within half a minute. */
  isOver(at: number): boolean {
    return this.#to !== null && (at - this.#alive > SILENT_MS || at - this.#since > LONGEST_MS);
  }
}
