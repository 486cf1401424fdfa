/**
 * The JSON of cases: ranges of recordings under a legal hold, with notes and markers, and their archives.
 * Times are RFC 3339 in UTC with milliseconds.
 * In: features/cases. Out: web/, the command line, OpenAPI.
 */
import type { Static } from 'typebox';
import { JobView } from '../jobs/job-shapes.ts';
import { StreamName } from '../stream/stream-name.ts';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const orNull = <T extends ReturnType<typeof Type.String>>(type: T, description: string) =>
  Type.Union([type, Type.Null()], { description });
const instantForms = 'Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC.';

/** Bounds of one case. A range is at most a day long, so that the archive has a bound. */
export const CASE_LIMITS = {
  ranges: 100,
  notes: 1000,
  rangeMs: 86_400_000,
  title: 100,
  text: 2000,
} as const;

const Title = Type.String({ minLength: 1, maxLength: CASE_LIMITS.title });
const Text = Type.String({ maxLength: CASE_LIMITS.text });

/** A range of a recording in a case. */
export const CaseRange = Type.Object(
  {
    id: Type.String(),
    stream: Type.String({ description: 'name of the stream when the range was added' }),
    title: Type.String({ description: 'may be empty' }),
    from: Time,
    to: Time,
    addedBy: Type.String({ description: 'as in the audit log' }),
    addedAt: Time,
    isHeld: Type.Boolean({
      description: 'its legal hold is set; false in a closed case, and where an administrator has lifted it',
    }),
    isErased: Type.Boolean({ description: 'some of it was deleted on request' }),
    mayWatch: Type.Boolean({ description: 'the caller may watch it now' }),
  },
  { $id: 'CaseRange' },
);
export type CaseRange = Static<typeof CaseRange>;

/** A note, or with `at` a marker. */
export const CaseNote = Type.Object(
  {
    id: Type.String(),
    text: Type.String(),
    at: orNull(Time, 'the instant that it marks; null: it is about the case'),
    range: orNull(Type.String(), 'id of the range that it is about; null: all of them'),
    author: Type.String({ description: 'as in the audit log' }),
    createdAt: Time,
  },
  { $id: 'CaseNote' },
);
export type CaseNote = Static<typeof CaseNote>;

const summary = {
  id: Type.String(),
  title: Type.String(),
  description: Type.String({ description: 'may be empty' }),
  state: Type.Union([
    Type.Literal('open', { description: 'its ranges are under a legal hold' }),
    Type.Literal('closed', { description: 'retention deletes its ranges when they are due' }),
  ]),
  createdBy: Type.String({ description: 'as in the audit log' }),
  createdAt: Time,
  closedAt: orNull(Time, 'null: it is open'),
};

/** A case in a list. */
export const CaseSummary = Type.Object(
  { ...summary, ranges: Type.Integer({ description: 'number of ranges' }) },
  { $id: 'CaseSummary' },
);
export type CaseSummary = Static<typeof CaseSummary>;

/** A case with its content. */
export const CaseView = Type.Object(
  {
    ...summary,
    ranges: Type.Array(CaseRange, { description: 'in order of their start' }),
    notes: Type.Array(CaseNote, { description: 'oldest first' }),
  },
  { $id: 'CaseView' },
);
export type CaseView = Static<typeof CaseView>;

/** A page of cases. */
export const CaseList = Type.Object(
  { items: Type.Array(CaseSummary), nextCursor: Type.Union([Type.String(), Type.Null()]) },
  { $id: 'CaseList' },
);
export type CaseList = Static<typeof CaseList>;

/** Query of GET /cases. */
export const CaseListQuery = Type.Object(
  {
    state: Type.Optional(summary.state),
    limit: Type.Optional(
      Type.String({ pattern: '^[1-9][0-9]{0,2}$', description: 'cases per page, 50 if not given, at most 200' }),
    ),
    cursor: Type.Optional(Type.String({ maxLength: 80, description: '`nextCursor` of the answer before this one' })),
  },
  { additionalProperties: false },
);
export type CaseListQuery = Static<typeof CaseListQuery>;

/** Body of POST /cases. */
export const NewCase = Type.Object(
  { title: Title, description: Type.Optional(Text) },
  { $id: 'NewCase', additionalProperties: false },
);
export type NewCase = Static<typeof NewCase>;

/** Body of PATCH /cases/{id}: members that are not sent stay. */
export const CasePatch = Type.Object(
  { title: Type.Optional(Title), description: Type.Optional(Text) },
  { $id: 'CasePatch', additionalProperties: false },
);
export type CasePatch = Static<typeof CasePatch>;

/** Body of POST /cases/{id}/ranges. */
export const NewCaseRange = Type.Object(
  {
    stream: StreamName,
    from: Type.String({ maxLength: 64, description: instantForms }),
    to: Type.String({
      maxLength: 64,
      description: `${instantForms} Or a duration after \`from\`: 90s, 15m. At most 24 hours after it.`,
    }),
    title: Type.Optional(Type.String({ maxLength: CASE_LIMITS.title })),
  },
  { $id: 'NewCaseRange', additionalProperties: false },
);
export type NewCaseRange = Static<typeof NewCaseRange>;

/** Body of POST /cases/{id}/notes. */
export const NewCaseNote = Type.Object(
  {
    text: Type.String({ minLength: 1, maxLength: CASE_LIMITS.text }),
    at: Type.Optional(Type.String({ maxLength: 64, description: `The instant that it marks. ${instantForms}` })),
    range: Type.Optional(Type.String({ maxLength: 80, description: 'id of the range that it is about' })),
  },
  { $id: 'NewCaseNote', additionalProperties: false },
);
export type NewCaseNote = Static<typeof NewCaseNote>;

/** A written archive. */
export const CaseArchive = Type.Object(
  {
    url: Type.String({ description: 'path of the ZIP file' }),
    filename: Type.String(),
    bytes: Type.Integer(),
    sha256: Type.String({ description: 'of the ZIP file, hexadecimal' }),
    files: Type.Integer({ description: 'number of files in it' }),
    missing: Type.Array(
      Type.Object({ range: Type.String(), stream: Type.String(), code: Type.String(), detail: Type.String() }),
      { description: 'ranges without media, each with the reason' },
    ),
  },
  { $id: 'CaseArchive' },
);
export type CaseArchive = Static<typeof CaseArchive>;

const { id, state, progress, error, createdAt, endedAt, expiresAt } = JobView.properties;

/** An export of a case: a job, and the archive that it writes. */
export const CaseExport = Type.Object(
  {
    id,
    state,
    progress,
    error,
    createdAt,
    endedAt,
    expiresAt,
    by: Type.String({ description: 'who exported it, as in the audit log' }),
    result: Type.Union([CaseArchive, Type.Null()], { description: 'null until it is done' }),
  },
  { $id: 'CaseExport' },
);
export type CaseExport = Static<typeof CaseExport>;

export const CaseExportList = Type.Object(
  { items: Type.Array(CaseExport), nextCursor: Type.Null() },
  { $id: 'CaseExportList' },
);
