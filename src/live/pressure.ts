/**
 * How full the bounded buffers of a live stream are, in levels, and what its sinks have lost.
 * In: bytes of inboxes, GOP buffers and memory budgets. Out: levels that change rarely; views for metrics,
 * events and the API: `SinkList.pressure()`. docs/architecture.md "Pressure". Pure.
 */

/** The highest of these percentages of its bound that a buffer has reached; 0 below 25 %. */
export type PressureLevel = 0 | 25 | 50 | 75 | 90;

const LEVELS: readonly PressureLevel[] = [0, 25, 50, 75, 90];
/**
 * A level is left this many percent of the bound below where it was reached, so that a level does not
 * flutter.
 */
const HYSTERESIS = 5;

/** The level of one buffer. */
export class PressureGauge {
  readonly #maxBytes: number;
  #index = 0;
  /** The level changes at `#upBytes` or more, and below `#downBytes`. */
  #upBytes = 0;
  #downBytes = 0;

  /** @param maxBytes the bound; 0 or Infinity has no level */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#enter(0);
  }

  get level(): PressureLevel {
    return LEVELS[this.#index]!;
  }

  /** Takes the bytes of the buffer; returns whether the level has changed. */
  set(bytes: number): boolean {
    if (bytes < this.#upBytes && bytes >= this.#downBytes) return false;
    let index = this.#index;
    while (index < LEVELS.length - 1 && bytes >= this.#bytesOf(index + 1)) index++;
    while (index > 0 && bytes < this.#bytesOf(index) - (HYSTERESIS * this.#maxBytes) / 100) index--;
    const isChanged = index !== this.#index;
    this.#enter(index);
    return isChanged;
  }

  #enter(index: number): void {
    this.#index = index;
    this.#upBytes = index < LEVELS.length - 1 ? this.#bytesOf(index + 1) : Number.POSITIVE_INFINITY;
    this.#downBytes = index > 0 ? this.#bytesOf(index) - (HYSTERESIS * this.#maxBytes) / 100 : 0;
  }

  #bytesOf(index: number): number {
    const bytes = (LEVELS[index]! * this.#maxBytes) / 100;
    return bytes > 0 ? bytes : Number.POSITIVE_INFINITY;
  }
}

/**
 * Why a sink lost frames. `slow`: its queue was full, so its oldest GOP was dropped. `gop-too-large`: the GOP
 * in progress alone filled the queue, and lost its end. `memory`: a ceiling of memory, per stream or in
 * total, was reached.
 */
export type LossCause = 'slow' | 'gop-too-large' | 'memory';

/** GOPs and frames that a sink dropped. */
export interface Loss {
  readonly gops: number;
  readonly frames: number;
}

/** One sink of a stream. */
export interface SinkView {
  /** The same for all sinks of a kind. */
  readonly name: string;
  /** Bytes that wait, and the bound; both 0 for a sink without a queue. */
  readonly queuedBytes: number;
  readonly maxBytes: number;
  readonly level: PressureLevel;
  /** It waits for the next key frame: it was attached in mid-GOP, or dropped the current one. */
  readonly waitsForKeyFrame: boolean;
  /** Dropped since it was attached, by cause. */
  readonly lost: Readonly<Record<LossCause, Loss>>;
}

/** The GOP buffer of a stream. */
export interface GopBufferView {
  /** It exists only while it has users. */
  readonly isKept: boolean;
  readonly bytes: number;
  readonly frames: number;
  /** The GOP in progress included. */
  readonly gops: number;
  /** From the first kept frame to the last one, seconds. */
  readonly seconds: number;
  /** The GOP in progress exceeded its bounds: sinks that come now wait for the next key frame. */
  readonly isTooLarge: boolean;
}

/** Bytes against a ceiling. */
export interface BudgetView {
  readonly bytes: number;
  readonly maxBytes: number;
  readonly level: PressureLevel;
}

/** How full the buffers of a stream are. */
export interface StreamPressure {
  /** The highest level of its sinks, of the stream's memory and of the memory of all streams. */
  readonly level: PressureLevel;
  /** Frames that wait in the sinks and the GOP buffer of this stream. */
  readonly memory: BudgetView;
  /** Of all streams. */
  readonly totalMemory: BudgetView;
  readonly gop: GopBufferView;
  /** In the order in which they were attached. */
  readonly sinks: readonly SinkView[];
}

/** The pressure of a stream; its level is the highest of all. */
export function pressureOf(
  { level, view: memory, total }: { level: PressureLevel; view: BudgetView; total: { view: BudgetView } },
  gop: GopBufferView,
  sinks: readonly SinkView[],
): StreamPressure {
  const levels = [level, ...sinks.map((sink) => sink.level)];
  const highest = LEVELS.findLast((each) => levels.includes(each)) ?? 0;
  return { level: highest, memory, totalMemory: total.view, gop, sinks };
}
