/**
 * The keys of the multi-view page: those of the watch page that concern all tiles, and keys for tiles.
 * In: a key press. Out: the place that a digit hears, the list in the help.
 */
import { activePlayer } from '../media/active-player.svelte.ts';
import { focusOf, type KeyGroup } from '../media/keys.ts';
import { preferences } from '../media/preferences.svelte.ts';
import { MOST_TILES } from './layout.ts';
import type { Tiles } from './tiles.svelte.ts';

/** The place that a digit hears, from 0; undefined for other keys. @param key as in a KeyboardEvent */
export function placeOfKey(key: string): number | undefined {
  const place = /^[1-9]$/.test(key) ? Number(key) - 1 : MOST_TILES;
  return place < MOST_TILES ? place : undefined;
}

/**
 * Hears the tile of a digit.
 *
 * @param frame of the tiles; omitted: they are the only player
 */
export function pressPlace(event: KeyboardEvent, tiles: Pick<Tiles, 'hear'>, frame?: HTMLElement): void {
  const { target, key, ctrlKey, metaKey, altKey } = event;
  if (event.defaultPrevented || ctrlKey || metaKey || altKey || !preferences.keys) return;
  if (frame && !activePlayer.handlesKey(frame, target)) return;
  if (target instanceof Element && focusOf(target as HTMLElement) === 'field') return;
  const place = placeOfKey(key);
  if (place === undefined) return;
  tiles.hear(place);
  event.preventDefault();
}

/** The help, in groups. */
export const multiKeyHelp: readonly KeyGroup[] = [
  {
    title: 'multi.streams',
    rows: [
      { keys: ['1', '…', '9'], text: 'keys.hear' },
      { keys: ['Tab', '←', '→'], text: 'keys.tile' },
      { keys: ['Enter'], text: 'keys.hearTile' },
      { keys: ['⇧ ←', '⇧ →'], text: 'keys.swap' },
    ],
  },
  {
    title: 'keys.playing',
    rows: [
      { keys: ['Space', 'K'], text: 'keys.play' },
      { keys: ['J', 'L'], text: 'keys.ten' },
      { keys: ['←', '→'], text: 'keys.five' },
      { keys: ['⇧ ←', '⇧ →'], text: 'keys.minute' },
      { keys: ['End', 'G'], text: 'keys.live' },
      { keys: ['Home'], text: 'keys.oldest' },
    ],
  },
  {
    title: 'keys.audioVideo',
    rows: [
      { keys: ['M'], text: 'keys.mute' },
      { keys: ['↑', '↓'], text: 'keys.volume' },
      { keys: ['F'], text: 'keys.fullscreen' },
      { keys: ['P'], text: 'keys.picture' },
      { keys: ['?'], text: 'keys.help' },
    ],
  },
];
