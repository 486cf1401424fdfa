/**
 * Changes a playlist: adds, changes, moves and removes entries. Entries of others need a permission.
 * In: who does it, entries. Out: a changed playlist, or a refusal. Everyone in the room gets it.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { cleanText } from '../../../lib/text/clean-text.ts';
import { withLockedHeaders } from '../../../store/sealed/sealed-columns.ts';
import type { Room } from '../room.ts';
import type { ItemRecord } from '../room-record.ts';
import { checkLink, withoutUserInfo } from './check-link.ts';
import type { ItemPlace, NewItem } from './playlist.ts';

/** Most entries that one request adds. */
export const MAX_ADDED = 200;

/** An entry that a person adds. */
interface RequestedItem {
  /** Empty or absent: that of the media. */
  readonly name?: string;
  readonly target: ItemTarget;
  /** The folder; null or absent: the top. */
  readonly parent?: string | null;
}

/**
 * Adds entries, in their order.
 *
 * @param before an entry that they go before; null: to the end
 * @throws OxbowError `room-forbidden`, `limit-reached`, `item-unknown`, `bad-request`, `stream-unknown`,
 *   `asset-unknown`
 */
export async function addItems(
  room: Room,
  by: UserRef,
  requested: readonly RequestedItem[],
  { before = null, nowMs }: { readonly before?: string | null; readonly nowMs: number },
): Promise<readonly ItemRecord[]> {
  room.state.assertMay(by, 'addItems');
  const entries: NewItem[] = [];
  for (const { name = '', target, parent = null } of requested)
    entries.push({ ...(await checked(room, by, target, name)), parent });
  const added = room.state.playlist.add(entries, by.id, nowMs, before);
  await room.changes.items();
  return added;
}

/**
 * Changes name, target or place of an entry.
 *
 * @throws OxbowError as `addItems`
 */
export async function editItem(
  room: Room,
  by: UserRef,
  id: string,
  change: Partial<RequestedItem> & { readonly before?: string | null },
): Promise<ItemRecord> {
  const item = room.state.playlist.get(id);
  assertOwn(room, by, [item], 'editItems');
  const { name, target } = change;
  if (target !== undefined && (target.kind === 'folder') !== (item.target.kind === 'folder'))
    throw new OxbowError('bad-request', 'A folder stays a folder.');
  if (target !== undefined) {
    const whole = withHeadersOf(item.target, target);
    room.state.playlist.edit(id, await checked(room, by, whole, name ?? item.name));
    if (room.state.playback.state.item === id) room.state.playback.itemGone();
  } else if (name !== undefined) room.state.playlist.edit(id, { name: nameOf(name) || item.name });
  if (change.parent !== undefined || change.before !== undefined)
    room.state.playlist.move([id], {
      parent: change.parent === undefined ? item.parent : change.parent,
      before: change.before ?? null,
    });
  await room.changes.items();
  return room.state.playlist.get(id);
}

/**
 * The target with the headers of the one before: an editor who does not see them keeps them, but only while
 * they go to addresses to which their author sent them.
 */
function withHeadersOf(before: ItemTarget, target: ItemTarget): ItemTarget {
  if (before.kind !== 'link' || target.kind !== 'link' || target.headers) return target;
  const addressesOf = ({ url, subtitles = [] }: typeof target) => [url, ...subtitles.map((subtitle) => subtitle.url)];
  const addresses = new Set(addressesOf(before));
  const isSame = target.url === before.url && addressesOf(target).every((url) => addresses.has(url));
  if (!isSame) return target;
  return before.headers ? { ...target, headers: before.headers } : withLockedHeaders(target, before);
}

/** Moves entries into a folder, before an entry or to the end. */
export async function moveItems(room: Room, by: UserRef, ids: readonly string[], place: ItemPlace): Promise<void> {
  const items = ids.map((id) => room.state.playlist.get(id));
  assertOwn(room, by, items, 'editItems');
  room.state.playlist.move([...new Set(ids)], place);
  await room.changes.items();
}

/** Removes entries, folders with everything in them; undefined: all. */
export async function removeItems(room: Room, by: UserRef, ids: readonly string[] | undefined): Promise<void> {
  const named = ids?.map((id) => room.state.playlist.get(id));
  const items = named
    ? [...named, ...named.flatMap(({ id }) => room.state.playlist.within(id))]
    : room.state.playlist.all;
  assertOwn(room, by, items, 'deleteItems');
  room.state.playlist.remove(items.map(({ id }) => id));
  await room.changes.items();
}

function assertOwn(room: Room, by: UserRef, items: readonly ItemRecord[], needed: 'editItems' | 'deleteItems'): void {
  if (!items.every(({ addedBy }) => addedBy === by.id)) room.state.assertMay(by, needed);
}

async function checked(room: Room, by: UserRef, input: ItemTarget, name: string): Promise<Omit<NewItem, 'parent'>> {
  const target = withoutUserInfo(input);
  if (target.kind === 'link') checkLink(target);
  const { name: ofMedia, signed } = await room.state.media.check(target, by);
  const shown = nameOf(name) || nameOf(ofMedia) || (target.kind === 'link' ? hostOf(target.url) : '');
  if (shown === '') throw new OxbowError('bad-request', 'The entry needs a name.');
  return { name: shown, target, signed };
}

const nameOf = (name: string): string => cleanText(name, { isOneLine: true }).trim().slice(0, 256);

const hostOf = (url: string): string => URL.parse(url)?.host ?? '';
