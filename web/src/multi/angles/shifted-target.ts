/**
 * A player whose clock differs from that of the page, as if it had the clock of the page.
 * In: the player, the offset of its clock. Out: the same player on the other clock.
 */
import type { ShownFrame, SyncTarget } from '../../player/sync-target.ts';

/**
 * Shifts the positions of a player.
 *
 * @param shiftMs added to its positions, it gives those of the page; read at each use
 */
export function shiftedTarget(target: SyncTarget, shiftMs: () => number): SyncTarget {
  return {
    get frames(): readonly ShownFrame[] {
      const by = shiftMs();
      const { frames } = target;
      return by === 0 ? frames : frames.map(({ atMs, positionMs }) => ({ atMs, positionMs: positionMs + by }));
    },
    get busy() {
      return target.busy;
    },
    get waits() {
      return target.waits;
    },
    get paused() {
      return target.paused;
    },
    get pictured() {
      return target.pictured;
    },
    get ended() {
      return target.ended;
    },
    get durationMs() {
      // The end of the media is a position too.
      return target.durationMs === null ? null : target.durationMs + shiftMs();
    },
    get aheadS() {
      return target.aheadS;
    },
    get frameMs() {
      return target.frameMs;
    },
    isBuffered: (positionMs) => target.isBuffered(positionMs - shiftMs()),
    exists: (positionMs) => target.exists(positionMs - shiftMs()),
    follow: (atMs, playing, rate) => target.follow(atMs === null ? null : atMs - shiftMs(), playing, rate),
    correct: (factor) => target.correct(factor),
    ...(target.ease && { ease: (isSlow: boolean) => target.ease?.(isSlow) }),
  };
}
