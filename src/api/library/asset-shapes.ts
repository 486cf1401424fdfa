/**
 * The JSON of assets. Times are RFC 3339 in UTC with milliseconds, durations and positions seconds.
 * In: http/routes. Out: web/, the command line, OpenAPI, other people's programs.
 */

import type { Static } from 'typebox';
import { WatchRuleSettings } from '../access/watch-rules-shapes.ts';
import { encryptionSetting, SegmentEncryption } from '../stream/encryption-shapes.ts';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const TimeOrNull = Type.Union([Time, Type.Null()]);
const JsonObject = Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object', additionalProperties: true });
const TextOrNull = Type.Union([Type.String(), Type.Null()]);
const Failure = Type.Union([Type.Object({ code: Type.String(), detail: Type.String() }), Type.Null()]);
const Address = (description: string) => Type.Union([Type.String({ description }), Type.Null()]);

const Title = Type.String({ maxLength: 200 });
const Description = Type.String({ maxLength: 5000 });
const Tags = Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { maxItems: 30 });
const Rules = Type.Union([WatchRuleSettings, Type.Null()], {
  description: 'who may watch by network and country; null: as in the setting `watchRules`',
});
const Position = Type.Number({ minimum: 0, description: 'seconds from the start of the asset' });

const Flag = Type.Union([Type.Literal('true'), Type.Literal('false')], { description: 'default: `false`' });

/** Who may watch an asset. */
export const AssetVisibility = Type.Union([
  Type.Literal('public', { description: 'listed for everyone' }),
  Type.Literal('unlisted', { description: 'everyone who has its address' }),
  Type.Literal('private', { description: 'its owner and administrators, and holders of a playback token' }),
]);

export const AssetState = Type.Union([
  Type.Literal('uploading'),
  Type.Literal('processing'),
  Type.Literal('ready'),
  Type.Literal('failed'),
]);

export const AssetRenditionView = Type.Object(
  {
    id: Type.String({ description: '`source` has the tracks of the original; others are encoded' }),
    state: Type.String({ description: '`queued`, `running`, `done`, `failed`' }),
    progress: Type.Number({ description: '0 to 1' }),
    error: Failure,
  },
  { $id: 'AssetRenditionView' },
);
export type AssetRenditionView = Static<typeof AssetRenditionView>;

export const AssetSubtitleView = Type.Object(
  {
    id: Type.String({ description: 'name of the rendition, e.g. `s1001-de`' }),
    language: Type.String({ description: 'BCP 47 or ISO 639-2; `und` when unknown' }),
    title: Type.String({ description: 'may be empty' }),
    default: Type.Boolean({ description: 'marked as the usual ones' }),
    forced: Type.Boolean({ description: 'for viewers who understand what is spoken' }),
    origin: Type.Union([Type.Literal('original'), Type.Literal('upload')]),
    cues: Type.Integer(),
    charset: Type.Union([Type.String({ description: 'of the uploaded file' }), Type.Null()]),
    vtt: Address('path of the whole WebVTT file; null while the asset cannot be played'),
    ass: Address('path of the script of ASS; null of other formats'),
  },
  { $id: 'AssetSubtitleView' },
);
export type AssetSubtitleView = Static<typeof AssetSubtitleView>;

/** The kind of an added subtitle file. */
export const SubtitleQuery = Type.Object(
  {
    language: Type.String({
      maxLength: 24,
      pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$',
      description: 'BCP 47, e.g. `de` or `zh-Hans`; `und` when unknown',
    }),
    title: Type.Optional(
      Type.String({ maxLength: 100, description: 'for the menu of players; default: the language' }),
    ),
    default: Type.Optional(Flag),
    forced: Type.Optional(Flag),
    charset: Type.Optional(
      Type.String({
        maxLength: 40,
        description: 'character set of the file, e.g. `windows-1251`; default: found by content',
      }),
    ),
  },
  { additionalProperties: false },
);
export type SubtitleQuery = Static<typeof SubtitleQuery>;

const AssetChapterView = Type.Object({ at: Position, title: Type.String() });

