/**
 * The tile that is heard, as the controls of a player.
 * In: the tiles of a page. Out: controls and a snapshot for components that are made for one player.
 */
import { idle, type PlayerControls, type Snapshot } from '../player/snapshot.ts';
import { preferences } from '../watch/player-preferences.svelte.ts';
import { nullPlayer } from '../watch/session.svelte.ts';
import type { Tiles } from './tiles.svelte.ts';

/**
 * Sound, volume and picture in picture. All else does nothing: the tiles follow the common time, and choose
 * their quality by their size.
 */
export function soundControls(tiles: Tiles): PlayerControls {
  return {
    ...nullPlayer,
    toggleMuted: () => tiles.setSound(!tiles.hasSound),
    setVolume: (volume) => tiles.setVolume(volume),
    togglePicture: () => tiles.focused?.togglePicture(),
  };
}

/** The tile that is heard, as the only player of the page. @param common what all tiles share */
export function snapshotOf(
  tiles: Tiles,
  common: Pick<Snapshot, 'shownMs' | 'behindMs' | 'atEdge' | 'paused'>,
): Snapshot {
  const player = tiles.focused?.player ?? idle;
  return { ...player, ...common, muted: !tiles.hasSound, volume: preferences.volume, qualities: [], quality: null };
}
