/**
 * The words for the people that a room waits for.
 * In: the room as its member sees it. Out: a sentence.
 */
import { preferences, t } from '../../viewer/preferences.svelte.ts';
import { presentIn, type RoomSnapshot } from '../session/room-snapshot.ts';
import { awaitedOf } from './notices.ts';

/** The name of a member; of one that is not known, "Someone". */
export function memberName({ members }: RoomSnapshot, user: string): string {
  return members.find((member) => member.user === user)?.name ?? t('rooms.someone');
}

/** The people that the room waits for, in a sentence; empty if it does not wait. */
export function waitingText(view: RoomSnapshot): string {
  const { waitingFor } = view.state;
  if (!waitingFor?.length) return '';
  const you = view.you?.user;
  const { all, named, others } = awaitedOf(waitingFor, you, presentIn(view));
  if (all) return t('rooms.did.waitsForAll');
  const words = named.map((user) => (user === you ? t('rooms.did.you') : memberName(view, user)));
  if (others > 0) words.push(t('rooms.did.others', { count: others }));
  const list = new Intl.ListFormat(preferences.language, { type: 'conjunction' });
  return t('rooms.did.waitsFor', { names: list.format(words) });
}
