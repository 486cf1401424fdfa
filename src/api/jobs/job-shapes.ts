/**
 * The JSON of jobs and exports. Times are RFC 3339 in UTC with milliseconds, durations seconds.
 * In: http/routes. Out: web/, the command line, OpenAPI, other people's programs.
 */

import { type GapCause, gapCauses } from '@oxbow/media/gap';
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const JsonObject = Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object', additionalProperties: true });
const AtInFile = Type.Number({ description: 'seconds from the start of the file' });

const RangeStart = Type.String({
  maxLength: 64,
  description: 'unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC',
});
const RangeEnd = Type.String({ maxLength: 64, description: 'the same, or a duration from `from`, e.g. 90s' });

/** The request of an export. */
export const ExportSettings = Type.Object(
  {
    stream: Type.String({ maxLength: 64 }),
    from: Type.Optional(RangeStart),
    to: Type.Optional(RangeEnd),
    ranges: Type.Optional(
      Type.Array(Type.Object({ from: RangeStart, to: RangeEnd }, { additionalProperties: false }), {
        minItems: 1,
        maxItems: 100,
        description: 'instead of `from` and `to`: several ranges, which follow each other in the file in this order',
      }),
    ),
    format: Type.Optional(Type.Union([Type.Literal('mp4'), Type.Literal('mkv'), Type.Literal('ts')])),
    exact: Type.Optional(
      Type.Boolean({
        description: 'cut at the exact frame: frames at both ends are encoded again. Otherwise at key frames',
      }),
    ),
    quality: Type.Optional(
      Type.String({
        maxLength: 32,
        description:
          'height such as `720p`, height and bit rate such as `720p:2M`, or `audio`: the pictures are encoded again, never larger than they are. Otherwise they are copied',
      }),
    ),
  },
  { $id: 'ExportSettings', additionalProperties: false },
);
export type ExportSettings = Static<typeof ExportSettings>;

export const ExportResult = Type.Object(
  {
    url: Type.Union([Type.String({ description: 'path of the file' }), Type.Null()]),
    filename: Type.String(),
    from: Time,
    to: Time,
    seconds: Type.Number(),
    bytes: Type.Integer(),
    /** Spans of continuous media. */
    parts: Type.Array(Type.Object({ at: AtInFile, from: Time, to: Time })),
    /** Missing media: the file continues without it at `at`. */
    gaps: Type.Array(
      Type.Object({
        at: AtInFile,
        from: Time,
        to: Time,
        cause: Type.Unsafe<GapCause | 'offline' | 'deleted'>(
          Type.String({ enum: [...gapCauses, 'offline', 'deleted'] }),
        ),
        detail: Type.String(),
      }),
    ),
    /** Frames that were encoded again; 0 unless `exact` or `quality` was set. */
    recoded: Type.Integer(),
    evidence: Type.Optional(
      Type.Union([Type.Literal('inside'), Type.Literal('apart'), Type.Null()], {
        description:
          'where the evidence is that the recording is complete and unchanged: in the file, or at `/api/v1/exports/ID/evidence`',
      }),
    ),
    streamId: Type.Optional(Type.String({ description: 'with evidence apart: id of the stream, which its chain has' })),
    digest: Type.Optional(
      Type.String({ description: 'with evidence apart: SHA-256 of the SHA-256 of each 4 MiB of the file, base64url' }),
    ),
  },
  { $id: 'ExportResult' },
);
export type ExportResult = Static<typeof ExportResult>;

/** An address of the file of an export that needs no admin token. */
export const ExportTicket = Type.Object(
  { url: Type.String({ description: 'path of the file; anyone who has it can fetch it' }), expiresAt: Time },
  { $id: 'ExportTicket' },
);
export type ExportTicket = Static<typeof ExportTicket>;

/** A unit of background work of any kind. */
export const JobView = Type.Object(
  {
    id: Type.String(),
    kind: Type.String(),
    state: Type.Union([
      Type.Literal('queued'),
      Type.Literal('running'),
      Type.Literal('done'),
      Type.Literal('failed'),
      Type.Literal('cancelled'),
    ]),
    subject: Type.Union([Type.String(), Type.Null()], { description: 'what it works on, e.g. the id of an asset' }),
    priority: Type.Integer({ description: 'jobs of higher priority start first' }),
    progress: Type.Number({ description: '0 to 1' }),
    parts: Type.Unsafe<Readonly<Record<string, number>>>({
      type: 'object',
      additionalProperties: { type: 'number' },
      description: 'progress by name, 0 to 1, e.g. of each rendition',
    }),
    /** The request. Of an export: ExportSettings with times as RFC 3339. */
    input: JsonObject,
    /** Null until the job is done. Of an export: ExportResult. */
    result: Type.Union([JsonObject, Type.Null()]),
    error: Type.Union([Type.Object({ code: Type.String(), detail: Type.String() }), Type.Null()]),
    tries: Type.Integer({ description: 'number of starts' }),
    maxTries: Type.Integer(),
    failures: Type.Array(
      Type.Object({
        try: Type.Integer(),
        worker: Type.Union([Type.String(), Type.Null()], { description: 'null: the server itself' }),
        code: Type.String(),
        detail: Type.String(),
        at: Time,
      }),
      { description: 'tries that failed, oldest first' },
    ),
    worker: Type.Union([Type.String(), Type.Null()], {
      description: 'runs it, or ran it last; null: the server itself',
    }),
    createdAt: Time,
    notBefore: Type.Union([Time, Type.Null()], { description: 'when the next try starts at the earliest' }),
    startedAt: Type.Union([Time, Type.Null()]),
    endedAt: Type.Union([Time, Type.Null()]),
    /** When the job and its file are deleted. */
    expiresAt: Type.Union([Time, Type.Null()]),
  },
  { $id: 'JobView' },
);
export type JobView = Static<typeof JobView>;

/** A job of kind `export`. */
export const ExportJob = Type.Object(
  { ...JobView.properties, result: Type.Union([ExportResult, Type.Null()]) },
  { $id: 'ExportJob' },
);
export type ExportJob = Static<typeof ExportJob>;
