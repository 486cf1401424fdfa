/**
 * Performs the actions of keys.
 * In: the name of an action. Out: calls of the player and the page.
 */

import { nextRate } from './choice-text.ts';
import type { KeyAction } from './keys.ts';
import type { MediaRequests } from './requests.ts';
import type { MediaState } from './state.ts';

/** What actions need of a watch session. */
export interface ActionSession {
  readonly player: MediaState;
  readonly controls: MediaRequests;
  step(bySeconds: number): void;
  mark(edge: 'from' | 'to'): void;
  goToFirst(): void;
}

/** What actions need of the page. */
export interface ActionPage {
  toggleFullscreen(): void;
  /** Omitted: the page has no theatre mode. */
  toggleTheatre?(): void;
  openHelp(): void;
  openClips(): void;
  /** Marks a clip that ends at the shown moment. */
  makeClip(): void;
  addMarker(): void;
  /** Opens the choice of a time. */
  goToTime(): void;
  /** Goes to the next marker, protected span or gap, or the previous one. */
  goToPoint(forward: boolean): void;
  /** Called if there are no subtitles to switch on. */
  noSubtitles(): void;
}

const LOUDER = 0.05;

/** The function of each action. */
export function createActions(session: ActionSession, page: ActionPage): Record<KeyAction, () => void> {
  let lastSubtitle: string | null = null;
  const louder = (by: number) => {
    const { muted, volume } = session.player;
    session.controls.setVolume(Math.min(1, Math.max(0, (muted ? 0 : volume) + by)));
  };
  const rate = (by: 1 | -1) => session.controls.setRate(nextRate(session.player.rate, by));
  const subtitles = () => {
    const { subtitle, subtitles: all } = session.player;
    if (all.length === 0) return page.noSubtitles();
    if (subtitle !== null) lastSubtitle = subtitle;
    const on = all.find(({ id }) => id === lastSubtitle) ?? all[0]!;
    session.controls.setSubtitle(subtitle === null ? on.id : null);
  };
  return {
    play: () => session.controls.togglePlay(),
    'frame-back': () => session.controls.stepFrame(-1),
    'frame-forward': () => session.controls.stepFrame(1),
    slower: () => rate(-1),
    faster: () => rate(1),
    'back-5': () => session.step(-5),
    'forward-5': () => session.step(5),
    'back-10': () => session.step(-10),
    'forward-10': () => session.step(10),
    'back-60': () => session.step(-60),
    'forward-60': () => session.step(60),
    oldest: () => session.goToFirst(),
    'point-back': () => page.goToPoint(false),
    'point-forward': () => page.goToPoint(true),
    'go-to-time': () => page.goToTime(),
    'catch-up': () => session.controls.catchUp?.(),
    live: () => session.controls.goLive(),
    mute: () => session.controls.toggleMuted(),
    louder: () => louder(LOUDER),
    quieter: () => louder(-LOUDER),
    fullscreen: () => page.toggleFullscreen(),
    theatre: () => page.toggleTheatre?.(),
    picture: () => session.controls.togglePicture(),
    subtitles,
    clip: () => page.makeClip(),
    'clip-from': () => session.mark('from'),
    'clip-to': () => session.mark('to'),
    clips: () => page.openClips(),
    marker: () => page.addMarker(),
    help: () => page.openHelp(),
  };
}
