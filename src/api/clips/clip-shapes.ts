/**
 * The JSON of clips. Times are RFC 3339 in UTC with milliseconds, durations and positions seconds.
 * In: http/routes. Out: web/, OpenAPI, other people's programs.
 */
import type { Static } from 'typebox';
import { StreamView } from '../shapes.ts';
import { MAX_TITLE } from '../stream/stream-texts.ts';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const instantForms = 'Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC.';
const Title = Type.String({ maxLength: MAX_TITLE, description: 'may be empty' });
const Confirm = Type.Optional(
  Type.Boolean({ description: 'required where the clip is open to more people than its restricted stream' }),
);

/** Who may watch a clip; its stream has a separate one. */
export const ClipVisibility = Type.Union([
  Type.Literal('public', { description: 'listed; anyone may watch' }),
  Type.Literal('unlisted', { description: 'not listed; anyone with its address may watch' }),
  Type.Literal('signed', { description: 'its owner, users who may watch signed streams, and playback tokens' }),
  Type.Literal('private', { description: 'its owner, administrators and playback tokens' }),
]);

export const ClipView = Type.Object(
  {
    id: Type.String(),
    stream: StreamView.properties.name,
    title: Title,
    from: Time,
    to: Time,
    durationS: Type.Number({ description: 'length of the marked span' }),
    visibility: ClipVisibility,
    createdAt: Time,
    createdBy: Type.Union([Type.String(), Type.Null()], {
      description: 'name of the user; null for the administrator of the command line, programs and deleted users',
    }),
    url: Type.String({ description: 'path of its page' }),
    media: Type.Object({
      file: Type.String({ description: 'path of the MP4 file; with `?download` it has a name' }),
      startS: Type.Number({
        description: 'where the marked span begins in the file, which begins at the key frame before it',
      }),
      endS: Type.Number({ description: 'where it ends in the file' }),
      preview: Type.String({ description: 'path of a picture of its start' }),
      sizeBytes: Type.Integer({
        description: 'of the file without its evidence; less than at the end while `to` is still being recorded',
      }),
    }),
    mayChange: Type.Boolean({ description: 'the caller may change and delete it' }),
  },
  { $id: 'ClipView' },
);
export type ClipView = Static<typeof ClipView>;

/** Body of POST /clips. */
export const NewClip = Type.Object(
  {
    stream: Type.String({ maxLength: 64, description: 'name of the stream' }),
    from: Type.String({ maxLength: 64, description: instantForms }),
    to: Type.String({ maxLength: 64, description: `${instantForms} Or a duration after \`from\`: 90s, 15m.` }),
    title: Type.Optional(Title),
    visibility: Type.Optional(ClipVisibility),
    confirm: Confirm,
  },
  { $id: 'NewClip', additionalProperties: false },
);
export type NewClip = Static<typeof NewClip>;

/** Body of PATCH /clips/{id}: members that are not sent stay. */
export const ClipPatch = Type.Object(
  { title: Type.Optional(Title), visibility: Type.Optional(ClipVisibility), confirm: Confirm },
  { $id: 'ClipPatch', additionalProperties: false },
);
export type ClipPatch = Static<typeof ClipPatch>;

/** Query of GET /clips. */
export const ClipListQuery = Type.Object(
  {
    stream: Type.Optional(Type.String({ maxLength: 64, description: 'only clips of this stream' })),
    limit: Type.Optional(
      Type.String({ pattern: '^[1-9][0-9]{0,2}$', description: 'clips per page, 50 if not given, at most 200' }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 80, description: '`nextCursor` of the answer before this one' })),
  },
  { additionalProperties: false },
);
export type ClipListQuery = Static<typeof ClipListQuery>;

/** Clips of a page: where the query says nothing, and at most. */
export const clipsPerPage = { usual: 50, most: 200 } as const;

/** A page of clips. */
export const ClipList = Type.Object(
  { items: Type.Array(ClipView), nextCursor: Type.Union([Type.String(), Type.Null()]) },
  { $id: 'ClipList' },
);
export type ClipList = Static<typeof ClipList>;
