/**
 * The parts of a room that its first picture of a stream does not need: they load after what it needs.
 * In: nothing. Out: components, for Inside.
 */

/** Each returns the same module every time. */
export const parts = {
  file: () => import('./page/FilePart.svelte'),
  elsewhere: () => import('./page/ElsewherePart.svelte'),
  playlist: () => import('./playlist/Playlist.svelte'),
  call: () => import('./call/CallArea.svelte'),
  members: () => import('./members/MemberList.svelte'),
};

/** Begins to load all of them; what fails is tried again where it is needed. */
export function loadParts(): void {
  for (const load of Object.values(parts)) load().catch(() => {});
}
