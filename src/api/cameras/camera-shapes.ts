/**
 * JSON of cameras: found ones, one that is looked at, and the camera of a stream.
 * In: features/cameras. Out: OpenAPI, the typed client, web/. docs/2-sources/cameras.md.
 */
import type { Static } from 'typebox';
import { StreamView } from '../shapes.ts';
import { MAX_TITLE } from '../stream/stream-texts.ts';
import { Type } from '../type.ts';

/** What a camera notices. */
export const cameraKinds = ['motion', 'line', 'field', 'input'] as const;
/** One of them. */
export type CameraKind = (typeof cameraKinds)[number];

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
/** Of `events` of a camera. */
export const CameraKindView = Type.Unsafe<CameraKind>(
  Type.String({
    enum: [...cameraKinds],
    description: '`line`: something crossed a line; `field`: something is in a field; `input`: a digital input',
  }),
);
const Token = Type.String({ minLength: 1, maxLength: 256 });
const Text = (description: string) => Type.String({ description });

/** A camera that answered the search. Nothing in it is verified. */
export const FoundCameraView = Type.Object(
  {
    id: Text('stable name of the device'),
    address: Text('of its device service, on the host that answered'),
    name: Text('as it calls itself; may be empty, like the fields below'),
    maker: Type.String(),
    model: Type.String(),
    location: Type.String(),
    streams: Type.Array(Type.String(), { description: 'streams that have this camera' }),
  },
  { $id: 'FoundCamera' },
);
export type FoundCameraView = Static<typeof FoundCameraView>;
export const FoundCameraList = Type.Object(
  { items: Type.Array(FoundCameraView), nextCursor: Type.Null() },
  { $id: 'FoundCameraList' },
);

const login = {
  address: Type.String({
    maxLength: 2000,
    description: 'of the camera: `onvif://HOST`, `onvifs://HOST`, or that of its device service (`http://…`)',
  }),
  user: Type.Optional(Type.String({ maxLength: 256, description: 'name of a user of the camera' })),
  password: Type.Optional(Type.String({ maxLength: 256 })),
};

/** Body of POST /cameras/look. */
export const CameraLogin = Type.Object(login, { $id: 'CameraLogin', additionalProperties: false });
export type CameraLogin = Static<typeof CameraLogin>;

const Profile = Type.Object({
  token: Token,
  name: Type.String(),
  encoding: Text('e.g. `H264`; empty without a picture'),
  width: Type.Integer({ description: 'pixels; 0: not known' }),
  height: Type.Integer({ description: 'pixels; 0: not known' }),
  fps: Type.Integer({ description: 'most pictures a second; 0: not known' }),
  moves: Type.Boolean({ description: 'the camera can be moved' }),
});

/** A camera, as it describes itself. */
export const CameraView = Type.Object(
  {
    maker: Type.String(),
    model: Type.String(),
    firmware: Type.String(),
    aheadSeconds: Type.Integer({ description: 'by which the clock of the camera is ahead of that of oxbow' }),
    profiles: Type.Array(Profile, { description: 'what it sends, the largest picture first' }),
    hasEvents: Type.Boolean(),
    picture: Type.Union([Type.String(), Type.Null()], {
      description: 'a still picture of the first profile, as base64 of a JPEG; null without one',
    }),
  },
  { $id: 'Camera' },
);
export type CameraView = Static<typeof CameraView>;

const Label = Type.Optional(Type.String({ maxLength: 100 }));
const labels = { motion: Label, line: Label, field: Label, input: Label };

/** What becomes of the events of a camera. */
export const CameraEvents = Type.Object(
  {
    kinds: Type.Array(CameraKindView, { maxItems: 4, uniqueItems: true, description: 'empty: none are read' }),
    markers: Type.Optional(Type.Boolean({ description: 'each becomes a marker on the timeline; default true' })),
    clips: Type.Optional(Type.Boolean({ description: 'each becomes a clip; default false' })),
    before: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 300, description: 'clips begin so many seconds before it; default 5' }),
    ),
    after: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 300, description: 'clips end so many seconds after it; default 15' }),
    ),
    labels: Type.Optional(
      Type.Object(labels, { additionalProperties: false, description: 'texts of markers and clips; default: English' }),
    ),
  },
  { $id: 'CameraEvents', additionalProperties: false },
);
export type CameraEvents = Static<typeof CameraEvents>;

const Move = Type.Union([
  Type.Literal('admins'),
  Type.Literal('users', { description: 'everyone with an account who may watch the stream' }),
]);

const changes = {
  events: Type.Optional(CameraEvents),
  move: Type.Optional(Move),
};

/** Body of PUT /streams/{name}/camera. */
export const CameraSettings = Type.Object(
  {
    ...login,
    profile: Token,
    backup: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: 'profile that a new stream reads while the first delivers nothing',
      }),
    ),
    title: Type.Optional(Type.String({ maxLength: MAX_TITLE, description: 'of a new stream' })),
    record: Type.Optional(Type.Boolean({ description: 'of a new stream; default true' })),
    visibility: Type.Optional(StreamView.properties.visibility),
    ...changes,
  },
  { $id: 'CameraSettings', additionalProperties: false },
);
export type CameraSettings = Static<typeof CameraSettings>;

/** Body of PATCH /streams/{name}/camera. */
export const CameraPatch = Type.Object(changes, { $id: 'CameraPatch', additionalProperties: false });
export type CameraPatch = Static<typeof CameraPatch>;

export const StreamCamera = Type.Object(
  {
    isSet: Type.Boolean({ description: 'the stream has a camera; otherwise the fields below are empty' }),
    moves: Type.Boolean({ description: 'the caller may move it' }),
    presets: Type.Array(Type.Object({ token: Type.String(), name: Type.String() }), {
      description: 'places that it can return to; empty for callers who may not move it',
    }),
    maker: Type.String({ description: 'empty for callers who neither move nor administer it' }),
    model: Type.String({ description: 'as `maker`' }),
    address: Type.Union([Type.String(), Type.Null()], { description: 'null for other callers than administrators' }),
    profile: Type.Union([Type.String(), Type.Null()], { description: 'as `address`' }),
    events: Type.Union([CameraEvents, Type.Null()], { description: 'as `address`' }),
    move: Type.Union([Move, Type.Null()], { description: 'as `address`' }),
    problem: Type.Union([Type.String(), Type.Null()], {
      description: 'why its events are not read now; null while they are, and as `address`',
    }),
    lastEventAt: Type.Union([Time, Type.Null()], { description: 'as `address`; null if there was none' }),
  },
  { $id: 'StreamCamera' },
);
export type StreamCamera = Static<typeof StreamCamera>;

const Speed = Type.Optional(Type.Number({ minimum: -1, maximum: 1, description: '-1 to 1; default 0' }));

/** Body of POST /streams/{name}/camera/move. */
export const CameraMove = Type.Object(
  { pan: Speed, tilt: Speed, zoom: Speed },
  { $id: 'CameraMove', additionalProperties: false },
);
export type CameraMove = Static<typeof CameraMove>;

/** Body of POST /streams/{name}/camera/goto. */
export const CameraGoto = Type.Object(
  { preset: Type.String({ minLength: 1, maxLength: 100, description: 'token of one of `presets`' }) },
  { $id: 'CameraGoto', additionalProperties: false },
);
