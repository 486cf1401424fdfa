/**
 * Routes of media servers that people connect, and of the media of playlist entries that is not of this
 * server.
 * In: sign-ins, folders. Out: MediaServerView, MediaServerEntry, ItemSource.
 */

import { printRfc3339 } from '../../../api/instant.ts';
import {
  ItemSource,
  MediaServerEntry,
  MediaServerKind,
  MediaServerView,
} from '../../../api/room/media-server-shapes.ts';
import { Type } from '../../../api/type.ts';
import { IdParams } from '../../../http/route/page-query.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { FeatureRoute } from '../../feature.ts';
import type { RoomParts } from '../parts.ts';
import type { MediaServer } from '../providers/media-servers.ts';
import { readRoom, userOf } from './room-reader.ts';
import { row } from './row.ts';

const ServerList = Type.Object(
  { items: Type.Array(MediaServerView), nextCursor: Type.Null() },
  { $id: 'MediaServerList' },
);
const EntryList = Type.Object(
  { items: Type.Array(MediaServerEntry), nextCursor: Type.Union([Type.String(), Type.Null()]) },
  { $id: 'MediaServerEntryList' },
);
const NewServer = Type.Object(
  {
    kind: MediaServerKind,
    name: Type.Optional(Type.String({ maxLength: 100, description: 'default: the host' })),
    url: Type.Optional(Type.String({ maxLength: 2048, description: 'http or https; not needed for `bilibili`' })),
    username: Type.Optional(Type.String({ maxLength: 256 })),
    password: Type.Optional(Type.String({ maxLength: 2048, description: 'for `bilibili`: the cookie SESSDATA' })),
  },
  { $id: 'NewMediaServer', additionalProperties: false },
);
const ServerPatch = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    username: Type.Optional(Type.String({ maxLength: 256 })),
    password: Type.Optional(Type.String({ maxLength: 2048, description: 'signs in again, with `username`' })),
  },
  { $id: 'MediaServerPatch', additionalProperties: false },
);
const EntryQuery = Type.Object({
  folder: Type.Optional(Type.String({ maxLength: 2048, description: 'id of an entry; default: the top' })),
  cursor: Type.Optional(Type.String({ maxLength: 64 })),
});
const RoomAndItem = Type.Object({ ...IdParams.properties, item: Type.String({ maxLength: 64 }) });

function view({ id, kind, name, url, createdMs }: MediaServer): MediaServerView {
  return { id, kind, name, url, createdAt: printRfc3339(createdMs) };
}

/** The rows. */
export const mediaServerRoutes: readonly FeatureRoute<RoomParts>[] = [
  row({
    method: 'GET',
    path: '/api/v1/media-servers',
    tag: 'rooms',
    access: 'user',
    sentence: 'Lists the media servers that the caller has connected, oldest first.',
    replies: { 200: ServerList },
    async answer(call, { mediaServers }) {
      return { body: { items: (await mediaServers.list(userOf(call).id)).map(view), nextCursor: null } };
    },
  }),
  row({
    method: 'POST',
    path: '/api/v1/media-servers',
    tag: 'rooms',
    access: 'user',
    sentence:
      'Connects a media server: signs in there and keeps the sign-in, encrypted. Private addresses need `net.allow`.',
    body: NewServer,
    replies: { 201: MediaServerView },
    async answer(call, { mediaServers }) {
      const { kind, name = '', url = '', username = '', password = '' } = call.body;
      const server = await mediaServers.connect(userOf(call).id, { kind, name, url, username, password }, call);
      return { status: 201, headers: { location: `/api/v1/media-servers/${server.id}` }, body: view(server) };
    },
  }),
  row({
    method: 'PATCH',
    path: '/api/v1/media-servers/:id',
    tag: 'rooms',
    access: 'user',
    sentence: 'Renames a media server, or signs in there again; entries of it in playlists stay.',
    params: IdParams,
    body: ServerPatch,
    replies: { 200: MediaServerView },
    async answer(call, { mediaServers }) {
      const { name, username = '', password } = call.body;
      const change = {
        ...(name !== undefined && { name }),
        ...(password !== undefined && { login: { username, password } }),
      };
      return { body: view(await mediaServers.update(userOf(call).id, call.params.id, change, call)) };
    },
  }),
  row({
    method: 'DELETE',
    path: '/api/v1/media-servers/:id',
    tag: 'rooms',
    access: 'user',
    sentence: 'Forgets a media server; entries of it in playlists no longer play.',
    params: IdParams,
    replies: { 204: undefined },
    async answer(call, { mediaServers }) {
      await mediaServers.remove(userOf(call).id, call.params.id);
      return { status: 204 };
    },
  }),
  row({
    method: 'GET',
    path: '/api/v1/media-servers/:id/entries',
    tag: 'rooms',
    access: 'user',
    sentence: 'Lists a folder of a media server of the caller.',
    params: IdParams,
    query: EntryQuery,
    replies: { 200: EntryList },
    async answer(call, { mediaServers }) {
      const { folder = '', cursor } = call.query;
      const page = await mediaServers.entries(userOf(call).id, call.params.id, { folder, cursor }, call);
      return { body: { items: [...page.entries], nextCursor: page.next ?? null } };
    },
  }),
  row({
    method: 'GET',
    path: '/api/v1/rooms/:id/items/:item/source',
    tag: 'rooms',
    access: 'person',
    sentence:
      'Returns where a player loads an entry from that is a link or an entry of a media server, with its subtitles. Needs the permission `list`, except for the entry that plays.',
    params: RoomAndItem,
    replies: { 200: ItemSource },
    async answer(call, parts) {
      const { room, user } = await readRoom(call, parts);
      if (room.state.playback.state.item !== call.params.item) room.state.assertMay(user, 'list');
      const source = await parts.itemSource(room.state.record.id, room.state.playlist.get(call.params.item));
      if (!source)
        throw new OxbowError('bad-request', 'The entry is media of this server: `address` of the entry has it.');
      return { body: source };
    },
  }),
];
