/**
 * Performs the actions of keys.
 * In: the name of an action. Out: requests to the player, calls of the page.
 */
import { nextRate } from './choice-text.ts';
import type { KeyAction } from './keys.ts';
import type { SteppingMediator } from './mediator.ts';

/** What actions need of a player. */
export interface ActionMedia extends SteppingMediator {
  goToFirst(): void;
}

/** What actions need of the page. A page without a function has no key for it. */
interface ActionPage {
  toggleFullscreen(): void;
  toggleTheatre?(): void;
  openHelp?(): void;
  openClips?(): void;
  /** Marks a clip that ends at the shown moment. */
  makeClip?(): void;
  /** Marks the shown moment as the start or the end of a clip. */
  mark?(edge: 'from' | 'to'): void;
  addMarker?(): void;
  /** Opens the choice of a time. */
  goToTime?(): void;
  /** Goes to the next marker, protected span or gap, or the previous one. */
  goToPoint?(forward: boolean): void;
  /** Called if there are no subtitles to switch on. */
  noSubtitles?(): void;
}

/** The function of each action; undefined: this player has none. */
export type KeyActions = Readonly<Partial<Record<KeyAction, (() => void) | undefined>>>;

const LOUDER = 0.05;

/** The function of each action. */
export function createActions(media: ActionMedia, page: ActionPage): KeyActions {
  const { mark, goToPoint } = page;
  let lastSubtitle: string | null = null;
  const louder = (by: number) => {
    const { muted, volume } = media.player;
    media.controls.setVolume(Math.min(1, Math.max(0, (muted ? 0 : volume) + by)));
  };
  const rate = (by: 1 | -1) => media.controls.setRate(nextRate(media.player.rate, by));
  const subtitles = () => {
    const { subtitle, subtitles: tracks } = media.player;
    if (tracks.length === 0) return page.noSubtitles?.();
    if (subtitle !== null) lastSubtitle = subtitle;
    const on = tracks.find(({ id }) => id === lastSubtitle) ?? tracks[0]!;
    media.controls.setSubtitle(subtitle === null ? on.id : null);
  };
  return {
    play: () => media.controls.togglePlay(),
    'frame-back': () => media.controls.stepFrame(-1),
    'frame-forward': () => media.controls.stepFrame(1),
    slower: () => rate(-1),
    faster: () => rate(1),
    'back-5': () => media.step(-5),
    'forward-5': () => media.step(5),
    'back-10': () => media.step(-10),
    'forward-10': () => media.step(10),
    'back-60': () => media.step(-60),
    'forward-60': () => media.step(60),
    oldest: () => media.goToFirst(),
    'point-back': goToPoint && (() => goToPoint(false)),
    'point-forward': goToPoint && (() => goToPoint(true)),
    'go-to-time': page.goToTime,
    'catch-up': () => media.controls.catchUp?.(),
    live: () => media.controls.goLive(),
    mute: () => media.controls.toggleMuted(),
    louder: () => louder(LOUDER),
    quieter: () => louder(-LOUDER),
    fullscreen: page.toggleFullscreen,
    theatre: page.toggleTheatre,
    picture: () => media.controls.togglePicture(),
    subtitles,
    clip: page.makeClip,
    'clip-from': mark && (() => mark('from')),
    'clip-to': mark && (() => mark('to')),
    clips: page.openClips,
    marker: page.addMarker,
    help: page.openHelp,
  };
}
