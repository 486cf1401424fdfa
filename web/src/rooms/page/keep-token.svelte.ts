/**
 * Keeps the playback token of an entry: the room sends a new address before the token of the last one ends.
 * In: the address of the entry that plays. Out: the token of all requests for its media; a player that failed with the old one tries again.
 */
import { untrack } from 'svelte';
import { renewWatchToken } from '../../api/server.ts';
import type { RoomMedia } from './room-media.svelte.ts';

/** Follows the address until the component ends; call it while a component is created. */
export function keepToken(media: Pick<RoomMedia, 'player' | 'controls'>, address: () => string): void {
  let known = address();
  renewWatchToken(known);
  $effect(() => {
    const now = address();
    if (now === known) return;
    known = now;
    renewWatchToken(now);
    // A laptop that slept: its requests were refused in between.
    if (untrack(() => media.player.failure)) media.controls.again();
  });
}
