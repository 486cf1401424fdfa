/**
 * Routes of invitations to create an account.
 * In: requests of administrators. Out: InvitationView; the code, once.
 */
import { InvitationView } from '../../../api/account/account-shapes.ts';
import { Type } from '../../../api/type.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { ONE_LINE } from '../../../lib/text/printable.ts';
import { expiresForms, readExpiry } from '../../route/expiry-field.ts';
import { IdParams } from '../../route/page-query.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { invitationView } from './account-views.ts';

const WEEK_MS = 7 * 24 * 3_600_000;

const NewInvitation = Type.Object(
  {
    label: Type.Optional(Type.String({ maxLength: 100, pattern: ONE_LINE, description: 'purpose of the invitation' })),
    role: Type.Optional(Type.Union([Type.Literal('user'), Type.Literal('admin')])),
    uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'number of accounts; default: 1' })),
    expires: Type.Optional(Type.String({ maxLength: 64, description: `${expiresForms} Default: in a week.` })),
  },
  { $id: 'NewInvitation', additionalProperties: false },
);
const MadeInvitation = Type.Object(
  {
    ...InvitationView.properties,
    code: Type.String({ description: 'sent as `invitation` with a sign-up; it is shown only in this answer' }),
    url: Type.String({ description: 'link to the page that signs up with it' }),
  },
  { $id: 'MadeInvitation' },
);
const InvitationList = Type.Object(
  { items: Type.Array(InvitationView), nextCursor: Type.Null() },
  { $id: 'InvitationList' },
);

/** The rows. */
export const invitationRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/invitations',
    tag: 'accounts',
    access: 'admin',
    sentence: 'Lists the invitations that can be used, oldest first, without their codes.',
    replies: { 200: InvitationList },
    answer: (_, { access }) => ({ body: { items: access.invitations.all.map(invitationView), nextCursor: null } }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/invitations',
    tag: 'accounts',
    access: 'admin',
    sentence: 'Creates an invitation, with which someone creates an account.',
    body: NewInvitation,
    replies: { 201: MadeInvitation },
    async answer({ body: { label = '', role = 'user', uses = 1, expires }, principal, client }, { access, clock }) {
      const nowMs = clock.nowMs();
      const expiresMs = expires === undefined ? nowMs + WEEK_MS : readExpiry(expires, nowMs);
      const createdBy = principal.user?.id ?? principal.owner;
      const made = await access.invitations.make({ label, role, usesLeft: uses, createdBy, expiresMs });
      // Behind `#`, so that no log of a proxy has it.
      const url = `${client.origin ?? ''}/sign-up#${made.code}`;
      return { status: 201, body: { ...invitationView(made.invitation), code: made.code, url } };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/invitations/:id',
    tag: 'accounts',
    access: 'admin',
    sentence: 'Revokes an invitation at once.',
    params: IdParams,
    replies: { 204: undefined },
    async answer({ params: { id } }, { access }) {
      if (!(await access.invitations.remove(id)))
        throw new OxbowError('invitation-unknown', `There is no invitation with the id "${id}".`);
      return { status: 204 };
    },
  }),
];
