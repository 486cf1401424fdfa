/**
 * Where each danmaku is at a position of the media. It depends only on the position, so a pause stops them,
 * a seek and another speed move them, without timers.
 * In: danmaku with their widths, the size of the picture, the position. Out: lane and place of those that are
 * visible. Pure.
 */

/** How a danmaku is shown. */
export type DanmakuMode = 'scroll' | 'top' | 'bottom';

/** A danmaku with its size on the screen. */
export interface Placed {
  readonly seq: number;
  /** Position in the media, ms. */
  readonly atMs: number;
  readonly mode: DanmakuMode;
  /** Pixels. */
  readonly width: number;
}

/** The picture and the settings. */
export interface Screen {
  /** Pixels. */
  readonly width: number;
  readonly lanes: number;
  /** How long each is visible, ms of media time. */
  readonly stayMs: number;
  /** At most this many at a time. */
  readonly most: number;
}

/** Where a danmaku is. */
interface Spot {
  readonly seq: number;
  readonly mode: DanmakuMode;
  /** From 0, at the top; of `bottom` from the bottom. */
  readonly lane: number;
  /** Pixels from the left edge of the picture to that of the danmaku. */
  readonly x: number;
}

/**
 * The left edge of a danmaku.
 *
 * @param sinceMs media time since its position
 */
export function placeOf({ mode, width }: Pick<Placed, 'mode' | 'width'>, sinceMs: number, screen: Screen): number {
  if (mode !== 'scroll') return (screen.width - width) / 2;
  return screen.width - ((screen.width + width) * sinceMs) / screen.stayMs;
}

/** Whether `next` runs into `last`, which is ahead of it in the same lane. */
function collides(last: Placed, next: Placed, screen: Screen): boolean {
  if (last.mode !== 'scroll' || next.mode !== 'scroll') return next.atMs < last.atMs + screen.stayMs;
  const gap = Math.max(24, screen.width * 0.02);
  const behind = next.atMs - last.atMs;
  // Its end must have entered the picture when the next one begins; the next must not reach it before it has
  // left.
  if (placeOf(last, behind, screen) + last.width + gap > screen.width) return true;
  return placeOf(next, screen.stayMs - behind, screen) < 0;
}

/** Most lanes that those at the top have for themselves: a third of all, at most. */
const MAX_OWN = 3;
/**
 * After this much media without one at the top, those that move use its lanes too where no other is free, ms.
 */
const QUIET_MS = 30_000;

/** Chooses a lane for each danmaku, once: those that are visible stay where they are. */
export class DanmakuLanes {
  readonly #lanes = new Map<number, number>();
  /** The last danmaku of each lane, by mode. */
  readonly #last: Record<DanmakuMode, (Placed | undefined)[]> = { scroll: [], top: [], bottom: [] };
  #screen: Screen;
  #atMs = Number.NEGATIVE_INFINITY;
  /** Position of the newest one at the top. */
  #topMs = Number.NEGATIVE_INFINITY;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Begins again: after a seek, or with another screen. */
  reset(screen: Screen = this.#screen): void {
    this.#screen = screen;
    this.#lanes.clear();
    for (const mode of ['scroll', 'top', 'bottom'] as const) this.#last[mode] = [];
    this.#atMs = Number.NEGATIVE_INFINITY;
    this.#topMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * The visible ones.
   *
   * @param danmaku in the order of their positions
   * @param atMs position of the media
   */
  at(danmaku: readonly Placed[], atMs: number): readonly Spot[] {
    const screen = this.#screen;
    if (atMs < this.#atMs) this.reset();
    this.#atMs = atMs;
    const spots: Spot[] = [];
    const seen = new Set<number>();
    for (const message of danmaku) {
      const sinceMs = atMs - message.atMs;
      if (sinceMs < 0 || sinceMs >= screen.stayMs) continue;
      seen.add(message.seq);
      if (message.mode === 'top') this.#topMs = Math.max(this.#topMs, message.atMs);
      let lane = this.#lanes.get(message.seq);
      if (lane === undefined) {
        lane = spots.length < screen.most ? this.#freeLane(message) : -1;
        // One at the top appears as soon as those that move have left a lane.
        if (lane >= 0 || message.mode !== 'top') this.#lanes.set(message.seq, lane);
        if (lane >= 0) this.#last[message.mode][lane] = message;
      }
      if (lane >= 0) spots.push({ seq: message.seq, mode: message.mode, lane, x: placeOf(message, sinceMs, screen) });
    }
    for (const seq of this.#lanes.keys()) if (!seen.has(seq)) this.#lanes.delete(seq);
    return spots;
  }

  /** The first lane in which it collides with nothing; -1: there is none. */
  #freeLane(message: Placed): number {
    const { lanes, stayMs } = this.#screen;
    // Those that stand still are in at most half of the picture.
    const end = message.mode === 'scroll' ? lanes : Math.max(1, Math.floor(lanes / 2));
    const reserved = message.mode === 'scroll' ? Math.min(MAX_OWN, Math.floor(lanes / 3)) : 0;
    // At the top those that move and those that do not never share a lane.
    const isFree = (lane: number) => {
      const { scroll, top } = this.#last;
      if (message.mode === 'top')
        return [scroll, top].every(({ [lane]: last }) => !last || this.#atMs >= last.atMs + stayMs);
      const last = this.#last[message.mode][lane];
      if (last && last.atMs <= message.atMs && collides(last, message, this.#screen)) return false;
      return message.mode === 'bottom' || message.atMs >= (top[lane]?.atMs ?? Number.NEGATIVE_INFINITY) + stayMs;
    };
    for (let lane = reserved; lane < end; lane++) if (isFree(lane)) return lane;
    if (message.atMs >= this.#topMs + QUIET_MS)
      for (let lane = 0; lane < reserved; lane++) if (isFree(lane)) return lane;
    return -1;
  }
}

/** What a viewer does not want to see. */
export interface DanmakuFilter {
  readonly mutedUsers: readonly string[];
  readonly words: readonly string[];
}

/** Whether a danmaku is hidden. */
export function isFiltered(
  { author, text }: { readonly author: string; readonly text: string },
  { mutedUsers, words }: DanmakuFilter,
): boolean {
  if (author !== '' && mutedUsers.includes(author)) return true;
  const lower = text.toLowerCase();
  return words.some((word) => word !== '' && lower.includes(word.toLowerCase()));
}
