/**
 * Keeps the playback tokens of an entry: the room sends new addresses before the tokens of the last ones end.
 * In: the addresses of the entry that plays. Out: the tokens of all requests for its media; a player that
 * failed with an old one tries again.
 */
import { untrack } from 'svelte';
import { renewWatchToken } from '../../api/server.ts';
import type { RoomMedia } from './room-media.svelte.ts';

/** Follows the addresses until the component ends; call it while a component is created. */
export function keepTokens(
  media: Pick<RoomMedia, 'player' | 'controls'>,
  addresses: () => readonly (string | null)[],
): void {
  const renew = () => {
    for (const address of addresses()) renewWatchToken(address ?? '');
    return addresses().join(' ');
  };
  let token = renew();
  $effect(() => {
    const now = renew();
    if (now === token) return;
    token = now;
    // A laptop that slept: its requests were refused in between.
    if (untrack(() => media.player.failure)) media.controls.again();
  });
}
