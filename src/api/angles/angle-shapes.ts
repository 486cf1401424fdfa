/**
 * The JSON of sets of angles: streams and videos of one event, whose clocks differ. Times are RFC 3339 in UTC
 * with milliseconds, offsets ms with fractions.
 * In: features/angles. Out: web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { ClipView, ClipVisibility } from '../clips/clip-shapes.ts';
import { JobView } from '../jobs/job-shapes.ts';
import { MAX_TITLE } from '../stream/stream-texts.ts';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const orNull = <T extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Number>>(
  type: T,
  description: string,
) => Type.Union([type, Type.Null()], { description });
const instantForms = 'Unix seconds, milliseconds, RFC 3339 with a zone, or YYYYMMDDHHMMSS in UTC.';

/** Bounds of sets. A page shows nine pictures. */
export const ANGLE_LIMITS = {
  members: 9,
  name: 100,
  /** Sound of the first member that is compared, ms. */
  soundMs: 30_000,
  /** Search around the present offset by default, and the widest, ms: five minutes of sound are decoded. */
  withinMs: 30_000,
  maxWithinMs: 135_000,
  /** Distance of the second place, which shows whether the clocks drift, ms. */
  secondPlaceMs: 300_000,
  exportMs: 3_600_000,
  /** Largest offset, either way, ms: a video begins before the year 2096. */
  offsetMs: 4e12,
} as const;

/** How the offset of a member was found. */
export const AngleHow = Type.Union([
  Type.Literal('time', { description: 'by the programme time of both' }),
  Type.Literal('sound', { description: 'by their sound' }),
  Type.Literal('hand', { description: 'by a person' }),
  Type.Literal('none', { description: 'not at all: a file without a date begins where the set does' }),
]);
export type AngleHow = Static<typeof AngleHow>;

/** Two places with other offsets: the clocks run at other speeds, or one of them jumped. */
const AngleDrift = Type.Object({
  ms: Type.Number({ description: 'offset at the later place minus the one at the earlier place' }),
  overSeconds: Type.Number({ description: 'distance of the places' }),
  ppm: Type.Number({ description: 'the same as parts per million' }),
  isJump: Type.Boolean({ description: 'more than clocks drift: one of them jumped in between' }),
});

export const AngleMember = Type.Object(
  {
    id: Type.String(),
    stream: orNull(Type.String(), 'name of the stream; null: it is a video of the library'),
    asset: orNull(Type.String(), 'id of the video; null: it is a stream'),
    title: Type.String({ description: 'of the stream or video' }),
    seconds: orNull(Type.Number(), 'length of a video; null for streams'),
    offsetMs: Type.Number({
      description:
        'added to the clock of the member, it gives the clock of the set. The clock of a stream is its programme time; that of a video counts from its start, so that this is the time at which it begins, unix ms',
    }),
    how: AngleHow,
    confidence: orNull(Type.Number(), '0 to 1, of an offset that was found by sound'),
    errorMs: orNull(Type.Number(), 'the true offset is within this'),
    measuredAt: orNull(Time, 'the place that was compared, on the clock of the set'),
    drift: Type.Union([AngleDrift, Type.Null()], {
      description: 'null: both places agree, or only one was compared',
    }),
  },
  { $id: 'AngleMember' },
);
export type AngleMember = Static<typeof AngleMember>;

/** Measurement of a set by sound. */
export const AngleMeasurement = Type.Object(
  {
    id: Type.String(),
    state: JobView.properties.state,
    progress: JobView.properties.progress,
    error: JobView.properties.error,
    missed: Type.Array(
      Type.Object({
        member: Type.String({ description: 'id of the member' }),
        reason: Type.Union([
          Type.Literal('short', { description: 'less than ten seconds of sound in common' }),
          Type.Literal('steady', { description: 'silent, or never changes' }),
          Type.Literal('periodic', { description: 'it repeats: several offsets fit' }),
          Type.Literal('different', { description: 'another sound' }),
          Type.Literal('no-sound', { description: 'no sound there' }),
          Type.Literal('changed', { description: 'a person changed the offset meanwhile' }),
        ]),
      }),
      { description: 'members whose offset was not found, once it is done' },
    ),
  },
  { $id: 'AngleMeasurement' },
);
export type AngleMeasurement = Static<typeof AngleMeasurement>;

const Name = Type.String({ minLength: 1, maxLength: ANGLE_LIMITS.name });

/** A set, with the members that the caller may watch. */
export const AngleSet = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    at: orNull(Time, 'where it opens, on its clock; null: live'),
    createdBy: orNull(Type.String(), 'name of the user; null for programs and deleted users'),
    createdAt: Time,
    mayChange: Type.Boolean({ description: 'the caller may change and delete it' }),
    members: Type.Array(AngleMember, {
      description: 'those that the caller may watch; the clock of the first one is that of the set',
    }),
    measurement: Type.Union([AngleMeasurement, Type.Null()], {
      description: 'the last one, for those who may change the set',
    }),
  },
  { $id: 'AngleSet' },
);
export type AngleSet = Static<typeof AngleSet>;

export const AngleSetList = Type.Object(
  { items: Type.Array(AngleSet), nextCursor: Type.Union([Type.String(), Type.Null()]) },
  { $id: 'AngleSetList' },
);
export type AngleSetList = Static<typeof AngleSetList>;

