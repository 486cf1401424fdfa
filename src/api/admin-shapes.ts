/**
 * The JSON of the server's state, for administrators: disk, settings, log. Times are RFC 3339 in UTC with
 * milliseconds.
 * In: http/routes. Out: web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from './type.ts';

const Steps = (description: string) => Type.Array(Type.Union([Type.Number(), Type.Null()]), { description });

/** What the process and its disk needed in the last 24 hours, since it started. */
export const SystemHistory = Type.Object(
  {
    from: Type.String({ format: 'date-time', description: 'start of the first step: RFC 3339, UTC, milliseconds' }),
    res: Type.Integer({ description: 'length of a step, seconds' }),
    cpu: Steps('percent of a core, on average; null where nothing was measured'),
    disk: Steps('bytes of the disk that are used, by other programs too; null where nothing was measured'),
  },
  { $id: 'SystemHistory' },
);
export type SystemHistory = Static<typeof SystemHistory>;

/** What is mirrored to an object store while it is recorded. */
export const MirrorView = Type.Object(
  {
    streams: Type.Integer({ description: 'that are mirrored there' }),
    behindSeconds: Type.Number({ description: 'age of the oldest recorded media that it does not have' }),
    behindBytes: Type.Integer({ description: 'of recorded files that it does not have' }),
    objects: Type.Integer({ description: 'small objects whose files are not there as a whole yet' }),
    problem: Type.Union([Type.String({ description: 'why it fails' }), Type.Null()]),
  },
  { $id: 'MirrorView' },
);
export type MirrorView = Static<typeof MirrorView>;

/** An object store. Bytes. */
export const ObjectStoreView = Type.Object(
  {
    name: Type.String({ description: 'in the settings' }),
    objects: Type.Integer({ description: 'that the index has there' }),
    bytes: Type.Integer(),
    waiting: Type.Integer({ description: 'recorded files that are old enough and not there yet' }),
    waitingBytes: Type.Integer(),
    mirror: Type.Union([MirrorView, Type.Null({ description: 'no stream is mirrored there' })]),
    problem: Type.Union([Type.String({ description: 'why it fails' }), Type.Null()]),
  },
  { $id: 'ObjectStoreView' },
);
export type ObjectStoreView = Static<typeof ObjectStoreView>;

/** A further folder of recordings (`storage.folders`). Bytes. */
export const FolderView = Type.Object(
  {
    name: Type.String(),
    path: Type.String(),
    problem: Type.Union([
      Type.String({ description: 'why it cannot be used; its streams are not recorded' }),
      Type.Null({ description: 'it is there' }),
    ]),
    free: Type.Integer(),
    total: Type.Integer(),
    hasRoom: Type.Boolean({ description: 'false: its streams are not recorded until there is more room' }),
    growth: Type.Number({ description: 'bytes per second by which the used space grew over the last day' }),
    fullInSeconds: Type.Union([
      Type.Number({ description: 'seconds until its disk is full, as measured' }),
      Type.Null({ description: 'it does not fill' }),
    ]),
  },
  { $id: 'FolderView' },
);
export type FolderView = Static<typeof FolderView>;

/** The disk of the data folder. Bytes. */
export const StorageView = Type.Object(
  {
    free: Type.Integer(),
    total: Type.Integer(),
    recordings: Type.Integer({ description: 'of all streams' }),
    hasRoom: Type.Boolean({ description: 'false: recording is paused until there is more room' }),
    growth: Type.Number({
      description: 'bytes per second by which the used space grew over the last day; negative if it shrank',
    }),
    basisSeconds: Type.Integer({ description: 'seconds that the growth is measured over, at most a day' }),
    fullInSeconds: Type.Union([
      Type.Number({
        description:
          'seconds until recordings fill the disk: they grow at their bitrate until retention limits them; what other programs write is in `growth`',
      }),
      Type.Null({ description: 'the disk is not expected to fill' }),
    ]),
    levelsAt: Type.Union([
      Type.Integer({ description: 'bytes of all recordings at which retention holds the level' }),
      Type.Null({ description: 'the disk fills before, or no recording grows' }),
    ]),
    folders: Type.Array(FolderView, { description: 'further folders of recordings' }),
    objectStores: Type.Array(ObjectStoreView, { description: 'where recordings are copied or moved to' }),
  },
  { $id: 'StorageView' },
);
export type StorageView = Static<typeof StorageView>;

/** An effective setting; secrets are `***`. */
export const SettingView = Type.Object(
  {
    path: Type.String({ description: 'key in a configuration file: `record.keep`, `streams.door`' }),
    description: Type.String({ description: 'empty for streams and sign-in providers' }),
    value: Type.String({ description: 'as written in a configuration file' }),
    origin: Type.String({ description: '`default`, `browser`, `oxbow.yaml:3`, `OXBOW_KEEP`, `--keep`, `argument`' }),
    reload: Type.Union([
      Type.Literal('live', { description: 'a running server applies a changed value' }),
      Type.Literal('restart', { description: 'the next start applies it' }),
    ]),
    waits: Type.Boolean({
      description: 'a changed value waits for the next start; `value` is the effective one',
    }),
    settable: Type.Boolean({ description: 'it can be set over the API now: no file, variable or flag sets it' }),
    defaultValue: Type.String({ description: 'as written in a configuration file; empty: none' }),
    choices: Type.Array(Type.String(), { description: 'all valid values, if they are few' }),
  },
  { $id: 'SettingView' },
);
export type SettingView = Static<typeof SettingView>;

/** Settings by path. */
export const SettingTexts = Type.Unsafe<Readonly<Record<string, string | null>>>({
  $id: 'SettingTexts',
  type: 'object',
  description: 'by path; `null`: the default',
  additionalProperties: { anyOf: [{ type: 'string', maxLength: 200 }, { type: 'null' }] },
  maxProperties: 50,
});
export type SettingTexts = Static<typeof SettingTexts>;

/** Log levels, lowest first. */
export const LogLevelView = Type.Union(
  [
    Type.Literal('trace'),
    Type.Literal('debug'),
    Type.Literal('info'),
    Type.Literal('warn'),
    Type.Literal('error'),
    Type.Literal('fatal'),
  ],
  { $id: 'LogLevelView' },
);
export type LogLevelView = Static<typeof LogLevelView>;

/** A line of the log, without secrets. */
export const LogLineView = Type.Object(
  {
    id: Type.Integer({ description: 'increases from line to line, also over restarts' }),
    at: Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' }),
    level: LogLevelView,
    stream: Type.String({ description: 'empty if the line is not about a stream' }),
    message: Type.String(),
    detail: Type.String({ description: 'all other fields, as `name=value`' }),
  },
  { $id: 'LogLineView' },
);
export type LogLineView = Static<typeof LogLineView>;
