/**
 * Media servers elsewhere that a user has connected, and their entries, as JSON.
 * In: features/rooms/routes. Out: web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** Kinds of media servers; `alist` is OpenList too. */
export const MediaServerKind = Type.Union([
  Type.Literal('webdav'),
  Type.Literal('jellyfin'),
  Type.Literal('emby'),
  Type.Literal('alist'),
  Type.Literal('bilibili'),
]);
export type MediaServerKind = Static<typeof MediaServerKind>;

/** A connected server, without its secrets. */
export const MediaServerView = Type.Object(
  {
    id: Type.String(),
    kind: MediaServerKind,
    name: Type.String(),
    url: Type.String(),
    createdAt: Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' }),
  },
  { $id: 'MediaServerView' },
);
export type MediaServerView = Static<typeof MediaServerView>;

/** An entry of a folder. */
export const MediaServerEntry = Type.Object(
  {
    id: Type.String({ description: '`entry` of a playlist entry, or `folder` of the next list' }),
    name: Type.String(),
    isFolder: Type.Boolean(),
    duration: Type.Optional(Type.Number({ description: 'seconds' })),
    size: Type.Optional(Type.Number({ description: 'bytes' })),
  },
  { $id: 'MediaServerEntry' },
);
export type MediaServerEntry = Static<typeof MediaServerEntry>;

/** Where a player loads a playlist entry from. */
export const ItemSource = Type.Object(
  {
    url: Type.String({ description: 'an address elsewhere, or of the media proxy of this server' }),
    type: Type.Union([Type.Literal('hls'), Type.Literal('dash'), Type.Literal('file')]),
    live: Type.Boolean(),
    subtitles: Type.Array(Type.Object({ name: Type.String(), url: Type.String({ description: 'WebVTT' }) })),
  },
  { $id: 'ItemSource' },
);
export type ItemSource = Static<typeof ItemSource>;
