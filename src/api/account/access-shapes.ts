/**
 * The JSON of access control, shared with the web interface. Times are RFC 3339 in UTC with milliseconds.
 * In: http/routes. Out: web/, OpenAPI, other people's programs.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';
import { ProviderView, SignUpMode, UserView } from './account-shapes.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

/** The session of a browser that is signed in. */
export const SessionView = Type.Object(
  {
    id: Type.String(),
    createdAt: Time,
    seenAt: Type.String({ format: 'date-time', description: 'when it was last used, to the hour' }),
    expiresAt: Type.String({ format: 'date-time', description: 'each use extends it' }),
    address: Type.String({ description: 'IP address at sign-in' }),
    program: Type.String({ description: 'User-Agent at sign-in' }),
    current: Type.Boolean({ description: 'the session of this request' }),
    television: Type.Boolean({ description: 'it only watches and joins rooms' }),
    user: Type.Union([Type.Object({ id: Type.String(), name: Type.String() }), Type.Null()], {
      description: 'null: the administrator of the command line',
    }),
  },
  { $id: 'SessionView' },
);
export type SessionView = Static<typeof SessionView>;

/** The client of the request. */
export const MeView = Type.Object(
  {
    admin: Type.Boolean(),
    session: Type.Union([SessionView, Type.Null()]),
    user: Type.Union([UserView, Type.Null()], {
      description: 'the account or guest; null for anonymous clients and the administrator of the command line',
    }),
    may: Type.Object(
      {
        upload: Type.Boolean(),
        joinRooms: Type.Boolean(),
        createRooms: Type.Boolean(),
        openCases: Type.Boolean({ description: 'opens cases, for streams that they may watch' }),
        watchSigned: Type.Boolean({ description: 'streams that need a playback token' }),
      },
      { description: 'what the caller may do, for interfaces' },
    ),
  },
  { $id: 'MeView' },
);
export type MeView = Static<typeof MeView>;

/** The sign-in methods of this browser. */
export const SignInMethods = Type.Object(
  {
    press: Type.Boolean({ description: '`POST /api/v1/sessions {"press":true}` signs this browser in' }),
    adminToken: Type.Boolean({ description: 'oxbow was started with an admin token' }),
    command: Type.String({ description: 'prints a sign-in link, on the computer where oxbow runs' }),
    password: Type.Boolean({ description: 'there are accounts with a name and password' }),
    signUp: SignUpMode,
    guests: Type.Boolean({ description: '`POST /api/v1/guests` admits people with a name alone' }),
    email: Type.Boolean({ description: 'links to set a new password are sent by e-mail' }),
    providers: Type.Array(ProviderView, { description: 'services that sign users in' }),
  },
  { $id: 'SignInMethods' },
);
export type SignInMethods = Static<typeof SignInMethods>;

/** A link that signs a browser in. */
export const SignInLink = Type.Object({ url: Type.String(), expiresAt: Time }, { $id: 'SignInLink' });
export type SignInLink = Static<typeof SignInLink>;

/** The permissions of a token. */
export const TokenScope = Type.Union([
  Type.Literal('admin'),
  Type.Literal('view'),
  Type.Literal('worker'),
  Type.Literal('upload'),
  Type.Literal('account'),
]);

/** A token for programs, without its secret. */
export const TokenView = Type.Object(
  {
    id: Type.String(),
    label: Type.String(),
    scopes: Type.Array(TokenScope),
    user: Type.Union([Type.Object({ id: Type.String(), name: Type.String() }), Type.Null()], {
      description: 'its user; null: the administrator of the command line',
    }),
    createdAt: Time,
    expiresAt: Type.Union([Time, Type.Null()]),
  },
  { $id: 'TokenView' },
);
export type TokenView = Static<typeof TokenView>;

/** A playback token of one stream. */
export const WatchToken = Type.Object(
  {
    token: Type.String({ description: 'used as the prefix `/t/{token}` of any media address of the stream' }),
    url: Type.String({ description: 'address of the player page' }),
    hls: Type.String({ description: 'address of the multivariant playlist, for other players' }),
    expiresAt: Time,
  },
  { $id: 'WatchToken' },
);
export type WatchToken = Static<typeof WatchToken>;
