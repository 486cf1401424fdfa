/**
 * The colour and the position of the danmaku that this viewer writes.
 * In: the picker. Out: the composer. For the time of the page.
 */
import type { DanmakuMode } from './danmaku-schedule.ts';

/** The colours that can be chosen; each is legible over a picture with its dark edge. */
export const danmakuColors = ['#ffffff', '#ff6b6b', '#ffd43b', '#69db7c', '#4dabf7', '#da77f2', '#ffa94d'] as const;
/** The positions, in the order of the picker. */
export const danmakuModes: readonly DanmakuMode[] = ['scroll', 'top', 'bottom'];

class DanmakuStyleChoice {
  color = $state<string>(danmakuColors[0]);
  mode = $state<DanmakuMode>('scroll');

  get now(): { readonly color: string; readonly mode: DanmakuMode } {
    return { color: this.color, mode: this.mode };
  }
}

/** The viewer's choice. */
export const danmakuStyle = new DanmakuStyleChoice();