/** A member to add. */
export const NewAngleMember = Type.Object(
  {
    stream: Type.Optional(Type.String({ maxLength: 64, description: 'name of a stream; or `asset`' })),
    asset: Type.Optional(Type.String({ maxLength: 64, description: 'id of a video; or `stream`' })),
    offsetMs: Type.Optional(
      Type.Number({
        minimum: -ANGLE_LIMITS.offsetMs,
        maximum: ANGLE_LIMITS.offsetMs,
        description: 'default: by programme time, where the member has one',
      }),
    ),
  },
  { $id: 'NewAngleMember', additionalProperties: false },
);
export type NewAngleMember = Static<typeof NewAngleMember>;

/** Body of POST /angle-sets. */
export const NewAngleSet = Type.Object(
  {
    name: Name,
    at: Type.Optional(Type.String({ maxLength: 64, description: `where it opens; default: live. ${instantForms}` })),
    members: Type.Array(NewAngleMember, { minItems: 2, maxItems: ANGLE_LIMITS.members }),
  },
  { $id: 'NewAngleSet', additionalProperties: false },
);
export type NewAngleSet = Static<typeof NewAngleSet>;

/** Body of PATCH /angle-sets/{id}. */
export const AngleSetPatch = Type.Object(
  {
    name: Type.Optional(Name),
    at: Type.Optional(
      Type.Union([Type.String({ maxLength: 64 }), Type.Null()], { description: `null: live. ${instantForms}` }),
    ),
    offsets: Type.Optional(
      Type.Array(
        Type.Object(
          {
            member: Type.String({ maxLength: 64, description: 'id of the member' }),
            offsetMs: Type.Number({ minimum: -ANGLE_LIMITS.offsetMs, maximum: ANGLE_LIMITS.offsetMs }),
          },
          { additionalProperties: false },
        ),
        { maxItems: ANGLE_LIMITS.members, description: 'offsets that a person found' },
      ),
    ),
  },
  { $id: 'AngleSetPatch', additionalProperties: false },
);
export type AngleSetPatch = Static<typeof AngleSetPatch>;

/** Body of POST /angle-sets/{id}/measurements. */
export const NewAngleMeasurement = Type.Object(
  {
    at: Type.Optional(
      Type.String({
        maxLength: 64,
        description: `the place to compare, on the clock of the set; default: where it opens, or the newest recorded sound. ${instantForms}`,
      }),
    ),
    withinMs: Type.Optional(
      Type.Integer({
        minimum: 1000,
        maximum: ANGLE_LIMITS.maxWithinMs,
        description: 'how far from the present offsets is searched, either way; default: 30000',
      }),
    ),
  },
  { $id: 'NewAngleMeasurement', additionalProperties: false },
);
export type NewAngleMeasurement = Static<typeof NewAngleMeasurement>;

/** Body of POST /angle-sets/{id}/clips. */
export const NewAngleClips = Type.Object(
  {
    from: Type.String({ maxLength: 64, description: `on the clock of the set. ${instantForms}` }),
    to: Type.String({ maxLength: 64, description: `${instantForms} Or a duration after \`from\`: 90s, 15m.` }),
    title: Type.Optional(Type.String({ maxLength: MAX_TITLE, description: 'default: the name of the set' })),
    visibility: Type.Optional(ClipVisibility),
    confirm: Type.Optional(
      Type.Boolean({ description: 'required where a clip is open to more people than its restricted stream' }),
    ),
  },
  { $id: 'NewAngleClips', additionalProperties: false },
);
export type NewAngleClips = Static<typeof NewAngleClips>;

const Missing = Type.Array(
  Type.Object({ member: Type.String({ description: 'id of the member' }), code: Type.String(), detail: Type.String() }),
);

/** One clip per member, of the same moment. */
export const AngleClips = Type.Object(
  {
    clips: Type.Array(Type.Object({ member: Type.String({ description: 'id of the member' }), clip: ClipView })),
    missing: Missing,
  },
  { $id: 'AngleClips' },
);
export type AngleClips = Static<typeof AngleClips>;

/** Body of POST /angle-sets/{id}/exports. */
export const NewAngleExport = Type.Object(
  {
    from: Type.String({ maxLength: 64, description: `on the clock of the set. ${instantForms}` }),
    to: Type.String({ maxLength: 64, description: `at most an hour later. ${instantForms} Or a duration: 90s, 15m.` }),
    exact: Type.Optional(
      Type.Boolean({ description: 'all files begin at the same frame: the first frames are encoded again' }),
    ),
  },
  { $id: 'NewAngleExport', additionalProperties: false },
);
export type NewAngleExport = Static<typeof NewAngleExport>;

/** The archive of an export. */
export const AngleArchive = Type.Object(
  {
    url: Type.String({ description: 'path of the ZIP file' }),
    filename: Type.String(),
    bytes: Type.Integer(),
    sha256: Type.String(),
    files: Type.Array(
      Type.Object({
        member: Type.String({ description: 'id of the member' }),
        name: Type.String({ description: 'in the archive' }),
        startsAtMs: Type.Number({
          description:
            'start of the file minus `from`, on the clock of the set: without `exact` it begins with a key frame',
        }),
        seconds: Type.Number(),
      }),
    ),
    missing: Missing,
  },
  { $id: 'AngleArchive' },
);
export type AngleArchive = Static<typeof AngleArchive>;

/** An export of a set. */
export const AngleExport = Type.Object(
  {
    id: Type.String(),
    state: JobView.properties.state,
    progress: JobView.properties.progress,
    error: JobView.properties.error,
    createdAt: Time,
    expiresAt: orNull(Time, 'when the archive is deleted'),
    result: Type.Union([AngleArchive, Type.Null()]),
  },
  { $id: 'AngleExport' },
);
export type AngleExport = Static<typeof AngleExport>;

export const AngleExportList = Type.Object(
  { items: Type.Array(AngleExport), nextCursor: Type.Null() },
  { $id: 'AngleExportList' },
);
