/**
 * The JSON of accounts. Times are RFC 3339 in UTC with milliseconds.
 * In: http/routes/accounts. Out: web/, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

/** Role of an account on this server. `guest`: a name without a password, in one browser. */
export const UserRole = Type.Union([Type.Literal('guest'), Type.Literal('user'), Type.Literal('admin')]);
export type UserRole = Static<typeof UserRole>;

/** State of an account. `pending`: waits for approval. */
export const UserState = Type.Union([Type.Literal('active'), Type.Literal('pending'), Type.Literal('banned')]);
export type UserState = Static<typeof UserState>;

/** An account, as its user and administrators see it. */
export const UserView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    role: UserRole,
    state: UserState,
    email: Type.Union([Type.String(), Type.Null()]),
    emailVerified: Type.Boolean(),
    hasPassword: Type.Boolean(),
    identities: Type.Array(Type.Object({ provider: Type.String(), name: Type.String() }), {
      description: 'accounts of other services that sign the user in',
    }),
    createdAt: Time,
    seenAt: Time,
  },
  { $id: 'UserView' },
);
export type UserView = Static<typeof UserView>;

/** Whether and how people create accounts. */
export const SignUpMode = Type.Union([
  Type.Literal('open'),
  Type.Literal('approval'),
  Type.Literal('invitation'),
  Type.Literal('closed'),
]);
export type SignUpMode = Static<typeof SignUpMode>;

/** A provider of sign-in. */
export const ProviderView = Type.Object(
  {
    id: Type.String({ description: 'name in the settings; sign in at `/api/v1/sign-in/{id}`' }),
    name: Type.String({ description: 'for the button' }),
  },
  { $id: 'ProviderView' },
);
export type ProviderView = Static<typeof ProviderView>;

/** An invitation, without its code. */
export const InvitationView = Type.Object(
  {
    id: Type.String(),
    label: Type.String(),
    role: UserRole,
    usesLeft: Type.Integer(),
    createdAt: Time,
    expiresAt: Type.Union([Time, Type.Null()]),
  },
  { $id: 'InvitationView' },
);
export type InvitationView = Static<typeof InvitationView>;

/** A line of the audit log. */
export const AuditEntry = Type.Object(
  {
    id: Type.String(),
    at: Time,
    user: Type.String({ description: 'id of the user; empty for an unknown client' }),
    name: Type.String(),
    address: Type.String(),
    action: Type.String({ description: 'operation of the API' }),
    request: Type.String(),
    status: Type.Union([Type.Integer(), Type.Null()]),
    traceId: Type.String(),
  },
  { $id: 'AuditEntry' },
);
export type AuditEntry = Static<typeof AuditEntry>;
