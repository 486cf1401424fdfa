/**
 * The groups of a recording that are not in its index yet.
 * In: the recorder. Out: readers, which join them with the index.
 */

/** What is needed of a group. Times are µs since 1970. */
interface Unindexed {
  readonly msn: number;
  readonly startUs: number;
  readonly durationUs: number;
}

/** Groups in memory, until the row of their file is in the index. */
export class UnindexedGroups<G extends Unindexed> {
  #open: G[] = [];
  #endUs: number;
  /** Number of times that groups moved from memory to the index. */
  #moves = 0;
  #committed = 0;

  /** @param endUs end of the last recorded media, µs since 1970, or 0 */
  constructor(endUs: number) {
    this.#endUs = endUs;
  }

  /** End of the last recorded media, µs since 1970; 0 if there is none. */
  get endUs(): number {
    return this.#endUs;
  }

  /**
   * Groups that are not in the index yet, oldest first: those of the open file, and of files whose rows wait.
   */
  get open(): readonly G[] {
    return this.#open;
  }

  /** Groups that were committed in this process. */
  get committedCount(): number {
    return this.#committed;
  }

  /** Called when a group is committed to the open file. */
  committed(group: G): void {
    this.#committed++;
    this.#open.push(group);
    this.#endUs = Math.max(this.#endUs, group.startUs + group.durationUs);
  }

  /** Called when the groups up to `lastMsn` are in the index. */
  indexed(lastMsn: number): void {
    this.#moves++;
    this.#open = this.#open.filter((group) => group.msn > lastMsn);
  }

  /**
   * Queries the index; repeats the query if a file was indexed meanwhile. Groups that are missing in the
   * result are in `open` when this resolves; some may be in both.
   */
  async query<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      const moves = this.#moves;
      const result = await read();
      if (moves === this.#moves) return result;
    }
  }
}
