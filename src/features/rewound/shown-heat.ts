/**
 * What was watched again, as viewers request it: the answers are kept for a moment, because all viewers of a
 * stream request the same ranges. Bounded memory.
 * In: insight. Out: RewoundView.
 */
import type { InsightApi, InsightRange } from '../../api/insight/insight-api.ts';
import type { WatchHeat } from '../../api/insight/insight-shapes.ts';
import type { RewoundView } from '../../api/rewound/rewound-shapes.ts';
import type { Clock } from '../../lib/clock.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';

/** An answer is sent again for this long, ms: sessions are stored by the minute. */
const KEPT_MS = 30_000;
/** Answers that are kept; each has at most a thousand steps. */
const MAX_KEPT = 200;

interface KeptAnswer {
  readonly atMs: number;
  readonly answer: Promise<RewoundView>;
}

/** The answers of all streams. */
export class ShownHeat {
  readonly #insight: () => Pick<InsightApi, 'heat'>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** By stream, range and step; the oldest first. */
  readonly #kept = new Map<string, KeptAnswer>();

  /** @param insight read at each request: it opens later */
  constructor(insight: () => Pick<InsightApi, 'heat'>, clock: Pick<Clock, 'monotonicMs'>) {
    this.#insight = insight;
    this.#clock = clock;
  }

  /**
   * The shares of a range of the media.
   *
   * @param stepS length of a step, seconds; 0: chosen by the range
   * @throws OxbowError `stream-unknown`, `not-ready`
   */
  read(stream: string, range: InsightRange, stepS: number): Promise<RewoundView> {
    const nowMs = this.#clock.monotonicMs();
    const key = `${stream} ${range.fromMs} ${range.toMs} ${stepS}`;
    const kept = this.#kept.get(key);
    if (kept && nowMs - kept.atMs < KEPT_MS) return kept.answer;
    const answer = this.#insight().heat(stream, range, stepS, 1).then(sharesOf);
    this.#kept.delete(key);
    this.#kept.set(key, { atMs: nowMs, answer });
    dropOldest(this.#kept, MAX_KEPT);
    answer.catch(() => this.#kept.delete(key)); // a failure is not kept; the caller reports it
    return answer;
  }
}

/** Shares of the hottest step. */
function sharesOf({ from, to, step, items }: WatchHeat): RewoundView {
  const most = items.reduce((highest, { watched }) => Math.max(highest, watched), 0);
  return {
    from,
    to,
    step,
    items: items
      .filter(({ watched }) => watched > 0)
      .map(({ at, watched }) => ({ at, share: Math.round((1000 * watched) / most) / 1000 })),
  };
}