export const AssetView = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    description: Type.String(),
    tags: Type.Array(Type.String()),
    encryption: Type.Optional(SegmentEncryption),
    visibility: AssetVisibility,
    owner: Type.Union([Type.String({ description: '`admin`, or `token:` with the id of an API token' }), Type.Null()], {
      description: 'null for clients that may only watch',
    }),
    origin: Type.Union([Type.Literal('upload'), Type.Literal('recording')]),
    state: AssetState,
    error: Failure,
    /** What uploads and the import know; null for clients that may only watch. */
    filename: TextOrNull,
    bytes: Type.Union([Type.Integer({ description: 'of the original' }), Type.Null()]),
    sha256: TextOrNull,
    contentType: TextOrNull,
    seconds: Type.Union([Type.Number(), Type.Null()]),
    /** Codecs, tracks, loudness and more, as the import found them; null for clients that may only watch. */
    facts: Type.Union([JsonObject, Type.Null()]),
    recording: Type.Union([Type.Object({ stream: Type.String(), from: Time, to: Time }), Type.Null()]),
    upload: Type.Union(
      [
        Type.Object({
          id: Type.String(),
          received: Type.Integer(),
          length: Type.Union([Type.Integer(), Type.Null()]),
          expiresAt: Time,
        }),
        Type.Null(),
      ],
      { description: 'while its bytes arrive' },
    ),
    renditions: Type.Array(AssetRenditionView),
    subtitles: Type.Array(AssetSubtitleView),
    chapters: Type.Array(AssetChapterView),
    /** Counts the changes of its media. */
    revision: Type.Integer(),
    createdAt: Time,
    changedAt: Time,
    deletedAt: TimeOrNull,
    /** When it is deleted from the trash. */
    expiresAt: TimeOrNull,
    hls: Address(
      'path of the Multivariant Playlist; of a private asset with a playback token; null while nothing can be played',
    ),
    dash: Address('path of the DASH manifest'),
    poster: Address('path of a JPEG; null without a picture'),
    storyboard: Address('path of a WebVTT file that names pictures within sheets'),
    chapterFile: Address('path of a WebVTT file with the chapters; null without any'),
    download: Address('path of the best rendition as one MP4 file'),
    original: Address('path of the file as it was uploaded; null for clients that may only watch'),
    posterAt: Type.Union([Position, Type.Null()], { description: 'null: the middle' }),
  },
  { $id: 'AssetView' },
);
export type AssetView = Static<typeof AssetView>;

/** A page of assets. */
export const AssetList = Type.Object(
  { items: Type.Array(AssetView), nextCursor: Type.Union([Type.String(), Type.Null()]) },
  { $id: 'AssetList' },
);
export type AssetList = Static<typeof AssetList>;

/** A change of an asset. */
export const AssetPatch = Type.Object(
  {
    title: Type.Optional(Title),
    description: Type.Optional(Description),
    tags: Type.Optional(Tags),
    visibility: Type.Optional(AssetVisibility),
    watchRules: Type.Optional(Rules),
    encryption: encryptionSetting,
    posterAt: Type.Optional(Type.Union([Position, Type.Null()])),
  },
  { $id: 'AssetPatch', additionalProperties: false },
);
export type AssetPatch = Static<typeof AssetPatch>;

/** An asset of a range of a recording. */
export const NewRecordedAsset = Type.Object(
  {
    stream: Type.String({ maxLength: 64 }),
    from: Type.String({
      maxLength: 64,
      description: 'unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC',
    }),
    to: Type.String({ maxLength: 64, description: 'the same, or a duration from `from`, e.g. 90s' }),
    title: Type.Optional(Title),
    description: Type.Optional(Description),
    tags: Type.Optional(Tags),
    visibility: Type.Optional(AssetVisibility),
    watchRules: Type.Optional(
      Type.Union([WatchRuleSettings, Type.Null()], {
        description:
          'who may watch by network and country; default: the rules of the stream; null: as in the setting `watchRules`',
      }),
    ),
  },
  { $id: 'NewRecordedAsset', additionalProperties: false },
);
export type NewRecordedAsset = Static<typeof NewRecordedAsset>;

export const AssetListQuery = Type.Object(
  {
    query: Type.Optional(
      Type.String({
        maxLength: 200,
        description: 'words of title, description, tags and file name, or their beginnings',
      }),
    ),
    tag: Type.Optional(Type.String({ maxLength: 50 })),
    state: Type.Optional(AssetState),
    owner: Type.Optional(Type.String({ maxLength: 80 })),
    visibility: Type.Optional(AssetVisibility),
    trash: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], { description: 'those in the trash' }),
    ),
    sort: Type.Optional(
      Type.String({
        enum: ['created', '-created', 'title', '-title', 'duration', '-duration', 'bytes', '-bytes'],
        description: 'with `-`: newest or largest first. Default: `-created`',
      }),
    ),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$', description: 'assets per page, at most 200' })),
    cursor: Type.Optional(Type.String({ maxLength: 1500, description: '`nextCursor` of the answer before this one' })),
  },
  { additionalProperties: false },
);
export type AssetListQuery = Static<typeof AssetListQuery>;
