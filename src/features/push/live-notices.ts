/**
 * Decides when a stream counts as "live now": not after a short gap, and not because this program started
 * again.
 * In: events of streams. Out: yes or no. Pure but for its clock.
 */

/** A stream that is back within this time has not begun again, ms. */
export const QUIET_MS = 600_000;
/** Streams that are remembered; beyond it the one that changed longest ago is forgotten. */
const MAX_STREAMS = 10_000;

/** What is known about a stream, on a monotonic clock, ms. */
interface Known {
  readonly isLive: boolean;
  /** At another node, which may end without a word. */
  readonly isElsewhere?: boolean;
  /** When it changed. */
  readonly atMs: number;
  /** When it was reported last. */
  readonly reportedMs: number | undefined;
}

export class LiveNotices {
  readonly #nowMs: () => number;
  readonly #startedMs: number;
  readonly #known = new Map<string, Known>();

  /** @param nowMs a clock that never steps, ms */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
  }

  /** The stream is live no more, for now or for good. */
  away(stream: string): void {
    const known = this.#known.get(stream);
    if (known?.isLive === false) return;
    this.#keep(stream, { isLive: false, atMs: this.#nowMs(), reportedMs: known?.reportedMs });
  }

  /** The stream is live at another node, which reports it: if it is taken over here, it is not new. */
  liveElsewhere(stream: string): void {
    const nowMs = this.#nowMs();
    this.#keep(stream, { isLive: true, isElsewhere: true, atMs: nowMs, reportedMs: nowMs });
  }

  /**
   * The stream is live. Returns whether to report it.
   *
   * @param past.recordedAgoMs how long ago the newest recorded media before it ended, ms; undefined: nothing
   *   is recorded
   * @param past.isNew the stream was created since this program started
   */
  live(
    stream: string,
    { recordedAgoMs, isNew }: { readonly recordedAgoMs: number | undefined; readonly isNew: boolean },
  ): boolean {
    const nowMs = this.#nowMs();
    const known = this.#known.get(stream);
    const isOver = known?.isElsewhere === true && recordedAgoMs !== undefined && recordedAgoMs >= QUIET_MS;
    const isBack = known !== undefined && ((known.isLive && !isOver) || nowMs - known.atMs < QUIET_MS);
    const wasReported = known?.reportedMs !== undefined && nowMs - known.reportedMs < QUIET_MS;
    // Of a stream without recordings, what was before the start of the program is unknown. One that is new
    // but recorded already was live at another node.
    const isRestart =
      known === undefined &&
      (recordedAgoMs === undefined ? !isNew && nowMs - this.#startedMs < QUIET_MS / 5 : recordedAgoMs < QUIET_MS);
    const isReported = !isBack && !wasReported && !isRestart;
    this.#keep(stream, { isLive: true, atMs: nowMs, reportedMs: isReported ? nowMs : known?.reportedMs });
    return isReported;
  }

  /** The stream was deleted: one with its name is another one. */
  forget(stream: string): void {
    this.#known.delete(stream);
  }

  #keep(stream: string, known: Known): void {
    this.#known.delete(stream);
    this.#known.set(stream, known);
    if (this.#known.size <= MAX_STREAMS) return;
    const [oldest] = this.#known.keys();
    this.#known.delete(oldest!);
  }
}
