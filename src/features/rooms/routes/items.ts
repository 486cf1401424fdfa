/**
 * Routes of the playlist of a room.
 * In: entries, places. Out: RoomItem.
 */

import { ItemTarget, RoomItem } from '../../../api/room/item-shapes.ts';
import { Type } from '../../../api/type.ts';
import { IdParams } from '../../../http/route/page-query.ts';
import type { FeatureRoute } from '../../feature.ts';
import type { RoomParts } from '../parts.ts';
import { addItems, editItem, MAX_ADDED, moveItems, removeItems } from '../playlist/edit-playlist.ts';
import { readRoom } from './room-reader.ts';
import { row } from './row.ts';

const Id = Type.String({ maxLength: 64 });
const Name = Type.String({ maxLength: 256, description: 'empty: that of the media' });
const Parent = Type.Union([Id, Type.Null()], { description: 'id of the folder; null: the top' });
const Before = Type.Union([Id, Type.Null()], { description: 'id of the entry that follows; null: at the end' });
const ItemList = Type.Object({ items: Type.Array(RoomItem), nextCursor: Type.Null() }, { $id: 'RoomItemList' });
const NewItems = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        { name: Type.Optional(Name), target: ItemTarget, parent: Type.Optional(Parent) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: MAX_ADDED },
    ),
    before: Type.Optional(Before),
  },
  { $id: 'NewRoomItems', additionalProperties: false },
);
const ItemPatch = Type.Object(
  {
    name: Type.Optional(Name),
    target: Type.Optional(ItemTarget),
    parent: Type.Optional(Parent),
    before: Type.Optional(Before),
  },
  { $id: 'RoomItemPatch', additionalProperties: false },
);
const Move = Type.Object(
  { items: Type.Array(Id, { minItems: 1, maxItems: MAX_ADDED }), parent: Parent, before: Before },
  { $id: 'RoomItemMove', additionalProperties: false },
);
const RoomAndItem = Type.Object({ ...IdParams.properties, item: Id });

/** The rows. */
export const roomItemRoutes: readonly FeatureRoute<RoomParts>[] = [
  row({
    method: 'GET',
    path: '/api/v1/rooms/:id/items',
    tag: 'rooms',
    access: 'person',
    sentence: 'Lists the playlist of a room in its order. Needs the permission `list`.',
    params: IdParams,
    replies: { 200: ItemList },
    async answer(call, parts) {
      const { room, user } = await readRoom(call, parts);
      room.state.assertMay(user, 'list');
      return { body: { items: room.state.views.items(user), nextCursor: null } };
    },
  }),
  row({
    method: 'POST',
    path: '/api/v1/rooms/:id/items',
    tag: 'rooms',
    access: 'self',
    sentence: `Adds up to ${MAX_ADDED} entries to the playlist, in their order. Needs the permission \`addItems\`; streams and assets must be ones that their author may watch.`,
    params: IdParams,
    body: NewItems,
    replies: { 201: ItemList },
    repeatable: true,
    async answer(call, parts, { clock }) {
      const { room, user } = await readRoom(call, parts);
      const { items, before = null } = call.body;
      const added = await addItems(room, user, items, { before, nowMs: clock.nowMs() });
      return { status: 201, body: { items: added.map((item) => room.state.views.item(item, user)), nextCursor: null } };
    },
  }),
  row({
    method: 'PATCH',
    path: '/api/v1/rooms/:id/items/:item',
    tag: 'rooms',
    access: 'self',
    sentence: 'Changes name, target or place of an entry. Entries of others need the permission `editItems`.',
    params: RoomAndItem,
    body: ItemPatch,
    replies: { 200: RoomItem },
    async answer(call, parts) {
      const { room, user } = await readRoom(call, parts);
      return { body: room.state.views.item(await editItem(room, user, call.params.item, call.body), user) };
    },
  }),
  row({
    method: 'POST',
    path: '/api/v1/rooms/:id/items/move',
    tag: 'rooms',
    access: 'self',
    sentence:
      'Moves entries into a folder, before an entry or to its end. Entries of others need the permission `editItems`.',
    params: IdParams,
    body: Move,
    replies: { 204: undefined },
    async answer(call, parts) {
      const { room, user } = await readRoom(call, parts);
      const { items, parent, before } = call.body;
      await moveItems(room, user, items, { parent, before });
      return { status: 204 };
    },
  }),
  row({
    method: 'DELETE',
    path: '/api/v1/rooms/:id/items/:item',
    tag: 'rooms',
    access: 'self',
    sentence: 'Removes an entry, a folder with everything in it. Entries of others need the permission `deleteItems`.',
    params: RoomAndItem,
    replies: { 204: undefined },
    async answer(call, parts) {
      const { room, user } = await readRoom(call, parts);
      await removeItems(room, user, [call.params.item]);
      return { status: 204 };
    },
  }),
  row({
    method: 'DELETE',
    path: '/api/v1/rooms/:id/items',
    tag: 'rooms',
    access: 'self',
    sentence: 'Removes all entries. Entries of others need the permission `deleteItems`.',
    params: IdParams,
    replies: { 204: undefined },
    async answer(call, parts) {
      const { room, user } = await readRoom(call, parts);
      await removeItems(room, user, undefined);
      return { status: 204 };
    },
  }),
];
