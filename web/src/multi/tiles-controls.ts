/**
 * The tile that is heard, as the controls of a player.
 * In: the tiles of a page. Out: controls and a snapshot for components that are made for one player.
 */
import { preferences } from '../media/preferences.svelte.ts';
import { type MediaRequests, noRequests } from '../media/requests.ts';
import { idle, type MediaState } from '../media/state.ts';
import type { Tiles } from './tiles.svelte.ts';

/**
 * Sound, volume and picture in picture. All else does nothing: the tiles follow the common time, and choose
 * their quality by their size.
 */
export function soundControls(tiles: Tiles): MediaRequests {
  return {
    ...noRequests,
    toggleMuted: () => tiles.setSound(!tiles.hasSound),
    setVolume: (volume) => {
      preferences.volume = volume;
      tiles.setSound(volume > 0);
    },
    togglePicture: () => tiles.focused?.togglePicture(),
  };
}

/** The tile that is heard, as the only player of the page. @param common what all tiles share */
export function snapshotOf(
  tiles: Tiles,
  common: Pick<MediaState, 'shownMs' | 'behindMs' | 'atEdge' | 'paused'>,
): MediaState {
  const player = tiles.focused?.player ?? idle;
  return { ...player, ...common, muted: !tiles.hasSound, volume: preferences.volume, qualities: [], quality: null };
}

/** A finger shows and hides controls that cover the pictures; a mouse shows them when it moves. */
export function tapTiles(event: MouseEvent, toggleControls: (() => void) | null): void {
  const isTouch = event instanceof PointerEvent && event.pointerType === 'touch';
  const isPicture = event.target instanceof Element && event.target.closest('.menu') === null;
  if (isTouch && isPicture) toggleControls?.();
}
