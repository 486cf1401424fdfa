/**
 * The JSON of the server's own state for whoever runs it: disk, settings, log. Times are RFC 3339 in UTC with milliseconds.
 * In: http/routes. Out: web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from './type.ts';

/** The disk that recordings lie on. Bytes. */
export const StorageView = Type.Object(
  {
    free: Type.Integer(),
    total: Type.Integer(),
    recordings: Type.Integer({ description: 'of all streams' }),
    hasRoom: Type.Boolean({ description: 'false: nothing is recorded until there is more room' }),
    growth: Type.Number({
      description: 'bytes a second by which the disk fills, over the last day; below 0 where it empties',
    }),
    fullInSeconds: Type.Union([
      Type.Number({ description: 'until nothing is free if it goes on like that' }),
      Type.Null({ description: 'it does not fill, or too little is known yet' }),
    ]),
  },
  { $id: 'StorageView' },
);
export type StorageView = Static<typeof StorageView>;

/** A setting in force; secrets are `***`. */
export const SettingView = Type.Object(
  {
    path: Type.String({ description: 'as in a file: `record.keep`, `streams.door`' }),
    value: Type.String({ description: 'as one would write it' }),
    origin: Type.String({ description: '`default`, `oxbow.yaml:3`, `OXBOW_KEEP`, `--keep`, `argument`' }),
    reload: Type.Union([
      Type.Literal('live', { description: 'a running server takes a changed value over' }),
      Type.Literal('restart', { description: 'the next start does' }),
    ]),
    waits: Type.Boolean({
      description:
        'another value was set since the start, and the next start takes it over; `value` is the one in force',
    }),
  },
  { $id: 'SettingView' },
);
export type SettingView = Static<typeof SettingView>;

/** How grave a line of the log is, from the least on. */
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
    id: Type.Integer({ description: 'rises from line to line, over restarts too' }),
    at: Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' }),
    level: LogLevelView,
    stream: Type.String({ description: 'empty where it is about none' }),
    message: Type.String(),
    detail: Type.String({ description: 'everything else, as `name=value`' }),
  },
  { $id: 'LogLineView' },
);
export type LogLineView = Static<typeof LogLineView>;
